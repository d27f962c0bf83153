/* SPDX-License-Identifier: MIT
 *
 * Traps and interrupts that hit the VMM itself (enter.S sends them here).
 *
 * Legitimate ones are few: interrupts while arch_idle() halts, NMIs, a
 * refused IRETQ into a guest, a refused load of a guest's segment selector,
 * and a debug trap. The last is a known hole of the architecture: a data
 * breakpoint on MOV SS waits one instruction, and if that one traps, it hits
 * in the handler's first instruction (SDM vol. 3A 6.8.3). It was aimed at
 * the guest's own instruction and is dropped. Everything else is a bug of
 * the VMM and ends the machine.
 *
 * LIMIT: NMIs are counted and otherwise ignored.
 */
#include "arch/x86/defs/traps.h"
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/machine.h"

struct recover {
    u64 at, landing;
};
extern const struct recover vmm_recover_start[], vmm_recover_end[];

static u32 nmis;

static bool recovered(struct trap_frame *frame)
{
    const struct recover *r;

    if (frame->rip == (u64)enter_iretq) {
        frame->rbx = frame->vector;
        frame->rax = frame->error;
        frame->rip = (u64)enter_refused;
        return true;
    }
    for (r = vmm_recover_start; r < vmm_recover_end; r++) {
        if (frame->rip != r->at)
            continue;
        frame->rip = r->landing;
        return true;
    }
    return false;
}

/* A fault that a selector or the limit of CS can cause. */
static bool is_segment_fault(u64 vector)
{
    return vector == TRAP_GP || vector == TRAP_NP || vector == TRAP_SS;
}

void trap_in_vmm(struct trap_frame *frame)
{
    if (frame->vector >= TRAP_EXCEPTIONS) {
        arch_irq_done((u32)frame->vector);
        return;
    }
    if (frame->vector == TRAP_NMI) {
        nmis++;
        return;
    }
    if (frame->vector == TRAP_DB) {
        write_dr6(DR6_FIXED);
        return;
    }
    if (is_segment_fault(frame->vector) && recovered(frame))
        return;
    panic_trap(frame);
}

u32 traps_nmis(void)
{
    return nmis;
}
