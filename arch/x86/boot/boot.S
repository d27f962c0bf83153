/* SPDX-License-Identifier: MIT
 *
 * From the boot loader to 64-bit C.
 *
 * A multiboot loader (either version) enters _start in 32-bit protected mode
 * with flat segments, paging and interrupts off, the magic in EAX and the
 * address of its information in EBX. This file checks that the processor can
 * run 64-bit code at all, builds the smallest page tables that will do, and
 * calls vmm_main() on the VMM's stack. Those tables show the low 4 GiB three
 * times: at 0 (only for the jump below), at PHYSMAP and at VMM_BASE (the
 * first GiB of it). boot/paging.c replaces them.
 *
 * A processor that cannot go on gets one sentence on COM1, by hand, because
 * nothing else of the VMM can run on it.
 *
 * Multiboot 0.6.96 3.1, 3.2; Multiboot2 2.0 3.1; SDM vol. 3A 9.8.5.
 */
#include "arch/x86/defs/msr.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/layout.h"

#define MB1_MAGIC 0x1badb002
#define MB1_FLAGS 0x3 /* modules on page boundaries, memory map wanted */

#define MB2_MAGIC        0xe85250d6
#define MB2_TAG_END      0
#define MB2_TAG_INFO     1
#define MB2_TAG_CONSOLE  4
#define MB2_TAG_SCREEN   5
#define MB2_TAG_ALIGN    6
#define MB2_OPTIONAL     1 /* flag of a tag: load the image in any case */
#define MB2_CONSOLE_TEXT 2 /* EGA text will do */
#define MB2_INFO_CMDLINE 1
#define MB2_INFO_MODULES 3
#define MB2_INFO_MMAP    6

/* The size that is asked for; the loader may choose another. */
#define SCREEN_WIDTH  1024
#define SCREEN_HEIGHT 768
#define SCREEN_DEPTH  32

#define CPUID_EXT_MAX 0x80000000
#define CPUID_EXT     0x80000001
#define CPUID_EXT_LM  0x20000000 /* EDX */

#define CODE64 0x08 /* in boot_gdt */
#define PAGE_BYTES 4096
#define ENTRIES 512
#define RW (PTE_P | PTE_W)

#define UART_LCR  3
#define UART_LSR  5
#define UART_8N1  0x03
#define UART_THRE 0x20
#define UART_PATIENCE 100000

/* The loaded address of something linked in the upper half. */
#define LOADED(symbol) (symbol - VMM_BASE)

    .section .boot.header, "a"
    .balign 8
    .long MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)

    .balign 8
mb2_header:
    .long MB2_MAGIC, 0, mb2_end - mb2_header
    .long 0x100000000 - (MB2_MAGIC + mb2_end - mb2_header)
    .short MB2_TAG_INFO, 0
    .long 20, MB2_INFO_CMDLINE, MB2_INFO_MODULES, MB2_INFO_MMAP
    .balign 8
    .short MB2_TAG_ALIGN, 0
    .long 8
    /* A screen if there is one: text as PCs have it, or pixels. */
    .short MB2_TAG_CONSOLE, MB2_OPTIONAL
    .long 12, MB2_CONSOLE_TEXT
    .balign 8
    .short MB2_TAG_SCREEN, MB2_OPTIONAL
    .long 20, SCREEN_WIDTH, SCREEN_HEIGHT, SCREEN_DEPTH
    .balign 8
    .short MB2_TAG_END, 0
    .long 8
mb2_end:

    .section .boot.text, "ax"
    .code32
    .globl _start
    .type _start, @function
/* No stack yet: the loader does not promise one. */
_start:
    cli
    cld
    mov $LOADED(vmm_stack_top), %esp
    mov %eax, %edi          /* both survive until vmm_main(): */
    mov %ebx, %esi          /* its first two arguments */

    /* A processor has CPUID if EFLAGS.ID can be flipped. */
    pushf
    pop %eax
    mov %eax, %ecx
    xor $EFLAGS_ID, %eax
    push %eax
    popf
    pushf
    pop %eax
    cmp %eax, %ecx
    mov $no_cpuid, %ebp
    je refuse

    mov $CPUID_EXT_MAX, %eax
    cpuid
    mov $no_long_mode, %ebp
    cmp $CPUID_EXT, %eax
    jb refuse
    mov $CPUID_EXT, %eax
    cpuid
    test $CPUID_EXT_LM, %edx
    jz refuse

    /* Four directories of 2 MiB pages: the low 4 GiB. */
    mov $LOADED(boot_directories), %ebx
    mov $(RW | PTE_PS), %eax
    xor %ecx, %ecx
