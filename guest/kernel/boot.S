/* SPDX-License-Identifier: MIT
 *
 * From the boot loader to C.
 *
 * A multiboot loader enters at _start's physical address in 32-bit protected
 * mode, paging and interrupts off, flat segments, the magic in EAX and the
 * address of its information in EBX. The kernel is linked 3 GiB higher, so
 * until paging is on every symbol here is used through PHYS(). The code up to
 * there has a page of its own, linked where it runs.
 *
 * The loader may have left its information anywhere; the first page table
 * shows only 4 MiB. So what the kernel wants of it (the fixed part, the
 * memory map, the command line) is copied into boot_data first. Then that
 * one table is entered twice, at 0 for the instructions that turn paging on
 * and at KERNEL_BASE for what follows. paging.c replaces it.
 *
 * Multiboot 0.6.96 3.1-3.3; SDM vol. 3A 9.8.
 */
#include "arch/x86/defs/multiboot.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/regs.h"
#include "guest/kernel/layout.h"

#define PHYS(symbol) ((symbol) - KERNEL_BASE)

/* Offsets in struct boot_data. */
#define DATA_MAGIC   0
#define DATA_TSC     4
#define DATA_METER   12
#define DATA_INFO    16
#define DATA_MMAP_N  104
#define DATA_MMAP    108
#define DATA_CMDLINE (DATA_MMAP + BOOT_MMAP_SIZE)
#define DATA_SIZE    (DATA_CMDLINE + BOOT_CMDLINE_SIZE)

    .section .multiboot, "a"
    .balign 4
    .long MB1_HEADER_MAGIC
    .long MB1_HEADER_ALIGN | MB1_HEADER_MEMORY
    .long -(MB1_HEADER_MAGIC + (MB1_HEADER_ALIGN | MB1_HEADER_MEMORY))

    .section .start, "ax"
    .globl _start
_start:
    cli
    cld
    mov %eax, %ebp
    rdtsc
    mov %ebp, PHYS(boot_data) + DATA_MAGIC
    mov %eax, PHYS(boot_data) + DATA_TSC
    mov %edx, PHYS(boot_data) + DATA_TSC + 4
    mov $PORT_METER, %dx
    inl %dx, %eax
    mov %eax, PHYS(boot_data) + DATA_METER

    /* The information: the fixed part, ... */
    mov %ebx, %esi
    mov $PHYS(boot_data) + DATA_INFO, %edi
    mov $MB1_INFO_SIZE / 4, %ecx
    rep movsl

    /* ... the memory map, ... */
    testl $MB1_INFO_MMAP, MB1_FLAGS(%ebx)
    jz 2f
    mov MB1_MMAP_LEN(%ebx), %ecx
    cmp $BOOT_MMAP_SIZE, %ecx
    jbe 1f
    mov $BOOT_MMAP_SIZE, %ecx
1:  mov %ecx, PHYS(boot_data) + DATA_MMAP_N
    mov MB1_MMAP_ADDR(%ebx), %esi
    mov $PHYS(boot_data) + DATA_MMAP, %edi
    rep movsb

    /* ... and the command line, whose last byte here stays zero. */
2:  testl $MB1_INFO_CMDLINE, MB1_FLAGS(%ebx)
    jz 3f
    mov MB1_CMDLINE(%ebx), %esi
    mov $PHYS(boot_data) + DATA_CMDLINE, %edi
    mov $BOOT_CMDLINE_SIZE - 1, %ecx
    rep movsb

    /* The first 4 MiB, page by page. */
3:  mov $PHYS(boot_table), %edi
    mov $PTE_P | PTE_W, %eax
    mov $1024, %ecx
4:  stosl
    add $PAGE_SIZE, %eax
    loop 4b
    mov $PHYS(boot_table) + PTE_P + PTE_W, %ecx
    mov $PHYS(boot_directory), %eax
    mov %ecx, (%eax)
    mov %ecx, 4 * KERNEL_PDE(%eax)
    mov %eax, %cr3
    mov %cr0, %eax
    or $CR0_PG | CR0_WP | CR0_EM, %eax /* the x87 is not kept: #NM */
    and $~CR0_TS, %eax
    mov %eax, %cr0
    mov $5f, %eax
    jmp *%eax

    .text
5:  mov $boot_stack + BOOT_STACK_SIZE, %esp
    xor %ebp, %ebp
    call kmain
6:  hlt /* kmain() does not return */
    jmp 6b

    .bss
    .balign PAGE_SIZE
boot_directory:
    .skip PAGE_SIZE
boot_table:
    .skip PAGE_SIZE
boot_stack:
    .skip BOOT_STACK_SIZE
    .globl boot_data
boot_data:
    .skip DATA_SIZE
