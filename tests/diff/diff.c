/* SPDX-License-Identifier: MIT
 *
 * Random instructions of every row that a user program may run, judged by
 * the processor itself: registers, FPU, defined flags, memory, branch direction
 * and faults of cpu_step() must be what native_run() shows.
 *
 * Rows, opcode bytes and undefined flags come from ops.def, so a new row is
 * tested as soon as it is there. Memory operands are steered into one data
 * page; its neighbours are absent in both worlds.
 *
 * LIMIT: 16-bit memory operands (nothing can be mapped low enough), FS and
 * GS, and everything that needs a kernel.
 * Usage: native CASES SEED
 */
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "tests/diff/fpu.h"
#include "tests/diff/native.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/exec_impl.h"
#include "vmm/cpu/exec_string.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPARED (EFLAGS_STATUS | EFLAGS_DF)

/* Where a row is encoded. */
struct form {
    u16 op;
    u16 map, byte;
    s8 reg;    /* -1: no group */
    s8 rm;     /* -1: any */
    u8 prefix; /* that chooses the row: PRE_ */
    u8 only;   /* ONLY_ */
};

enum { ONLY_ANY, ONLY_MEMORY, ONLY_REGISTER };
enum { PRE_NP, PRE_66 = 0x66, PRE_F3 = 0xf3, PRE_F2 = 0xf2 };

enum {
#define GROUP(group, map, byte)     AT_##group = (map)*256 + (byte),
#define XGROUP(group, byte, prefix) AT_##group = 256 + (byte),
#include "vmm/cpu/ops.def"
};

enum {
#define GROUP(group, map, byte)     GPRE_##group = PRE_NP,
#define XGROUP(group, byte, prefix) GPRE_##group = PRE_##prefix,
#include "vmm/cpu/ops.def"
};

