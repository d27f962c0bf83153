/* SPDX-License-Identifier: MIT
 *
 * The vtlb policy against random guests.
 * LINKS: vmm/mm vmm/base
 */
#include "tests/unit/shadowfuzz.h"

static void random_guest(void)
{
    fuzz(SHADOW_VTLB, 40, SHADOW_OPT_ALL, 20000, 1);
}

static void few_pages(void)
{
    fuzz(SHADOW_VTLB, SHADOW_PAGES_LEAST, 0, 20000, 2);
}

/* A guest that flushes whatever it changed: the shadow is then exact. */
static void careful_guest(void)
{
    careful = true;
    fuzz(SHADOW_VTLB, 30, SHADOW_OPT_ALL, 20000, 3);
    careful = false;
}

static const struct unit_case cases[] = {
    CASE(random_guest),
    CASE(few_pages),
    CASE(careful_guest),
};
UNIT_MAIN(cases)
