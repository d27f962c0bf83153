/* SPDX-License-Identifier: MIT
 *
 * A list of operations on a shadow, with an audit after each: the random guest
 * of tests/unit/shadowfuzz.h, whose choices are the input's. What an access
 * does is held against a page walk written a second time.
 */
#include "tests/fuzz/host/fuzz.h"
#include "tests/unit/shadowfuzz.h"

#define OPERATIONS 200

static struct input *choices;

static u32 choose(u32 below)
{
    u32 value = below > 256 ? take16(choices) : take8(choices);

    return (u32)((u64)value * below >> (below > 256 ? 16 : 8));
}

void fuzz_shadow(struct input *in)
{
    u32 options = take8(in);

    choices = in;
    rnd_from = choose;
    stale_allowed = options & 1;
    forget_all();
    world_begin(stale_allowed ? SHADOW_VTLB : SHADOW_CACHED,
                options & 2 ? SHADOW_PAGES_LEAST : 40);
    shadow.opts = options & 4 ? 0 : SHADOW_OPT_ALL;
    for (u32 n = 0; n < 4; n++)
        build_tables();
    world_mode(1, true, true, true);
    for (u32 n = 0; n < OPERATIONS && in->left; n++) {
        remember();
        step();
        EXPECT_EQ(shadow_audit(&shadow, &to_stdout), 0);
        MUST(!unit_failures);
    }
    world_end();
    MUST(!unit_failures);
}
