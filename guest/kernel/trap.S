/* SPDX-License-Identifier: MIT
 *
 * The 256 doors into the kernel, and the one way out.
 *
 * Every vector has a stub that makes the stack look the same whether the
 * processor pushed an error code or not, and leaves its own number. The rest
 * is common. struct frame in kernel.h is this picture in C:
 *
 *   SS, ESP              the processor, only when it came from ring 3
 *   EFLAGS, CS, EIP      the processor
 *   error code           the processor for some exceptions, else the stub
 *   vector               the stub
 *   EAX .. EDI           trap_common, by PUSHA
 *   DS, ES, FS, GS       trap_common
 *
 * FS and GS are kept for each process, though the kernel does not use them.
 * On the way out any of the loads, and IRET itself, may fault: a program may
 * have taken away the descriptor (SYS_SEGMENT) that its selector names. What
 * lies between trap_return and trap_return_end is therefore the only code of
 * the kernel that may fault on a program's behalf (trap.c).
 *
 * ring3_enter() is the other way round: a check goes down to ring 3 on its
 * own and comes back through ring3_leave() when that code traps, as longjmp
 * would. SDM vol. 3A 6.12, 6.13.
 */
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "guest/kernel/layout.h"

    .text
    .balign 16
    .globl trap_stubs
trap_stubs: /* 256 of them, 16 bytes apart */
    .set vector, 0
    .rept TRAP_VECTORS
    .balign 16
    .set has_error, 0
    .if vector < TRAP_EXCEPTIONS
    .set has_error, (TRAP_HAS_ERROR >> vector) & 1
    .endif
    .if !has_error
    push $0
    .endif
    push $vector
    jmp trap_common
    .set vector, vector + 1
    .endr

trap_common:
    pusha
    push %ds
    push %es
    push %fs
    push %gs
    mov $SEL_KERNEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    cld
    push %esp /* struct frame * */
    call trap
    add $4, %esp

    .globl trap_return
trap_return: /* ESP: a struct frame */
    pop %gs
    pop %fs
    pop %es
    pop %ds
    popa
    add $8, %esp /* vector, error code */
    iret
    .globl trap_return_end
trap_return_end:

    .globl ring3_enter
ring3_enter: /* (eip, esp) */
    push %ebp
    push %ebx
    push %esi
    push %edi
    mov %esp, ring3_esp
    mov 20(%esp), %ecx
    mov 24(%esp), %edx
    push $SEL_USER_DATA
    push %edx
    push $EFLAGS_ONE
    push $SEL_USER_CODE
    push %ecx
    mov $SEL_USER_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    iret

    .globl ring3_leave
ring3_leave:
    mov ring3_esp, %esp
    movl $0, ring3_esp
    pop %edi
    pop %esi
    pop %ebx
    pop %ebp
    ret
