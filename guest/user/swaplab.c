/* SPDX-License-Identifier: MIT
 *
 * The textbooks' examples of page replacement, on real pages: a region of
 * which only so many pages may be in memory, touched in the order of a
 * reference string, and the page faults that the kernel counted.
 *
 * `swaplab` shows Belady's anomaly and the strings below under each policy;
 * `swaplab POLICY FRAMES 1 2 3 ...` runs a string of one's own.
 */
#include "guest/user/user.h"

#define PAGE_SIZE 4096
#define PAGES     16
#define STRING    32
#define LINE      96

struct example {
    const char *name;
    u32 frames[2]; /* one or two runs */
    u32 length;
    u8 page[STRING];
};

static const struct example examples[] = {
    {"Belady's anomaly", {3, 4}, 12, {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5}},
    {"Operating System Concepts", {3}, 20, {7, 0, 1, 2, 0, 3, 0, 4, 2, 3,
                                            0, 3, 2, 1, 2, 0, 1, 7, 0, 1}},
    {"Three Easy Pieces", {3}, 11, {0, 1, 2, 0, 1, 3, 0, 3, 1, 2, 1}},
    {"a loop", {4}, 15, {0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4}},
};

#define EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static volatile u8 *memory;

static void touch(const struct example *e)
{
    for (u32 i = 0; i < e->length; i++)
        memory[e->page[i] * PAGE_SIZE]++;
}

static int set_policy(const char *policy)
{
    return sys(SYS_SWAPCTL, SWAP_POLICY, (u32)policy, 0);
}

/* Faults, or an error. OPT wants to see the string first. */
static int faults(const struct example *e, const char *policy, u32 frames)
{
    int error;

    if (strcmp(policy, "opt") == 0) {
        set_policy("fifo");
        sys(SYS_SWAPCTL, SWAP_LAB, (u32)memory, frames);
        touch(e);
        sys(SYS_SWAPCTL, SWAP_END, 0, 0);
    }
    error = set_policy(policy);
    if (!error)
        error = sys(SYS_SWAPCTL, SWAP_LAB, (u32)memory, frames);
    if (error)
        return error;
    touch(e);
    return sys(SYS_SWAPCTL, SWAP_END, 0, 0);
}

/* Whole lines, so that those of another machine on the same console do not
 * come in between. */
static void show_string(const struct example *e)
{
    char row[LINE] = "";

    for (u32 i = 0; i < e->length; i++)
        format_into(row + strlen(row), LINE - strlen(row), " %u", e->page[i]);
    printf("%s:%s\n", e->name, row);
}

static void show(const struct example *e)
{
    char policy[NAME_SIZE];

    show_string(e);
    for (u32 i = 0; sys(SYS_SWAPCTL, SWAP_NAME, i, (u32)policy) == 0; i++) {
        char row[LINE] = "";

        for (u32 k = 0; k < 2 && e->frames[k]; k++)
            format_into(row + strlen(row), LINE - strlen(row),
                        "  %u frames, %d faults", e->frames[k],
                        faults(e, policy, e->frames[k]));
        printf("%8s:%s\n", policy, row);
    }
}

static int run_own(int argc, char **argv)
{
    struct example e = {.name = argv[1]};
    int n;

    for (int i = 3; i < argc && e.length < STRING; i++)
        e.page[e.length++] = (u8)(parse_u32(argv[i]) % PAGES);
    n = faults(&e, argv[1], parse_u32(argv[2]));
    if (n < 0) {
        printf("swaplab: %s with %s frames: %s.\n", argv[1], argv[2],
               error_text(n));
        return 1;
    }
    printf("%d faults\n", n);
    return 0;
}

int main(int argc, char **argv)
{
    struct swap_info info;
    int status = 0;

    if (argc == 2 || argc == 3) {
        printf("swaplab: usage: swaplab [POLICY FRAMES PAGE PAGE...]\n");
        return 2;
    }

    sys(SYS_SWAPSTAT, (u32)&info, 0, 0);
    if (!info.slots) {
        printf("swaplab: there is no disk to swap on; the machine wants one, "
               "and the kernel the word swap=format.\n");
        return 1;
    }
    memory = (volatile u8 *)sys(SYS_MMAP, PAGES * PAGE_SIZE, 0, 0);
    if (argc > 3)
        status = run_own(argc, argv);
    for (u32 i = 0; argc <= 3 && i < EXAMPLES; i++)
        show(&examples[i]);
    sys(SYS_SWAPCTL, SWAP_POLICY, (u32)info.policy, 0);
    return status;
}
