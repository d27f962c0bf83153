/* SPDX-License-Identifier: MIT
 *
 * Real-address mode: RESET, paragraphs, the interrupt table, far transfers,
 * limits, the way to protected mode and back, and what stays in a segment
 * register on that way. SDM vol. 3A 9.1.1, 9.9, 20.1; vol. 2 by instruction.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/unit/realworld.h"

#define A_REAL        (ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED)
#define IVT_AT        0x600u
#define CODE_SEL      0x1234
#define HANDLER_CS(v) ((u16)(0x4000 + (v)))
#define HANDLER_IP(v) ((u16)(0x100 + 16 * (v)))
#define BIG           0xfffffu

static void vectors_at(u32 base)
{
    for (u32 v = 0; v < TRAP_VECTORS; v++) {
        put_le16(w.mem + base + v * 4, HANDLER_IP(v));
        put_le16(w.mem + base + v * 4 + 2, HANDLER_CS(v));
    }
}

/* At 1234:0100 with DS=2000, ES=3000, SS:SP=5000:1000. */
static void world_real(void)
{
    static const u16 sel[SEG_COUNT] = {0x3000, CODE_SEL, 0x5000,
                                       0x2000, 0x7000,   0x8000};

    memset(&w, 0, sizeof(w));
    cpu_reset_power_on(&w.cpu, 0x633);
    for (u32 s = 0; s < SEG_COUNT; s++) {
        w.cpu.seg[s].sel = sel[s];
        w.cpu.seg[s].base = (u32)sel[s] << 4;
    }
    w.cpu.eip = 0x100;
    w.cpu.gpr[ESP] = 0xabcd1000;
    w.cpu.idtr = (struct table_reg){IVT_AT, 0x3ff};
    w.cpu.cr0 = CR0_ET;
    w.cpu.seg_dirty = 0;
    vectors_at(IVT_AT);
    memset(&f, 0xee, sizeof(f));
}

static u16 stack16(u32 index)
{
    return mem16(0x50000 + (u16)(w.cpu.gpr[ESP] + index * 2));
}

static void reset_state(void)
{
    cpu_reset_power_on(&w.cpu, 0x683);
    EXPECT_EQ(cpu_mode(&w.cpu), MODE_REAL);
    EXPECT_EQ(w.cpu.eip, 0xfff0);
    EXPECT_EQ(w.cpu.eflags, EFLAGS_ONE);
    EXPECT_EQ(w.cpu.cr0, 0x60000010);
    EXPECT_EQ(w.cpu.gpr[EDX], 0x683);
    EXPECT_EQ(w.cpu.dr[6], 0xffff0ff0);
    EXPECT_EQ(w.cpu.dr[7], 0x400);
    EXPECT_EQ(w.cpu.cpl, 0);
    EXPECT_EQ(w.cpu.gdtr.limit, 0xffff);
    EXPECT_EQ(w.cpu.idtr.limit, 0xffff);
    EXPECT_EQ(w.cpu.idtr.base, 0);
    EXPECT_EQ(w.cpu.seg_dirty, 0x3f);
    for (u32 s = 0; s < SEG_COUNT; s++) {
        EXPECT_EQ(w.cpu.seg[s].sel, s == SEG_CS ? 0xf000 : 0);
        EXPECT_EQ(w.cpu.seg[s].base, s == SEG_CS ? 0xffff0000 : 0);
        EXPECT_EQ(w.cpu.seg[s].limit, 0xffff);
        EXPECT_EQ(w.cpu.seg[s].attr, A_REAL);
    }
    EXPECT_EQ(w.cpu.tr.limit, 0xffff);
    EXPECT_EQ(w.cpu.ldtr.limit, 0xffff);
    EXPECT_EQ(w.cpu.ldtr.attr & ATTR_P, ATTR_P);
}

