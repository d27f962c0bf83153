/* SPDX-License-Identifier: MIT
 *
 * Whether the kernel keeps what it promises to programs, and whether it can
 * be hurt: named checks, each in a process of its own.
 *
 *   usertests              all of them; the last line counts
 *   usertests NAME...      those whose names begin so
 *   usertests list         the names
 *
 * Behind every check the books are compared: no process is left, and free
 * pages and pages of processes are as many together as before. Without a swap
 * area so are the free ones alone; swapping may have moved pages of init's,
 * and the list of its text, and brought some back. No slot of the swap area
 * is kept for a page that is gone. What is printed is the same on every
 * machine. What the checks share is in usertests/tests.h.
 */
#include "guest/user/usertests/tests.h"

#define PATIENCE 500 /* ticks until what a check left must be gone */
#define LISTS    1   /* of text: init's may go and come */

static const struct test *const groups[] = {
    pointer_tests, process_tests, exec_tests, memory_tests,
    signal_tests,  file_tests,    pipe_tests, hard_tests,
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

struct books {
    u32 processes, pages, free, tables;
    u32 swapped; /* pages that are out */
    u32 slots;   /* used for them, and for pages that are in as well */
};

static const char *doing = "";

void expect(int holds, const char *what)
{
    if (holds)
        return;
    printf("usertests: %s: it is not true that %s.\n", doing, what);
    exit(1);
}

void expect_is(int value, int wanted, const char *what)
{
    if (value == wanted)
        return;
    printf("usertests: %s: %s is %d, not %d.\n", doing, what, value, wanted);
    exit(1);
}

static struct books books(void)
{
    struct swap_info swap;
    struct ps_entry row;
    struct mem_info m;
    struct books b = {0};

    for (u32 i = 0; sys(SYS_PS, i, (u32)&row, 0) == 0; i++) {
        b.processes += row.pid != 0;
        b.pages += row.pages;
        b.swapped += row.swapped;
    }
    sys(SYS_MEM, (u32)&m, 0, 0);
    sys(SYS_SWAPSTAT, (u32)&swap, 0, 0);
    b.free = m.free;
    b.tables = m.tables;
    b.slots = swap.used;
    return b;
}

static int same_pages(struct books a, struct books b)
{
    u32 more = b.pages + b.free - a.pages - a.free;

    if (a.slots || b.slots)
        return more + LISTS <= 2 * LISTS;
    return more == 0 && a.free == b.free;
}

static int balanced(struct books before)
{
    struct books b = books();

    for (u32 i = 0; i < PATIENCE && b.processes > before.processes; i++) {
        sleep(1);
        b = books();
    }
    if (b.processes == before.processes && b.tables == before.tables &&
        same_pages(before, b) && b.slots <= b.swapped + b.pages)
        return 1;
    printf("usertests: %s: there were %u processes, %u pages (%u free), %u "
           "tables; now there are %u, %u (%u), %u.\n",
           doing, before.processes, before.pages + before.free, before.free,
           before.tables, b.processes, b.pages + b.free, b.free, b.tables);
    return 0;
}

static int passes(const struct test *t)
{
    struct books before;
    int status;

    doing = t->name;
    before = books();
    status = outcome(t->run, t->arg);
    if (status > 1 || status < 0)
        printf("usertests: %s ended with status %d.\n", doing, status);
    return balanced(before) && status == 0;
}

static int is_chosen(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (starts_with(name, argv[i]))
            return 1;
    return argc == 1;
}

static void nothing(u32 arg)
{
}

/* This program's own pages are all there from now on. */
static void warm_up(void)
{
    struct books b = books();

    outcome(nothing, 0);
    same_pages(b, books());
}

static int run_all(int argc, char **argv)
{
    u32 good = 0, all = 0;

    warm_up();
    for (u32 g = 0; g < GROUPS; g++)
        for (const struct test *t = groups[g]; t->name; t++) {
            int ok;

            if (!is_chosen(t->name, argc, argv))
                continue;
            ok = passes(t);
            printf("usertests: %s: %s\n", t->name, ok ? "ok" : "FAILED");
            good += ok;
            all++;
        }
    printf("usertests: %u of %u passed\n", good, all);
    return good == all && all ? 0 : 1;
}

static int list(void)
{
    for (u32 g = 0; g < GROUPS; g++)
        for (const struct test *t = groups[g]; t->name; t++)
            printf("%s\n", t->name);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == '-')
        return errand(argc, argv);
    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return list();
    return run_all(argc, argv);
}
