/* SPDX-License-Identifier: MIT
 *
 * Entering a guest on the hosted machine: what arch/x86/enter.S does, and what
 * the processor does behind it until the next exception or interrupt.
 *
 * IRETQ from the VMM's ring 0 to ring 1 or 3 checks CS and SS against the
 * host's tables, empties data registers that the outer ring may not hold, and
 * can itself fault; the guest has then not run. After that cpu_step() runs one
 * instruction at a time on the hardware struct cpu (cpu_step_debug(), with the
 * guest's breakpoints), whose protected mode is
 * nearly what compatibility mode is. The differences (SDM vol. 3A 2.1, 5.8.5,
 * 6.14, 7.7; vol. 2 under each name):
 *
 *   exceptions     enter no handler here: they are the exit
 *   INT n, INT3    #GP(n * 8 + 2), by an IDT of limit 0, as by gates of DPL 0
 *   INT1           takes vector 1 without asking the gate's DPL
 *   IRET with NT   #GP(0): long mode has no task switches
 *   tasks, gates   far transfers never find one: the host's GDT has none
 *   SYSENTER       #GP(0), its MSR is 0
 *   SYSCALL        #UD, EFER.SCE is 0; so is all that cpu_step() has not
 *   SGDT and such  #GP(0) by UMIP
 *   HLT, IN, CLI   #GP(0): CPL is never 0 and IOPL always is
 *
 * A fault saves RF as one (vol. 3B 17.3.1.1), an interrupt between iterations
 * of a REP string too.
 *
 * LIMIT: time passes by cpu_step() calls: up to STEP_REP_MAX iterations of a
 * string instruction count as one instruction. A data breakpoint on an address
 * from HOSTED_GDT on meets loads of segment registers, which on the real
 * machine read tables above 4 GiB.
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "tests/fake/arch_hosted.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/debug.h"
#include "vmm/cpu/event.h"
#include "vmm/cpu/exec.h"
#include "vmm/cpu/fpu.h"
#include "vmm/cpu/seg.h"
#include <string.h>

/* The error code by which an exception, rather than INT n, misses its gate. */
#define NO_GATE (TRAP_ERR_IDT | TRAP_ERR_EXT)

/* No instruction can get here: CPL is 1 or 3. */
static _Noreturn void in_ring_0(const char *what)
{
    arch_panic("guest code at 0x%08x reached %s in ring %u of the hosted "
               "machine",
               hosted.cpu.eip, what, hosted.cpu.cpl);
}

static u32 no_in(void *ctx, u16 port, u32 size)
{
    in_ring_0("a port");
}

static void no_out(void *ctx, u16 port, u32 size, u32 value)
{
    in_ring_0("a port");
}

static enum env_status no_cr_check(void *ctx, unsigned n, u32 value,
                                   struct fault *fault)
{
    in_ring_0("a control register");
}

static void no_cr(void *ctx, unsigned n, u32 old)
{
    in_ring_0("a control register");
}

static void no_dr(void *ctx, unsigned n)
{
    in_ring_0("a debug register");
}

static void no_invlpg(void *ctx, gva_t at)
{
    in_ring_0("INVLPG");
}

static enum env_status no_rdmsr(void *ctx, u32 index, u64 *value,
                                struct fault *fault)
{
    in_ring_0("RDMSR");
}

static enum env_status no_wrmsr(void *ctx, u32 index, u64 value,
                                struct fault *fault)
{
    in_ring_0("WRMSR");
}

static void no_table(void *ctx, enum cpu_table table)
{
    in_ring_0("a table register");
}

static struct fpu *run_fpu(void *ctx)
{
    return hosted_fpu();
}

static void run_unit(void *ctx, struct fpu_op *op)
{
    fpu_unit(op);
}

/* CR0.NE is always set. */
static void no_ferr(void *ctx)
{
    in_ring_0("FERR#");
}

