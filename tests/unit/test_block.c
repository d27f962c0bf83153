/* SPDX-License-Identifier: MIT
 *
 * Pre-decoded blocks against cpu_step(): random code in two equal worlds, one
 * run by blocks, the other one instruction at a time. After each run, all
 * registers, all memory, the FPU and what was told must agree. The code
 * overwrites itself, sees its pages move, touches a device, and faults.
 * LINKS: vmm/cpu vmm/base
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/block.h"
#include "vmm/cpu/fpu.h"

#define PAGES  16u
#define SIZE   (PAGES * PAGE_SIZE)
#define DEVICE 14u /* touching this linear page sets leave */
#define MAPPER 15u /* writing to this one moves a page */
#define CODE   0x1000u
#define ROUNDS 300
#define RUNS   400

struct world {
    u8 memory[SIZE];
    u8 frame[PAGES]; /* by linear page */
    struct cpu cpu;
    struct fpu fpu;
    u32 changes, told;
    bool leave;
};

static struct world a, b; /* a by blocks, b by steps */
static struct blocks blocks;
static u8 room[BLOCK_SLOTS][BLOCK_SIZE] __attribute__((aligned(8)));
static struct step step_a, step_b;
static u64 seed;

static u32 rnd(u32 n)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(seed >> 33) % n;
}

/* Memory repeats itself up to NOTHING, so most accesses hit something. */
#define NOTHING 0xf0000000u

static u8 *byte_at(struct world *w, u32 at)
{
    at %= SIZE;
    return &w->memory[w->frame[at / PAGE_SIZE] * PAGE_SIZE + at % PAGE_SIZE];
}

static bool reachable(gva_t at, u32 size, u32 access, struct fault *fault)
{
    if (at.v < NOTHING - size)
        return true;
    *fault = fault_page(access & ACC_WRITE ? PF_WRITE : 0, at);
    return false;
}

static void touched(struct world *w, u32 at, u32 access)
{
    at %= SIZE;
    w->leave |= at / PAGE_SIZE == DEVICE;
    if (at / PAGE_SIZE != MAPPER || access != ACC_WRITE)
        return;
    w->frame[at % PAGES] = (u8)(at / PAGES % PAGES);
    w->changes++;
}

static enum env_status w_read(void *ctx, gva_t at, void *buf, u32 size,
                              u32 access, struct fault *fault)
{
    u8 *to = buf;

    if (!reachable(at, size, access, fault))
        return ENV_FAULT;
    for (u32 i = 0; i < size; i++)
        to[i] = *byte_at(ctx, at.v + i);
    if (!(access & ACC_FETCH))
        touched(ctx, at.v, access);
    return ENV_OK;
}

static enum env_status w_write(void *ctx, gva_t at, const void *buf, u32 size,
                               u32 access, struct fault *fault)
{
    const u8 *from = buf;

    if (!reachable(at, size, access | ACC_WRITE, fault))
        return ENV_FAULT;
    for (u32 i = 0; i < size; i++)
        *byte_at(ctx, at.v + i) = from[i];
    touched(ctx, at.v, ACC_WRITE);
    return ENV_OK;
}

static const u8 *w_code(void *ctx, gva_t at)
{
    return at.v < NOTHING - 16 ? byte_at(ctx, at.v) : NULL;
}

static u32 w_in(void *ctx, u16 port, u32 size)
{
    struct world *w = ctx;

    w->leave = true;
    return ++w->told * 0x01010101 + port;
}

static void w_out(void *ctx, u16 port, u32 size, u32 value)
{
    struct world *w = ctx;

    w->leave = true;
    w->told += port + value;
}

static enum env_status w_cr_check(void *ctx, unsigned n, u32 value,
                                  struct fault *fault)
{
    *fault = fault_error(TRAP_GP, 0);
    return n == 3 ? ENV_OK : ENV_FAULT;
}

static void w_cr_written(void *ctx, unsigned n, u32 old)
{
    struct world *w = ctx;

    w->changes++;
}

static void w_dr_written(void *ctx, unsigned n)
{
}

static void w_invlpg(void *ctx, gva_t at)
{
    struct world *w = ctx;

    w->changes++;
}

static enum env_status w_rdmsr(void *ctx, u32 index, u64 *value,
                               struct fault *fault)
{
    *value = index;
    return ENV_OK;
}

