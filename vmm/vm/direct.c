/* SPDX-License-Identifier: MIT
 *
 * See direct.h. The loads and reads of segment registers are lazy: a syscall
 * that is reflected touches CS and SS only, and those are compared with what
 * was entered with, not recomputed.
 *
 * Invariant: when !(cpu->seg_dirty & BIT(s)), the real register s holds
 * direct.loaded[s], and cpu->seg[s] is what that load meant, unless the guest
 * has loaded another selector since (direct_sync() finds that).
 */
#include "vmm/vm/direct.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "vmm/base/bits.h"
#include "vmm/vm/hostgdt.h"
#include "vmm/vm/vm.h"

#define SEGS_DATA (BIT(SEG_ES) | BIT(SEG_DS) | BIT(SEG_FS) | BIT(SEG_GS))
#define SEGS_ALL  (SEGS_DATA | BIT(SEG_CS) | BIT(SEG_SS))

/* The host copy that a selector names, null for none the guest may use. */
static u64 *host_slot(struct vm *vm, u16 sel)
{
    u32 index = sel >> 3;

    if (sel & SEL_TI)
        return index < vm->table[TABLE_LDT].copies ? &vm->arch.ldt[index]
                                                   : NULL;
    return index && index < ARCH_GDT_OWN ? &vm->arch.gdt[index] : NULL;
}

/* A selector that loads `want` into register s: the guest's own when its
 * copy agrees, else a hidden slot. */
static u16 selector_for(struct vm *vm, u32 s, u64 want, u32 rpl)
{
    u16 sel = vm->cpu.seg[s].sel;
    u64 *slot = host_slot(vm, sel);

    if (slot && *slot == want)
        return (u16)((sel & ~SEL_RPL) | rpl);
    vm->arch.gdt[ARCH_GDT_HIDDEN + s] =
        s == SEG_CS ? want : hostgdt_as_data(want);
    return (u16)((ARCH_GDT_HIDDEN + s) << 3 | rpl);
}

/* Ring-3 code is present in the table, or in a hidden slot, only while it is
 * the running CS. */
static void open_code(struct vm *vm, u64 want)
{
    struct direct *d = &vm->direct;
    const struct segment *cs = &vm->cpu.seg[SEG_CS];
    u64 *slot;

    if (d->open)
        *d->open = 0;
    d->open = NULL;
    if (vm->cpu.cpl != 3)
        return;
    slot = host_slot(vm, cs->sel);
    if (!slot || *slot || hostgdt_copy(cs))
        slot = &vm->arch.gdt[ARCH_GDT_HIDDEN + SEG_CS];
    *slot = want;
    d->open = slot;
}

static void note_stack(struct vm *vm)
{
    vm->cpu.seg_dirty &= (u8)~DIRECT_SMALL;
    if (!(vm->cpu.seg[SEG_SS].attr & ATTR_DB))
        vm->cpu.seg_dirty |= DIRECT_SMALL;
}

static void load_code_and_stack(struct vm *vm)
{
    struct cpu *cpu = &vm->cpu;
    u32 ring = host_ring(cpu->cpl);
    u64 cs = hostgdt_running(&cpu->seg[SEG_CS], cpu->cpl);
    u64 ss = hostgdt_running(&cpu->seg[SEG_SS], cpu->cpl);

    open_code(vm, cs);
    vm->arch.hw_cs = selector_for(vm, SEG_CS, cs, ring);
    vm->arch.hw_ss = selector_for(vm, SEG_SS, ss, ring);
    vm->direct.cs = vm->arch.hw_cs;
    vm->direct.ss = vm->arch.hw_ss;
}

static void load_data(struct vm *vm, u32 mask)
{
    struct cpu *cpu = &vm->cpu;

    for (u32 s = 0; s < SEG_COUNT; s++) {
        const struct segment *seg = &cpu->seg[s];
        u64 want;
        if (!(mask & BIT(s)))
            continue;
        want = hostgdt_data(seg);
        vm->arch.hw_seg[s] = 0;
        if (want)
            vm->arch.hw_seg[s] = selector_for(vm, s, want, seg->sel & SEL_RPL);
        else if (!(seg->sel & ~SEL_RPL))
            vm->arch.hw_seg[s] = seg->sel;
    }
    if (!arch_load_segs(&vm->arch, mask))
        arch_read_segs(&vm->arch);
    for (u32 s = 0; s < SEG_COUNT; s++) {
        if (mask & BIT(s))
            vm->direct.loaded[s] = vm->arch.hw_seg[s];
    }
}

