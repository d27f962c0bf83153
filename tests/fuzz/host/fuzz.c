/* SPDX-License-Identifier: MIT
 *
 * The pure layers under random input, with sanitizers watching.
 *
 * One libFuzzer program for all: the first byte of an input names the target,
 * the rest is the target's. `fuzz -runs=N -seed=S` repeats exactly; a crash
 * leaves the input in a file, and `fuzz FILE` shows it again.
 */
#include "tests/fuzz/host/fuzz.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

u32 take8(struct input *in)
{
    if (!in->left)
        return 0;
    in->left--;
    return *in->at++;
}

u32 take16(struct input *in)
{
    u32 low = take8(in);

    return low | take8(in) << 8;
}

u32 take32(struct input *in)
{
    u32 low = take16(in);

    return low | take16(in) << 16;
}

u32 take_below(struct input *in, u32 n)
{
    return take8(in) % n;
}

size_t take_bytes(struct input *in, void *to, size_t size)
{
    if (size > in->left)
        size = in->left;
    memcpy(to, in->at, size);
    in->at += size;
    in->left -= size;
    return size;
}

void take_text(struct input *in, char *to, size_t size)
{
    to[take_bytes(in, to, size - 1)] = 0;
}

_Noreturn void must_failed(const char *file, int line, const char *cond)
{
    fprintf(stderr, "%s:%d: must be, and is not: %s\n", file, line, cond);
    abort();
}

static void (*const targets[])(struct input *) = {
    fuzz_guest,   fuzz_guest,    fuzz_guest,   fuzz_guest,
    fuzz_guest,   fuzz_bootinfo, fuzz_devices, fuzz_config,
    fuzz_monitor, fuzz_loader,   fuzz_decode};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct input in = {data, size};

    targets[take_below(&in, ARRAY_LEN(targets))](&in);
    return 0;
}
