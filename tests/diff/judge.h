/* SPDX-License-Identifier: MIT
 *
 * What the two worlds must agree on, and what the manual leaves open: the
 * list is in judge.c, and every entry is a condition there.
 */
#ifndef TESTS_DIFF_JUDGE_H
#define TESTS_DIFF_JUDGE_H

#include "tests/diff/make.h"

/* Both outcomes of a test; its memory is in native_data() and place_data. */
struct verdict {
    struct outcome native, ours;
    enum step_status status;
    struct step step;
};

/* True for a test whose whole result the manual leaves open. */
bool judge_is_open(const struct test *t);
bool judge_same(const struct test *t, struct verdict *v);
void judge_report(const struct test *t, const struct verdict *v);

#endif
