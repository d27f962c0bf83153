/* SPDX-License-Identifier: MIT
 *
 * Canary frames: where they are planted, that each byte of them counts, and
 * that they all go back.
 * LINKS: vmm/mm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/mm/canary.h"

#define COUNT 1024u
#define OWNER 3

static u8 arena[COUNT * PAGE_SIZE] __attribute__((aligned(4096)));
static struct frame info[COUNT];
static struct frames f;
static char said[4096];
static size_t said_len;

static void hear(void *ctx, const char *text, size_t len)
{
    if (len >= sizeof(said) - said_len)
        abort();
    memcpy(said + said_len, text, len);
    said_len += len;
    said[said_len] = 0;
}

static const struct sink sink = {hear, NULL};

static void begin(void)
{
    frames_init(&f, arena, info, COUNT);
    frames_add(&f, hpa(0), hpa(sizeof(arena)));
    said_len = 0;
    said[0] = 0;
}

static void own(u32 frame, enum frame_use use)
{
    EXPECT(frame_take(&f, mfn(frame), use, OWNER));
}

static bool canary_at(u32 frame)
{
    return info[frame].use == FRAME_CANARY && info[frame].owner == OWNER;
}

static u32 canaries(void)
{
    return frames_owned(&f, OWNER, FRAME_CANARY);
}

static void they_lie_beside_what_is_owned(void)
{
    begin();
    own(100, FRAME_GUEST);
    own(200, FRAME_P2M);
    own(201, FRAME_P2M);
    own(300, FRAME_SHADOW);
    canary_plant(&f, OWNER);
    EXPECT(canary_at(99) && canary_at(101));
    EXPECT(canary_at(199) && canary_at(202));
    EXPECT(canary_at(299) && canary_at(301));
    EXPECT_EQ(canaries(), 6);
    EXPECT_EQ(f.nfree, COUNT - 4 - 6);
    EXPECT_EQ(canary_check(&f, OWNER, &sink), 0);
    EXPECT_STR(said, "");
}

static void the_ends_of_memory_have_one_neighbour(void)
{
    begin();
    own(0, FRAME_GUEST);
    own(COUNT - 1, FRAME_GUEST);
    canary_plant(&f, OWNER);
    EXPECT(canary_at(1) && canary_at(COUNT - 2));
    EXPECT_EQ(canaries(), 2);
}

static void every_64th_guest_frame_and_the_last(void)
{
    begin();
    for (u32 i = 0; i < 130; i++)
        own(2 + 3 * i, FRAME_GUEST);
    canary_plant(&f, OWNER);
    EXPECT(canary_at(1) && canary_at(3));
    EXPECT(canary_at(2 + 3 * 64 - 1) && canary_at(2 + 3 * 128 + 1));
    EXPECT(!canary_at(2 + 3 * 65 + 1));
    EXPECT(canary_at(2 + 3 * 129 + 1));
    EXPECT_EQ(canaries(), 8);
}

static void what_is_in_use_is_left_alone(void)
{
    begin();
    own(10, FRAME_GUEST);
    EXPECT(frame_take(&f, mfn(9), FRAME_GUEST, OWNER + 1));
    frames_reserve(&f, hpa(11 * PAGE_SIZE), hpa(12 * PAGE_SIZE));
    canary_plant(&f, OWNER);
    EXPECT_EQ(canaries(), 0);
    EXPECT_EQ(info[9].owner, OWNER + 1);
    EXPECT_EQ(info[11].use, FRAME_RESERVED);
}

static void every_byte_counts(void)
{
    begin();
    own(100, FRAME_GUEST);
    canary_plant(&f, OWNER);
    for (u32 i = 0; i < PAGE_SIZE; i++) {
        arena[101 * PAGE_SIZE + i] ^= 0x10;
        EXPECT_EQ(canary_check(&f, OWNER, NULL), 1);
        arena[101 * PAGE_SIZE + i] ^= 0x10;
    }
    EXPECT_EQ(canary_check(&f, OWNER, NULL), 0);
}

static void a_dead_one_is_named(void)
{
    begin();
    own(100, FRAME_GUEST);
    canary_plant(&f, OWNER);
    memset(arena + 99 * PAGE_SIZE + 0x18, 0, 8);
    arena[101 * PAGE_SIZE]++;
    EXPECT_EQ(canary_check(&f, OWNER, &sink), 2);
    EXPECT(strstr(said, "The canary in machine frame 0x63 has changed: its "
                        "word at 0x18 is 0x0000000000000000.\n"));
    EXPECT(strstr(said, "frame 0x65"));
    EXPECT_EQ(canary_check(&f, OWNER + 1, &sink), 0);
}

static void one_is_no_good_for_another(void)
{
    begin();
    own(100, FRAME_GUEST);
    canary_plant(&f, OWNER);
    memcpy(arena + 99 * PAGE_SIZE, arena + 101 * PAGE_SIZE, PAGE_SIZE);
    EXPECT_EQ(canary_check(&f, OWNER, NULL), 1);
}

static void they_all_go_back(void)
{
    begin();
    own(100, FRAME_GUEST);
    own(200, FRAME_GUEST);
    EXPECT(frame_take(&f, mfn(300), FRAME_CANARY, OWNER + 1));
    canary_plant(&f, OWNER);
    EXPECT(canaries() > 0);
    canary_remove(&f, OWNER);
    EXPECT_EQ(canaries(), 0);
    EXPECT_EQ(f.nfree, COUNT - 3);
    EXPECT_EQ(frames_audit(&f, BIT(OWNER) | BIT(OWNER + 1), NULL), 0);
}

static const struct unit_case cases[] = {
    CASE(they_lie_beside_what_is_owned),
    CASE(the_ends_of_memory_have_one_neighbour),
    CASE(every_64th_guest_frame_and_the_last),
    CASE(what_is_in_use_is_left_alone),
    CASE(every_byte_counts),
    CASE(a_dead_one_is_named),
    CASE(one_is_no_good_for_another),
    CASE(they_all_go_back),
};
UNIT_MAIN(cases)
