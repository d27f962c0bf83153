/* SPDX-License-Identifier: MIT
 *
 * What the host fuzzers share: an input that is read as choices.
 *
 * libFuzzer makes inputs and keeps those that reach new code; a target reads
 * one from front to back and does what it says. Behind its end an input reads
 * as zeros, so every input is valid, and the shorter the clearer.
 */
#ifndef FUZZ_HOST_H
#define FUZZ_HOST_H

#include "vmm/base/types.h"

struct input {
    const u8 *at;
    size_t left;
};

u32 take8(struct input *in);
u32 take16(struct input *in);
u32 take32(struct input *in);
u32 take_below(struct input *in, u32 n); /* n up to 256 */
/* The bytes there are, at most size. */
size_t take_bytes(struct input *in, void *to, size_t size);
/* A string of at most size - 1 bytes. */
void take_text(struct input *in, char *to, size_t size);

/* What must never be: says so and stops. */
#define MUST(cond)                                                             \
    do {                                                                       \
        if (!(cond))                                                           \
            must_failed(__FILE__, __LINE__, #cond);                            \
    } while (0)
_Noreturn void must_failed(const char *file, int line, const char *cond);

void fuzz_decode(struct input *in);
void fuzz_step(struct input *in);
void fuzz_shadow(struct input *in);
void fuzz_linux(struct input *in);
void fuzz_config(struct input *in);
void fuzz_bootinfo(struct input *in);
void fuzz_loader(struct input *in);
void fuzz_devices(struct input *in);
void fuzz_monitor(struct input *in);
void fuzz_guest(struct input *in);
void fuzz_gdb(struct input *in);
void fuzz_symbols(struct input *in);

#endif