/* Every instruction that loads one sets selector and base, and no more. */
static void segment_loads(void)
{
    world_real();
    w.cpu.seg[SEG_DS].limit = 0xffffffff;
    w.cpu.seg[SEG_DS].attr = A_REAL | ATTR_G | ATTR_DB;
    w.cpu.gpr[EAX] = 0x5555beef;
    RUN(0x8e, 0xd8); /* mov ds, ax */
    expect_paragraph(SEG_DS, 0xbeef, A_REAL | ATTR_G | ATTR_DB, 0xffffffff);
    EXPECT_EQ(w.cpu.irq_shadow, 0);
    RUN(0x8e, 0xd0); /* mov ss, ax */
    expect_paragraph(SEG_SS, 0xbeef, A_REAL, 0xffff);
    EXPECT(w.cpu.irq_shadow);

    world_real();
    put_le16(w.mem + 0x51000, 0x4321);
    RUN(0x07); /* pop es */
    expect_paragraph(SEG_ES, 0x4321, A_REAL, 0xffff);
    EXPECT_EQ(w.cpu.gpr[ESP], 0xabcd1002);

    world_real();
    put_le32(w.mem + 0x20010, 0x99998888);
    RUN(0x0f, 0xb4, 0x1e, 0x10, 0x00); /* lfs bx, [10h] */
    expect_paragraph(SEG_FS, 0x9999, A_REAL, 0xffff);
    EXPECT_EQ(w.cpu.gpr[EBX], 0x8888);

    /* no table is read, null is a paragraph like any other */
    w.cpu.gpr[EAX] = 0;
    RUN(0x8e, 0xe8); /* mov gs, ax */
    expect_paragraph(SEG_GS, 0, A_REAL, 0xffff);
    EXPECT_EQ(w.cpu.gdtr.limit, 0xffff);
    RAISES(TRAP_UD, 0, 0x8e, 0xc8); /* mov cs, ax */
}

/* A null register that protected mode left behind. */
static void null_register_becomes_usable(void)
{
    world_real();
    w.cpu.seg[SEG_ES] = (struct segment){0};
    RAISES(TRAP_GP, 0, 0x26, 0xa0, 0, 0); /* mov al, es:[0] */
    w.cpu.gpr[EAX] = 0x6000;
    RUN(0x8e, 0xc0);
    expect_paragraph(SEG_ES, 0x6000, A_REAL, 0xffff);
    w.mem[0x60000] = 0x5a;
    RUN(0x26, 0xa0, 0, 0);
    EXPECT_EQ((u8)w.cpu.gpr[EAX], 0x5a);
}

static void memory_operands(void)
{
    world_real();
    w.cpu.gpr[EBX] = 0xffff0010; /* 16-bit addressing takes BX alone */
    put_le16(w.mem + 0x20010, 0xcafe);
    RUN(0x8b, 0x07); /* mov ax, [bx] */
    EXPECT_EQ((u16)w.cpu.gpr[EAX], 0xcafe);
    RUN(0x89, 0x46, 0xfe); /* mov [bp-2], ax: SS, and wraps to FFFE */
    EXPECT_EQ(mem16(0x5fffe), 0xcafe);
    w.cpu.gpr[ESI] = 0xf000;
    w.cpu.gpr[EBX] = 0x2000;
    put_le16(w.mem + 0x21000, 0x7777);
    RUN(0x8b, 0x00); /* mov ax, [bx+si] wraps at 64 KiB */
    EXPECT_EQ((u16)w.cpu.gpr[EAX], 0x7777);
}

static void limits(void)
{
    world_real();
    w.cpu.gpr[EBX] = 0xffff;
    RUN(0x8a, 0x07);                /* mov al, [bx] */
    RAISES(TRAP_GP, 0, 0x8b, 0x07); /* mov ax, [bx] */
    RAISES(TRAP_GP, 0, 0x89, 0x07); /* mov [bx], ax */
    RAISES(TRAP_SS, 0, 0x36, 0x8b, 0x07);
    w.cpu.gpr[EBX] = 0x10000;
    RAISES(TRAP_GP, 0, 0x67, 0x8a, 0x03); /* mov al, [ebx] */
    w.cpu.gpr[ESI] = 0xfffe;
    RUN(0xad); /* lodsw: SI wraps */
    EXPECT_EQ((u16)w.cpu.gpr[ESI], 0);
    w.cpu.gpr[ESI] = 0xffff;
    RAISES(TRAP_GP, 0, 0xad);
}

