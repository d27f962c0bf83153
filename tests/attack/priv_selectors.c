/* SPDX-License-Identifier: MIT
 *
 * Every selector in every data segment register.
 *
 * GDT and LDT are as large as they can be, and each of their entries tempts:
 * flat data of ring 0 and 3, read-only, expand-down, code with the L bit,
 * conforming code, gates, a TSS. All 65,536 selectors are loaded, by MOV, POP
 * and LxS in turn, in ring 0 and in ring 3; those of the last 64 entries,
 * where a VMM would keep its own, in every way and with every temptation.
 * Through whatever can be loaded a word is read.
 *
 * SDM vol. 3A 3.4.2, 5.6, 5.7.
 */
#include "tests/attack/lib/leap.h"

ATTACK("It loads all 65,536 selectors into the data and stack segment "
       "registers, from tables as large as they can be, and reads through "
       "them.");

#define SLOTS   8192
#define TOP     64 /* entries at the end of each table that get every way */
#define LDT_SEL 0x30

static u64 big_gdt[SLOTS], ldt[SLOTS] __attribute__((aligned(8)));

#define FLAT(attr) ((u64)((attr) << 8 | 0xcf0000) << 32 | 0xffff)
#define GATE(type, dpl)                                                        \
    ((u64)(DESC_P | (dpl) << DESC_DPL_SHIFT | (type) << DESC_TYPE_SHIFT)       \
         << 32 |                                                               \
     KCODE << 16)

static const u64 temptation[] = {
    FLAT(ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_RING3),
    FLAT(ATTR_P | ATTR_S | ATTR_WRITABLE),
    FLAT(ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE) | (u64)DESC_L << 32,
    FLAT(ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_CONFORM),
    FLAT(ATTR_P | ATTR_S | ATTR_RING3),
    FLAT(ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_DOWN | ATTR_RING3) & ~0xffffull,
    GATE(SYS_CALL32, 3),
    FLAT(ATTR_P | SYS_TSS32_FREE | ATTR_RING3),
    FLAT(ATTR_P | SYS_LDT | ATTR_RING3),
    FLAT(ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_RING3) | (u64)DESC_L
                                                                         << 32,
};

static u64 ldt_descriptor(void)
{
    u32 limit = sizeof(ldt) - 1;

    return (u64)desc_hi((u32)ldt, limit, ATTR_P | SYS_LDT) << 32 |
           desc_lo((u32)ldt, limit);
}

/* The tables are changed while they are not in use, which is quicker. */
static void tempt(u32 shift)
{
    struct table_pointer p = {sizeof(big_gdt) - 1, (u32)big_gdt};

    gdt_load();
    __asm__ volatile("lldt %w0" : : "r"(0) : "memory");
    for (u32 i = 1; i < SLOTS; i++) {
        big_gdt[i] = temptation[(i + shift) % ARRAY_LEN(temptation)];
        ldt[i] = temptation[(i + shift + 3) % ARRAY_LEN(temptation)];
    }
    __builtin_memcpy(big_gdt, gdt, LDT_SEL);
    big_gdt[LDT_SEL / 8] = ldt_descriptor();
    gdt_reload(&p);
    __asm__ volatile("lldt %w0" : : "r"(LDT_SEL) : "memory");
}

/* A word through the register, and home; what faults ends earlier. */
#define PEEK(reg) "movl %%" reg ":(%%esi), %%ecx\n\tint $0x32"
#define MOV(reg)  "movl %0, %%" reg "\n\t" PEEK(reg)
#define POP(reg)  "pushl %0\n\tpopl %%" reg "\n\t" PEEK(reg)
#define LXS(op, reg)                                                           \
    "pushl %0\n\tpushl $0\n\t" op " (%%esp), %%edi\n\t" PEEK(reg)
#define FORMS 11
/* In SS the trap home would use the stack: it only stays for one word. */
#define STACK(code)                                                            \
    code "\n\tmovl %%ss:(%%esi), %%ecx\n\t"                                    \
         "movl %1, %%ss\n\tint $0x32"

#define FORM(n, code)                                                          \
    case n:                                                                    \
        LEAP(code, "a"(sel), "b"(ss), "S"(&big_gdt[1]));                       \
        break;
#define BOTH(n, code) FORM(n, code) FORM(FORMS + n, RING3 code)

static void load(u32 sel, u32 form)
{
    u32 ss = form < FORMS ? KDATA : UDATA;

    switch (form) {
        BOTH(0, MOV("ds"))
        BOTH(1, MOV("es"))
        BOTH(2, MOV("fs"))
        BOTH(3, MOV("gs"))
        BOTH(4, POP("ds"))
        BOTH(5, POP("fs"))
        BOTH(6, LXS("lds", "ds"))
        BOTH(7, LXS("les", "es"))
        BOTH(8, LXS("lfs", "fs"))
        BOTH(9, LXS("lgs", "gs"))
        BOTH(10, STACK("movl %0, %%ss"))
    }
    leaped(form < FORMS);
    if (leap.f.vector == VECTOR_LANDED)
        saw(sel, leap.f.ecx);
}

static bool is_top(u32 sel)
{
    return sel >> 3 >= SLOTS - TOP;
}

void attack(void)
{
    leap_init();
    tempt(0);
    for (u32 sel = 0; sel < 0x10000; sel++)
        if (!is_top(sel))
            load(sel, sel * 7 % (2 * FORMS));
    for (u32 shift = 0; shift < ARRAY_LEN(temptation); shift++) {
        tempt(shift);
        for (u32 i = 0; i < TOP * 8; i++)
            load(0x10000 - TOP * 8 + i, (i + shift) % (2 * FORMS));
    }
    world_check();
}
