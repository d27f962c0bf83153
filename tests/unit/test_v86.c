/* SPDX-License-Identifier: MIT
 *
 * Virtual-8086 mode: IRET into it, every instruction that IOPL or the mode
 * itself decides about, ports, and the way out through gates. SDM vol. 3A
 * 20.2, 20.3; INT n, IRET, POPF, PUSHF in vol. 2.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/unit/realworld.h"

#define A_V86   (ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_DPL)
#define CODE_V  0x1234
#define IOPL(n) ((u32)(n) << EFLAGS_IOPL_SHIFT)
#define VECTOR  0x80

static const u16 v_sel[SEG_COUNT] = {0x3000, CODE_V, 0x5000,
                                     0x6000, 0x7000, 0x8000};

/* At 1234:0100 in the mode, with this IOPL. */
static void world_v86(u32 iopl)
{
    world_ring(0);
    w.cpu.cpl = 3;
    w.cpu.eflags |= EFLAGS_VM | IOPL(iopl);
    for (u32 s = 0; s < SEG_COUNT; s++)
        w.cpu.seg[s] =
            (struct segment){v_sel[s], A_V86, (u32)v_sel[s] << 4, 0xffff};
    w.cpu.eip = 0x100;
    w.cpu.gpr[ESP] = 0x1000;
    w.cpu.seg_dirty = 0;
}

/* The nine words that lead there, on a ring-0 stack. */
static void frame_to_v86(u32 eip, u32 eflags, u32 esp)
{
    push32(0xaaaa0000 | v_sel[SEG_GS]);
    push32(v_sel[SEG_FS]);
    push32(0xbbbb0000 | v_sel[SEG_DS]);
    push32(v_sel[SEG_ES]);
    push32(0xcccc0000 | v_sel[SEG_SS]);
    push32(esp);
    push32(eflags);
    push32(0xdddd0000 | CODE_V);
    push32(eip);
}

static void iret_into_it(void)
{
    u32 image = EFLAGS_VM | EFLAGS_IF | IOPL(2) | EFLAGS_NT | EFLAGS_AC |
                EFLAGS_ID | EFLAGS_VIF | EFLAGS_VIP | EFLAGS_RF | EFLAGS_CF;

    world_ring(0);
    w.cpu.eip = 0x9000;
    frame_to_v86(0x10234, image, 0x12345678);
    u32 at = w.cpu.gpr[ESP];
    RUN(0xcf);
    EXPECT_EQ(cpu_mode(&w.cpu), MODE_V86);
    EXPECT_EQ(w.cpu.cpl, 3);
    EXPECT_EQ(w.cpu.eflags, image | EFLAGS_ONE);
    EXPECT_EQ(w.cpu.eip, 0x234);
    EXPECT_EQ(w.cpu.gpr[ESP], 0x12345678);
    for (u32 s = 0; s < SEG_COUNT; s++)
        expect_paragraph(s, v_sel[s], A_V86, 0xffff);

    /* not within the stack's limit: #SS(0), nothing done */
    world_ring(0);
    w.cpu.eip = 0x9000;
    frame_to_v86(0x100, image, 0);
    w.cpu.seg[SEG_SS].limit = at + 35;
    RUN(0xcf);
    world_ring(0);
    w.cpu.eip = 0x9000;
    frame_to_v86(0x100, image, 0);
    w.cpu.seg[SEG_SS].limit = at + 34;
    RAISES(TRAP_SS, 0, 0xcf);

    /* a 16-bit IRET has no VM bit to pop */
    world_ring(0);
    w.cpu.eip = 0x9000;
    push16(2);
    push16(CODE0);
    push16(0x4444);
    RUN(0x66, 0xcf);
    EXPECT_EQ(cpu_mode(&w.cpu), MODE_PROTECTED);
    EXPECT_EQ(w.cpu.eip, 0x4444);
}

/* Ring 3 cannot go there, whatever the image says; nor can POPF. */
static void nobody_else_enters(void)
{
    world_ring(3);
    w.cpu.eip = 0x9000;
    push32(EFLAGS_VM | EFLAGS_ONE);
    push32(CODE(3));
    push32(0x9100);
    RUN(0xcf);
    EXPECT_EQ(cpu_mode(&w.cpu), MODE_PROTECTED);
    world_ring(0);
    w.cpu.eip = 0x9000;
    push32(EFLAGS_VM | EFLAGS_ONE);
    RUN(0x9d);
    EXPECT_EQ(cpu_mode(&w.cpu), MODE_PROTECTED);
}

