/* SPDX-License-Identifier: MIT
 *
 * Moves, exchanges, conversions and the flag instructions.
 *
 * Exchanges with memory read it for writing first, so nothing changes when
 * the write would fault. Their being atomic is the business of whoever runs
 * several virtual processors.
 * LIMIT: one processor a VM, so LOCK needs no bus lock.
 *
 * SDM vol. 2, under each instruction's name.
 */
#include "arch/x86/defs/regs.h"
#include "vmm/cpu/alu.h"
#include "vmm/cpu/exec_impl.h"

#define RMW (ACC_READ | ACC_WRITE)

/* What SAHF and LAHF move. */
#define AH_FLAGS (EFLAGS_SF | EFLAGS_ZF | EFLAGS_AF | EFLAGS_PF | EFLAGS_CF)

enum env_status exec_nop(struct exec *x)
{
    return ENV_OK;
}

enum env_status exec_mov(struct exec *x)
{
    u32 value;

    TRY(operand_read(x, 1, ACC_READ, &value));
    return operand_write(x, 0, value);
}

enum env_status exec_movsx(struct exec *x)
{
    u32 value;

    TRY(operand_read(x, 1, ACC_READ, &value));
    value = x->row->arg == 1 ? (u32)(s32)(s8)value : (u32)(s32)(s16)value;
    return operand_write(x, 0, value);
}

enum env_status exec_lea(struct exec *x)
{
    return operand_write(x, 0, ea_offset(x->cpu, x->insn));
}

enum env_status exec_xlat(struct exec *x)
{
    u32 at = x->cpu->gpr[EBX] + (u8)x->cpu->gpr[EAX];
    u8 value;

    if (x->insn->adsize == 2)
        at &= 0xffff;
    TRY(mem_read(x, x->insn->seg, at, &value, 1, ACC_READ));
    reg_write(x->cpu, EAX, 1, value);
    return ENV_OK;
}

enum env_status exec_xchg(struct exec *x)
{
    u32 a, b;

    TRY(operand_read(x, 0, RMW, &a));
    TRY(operand_read(x, 1, ACC_READ, &b));
    TRY(operand_write(x, 0, b));
    return operand_write(x, 1, a);
}

/* Writes the destination in either case, as the bus sees it. */
enum env_status exec_cmpxchg(struct exec *x)
{
    u32 size = x->insn->opsize, flags = x->cpu->eflags, old, value;
    u32 want = reg_read(x->cpu, EAX, size);

    TRY(operand_read(x, 0, RMW, &old));
    TRY(operand_read(x, 1, ACC_READ, &value));
    alu_binary(ALU_SUB, want, old, size, &flags);
    TRY(operand_write(x, 0, flags & EFLAGS_ZF ? value : old));
    if (!(flags & EFLAGS_ZF))
        reg_write(x->cpu, EAX, size, old);
    x->cpu->eflags = flags;
    return ENV_OK;
}

enum env_status exec_cmpxchg8b(struct exec *x)
{
    struct cpu *cpu = x->cpu;
    u32 offset = ea_offset(cpu, x->insn);
    u32 old[2];
    bool equal;

    TRY(mem_read(x, x->insn->seg, offset, old, sizeof(old), RMW));
    equal = old[0] == cpu->gpr[EAX] && old[1] == cpu->gpr[EDX];
    if (equal) {
        u32 value[2] = {cpu->gpr[EBX], cpu->gpr[ECX]};
        TRY(mem_write(x, x->insn->seg, offset, value, sizeof(value)));
        cpu->eflags |= EFLAGS_ZF;
        return ENV_OK;
    }
    TRY(mem_write(x, x->insn->seg, offset, old, sizeof(old)));
    cpu->gpr[EAX] = old[0];
    cpu->gpr[EDX] = old[1];
    cpu->eflags &= ~EFLAGS_ZF;
    return ENV_OK;
}

/* The register gets the old value first: in XADD r, r the sum wins. */
enum env_status exec_xadd(struct exec *x)
{
    u32 size = x->insn->opsize, flags = x->cpu->eflags, a, b, sum;

