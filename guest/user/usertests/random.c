/* SPDX-License-Identifier: MIT
 *
 * Random system calls, and chosen abuse of those that rule swapping.
 *
 * Numbers and arguments are drawn from values at which something changes:
 * small ones, borders, addresses of every kind. The sequence depends on its
 * seed alone. Left out is what has an effect by right: ending the machine,
 * killing others, policies of everybody, waiting for ever; and what could get
 * to that, which is running another program, or this one's text from anywhere.
 * It runs with the console closed; if it hangs all the same, it is killed.
 */
#include "guest/user/usertests/tests.h"

#define CALLS    150
#define SEEDS    2
#define PATIENCE 30 /* ticks */
#define WORDS    1024
#define A_FILE   3 /* the only descriptor that is read and written */

static u32 state;
static u32 buffer[WORDS];

static u32 draw(u32 below)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

static const u32 calls[] = {
    SYS_NULL,      SYS_METER,    SYS_BOOT,    SYS_TIME,  SYS_WAIT,
    SYS_SIGNAL,    SYS_GETPID,   SYS_YIELD,   SYS_ALIVE, SYS_PS,
    SYS_SBRK,      SYS_MMAP,     SYS_MUNMAP,  SYS_MEM,   SYS_VMSTAT,
    SYS_SEGMENT,   SYS_SWAPSTAT, SYS_OPEN,    SYS_CLOSE, SYS_DUP2,
    SYS_PIPE,      SYS_UNLINK,   SYS_READDIR, SYS_CHART, SYS_FORK,
    SYS_SIGRETURN, SYS_WRITE,    SYS_READ,    SYS_EXEC,  55,
};

static u32 edge(void)
{
    static const u32 edges[] = {
        0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff, KERNEL, 0xc0000000,
        0xbffffffc, 0x60000000, HOLE,       PAGE_SIZE,  4095,   0x10000,
    };

    return edges[draw(sizeof(edges) / sizeof(edges[0]))];
}

static u32 value(void)
{
    switch (draw(6)) {
    case 0:
        return draw(20);
    case 1:
        return edge();
    case 2:
        return (u32)&buffer[draw(WORDS)];
    case 3:
        return (u32)value + draw(64);
    case 4:
        return 0x60000000 + draw(8) * PAGE_SIZE;
    default:
        return draw(~0u);
    }
}

static u32 descriptor(void)
{
    static const u32 some[] = {A_FILE, A_FILE, A_FILE, OPEN_FILES, ~0u};

    return some[draw(sizeof(some) / sizeof(some[0]))];
}

static void call(u32 number)
{
    u32 a = value(), b = value(), c = value();
    int answer;

    if (number == SYS_READ || number == SYS_WRITE)
        a = descriptor();
    if (number == SYS_EXEC || number == SYS_SIGRETURN)
        a = KERNEL + draw(64);
    if (number == SYS_SIGNAL)
        b = edge();
    if (number == SYS_DUP2)
        b = draw(2) ? A_FILE + 1 + draw(9) : OPEN_FILES;
    if (number == SYS_CLOSE && a == A_FILE)
        return;
    answer = sys(number, a, b, c);
    if (number == SYS_FORK && answer == 0)
        exit(0);
}

static void storm_of_calls(u32 seed)
{
    state = seed;
    for (int fd = 0; fd < OPEN_FILES; fd++)
        close(fd);
    dup2(open(FILE_NAME, OPEN_READ | WRITE_FILE), A_FILE);
    for (u32 i = 0; i < CALLS; i++)
        call(calls[draw(sizeof(calls) / sizeof(calls[0]))]);
}

/* Files it may have made, of whatever name. */
static void remove_files(void)
{
    struct dir_entry row;

    for (u32 i = 0; sys(SYS_READDIR, i, (u32)&row, 0) == 0; i++)
        if (row.name[0] && !row.fixed)
            unlink(row.name);
}

static void random_calls(u32 seed)
{
    for (u32 i = 0; i < SEEDS; i++) {
        int pid = start(storm_of_calls, seed + i);

        for (u32 n = 0; n < PATIENCE && !state_of(pid, "ZOMBIE"); n++)
            sleep(1);
        kill(pid, SIG_KILL);
        end_of(pid);
        remove_files();
    }
}

static void swap_wrong(u32 unused)
{
    u32 last = 0;
    char name[NAME_SIZE];

    expect(sys(SYS_SWAPCTL, SWAP_POLICY, (u32) "none such", 0) < 0,
           "a policy that is none is refused");
    expect(sys(SYS_SWAPCTL, ~0u, 0, 0) < 0, "a command that is none, too");
    while (sys(SYS_SWAPCTL, SWAP_NAME, last, (u32)name) == 0 && last < 99)
        last++;
    expect(last < 99, "the list of policies ends");
    expect(sys(SYS_SWAPCTL, SWAP_NAME, ~0u, (u32)name) < 0, "before 0, too");
    sys(SYS_SWAPCTL, SWAP_LAB, KERNEL, 3);
    sys(SYS_SWAPCTL, SWAP_LAB, HOLE, 3);
    sys(SYS_SWAPCTL, SWAP_LAB, (u32)buffer, ~0u);
    sys(SYS_SWAPCTL, SWAP_LAB, (u32)buffer, 0);
    buffer[0] = 1;
    expect(buffer[0] == 1, "the region is still there");
}

const struct test random_tests[] = {
    {"random-1", random_calls, 0x1234567},
    {"random-2", random_calls, 424242},
    {"swap-wrong", swap_wrong, 0},
    {NULL, NULL, 0},
};
