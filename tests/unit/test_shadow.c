/* SPDX-License-Identifier: MIT
 *
 * What the shadow promises, one promise a case, for both policies; and that
 * the audit sees each kind of damage.
 * LINKS: vmm/mm vmm/base
 */
#include "tests/unit/shadowcase.h"

static void both(void (*run)(void))
{
    policy = SHADOW_VTLB;
    run();
    policy = SHADOW_CACHED;
    run();
}

static void dirty_tracking(void)
{
    begin();
    EXPECT_EQ(touch(PAGE_0, 0), SHADOW_FILLED);
    EXPECT(hw_access(PAGE_0, PF_USER) == guest_ptr(DATA));
    EXPECT_EQ(guest_get(PD, 0), PT << 12 | ALL | PTE_A);
    EXPECT_EQ(guest_get(PT, 0), DATA << 12 | ALL | PTE_A);
    EXPECT(!hw_access(PAGE_0, PF_WRITE));
    EXPECT_EQ(touch(PAGE_0, PF_WRITE), SHADOW_FILLED);
    EXPECT_EQ(guest_get(PT, 0), DATA << 12 | ALL | PTE_A | PTE_D);
    EXPECT(hw_access(PAGE_0, PF_WRITE));
    /* A page that is dirty already is writable from its first read on. */
    shadow_load_cr3(&shadow, PD << 12);
    if (policy == SHADOW_VTLB)
        EXPECT_EQ(touch(PAGE_0, PF_USER), SHADOW_FILLED);
    EXPECT(hw_access(PAGE_0, PF_USER | PF_WRITE));
    end();
}

static void true_faults(void)
{
    struct shadow_result r;

    begin();
    EXPECT_EQ(answer(PAGE_1, PF_WRITE, &r), SHADOW_GUEST_FAULT);
    EXPECT_EQ(r.error, PF_PRESENT | PF_WRITE);
    EXPECT_EQ(answer(PAGE_5, PF_USER, &r), SHADOW_GUEST_FAULT);
    EXPECT_EQ(r.error, PF_PRESENT | PF_USER);
    /* The hardware's own P, RSVD and I/D bits mean nothing to the guest. */
    EXPECT_EQ(answer(NEXT_DIR, PF_PRESENT | PF_RSVD | PF_FETCH, &r),
              SHADOW_GUEST_FAULT);
    EXPECT_EQ(r.error, 0);
    EXPECT_EQ(shadow_stats(&shadow)->true_faults, 3);
    EXPECT_EQ(guest_get(PD, 0) & PTE_A, 0);
    end();
}

static void kernel_writes_with_wp_clear(void)
{
    begin();
    mode.wp = false;
    shadow_set_mode(&shadow, &mode);
    EXPECT_EQ(touch(PAGE_1, PF_USER), SHADOW_FILLED);
    EXPECT(!hw_access(PAGE_1, PF_WRITE));
    EXPECT_EQ(touch(PAGE_1, PF_WRITE), SHADOW_FILLED);
    EXPECT(hw_access(PAGE_1, PF_WRITE));
    EXPECT(!hw_access(PAGE_1, PF_USER | PF_WRITE));
    EXPECT(!hw_access(PAGE_1, PF_USER));
    EXPECT_EQ(touch(PAGE_1, PF_USER | PF_WRITE), SHADOW_GUEST_FAULT);
    EXPECT_EQ(touch(PAGE_1, PF_USER), SHADOW_FILLED);
    EXPECT(hw_access(PAGE_1, PF_USER));
    EXPECT(!hw_access(PAGE_1, PF_WRITE));
    end();
}