static enum env_status w_wrmsr(void *ctx, u32 index, u64 value,
                               struct fault *fault)
{
    struct world *w = ctx;

    w->told += index;
    return ENV_OK;
}

static void w_cpuid(void *ctx, u32 leaf, u32 subleaf, u32 out[4])
{
    for (u32 i = 0; i < 4; i++)
        out[i] = leaf + i;
}

static u64 w_rdtsc(void *ctx)
{
    struct world *w = ctx;

    return w->told++;
}

static void w_table_loaded(void *ctx, enum cpu_table table)
{
    struct world *w = ctx;

    w->told++;
}

static struct fpu *w_fpu(void *ctx)
{
    struct world *w = ctx;

    return &w->fpu;
}

static void w_fpu_run(void *ctx, struct fpu_op *op)
{
    fpu_unit(op);
}

static void w_fpu_error(void *ctx)
{
    struct world *w = ctx;

    w->told++;
    w->leave = true;
}

static struct cpu_env env_of_world(struct world *w)
{
    return (struct cpu_env){
        .ctx = w,
        .read = w_read,
        .write = w_write,
        .code = w_code,
        .in = w_in,
        .out = w_out,
        .cr_check = w_cr_check,
        .cr_written = w_cr_written,
        .dr_written = w_dr_written,
        .invlpg = w_invlpg,
        .rdmsr = w_rdmsr,
        .wrmsr = w_wrmsr,
        .cpuid = w_cpuid,
        .rdtsc = w_rdtsc,
        .table_loaded = w_table_loaded,
        .fpu = w_fpu,
        .fpu_run = w_fpu_run,
        .fpu_error = w_fpu_error,
    };
}

/* What compilers emit, more often than chance would have it. */
static u8 code_byte(void)
{
    static const u8 common[] = {
        0x01, 0x03, 0x11, 0x1b, 0x21, 0x29, 0x2b, 0x31, 0x33, 0x39, 0x3b,
        0x05, 0x3c, 0x3d, 0x40, 0x41, 0x42, 0x48, 0x4b, 0x50, 0x51, 0x53,
        0x55, 0x58, 0x59, 0x5b, 0x5d, 0x66, 0x68, 0x6a, 0x6b, 0x72, 0x74,
        0x75, 0x77, 0x7c, 0x7f, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x87,
        0x88, 0x89, 0x8a, 0x8b, 0x8d, 0x90, 0x98, 0x99, 0xa1, 0xa3, 0xa4,
        0xa5, 0xa8, 0xaa, 0xab, 0xac, 0xb0, 0xb8, 0xb9, 0xbe, 0xbf, 0xc1,
        0xc3, 0xc6, 0xc7, 0xc9, 0xd1, 0xd3, 0xd8, 0xdd, 0xe2, 0xe8, 0xeb,
        0xf3, 0xf6, 0xf7, 0xfe, 0xff, 0x0f, 0x0f, 0xb6, 0xaf, 0xfb, 0x9c,
    };
    static const u8 registers[] = {0xc0, 0xc1, 0xd8, 0xf3, 0x03, 0x06,
                                   0x07, 0x46, 0x43, 0x00, 0x01, 0x10};

    switch (rnd(8)) {
    case 0:
        return (u8)rnd(256);
    case 1:
    case 2:
        return registers[rnd(ARRAY_LEN(registers))];
    default:
        return common[rnd(ARRAY_LEN(common))];
    }
}

static void random_registers(struct cpu *cpu)
{
    for (u32 r = 0; r < GPR_COUNT; r++)
        cpu->gpr[r] = rnd(4) ? rnd(SIZE) : rnd(0x7fffffff) * 2;
    if (rnd(2)) /* near what runs */
        cpu->gpr[rnd(2) ? EBX : EDI] = cpu->eip + rnd(64);
    cpu->gpr[ECX] = rnd(8) ? rnd(300) : cpu->gpr[ECX];
    cpu->eflags = (rnd(0x10000) & EFLAGS_STATUS) | EFLAGS_ONE;
    if (!rnd(16))
        cpu->eflags |= rnd(2) ? EFLAGS_TF : EFLAGS_RF;
}

