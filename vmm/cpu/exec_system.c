/* SPDX-License-Identifier: MIT
 *
 * Ports, control and debug registers, descriptor-table registers, MSRs, and
 * the instructions that read what only a kernel should know. Privilege was
 * checked by the row's rule; what depends on operands is checked here.
 *
 * A control register changes only when the architecture allows the value and
 * the environment (cr_check) does. MOV DR with DR7.GD set raises #DB, of all
 * #DB the one that pushes RF as a fault does; delivery does not know it from
 * the others, so RF is set here.
 *
 * LIMIT: no performance counters: RDPMC of any index is #GP(0).
 * SDM vol. 3A 2.5 (CR), 17.2 (DR), vol. 2 under each name.
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/cpu/debug.h"
#include "vmm/cpu/exec_impl.h"

#define CR0_DEFINED                                                            \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM |   \
     CR0_NW | CR0_CD | CR0_PG)
#define CR4_DEFINED                                                            \
    (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE |      \
     CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP |              \
     CR4_OSXSAVE | CR4_SMEP | CR4_SMAP)
#define CR0_LMSW (CR0_PE | CR0_MP | CR0_EM | CR0_TS)

/* Bits that a write to DR6 or DR7 leaves at their fixed value. */
#define DR6_WRITABLE 0x0000e00f
#define DR7_WRITABLE 0xffff23ff

#define LGDT16_BASE 0x00ffffff /* LGDT of a word loads 24 bits */

/* A rule that only the operand tells: the port of IN and OUT. */
static enum env_status port_of(struct exec *x, u32 n, u16 *port)
{
    bool dx = x->row->operand[n] == O_DX;

    *port = (u16)(dx ? x->cpu->gpr[EDX] : x->insn->imm);
    return io_allowed(x->cpu, x->env, *port, x->insn->opsize, fault_of(x));
}

enum env_status exec_in(struct exec *x)
{
    u32 size = x->insn->opsize;
    u16 port;

    TRY(port_of(x, 1, &port));
    reg_write(x->cpu, EAX, size, x->env->in(x->env->ctx, port, size));
    return ENV_OK;
}

enum env_status exec_out(struct exec *x)
{
    u32 size = x->insn->opsize;
    u16 port;

    TRY(port_of(x, 0, &port));
    x->env->out(x->env->ctx, port, size, reg_read(x->cpu, EAX, size));
    return ENV_OK;
}

enum env_status exec_hlt(struct exec *x)
{
    x->cpu->halted = 1;
    return ENV_OK;
}

enum env_status exec_cli(struct exec *x)
{
    x->cpu->eflags &= ~EFLAGS_IF;
    return ENV_OK;
}

enum env_status exec_sti(struct exec *x)
{
    if (!(x->cpu->eflags & EFLAGS_IF))
        x->cpu->irq_shadow = SHADOW_STI;
    x->cpu->eflags |= EFLAGS_IF;
    return ENV_OK;
}

static enum env_status write_cr(struct exec *x, u32 n, u32 *reg, u32 value)
{
    u32 old = *reg;

    TRY(x->env->cr_check(x->env->ctx, n, value, fault_of(x)));
    *reg = value;
    x->env->cr_written(x->env->ctx, n, old);
    return ENV_OK;
}

/* Real-address mode writes through CS as through any other segment; its base,
 * limit and D stay until a far jump, or longer. */
static void open_code(struct cpu *cpu)
{
    struct segment *cs = &cpu->seg[SEG_CS];

    cs->attr = (cs->attr & (ATTR_DB | ATTR_G | ATTR_AVL)) |
               (ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED);
    cpu->seg_dirty |= BIT(SEG_CS);
}

/* Reserved bits of CR0 are ignored, ET reads one. Neither direction of a
 * change of PE touches a segment register: what CS held before goes on until
 * the far jump that the manual asks for (SDM vol. 3A 9.9). */
enum env_status write_cr0(struct exec *x, u32 value)
{
    bool no_pe = (value & CR0_PG) && !(value & CR0_PE);
    bool no_cd = (value & CR0_NW) && !(value & CR0_CD);
    bool to_real = cpu_mode(x->cpu) != MODE_REAL && !(value & CR0_PE);

    if (no_pe || no_cd)
        return raise_error(x, TRAP_GP, 0);
    value = (value & CR0_DEFINED) | CR0_ET;
    TRY(write_cr(x, 0, &x->cpu->cr0, value));
    if (to_real)
        open_code(x->cpu);
    return ENV_OK;
}