static void rom_mmio_and_holes(void)
{
    struct shadow_result r;

    begin();
    guest_put(PT, 0, ROM_AT << 12 | ALL);
    guest_put(PT, 1, MMIO_AT << 12 | ALL);
    guest_put(PT, 5, 0x12345 << 12 | ALL);
    shadow_load_cr3(&shadow, PD << 12);
    EXPECT_EQ(answer(PAGE_0, PF_WRITE, &r), SHADOW_TRACED);
    EXPECT_EQ(r.at.v, ROM_AT << 12);
    EXPECT_EQ(touch(PAGE_0, 0), SHADOW_FILLED);
    EXPECT(!hw_access(PAGE_0, PF_WRITE));
    EXPECT_EQ(answer(PAGE_1, 0, &r), SHADOW_MMIO);
    EXPECT_EQ(r.at.v, MMIO_AT << 12);
    EXPECT_EQ(answer(PAGE_5, PF_WRITE, &r), SHADOW_MMIO);
    EXPECT_EQ(guest_get(PT, 1) & PTE_A, 0); /* the emulator will mark it */
    end();
}

static void marks_in_descriptor_tables_are_told(void)
{
    struct walk to;

    begin();
    hw_marks = 0;
    EXPECT_EQ(touch(PAGE_5, PF_WRITE), SHADOW_FILLED);
    EXPECT_EQ(hw_marks, 0);
    shadow_trace(&shadow, gfn(PT), TRACE_IDT);
    EXPECT_EQ(touch(PAGE_0, 0), SHADOW_FILLED);
    EXPECT_EQ(hw_marks, 2); /* both words of the walk */
    EXPECT_EQ(touch(PAGE_1, 0), SHADOW_FILLED);
    EXPECT_EQ(hw_marks, 4);
    EXPECT_EQ(shadow_translate(&shadow, gva(vpn_at(PAGE_1)), 0, &to), WALK_OK);
    EXPECT_EQ(hw_marks, 4); /* nothing was left to mark */
    EXPECT_EQ(shadow_translate(&shadow, gva(vpn_at(PAGE_0)), PF_WRITE, &to),
              WALK_OK);
    EXPECT_EQ(hw_marks, 6);
    shadow_untrace(&shadow, gfn(PT), TRACE_IDT);
    end();
}

static void a_trace_takes_write_rights_at_once(void)
{
    struct shadow_result r;

    begin();
    EXPECT_EQ(touch(PAGE_0, PF_WRITE), SHADOW_FILLED);
    EXPECT_EQ(touch(PAGE_5, PF_WRITE), SHADOW_FILLED); /* the same frame */
    EXPECT(hw_access(PAGE_0, PF_WRITE) && hw_access(PAGE_5, PF_WRITE));
    hw_traces = 0;
    shadow_trace(&shadow, gfn(DATA), TRACE_GDT);
    EXPECT_EQ(hw_traces, 1);
    EXPECT(!hw_access(PAGE_0, PF_WRITE));
    EXPECT(!hw_access(PAGE_5, PF_WRITE));
    EXPECT_EQ(answer(PAGE_0, PF_WRITE, &r), SHADOW_TRACED);
    EXPECT_EQ(r.at.v, DATA << 12);
    EXPECT_EQ(touch(PAGE_0, 0), SHADOW_FILLED);
    shadow_trace(&shadow, gfn(DATA), TRACE_IDT);
    shadow_untrace(&shadow, gfn(DATA), TRACE_GDT);
    EXPECT_EQ(touch(PAGE_0, PF_WRITE), SHADOW_TRACED);
    shadow_untrace(&shadow, gfn(DATA), TRACE_IDT);
    EXPECT_EQ(touch(PAGE_0, PF_WRITE), SHADOW_FILLED);
    EXPECT(hw_access(PAGE_0, PF_WRITE));
    end();
}

