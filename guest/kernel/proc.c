/* SPDX-License-Identifier: MIT
 *
 * The table of processes: whose turn it is, who sleeps, who is woken.
 *
 * A process is in the kernel on its own stack whenever it does not run, so
 * giving way is a function call (switch.S). Whose turn it is next is asked of
 * the scheduler (turns.h); when nobody is ready the boot thread runs and
 * halts. The kernel is never preempted: between two calls that may sleep,
 * nothing changes.
 *
 * There are three ways to sleep. sleep_on() ends early for a signal: its
 * caller gives up with ERR_INTR, and the signal is seen to on the way out.
 * sleep_hard() does not: it is for what always ends soon, the disk.
 * sleep_ticks() ends by the clock. A wake names a channel, any address; all
 * who sleep on it become ready and look again at what they waited for.
 *
 * Each slot has a place for its kernel stack at KSTACK_BASE, with a page that
 * is never there below it. LIMIT: a kernel that overflows its stack cannot
 * even push the fault: the processor shuts down, but nothing is overwritten.
 */
#include "guest/kernel/proc.h"
#include "guest/kernel/irqs.h"
#include "guest/kernel/kernel.h"
#include "guest/kernel/turns.h"

#define STACK_STRIDE ((STACK_PAGES + 1) * PAGE_SIZE)

struct proc *current;

static struct proc procs[PROCS];
static u32 end; /* slots from here on are free: nobody looks at them */
static u32 idle_esp;
static s32 next_pid = INIT_PID;

struct proc *proc_at(u32 slot)
{
    return slot < end && procs[slot].state != PROC_FREE ? &procs[slot] : NULL;
}

u32 proc_slot(const struct proc *p)
{
    return (u32)(p - procs);
}

struct proc *proc_find(s32 pid)
{
    for (u32 i = 0; i < end; i++)
        if (procs[i].state > PROC_NEW && procs[i].pid == pid)
            return &procs[i];
    return NULL;
}

static u32 stack_top(const struct proc *p)
{
    return KSTACK_BASE + (u32)(p - procs + 1) * STACK_STRIDE;
}

struct frame *proc_frame(const struct proc *p)
{
    return (struct frame *)stack_top(p) - 1;
}

static int stack_new(const struct proc *p)
{
    for (u32 i = 1; i <= STACK_PAGES; i++) {
        u32 pa = frame_obtain();

        if (!pa)
            return ERR_NOMEM;
        paging_show(stack_top(p) - i * PAGE_SIZE, pa);
    }
    return 0;
}

void proc_reap(struct proc *p)
{
    for (u32 i = 1; i <= STACK_PAGES; i++)
        paging_hide(stack_top(p) - i * PAGE_SIZE);
    *p = (struct proc){0};
    while (end > 0 && procs[end - 1].state == PROC_FREE)
        end--;
}

struct proc *proc_new(void)
{
    struct proc *p = procs;

    while (p < procs + end && p->state != PROC_FREE)
        p++;
    if (p == procs + PROCS)
        return NULL;
    *p = (struct proc){.state = PROC_NEW};
    if (p == procs + end)
        end++;
    if (stack_new(p)) {
        proc_reap(p);
        return NULL;
    }
    return p;
}

/* The kernel stack as if the process had called switch_stacks() out of the
 * trap whose frame is there already. */
void proc_start(struct proc *p)
{
    u32 *context = (u32 *)proc_frame(p) - 5;

    context[4] = (u32)trap_return;
    p->esp = (u32)context;
    p->pid = next_pid++;
    p->state = PROC_READY;
    turn_begin(proc_slot(p), p->pid,
               p->parent ? (int)proc_slot(p->parent) : -1);
}

void proc_ready(struct proc *p)
{
    p->state = PROC_READY;
    turn_ready(proc_slot(p));
}

/* NULL is the boot thread, which needs no address space and no TSS stack. */
static void switch_to(struct proc *next)
{
    u32 *save = current ? &current->esp : &idle_esp;
    u32 load = next ? next->esp : idle_esp;

    if (next == current)
        return;
    if (next) {
        drop_fs_gs();
        /* Behind the boot thread's turn all of it is still there. */
        if (!directory_is_used(next->space.dir))
            space_use(&next->space);
        tss_set_stack(stack_top(next));
    }
    current = next;
    switch_stacks(save, load);
}

void proc_yield(void)
{
    int slot = turn_next();

    switch_to(slot < 0 ? NULL : &procs[slot]);
}

void proc_idle(void)
{
    boot_note_first_program();
    for (;;) {
        proc_yield();
        u32 flags = irqs_open();
        halt();
        irqs_restore(flags);
    }
}

static void block(const void *channel, int hard)
{
    if (!current)
        panic("the boot thread cannot sleep.");
    current->channel = channel;
    current->hard = (u8)hard;
    current->state = PROC_BLOCKED;
    turn_block(proc_slot(current));
    proc_yield();
    current->timed = 0;
}

static void set_deadline(u32 ticks)
{
    current->deadline = pit_ticks() + ticks;
    current->timed = 1;
}

static int deadline_is_over(const struct proc *p)
{
    return (s32)(pit_ticks() - p->deadline) >= 0;
}

int sleep_on(const void *channel)
{
    if (signal_is_waiting(current))
        return ERR_INTR;
    block(channel, 0);
    return signal_is_waiting(current) ? ERR_INTR : 0;
}

int sleep_ticks(u32 ticks)
{
    if (ticks == 0)
        return 0;
    if (signal_is_waiting(current))
        return ERR_INTR;
    set_deadline(ticks);
    block(&current->deadline, 0);
    return deadline_is_over(current) ? 0 : ERR_INTR;
}

void sleep_hard(const void *channel)
{
    block(channel, 1);
}

int sleep_hard_for(const void *channel, u32 ticks)
{
    set_deadline(ticks);
    block(channel, 1);
    return deadline_is_over(current) ? ERR_AGAIN : 0;
}

void wake(const void *channel)
{
    for (u32 i = 0; i < end; i++)
        if (procs[i].state == PROC_BLOCKED && procs[i].channel == channel)
            proc_ready(&procs[i]);
}

void proc_tick(int ring3)
{
    int over;

    for (u32 i = 0; i < end; i++) {
        struct proc *p = &procs[i];

        if (p->state == PROC_BLOCKED && p->timed && deadline_is_over(p))
            proc_ready(p);
    }
    over = turn_tick();
    if (!ring3 || !current)
        return;
    current->ticks++;
    if (over)
        proc_yield();
}
