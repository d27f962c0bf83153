/* SPDX-License-Identifier: MIT
 *
 * Real-address mode, there and back: segments, the stack, the interrupt
 * table, far transfers, exceptions without error codes, what is #UD, flags,
 * "big real" mode, protected mode for a moment and hardware interrupts.
 *
 * SDM vol. 3A 9.9, 20.1; vol. 2 by instruction.
 */
#include "tests/micro/lib/modes.h"

#define HANDLER 0x400 /* offset of a handler in the code segment */
#define PIC_EOI 0x20

static void segments(void)
{
    modes_reset();
    MODES->r[R_EAX] = 0x12340003;
    RUNS(real, "loads of segment registers", 0x8e, 0xd8, /* mov ds, ax */
         0x1e, 0x07,                                     /* push ds; pop es */
         0x0f, 0xa8, 0x0f, 0xa1,                         /* gs to fs */
         0x8c, 0xcb);                                    /* mov bx, cs */
    EXPECT_EQ(MODES->s[S_DS], 3, "DS after MOV DS, AX");
    EXPECT_EQ(MODES->s[S_ES], 3, "ES after POP ES");
    EXPECT_EQ(MODES->s[S_FS], 0x5000, "FS after POP FS");
    EXPECT_EQ(MODES->r[R_EBX], 0x4040 << 16 | MODES_CODE,
              "BX after MOV BX, CS");
    EXPECT_EQ(MODES->r[R_ESP], MODES_SP, "SP when all is popped");

    modes_reset();
    set_word(0x2000, 0x10, 0x8888);
    set_word(0x2000, 0x12, 0x3001);
    set_word(0x3001, 0x8888, 0x77);
    RUNS(real, "LES and an override", 0xc4, 0x1e, 0x10, 0x00, 0x26, 0x8a, 0x07);
    EXPECT_EQ(MODES->s[S_ES], 0x3001, "ES after LES");
    EXPECT_EQ((u8)MODES->r[R_EAX], 0x77, "a byte through ES");
    modes_reset();
    TRAPS(real, TRAP_UD, 0, "MOV CS, AX", 0x8e, 0xc8);
}

static void addresses(void)
{
    modes_reset();
    MODES->r[R_EBX] = 0xffff2000;
    MODES->r[R_ESI] = 0x1111f000;
    set_word(0x2000, 0x1000, 0xcafe);
    RUNS(real, "MOV AX, [BX+SI] beyond 64 KiB", 0x8b, 0x00);
    EXPECT_EQ((u16)MODES->r[R_EAX], 0xcafe, "an effective address wraps");
    modes_reset();
    MODES->s[S_DS] = 0xffff;
    RUNS(real, "above 1 MiB", 0xa1, 0x10, 0x00);
    EXPECT_EQ((u16)MODES->r[R_EAX], peek(0x100000) & 0xffff, "FFFF:0010");
    modes_reset();
    MODES->s[S_CS] = 0x1105;
    RUNS(real, "writing through CS", 0x2e, 0xc7, 0x06, 0, 2, 0x34, 0x12);
    EXPECT_EQ(word_of(0x1105, 0x200), 0x1234, "a word through CS");
}

static void stack(void)
{
    modes_reset();
    MODES->r[R_ESP] = 0xabcd0004;
    MODES->r[R_EAX] = 0x11112222;
    RUNS(real, "two pushes at SP=4", 0x50, 0x50, 0x89, 0xe3);
    EXPECT_EQ(word_of(MODES_STACK, 0), 0x2222, "the second push");
    EXPECT_EQ((u16)MODES->r[R_EBX], 0, "SP behind it");
    EXPECT_EQ(MODES->r[R_ESP], 0xabcd0000, "the upper half of ESP");
    modes_reset();
    MODES->r[R_ESP] = 2;
    RUNS(real, "the stack wraps at zero", 0x50, 0x50, 0x58, 0x59);
    EXPECT_EQ(MODES->r[R_ESP], 2, "SP after a wrap and back");
    modes_reset();
    RUNS(real, "PUSHAD and POPA", 0x66, 0x60, 0x83, 0xc4, 0x10, 0x61);
    EXPECT_EQ(MODES->r[R_EDI], 0x80804040, "DI of the lower half");
    EXPECT_EQ(MODES->r[R_ESP], MODES_SP, "SP after PUSHAD and POPA");
    modes_reset();
    RUNS(real, "ENTER and LEAVE", 0xc8, 8, 0, 1, 0x89, 0xe0, 0xc9);
    EXPECT_EQ((u16)MODES->r[R_EAX], MODES_SP - 12, "SP in ENTER 8, 1");
    EXPECT_EQ(MODES->r[R_EBP], 0x60606060, "EBP after LEAVE");
}

static void far_transfers(void)
{
    modes_reset();
    RUNS(real, "a far call and back", 0x9a, 0x08, 0x00, 0x00, 0x11, /* call */
         0xeb, 0x03, 0x90, 0x40, 0xca, 0x02, 0x00); /* inc ax; retf 2 */
    EXPECT_EQ(MODES->r[R_EAX], 0x10101011, "AX, which the callee counts");
    EXPECT_EQ(MODES->r[R_ESP], MODES_SP + 2, "SP after RETF 2");
    modes_reset();
    RUNS(real, "a far jump", 0xea, 0x06, 0x00, 0x00, 0x11, 0xf4);
}

/* 1100:0005 is 0101:FFF5 too. */
static void same_place(void)
{
    modes_reset();
    TRAPS(real, TRAP_UD, 0xfff5, "the end by another CS", 0xea, 0xf5, 0xff,
          0x01, 0x01);
    EXPECT_EQ(MODES->s[S_CS], 0x101, "CS after a far jump");
    modes_reset();
    TRAPS(real, TRAP_UD, 8, "a far jump of 32 bits", 0x66, 0xea, 0x08, 0, 0, 0,
          0x00, 0x11);
    modes_reset();
    TRAPS(real, TRAP_UD, 0x11, "RETF of 32 bits", 0x66, 0x68, 0x00, 0x11, 0, 0,
          0x66, 0x68, 0x11, 0, 0, 0, 0x66, 0xcb, 0x90, 0x90, 0x90);
}

static void put_handler(u32 vector, const u8 *code, u32 size)
{
    for (u32 i = 0; i < size; i++)
        *paragraph(MODES_CODE, HANDLER + i) = code[i];
    set_word(MODES_IVT >> 4, vector * 4, HANDLER);
    set_word(MODES_IVT >> 4, vector * 4 + 2, MODES_CODE);
}

static void interrupts(void)
{
    modes_reset();
    put_handler(0x40,
                BYTES(0x9c, 0x58, 0x89, 0xe3, 0x36, 0x8b, 0x4f, 0x04, 0xcf));
    MODES->eflags |= EFLAGS_CF | EFLAGS_NT | EFLAGS_IOPL | EFLAGS_DF;
    RUNS(real, "INT and IRET", 0xfb, 0x90, 0xcd, 0x40);
    EXPECT_EQ((u16)MODES->r[R_EAX],
              EFLAGS_ONE | EFLAGS_CF | EFLAGS_NT | EFLAGS_IOPL | EFLAGS_DF,
              "FLAGS in the handler of INT");
    EXPECT_EQ((u16)MODES->r[R_EBX], MODES_SP - 6, "SP in the handler");
    EXPECT_EQ(MODES->r[R_ECX] & 0xffff,
              EFLAGS_ONE | EFLAGS_CF | EFLAGS_NT | EFLAGS_IOPL | EFLAGS_DF |
                  EFLAGS_IF,
              "FLAGS that INT pushed");
    EXPECT_EQ(MODES->eflags & 0xffff, MODES->r[R_ECX] & 0xffff,
              "FLAGS after IRET");
    modes_reset();
    TRAPS(real, TRAP_BP, 1, "INT3", 0xcc);
    modes_reset();
    TRAPS(real, 0xab, 2, "INT 0xAB", 0xcd, 0xab);
    modes_reset();
    RUNS(real, "INTO with OF clear", 0xce);
    modes_reset();
    TRAPS(real, TRAP_OF, 5, "INTO", 0xb0, 0x7f, 0x04, 0x01, 0xce);
}

/* LIDT moves and bounds it. */
static void interrupt_table(void)
{
    modes_reset();
    real_idt.limit = 0x40 * 4 + 2;
    TRAPS(real, TRAP_GP, 1, "INT beyond the table", 0x90, 0xcd, 0x40);
    EXPECT_EQ(MODES->r[R_ESP], MODES_SP, "SP: no error code");
    modes_reset();
    real_idt.limit = 0x42 * 4 + 3;
    TRAPS(real, 0x42, 2, "INT of the table's last vector", 0xcd, 0x42);
    modes_reset();
    real_idt.base += 4;
    real_idt.limit -= 4;
    TRAPS(real, 0x41, 2, "INT with a table that begins later", 0xcd, 0x40);
}

