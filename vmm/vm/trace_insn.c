/* SPDX-License-Identifier: MIT
 *
 * See trace_insn.h. Operands that name registers are read behind the
 * instruction: none of those here changes the register that it reads from.
 * What the interpreter decoded is told from struct insn; a short way has
 * decoded nothing, but has just read the code through a page it still knows.
 */
#include "vmm/vm/trace_insn.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/vm/vm.h"

/* Where an instruction stood. */
struct stood {
    u32 eip, cpl;
};

/* These two are what a guest does most. */
static inline __attribute__((always_inline)) void
told_int(struct vm *vm, struct stood at, u32 vector)
{
    const u32 *gpr = vm->cpu.gpr;

    if (TRACE_WANTS(vm, INT))
        TRACE_HOT(vm, at.eip, at.cpl, INT, vector, vm->cpu.eip, gpr[EAX],
                  gpr[ECX], gpr[EDX], gpr[EBX], gpr[ESI], gpr[EDI]);
}

static inline __attribute__((always_inline)) void told_iret(struct vm *vm,
                                                            struct stood at)
{
    const struct cpu *cpu = &vm->cpu;

    if (TRACE_WANTS(vm, IRET))
        TRACE_HOT(vm, at.eip, at.cpl, IRET, cpu->seg[SEG_CS].sel, cpu->eip,
                  cpu->eflags, cpu->gpr[EAX], cpu->gpr[ESP]);
}

static __attribute__((noinline)) void
told_cr_read(struct vm *vm, struct stood at, u32 cr, u32 reg)
{
    if (TRACE_WANTS(vm, CR_READ))
        TRACE_HOT(vm, at.eip, at.cpl, CR_READ, reg, cr, vm->cpu.gpr[reg]);
}

static void told_table(struct vm *vm, struct stood at, enum cpu_table table)
{
    const struct cpu *cpu = &vm->cpu;
    const struct segment *seg = table == TABLE_LDT ? &cpu->ldtr : &cpu->tr;
    const struct table_reg *reg = table == TABLE_GDT ? &cpu->gdtr : &cpu->idtr;

    if (table == TABLE_GDT || table == TABLE_IDT)
        TRACE_AT(vm, at.eip, at.cpl, LOAD_TABLE, table, 0, reg->base,
                 reg->limit);
    else
        TRACE_AT(vm, at.eip, at.cpl, LOAD_TABLE, table, seg->sel, seg->base,
                 seg->limit);
}

static void told_msr(struct vm *vm, struct stood at, bool write)
{
    const u32 *gpr = vm->cpu.gpr;

    if (write)
        TRACE_AT(vm, at.eip, at.cpl, WRMSR, gpr[ECX], gpr[EAX], gpr[EDX]);
    else
        TRACE_AT(vm, at.eip, at.cpl, RDMSR, gpr[ECX], gpr[EAX], gpr[EDX]);
}

static void told_other(struct vm *vm, struct stood at, const struct step *step)
{
    u8 code[16] = {0};

    memcpy(code, step->bytes, min_u32(step->insn.len, sizeof(code)));
    TRACE_AT(vm, at.eip, at.cpl, PRIVILEGED, get_le32(code), get_le32(code + 4),
             get_le32(code + 8), get_le32(code + 12), step->insn.len,
             vm->cpu.gpr[EAX], vm->cpu.gpr[EDX]);
}

/* INVLPG is told by priv_invlpg(), which knows the address. */
static void told_privileged(struct vm *vm, struct stood at,
                            const struct step *step)
{
    const struct insn *insn = &step->insn;
    const struct cpu *cpu = &vm->cpu;

    switch (insn->op) {
    case OP_CLI:
        TRACE_AT(vm, at.eip, at.cpl, CLI, cpu->eflags);
        break;
    case OP_STI:
        TRACE_AT(vm, at.eip, at.cpl, STI, cpu->eflags);
        break;
    case OP_HLT:
        TRACE_AT(vm, at.eip, at.cpl, HLT, cpu->eflags);
        break;
    case OP_MOV_RC:
        told_cr_read(vm, at, insn->reg, insn->rm);
        break;
    case OP_MOV_CR:
        TRACE_AT(vm, at.eip, at.cpl, CR_WRITE, insn->reg, cpu->gpr[insn->rm]);
        break;
    case OP_MOV_RD:
        TRACE_AT(vm, at.eip, at.cpl, DR_READ, insn->rm, insn->reg,
                 cpu->gpr[insn->rm]);
        break;
    case OP_MOV_DR:
        TRACE_AT(vm, at.eip, at.cpl, DR_WRITE, insn->reg, cpu->gpr[insn->rm]);
        break;
    case OP_RDMSR:
    case OP_WRMSR:
        told_msr(vm, at, insn->op == OP_WRMSR);
        break;
    case OP_LGDT:
        told_table(vm, at, TABLE_GDT);
        break;
    case OP_LIDT:
        told_table(vm, at, TABLE_IDT);
        break;
    case OP_LLDT:
        told_table(vm, at, TABLE_LDT);
        break;
    case OP_LTR:
        told_table(vm, at, TABLE_TSS);
        break;
    case OP_INVLPG:
        break;
    default:
        told_other(vm, at, step);
    }
}

void trace_step(struct vm *vm, const struct step *step)
{
    struct stood at = {step->eip, step->cpl};
    u8 class;

    if (!step->decoded)
        return;
    class = insn_class(step->insn.op);
    if (class == CLASS_IRET)
        told_iret(vm, at);
    else if (step->software_int)
        told_int(vm, at, step->vector);
    else if (class == CLASS_PRIVILEGED ||
             op_rows[step->insn.op].rule == RULE_UMIP)
        told_privileged(vm, at, step);
}

/* The code of an instruction that a short way has just read. */
static const u8 *code_of(const struct vm *vm, enum fast_use use, u32 eip)
{
    return vm->fast.page[use].page + (eip & PAGE_MASK);
}

void trace_int(struct vm *vm, u32 eip, u32 cpl)
{
    told_int(vm, (struct stood){eip, cpl}, code_of(vm, USE_INT, eip)[1]);
}

void trace_iret(struct vm *vm, u32 eip, u32 cpl)
{
    told_iret(vm, (struct stood){eip, cpl});
}

void trace_simple(struct vm *vm, u32 eip, u32 cpl)
{
    const u8 *code = code_of(vm, USE_SIMPLE, eip);
    enum trace_event event = *code == FAST_CLI ? TRACE_CLI : TRACE_STI;

    if (*code != FAST_CLI && *code != FAST_STI)
        told_cr_read(vm, (struct stood){eip, cpl}, code[2] >> 3 & 7,
                     code[2] & 7);
    else if (TRACE_WANTS(vm, CLI))
        TRACE_FILL(trace_put(&vm->hv->trace, event, vm->slot + 1, eip, cpl),
                   CLI, vm->cpu.eflags);
}

void trace_fill_of(struct vm *vm, gva_t at, u32 access,
                   const struct shadow_result *result)
{
    TRACE(vm, SHADOW_FILL, at.v, access, gpa_to_gfn(result->at).v,
          TRACE_64(result->leaf));
}
