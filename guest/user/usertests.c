/* SPDX-License-Identifier: MIT
 *
 * Whether the kernel keeps what it promises to programs, and whether it can
 * be hurt: named checks, each in a process of its own.
 *
 *   usertests              all of them; the last line counts
 *   usertests NAME...      those whose names begin so
 *   usertests list         the names
 *
 * Behind every check the books are compared: page tables are as many as
 * before, so no process is left, and so are free pages. Where there is a swap
 * area, pages of init's, and the list of its text, may have moved; so there
 * it is free pages and those of all processes together, and no slot of the
 * area may be kept for a page that is gone. What is printed is the same on
 * every machine. What the checks share is in usertests/tests.h.
 */
#include "guest/user/usertests/tests.h"

#define PATIENCE 200 /* ticks until what a check left must be gone */
#define LISTS    1   /* of text: init's may go and come */

static const struct test *const groups[] = {
    pointer_tests, process_tests, exec_tests,   memory_tests,
    signal_tests,  file_tests,    pipe_tests,   turn_tests,
    hard_tests,    swap_tests,    random_tests, ring3_tests,
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

struct books {
    u32 free, tables; /* pages; */
    u32 pages;        /* with a swap area only: those of all processes, */
    u32 swapped;      /* those that are out, */
    u32 slots;        /* and those of the area that are used */
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

    sys(SYS_SWAPSTAT, (u32)&swap, 0, 0);
    for (u32 i = 0; swap.slots && sys(SYS_PS, i, (u32)&row, 0) == 0; i++) {
        b.pages += row.pages;
        b.swapped += row.swapped;
    }
    sys(SYS_MEM, (u32)&m, 0, 0);
    b.free = m.free;
    b.tables = m.tables;
    b.slots = swap.used;
    return b;
}

static int same(struct books a, struct books b)
{
    u32 slack = b.slots ? LISTS : 0;

    return a.tables == b.tables && b.slots <= b.pages + b.swapped &&
           b.pages + b.free - a.pages - a.free + slack <= 2 * slack;
}

static int balanced(struct books before)
{
    struct books b = books();

    for (u32 i = 0; i < PATIENCE && !same(before, b); i++) {
        sleep(1);
        b = books();
    }
    if (same(before, b))
        return 1;
    printf("usertests: %s: of %u free pages, %u tables, %u pages and %u slots "
           "it left %u, %u, %u and %u.\n",
           doing, before.free, before.tables, before.pages, before.slots,
           b.free, b.tables, b.pages, b.slots);
    return 0;
}

/* By value: reading its row may bring a page. */
static int passes(struct test t)
{
    struct books before;
    int status;

    doing = t.name;
    before = books();
    status = outcome(t.run, t.arg);
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
    same(b, books());
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
            ok = passes(*t);
            printf("usertests: %s: %s\n", t->name, ok ? "ok" : "FAILED");
            good += ok;
            all++;
        }
    if (!all)
        printf("usertests: no check is called so; `usertests list` has all.\n");
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