/* SP=1 is where the 8086 wrapped and later processors fault (20.1.5). */
static void stack_limits(void)
{
    world_real();
    w.cpu.gpr[ESP] = 0x10000;
    w.cpu.gpr[EAX] = 0x1111;
    RUN(0x50); /* push ax at SP=0 */
    EXPECT_EQ(w.cpu.gpr[ESP], 0x1fffe);
    EXPECT_EQ(mem16(0x5fffe), 0x1111);
    w.cpu.gpr[ESP] = 1;
    RAISES(TRAP_SS, 0, 0x50);
    w.cpu.gpr[ESP] = 0xffff;
    RAISES(TRAP_SS, 0, 0x58); /* pop ax */
    w.cpu.gpr[ESP] = 0xfffe;
    RUN(0x58);
    EXPECT_EQ(w.cpu.gpr[ESP], 0);
    w.cpu.gpr[ESP] = 3;
    RAISES(TRAP_SS, 0, 0xcd, 0x21); /* no room for an interrupt's frame */
    RAISES(TRAP_SS, 0, 0x9a, 0, 0, 0, 0x40);
    RAISES(TRAP_SS, 0, 0x66, 0x9a, 0, 0, 1, 0, 0, 0x40); /* before #GP */
    w.cpu.gpr[ESP] = 0xfffd;
    RAISES(TRAP_SS, 0, 0xcf);
    RAISES(TRAP_SS, 0, 0xcb);
}

static void code_runs_to_the_limit(void)
{
    world_real();
    w.cpu.eip = 0xffff;
    RUN(0x90);
    EXPECT_EQ(w.cpu.eip, 0x10000);
    before = w.cpu;
    expect_raised(cpu_step(&w.cpu, &machine, &st), TRAP_GP, 0, __LINE__);
    w.cpu.eip = 0xffff;
    RAISES(TRAP_GP, 0, 0xb0, 1); /* its second byte is not there */
    w.cpu.eip = 0xfff0;
    RUN(0xeb, 0x20); /* a near jump is 16 bits and wraps */
    EXPECT_EQ(w.cpu.eip, 0x12);
    RAISES(TRAP_GP, 0, 0x66, 0xe9, 0, 0, 1, 0); /* one of 32 bits does not */
}

static void far_jumps_and_calls(void)
{
    world_real();
    w.cpu.seg[SEG_CS].limit = 0x8fff;
    RUN(0xea, 0x34, 0x12, 0x00, 0x30); /* jmp 3000:1234 */
    expect_paragraph(SEG_CS, 0x3000, A_REAL, 0x8fff);
    EXPECT_EQ(w.cpu.eip, 0x1234);
    EXPECT_EQ(w.cpu.cpl, 0);
    RAISES(TRAP_GP, 0, 0xea, 0x00, 0x90, 0x00, 0x30);
    RAISES(TRAP_GP, 0, 0x66, 0xea, 0x00, 0x00, 0x01, 0x00, 0x00, 0x30);
    RAISES(TRAP_GP, 0, 0x9a, 0x00, 0x90, 0x00, 0x30);

    world_real();
    RUN(0x9a, 0x34, 0x12, 0x03, 0x30); /* call 3003:1234 */
    expect_paragraph(SEG_CS, 0x3003, A_REAL, 0xffff);
    EXPECT_EQ(w.cpu.gpr[ESP], 0xabcd0ffc);
    EXPECT_EQ(stack16(0), 0x105);
    EXPECT_EQ(stack16(1), CODE_SEL);
    RUN(0xca, 4, 0); /* retf 4 */
    expect_paragraph(SEG_CS, CODE_SEL, A_REAL, 0xffff);
    EXPECT_EQ(w.cpu.eip, 0x105);
    EXPECT_EQ(w.cpu.gpr[ESP], 0xabcd1004);

    world_real();
    RUN(0x66, 0x9a, 0x34, 0x12, 0, 0, 0x03, 0x30);
    EXPECT_EQ(w.cpu.gpr[ESP], 0xabcd0ff8);
    EXPECT_EQ(mem32(0x50ff8), 0x108);
    EXPECT_EQ(mem32(0x50ffc), CODE_SEL);
    put_le32(w.mem + 0x50ffc, 0xffff0000 | CODE_SEL);
    RUN(0x66, 0xcb); /* the upper half of CS's word counts for nothing */
    expect_paragraph(SEG_CS, CODE_SEL, A_REAL, 0xffff);
    put_le32(w.mem + 0x51000, 0x10000);
    RAISES(TRAP_GP, 0, 0x66, 0xcb);
}

