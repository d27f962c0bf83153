/* SPDX-License-Identifier: MIT
 *
 * Segments of a program's own, used well and abused, and everything at once:
 * more pages than the machine has, and a crowd that forks, writes, pipes and
 * dies at the same time.
 *
 * Where there is a swap area a storm passes with its checksums; where there
 * is none, whoever wants too much is stopped. Both are fine, but no third.
 */
#include "guest/user/usertests/tests.h"

#define SELECTOR_LDT 0x07 /* entry 0, ring 3 */
#define KERNEL_DATA  0x10
#define CROWD        5
#define ROUNDS       3
#define CROWD_PAGES  12
#define STORM_PART   4

static u32 area[PAGE_SIZE];
static volatile u32 caught;
static u32 pause; /* in ticks */

static int segment(u32 index, u32 base, u32 bytes)
{
    return sys(SYS_SEGMENT, index, base, bytes);
}

static void catch_and_skip(int signal, struct sigframe *f)
{
    caught++;
    f->eip += 3; /* a prefix, and two bytes */
}

/* The word at an offset of a segment; a fault leaves the default. */
static u32 peek(u32 selector, u32 offset, u32 otherwise)
{
    u32 value = otherwise;

    asm volatile("push %%fs\n\t"
                 ".byte 0x3e\n\tmov %w1, %%fs\n\t"
                 "movl %%fs:(%2), %0\n\t"
                 "pop %%fs"
                 : "+a"(value)
                 : "c"(selector), "d"(offset)
                 : "memory");
    return value;
}

static void segment_bounds(u32 unused)
{
    u32 s = (u32)segment(0, (u32)area, 64);

    signal(SIG_SEGV, catch_and_skip);
    area[0] = 11;
    area[15] = 22;
    area[16] = 33;
    expect_is((int)s, SELECTOR_LDT, "the selector");
    expect(peek(s, 0, 0) == 11 && peek(s, 60, 0) == 22, "within its bounds");
    if (peek(s, 64, 5) == 33) /* QEMU's emulation checks no limits */
        caught++;
    expect_is((int)caught, 1, "what is beyond them");
    expect(peek(s, KERNEL - (u32)area, 5) == 5, "not in the kernel");
}

static void segment_wrong(u32 unused)
{
    expect_is(segment(0, KERNEL, PAGE_SIZE), ERR_INVAL, "the kernel");
    expect_is(segment(0, 0, 0xc0001000), ERR_INVAL, "into the kernel");
    expect_is(segment(0, 0xbffff000, 0x2000), ERR_INVAL, "over the border");
    expect_is(segment(0, 0x1000, 0xfffff000), ERR_INVAL, "round the end");
    expect_is(segment(0, 0xfffff000, 0x1000), ERR_INVAL, "the last page");
    expect_is(segment(0x80000000, 0, 4096), ERR_INVAL, "no such index");
    expect_is(segment(SEGMENT_CODE | SEGMENT_DOWN, 0, 64), ERR_INVAL,
              "code that grows down");
    expect_is(segment(SEGMENT_DOWN, 0x1000, 0x2000), ERR_INVAL, "down below 0");
}

/* More selectors than there are entries: none of them may show the kernel. */
static void load_each(u32 unused)
{
    signal(SIG_SEGV, catch_and_skip);
    for (u32 s = 0; s < 0x100; s++)
        expect(peek(s, KERNEL, 1) == 1, "no selector shows the kernel");
}

static void selectors(u32 unused)
{
    expect_is(outcome(load_each, 0), 0, "its status");
}

static void segment_gone(u32 unused)
{
    u32 s = (u32)segment(3, (u32)area, 64);

    signal(SIG_SEGV, catch_and_skip);
    area[0] = 7;
    expect_is((int)peek(s, 0, 0), 7, "a word through it");
    expect_is(segment(3, 0, 0), (int)s, "taking it away");
    asm volatile(".byte 0x3e, 0x8e, 0xe1" : : "c"(s)); /* mov %cx, %fs */
    expect_is((int)caught, 1, "faults of loading what is gone");
}

/* In use while it goes: the kernel's way out must survive that. */
static void pull_away(u32 unused)
{
    u32 s = (u32)segment(1, (u32)area, 64);

    asm volatile("mov %w0, %%gs" : : "r"(s));
    segment(1, 0, 0);
    sleep(2);
    asm volatile("movl %gs:0, %eax");
}

static void segment_pulled(u32 unused)
{
    int status = outcome(pull_away, 0);

    expect(status == 0 || status == STATUS_KILLED - SIG_SEGV,
           "it goes on or is stopped");
}

static void segment_forked(u32 unused)
{
    u32 s = (u32)segment(2, (u32)area, 64);
    int pid;

    area[1] = 5;
    asm volatile("mov %w0, %%gs" : : "r"(s));
    pid = fork();
    if (pid == 0) {
        u32 word;

        segment(2, (u32)area + 4, 4);
        asm volatile("mov %w1, %%gs\n\tmovl %%gs:0, %0" : "=r"(word) : "r"(s));
        exit((int)word);
    }
    expect_is(end_of(pid), 5, "the word through the child's segment");
    expect_is((int)peek(s, 4, 0), 5, "the word through the parent's");
    expect_is((int)peek(s, 0, 9), 0, "the first word through the parent's");
}

