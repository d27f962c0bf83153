/* SPDX-License-Identifier: MIT
 *
 * Where things are: virtual addresses, selectors, sizes. Assembly reads this
 * too.
 *
 *   0x00000000  nothing: a null pointer faults
 *   0x08048000  the program, then its heap
 *   0x60000000  what it maps, to 0x80000000
 *   0xbffbe000  one page that is never there
 *   0xbffbf000  the program's stack, to 0xbffff000
 *   0xc0000000  all of RAM, from physical 0; the kernel is at + 1 MiB
 *   0xff000000  the kernel stacks of processes (proc.c)
 *   0xff400000  the checks' 4 MiB page
 *   0xff800000  the checks' small pages
 */
#ifndef HARE_LAYOUT_H
#define HARE_LAYOUT_H

#define KERNEL_BASE 0xc0000000
#define KERNEL_PDE  768 /* the first directory entry of the kernel */
#define KSTACK_BASE 0xff000000
#define CHECK_LARGE 0xff400000
#define CHECK_BASE  0xff800000

#define PAGE_SIZE 4096
#define PAGE_MASK 0xfff

#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_CODE   0x1b
#define SEL_USER_DATA   0x23
#define SEL_TSS         0x28
#define SEL_PROBE       0x30
#define SEL_LDT         0x38

#define BOOT_MMAP_SIZE    1024
#define BOOT_CMDLINE_SIZE 256
#define BOOT_STACK_SIZE   8192

#define MAX_RAM_MIB 256

#define IRQ_BASE 32

/* GDT and IDT have a page to themselves: see kernel.ld. */
#define TABLE_PAGE __attribute__((section(".tables")))

#endif
