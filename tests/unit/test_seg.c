/* SPDX-License-Identifier: MIT
 *
 * Descriptors, linear addresses, segment register loads, LLDT, LTR, LAR, LSL,
 * VERR, VERW, pushes and pops, the I/O bitmap.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/unit/segworld.h"

#define OK 0 /* in a table of cases: no exception */

static void descriptor_fields(void)
{
    world_ring(0);
    put_desc(SPARE, 0x89abcdef, 0x54321, A_XCODE | A_DPL(2));
    struct segment s = seg_of(SPARE);
    EXPECT_EQ(s.base, 0x89abcdef);
    EXPECT_EQ(s.limit, 0x54321fff);
    EXPECT_EQ(s.attr, A_XCODE | A_DPL(2));
    EXPECT_EQ(s.sel, SPARE);
    put_desc(SPARE, 0, 0x54321, A_DATA & ~ATTR_G);
    EXPECT_EQ(seg_of(SPARE).limit, 0x54321);
    struct desc d = {0, DESC_P | DESC_S | DESC_DPL | ATTR_CODE << 8};
    EXPECT_EQ(desc_dpl(d), 3);
    EXPECT(desc_is_code(d));
    d.hi &= ~DESC_S;
    EXPECT(!desc_is_code(d));
}

static void descriptor_reads_stay_in_the_table(void)
{
    struct desc d;

    world_ring(0);
    EXPECT_OK(desc_read(&w.cpu, &env, CODE0, TRAP_GP, 0, &d, &f));
    EXPECT_EQ(d.hi, mem32(GDT_AT + CODE0 + 4));
    EXPECT_RAISES(desc_read(&w.cpu, &env, BEYOND | 2, TRAP_TS, 1, &d, &f),
                  TRAP_TS, BEYOND | TRAP_ERR_EXT);
    put_desc(SEL_TI | 8, 0, 1, A_DATA);
    EXPECT_OK(desc_read(&w.cpu, &env, SEL_TI | 8, TRAP_GP, 0, &d, &f));
    EXPECT_EQ(d.lo, 1);
    EXPECT_RAISES(desc_read(&w.cpu, &env, 0x27, TRAP_GP, 0, &d, &f), TRAP_GP,
                  0x24);
    w.cpu.gdtr.limit = CODE0 + 7;
    EXPECT_OK(desc_read(&w.cpu, &env, CODE0, TRAP_GP, 0, &d, &f));
    w.cpu.ldtr.limit = 7;
    EXPECT_OK(desc_read(&w.cpu, &env, SEL_TI, TRAP_GP, 0, &d, &f));
    w.cpu.gdtr.limit = CODE0 + 6;
    EXPECT_RAISES(desc_read(&w.cpu, &env, CODE0, TRAP_GP, 0, &d, &f), TRAP_GP,
                  CODE0);
    w.cpu.ldtr = (struct segment){0, 0, LDT_AT, 0xffff};
    EXPECT_RAISES(desc_read(&w.cpu, &env, SEL_TI, TRAP_GP, 0, &d, &f), TRAP_GP,
                  SEL_TI);
}