1:  mov %eax, (%ebx, %ecx, 8)
    add $LARGE_SIZE, %eax
    inc %ecx
    cmp $(4 * ENTRIES), %ecx
    jb 1b

    /* Their pointers: all four from the bottom, the first one also where
     * VMM_BASE looks for it (entry 510 of the table that entry 511 names). */
    mov $LOADED(boot_pdpt), %edx
    lea RW(%ebx), %eax
    mov %eax, 510 * 8 + PAGE_BYTES(%edx)
    xor %ecx, %ecx
1:  mov %eax, (%edx, %ecx, 8)
    add $PAGE_BYTES, %eax
    inc %ecx
    cmp $4, %ecx
    jb 1b

    mov $LOADED(boot_pml4), %ebx
    lea RW(%edx), %eax
    mov %eax, (%ebx)
    mov %eax, 256 * 8(%ebx)
    add $PAGE_BYTES, %eax
    mov %eax, 511 * 8(%ebx)
    mov %ebx, %cr3

    mov %cr4, %eax
    or $CR4_PAE, %eax
    mov %eax, %cr4
    mov $MSR_EFER, %ecx
    rdmsr
    or $EFER_LME, %eax
    wrmsr
    mov %cr0, %eax
    or $(CR0_PG | CR0_PE), %eax
    mov %eax, %cr0
    lgdt boot_gdt_ptr
    ljmp $CODE64, $in_long_mode

    .code64
in_long_mode:
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
    mov $vmm_stack_top, %rsp
    mov %edi, %edi          /* the upper halves are undefined (SDM */
    mov %esi, %esi          /* vol. 1 3.4.1.1): clear them */
    xor %ebp, %ebp          /* the stack trace ends here */
    mov $vmm_main, %rax
    call *%rax
    ud2

    .code32
/* Prints the sentence at EBP on COM1 and stops. */
refuse:
    mov $(PORT_COM1 + UART_LCR), %edx
    mov $UART_8N1, %al
    outb %al, %dx
1:  mov $UART_PATIENCE, %ecx
2:  mov $(PORT_COM1 + UART_LSR), %edx
    inb %dx, %al
    test $UART_THRE, %al
    loopz 2b
    mov (%ebp), %al
    inc %ebp
    test %al, %al
    jz 3f
    mov $PORT_COM1, %edx
    outb %al, %dx
    jmp 1b
3:  mov $1, %al
    outb %al, $PORT_DEBUG_EXIT
4:  cli
    hlt
    jmp 4b

no_cpuid:
    .ascii "trapline: this processor has no CPUID instruction. Trapline "
    .asciz "needs a 64-bit processor; use another machine.\r\n"
no_long_mode:
    .ascii "trapline: this processor has no long mode (64-bit). Use a "
    .ascii "64-bit processor; in QEMU start qemu-system-x86_64 with "
    .asciz "-cpu qemu64.\r\n"

    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00209b0000000000 /* code: present, DPL 0, L */
boot_gdt_ptr:
    .short boot_gdt_ptr - boot_gdt - 1
    .long boot_gdt

    .section .bss.pages, "aw", @nobits
    .balign 4096
boot_pml4:
    .skip PAGE_BYTES
boot_pdpt:
    .skip 2 * PAGE_BYTES
boot_directories:
    .skip 4 * PAGE_BYTES

    /* The VMM's stack. The page below it stays unmapped, so an overflow is a
     * page fault on a stack that is gone: a double fault, on its own stack. */
    .globl vmm_stack_guard, vmm_stack, vmm_stack_top
vmm_stack_guard:
    .skip PAGE_BYTES
vmm_stack:
    .skip VMM_STACK_SIZE
vmm_stack_top:
