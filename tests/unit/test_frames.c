/* SPDX-License-Identifier: MIT
 *
 * Machine frames: ranges, owners, scattering, exhaustion.
 * LINKS: vmm/mm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/mm/frames.h"

#define COUNT 256u

static u8 arena[COUNT * PAGE_SIZE] __attribute__((aligned(4096)));
static struct frame info[COUNT];
static struct frames f;

static void begin(void)
{
    memset(arena, 0xaa, sizeof(arena));
    frames_init(&f, arena, info, COUNT);
}

static u32 counted_free(void)
{
    u32 n = 0;

    for (u32 i = 0; i < COUNT; i++)
        n += info[i].use == FRAME_FREE;
    return n;
}

static void whole_frames_only_are_added(void)
{
    begin();
    EXPECT_EQ(f.nfree, 0);
    frames_add(&f, hpa(0x1001), hpa(0x4fff));
    EXPECT_EQ(f.nfree, 2);
    EXPECT_EQ(info[1].use, FRAME_RESERVED);
    EXPECT_EQ(info[2].use, FRAME_FREE);
    EXPECT_EQ(info[4].use, FRAME_RESERVED);
    frames_add(&f, hpa(0x2000), hpa(0x4000));
    EXPECT_EQ(f.nfree, 2);
    frames_add(&f, hpa(0x5000), hpa(0x5000));
    frames_add(&f, hpa(0x5fff), hpa(0x6001));
    EXPECT_EQ(f.nfree, 2);
}

static void memory_beyond_the_records_is_ignored(void)
{
    begin();
    frames_add(&f, hpa((COUNT - 1) * PAGE_SIZE), hpa(1ull << 60));
    EXPECT_EQ(f.nfree, 1);
    frames_reserve(&f, hpa(0), hpa(~0ull));
    EXPECT_EQ(f.nfree, 0);
}

static void reserve_takes_every_touched_frame(void)
{
    begin();
    frames_add(&f, hpa(0), hpa(sizeof(arena)));
    frames_reserve(&f, hpa(0x1fff), hpa(0x3001));
    EXPECT_EQ(f.nfree, COUNT - 3);
    for (u32 i = 1; i <= 3; i++)
        EXPECT_EQ(info[i].use, FRAME_RESERVED);
    frames_reserve(&f, hpa(0x5000), hpa(0x5000));
    EXPECT_EQ(f.nfree, COUNT - 3);
    EXPECT_EQ(counted_free(), f.nfree);
}

static void own_frames_come_from_the_low_end(void)
{
    mfn_t a, b, c;

    begin();
    frames_add(&f, hpa(0x3000), hpa(sizeof(arena)));
    EXPECT(frame_alloc(&f, FRAME_SHADOW, 1, &a));
    EXPECT(frame_alloc(&f, FRAME_P2M, 1, &b));
    EXPECT_EQ(a.v, 3);
    EXPECT_EQ(b.v, 4);
    frame_free(&f, a);
    EXPECT(frame_alloc(&f, FRAME_SHADOW, 2, &c));
    EXPECT_EQ(c.v, 3);
    EXPECT_EQ(frames_owned(&f, 1, FRAME_SHADOW), 0);
    EXPECT_EQ(frames_owned(&f, 2, FRAME_SHADOW), 1);
    EXPECT_EQ(frames_owned(&f, 1, FRAME_P2M), 1);
}

static void frames_come_zeroed(void)
{
    mfn_t m;
    const u8 *page;
    u32 sum = 0;

    begin();
    frames_add(&f, hpa(0), hpa(sizeof(arena)));
    EXPECT(frame_alloc(&f, FRAME_GUEST, 1, &m));
    page = frame_ptr(&f, m);
    for (u32 i = 0; i < PAGE_SIZE; i++)
        sum |= page[i];
    EXPECT_EQ(sum, 0);
    if (m.v + 1 < COUNT)
        EXPECT_EQ(page[PAGE_SIZE], 0xaa);
}

static void guest_frames_are_scattered_over_all_memory(void)
{
    u32 neighbours = 0, low = 0, last = 0;
    mfn_t m;

    begin();
    frames_add(&f, hpa(0), hpa(sizeof(arena)));
    for (u32 i = 0; i < COUNT / 2; i++) {
        EXPECT(frame_alloc(&f, FRAME_GUEST, 1, &m));
        neighbours += m.v == last + 1;
        low += m.v < COUNT / 2;
        last = m.v;
    }
    EXPECT(neighbours < COUNT / 16);
    EXPECT(low > COUNT / 8 && low < COUNT * 3 / 8);
}

static void every_frame_is_handed_out_once(void)
{
    static u8 seen[COUNT];
    mfn_t m;

    begin();
    frames_add(&f, hpa(0), hpa(sizeof(arena)));
    for (u32 i = 0; i < COUNT; i++) {
        EXPECT(frame_alloc(&f, i & 1 ? FRAME_GUEST : FRAME_SHADOW, 1, &m));
        EXPECT_EQ(seen[m.v], 0);
        seen[m.v] = 1;
        EXPECT_EQ(counted_free(), f.nfree);
    }
    EXPECT(!frame_alloc(&f, FRAME_GUEST, 1, &m));
    EXPECT(!frame_alloc(&f, FRAME_VMM, FRAME_NO_OWNER, &m));
    for (u32 i = 0; i < COUNT; i++)
        frame_free(&f, mfn(i));
    EXPECT_EQ(f.nfree, COUNT);
    EXPECT_EQ(info[7].owner, FRAME_NO_OWNER);
}

static void a_certain_frame_can_be_had_once(void)
{
    begin();
    frames_add(&f, hpa(0), hpa(sizeof(arena)));
    arena[5 * PAGE_SIZE] = 0x77;
    EXPECT(frame_take(&f, mfn(5), FRAME_GUEST, 2));
    EXPECT(!frame_take(&f, mfn(5), FRAME_GUEST, 2));
    EXPECT_EQ(arena[5 * PAGE_SIZE], 0x77);
    EXPECT_EQ(f.nfree, COUNT - 1);
    EXPECT_EQ(info[5].owner, 2);
    frames_reserve(&f, hpa(0), hpa(PAGE_SIZE));
    EXPECT(!frame_take(&f, mfn(0), FRAME_VMM, FRAME_NO_OWNER));
}

static char said[1024];
static size_t said_len;

static void hear(void *ctx, const char *text, size_t len)
{
    if (len >= sizeof(said) - said_len)
        abort();
    memcpy(said + said_len, text, len);
    said_len += len;
    said[said_len] = 0;
}

static u32 audit(u32 owners)
{
    struct sink sink = {hear, NULL};
    u32 faults;

    said_len = 0;
    said[0] = 0;
    faults = frames_audit(&f, owners, &sink);
    EXPECT_EQ(frames_audit(&f, owners, NULL), faults);
    return faults;
}

static void the_audit_finds_every_kind_of_fault(void)
{
    mfn_t m;

    begin();
    frames_add(&f, hpa(0), hpa(sizeof(arena)));
    frames_reserve(&f, hpa(0), hpa(PAGE_SIZE));
    EXPECT(frame_alloc(&f, FRAME_GUEST, 3, &m));
    EXPECT(frame_alloc(&f, FRAME_VMM, FRAME_NO_OWNER, &m));
    EXPECT_EQ(audit(1 << 3), 0);
    EXPECT_EQ(audit(1 << 4), 1);
    EXPECT(strstr(said, "owner 3) belongs to a VM that there is not.\n"));
    f.nfree++;
    EXPECT_EQ(audit(1 << 3), 1);
    EXPECT_STR(said, "253 machine frames are free, 254 are counted.\n");
    f.nfree--;
    info[9].use = FRAME_USES;
    EXPECT_EQ(audit(1 << 3), 2); /* and one less is free */
    EXPECT(strstr(said, "Machine frame 0x9 (use 11, owner 255) has a use"));
    info[9] = (struct frame){FRAME_FREE, 3};
    EXPECT_EQ(audit(1 << 3), 1);
    EXPECT(strstr(said, "is nobody's but has an owner"));
    info[9] = (struct frame){FRAME_SHADOW, 77};
    EXPECT_EQ(audit(0xffffffff), 2);
    EXPECT(strstr(said, "owner 77) belongs to a VM that there is not"));
}

static const struct unit_case cases[] = {
    CASE(whole_frames_only_are_added),
    CASE(memory_beyond_the_records_is_ignored),
    CASE(reserve_takes_every_touched_frame),
    CASE(own_frames_come_from_the_low_end),
    CASE(frames_come_zeroed),
    CASE(guest_frames_are_scattered_over_all_memory),
    CASE(every_frame_is_handed_out_once),
    CASE(a_certain_frame_can_be_had_once),
    CASE(the_audit_finds_every_kind_of_fault),
};
UNIT_MAIN(cases)
