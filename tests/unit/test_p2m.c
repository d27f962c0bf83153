/* SPDX-License-Identifier: MIT
 *
 * The p2m: kinds, traces, copies across scattered frames, and that running
 * out of memory anywhere gives everything back.
 * LINKS: vmm/mm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/mm/p2m.h"

#define COUNT 256u
#define OWNER 2
#define TOP   (P2M_FRAMES - 4)

static u8 arena[COUNT * PAGE_SIZE] __attribute__((aligned(4096)));
static struct frame info[COUNT];
static struct frames f;
static struct p2m p;

static void memory(u32 count)
{
    frames_init(&f, arena, info, COUNT);
    frames_add(&f, hpa(0), hpa((u64)count * PAGE_SIZE));
}

static void begin(void)
{
    memory(COUNT);
    EXPECT(p2m_init(&p, &f, OWNER));
}

static void end(void)
{
    p2m_destroy(&p);
    EXPECT_EQ(f.nfree, COUNT);
    p2m_destroy(&p);
    EXPECT_EQ(f.nfree, COUNT);
}

static enum p2m_kind kind(u32 at)
{
    return p2m_lookup(&p, gfn(at)).kind;
}

static void kinds_and_edges(void)
{
    begin();
    EXPECT(p2m_add_ram(&p, gfn(510), 4));
    EXPECT(p2m_add_mmio(&p, gfn(0xb8), 8));
    EXPECT(p2m_add_ram(&p, gfn(TOP), 4));
    p2m_make_rom(&p, gfn(512), 1);
    EXPECT_EQ(kind(509), P2M_NONE);
    EXPECT_EQ(kind(510), P2M_RAM);
    EXPECT_EQ(kind(511), P2M_RAM);
    EXPECT_EQ(kind(512), P2M_ROM);
    EXPECT_EQ(kind(513), P2M_RAM);
    EXPECT_EQ(kind(514), P2M_NONE);
    EXPECT_EQ(kind(0xb7), P2M_NONE);
    EXPECT_EQ(kind(0xb8), P2M_MMIO);
    EXPECT_EQ(kind(P2M_FRAMES - 1), P2M_RAM);
    EXPECT_EQ(kind(P2M_FRAMES), P2M_NONE);
    EXPECT_EQ(kind(0xffffffff), P2M_NONE);
    EXPECT_EQ(kind(0x80000), P2M_NONE);
    EXPECT_EQ(p.ram_frames, 8);
    EXPECT_EQ(frames_owned(&f, OWNER, FRAME_GUEST), 8);
    end();
}

static void bad_ranges_are_refused(void)
{
    begin();
    EXPECT(!p2m_add_ram(&p, gfn(TOP), 5));
    EXPECT(!p2m_add_mmio(&p, gfn(0xffffffff), 1));
    EXPECT(p2m_add_ram(&p, gfn(8), 4));
    EXPECT(!p2m_add_ram(&p, gfn(11), 2));
    EXPECT(!p2m_add_mmio(&p, gfn(11), 2));
    p2m_make_rom(&p, gfn(0xfffffff0), 32);
    p2m_make_rom(&p, gfn(20), 2);
    EXPECT_EQ(kind(20), P2M_NONE);
    end();
}

static void nothing_is_added_to_what_is_gone(void)
{
    begin();
    p2m_destroy(&p);
    EXPECT(!p2m_add_ram(&p, gfn(0), 1));
    EXPECT(!p2m_add_mmio(&p, gfn(0), 1));
    EXPECT_EQ(kind(0), P2M_NONE);
    end();
}

/* MMIO needs no frame of its own, but a place to be noted in. */
static void mmio_without_memory_is_refused(void)
{
    memory(P2M_ROOTS);
    EXPECT(p2m_init(&p, &f, OWNER));
    EXPECT(!p2m_add_mmio(&p, gfn(0xa0), 1));
    EXPECT_EQ(kind(0xa0), P2M_NONE);
    p2m_destroy(&p);
    EXPECT_EQ(f.nfree, P2M_ROOTS);
}

