/* SPDX-License-Identifier: MIT
 *
 * Jumps, calls, returns, software interrupts. Far transfers and events are
 * done by far.c and event.c; here is what surrounds them.
 *
 * A near target is checked against the limit of CS before anything changes.
 * INT n enters its handler within the instruction, so a fault on the way
 * leaves EIP on the INT (SDM vol. 2A INT n; vol. 3A 6.12).
 *
 * LIMIT: CET, the MPX bounds of BND branches.
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/cpu/alu.h"
#include "vmm/cpu/event.h"
#include "vmm/cpu/exec_impl.h"

/* Selectors that SYSENTER and SYSEXIT derive from SYSENTER_CS. */
#define SYSENTER_SS 8
#define SYSEXIT_CS  16
#define SYSEXIT_SS  24

enum env_status branch(struct exec *x, u32 target)
{
    if (x->insn->opsize == 2)
        target &= 0xffff;
    if (target > x->cpu->seg[SEG_CS].limit)
        return raise_error(x, TRAP_GP, 0);
    x->next = target;
    return ENV_OK;
}

static enum env_status push_next(struct exec *x, u32 next)
{
    return stack_push(x->cpu, x->env, next, x->insn->opsize, fault_of(x));
}

enum env_status exec_jmp(struct exec *x)
{
    return branch(x, x->next + x->insn->imm);
}

enum env_status exec_jmp_to(struct exec *x)
{
    u32 target;

    TRY(operand_read(x, 0, ACC_READ, &target));
    return branch(x, target);
}

enum env_status exec_jcc(struct exec *x)
{
    if (!alu_condition(x->row->arg, x->cpu->eflags))
        return ENV_OK;
    return branch(x, x->next + x->insn->imm);
}

/* arg: the ZF that goes on (0, 1), or 2 for plain LOOP. */
enum env_status exec_loop(struct exec *x)
{
    u32 size = x->insn->adsize;
    u32 count = reg_read(x->cpu, ECX, size) - 1;
    u32 zf = x->cpu->eflags & EFLAGS_ZF ? 1 : 0;

    if ((count & mask_bytes(size)) && (x->row->arg > 1 || x->row->arg == zf))
        TRY(branch(x, x->next + x->insn->imm));
    reg_write(x->cpu, ECX, size, count);
    return ENV_OK;
}

enum env_status exec_jcxz(struct exec *x)
{
    if (reg_read(x->cpu, ECX, x->insn->adsize))
        return ENV_OK;
    return branch(x, x->next + x->insn->imm);
}

static enum env_status call_target(struct exec *x, u32 target)
{
    u32 next = x->next;

    TRY(branch(x, target));
    return push_next(x, next);
}

enum env_status exec_call(struct exec *x)
{
    return call_target(x, x->next + x->insn->imm);
}

enum env_status exec_call_to(struct exec *x)
{
    u32 target;

    TRY(operand_read(x, 0, ACC_READ, &target));
    return call_target(x, target);
}

enum env_status exec_ret(struct exec *x)
{
    struct cpu *cpu = x->cpu;
    u32 esp = cpu->gpr[ESP], target;
    u32 width = cpu->seg[SEG_SS].attr & ATTR_DB ? 4 : 2;
    enum env_status status;

    TRY(stack_pop(cpu, x->env, &target, x->insn->opsize, fault_of(x)));
    status = branch(x, target);
    if (status != ENV_OK) {
        cpu->gpr[ESP] = esp;
        return status;
    }
    reg_write(cpu, ESP, width, cpu->gpr[ESP] + x->insn->imm);
    return ENV_OK;
}

/* CALL (arg 1) and JMP to a far pointer, immediate or in memory. */
enum env_status exec_far(struct exec *x)
{
    u16 sel = (u16)x->insn->imm2;
    u32 offset = x->insn->imm, size = x->insn->opsize;

    if (x->row->operand[0] == O_MP)
        TRY(far_pointer(x, &sel, &offset));
    if (x->row->arg)
        TRY(far_call(x->cpu, x->env, sel, offset, size, x->next, fault_of(x)));
    else
        TRY(far_jmp(x->cpu, x->env, sel, offset, size, x->next, fault_of(x)));
    x->next = x->cpu->eip;
    return ENV_OK;
}

enum env_status exec_retf(struct exec *x)
{
    TRY(far_ret(x->cpu, x->env, x->insn->opsize, x->insn->imm, fault_of(x)));
    x->next = x->cpu->eip;
    return ENV_OK;
}

enum env_status exec_iret(struct exec *x)
{
    if (!v86_allowed(x->cpu))
        return raise_error(x, TRAP_GP, 0);
    TRY(far_iret(x->cpu, x->env, x->insn->opsize, x->next, fault_of(x)));
    x->next = x->cpu->eip;
    x->keep_rf = true;
    return ENV_OK;
}

