/* SPDX-License-Identifier: MIT
 *
 * 16-bit protected mode: code and stacks of 16 bits, interrupt gates, call
 * gates and a TSS of the 80286, from ring 0 and from ring 3.
 *
 * SDM vol. 3A 3.4.5 (D/B), 5.8.5, 6.12.1, 7.6, chapter 21 (mixing 16- and
 * 32-bit code).
 */
#include "tests/micro/lib/micro.h"

#define CODE16  (GDT_FREE * 8)
#define DATA16  (GDT_FREE * 8 + 8)
#define UCODE16 (GDT_FREE * 8 + 16 + 3)
#define UDATA16 (GDT_FREE * 8 + 24 + 3)
#define GATE16  (GDT_FREE * 8 + 32 + 3)
#define TSS16   (GDT_FREE * 8 + 40)
#define VECTOR  0x50

#define STACK_AT 0x20000 /* 64 KiB */
#define SP0_16   0x8000
#define STR(x)   #x
#define VALUE(x) STR(x)

/* All of it is in one segment that begins at code16; each piece is called
 * with a far pointer of 32 bits and returns so. AX is a selector for SS. */
__asm__(".section .rodata\n\t"
        ".code16\n\t"
        ".global code16, plain16, plain16_back, stack16, int16, outer16\n\t"
        ".global handler16, gate16, called16\n"
        "code16:\n"
        /* one operand is two bytes, a near call pushes IP */
        "plain16:\n\t"
        "movl %esp, %ebx\n\t"
        "pushw $0x1234\n\t"
        "subl %esp, %ebx\n\t"
        "popw %dx\n\t"
        "movl $0x10003, %ecx\n"
        "1: incw %dx\n\t"
        "loop 1b\n\t"
        "callw 2f\n"
        "plain16_back:\n\t"
        "lretl\n"
        "2: popw %si\n\t"
        "pushw %si\n\t"
        "retw\n"
        /* SP wraps, the upper half of ESP stays */
        "stack16:\n\t"
        "movl %esp, %esi\n\t"
        "movw %ss, %di\n\t"
        "movw %ax, %ss\n\t"
        "movl $0x56780002, %esp\n\t"
        "pushw $0x1111\n\t"
        "pushl $0x22223333\n\t"
        "movl %esp, %ebx\n\t"
        "popl %ecx\n\t"
        "popw %dx\n\t"
        "movw %di, %ss\n\t"
        "movl %esi, %esp\n\t"
        "lretl\n"
        /* within the ring */
        "int16:\n\t"
        "xorl %ecx, %ecx\n\t"
        "movl %esp, %ebx\n\t"
        "int $" VALUE(VECTOR) "\n\t"
                              "lretl\n"
                              /* from a small stack in ring 3 */
                              "outer16:\n\t"
                              "movl %esp, %esi\n\t"
                              "movw %ss, %di\n\t"
                              "xorl %ecx, %ecx\n\t"
                              "movw %ax, %ss\n\t"
                              "movl $0x800, %esp\n\t"
                              "int $" VALUE(
                                  VECTOR) "\n\t"
                                          "movl %esp, %ebx\n\t"
                                          "movw %di, %ss\n\t"
                                          "movl %esi, %esp\n\t"
                                          "lretl\n"
                                          "handler16:\n\t"
                                          "movl %esp, %edx\n\t"
                                          "incw %cx\n\t"
                                          "iretw\n"
                                          /* two parameters */
                                          "gate16:\n\t"
                                          "movl %esp, %esi\n\t"
                                          "movw %ss, %di\n\t"
                                          "movw %ax, %ss\n\t"
                                          "movl $0x800, %esp\n\t"
                                          "pushw $0xaaaa\n\t"
                                          "pushw $0xbbbb\n\t"
                                          "lcallw $" VALUE(
                                              (6 * 8 + 32 +
                                               3)) ", $0\n\t"
                                                   "movl %esp, %ebx\n\t"
                                                   "movw %di, %ss\n\t"
                                                   "movl %esi, %esp\n\t"
                                                   "lretl\n"
                                                   "called16:\n\t"
                                                   "movl %esp, %edx\n\t"
                                                   "movl %ss:4(%esp), %ecx\n\t"
                                                   "lretw $4\n\t"
                                                   ".code32\n\t"
                                                   ".text");
extern const u8 code16[], plain16[], plain16_back[], stack16[], int16[],
    outer16[], handler16[], gate16[], called16[];

static u16 tss16[22];
static u32 pointer[2];
static u32 code_sel, stack_sel;