/* A frame at more addresses than are flushed one by one. */
static void a_trace_of_a_frame_that_is_everywhere(void)
{
    begin();
    for (u32 i = 0; i < NPAGES; i++)
        guest_put(PT, pages[i], DATA << 12 | ALL);
    for (u32 d = 0; d < NDIRS; d++)
        guest_put(PD, dirs[d], PT << 12 | ALL);
    world_mode(PD, true, true, true);
    for (u32 i = 0; i < NVPN; i++)
        EXPECT_EQ(touch(i, PF_WRITE), SHADOW_FILLED);
    shadow_trace(&shadow, gfn(DATA), TRACE_GDT);
    for (u32 i = 0; i < NVPN; i++)
        EXPECT(!hw_access(i, PF_WRITE));
    end();
}

/* A page table on the frame of a descriptor table: two reasons, and the
 * second does not end the first. */
static void a_page_table_may_be_watched_already(void)
{
    begin();
    shadow_trace(&shadow, gfn(PT), TRACE_GDT);
    EXPECT_EQ(touch(PAGE_0, PF_WRITE), SHADOW_FILLED);
    EXPECT(p2m_lookup(&p2m, gfn(PT)).trace & TRACE_GDT);
    guest_put(PT, 1, PT << 12 | ALL);
    world_mode(PD, true, true, true);
    EXPECT_EQ(touch(PAGE_1, PF_WRITE), SHADOW_TRACED);
    shadow_untrace(&shadow, gfn(PT), TRACE_GDT);
    EXPECT_EQ(touch(PAGE_1, PF_WRITE),
              policy == SHADOW_CACHED ? SHADOW_TRACED : SHADOW_FILLED);
    end();
}

/* Pages are made as long as the limit allows; only then all are dropped. */
static void a_shadow_grows_to_its_limit(void)
{
    u32 count = 24; /* tables: with directories more than are made at once */

    world_begin(policy, PLAIN);
    guest_put(PT, 0, DATA << 12 | ALL);
    for (u32 i = 0; i < 1024; i++)
        guest_put(PD, i, PT << 12 | ALL);
    for (u32 i = 0; i < count; i++) {
        guest_put(20 + i, 0, DATA << 12 | ALL);
        guest_put(PD, i, (20 + i) << 12 | ALL);
    }
    world_mode(PD, true, true, false);
    for (u32 i = 0; i < count; i++) {
        struct shadow_result r;
        EXPECT_EQ(shadow_fault(&shadow, gva(i << 22), 0, &r), SHADOW_FILLED);
    }
    for (u32 i = 0; i < count; i++)
        EXPECT(shadow_peek(&shadow, gva(i << 22), 0) == guest_ptr(DATA));
    EXPECT(count > SHADOW_PAGES_LEAST);
    end();
}

/* Whatever a guest maps, its shadow takes no more frames than it may. */
static void a_shadow_keeps_its_limit(void)
{
    u32 limit = SHADOW_PAGES_LEAST + 2, least, grown;

    world_begin(policy, SHADOW_PAGES_LEAST);
    least = frames_owned(&frames, OWNER, FRAME_SHADOW);
    world_end();
    world_begin(policy, limit);
    for (u32 i = 0; i < 1024; i++)
        guest_put(PD, i, (20 + i % 40) << 12 | ALL);
    for (u32 i = 0; i < 40; i++)
        guest_put(20 + i, 0, DATA << 12 | ALL);
    world_mode(PD, true, true, false);
    for (u32 i = 0; i < 1024; i++) {
        struct shadow_result r;
        EXPECT_EQ(shadow_fault(&shadow, gva(i << 22), 0, &r), SHADOW_FILLED);
    }
    grown = frames_owned(&frames, OWNER, FRAME_SHADOW);
    EXPECT(shadow.made <= limit);
    EXPECT(grown > least && grown - least <= 2 * (limit - SHADOW_PAGES_LEAST));
    end();
}

