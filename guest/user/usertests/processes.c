/* SPDX-License-Identifier: MIT
 *
 * Fork, exit, wait, kill, sleep, and what ps shows of them.
 *
 * A check's children may be as bad as they like: fork until nothing is left,
 * end without being waited for, wait for strangers, spin. The runner looks
 * afterwards whether anything of them is still there.
 */
#include "guest/user/usertests/tests.h"

#define MOST   128 /* processes, whatever the machine */
#define FAN    3
#define DEPTH  3
#define LONG   100000
#define SHORT  3
#define STATUS 42

static volatile u32 word = 1;

static void fork_pids(u32 unused)
{
    int fds[2], own, pid;

    pipe(fds);
    pid = fork();
    own = getpid();
    if (pid == 0) {
        write(fds[1], &own, sizeof(own));
        exit(0);
    }
    expect(pid != own, "a child has a number of its own");
    end_of(pid);
    read(fds[0], &own, sizeof(own));
    expect_is(own, pid, "the child's number as it knows it");
}

static void fork_memory(u32 unused)
{
    volatile u32 local = 1;
    int pid = fork();

    if (pid == 0) {
        word = local = 2;
        exit((int)(word + local));
    }
    expect_is(end_of(pid), 4, "what the child had written");
    expect(word == 1 && local == 1, "a child writes into its own memory");
}

static void fork_bomb(u32 unused)
{
    int pids[MOST], n = 0, pid = 0;

    while (n < MOST && (pid = fork()) > 0)
        pids[n++] = pid;
    if (pid == 0)
        stay(0);
    expect_is(pid, ERR_NOMEM, "the answer to one fork too many");
    expect(n >= 16, "there is room for sixteen processes");
    for (int i = 0; i < n; i++)
        kill(pids[i], SIG_KILL);
    for (int i = 0; i < n; i++)
        expect_is(end_of(pids[i]), STATUS_KILLED - SIG_KILL, "its status");
}

/* A tree of processes, as far as there is room; each waits for its own. */
static void fork_tree(u32 depth)
{
    u32 made = 0;

    for (u32 i = 0; depth > 0 && i < FAN; i++) {
        int pid = fork();

        if (pid == 0) {
            depth--;
            made = 0;
            i = ~0u;
        } else {
            made += pid > 0;
        }
    }
    for (u32 i = 0; i < made; i++)
        wait(WAIT_ANY, NULL);
    expect_is(wait(WAIT_ANY, NULL), ERR_SRCH, "one more");
}

static void give(u32 status)
{
    exit((int)status);
}

static void exit_status(u32 unused)
{
    expect_is(outcome(give, STATUS), STATUS, "the status");
    expect_is(outcome(give, 0), 0, "the status");
    expect_is(outcome(give, (u32)-7), -7, "the status");
}

static void wait_nobody(u32 unused)
{
    int status;

    expect_is(wait(WAIT_ANY, &status), ERR_SRCH, "waiting for nobody");
    expect_is(wait(1, &status), ERR_SRCH, "waiting for init");
    expect_is(wait(getpid(), &status), ERR_SRCH, "waiting for oneself");
    expect_is(wait(0, &status), ERR_SRCH, "waiting for process 0");
    expect_is(wait(-2, &status), ERR_SRCH, "waiting for process -2");
}

static void wait_now(u32 unused)
{
    int pid = start(stay, 0), status = 0;

    expect_is(sys(SYS_WAIT, (u32)pid, (u32)&status, WAIT_NOHANG), ERR_AGAIN,
              "looking for the end of one that runs");
    kill(pid, SIG_KILL);
    until(pid, "ZOMBIE");
    expect_is(sys(SYS_WAIT, (u32)pid, (u32)&status, WAIT_NOHANG), pid,
              "looking for the end of one that ended");
    expect_is(wait(pid, &status), ERR_SRCH, "waiting twice");
}

/* The second first. */
static void wait_chosen(u32 unused)
{
    int a = start(give, 1), b = start(give, 2), c = start(give, 3);

    expect_is(end_of(b), 2, "the second one's status");
    expect_is(end_of(c), 3, "the third one's status");
    expect_is(end_of(a), 1, "the first one's status");
}

static void wait_any(u32 unused)
{
    u32 sum = 0;
    int status;

    for (u32 i = 1; i <= 4; i++)
        start(give, 1u << i);
    for (u32 i = 1; i <= 4; i++) {
        expect(wait(WAIT_ANY, &status) > 0, "each child is waited for once");
        sum += (u32)status;
    }
    expect_is((int)sum, 2 + 4 + 8 + 16, "the sum of their statuses");
}

static void wait_unwanted(u32 unused)
{
    start(give, 1);
    expect(wait(WAIT_ANY, NULL) > 0, "a status may be left out");
}

static void leave_child(u32 fd)
{
    int pid = start(stay, 0);

    write((int)fd, &pid, sizeof(pid));
}

static int parent_of(int pid)
{
    struct ps_entry row;

    for (u32 i = 0; sys(SYS_PS, i, (u32)&row, 0) == 0; i++)
        if (row.pid == pid)
            return row.parent;
    return 0;
}

static void orphan(u32 unused)
{
    int fds[2], pid;

    pipe(fds);
    outcome(leave_child, (u32)fds[1]);
    read(fds[0], &pid, sizeof(pid));
    expect_is(parent_of(pid), 1, "an orphan's parent");
    expect_is(wait(pid, NULL), ERR_SRCH, "waiting for a grandchild");
    kill(pid, SIG_KILL);
}

