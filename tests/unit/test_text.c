/* SPDX-License-Identifier: MIT
 *
 * A text of pieces: joined, cut where the buffer ends, terminated always.
 * LINKS: vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/text.h"

static void pieces_are_joined(void)
{
    char buf[16] = "before";
    struct text t = text_of(buf, sizeof(buf));

    EXPECT_STR(buf, "");
    text_add(&t, "%s=%u", "a", 7);
    text_add(&t, "%s", "");
    text_add(&t, ", b");
    EXPECT_STR(buf, "a=7, b");
    EXPECT_EQ(t.len, 6);
}

static void what_does_not_fit_is_cut(void)
{
    char buf[8] = "1234567";
    struct text t = text_of(buf, 6);

    text_add(&t, "abc");
    text_add(&t, "defgh");
    EXPECT_STR(buf, "abcde");
    EXPECT_EQ(t.len, 5);
    text_add(&t, "i");
    EXPECT_STR(buf, "abcde");
    EXPECT_EQ(buf[6], '7');
    t = text_of(buf, 1);
    text_add(&t, "x");
    EXPECT_STR(buf, "");
}

static const struct unit_case cases[] = {
    CASE(pieces_are_joined),
    CASE(what_does_not_fit_is_cut),
};
UNIT_MAIN(cases)
