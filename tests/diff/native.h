/* SPDX-License-Identifier: MIT
 *
 * One instruction on the processor we run on, in a 32-bit user process. Code
 * and data live at fixed addresses between pages that are not there, and an
 * LDT of our own makes segments of every kind that Linux permits (place.h).
 *
 * There are two ways. The short one needs flat segments and an instruction
 * that falls through: a jump behind it leads back, no kernel is involved.
 * The long one loads every segment register and leaves by a breakpoint,
 * wherever the instruction led to. Either way a fault comes back as the
 * signal's vector, error code and CR2.
 */
#ifndef TESTS_DIFF_NATIVE_H
#define TESTS_DIFF_NATIVE_H

#include "vmm/cpu/cpu.h"
#include "vmm/cpu/fpu.h"

/* One page that can be executed, filled with INT3. */
#define CODE_AT 0x21000000u
/* Two pages to write, one to read. 64 KiB around both are not there. */
#define DATA_AT    0x22000000u
#define DATA_SIZE  0x2000u
#define DATA_READ  0x3000u
#define CODE_SIZE  0x1000u
#define HOLE       0x10000u
#define FILLER     0xcc
#define JUMP_BYTES 5

#define NO_VECTOR 0xffffffffu

/* native.c's assembly knows these offsets. */
struct regs {
    u32 gpr[GPR_COUNT];
    u32 eip;
    u32 eflags;
    u32 seg[SEG_COUNT];
};

struct outcome {
    struct regs regs;
    u32 vector; /* NO_VECTOR: it ran */
    u32 error, cr2;
    struct fpu fpu; /* where the run had one */
};

void native_open(void);
u8 *native_data(void);
u8 *native_code(void);
/* Runs what lies at regs->eip; len bytes. fpu may be null. `far`: the long
 * way; then out->regs.eip is where it led to. */
void native_run(const struct regs *regs, const struct fpu *fpu, u32 len,
                bool far, struct outcome *out);
/* Selectors of this process. */
void native_selectors(u32 sel[SEG_COUNT]);
/* Entry n of the LDT gets this descriptor, in the kernel's own words. False:
 * the kernel does not do that. */
bool native_ldt(u32 n, u32 base, u32 limit, u16 attr);

#endif