/* Children that ended and whose parent never asked. */
static void left_dead(u32 unused)
{
    for (u32 i = 0; i < 8; i++)
        start(give, i);
}

static void spin(u32 unused)
{
    for (;;)
        word++;
}

static void states(u32 unused)
{
    int sleeper = start(stay, 0), spinner = start(spin, 0);
    int dead = start(give, 0);

    until(sleeper, "BLOCKED");
    until(spinner, "READY");
    until(dead, "ZOMBIE");
    expect(state_of(getpid(), "RUNNING"), "who asks is running");
    kill(sleeper, SIG_KILL);
    kill(spinner, SIG_KILL);
}

static void ps_end(u32 unused)
{
    struct ps_entry row;

    expect_is(sys(SYS_PS, MOST, (u32)&row, 0), ERR_SRCH, "a row too far");
    expect_is(sys(SYS_PS, ~0u, (u32)&row, 0), ERR_SRCH, "a row too far");
}

/* It is preempted, or this would not go on; and it dies without a call. */
static void kill_spinner(u32 signal)
{
    int pid = start(spin, 0);

    sleep(SHORT);
    expect_is(kill(pid, (int)signal), 0, "the answer");
    expect_is(end_of(pid), STATUS_KILLED - (int)signal, "its status");
}

static void kill_sleeper(u32 unused)
{
    u32 before = (u32)sys(SYS_TIME, 0, 0, 0);
    int pid = start(stay, 0);

    until(pid, "BLOCKED");
    kill(pid, SIG_TERM);
    expect_is(end_of(pid), STATUS_KILLED - SIG_TERM, "its status");
    expect((u32)sys(SYS_TIME, 0, 0, 0) - before < 900, "it ended early");
}

static void kill_self(u32 unused)
{
    int pid = fork();

    if (pid == 0) {
        kill(getpid(), SIG_KILL);
        exit(0);
    }
    expect_is(end_of(pid), STATUS_KILLED - SIG_KILL, "its status");
}

static void kill_wrong(u32 unused)
{
    int dead = start(give, 0);

    until(dead, "ZOMBIE");
    expect_is(kill(dead, SIG_TERM), ERR_SRCH, "killing one that has ended");
    end_of(dead);
    expect_is(kill(dead, SIG_TERM), ERR_SRCH, "killing one that is gone");
    expect_is(kill(0, SIG_TERM), ERR_SRCH, "killing process 0");
    expect_is(kill(-1, SIG_TERM), ERR_SRCH, "killing process -1");
    expect_is(kill(0x7fffffff, SIG_TERM), ERR_SRCH, "killing nobody");
    expect_is(kill(1, SIG_KILL), ERR_INVAL, "killing init");
    expect_is(kill(getpid(), 0), ERR_INVAL, "signal 0");
    expect_is(kill(getpid(), SIG_COUNT), ERR_INVAL, "a signal too many");
    expect_is(kill(getpid(), -1), ERR_INVAL, "signal -1");
}

static void sleeping(u32 unused)
{
    u32 before = (u32)sys(SYS_TIME, 0, 0, 0);

    expect_is(sleep(SHORT), 0, "the answer");
    expect((u32)sys(SYS_TIME, 0, 0, 0) - before >= SHORT,
           "a sleeper sleeps as long as it asked for");
    expect_is(sleep(0), 0, "sleeping for no time");
    expect_is(sleep(0x80000000), ERR_INVAL, "sleeping too long");
}

static void alive(u32 unused)
{
    int pid = start(stay, 0);

    expect_is(sys(SYS_ALIVE, (u32)pid, 0, 0), 1, "alive() of a child");
    kill(pid, SIG_KILL);
    until(pid, "ZOMBIE");
    expect_is(sys(SYS_ALIVE, (u32)pid, 0, 0), 0, "alive() of a dead one");
    expect_is(sys(SYS_ALIVE, 0, 0, 0), 0, "alive() of nobody");
}

static void yielding(u32 unused)
{
    int pid = start(give, STATUS);

    for (u32 i = 0; i < 50 && !state_of(pid, "ZOMBIE"); i++)
        sys(SYS_YIELD, 0, 0, 0);
    expect(state_of(pid, "ZOMBIE"), "who yields lets others run");
}

const struct test process_tests[] = {
    {"fork-pids", fork_pids, 0},
    {"fork-memory", fork_memory, 0},
    {"fork-bomb", fork_bomb, 0},
    {"fork-tree", fork_tree, DEPTH},
    {"exit-status", exit_status, 0},
    {"wait-nobody", wait_nobody, 0},
    {"wait-now", wait_now, 0},
    {"wait-chosen", wait_chosen, 0},
    {"wait-any", wait_any, 0},
    {"wait-unwanted", wait_unwanted, 0},
    {"orphan", orphan, 0},
    {"left-dead", left_dead, 0},
    {"ps-states", states, 0},
    {"ps-end", ps_end, 0},
    {"kill-spinner", kill_spinner, SIG_TERM},
    {"kill-handled", kill_spinner, SIG_INT},
    {"kill-sleeper", kill_sleeper, 0},
    {"kill-self", kill_self, 0},
    {"kill-wrong", kill_wrong, 0},
    {"sleep", sleeping, 0},
    {"alive", alive, 0},
    {"yield", yielding, 0},
    {NULL, NULL, 0},
};
