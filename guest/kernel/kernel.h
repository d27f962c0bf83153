/* SPDX-License-Identifier: MIT
 *
 * Everything one kernel file may ask of another, in the order of the files.
 *
 * The invariant of the whole kernel: it runs with interrupts off. Every gate
 * is an interrupt gate, and only three places open a window with STI: the
 * idle loop, two of the checks, and the CLI/STI benchmark. So there are no
 * locks, and nobody ever needs to read IF.
 */
#ifndef HARE_KERNEL_H
#define HARE_KERNEL_H

#include "guest/include/abi.h"
#include "guest/include/lib.h"
#include "guest/kernel/layout.h"
#include "guest/kernel/proc.h"
#include "guest/kernel/space.h"
#include "guest/kernel/x86.h"

_Static_assert(sizeof(void *) == 4, "Hare is 32-bit");

/* boot.S: what the loader said, copied before paging went on. */
struct boot_data {
    u32 magic;
    u32 tsc_low, tsc_high; /* at the first instruction */
    u32 meter;
    u32 info[22];
    u32 mmap_bytes;
    u8 mmap[BOOT_MMAP_SIZE];
    char cmdline[BOOT_CMDLINE_SIZE];
};
extern struct boot_data boot_data;

/* main.c */
void machine_end(u32 status) __attribute__((noreturn));
void panic(const char *f, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* kbench.c */
u32 kbench_compute(u32 rounds);

/* printf.c */
void printf(const char *f, ...) __attribute__((format(printf, 1, 2)));

/* serial.c, vga.c, kbd.c, console.c */
void serial_init(void);
void serial_write(const char *s, u32 n);
void serial_interrupt(void);
void vga_init(void);
void vga_write(const char *s, u32 n);
void kbd_init(void);
void kbd_interrupt(void);
void console_init(void);
void console_write(const char *s, u32 n);
void console_input(char c); /* from either device's interrupt */
/* Bytes of a line; may sleep until there is one, if it is to wait. 0: the end
 * of the file was typed, or there is nothing to read without waiting. */
int console_read(char *to, u32 size, int wait);

/* gdt.c */
void gdt_init(void);
u64 descriptor(u32 base, u32 limit, u32 attributes); /* ATTR_ and SYS_ */
void ldt_load(const u64 *ldt);                       /* a page, or NULL */
void tss_set_stack(u32 esp0);
u32 tss_stack(void);
int gdt_is_loaded(void); /* for the check */

/* trap.S, trap.c */
struct frame {
    /* pushed by trap_common */
    u32 gs, fs, es, ds;
    u32 edi, esi, ebp, unused_esp, ebx, edx, ecx, eax; /* PUSHA */
    /* pushed by the stub of the vector */
    u32 vector;
    /* pushed by the processor, or a 0 by the stub */
    u32 error;
    /* pushed by the processor */
    u32 eip, cs, eflags;
    /* pushed by the processor only when it came from ring 3 */
    u32 esp, ss;
};

struct caught { /* the last exception somebody waited for */
    u32 count;
    u32 vector, error, address, eip, eax;
};
extern struct caught caught;
extern u32 trap_resume; /* kernel EIP to go on at after an exception, or 0 */
extern u32 ring3_esp;   /* kernel stack to come back to from a probe, or 0 */

void trap_init(void);
void trap(struct frame *f);
/* trap.S: the way out, where new processes begin, and its end. */
void trap_return(void);
void trap_return_end(void);
int frame_is_user(const struct frame *f);
void ring3_enter(u32 eip, u32 esp);
void ring3_leave(void) __attribute__((noreturn));

/* fault.c */
void fault_user(struct frame *f);
void fault_return(struct frame *f) __attribute__((noreturn));
void fault_kernel(struct frame *f) __attribute__((noreturn));

/* pic.c, pit.c */
void pic_init(void);
void pic_enable(u32 irq);
void pic_eoi(u32 irq);
int pic_is_requested(u32 irq);
void pit_init(void);
void pit_interrupt(void);
u32 pit_ticks(void);

/* frames.c: physical pages; space.h has the rest of it */
void frames_init(void);
u32 frames_shared(void); /* that have more than one holder */
u32 frames_free_count(void);
u32 frames_total(void);
u32 frames_mib(void);

/* paging.c */
void paging_init(void);
u32 *paging_kernel_directory(void);
u32 *directory_new(u32 pa); /* in a zeroed frame */
void directory_use(u32 *dir);
int directory_is_used(const u32 *dir);
u32 *paging_entry(u32 *dir, u32 va); /* the PTE of va, or NULL: no table */
void paging_show(u32 va, u32 pa);    /* of the kernel, writable */
void paging_hide(u32 va);            /* and drops the frame */
u32 *paging_add_table(u32 *dir, u32 va, u32 pa); /* and the PTE of va */

static inline void *pa_to_va(u32 pa)
{
    return (void *)(pa + KERNEL_BASE);
}

static inline u32 va_to_pa(const void *va)
{
    return (u32)va - KERNEL_BASE;
}

/* tar.c: the file at *at, which moves on to the next; NULL behind the last */
const u8 *tar_next(u32 *at, const char **name, u32 *size);

/* switch.S */
void switch_stacks(u32 *save_esp, u32 load_esp);

/* uaccess.c: 0, or an error; they never fault, but may sleep */
int user_read(void *to, u32 from, u32 n);
int user_write(u32 to, const void *from, u32 n);
int user_read_string(char *to, u32 from, u32 size);

/* syscall.c */
void syscall(struct frame *f);
void boot_note_first_program(void);

/* check.c: takes so many pages, and gives them back */
#define CHECK_PAGES 4
void check_run(int quiet); /* panics at the first property that fails */

#endif
