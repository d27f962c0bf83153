/* SPDX-License-Identifier: MIT
 *
 * LINKS: guest/policy
 *
 * The replacement policies against the textbooks' reference strings: how many
 * faults each has, counted by hand there, and who gives way where a rule has
 * more than one answer. A run here is what the kernel does: a page that is in
 * memory is touched, another one is loaded first, into a free place or into
 * the victim's.
 */
#include "tests/unit/unit.h"

#include "guest/policy/replace.h"

#define PAGES 8

static const u32 belady[] = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
/* Silberschatz et al., Operating System Concepts, 10.4. */
static const u32 concepts[] = {7, 0, 1, 2, 0, 3, 0, 4, 2, 3,
                               0, 3, 2, 1, 2, 0, 1, 7, 0, 1};
/* Arpaci-Dusseau, Operating Systems: Three Easy Pieces, chapter 22. */
static const u32 easy[] = {0, 1, 2, 0, 1, 3, 0, 3, 1, 2, 1};

#define LENGTH(a) ((u32)(sizeof(a) / sizeof((a)[0])))

static const struct replace_policy *named(const char *name)
{
    for (u32 i = 0; replace_policy(i); i++)
        if (!strcmp(replace_policy(i)->name, name))
            return replace_policy(i);
    printf("there is no policy %s\n", name);
    exit(1);
}

static int find(const struct page_set *set, u32 key)
{
    for (u32 i = 0; i < set->pages; i++)
        if (set->page[i].candidate && set->page[i].key == key)
            return (int)i;
    return -1;
}

/* One reference: 1 when it was a fault. */
static int refer(struct page_set *set, u32 key)
{
    int i = find(set, key), fault = i < 0;

    if (fault) {
        replace_coming(set, key);
        for (i = 0; i < (int)set->pages && set->page[i].candidate; i++)
            ;
        if (i == (int)set->pages)
            i = replace_victim(set);
        replace_gone(set, (u32)i);
        replace_loaded(set, (u32)i, key);
    }
    replace_touch(set, (u32)i);
    return fault;
}

static u32 faults(const char *policy, u32 frames, const u32 *string, u32 n)
{
    struct page_record page[PAGES] = {{0}};
    struct page_set set = {
        .policy = named(policy), .page = page, .pages = frames, .seed = 7};
    u32 count = 0;

    replace_future(&set, string, n);
    for (u32 i = 0; i < n; i++)
        count += (u32)refer(&set, string[i]);
    return count;
}

static void test_textbook_strings(void)
{
    EXPECT_EQ(faults("fifo", 3, concepts, LENGTH(concepts)), 15);
    EXPECT_EQ(faults("lru", 3, concepts, LENGTH(concepts)), 12);
    EXPECT_EQ(faults("opt", 3, concepts, LENGTH(concepts)), 9);
    EXPECT_EQ(faults("fifo", 3, easy, LENGTH(easy)), 7);
    EXPECT_EQ(faults("lru", 3, easy, LENGTH(easy)), 5);
    EXPECT_EQ(faults("opt", 3, easy, LENGTH(easy)), 5);
}

/* More frames, more faults: FIFO's anomaly. LRU and OPT cannot have it. */
static void test_belady(void)
{
    EXPECT_EQ(faults("fifo", 3, belady, LENGTH(belady)), 9);
    EXPECT_EQ(faults("fifo", 4, belady, LENGTH(belady)), 10);
    EXPECT_EQ(faults("lru", 3, belady, LENGTH(belady)), 10);
    EXPECT_EQ(faults("lru", 4, belady, LENGTH(belady)), 8);
    EXPECT_EQ(faults("opt", 3, belady, LENGTH(belady)), 7);
    EXPECT_EQ(faults("opt", 4, belady, LENGTH(belady)), 6);
    EXPECT_EQ(faults("clock", 3, belady, LENGTH(belady)), 9);
    EXPECT_EQ(faults("clock", 4, belady, LENGTH(belady)), 10);
}

/* Five pages in turn through four frames: LRU throws out what comes next,
 * MRU and OPT keep three of them. */
static void test_loop(void)
{
    u32 loop[20];

    for (u32 i = 0; i < LENGTH(loop); i++)
        loop[i] = i % 5;
    EXPECT_EQ(faults("lru", 4, loop, LENGTH(loop)), 20);
    EXPECT_EQ(faults("fifo", 4, loop, LENGTH(loop)), 20);
    EXPECT_EQ(faults("mru", 4, loop, LENGTH(loop)), 8);
    EXPECT_EQ(faults("opt", 4, loop, LENGTH(loop)), 8);
}

/* No policy is better than OPT, and none takes a page that is there. */
static void test_opt_is_best(void)
{
    u32 string[400], x = 12345, distinct = 0;

    for (u32 i = 0; i < LENGTH(string); i++) {
        x = x * 1103515245 + 12345;
        string[i] = x >> 16 & 15;
        distinct |= 1u << string[i];
    }
    EXPECT_EQ(distinct, 0xffff);
    for (u32 frames = 1; frames <= PAGES; frames++) {
        u32 best = faults("opt", frames, string, LENGTH(string));

        for (u32 i = 0; replace_policy(i); i++) {
            u32 n =
                faults(replace_policy(i)->name, frames, string, LENGTH(string));

            EXPECT(n >= best && n <= LENGTH(string));
        }
    }
}