/* One access through a segment of a given kind. */
static const struct {
    u32 attr, limit, offset, size, access;
    bool ok;
} access_cases[] = {
    {A_DATA & ~ATTR_G, 0xfff, 0xffc, 4, ACC_READ, true},
    {A_DATA & ~ATTR_G, 0xfff, 0xffd, 4, ACC_READ, false},
    {A_DATA & ~ATTR_G, 0xfff, 0xfff, 1, ACC_WRITE, true},
    {A_DATA & ~ATTR_G, 0xfff, 0x1000, 1, ACC_READ, false},
    {A_DATA & ~ATTR_G, 0, 0, 1, ACC_READ, true},
    {A_DATA & ~ATTR_G, 0, 0, 2, ACC_READ, false},
    {A_DATA, FLAT, 0xffffffff, 1, ACC_READ, true},
    {A_DATA, FLAT, 0xfffffffe, 4, ACC_READ, false},
    {A_RODATA, FLAT, 0, 4, ACC_READ, true},
    {A_RODATA, FLAT, 0, 4, ACC_WRITE, false},
    {A_RODATA, FLAT, 0, 4, ACC_READ | ACC_WRITE, false},
    {A_DATA, FLAT, 0, 4, ACC_FETCH, true}, /* CS behind MOV CR0 */
    {A_DATA & ~ATTR_P, FLAT, 0, 4, ACC_FETCH, false},
    {A_CODE, FLAT, 0, 4, ACC_FETCH, true},
    {A_CODE, FLAT, 0, 4, ACC_READ, true},
    {A_CODE, FLAT, 0, 4, ACC_WRITE, false},
    {A_XCODE, FLAT, 0, 4, ACC_FETCH, true},
    {A_XCODE, FLAT, 0, 4, ACC_READ, false},
    {A_CONF & ~ATTR_G, 0xfff, 0x1000, 1, ACC_FETCH, false},
    {A_CONF & ~ATTR_G, 0xfff, 0xfff, 1, ACC_FETCH, true},
    {A_DATA & ~ATTR_P, FLAT, 0, 1, ACC_READ, false},
    {0, 0xffff, 0, 1, ACC_READ, false}, /* null */
    /* expand-down, 32-bit and 16-bit */
    {(A_DATA | ATTR_DOWN) & ~ATTR_G, 0xfff, 0xfff, 1, ACC_READ, false},
    {(A_DATA | ATTR_DOWN) & ~ATTR_G, 0xfff, 0x1000, 1, ACC_READ, true},
    {(A_DATA | ATTR_DOWN) & ~ATTR_G, 0xfff, 0xffffffff, 1, ACC_READ, true},
    {(A_DATA | ATTR_DOWN) & ~ATTR_G, 0xfff, 0xffffffff, 2, ACC_READ, false},
    {(A_DATA | ATTR_DOWN) & ~(ATTR_G | ATTR_DB), 0xfff, 0xfffc, 4, ACC_READ,
     true},
    {(A_DATA | ATTR_DOWN) & ~(ATTR_G | ATTR_DB), 0xfff, 0xfffd, 4, ACC_READ,
     false},
    {(A_DATA | ATTR_DOWN) & ~(ATTR_G | ATTR_DB), 0xfff, 0x10000, 1, ACC_READ,
     false},
};

static void linear_addresses(void)
{
    for (size_t i = 0; i < ARRAY_LEN(access_cases); i++) {
        gva_t at = {0xdead};
        world_ring(0);
        put_desc(SPARE, 0xfffff000, access_cases[i].limit,
                 access_cases[i].attr);
        w.cpu.seg[SEG_FS] = seg_of(SPARE);
        w.cpu.seg[SEG_SS] = seg_of(SPARE);
        bool ok = seg_linear(&w.cpu, SEG_FS, access_cases[i].offset,
                             access_cases[i].size, access_cases[i].access, &at,
                             &f) == ENV_OK;
        if (ok != access_cases[i].ok)
            printf("access case %zu\n", i);
        EXPECT_EQ(ok, access_cases[i].ok);
        if (ok) {
            EXPECT_EQ(at.v, access_cases[i].offset + 0xfffff000);
            continue;
        }
        EXPECT_EQ(f.vector, TRAP_GP);
        EXPECT_EQ(f.error, 0);
        EXPECT_RAISES(seg_linear(&w.cpu, SEG_SS, access_cases[i].offset,
                                 access_cases[i].size, access_cases[i].access,
                                 &at, &f),
                      TRAP_SS, 0);
    }
}

