/* SPDX-License-Identifier: MIT
 *
 * The Linux image that is no Linux: the setup header, where a bzImage has
 * one, and the 32-bit entry behind it.
 *
 * There is no 16-bit code; a loader of the 32-bit protocol never runs it. The
 * entry keeps what it was given before it touches a register: the processor
 * as the protocol promises it is part of the test. Like a kernel that cannot
 * be moved it then copies itself to where it was linked, whatever the place
 * it was loaded to. tests/boot/test_linux.py alters the header's fields.
 *
 * Linux, Documentation/arch/x86/boot.rst.
 */
#include "arch/x86/defs/linux.h"

#define PROTOCOL   0x20f
#define JUMP_SHORT 0xeb

.section .setup, "a"
setup:
    .org LINUX_SETUP_SECTS
    .byte 1                       /* the boot sector and one more */
    .org LINUX_SYSSIZE
    .long image_paragraphs
    .org LINUX_BOOT_FLAG
    .word LINUX_BOOT_MAGIC
    .byte JUMP_SHORT, header_end - 1f
1:  .ascii "HdrS"
    .word PROTOCOL
    .org LINUX_LOADFLAGS
    .byte LINUX_LOADED_HIGH
    .org LINUX_CODE32
    .long head
    .org LINUX_INITRD_MAX
    .long 0x37ffffff
    .org LINUX_ALIGNMENT
    .long 0x100000
    .org LINUX_CMDLINE_MAX
    .long 255
    .org LINUX_PREFERRED
    .long head, 0
    .org LINUX_INIT_SIZE
    .long image_memory
header_end:
    .org 2 * LINUX_SECTOR

.section .head, "ax"
.global head
head:
    movl %cr0, %eax               /* no stack yet, it may be anywhere */
    movw %ds, %bx
    shll $16, %ebx
    movw %es, %bx
    movw %cs, %cx
    shll $16, %ecx
    movw %ss, %cx
    movl %esi, %edx
    movl LINUX_CODE32(%esi), %esi /* where we are */
    movl $head, %edi
    cmpl %edi, %esi
    je 1f
    movl %ecx, %ebp
    movl $image_bytes, %ecx
    cld
    rep movsb
    movl %ebp, %ecx
1:  movl $2f, %esi
    jmp *%esi
2:  movl $stack_top, %esp
    pushfl
    pushl %eax
    pushl %ebx
    pushl %ecx
    pushl %edx
    call begin                    /* (params, cs:ss, ds:es, cr0, flags) */
3:  cli
    hlt
    jmp 3b

.section .bss
    .align 16
    .skip 4096
stack_top:

.section .note.GNU-stack, "", @progbits
