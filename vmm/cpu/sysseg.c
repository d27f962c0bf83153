/* SPDX-License-Identifier: MIT
 *
 * System segments, and instructions that only ask about a selector.
 *
 * LLDT and LTR load a register from a system descriptor; that they are
 * privileged was checked before. LAR, LSL, VERR and VERW never fault on the
 * selector: what they may not see clears ZF. Only reading the table can
 * fault, with #PF.
 *
 * The I/O permission bitmap lives in the TSS; the CPU always reads two bytes
 * of it, so that an access of up to four ports is answered by one read, and
 * both bytes must lie within the TSS limit. A 16-bit TSS has no bitmap. In
 * virtual-8086 mode the bitmap alone decides, whatever IOPL is.
 *
 * SDM vol. 3A 7.2, 20.2.8; vol. 1 19.5.2; LAR, LLDT, LSL, LTR, VERR in vol. 2.
 */
#include "arch/x86/defs/regs.h"
#include "vmm/cpu/seg_impl.h"

/* What differs between an available and a busy, a 16- and a 32-bit TSS. */
#define SYS_TSS_BUSY_BIT (SYS_TSS32_BUSY ^ SYS_TSS32_FREE)

#define LAR_MASK 0x00f0ff00

/* System types with a limit, and those that LAR knows besides. */
#define LSL_TYPES                                                              \
    (BIT(SYS_TSS16_FREE) | BIT(SYS_LDT) | BIT(SYS_TSS16_BUSY) |                \
     BIT(SYS_TSS32_FREE) | BIT(SYS_TSS32_BUSY))
#define LAR_TYPES                                                              \
    (LSL_TYPES | BIT(SYS_CALL16) | BIT(SYS_TASK_GATE) | BIT(SYS_CALL32))

enum env_status seg_lldt(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                         struct fault *fault)
{
    struct segment ldtr = {.sel = sel};
    struct desc d;

    if (sel & SEL_TI)
        return fail(fault, TRAP_GP, sel_error(sel));
    if (!sel_is_null(sel)) {
        enum env_status status =
            desc_read(cpu, env, sel, TRAP_GP, 0, &d, fault);
        if (status != ENV_OK)
            return status;
        ldtr = desc_segment(sel, d);
        if ((ldtr.attr & (ATTR_S | ATTR_TYPE)) != SYS_LDT)
            return fail(fault, TRAP_GP, sel_error(sel));
        if (!(ldtr.attr & ATTR_P))
            return fail(fault, TRAP_NP, sel_error(sel));
    }
    cpu->ldtr = ldtr;
    env->table_loaded(env->ctx, TABLE_LDT);
    return ENV_OK;
}

static bool attr_is_free_tss(u16 attr)
{
    u16 type = attr & (ATTR_S | ATTR_TYPE);
    return type == SYS_TSS16_FREE || type == SYS_TSS32_FREE;
}

enum env_status seg_ltr(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                        struct fault *fault)
{
    struct desc d;

    if (sel_is_null(sel) || (sel & SEL_TI))
        return fail(fault, TRAP_GP, sel_error(sel));
    enum env_status status = desc_read(cpu, env, sel, TRAP_GP, 0, &d, fault);
    if (status != ENV_OK)
        return status;
    struct segment tr = desc_segment(sel, d);
    if (!attr_is_free_tss(tr.attr))
        return fail(fault, TRAP_GP, sel_error(sel));
    if (!(tr.attr & ATTR_P))
        return fail(fault, TRAP_NP, sel_error(sel));
    tr.attr |= SYS_TSS_BUSY_BIT;
    status = desc_store_type(cpu, env, sel, tr.attr, fault);
    if (status != ENV_OK)
        return status;
    cpu->tr = tr;
    env->table_loaded(env->ctx, TABLE_TSS);
    return ENV_OK;
}

/* Reads sel's descriptor if there is one to read and both CPL and RPL may
 * see it; else *visible is false. */
