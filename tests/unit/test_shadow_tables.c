/* SPDX-License-Identifier: MIT
 *
 * What the cached policy alone promises: it follows the guest's stores into
 * its tables, keeps pages as long as they are of use and no longer, and its
 * audit sees lies.
 * LINKS: vmm/mm vmm/base
 */
#include "tests/unit/shadowcase.h"
#include "vmm/mm/cached.h"

static void cached_follows_writes(void)
{
    policy = SHADOW_CACHED;
    begin();
    touch(PAGE_0, 0);
    EXPECT_EQ(p2m_lookup(&p2m, gfn(PT)).trace, TRACE_PAGE_TABLE);
    EXPECT_EQ(p2m_lookup(&p2m, gfn(PD)).trace, TRACE_PAGE_TABLE);
    guest_put(PT, 0, OTHER << 12 | ALL);
    EXPECT(!hw_access(PAGE_0, 0));
    touch(PAGE_0, 0);
    EXPECT(hw_access(PAGE_0, 0) == guest_ptr(OTHER));
    guest_put(PD, 0, 0);
    EXPECT(!hw_access(PAGE_0, 0));
    EXPECT(!p2m_lookup(&p2m, gfn(PT)).trace); /* reaped */
    EXPECT_EQ(hw_why, SHADOW_BY_REAP);
    end();
}

static void cached_keeps_pages_across_cr3_loads(void)
{
    u64 fills;

    policy = SHADOW_CACHED;
    begin();
    touch(PAGE_0, PF_WRITE);
    shadow_load_cr3(&shadow, PD2 << 12);
    touch(PAGE_0, PF_WRITE);
    fills = shadow_stats(&shadow)->fills;
    for (u32 i = 0; i < 10; i++) {
        shadow_load_cr3(&shadow, (i & 1 ? PD : PD2) << 12);
        EXPECT(hw_access(PAGE_0, PF_WRITE));
    }
    EXPECT_EQ(shadow_stats(&shadow)->fills, fills);
    EXPECT_EQ(shadow_stats(&shadow)->root_hits, 10);
    EXPECT_EQ(shadow_stats(&shadow)->pages, 3); /* the leaf table is shared */
    end();
}

static void an_equal_write_keeps_the_entry(void)
{
    policy = SHADOW_CACHED;
    begin();
    touch(PAGE_0, PF_WRITE);
    guest_put(PT, 0, guest_get(PT, 0) | PTE_AVAIL);
    guest_put(PD, 0, guest_get(PD, 0) | PTE_AVAIL);
    EXPECT(hw_access(PAGE_0, PF_WRITE));
    guest_put(PT, 0, guest_get(PT, 0) & ~(u32)PTE_D);
    EXPECT(!hw_access(PAGE_0, PF_WRITE));
    end();
}

/* The guest makes pages read-only, as for copy on write. With WP clear the
 * kernel may still write, so just the page that programs see must go. */
static void write_protecting_an_entry(void)
{
    policy = SHADOW_CACHED;
    begin();
    touch(PAGE_5, PF_WRITE);
    guest_put(PT, 5, guest_get(PT, 5) & ~(u32)PTE_W);
    EXPECT(!hw_access(PAGE_5, PF_WRITE));
    world_mode(PD, true, false, true);
    touch(PAGE_0, PF_WRITE);
    guest_put(PT, 0, guest_get(PT, 0) & ~(u32)PTE_W);
    EXPECT(!hw_access(PAGE_0, PF_USER | PF_WRITE));
    end();
}

/* A former page table written as data is soon written without a trap. */
static void a_recycled_table_is_let_go(void)
{
    policy = SHADOW_CACHED;
    begin();
    touch(PAGE_0, 0);
    for (u32 i = 100; i < 120; i++)
        guest_put(PT, i, i);
    EXPECT_EQ(hw_why, SHADOW_BY_FLOOD);
    EXPECT(!p2m_lookup(&p2m, gfn(PT)).trace);
    EXPECT(shadow_stats(&shadow)->traced < 12);
    EXPECT(!hw_access(PAGE_0, 0));
    EXPECT_EQ(touch(PAGE_0, 0), SHADOW_FILLED);
    EXPECT_EQ(p2m_lookup(&p2m, gfn(PT)).trace, TRACE_PAGE_TABLE);
    end();
}

