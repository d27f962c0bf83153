/* SPDX-License-Identifier: MIT
 *
 * Stacks: single pushes and pops, and whole frames.
 *
 * A far transfer pushes up to 35 words. They are put together in a buffer and
 * written by one call, once every check is behind us: a page fault then finds
 * the processor untouched. Only a frame that wraps around the top of its
 * stack (SP passes zero) is moved word by word, as the CPU does it; each word
 * is checked against the limit before the first one is written.
 *
 * The inner stack comes from the TSS: 32-bit, or 16-bit where the guest
 * loaded such a one.
 *
 * SDM vol. 1 chapter 6; vol. 3A 5.8.5, 6.12.1, 7.2.1, 7.6.
 */
#include "vmm/cpu/seg_impl.h"

#define TSS16_SP0   2
#define TSS_IS_32   (SYS_TSS32_BUSY ^ SYS_TSS16_BUSY)
#define TSS32_STACK 6 /* bytes of an ESP and its SS */
#define TSS16_STACK 4

enum env_status stack_push(struct cpu *cpu, const struct cpu_env *env,
                           u32 value, u32 size, struct fault *fault)
{
    const struct segment *ss = &cpu->seg[SEG_SS];
    u32 esp = stack_move(ss, cpu->gpr[ESP], -size);
    u8 raw[4];
    gva_t at;

    enum env_status status = seg_linear(cpu, SEG_SS, esp & stack_mask(ss), size,
                                        ACC_WRITE, &at, fault);
    if (status != ENV_OK)
        return status;
    TRY(seg_align(cpu, at, size, fault));
    put_le32(raw, value);
    status = env->write(env->ctx, at, raw, size, ACC_WRITE, fault);
    if (status == ENV_OK)
        cpu->gpr[ESP] = esp;
    return status;
}

enum env_status stack_pop(struct cpu *cpu, const struct cpu_env *env,
                          u32 *value, u32 size, struct fault *fault)
{
    const struct segment *ss = &cpu->seg[SEG_SS];
    u8 raw[4] = {0};
    gva_t at;

    enum env_status status =
        seg_linear(cpu, SEG_SS, cpu->gpr[ESP] & stack_mask(ss), size, ACC_READ,
                   &at, fault);
    if (status != ENV_OK)
        return status;
    TRY(seg_align(cpu, at, size, fault));
    status = env->read(env->ctx, at, raw, size, ACC_READ, fault);
    if (status != ENV_OK)
        return status;
    *value = get_le32(raw);
    cpu->gpr[ESP] = stack_move(ss, cpu->gpr[ESP], size);
    return ENV_OK;
}

/* How many bytes of a frame at offset `at` can be moved at once: all, or a
 * word when it wraps. */
static u32 frame_chunk(u32 mask, u32 at, u32 size, u32 unit)
{
    return size - 1 <= mask - at ? size : unit;
}

static bool frame_fits(const struct segment *ss, u32 at, u32 size, u32 unit)
{
    u32 mask = stack_mask(ss);
    u32 chunk = frame_chunk(mask, at, size, unit);

    for (u32 i = 0; i < size; i += chunk)
        if (!seg_holds(ss, (at + i) & mask, chunk))
            return false;
    return true;
}

enum env_status frame_read(const struct cpu *cpu, const struct cpu_env *env,
                           u32 skip, void *out, u32 size, u32 unit,
                           struct fault *fault)
{
    const struct segment *ss = &cpu->seg[SEG_SS];
    u32 mask = stack_mask(ss);
    u32 at = (cpu->gpr[ESP] + skip) & mask;
    u32 chunk = frame_chunk(mask, at, size, unit);

    if (!frame_fits(ss, at, size, unit))
        return fail(fault, TRAP_SS, 0);
    TRY(seg_align(cpu, gva(ss->base + at), unit, fault));
    for (u32 i = 0; i < size; i += chunk) {
        enum env_status status =
            env->read(env->ctx, gva(ss->base + ((at + i) & mask)),
                      (u8 *)out + i, chunk, ACC_READ, fault);
        if (status != ENV_OK)
            return status;
    }
    return ENV_OK;
}

enum env_status frame_check(const struct cpu *cpu, const struct stack *stack,
                            const struct frame *frame, struct fault *fault)
{
    u32 at = (stack->esp - frame->size) & stack_mask(&stack->ss);

    if (!frame_fits(&stack->ss, at, frame->size, frame->unit))
        return fail(fault, TRAP_SS, stack->error);
    if (stack->access & ACC_SYSTEM)
        return ENV_OK;
    return seg_align(cpu, gva(stack->ss.base + at), frame->unit, fault);
}

enum env_status frame_write(const struct cpu_env *env, struct stack *stack,
                            const struct frame *frame, struct fault *fault)
{
    u32 mask = stack_mask(&stack->ss);
    u32 at = (stack->esp - frame->size) & mask;
    u32 chunk = frame_chunk(mask, at, frame->size, frame->unit);

    for (u32 i = 0; i < frame->size; i += chunk) {
        enum env_status status = env->write(
            env->ctx, gva(stack->ss.base + ((at + i) & mask)), frame->bytes + i,
            chunk, ACC_WRITE | stack->access, fault);
        if (status != ENV_OK)
            return status;
    }
    stack->esp = stack_move(&stack->ss, stack->esp, -frame->size);
    return ENV_OK;
}

enum env_status stack_inner(const struct cpu *cpu, const struct cpu_env *env,
                            u8 cpl, u32 ext, struct stack *out,
                            struct fault *fault)
{
    const struct segment *tr = &cpu->tr;
    bool wide = tr->attr & TSS_IS_32;
    u32 at = wide ? TSS32_ESP0 + cpl * 8u : TSS16_SP0 + cpl * 4u;
    u32 size = wide ? TSS32_STACK : TSS16_STACK;
    u8 raw[TSS32_STACK];

    if (!(tr->attr & ATTR_P) || at + size - 1 > tr->limit)
        return fail(fault, TRAP_TS, sel_error(tr->sel) | ext);
    enum env_status status = env->read(env->ctx, gva(tr->base + at), raw, size,
                                       ACC_READ | ACC_SYSTEM, fault);
    if (status != ENV_OK)
        return status;
    out->esp = frame_word(raw, 0, wide ? 4 : 2);
    u16 sel = get_le16(raw + (wide ? 4 : 2));
    out->access = ACC_SYSTEM;
    out->error = sel_error(sel) | ext;
    return seg_read_stack(cpu, env, sel, cpl, TRAP_TS, ext, &out->ss, fault);
}
