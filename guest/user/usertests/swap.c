/* SPDX-License-Identifier: MIT
 *
 * Swapping, as a program may use and abuse it: wrong commands, and a region
 * under observation whose process forks, ends, gives it back, is hit by
 * signals, or executes what its few frames can never satisfy.
 *
 * Where there is no swap area, the answer to any observation is ERR_NOENT.
 */
#include "guest/user/usertests/tests.h"

#define PAGES 8
#define KEPT  3 /* ticks */

static volatile u8 *memory;

static int control(u32 command, u32 a, u32 b)
{
    return sys(SYS_SWAPCTL, command, a, b);
}

static struct swap_info info(void)
{
    struct swap_info i;

    sys(SYS_SWAPSTAT, (u32)&i, 0, 0);
    return i;
}

/* 0: there is nothing to swap on, as it should be said. */
static int observe(u32 frames)
{
    int answer;

    memory = (volatile u8 *)sys(SYS_MMAP, PAGES * PAGE_SIZE, 0, 0);
    answer = control(SWAP_LAB, (u32)memory, frames);
    expect_is(answer, info().slots ? 0 : ERR_NOENT, "the lab's answer");
    return answer == 0;
}

static void put_all(u8 salt)
{
    for (u32 i = 0; i < PAGES; i++)
        memory[i * PAGE_SIZE + i] = (u8)(i + salt);
}

static void check_all(u8 salt)
{
    for (u32 i = 0; i < PAGES; i++)
        expect(memory[i * PAGE_SIZE + i] == (u8)(i + salt),
               "a page keeps its byte");
}

static void commands(u32 unused)
{
    char name[NAME_SIZE + 1] = "fifofifofifofifo";

    expect_is(control(99, 0, 0), ERR_INVAL, "an unknown command");
    expect_is(control(SWAP_POLICY, (u32)name, 0), ERR_INVAL, "a long name");
    expect_is(control(SWAP_POLICY, (u32) "none", 0), ERR_NOENT, "a wrong name");
    expect_is(control(SWAP_POLICY, KERNEL, 0), ERR_FAULT, "a bad pointer");
    expect_is(control(SWAP_NAME, 99, (u32)name), ERR_NOENT, "policy 99");
    expect_is(control(SWAP_NAME, 0, KERNEL), ERR_FAULT, "a bad pointer");
    expect_is(control(SWAP_END, 0, 0), ERR_SRCH, "the end of no lab");
}