static void go_elsewhere(void)
{
    struct cpu *cpu = &a.cpu;

    cpu->halted = 0;
    cpu->cpl = 0;
    cpu->eip = CODE + rnd(8 * PAGE_SIZE);
    if (!rnd(4)) /* the same bytes are other instructions then */
        cpu->seg[SEG_CS].attr ^= ATTR_DB;
    random_registers(cpu);
    b.cpu = *cpu;
}

static void begin(u64 from)
{
    seed = from;
    memset(&a, 0, sizeof(a));
    for (u32 i = 0; i < SIZE; i++)
        a.memory[i] = code_byte();
    for (u32 i = 0; i < PAGES; i++)
        a.frame[i] = (u8)i;
    cpu_reset_flat(&a.cpu, CODE);
    fpu_reset(&a.fpu);
    if (rnd(2))
        a.cpu.seg[SEG_CS].attr &= (u16)~ATTR_DB;
    if (!rnd(3))
        a.cpu.seg[SEG_DS].limit = SIZE / 2;
    if (!rnd(3))
        a.cpu.seg[SEG_SS].attr &= (u16)~ATTR_DB;
    if (!rnd(4))
        a.cpu.seg[SEG_CS].limit = CODE + PAGE_SIZE + 7;
    b = a;
    for (u32 i = 0; i < BLOCK_SLOTS; i++)
        blocks.slot[i] = (void *)room[i];
    blocks.changes = &a.changes;
    blocks.leave = &a.leave;
    blocks_clear(&blocks);
    blocks.built = 0;
    go_elsewhere();
}

/* The same number of instructions, one at a time. */
static enum step_status follow(u32 count)
{
    struct cpu_env env = env_of_world(&b);
    enum step_status status = STEP_OK;

    for (u32 i = 0; i < count && status == STEP_OK; i++) {
        EXPECT(i == 0 || !b.leave);
        status = cpu_step(&b.cpu, &env, &step_b);
        step_b.software_int &= status == STEP_OK;
    }
    return status;
}

static bool same(enum step_status sa, enum step_status sb)
{
    struct fault fa = step_a.fault, fb = step_b.fault;

    if (sa != sb || memcmp(&a.cpu, &b.cpu, sizeof(a.cpu)) ||
        memcmp(&a, &b, sizeof(a)))
        return false;
    if (sa == STEP_FAULT)
        return fa.vector == fb.vector && fa.error == fb.error &&
               fa.cr2 == fb.cr2 && step_a.decoded == step_b.decoded &&
               (!step_a.decoded || step_a.insn.op == step_b.insn.op);
    return step_a.software_int == step_b.software_int;
}

static bool one_run(void)
{
    struct cpu_env env = env_of_world(&a);
    u32 done = 0, eip = a.cpu.eip, budget = 1 + rnd(60);
    enum step_status sa, sb;

    a.leave = b.leave = false;
    sa = blocks_run(&blocks, &a.cpu, &env, &step_a, budget, &done);
    sb = follow(done + (sa != STEP_OK));
    if (same(sa, sb))
        return true;
    printf("fault %u/%x/%x %u/%x/%x op %s %s, memory %d, cpu %d\n",
           step_a.fault.vector, step_a.fault.error, step_a.fault.cr2,
           step_b.fault.vector, step_b.fault.error, step_b.fault.cr2,
           insn_name(step_a.insn.op), insn_name(step_b.insn.op),
           memcmp(a.memory, b.memory, SIZE),
           memcmp(&a.cpu, &b.cpu, sizeof(a.cpu)));
    printf("from %08x: %u instructions, status %d and %d, EIP %08x and %08x\n",
           eip, done, sa, sb, a.cpu.eip, b.cpu.eip);
    EXPECT(!"blocks and steps agree");
    return false;
}

static void random_code_runs_alike(void)
{
    for (u32 round = 1; round <= ROUNDS; round++) {
        begin(round);
        for (u32 run = 0; run < RUNS; run++) {
            if (!one_run()) {
                printf("round %u, run %u\n", round, run);
                return;
            }
            if (!rnd(6) || a.cpu.halted || a.cpu.eip >= SIZE)
                go_elsewhere();
        }
    }
}

/* ---- by name: what must never be run from memory that has changed */

static void code_at(u32 at, const char *bytes, u32 size)
{
    begin(1);
    memset(a.memory, 0xf4, sizeof(a.memory)); /* HLT */
    memcpy(a.memory + at, bytes, size);
    cpu_reset_flat(&a.cpu, at);
    a.cpu.gpr[ESP] = 0x8000;
    b = a;
}

