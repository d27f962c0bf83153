/* SPDX-License-Identifier: MIT
 *
 * Strings and memory without a C library. memcpy and friends are the names
 * the compiler itself emits calls to; on the machine arch/x86/memory.c
 * provides them, in a host test the C library does. The rest is in str.c.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "vmm/base/types.h"

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

size_t str_len(const char *s);
bool str_eq(const char *a, const char *b);
bool str_starts(const char *s, const char *prefix);
/* Copies at most size-1 bytes and always terminates; returns false when cut. */
bool str_copy(char *to, size_t size, const char *from);

/* A piece of somebody else's string: not terminated, never owned. */
struct slice {
    const char *at;
    size_t len;
};

struct slice slice_of(const char *s);
bool slice_eq(struct slice s, const char *text);
/* Takes the next space-separated word off *rest; false when none is left. */
bool slice_word(struct slice *rest, struct slice *word);
/* Splits at the first c; false (and *value empty) when there is none. */
bool slice_split(struct slice s, char c, struct slice *key,
                 struct slice *value);
bool slice_copy(char *to, size_t size, struct slice s);
/* Decimal or 0x-hex, nothing else, no overflow of 64 bits; else false. */
bool slice_number(struct slice s, u64 *out);
/* A number with an optional K, M or G (either case) behind it. */
bool slice_bytes(struct slice s, u64 *out);
/* A number with us, ms or s behind it, in ns. */
bool slice_time(struct slice s, u64 *out_ns);

#endif