static enum env_status peek(const struct cpu *cpu, const struct cpu_env *env,
                            u16 sel, bool *visible, struct desc *d,
                            struct fault *fault)
{
    gva_t at;

    *visible = false;
    if (sel_is_null(sel) || !desc_find(cpu, sel, &at))
        return ENV_OK;
    enum env_status status = desc_read(cpu, env, sel, TRAP_GP, 0, d, fault);
    if (status != ENV_OK)
        return status;
    *visible = attr_is_conforming(desc_attr(*d)) ||
               (cpu->cpl <= desc_dpl(*d) && sel_rpl(sel) <= desc_dpl(*d));
    return ENV_OK;
}

/* Code and data always count, system descriptors by the set of types. */
static bool type_in(struct desc d, u32 types)
{
    u16 attr = desc_attr(d);
    return (attr & ATTR_S) || (types & BIT(attr & ATTR_TYPE));
}

enum env_status seg_lar(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                        bool *zf, u32 *out, struct fault *fault)
{
    struct desc d;
    bool visible;
    enum env_status status = peek(cpu, env, sel, &visible, &d, fault);

    if (status != ENV_OK)
        return status;
    *zf = visible && type_in(d, LAR_TYPES);
    if (*zf)
        *out = d.hi & LAR_MASK;
    return ENV_OK;
}

enum env_status seg_lsl(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                        bool *zf, u32 *out, struct fault *fault)
{
    struct desc d;
    bool visible;
    enum env_status status = peek(cpu, env, sel, &visible, &d, fault);

    if (status != ENV_OK)
        return status;
    *zf = visible && type_in(d, LSL_TYPES);
    if (*zf)
        *out = desc_limit(d);
    return ENV_OK;
}

enum env_status seg_verify(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                           bool write, bool *zf, struct fault *fault)
{
    struct desc d;
    bool visible;
    enum env_status status = peek(cpu, env, sel, &visible, &d, fault);

    if (status != ENV_OK)
        return status;
    *zf = false;
    if (!visible || !(desc_attr(d) & ATTR_S))
        return ENV_OK;
    if (write)
        *zf = attr_is_writable(desc_attr(d));
    else
        *zf = !desc_is_code(d) || (desc_attr(d) & ATTR_READABLE);
    return ENV_OK;
}

static enum env_status tss_read16(const struct cpu *cpu,
                                  const struct cpu_env *env, u32 offset,
                                  u32 *out, struct fault *fault)
{
    u8 raw[2];

    if (offset + sizeof(raw) - 1 > cpu->tr.limit)
        return fail(fault, TRAP_GP, 0);
    enum env_status status =
        env->read(env->ctx, gva(cpu->tr.base + offset), raw, sizeof(raw),
                  ACC_READ | ACC_SYSTEM, fault);
    if (status == ENV_OK)
        *out = get_le16(raw);
    return status;
}

enum env_status io_allowed(const struct cpu *cpu, const struct cpu_env *env,
                           u16 port, u32 size, struct fault *fault)
{
    u32 map, bits;

    if (cpu_mode(cpu) != MODE_V86 &&
        cpu->cpl <= (cpu->eflags & EFLAGS_IOPL) >> EFLAGS_IOPL_SHIFT)
        return ENV_OK;
    if ((cpu->tr.attr & (ATTR_P | ATTR_TYPE)) != (ATTR_P | SYS_TSS32_BUSY))
        return fail(fault, TRAP_GP, 0);
    enum env_status status = tss_read16(cpu, env, TSS32_IOMAP, &map, fault);
    if (status != ENV_OK)
        return status;
    status = tss_read16(cpu, env, map + port / 8, &bits, fault);
    if (status != ENV_OK)
        return status;
    if (bits >> port % 8 & (BIT(size) - 1))
        return fail(fault, TRAP_GP, 0);
    return ENV_OK;
}