static void paging_off(void)
{
    begin();
    world_mode(PD, false, false, false);
    EXPECT_EQ(touch(PAGE_1, PF_USER | PF_WRITE), SHADOW_FILLED);
    EXPECT(hw_access(PAGE_1, PF_USER | PF_WRITE) == guest_ptr(1));
    EXPECT_EQ(touch(NEXT_DIR, 0), SHADOW_FILLED);
    EXPECT(hw_access(NEXT_DIR, 0) == guest_ptr(RAM_TOP));
    EXPECT_EQ(shadow_audit(&shadow, &to_stdout), 0);
    world_mode(PD, true, true, true);
    EXPECT(!hw_access(PAGE_1, PF_WRITE));
    end();
}

static void peek_is_what_the_cpu_sees(void)
{
    begin();
    EXPECT(!shadow_peek(&shadow, gva(0x10), 0));
    touch(PAGE_0, 0);
    EXPECT(shadow_peek(&shadow, gva(0x10), PF_USER) == guest_ptr(DATA) + 0x10);
    EXPECT(!shadow_peek(&shadow, gva(0x10), PF_WRITE));
    touch(PAGE_5, PF_WRITE);
    EXPECT(shadow_peek(&shadow, gva(0x5fff), PF_WRITE) ==
           guest_ptr(DATA) + 0xfff);
    EXPECT(!shadow_peek(&shadow, gva(0x5fff), PF_USER));
    EXPECT(!shadow_peek(&shadow, gva(0xc0000000), 0));
    end();
}

static void large_pages_by_small_shadows(void)
{
    begin();
    guest_put(PD, 1, LARGE32_SIZE | ALL | PTE_PS);
    shadow_load_cr3(&shadow, PD << 12);
    EXPECT_EQ(touch(NEXT_DIR, PF_USER), SHADOW_FILLED);
    EXPECT(hw_access(NEXT_DIR, 0) == guest_ptr(RAM_TOP));
    EXPECT(!hw_access(NEXT_DIR, PF_WRITE));
    EXPECT_EQ(touch(NEXT_DIR + 1, PF_WRITE), SHADOW_FILLED);
    EXPECT(guest_get(PD, 1) & PTE_D);
    EXPECT(hw_access(NEXT_DIR + 1, PF_WRITE) == guest_ptr(RAM_TOP + 1));
    EXPECT_EQ(touch(NEXT_DIR, PF_WRITE), SHADOW_FILLED);
    EXPECT(hw_access(NEXT_DIR, PF_WRITE));
    end();
}

/* vtlb: the old translation of a large page goes from all its 4 MiB, though
 * the guest's tables no longer say that it was large. */
static void invlpg_of_a_page_that_was_large(void)
{
    begin();
    guest_put(PD, 0, ALL | PTE_PS);
    shadow_load_cr3(&shadow, PD << 12);
    touch(PAGE_1, 0);
    touch(PAGE_512, 0);
    EXPECT(hw_access(PAGE_512, 0) == guest_ptr(RAM_MID));
    guest_put(PD, 0, PT << 12 | ALL);
    shadow_invlpg(&shadow, gva(0x5000));
    EXPECT(!hw_access(PAGE_1, 0));
    EXPECT(!hw_access(PAGE_512, 0));
    EXPECT_EQ(touch(PAGE_1, 0), SHADOW_FILLED);
    EXPECT(hw_access(PAGE_1, 0) == guest_ptr(OTHER));
    end();
}

/* One table serves two linear pages, and the CPU has seen both: what one
 * page's fault takes from the shared leaf, it takes from the other. */
static void a_shared_leaf_is_flushed_everywhere(void)
{
    begin();
    guest_put(PD, 1, PT << 12 | ALL);
    world_mode(PD, true, false, true);
    touch(PAGE_1, PF_WRITE);
    touch(NEXT_DIR + PAGE_1, PF_WRITE);
    EXPECT(hw_access(PAGE_1, PF_WRITE));
    EXPECT(hw_access(NEXT_DIR + PAGE_1, PF_WRITE));
    touch(PAGE_1, PF_USER);
    shadow_trace(&shadow, gfn(OTHER), TRACE_GDT);
    EXPECT(!hw_access(PAGE_1, PF_WRITE));
    EXPECT(!hw_access(NEXT_DIR + PAGE_1, PF_WRITE));
    end();
}