static void interrupts(void)
{
    world_real();
    w.cpu.eflags |= EFLAGS_IF | EFLAGS_TF | EFLAGS_AC | EFLAGS_NT | EFLAGS_CF;
    w.cpu.eflags |= EFLAGS_IOPL;
    u16 flags = (u16)w.cpu.eflags;
    RUN(0xcd, 0x21);
    expect_paragraph(SEG_CS, HANDLER_CS(0x21), A_REAL, 0xffff);
    EXPECT_EQ(w.cpu.eip, HANDLER_IP(0x21));
    EXPECT_EQ(w.cpu.gpr[ESP], 0xabcd0ffa);
    EXPECT_EQ(stack16(0), 0x102);
    EXPECT_EQ(stack16(1), CODE_SEL);
    EXPECT_EQ(stack16(2), flags);
    EXPECT_EQ(w.cpu.eflags, EFLAGS_ONE | EFLAGS_NT | EFLAGS_CF | EFLAGS_IOPL);
    EXPECT(st.software_int);
    EXPECT_EQ(st.vector, 0x21);
    RUN(0xcf); /* and back; NT asks for nothing here */
    EXPECT_EQ(w.cpu.eip, 0x102);
    EXPECT_EQ((u16)w.cpu.eflags, flags);
    EXPECT_EQ(w.cpu.gpr[ESP], 0xabcd1000);

    world_real();
    RUN(0xcc);
    EXPECT_EQ(w.cpu.eip, HANDLER_IP(TRAP_BP));
    world_real();
    RUN(0xce); /* into, OF clear */
    EXPECT_EQ(w.cpu.eip, 0x101);
    w.cpu.eflags |= EFLAGS_OF;
    RUN(0xce);
    EXPECT_EQ(w.cpu.eip, HANDLER_IP(TRAP_OF));
}

/* LIDT moves and shortens the table (20.1.4). */
static void interrupt_table(void)
{
    world_real();
    put_le16(w.mem + 0x20000, 0x87);
    put_le32(w.mem + 0x20002, 0xff040000);
    RUN(0x0f, 0x01, 0x1e, 0, 0); /* lidt [0]: 24 bits of base */
    EXPECT_EQ(w.cpu.idtr.base, 0x40000);
    EXPECT_EQ(w.cpu.idtr.limit, 0x87);
    EXPECT_EQ(w.loaded, BIT(TABLE_IDT));
    put_le32(w.mem + 0x40000 + 0x21 * 4, 0x60000007);
    put_le32(w.mem + 0x40000 + 0x22 * 4, 0x60000009);
    RAISES(TRAP_GP, 0x22 * 4 | TRAP_ERR_IDT, 0xcd, 0x22);
    RUN(0xcd, 0x21);
    expect_paragraph(SEG_CS, 0x6000, A_REAL, 0xffff);
    EXPECT_EQ(w.cpu.eip, 7);
}

static enum event_status deliver(u8 vector, u8 *delivered)
{
    struct event e = {EVENT_EXCEPTION, fault_error(vector, 0x1234)};

    return event_deliver(&w.cpu, &machine, &e, delivered);
}

