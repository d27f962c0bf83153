/* SPDX-License-Identifier: MIT
 *
 * The byte strings: number i of a seed is always the same, whoever asks.
 *
 * The first two millions are a sweep: both code sizes, eight choices of
 * prefixes, both opcode maps, every opcode, every modrm byte, with a random
 * tail. Behind it one string in four is random altogether; the others have
 * some prefixes (a few up to the limit of 15 bytes) and an opcode.
 */
#include "tests/oracle/decode/check.h"
#include "vmm/base/bits.h"

/* SplitMix64 (Steele, Lea, Flood 2014): a good hash of a counter. */
static u64 next(u64 *state)
{
    u64 z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void fill(struct sample *s, u64 *state)
{
    for (u32 i = 0; i < STRING_BYTES; i += 4)
        put_le32(s->bytes + i, (u32)(next(state) >> 32));
}

static void sweep(struct sample *s, u32 i)
{
    static const u8 prefixes[8][2] = {{0},    {0x66}, {0xf3},       {0xf2},
                                      {0x67}, {0xf0}, {0x66, 0xf3}, {0x64}};
    const u8 *p = prefixes[i >> 18 & 7];
    u32 at = 0;

    s->code32 = i >> 17 & 1;
    for (u32 k = 0; k < 2 && p[k]; k++)
        s->bytes[at++] = p[k];
    if (i >> 16 & 1)
        s->bytes[at++] = 0x0f;
    s->bytes[at++] = (u8)(i >> 8);
    s->bytes[at] = (u8)i;
}

static void structure(struct sample *s, u64 dice)
{
    static const u8 prefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e,
                                  0x64, 0x66, 0xf3, 0xf2, 0x26, 0x36,
                                  0x3e, 0x65, 0x67, 0x66};
    u32 n = dice & 3, at = 0;

    if (n == 3)
        n = (dice >> 2 & 7) ? 0 : 3;
    if ((dice >> 5 & 63) == 0)
        n = 7 + (dice >> 11 & 7);
    for (; at < n; at++)
        s->bytes[at] = prefixes[s->bytes[at] & 15];
    if (dice >> 14 & 1)
        s->bytes[at] = 0x0f;
}

void string_number(u64 seed, u32 i, struct sample *s)
{
    u64 state = seed << 32 | i, dice;

    fill(s, &state);
    dice = next(&state);
    s->code32 = dice >> 63;
    if (i < SWEEP)
        sweep(s, i);
    else if (dice >> 60 & 3)
        structure(s, dice);
}
