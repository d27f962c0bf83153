/* SPDX-License-Identifier: MIT
 *
 * One instruction on the processor we run on. Code and data live at fixed
 * addresses, each a page between pages that are not there.
 */
#ifndef TESTS_DIFF_NATIVE_H
#define TESTS_DIFF_NATIVE_H

#include "vmm/base/types.h"
#include "vmm/cpu/fpu.h"

#define CODE_AT 0x21000000u
#define DATA_AT 0x22000000u

/* How far behind the instruction a taken branch lands. */
#define BRANCH_BY 24

struct native {
    u32 gpr[8]; /* in the order of the encodings */
    u32 eflags;
    u32 taken;  /* out: the branch at its end was taken */
    u32 signal; /* out: 0, or the signal that the instruction caused */
    struct fpu fpu;
};

void native_open(void);
u8 *native_data(void);
/* Runs bytes with the state in *n and leaves what came out of it there. */
void native_run(const u8 *bytes, u32 len, struct native *n);
void native_selectors(u16 sel[6]);

#endif