static const struct {
    unsigned s;
    u16 sel;
    u8 cpl;
    u32 attr; /* of SPARE */
    u8 vector;
    u32 error;
} load_cases[] = {
    {SEG_DS, SPARE, 0, A_DATA, OK, 0},
    {SEG_DS, SPARE | 3, 0, A_DATA, TRAP_GP, SPARE},
    {SEG_DS, SPARE, 3, A_DATA, TRAP_GP, SPARE},
    {SEG_DS, SPARE | 3, 3, A_DATA | A_DPL(3), OK, 0},
    {SEG_DS, SPARE, 3, A_DATA | A_DPL(3), OK, 0},
    {SEG_ES, SPARE, 0, A_RODATA, OK, 0},
    {SEG_ES, SPARE, 0, A_CODE, OK, 0},
    {SEG_ES, SPARE, 0, A_XCODE, TRAP_GP, SPARE},
    {SEG_ES, SPARE | 3, 3, A_CODE, TRAP_GP, SPARE},
    {SEG_ES, SPARE | 3, 3, A_CONF, OK, 0},
    {SEG_ES, SPARE | 3, 3, A_CONF & ~ATTR_READABLE, TRAP_GP, SPARE},
    {SEG_FS, SPARE, 0, ATTR_P | SYS_LDT, TRAP_GP, SPARE},
    {SEG_FS, SPARE, 0, A_DATA & ~ATTR_P, TRAP_NP, SPARE},
    {SEG_FS, SPARE | 3, 3, A_DATA & ~ATTR_P, TRAP_GP, SPARE},
    {SEG_GS, BEYOND | 1, 0, A_DATA, TRAP_GP, BEYOND},
    {SEG_GS, 0, 0, A_DATA, OK, 0},
    {SEG_GS, 3, 3, A_DATA, OK, 0},
    {SEG_SS, SPARE, 0, A_DATA, OK, 0},
    {SEG_SS, SPARE | 3, 3, A_DATA | A_DPL(3), OK, 0},
    {SEG_SS, SPARE, 0, A_DATA | ATTR_DOWN, OK, 0},
    {SEG_SS, 0, 0, A_DATA, TRAP_GP, 0},
    {SEG_SS, 2, 0, A_DATA, TRAP_GP, 0},
    {SEG_SS, BEYOND, 0, A_DATA, TRAP_GP, BEYOND},
    {SEG_SS, SPARE | 1, 0, A_DATA, TRAP_GP, SPARE},
    {SEG_SS, SPARE, 0, A_DATA | A_DPL(1), TRAP_GP, SPARE},
    {SEG_SS, SPARE | 3, 3, A_DATA, TRAP_GP, SPARE},
    {SEG_SS, SPARE, 0, A_RODATA, TRAP_GP, SPARE},
    {SEG_SS, SPARE, 0, A_CODE, TRAP_GP, SPARE},
    {SEG_SS, SPARE, 0, ATTR_P | SYS_TSS32_FREE, TRAP_GP, SPARE},
    {SEG_SS, SPARE, 0, A_DATA & ~ATTR_P, TRAP_SS, SPARE},
    {SEG_SS, SPARE, 0, A_RODATA & ~ATTR_P, TRAP_GP, SPARE},
};

static void segment_loads(void)
{
    for (size_t i = 0; i < ARRAY_LEN(load_cases); i++) {
        unsigned s = load_cases[i].s;
        u16 sel = load_cases[i].sel;
        int failures = unit_failures;
        world_ring(load_cases[i].cpl);
        put_desc(SPARE, 0x5000, FLAT, load_cases[i].attr);
        if (load_cases[i].vector) {
            EXPECT_RAISES(seg_load(&w.cpu, &env, s, sel, &f),
                          load_cases[i].vector, load_cases[i].error);
        } else {
            EXPECT_OK(seg_load(&w.cpu, &env, s, sel, &f));
            EXPECT_EQ(w.cpu.seg_dirty, BIT(s));
            EXPECT_EQ(w.cpu.seg[s].sel, sel);
            EXPECT_EQ(w.cpu.seg[s].base, sel > 3 ? 0x5000 : 0);
            EXPECT_EQ(w.cpu.seg[s].attr, sel > 3 ? load_cases[i].attr : 0);
            EXPECT_EQ(w.writes, 0);
        }
        if (failures != unit_failures)
            printf("load case %zu\n", i);
    }
}

static void accessed_bit_is_set_once(void)
{
    world_ring(0);
    put_desc(SPARE, 0, FLAT, A_DATA & ~ATTR_ACCESSED);
    EXPECT_OK(seg_load(&w.cpu, &env, SEG_DS, SPARE, &f));
    EXPECT_EQ(type_byte(SPARE), (u8)A_DATA);
    EXPECT_EQ(w.cpu.seg[SEG_DS].attr, A_DATA);
    EXPECT_EQ(w.writes, 1);
    EXPECT_OK(seg_load(&w.cpu, &env, SEG_SS, SPARE, &f));
    EXPECT_EQ(w.writes, 1);
    put_desc(SEL_TI, 0, FLAT, A_DATA & ~ATTR_ACCESSED);
    EXPECT_OK(seg_load(&w.cpu, &env, SEG_SS, SEL_TI, &f));
    EXPECT_EQ(type_byte(SEL_TI), (u8)A_DATA);
}

