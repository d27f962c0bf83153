/* SPDX-License-Identifier: MIT
 *
 * Which words name which exits, and back.
 * LINKS: vmm/vm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/str.h"
#include "vmm/vm/kinds.h"

static u32 parsed(const char *words)
{
    u32 kinds = 0;

    EXPECT(exit_kinds_parse(slice_of(words), &kinds));
    return kinds;
}

static void words_name_kinds(void)
{
    static const char *const wrong[] = {"",  "privilege", "io,",  ",io",
                                        "?", "off,io",    "all x"};
    char text[40];
    u32 kinds;

    EXPECT_EQ(parsed("off"), 0);
    EXPECT_EQ(parsed("all"), (1u << EXIT_KINDS) - 1);
    EXPECT_EQ(parsed("io"), 1u << EXIT_IO);
    EXPECT_EQ(parsed("io,mmio"), 1u << EXIT_IO | 1u << EXIT_MMIO);
    for (u32 i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        EXPECT(!exit_kinds_parse(slice_of(wrong[i]), &kinds));
    exit_kinds_format(1u << EXIT_IO | 1u << EXIT_MMIO, text, sizeof(text));
    EXPECT_STR(text, "io,mmio");
    exit_kinds_format((1u << EXIT_KINDS) - 1, text, sizeof(text));
    EXPECT_STR(text, "all");
    exit_kinds_format(0, text, sizeof(text));
    EXPECT_STR(text, "off");
    exit_kinds_format(parsed("privileged,softint,iret,page-true,page-fill"),
                      text, sizeof(text));
    EXPECT_EQ(strlen(text), sizeof(text) - 1);
}

static const struct unit_case cases[] = {
    CASE(words_name_kinds),
};
UNIT_MAIN(cases)
