/* SPDX-License-Identifier: MIT
 *
 * Traps and interrupts that hit the VMM itself (enter.S sends them here).
 *
 * Legitimate ones are few: interrupts in arch_idle() and arch_window(), NMIs, a
 * refused IRETQ into a guest, a refused load of a guest's segment selector,
 * and a debug trap. The last is a known hole of the architecture: a data
 * breakpoint on MOV SS waits one instruction, and if that one traps, it hits
 * in the handler's first instruction (SDM vol. 3A 6.8.3). It was aimed at
 * the guest's own instruction and is dropped. Everything else is a bug of
 * the VMM and ends the machine.
 *
 * NMIs are the watchdog's: one that meets a guest becomes an exit, and takes
 * the processor back if interrupts are off. Others are counted.
 */
#include "arch/x86/defs/traps.h"
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/machine.h"
#include "vmm/cpu/cpu.h"

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

/* In virtual-8086 mode CS is of the guest's making. */
static bool from_guest(const struct trap_frame *frame)
{
    return (frame->cs & SEL_RPL) || (frame->rflags & EFLAGS_VM);
}

/* The NMI becomes an exit: the guest may be one that would not make any, and
 * only enter.S knows how to return to a 16-bit stack. */
static void take_back(struct trap_frame *frame)
{
    struct cpu *cpu = (struct cpu *)frame->r8;
    struct arch_vcpu *av = (struct arch_vcpu *)frame->r9;

    cpu->gpr[EAX] = (u32)frame->rax;
    cpu->gpr[ECX] = (u32)frame->rcx;
    cpu->gpr[EDX] = (u32)frame->rdx;
    cpu->gpr[EBX] = (u32)frame->rbx;
    cpu->gpr[ESP] = (u32)frame->rsp;
    cpu->gpr[EBP] = (u32)frame->rbp;
    cpu->gpr[ESI] = (u32)frame->rsi;
    cpu->gpr[EDI] = (u32)frame->rdi;
    cpu->eip = (u32)frame->rip;
    av->hw_cs = (u32)frame->cs;
    av->hw_ss = (u32)frame->ss;
    av->hw_eflags = (u32)frame->rflags;
    av->vector = TRAP_NMI;
    av->error = 0;
    frame->rip = (u64)enter_return;
    frame->cs = ARCH_SEL_CODE;
    frame->rflags = EFLAGS_ONE;
    frame->rsp = frame->r10;
    frame->ss = 0;
}

static void nmi(struct trap_frame *frame)
{
    nmis++;
    if (from_guest(frame))
        take_back(frame);
}

void trap_in_vmm(struct trap_frame *frame)
{
    if (frame->vector >= TRAP_EXCEPTIONS) {
        arch_irq_done((u32)frame->vector);
        return;
    }
    if (frame->vector == TRAP_NMI) {
        nmi(frame);
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