static enum env_status write_cr4(struct exec *x, u32 value)
{
    if (value & ~(u32)CR4_DEFINED)
        return raise_error(x, TRAP_GP, 0);
    return write_cr(x, 4, &x->cpu->cr4, value);
}

enum env_status exec_mov_to_cr(struct exec *x)
{
    u32 value = x->cpu->gpr[x->insn->rm];

    switch (x->insn->reg) {
    case 0:
        return write_cr0(x, value);
    case 2:
        x->cpu->cr2 = value;
        return ENV_OK;
    case 3:
        return write_cr(x, 3, &x->cpu->cr3, value);
    default:
        return write_cr4(x, value);
    }
}

enum env_status exec_mov_from_cr(struct exec *x)
{
    const struct cpu *cpu = x->cpu;
    const u32 regs[] = {cpu->cr0, 0, cpu->cr2, cpu->cr3, cpu->cr4};

    return operand_write(x, 0, regs[x->insn->reg]);
}

enum env_status exec_clts(struct exec *x)
{
    return write_cr0(x, x->cpu->cr0 & ~CR0_TS);
}

/* LMSW can set PE but not clear it. */
enum env_status exec_lmsw(struct exec *x)
{
    u32 value, keep = ~(u32)CR0_LMSW | CR0_PE;

    TRY(operand_read(x, 0, ACC_READ, &value));
    return write_cr0(x, (x->cpu->cr0 & keep) | (value & CR0_LMSW));
}

enum env_status exec_smsw(struct exec *x)
{
    return operand_write(x, 0, x->cpu->cr0);
}

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE forbids them. */
static enum env_status debug_register(struct exec *x, u32 *n)
{
    struct cpu *cpu = x->cpu;

    *n = x->insn->reg;
    if (*n == 4 || *n == 5) {
        if (cpu->cr4 & CR4_DE)
            return raise_plain(x, TRAP_UD);
        *n += 2;
    }
    if (cpu->dr[7] & DR7_GD) {
        cpu->eflags |= EFLAGS_RF;
        x->out->fault = debug_raise(cpu, DR6_BD);
        return ENV_FAULT;
    }
    return ENV_OK;
}

enum env_status exec_mov_from_dr(struct exec *x)
{
    u32 n;

    TRY(debug_register(x, &n));
    return operand_write(x, 0, x->cpu->dr[n]);
}

enum env_status exec_mov_to_dr(struct exec *x)
{
    u32 value = x->cpu->gpr[x->insn->rm], n;

    TRY(debug_register(x, &n));
    if (n == 6)
        value = (value & DR6_WRITABLE) | DR6_FIXED;
    else if (n == 7)
        value = (value & DR7_WRITABLE) | DR7_FIXED;
    x->cpu->dr[n] = value;
    x->env->dr_written(x->env->ctx, n);
    return ENV_OK;
}

static u64 edx_eax(const struct cpu *cpu)
{
    return (u64)cpu->gpr[EDX] << 32 | cpu->gpr[EAX];
}

static void set_edx_eax(struct cpu *cpu, u64 value)
{
    cpu->gpr[EAX] = (u32)value;
    cpu->gpr[EDX] = (u32)(value >> 32);
}

enum env_status exec_wrmsr(struct exec *x)
{
    return x->env->wrmsr(x->env->ctx, x->cpu->gpr[ECX], edx_eax(x->cpu),
                         fault_of(x));
}

enum env_status exec_rdmsr(struct exec *x)
{
    u64 value;

    TRY(x->env->rdmsr(x->env->ctx, x->cpu->gpr[ECX], &value, fault_of(x)));
    set_edx_eax(x->cpu, value);
    return ENV_OK;
}

enum env_status exec_rdtsc(struct exec *x)
{
    set_edx_eax(x->cpu, x->env->rdtsc(x->env->ctx));
    return ENV_OK;
}

enum env_status exec_rdpmc(struct exec *x)
{
    return raise_error(x, TRAP_GP, 0);
}

enum env_status exec_cpuid(struct exec *x)
{
    struct cpu *cpu = x->cpu;
    u32 out[4];

    x->env->cpuid(x->env->ctx, cpu->gpr[EAX], cpu->gpr[ECX], out);
    cpu->gpr[EAX] = out[0];
    cpu->gpr[EBX] = out[1];
    cpu->gpr[ECX] = out[2];
    cpu->gpr[EDX] = out[3];
    return ENV_OK;
}

