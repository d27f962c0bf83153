/* SPDX-License-Identifier: MIT
 *
 * The stage for tests of one promise each: a guest with a directory, a second
 * one and a table of three pages, under the policy that `policy` names, and
 * accesses to it as the machine makes them. begin() sets it up, end() audits
 * it and takes it down.
 */
#ifndef TESTS_SHADOWCASE_H
#define TESTS_SHADOWCASE_H

#include "tests/unit/shadowworld.h"

#define PD    1u /* guest frames */
#define PT    2u
#define PD2   3u
#define DATA  16u
#define OTHER 17u
#define ALL   (PTE_P | PTE_W | PTE_U)
#define PLAIN 60u /* shadow pages */

/* Linear pages by number: dirs[0] pages[k], and the first of dirs[1]. */
enum { PAGE_0, PAGE_1, PAGE_5, PAGE_512 = 5, NEXT_DIR = NPAGES };

static enum shadow_policy_id policy;

static inline void begin(void)
{
    world_begin(policy, PLAIN);
    guest_put(PD, 0, PT << 12 | ALL);
    guest_put(PD2, 0, PT << 12 | ALL);
    guest_put(PT, 0, DATA << 12 | ALL);
    guest_put(PT, 1, OTHER << 12 | PTE_P | PTE_U);
    guest_put(PT, 5, DATA << 12 | PTE_P | PTE_W);
    world_mode(PD, true, true, true);
}

static inline void end(void)
{
    EXPECT_EQ(shadow_audit(&shadow, &to_stdout), 0);
    world_end();
}

static inline enum shadow_answer answer(u32 page, u32 access,
                                        struct shadow_result *out)
{
    return shadow_fault(&shadow, gva(vpn_at(page)), access, out);
}

/* The access as the machine does it. */
static inline enum shadow_answer touch(u32 page, u32 access)
{
    struct shadow_result result;

    if (hw_access(page, access))
        return SHADOW_FILLED;
    return answer(page, access, &result);
}

static inline u64 *leaf_of(u32 at)
{
    u64 e = shadow.pdpt[at >> SHADOW_DIR_SHIFT];

    e = shadow_table(&shadow, e)[at >> SHADOW_TABLE_SHIFT & SHADOW_INDEX];
    return &shadow_table(&shadow, e)[at >> PAGE_SHIFT & SHADOW_INDEX];
}

/* Damage, and the audit's answer. */
static inline void expect_caught(u64 *word, u64 value)
{
    u64 was = *word;

    *word = value;
    EXPECT(shadow_audit(&shadow, NULL) != 0);
    *word = was;
    EXPECT_EQ(shadow_audit(&shadow, &to_stdout), 0);
}

#endif
