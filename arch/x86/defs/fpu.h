/* SPDX-License-Identifier: MIT
 *
 * The FPU as numbers: the image that FXSAVE writes (SDM vol. 1 10.5.1), the
 * words in it (8.1.3 to 8.1.5, 10.2.3), and struct fpu_op (vmm/cpu/fpu.h) as
 * arch/x86/fpu.S sees it. Plain numbers: usable from assembly, C and tests.
 */
#ifndef DEFS_FPU_H
#define DEFS_FPU_H

#define FX_SIZE       512
#define FX_WRITTEN    288 /* what FXSAVE writes outside 64-bit mode */
#define FX_FCW        0
#define FX_FSW        2
#define FX_FTW        4 /* a byte: bit n set, R(n) is not empty */
#define FX_FOP        6
#define FX_FIP        8
#define FX_FCS        12
#define FX_FDP        16
#define FX_FDS        20
#define FX_MXCSR      24
#define FX_MXCSR_MASK 28
#define FX_ST         32 /* ST(0) to ST(7), in 16 bytes each */
#define FX_XMM        160
#define FX_REG        16 /* distance of registers */
#define FX_ST_BYTES   10

/* Exceptions have the same bits in FSW, in FCW (masks) and in MXCSR. */
#define FPU_IE      0x0001 /* invalid operation */
#define FPU_DE      0x0002 /* denormal operand */
#define FPU_ZE      0x0004 /* division by zero */
#define FPU_OE      0x0008 /* overflow */
#define FPU_UE      0x0010 /* underflow */
#define FPU_PE      0x0020 /* precision */
#define FPU_ERRORS  0x003f
#define FSW_SF      0x0040 /* stack fault */
#define FSW_ES      0x0080 /* an unmasked exception waits */
#define FSW_B       0x8000 /* the same */
#define FSW_TOP     0x3800
#define FSW_TOP_LSB 11
#define FCW_INIT    0x037f
#define FCW_FIXED   0x0040 /* always reads one */
#define FCW_DEFINED 0x1f3f /* what can be written */
#define FTW_EMPTY   3      /* in the two bits a register of FNSTENV's word */

#define MXCSR_INIT         0x1f80
#define MXCSR_DAZ          0x0040
#define MXCSR_MASKS        0x1f80
#define MXCSR_MASKS_LSB    7
#define MXCSR_FTZ          0x8000
#define MXCSR_MASK_DEFAULT 0xffbf /* where FXSAVE's mask is zero */

/* struct fpu_op. */
#define FPU_OP_UNIT   0
#define FPU_OP_STUB   4
#define FPU_OP_EFLAGS 8
#define FPU_OP_GPR    12
#define FPU_OP_MXCSR  16
#define FPU_OP_A      32
#define FPU_OP_B      48
#define FPU_OP_STATE  64

/* FPU_OP_UNIT: a bit mask. */
#define FPU_UNIT_X87   1 /* runs on state; else on a and b */
#define FPU_UNIT_A_MMX 2 /* a is an MMX register */
#define FPU_UNIT_B_MMX 4

/* FPU_OP_STUB: FPU_STUB_SIZE bytes each. */
#define FPU_STUB_SIZE    8
#define FPU_STUB_X87     0    /* + (opcode & 7) * 64 + (modrm & 63) */
#define FPU_STUB_X87_MEM 512  /* + (opcode & 7) * 8 + modrm.reg */
#define FPU_STUB_SIMD    576  /* + prefix * 256 + second opcode byte */
#define FPU_STUB_CMP     1600 /* + prefix * 8 + predicate */
#define FPU_STUBS        1632

/* Mandatory prefixes: none, 66, F3, F2. */
#define FPU_PREFIX_NP 0
#define FPU_PREFIX_66 1
#define FPU_PREFIX_F3 2
#define FPU_PREFIX_F2 3

#endif
