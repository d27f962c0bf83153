/* SPDX-License-Identifier: MIT
 *
 * CPUID leaves and feature bits, as numbers of the bit in the register that
 * the name says; what the VMM asks of its CPU stands in boot/features.c (SDM
 * vol. 2A CPUID, tables 3-8 to 3-11).
 */
#ifndef DEFS_CPUID_H
#define DEFS_CPUID_H

#define CPUID_VENDOR    0x0
#define CPUID_FEATURES  0x1
#define CPUID_EXTENDED  0x7
#define CPUID_TSC       0x15
#define CPUID_MHZ       0x16
#define CPUID_AMD_MAX   0x80000000
#define CPUID_AMD       0x80000001
#define CPUID_BRAND     0x80000002 /* the processor's name, 48 characters */
#define CPUID_BRAND_END 0x80000004
#define CPUID_WIDTHS    0x80000008 /* EAX 7:0: bits of a machine address */

/* Leaf 1, EDX. */
#define CPUID_1D_FPU  0x00000001
#define CPUID_1D_DE   0x00000004
#define CPUID_1D_PSE  0x00000008
#define CPUID_1D_TSC  0x00000010
#define CPUID_1D_MSR  0x00000020
#define CPUID_1D_PAE  0x00000040
#define CPUID_1D_MCE  0x00000080
#define CPUID_1D_APIC 0x00000200
#define CPUID_1D_PGE  0x00002000
#define CPUID_1D_CMOV 0x00008000
#define CPUID_1D_PAT  0x00010000
#define CPUID_1D_FXSR 0x01000000

/* Leaf 7, ECX. */
#define CPUID_7C_UMIP 0x00000004

/* Leaf 0x80000001, EDX. */
#define CPUID_AD_NX 0x00100000
#define CPUID_AD_LM 0x20000000

#endif
