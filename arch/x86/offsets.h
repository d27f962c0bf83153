/* SPDX-License-Identifier: MIT
 *
 * Where enter.S finds the fields of struct cpu and struct arch_vcpu that it
 * touches. Assembly cannot ask the compiler, so the numbers stand here once,
 * and vcpu.c asserts every one of them.
 */
#ifndef X86_OFFSETS_H
#define X86_OFFSETS_H

#define CPU_EAX 0
#define CPU_ECX 4
#define CPU_EDX 8
#define CPU_EBX 12
#define CPU_ESP 16
#define CPU_EBP 20
#define CPU_ESI 24
#define CPU_EDI 28
#define CPU_EIP 32

#define AV_CS       0
#define AV_SS       4
#define AV_EFLAGS   8
#define AV_VECTOR   12
#define AV_ERROR    16
#define AV_FAULT_AT 20

/* The bytes of one entry stub. */
#define STUB_SIZE 16

#endif
