/* SPDX-License-Identifier: MIT
 *
 * A processor in any state and any bytes: cpu_step_debug() and event delivery
 * in real, virtual-8086 and protected mode, 16 and 32 bits, every ring, with
 * tables, gates and tasks of random bytes in the same 64 KiB.
 *
 * What must hold after a step, whatever the bytes: a fault has left everything
 * as it was (but for strings in the middle, marks in descriptor tables, and
 * tasks, whose faults are the new one's); flags keep their fixed bits; CPL
 * fits the mode; a fault is one that exists. Sanitizers see the rest.
 */
#include "tests/fake/flat.h"
#include "tests/fuzz/host/fuzz.h"
#include "vmm/cpu/debug.h"
#include "vmm/cpu/event.h"

#define STEPS    64
#define TABLES   0x4000u /* GDT, LDT, IDT and TSS, a page each */
#define FIXED    (EFLAGS_ONE | ~(u32)EFLAGS_DEFINED)
#define SELECTOR (15 * 8 | SEL_TI | SEL_RPL)

static const u64 descriptors[] = {
    0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff,
    0x00cff3000000ffff, 0x00009b000000ffff, 0x000093000000ffff,
    0x0040970000000fff, 0x00409f000000ffff, 0x00008b0070000067,
    0x0000890070800067, 0x0000820050000fff, 0x0000ec0000081000,
    0x0000e50000480000, 0x000081007000002b, 0x0000e40000081000};

static u32 near_address(struct input *in)
{
    u32 kind = take8(in);

    if (kind < 8)
        return take32(in);
    return (kind & 1 ? 0xfffc : kind << 8) + take8(in) % 64;
}

static void make_memory(struct input *in)
{
    u32 at = TABLES;

    for (u32 i = 0; i < 16; i++) {
        u64 d = descriptors[take_below(in, ARRAY_LEN(descriptors))];
        if (take8(in) < 32)
            d ^= 1ull << take_below(in, 64);
        for (u32 table = 0; table < 2; table++)
            memcpy(flat_memory + at + table * 0x1000 + i * 8, &d, 8);
    }
    for (u32 v = 0; v < 48; v++) {
        u32 gate = at + 0x2000 + v * 8, kind = v % 7;
        flat_poke(gate, take_below(in, 16) << 19 | 0x1000);
        flat_poke(gate + 4, (kind == 5   ? 0xe500u
                             : kind == 6 ? 0x8600u
                                         : 0xee00u));
    }
    take_bytes(in, flat_memory + at + 0x3000, 108);
    take_bytes(in, flat_memory + FLAT_CODE, 256);
}

static struct segment any_segment(struct input *in, u32 s, u32 cpl)
{
    u32 kind = take8(in);
    u32 type = s == SEG_CS ? ATTR_CODE | ATTR_READABLE : ATTR_WRITABLE;
    struct segment seg = {.sel = (u16)((take8(in) & SELECTOR & ~3u) | cpl),
                          .limit = 0xffffffff};

    if (s != SEG_CS && s != SEG_SS && kind < 16)
        return (struct segment){0};
    if (kind & 1)
        seg.base = take8(in) << 4;
    if (kind & 2)
        seg.limit = take16(in);
    if (kind & 4 && s != SEG_CS)
        type |= ATTR_DOWN;
    seg.attr = (u16)(ATTR_P | ATTR_S | ATTR_ACCESSED | type |
                     cpl << ATTR_DPL_SHIFT | (kind & 8 ? 0 : ATTR_DB));
    return seg;
}

static void make_segments(struct input *in)
{
    struct cpu *cpu = &flat_cpu;

    for (u32 s = 0; s < SEG_COUNT; s++) {
        cpu->seg[s] = any_segment(in, s, cpu->cpl);
        if (cpu_mode(cpu) == MODE_PROTECTED)
            continue;
        cpu->seg[s].sel = (u16)(take8(in) << 4);
        cpu->seg[s].base = (u32)cpu->seg[s].sel << 4;
        cpu->seg[s].attr &= (u16)~ATTR_DOWN;
        if (cpu_mode(cpu) == MODE_V86)
            cpu->seg[s] = (struct segment){cpu->seg[s].sel,
                                           ATTR_P | ATTR_S | ATTR_WRITABLE |
                                               ATTR_ACCESSED | ATTR_DPL,
                                           cpu->seg[s].base, 0xffff};
    }
}

static void make_cpu(struct input *in)
{
    struct cpu *cpu = &flat_cpu;
    u32 mode = take8(in);

    cpu->cr0 = (take32(in) & (CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_AM)) |
               (mode & 3 ? CR0_PE : 0);
    cpu->cr4 = take32(in) & (CR4_TSD | CR4_DE | CR4_PCE | CR4_OSFXSR |
                             CR4_OSXMMEXCPT | CR4_UMIP | CR4_VME | CR4_PVI);
    cpu->eflags = EFLAGS_ONE | (take32(in) & EFLAGS_DEFINED & ~EFLAGS_VM);
    if ((mode & 3) == 3)
        cpu->eflags |= EFLAGS_VM;
    cpu->cpl = (mode & 3) == 0 ? 0 : (mode & 3) == 3 ? 3 : mode >> 2 & 3;
    for (u32 r = 0; r < GPR_COUNT; r++)
        cpu->gpr[r] = near_address(in);
    make_segments(in);
    cpu->gdtr = (struct table_reg){TABLES, 127};
    cpu->idtr = (struct table_reg){TABLES + 0x2000, 48 * 8 - 1};
    cpu->ldtr =
        (struct segment){8 * 10, ATTR_P | SYS_LDT, TABLES + 0x1000, 127};
    cpu->tr = (struct segment){8 * 8, ATTR_P | SYS_TSS32_BUSY, TABLES + 0x3000,
                               take8(in)};
    if (mode & 64)
        cpu->dr[7] = take16(in);
    if (mode & 128)
        cpu->dr[0] = near_address(in);
    cpu->eip = FLAT_CODE + take8(in);
}

