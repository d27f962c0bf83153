/* SPDX-License-Identifier: MIT
 *
 * Guards against a byte for each of the million pages: random ranges, with
 * memory and without. What is answered is exact, or more than that where
 * there was none, and never less; every frame comes back.
 * LINKS: vmm/mm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/mm/guards.h"

#define COUNT   400u
#define PAGES   (1u << 20)
#define REGIONS (PAGES / 512)
#define OWNER   3

static u8 arena[COUNT * PAGE_SIZE] __attribute__((aligned(4096)));
static struct frame info[COUNT];
static struct frames f;
static u8 model[PAGES];
static u32 state = 1;

static u32 rnd(u32 n)
{
    state = state * 1664525 + 1013904223;
    return (u32)((u64)state * n >> 32);
}

static void begin(struct guards *g, u32 frames)
{
    frames_init(&f, arena, info, COUNT);
    frames_add(&f, hpa(0), hpa((u64)frames * PAGE_SIZE));
    memset(model, 0, sizeof(model));
    guards_init(g, &f, OWNER);
}

static void add(struct guards *g, u32 first, u32 last, u8 what)
{
    guards_add(g, first, last, what);
    for (u32 i = first; i <= last; i++)
        model[i] |= what;
}

/* exact: nothing is guarded for want of memory. */
static void compare(const struct guards *g, bool exact)
{
    u32 less = 0, more = 0, regions = 0;

    for (u32 r = 0; r < REGIONS; r++) {
        u8 any = 0;
        for (u32 i = r * 512; i < (r + 1) * 512; i++) {
            u8 got = guards_at(g, i);
            any |= got;
            less += (model[i] & ~got) != 0;
            more += (got & ~model[i]) != 0;
        }
        regions += guards_in(g, r) != any;
    }
    EXPECT_EQ(less, 0);
    EXPECT_EQ(regions, 0);
    if (exact)
        EXPECT_EQ(more, 0);
    else
        EXPECT(more);
    EXPECT_EQ(guards_frames(g), frames_owned(&f, OWNER, FRAME_PROBE));
}

static void none_take_nothing(void)
{
    struct guards g, none = {.all = 0};

    begin(&g, COUNT);
    EXPECT(!guards_any(&g) && !guards_any(&none));
    EXPECT_EQ(guards_at(&none, 5), 0);
    EXPECT_EQ(guards_in(&none, 5), 0);
    EXPECT_EQ(guards_frames(&none), 0);
    EXPECT(guards_cover(&g, &none) && guards_cover(&none, &g));
    guards_destroy(&none);
    guards_destroy(&g);
    EXPECT_EQ(f.nfree, COUNT);
}

static void random_ranges(u32 frames, u32 ranges, bool exact)
{
    struct guards g, again;

    begin(&g, frames);
    for (u32 i = 0; i < ranges; i++) {
        u32 first = rnd(PAGES), most = rnd(10) ? 20 : 0x8000;
        u32 last = first + rnd(most);
        add(&g, first, last < PAGES ? last : PAGES - 1, (u8)(1 << rnd(3)));
    }
    EXPECT(guards_any(&g));
    compare(&g, exact);
    again = g;
    EXPECT(guards_cover(&again, &g));
    guards_destroy(&g);
    EXPECT(!guards_any(&g));
    EXPECT_EQ(f.nfree, frames);
}

static void ranges_are_exact(void)
{
    random_ranges(COUNT, 20, true);
    random_ranges(COUNT, 3000, true);
}

static void without_memory_they_are_larger(void)
{
    random_ranges(0, 3, false);
    random_ranges(1, 20, false);
    random_ranges(9, 20, false);
}

/* Whole groups take no frames of their own. */
static void all_of_memory_takes_one_frame(void)
{
    struct guards g;

    begin(&g, COUNT);
    add(&g, 0, PAGES - 1, GUARD_WRITE);
    EXPECT_EQ(guards_frames(&g), 1);
    add(&g, 5, 6, GUARD_WRITE);
    EXPECT_EQ(guards_frames(&g), 1);
    add(&g, 5, 6, GUARD_READ);
    add(&g, PAGES - 1, PAGES - 1, GUARD_FETCH);
    EXPECT_EQ(guards_frames(&g), 3);
    add(&g, 0, 4095, GUARD_FETCH);
    compare(&g, true);
    guards_destroy(&g);
}

static void covering_is_told(void)
{
    struct guards a, b;

    begin(&a, COUNT);
    guards_init(&b, &f, OWNER);
    for (u32 i = 0; i < 40; i++) {
        u32 page = rnd(PAGES);
        guards_add(&a, page, page, GUARD_WRITE);
        EXPECT(!guards_cover(&b, &a));
        EXPECT(guards_cover(&a, &b));
        guards_add(&b, page, page, GUARD_WRITE | GUARD_READ);
        EXPECT(guards_cover(&b, &a));
        EXPECT(!guards_cover(&a, &b));
        guards_add(&a, page, page, GUARD_READ);
    }
    b.all = GUARD_FETCH;
    EXPECT(guards_cover(&b, &a) && !guards_cover(&a, &b));
    guards_destroy(&a);
    guards_destroy(&b);
    EXPECT_EQ(f.nfree, COUNT);
}

int main(void)
{
    static const struct unit_case list[] = {
        CASE(none_take_nothing),
        CASE(ranges_are_exact),
        CASE(without_memory_they_are_larger),
        CASE(all_of_memory_takes_one_frame),
        CASE(covering_is_told),
    };

    return unit_main(list, ARRAY_LEN(list));
}
