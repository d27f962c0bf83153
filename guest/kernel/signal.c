/* SPDX-License-Identifier: MIT
 *
 * Signals: a bit that is set by whoever sends, and acted on by the process
 * itself on its way back to ring 3.
 *
 * What a process ignores is not even remembered, so a signal that is waiting
 * is one to act on, and ends an interruptible sleep. Init takes none that it
 * does not handle: without it the machine would end.
 */
#include "guest/kernel/kernel.h"
#include "guest/kernel/proc.h"

int signal_is_waiting(const struct proc *p)
{
    return (p->pending & ~p->blocked) != 0;
}

static int is_ignored(const struct proc *p, u32 signal)
{
    u32 handler = p->handler[signal];

    return handler == SIG_IGNORE ||
           (handler == SIG_DEFAULT &&
            (signal == SIG_CHLD || p->pid == INIT_PID));
}

void signal_send(struct proc *p, u32 signal)
{
    if (p->state == PROC_ZOMBIE || is_ignored(p, signal))
        return;
    p->pending |= 1u << signal;
    if (p->state == PROC_BLOCKED && !p->hard && signal_is_waiting(p))
        p->state = PROC_READY;
}

void signal_typed(void)
{
    struct proc *p;

    for (u32 i = 0; i < PROCS; i++) {
        p = proc_at(i);
        if (p && p->state != PROC_NEW)
            signal_send(p, SIG_INT);
    }
}

void signal_deliver(struct frame *f)
{
    u32 signal = 1;

    if (!signal_is_waiting(current))
        return;
    while (!((current->pending & ~current->blocked) >> signal & 1))
        signal++;
    proc_exit(STATUS_KILLED - (s32)signal);
}
