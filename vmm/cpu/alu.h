/* SPDX-License-Identifier: MIT
 *
 * Integer arithmetic with the processor's flags: plain functions on words,
 * which know nothing of registers or memory. size is 1, 2 or 4; operands may
 * have rubbish above it, results have none. *eflags is read (ADC, RCL) and
 * its status bits are replaced; other bits stay. Flags that the SDM leaves
 * undefined get some value: ops.def says which they are.
 *
 * SDM vol. 1 3.4.3.1 and appendix A, vol. 2.
 */
#ifndef CPU_ALU_H
#define CPU_ALU_H

#include "vmm/base/types.h"

/* The numbers of the encodings (modrm.reg of 80..83, C0.., 0F BA). */
enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR };
enum { ALU_ROL, ALU_ROR, ALU_RCL, ALU_RCR, ALU_SHL, ALU_SHR, ALU_SAL, ALU_SAR };
enum { ALU_BT, ALU_BTS, ALU_BTR, ALU_BTC };
enum { ALU_INC, ALU_DEC, ALU_NOT, ALU_NEG };
enum { ALU_DAA, ALU_DAS, ALU_AAA, ALU_AAS, ALU_AAM, ALU_AAD };

u32 alu_binary(u32 op, u32 a, u32 b, u32 size, u32 *eflags);
u32 alu_unary(u32 op, u32 a, u32 size, u32 *eflags);
/* count is masked to five bits here. */
u32 alu_shift(u32 op, u32 a, u32 count, u32 size, u32 *eflags);
/* SHLD, SHRD (right): bits come from fill. size 2 or 4. */
u32 alu_shift2(bool right, u32 a, u32 fill, u32 count, u32 size, u32 *eflags);
/* The product, 2 * size bytes. */
u64 alu_mul(bool is_signed, u32 a, u32 b, u32 size, u32 *eflags);
/* False: divide error. value has 2 * size bytes. */
bool alu_div(bool is_signed, u64 value, u32 by, u32 size, u32 *quotient,
             u32 *remainder);
/* AX in, AX out; base is the immediate of AAM (not zero) and AAD. */
u32 alu_bcd(u32 op, u32 ax, u32 base, u32 *eflags);
/* Bit number `bit` (< 8 * size): CF gets it, the result has it changed. */
u32 alu_bit(u32 op, u32 a, u32 bit, u32 *eflags);
/* Lowest or highest (reverse) bit set; ZF and false when there is none. */
bool alu_bit_scan(bool reverse, u32 a, u32 size, u32 *out, u32 *eflags);
/* Condition 0..15 as in the low bits of Jcc. */
bool alu_condition(u32 cc, u32 eflags);

#endif