/* No exception pushes an error code in this mode (20.1.4). */
static void exceptions(void)
{
    u8 vector = 99;

    world_real();
    w.cpu.halted = 1;
    w.cpu.irq_shadow = 1;
    EXPECT_EQ(deliver(TRAP_GP, &vector), EVENT_OK);
    EXPECT_EQ(vector, TRAP_GP);
    EXPECT_EQ(w.cpu.gpr[ESP], 0xabcd0ffa);
    EXPECT_EQ(stack16(0), 0x100);
    EXPECT_EQ(stack16(1), CODE_SEL);
    EXPECT_EQ(w.cpu.halted, 0);
    EXPECT_EQ(w.cpu.irq_shadow, 0);

    /* behind the limit IP is pushed as 16 bits */
    world_real();
    w.cpu.eip = 0x10000;
    EXPECT_EQ(deliver(TRAP_GP, &vector), EVENT_OK);
    EXPECT_EQ(stack16(0), 0);

    /* a table that ends before #GP's vector: #UD becomes #GP, double fault,
     * and that one is there */
    world_real();
    w.cpu.idtr.limit = TRAP_DF * 4 + 3;
    EXPECT_EQ(deliver(TRAP_SS, &vector), EVENT_OK);
    EXPECT_EQ(vector, TRAP_DF);
    EXPECT_EQ(w.cpu.eip, HANDLER_IP(TRAP_DF));

    /* and one that ends before the double fault's */
    world_real();
    w.cpu.idtr.limit = TRAP_DF * 4 + 2;
    before = w.cpu;
    EXPECT_EQ(deliver(TRAP_GP, &vector), EVENT_TRIPLE);
    EXPECT(untouched());
    world_real();
    w.cpu.gpr[ESP] = 1;
    before = w.cpu;
    EXPECT_EQ(deliver(TRAP_UD, &vector), EVENT_TRIPLE);
    EXPECT(untouched());
}

/* EFLAGS of IRET: AND 257FD5H of the image, 1A0000H kept. */
static void iret_flags(void)
{
    for (u32 old = 0; old < 2; old++) {
        u32 keep = old ? EFLAGS_VIF | EFLAGS_VIP : 0;
        world_real();
        w.cpu.eflags |= keep;
        put_le32(w.mem + 0x51000, 0x777);
        put_le32(w.mem + 0x51004, 0x2222);
        put_le32(w.mem + 0x51008, 0xffffffff);
        RUN(0x66, 0xcf);
        EXPECT_EQ(w.cpu.eflags, 0x257fd5 | EFLAGS_ONE | keep);
        EXPECT_EQ(w.cpu.eip, 0x777);
        EXPECT_EQ(w.cpu.gpr[ESP], 0xabcd100c);
        expect_paragraph(SEG_CS, 0x2222, A_REAL, 0xffff);
    }
    world_real();
    w.cpu.eflags |= EFLAGS_AC | EFLAGS_ID;
    put_le16(w.mem + 0x51004, 0xffff);
    RUN(0xcf);
    EXPECT_EQ(w.cpu.eflags, 0x7fd7 | EFLAGS_AC | EFLAGS_ID);
    world_real();
    put_le32(w.mem + 0x51000, 0x10000);
    RAISES(TRAP_GP, 0, 0x66, 0xcf);
}

static void flags_of_popf(void)
{
    world_real();
    put_le32(w.mem + 0x51000, 0xffffffff);
    RUN(0x66, 0x9d);
    EXPECT_EQ(w.cpu.eflags, 0x247fd7);
    RUN(0xfa);
    RUN(0xfb);
    EXPECT_EQ(w.cpu.eflags & EFLAGS_IF, EFLAGS_IF);
    EXPECT(w.cpu.irq_shadow);
}