static void exceptions(void)
{
    modes_reset();
    MODES->r[R_EBX] = 0;
    TRAPS(real, TRAP_DE, 1, "a division by zero", 0x90, 0xf7, 0xf3);
    modes_reset();
    set_word(0x2000, 0, 0x2000);
    set_word(0x2000, 2, 0x3000);
    TRAPS(real, TRAP_BR, 0, "BOUND", 0x62, 0x06, 0, 0);
    modes_reset();
    MODES->r[R_EAX] = EFLAGS_TF | EFLAGS_ONE;
    TRAPS(real, TRAP_DB, 3, "a single step", 0x50, 0x9d, 0x90, 0x90);
}

static void not_there(void)
{
    static const u8 code[][3] = {
        {0x63, 0xc8, 0x90},                     /* arpl */
        {0x0f, 0x02, 0xc1}, {0x0f, 0x03, 0xc1}, /* lar, lsl */
        {0x0f, 0x00, 0xc0}, {0x0f, 0x00, 0xc8}, /* sldt, str */
        {0x0f, 0x00, 0xd0}, {0x0f, 0x00, 0xd8}, /* lldt, ltr */
        {0x0f, 0x00, 0xe0}, {0x0f, 0x00, 0xe8}, /* verr, verw */
    };

    for (u32 i = 0; i < ARRAY_LEN(code); i++) {
        modes_reset();
        run_real(code[i], sizeof(code[i]));
        expect_end(TRAP_UD, 0, __LINE__, "an instruction of protected mode");
    }
}

static void privileged(void)
{
    modes_reset();
    RUNS(real, "privileged instructions", 0xfa, 0xfb, 0xfa, /* cli sti cli */
         0x0f, 0x01, 0xe0,                                  /* smsw ax */
         0x0f, 0x06,                                        /* clts */
         0x0f, 0x20, 0xc2,                                  /* mov edx, cr0 */
         0x0f, 0x01, 0x0e, 0, 0,                            /* sidt [0] */
         0xe4, 0x80, 0xe6, 0x80);                           /* in, out 80h */
    EXPECT_EQ(MODES->r[R_EDX] & CR0_PE, 0, "PE");
    EXPECT_EQ(word_of(0x2000, 0), 0x3ff, "the limit that SIDT stores");
    EXPECT_EQ(word_of(0x2000, 4), MODES_IVT >> 16, "the base that SIDT stores");
}

#define FLAGS_16 0x7fd7 /* all there are below bit 16 */

static void flags(void)
{
    modes_reset();
    MODES->r[R_EAX] = ~(u32)EFLAGS_TF;
    RUNS(real, "POPFD and PUSHFD", 0x66, 0x50, 0x66, 0x9d, 0x66, 0x9c, 0x66,
         0x5b);
    EXPECT_EQ(MODES->r[R_EBX] & 0x3ffff, FLAGS_16 & ~(u32)EFLAGS_TF,
              "EFLAGS up to VM after POPFD");
    modes_reset();
    MODES->r[R_EAX] = 0;
    RUNS(real, "POPF of nothing", 0x50, 0x9d, 0x9c, 0x5b);
    EXPECT_EQ((u16)MODES->r[R_EBX], EFLAGS_ONE, "FLAGS after POPF of nothing");
    modes_reset();
    TRAPS(real, TRAP_UD, 0x1c, "IRETD", 0x66, 0x68, 0xd5, 0x7e, 0, 0, 0x66,
          0x68, 0x00, 0x11, 0, 0, 0x66, 0x68, 0x1c, 0, 0, 0, 0x66, 0xcf, 0x90,
          0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90);
    EXPECT_EQ(MODES->eflags & 0x7fff, 0x7ed7, "FLAGS after IRETD");
}

/* DS keeps the limit it had in protected mode (9.9.2). */
static void big_real(void)
{
    modes_reset();
    MODES->data = REAL_BIG;
    MODES->r[R_EBX] = 0x300000 - 0x20000;
    MODES->r[R_ECX] = 0xfeedface;
    RUNS(real, "MOV [EBX], ECX in big real mode", 0x67, 0x66, 0x89, 0x0b);
    EXPECT_EQ(peek(0x300000), 0xfeedface, "a store beyond 1 MiB");
    modes_reset();
    MODES->data = REAL_BIG;
    MODES->r[R_EAX] = 0;
    MODES->r[R_ESI] = 0x300000;
    RUNS(real, "after another load of DS", 0x8e, 0xd8, 0x67, 0x66, 0xad);
    EXPECT_EQ(MODES->r[R_EAX], 0xfeedface, "LODSD beyond 1 MiB");
    EXPECT_EQ(MODES->r[R_ESI], 0x300004, "ESI after it");
}

