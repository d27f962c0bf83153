/* SPDX-License-Identifier: MIT
 *
 * The direct engine: guest code on the bare CPU, until it traps.
 *
 * Guest ring 0 runs in hardware ring 1, guest ring 3 in ring 3, both in
 * compatibility mode with IOPL 0 and hardware IF on. What must agree before
 * an entry and is read back after an exit:
 *
 *   general registers, EIP   struct cpu itself
 *   EFLAGS                   all but IF, IOPL, VM, VIF, VIP, which are virtual
 *   CS, SS                   a selector whose host copy is the hidden part
 *   ES, DS, FS, GS           stay in the real registers; direct_sync() reads
 *                            them when software needs them
 *
 * A register whose selector does not (any more) name what it holds is loaded
 * through one of the VMM's hidden slots: the guest runs on with the segment
 * it loaded, though it would read another selector back. LIMIT: a descriptor
 * changed in memory and then reloaded under the same selector counts as the
 * new one from the change on.
 *
 * LIMIT: guest rings 1 and 2, conforming kernel code, real-address and
 * virtual-8086 mode do not run here.
 *
 * SDM vol. 3A 3.4.3, 5.2.1, 6.14.
 */
#ifndef VM_DIRECT_H
#define VM_DIRECT_H

#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/vm/vm.h"

/* EFLAGS bits that are the same in the guest's view and in hardware. */
#define FLAGS_NATIVE                                                           \
    (EFLAGS_STATUS | EFLAGS_TF | EFLAGS_DF | EFLAGS_NT | EFLAGS_RF |           \
     EFLAGS_AC | EFLAGS_ID)

/* Nothing is loaded: everything is dirty. After reset and at creation. */
void direct_reset(struct vm *vm);
/* Puts this VM's state into the real registers (segments, tables, root,
 * modes), taking out whoever was there. */
void direct_switch(struct vm *vm);
/* Takes the current VM out, so that its struct cpu is complete. */
void direct_leave(struct vm *vm);
/* Reads ES, DS, FS, GS back from the real registers if vm is current. */
void direct_sync(struct vm *vm);
/* Whether the bare CPU can run this state deprivileged: protected mode, ring
 * 0 or 3, CS and SS as descriptors can describe them. False in real-address
 * and virtual-8086 mode, and between MOV CR0 and the far jump behind it. It
 * can change only when seg_dirty is not zero. */
bool direct_runnable(const struct cpu *cpu);
/* Loads the dirty segment registers, which leaves DIRECT_SMALL at most; false
 * when the state cannot run (the VM is killed). */
bool direct_load(struct vm *vm);
/* The vector of an exit from virtual-8086 mode, which no processor enters
 * outside ring 0, but QEMU's translator does: one that no exception has. */
#define DIRECT_V86 (TRAP_EXCEPTIONS - 1)

/* CS or SS came back with another selector than it went with. */
void direct_took(struct vm *vm);

/* Two selectors that lie side by side, in one comparison. */
static inline u64 direct_pair(u32 cs, u32 ss)
{
    return (u64)ss << 32 | cs;
}

/* A bit of seg_dirty beside those of the segment registers: SS has a 16-bit
 * stack. It stays while that is so, and keeps to the long ways. */
#define DIRECT_SMALL BIT(SEG_COUNT)
/* Another: the FPU's registers may be out of the processor. */
#define DIRECT_FPU BIT(SEG_COUNT + 1)

/* Runs until the next exit; false when the state cannot run. */
static inline bool direct_run(struct vm *vm)
{
    struct cpu *cpu = &vm->cpu;
    struct arch_vcpu *av = &vm->arch;

    if (cpu->seg_dirty && !direct_load(vm))
        return false;
    av->hw_eflags = (cpu->eflags & FLAGS_NATIVE) | EFLAGS_ONE | EFLAGS_IF;
    if (cpu->seg_dirty)
        arch_enter_small(cpu, av);
    else
        arch_enter(cpu, av);
    cpu->eflags =
        (av->hw_eflags & FLAGS_NATIVE) | (cpu->eflags & ~(u32)FLAGS_NATIVE);
    if (direct_pair(av->hw_cs, av->hw_ss) !=
        direct_pair(vm->direct.cs, vm->direct.ss))
        direct_took(vm);
    return true;
}

#endif