enum env_status exec_sldt(struct exec *x)
{
    return operand_write(x, 0, x->cpu->ldtr.sel);
}

enum env_status exec_str(struct exec *x)
{
    return operand_write(x, 0, x->cpu->tr.sel);
}

enum env_status exec_lldt(struct exec *x)
{
    u32 sel;

    TRY(operand_read(x, 0, ACC_READ, &sel));
    return seg_lldt(x->cpu, x->env, (u16)sel, fault_of(x));
}

enum env_status exec_ltr(struct exec *x)
{
    u32 sel;

    TRY(operand_read(x, 0, ACC_READ, &sel));
    return seg_ltr(x->cpu, x->env, (u16)sel, fault_of(x));
}

static struct table_reg *table_of(struct exec *x)
{
    return x->row->arg == TABLE_GDT ? &x->cpu->gdtr : &x->cpu->idtr;
}

/* All 32 bits of the base are stored whatever the operand size. The base is
 * what must be aligned: the limit then is (SDM vol. 3A 3.5.1). */
enum env_status exec_store_table(struct exec *x)
{
    const struct table_reg *reg = table_of(x);
    u8 bytes[6];
    gva_t at;

    put_le16(bytes, reg->limit);
    put_le32(bytes + 2, reg->base);
    TRY(seg_linear(x->cpu, x->insn->seg, ea_offset(x->cpu, x->insn),
                   sizeof(bytes), ACC_WRITE, &at, fault_of(x)));
    TRY(seg_align(x->cpu, gva(at.v + 2), 4, fault_of(x)));
    return x->env->write(x->env->ctx, at, bytes, sizeof(bytes), ACC_WRITE,
                         fault_of(x));
}

enum env_status exec_load_table(struct exec *x)
{
    struct table_reg *reg = table_of(x);
    u32 mask = x->insn->opsize == 2 ? LGDT16_BASE : 0xffffffff;
    u8 bytes[6];

    TRY(ea_read(x, bytes, sizeof(bytes), ACC_READ));
    reg->limit = get_le16(bytes);
    reg->base = get_le32(bytes + 2) & mask;
    x->env->table_loaded(x->env->ctx, (enum cpu_table)x->row->arg);
    return ENV_OK;
}

/* The address is not checked against the segment: nothing is accessed. */
enum env_status exec_invlpg(struct exec *x)
{
    u32 base = x->cpu->seg[x->insn->seg].base;

    x->env->invlpg(x->env->ctx, gva(base + ea_offset(x->cpu, x->insn)));
    return ENV_OK;
}

static void set_zf(struct cpu *cpu, bool zf)
{
    cpu->eflags = zf ? cpu->eflags | EFLAGS_ZF : cpu->eflags & ~EFLAGS_ZF;
}

enum env_status exec_verify(struct exec *x)
{
    bool zf;
    u32 sel;

    TRY(operand_read(x, 0, ACC_READ, &sel));
    TRY(seg_verify(x->cpu, x->env, (u16)sel, x->row->arg, &zf, fault_of(x)));
    set_zf(x->cpu, zf);
    return ENV_OK;
}

enum env_status exec_lar(struct exec *x)
{
    bool zf;
    u32 sel, rights;

    TRY(operand_read(x, 1, ACC_READ, &sel));
    TRY(seg_lar(x->cpu, x->env, (u16)sel, &zf, &rights, fault_of(x)));
    set_zf(x->cpu, zf);
    return zf ? operand_write(x, 0, rights) : ENV_OK;
}

enum env_status exec_lsl(struct exec *x)
{
    bool zf;
    u32 sel, limit;

    TRY(operand_read(x, 1, ACC_READ, &sel));
    TRY(seg_lsl(x->cpu, x->env, (u16)sel, &zf, &limit, fault_of(x)));
    set_zf(x->cpu, zf);
    return zf ? operand_write(x, 0, limit) : ENV_OK;
}

/* Raises the RPL of the first selector to that of the second. */
enum env_status exec_arpl(struct exec *x)
{
    u32 sel, other;
    bool lower;

    TRY(operand_read(x, 0, ACC_READ, &sel));
    TRY(operand_read(x, 1, ACC_READ, &other));
    lower = (sel & SEL_RPL) < (other & SEL_RPL);
    if (lower)
        TRY(operand_write(x, 0, (sel & ~(u32)SEL_RPL) | (other & SEL_RPL)));
    set_zf(x->cpu, lower);
    return ENV_OK;
}
