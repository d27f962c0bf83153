/* SPDX-License-Identifier: MIT
 *
 * Sanitised descriptors: which guest descriptors have a host copy, and that
 * no copy ever gives a guest more than ring 1.
 * LINKS: vmm/vm vmm/cpu vmm/base
 */
#include "arch/x86/defs/desc.h"
#include "tests/unit/unit.h"
#include "vmm/vm/hostgdt.h"

#define FLAT(attr_, dpl)                                                       \
    {                                                                          \
        .sel = 8,                                                              \
        .attr = ATTR_P | ATTR_S | ATTR_DB | ATTR_G | (attr_) |                 \
                (dpl) << ATTR_DPL_SHIFT,                                       \
        .base = 0x12345678, .limit = 0xfffff                                   \
    }

#define CODE (ATTR_CODE | ATTR_READABLE)
#define DATA ATTR_WRITABLE

static u32 dpl_of(u64 copy)
{
    return (u32)(copy >> 45) & 3;
}

static void ring0_becomes_ring1(void)
{
    struct segment code = FLAT(CODE, 0), data = FLAT(DATA, 0);
    EXPECT_EQ(dpl_of(hostgdt_copy(&code)), 1);
    EXPECT_EQ(dpl_of(hostgdt_copy(&data)), 1);
}

static void user_data_stays(void)
{
    struct segment data = FLAT(DATA, 3);
    EXPECT_EQ(dpl_of(hostgdt_copy(&data)), 3);
}

static void code_that_could_skip_the_iret_trap_is_absent(void)
{
    struct segment user = FLAT(CODE, 3), one = FLAT(CODE, 1);
    struct segment conforming = FLAT(CODE | ATTR_CONFORM, 0);
    EXPECT_EQ(hostgdt_copy(&user), 0);
    EXPECT_EQ(hostgdt_copy(&one), 0);
    EXPECT_EQ(hostgdt_copy(&conforming), 0);
}

static void ring1_data_is_absent_lest_it_becomes_a_kernel_stack(void)
{
    struct segment data = FLAT(DATA, 1);
    EXPECT_EQ(hostgdt_copy(&data), 0);
}

static void system_and_absent_have_no_copy(void)
{
    struct segment tss = FLAT(SYS_TSS32_FREE, 0), gone = FLAT(DATA, 0);
    tss.attr &= ~ATTR_S;
    gone.attr &= ~ATTR_P;
    EXPECT_EQ(hostgdt_copy(&tss), 0);
    EXPECT_EQ(hostgdt_copy(&gone), 0);
}

/* Every 16-bit attribute word: DPL >= 1, no L, S set, A set. */
static void no_copy_is_dangerous(void)
{
    for (u32 attr = 0; attr < 0x10000; attr++) {
        struct segment seg = {8, (u16)(attr & 0xf0ff), 0x1000, 0xfff};
        u64 copies[] = {hostgdt_copy(&seg), hostgdt_data(&seg),
                        hostgdt_as_data(hostgdt_data(&seg))};
        for (int i = 0; i < 3; i++) {
            u32 hi = (u32)(copies[i] >> 32);
            if (!copies[i])
                continue;
            EXPECT(hi & DESC_S);
            EXPECT(!(hi & DESC_L));
            EXPECT(hi & DESC_DPL);
            EXPECT(hi & ATTR_ACCESSED << 8);
        }
    }
}

static void a_hidden_data_register_is_nowhere_to_jump_to(void)
{
    struct segment user = FLAT(CODE, 3), data = FLAT(DATA | ATTR_DOWN, 0);
    struct segment conforming = FLAT(CODE | ATTR_CONFORM, 0);
    u64 copy = hostgdt_as_data(hostgdt_data(&user));
    EXPECT_EQ(copy >> 40 & ATTR_TYPE, ATTR_ACCESSED);
    EXPECT_EQ(dpl_of(copy), 3);
    EXPECT_EQ(hostgdt_segment(8, copy).base, user.base);
    copy = hostgdt_as_data(hostgdt_data(&conforming));
    EXPECT_EQ(copy >> 40 & ATTR_TYPE, ATTR_ACCESSED);
    EXPECT_EQ(dpl_of(copy), 3);
    copy = hostgdt_data(&data);
    EXPECT_EQ(hostgdt_as_data(copy), copy);
}

static void running_code_has_the_hardware_ring(void)
{
    struct segment code = FLAT(CODE | ATTR_CONFORM, 0);
    EXPECT_EQ(dpl_of(hostgdt_running(&code, 3)), 3);
    EXPECT_EQ(dpl_of(hostgdt_running(&code, 0)), 1);
    EXPECT(!(hostgdt_running(&code, 0) >> 40 & ATTR_CONFORM));
}

static void decoding_a_copy_gives_the_guest_view(void)
{
    struct segment want = FLAT(DATA | ATTR_ACCESSED, 0);
    struct segment got;
    want.limit = 0x12345fff;
    got = hostgdt_segment(8, hostgdt_copy(&want));
    EXPECT_EQ(got.base, want.base);
    EXPECT_EQ(got.limit, want.limit);
    EXPECT_EQ(got.attr, want.attr);
    EXPECT_EQ(hostgdt_copy(&got), hostgdt_copy(&want));
}

static void small_limits_keep_their_granularity(void)
{
    struct segment page = FLAT(DATA | ATTR_ACCESSED, 3);
    page.limit = 0xfff;
    EXPECT_EQ(hostgdt_segment(8, hostgdt_copy(&page)).limit, 0xfff);
    page.attr &= ~ATTR_G;
    page.limit = 0x123;
    EXPECT_EQ(hostgdt_segment(8, hostgdt_copy(&page)).limit, 0x123);
}

static void only_rings_0_and_3_run(void)
{
    struct segment code = FLAT(CODE, 0), data = FLAT(DATA, 0), null = {0};
    EXPECT(hostgdt_runnable(&code, &data, 0));
    EXPECT(hostgdt_runnable(&code, &data, 3));
    EXPECT(!hostgdt_runnable(&code, &data, 1));
    EXPECT(!hostgdt_runnable(&code, &null, 0));
    EXPECT(!hostgdt_runnable(&data, &data, 0));
    EXPECT(!hostgdt_runnable(&code, &code, 0));
}

static const struct unit_case cases[] = {
    CASE(ring0_becomes_ring1),
    CASE(user_data_stays),
    CASE(code_that_could_skip_the_iret_trap_is_absent),
    CASE(ring1_data_is_absent_lest_it_becomes_a_kernel_stack),
    CASE(system_and_absent_have_no_copy),
    CASE(no_copy_is_dangerous),
    CASE(a_hidden_data_register_is_nowhere_to_jump_to),
    CASE(running_code_has_the_hardware_ring),
    CASE(decoding_a_copy_gives_the_guest_view),
    CASE(small_limits_keep_their_granularity),
    CASE(only_rings_0_and_3_run),
};
UNIT_MAIN(cases)
