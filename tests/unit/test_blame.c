/* SPDX-License-Identifier: MIT
 *
 * What is blamed for a failed delivery is what failed: on random worlds
 * blame_event() names a check that raises the very fault that event_enter()
 * met, and none when it met none. Each check by itself, and its words.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/unit/segworld.h"
#include "vmm/cpu/blame.h"

#define TABLES  0x6000u /* memory below: the tables that are spoilt */
#define ROUNDS  30000
#define NEW_TSS 0x5000u
#define TEXT    300

static u8 good_tables[TABLES];
static u32 seen[BLAME_COUNT];
static struct blame b;
static char text[TEXT];

/* As segworld's, but a read for writing asks for the right to write, too. */
static enum env_status read_or_ask(void *ctx, gva_t at, void *buf, u32 size,
                                   u32 access, struct fault *fault)
{
    if (access & ACC_WRITE) {
        enum env_status status =
            world_touch(at, size, access, w.no_write, fault);
        if (status != ENV_OK)
            return status;
    }
    return world_read(ctx, at, buf, size, access, fault);
}

static enum env_status any_cr(void *ctx, unsigned n, u32 value,
                              struct fault *fault)
{
    return ENV_OK;
}

static void cr_told(void *ctx, unsigned n, u32 old)
{
}

static void dr_told(void *ctx, unsigned n)
{
}

static const struct cpu_env asking = {
    .read = read_or_ask,
    .write = world_write,
    .cr_check = any_cr,
    .cr_written = cr_told,
    .dr_written = dr_told,
    .table_loaded = world_loaded,
};

static struct event raised(u8 vector)
{
    struct event e = {EVENT_EXCEPTION, fault_plain(vector)};

    e.fault.has_error = TRAP_HAS_ERROR >> vector & 1;
    return e;
}

static bool printable(const char *s)
{
    for (; *s; s++) {
        if (*s < 0x20 || *s > 0x7e)
            return false;
    }
    return true;
}

/* Blames, tries, and compares. Returns what was blamed. */
static enum blame_what blame(struct event e)
{
    u32 switches = w.cpu.task_switches;
    struct cpu was = w.cpu;
    enum env_status status;

    blame_event(&w.cpu, &asking, &e, false, &b);
    EXPECT(!memcmp(&was, &w.cpu, sizeof(was)));
    status = event_enter(&w.cpu, &asking, &e, &f);
    if (status == ENV_OK) {
        EXPECT_EQ(b.what, BLAME_NOTHING);
    } else if (w.cpu.task_switches != switches) {
        EXPECT_EQ(b.what, BLAME_NOTHING);
        blame_event(&w.cpu, &asking, &e, true, &b);
        EXPECT(b.what >= BLAME_NEW_LDT);
    } else {
        EXPECT(b.what != BLAME_NOTHING);
        EXPECT_EQ(b.fault.vector, f.vector);
        EXPECT_EQ(b.fault.error, f.error);
        EXPECT_EQ(b.fault.cr2, f.cr2);
    }
    EXPECT(blame_text(&b, text, sizeof(text)) < sizeof(text));
    EXPECT(text[0] && printable(text));
    seen[b.what]++;
    return b.what;
}

static void expect(u8 vector, enum blame_what what, const char *words)
{
    EXPECT_EQ(blame(raised(vector)), what);
    if (!strstr(text, words)) {
        printf("\"%s\" does not say \"%s\"\n", text, words);
        EXPECT(false);
    }
}

/* ---- one by one */

static void the_idt(void)
{
    world_ring(0);
    expect(TRAP_UD, BLAME_NOTHING, "");
    world_ring(0);
    w.cpu.idtr.limit = 0;
    expect(TRAP_UD, BLAME_IDT_NONE, "no IDT is loaded");
    w.cpu.idtr.limit = 6 * 8 - 1;
    expect(TRAP_UD, BLAME_IDT_LIMIT,
           "IDT entry 6 lies beyond the IDT's limit 0x002f, which ends it "
           "behind entry 5");
    world_ring(0);
    w.no_read[IDT_AT / PAGE_SIZE] = 1;
    expect(TRAP_UD, BLAME_IDT_PAGE,
           "IDT entry 6 lies in a page that is not mapped (0x00003030)");
}

