/* SPDX-License-Identifier: MIT
 *
 * Signals: a bit that is set by whoever sends, and acted on by the process
 * itself on its way back to ring 3.
 *
 * What a process ignores is not even remembered, so a signal that waits is
 * one to act on, and ends an interruptible sleep. Init takes none that it
 * does not handle: without it the machine would end. Ctrl-C goes to everybody
 * who does not ignore it; a shell does, and so does what it starts in the
 * background (fork and exec keep what is ignored).
 *
 * A handler runs on the program's own stack, wherever its SS puts that, but
 * in the flat segments:
 *
 *   ESP ->  trampoline        where the handler returns to
 *           signal            its two arguments
 *           address of ...
 *           struct sigframe   every register as it was
 *
 * The trampoline gives the sigframe back with SIGRETURN. It has been in the
 * program's hands, so it is believed in nothing: selectors must be ring 3's,
 * of EFLAGS only what a program may change anyway is taken, and an address
 * that is wrong faults in ring 3. A system call that a signal cut short is
 * not begun anew; it answers ERR_INTR.
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "guest/kernel/kernel.h"

#define BIT(signal) (1u << (signal))
#define USER_FLAGS                                                             \
    (EFLAGS_STATUS | EFLAGS_TF | EFLAGS_DF | EFLAGS_AC | EFLAGS_ID)
#define MAY_BLOCK ((BIT(SIG_COUNT) - 1) & ~(BIT(SIG_KILL) | BIT(0)))
#define LDT_USER  (SEL_TI | SEL_RPL)
#define REGISTERS sizeof(struct frame)

_Static_assert(__builtin_offsetof(struct sigframe, address) == REGISTERS,
               "a sigframe begins with the registers of a trap frame");

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
    p->pending |= BIT(signal);
    if (p->state == PROC_BLOCKED && !p->hard && signal_is_waiting(p))
        proc_ready(p);
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

int signal_set(u32 signal, u32 handler, u32 trampoline)
{
    u32 before;

    if (signal == 0 || signal >= SIG_COUNT || signal == SIG_KILL)
        return ERR_INVAL;
    if (handler >= KERNEL_BASE || trampoline >= KERNEL_BASE)
        return ERR_FAULT;
    before = current->handler[signal];
    current->handler[signal] = handler;
    current->trampoline = trampoline;
    if (is_ignored(current, signal))
        current->pending &= ~BIT(signal);
    return (int)before;
}

void signal_fork(struct proc *child)
{
    memcpy(child->handler, current->handler, sizeof(child->handler));
    child->trampoline = current->trampoline;
    child->blocked = current->blocked;
}

/* The new program has no handlers yet; what was ignored still is. */
void signal_exec(void)
{
    for (u32 i = 0; i < SIG_COUNT; i++)
        if (current->handler[i] != SIG_IGNORE)
            current->handler[i] = SIG_DEFAULT;
    current->blocked = 0;
    current->pending &= ~BIT(SIG_CHLD);
}

/* Sends the process to its handler: 0, or ERR_FAULT for want of a stack. */
static int enter_handler(struct frame *f, u32 signal, u32 address)
{
    struct {
        u32 trampoline, signal, at;
        struct sigframe saved;
    } top = {current->trampoline, signal, 0, {0}};
    u32 esp = ldt_linear(&current->space, f->ss, f->esp);

    esp = (esp - sizeof(top)) & ~3u;
    memcpy(&top.saved, f, REGISTERS);
    top.saved.address = address;
    top.saved.blocked = current->blocked;
    top.at = esp + __builtin_offsetof(__typeof__(top), saved);
    if (user_write(esp, &top, sizeof(top)))
        return ERR_FAULT;
    current->blocked |= BIT(signal);
    f->eip = current->handler[signal];
    f->esp = esp;
    f->cs = SEL_USER_CODE;
    f->ds = f->es = f->ss = SEL_USER_DATA;
    f->eflags &= ~(EFLAGS_TF | EFLAGS_DF | EFLAGS_AC);
    return 0;
}

void signal_deliver(struct frame *f)
{
    while (signal_is_waiting(current)) {
        u32 waiting = current->pending & ~current->blocked;
        u32 signal = (u32)__builtin_ctz(waiting);

        current->pending &= ~BIT(signal);
        if (current->handler[signal] == SIG_DEFAULT ||
            enter_handler(f, signal, 0))
            proc_exit(STATUS_KILLED - (s32)signal);
    }
}

u32 signal_of(u32 vector)
{
    static const u8 signals[TRAP_EXCEPTIONS] = {
        [TRAP_DE] = SIG_FPE, [TRAP_MF] = SIG_FPE, [TRAP_XM] = SIG_FPE,
        [TRAP_UD] = SIG_ILL, [TRAP_DB] = SIG_ILL, [TRAP_BP] = SIG_ILL,
        [TRAP_NM] = SIG_ILL,
    };

    if (vector >= TRAP_EXCEPTIONS || !signals[vector])
        return SIG_SEGV;
    return signals[vector];
}

int signal_fault(struct frame *f, u32 address)
{
    u32 signal = signal_of(f->vector), handler = current->handler[signal];

    if (handler == SIG_DEFAULT || handler == SIG_IGNORE ||
        current->blocked & BIT(signal))
        return 0;
    return enter_handler(f, signal, address) == 0;
}

static int is_users(u32 selector, u32 flat)
{
    return selector == flat || (selector & LDT_USER) == LDT_USER;
}

/* A null selector may be loaded into all but CS and SS; and the RPL of others
 * than those two may be any. */
static int is_users_data(u32 selector)
{
    return selector <= SEL_RPL || selector & SEL_TI ||
           (selector | SEL_RPL) == SEL_USER_DATA ||
           (selector | SEL_RPL) == SEL_USER_CODE;
}

int signal_leave(struct frame *f, u32 sigframe)
{
    struct sigframe s;

    if (user_read(&s, sigframe, sizeof(s)))
        return ERR_FAULT;
    s.gs &= 0xffff;
    s.fs &= 0xffff;
    s.es &= 0xffff;
    s.ds &= 0xffff;
    s.cs &= 0xffff;
    s.ss &= 0xffff;
    if (!is_users(s.cs, SEL_USER_CODE) || !is_users(s.ss, SEL_USER_DATA) ||
        !is_users_data(s.ds) || !is_users_data(s.es) || !is_users_data(s.fs) ||
        !is_users_data(s.gs))
        return ERR_INVAL;
    s.eflags = (s.eflags & USER_FLAGS) | EFLAGS_ONE | EFLAGS_IF;
    current->blocked = s.blocked & MAY_BLOCK;
    memcpy(f, &s, REGISTERS);
    return (int)s.eax;
}
