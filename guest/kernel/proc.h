/* SPDX-License-Identifier: MIT
 *
 * Processes: the table of them, sleeping and waking, life and death, signals.
 *
 * A process is always at rest in the kernel on its own stack unless it is
 * `current`. Nobody ends another one: kill only leaves a signal, and each
 * process ends itself on its way back to ring 3 (trap.c), where it holds no
 * frame and no disk. So a sleeper need not fear to be torn down under way;
 * behind a sleep it looks again at whatever others may have changed.
 */
#ifndef HARE_PROC_H
#define HARE_PROC_H

#include "guest/include/abi.h"
#include "guest/kernel/space.h"

struct frame;
struct file;

#define PROCS       128 /* slots; a slot's number is its job's for sched.h */
#define INIT_PID    1
#define STACK_PAGES 2 /* of a kernel stack; the page below them is a guard */

enum proc_state {
    PROC_FREE,
    PROC_NEW, /* being made; it does not run yet */
    PROC_READY,
    PROC_BLOCKED, /* until wake(channel) or its deadline */
    PROC_ZOMBIE,  /* until its parent waits for it */
};

struct proc {
    s32 pid;
    enum proc_state state;
    struct proc *parent;
    char name[NAME_SIZE];
    struct space space; /* dir is NULL in a zombie */
    u32 esp;            /* of the suspended kernel context */
    /* Of a blocked one: */
    const void *channel;
    u32 deadline; /* in ticks, if timed */
    u8 timed, hard;
    /* Signals: one bit each, by number. */
    u32 pending, blocked;
    u32 handler[SIG_COUNT];
    u32 trampoline;
    struct file *files[OPEN_FILES]; /* by descriptor (file.h) */
    u32 ticks;                      /* of processor time */
    s32 status;
};

extern struct proc *current; /* NULL in the boot thread, which idles */

/* proc.c: the table, turns, sleep */
struct proc *proc_at(u32 slot); /* NULL: a free one */
struct proc *proc_find(s32 pid);
u32 proc_slot(const struct proc *p);
/* A slot and a kernel stack, or NULL. May sleep. */
struct proc *proc_new(void);
void proc_start(struct proc *p);
void proc_ready(struct proc *p); /* a blocked one */
void proc_reap(struct proc *p);  /* the last of it */
/* Where its registers lie while it is in the kernel: the top of its stack. */
struct frame *proc_frame(const struct proc *p);
void proc_yield(void);
void proc_idle(void) __attribute__((noreturn));
void proc_tick(int ring3); /* by the timer: sleepers, time used, turns */
/* Until wake(channel): 0, or ERR_INTR when a signal is there. */
int sleep_on(const void *channel);
int sleep_ticks(u32 ticks); /* 0 when they are over, or ERR_INTR */
/* Until wake(channel), whatever signals come. */
void sleep_hard(const void *channel);
/* The same, at most so many ticks: 0, or ERR_AGAIN when they are over. */
int sleep_hard_for(const void *channel, u32 ticks);
void wake(const void *channel);

/* life.c: may sleep */
int proc_init(const char *cmdline); /* the first process; 0 or an error */
int proc_fork(void);                /* the child's pid, or an error */
int proc_exec(const char *cmdline); /* 0, or an error and nothing changed */
void proc_exit(s32 status) __attribute__((noreturn));
int proc_wait(s32 pid, s32 *status, u32 flags);
int proc_alive(s32 pid);
int proc_row(u32 index, struct ps_entry *row);

/* signal.c: signal_fault(), signal_deliver() and signal_leave() may sleep. */
int signal_is_waiting(const struct proc *p); /* one that it must act on */
void signal_send(struct proc *p, u32 signal);
void signal_typed(void); /* Ctrl-C: SIG_INT to all who do not ignore it */
void signal_deliver(struct frame *f); /* on the way to ring 3; may not return */
u32 signal_of(u32 vector);            /* what an exception sends */
int signal_fault(struct frame *f, u32 address); /* 1: a handler takes it */
int signal_set(u32 signal, u32 handler, u32 trampoline);
void signal_fork(struct proc *child);
void signal_exec(void);
int signal_leave(struct frame *f, u32 sigframe); /* EAX, or an error */

#endif
