/* SPDX-License-Identifier: MIT
 *
 * The words everything else is written in.
 *
 * Fixed-width integers, and one struct per kind of address. Guest-linear,
 * guest-physical and machine addresses are all "just numbers", and mixing
 * them up is the classic VMM bug; as distinct one-word structs the compiler
 * refuses the mix. Converting from one kind to another is always a named
 * function (a page walk, a p2m look-up), never a cast.
 *
 *   gva_t  guest linear address       what guest code uses, 32 bits
 *   gpa_t  guest-physical address     what guest page tables hold
 *   gfn_t  guest frame number         gpa >> 12
 *   hpa_t  machine address            what the real CPU's page tables hold
 *   mfn_t  machine frame number       hpa >> 12
 */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef struct {
    u32 v;
} gva_t;
typedef struct {
    u64 v;
} gpa_t;
typedef struct {
    u64 v;
} hpa_t;
typedef struct {
    u32 v;
} gfn_t;
typedef struct {
    u32 v;
} mfn_t;

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096u
#define PAGE_MASK  4095u

static inline gva_t gva(u32 v)
{
    return (gva_t){v};
}

static inline gpa_t gpa(u64 v)
{
    return (gpa_t){v};
}

static inline hpa_t hpa(u64 v)
{
    return (hpa_t){v};
}

static inline gfn_t gfn(u32 v)
{
    return (gfn_t){v};
}

static inline mfn_t mfn(u32 v)
{
    return (mfn_t){v};
}

static inline gfn_t gpa_to_gfn(gpa_t a)
{
    return (gfn_t){(u32)(a.v >> PAGE_SHIFT)};
}

static inline gpa_t gfn_to_gpa(gfn_t f)
{
    return (gpa_t){(u64)f.v << PAGE_SHIFT};
}

static inline mfn_t hpa_to_mfn(hpa_t a)
{
    return (mfn_t){(u32)(a.v >> PAGE_SHIFT)};
}

static inline hpa_t mfn_to_hpa(mfn_t f)
{
    return (hpa_t){(u64)f.v << PAGE_SHIFT};
}

#define ARRAY_LEN(a)        (sizeof(a) / sizeof((a)[0]))
#define STATIC_ASSERT(cond) _Static_assert(cond, #cond)
#define UNUSED(x)           ((void)(x))

#endif