static void segment_loads(void)
{
    world_v86(0);
    w.cpu.gpr[EAX] = 3;
    RUN(0x8e, 0xd8);
    expect_paragraph(SEG_DS, 3, A_V86, 0xffff);
    RUN(0x8e, 0xd0);
    expect_paragraph(SEG_SS, 3, A_V86, 0xffff);
    EXPECT(w.cpu.irq_shadow);
    RUN(0xea, 0x00, 0x02, 0x00, 0x20);
    expect_paragraph(SEG_CS, 0x2000, A_V86, 0xffff);
    EXPECT_EQ(w.cpu.cpl, 3);
    world_v86(0);
    RUN(0x9a, 0x00, 0x02, 0x00, 0x20);
    EXPECT_EQ(mem16(0x50ffe), CODE_V);
    EXPECT_EQ(mem16(0x50ffc), 0x105);
    RUN(0xcb);
    expect_paragraph(SEG_CS, CODE_V, A_V86, 0xffff);
    EXPECT_EQ(w.cpu.gpr[ESP], 0x1000);
}

/* 64 KiB, and every access is a user's. */
static void memory(void)
{
    world_v86(0);
    w.cpu.gpr[EBX] = 0xffff;
    w.user_accesses = 0;
    RUN(0x88, 0x07); /* mov [bx], al */
    EXPECT_EQ(w.user_accesses, 2);
    RAISES(TRAP_GP, 0, 0x89, 0x07);
    RAISES(TRAP_SS, 0, 0x36, 0x89, 0x07);
    w.cpu.gpr[EBX] = 0x10000;
    RAISES(TRAP_GP, 0, 0x67, 0x88, 0x03);
    RUN(0x2e, 0xa2, 0, 0); /* CS is writable */
    w.cpu.eip = 0xffff;
    RAISES(TRAP_GP, 0, 0xb0, 1);
}

/* CLI STI PUSHF POPF INT n IRET: #GP(0) below IOPL 3 (20.2.7). */
static void iopl_sensitive(void)
{
    static const u8 code[][3] = {
        {0xfa},       {0xfb},       {0x9c},       {0x9d}, {0x66, 0x9c},
        {0x66, 0x9d}, {0xcd, 0x80}, {0xcd, 0x03}, {0xcf}, {0x66, 0xcf}};

    for (u32 i = 0; i < ARRAY_LEN(code); i++) {
        for (u32 iopl = 0; iopl < 3; iopl++) {
            world_v86(iopl);
            put_idt(VECTOR, CODE0, HANDLER, SYS_INT32, 3);
            put_idt(TRAP_BP, CODE0, HANDLER, SYS_INT32, 3);
            expect_raised(run_bytes(code[i], sizeof(code[i])), TRAP_GP, 0,
                          (int)i);
            EXPECT_EQ(w.writes, 0);
        }
        world_v86(3);
        put_idt(VECTOR, CODE0, HANDLER, SYS_INT32, 3);
        put_idt(TRAP_BP, CODE0, HANDLER, SYS_INT32, 3);
        EXPECT_EQ(run_bytes(code[i], sizeof(code[i])), STEP_OK);
    }
}

static void flags_by_iopl_3(void)
{
    world_v86(3);
    w.cpu.eflags |= EFLAGS_RF | EFLAGS_VIF;
    u32 old = w.cpu.eflags;
    RUN(0x66, 0x9c); /* pushfd: no VM, no RF */
    EXPECT_EQ(mem32(0x50ffc), old & ~(EFLAGS_VM | EFLAGS_RF));
    put_le32(w.mem + 0x50ffc, ~(u32)0 & ~(EFLAGS_IOPL | EFLAGS_VM));
    RUN(0x66, 0x9d); /* popfd: not IOPL VM VIF VIP, RF cleared */
    EXPECT_EQ(w.cpu.eflags, EFLAGS_VM | IOPL(3) | EFLAGS_VIF | EFLAGS_ONE |
                                EFLAGS_STATUS | EFLAGS_TF | EFLAGS_IF |
                                EFLAGS_DF | EFLAGS_NT | EFLAGS_AC | EFLAGS_ID);
    put_le16(w.mem + 0x51000, 0);
    RUN(0x9d);
    EXPECT_EQ(w.cpu.eflags, EFLAGS_VM | IOPL(3) | EFLAGS_VIF | EFLAGS_ONE |
                                EFLAGS_AC | EFLAGS_ID);
    RUN(0xfb);
    EXPECT(w.cpu.eflags & EFLAGS_IF);
    RUN(0xfa);
    EXPECT(!(w.cpu.eflags & EFLAGS_IF));
}

