/* SPDX-License-Identifier: MIT
 *
 * A window in which interrupts may come, opened and closed again.
 *
 * Hare always knows whether interrupts are on, and opens and closes the
 * window by STI and CLI alone. Most kernels do otherwise: they save EFLAGS
 * with PUSHF, and restore IF with POPF. Neither traps outside ring 0: PUSHF
 * then shows the hardware's IF, and POPF leaves it alone (SDM vol. 2B). A
 * Hare that is built with HARE_PUSHF=1 has that style, and a check more at
 * its start; it is right on a bare machine and interpreted, and wrong
 * deprivileged in ring 1.
 */
#ifndef HARE_IRQS_H
#define HARE_IRQS_H

#include "arch/x86/defs/regs.h"
#include "guest/kernel/x86.h"

#if HARE_PUSHF

static inline u32 flags_read(void)
{
    u32 flags;

    asm volatile("pushfl\n\tpopl %0" : "=r"(flags) : : "memory");
    return flags;
}

static inline void flags_write(u32 flags)
{
    asm volatile("pushl %0\n\tpopfl" : : "r"(flags) : "memory", "cc");
}

static inline u32 irqs_open(void)
{
    u32 before = flags_read();

    sti();
    return before;
}

static inline void irqs_restore(u32 before)
{
    flags_write(before);
}

/* Does EFLAGS say what CLI, STI and POPF did? */
static inline int irqs_are_seen(void)
{
    u32 off = flags_read(), on;

    sti();
    on = flags_read();
    flags_write(off);
    return !(off & EFLAGS_IF) && (on & EFLAGS_IF) &&
           !(flags_read() & EFLAGS_IF);
}

#else

static inline u32 irqs_open(void)
{
    sti();
    return 0;
}

static inline void irqs_restore(u32 before)
{
    cli();
}

#endif
#endif
