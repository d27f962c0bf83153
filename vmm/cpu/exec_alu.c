/* SPDX-License-Identifier: MIT
 *
 * Arithmetic, shifts and bit instructions: fetch operands, ask alu.c, write
 * the result, then the flags. The row's arg is alu.c's operation number.
 *
 * A bit offset in a register reaches beyond the operand when the operand is
 * in memory: it is signed and counts from the operand's address (SDM vol. 1
 * 3.7.1 "bit strings", vol. 2A BT).
 */
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/cpu/alu.h"
#include "vmm/cpu/exec_impl.h"

#define RMW (ACC_READ | ACC_WRITE)

enum env_status exec_alu(struct exec *x)
{
    u32 a, b, flags = x->cpu->eflags;

    TRY(operand_read(x, 0, RMW, &a));
    TRY(operand_read(x, 1, ACC_READ, &b));
    a = alu_binary(x->row->arg, a, b, x->insn->opsize, &flags);
    TRY(operand_write(x, 0, a));
    x->cpu->eflags = flags;
    return ENV_OK;
}

enum env_status exec_compare(struct exec *x)
{
    u32 a, b;

    TRY(operand_read(x, 0, ACC_READ, &a));
    TRY(operand_read(x, 1, ACC_READ, &b));
    alu_binary(x->row->arg, a, b, x->insn->opsize, &x->cpu->eflags);
    return ENV_OK;
}

enum env_status exec_unary(struct exec *x)
{
    u32 a, flags = x->cpu->eflags;

    TRY(operand_read(x, 0, RMW, &a));
    a = alu_unary(x->row->arg, a, x->insn->opsize, &flags);
    TRY(operand_write(x, 0, a));
    x->cpu->eflags = flags;
    return ENV_OK;
}

enum env_status exec_shift(struct exec *x)
{
    u32 a, count, flags = x->cpu->eflags;

    TRY(operand_read(x, 0, RMW, &a));
    TRY(operand_read(x, 1, ACC_READ, &count));
    a = alu_shift(x->row->arg, a, count, x->insn->opsize, &flags);
    TRY(operand_write(x, 0, a));
    x->cpu->eflags = flags;
    return ENV_OK;
}

enum env_status exec_shift2(struct exec *x)
{
    u32 a, fill, count, flags = x->cpu->eflags;

    TRY(operand_read(x, 0, RMW, &a));
    TRY(operand_read(x, 1, ACC_READ, &fill));
    TRY(operand_read(x, 2, ACC_READ, &count));
    a = alu_shift2(x->row->arg, a, fill, count, x->insn->opsize, &flags);
    TRY(operand_write(x, 0, a));
    x->cpu->eflags = flags;
    return ENV_OK;
}

/* AX, DX:AX or EDX:EAX. */
static u64 wide_read(const struct cpu *cpu, u32 size)
{
    if (size == 1)
        return reg_read(cpu, EAX, 2);
    return reg_read(cpu, EAX, size) | (u64)reg_read(cpu, EDX, size) << size * 8;
}

static void wide_write(struct cpu *cpu, u32 size, u32 low, u32 high)
{
    if (size == 1) {
        reg_write(cpu, EAX, 2, (low & 0xff) | high << 8);
        return;
    }
    reg_write(cpu, EAX, size, low);
    reg_write(cpu, EDX, size, high);
}

enum env_status exec_mul(struct exec *x)
{
    u32 b, size = x->insn->opsize;
    u64 r;

    TRY(operand_read(x, 0, ACC_READ, &b));
    r = alu_mul(x->row->arg, x->cpu->gpr[EAX], b, size, &x->cpu->eflags);
    wide_write(x->cpu, size, (u32)r, (u32)(r >> size * 8));
    return ENV_OK;
}

static void imul(struct exec *x, u32 a, u32 b)
{
    u32 size = x->insn->opsize;

    a = (u32)alu_mul(true, a, b, size, &x->cpu->eflags);
    reg_write(x->cpu, x->insn->reg, size, a);
}

