/* SPDX-License-Identifier: MIT
 *
 * Every kind of exit has a word of its own, that a script can read.
 * LINKS: vmm/vm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/types.h"
#include "vmm/vm/kinds.h"

static void each_kind_has_a_word(void)
{
    for (u32 i = 0; i < EXIT_KINDS; i++) {
        const char *name = exit_kind_name((enum exit_kind)i);
        EXPECT(name && *name);
        EXPECT_EQ(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        for (u32 k = 0; k < i; k++)
            EXPECT(strcmp(name, exit_kind_name((enum exit_kind)k)));
    }
    EXPECT_STR(exit_kind_name(EXIT_PAGE_FILL), "page-fill");
}

static const struct unit_case cases[] = {
    CASE(each_kind_has_a_word),
};
UNIT_MAIN(cases)
