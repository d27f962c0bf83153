/* SPDX-License-Identifier: MIT
 *
 * System calls about processes: the arguments are checked here, the work is
 * done in proc.c, life.c and signal.c. A record is tried for writing before
 * the call has an effect, so that a bad pointer changes nothing.
 */
#include "guest/kernel/kernel.h"
#include "guest/kernel/syscalls.h"
#include "guest/kernel/turns.h"

#define SLEEP_MAX 0x7fffffff /* deadlines are compared by their difference */

int sys_fork(struct frame *f)
{
    return proc_fork();
}

int sys_exec(struct frame *f)
{
    char line[CMDLINE_SIZE];
    int error = user_read_string(line, f->ebx, sizeof(line));

    return error ? error : proc_exec(line);
}

int sys_exit(struct frame *f)
{
    proc_exit((s32)f->ebx);
}

int sys_wait(struct frame *f)
{
    s32 status = 0;
    int pid;

    if (f->ecx && (user_read(&status, f->ecx, sizeof(status)) ||
                   user_write(f->ecx, &status, sizeof(status))))
        return ERR_FAULT;
    pid = proc_wait((s32)f->ebx, &status, f->edx);
    if (pid > 0 && f->ecx)
        user_write(f->ecx, &status, sizeof(status));
    return pid;
}

int sys_kill(struct frame *f)
{
    struct proc *p = proc_find((s32)f->ebx);

    if (!p || p->state == PROC_ZOMBIE)
        return ERR_SRCH;
    if (f->ecx == 0 || f->ecx >= SIG_COUNT || p->pid == INIT_PID)
        return ERR_INVAL;
    signal_send(p, f->ecx);
    return 0;
}

int sys_signal(struct frame *f)
{
    return signal_set(f->ebx, f->ecx, f->edx);
}

int sys_sigreturn(struct frame *f)
{
    return signal_leave(f, f->ebx);
}

int sys_getpid(struct frame *f)
{
    return current->pid;
}

int sys_yield(struct frame *f)
{
    turn_pass(proc_slot(current));
    proc_yield();
    return 0;
}

int sys_sleep(struct frame *f)
{
    return f->ebx > SLEEP_MAX ? ERR_INVAL : sleep_ticks(f->ebx);
}

int sys_alive(struct frame *f)
{
    return proc_alive((s32)f->ebx);
}

int sys_ps(struct frame *f)
{
    struct ps_entry row;
    int error = proc_row(f->ebx, &row);

    return error ? error : user_write(f->ecx, &row, sizeof(row));
}

int sys_time(struct frame *f)
{
    return (int)pit_ticks();
}
