/* SPDX-License-Identifier: MIT
 *
 * Scheduling as a hostile program uses it: any numbers, bursts that are cut
 * short in every way, a lab that is kept for oneself, policies that change
 * under way. The figures of the lab are held to in schedlab's own test.
 */
#include "guest/user/usertests/tests.h"

#define FOR_EVER 100000 /* ticks: the longest burst there is */

static struct sched_info before;

static int lab(u32 on)
{
    return sys(SYS_SCHED, SCHED_LAB, on, 0);
}

static int work(u32 after, u32 ticks)
{
    return sys(SYS_WORK, after, ticks, 0);
}

static void use_burst(u32 ticks)
{
    expect_is(work(0, ticks), 0, "a burst");
    while (work(0, 0) > 0)
        ;
}

static u32 lab_ticks(void)
{
    struct sched_info info;

    sys(SYS_SCHED, SCHED_INFO, 0, (u32)&info);
    return info.lab_ticks;
}

/* Anything but policies in which a job may keep the processor. */
static void any_numbers(u32 unused)
{
    u32 seed = 7, n[4];

    sys(SYS_SCHED, SCHED_INFO, 0, (u32)&before);
    for (u32 i = 0; i < 1500; i++) {
        for (u32 k = 0; k < 4; k++) {
            seed = seed * 1664525 + 1013904223;
            n[k] = seed >> 8;
            n[k] = n[k] & 1 ? n[k] % 26 : seed * n[k];
        }
        if (n[0] & 1 && n[1] % 8 != SCHED_POLICY)
            sys(SYS_SCHED, n[1] % 8, n[2], n[3]);
        else
            sys(SYS_CHART, n[1], n[2], n[3]);
        lab(n[0] & 1);
        work(0, n[1]);
        sys(SYS_SCHED, SCHED_JOB, n[2], n[3]);
    }
    lab(0);
    restore_policy(&before);
}

static void wrong_numbers(u32 unused)
{
    expect_is(work(0, 1), ERR_INVAL, "a burst without a lab");
    expect_is(lab(0), ERR_INVAL, "the end of no lab");
    expect_is(lab(1), 0, "a lab");
    expect_is(lab(1), ERR_AGAIN, "a second lab");
    expect_is(work(1, 0), ERR_INVAL, "a burst of nothing");
    expect_is(work(0, FOR_EVER + 1), ERR_INVAL, "too long a burst");
    expect_is(work(~0u, 1), ERR_INVAL, "too long a wait");
    expect_is(work(0, 0), 0, "what is left of no burst");
    expect_is(work(0, 3), 0, "a burst");
    expect_is(work(0, 3), ERR_INVAL, "a burst in a burst");
    expect_is(sys(SYS_SCHED, SCHED_POLICY, 5, 0), ERR_INVAL, "policy 5");
    expect_is(sys(SYS_SCHED, 6, 0, 0), ERR_INVAL, "command 6");
    expect_is(sys(SYS_SCHED, SCHED_KNOB, SCHED_SLICE, 0), ERR_INVAL,
              "a slice of 0");
    expect_is(sys(SYS_SCHED, SCHED_LAB_JOB, ~0u, 0), ERR_SRCH, "no job");
    expect_is(sys(SYS_SCHED, SCHED_JOB, 30000, 0), ERR_SRCH, "no process");
    expect_is(sys(SYS_CHART, 0, ~0u, 1), ERR_INVAL, "a chart from nowhere");
}

static void long_burst(u32 after)
{
    work(after, FOR_EVER);
    while (work(0, 0) > 0)
        ;
}

/* A burst that a signal ends, or the wait for it, hurts nobody. */
static void killed(u32 after)
{
    int pid;

    expect_is(lab(1), 0, "a lab");
    pid = start(long_burst, after);
    sleep(2);
    kill(pid, SIG_KILL);
    expect_is(end_of(pid), STATUS_KILLED - SIG_KILL, "its end");
    expect_is(outcome(use_burst, 1), 0, "another's burst");
    expect(lab_ticks() > 0, "the clock goes on");
}

