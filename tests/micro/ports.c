/* SPDX-License-Identifier: MIT
 *
 * Port I/O: a port nobody claims reads all ones in each width and swallows
 * writes; each form of IN and OUT moves its width and leaves the rest of EAX
 * alone; the UART's scratch register keeps a byte.
 *
 * SDM vol. 2A IN, vol. 2B OUT.
 */
#include "tests/micro/lib/micro.h"

#define NOWHERE 0x5f00
#define SCRATCH (PORT_COM1 + 7)
#define PATTERN 0x12345678

static u32 in_byte(u16 port)
{
    u32 v = PATTERN;

    __asm__ volatile("inb %1, %%al" : "+a"(v) : "d"(port));
    return v;
}

static u32 in_word(u16 port)
{
    u32 v = PATTERN;

    __asm__ volatile("inw %1, %%ax" : "+a"(v) : "d"(port));
    return v;
}

static u32 in_long(u16 port)
{
    u32 v = PATTERN;

    __asm__ volatile("inl %1, %%eax" : "+a"(v) : "d"(port));
    return v;
}

static void nobody(void)
{
    EXPECT_EQ(in_byte(NOWHERE), 0x123456ff, "EAX after INB from nobody");
    EXPECT_EQ(in_word(NOWHERE), 0x1234ffff, "EAX after INW from nobody");
    EXPECT_EQ(in_long(NOWHERE), 0xffffffff, "EAX after INL from nobody");
    __asm__ volatile("outb %%al, %1\n\t outw %%ax, %1\n\t outl %%eax, %1"
                     :
                     : "a"(0), "d"((u16)NOWHERE));
    EXPECT_EQ(in_long(NOWHERE), 0xffffffff, "EAX after OUT to nobody");
    EXPECT_EQ(in_long(0xfffc), 0xffffffff, "EAX from the last four ports");
}

static void scratch(void)
{
    u32 v = PATTERN;

    for (u32 i = 0; i < 256; i += 17) {
        out8(SCRATCH, (u8)i);
        EXPECT_EQ(in_byte(SCRATCH), 0x12345600 | i, "the scratch register");
    }
    out8(SCRATCH, 0x5a);
    in_byte(NOWHERE);
    __asm__ volatile("inb $0x61, %%al" : "+a"(v));
    EXPECT_EQ(v >> 8, PATTERN >> 8, "EAX after INB by an immediate");
    EXPECT_EQ(in_byte(SCRATCH) & 0xff, 0x5a, "the scratch register later");
}

/* Ring 3 with an I/O bitmap: open ports work, others and the edge do not. */
static u32 user(void)
{
    CATCH("outb %%al, %%dx\n inb %%dx, %%al", : "a"(0x33), "d"(SCRATCH));
    EXPECT_NO_TRAP("ring 3 at a port its bitmap opens");
    CATCH("inb %%dx, %%al", : "d"(SCRATCH - 1) : "eax");
    EXPECT_TRAP(TRAP_GP, 0, 0, "ring 3 at a port its bitmap closes");
    CATCH("inw %%dx, %%ax", : "d"(SCRATCH) : "eax");
    EXPECT_TRAP(TRAP_GP, 0, 0, "ring 3 with a word over an open and a closed");
    CATCH("inb %%dx, %%al", : "d"(0x5f00) : "eax");
    EXPECT_TRAP(TRAP_GP, 0, 0, "ring 3 at a port beyond the bitmap");
    return 0;
}

static u8 big_tss[TSS32_SIZE + 0x3ff / 8 + 2] __attribute__((aligned(4096)));

static void bitmap(void)
{
    u32 index = GDT_FREE;

    for (u32 i = 0; i < sizeof(big_tss); i++)
        big_tss[i] = i < TSS32_SIZE ? ((u8 *)&tss)[i] : 0xff;
    *(u16 *)(big_tss + TSS32_IOMAP) = TSS32_SIZE;
    big_tss[TSS32_SIZE + SCRATCH / 8] &= (u8) ~(1 << SCRATCH % 8);
    *(u32 *)(big_tss + TSS32_ESP0) = (u32)stack_top - 8192;
    gdt_set(index, (u32)big_tss, sizeof(big_tss) - 1, ATTR_P | SYS_TSS32_FREE);
    __asm__ volatile("ltr %w0" : : "r"(index * 8) : "memory");
    ring3(user);
    EXPECT_EQ(in_byte(SCRATCH) & 0xff, 0x33, "what ring 3 wrote");
}

void test(void)
{
    nobody();
    scratch();
    bitmap();
}
