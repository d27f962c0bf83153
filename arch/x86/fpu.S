/* SPDX-License-Identifier: MIT
 *
 * One x87, MMX or SSE instruction on the unit of this machine (vmm/cpu/fpu.h
 * says why and for whom). The same text is assembled for the VMM and for 32-
 * and 64-bit host programs; the instructions have the same bytes in all.
 *
 * Each instruction that can be asked for stands in a table of stubs, made by
 * the assembler: the instruction and RET. Register operands are fixed. x87
 * forms run on the whole state of struct fpu_op with their memory operand at
 * (%rdi); all others have modrm C1: destination XMM0, MM0 or EAX, source
 * XMM1, MM1 or ECX, filled from a, b and gpr and put back there.
 *
 * No exception comes out of a stub. An x87 exception waits for the next
 * waiting x87 instruction, and FXSAVE and FNINIT are none; SIMD exceptions
 * are masked by the caller; no address here is the guest's. The caller sees
 * to CR0.TS, CR0.EM and CR4.OSFXSR and has the guest's registers elsewhere.
 *
 * SDM vol. 1 8.6 (who reports), 8.7, vol. 2A 2.1 (encodings).
 */
#include "arch/x86/defs/fpu.h"
#include "arch/x86/defs/regs.h"

#ifdef __x86_64__
#define AX %rax
#define BX %rbx
#define DX %rdx
#define DI %rdi
#define SP %rsp
#else
#define AX %eax
#define BX %ebx
#define DX %edx
#define DI %edi
#define SP %esp
#endif

#define HOST_MXCSR 0
#define HOST_FCW   4
#define HOST_SIZE  16

    .text
    .globl fpu_unit
    .type fpu_unit, @function
/* void fpu_unit(struct fpu_op *op) */
fpu_unit:
    push BX
    push DI
#ifdef __x86_64__
    mov %rdi, %rbx
    lea fpu_stubs(%rip), %rdx
#else
    mov 12(%esp), %ebx
    call 1f
1:  pop %edx
    add $fpu_stubs - 1b, %edx
#endif
    sub $HOST_SIZE, SP
    stmxcsr HOST_MXCSR(SP)
    fnstcw HOST_FCW(SP)
    mov FPU_OP_STUB(BX), %eax
    lea (DX, AX, FPU_STUB_SIZE), DX
    pushf
    pop AX
    mov FPU_OP_EFLAGS(BX), %ecx
    and $~EFLAGS_STATUS, %eax
    and $EFLAGS_STATUS, %ecx
    or %ecx, %eax
    testl $FPU_UNIT_X87, FPU_OP_UNIT(BX)
    push AX                     /* the flags the stub starts with */
    jz simd
    fxrstor FPU_OP_STATE(BX)
    lea FPU_OP_A(BX), DI
    popf
    call *DX
    pushf
    fxsave FPU_OP_STATE(BX)
    fninit
    jmp done

simd:
    ldmxcsr FPU_OP_MXCSR(BX)
    movups FPU_OP_A(BX), %xmm0
    movups FPU_OP_B(BX), %xmm1
    testl $FPU_UNIT_A_MMX, FPU_OP_UNIT(BX)
    jz 1f
    movq FPU_OP_A(BX), %mm0
1:  testl $FPU_UNIT_B_MMX, FPU_OP_UNIT(BX)
    jz 2f
    movq FPU_OP_B(BX), %mm1
2:  mov FPU_OP_GPR(BX), %ecx
    popf
    call *DX
    pushf
    mov %eax, FPU_OP_GPR(BX)
    movups %xmm0, FPU_OP_A(BX)
    stmxcsr FPU_OP_MXCSR(BX)
    testl $FPU_UNIT_A_MMX, FPU_OP_UNIT(BX)
    jz 3f
    movq %mm0, FPU_OP_A(BX)
3:  testl $FPU_UNIT_A_MMX | FPU_UNIT_B_MMX, FPU_OP_UNIT(BX)
    jz done
    emms

done:
    pop AX
    mov %eax, FPU_OP_EFLAGS(BX)
    ldmxcsr HOST_MXCSR(SP)
    fldcw HOST_FCW(SP)
    add $HOST_SIZE, SP
    pop DI
    pop BX
    ret
    .size fpu_unit, . - fpu_unit

/* ---- the stubs, in the order of FPU_STUB_ */

    .balign FPU_STUB_SIZE
    .type fpu_stubs, @function
fpu_stubs:
    .set n, 0
    .rept 512                   /* x87, register forms */
    .byte 0xd8 + n / 64, 0xc0 + n % 64
    ret
    .balign FPU_STUB_SIZE, 0x90
    .set n, n + 1
    .endr

    .set n, 0
    .rept 64                    /* x87, memory forms: rm 7 is (%rdi) */
    .byte 0xd8 + n / 8, n % 8 * 8 + 7
    ret
    .balign FPU_STUB_SIZE, 0x90
    .set n, n + 1
    .endr

/* The macros work on the numbers `prefix` (FPU_PREFIX_) and `opcode`. */
.macro PREFIX
    .if prefix == FPU_PREFIX_66
    .byte 0x66
    .elseif prefix == FPU_PREFIX_F3
    .byte 0xf3
    .elseif prefix == FPU_PREFIX_F2
    .byte 0xf2
    .endif
.endm

/* Opcodes that are vector instructions without an immediate, under one
 * prefix at least. A gap in the table is UD2. */
.macro SIMD
    .if opcode == 0x14 || opcode == 0x15 || opcode == 0x2a || \
        (opcode >= 0x2c && opcode <= 0x2f) || \
        (opcode >= 0x50 && opcode <= 0x6d) || \
        (opcode >= 0x74 && opcode <= 0x76) || \
        (opcode >= 0xd1 && opcode <= 0xfe)
    PREFIX
    .byte 0x0f, opcode, 0xc1
    ret
    .else
    ud2
    .endif
    .balign FPU_STUB_SIZE, 0x90
.endm

    .set n, 0
    .rept 1024
    .set prefix, n / 256
    .set opcode, n % 256
    SIMD
    .set n, n + 1
    .endr

    .set n, 0
    .rept 32                    /* CMPPS, CMPPD, CMPSS, CMPSD */
    .set prefix, n / 8
    PREFIX
    .byte 0x0f, 0xc2, 0xc1, n % 8
    ret
    .balign FPU_STUB_SIZE, 0x90
    .set n, n + 1
    .endr
    .org fpu_stubs + FPU_STUBS * FPU_STUB_SIZE /* an error if it is behind */
    .size fpu_stubs, . - fpu_stubs

    .section .note.GNU-stack, "", @progbits
