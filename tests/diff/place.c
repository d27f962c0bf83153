/* SPDX-License-Identifier: MIT
 *
 * See place.h. The kernel's own descriptors (flat user code and data) are
 * where this process has them; everything else is in the LDT, whose entries
 * are what Linux makes of our words: DPL 3, accessed.
 *
 * INT3, INTO and INT1 enter a handler in ring 0; the frame is undone again
 * and reported as the vector that it was.
 */
#include "tests/diff/place.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/traps.h"
#include <string.h>

/* User memory ends below. */
#define SYSTEM_AT   0xfffe0000u
#define SYSTEM_SIZE 0x4000u
#define GDT_AT      SYSTEM_AT
#define LDT_AT      (SYSTEM_AT + 0x1000)
#define IDT_AT      (SYSTEM_AT + 0x2000)
#define TSS_AT      (SYSTEM_AT + 0x2800)
#define STACK0      (SYSTEM_AT + 0x4000)
#define HANDLER     0xc0000000u
#define KERNEL_CS   0x08
#define KERNEL_SS   0x10
#define LDT_SEL     0x50
#define TSS_SEL     0x58
#define USER_SEL(n) ((n) << 3 | SEL_TI | 3)
#define TABLE_MAX   0x7f /* limit of GDT and LDT */
#define STEPS_MAX   64

#define USER  (ATTR_P | ATTR_S | ATTR_DPL | ATTR_ACCESSED)
#define DATA  (USER | ATTR_WRITABLE)
#define CODE  (USER | ATTR_CODE)
#define FLAT  (ATTR_DB | ATTR_G)
#define READS ATTR_READABLE

#define SEGMENT(n, base, limit, attr, use)                                     \
    {                                                                          \
        USER_SEL(n), base, limit, attr, use                                    \
    }
struct place places[PLACES] = {
    {0, 0, 0xffffffff, CODE | READS | FLAT, USE_CODE | USE_DATA},
    {0, 0, 0xffffffff, DATA | FLAT, USE_DATA | USE_STACK},
    {0, 0, 0, 0, USE_DATA},
    SEGMENT(0, 0, 0xffffffff, DATA | FLAT | ATTR_AVL, USE_DATA | USE_STACK),
    SEGMENT(1, DATA_AT, 0x1fff, DATA | ATTR_DB, USE_DATA | USE_STACK),
    SEGMENT(2, DATA_AT, 0x1fff, DATA, USE_DATA | USE_STACK),
    SEGMENT(3, DATA_AT + 16, 0xfef, USER | ATTR_DB | ATTR_AVL, USE_DATA),
    SEGMENT(4, DATA_AT, 0x7ff, DATA | ATTR_DOWN | ATTR_DB,
            USE_DATA | USE_STACK),
    SEGMENT(5, DATA_AT, 0xeff, DATA | ATTR_DOWN, USE_DATA | USE_STACK),
    SEGMENT(6, DATA_AT, 0xffff, DATA & ~ATTR_P, USE_NONE),
    SEGMENT(7, CODE_AT, 0xfff, CODE | READS | ATTR_DB, USE_CODE | USE_DATA),
    SEGMENT(8, CODE_AT, 0xfff, CODE | READS, USE_CODE | USE_DATA),
    SEGMENT(9, CODE_AT - 256, 0x10ff, CODE | ATTR_DB, USE_CODE),
    SEGMENT(10, CODE_AT, 0xfff, (CODE | ATTR_CONFORM) & ~ATTR_P, USE_NONE),
    SEGMENT(11, CODE_AT, 0xffff, CODE, USE_CODE),
    SEGMENT(12, DATA_AT, 0x1fff, DATA | FLAT, USE_DATA | USE_STACK),
    SEGMENT(13, DATA_AT + 3, 0xffff, DATA | ATTR_AVL, USE_DATA | USE_STACK),
    SEGMENT(20, 0, 0, 0, USE_NONE), /* behind the LDT's end */
};

u8 place_code[CODE_SIZE], place_data[DATA_READ];
static u8 place_system[SYSTEM_SIZE];

const struct place *place_of(u32 sel)
{
    for (u32 i = 0; i < PLACES; i++) {
        if (places[i].sel == sel)
            return &places[i];
    }
    return &places[PLACE_NULL];
}

u32 place_low(const struct place *place)
{
    return place->attr & ATTR_DOWN ? place->limit + 1 : 0;
}