enum env_status exec_imul2(struct exec *x)
{
    u32 b;

    TRY(operand_read(x, 1, ACC_READ, &b));
    imul(x, reg_read(x->cpu, x->insn->reg, x->insn->opsize), b);
    return ENV_OK;
}

enum env_status exec_imul3(struct exec *x)
{
    u32 b;

    TRY(operand_read(x, 1, ACC_READ, &b));
    imul(x, b, x->insn->imm);
    return ENV_OK;
}

enum env_status exec_div(struct exec *x)
{
    u32 by, quotient, remainder, size = x->insn->opsize;

    TRY(operand_read(x, 0, ACC_READ, &by));
    if (!alu_div(x->row->arg, wide_read(x->cpu, size), by, size, &quotient,
                 &remainder))
        return raise_plain(x, TRAP_DE);
    wide_write(x->cpu, size, quotient, remainder);
    return ENV_OK;
}

enum env_status exec_bcd(struct exec *x)
{
    struct cpu *cpu = x->cpu;
    u32 ax;

    if (x->row->arg == ALU_AAM && !x->insn->imm)
        return raise_plain(x, TRAP_DE);
    ax = alu_bcd(x->row->arg, cpu->gpr[EAX], x->insn->imm, &cpu->eflags);
    reg_write(cpu, EAX, 2, ax);
    return ENV_OK;
}

/* The word at offset, whose bit is read or changed. BT does not write. */
static enum env_status bit_in_memory(struct exec *x, u32 offset, u32 bit)
{
    u32 size = x->insn->opsize, flags = x->cpu->eflags, a;
    bool writes = x->row->arg != ALU_BT;
    u8 bytes[4] = {0};

    if (x->insn->adsize == 2)
        offset &= 0xffff;
    TRY(mem_read(x, x->insn->seg, offset, bytes, size,
                 writes ? RMW : ACC_READ));
    a = alu_bit(x->row->arg, get_le32(bytes), bit, &flags);
    put_le32(bytes, a);
    if (writes)
        TRY(mem_write(x, x->insn->seg, offset, bytes, size));
    x->cpu->eflags = flags;
    return ENV_OK;
}

static enum env_status bit_in_register(struct exec *x, u32 bit)
{
    u32 size = x->insn->opsize, a = reg_read(x->cpu, x->insn->rm, size);

    a = alu_bit(x->row->arg, a, bit, &x->cpu->eflags);
    reg_write(x->cpu, x->insn->rm, size, a);
    return ENV_OK;
}

enum env_status exec_bit_imm(struct exec *x)
{
    u32 bit = x->insn->imm & (x->insn->opsize * 8 - 1);

    if (is_register(x->insn))
        return bit_in_register(x, bit);
    return bit_in_memory(x, ea_offset(x->cpu, x->insn), bit);
}

enum env_status exec_bit_reg(struct exec *x)
{
    u32 size = x->insn->opsize, bits = size * 8;
    u32 value = reg_read(x->cpu, x->insn->reg, size);
    s32 position = size == 2 ? (s16)value : (s32)value;
    s32 word = position >> (size == 2 ? 4 : 5);

    if (is_register(x->insn))
        return bit_in_register(x, value & (bits - 1));
    return bit_in_memory(x, ea_offset(x->cpu, x->insn) + (u32)word * size,
                         value & (bits - 1));
}

/* With a zero source the destination stays, as on every CPU there is. */
enum env_status exec_bit_scan(struct exec *x)
{
    u32 a, size = x->insn->opsize, bit;

    TRY(operand_read(x, 1, ACC_READ, &a));
    if (alu_bit_scan(x->row->arg, a, size, &bit, &x->cpu->eflags))
        reg_write(x->cpu, x->insn->reg, size, bit);
    return ENV_OK;
}