static void a_table_in_use_is_not_let_go(void)
{
    policy = SHADOW_CACHED;
    begin();
    for (u32 i = 0; i < 40; i++) {
        u32 watched = i ? TRACE_PAGE_TABLE : 0;
        guest_put(PT, 0, (i & 1 ? OTHER : DATA) << 12 | ALL);
        EXPECT_EQ(p2m_lookup(&p2m, gfn(PT)).trace, watched);
        EXPECT_EQ(touch(PAGE_0, 0), SHADOW_FILLED);
    }
    EXPECT_EQ(shadow_stats(&shadow)->traced, 39);
    end();
}

/* The current directory is dropped for its writes; its tables stay, and what
 * the CPU knows through them must not outlive their next change. */
static void a_current_directory_is_let_go(void)
{
    policy = SHADOW_CACHED;
    begin();
    touch(PAGE_0, 0);
    EXPECT(hw_access(PAGE_0, 0));
    for (u32 i = 100; i < 120; i++)
        guest_put(PD, i, 0);
    EXPECT(!p2m_lookup(&p2m, gfn(PD)).trace);
    guest_put(PT, 0, OTHER << 12 | ALL);
    EXPECT(!hw_access(PAGE_0, 0));
    EXPECT_EQ(touch(PAGE_0, 0), SHADOW_FILLED);
    EXPECT(hw_access(PAGE_0, 0) == guest_ptr(OTHER));
    end();
}

static void a_directory_that_maps_itself(void)
{
    policy = SHADOW_CACHED;
    begin();
    guest_put(PD, 1023, PD << 12 | ALL);
    /* The last linear page is then the directory itself. */
    EXPECT_EQ(touch(NVPN - 1, PF_WRITE), SHADOW_FILLED);
    EXPECT(!hw_access(NVPN - 1, PF_WRITE)); /* it is watched since the fill */
    EXPECT_EQ(touch(NVPN - 1, PF_WRITE), SHADOW_TRACED);
    EXPECT_EQ(touch(NVPN - 1, 0), SHADOW_FILLED);
    EXPECT(hw_access(NVPN - 1, 0) == guest_ptr(PD));
    touch(PAGE_0, 0);
    guest_put(PD, 0, 0);
    EXPECT(!hw_access(PAGE_0, 0));
    guest_put(PD, 1023, 0);
    EXPECT(!hw_access(NVPN - 1, 0));
    end();
}

/* Pages of [0, 2 * 4 MiB) that the shadow maps for this access. */
static u32 mapped_now(u32 access)
{
    u32 count = 0;

    for (u32 at = 0; at < 2 * LARGE32_SIZE; at += PAGE_SIZE)
        count += shadow_peek(&shadow, gva(at), access) != NULL;
    return count;
}

static void one_frame_is_not_mapped_without_end(void)
{
    struct shadow_result r;

    policy = SHADOW_CACHED;
    begin();
    guest_put(PD, 1, PT << 12 | ALL);
    for (u32 i = 0; i < 1024; i++)
        guest_put(PT, i, DATA << 12 | ALL);
    for (u32 at = 0; at < 2 * LARGE32_SIZE; at += PAGE_SIZE) {
        EXPECT_EQ(shadow_fault(&shadow, gva(at), PF_WRITE, &r), SHADOW_FILLED);
        EXPECT(shadow_peek(&shadow, gva(at), PF_WRITE) != NULL);
    }
    EXPECT(mapped_now(PF_WRITE) > 0);
    EXPECT(mapped_now(PF_WRITE) <= 2 * 512);
    EXPECT_EQ(shadow_audit(&shadow, &to_stdout), 0);
    shadow_trace(&shadow, gfn(DATA), TRACE_GDT);
    EXPECT_EQ(mapped_now(PF_WRITE), 0);
    EXPECT(mapped_now(0) > 0);
    EXPECT(!hw_access(PAGE_0, PF_WRITE));
    shadow_untrace(&shadow, gfn(DATA), TRACE_GDT);
    guest_put(PD, 1, 0);
    EXPECT_EQ(shadow_audit(&shadow, &to_stdout), 0);
    end();
}

