/* SPDX-License-Identifier: MIT
 *
 * Entering a guest is a call; its return is the next trap or interrupt.
 *
 * Guest code always runs in compatibility mode, where r8 to r15 do not exist
 * but keep their values (SDM vol. 1 3.4.1.1). So while a guest runs
 *
 *   r8  is its struct cpu    r9  its struct arch_vcpu    r10 the VMM's stack
 *
 * and the trap stub can store everything at once without a scratch register,
 * and without saving r11 to r15. A trap whose frame says ring 0 happened in
 * the VMM itself; that is for C (traps.c).
 *
 * The direction flag is the only one a guest can leave in a state that
 * matters here: the CPU clears TF, NT and RF on the way in, AC means nothing
 * in ring 0 without SMAP, and IF is cleared by the interrupt gates.
 *
 * IRETQ itself faults, in ring 0, when EIP is beyond the limit of CS or a
 * selector is refused. The guest has then not run and all its registers are
 * still in struct cpu: the fault becomes the exit (enter_refused).
 *
 * SDM vol. 3A 6.14 (64-bit interrupts), vol. 2A IRET.
 */
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "arch/x86/layout.h"
#include "arch/x86/offsets.h"

#define FRAME_CS     24 /* behind vector, error and RIP */
#define FRAME_RFLAGS 32

    .text
/* Keeps what a guest does not, and fetches its flags, ESP and EIP. */
.macro ENTER_BEGIN
    push %rbx
    push %rbp
    mov %rdi, %r8
    mov %rsi, %r9
    mov %rsp, %r10
    mov AV_EFLAGS(%r9), %eax
    mov CPU_ESP(%r8), %ecx
    mov CPU_EIP(%r8), %edx
.endm

    .globl arch_enter
    .type arch_enter, @function
/* void arch_enter(struct cpu *cpu, struct arch_vcpu *av) */
arch_enter:
    ENTER_BEGIN
enter_push:
    pushq AV_SS(%r9)        /* IRETQ ignores all but the low 16 bits */
    push %rcx
    push %rax
    pushq AV_CS(%r9)
    push %rdx
    mov CPU_EAX(%r8), %eax
    mov CPU_ECX(%r8), %ecx
    mov CPU_EDX(%r8), %edx
    mov CPU_EBX(%r8), %ebx
    mov CPU_EBP(%r8), %ebp
    mov CPU_ESI(%r8), %esi
    mov CPU_EDI(%r8), %edi
    .globl enter_iretq
enter_iretq:
    iretq

/* To a 16-bit stack IRETQ loads SP only; the upper half of ESP then is that
 * of RSP, so the frame stands where this is the guest's (layout.h). */
    .globl arch_enter_small
    .type arch_enter_small, @function
arch_enter_small:
    ENTER_BEGIN
    mov %ecx, %ebx
    and $0xffff0000, %ebx
    movabs $ANY_STACK + 0x1000, %rsp
    add %rbx, %rsp
    jmp enter_push
    .size arch_enter_small, . - arch_enter_small

/* Every vector but the three below comes here; the stack is the trap stack
 * (from a guest) or the VMM's own:
 *
 *   rsp + 48  SS        )
 *   rsp + 40  RSP       )
 *   rsp + 32  RFLAGS    ) pushed by the CPU
 *   rsp + 24  CS        )
 *   rsp + 16  RIP       )
 *   rsp +  8  error     pushed by the CPU, or 0 by the stub
 *   rsp +  0  vector    pushed by the stub
 */
    .balign 16
trap_entry:
    testb $3, FRAME_CS(%rsp)
    jz from_ring0
from_guest:
    mov %eax, CPU_EAX(%r8)
    mov %ecx, CPU_ECX(%r8)
    mov %edx, CPU_EDX(%r8)
    mov %ebx, CPU_EBX(%r8)
    mov %esi, CPU_ESI(%r8)
    mov %edi, CPU_EDI(%r8)
    /* A pop to memory writes eight bytes, so each of these spoils the word
     * behind its own; the order puts every spoilt word right again. */
    pop %rbx                /* vector */
    popq AV_ERROR(%r9)      /* and fault_at = 0 */
    pop %rax                /* RIP */
    mov %eax, CPU_EIP(%r8)
    popq AV_CS(%r9)
    pop %rcx                /* RFLAGS */
    popq CPU_ESP(%r8)
    mov %ebp, CPU_EBP(%r8)
    popq AV_SS(%r9)
    mov %ecx, AV_EFLAGS(%r9)
    mov %ebx, AV_VECTOR(%r9)
    cmp $TRAP_PF, %ebx
    jne enter_return
    mov %cr2, %rax
    mov %rax, AV_FAULT_AT(%r9) /* and fault_above */
    .globl enter_return
enter_return:
    mov %r10, %rsp
    cld
    pop %rbp
    pop %rbx
    ret
    .size arch_enter, . - arch_enter

/* IRETQ faulted. traps.c comes back here with the vector in EBX and the
 * error code in EAX. */
    .globl enter_refused
    .type enter_refused, @function
enter_refused:
    mov %eax, AV_ERROR(%r9)
    mov %ebx, AV_VECTOR(%r9)
    movl $0, AV_FAULT_AT(%r9)
    jmp enter_return
    .size enter_refused, . - enter_refused

/* In virtual-8086 mode the low bits of CS are no privilege level. The mode
 * does not exist here (SDM vol. 3A 20.1), except in QEMU's translator, where
 * an IRET outside ring 0 can enter it. */
from_ring0:
    testl $EFLAGS_VM, FRAME_RFLAGS(%rsp)
    jnz from_guest
    jmp trap_vmm

/* NMI, double fault and machine check are the VMM's, whoever was running:
 * they come on a stack of their own (IST) with the frame above. So does
 * whatever happens in the VMM itself, on the VMM's stack.
 */
    .type trap_vmm, @function
trap_vmm:
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi          /* struct trap_frame */
    mov %rsp, %rbp
    and $-16, %rsp
    cld
    call trap_in_vmm
    mov %rbp, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp           /* vector, error */
    iretq
    .size trap_vmm, . - trap_vmm

/* One stub a vector, STUB_SIZE bytes each: make the frame complete. */
    .balign STUB_SIZE
    .globl trap_stubs
    .type trap_stubs, @function
trap_stubs:
    .set vector, 0
    .rept TRAP_VECTORS
    .balign STUB_SIZE
    .if vector >= TRAP_EXCEPTIONS || (TRAP_HAS_ERROR >> (vector & 31) & 1) == 0
    push $0
    .endif
    push $vector
    .if vector == TRAP_NMI || vector == TRAP_DF || vector == TRAP_MC
    jmp trap_vmm
    .else
    jmp trap_entry
    .endif
    .set vector, vector + 1
    .endr
    .size trap_stubs, . - trap_stubs

    .section .bss.pages, "aw", @nobits
    .balign 4096
    .globl trap_stack_top, nmi_stack_top, df_stack_top, mc_stack_top
    .skip TRAP_STACK_SIZE
trap_stack_top:
    .skip TRAP_STACK_SIZE
nmi_stack_top:
    .skip 4 * TRAP_STACK_SIZE
df_stack_top:
    .skip 4 * TRAP_STACK_SIZE
mc_stack_top:
