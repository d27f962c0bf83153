/* SPDX-License-Identifier: MIT
 *
 * Virtual-8086 mode: entered by IRET, left by every kind of trap, and what
 * IOPL and the I/O bitmap decide in it.
 *
 * SDM vol. 3A 20.2, 20.3; vol. 2 by instruction.
 */
#include "tests/micro/lib/modes.h"

#define IOPL(n) ((u32)(n) << EFLAGS_IOPL_SHIFT)
#define GATE    0x40 /* a vector with a gate of DPL 3 */
#define CLOSED  0x41 /* one of DPL 0 */
#define PORT    0x80
#define SHUT    0x81

/* Room for a bitmap behind the TSS, up to port 0xff. */
static struct {
    struct tss tss;
    u8 bitmap[0x100 / 8 + 1];
} big_tss __attribute__((aligned(256)));

static void segments(void)
{
    modes_reset();
    MODES->r[R_EAX] = 0x12340003;
    RUNS(v86, "loads of segment registers", 0x8e, 0xd8, 0x1e, 0x07, 0x0f, 0xa8,
         0x0f, 0xa1, 0x8c, 0xcb);
    EXPECT_EQ(MODES->s[S_DS], 3, "DS after MOV DS, AX");
    EXPECT_EQ(MODES->s[S_ES], 3, "ES after POP ES");
    EXPECT_EQ(MODES->s[S_FS], 0x5000, "FS after POP FS");
    EXPECT_EQ(MODES->s[S_SS], MODES_STACK, "SS");
    EXPECT_EQ(MODES->r[R_EBX], 0x4040 << 16 | MODES_CODE,
              "BX after MOV BX, CS");
    EXPECT_EQ(MODES->r[R_ESP], MODES_SP, "ESP when all is popped");
    EXPECT_EQ(MODES->eflags & (EFLAGS_VM | EFLAGS_IF), EFLAGS_VM, "EFLAGS");

    modes_reset();
    MODES->r[R_ESP] = 0xabcd0002;
    RUNS(v86, "the stack wraps at zero", 0x50, 0x50, 0x89, 0xe3, 0x58, 0x59);
    EXPECT_EQ((u16)MODES->r[R_EBX], 0xfffe, "SP behind two pushes at SP=2");
    EXPECT_EQ(MODES->r[R_ESP], 0xabcd0002, "ESP after all is popped");

    modes_reset();
    TRAPS(v86, TRAP_UD, 0xfff5, "a far jump", 0xea, 0xf5, 0xff, 0x01, 0x01);
    EXPECT_EQ(MODES->s[S_CS], 0x101, "CS after a far jump");
    modes_reset();
    RUNS(v86, "a far call and back", 0x9a, 0x08, 0x00, 0x00, 0x11, 0xeb, 0x03,
         0x90, 0x40, 0xca, 0x02, 0x00);
    EXPECT_EQ(MODES->r[R_ESP], MODES_SP + 2, "SP after RETF 2");
}

/* EIP beyond 64 KiB in the frame: only its lower half counts. */
static void entry(void)
{
    modes_reset();
    run_v86(BYTES(0x90));
    MODES->eip = 0x10000;
    MODES->eflags = EFLAGS_ONE | EFLAGS_CF | EFLAGS_AC | EFLAGS_NT;
    run_v86(BYTES(0x90));
    EXPECT_EQ(modes_got, TRAP_UD, "the vector behind an entry with EIP 10000");
    EXPECT_EQ(MODES->eip, 1, "EIP then");
    EXPECT_EQ(EXACT_FLAGS(MODES->eflags),
              EFLAGS_ONE | EFLAGS_AC | EFLAGS_NT | EFLAGS_VM,
              "the flags of an entry");
}

static void sensitive_instructions(void)
{
    static const struct {
        u8 code[3];
        const char *what;
    } list[] = {
        {{0xfa, 0x90, 0x90}, "CLI below IOPL 3"},
        {{0xfb, 0x90, 0x90}, "STI below IOPL 3"},
        {{0x9c, 0x58, 0x90}, "PUSHF below IOPL 3"},
        {{0x9d, 0x90, 0x90}, "POPF below IOPL 3"},
        {{0x66, 0x9c, 0x90}, "PUSHFD below IOPL 3"},
        {{0x66, 0x9d, 0x90}, "POPFD below IOPL 3"},
        {{0xcd, GATE, 0x90}, "INT below IOPL 3"},
        {{0xcd, TRAP_BP, 0x90}, "INT 3 of two bytes below IOPL 3"},
        {{0xcf, 0x90, 0x90}, "IRET below IOPL 3"},
        {{0x66, 0xcf, 0x90}, "IRETD below IOPL 3"},
    };

    for (u32 i = 0; i < ARRAY_LEN(list); i++) {
        for (u32 iopl = 0; iopl < 3; iopl++) {
            modes_reset();
            MODES->eflags |= IOPL(iopl);
            run_v86(list[i].code, sizeof(list[i].code));
            expect_end(TRAP_GP, 0, __LINE__, list[i].what);
            EXPECT_EQ(v86_error, 0, "the error code below IOPL 3");
            EXPECT_EQ(MODES->r[R_ESP], MODES_SP, "ESP below IOPL 3");
        }
    }
}