static void the_gate(void)
{
    world_ring(0);
    put_le32(w.mem + IDT_AT + 48, 0);
    put_le32(w.mem + IDT_AT + 52, 0);
    expect(TRAP_UD, BLAME_GATE_EMPTY, "IDT entry 6 is empty");
    put_idt(6, CODE0, HANDLER, SYS_CALL32, 0);
    expect(TRAP_UD, BLAME_GATE_TYPE, "IDT entry 6 is a call gate");
    put_idt(6, CODE0, HANDLER, 0, 0);
    expect(TRAP_UD, BLAME_GATE_TYPE, "of a reserved type");
    put_idt(6, CODE0, HANDLER, SYS_INT32 | 0x10, 0);
    expect(TRAP_UD, BLAME_GATE_TYPE, "a segment descriptor");
    put_idt(6, CODE0, HANDLER, SYS_INT32, 0);
    w.mem[IDT_AT + 53] &= 0x7f;
    expect(TRAP_UD, BLAME_GATE_ABSENT, "IDT entry 6 is not present");
    world_ring(3);
    EXPECT_EQ(blame((struct event){EVENT_SOFTWARE, fault_plain(0x80)}),
              BLAME_GATE_DPL);
    EXPECT_STR(text, "IDT entry 128 has DPL 0, which an INT in ring 3 may not "
                     "use");
}

static void the_code(void)
{
    world_ring(0);
    put_idt(6, 0, HANDLER, SYS_INT32, 0);
    expect(TRAP_UD, BLAME_SEL_NULL, "selector 0x0000 in IDT entry 6 is null");
    put_idt(6, BEYOND, HANDLER, SYS_INT32, 0);
    expect(TRAP_UD, BLAME_SEL_LIMIT, "beyond the GDT's limit 0x01ff");
    put_idt(6, SPARE | SEL_TI, HANDLER, SYS_INT32, 0);
    expect(TRAP_UD, BLAME_SEL_LIMIT, "beyond the LDT's limit 0x001f");
    w.cpu.ldtr = (struct segment){0};
    expect(TRAP_UD, BLAME_SEL_LIMIT, "beyond the LDT's limit 0x0000");
    put_idt(6, DATA0, HANDLER, SYS_INT32, 0);
    expect(TRAP_UD, BLAME_SEL_TYPE,
           "names a writable data segment of ring 0, not code");
    put_idt(6, SPARE2, HANDLER, SYS_INT32, 0);
    expect(TRAP_UD, BLAME_SEL_TYPE, "an empty entry");
    put_idt(6, CODE(3), HANDLER, SYS_INT32, 0);
    expect(TRAP_UD, BLAME_SEL_DPL, "code of ring 3");
    put_desc(SPARE, 0, FLAT, A_CODE & ~ATTR_P);
    put_idt(6, SPARE, HANDLER, SYS_INT32, 0);
    expect(TRAP_UD, BLAME_SEL_ABSENT, "a segment that is not present");
    put_desc(SPARE, 0, 0xff, A_CODE & ~ATTR_G);
    expect(TRAP_UD, BLAME_EIP_LIMIT, "0x00007000 lies beyond the limit 0xff");
    put_desc(SPARE, 0, FLAT, A_CODE & ~ATTR_ACCESSED);
    w.no_write[GDT_AT / PAGE_SIZE] = 1;
    expect(TRAP_UD, BLAME_SEL_MARK, "the GDT entry of selector 0x0080");
    w.no_read[GDT_AT / PAGE_SIZE] = 1;
    expect(TRAP_UD, BLAME_SEL_PAGE, "0x0080 lies in a page that is not mapped");
    world_ring(0);
    w.cpu.eflags |= EFLAGS_VM;
    w.cpu.cpl = 3;
    put_desc(SPARE, 0, FLAT, A_CODE | A_DPL(1));
    put_idt(6, SPARE, HANDLER, SYS_INT32, 0);
    expect(TRAP_UD, BLAME_V86_RING, "no code of ring 0");
}

