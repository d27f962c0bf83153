/* SPDX-License-Identifier: MIT
 *
 * Operands: registers, memory through segment and page checks, immediates.
 *
 * An operand's size is the instruction's, but for the kinds that say byte or
 * word. A memory operand that will be written back is read with ACC_WRITE
 * too, so that its write can fault no more.
 *
 * SDM vol. 1 3.7, vol. 2A table 2-1 to 2-3 (effective addresses).
 */
#include "vmm/cpu/exec_impl.h"

u32 ea_offset(const struct cpu *cpu, const struct insn *insn)
{
    u32 at = insn->disp;

    if (insn->base >= 0)
        at += cpu->gpr[insn->base];
    if (insn->index >= 0)
        at += cpu->gpr[insn->index] << insn->scale;
    return insn->adsize == 2 ? at & 0xffff : at;
}

/* What a datum of this size is aligned to: SDM vol. 3A table 6-7. 10 is an
 * x87 extended real, 14, 28, 94 and 108 are x87 environments and states. The
 * SDM leaves MOVUPS open: it is not checked. */
static u32 natural_unit(u32 size)
{
    switch (size) {
    case 2:
    case 14:
    case 94:
        return 2;
    case 4:
    case 28:
    case 108:
        return 4;
    case 8:
    case 10:
        return 8;
    default:
        return 1;
    }
}

/* Only ring 3 with EFLAGS.AC pays for finding out. */
static enum env_status check_natural(struct exec *x, gva_t at, u32 size)
{
    if (!alignment_matters(x->cpu))
        return ENV_OK;
    return seg_align(x->cpu, at, natural_unit(size), fault_of(x));
}

enum env_status mem_read(struct exec *x, u32 seg, u32 offset, void *to,
                         u32 size, u32 access)
{
    gva_t at;

    TRY(seg_linear(x->cpu, seg, offset, size, access, &at, fault_of(x)));
    TRY(check_natural(x, at, size));
    return x->env->read(x->env->ctx, at, to, size, access, fault_of(x));
}

enum env_status mem_read_units(struct exec *x, u32 seg, u32 offset, void *to,
                               u32 size, u32 unit)
{
    gva_t at;

    TRY(seg_linear(x->cpu, seg, offset, size, ACC_READ, &at, fault_of(x)));
    TRY(seg_align(x->cpu, at, unit, fault_of(x)));
    return x->env->read(x->env->ctx, at, to, size, ACC_READ, fault_of(x));
}

enum env_status mem_write(struct exec *x, u32 seg, u32 offset, const void *from,
                          u32 size)
{
    gva_t at;

    TRY(seg_linear(x->cpu, seg, offset, size, ACC_WRITE, &at, fault_of(x)));
    TRY(check_natural(x, at, size));
    return x->env->write(x->env->ctx, at, from, size, ACC_WRITE, fault_of(x));
}

static u32 size_of(const struct exec *x, u32 kind, bool memory)
{
    if (kind == O_EB || kind == O_CL)
        return 1;
    if (kind == O_EW || (kind == O_EV && memory))
        return 2;
    return x->insn->opsize;
}

/* Those that cannot fault. */
static u32 plain_operand(const struct exec *x, u32 kind, u32 size)
{
    switch (kind) {
    case O_G:
    case O_Z:
        return reg_read(x->cpu, x->insn->reg, size);
    case O_A:
        return reg_read(x->cpu, EAX, size);
    case O_CL:
        return reg_read(x->cpu, ECX, 1);
    case O_ONE:
        return 1;
    default:
        return x->insn->imm;
    }
}

static bool is_rm(u32 kind)
{
    return kind == O_E || kind == O_EB || kind == O_EW || kind == O_EV;
}

static bool in_memory(const struct exec *x, u32 kind)
{
    return kind == O_O || (is_rm(kind) && !is_register(x->insn));
}

enum env_status operand_read(struct exec *x, u32 n, u32 access, u32 *value)
{
    u32 kind = x->row->operand[n];
    bool memory = in_memory(x, kind);
    u32 size = size_of(x, kind, memory);

    if (memory) {
        u8 bytes[4] = {0};
        TRY(ea_read(x, bytes, size, access));
        *value = get_le32(bytes);
        return ENV_OK;
    }
    if (is_rm(kind))
        *value = reg_read(x->cpu, x->insn->rm, size);
    else
        *value = plain_operand(x, kind, size);
    return ENV_OK;
}

enum env_status operand_write(struct exec *x, u32 n, u32 value)
{
    u32 kind = x->row->operand[n];
    bool memory = in_memory(x, kind);
    u32 size = size_of(x, kind, memory);

    if (memory) {
        u8 bytes[4];
        put_le32(bytes, value);
        return ea_write(x, bytes, size);
    }
    if (kind == O_A)
        reg_write(x->cpu, EAX, size, value);
    else
        reg_write(x->cpu,
                  is_rm(kind) || kind == O_R ? x->insn->rm : x->insn->reg, size,
                  value);
    return ENV_OK;
}

enum env_status far_pointer(struct exec *x, u16 *sel, u32 *offset)
{
    u32 size = x->insn->opsize;
    u8 bytes[6] = {0};

    TRY(mem_read_units(x, x->insn->seg, ea_offset(x->cpu, x->insn), bytes,
                       size + 2, size));
    *offset = size == 4 ? get_le32(bytes) : get_le16(bytes);
    *sel = get_le16(bytes + size);
    return ENV_OK;
}