    TRY(operand_read(x, 0, RMW, &a));
    TRY(operand_read(x, 1, ACC_READ, &b));
    sum = alu_binary(ALU_ADD, a, b, size, &flags);
    if (!is_register(x->insn))
        TRY(operand_write(x, 0, sum));
    TRY(operand_write(x, 1, a));
    if (is_register(x->insn))
        TRY(operand_write(x, 0, sum));
    x->cpu->eflags = flags;
    return ENV_OK;
}

/* BSWAP of a word is undefined; real CPUs clear it. */
enum env_status exec_bswap(struct exec *x)
{
    u32 reg = x->insn->reg, size = x->insn->opsize;
    u32 value = __builtin_bswap32(x->cpu->gpr[reg]);

    reg_write(x->cpu, reg, size, size == 2 ? 0 : value);
    return ENV_OK;
}

enum env_status exec_setcc(struct exec *x)
{
    return operand_write(x, 0, alu_condition(x->row->arg, x->cpu->eflags));
}

/* The source is read, and may fault, whatever the condition. */
enum env_status exec_cmov(struct exec *x)
{
    u32 value;

    TRY(operand_read(x, 1, ACC_READ, &value));
    if (alu_condition(x->row->arg, x->cpu->eflags))
        return operand_write(x, 0, value);
    return ENV_OK;
}

enum env_status exec_cbw(struct exec *x)
{
    u32 a = x->cpu->gpr[EAX], size = x->insn->opsize;

    a = size == 2 ? (u32)(s32)(s8)a : (u32)(s32)(s16)a;
    reg_write(x->cpu, EAX, size, a);
    return ENV_OK;
}

enum env_status exec_cwd(struct exec *x)
{
    u32 size = x->insn->opsize, a = reg_read(x->cpu, EAX, size);

    reg_write(x->cpu, EDX, size, a >> (size * 8 - 1) ? 0xffffffff : 0);
    return ENV_OK;
}

/* SDM vol. 2D table A-2 has the opcode without a name: AL is filled with CF. */
enum env_status exec_salc(struct exec *x)
{
    reg_write(x->cpu, EAX, 1, x->cpu->eflags & EFLAGS_CF ? 0xff : 0);
    return ENV_OK;
}

/* There are no caches, but the line must be readable; the segment may be
 * execute-only (SDM vol. 2A CLFLUSH). */
enum env_status exec_clflush(struct exec *x)
{
    u8 byte;
    gva_t at;

    TRY(seg_linear(x->cpu, x->insn->seg, ea_offset(x->cpu, x->insn), 1,
                   ACC_FETCH, &at, fault_of(x)));
    return x->env->read(x->env->ctx, at, &byte, 1, ACC_READ, fault_of(x));
}

enum env_status exec_sahf(struct exec *x)
{
    u32 ah = reg_read(x->cpu, EAX, 2) >> 8;

    x->cpu->eflags = (x->cpu->eflags & ~AH_FLAGS) | (ah & AH_FLAGS);
    return ENV_OK;
}

enum env_status exec_lahf(struct exec *x)
{
    u32 ah = (x->cpu->eflags & AH_FLAGS) | EFLAGS_ONE;

    reg_write(x->cpu, EAX, 2, ah << 8 | (u8)x->cpu->gpr[EAX]);
    return ENV_OK;
}

enum env_status exec_cmc(struct exec *x)
{
    x->cpu->eflags ^= EFLAGS_CF;
    return ENV_OK;
}

enum env_status exec_clc(struct exec *x)
{
    x->cpu->eflags &= ~EFLAGS_CF;
    return ENV_OK;
}

enum env_status exec_stc(struct exec *x)
{
    x->cpu->eflags |= EFLAGS_CF;
    return ENV_OK;
}

enum env_status exec_cld(struct exec *x)
{
    x->cpu->eflags &= ~EFLAGS_DF;
    return ENV_OK;
}

enum env_status exec_std(struct exec *x)
{
    x->cpu->eflags |= EFLAGS_DF;
    return ENV_OK;
}
