/* SPDX-License-Identifier: MIT
 *
 * The words Hare's kernel and its programs are written in. Nothing here
 * depends on a hosted C library: the guest has none.
 */
#ifndef HARE_TYPES_H
#define HARE_TYPES_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;

#define NULL ((void *)0)

_Static_assert(sizeof(u32) == 4 && sizeof(void *) == 4, "Hare is 32-bit");

#endif