static void the_audit_of_cached_sees_lies(void)
{
    u64 *leaf, *other;

    policy = SHADOW_CACHED;
    begin();
    touch(PAGE_0, PF_WRITE);
    touch(PAGE_1, 0);
    touch(PAGE_5, 0);
    leaf = leaf_of(vpn_at(PAGE_0));
    other = leaf_of(vpn_at(PAGE_1));
    expect_caught(leaf, 0);
    expect_caught(leaf, (*leaf & ~PTE64_ADDR) | (*other & PTE64_ADDR));
    expect_caught(other, *other | PTE_W);
    other = leaf_of(vpn_at(PAGE_5));
    expect_caught(other, *other | PTE_U);
    expect_caught(other, *other | PTE_W); /* D is clear */
    expect_caught(leaf_of(0x2000), *leaf);
    p2m_set_trace(&p2m, gfn(PT), 0);
    EXPECT(shadow_audit(&shadow, NULL) != 0);
    p2m_set_trace(&p2m, gfn(PT), TRACE_PAGE_TABLE);
    p2m_set_trace(&p2m, gfn(40), TRACE_PAGE_TABLE);
    EXPECT(shadow_audit(&shadow, NULL) != 0);
    p2m_set_trace(&p2m, gfn(40), 0);
    put_le32(guest_ptr(PT), 0);
    EXPECT(shadow_audit(&shadow, NULL) != 0);
    shadow_written(&shadow, gpa(PT << 12), 4);
    put_le32(guest_ptr(PD), 0);
    EXPECT(shadow_audit(&shadow, NULL) != 0);
    shadow_written(&shadow, gpa(PD << 12), 4);
    end();
}

/* Two tables whose frames share a place in the hash are two. */
static void tables_that_collide_are_told_apart(void)
{
    const u32 one = 46, two = 525;
    struct shadow_result r;

    policy = SHADOW_CACHED;
    begin();
    EXPECT_EQ(hash_cell(&shadow.roles, one), hash_cell(&shadow.roles, two));
    guest_put(PD, 0, one << 12 | ALL);
    guest_put(PD, 1, two << 12 | ALL);
    guest_put(one, 0, DATA << 12 | ALL);
    guest_put(two, 0, OTHER << 12 | ALL);
    EXPECT_EQ(shadow_fault(&shadow, gva(0), 0, &r), SHADOW_FILLED);
    EXPECT_EQ(shadow_fault(&shadow, gva(1u << 22), 0, &r), SHADOW_FILLED);
    EXPECT(shadow_peek(&shadow, gva(0), 0) == guest_ptr(DATA));
    EXPECT(shadow_peek(&shadow, gva(1u << 22), 0) == guest_ptr(OTHER));
    guest_put(one, 0, 0);
    EXPECT(!shadow_peek(&shadow, gva(0), 0));
    EXPECT(shadow_peek(&shadow, gva(1u << 22), 0) == guest_ptr(OTHER));
    guest_put(PD, 0, 0);
    EXPECT(!p2m_lookup(&p2m, gfn(one)).trace);
    EXPECT(p2m_lookup(&p2m, gfn(two)).trace & TRACE_PAGE_TABLE);
    end();
}

static const struct unit_case cases[] = {
    CASE(tables_that_collide_are_told_apart),
    CASE(cached_follows_writes),
    CASE(cached_keeps_pages_across_cr3_loads),
    CASE(an_equal_write_keeps_the_entry),
    CASE(write_protecting_an_entry),
    CASE(a_recycled_table_is_let_go),
    CASE(a_table_in_use_is_not_let_go),
    CASE(a_current_directory_is_let_go),
    CASE(a_directory_that_maps_itself),
    CASE(one_frame_is_not_mapped_without_end),
    CASE(the_audit_of_cached_sees_lies),
};
UNIT_MAIN(cases)