/* IRET stays in the mode; NT asks for nothing. */
static void iret_inside(void)
{
    world_v86(3);
    w.cpu.eflags |= EFLAGS_NT;
    put_le16(w.mem + 0x51000, 0x777);
    put_le16(w.mem + 0x51002, 0x2222);
    put_le16(w.mem + 0x51004, 0);
    RUN(0xcf);
    expect_paragraph(SEG_CS, 0x2222, A_V86, 0xffff);
    EXPECT_EQ(w.cpu.eip, 0x777);
    EXPECT_EQ(w.cpu.eflags, EFLAGS_VM | IOPL(3) | EFLAGS_ONE);
    EXPECT_EQ(w.cpu.gpr[ESP], 0x1006);

    world_v86(3);
    put_le32(w.mem + 0x51000, 0x777);
    put_le32(w.mem + 0x51004, 0xffff2222);
    put_le32(w.mem + 0x51008, ~(EFLAGS_IOPL | EFLAGS_VM));
    RUN(0x66, 0xcf);
    EXPECT_EQ(w.cpu.eflags & (EFLAGS_IOPL | EFLAGS_VM | EFLAGS_VIF |
                              EFLAGS_VIP | EFLAGS_RF | EFLAGS_IF),
              EFLAGS_IOPL | EFLAGS_VM | EFLAGS_RF | EFLAGS_IF);
    expect_paragraph(SEG_CS, 0x2222, A_V86, 0xffff);
    world_v86(3);
    put_le32(w.mem + 0x51000, 0x10000);
    RAISES(TRAP_GP, 0, 0x66, 0xcf);
}

static void not_allowed(void)
{
    world_v86(3);
    RAISES(TRAP_UD, 0, 0x63, 0xc8);
    RAISES(TRAP_UD, 0, 0x0f, 0x02, 0xc1);
    RAISES(TRAP_UD, 0, 0x0f, 0x03, 0xc1);
    for (u8 reg = 0; reg < 6; reg++)
        RAISES(TRAP_UD, 0, 0x0f, 0x00, 0xc0 | reg << 3);
    RAISES(TRAP_GP, 0, 0xf4);                   /* hlt */
    RAISES(TRAP_GP, 0, 0x0f, 0x01, 0x16, 0, 0); /* lgdt */
    RAISES(TRAP_GP, 0, 0x0f, 0x01, 0x1e, 0, 0); /* lidt */
    RAISES(TRAP_GP, 0, 0x0f, 0x01, 0xf0);       /* lmsw */
    RAISES(TRAP_GP, 0, 0x0f, 0x06);             /* clts */
    RAISES(TRAP_GP, 0, 0x0f, 0x20, 0xc0);       /* mov eax, cr0 */
    RAISES(TRAP_GP, 0, 0x0f, 0x22, 0xc0);
    RAISES(TRAP_GP, 0, 0x0f, 0x21, 0xc0);
    RAISES(TRAP_GP, 0, 0x0f, 0x09); /* wbinvd */
    RAISES(TRAP_GP, 0, 0x0f, 0x30); /* wrmsr */
    RAISES(TRAP_GP, 0, 0x0f, 0x35); /* sysexit */
    RUN(0x0f, 0x01, 0x06, 0, 0);    /* sgdt is open */
    RUN(0x0f, 0x01, 0xe0);          /* smsw too */
    w.cpu.cr4 = CR4_UMIP;
    RAISES(TRAP_GP, 0, 0x0f, 0x01, 0x06, 0, 0);
    RAISES(TRAP_UD, 0, 0x0f, 0x00, 0xc0);
}