/* A fill that no hardware fault came before has to flush, too. */
static void a_fill_asked_for_by_software(void)
{
    struct shadow_result r;

    begin();
    world_mode(PD, true, false, true);
    touch(PAGE_1, PF_WRITE);
    EXPECT(hw_access(PAGE_1, PF_WRITE));
    EXPECT_EQ(answer(PAGE_1, PF_USER, &r), SHADOW_FILLED);
    EXPECT(!hw_access(PAGE_1, PF_WRITE));
    end();
}

/* However many pages are taken, the next access gets through. */
static void pages_run_out_at_any_point(void)
{
    for (u32 k = 0; k <= SHADOW_PAGES_LEAST; k++) {
        struct shadow_result r;
        world_begin(policy, SHADOW_PAGES_LEAST);
        for (u32 i = 0; i < 1024; i++)
            guest_put(PD, i, PT << 12 | ALL);
        guest_put(PT, 0, DATA << 12 | ALL);
        world_mode(PD, true, true, false);
        for (u32 i = 0; i < k; i++) {
            guest_put(PD, i, (20 + i) << 12 | ALL);
            guest_put(20 + i, 0, DATA << 12 | ALL);
            shadow_fault(&shadow, gva(i << 22), 0, &r);
        }
        EXPECT_EQ(shadow_fault(&shadow, gva(1u << 30), 0, &r), SHADOW_FILLED);
        EXPECT(shadow_peek(&shadow, gva(1u << 30), 0) == guest_ptr(DATA));
        end();
    }
}

static void vtlb_is_stale_until_invlpg(void)
{
    policy = SHADOW_VTLB;
    begin();
    touch(PAGE_0, 0);
    guest_put(PT, 0, OTHER << 12 | ALL);
    EXPECT(hw_access(PAGE_0, 0) == guest_ptr(DATA));
    shadow_invlpg(&shadow, gva(0xfff));
    EXPECT(!hw_access(PAGE_0, 0));
    touch(PAGE_0, 0);
    EXPECT(hw_access(PAGE_0, 0) == guest_ptr(OTHER));
    EXPECT(!p2m_lookup(&p2m, gfn(PT)).trace);
    end();
}

/* The software TLB hears of stores and waits for the guest's flush all the
 * same (SDM vol. 3A 4.10.4.2). */
static void vtlb_waits_when_told_of_a_write(void)
{
    policy = SHADOW_VTLB;
    begin();
    touch(PAGE_0, 0);
    guest_put(PT, 0, OTHER << 12 | ALL);
    shadow_written(&shadow, gpa(PT << 12), 4);
    EXPECT(hw_access(PAGE_0, 0) == guest_ptr(DATA));
    shadow_load_cr3(&shadow, PD << 12);
    touch(PAGE_0, 0);
    EXPECT(hw_access(PAGE_0, 0) == guest_ptr(OTHER));
    end();
}

static void the_upper_half_is_the_vmms(void)
{
    const u64 *pml4;

    begin();
    pml4 = (const u64 *)(void *)(arena + shadow_root(&shadow).v);
    EXPECT(!memcmp(pml4 + 256, host_pml4 + 256, 2048));
    for (u32 i = 1; i < 256; i++)
        EXPECT_EQ(pml4[i], 0);
    end();
}

#define SMALL 64u

