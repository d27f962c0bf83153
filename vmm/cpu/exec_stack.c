/* SPDX-License-Identifier: MIT
 *
 * Stack instructions and segment-register moves. A push writes memory and
 * then moves ESP; whatever fails after a pop puts ESP back.
 *
 * ENTER may have written below ESP when its last check fails, as the
 * processor does.
 *
 * SDM vol. 2B PUSH, POP, PUSHA, POPA, PUSHF, POPF, ENTER, MOV, LDS.
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/cpu/exec_impl.h"
#include "vmm/cpu/seg_impl.h"

#define ENTER_LEVELS 31

/* What POPF may change at any privilege, and in 16 bits. */
#define POPF_ANY                                                               \
    (EFLAGS_STATUS | EFLAGS_TF | EFLAGS_DF | EFLAGS_NT | EFLAGS_AC | EFLAGS_ID)

static u32 stack_width(const struct cpu *cpu)
{
    return cpu->seg[SEG_SS].attr & ATTR_DB ? 4 : 2;
}

static enum env_status push(struct exec *x, u32 value)
{
    return stack_push(x->cpu, x->env, value, x->insn->opsize, fault_of(x));
}

static enum env_status pop(struct exec *x, u32 *value)
{
    return stack_pop(x->cpu, x->env, value, x->insn->opsize, fault_of(x));
}

/* status, with ESP as it was unless all is well. */
static enum env_status or_restore(struct exec *x, u32 esp,
                                  enum env_status status)
{
    if (status != ENV_OK)
        x->cpu->gpr[ESP] = esp;
    return status;
}

enum env_status exec_push(struct exec *x)
{
    u32 value;

    TRY(operand_read(x, 0, ACC_READ, &value));
    return push(x, value);
}

/* An address that is based on ESP uses ESP behind the pop. */
enum env_status exec_pop(struct exec *x)
{
    u32 value, esp = x->cpu->gpr[ESP];

    TRY(pop(x, &value));
    return or_restore(x, esp, operand_write(x, 0, value));
}

/* Eight words as one frame, which may wrap around a 16-bit stack. */
enum env_status exec_pusha(struct exec *x)
{
    struct cpu *cpu = x->cpu;
    struct stack stack = {.ss = cpu->seg[SEG_SS], .esp = cpu->gpr[ESP]};
    struct frame frame = {.unit = x->insn->opsize};

    for (u32 i = 0; i < GPR_COUNT; i++)
        frame_add(&frame, cpu->gpr[EDI - i]);
    TRY(frame_check(cpu, &stack, &frame, fault_of(x)));
    TRY(frame_write(x->env, &stack, &frame, fault_of(x)));
    cpu->gpr[ESP] = stack.esp;
    return ENV_OK;
}

enum env_status exec_popa(struct exec *x)
{
    struct cpu *cpu = x->cpu;
    u32 size = x->insn->opsize, esp = cpu->gpr[ESP];
    u8 raw[GPR_COUNT * 4];

    TRY(frame_read(cpu, x->env, 0, raw, GPR_COUNT * size, size, fault_of(x)));
    for (u32 i = 0; i < GPR_COUNT; i++)
        reg_write(cpu, EDI - i, size, frame_word(raw, i, size));
    cpu->gpr[ESP] = stack_move(&cpu->seg[SEG_SS], esp, GPR_COUNT * size);
    return ENV_OK;
}

/* The enclosing frames' pointers, and this one's, behind the saved EBP. */
static enum env_status copy_display(struct exec *x, u32 level, u32 frame)
{
    u32 size = x->insn->opsize, width = stack_width(x->cpu);
    u32 at = x->cpu->gpr[EBP];

    for (u32 i = 1; i < level; i++) {
        u8 bytes[4] = {0};
        at -= size;
        TRY(mem_read(x, SEG_SS, at & mask_bytes(width), bytes, size, ACC_READ));
        TRY(push(x, get_le32(bytes)));
    }
    return push(x, frame);
}