/* The bitmap alone decides, also at IOPL 3 (20.2.8.1). */
static void ports(void)
{
    for (u32 iopl = 0; iopl < 4; iopl++) {
        world_v86(iopl);
        put_le16(w.mem + TSS_AT + TSS32_IOMAP, TSS32_SIZE);
        RAISES(TRAP_GP, 0, 0xe4, 0x60); /* no bitmap in this TSS */
        w.cpu.tr.limit = 0x100;
        w.mem[TSS_AT + TSS32_SIZE + 0x60 / 8] = 2;
        port_count = 0;
        RUN(0xe4, 0x60);
        RAISES(TRAP_GP, 0, 0xe4, 0x61);
        RAISES(TRAP_GP, 0, 0xe5, 0x60);
        RAISES(TRAP_GP, 0, 0xe6, 0x61);
        w.cpu.gpr[EDX] = 0x61;
        RAISES(TRAP_GP, 0, 0x6c); /* insb */
        EXPECT_EQ(port_count, 1);
    }
}

static enum env_status enter(enum event_kind kind, struct fault fault)
{
    struct event e = {kind, fault};

    return event_enter(&w.cpu, &machine, &e, &f);
}

static void expect_in_ring_0(void)
{
    EXPECT_EQ(cpu_mode(&w.cpu), MODE_PROTECTED);
    EXPECT_EQ(w.cpu.cpl, 0);
    EXPECT_EQ(w.cpu.seg[SEG_CS].sel, CODE0);
    EXPECT_EQ(w.cpu.seg[SEG_SS].sel, DATA0);
    for (u32 s = 0; s < SEG_COUNT; s++) {
        if (s == SEG_CS || s == SEG_SS)
            continue;
        EXPECT_EQ(w.cpu.seg[s].sel, 0);
        EXPECT_EQ(w.cpu.seg[s].attr, 0);
    }
    EXPECT_EQ(w.cpu.seg_dirty, 0x3f);
}

static void out_of_it(void)
{
    world_v86(1);
    w.cpu.eflags |= EFLAGS_NT | EFLAGS_TF | EFLAGS_AC | EFLAGS_VIF;
    u32 flags = w.cpu.eflags;
    EXPECT_OK(enter(EVENT_EXCEPTION, fault_error(TRAP_GP, 0x55)));
    const u32 want[] = {
        0x55,          0x100,         CODE_V,        flags | EFLAGS_RF,
        0x1000,        v_sel[SEG_SS], v_sel[SEG_ES], v_sel[SEG_DS],
        v_sel[SEG_FS], v_sel[SEG_GS]};
    EXPECT_EQ(w.cpu.gpr[ESP], STACK_TOP(0) - sizeof(want));
    for (u32 i = 0; i < ARRAY_LEN(want); i++)
        EXPECT_EQ(mem32(w.cpu.gpr[ESP] + i * 4), want[i]);
    EXPECT_EQ(w.cpu.eip, HANDLER + TRAP_GP);
    EXPECT_EQ(w.cpu.eflags, flags & ~(EFLAGS_VM | EFLAGS_NT | EFLAGS_TF |
                                      EFLAGS_IF | EFLAGS_RF));
    expect_in_ring_0();

    /* the handler drops the error code and goes back */
    w.cpu.gpr[ESP] += 4;
    RUN(0xcf);
    EXPECT_EQ(w.cpu.eflags, flags | EFLAGS_RF);
    EXPECT_EQ(w.cpu.gpr[ESP], 0x1000);
    EXPECT_EQ(w.cpu.eip, 0x100);
    for (u32 s = 0; s < SEG_COUNT; s++)
        expect_paragraph(s, v_sel[s], A_V86, 0xffff);
}

static void through_a_16_bit_gate(void)
{
    world_v86(3);
    put_idt(VECTOR, CODE0, 0x7654, SYS_TRAP16, 3);
    u32 flags = w.cpu.eflags;
    RUN(0xcd, VECTOR);
    EXPECT_EQ(w.cpu.gpr[ESP], STACK_TOP(0) - 18);
    EXPECT_EQ(mem16(w.cpu.gpr[ESP]), 0x102);
    EXPECT_EQ(mem16(w.cpu.gpr[ESP] + 2), CODE_V);
    EXPECT_EQ(mem16(w.cpu.gpr[ESP] + 4), (u16)flags);
    EXPECT_EQ(mem16(w.cpu.gpr[ESP] + 16), v_sel[SEG_GS]);
    EXPECT_EQ(w.cpu.eip, 0x7654);
    EXPECT_EQ(w.cpu.eflags, flags & ~EFLAGS_VM);
    expect_in_ring_0();
}