static void ss0(u16 sel)
{
    put_le16(w.mem + TSS_AT + TSS32_SS0, sel);
}

static void the_tss(void)
{
    world_ring(3);
    w.cpu.tr = (struct segment){0};
    expect(TRAP_UD, BLAME_TR_NONE, "no TSS is loaded (TR is 0x0000)");
    world_ring(3);
    w.cpu.tr.limit = 7;
    expect(TRAP_UD, BLAME_TSS_LIMIT, "TSS 0x0058 is too short");
    world_ring(3);
    w.no_read[TSS_AT / PAGE_SIZE] = 1;
    expect(TRAP_UD, BLAME_TSS_PAGE, "with the stack of ring 0, lies in a page");
    world_ring(3);
    ss0(0);
    expect(TRAP_UD, BLAME_SS_NULL, "SS0 in the TSS, 0x0000, is null");
    ss0(BEYOND);
    expect(TRAP_UD, BLAME_SS_LIMIT, "lies beyond the GDT's limit");
    ss0(CODE0);
    expect(TRAP_UD, BLAME_SS_TYPE, "code segment of ring 0, not writable data");
    ss0(DATA(3));
    expect(TRAP_UD, BLAME_SS_DPL, "is not one of ring 0 (its RPL is 3");
    put_desc(SPARE, 0, FLAT, A_DATA & ~ATTR_P);
    ss0(SPARE);
    expect(TRAP_UD, BLAME_SS_ABSENT, "a segment that is not present");
    put_desc(SPARE, 0, FLAT, A_DATA & ~ATTR_ACCESSED);
    w.no_write[GDT_AT / PAGE_SIZE] = 1;
    expect(TRAP_UD, BLAME_SS_MARK, "the GDT entry of selector 0x0080");
    world_ring(3);
    w.no_write[(STACK_TOP(0) - 1) / PAGE_SIZE] = 1;
    expect(TRAP_UD, BLAME_STACK_PAGE,
           "its frame of 20 bytes cannot be pushed on the stack at 0x00011000 "
           "(ESP0 in the TSS)");
}

static void the_stack(void)
{
    world_ring(0);
    w.cpu.seg[SEG_SS].limit = 0xff;
    expect(TRAP_GP, BLAME_STACK_LIMIT, "its frame of 16 bytes does not fit");
    world_ring(0);
    w.no_write[(w.cpu.gpr[ESP] - 4) / PAGE_SIZE] = 1;
    expect(TRAP_UD, BLAME_STACK_PAGE, "on the stack at 0x00010f00 (ESP)");
    world_ring(3);
    w.cpu.eflags |= EFLAGS_AC;
    w.cpu.cr0 |= CR0_AM;
    w.cpu.gpr[ESP]++;
    put_idt(6, CODE(3), HANDLER, SYS_INT32, 0);
    expect(TRAP_UD, BLAME_STACK_ALIGN, "is not aligned");
    world_ring(3);
    put_idt(6, CONFORM0, HANDLER, SYS_INT32, 0);
    expect(TRAP_UD, BLAME_NOTHING, "");
}

