/* SPDX-License-Identifier: MIT
 *
 * Exception vectors, which of them are faults and which push an error code,
 * and the bits of selector and page-fault error codes (SDM vol. 3A 6.3.1, 6.5,
 * 6.13, 4.7).
 */
#ifndef DEFS_TRAPS_H
#define DEFS_TRAPS_H

#define TRAP_DE  0  /* divide error */
#define TRAP_DB  1  /* debug */
#define TRAP_NMI 2  /* non-maskable interrupt */
#define TRAP_BP  3  /* breakpoint */
#define TRAP_OF  4  /* overflow */
#define TRAP_BR  5  /* bound range exceeded */
#define TRAP_UD  6  /* invalid opcode */
#define TRAP_NM  7  /* device not available */
#define TRAP_DF  8  /* double fault, error code 0 */
#define TRAP_TS  10 /* invalid TSS, error code */
#define TRAP_NP  11 /* segment not present, error code */
#define TRAP_SS  12 /* stack fault, error code */
#define TRAP_GP  13 /* general protection, error code */
#define TRAP_PF  14 /* page fault, error code */
#define TRAP_MF  16 /* x87 floating point */
#define TRAP_AC  17 /* alignment check, error code 0 */
#define TRAP_MC  18 /* machine check */
#define TRAP_XM  19 /* SIMD floating point */

#define TRAP_EXCEPTIONS 32
#define TRAP_VECTORS    256

/* Bit n set: exception n pushes an error code. */
#define TRAP_HAS_ERROR 0x00027d00

/* Bit n set: exception n is a fault, reported before its instruction. #DB is
 * either and #DF an abort: neither is here. DE BR UD NM TS NP SS GP PF MF AC
 * XM. */
#define TRAP_FAULTS 0x000b7ce1

/* Selector error codes. */
#define TRAP_ERR_EXT 0x1 /* the event came from outside the program */
#define TRAP_ERR_IDT 0x2 /* the index is a gate of the IDT */
#define TRAP_ERR_TI  0x4 /* the index is a descriptor of the LDT */

/* Page-fault error codes. */
#define PF_PRESENT 0x01 /* a protection violation, not a missing page */
#define PF_WRITE   0x02
#define PF_USER    0x04
#define PF_RSVD    0x08
#define PF_FETCH   0x10

#endif