u32 place_high(const struct place *place)
{
    if (!(place->attr & ATTR_DOWN))
        return place->limit;
    return place->attr & ATTR_DB ? 0xffffffff : 0xffff;
}

static void put_desc(u32 at, u32 base, u32 limit, u32 attr)
{
    u8 *to = place_system + (at - SYSTEM_AT);
    u32 raw = attr & ATTR_G ? limit >> PAGE_SHIFT : limit;

    put_le32(to, (base & 0xffff) << 16 | (raw & 0xffff));
    put_le32(to + 4, (base & 0xff000000) | (raw & 0xf0000) | attr << 8 |
                         (base >> 16 & 0xff));
}

static void put_gate(u32 vector)
{
    u8 *to = place_system + (IDT_AT - SYSTEM_AT) + vector * 8;
    u32 offset = HANDLER + vector * 16;
    u32 dpl = vector == TRAP_BP || vector == TRAP_OF ? 3 : 0;

    put_le32(to, KERNEL_CS << 16 | (offset & 0xffff));
    put_le32(to + 4, (offset & 0xffff0000) |
                         (ATTR_P | dpl << ATTR_DPL_SHIFT | SYS_INT32) << 8);
}

static void make_tables(void)
{
    const u16 kernel = ATTR_P | ATTR_S | ATTR_ACCESSED | FLAT;
    u8 *tss = place_system + (TSS_AT - SYSTEM_AT);

    put_desc(GDT_AT + KERNEL_CS, 0, ~0u, kernel | ATTR_CODE | READS);
    put_desc(GDT_AT + KERNEL_SS, 0, ~0u, kernel | ATTR_WRITABLE);
    for (u32 i = 0; i < PLACES; i++) {
        const struct place *p = &places[i];
        u32 table = p->sel & SEL_TI ? LDT_AT : GDT_AT;
        if (p->sel && (p->sel & SEL_INDEX) <= TABLE_MAX)
            put_desc(table + (p->sel & SEL_INDEX), p->base, p->limit, p->attr);
    }
    for (u32 v = 0; v < TRAP_VECTORS; v++)
        put_gate(v);
    put_le32(tss + TSS32_ESP0, STACK0);
    put_le32(tss + TSS32_SS0, KERNEL_SS);
    put_le16(tss + TSS32_IOMAP, TSS32_SIZE);
}

bool place_open(void)
{
    u32 sel[SEG_COUNT];
    bool have = true;

    native_selectors(sel);
    places[PLACE_CODE].sel = sel[SEG_CS];
    places[PLACE_DATA].sel = sel[SEG_DS];
    for (u32 i = PLACE_LDT; i < PLACES && have; i++) {
        const struct place *p = &places[i];
        if ((p->sel & SEL_INDEX) <= TABLE_MAX)
            have = native_ldt(p->sel >> 3, p->base, p->limit, p->attr);
    }
    make_tables();
    memset(place_code, FILLER, sizeof(place_code));
    return have;
}

/* ---- memory as cpu_step() sees it */

static u8 *user_at(u32 at, u32 size, u32 access, u32 *bad)
{
    bool fetch = access & ACC_FETCH, write = access & ACC_WRITE;
    u32 limit = write ? DATA_SIZE : DATA_READ;

    *bad = at;
    if (at - CODE_AT < CODE_SIZE) {
        *bad = CODE_AT + CODE_SIZE;
        return *bad - at >= size ? place_code + (at - CODE_AT) : NULL;
    }
    if (at - DATA_AT < limit && !fetch) {
        *bad = DATA_AT + limit;
        return *bad - at >= size ? place_data + (at - DATA_AT) : NULL;
    }
    if (size > 1 && (DATA_AT - at < size || CODE_AT - at < size))
        *bad = at;
    return NULL;
}

static bool is_there(u32 at)
{
    return at - DATA_AT < DATA_READ || at - CODE_AT < CODE_SIZE;
}

static u8 *reach(gva_t at, u32 size, u32 access, struct fault *fault)
{
    u32 bad, error = PF_USER | (access & ACC_WRITE ? PF_WRITE : 0);
    u8 *place;

    if (access & ACC_SYSTEM)
        return at.v - SYSTEM_AT <= SYSTEM_SIZE - size
                   ? place_system + (at.v - SYSTEM_AT)
                   : NULL;
    place = user_at(at.v, size, access, &bad);
    if (place)
        return place;
    error |= is_there(bad) ? PF_PRESENT : 0;
    error |= access & ACC_FETCH ? PF_FETCH : 0;
    *fault = fault_page(error, gva(bad));
    return NULL;
}

