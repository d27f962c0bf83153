/* SPDX-License-Identifier: MIT
 *
 * The software TLB: what is found, and what each kind of flush leaves.
 * LINKS: vmm/mm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/mm/tlb.h"

#define AT 0x12345678u

static struct tlb t;
static u8 page[PAGE_SIZE], other[PAGE_SIZE];

static void begin(void)
{
    memset(&t, 0, sizeof(t));
    tlb_put(&t, TLB_LOAD, gva(AT), false, page, false);
    tlb_put(&t, TLB_STORE, gva(AT), true, page, false);
    tlb_put(&t, TLB_FETCH, gva(AT + PAGE_SIZE), false, page, false);
}

static u8 *load(u32 at)
{
    return tlb_find(&t, TLB_LOAD, gva(at), false);
}

static void an_empty_one_has_nothing(void)
{
    memset(&t, 0, sizeof(t));
    for (u32 i = 0; i < TLB_ENTRIES; i++) {
        EXPECT(!load(i * PAGE_SIZE));
        EXPECT(!tlb_find(&t, TLB_STORE, gva(i * PAGE_SIZE), true));
    }
}

static void kind_page_and_privilege_must_agree(void)
{
    begin();
    EXPECT(load(AT) == page + 0x678);
    EXPECT(load(AT & ~PAGE_MASK) == page);
    EXPECT(!load(AT + PAGE_SIZE));
    EXPECT(!load(AT + TLB_ENTRIES * PAGE_SIZE));
    EXPECT(!tlb_find(&t, TLB_LOAD, gva(AT), true));
    EXPECT(!tlb_find(&t, TLB_STORE, gva(AT), false));
    EXPECT(tlb_find(&t, TLB_STORE, gva(AT), true) == page + 0x678);
    EXPECT(!tlb_find(&t, TLB_FETCH, gva(AT), false));
}

static void the_last_put_stays(void)
{
    begin();
    tlb_put(&t, TLB_LOAD, gva(AT + TLB_ENTRIES * PAGE_SIZE), false, other,
            false);
    EXPECT(!load(AT));
    EXPECT(load(AT + TLB_ENTRIES * PAGE_SIZE) == other + 0x678);
}

static void a_flush_empties_it(void)
{
    u32 before;

    begin();
    before = t.flushes;
    tlb_flush(&t);
    EXPECT(t.flushes != before);
    EXPECT(!load(AT));
    EXPECT(!tlb_find(&t, TLB_STORE, gva(AT), true));
    EXPECT(!tlb_find(&t, TLB_FETCH, gva(AT + PAGE_SIZE), false));
    tlb_put(&t, TLB_LOAD, gva(AT), false, other, false);
    EXPECT(load(AT) == other + 0x678);
}

static void invlpg_empties_one_page(void)
{
    u32 before;

    begin();
    before = t.flushes;
    tlb_flush_page(&t, gva(AT & ~PAGE_MASK));
    EXPECT(t.flushes != before);
    EXPECT(!load(AT));
    EXPECT(!tlb_find(&t, TLB_STORE, gva(AT), true));
    EXPECT(tlb_find(&t, TLB_FETCH, gva(AT + PAGE_SIZE), false));
}

/* The page may be part of a large one, whose other parts must go, too. */
static void invlpg_knows_large_pages(void)
{
    begin();
    tlb_put(&t, TLB_LOAD, gva(0x400000), false, other, true);
    tlb_flush_page(&t, gva(0x7ff000));
    EXPECT(!load(0x400000));
    EXPECT(!load(AT));
    tlb_put(&t, TLB_LOAD, gva(AT), false, page, false);
    tlb_flush_page(&t, gva(0x7ff000));
    EXPECT(load(AT)); /* no large page is left */
}

static void stores_can_be_forgotten_alone(void)
{
    begin();
    tlb_forget_stores(&t);
    EXPECT(load(AT));
    EXPECT(!tlb_find(&t, TLB_STORE, gva(AT), true));
}

static void epochs_may_begin_anew(void)
{
    begin();
    t.epoch[TLB_LOAD] = 0xffffffff;
    tlb_flush(&t); /* epoch 0, in which AT was put */
    EXPECT_EQ(t.epoch[TLB_LOAD], 0);
    EXPECT(!load(AT));
}

static const struct unit_case cases[] = {
    CASE(an_empty_one_has_nothing),
    CASE(kind_page_and_privilege_must_agree),
    CASE(the_last_put_stays),
    CASE(a_flush_empties_it),
    CASE(invlpg_empties_one_page),
    CASE(invlpg_knows_large_pages),
    CASE(stores_can_be_forgotten_alone),
    CASE(epochs_may_begin_anew),
};
UNIT_MAIN(cases)