/* LMSW, a data segment, and MOV CR0 back, all without a far jump. */
static void moment_of_protected_mode(void)
{
    modes_reset();
    MODES->r[R_EDX] = REAL_BIG;
    MODES->r[R_ESI] = 0x300000;
    RUNS(real, "a moment of protected mode", 0x0f, 0x01, 0xe0, /* smsw ax */
         0x0c, 0x01, 0x0f, 0x01, 0xf0,  /* or al, 1; lmsw ax */
         0x8e, 0xea,                    /* mov gs, dx */
         0x24, 0xfe, 0x0f, 0x01, 0xf0,  /* and al, 0feh; lmsw ax */
         0x0f, 0x01, 0xe1,              /* smsw cx */
         0x0f, 0x20, 0xc0,              /* mov eax, cr0 */
         0x24, 0xfe, 0x0f, 0x22, 0xc0,  /* and al, 0feh; mov cr0, eax */
         0x65, 0x67, 0x66, 0x8b, 0x2e); /* mov ebp, gs:[esi] */
    EXPECT_EQ(MODES->r[R_ECX] & CR0_PE, CR0_PE, "PE, which LMSW cannot clear");
    EXPECT_EQ(MODES->r[R_EBP], 0xfeedface, "a load through GS");
    EXPECT_EQ(MODES->s[S_GS], REAL_BIG, "GS");
}

/* QEMU's translator does not check them in this mode. */
static bool checks_limits(void)
{
    modes_reset();
    MODES->r[R_EBX] = 0x10000;
    return run_real(BYTES(0x67, 0x8a, 0x03)) == TRAP_GP;
}

static void limit_checks(void)
{
    modes_reset();
    MODES->r[R_EBX] = 0xffff;
    TRAPS(real, TRAP_GP, 0, "a word at offset FFFF", 0x8b, 0x07);
    EXPECT_EQ(MODES->r[R_ESP], MODES_SP, "SP: no error code of #GP");
    modes_reset();
    MODES->r[R_EBX] = 0xffff;
    TRAPS(real, TRAP_SS, 0, "the same in SS", 0x36, 0x8b, 0x07);
    modes_reset();
    MODES->r[R_EBX] = 0x10000;
    TRAPS(real, TRAP_GP, 0, "offset 10000", 0x67, 0x8a, 0x03);
    modes_reset();
    TRAPS(real, TRAP_GP, 0, "a far jump beyond 64 KiB", 0x66, 0xea, 0, 0, 1, 0,
          0x00, 0x11);
    modes_reset();
    TRAPS(real, TRAP_GP, 0, "SYSENTER", 0x0f, 0x34);
    modes_reset();
    TRAPS(real, TRAP_DB, 1, "ICEBP", 0xf1);
    modes_reset();
    MODES->data = REAL_BIG;
    MODES->r[R_EBX] = 0xffff;
    RUNS(real, "a word at offset FFFF of a big segment", 0x8b, 0x07);
}

/* IRQ 0 finds its vector in the table, and IF clear stops the next. */
static void hardware(void)
{
    modes_reset();
    pic_unmask(IRQ_TIMER);
    pit_start(1193);
    TRAPS(real, VECTOR_IRQ, 2, "STI and HLT", 0xfb, 0xf4);
    EXPECT_EQ(MODES->eflags & EFLAGS_IF, EFLAGS_IF, "IF as it was pushed");
    pic_mask(IRQ_TIMER);
    pic_eoi(IRQ_TIMER);
}

/* The gate off: FFFF:1510 is 0000:1500 again. */
static void a20(void)
{
    modes_reset();
    MODES->s[S_ES] = 0;
    MODES->s[S_DS] = 0xffff;
    set_word(0x150, 0, 0x5a5a);
    RUNS(real, "A20 off and on", 0xa1, 0x10, 0x15, /* mov ax, [1510h] */
         0x93,                                     /* xchg ax, bx */
         0xe4, 0x92, 0x24, 0xfd, 0xe6, 0x92,       /* port 92h, bit 1 */
         0x8b, 0x0e, 0x10, 0x15,                   /* mov cx, [1510h] */
         0x0c, 0x02, 0xe6, 0x92,                   /* and on */
         0x8b, 0x16, 0x10, 0x15);                  /* mov dx, [1510h] */
    EXPECT_EQ((u16)MODES->r[R_EBX], peek(0x101500) & 0xffff, "A20 on");
    EXPECT_EQ((u16)MODES->r[R_ECX], 0x5a5a, "a word with A20 off");
    EXPECT_EQ((u16)MODES->r[R_EDX], peek(0x101500) & 0xffff, "A20 on again");
}

void test(void)
{
    modes_init();
    segments();
    addresses();
    stack();
    far_transfers();
    same_place();
    interrupts();
    interrupt_table();
    exceptions();
    not_there();
    privileged();
    flags();
    big_real();
    moment_of_protected_mode();
    if (checks_limits())
        limit_checks();
    hardware();
    a20();
}