static void places(u32 unused)
{
    static const u32 wrong[] = {0,   HOLE,       KERNEL, USER_STACK_TOP - 4,
                                ~0u, (u32)places};
    int want = info().slots ? ERR_INVAL : ERR_NOENT;

    for (u32 i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_is(control(SWAP_LAB, wrong[i], 3), want, "a wrong region");
    memory = (volatile u8 *)sys(SYS_MMAP, PAGES * PAGE_SIZE, 0, 0);
    expect_is(control(SWAP_LAB, (u32)memory, 1000), want, "too many frames");
    expect_is(control(SWAP_LAB, (u32)memory, ~0u), want, "far too many");
}

/* An instruction that needs two pages, and the kernel as a third hand. */
static void data(u32 frames)
{
    int faults, want = frames ? PAGES : 1;

    if (!observe(frames))
        return;
    put_all(1);
    for (u32 i = 0; i + 1 < PAGES; i++) {
        volatile u8 *to = memory + (i + 1) * PAGE_SIZE + 9, *from = to - 9;

        from[-1] = (u8)i;
        from--;
        asm volatile("movsb" : "+S"(from), "+D"(to) : : "memory");
        expect(to[-1] == i, "MOVS copies between two pages");
    }
    check_all(1);
    expect_is(sys(SYS_SWAPSTAT, (u32)memory + PAGE_SIZE - 8, 0, 0), 0,
              "the answer across two pages");
    faults = control(SWAP_END, 0, 0);
    expect(faults >= want, "page faults are counted");
    memory[PAGES * PAGE_SIZE - 1] = 1;
}

static void unmapped(u32 unused)
{
    if (!observe(2))
        return;
    put_all(2);
    sys(SYS_MUNMAP, (u32)memory, PAGES * PAGE_SIZE, 0);
    expect(faults((u32)memory, 1), "what was given back is gone");
    expect(control(SWAP_END, 0, 0) >= PAGES, "the lab ends all the same");
    expect(observe(2), "it can begin anew");
    sys(SYS_MUNMAP, (u32)memory, PAGE_SIZE, 0);
    memory[PAGE_SIZE] = memory[2 * PAGE_SIZE] = memory[3 * PAGE_SIZE] = 5;
}

static void forked(u32 unused)
{
    int pid;

    if (!observe(2))
        return;
    put_all(3);
    pid = fork();
    check_all(3);
    if (pid == 0) {
        put_all(4);
        check_all(4);
        exit(0);
    }
    expect_is(end_of(pid), 0, "the child's status");
    check_all(3);
    expect_is(control(SWAP_END, 0, 0), ERR_SRCH, "a lab that fork has ended");
}

static void become_another(u32 unused)
{
    observe(2);
    put_all(4);
    exec("usertests -observed");
}

static void executed(u32 unused)
{
    expect_is(outcome(become_another, 0), ERRAND_DONE, "its status");
}

static void leave_it(u32 unused)
{
    observe(2);
    put_all(5);
}

static void stay_in_it(u32 unused)
{
    leave_it(0);
    stay(0);
}

static void left(u32 unused)
{
    int pid, second;

    expect_is(outcome(leave_it, 0), 0, "who leaves it by its end");
    pid = start(stay_in_it, 0);
    until(pid, "BLOCKED");
    memory = (volatile u8 *)sys(SYS_MMAP, PAGES * PAGE_SIZE, 0, 0);
    second = control(SWAP_LAB, (u32)memory, 2);
    kill(pid, SIG_KILL);
    end_of(pid);
    expect_is(second, info().slots ? ERR_EXIST : ERR_NOENT, "a second lab");
    leave_it(0);
}

/* One frame, two pages: the instruction is tried for ever. */
static void never_ends(u32 unused)
{
    volatile u8 *from, *to;

    if (!observe(1))
        stay(0);
    from = memory;
    to = memory + PAGE_SIZE;
    asm volatile("movsb" : "+S"(from), "+D"(to) : : "memory");
}

static void too_few(u32 unused)
{
    int pid = start(never_ends, 0);

    sleep(KEPT);
    kill(pid, SIG_TERM);
    expect_is(end_of(pid), STATUS_KILLED - SIG_TERM, "its status");
}

static void touch_in_handler(int signal, struct sigframe *f)
{
    memory[2 * PAGE_SIZE + 100]++;
    memory[3 * PAGE_SIZE + 100]++;
}

static void signalled(u32 unused)
{
    signal(SIG_USR, touch_in_handler);
    if (!observe(2))
        return;
    for (u8 i = 0; i < PAGES; i++) {
        put_all(i);
        kill(getpid(), SIG_USR);
        check_all(i);
    }
    expect(memory[2 * PAGE_SIZE + 100] == PAGES, "each signal came");
}

static void fill(u32 pages)
{
    u32 a = (u32)sys(SYS_MMAP, pages * PAGE_SIZE, 0, 0);

    for (u32 i = 0; i < pages; i++)
        *(volatile u32 *)(a + i * PAGE_SIZE) = i;
}

static void fill_and_stay(u32 pages)
{
    fill(pages);
    stay(0);
}

static u32 pages_of(int pid)
{
    struct ps_entry row;

    for (u32 i = 0; sys(SYS_PS, i, (u32)&row, 0) == 0; i++)
        if (row.pid == pid)
            return row.pages + row.swapped;
    return 0;
}

/* Memory, and swap if there is any, are full: who has the most pages goes, not
 * who asks. */
static void largest(u32 unused)
{
    struct mem_info m;
    u32 all;
    int pid, small;

    sys(SYS_MEM, (u32)&m, 0, 0);
    all = m.free + info().slots;
    pid = start(fill_and_stay, all / 8 * 5);
    while (sys(SYS_ALIVE, (u32)pid, 0, 0) == 1 && pages_of(pid) < all / 8 * 5)
        sleep(1);
    small = outcome(fill, all / 2);
    kill(pid, SIG_USR);
    expect_is(end_of(pid), STATUS_KILLED - SIG_KILL, "the end of the largest");
    expect_is(small, 0, "the end of the smaller one, which gets its pages");
}

const struct test swap_tests[] = {
    {"swap-commands", commands, 0}, {"swap-places", places, 0},
    {"swap-limited", data, 3},      {"swap-recorded", data, 0},
    {"swap-unmapped", unmapped, 0}, {"swap-forked", forked, 0},
    {"swap-executed", executed, 0}, {"swap-left", left, 0},
    {"swap-too-few", too_few, 0},   {"swap-signalled", signalled, 0},
    {"swap-largest", largest, 0},   {NULL, NULL, 0},
};
