/* SPDX-License-Identifier: MIT
 *
 * Byte queues, also where their free-running counters wrap.
 * LINKS: vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/ring.h"

static u8 storage[4];
static struct ring r;

/* An empty ring whose counters stand at `at`. */
static void start(u32 at)
{
    ring_init(&r, storage, sizeof(storage));
    r.head = r.tail = at;
}

static void a_ring_keeps_order_and_refuses_when_full(void)
{
    u8 byte = 0;
    start(UINT32_MAX - 1);
    for (u8 i = 0; i < 4; i++) {
        EXPECT_EQ(ring_count(&r), i);
        EXPECT_EQ(ring_room(&r), 4 - i);
        EXPECT(ring_put(&r, i));
    }
    EXPECT(!ring_put(&r, 9));
    for (u8 i = 0; i < 4; i++)
        EXPECT(ring_get(&r, &byte) && byte == i);
    EXPECT(!ring_get(&r, &byte));
    EXPECT_EQ(byte, 3);
}

static void a_cleared_ring_is_empty_and_works_on(void)
{
    u8 byte = 0;
    start(7);
    ring_put(&r, 1);
    ring_put(&r, 2);
    ring_clear(&r);
    EXPECT_EQ(ring_count(&r), 0);
    EXPECT(!ring_get(&r, &byte));
    EXPECT(ring_put(&r, 5));
    EXPECT(ring_get(&r, &byte) && byte == 5);
}

static void many_bytes_pass_through(void)
{
    u8 in = 0, out = 0, byte;
    start(UINT32_MAX - 500);
    for (int i = 0; i < 1000; i++) {
        EXPECT(ring_put(&r, in++));
        EXPECT(ring_put(&r, in++));
        EXPECT(ring_get(&r, &byte) && byte == out++);
        EXPECT(ring_get(&r, &byte) && byte == out++);
    }
}

static const struct unit_case cases[] = {
    CASE(a_ring_keeps_order_and_refuses_when_full),
    CASE(a_cleared_ring_is_empty_and_works_on),
    CASE(many_bytes_pass_through),
};
UNIT_MAIN(cases)