static void table_page_faults_change_nothing(void)
{
    world_ring(3);
    put_desc(SPARE, 0, FLAT, (A_DATA | A_DPL(3)) & ~ATTR_ACCESSED);
    w.no_write[GDT_AT / PAGE_SIZE] = 1;
    EXPECT_RAISES(seg_load(&w.cpu, &env, SEG_DS, SPARE, &f), TRAP_PF, PF_WRITE);
    EXPECT_EQ(f.cr2, GDT_AT + SPARE + 5);
    w.no_read[GDT_AT / PAGE_SIZE] = 1;
    EXPECT_RAISES(seg_load(&w.cpu, &env, SEG_DS, SPARE, &f), TRAP_PF, 0);
    w.stop = true;
    EXPECT_EQ(seg_load(&w.cpu, &env, SEG_SS, SPARE | 3, &f), ENV_STOP);
    EXPECT(untouched());
}

static const struct {
    u16 sel;
    u32 attr; /* of SPARE */
    u8 vector;
    u32 error;
} lldt_cases[] =
    {
        {SPARE, ATTR_P | SYS_LDT, OK, 0},
        {SPARE | 3, ATTR_P | SYS_LDT, OK, 0},
        {0, 0, OK, 0},
        {SPARE, SYS_LDT, TRAP_NP, SPARE},
        {SPARE, ATTR_P | SYS_TSS32_FREE, TRAP_GP, SPARE},
        {SPARE, A_DATA, TRAP_GP, SPARE},
        {SEL_TI | 8, 0, TRAP_GP, SEL_TI | 8},
        {BEYOND, 0, TRAP_GP, BEYOND},
},
  ltr_cases[] = {
      {SPARE, ATTR_P | SYS_TSS32_FREE, OK, 0},
      {SPARE, ATTR_P | SYS_TSS16_FREE, OK, 0},
      {0, 0, TRAP_GP, 0},
      {3, 0, TRAP_GP, 0},
      {SPARE, SYS_TSS32_FREE, TRAP_NP, SPARE},
      {SPARE, ATTR_P | SYS_TSS32_BUSY, TRAP_GP, SPARE},
      {SPARE, ATTR_P | SYS_TSS16_BUSY, TRAP_GP, SPARE},
      {SPARE, ATTR_P | SYS_LDT, TRAP_GP, SPARE},
      {SPARE, A_CODE, TRAP_GP, SPARE},
      {SEL_TI | 8, 0, TRAP_GP, SEL_TI | 8},
      {BEYOND | 2, 0, TRAP_GP, BEYOND},
};

static void lldt(void)
{
    for (size_t i = 0; i < ARRAY_LEN(lldt_cases); i++) {
        u16 sel = lldt_cases[i].sel;
        world_ring(0);
        put_desc(SPARE, 0x6000, 0x7f, lldt_cases[i].attr);
        put_desc(SEL_TI | 8, 0, 0x7f, ATTR_P | SYS_LDT);
        if (lldt_cases[i].vector) {
            EXPECT_RAISES(seg_lldt(&w.cpu, &env, sel, &f), lldt_cases[i].vector,
                          lldt_cases[i].error);
            EXPECT_EQ(w.loaded, 0);
            continue;
        }
        EXPECT_OK(seg_lldt(&w.cpu, &env, sel, &f));
        EXPECT_EQ(w.loaded, BIT(TABLE_LDT));
        EXPECT_EQ(w.cpu.ldtr.sel, sel);
        EXPECT_EQ(w.cpu.ldtr.base, sel ? 0x6000 : 0);
        EXPECT_EQ(w.cpu.ldtr.attr, lldt_cases[i].attr);
    }
}

static void ltr(void)
{
    for (size_t i = 0; i < ARRAY_LEN(ltr_cases); i++) {
        u16 sel = ltr_cases[i].sel;
        world_ring(0);
        put_desc(SPARE, 0x6000, 0x67, ltr_cases[i].attr);
        put_desc(SEL_TI | 8, 0, 0x67, ATTR_P | SYS_TSS32_FREE);
        if (ltr_cases[i].vector) {
            EXPECT_RAISES(seg_ltr(&w.cpu, &env, sel, &f), ltr_cases[i].vector,
                          ltr_cases[i].error);
            EXPECT_EQ(w.loaded, 0);
            continue;
        }
        EXPECT_OK(seg_ltr(&w.cpu, &env, sel, &f));
        EXPECT_EQ(w.loaded, BIT(TABLE_TSS));
        EXPECT_EQ(w.cpu.tr.base, 0x6000);
        EXPECT_EQ(w.cpu.tr.attr, ltr_cases[i].attr | 2);
        EXPECT_EQ(type_byte(SPARE), ltr_cases[i].attr | 2);
    }
    world_ring(0);
    put_desc(SPARE, 0x6000, 0x67, ATTR_P | SYS_TSS32_FREE);
    w.no_write[GDT_AT / PAGE_SIZE] = 1;
    EXPECT_RAISES(seg_ltr(&w.cpu, &env, SPARE, &f), TRAP_PF, PF_WRITE);
}

