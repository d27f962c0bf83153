/* SPDX-License-Identifier: MIT
 *
 * The interrupt table, and who gets what.
 *
 * All 256 gates are interrupt gates: the kernel runs with interrupts off.
 * Ring 3 may call two of them, the system call and INT3; INT to any other is
 * a protection fault that names the gate.
 *
 * trap() hands each frame on: an interrupt to its device, a system call to
 * syscall(), an exception of a program to fault_user(). A program that was
 * interrupted by the timer gives way to the next one here. An exception of
 * the kernel is a panic, unless a check waited for it: then trap_resume says
 * where to go on, and `caught` keeps what happened. In the same way a check
 * that went down to ring 3 comes back by any exception there.
 *
 * Every way to ring 3 but a process's first goes through the end of trap(),
 * where its signals are seen to.
 *
 * Whether ring 3 was interrupted is read from the pushed CS, never from CS.
 * SDM vol. 3A 6.10-6.13.
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/traps.h"
#include "guest/kernel/kernel.h"
#include "guest/kernel/swap.h"

#define STUB_BYTES 16

struct caught caught;
u32 trap_resume;
u32 ring3_esp;

extern u8 trap_stubs[];
static TABLE_PAGE u64 idt[TRAP_VECTORS];

static u64 gate(u32 handler, u32 dpl)
{
    u32 attributes = ATTR_P | dpl << ATTR_DPL_SHIFT | SYS_INT32;
    u32 lo = SEL_KERNEL_CODE << 16 | (handler & 0xffff);
    u32 hi = (handler & 0xffff0000) | attributes << 8;

    return (u64)hi << 32 | lo;
}

void trap_init(void)
{
    struct {
        u16 limit;
        u32 base;
    } __attribute__((packed)) idtr = {sizeof(idt) - 1, (u32)idt};

    for (u32 v = 0; v < TRAP_VECTORS; v++) {
        int open = v == SYS_VECTOR || v == TRAP_BP;

        idt[v] = gate((u32)trap_stubs + v * STUB_BYTES, open ? 3 : 0);
    }
    asm volatile("lidt %0" : : "m"(idtr) : "memory");
}

int frame_is_user(const struct frame *f)
{
    return (f->cs & SEL_RPL) == 3;
}

static void interrupt(struct frame *f)
{
    u32 irq = f->vector - IRQ_BASE;

    pic_eoi(irq);
    if (irq == IRQ_TIMER)
        pit_interrupt();
    else if (irq == IRQ_COM1)
        serial_interrupt();
    else if (irq == IRQ_KBD)
        kbd_interrupt();
    else if (irq == IRQ_ATA)
        disk_interrupt();
    if (irq == IRQ_TIMER)
        proc_tick(frame_is_user(f));
}

static void remember(const struct frame *f)
{
    caught.count++;
    caught.vector = f->vector;
    caught.error = f->error;
    caught.eip = f->eip;
    caught.eax = f->eax;
    caught.address = f->vector == TRAP_PF ? read_cr2() : 0;
}

/* A selector of the program's went bad behind its back: trap.S. Parts of its
 * frame are overwritten by this fault's, so there is no going on. */
static int is_on_the_way_out(const struct frame *f)
{
    return current && f->eip >= (u32)trap_return &&
           f->eip < (u32)trap_return_end;
}

static void exception(struct frame *f)
{
    if (frame_is_user(f) && !ring3_esp) {
        fault_user(f);
        return;
    }
    if (is_on_the_way_out(f))
        fault_return(f);
    remember(f);
    if (frame_is_user(f))
        ring3_leave();
    if (f->vector == TRAP_BP)
        return;
    if (!trap_resume)
        fault_kernel(f);
    f->eip = trap_resume;
    trap_resume = 0;
}

void trap(struct frame *f)
{
    if (f->vector == SYS_VECTOR)
        syscall(f);
    else if (f->vector >= IRQ_BASE && f->vector < IRQ_BASE + IRQ_LINES)
        interrupt(f);
    else
        exception(f);
    if (current && !ring3_esp && frame_is_user(f))
        signal_deliver(f);
}
