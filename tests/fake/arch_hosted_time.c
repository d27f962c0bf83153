/* SPDX-License-Identifier: MIT
 *
 * The hosted machine's clock: time is what has been done.
 *
 * An instruction, an exit and a look at the clock cost a fixed number of
 * nanoseconds each (arch_hosted.h); a halted machine jumps to what it waits
 * for. Nothing else makes time pass, so a run repeats exactly. Only at a
 * terminal does a halt take real time (arch_hosted_console.c).
 *
 * The timer is one-shot, with a tick of its own at least every 10 ms, as the
 * boundary promises.
 */
#include "tests/fake/arch_hosted.h"
#include "vmm/base/bits.h"

static void check_limit(void)
{
    if (hosted.now < hosted.limit)
        return;
    hosted_say("the %llu ms of machine time that --limit allows are over",
               (unsigned long long)(hosted.limit / 1000000));
    hosted.limit = UINT64_MAX; /* the end takes time as well */
    hosted_end(1);
}

u64 arch_now_ns(void)
{
    check_limit();
    return hosted.now += HOSTED_LOOK_NS;
}

/* 1 GHz. */
u64 arch_tsc(void)
{
    return hosted.now;
}

u64 arch_tsc_hz(void)
{
    return 1000000000;
}

void arch_set_timer(u64 deadline_ns)
{
    hosted.due = min_u64(deadline_ns, hosted.now + HOSTED_TICK_NS);
}

void arch_idle(void)
{
    if (hosted.now < hosted.due)
        hosted.now += hosted_console_wait(hosted.due - hosted.now);
    if (hosted.now >= hosted.due)
        arch_irq_done(HOSTED_VECTOR_TIMER);
    check_limit();
}

/* The VMM's own instructions take no time but here. */
bool arch_window(void)
{
    hosted.now += HOSTED_WINDOW_NS;
    hosted_audit();
    check_limit();
    if (hosted.now < hosted.due)
        return false;
    arch_irq_done(HOSTED_VECTOR_TIMER);
    return true;
}

void arch_irq_done(u32 vector)
{
    hosted.due = hosted.now + HOSTED_TICK_NS;
}
