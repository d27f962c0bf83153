/* SPDX-License-Identifier: MIT
 *
 * Works on twice the memory that the machine has, and loses nothing: each page
 * gets numbers, and their sum is kept elsewhere. Then, for each policy that is
 * an argument (for all of them without any), every page is summed up and
 * compared, and every eighth one is filled anew. So that the disk and not this
 * loop is what takes the time, a page has a number in each eighth word, from
 * the first, second, ... word on.
 *
 * OPT follows the string of references that the round before has left. A
 * number before the policies says that a round goes through one half, third,
 * ... of the pages only, each in its turn. A round that reads less than a
 * quarter of its pages has tried nothing; but OPT's goes through the same
 * part as the round before, and a third of all may still be in memory.
 */
#include "guest/user/user.h"

#define PAGE_SIZE 4096
#define WORDS     (PAGE_SIZE / 4)
#define STEP      1021 /* a prime: each page has its turn */
#define CHANGED   8
#define APART     8

static u32 pages;
static u32 *memory;
static u32 *sums; /* of each page */
static u32 fills;
static u32 parts = 1, part; /* a round goes through one of so many */

/* Multiplicative hashing (Knuth, vol. 3, 6.4): no two words are alike, nor
 * one word in two fillings. */
static void fill(u32 page)
{
    u32 sum = 0, end = (page + 1) * WORDS;

    fills++;
    for (u32 i = page * WORDS + page % APART; i < end; i += APART) {
        memory[i] = (i + fills) * 2654435761u;
        sum += memory[i] ^ i;
    }
    sums[page] = sum;
}

static int is_whole(u32 page)
{
    u32 sum = 0, end = (page + 1) * WORDS;

    for (u32 i = page * WORDS + page % APART; i < end; i += APART)
        sum += memory[i] ^ i;
    return sum == sums[page];
}

/* How many pages are not what they were. */
static u32 go_round(void)
{
    u32 wrong = 0, n = pages / parts * part;

    for (u32 end = n + pages / parts; n < end; n++) {
        u32 page = n * STEP % pages;

        wrong += !is_whole(page);
        if (n % CHANGED == 0)
            fill(page);
    }
    return wrong;
}

static int test(const char *policy)
{
    struct swap_info before, after;
    int is_opt = strcmp(policy, "opt") == 0;
    u32 wrong, least = is_opt && parts > 2 ? 0 : pages / parts / 4;

    if (sys(SYS_SWAPCTL, SWAP_POLICY, (u32)policy, 0)) {
        printf("sums: there is no policy %s.\n", policy);
        return 0;
    }
    if (!is_opt) {
        part = (part + 1) % parts;
        sys(SYS_SWAPCTL, SWAP_LAB, (u32)memory, 0);
    }
    sys(SYS_SWAPSTAT, (u32)&before, 0, 0);
    wrong = go_round();
    sys(SYS_SWAPSTAT, (u32)&after, 0, 0);
    sys(SYS_SWAPCTL, SWAP_END, 0, 0);
    printf("sums: %s: %u pages are wrong\n", policy, wrong);
    if (after.reads - before.reads < least)
        printf("sums: but only %u pages came from the disk.\n",
               after.reads - before.reads);
    return !wrong && after.reads - before.reads >= least;
}

static u32 test_all(u32 *good)
{
    char name[NAME_SIZE];
    u32 n = 0;

    for (; sys(SYS_SWAPCTL, SWAP_NAME, n, (u32)name) == 0; n++)
        *good += (u32)test(name);
    return n;
}

/* 0: there is not so much swap. */
static int prepare(const struct swap_info *info)
{
    struct mem_info m;
    int answer;

    sys(SYS_MEM, (u32)&m, 0, 0);
    pages = 2 * m.mib * 256;
    if (info->slots < pages) {
        printf("sums: %u pages of swap are too few for %u.\n", info->slots,
               pages);
        return 0;
    }
    answer = sys(SYS_MMAP, pages * (PAGE_SIZE + sizeof(*sums)), 0, 0);
    if (answer < 0) {
        printf("sums: %u pages: %s.\n", pages, error_text(answer));
        return 0;
    }
    memory = (u32 *)answer;
    sums = memory + pages * WORDS;
    return 1;
}

int main(int argc, char **argv)
{
    struct swap_info info;
    u32 good = 0, n = 0;
    int first = 1;

    if (argc > 1 && parse_u32(argv[1])) {
        parts = parse_u32(argv[1]);
        first++;
    }
    sys(SYS_SWAPSTAT, (u32)&info, 0, 0);
    if (!prepare(&info))
        return 1;
    for (u32 i = 0; i < pages; i++)
        fill(i);
    for (int i = first; i < argc; i++, n++)
        good += (u32)test(argv[i]);
    if (n == 0)
        n = test_all(&good);
    sys(SYS_SWAPCTL, SWAP_POLICY, (u32)info.policy, 0);
    printf("sums: %u of %u policies lost nothing.\n", good, n);
    return good != n;
}
