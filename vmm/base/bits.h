/* SPDX-License-Identifier: MIT
 *
 * Small arithmetic on words: alignment, bit fields, unaligned little-endian
 * access to bytes that a guest or a boot loader laid out.
 */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include "vmm/base/types.h"

#define BIT(n)   (1u << (n))
#define BIT64(n) (1ull << (n))

static inline u64 align_down(u64 v, u64 to)
{
    return v & ~(to - 1);
}

static inline u64 align_up(u64 v, u64 to)
{
    return (v + to - 1) & ~(to - 1);
}

static inline u32 min_u32(u32 a, u32 b)
{
    return a < b ? a : b;
}

static inline u32 max_u32(u32 a, u32 b)
{
    return a > b ? a : b;
}

static inline u64 min_u64(u64 a, u64 b)
{
    return a < b ? a : b;
}

static inline u64 max_u64(u64 a, u64 b)
{
    return a > b ? a : b;
}

/* The low `bytes` bytes (1, 2, 4) of all ones. */
static inline u32 mask_bytes(u32 bytes)
{
    return bytes >= 4 ? 0xffffffffu : (1u << (bytes * 8)) - 1;
}

static inline u16 get_le16(const u8 *p)
{
    return (u16)(p[0] | p[1] << 8);
}

static inline u32 get_le32(const u8 *p)
{
    return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static inline u64 get_le64(const u8 *p)
{
    return get_le32(p) | (u64)get_le32(p + 4) << 32;
}

static inline void put_le16(u8 *p, u16 v)
{
    p[0] = (u8)v;
    p[1] = (u8)(v >> 8);
}

static inline void put_le32(u8 *p, u32 v)
{
    put_le16(p, (u16)v);
    put_le16(p + 2, (u16)(v >> 16));
}

#endif