static enum env_status env_read(void *ctx, gva_t at, void *buf, u32 size,
                                u32 access, struct fault *fault)
{
    const u8 *from = reach(at, size, access, fault);

    if (!from)
        return ENV_FAULT;
    memcpy(buf, from, size);
    return ENV_OK;
}

static enum env_status env_write(void *ctx, gva_t at, const void *buf, u32 size,
                                 u32 access, struct fault *fault)
{
    u8 *to = reach(at, size, access | ACC_WRITE, fault);

    if (!to)
        return ENV_FAULT;
    memcpy(to, buf, size);
    return ENV_OK;
}

static void env_cpuid(void *ctx, u32 leaf, u32 subleaf, u32 out[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "a"(leaf), "c"(subleaf));
}

static u64 env_rdtsc(void *ctx)
{
    return 0;
}

static struct fpu *env_fpu(void *ctx)
{
    return ctx;
}

static void env_fpu_run(void *ctx, struct fpu_op *op)
{
    fpu_unit(op);
}

/* ---- running */

static void load_cpu(struct cpu *cpu, const struct regs *regs)
{
    memset(cpu, 0, sizeof(*cpu));
    memcpy(cpu->gpr, regs->gpr, sizeof(cpu->gpr));
    cpu->eip = regs->eip;
    cpu->eflags = regs->eflags;
    cpu->cpl = 3;
    cpu->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
    cpu->cr4 = CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    for (u32 s = 0; s < SEG_COUNT; s++) {
        const struct place *p = place_of(regs->seg[s]);
        cpu->seg[s] =
            (struct segment){(u16)regs->seg[s], p->attr, p->base, p->limit};
    }
    cpu->gdtr = (struct table_reg){GDT_AT, TABLE_MAX};
    cpu->idtr = (struct table_reg){IDT_AT, TRAP_VECTORS * 8 - 1};
    cpu->ldtr = (struct segment){LDT_SEL, ATTR_P | SYS_LDT, LDT_AT, 14 * 8 - 1};
    cpu->tr = (struct segment){TSS_SEL, ATTR_P | SYS_TSS32_BUSY, TSS_AT,
                               TSS32_SIZE - 1};
}

static void store_cpu(const struct cpu *cpu, struct outcome *out)
{
    memcpy(out->regs.gpr, cpu->gpr, sizeof(cpu->gpr));
    out->regs.eip = cpu->eip;
    out->regs.eflags = cpu->eflags;
    for (u32 s = 0; s < SEG_COUNT; s++)
        out->regs.seg[s] = cpu->seg[s].sel;
}

/* The handler of a vector was entered: back to where it came from. */
static void undo_entry(const struct cpu *cpu, struct outcome *out)
{
    const u8 *frame = place_system + (cpu->gpr[ESP] - SYSTEM_AT);

    out->vector = (cpu->eip - HANDLER) / 16;
    out->error = 0;
    out->regs.eip = get_le32(frame);
    out->regs.seg[SEG_CS] = get_le16(frame + 4);
    out->regs.eflags = get_le32(frame + 8);
    out->regs.gpr[ESP] = get_le32(frame + 12);
    out->regs.seg[SEG_SS] = get_le16(frame + 16);
}

enum step_status place_run(const struct regs *regs, const struct fpu *fpu,
                           struct outcome *out, struct step *step)
{
    const struct cpu_env env = {.ctx = &out->fpu,
                                .read = env_read,
                                .write = env_write,
                                .cpuid = env_cpuid,
                                .rdtsc = env_rdtsc,
                                .fpu = env_fpu,
                                .fpu_run = env_fpu_run};
    enum step_status status;
    struct cpu cpu;
    u32 steps = 0;

    load_cpu(&cpu, regs);
    if (fpu)
        out->fpu = *fpu;
    do
        status = cpu_step(&cpu, &env, step);
    while (status == STEP_OK && cpu.cpl == 3 &&
           (op_rows[step->insn.op].flags & OPF_REP) && cpu.eip == regs->eip &&
           ++steps < STEPS_MAX);
    store_cpu(&cpu, out);
    out->vector = NO_VECTOR;
    if (status == STEP_FAULT) {
        out->vector = step->fault.vector;
        out->error = step->fault.error;
        out->cr2 = step->fault.cr2;
    } else if (cpu.cpl != 3) {
        undo_entry(&cpu, out);
    }
    return status;
}