#define MEMBER(group, reg, rm, id, only)                                       \
    {OP_##id, AT_##group / 256, AT_##group % 256, reg, rm, GPRE_##group, only},
static const struct form forms[] = {
#define OP(map, byte, id, ...)      {OP_##id, map, byte, -1, -1, 0, ONLY_ANY},
#define GR(group, reg, id, ...)     MEMBER(group, reg, -1, id, ONLY_ANY)
#define GM(group, reg, id, ...)     MEMBER(group, reg, -1, id, ONLY_MEMORY)
#define GX(group, reg, id, ...)     MEMBER(group, reg, -1, id, ONLY_REGISTER)
#define GB(group, reg, rm, id, ...) MEMBER(group, reg, rm, id, ONLY_REGISTER)
#define XP(byte, prefix, id, ...)                                              \
    {OP_##id, 1, byte, -1, -1, PRE_##prefix, ONLY_ANY},
#include "vmm/cpu/ops.def"
};

struct test {
    u8 bytes[INSN_MAX];
    struct insn insn;
    const struct op_row *row;
    struct native before, native;
    struct cpu cpu;
    struct fpu fpu;
    u32 operand;     /* where in memory it is, 0: nowhere */
    u8 memory[4096]; /* before */
    struct step step;
    enum step_status status;
};

static u64 seed;
static u8 emulated[4096]; /* the data page as cpu_step() sees it */
static const u8 *code_bytes;
static u16 selectors[6];
static u32 faults_seen, forms_seen[OP_COUNT];

static u32 rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (u32)(seed >> 16);
}

/* Numbers at which carries and signs change are worth more than others. */
static u32 rnd_value(void)
{
    static const u32 edges[] = {0,          1,          0x7f,      0x80,
                                0xff,       0x7fff,     0x8000,    0xffff,
                                0x7fffffff, 0x80000000, 0xffffffff};
    u32 kind = rnd() % 4;

    if (kind == 0)
        return edges[rnd() % ARRAY_LEN(edges)];
    if (kind == 1)
        return rnd() % 40;
    return rnd();
}

/* The rows that run in user mode without a kernel's help. */
static bool testable(const struct op_row *row, u32 op)
{
    switch (row->class) {
    case CLASS_ALU:
    case CLASS_BIT:
    case CLASS_DATA:
    case CLASS_FLAGS:
    case CLASS_STRING:
    case CLASS_STACK:
    case CLASS_NOP:
    case CLASS_X87:
    case CLASS_MMX:
    case CLASS_SSE:
        return true;
    case CLASS_CONTROL:
        return row->operand[0] == O_J || row->operand[0] == O_JB ||
               op == OP_BOUND || op == OP_UD2;
    default:
        return op == OP_MOV_EvSw || op == OP_PUSHF ||
               (op >= OP_PUSH_ES && op <= OP_POP_GS && row->name[1] == 'u');
    }
}

static void make_bytes(struct test *t, const struct form *form)
{
    u32 at = 0;

    for (u32 i = 0; i < INSN_MAX; i++)
        t->bytes[i] = (u8)rnd();
    if (rnd() % 3 == 0)
        t->bytes[at++] = 0x66;
    if ((t->row->flags & OPF_REP) && rnd() % 2)
        t->bytes[at++] = rnd() % 2 ? 0xf2 : 0xf3;
    if (t->row->operand[1] == O_M && rnd() % 4 == 0)
        t->bytes[at++] = 0x67;
    if ((t->row->flags & OPF_LOCK) && rnd() % 8 == 0)
        t->bytes[at++] = 0xf0;
    if (form->prefix)
        t->bytes[at++] = form->prefix;
    if (form->map)
        t->bytes[at++] = 0x0f;
    t->bytes[at++] = (u8)form->byte;
    if (form->reg >= 0)
        t->bytes[at] = (u8)((t->bytes[at] & 0xc7) | form->reg << 3);
    if (form->rm >= 0)
        t->bytes[at] = (u8)((t->bytes[at] & 0xf8) | form->rm);
    if (form->only == ONLY_MEMORY && t->bytes[at] >= 0xc0)
        t->bytes[at] &= 0x3f;
    if (form->only == ONLY_REGISTER)
        t->bytes[at] |= 0xc0;
}

static u32 imm_bytes(const struct insn *insn)
{
    u32 n = 0;

    for (int i = 0; i < 3; i++) {
        u8 kind = op_rows[insn->op].operand[i];
        if (kind == O_I || kind == O_J)
            n += insn->opsize;
        else if ((kind & O_IMM) && kind != O_O) /* that is a displacement */
            n += kind == O_IW ? 2 : 1;
    }
    return n;
}

/* Of the memory operand, as far as the table knows. */
static u32 memory_bytes(const struct insn *insn)
{
    const struct op_row *row = &op_rows[insn->op];

    return max_u32(operand_bytes(insn, row->operand[0]),
                   operand_bytes(insn, row->operand[1]));
}

static bool is_vector(const struct op_row *row)
{
    return row->class == CLASS_MMX || row->class == CLASS_SSE;
}

static bool is_fpu(const struct op_row *row)
{
    return row->class == CLASS_X87 || is_vector(row);
}

/* Gives an absolute displacement, or a base register, such a value that the
 * operand lies in the data page. False: not this instruction. */
static bool steer_memory(struct test *t)
{
    struct insn *insn = &t->insn;
    u32 want = DATA_AT + 1024 + rnd() % 2048, size = memory_bytes(insn);
    u32 disp_at = insn->len - imm_bytes(insn) - 4;

    if (rnd() % 64 == 0 && size != 10 && size <= 16)
        want = DATA_AT + 4096 - rnd() % max_u32(size, 4);
    if ((t->row->arg & FPU_ALIGNED || size > 16) && is_vector(t->row) &&
        rnd() % 16)
        want &= ~15u;
    t->operand = want;
    if (insn->adsize == 2 || insn->base == ESP)
        return false;
    if (insn->index >= 0)
        t->before.gpr[insn->index] = rnd() % 64;
    if (insn->index >= 0 && insn->index == insn->base)
        return false;
    if (insn->base >= 0) {
        t->before.gpr[insn->base] = 0;
        memcpy(t->cpu.gpr, t->before.gpr, sizeof(t->cpu.gpr));
        t->before.gpr[insn->base] = want - ea_offset(&t->cpu, insn);
        return true;
    }
    if (insn->index >= 0)
        want -= t->before.gpr[insn->index] << insn->scale;
    memcpy(t->bytes + disp_at, &want, 4);
    return true;
}

/* Registers that an instruction uses as addresses without naming them. */
static void steer_registers(struct test *t)
{
    u32 *gpr = t->before.gpr, op = t->insn.op;

    gpr[ESP] = DATA_AT + 2048 + rnd() % 64 * 4;
    if (op == OP_LEAVE || op == OP_ENTER)
        gpr[EBP] = DATA_AT + 3000 + rnd() % 64 * 4;
    if (t->row->class == CLASS_STRING) {
        gpr[ESI] = DATA_AT + 2000 + rnd() % 200;
        gpr[EDI] = DATA_AT + 2000 + rnd() % 200;
        gpr[ECX] = rnd() % 24;
    }
    if (op == OP_MASKMOVQ || op == OP_MASKMOVDQU)
        gpr[EDI] = DATA_AT + 2000 + rnd() % 200;
    if (op == OP_XLAT)
        gpr[EBX] = DATA_AT + rnd() % 3800;
}

/* A bit string must not reach further than the page does. */
static bool bit_offset_fits(struct test *t)
{
    u32 reg = t->insn.reg;

    if (t->row->operand[1] != O_G)
        return true;
    if (reg == ESP || (s8)reg == t->insn.base || (s8)reg == t->insn.index)
        return false;
    t->before.gpr[reg] = rnd() % 16000 - 8000;
    return true;
}

static void steer_branch(struct test *t)
{
    u32 by = BRANCH_BY, size = t->row->operand[0] == O_J ? 4 : 1;

    memcpy(t->bytes + t->insn.len - size, &by, size);
}

/* Near branches with a word operand leave the code page; ENTER must not
 * leave the data page; PUSH of a segment register may leave the upper half
 * of a double word as it was (SDM vol. 2B PUSH), which we do not. */
static bool acceptable(const struct test *t)
{
    const struct insn *insn = &t->insn;

    if (t->row->class == CLASS_CONTROL && insn->opsize == 2)
        return false;
    if (insn->op >= OP_PUSH_ES && insn->op <= OP_POP_GS && insn->opsize == 4)
        return false;
    if (insn->adsize == 2 && insn->op != OP_LEA)
        return false;
    if (insn->op == OP_LEA && is_register(insn))
        return false;
    if ((t->row->flags & OPF_MEMORY) && is_register(insn))
        return false;
    return insn->op != OP_ENTER || insn->imm < 1024;
}

static bool steer(struct test *t)
{
    bool memory = t->insn.has_modrm && !is_register(&t->insn);

    if (!acceptable(t))
        return false;
    steer_registers(t);
    if (t->insn.op == OP_LEA)
        return true;
    if (memory && t->row->class == CLASS_BIT && !bit_offset_fits(t))
        return false;
    if ((memory || t->row->operand[0] == O_O || t->row->operand[1] == O_O) &&
        !steer_memory(t))
        return false;
    if (t->row->class == CLASS_CONTROL && (t->row->operand[0] & O_IMM))
        steer_branch(t);
    return true;
}

static bool make(struct test *t)
{
    const struct form *form = &forms[rnd() % ARRAY_LEN(forms)];

    t->row = &op_rows[form->op];
    if (!testable(t->row, form->op))
        return false;
    make_bytes(t, form);
    t->operand = 0;
    if (insn_decode(t->bytes, INSN_MAX, true, &t->insn) != DECODE_OK)
        return false;
    for (int r = 0; r < GPR_COUNT; r++)
        t->before.gpr[r] = rnd_value();
    t->before.eflags = EFLAGS_ONE | EFLAGS_IF | (rnd() & COMPARED);
    if (!steer(t))
        return false;
    return insn_decode(t->bytes, INSN_MAX, true, &t->insn) == DECODE_OK &&
           t->insn.op == form->op;
}

static u8 *place(gva_t at, u32 size)
{
    if (at.v - DATA_AT > 4096 - size)
        return NULL;
    return emulated + (at.v - DATA_AT);
}

static enum env_status env_read(void *ctx, gva_t at, void *buf, u32 size,
                                u32 access, struct fault *fault)
{
    const u8 *from = place(at, size);

    if (access & ACC_FETCH)
        from = code_bytes;
    if (!from) {
        *fault = fault_page(PF_USER, at);
        return ENV_FAULT;
    }
    memcpy(buf, from, size);
    return ENV_OK;
}

static enum env_status env_write(void *ctx, gva_t at, const void *buf, u32 size,
                                 u32 access, struct fault *fault)
{
    u8 *to = place(at, size);

    if (!to) {
        *fault = fault_page(PF_USER | PF_WRITE, at);
        return ENV_FAULT;
    }
    memcpy(to, buf, size);
    return ENV_OK;
}

static struct fpu *env_fpu(void *ctx)
{
    struct test *t = ctx;

    return &t->fpu;
}

static void env_fpu_run(void *ctx, struct fpu_op *op)
{
    fpu_unit(op);
}

static void emulate(struct test *t)
{
    const struct cpu_env env = {.ctx = t,
                                .read = env_read,
                                .write = env_write,
                                .fpu = env_fpu,
                                .fpu_run = env_fpu_run};

    cpu_reset_flat(&t->cpu, CODE_AT);
    memcpy(t->cpu.gpr, t->before.gpr, sizeof(t->cpu.gpr));
    t->cpu.eflags = t->before.eflags;
    t->cpu.cpl = 3;
    t->cpu.cr0 |= CR0_NE | CR0_MP;
    t->cpu.cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT;
    t->fpu = t->before.fpu;
    for (int s = 0; s < SEG_COUNT; s++)
        t->cpu.seg[s].sel = selectors[s];
    code_bytes = t->bytes;
    t->status = cpu_step(&t->cpu, &env, &t->step);
}

/* Flags that count and operands leave undefined beyond the row's column. */
static u32 undefined_flags(const struct test *t)
{
    u32 undef = t->row->undef, n = 1, bits = t->insn.opsize * 8u;
    bool shift =
        undef & EFLAGS_OF && t->row->class == CLASS_ALU && t->row->operand[1];
    u8 kind = t->row->operand[t->row->operand[2] ? 2 : 1];

    if (!shift || (kind != O_IB && kind != O_CL))
        return undef;
    n = (kind == O_IB ? t->insn.imm : t->before.gpr[ECX]) & 31;
    if (n == 0)
        return 0;
    if (n == 1)
        undef &= ~(u32)EFLAGS_OF;
    if (n >= bits && (undef & EFLAGS_AF))
        undef |= EFLAGS_CF;
    return undef;
}

/* The result itself is undefined: SHLD of a word by more than 16. */
static bool undefined_result(const struct test *t)
{
    u32 n = t->row->operand[2] == O_IB ? t->insn.imm : t->before.gpr[ECX];

    return t->row->operand[2] && t->row->class == CLASS_ALU &&
           t->row->operand[1] == O_G && t->insn.opsize == 2 && (n & 31) > 16;
}

static u32 signal_of(const struct test *t)
{
    if (t->status == STEP_OK)
        return 0;
    if (t->status != STEP_FAULT)
        return 99;
    switch (t->step.fault.vector) {
    case TRAP_DE:
    case TRAP_MF:
    case TRAP_XM:
        return SIGFPE;
    case TRAP_UD:
        return SIGILL;
    default:
        return SIGSEGV;
    }
}

/* A store of an MMX register that faults: see exec_simd.c. */
static bool half_done(const struct test *t)
{
    return t->native.signal == SIGSEGV && is_vector(t->row) &&
           (t->row->arg & FPU_STORE);
}

static bool same(const struct test *t)
{
    u32 mask = COMPARED & ~undefined_flags(t);
    u32 taken = t->cpu.eip == CODE_AT + t->insn.len + BRANCH_BY;

    if (signal_of(t) != t->native.signal ||
        memcmp(t->cpu.gpr, t->native.gpr, sizeof(t->cpu.gpr)) ||
        memcmp(emulated, native_data(), sizeof(emulated)) ||
        (!half_done(t) && fpu_differ(&t->native.fpu, &t->fpu, &t->insn)))
        return false;
    if (t->native.signal)
        return true;
    return !((t->cpu.eflags ^ t->native.eflags) & mask) &&
           taken == t->native.taken;
}

static void show(const char *who, const u32 *gpr, u32 eflags, u32 signal)
{
    printf("  %-8s", who);
    for (int r = 0; r < GPR_COUNT; r++)
        printf(" %08x", gpr[r]);
    printf("  flags %03x  signal %u\n", eflags & COMPARED, signal);
}

static void report(const struct test *t)
{
    printf("%s differs:", t->row->name);
    for (int i = 0; i < t->insn.len; i++)
        printf(" %02x", t->bytes[i]);
    printf("\n");
    show("before", t->before.gpr, t->before.eflags, 0);
    show("native", t->native.gpr, t->native.eflags, t->native.signal);
    show("emulated", t->cpu.gpr, t->cpu.eflags, signal_of(t));
    if (fpu_differ(&t->native.fpu, &t->fpu, &t->insn))
        printf("  FPU: native/emulated%s\n",
               fpu_differ(&t->native.fpu, &t->fpu, &t->insn));
    for (u32 i = 0; i < sizeof(emulated); i++) {
        if (emulated[i] != native_data()[i])
            printf("  memory %03x: was %02x, native %02x, emulated %02x\n", i,
                   t->memory[i], native_data()[i], emulated[i]);
    }
}

/* A state of the FPU, and an operand of its kind in memory. */
static void plant(struct test *t)
{
    u32 size = memory_bytes(&t->insn), at = t->operand - DATA_AT;
    struct fpu image;

    fpu_random(&t->before.fpu, rnd);
    if (!is_fpu(t->row) || !t->operand || at + size > sizeof(t->memory))
        return;
    if (size == 512 && rnd() % 8) {
        fpu_random(&image, rnd);
        memcpy(t->memory + at, image.image, FX_WRITTEN);
    } else if (rnd() % 2) {
        for (u32 i = 0; i + 4 <= size; i += size == 8 ? 8 : 4)
            fpu_random_number(t->memory + at + i, size == 8 ? 8 : 4, rnd);
        if (size == 10)
            fpu_random_number(t->memory + at, size, rnd);
        if (size == 4 && rnd() % 2)
            put_le32(t->memory + at, rnd() % 65536 | (rnd() & 0x10000));
    }
}

static bool one(void)
{
    static struct test t;

    while (!make(&t) || undefined_result(&t))
        ;
    for (u32 i = 0; i < sizeof(t.memory); i += 4) {
        u32 value = rnd();
        memcpy(t.memory + i, &value, 4);
    }
    plant(&t);
    memcpy(emulated, t.memory, sizeof(emulated));
    memcpy(native_data(), t.memory, sizeof(emulated));
    t.native = t.before;
    native_run(t.bytes, t.insn.len, &t.native);
    emulate(&t);
    faults_seen += t.native.signal != 0;
    forms_seen[t.insn.op]++;
    if (same(&t))
        return true;
    report(&t);
    return false;
}

int main(int argc, char **argv)
{
    u32 cases = argc > 1 ? (u32)atoi(argv[1]) : 200000, differ = 0, rows = 0;

    seed = 0x9e3779b97f4a7c15ull * (argc > 2 ? (u32)atoi(argv[2]) : 1);
    native_open();
    native_selectors(selectors);
    for (u32 i = 0; i < cases && differ < 20; i++)
        differ += !one();
    for (u32 op = 0; op < OP_COUNT; op++)
        rows += forms_seen[op] != 0;
    printf("diff: %u rows, %u faults; %u cases, %u differ\n", rows, faults_seen,
           cases, differ);
    return differ != 0;
}
