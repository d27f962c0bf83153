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

static const struct unit_case cases[] = {
    CASE(all_options),
    CASE(few_pages),
    CASE(no_options),
    CASE(each_option_off),
};
UNIT_MAIN(cases)