static void run_cpuid(void *ctx, u32 leaf, u32 subleaf, u32 out[4])
{
    arch_cpuid(leaf, subleaf, out);
}

static u64 run_rdtsc(void *ctx)
{
    return arch_tsc();
}

static const struct cpu_env hardware = {
    .read = hosted_read,
    .write = hosted_write,
    .in = no_in,
    .out = no_out,
    .cr_check = no_cr_check,
    .cr_written = no_cr,
    .dr_written = no_dr,
    .invlpg = no_invlpg,
    .rdmsr = no_rdmsr,
    .wrmsr = no_wrmsr,
    .cpuid = run_cpuid,
    .rdtsc = run_rdtsc,
    .fpu = run_fpu,
    .fpu_run = run_unit,
    .fpu_error = no_ferr,
    .table_loaded = no_table,
};

static bool refuse(struct fault *fault, u8 vector, u32 sel)
{
    *fault = fault_error(vector, sel & (SEL_INDEX | SEL_TI));
    return false;
}

static u32 dpl_of(const struct segment *seg)
{
    return (seg->attr & ATTR_DPL) >> ATTR_DPL_SHIFT;
}

static bool fetch_segment(u32 sel, struct segment *out, struct fault *fault)
{
    struct desc d;

    if (!(sel & (SEL_INDEX | SEL_TI)))
        return refuse(fault, TRAP_GP, 0);
    if (desc_read(&hosted.cpu, &hardware, (u16)sel, TRAP_GP, 0, &d, fault) !=
        ENV_OK)
        return false;
    *out = desc_segment((u16)sel, d);
    return true;
}

static bool check_code(const struct segment *cs, u32 sel, struct fault *fault)
{
    u32 kind = ATTR_S | ATTR_CODE;
    u32 rpl = sel & SEL_RPL;
    bool fits = cs->attr & ATTR_CONFORM ? dpl_of(cs) <= rpl : dpl_of(cs) == rpl;

    if ((cs->attr & kind) != kind || !fits)
        return refuse(fault, TRAP_GP, sel);
    if (!(cs->attr & ATTR_P))
        return refuse(fault, TRAP_NP, sel);
    if (cs->attr & ATTR_L)
        arch_panic("a guest is entered with CS 0x%04x, 64-bit code", sel);
    return true;
}

static bool check_stack(const struct segment *ss, u32 sel, u32 ring,
                        struct fault *fault)
{
    u32 mask = ATTR_S | ATTR_CODE | ATTR_WRITABLE;

    if ((sel & SEL_RPL) != ring || dpl_of(ss) != ring ||
        (ss->attr & mask) != (ATTR_S | ATTR_WRITABLE))
        return refuse(fault, TRAP_GP, sel);
    if (!(ss->attr & ATTR_P))
        return refuse(fault, TRAP_SS, sel);
    return true;
}

static void empty_inner(struct cpu *cpu)
{
    static const u8 data[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};

    for (size_t i = 0; i < ARRAY_LEN(data); i++) {
        struct segment *seg = &cpu->seg[data[i]];
        bool conforming = (seg->attr & ATTR_CODE) && (seg->attr & ATTR_CONFORM);
        if ((seg->attr & ATTR_S) && !conforming && dpl_of(seg) < cpu->cpl)
            *seg = (struct segment){0};
    }
}