static void with_iopl_3(void)
{
    modes_reset();
    MODES->eflags |= IOPL(3);
    MODES->r[R_EAX] = ~(u32)(EFLAGS_TF | EFLAGS_IOPL | EFLAGS_VM);
    RUNS(v86, "POPFD and PUSHFD", 0x66, 0x50, 0x66, 0x9d, 0x66, 0x9c, 0x66,
         0x5b);
    EXPECT_EQ(MODES->r[R_EBX] & 0x1b7fff, 0x7ed7, "EFLAGS that PUSHFD shows");
    EXPECT_EQ(MODES->eflags & (EFLAGS_VM | EFLAGS_IOPL | EFLAGS_VIP |
                               EFLAGS_VIF | EFLAGS_IF),
              EFLAGS_VM | EFLAGS_IOPL | EFLAGS_IF, "EFLAGS behind POPFD");
    modes_reset();
    MODES->eflags |= IOPL(3);
    RUNS(v86, "STI, PUSHF, CLI", 0xfb, 0x9c, 0xfa, 0x5b);
    EXPECT_EQ(MODES->r[R_EBX] & 0xffff, EFLAGS_ONE | IOPL(3) | EFLAGS_IF,
              "FLAGS behind STI");
    EXPECT_EQ(MODES->eflags & EFLAGS_IF, 0, "IF behind CLI");
    modes_reset();
    MODES->eflags |= IOPL(3) | EFLAGS_NT;
    TRAPS(v86, TRAP_UD, 0x10, "IRET", 0x68, 0x02, 0x02, /* push flags */
          0x68, 0x00, 0x11, 0x68, 0x10, 0x00, 0xcf, 0x90, 0x90, 0x90, 0x90,
          0x90, 0x90);
    EXPECT_EQ(EXACT_FLAGS(MODES->eflags) & 0x3ffff,
              EFLAGS_ONE | EFLAGS_IF | IOPL(3) | EFLAGS_VM,
              "EFLAGS behind IRET");
    EXPECT_EQ(MODES->r[R_ESP], MODES_SP, "SP behind IRET");
}

static void software_interrupts(void)
{
    modes_reset();
    MODES->eflags |= IOPL(3);
    TRAPS(v86, GATE, 2, "INT through a gate of DPL 3", 0xcd, GATE);
    modes_reset();
    MODES->eflags |= IOPL(3);
    TRAPS(v86, TRAP_GP, 0, "INT through a gate of DPL 0", 0xcd, CLOSED);
    EXPECT_EQ(v86_error, CLOSED * 8 | TRAP_ERR_IDT, "its error code");
    modes_reset();
    TRAPS(v86, TRAP_BP, 1, "INT3 at IOPL 0", 0xcc);
    modes_reset();
    TRAPS(v86, TRAP_OF, 5, "INTO at IOPL 0", 0xb0, 0x7f, 0x04, 0x01, 0xce);
    modes_reset();
    MODES->r[R_EBX] = 0;
    TRAPS(v86, TRAP_DE, 1, "a division by zero", 0x90, 0xf7, 0xf3);
    modes_reset();
    MODES->eflags |= EFLAGS_TF;
    TRAPS(v86, TRAP_DB, 1, "a single step", 0x90, 0x90);
}

static void not_allowed(void)
{
    static const struct {
        u8 code[3];
        u8 vector;
        const char *what;
    } list[] = {
        {{0x63, 0xc8, 0x90}, TRAP_UD, "ARPL"},
        {{0x0f, 0x02, 0xc1}, TRAP_UD, "LAR"},
        {{0x0f, 0x03, 0xc1}, TRAP_UD, "LSL"},
        {{0x0f, 0x00, 0xc0}, TRAP_UD, "SLDT"},
        {{0x0f, 0x00, 0xc8}, TRAP_UD, "STR"},
        {{0x0f, 0x00, 0xd0}, TRAP_UD, "LLDT"},
        {{0x0f, 0x00, 0xd8}, TRAP_UD, "LTR"},
        {{0x0f, 0x00, 0xe0}, TRAP_UD, "VERR"},
        {{0x0f, 0x00, 0xe8}, TRAP_UD, "VERW"},
        {{0xf4, 0x90, 0x90}, TRAP_GP, "HLT"},
        {{0x0f, 0x06, 0x90}, TRAP_GP, "CLTS"},
        {{0x0f, 0x01, 0xf0}, TRAP_GP, "LMSW"},
        {{0x0f, 0x01, 0x17}, TRAP_GP, "LGDT"},
        {{0x0f, 0x01, 0x1f}, TRAP_GP, "LIDT"},
        {{0x0f, 0x20, 0xc0}, TRAP_GP, "MOV EAX, CR0"},
        {{0x0f, 0x22, 0xc0}, TRAP_GP, "MOV CR0, EAX"},
        {{0x0f, 0x21, 0xc0}, TRAP_GP, "MOV EAX, DR0"},
        {{0x0f, 0x09, 0x90}, TRAP_GP, "WBINVD"},
        {{0x0f, 0x30, 0x90}, TRAP_GP, "WRMSR"},
    };

    for (u32 i = 0; i < ARRAY_LEN(list); i++) {
        modes_reset();
        MODES->eflags |= IOPL(3);
        run_v86(list[i].code, sizeof(list[i].code));
        expect_end(list[i].vector, 0, __LINE__, list[i].what);
    }
    modes_reset();
    RUNS(v86, "SMSW", 0x0f, 0x01, 0xe0);
    EXPECT_EQ(MODES->r[R_EAX] & CR0_PE, CR0_PE, "PE that SMSW shows");
}

