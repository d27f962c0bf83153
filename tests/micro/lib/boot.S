/* SPDX-License-Identifier: MIT
 *
 * Where a micro-guest starts, where all its traps arrive, and how it visits
 * ring 3.
 *
 * Each vector has a stub that pushes a zero where the processor pushes no
 * error code, then its number, so that every frame has one shape:
 *
 *   esp -> edi esi ebp (esp) ebx edx ecx eax    pusha
 *          es ds
 *          vector
 *          error                                processor or stub
 *          eip cs eflags                        processor
 *          esp ss                               processor, from ring 3 only
 *
 * trap() gets the address of the frame and returns the address of the frame
 * to leave by, which may be another one on another stack.
 *
 * Multiboot 0.6.96 3.1; SDM vol. 3A 6.12.1, 6.13.
 */
#include "arch/x86/defs/multiboot.h"
#include "arch/x86/defs/traps.h"
#include "tests/micro/lib/selectors.h"

.section .multiboot, "a"
    .align 4
    .long MB1_HEADER_MAGIC
    .long MB1_HEADER_MEMORY
    .long -(MB1_HEADER_MAGIC + MB1_HEADER_MEMORY)

.text
.global start
start:
    cld
    movl $stack_top, %esp
    movl %ebx, boot_words
    pushl $0
    popfl
    call begin
1:  cli
    hlt
    jmp 1b

.global gdt_reload
gdt_reload:                     /* (pointer): LGDT and every register anew */
    movl 4(%esp), %eax
    lgdt (%eax)
    ljmp $KCODE, $1f
1:  movl $KDATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    ret

    .altmacro
.macro stub n
stub_\n:
    .set error, 0
    .if \n < TRAP_EXCEPTIONS
    .set error, (TRAP_HAS_ERROR >> \n) & 1
    .endif
    .if !error
    pushl $0
    .endif
    pushl $\n
    jmp trap_entry
    .section .rodata
    .long stub_\n
    .text
.endm

.section .rodata
    .align 4
.global stubs
stubs:
.text
.set i, 0
.rept TRAP_VECTORS
    stub %i
    .set i, i + 1
.endr

trap_entry:
    pushl %ds
    pushl %es
    pushal
    cld
    movl $KDATA, %eax
    movl %eax, %ds
    movl %eax, %es
    pushl %esp
    call trap
    movl %eax, %esp
.global trap_leave
trap_leave:
    popal
    popl %es
    popl %ds
    addl $8, %esp
    iretl

/* u32 ring3_enter(fn, esp, eflags): runs fn in ring 3 until it returns. */
.global ring3_enter
ring3_enter:
    pushl %ebp
    pushl %ebx
    pushl %esi
    pushl %edi
    movl 20(%esp), %ecx
    movl 24(%esp), %edx
    movl 28(%esp), %ebx
    movl %esp, ring3_home
    movl %esp, tss + 4          /* ESP0: traps stack below this frame */
    pushl $UDATA
    pushl %edx
    pushl %ebx
    pushl $UCODE
    pushl $ring3_start
    movl $UDATA, %eax
    movl %eax, %ds
    movl %eax, %es
    iretl
ring3_start:
    call *%ecx
    int $VECTOR_HOME

/* trap() sends the frame of VECTOR_HOME here, in ring 0. */
.global ring3_end
ring3_end:
    movl ring3_home, %esp
    movl ring3_value, %eax
    popl %edi
    popl %esi
    popl %ebx
    popl %ebp
    ret

.bss
    .align 4
.global boot_words              /* the loader's multiboot information */
boot_words:
    .skip 4
    .align 4096
    .skip 16384
.global stack_top
stack_top:
    .skip 4096
    .align 4096
    .skip 8192
.global user_stack_top
user_stack_top:
.section .note.GNU-stack, "", @progbits