static const struct {
    u16 sel;
    u8 cpl;
    u32 attr; /* of SPARE */
    bool lar, lsl, verr, verw;
} ask_cases[] = {
    {0, 0, 0, 0, 0, 0, 0},
    {3, 0, 0, 0, 0, 0, 0},
    {BEYOND, 0, 0, 0, 0, 0, 0},
    {SPARE, 0, A_DATA, 1, 1, 1, 1},
    {SPARE, 0, A_DATA & ~ATTR_P, 1, 1, 1, 1},
    {SPARE | 1, 0, A_DATA, 0, 0, 0, 0},
    {SPARE, 1, A_DATA, 0, 0, 0, 0},
    {SPARE | 3, 3, A_DATA | A_DPL(3), 1, 1, 1, 1},
    {SPARE, 0, A_RODATA, 1, 1, 1, 0},
    {SPARE, 0, A_CODE, 1, 1, 1, 0},
    {SPARE, 0, A_XCODE, 1, 1, 0, 0},
    {SPARE | 3, 3, A_CODE, 0, 0, 0, 0},
    {SPARE | 3, 3, A_CONF, 1, 1, 1, 0},
    {SPARE | 3, 3, A_CONF & ~ATTR_READABLE, 1, 1, 0, 0},
    {SPARE, 0, ATTR_P | 0, 0, 0, 0, 0},
    {SPARE, 0, ATTR_P | SYS_TSS16_FREE, 1, 1, 0, 0},
    {SPARE, 0, ATTR_P | SYS_LDT, 1, 1, 0, 0},
    {SPARE, 0, ATTR_P | SYS_TSS16_BUSY, 1, 1, 0, 0},
    {SPARE, 0, ATTR_P | SYS_CALL16, 1, 0, 0, 0},
    {SPARE, 0, ATTR_P | SYS_TASK_GATE, 1, 0, 0, 0},
    {SPARE, 0, ATTR_P | SYS_INT16, 0, 0, 0, 0},
    {SPARE, 0, ATTR_P | SYS_TRAP16, 0, 0, 0, 0},
    {SPARE, 0, ATTR_P | 8, 0, 0, 0, 0},
    {SPARE, 0, ATTR_P | SYS_TSS32_FREE, 1, 1, 0, 0},
    {SPARE, 0, ATTR_P | SYS_TSS32_BUSY, 1, 1, 0, 0},
    {SPARE | 3, 0, ATTR_P | SYS_TSS32_BUSY, 0, 0, 0, 0},
    {SPARE, 0, ATTR_P | SYS_CALL32, 1, 0, 0, 0},
    {SPARE, 0, ATTR_P | SYS_INT32, 0, 0, 0, 0},
    {SPARE, 0, ATTR_P | SYS_TRAP32, 0, 0, 0, 0},
};

static void questions_about_selectors(void)
{
    for (size_t i = 0; i < ARRAY_LEN(ask_cases); i++) {
        u16 sel = ask_cases[i].sel;
        int failures = unit_failures;
        u32 out;
        bool zf;
        world_ring(ask_cases[i].cpl);
        put_desc(SPARE, 0x12345678, 0xabcde, ask_cases[i].attr);
        u32 attr = ask_cases[i].attr;
        EXPECT_OK(seg_lar(&w.cpu, &env, sel, &zf, &out, &f));
        EXPECT_EQ(zf, ask_cases[i].lar);
        if (zf)
            EXPECT_EQ(out, attr << 8);
        EXPECT_OK(seg_lsl(&w.cpu, &env, sel, &zf, &out, &f));
        EXPECT_EQ(zf, ask_cases[i].lsl);
        if (zf)
            EXPECT_EQ(out, attr & ATTR_G ? 0xabcdefff : 0xabcde);
        EXPECT_OK(seg_verify(&w.cpu, &env, sel, false, &zf, &f));
        EXPECT_EQ(zf, ask_cases[i].verr);
        EXPECT_OK(seg_verify(&w.cpu, &env, sel, true, &zf, &f));
        EXPECT_EQ(zf, ask_cases[i].verw);
        EXPECT(untouched());
        if (failures != unit_failures)
            printf("ask case %zu\n", i);
    }
}

