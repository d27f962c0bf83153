/* SPDX-License-Identifier: MIT
 *
 * The random guest: where it starts, the way into the code it wrote, and the
 * one way back.
 *
 * enter() leaves the C world for the buffer; every trap comes back through
 * fuzz_entry, which returns from enter(). In between nothing is kept but in
 * memory: the code in the buffer may spoil every register, the stack
 * included. fuzz_entry finds, on whatever stack the processor took:
 *
 *   esp -> vector, error, eip, cs, eflags        and from ring 3: esp, ss
 *
 * SDM vol. 3A 6.12.1, 6.13.
 */
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "tests/micro/lib/selectors.h"

#define SEEN_VECTOR 0
#define SEEN_EAX    28

.text
.global random_start
random_start:                   /* the multiboot information is at EBX */
    movl %ebx, boot_info
    jmp start

    .altmacro
.macro stub n
fuzz_stub_\n:
    .set error, 0
    .if \n < TRAP_EXCEPTIONS
    .set error, (TRAP_HAS_ERROR >> \n) & 1
    .endif
    .if !error
    pushl $0
    .endif
    pushl $\n
    jmp fuzz_entry
    .section .rodata
    .long fuzz_stub_\n
    .text
.endm

.section .rodata
    .align 4
.global fuzz_stubs
fuzz_stubs:
.text
.set i, 0
.rept TRAP_VECTORS
    stub %i
    .set i, i + 1
.endr

fuzz_entry:
    pushl %ds
    pushl %eax
    movl $KDATA, %eax
    movl %eax, %ds
    cmpl $0, inside
    je outside
    movl $0, inside
    popl seen + SEEN_EAX
    popl seen + SEEN_EAX + 28   /* ds */
    popl seen                   /* vector */
    popl seen + 4               /* error */
    popl seen + 8               /* eip */
    popl seen + 12              /* cs */
    popl seen + 16              /* eflags */
    movl %esp, seen + 20
    movl $0, seen + 24
    movw %ss, seen + SEEN_EAX + 44
    movl %esp, seen + SEEN_EAX + 48
    testb $3, seen + 12
    jz 1f
    popl seen + 20              /* esp */
    popl seen + 24              /* ss */
1:  cli
    movl %ecx, seen + SEEN_EAX + 4
    movl %edx, seen + SEEN_EAX + 8
    movl %ebx, seen + SEEN_EAX + 12
    movl %ebp, seen + SEEN_EAX + 16
    movl %esi, seen + SEEN_EAX + 20
    movl %edi, seen + SEEN_EAX + 24
    movw %es, seen + SEEN_EAX + 32
    movw %fs, seen + SEEN_EAX + 36
    movw %gs, seen + SEEN_EAX + 40
    movl $KDATA, %eax
    movl %eax, %ss
    movl home, %esp
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %cr2, %eax
    movl %eax, seen + SEEN_EAX + 52
    pushl $0                    /* NT, TF and AC off; IF is off already */
    popfl
    cld
    popl %edi
    popl %esi
    popl %ebx
    popl %ebp
    ret

/* A trap of the guest's own program. A breakpoint, or the look at DR7 that
 * DR7.GD forbids, is what a step left behind; anything else is the end. */
outside:
    cmpl $TRAP_DB, 8(%esp)
    jne lost
    movl $0x400, %eax
    movl %eax, %dr7
    popl %eax
    popl %ds
    addl $8, %esp
    orl $EFLAGS_RF, 8(%esp)
    iretl

/* void enter(struct entry_state *state, u32 same_ring) */
.global enter
enter:
    movl 4(%esp), %eax
    movl 8(%esp), %edx
    pushl %ebp
    pushl %ebx
    pushl %esi
    pushl %edi
    movl %esp, home
    movl $1, inside
    testl %edx, %edx
    jnz 1f
    movl $UDATA, %edx           /* IRET would leave ring 0's null */
    movl %edx, %ds
    movl %edx, %es
    movl %edx, %fs
    movl %edx, %gs
    movl %eax, %esp             /* an IRET to ring 3 straight from state */
    popal
    iretl
1:  movl 44(%eax), %esp         /* the same ring: its frame on its stack */
    pushl 40(%eax)
    pushl 36(%eax)
    pushl 32(%eax)
    movl 0(%eax), %edi
    movl 4(%eax), %esi
    movl 8(%eax), %ebp
    movl 16(%eax), %ebx
    movl 20(%eax), %edx
    movl 24(%eax), %ecx
    movl 28(%eax), %eax
    iretl

.bss
    .align 4
home:
    .skip 4
inside:                         /* the buffer: between enter() and its end */
    .skip 4
.global boot_info
boot_info:
    .skip 4
    .align 4096
    .skip 8192
.global ring0_stack_top
ring0_stack_top:
    .skip 8192
.global ring3_stack_top
ring3_stack_top:
    .skip 8192
.global fuzz_stack_top
fuzz_stack_top:
.section .note.GNU-stack, "", @progbits