static struct {
    u32 eax, ebx, ecx, edx, esi;
} got;

static u32 offset(const u8 *at)
{
    return (u32)(at - code16);
}

static void call(const u8 *at)
{
    pointer[0] = offset(at);
    pointer[1] = code_sel;
    __asm__ volatile("lcall *%5"
                     : "=a"(got.eax), "=b"(got.ebx), "=c"(got.ecx),
                       "=d"(got.edx), "=S"(got.esi)
                     : "m"(pointer), "0"(stack_sel)
                     : "edi", "memory", "cc");
}

/* In the ring that the selectors are of. */
static u32 everywhere(void)
{
    call(plain16);
    EXPECT_EQ(got.ebx, 2, "the bytes of a 16-bit push");
    EXPECT_EQ((u16)got.edx, 0x1237, "DX behind LOOP, which counts CX");
    EXPECT_EQ(got.ecx, 0x10000, "ECX behind LOOP");
    EXPECT_EQ((u16)got.esi, offset(plain16_back), "what a near call pushes");
    call(stack16);
    EXPECT_EQ(got.ebx, 0x5678fffc, "ESP of a 16-bit stack that wrapped");
    EXPECT_EQ(got.ecx, 0x22223333, "the dword from its top");
    EXPECT_EQ((u16)got.edx, 0x1111, "the word from its bottom");
    EXPECT_EQ(*(volatile u16 *)STACK_AT, 0x1111, "where the word was");
    return 0;
}

static u32 outer_stack(void)
{
    call(outer16);
    EXPECT_EQ((u16)got.ecx, 1, "visits of the handler");
    EXPECT_EQ((u16)got.ebx, 0x800, "SP behind the handler");
    return got.edx;
}

static u32 through_gate(void)
{
    call(gate16);
    EXPECT_EQ(got.ecx, 0xaaaabbbb, "the parameters that a gate copies");
    EXPECT_EQ((u16)got.ebx, 0x800, "SP when they are released");
    return got.edx;
}

static void tables(void)
{
    u32 base = (u32)code16;
    u32 code = ATTR_KCODE & ~ATTR_DB, data = ATTR_KDATA & ~ATTR_DB;

    gdt_set(CODE16 >> 3, base, 0xffff, code);
    gdt_set(DATA16 >> 3, STACK_AT, 0xffff, data);
    gdt_set(UCODE16 >> 3, base, 0xffff, code | ATTR_RING3);
    gdt_set(UDATA16 >> 3, STACK_AT, 0xffff, data | ATTR_RING3);
    gdt[GATE16 >> 3][0] = CODE16 << 16 | offset(called16);
    gdt[GATE16 >> 3][1] = (ATTR_P | ATTR_DPL | SYS_CALL16) << 8 | 2;
    idt_set(VECTOR, SYS_INT16, 3, CODE16, offset(handler16));
    tss16[1] = SP0_16;
    tss16[2] = KDATA;
    gdt_set(TSS16 >> 3, (u32)tss16, sizeof(tss16) - 1, ATTR_P | SYS_TSS16_FREE);
}

static void with_small_tss(void)
{
    __asm__ volatile("ltr %w0" : : "r"(TSS16) : "memory");
    EXPECT_EQ(gdt[TSS16 >> 3][1] >> 8 & ATTR_TYPE, SYS_TSS16_BUSY,
              "the type of a 16-bit TSS that is loaded");
    EXPECT_EQ(ring3(outer_stack), SP0_16 - 10, "ESP by a 16-bit TSS");
    EXPECT_EQ(ring3(through_gate), SP0_16 - 12, "ESP of a gate by it");
    gdt[TSS_SEL >> 3][1] &= ~(u32)(2 << 8);
    barrier();
    __asm__ volatile("ltr %w0" : : "r"(TSS_SEL) : "memory");
}

void test(void)
{
    tables();
    code_sel = CODE16;
    stack_sel = DATA16;
    everywhere();
    call(int16);
    EXPECT_EQ((u16)got.ecx, 1, "visits of the handler in ring 0");
    EXPECT_EQ(got.ebx - got.edx, 6, "the frame of a 16-bit gate in its ring");
    code_sel = UCODE16;
    stack_sel = UDATA16;
    ring3(everywhere);
    EXPECT_EQ(tss.word[1] - ring3(outer_stack), 10,
              "the frame of a 16-bit gate from ring 3");
    EXPECT_EQ(tss.word[1] - ring3(through_gate), 12,
              "the frame of a 16-bit call gate");
    with_small_tss();
}