static void a_start_without_memory_gives_back(void)
{
    static u8 small_arena[SMALL * PAGE_SIZE] __attribute__((aligned(4096)));
    static struct frame small_info[SMALL];
    struct shadow_hw hw = {.flush_page = hw_flush_page,
                           .flush_all = hw_flush_all,
                           .marked = hw_marked};
    struct frames small;
    struct shadow s;

    begin();
    for (u32 have = 0; have < SMALL; have++) {
        bool made;
        frames_init(&small, small_arena, small_info, SMALL);
        frames_add(&small, hpa(0), hpa(have * PAGE_SIZE));
        made = shadow_init(&s, policy, &small, &p2m, 1, NULL, &hw, 40);
        EXPECT(made || have < 50);
        EXPECT(!made || have >= 2 + SHADOW_PAGES_LEAST);
        if (made)
            EXPECT_EQ(shadow_audit(&s, &to_stdout), 0);
        shadow_destroy(&s);
        EXPECT_EQ(small.nfree, have);
    }
    EXPECT(!shadow_init(&s, policy, &small, &p2m, 1, NULL, &hw,
                        SHADOW_PAGES_LEAST - 1));
    shadow_destroy(&s);
    end();
}

/* Damage, and the audit's answer. */

static void the_audit_sees_damage(void)
{
    u64 *leaf, *pml4;

    begin();
    touch(PAGE_0, PF_WRITE);
    touch(PAGE_1, 0);
    leaf = leaf_of(vpn_at(PAGE_0));
    pml4 = shadow_table(&shadow, shadow_root(&shadow).v);
    expect_caught(leaf, (*leaf & ~PTE64_ADDR) | shadow_root(&shadow).v);
    expect_caught(leaf, *leaf | 1ull << 40);
    expect_caught(leaf, *leaf | PTE_G);
    expect_caught(&shadow.pdpt[0], shadow.pdpt[0] ^ 0x7000);
    expect_caught(&shadow.pdpt[0], shadow.pdpt[0] & ~(u64)PTE_W);
    expect_caught(&shadow.pdpt[0], 0);
    expect_caught(&shadow.pdpt[4], shadow.pdpt[0]);
    expect_caught(&pml4[0], 0);
    expect_caught(&pml4[1], pml4[0]);
    expect_caught(&pml4[300], pml4[300] ^ PTE_W);
    expect_caught(&shadow.stats.pages, shadow.stats.pages + 1);
    p2m_set_trace(&p2m, gfn(DATA), TRACE_LDT);
    EXPECT(shadow_audit(&shadow, NULL) != 0);
    p2m_set_trace(&p2m, gfn(DATA), 0);
    end();
}

/* What is guarded is not granted, whatever the policy shares: here a guest
 * table that two directory entries lead to, one page of it guarded. */
static void guards(void)
{
    u32 page = vpn_at(PAGE_0) >> PAGE_SHIFT, other = page + 1024;
    struct guards set, none = {.all = 0};
    struct shadow_result r;
    u64 *leaf;

    begin();
    guards_init(&set, &frames, OWNER);
    guards_add(&set, page, page, GUARD_WRITE | GUARD_FETCH);
    guards_add(&set, page + 1, page + 1, GUARD_READ);
    guest_put(PD, 1, PT << 12 | ALL);
    guest_put(PT, 0, DATA << 12 | ALL | PTE_A | PTE_D);
    shadow_load_cr3(&shadow, PD << 12);
    shadow_set_guards(&shadow, &set);
    EXPECT_EQ(touch(NEXT_DIR, PF_WRITE), SHADOW_FILLED);
    EXPECT_EQ(touch(PAGE_0, PF_USER), SHADOW_FILLED);
    EXPECT_EQ(answer(PAGE_0, PF_WRITE, &r), SHADOW_GUARDED);
    EXPECT_EQ(answer(PAGE_0, PF_FETCH | PF_USER, &r), SHADOW_GUARDED);
    EXPECT_EQ(answer(PAGE_1, PF_USER, &r), SHADOW_GUARDED);
    EXPECT_EQ(answer(PAGE_1, PF_WRITE, &r), SHADOW_GUEST_FAULT);
    EXPECT(shadow_peek(&shadow, gva(page << PAGE_SHIFT), PF_USER));
    EXPECT(!shadow_peek(&shadow, gva(page << PAGE_SHIFT), PF_FETCH));
    EXPECT(shadow_peek(&shadow, gva(other << PAGE_SHIFT), PF_FETCH));
    leaf = leaf_of(page << PAGE_SHIFT);
    expect_caught(leaf, *leaf | PTE_W);
    expect_caught(leaf, *leaf & ~PTE64_NX);
    shadow.guards.all = GUARD_READ;
    EXPECT(shadow_audit(&shadow, NULL) != 0);
    shadow.guards.all = 0;
    leaf = leaf_of(other << PAGE_SHIFT);
    expect_caught(leaf, *leaf | PTE64_NX);
    /* The guest's own changes keep what is guarded. */
    guest_put(PD, 0, PT << 12 | ALL | PTE_A);
    shadow_written(&shadow, gpa(PD << 12), 4);
    EXPECT_EQ(touch(PAGE_0, PF_USER), SHADOW_FILLED);
    EXPECT_EQ(shadow_audit(&shadow, &to_stdout), 0);
    shadow_set_guards(&shadow, &none);
    EXPECT_EQ(touch(PAGE_0, PF_WRITE), SHADOW_FILLED);
    EXPECT(shadow_peek(&shadow, gva(page << PAGE_SHIFT), PF_FETCH));
    end();
}

