/* SPDX-License-Identifier: MIT
 *
 * Segments without descriptors: real-address and virtual-8086 mode.
 *
 * A selector is a paragraph number, so loading one needs no table and cannot
 * fault. What a load leaves alone is the point: in real-address mode it sets
 * selector and base only, and the limit and the attributes are those of the
 * last protected-mode load. Software uses that to reach all of memory from
 * 16-bit code ("big real" mode), and must take care of it on its way back
 * from protected mode (SDM vol. 3A 9.9.2). A register that came back null
 * would be unusable for ever; as this mode has no way to give it attributes,
 * its next load makes it what it is after RESET (the SDM says nothing; Bochs
 * makes it usable too). In virtual-8086 mode the hidden part is fixed: 64 KiB,
 * writable, DPL 3.
 *
 * Far transfers check the new EIP against the limit that CS has, and keeps.
 * SDM vol. 2 has "EIP[31:16] not zero" for some of them, which is the same
 * as long as that limit is 64 KiB.
 *
 * Invariant: check, then commit, as everywhere; no function here changes CPL.
 *
 * SDM vol. 3A 20.1 (real-address mode), 20.2 (virtual-8086 mode); CALL, INT n,
 * IRET, JMP and RET in vol. 2.
 */
#include "arch/x86/defs/regs.h"
#include "vmm/cpu/seg_impl.h"

#define VECTOR_SIZE     4 /* IP and CS */
#define PARAGRAPH_SHIFT 4
#define REAL_LIMIT      0xffff

#define REAL_ATTR (ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED)

void real_load(struct cpu *cpu, unsigned s, u16 sel)
{
    struct segment *seg = &cpu->seg[s];
    u32 base = (u32)sel << PARAGRAPH_SHIFT;

    if (cpu_mode(cpu) == MODE_V86)
        *seg = (struct segment){sel, REAL_ATTR | ATTR_DPL, base, REAL_LIMIT};
    else if (!(seg->attr & ATTR_P))
        *seg = (struct segment){sel, REAL_ATTR, base, REAL_LIMIT};
    seg->sel = sel;
    seg->base = base;
    cpu->seg_dirty |= BIT(s);
}

static enum env_status check_eip(const struct cpu *cpu, u32 eip,
                                 struct fault *fault)
{
    if (!seg_holds(&cpu->seg[SEG_CS], eip, 1))
        return fail(fault, TRAP_GP, 0);
    return ENV_OK;
}

static void go(struct cpu *cpu, u16 sel, u32 eip)
{
    real_load(cpu, SEG_CS, sel);
    cpu->eip = eip;
}

enum env_status real_jmp(struct cpu *cpu, u16 sel, u32 eip, struct fault *fault)
{
    enum env_status status = check_eip(cpu, eip, fault);

    if (status == ENV_OK)
        go(cpu, sel, eip);
    return status;
}

/* Pushes the frame on the current stack and goes to sel:eip. */
static enum env_status push_and_go(struct cpu *cpu, const struct cpu_env *env,
                                   const struct frame *frame, u16 sel, u32 eip,
                                   struct fault *fault)
{
    struct stack stack = {.ss = cpu->seg[SEG_SS], .esp = cpu->gpr[ESP]};
    enum env_status status = frame_write(env, &stack, frame, fault);

    if (status != ENV_OK)
        return status;
    cpu->gpr[ESP] = stack.esp;
    go(cpu, sel, eip);
    return ENV_OK;
}

static enum env_status check_room(const struct cpu *cpu,
                                  const struct frame *frame,
                                  struct fault *fault)
{
    struct stack stack = {.ss = cpu->seg[SEG_SS], .esp = cpu->gpr[ESP]};

    return frame_check(cpu, &stack, frame, fault);
}

enum env_status real_call(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                          u32 eip, u32 opsize, u32 next_eip,
                          struct fault *fault)
{
    struct frame frame = {.unit = opsize};

    frame_add(&frame, next_eip);
    frame_add(&frame, cpu->seg[SEG_CS].sel);
    enum env_status status = check_room(cpu, &frame, fault);
    if (status != ENV_OK)
        return status;
    status = check_eip(cpu, eip, fault);
    if (status != ENV_OK)
        return status;
    return push_and_go(cpu, env, &frame, sel, eip, fault);
}

/* Pops `words` words into raw, of which EIP and CS come first, and goes
 * there; `release` more bytes leave the stack. */
static enum env_status pop_frame(struct cpu *cpu, const struct cpu_env *env,
                                 u8 *raw, u32 words, u32 opsize, u32 release,
                                 struct fault *fault)
{
    u32 size = words * opsize;
    enum env_status status = frame_read(cpu, env, 0, raw, size, opsize, fault);

    if (status != ENV_OK)
        return status;
    u32 eip = frame_word(raw, 0, opsize);
    status = check_eip(cpu, eip, fault);
    if (status != ENV_OK)
        return status;
    cpu->gpr[ESP] =
        stack_move(&cpu->seg[SEG_SS], cpu->gpr[ESP], size + release);
    go(cpu, (u16)frame_word(raw, 1, opsize), eip);
    return ENV_OK;
}

enum env_status real_ret(struct cpu *cpu, const struct cpu_env *env, u32 opsize,
                         u32 release, struct fault *fault)
{
    u8 raw[8];

    return pop_frame(cpu, env, raw, 2, opsize, release, fault);
}

enum env_status real_iret(struct cpu *cpu, const struct cpu_env *env,
                          u32 opsize, struct fault *fault)
{
    u8 raw[12];
    u32 mask = iret_mask(cpu, opsize);
    enum env_status status = pop_frame(cpu, env, raw, 3, opsize, 0, fault);

    if (status != ENV_OK)
        return status;
    cpu->eflags = (cpu->eflags & ~mask) | (frame_word(raw, 2, opsize) & mask);
    return ENV_OK;
}

/* The vector's IP and CS. LIDT moves and bounds this table too (20.1.4). */
static enum env_status vector_read(const struct cpu *cpu,
                                   const struct cpu_env *env, u8 vector,
                                   u8 raw[VECTOR_SIZE], struct fault *fault)
{
    u32 offset = vector * VECTOR_SIZE;

    if (offset + VECTOR_SIZE - 1 > cpu->idtr.limit)
        return fail(fault, TRAP_GP, offset | TRAP_ERR_IDT);
    return env->read(env->ctx, gva(cpu->idtr.base + offset), raw, VECTOR_SIZE,
                     ACC_READ | ACC_SYSTEM, fault);
}

/* The new IP is not checked here: the first fetch does that. */
enum env_status real_event(struct cpu *cpu, const struct cpu_env *env,
                           u8 vector, struct fault *fault)
{
    u8 raw[VECTOR_SIZE];
    struct frame frame = {.unit = 2};
    enum env_status status = vector_read(cpu, env, vector, raw, fault);

    if (status != ENV_OK)
        return status;
    frame_add(&frame, cpu->eip);
    frame_add(&frame, cpu->seg[SEG_CS].sel);
    frame_add(&frame, cpu->eflags);
    status = check_room(cpu, &frame, fault);
    if (status != ENV_OK)
        return status;
    status =
        push_and_go(cpu, env, &frame, get_le16(raw + 2), get_le16(raw), fault);
    if (status != ENV_OK)
        return status;
    cpu->eflags &= ~(EFLAGS_IF | EFLAGS_TF | EFLAGS_RF | EFLAGS_AC);
    cpu->halted = 0;
    cpu->irq_shadow = 0;
    return ENV_OK;
}