static enum env_status make_frame(struct exec *x, u32 level, u32 *frame)
{
    struct cpu *cpu = x->cpu;
    u32 width = stack_width(cpu), size = x->insn->opsize, room;

    TRY(push(x, cpu->gpr[EBP]));
    *frame = cpu->gpr[ESP];
    if (level)
        TRY(copy_display(x, level, *frame));
    reg_write(cpu, ESP, width, cpu->gpr[ESP] - x->insn->imm);
    return mem_read(x, SEG_SS, reg_read(cpu, ESP, width), &room, size,
                    ACC_READ | ACC_WRITE);
}

enum env_status exec_enter(struct exec *x)
{
    u32 esp = x->cpu->gpr[ESP], level = x->insn->imm2 & ENTER_LEVELS, frame;

    TRY(or_restore(x, esp, make_frame(x, level, &frame)));
    reg_write(x->cpu, EBP, x->insn->opsize, frame);
    return ENV_OK;
}

enum env_status exec_leave(struct exec *x)
{
    struct cpu *cpu = x->cpu;
    u32 esp = cpu->gpr[ESP], ebp;

    reg_write(cpu, ESP, stack_width(cpu), cpu->gpr[EBP]);
    TRY(or_restore(x, esp, pop(x, &ebp)));
    reg_write(cpu, EBP, x->insn->opsize, ebp);
    return ENV_OK;
}

enum env_status exec_pushf(struct exec *x)
{
    if (!v86_allowed(x->cpu))
        return raise_error(x, TRAP_GP, 0);
    return push(x, x->cpu->eflags & ~(EFLAGS_RF | EFLAGS_VM));
}

/* IF needs CPL <= IOPL, IOPL needs ring 0; RF is always cleared. */
enum env_status exec_popf(struct exec *x)
{
    struct cpu *cpu = x->cpu;
    u32 mask = POPF_ANY, value;

    if (!v86_allowed(cpu))
        return raise_error(x, TRAP_GP, 0);
    TRY(pop(x, &value));
    if (cpu->cpl <= iopl_of(cpu))
        mask |= EFLAGS_IF;
    if (cpu->cpl == 0)
        mask |= EFLAGS_IOPL;
    mask &= mask_bytes(x->insn->opsize);
    cpu->eflags = (cpu->eflags & ~mask) | (value & mask);
    return ENV_OK;
}

enum env_status exec_push_seg(struct exec *x)
{
    return push(x, x->cpu->seg[x->row->arg].sel);
}

static enum env_status load(struct exec *x, u32 seg, u16 sel)
{
    TRY(seg_load(x->cpu, x->env, seg, sel, fault_of(x)));
    return ENV_OK;
}

/* Nothing comes between this and the next instruction, which is to load ESP.
 * Of several in a row the first alone does so (SDM vol. 2B MOV); LSS needs no
 * next instruction, and does not. */
static void shadow_ss(struct exec *x)
{
    if (x->shadow != SHADOW_SS)
        x->cpu->irq_shadow = SHADOW_SS;
}

enum env_status exec_pop_seg(struct exec *x)
{
    u32 value, esp = x->cpu->gpr[ESP];

    TRY(pop(x, &value));
    TRY(or_restore(x, esp, load(x, x->row->arg, (u16)value)));
    if (x->row->arg == SEG_SS)
        shadow_ss(x);
    return ENV_OK;
}

enum env_status exec_mov_from_seg(struct exec *x)
{
    return operand_write(x, 0, x->cpu->seg[x->insn->reg].sel);
}

enum env_status exec_mov_to_seg(struct exec *x)
{
    u32 seg = x->insn->reg, sel;

    TRY(operand_read(x, 1, ACC_READ, &sel));
    TRY(load(x, seg, (u16)sel));
    if (seg == SEG_SS)
        shadow_ss(x);
    return ENV_OK;
}

enum env_status exec_load_far(struct exec *x)
{
    u32 offset;
    u16 sel;

    TRY(far_pointer(x, &sel, &offset));
    TRY(load(x, x->row->arg, sel));
    reg_write(x->cpu, x->insn->reg, x->insn->opsize, offset);
    return ENV_OK;
}