/* INT n: the gate's DPL must be 3; INT3 and INTO do not ask for IOPL. */
static void software_interrupts(void)
{
    world_v86(3);
    RAISES(TRAP_GP, VECTOR * 8 | TRAP_ERR_IDT, 0xcd, VECTOR);
    world_v86(0);
    RAISES(TRAP_GP, TRAP_BP * 8 | TRAP_ERR_IDT, 0xcc);
    put_idt(TRAP_BP, CODE0, HANDLER, SYS_INT32, 3);
    RUN(0xcc);
    expect_in_ring_0();
    EXPECT_EQ(mem32(w.cpu.gpr[ESP]), 0x101);
    world_v86(0);
    put_idt(TRAP_OF, CODE0, HANDLER, SYS_INT32, 3);
    w.cpu.eflags |= EFLAGS_OF;
    RUN(0xce);
    expect_in_ring_0();
    world_v86(0);
    RUN(0xf1); /* counts as an exception: the gate's DPL is 0 */
    expect_in_ring_0();
}

/* Only non-conforming code of ring 0 may be the handler's. */
static void handler_must_be_ring_0(void)
{
    static const u16 wrong[] = {CODE0 + 0x10, CODE0 + 0x20, CODE0 + 0x30,
                                CONFORM0, CONFORM3};

    for (u32 i = 0; i < ARRAY_LEN(wrong); i++) {
        for (u32 ext = 0; ext < 2; ext++) {
            world_v86(3);
            put_idt(VECTOR, wrong[i], HANDLER, SYS_INT32, 3);
            EXPECT_RAISES(enter(ext ? EVENT_INTERRUPT : EVENT_SOFTWARE,
                                fault_plain(VECTOR)),
                          TRAP_GP, wrong[i] | ext);
        }
    }
    world_v86(3); /* not present comes first */
    put_idt(VECTOR, CODE(1), HANDLER, SYS_INT32, 3);
    put_desc(CODE(1), 0, FLAT, (A_CODE & ~ATTR_P) | A_DPL(1));
    EXPECT_RAISES(enter(EVENT_SOFTWARE, fault_plain(VECTOR)), TRAP_NP,
                  CODE0 + 0x10);
}

static void inner_stack(void)
{
    world_v86(3);
    put_le32(w.mem + TSS_AT + TSS32_SS0, DATA(1));
    EXPECT_RAISES(enter(EVENT_INTERRUPT, fault_plain(8)), TRAP_TS,
                  (DATA(1) & ~3u) | TRAP_ERR_EXT);
    world_v86(3);
    put_desc(DATA0, 0, 0x100, A_DATA & ~ATTR_G);
    put_le32(w.mem + TSS_AT + TSS32_ESP0, 36);
    EXPECT_OK(enter(EVENT_INTERRUPT, fault_plain(8)));
    EXPECT_EQ(w.cpu.gpr[ESP], 0);
    world_v86(3);
    put_desc(DATA0, 0, 0x100, A_DATA & ~ATTR_G);
    put_le32(w.mem + TSS_AT + TSS32_ESP0, 35);
    EXPECT_RAISES(enter(EVENT_INTERRUPT, fault_plain(8)), TRAP_SS,
                  DATA0 | TRAP_ERR_EXT);
}

static void sysenter_leaves_too(void)
{
    world_v86(0);
    RAISES(TRAP_GP, 0, 0x0f, 0x34);
    w.cpu.sysenter_cs = 0x40;
    w.cpu.sysenter_eip = 0x99;
    w.cpu.sysenter_esp = 0x77;
    RUN(0x0f, 0x34);
    EXPECT_EQ(cpu_mode(&w.cpu), MODE_PROTECTED);
    EXPECT_EQ(w.cpu.cpl, 0);
    EXPECT_EQ(w.cpu.eip, 0x99);
    EXPECT_EQ(w.cpu.eflags & (EFLAGS_VM | EFLAGS_IF), 0);
}

static const struct unit_case cases[] = {
    CASE(iret_into_it),
    CASE(nobody_else_enters),
    CASE(segment_loads),
    CASE(memory),
    CASE(iopl_sensitive),
    CASE(flags_by_iopl_3),
    CASE(iret_inside),
    CASE(not_allowed),
    CASE(ports),
    CASE(out_of_it),
    CASE(through_a_16_bit_gate),
    CASE(software_interrupts),
    CASE(handler_must_be_ring_0),
    CASE(inner_stack),
    CASE(sysenter_leaves_too),
};
UNIT_MAIN(cases)
