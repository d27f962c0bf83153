/* SPDX-License-Identifier: MIT
 *
 * The audit's own words: how a violation is said and counted, and the checks
 * that do not depend on the policy. Nothing here is shared with the code that
 * fills shadows; what a leaf may say is written down a second time.
 */
#ifndef MM_AUDIT_H
#define MM_AUDIT_H

#include "vmm/mm/shadow_priv.h"

struct audit {
    const struct shadow *s;
    const struct sink *sink;
    u32 count;
};

/* What the guest's tables grant for one leaf. */
struct audit_grant {
    bool present, user, write, dirty;
    bool wp; /* CR0.WP of the space the leaf belongs to */
    gfn_t f;
};

/* Says a violation; the format is a sentence without its full stop. */
void audit_say(struct audit *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The frame behind an upper-level entry that is present; null when it cannot
 * be one (and says so). */
const u64 *audit_table(struct audit *a, const char *what, u32 at, u64 entry);
/* Whatever the guest says: this leaf is harmless to everybody else. */
void audit_leaf(struct audit *a, u32 at, u64 leaf);
/* What is guarded of linear page `at` is not granted, and nothing else is
 * taken away. */
void audit_guards(struct audit *a, u32 at, u64 leaf);
/* And it is what the guest grants. */
void audit_granted(struct audit *a, u32 at, u64 leaf,
                   const struct audit_grant *grant);
/* The PML4, and the part of the PDPT that is always empty. */
void audit_root(struct audit *a);
/* The count of FRAME_SHADOW frames is what it should be. */
void audit_frames(struct audit *a, u32 want);

/* The policies' audits. */
u32 audit_vtlb(const struct shadow *s, const struct sink *sink);
u32 audit_cached(const struct shadow *s, const struct sink *sink);
/* vtlb: the guest has flushed whatever it changed, so leaves must be true. */
u32 audit_vtlb_exact(const struct shadow *s, const struct sink *sink);

#endif