/* What no run depends on is not drawn: 1, 2, 3 touched 3, 1, 2 times, in
 * this order of last touches: 2, 1, 3. */
static void prepare(struct page_set *set, const char *policy)
{
    static const u32 touches[] = {2, 1, 1, 3, 1, 3};

    set->policy = named(policy);
    for (u32 i = 0; i < 3; i++)
        replace_loaded(set, i, i + 1);
    for (u32 i = 0; i < LENGTH(touches); i++)
        replace_touch(set, touches[i] - 1);
}

static int victim_of(const char *policy)
{
    struct page_record page[PAGES] = {{0}};
    struct page_set set = {.page = page, .pages = PAGES};
    int i;

    prepare(&set, policy);
    i = replace_victim(&set);
    return i < 0 ? i : (int)page[i].key;
}

static void test_victims(void)
{
    EXPECT_EQ(victim_of("fifo"), 1);
    EXPECT_EQ(victim_of("clock"), 1);
    EXPECT_EQ(victim_of("lru"), 2);
    EXPECT_EQ(victim_of("lfu"), 2);
    EXPECT_EQ(victim_of("mru"), 3);
    EXPECT_EQ(victim_of("opt"), 1); /* nobody has a future: the first loaded */
}

static void test_nobody(void)
{
    struct page_record page[PAGES] = {{0}};
    struct page_set set = {.page = page, .pages = PAGES};

    for (u32 i = 0; replace_policy(i); i++) {
        set.policy = replace_policy(i);
        EXPECT_EQ(replace_victim(&set), -1);
        set.pages = 0;
        EXPECT_EQ(replace_victim(&set), -1);
        set.pages = PAGES;
    }
    EXPECT(replace_policy(7) == NULL);
    EXPECT(replace_policy(~0u) == NULL);
}

/* A page that was loaded a moment ago stays, unless there is no other. */
static void test_young(void)
{
    for (u32 k = 0; replace_policy(k); k++) {
        struct page_record page[PAGES] = {{0}};
        struct page_set set = {
            .policy = replace_policy(k), .page = page, .pages = PAGES};

        set.young = 2;
        for (u32 i = 0; i < 3; i++)
            replace_loaded(&set, i, i + 1);
        EXPECT_EQ(replace_victim(&set), 0);
        replace_gone(&set, 0);
        EXPECT(replace_victim(&set) > 0);
    }
}

/* A look counts once, however often a page was used; the clock spares who was
 * seen, once. */
static void test_look(void)
{
    struct page_record page[PAGES] = {{0}};
    struct page_set set = {
        .policy = named("clock"), .page = page, .pages = PAGES};

    for (u32 i = 0; i < 3; i++)
        replace_loaded(&set, i, i + 1);
    page[0].referenced = page[2].referenced = 1;
    replace_look(&set);
    EXPECT_EQ(page[0].uses, 1);
    EXPECT_EQ(page[1].uses, 0);
    EXPECT_EQ(page[0].referenced, 0);
    EXPECT_EQ(replace_victim(&set), 1);
    EXPECT_EQ(replace_victim(&set), 0); /* it had its second chance */
    set.policy = named("lru");
    EXPECT_EQ(replace_victim(&set), 1);
}

/* Counters wrap around; the order of events does not. */
static void test_wrap(void)
{
    struct page_record page[PAGES] = {{0}};
    struct page_set set = {.page = page, .pages = PAGES};

    set.loads = set.looks = ~0u - 1;
    prepare(&set, "fifo");
    EXPECT_EQ(replace_victim(&set), 0);
    set.policy = named("lru");
    EXPECT_EQ(replace_victim(&set), 1);
    set.policy = named("mru");
    EXPECT_EQ(replace_victim(&set), 2);
}

/* A run that leaves the record: OPT goes on with what it has. */
static void test_other_future(void)
{
    static const u32 record[] = {1, 2, 3, 1};
    struct page_record page[PAGES] = {{0}};
    struct page_set set = {
        .policy = named("opt"), .page = page, .pages = 3, .young = 0};

    replace_future(&set, record, LENGTH(record));
    EXPECT(refer(&set, 1));
    EXPECT(refer(&set, 9)); /* never in the record: it goes first */
    EXPECT(refer(&set, 3));
    EXPECT(refer(&set, 8));
    EXPECT(find(&set, 9) < 0);
    EXPECT(find(&set, 1) >= 0);
    replace_future(&set, NULL, 0);
    EXPECT(refer(&set, 2));
    EXPECT(find(&set, 1) < 0); /* loaded first */
}

static void test_random(void)
{
    struct page_record page[PAGES] = {{0}};
    struct page_set set = {
        .policy = named("random"), .page = page, .pages = PAGES};
    u32 hit = 0;

    for (u32 i = 0; i < PAGES; i += 2)
        replace_loaded(&set, i, i);
    for (u32 n = 0; n < 200; n++)
        hit |= 1u << replace_victim(&set);
    EXPECT_EQ(hit, 0x55); /* every candidate now and then, and no other */
}

static const struct unit_case list[] = {
    CASE(test_textbook_strings),
    CASE(test_belady),
    CASE(test_loop),
    CASE(test_opt_is_best),
    CASE(test_victims),
    CASE(test_nobody),
    CASE(test_young),
    CASE(test_look),
    CASE(test_wrap),
    CASE(test_other_future),
    CASE(test_random),
};

UNIT_MAIN(list)