/* Selectors of protected mode mean nothing here: #UD; LLDT and LTR too. */
static void not_recognised(void)
{
    world_real();
    RAISES(TRAP_UD, 0, 0x63, 0xc8);       /* arpl */
    RAISES(TRAP_UD, 0, 0x0f, 0x02, 0xc1); /* lar */
    RAISES(TRAP_UD, 0, 0x0f, 0x03, 0xc1); /* lsl */
    for (u8 reg = 0; reg < 6; reg++)      /* sldt str lldt ltr verr verw */
        RAISES(TRAP_UD, 0, 0x0f, 0x00, 0xc0 | reg << 3);
    RAISES(TRAP_GP, 0, 0x0f, 0x34); /* sysenter */
    RAISES(TRAP_GP, 0, 0x0f, 0x35); /* sysexit */
    w.cpu.sysenter_cs = 8;
    RAISES(TRAP_GP, 0, 0x0f, 0x34);
    RAISES(TRAP_GP, 0, 0x0f, 0x35);
}

static void privileged_is_allowed(void)
{
    world_real();
    cr_count = port_count = 0;
    RUN(0x0f, 0x01, 0x06, 0, 0); /* sgdt [0] */
    RUN(0x0f, 0x01, 0x16, 0, 0); /* lgdt [0] */
    RUN(0x0f, 0x01, 0xe0);       /* smsw ax */
    EXPECT_EQ((u16)w.cpu.gpr[EAX], CR0_ET);
    RUN(0x0f, 0x06);       /* clts */
    RUN(0x0f, 0x20, 0xc0); /* mov eax, cr0 */
    RUN(0xe4, 0x60);       /* in al, 60h */
    RUN(0xe6, 0x60);
    RUN(0x0f, 0x09); /* wbinvd */
    RUN(0xf4);
    EXPECT_EQ(w.cpu.halted, 1);
    EXPECT_EQ(port_count, 2);
}

/* LGDT, CR0.PE, the old CS, the far jump, segments with 4 GiB, and back
 * (9.9.1, 9.9.2). */
static void to_protected_mode_and_back(void)
{
    world_real();
    put_desc(CODE0, 0, FLAT, A_CODE & ~ATTR_DB & ~ATTR_ACCESSED);
    put_desc(DATA0, 0, FLAT, A_DATA);
    w.cpu.gdtr = (struct table_reg){GDT_AT, 0x1f};
    w.cpu.gpr[EAX] = CR0_PE;
    RUN(0x0f, 0x01, 0xf0); /* lmsw ax */
    EXPECT_EQ(cpu_mode(&w.cpu), MODE_PROTECTED);
    EXPECT_EQ(w.cpu.cpl, 0);
    EXPECT(!memcmp(w.cpu.seg, before.seg, sizeof(before.seg)));
    w.cpu.gpr[EAX] = 0;
    RUN(0x0f, 0x01, 0xf0); /* LMSW does not clear it */
    EXPECT_EQ(cpu_mode(&w.cpu), MODE_PROTECTED);
    RUN(0xa3, 0x10, 0); /* mov [10h], ax: DS as it was */
    RUN(0x2e, 0xa1, 0x10, 0);
    RUN(0xea, 0x00, 0x60, CODE0, 0);
    EXPECT_EQ(w.cpu.seg[SEG_CS].base, 0);
    EXPECT_EQ(type_byte(CODE0) & ATTR_ACCESSED, ATTR_ACCESSED);
    w.cpu.gpr[EAX] = DATA0;
    RUN(0x8e, 0xd8);
    EXPECT_EQ(w.cpu.seg[SEG_DS].limit, 0xffffffff);
    w.cpu.gpr[EAX] = CODE_SEL;
    RAISES(TRAP_GP, CODE_SEL & ~3, 0x8e, 0xc0);

    RUN(0x0f, 0x20, 0xc0);
    w.cpu.gpr[EAX] &= ~CR0_PE;
    RUN(0x0f, 0x22, 0xc0);
    EXPECT_EQ(cpu_mode(&w.cpu), MODE_REAL);
    EXPECT_EQ(w.cpu.seg[SEG_CS].sel, CODE0);
    EXPECT_EQ(w.cpu.seg[SEG_CS].limit, 0xffffffff);
    RUN(0x2e, 0xa3, 0x10, 0); /* mov cs:[10h], ax */
    EXPECT_EQ(mem16(0x10), (u16)w.cpu.gpr[EAX]);
    RUN(0xea, 0x00, 0x01, 0x34, 0x12);
    EXPECT_EQ(w.cpu.seg[SEG_CS].base, CODE_SEL << 4);
}

