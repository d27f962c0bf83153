/* SPDX-License-Identifier: MIT
 *
 * The cached policy against random guests, with all options, without any,
 * and without each one; with hardly enough pages and with plenty.
 * LINKS: vmm/mm vmm/base
 */
#include "tests/unit/shadowfuzz.h"

static void all_options(void)
{
    fuzz(SHADOW_CACHED, 40, SHADOW_OPT_ALL, 20000, 1);
}

static void few_pages(void)
{
    fuzz(SHADOW_CACHED, SHADOW_PAGES_LEAST, SHADOW_OPT_ALL, 20000, 2);
}

static void no_options(void)
{
    fuzz(SHADOW_CACHED, 24, 0, 20000, 3);
}

static void each_option_off(void)
{
    for (u32 bit = 1; bit < SHADOW_OPT_ALL; bit *= 2)
        fuzz(SHADOW_CACHED, 30, SHADOW_OPT_ALL & ~bit, 3000, 10 + bit);
}

/* While the A20 gate is off a table has two numbers; it is watched and found
 * by one of them. */
static void a_table_has_one_number_without_a20(void)
{
    const u32 far = 0x100, rights = PTE_P | PTE_W | PTE_U;
    struct shadow_result result;

    world_begin(SHADOW_CACHED, SHADOW_PAGES_LEAST);
    shadow_forget(&shadow);
    p2m_set_a20(&p2m, false);
    guest_put(1, 0, (far + 2) << PAGE_SHIFT | rights);
    guest_put(2, 0, 3 << PAGE_SHIFT | rights);
    world_mode(far + 1, true, true, false);
    EXPECT_EQ(shadow_fault(&shadow, gva(0), 0, &result), SHADOW_FILLED);
    EXPECT(shadow_peek(&shadow, gva(0), 0));
    EXPECT_EQ(shadow_audit(&shadow, &to_stdout), 0);
    put_le32(p2m_ptr(&p2m, gpa(2 << PAGE_SHIFT)), 0);
    shadow_written(&shadow, gpa(2 << PAGE_SHIFT), 4);
    EXPECT(!shadow_peek(&shadow, gva(0), 0));
    EXPECT_EQ(shadow_audit(&shadow, &to_stdout), 0);
    shadow_forget(&shadow);
    p2m_set_a20(&p2m, true);
    world_end();
}

static const struct unit_case cases[] = {
    CASE(all_options),
    CASE(few_pages),
    CASE(no_options),
    CASE(each_option_off),
    CASE(a_table_has_one_number_without_a20),
};
UNIT_MAIN(cases)