static void task_world(u16 sel)
{
    world_ring(0);
    put_idt(8, sel, 0, SYS_TASK_GATE, 0);
    put_desc(SPARE, NEW_TSS, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    put_le32(w.mem + NEW_TSS + TSS32_EIP, HANDLER);
    put_le32(w.mem + NEW_TSS + TSS32_EIP + 4, EFLAGS_ONE);
    put_le32(w.mem + NEW_TSS + TSS32_EIP + 24, STACK_TOP(0));
    for (u32 s = 0; s < SEG_COUNT; s++)
        put_le32(w.mem + NEW_TSS + 72 + s * 4, s == SEG_CS ? CODE0 : DATA0);
}

static void the_task(void)
{
    task_world(SPARE);
    expect(TRAP_DF, BLAME_NOTHING, "");
    task_world(0);
    expect(TRAP_DF, BLAME_TASK_SEL, "no entry of the GDT");
    task_world(BEYOND);
    expect(TRAP_DF, BLAME_TASK_LIMIT, "beyond the GDT's limit");
    task_world(DATA0);
    expect(TRAP_DF, BLAME_TASK_TYPE, "a writable data segment of ring 0");
    task_world(TSS);
    expect(TRAP_DF, BLAME_TASK_BUSY, "which is busy");
    task_world(SPARE);
    put_desc(SPARE, NEW_TSS, TSS32_SIZE - 1, SYS_TSS32_FREE);
    expect(TRAP_DF, BLAME_TASK_ABSENT, "which is not present");
    put_desc(SPARE, NEW_TSS, 99, ATTR_P | SYS_TSS32_FREE);
    expect(TRAP_DF, BLAME_TASK_SHORT, "too short (limit 0x63)");
    task_world(SPARE);
    w.cpu.tr.limit = 20;
    expect(TRAP_DF, BLAME_TASK_OLD, "TR is 0x0058 (limit 0x14)");
    task_world(SPARE);
    w.no_read[NEW_TSS / PAGE_SIZE] = 1;
    expect(TRAP_DF, BLAME_TASK_REACH, "touches memory in a page");
    task_world(SPARE);
    w.no_read[GDT_AT / PAGE_SIZE] = 1;
    expect(TRAP_DF, BLAME_TASK_PAGE, "0x0080 lies in a page");
}

static void the_new_task(void)
{
    task_world(SPARE);
    put_le32(w.mem + NEW_TSS + TSS32_LDT, DATA0);
    expect(TRAP_DF, BLAME_NEW_LDT, "a bad LDT selector 0x0010");
    task_world(SPARE);
    put_le32(w.mem + NEW_TSS + 76, DATA0);
    expect(TRAP_DF, BLAME_NEW_SEGMENT, "a bad selector 0x0010 in CS");
    task_world(SPARE);
    put_le32(w.mem + NEW_TSS + TSS32_EIP + 24, MEMORY + PAGE_SIZE);
    expect(TRAP_DF, BLAME_NEW_START, "could not start at 0x00007000");
}

static void real_mode(void)
{
    world_ring(0);
    w.cpu.cr0 &= ~(u32)CR0_PE;
    w.cpu.idtr.limit = 0;
    expect(TRAP_UD, BLAME_IDT_NONE, "no IDT is loaded");
    w.cpu.idtr.limit = 23;
    expect(TRAP_UD, BLAME_IDT_LIMIT, "behind entry 5");
    w.cpu.idtr.limit = 0x3ff;
    w.cpu.seg[SEG_SS].limit = 0xff;
    expect(TRAP_UD, BLAME_STACK_LIMIT, "its frame of 6 bytes");
    world_ring(0);
    w.cpu.cr0 &= ~(u32)CR0_PE;
    expect(TRAP_UD, BLAME_NOTHING, "");
}

static void the_environment_stops(void)
{
    struct event e = raised(TRAP_UD);

    world_ring(0);
    w.stop = true;
    blame_event(&w.cpu, &asking, &e, false, &b);
    EXPECT_EQ(b.what, BLAME_NO_MEMORY);
    blame_text(&b, text, sizeof(text));
    EXPECT_STR(text, "what the way to its handler needs at 0x00003030 is not "
                     "in memory");
    b.what = BLAME_NOTHING;
    b.fault = fault_error(TRAP_GP, 0x72);
    blame_text(&b, text, sizeof(text));
    EXPECT_STR(text, "the way to the handler met #GP, error code 0x72");
    b.fault = fault_plain(9);
    blame_text(&b, text, sizeof(text));
    EXPECT_STR(text,
               "the way to the handler met another fault, error code 0x0");
}

/* ---- words */

static void expect_selector(u16 sel, const char *words)
{
    blame_selector(&w.cpu, &asking, sel, text, sizeof(text));
    EXPECT_STR(text, words);
}

static void selectors(void)
{
    world_ring(0);
    expect_selector(3, "null");
    expect_selector(BEYOND, "beyond the GDT's limit 0x01ff");
    expect_selector(LDT, "an LDT");
    expect_selector(SPARE, "an empty entry (all zeroes)");
    put_desc(SPARE, 0, FLAT, A_RODATA & ~ATTR_P);
    expect_selector(SPARE,
                    "a read-only data segment of ring 0 that is not present");
    put_desc(SPARE, 0, FLAT, 8);
    expect_selector(SPARE, "a descriptor of the reserved type 8 that is not "
                           "present");
    expect_selector(0x7c, "beyond the LDT's limit 0x001f");
    w.cpu.ldtr = (struct segment){0};
    expect_selector(0x7c, "one of the LDT, and no LDT is loaded");
    w.no_read[GDT_AT / PAGE_SIZE] = 1;
    expect_selector(CODE0, "an entry of the GDT at 0x00001008 that cannot be "
                           "read");
}

static void expect_name(struct event e, const char *words)
{
    blame_event_name(&e, text, sizeof(text));
    EXPECT_STR(text, words);
}

static void names(void)
{
    expect_name(raised(TRAP_PF), "the page fault");
    expect_name(raised(15), "exception 15");
    expect_name(raised(31), "exception 31");
    expect_name((struct event){EVENT_INTERRUPT, fault_plain(0x21)},
                "interrupt 0x21");
    expect_name((struct event){EVENT_SOFTWARE, fault_plain(0x80)}, "INT 0x80");
    EXPECT_STR(blame_mnemonic(TRAP_XM), "#XM");
    EXPECT(!blame_mnemonic(15) && !blame_mnemonic(200));
}

/* However little room there is, nothing is written behind it. */
static void little_room(void)
{
    struct blame each = {.vector = 14, .sel = 0x38, .lo = 1, .hi = 0x8e00};
    char small[64];

    each.size = 8;
    for (u32 what = 0; what < BLAME_COUNT; what++) {
        each.what = what;
        for (size_t room = 0; room < sizeof(small); room++) {
            memset(small, 'x', sizeof(small));
            blame_text(&each, small, room);
            for (size_t i = room; i < sizeof(small); i++)
                EXPECT_EQ(small[i], 'x');
        }
    }
    world_ring(0);
    for (size_t room = 1; room < sizeof(small) - 1; room++) {
        memset(small, 'x', sizeof(small));
        put_desc(SPARE, 0, FLAT, A_RODATA & ~ATTR_P);
        blame_selector(&w.cpu, &asking, SPARE, small, room);
        EXPECT(small[room] == 'x' && strlen(small) < room);
    }
}

/* ---- at random */

static u32 seed = 1;

static u32 random_below(u32 n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static u16 random_selector(void)
{
    static const u16 known[] = {0,         CODE0, DATA0,    CONFORM0, CONFORM3,
                                TSS,       LDT,   SPARE,    SPARE2,   BEYOND,
                                CODE0 | 4, 0x1b,  DATA0 | 3};

    if (random_below(8))
        return known[random_below(ARRAY_LEN(known))];
    return (u16)random_below(0x10000);
}

static void spoil_registers(void)
{
    switch (random_below(9)) {
    case 0:
        w.cpu.idtr.limit = (u16)random_below(0x200);
        break;
    case 1:
        w.cpu.gdtr.limit = (u16)random_below(0x90);
        break;
    case 2:
        w.cpu.tr.limit = random_below(TSS32_SIZE);
        break;
    case 3:
        w.cpu.tr.attr ^= (u16)(1u << random_below(8));
        break;
    case 4:
        w.cpu.gpr[ESP] = random_below(2 * MEMORY);
        break;
    case 5:
        w.cpu.seg[SEG_SS].limit = random_below(0x20000);
        break;
    case 6:
        w.cpu.seg[SEG_SS].attr ^= (u16)(random_below(2) ? ATTR_DB : ATTR_DOWN);
        break;
    case 7:
        w.cpu.eflags |= EFLAGS_VM;
        w.cpu.cpl = 3;
        break;
    default:
        w.cpu.cr0 &= ~(u32)CR0_PE;
        w.cpu.cpl = 0;
        break;
    }
}

static void spoil_memory(u8 vector)
{
    static const u32 places[] = {GDT_AT, IDT_AT, TSS_AT, NEW_TSS, STACK_AT};
    static const u8 types[] = {SYS_TASK_GATE, SYS_INT16, SYS_TRAP16, SYS_TRAP32,
                               SYS_CALL32};
    u32 at = random_below(5);
    u32 page = places[at] / PAGE_SIZE + (at == 4 ? random_below(4) : 0);

    switch (random_below(7)) {
    case 0:
        put_idt(vector, random_selector(), HANDLER, types[random_below(5)], 0);
        break;
    case 1:
        w.mem[IDT_AT + vector * 8 + random_below(8)] ^= (u8)random_below(256);
        break;
    case 2:
        put_idt(vector, random_selector(), HANDLER, SYS_INT32, 0);
        break;
    case 3:
        w.mem[GDT_AT + random_below(0x90)] ^= (u8)(1u << random_below(8));
        break;
    case 4:
        w.mem[TSS_AT + random_below(16)] ^= (u8)(1u << random_below(8));
        break;
    case 5:
        ss0(random_selector());
        break;
    default:
        w.no_write[page] = 1;
        w.no_read[page] = random_below(2) != 0;
        break;
    }
}

static void a_random_world(void)
{
    u8 vector = random_below(2) ? (u8)random_below(20) : (u8)random_below(256);
    struct event e = raised((u8)(vector % TRAP_EXCEPTIONS));

    memcpy(w.mem, good_tables, TABLES);
    memset(w.no_read, 0, sizeof(w.no_read));
    memset(w.no_write, 0, sizeof(w.no_write));
    w.cpu = before;
    if (random_below(2)) {
        w.cpu.cpl = 3;
        w.cpu.seg[SEG_CS] = seg_of(CODE(3));
        w.cpu.seg[SEG_SS] = seg_of(DATA(3));
    }
    if (vector >= TRAP_EXCEPTIONS || !random_below(4))
        e = (struct event){random_below(2) ? EVENT_SOFTWARE : EVENT_INTERRUPT,
                           fault_plain(vector)};
    for (u32 i = random_below(4); i; i--) {
        if (random_below(3))
            spoil_memory(e.fault.vector);
        else
            spoil_registers();
    }
    blame(e);
}

static void random_worlds(void)
{
    u32 kinds = 0;

    task_world(SPARE);
    for (u32 v = 0; v < TRAP_VECTORS; v += 8)
        put_idt((u8)v, SPARE, 0, SYS_TASK_GATE, 0);
    memcpy(good_tables, w.mem, TABLES);
    before = w.cpu;
    memset(seen, 0, sizeof(seen));
    for (u32 i = 0; i < ROUNDS; i++)
        a_random_world();
    for (u32 what = 0; what < BLAME_COUNT; what++)
        kinds += seen[what] != 0;
    EXPECT(kinds > 30);
    EXPECT(seen[BLAME_NOTHING] > ROUNDS / 20);
    EXPECT(seen[BLAME_NOTHING] < ROUNDS * 3 / 4);
}

static const struct unit_case cases[] = {
    CASE(the_idt),       CASE(the_gate),  CASE(the_code),
    CASE(the_tss),       CASE(the_stack), CASE(the_task),
    CASE(the_new_task),  CASE(real_mode), CASE(the_environment_stops),
    CASE(selectors),     CASE(names),     CASE(little_room),
    CASE(random_worlds),
};

UNIT_MAIN(cases)