/* The bitmap alone decides, at any IOPL. */
static void ports(void)
{
    for (u32 iopl = 0; iopl < 4; iopl++) {
        modes_reset();
        MODES->eflags |= IOPL(iopl);
        RUNS(v86, "IN of an open port", 0xe4, PORT);
        modes_reset();
        MODES->eflags |= IOPL(iopl);
        TRAPS(v86, TRAP_GP, 0, "IN of a closed port", 0xe4, SHUT);
        EXPECT_EQ(v86_error, 0, "the error code of a closed port");
        modes_reset();
        MODES->eflags |= IOPL(iopl);
        TRAPS(v86, TRAP_GP, 0, "a word from an open and a closed port", 0xe5,
              PORT);
        modes_reset();
        MODES->eflags |= IOPL(iopl);
        MODES->r[R_EDX] = SHUT;
        TRAPS(v86, TRAP_GP, 0, "OUTSB to a closed port", 0x6e);
    }
}

/* Pages are a user's. */
static void paging(void)
{
    paging_on();
    *pte_of(0x30000) &= ~(u32)PTE_U;
    invlpg(0x30000);
    modes_reset();
    TRAPS(v86, TRAP_PF, 0, "a supervisor's page", 0x26, 0xa2, 0x34, 0x02);
    EXPECT_EQ(v86_error, PF_PRESENT | PF_WRITE | PF_USER, "its error code");
    *pte_of(0x30000) = 0x40000 | PTE_P | PTE_W | PTE_U;
    invlpg(0x30000);
    modes_reset();
    RUNS(v86, "a page that lies elsewhere", 0x26, 0xa2, 0x34, 0x02);
    EXPECT_EQ(*paragraph(0x4000, 0x234), 0x10, "what was written");
    paging_off();
}

static bool checks_limits(void)
{
    modes_reset();
    MODES->r[R_EBX] = 0x10000;
    return run_v86(BYTES(0x67, 0x8a, 0x03)) == TRAP_GP;
}

static void limits(void)
{
    modes_reset();
    MODES->r[R_EBX] = 0xffff;
    TRAPS(v86, TRAP_GP, 0, "a word at offset FFFF", 0x8b, 0x07);
    EXPECT_EQ(v86_error, 0, "its error code");
    modes_reset();
    MODES->r[R_EBX] = 0xffff;
    TRAPS(v86, TRAP_SS, 0, "the same in SS", 0x36, 0x8b, 0x07);
    modes_reset();
    MODES->r[R_ESP] = 1;
    TRAPS(v86, TRAP_SS, 0, "PUSH at SP=1", 0x50);
    EXPECT_EQ(MODES->r[R_ESP], 1, "SP behind it");
    modes_reset();
    TRAPS(v86, TRAP_GP, 0, "a far jump beyond 64 KiB", 0x66, 0xea, 0, 0, 1, 0,
          0x00, 0x11);
    modes_reset();
    TRAPS(v86, TRAP_DB, 1, "ICEBP", 0xf1);
}

/* An interrupt of the hardware leaves the mode by its gate. */
static void hardware(void)
{
    modes_reset();
    MODES->eflags |= EFLAGS_IF;
    pic_unmask(IRQ_TIMER);
    pit_start(1193);
    run_v86(BYTES(0xeb, 0xfe));
    expect_end(VECTOR_IRQ, 0, __LINE__, "a loop with IF set");
    pic_mask(IRQ_TIMER);
    pic_eoi(IRQ_TIMER);
}

static void tables(void)
{
    big_tss.tss = tss;
    big_tss.tss.word[TSS32_IOMAP / 4] = TSS32_SIZE << 16;
    for (u32 i = 0; i < sizeof(big_tss.bitmap); i++)
        big_tss.bitmap[i] = 0xff;
    big_tss.bitmap[PORT / 8] &= (u8)~1;
    gdt_set(GDT_FREE, (u32)&big_tss, sizeof(big_tss) - 1,
            ATTR_P | SYS_TSS32_FREE);
    __asm__ volatile("ltr %w0" : : "r"(GDT_FREE * 8) : "memory");
    idt_set(GATE, SYS_INT32, 3, KCODE, stubs[GATE]);
}

void test(void)
{
    modes_init();
    tables();
    modes_tss = (u32)&big_tss;
    segments();
    entry();
    sensitive_instructions();
    with_iopl_3();
    software_interrupts();
    not_allowed();
    ports();
    hardware();
    paging();
    if (checks_limits())
        limits();
}
