/* SPDX-License-Identifier: MIT
 *
 * Descriptors, segment registers and linear addresses.
 *
 * A descriptor is read from the guest's table once, into a local, and judged
 * there; what a register then holds is a copy, and later writes to the table
 * do not reach it, as on the real CPU. attr is the descriptor's second word
 * shifted down, so the hidden part of a register can be checked with the
 * same questions as the descriptor it came from.
 *
 * Limits: an expand-up segment holds 0..limit, an expand-down one limit+1 up
 * to 64 KiB or 4 GiB by its B bit. An operand that runs over the top of
 * 4 GiB faults; the SDM leaves that open for flat segments (5.3).
 *
 * In real-address and virtual-8086 mode a selector is a paragraph number and
 * no table is read; see real.c. The checks on use are the same in all modes,
 * because the hidden part decides: that is what makes "unreal" mode work.
 * CS is not asked whether it is code when it is fetched from: in those modes
 * it holds a writable data segment, also behind the MOV that sets CR0.PE.
 *
 * LIMIT: L is ignored: guests are 32-bit.
 *
 * SDM vol. 3A 3.4, 3.5, 5.2 to 5.8; MOV and POP in vol. 2B.
 */
#include "vmm/cpu/seg_impl.h"

#define DESC_BASE_HIGH   0xff000000
#define DESC_BASE_MIDDLE 0x000000ff
#define DESC_LIMIT_HIGH  0x000f0000
#define DESC_ATTR_SHIFT  8
#define DESC_ATTR        0xf0ff /* after the shift */

u32 desc_base(struct desc d)
{
    return (d.hi & DESC_BASE_HIGH) | (d.hi & DESC_BASE_MIDDLE) << 16 |
           d.lo >> 16;
}

u32 desc_limit(struct desc d)
{
    u32 limit = (d.hi & DESC_LIMIT_HIGH) | (d.lo & 0xffff);
    return d.hi & DESC_G ? limit << PAGE_SHIFT | PAGE_MASK : limit;
}

u16 desc_attr(struct desc d)
{
    return (d.hi >> DESC_ATTR_SHIFT) & DESC_ATTR;
}

u8 desc_dpl(struct desc d)
{
    return (d.hi & DESC_DPL) >> DESC_DPL_SHIFT;
}

bool desc_is_code(struct desc d)
{
    return attr_is_code(desc_attr(d));
}

struct segment desc_segment(u16 sel, struct desc d)
{
    return (struct segment){sel, desc_attr(d), desc_base(d), desc_limit(d)};
}

bool desc_find(const struct cpu *cpu, u16 sel, gva_t *at)
{
    u32 offset = sel & SEL_INDEX;
    u32 last = offset + sizeof(struct desc) - 1;

    if (sel & SEL_TI) {
        *at = gva(cpu->ldtr.base + offset);
        return (cpu->ldtr.attr & ATTR_P) && last <= cpu->ldtr.limit;
    }
    *at = gva(cpu->gdtr.base + offset);
    return last <= cpu->gdtr.limit;
}

enum env_status desc_read(const struct cpu *cpu, const struct cpu_env *env,
                          u16 sel, u8 vector, u32 ext, struct desc *out,
                          struct fault *fault)
{
    gva_t at;

    if (!desc_find(cpu, sel, &at))
        return fail(fault, vector, sel_error(sel) | ext);
    return env->read(env->ctx, at, out, sizeof(*out), ACC_READ | ACC_SYSTEM,
                     fault);
}

enum env_status desc_store_type(const struct cpu *cpu,
                                const struct cpu_env *env, u16 sel, u16 attr,
                                struct fault *fault)
{
    gva_t at;
    u8 byte = (u8)attr;

    if (!desc_find(cpu, sel, &at))
        return fail(fault, TRAP_GP, sel_error(sel));
    return env->write(env->ctx, gva(at.v + DESC_TYPE_BYTE), &byte, 1,
                      ACC_WRITE | ACC_SYSTEM, fault);
}

enum env_status seg_mark(const struct cpu *cpu, const struct cpu_env *env,
                         struct segment *seg, struct fault *fault)
{
    if (seg->attr & ATTR_ACCESSED)
        return ENV_OK;
    seg->attr |= ATTR_ACCESSED;
    return desc_store_type(cpu, env, seg->sel, seg->attr, fault);
}

bool seg_holds(const struct segment *seg, u32 offset, u32 size)
{
    u32 last = offset + (size - 1);

    if (last < offset)
        return false;
    if ((seg->attr & (ATTR_CODE | ATTR_DOWN)) != ATTR_DOWN)
        return last <= seg->limit;
    return offset > seg->limit && last <= stack_mask(seg);
}