static void both_run(void)
{
    for (u32 i = 0; i < 40 && !a.cpu.halted; i++) {
        if (!one_run())
            return;
    }
    EXPECT(a.cpu.halted);
}

/* mov byte [ebx], 0x41; nop, which becomes inc ecx; hlt. Twice, so that the
 * second time the block is there already. */
static void a_store_into_the_next_instruction(void)
{
    code_at(CODE, "\xc6\x03\x41\x90\xf4", 5);
    a.cpu.gpr[EBX] = b.cpu.gpr[EBX] = CODE + 3;
    both_run();
    EXPECT_EQ(a.cpu.gpr[ECX], 1);
    a.memory[CODE + 3] = b.memory[CODE + 3] = 0x90;
    a.cpu.eip = b.cpu.eip = CODE;
    a.cpu.halted = b.cpu.halted = 0;
    both_run();
    EXPECT_EQ(a.cpu.gpr[ECX], 2);
}

/* The same by another linear page that is the same frame. */
static void a_store_by_an_alias(void)
{
    code_at(CODE, "\xc6\x03\x41\x90\xf4", 5);
    a.frame[9] = b.frame[9] = CODE / PAGE_SIZE;
    a.cpu.gpr[EBX] = b.cpu.gpr[EBX] = 9 * PAGE_SIZE + 3;
    both_run();
    EXPECT_EQ(a.cpu.gpr[ECX], 1);
}

/* rep movsb over the instructions behind it. */
static void a_string_that_overwrites_the_block(void)
{
    code_at(CODE, "\xf3\xa4\x90\x90\x90\xf4", 6);
    memcpy(a.memory + 0x6000, "\x43\x43\x43", 3); /* inc ebx */
    b = a;
    a.cpu.gpr[ESI] = b.cpu.gpr[ESI] = 0x6000;
    a.cpu.gpr[EDI] = b.cpu.gpr[EDI] = CODE + 2;
    a.cpu.gpr[ECX] = b.cpu.gpr[ECX] = 3;
    both_run();
    EXPECT_EQ(a.cpu.gpr[EBX], 3);
}

/* inc eax; ... to the end of the page, over it, and into the next. */
static void a_page_s_end_is_run_step_by_step(void)
{
    code_at(CODE + PAGE_SIZE - 20,
            "\x40\x40\x40\x40\x40\x40\x40\x40\x40\x40"
            "\x40\x40\x40\x40\x40\x40\x40\x40\x81\xc0\x00\x01\x00\x00\xf4",
            25);
    both_run();
    EXPECT_EQ(a.cpu.gpr[EAX], 0x100 + 18);
}

/* jmp beyond the limit of CS; a block that would run over it. */
static void the_limit_of_cs_holds(void)
{
    code_at(CODE, "\x40\xe9\x00\x10\x00\x00", 6);
    a.cpu.seg[SEG_CS].limit = b.cpu.seg[SEG_CS].limit = CODE + 6;
    EXPECT(one_run());
    EXPECT(one_run());
    EXPECT_EQ(step_a.fault.vector, TRAP_GP);
    EXPECT_EQ(a.cpu.eip, CODE + 1);
    a.cpu.seg[SEG_CS].limit = b.cpu.seg[SEG_CS].limit = CODE + 3;
    a.cpu.eip = b.cpu.eip = CODE;
    EXPECT(one_run());
    EXPECT(one_run());
    EXPECT_EQ(a.cpu.eip, CODE + 1);
}

static void without_memory_for_blocks_it_steps(void)
{
    code_at(CODE, "\x40\x40\xf4", 3);
    memset(blocks.slot, 0, sizeof(blocks.slot));
    both_run();
    EXPECT_EQ(a.cpu.gpr[EAX], 2);
    EXPECT_EQ(blocks.built, 0);
}

static const struct unit_case cases[] = {
    CASE(random_code_runs_alike),
    CASE(a_store_into_the_next_instruction),
    CASE(a_store_by_an_alias),
    CASE(a_string_that_overwrites_the_block),
    CASE(a_page_s_end_is_run_step_by_step),
    CASE(the_limit_of_cs_holds),
    CASE(without_memory_for_blocks_it_steps),
};
UNIT_MAIN(cases)