static void load_dirty(struct vm *vm)
{
    u32 dirty = vm->cpu.seg_dirty;

    if (dirty & (BIT(SEG_CS) | BIT(SEG_SS)))
        load_code_and_stack(vm);
    if (dirty & SEGS_DATA)
        load_data(vm, dirty & SEGS_DATA);
    if (dirty & DIRECT_FPU)
        arch_fpu_back(&vm->arch);
    vm->cpu.seg_dirty = 0;
    note_stack(vm);
}

/* The guest itself loaded hw_sel into register s. */
static void take_native(struct vm *vm, u32 s, u16 hw_sel)
{
    struct cpu *cpu = &vm->cpu;
    u32 index = hw_sel >> 3;
    u16 sel = hw_sel;
    u64 *slot;

    if (!(hw_sel & ~SEL_RPL)) {
        cpu->seg[s] = (struct segment){.sel = hw_sel};
        return;
    }
    if (!(hw_sel & SEL_TI) && index - ARCH_GDT_HIDDEN < SEG_COUNT) {
        cpu->seg[s] = cpu->seg[index - ARCH_GDT_HIDDEN];
        return;
    }
    if ((s == SEG_CS || s == SEG_SS) && cpu->cpl == 0)
        sel &= ~SEL_RPL;
    slot = host_slot(vm, hw_sel);
    cpu->seg[s] = hostgdt_segment(sel, slot ? *slot : 0);
}

void direct_sync(struct vm *vm)
{
    struct direct *d = &vm->direct;

    if (vm->hv->current != vm)
        return;
    arch_read_segs(&vm->arch);
    for (u32 s = 0; s < SEG_COUNT; s++) {
        u16 hw = vm->arch.hw_seg[s];
        if (!(SEGS_DATA & BIT(s)) || hw == d->loaded[s] ||
            (vm->cpu.seg_dirty & BIT(s)))
            continue;
        take_native(vm, s, hw);
        d->loaded[s] = hw;
    }
}

bool direct_runnable(const struct cpu *cpu)
{
    return cpu_mode(cpu) == MODE_PROTECTED &&
           hostgdt_runnable(&cpu->seg[SEG_CS], &cpu->seg[SEG_SS], cpu->cpl);
}

bool direct_load(struct vm *vm)
{
    const struct cpu *cpu = &vm->cpu;

    if (cpu_mode(cpu) == MODE_V86) {
        vm_kill(vm,
                "it entered virtual-8086 mode at %04x:%04x; exec=trap runs "
                "protected mode only",
                cpu->seg[SEG_CS].sel, cpu->eip);
        return false;
    }
    if (!direct_runnable(cpu)) {
        vm_kill(vm,
                "it entered ring %u at %04x:%08x; exec=trap runs rings 0 and "
                "3 only",
                cpu->cpl, cpu->seg[SEG_CS].sel, cpu->eip);
        return false;
    }
    load_dirty(vm);
    return true;
}

/* The selectors of virtual-8086 mode are any number the guest likes; the CPU
 * must never load them. If they are those the guest was entered with, they do
 * no harm. */
static void took_v86(struct vm *vm)
{
    struct arch_vcpu *av = &vm->arch;

    if (av->vector >= TRAP_EXCEPTIONS)
        arch_irq_done(av->vector);
    av->vector = DIRECT_V86;
    av->hw_cs = vm->direct.cs;
    av->hw_ss = vm->direct.ss;
}

void direct_took(struct vm *vm)
{
    const struct arch_vcpu *av = &vm->arch;
    struct direct *d = &vm->direct;

    if (av->hw_eflags & EFLAGS_VM) {
        took_v86(vm);
        return;
    }
    if (av->hw_cs != d->cs)
        take_native(vm, SEG_CS, (u16)(d->cs = av->hw_cs));
    if (av->hw_ss != d->ss)
        take_native(vm, SEG_SS, (u16)(d->ss = av->hw_ss));
    note_stack(vm);
}

void direct_reset(struct vm *vm)
{
    vm->direct = (struct direct){0};
    vm->cpu.seg_dirty = SEGS_ALL | DIRECT_FPU;
}

void direct_leave(struct vm *vm)
{
    direct_sync(vm);
    if (vm->hv->current == vm)
        vm->hv->current = NULL;
    vm->cpu.seg_dirty |= SEGS_DATA;
}

void direct_switch(struct vm *vm)
{
    struct hv *hv = vm->hv;

    if (hv->current == vm)
        return;
    if (hv->current)
        direct_leave(hv->current);
    hv->current = vm;
    arch_switch(&vm->arch);
    arch_load_root(shadow_root(&vm->shadow));
    arch_set_modes(vm->cpu.cr0, vm->cpu.cr4);
    arch_set_debug(vm->cpu.dr);
    vm->cpu.seg_dirty |= SEGS_DATA | DIRECT_FPU;
}