#define BOTH(name)                                                             \
    static void name##_both(void)                                              \
    {                                                                          \
        both(name);                                                            \
    }
BOTH(dirty_tracking)
BOTH(true_faults)
BOTH(kernel_writes_with_wp_clear)
BOTH(rom_mmio_and_holes)
BOTH(marks_in_descriptor_tables_are_told)
BOTH(a_trace_takes_write_rights_at_once)
BOTH(paging_off)
BOTH(peek_is_what_the_cpu_sees)
BOTH(large_pages_by_small_shadows)
BOTH(invlpg_of_a_page_that_was_large)
BOTH(a_shared_leaf_is_flushed_everywhere)
BOTH(a_fill_asked_for_by_software)
BOTH(pages_run_out_at_any_point)
BOTH(a_trace_of_a_frame_that_is_everywhere)
BOTH(a_page_table_may_be_watched_already)
BOTH(a_shadow_grows_to_its_limit)
BOTH(a_shadow_keeps_its_limit)
BOTH(the_upper_half_is_the_vmms)
BOTH(a_start_without_memory_gives_back)
BOTH(the_audit_sees_damage)
BOTH(guards)

static const struct unit_case cases[] = {
    CASE(dirty_tracking_both),
    CASE(true_faults_both),
    CASE(kernel_writes_with_wp_clear_both),
    CASE(rom_mmio_and_holes_both),
    CASE(marks_in_descriptor_tables_are_told_both),
    CASE(a_trace_takes_write_rights_at_once_both),
    CASE(paging_off_both),
    CASE(peek_is_what_the_cpu_sees_both),
    CASE(large_pages_by_small_shadows_both),
    CASE(invlpg_of_a_page_that_was_large_both),
    CASE(vtlb_is_stale_until_invlpg),
    CASE(vtlb_waits_when_told_of_a_write),
    CASE(a_shared_leaf_is_flushed_everywhere_both),
    CASE(a_fill_asked_for_by_software_both),
    CASE(pages_run_out_at_any_point_both),
    CASE(a_trace_of_a_frame_that_is_everywhere_both),
    CASE(a_page_table_may_be_watched_already_both),
    CASE(a_shadow_grows_to_its_limit_both),
    CASE(a_shadow_keeps_its_limit_both),
    CASE(the_upper_half_is_the_vmms_both),
    CASE(a_start_without_memory_gives_back_both),
    CASE(the_audit_sees_damage_both),
    CASE(guards_both),
};
UNIT_MAIN(cases)
