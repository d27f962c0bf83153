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
#include "tests/attack/lib/tempt.h"

ATTACK("It loads all 65,536 selectors into the data and stack segment "
       "registers, from tables as large as they can be, and reads through "
       "them.");

#define DATA (ATTR_P | ATTR_S | ATTR_WRITABLE)
#define CODE (ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE)

static const u64 temptation[] = {
    FLAT(DATA | ATTR_RING3),
    FLAT(DATA),
    FLAT(CODE) | LONG_MODE,
    FLAT(CODE | ATTR_CONFORM),
    FLAT(ATTR_P | ATTR_S | ATTR_RING3),
    FLAT(DATA | ATTR_DOWN | ATTR_RING3) & ~0xffffull,
    GATE(SYS_CALL32, 3),
    GATE(SYS_TSS32_FREE, 3),
    GATE(SYS_LDT, 3),
    FLAT(CODE | ATTR_RING3) | LONG_MODE,
};

/* A word through the register, and home; what faults ends earlier. */
#define PEEK(reg) "movl %%" reg ":(%%esi), %%ecx\n\t" LANDED
#define MOV(reg)  "movl %0, %%" reg "\n\t" PEEK(reg)
#define POP(reg)  "pushl %0\n\tpopl %%" reg "\n\t" PEEK(reg)
#define LXS(op, reg)                                                           \
    "pushl %0\n\tpushl $0\n\t" op " (%%esp), %%edi\n\t" PEEK(reg)
#define FORMS 11
/* In SS the trap home would use the stack: it only stays for one word. */
#define STACK(code)                                                            \
    code "\n\tmovl %%ss:(%%esi), %%ecx\n\t"                                    \
         "movl %1, %%ss\n\t" LANDED

#define FORM(n, code)                                                          \
    case n:                                                                    \
        LEAP(code, "a"(sel), "b"(ss), "S"(&tempt_gdt[1]));                     \
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

void attack(void)
{
    leap_init();
    tempt(temptation, ARRAY_LEN(temptation), 0);
    for (u32 sel = 0; sel < 0x10000; sel++)
        if (!tempt_is_top(sel))
            load(sel, sel * 7 % (2 * FORMS));
    for (u32 shift = 0; shift < ARRAY_LEN(temptation); shift++) {
        tempt(temptation, ARRAY_LEN(temptation), shift);
        for (u32 i = 0; i < TEMPT_TOP * 8; i++)
            load(0x10000 - TEMPT_TOP * 8 + i, (i + shift) % (2 * FORMS));
    }
    world_check();
}
