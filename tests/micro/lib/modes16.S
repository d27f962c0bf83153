/* SPDX-License-Identifier: MIT
 *
 * The ways to real-address mode and virtual-8086 mode and back; see modes.h.
 *
 * What stands between modes16 and modes16_end is copied to 1200:0000. Its
 * first bytes are the registers. A trap of real-address mode arrives at one of
 * 256 stubs; they write through CS and leave the stack alone, which a test may
 * have put anywhere.
 *
 * SDM vol. 3A 9.9, 20.3.
 */
#include "tests/micro/lib/modes.h"
#include "tests/micro/lib/selectors.h"

#define AT(label) (label - modes16)
#define SEG(n)    (AREA_SEG + 2 * (n))

.text
.global real_enter
real_enter:
    pushal
    movl %esp, modes_home
    lidt real_idt
    ljmp $REAL_CODE, $AT(leave_protected)
real_back:
    movl $KDATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
.global v86_leave
v86_leave:
    movl $KDATA, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl modes_home, %esp
    pushl $2
    popfl
    popal
    ret

.global v86_enter
v86_enter:
    pushal
    movl %esp, modes_home
    movl modes_tss, %eax
    movl %esp, 4(%eax)
    movl $(MODES_SWITCH << 4), %eax
    pushl SEG(5)(%eax)
    pushl SEG(4)(%eax)
    pushl SEG(3)(%eax)
    pushl SEG(0)(%eax)
    pushl SEG(2)(%eax)
    pushl 16(%eax)
    pushl AREA_EFLAGS(%eax)
    pushl SEG(1)(%eax)
    pushl AREA_EIP(%eax)
    movl 4(%eax), %ecx
    movl 8(%eax), %edx
    movl 12(%eax), %ebx
    movl 20(%eax), %ebp
    movl 24(%eax), %esi
    movl 28(%eax), %edi
    movl 0(%eax), %eax
    iretl

.section .rodata
.code16
.global modes16, modes16_end, modes16_stubs
    .align 16
modes16:
    .skip AREA_STACK
leave_protected:
    movw $REAL_DATA, %ax
    movw %ax, %ss
    movw %cs:AREA_DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movl %cr0, %eax
    andb $0xfe, %al
    movl %eax, %cr0
    ljmp $MODES_SWITCH, $AT(enter_real)
enter_real:
    movw $MODES_SWITCH, %ax
    movw %ax, %ss
    movw $AREA_STACK, %sp
    pushl %cs:AREA_EFLAGS
    popfl
    movl %cs:4, %ecx
    movl %cs:8, %edx
    movl %cs:12, %ebx
    movl %cs:20, %ebp
    movl %cs:24, %esi
    movl %cs:28, %edi
    movw %cs:SEG(0), %es
    movw %cs:SEG(3), %ds
    movw %cs:SEG(4), %fs
    movw %cs:SEG(5), %gs
    movw %cs:SEG(2), %ss
    movl %cs:16, %esp
    movl %cs:0, %eax
    ljmp *%cs:AREA_TARGET

trapped:
    movl %eax, %cs:0
    movl %ecx, %cs:4
    movl %edx, %cs:8
    movl %ebx, %cs:12
    movl %esp, %cs:16
    movl %ebp, %cs:20
    movl %esi, %cs:24
    movl %edi, %cs:28
    movw %es, %cs:SEG(0)
    movw %ss, %cs:SEG(2)
    movw %ds, %cs:SEG(3)
    movw %fs, %cs:SEG(4)
    movw %gs, %cs:SEG(5)
    movw %sp, %bx
    movw %ss:(%bx), %ax
    movw %ax, %cs:AREA_EIP
    movw %ss:2(%bx), %ax
    movw %ax, %cs:SEG(1)
    movw %ss:4(%bx), %dx
    movw $MODES_SWITCH, %ax
    movw %ax, %ss
    movw $AREA_STACK, %sp
    pushfl
    popl %eax
    movw %dx, %ax
    movl %eax, %cs:AREA_EFLAGS
    cld
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $KCODE, $real_back

    .altmacro
.macro real_stub n
    .global modes_stub_\n
modes_stub_\n:
    movb $\n, %cs:AREA_VECTOR
    jmp trapped
    .pushsection .rodata.modes
    .short AT(modes_stub_\n)
    .popsection
.endm
.pushsection .rodata.modes, "a"
modes16_stubs:
.popsection
.set i, 0
.rept 256
    real_stub %i
    .set i, i + 1
.endr
modes16_end:

.bss
    .align 4
modes_home:
    .skip 4
.section .note.GNU-stack, "", @progbits
