/* SPDX-License-Identifier: MIT
 *
 * Work that a kernel does all day and that needs no privilege: loads, stores,
 * arithmetic, branches, calls. It costs a deprivileged kernel nothing and an
 * interpreted one everything, so it is what interpreters are measured by.
 */
#include "guest/kernel/kernel.h"

#define WORDS 8

/* A call that the compiler must not merge with others. */
static __attribute__((noinline)) u32 mix(u32 sum, u32 word)
{
    sum ^= word;
    return sum << 5 | sum >> 27;
}

static u32 fold(volatile u32 *words, u32 seed)
{
    u32 sum = seed;

    for (u32 i = 0; i < WORDS; i++) {
        sum = mix(sum, words[i]);
        if (sum & 1)
            words[i] = sum;
    }
    return sum;
}

u32 kbench_compute(u32 rounds)
{
    volatile u32 words[WORDS];
    u32 sum = 1;

    for (u32 i = 0; i < WORDS; i++)
        words[i] = i;
    for (u32 i = 0; i < rounds; i++)
        sum = fold(words, sum + i);
    return sum & 0xff;
}