static bool seg_allows(u16 attr, u32 access)
{
    if (!(attr & ATTR_P))
        return false;
    if (access & ACC_FETCH)
        return true;
    if (!(attr & ATTR_CODE))
        return !(access & ACC_WRITE) || (attr & ATTR_WRITABLE);
    return !(access & ACC_WRITE) && (attr & ATTR_READABLE);
}

enum env_status seg_linear(const struct cpu *cpu, unsigned s, u32 offset,
                           u32 size, u32 access, gva_t *out,
                           struct fault *fault)
{
    const struct segment *seg = &cpu->seg[s];

    if (!seg_allows(seg->attr, access) || !seg_holds(seg, offset, size))
        return fail(fault, s == SEG_SS ? TRAP_SS : TRAP_GP, 0);
    *out = gva(seg->base + offset);
    return ENV_OK;
}

enum env_status seg_align(const struct cpu *cpu, gva_t at, u32 unit,
                          struct fault *fault)
{
    if ((at.v & (unit - 1)) && alignment_matters(cpu))
        return fail(fault, TRAP_AC, 0);
    return ENV_OK;
}

enum env_status seg_read_code(const struct cpu *cpu, const struct cpu_env *env,
                              u16 sel, u32 ext, struct segment *out,
                              struct fault *fault)
{
    struct desc d;

    if (sel_is_null(sel))
        return fail(fault, TRAP_GP, ext);
    enum env_status status = desc_read(cpu, env, sel, TRAP_GP, ext, &d, fault);
    if (status != ENV_OK)
        return status;
    if (!desc_is_code(d))
        return fail(fault, TRAP_GP, sel_error(sel) | ext);
    *out = desc_segment(sel, d);
    return ENV_OK;
}

enum env_status seg_read_stack(const struct cpu *cpu, const struct cpu_env *env,
                               u16 sel, u8 cpl, u8 vector, u32 ext,
                               struct segment *out, struct fault *fault)
{
    struct desc d;

    if (sel_is_null(sel))
        return fail(fault, vector, ext);
    enum env_status status = desc_read(cpu, env, sel, vector, ext, &d, fault);
    if (status != ENV_OK)
        return status;
    *out = desc_segment(sel, d);
    if (sel_rpl(sel) != cpl || attr_dpl(out->attr) != cpl ||
        !attr_is_writable(out->attr))
        return fail(fault, vector, sel_error(sel) | ext);
    if (!(out->attr & ATTR_P))
        return fail(fault, TRAP_SS, sel_error(sel) | ext);
    return seg_mark(cpu, env, out, fault);
}

/* A descriptor for DS, ES, FS or GS: data or readable code, and, unless it
 * is conforming code, visible from both CPL and RPL. */
static bool data_allowed(const struct cpu *cpu, u16 sel, u16 attr)
{
    if (!(attr & ATTR_S))
        return false;
    if ((attr & ATTR_CODE) && !(attr & ATTR_READABLE))
        return false;
    if (attr_is_conforming(attr))
        return true;
    return sel_rpl(sel) <= attr_dpl(attr) && cpu->cpl <= attr_dpl(attr);
}

enum env_status seg_read_data(const struct cpu *cpu, const struct cpu_env *env,
                              u16 sel, u8 vector, u32 ext, struct segment *out,
                              struct fault *fault)
{
    struct desc d;

    if (sel_is_null(sel)) {
        *out = (struct segment){.sel = sel};
        return ENV_OK;
    }
    enum env_status status = desc_read(cpu, env, sel, vector, ext, &d, fault);
    if (status != ENV_OK)
        return status;
    *out = desc_segment(sel, d);
    if (!data_allowed(cpu, sel, out->attr))
        return fail(fault, vector, sel_error(sel) | ext);
    if (!(out->attr & ATTR_P))
        return fail(fault, TRAP_NP, sel_error(sel) | ext);
    return seg_mark(cpu, env, out, fault);
}

enum env_status seg_load(struct cpu *cpu, const struct cpu_env *env, unsigned s,
                         u16 sel, struct fault *fault)
{
    struct segment seg;

    if (cpu_mode(cpu) != MODE_PROTECTED) {
        real_load(cpu, s, sel);
        return ENV_OK;
    }
    enum env_status status =
        s == SEG_SS
            ? seg_read_stack(cpu, env, sel, cpu->cpl, TRAP_GP, 0, &seg, fault)
            : seg_read_data(cpu, env, sel, TRAP_GP, 0, &seg, fault);

    if (status != ENV_OK)
        return status;
    cpu->seg[s] = seg;
    cpu->seg_dirty |= BIT(s);
    return ENV_OK;
}
