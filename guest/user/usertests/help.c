/* SPDX-License-Identifier: MIT
 *
 * What many checks need: children, their ends, and touching an address that
 * may not be there. A fault is taken by a handler that goes on behind the two
 * bytes of the instruction.
 */
#include "guest/user/usertests/tests.h"

#define PATIENCE 500

static u32 faults_seen;

int getpid(void)
{
    return sys(SYS_GETPID, 0, 0, 0);
}

int start(check_fn *run, u32 arg)
{
    int pid = fork();

    expect(pid >= 0, "there is room for another process");
    if (pid)
        return pid;
    run(arg);
    exit(0);
}

int end_of(int pid)
{
    int status = 0;

    expect_is(wait(pid, &status), pid, "who ended");
    return status;
}

int outcome(check_fn *run, u32 arg)
{
    return end_of(start(run, arg));
}

/* It is often asked for the same one, which stays in its row. */
static int row_of(int pid, struct ps_entry *row)
{
    static u32 last;

    if (sys(SYS_PS, last, (u32)row, 0) == 0 && row->pid == pid)
        return 1;
    for (last = 0; sys(SYS_PS, last, (u32)row, 0) == 0; last++)
        if (row->pid == pid)
            return 1;
    return 0;
}

int state_of(int pid, const char *state)
{
    struct ps_entry row;

    return row_of(pid, &row) && strcmp(row.state, state) == 0;
}

void until(int pid, const char *state)
{
    for (u32 i = 0; i < PATIENCE && !state_of(pid, state); i++)
        sleep(1);
    expect(state_of(pid, state), state);
}

void stay(u32 unused)
{
    for (;;)
        sleep(1000);
}

static void count_fault(int signal, struct sigframe *f)
{
    faults_seen++;
    f->eip += 2;
}

int faults(u32 address, int write)
{
    handler_fn *before = (handler_fn *)signal(SIG_SEGV, count_fault);
    u32 value = 0;

    faults_seen = 0;
    if (write)
        asm volatile("movl %0, (%1)" : : "a"(value), "d"(address) : "memory");
    else
        asm volatile("movl (%1), %0" : "+a"(value) : "d"(address) : "memory");
    signal(SIG_SEGV, before);
    return faults_seen != 0;
}
