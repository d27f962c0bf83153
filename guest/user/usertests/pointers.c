/* SPDX-License-Identifier: MIT
 *
 * Bad pointers to every system call that takes one, and numbers of calls that
 * do not exist.
 *
 * A row of the table is a call with one argument to be replaced by each bad
 * address in turn: null, a hole, beyond the stack, the kernel, the end of the
 * address space, and the last bytes of a page behind which there is none. A
 * call that writes must refuse the program's text, too. All of them answer
 * ERR_FAULT, and change nothing.
 */
#include "guest/user/usertests/tests.h"

#define POINTER  0x80000001 /* an argument to be replaced */
#define MYSELF   0x80000002
#define A_FILE   0x80000003
#define TO_PIPE  0x80000004
#define ODD_ENDS 2 /* bytes of a record on the last page */

static const struct {
    u32 call, arg[3];
    int writes;
    int null_is_none; /* it may be left out */
} calls[] = {
    {SYS_BOOT, {POINTER}, 1, 0},
    {SYS_EXEC, {POINTER}, 0, 0},
    {SYS_WAIT, {(u32)WAIT_ANY, POINTER}, 1, 1},
    {SYS_SIGRETURN, {POINTER}, 0, 0},
    {SYS_PS, {0, POINTER}, 1, 0},
    {SYS_MEM, {POINTER}, 1, 0},
    {SYS_VMSTAT, {MYSELF, POINTER}, 1, 0},
    {SYS_SWAPSTAT, {POINTER}, 1, 0},
    {SYS_WRITE, {TO_PIPE, POINTER, 16}, 0, 0},
    {SYS_READ, {A_FILE, POINTER, 16}, 1, 0},
    {SYS_OPEN, {POINTER, OPEN_READ}, 0, 0},
    {SYS_PIPE, {POINTER}, 1, 0},
    {SYS_UNLINK, {POINTER}, 0, 0},
    {SYS_READDIR, {0, POINTER}, 1, 0},
    {SYS_SWAPCTL, {SWAP_POLICY, POINTER}, 0, 0},
    {SYS_SWAPCTL, {SWAP_NAME, 0, POINTER}, 1, 0},
    {SYS_SCHED, {SCHED_INFO, 0, POINTER}, 1, 0},
    {SYS_SCHED, {SCHED_JOB, MYSELF, POINTER}, 1, 0},
};

static int file, ends[2];

static u32 resolve(u32 arg, u32 pointer)
{
    switch (arg) {
    case POINTER:
        return pointer;
    case MYSELF:
        return (u32)getpid();
    case A_FILE:
        return (u32)file;
    case TO_PIPE:
        return (u32)ends[1];
    default:
        return arg;
    }
}

/* The last bytes of a page with nothing behind it. */
static u32 edge(void)
{
    u32 page = (u32)sys(SYS_MMAP, PAGE_SIZE, 0, 0);

    memset((void *)page, 'a', PAGE_SIZE);
    return page + PAGE_SIZE - ODD_ENDS;
}

static void try(u32 row, u32 pointer)
{
    const u32 *arg = calls[row].arg;
    u32 a = resolve(arg[0], pointer), b = resolve(arg[1], pointer);
    int answer = sys(calls[row].call, a, b, resolve(arg[2], pointer));

    if (answer == ERR_FAULT)
        return;
    printf("usertests: pointer 0x%08x was answered with %d.\n", pointer,
           answer);
    exit(1);
}

static void bad_pointers(u32 row)
{
    const u32 bad[] = {1,          HOLE,       edge(), USER_STACK_TOP,
                       KERNEL - 4, 0xc0000000, KERNEL, 0xfffffffc};

    file = open("echo", OPEN_READ);
    pipe(ends);
    for (u32 i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        try(row, bad[i]);
    if (calls[row].writes)
        try(row, (u32)bad_pointers & ~3u);
    if (!calls[row].null_is_none)
        try(row, 0);
}

static void bad_numbers(u32 unused)
{
    static const u32 bad[] = {7,  9,         22,         29,  38,
                              48, SYS_COUNT, 0x7fffffff, ~0u, 0x80000000};

    for (u32 i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_is(sys(bad[i], 0, 0, 0), ERR_NOSYS, "a call that is none");
}

/* No register changes but EAX. */
static void registers(u32 unused)
{
    u32 ebx = 11, ecx = 22, edx = 33, esi = 44, edi = 55, eax = SYS_NULL;

    asm volatile("int %6"
                 : "+a"(eax), "+b"(ebx), "+c"(ecx), "+d"(edx), "+S"(esi),
                   "+D"(edi)
                 : "i"(SYS_VECTOR));
    expect(eax == 12, "the answer is one more");
    expect(ebx == 11 && ecx == 22 && edx == 33 && esi == 44 && edi == 55,
           "a system call changes no other register");
}

const struct test pointer_tests[] = {
    {"call-number", bad_numbers, 0},
    {"call-registers", registers, 0},
    {"pointer-boot", bad_pointers, 0},
    {"pointer-exec", bad_pointers, 1},
    {"pointer-wait", bad_pointers, 2},
    {"pointer-sigreturn", bad_pointers, 3},
    {"pointer-ps", bad_pointers, 4},
    {"pointer-mem", bad_pointers, 5},
    {"pointer-vmstat", bad_pointers, 6},
    {"pointer-swapstat", bad_pointers, 7},
    {"pointer-write", bad_pointers, 8},
    {"pointer-read", bad_pointers, 9},
    {"pointer-open", bad_pointers, 10},
    {"pointer-pipe", bad_pointers, 11},
    {"pointer-unlink", bad_pointers, 12},
    {"pointer-readdir", bad_pointers, 13},
    {"pointer-policy", bad_pointers, 14},
    {"pointer-name", bad_pointers, 15},
    {"pointer-sched", bad_pointers, 16},
    {"pointer-sched-job", bad_pointers, 17},
    {NULL, NULL, 0},
};