/* IRETQ to compatibility mode in an outer ring. */
static bool iretq(const struct arch_vcpu *av, struct fault *fault)
{
    struct cpu *cpu = &hosted.cpu;
    u32 ring = av->hw_cs & SEL_RPL;
    struct segment cs, ss;

    if (ring != 1 && ring != 3)
        arch_panic("a guest is entered in ring %u", ring);
    if (!(av->hw_eflags & EFLAGS_IF) ||
        (av->hw_eflags & (EFLAGS_IOPL | EFLAGS_VM)))
        arch_panic("a guest is entered with EFLAGS 0x%08x", av->hw_eflags);
    if (!fetch_segment(av->hw_cs, &cs, fault) ||
        !check_code(&cs, av->hw_cs, fault) ||
        !fetch_segment(av->hw_ss, &ss, fault) ||
        !check_stack(&ss, av->hw_ss, ring, fault))
        return false;
    if (cpu->eip > cs.limit)
        return refuse(fault, TRAP_GP, 0);
    cpu->seg[SEG_CS] = cs;
    cpu->seg[SEG_SS] = ss;
    cpu->cpl = (u8)ring;
    cpu->eflags = av->hw_eflags;
    cpu->irq_shadow = 0;
    cpu->debug_pending = 0;
    empty_inner(cpu);
    return true;
}

/* What the hardware makes of a step that did not succeed. */
static struct fault fault_of(const struct step *step, enum step_status status)
{
    struct cpu *cpu = &hosted.cpu;

    if (step->decoded && insn_class(step->insn.op) == CLASS_IRET &&
        (cpu->eflags & EFLAGS_NT))
        return fault_error(TRAP_GP, 0);
    if (step->fault.vector == TRAP_GP &&
        (step->fault.error & NO_GATE) == NO_GATE) {
        cpu->eip += step->insn.len; /* INT1: a trap */
        return fault_plain((u8)(step->fault.error >> 3));
    }
    return step->fault;
}

static struct fault interrupt(u32 last_eip)
{
    if (hosted.cpu.eip == last_eip)
        hosted.cpu.eflags |= EFLAGS_RF;
    return fault_plain(HOSTED_VECTOR_TIMER);
}

/* Instructions until one faults or the timer rings. */
static struct fault run(void)
{
    struct cpu *cpu = &hosted.cpu;
    u32 last_eip = ~cpu->eip;

    for (;;) {
        struct step step;
        enum step_status status;
        if (hosted.now >= hosted.due && !cpu->irq_shadow)
            return interrupt(last_eip);
        last_eip = cpu->eip;
        status = cpu_step_debug(cpu, &hardware, &step);
        hosted.instructions++;
        hosted.now += HOSTED_INSN_NS;
        if (status != STEP_OK)
            return fault_of(&step, status);
        if (step.trap)
            return step.fault;
    }
}

static void leave(struct cpu *cpu, struct arch_vcpu *av,
                  const struct fault *exit)
{
    struct cpu *hw = &hosted.cpu;

    if (event_is_fault(exit->vector))
        hw->eflags |= EFLAGS_RF;
    memcpy(cpu->gpr, hw->gpr, sizeof(cpu->gpr));
    cpu->eip = hw->eip;
    av->hw_cs = hw->seg[SEG_CS].sel;
    av->hw_ss = hw->seg[SEG_SS].sel;
    av->hw_eflags = hw->eflags;
    av->vector = exit->vector;
    av->error = exit->has_error ? exit->error : 0;
    av->fault_at = exit->vector == TRAP_PF ? exit->cr2 : 0;
    av->fault_above = 0;
}

void arch_enter(struct cpu *cpu, struct arch_vcpu *av)
{
    struct fault exit;

    if (av != hosted.live)
        arch_panic("a VM is entered while another is in the processor");
    hosted_audit();
    hosted.exits++;
    hosted.now += HOSTED_EXIT_NS;
    memcpy(hosted.cpu.gpr, cpu->gpr, sizeof(cpu->gpr));
    hosted.cpu.eip = cpu->eip;
    if (!iretq(av, &exit)) {
        av->vector = exit.vector;
        av->error = exit.error;
        av->fault_at = av->fault_above = 0;
        return;
    }
    exit = run();
    leave(cpu, av, &exit);
}

/* IRETQ to a 16-bit stack keeps the upper half of ESP only by a trick of
 * enter.S; what the guest then has is its own ESP. */
void arch_enter_small(struct cpu *cpu, struct arch_vcpu *av)
{
    arch_enter(cpu, av);
}