/* A segment opens nothing that paging has closed. */
static void segment_paging(u32 unused)
{
    u32 s = (u32)segment(0, 0, 0xc0000000);

    signal(SIG_SEGV, catch_and_skip);
    expect((int)s > 0, "all of the program's half can be a segment");
    expect(peek(s, HOLE, 3) == 3 && caught == 1, "a hole stays a hole");
    expect(peek(s, KERNEL, 3) == 3 && caught == 2, "the kernel is beyond");
}

/* ---- everything at once */

static void fill_and_sum(u32 pages)
{
    u32 a = (u32)sys(SYS_MMAP, pages * PAGE_SIZE, 0, 0);

    expect(!is_error((int)a), "there is room for addresses");
    for (u32 i = 0; i < pages; i++)
        *(volatile u32 *)(a + i * PAGE_SIZE + (i & 0x3ff) * 4) = i ^ a;
    sleep(pause); /* all have filled theirs before one reads */
    for (u32 i = 0; i < pages; i++)
        expect(*(volatile u32 *)(a + i * PAGE_SIZE + (i & 0x3ff) * 4) ==
                   (i ^ a),
               "a page keeps its word");
}

static u32 machine_pages(void)
{
    struct mem_info m;

    sys(SYS_MEM, (u32)&m, 0, 0);
    return m.total;
}

/* Half as much again as there is, in several processes. */
static void storm(u32 unused)
{
    u32 pages = machine_pages() * 3 / 2 / STORM_PART;
    int status;

    pause = 20;
    for (u32 i = 0; i < STORM_PART; i++)
        start(fill_and_sum, pages);
    for (u32 i = 0; i < STORM_PART; i++) {
        expect(wait(WAIT_ANY, &status) > 0, "each child ends");
        expect(status == 0 || was_killed(status),
               "what was written is read, or its process stopped");
    }
}

/* Fork shares what the storm swaps. */
static void storm_forked(u32 unused)
{
    u32 pages = machine_pages() / 3, a, child;
    int pid, status;

    a = (u32)sys(SYS_MMAP, pages * PAGE_SIZE, 0, 0);
    for (u32 i = 0; i < pages; i++)
        *(volatile u32 *)(a + i * PAGE_SIZE) = i;
    pid = fork();
    child = pid == 0;
    for (u32 i = 0; i < pages; i++)
        *(volatile u32 *)(a + i * PAGE_SIZE) += child;
    for (u32 i = 0; i < pages; i++)
        expect(*(volatile u32 *)(a + i * PAGE_SIZE) == i + child,
               "each side sees its own");
    if (pid == 0)
        exit(0);
    if (pid < 0)
        return;
    status = end_of(pid);
    expect(status == 0 || was_killed(status), "so does the child");
}

static void one_of_crowd(u32 seed)
{
    int fds[2], pid;
    u32 word;

    for (u32 i = 0; i < ROUNDS; i++) {
        expect_is(pipe(fds), 0, "the answer to pipe()");
        word = seed * 1000 + i;
        write(fds[1], &word, sizeof(word));
        pid = start(fill_and_sum, CROWD_PAGES);
        sys(SYS_YIELD, 0, 0, 0);
        word = 0;
        read(fds[0], &word, sizeof(word));
        expect_is((int)word, (int)(seed * 1000 + i), "the word in the pipe");
        expect_is(end_of(pid), 0, "the status of one of the crowd");
        close(fds[0]);
        close(fds[1]);
    }
}

static void crowd(u32 unused)
{
    int pids[CROWD];

    for (u32 i = 0; i < CROWD; i++)
        pids[i] = start(one_of_crowd, i);
    for (u32 i = 0; i < CROWD; i++)
        expect_is(end_of(pids[i]), 0, "the status of one of the crowd");
}

/* The same, and all are killed at some moment or other. */
static void crowd_killed(u32 unused)
{
    int pids[CROWD];

    for (u32 i = 0; i < CROWD; i++)
        pids[i] = start(one_of_crowd, i);
    for (u32 i = 0; i < CROWD; i++) {
        sys(SYS_YIELD, 0, 0, 0);
        kill(pids[i], SIG_KILL);
    }
    for (u32 i = 0; i < CROWD; i++)
        end_of(pids[i]);
}

const struct test hard_tests[] = {
    {"segment-bounds", segment_bounds, 0},
    {"segment-wrong", segment_wrong, 0},
    {"segment-any", selectors, 0},
    {"segment-gone", segment_gone, 0},
    {"segment-pulled", segment_pulled, 0},
    {"segment-forked", segment_forked, 0},
    {"segment-paging", segment_paging, 0},
    {"storm", storm, 0},
    {"storm-forked", storm_forked, 0},
    {"crowd", crowd, 0},
    {"crowd-killed", crowd_killed, 0},
    {NULL, NULL, 0},
};