static void questions_can_page_fault(void)
{
    u32 out;
    bool zf;

    world_ring(3);
    w.no_read[GDT_AT / PAGE_SIZE] = 1;
    EXPECT_RAISES(seg_lar(&w.cpu, &env, DATA(3), &zf, &out, &f), TRAP_PF, 0);
    EXPECT_RAISES(seg_lsl(&w.cpu, &env, DATA(3), &zf, &out, &f), TRAP_PF, 0);
    EXPECT_RAISES(seg_verify(&w.cpu, &env, DATA(3), 0, &zf, &f), TRAP_PF, 0);
    EXPECT_OK(seg_lar(&w.cpu, &env, 0, &zf, &out, &f));
}

static void push_and_pop(void)
{
    u32 value, esp;

    world_ring(3);
    esp = w.cpu.gpr[ESP];
    EXPECT_OK(stack_push(&w.cpu, &env, 0x11223344, 4, &f));
    EXPECT_OK(stack_push(&w.cpu, &env, 0x5566, 2, &f));
    EXPECT_EQ(w.cpu.gpr[ESP], esp - 6);
    EXPECT_EQ(mem32(esp - 4), 0x11223344);
    EXPECT_EQ(mem16(esp - 6), 0x5566);
    EXPECT_EQ(w.user_accesses, 2);
    EXPECT_OK(stack_pop(&w.cpu, &env, &value, 2, &f));
    EXPECT_EQ(value, 0x5566);
    EXPECT_OK(stack_pop(&w.cpu, &env, &value, 4, &f));
    EXPECT_EQ(value, 0x11223344);
    EXPECT_EQ(w.cpu.gpr[ESP], esp);
    w.no_write[(esp - 4) / PAGE_SIZE] = 1;
    EXPECT_RAISES(stack_push(&w.cpu, &env, 0, 4, &f), TRAP_PF,
                  PF_WRITE | PF_USER);
    w.no_read[esp / PAGE_SIZE] = 1;
    EXPECT_RAISES(stack_pop(&w.cpu, &env, &value, 4, &f), TRAP_PF, PF_USER);
}

static void small_stack_wraps_and_keeps_the_upper_half(void)
{
    u32 value;

    world_ring(0);
    put_desc(SPARE, 0x20000, 0xffff, A_DATA & ~(ATTR_G | ATTR_DB));
    w.cpu.seg[SEG_SS] = seg_of(SPARE);
    w.cpu.gpr[ESP] = 0xabcd0000;
    EXPECT_OK(stack_push(&w.cpu, &env, 0x77, 4, &f));
    EXPECT_EQ(w.cpu.gpr[ESP], 0xabcdfffc);
    EXPECT_EQ(mem32(0x2fffc), 0x77);
    EXPECT_OK(stack_pop(&w.cpu, &env, &value, 4, &f));
    EXPECT_EQ(value, 0x77);
    EXPECT_EQ(w.cpu.gpr[ESP], 0xabcd0000);
    w.cpu.gpr[ESP] = 0xabcd0001;
    EXPECT_RAISES(stack_push(&w.cpu, &env, 0, 2, &f), TRAP_SS, 0);
}

static void stack_limits(void)
{
    u32 value;

    world_ring(0);
    put_desc(SPARE, 0x20000, 0xfff, A_DATA & ~ATTR_G);
    w.cpu.seg[SEG_SS] = seg_of(SPARE);
    w.cpu.gpr[ESP] = 0x1000;
    EXPECT_RAISES(stack_pop(&w.cpu, &env, &value, 2, &f), TRAP_SS, 0);
    EXPECT_OK(stack_push(&w.cpu, &env, 1, 4, &f));
    w.cpu.gpr[ESP] = 2;
    EXPECT_RAISES(stack_push(&w.cpu, &env, 0, 4, &f), TRAP_SS, 0);
    w.cpu.seg[SEG_SS].attr |= ATTR_DOWN;
    w.cpu.gpr[ESP] = 0x1004;
    EXPECT_OK(stack_push(&w.cpu, &env, 1, 4, &f));
    EXPECT_RAISES(stack_push(&w.cpu, &env, 1, 4, &f), TRAP_SS, 0);
}

