/* SPDX-License-Identifier: MIT
 *
 * The words Hare's kernel and its programs are written in. Nothing here
 * depends on a hosted C library: the guest has none. They are the same as
 * those of vmm/base/types.h, so that a host test may include both.
 */
#ifndef HARE_TYPES_H
#define HARE_TYPES_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef __UINT64_TYPE__ u64;
typedef signed int s32;

#ifndef NULL
#define NULL ((void *)0)
#endif

_Static_assert(sizeof(u32) == 4, "u32 is four bytes");

#endif