static void forks_and_waits(u32 unused)
{
    expect_is(work(0, 2), 0, "a burst");
    expect_is(outcome(use_burst, 2), 0, "its child's burst");
    while (work(0, 0) > 0)
        ;
}

static void fork_in_burst(u32 unused)
{
    expect_is(lab(1), 0, "a lab");
    expect_is(outcome(forks_and_waits, 0), 0, "one that forks");
    expect_is((int)lab_ticks(), 4, "ticks of the lab");
}

static void executes(u32 unused)
{
    expect_is(work(0, 2), 0, "a burst");
    exec("sleep 0");
}

static void exec_in_burst(u32 unused)
{
    expect_is(lab(1), 0, "a lab");
    expect_is(outcome(executes, 0), 0, "one that executes");
    expect_is(outcome(use_burst, 1), 0, "another's burst");
}

static void own(u32 unused)
{
    lab(1);
    start(long_burst, 5);
    start(long_burst, 0);
    sleep(3);
}

/* Its members were in a burst and in a wait; both are ordinary now. */
static void owner_ends(u32 unused)
{
    struct ps_entry row;
    int me = getpid();

    expect_is(outcome(own, 0), 0, "the owner");
    expect_is(lab(1), 0, "the next lab");
    lab(0);
    for (u32 i = 0; sys(SYS_PS, i, (u32)&row, 0) == 0; i++)
        expect(row.pid == 0 || row.parent != me, "no child is left");
}

/* Two children talk through a pipe while the policies change. */
static void talk(u32 unused)
{
    int there[2], back[2], pid;
    char c = 0;

    pipe(there);
    pipe(back);
    pid = fork();
    for (u32 i = 0; i < 100; i++)
        if (pid == 0) {
            read(there[0], &c, 1);
            write(back[1], &c, 1);
        } else {
            write(there[1], &c, 1);
            read(back[0], &c, 1);
        }
    if (pid)
        expect_is(end_of(pid), 0, "the other one");
}

static void switching(u32 unused)
{
    int pid;

    sys(SYS_SCHED, SCHED_INFO, 0, (u32)&before);
    pid = start(talk, 0);
    for (u32 i = 0; i < 200; i++) {
        sys(SYS_SCHED, SCHED_POLICY, i % 5, 0);
        sys(SYS_SCHED, SCHED_KNOB, SCHED_LEVEL_COUNT, 1 + i % SCHED_LEVELS);
        sys(SYS_YIELD, 0, 0, 0);
    }
    expect_is(end_of(pid), 0, "the talk");
    restore_policy(&before);
}

/* A member that only computes between bursts costs the others little: the
 * lab is over soon, and it is one of them. */
static void greedy(u32 unused)
{
    int fds[2], pid;
    char c;

    pipe(fds);
    pid = fork();
    if (pid == 0) {
        lab(1);
        write(fds[1], "g", 1);
        for (;;)
            ;
    }
    read(fds[0], &c, 1);
    for (u32 i = 0; i < 3; i++)
        sys(SYS_YIELD, 0, 0, 0);
    expect_is(lab(1), 0, "a lab, which the other has no more");
    kill(pid, SIG_KILL);
    end_of(pid);
}

const struct test turn_tests[] = {
    {"turns-any-numbers", any_numbers, 0},
    {"turns-wrong-numbers", wrong_numbers, 0},
    {"turns-burst-killed", killed, 0},
    {"turns-wait-killed", killed, 1000},
    {"turns-burst-fork", fork_in_burst, 0},
    {"turns-burst-exec", exec_in_burst, 0},
    {"turns-lab-ends", owner_ends, 0},
    {"turns-switching", switching, 0},
    {"turns-greedy", greedy, 0},
    {NULL, NULL, 0},
};