#define IOMAP 0x68

static void io_world(u8 cpl, u32 tss_limit)
{
    world_ring(cpl);
    put_le16(w.mem + TSS_AT + TSS32_IOMAP, IOMAP);
    w.cpu.tr.limit = tss_limit;
    memset(w.mem + TSS_AT + IOMAP, 0xff, 0x20);
    w.mem[TSS_AT + IOMAP + 1] = 0x0f; /* ports 12..15 are open */
    w.mem[TSS_AT + IOMAP + 2] = 0xfe; /* and 16 */
}

static void io_permission(void)
{
    io_world(0, 0);
    EXPECT_OK(io_allowed(&w.cpu, &env, 0xffff, 4, &f));
    EXPECT_EQ(w.reads, 0);
    io_world(3, 0);
    w.cpu.eflags |= EFLAGS_IOPL;
    EXPECT_OK(io_allowed(&w.cpu, &env, 0xffff, 4, &f));

    io_world(3, IOMAP + 3);
    EXPECT_OK(io_allowed(&w.cpu, &env, 12, 4, &f));
    EXPECT_OK(io_allowed(&w.cpu, &env, 15, 2, &f));
    EXPECT_OK(io_allowed(&w.cpu, &env, 16, 1, &f));
    EXPECT_EQ(w.user_accesses, 0);
    EXPECT_RAISES(io_allowed(&w.cpu, &env, 14, 4, &f), TRAP_GP, 0);
    EXPECT_RAISES(io_allowed(&w.cpu, &env, 11, 1, &f), TRAP_GP, 0);
    EXPECT_RAISES(io_allowed(&w.cpu, &env, 16, 2, &f), TRAP_GP, 0);
    EXPECT_RAISES(io_allowed(&w.cpu, &env, 0xfff0, 1, &f), TRAP_GP, 0);
    w.cpu.tr.limit = IOMAP + 2; /* port 16 needs bytes 2 and 3 */
    EXPECT_RAISES(io_allowed(&w.cpu, &env, 16, 1, &f), TRAP_GP, 0);
    EXPECT_OK(io_allowed(&w.cpu, &env, 15, 2, &f));
    w.cpu.tr.limit = TSS32_IOMAP;
    EXPECT_RAISES(io_allowed(&w.cpu, &env, 15, 1, &f), TRAP_GP, 0);
    io_world(3, 0xfff);
    w.cpu.tr.attr = ATTR_P | SYS_TSS16_BUSY;
    EXPECT_RAISES(io_allowed(&w.cpu, &env, 12, 1, &f), TRAP_GP, 0);
    w.cpu.tr.attr = 0;
    EXPECT_RAISES(io_allowed(&w.cpu, &env, 12, 1, &f), TRAP_GP, 0);
    io_world(3, 0xfff);
    w.no_read[TSS_AT / PAGE_SIZE] = 1;
    EXPECT_RAISES(io_allowed(&w.cpu, &env, 12, 1, &f), TRAP_PF, 0);
}

/* The null selector is none, whatever stands in entry 0 (vol. 2A LTR). */
static void ltr_of_null_is_refused(void)
{
    world_ring(0);
    put_desc(0, TSS_AT, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    EXPECT_RAISES(seg_ltr(&w.cpu, &env, 0, &f), TRAP_GP, 0);
    EXPECT_RAISES(seg_ltr(&w.cpu, &env, 3, &f), TRAP_GP, 0);
    EXPECT_EQ(w.writes, 0);
}

static const struct unit_case cases[] = {
    CASE(ltr_of_null_is_refused),
    CASE(descriptor_fields),
    CASE(descriptor_reads_stay_in_the_table),
    CASE(linear_addresses),
    CASE(segment_loads),
    CASE(accessed_bit_is_set_once),
    CASE(table_page_faults_change_nothing),
    CASE(lldt),
    CASE(ltr),
    CASE(questions_about_selectors),
    CASE(questions_can_page_fault),
    CASE(push_and_pop),
    CASE(small_stack_wraps_and_keeps_the_upper_half),
    CASE(stack_limits),
    CASE(io_permission),
};
UNIT_MAIN(cases)