/* What a stay in protected mode leaves behind: DS reaches everything. */
static void big_real(void)
{
    world_real();
    w.cpu.seg[SEG_DS] = (struct segment){DATA0, A_DATA, 0, 0xffffffff};
    w.cpu.gpr[EAX] = 0x1000;
    RUN(0x8e, 0xd8);
    expect_paragraph(SEG_DS, 0x1000, A_DATA, 0xffffffff);
    w.cpu.gpr[EBX] = BIG - 0x10000 - 3;
    w.cpu.gpr[ECX] = 0xfeedface;
    RUN(0x67, 0x66, 0x89, 0x0b); /* mov [ebx], ecx */
    EXPECT_EQ(mem32(BIG - 3), 0xfeedface);
    w.cpu.gpr[EBX] = 0x1ffff;
    RUN(0x8a, 0x07); /* 16-bit addresses stay below 64 KiB */
    w.cpu.gpr[EBX] = 0xffff;
    RUN(0x8b, 0x07); /* a word across offset 64 KiB is no fault now */
    w.cpu.seg[SEG_DS].attr = A_RODATA;
    w.cpu.gpr[EBX] = 0;
    RAISES(TRAP_GP, 0, 0x88, 0x07); /* nor does the load make it writable */
}

/* PG without PE is #GP(0) in both directions. */
static void paging_needs_protection(void)
{
    world_real();
    w.cpu.gpr[EAX] = CR0_PG;
    RAISES(TRAP_GP, 0, 0x0f, 0x22, 0xc0);
    w.cpu.cr0 |= CR0_PE | CR0_PG;
    RAISES(TRAP_GP, 0, 0x0f, 0x22, 0xc0);
    w.cpu.gpr[EAX] = 0;
    RUN(0x0f, 0x22, 0xc0);
    EXPECT_EQ(cpu_mode(&w.cpu), MODE_REAL);
}

/* 32-bit code goes on as such behind the MOV that clears PE. */
static void d_bit_stays(void)
{
    world_ring(0);
    w.cpu.eip = 0x5000;
    w.cpu.gpr[EAX] = 0;
    RUN(0x0f, 0x22, 0xc0);
    EXPECT_EQ(w.cpu.seg[SEG_CS].attr, A_DATA);
    RUN(0xb8, 1, 2, 3, 4); /* mov eax, imm32 */
    EXPECT_EQ(w.cpu.gpr[EAX], 0x04030201);
    RUN(0xea, 0, 0x70, 0, 0, 0x34, 0x12);
    expect_paragraph(SEG_CS, 0x1234, A_DATA, 0xffffffff);
}

static void environment_may_stop(void)
{
    world_real();
    struct event e = {EVENT_INTERRUPT, fault_plain(8)};
    w.stop = true;
    before = w.cpu;
    EXPECT_EQ(event_deliver(&w.cpu, &machine, &e, NULL), EVENT_STOPPED);
    EXPECT_EQ(far_call(&w.cpu, &machine, 1, 2, 2, 3, &f), ENV_STOP);
    EXPECT_EQ(far_ret(&w.cpu, &machine, 2, 0, &f), ENV_STOP);
    EXPECT(untouched());
}

static const struct unit_case cases[] = {
    CASE(reset_state),
    CASE(segment_loads),
    CASE(null_register_becomes_usable),
    CASE(memory_operands),
    CASE(limits),
    CASE(stack_limits),
    CASE(code_runs_to_the_limit),
    CASE(far_jumps_and_calls),
    CASE(interrupts),
    CASE(interrupt_table),
    CASE(exceptions),
    CASE(iret_flags),
    CASE(flags_of_popf),
    CASE(not_recognised),
    CASE(privileged_is_allowed),
    CASE(to_protected_mode_and_back),
    CASE(big_real),
    CASE(paging_needs_protection),
    CASE(d_bit_stays),
    CASE(environment_may_stop),
};
UNIT_MAIN(cases)