static void no_frame_has_its_own_number(void)
{
    begin();
    EXPECT(p2m_add_ram(&p, gfn(0), 200));
    for (u32 i = 0; i < 200; i++)
        EXPECT(p2m_lookup(&p, gfn(i)).mfn.v != i);
    end();
}

static void running_out_gives_back(void)
{
    for (u32 have = 0; have < 40; have++) {
        bool made;
        memory(have);
        made = p2m_init(&p, &f, OWNER);
        EXPECT_EQ(made, have >= P2M_ROOTS);
        if (made) {
            EXPECT(!p2m_add_ram(&p, gfn(0), 40));
            EXPECT(!p2m_add_ram(&p, gfn(0x80000), 40));
            p2m_destroy(&p);
        }
        EXPECT_EQ(f.nfree, have);
    }
}

static void traces_stick_to_memory(void)
{
    gfn_t at = gfn(0);

    begin();
    EXPECT(p2m_add_ram(&p, gfn(0x1000), 2));
    EXPECT(p2m_add_mmio(&p, gfn(0x1002), 1));
    p2m_set_trace(&p, gfn(0x1001), TRACE_GDT | TRACE_PAGE_TABLE);
    p2m_set_trace(&p, gfn(0x1002), TRACE_ALL);
    p2m_set_trace(&p, gfn(0x5000), TRACE_ALL);
    EXPECT_EQ(p2m_lookup(&p, gfn(0x1001)).trace, TRACE_GDT | TRACE_PAGE_TABLE);
    EXPECT_EQ(kind(0x1001), P2M_RAM);
    EXPECT_EQ(p2m_lookup(&p, gfn(0x1002)).trace, 0);
    EXPECT_EQ(p2m_lookup(&p, gfn(0x1000)).trace, 0);
    EXPECT(p2m_next_traced(&p, TRACE_GDT, &at));
    EXPECT_EQ(at.v, 0x1001);
    at.v++;
    EXPECT(!p2m_next_traced(&p, TRACE_ALL, &at));
    at.v = 0;
    EXPECT(!p2m_next_traced(&p, TRACE_IDT, &at));
    p2m_set_trace(&p, gfn(0x1001), 0);
    EXPECT_EQ(p2m_lookup(&p, gfn(0x1001)).trace, 0);
    end();
}

static void a20_folds_odd_megabytes(void)
{
    gfn_t low, high;

    begin();
    EXPECT(p2m_add_ram(&p, gfn(0x0ff), 1));
    EXPECT(p2m_add_ram(&p, gfn(0x1ff), 1));
    low = gfn(0x0ff), high = gfn(0x1ff);
    EXPECT(p2m_ptr(&p, gfn_to_gpa(low)) != p2m_ptr(&p, gfn_to_gpa(high)));
    p2m_set_a20(&p, false);
    EXPECT(p2m_ptr(&p, gfn_to_gpa(low)) == p2m_ptr(&p, gfn_to_gpa(high)));
    EXPECT_EQ(p2m_lookup(&p, high).mfn.v, p2m_lookup(&p, low).mfn.v);
    EXPECT_EQ(p2m_masked(&p, gpa(0x1234567)).v, 0x1234567 & ~0x100000);
    p2m_set_a20(&p, true);
    EXPECT(p2m_ptr(&p, gfn_to_gpa(low)) != p2m_ptr(&p, gfn_to_gpa(high)));
    EXPECT_EQ(p2m_masked(&p, gpa(0x1234567)).v, 0x1234567);
    end();
}