static void make_fpu(struct input *in)
{
    u32 fcw = take16(in), fsw = take16(in);

    fpu_reset(&flat_fpu);
    take_bytes(in, flat_fpu.image + FX_ST, take8(in));
    for (u32 i = 0; i < 8; i++)
        memset(flat_fpu.image + FX_ST + i * FX_REG + FX_ST_BYTES, 0, 6);
    fpu_set_word(&flat_fpu, FX_FSW, fsw & 0x7f3f);
    fpu_load_control(&flat_fpu, fcw);
    flat_fpu.image[FX_FTW] = (u8)take8(in);
    fpu_set_long(&flat_fpu, FX_MXCSR, take16(in));
}

/* ---- what must hold */

static void check_cpu(const struct cpu *cpu)
{
    MUST((cpu->eflags & FIXED) == EFLAGS_ONE);
    MUST(cpu->cpl <= 3);
    if (cpu_mode(cpu) == MODE_REAL)
        MUST(cpu->cpl == 0);
    if (cpu_mode(cpu) == MODE_V86)
        MUST(cpu->cpl == 3);
}

static void check_fault(const struct fault *fault)
{
    MUST(fault->vector < TRAP_EXCEPTIONS);
    if (fault->has_error)
        MUST(TRAP_HAS_ERROR >> fault->vector & 1);
}

/* Numeric SIMD exceptions leave their flags (SDM vol. 1 11.5.2), and one of an
 * instruction with an MMX operand finds the x87 state gone over to MMX, as
 * Intel's processors have it. */
static bool fpu_changed(const struct step *step)
{
    const struct op_row *row = &op_rows[step->decoded ? step->insn.op : 0];
    const u8 *a = flat_fpu.image, *b = flat_fpu_before.image;
    u32 vector = step->fault.vector;

    if (row->class != CLASS_SSE || (vector != TRAP_XM && vector != TRAP_UD))
        return memcmp(a, b, FX_SIZE);
    if (!(row->arg & FPU_MMX) && (memcmp(a, b, FX_MXCSR) ||
                                  memcmp(a + FX_ST, b + FX_ST, FX_XMM - FX_ST)))
        return true;
    return ((fpu_long(&flat_fpu, FX_MXCSR) ^
             fpu_long(&flat_fpu_before, FX_MXCSR)) &
            ~(u32)FPU_ERRORS) ||
           memcmp(a + FX_XMM, b + FX_XMM, FX_SIZE - FX_XMM);
}

static void show_change(const struct cpu *before, const struct cpu *now,
                        const struct step *step)
{
    const u8 *a = (const u8 *)before, *b = (const u8 *)now;
    char text[80] = "(not decoded)";

    if (step->decoded)
        insn_print(&step->insn, before->eip, text, sizeof(text));
    fprintf(stderr, "%s: vector %u, mode %u, changed:", text,
            step->fault.vector, cpu_mode(before));
    for (size_t i = 0; i < sizeof(*now); i++) {
        if (a[i] != b[i])
            fprintf(stderr, " %zu:%02x->%02x", i, a[i], b[i]);
    }
    fprintf(stderr, " (offsets in struct cpu); FPU:");
    for (size_t i = 0; i < FX_SIZE; i++) {
        if (flat_fpu.image[i] != flat_fpu_before.image[i])
            fprintf(stderr, " %zx:%02x->%02x", i, flat_fpu_before.image[i],
                    flat_fpu.image[i]);
    }
    fprintf(stderr, "\n");
}

/* Nothing happened but what the essay of exec.h allows. */
static void check_unchanged(const struct cpu *before, const struct step *step)
{
    struct cpu now = flat_cpu;

    if (now.task_switches != before->task_switches ||
        step->fault.vector == TRAP_DB)
        return;
    now.irq_shadow = before->irq_shadow;
    now.debug_pending = before->debug_pending;
    if (step->decoded && (op_rows[step->insn.op].flags & OPF_REP))
        memcpy(now.gpr, before->gpr, sizeof(now.gpr));
    if (memcmp(&now, before, sizeof(now)) || fpu_changed(step))
        show_change(before, &now, step);
    MUST(!memcmp(&now, before, sizeof(now)));
    MUST(!fpu_changed(step));
}

static bool deliver(const struct fault *fault)
{
    const struct event event = {EVENT_EXCEPTION, *fault};

    return event_deliver(&flat_cpu, &flat_env, &event, NULL) == EVENT_OK;
}

static bool step_once(void)
{
    struct cpu before = flat_cpu;
    struct step step;
    enum step_status status;

    flat_fpu_before = flat_fpu;
    status = cpu_step_debug(&flat_cpu, &flat_env, &step);
    check_cpu(&flat_cpu);
    if (step.decoded)
        MUST(step.insn.len && step.insn.len <= INSN_MAX &&
             step.insn.len <= step.count);
    if (status == STEP_OK)
        return !step.trap || deliver(&step.fault);
    MUST(status == STEP_FAULT);
    check_fault(&step.fault);
    check_unchanged(&before, &step);
    return deliver(&step.fault);
}

void fuzz_step(struct input *in)
{
    flat_reset(0);
    make_cpu(in);
    make_fpu(in);
    make_memory(in);
    for (u32 i = 0; i < STEPS && !flat_cpu.halted; i++) {
        if (!step_once())
            return;
        check_cpu(&flat_cpu);
        if (flat_cpu.eip - FLAT_CODE > 512 && in->left)
            flat_cpu.eip = FLAT_CODE + take8(in);
    }
}