enum env_status exec_bound(struct exec *x)
{
    u32 size = x->insn->opsize;
    u32 value = reg_read(x->cpu, x->insn->reg, size);
    u8 bytes[8] = {0};
    s32 low, high, at;

    TRY(mem_read_units(x, x->insn->seg, ea_offset(x->cpu, x->insn), bytes,
                       size * 2, size));
    low = size == 4 ? (s32)get_le32(bytes) : (s16)get_le16(bytes);
    high = size == 4 ? (s32)get_le32(bytes + 4) : (s16)get_le16(bytes + 2);
    at = size == 4 ? (s32)value : (s16)value;
    return at < low || at > high ? raise_plain(x, TRAP_BR) : ENV_OK;
}

/* Enters a handler with EIP behind the instruction and RF clear. What fails
 * in the new task of a task gate has left both to the old one's TSS. */
static enum env_status enter(struct exec *x, enum event_kind kind, u8 vector)
{
    struct cpu *cpu = x->cpu;
    struct event event = {.kind = kind, .fault = fault_plain(vector)};
    u32 eip = cpu->eip, rf = cpu->eflags & EFLAGS_RF;
    u32 tasks = cpu->task_switches;
    enum env_status status;

    cpu->eip = x->next;
    cpu->eflags &= ~EFLAGS_RF;
    status = event_enter(cpu, x->env, &event, fault_of(x));
    if (status != ENV_OK && cpu->task_switches == tasks) {
        cpu->eip = eip;
        cpu->eflags |= rf;
    }
    if (status != ENV_OK)
        return status;
    x->next = cpu->eip;
    x->out->software_int = true;
    x->out->vector = vector;
    return ENV_OK;
}

/* In virtual-8086 mode the two-byte form alone is IOPL-sensitive. */
enum env_status exec_int(struct exec *x)
{
    if (!v86_allowed(x->cpu))
        return raise_error(x, TRAP_GP, 0);
    return enter(x, EVENT_SOFTWARE, (u8)x->insn->imm);
}

enum env_status exec_int3(struct exec *x)
{
    return enter(x, EVENT_SOFTWARE, TRAP_BP);
}

enum env_status exec_into(struct exec *x)
{
    if (!(x->cpu->eflags & EFLAGS_OF))
        return ENV_OK;
    return enter(x, EVENT_SOFTWARE, TRAP_OF);
}

/* No check of the gate's DPL: it counts as a hardware exception. */
enum env_status exec_int1(struct exec *x)
{
    TRY(enter(x, EVENT_EXCEPTION, TRAP_DB));
    x->cpu->dr[7] &= ~(u32)DR7_GD;
    return ENV_OK;
}

/* A flat segment as the fast system calls load it, without any table. */
static void load_flat(struct cpu *cpu, u32 seg, u32 sel, u8 dpl, u16 type)
{
    cpu->seg[seg] = (struct segment){
        .sel = (u16)((sel & ~(u32)SEL_RPL) | dpl),
        .attr = (u16)(ATTR_P | ATTR_S | ATTR_DB | ATTR_G | ATTR_ACCESSED |
                      type | dpl << ATTR_DPL_SHIFT),
        .limit = 0xffffffff};
    cpu->seg_dirty |= (u8)BIT(seg);
}

static void load_flat_ring(struct cpu *cpu, u32 cs, u32 ss, u8 cpl)
{
    load_flat(cpu, SEG_CS, cs, cpl, ATTR_CODE | ATTR_READABLE);
    load_flat(cpu, SEG_SS, ss, cpl, ATTR_WRITABLE);
    cpu->cpl = cpl;
}

enum env_status exec_sysenter(struct exec *x)
{
    struct cpu *cpu = x->cpu;
    u32 cs = cpu->sysenter_cs & (SEL_INDEX | SEL_TI);

    if (!cs || cpu_mode(cpu) == MODE_REAL)
        return raise_error(x, TRAP_GP, 0);
    cpu->eflags &= ~(EFLAGS_VM | EFLAGS_IF);
    load_flat_ring(cpu, cs, cs + SYSENTER_SS, 0);
    cpu->gpr[ESP] = cpu->sysenter_esp;
    x->next = cpu->sysenter_eip;
    return ENV_OK;
}

enum env_status exec_sysexit(struct exec *x)
{
    struct cpu *cpu = x->cpu;
    u32 cs = cpu->sysenter_cs & (SEL_INDEX | SEL_TI);

    if (!cs || cpu_mode(cpu) == MODE_REAL)
        return raise_error(x, TRAP_GP, 0);
    load_flat_ring(cpu, cs + SYSEXIT_CS, cs + SYSEXIT_SS, 3);
    cpu->gpr[ESP] = cpu->gpr[ECX];
    x->next = cpu->gpr[EDX];
    return ENV_OK;
}

enum env_status exec_ud(struct exec *x)
{
    return raise_plain(x, TRAP_UD);
}