static void copies_cross_scattered_frames(void)
{
    static u8 out[3 * PAGE_SIZE], back[3 * PAGE_SIZE];
    gpa_t at = gpa(0x10ff0);

    begin();
    EXPECT(p2m_add_ram(&p, gfn(0x10), 4));
    for (u32 i = 0; i < sizeof(out); i++)
        out[i] = (u8)(i * 7 + i / 256);
    EXPECT(p2m_write(&p, at, out, sizeof(out)));
    EXPECT(p2m_read(&p, at, back, sizeof(back)));
    EXPECT(!memcmp(out, back, sizeof(out)));
    EXPECT_EQ(*p2m_ptr(&p, gpa(0x11000)), out[16]);
    EXPECT(p2m_read(&p, gpa(0x13fff), back, 1));
    EXPECT(!p2m_read(&p, gpa(0x13fff), back, 2));
    EXPECT(!p2m_write(&p, gpa(0x13fff), out, 2));
    EXPECT(p2m_read(&p, gpa(0x99999999), back, 0));
    EXPECT(!p2m_read(&p, gpa(0x100010000), back, 1));
    EXPECT(p2m_ptr(&p, gpa(0x1000000010000)) == NULL);
    end();
}

/* Changes a bit of entry 0x10 of each directory and leaf that has one. */
static u32 changes_unseen(u64 sum, u8 bit)
{
    u32 unseen = 0;

    for (u32 i = 0; i < COUNT; i++) {
        u8 *bytes = frame_ptr(&f, mfn(i));
        if (info[i].use != FRAME_P2M || !(bytes[8 * 0x10] & 1))
            continue;
        bytes[8 * 0x10] ^= bit;
        unseen += p2m_checksum(&p) == sum;
        bytes[8 * 0x10] ^= bit;
    }
    return unseen;
}

static void the_checksum_sees_what_must_not_change(void)
{
    u64 empty, sum;

    begin();
    empty = p2m_checksum(&p);
    EXPECT(p2m_add_ram(&p, gfn(0x10), 4));
    EXPECT(p2m_add_ram(&p, gfn(0x10 * 512), 1));
    sum = p2m_checksum(&p);
    EXPECT(sum != empty);
    EXPECT_EQ(p2m_checksum(&p), sum);
    EXPECT_EQ(changes_unseen(sum, 2), 0);    /* another kind */
    EXPECT_EQ(changes_unseen(sum, 0x10), 1); /* a trace, of a leaf */
    p2m_set_trace(&p, gfn(0x11), TRACE_ALL);
    EXPECT_EQ(p2m_checksum(&p), sum);
    p2m_make_rom(&p, gfn(0x11), 1);
    EXPECT(p2m_checksum(&p) != sum);
    EXPECT_EQ(p2m_own_frames(&p), P2M_ROOTS + 2);
    EXPECT_EQ(frames_owned(&f, OWNER, FRAME_P2M), P2M_ROOTS + 2);
    end();
    EXPECT_EQ(p2m_own_frames(&p), 0);
}

/* PAE paging reaches beyond what a p2m has, and neither a fresh memory of
 * recent finds nor one that was emptied takes that for a frame. */
static void nothing_is_above_4_gib(void)
{
    gpa_t at = gpa(((u64)P2M_FRAMES << PAGE_SHIFT) + 4);

    begin();
    EXPECT(p2m_add_ram(&p, gfn(0), 8));
    EXPECT(!p2m_ptr(&p, at));
    EXPECT(p2m_ptr(&p, gpa(0)));
    p2m_set_a20(&p, false);
    EXPECT(!p2m_ptr(&p, at));
    EXPECT(p2m_ptr(&p, gpa(0)));
    EXPECT(!p2m_ptr(&p, at));
    end();
}

static const struct unit_case cases[] = {
    CASE(kinds_and_edges),
    CASE(bad_ranges_are_refused),
    CASE(nothing_is_added_to_what_is_gone),
    CASE(mmio_without_memory_is_refused),
    CASE(no_frame_has_its_own_number),
    CASE(running_out_gives_back),
    CASE(traces_stick_to_memory),
    CASE(a20_folds_odd_megabytes),
    CASE(nothing_is_above_4_gib),
    CASE(copies_cross_scattered_frames),
    CASE(the_checksum_sees_what_must_not_change),
};
UNIT_MAIN(cases)
