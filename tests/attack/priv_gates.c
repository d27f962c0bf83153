/* SPDX-License-Identifier: MIT
 *
 * Gates of every kind, in all three tables.
 *
 * INT 0 to 255 from both rings; a gate of each of the 16 types, with each DPL,
 * present or not, to the kernel, to ring 3, to nothing and to where a VMM
 * might have its own code, entered by INT and by the exception itself; IDTs
 * that end in the middle of a gate. Call gates of 16 and 32 bits with up to 31
 * parameters, whose stack lies anywhere; task gates and TSS, free and busy,
 * by CALL, JMP, INT and, last, by IRET with NT.
 *
 * SDM vol. 3A 5.8.3, 6.11, 6.12, 7.3.
 */
#include "tests/attack/lib/leap.h"
#include "tests/attack/lib/tempt.h"

ATTACK("It goes through interrupt, trap, call and task gates of every kind, "
       "wherever they lead.");
ATTACK_ENDS("done|killed");

#define LOW       0x7c00 /* where 16-bit gates lead */
#define INT3S     0xcccccccc
#define SCRATCH   0x40 /* a vector */
#define GATE_AT   (GDT_FREE * 8)
#define CONFORM   ((GDT_FREE + 1) * 8)
#define ALL_TYPES 16
#define CODE      (ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE)

static const u16 targets[] = {
    KCODE,   KCODE | 3, UCODE,       KDATA,  0,      3,
    CONFORM, TSS_SEL,   GATE_AT | 3, 0xff08, 0xff0b, 0xff10,
    0xff18,  0xff88,    0xff89,      0xfff8, 0x0c,   0xff0c,
};

static void interrupts(void)
{
    for (u32 v = 0; v < TRAP_VECTORS; v++) {
        u8 code[] = {0xcd, (u8)v, 0xcc};
        *(volatile u8 *)LOW = code[0];
        *(volatile u8 *)(LOW + 1) = code[1];
        *(volatile u8 *)(LOW + 2) = code[2];
        LEAP("jmp *%0", "a"(LOW));
        if (leap.f.vector != v && v != VECTOR_PRINT)
            broken("INT went through another gate", v, leap.f.vector);
        LEAP(RING3 "jmp *%0", "a"(LOW));
    }
    *(volatile u32 *)LOW = INT3S;
}

static void set_gate(u32 *gate, u32 type, u32 dpl, u32 sel, u32 params)
{
    u32 to = type == SYS_INT16 || type == SYS_TRAP16 || type == SYS_CALL16
                 ? LOW
                 : (u32)soft_landing;

    if (type == SYS_TSS16_FREE || type == SYS_TSS32_FREE)
        to = 0; /* no gate: its limit, too short for a switch to garbage */
    gate[0] = sel << 16 | (to & 0xffff);
    gate[1] = (to & 0xffff0000) | type << DESC_TYPE_SHIFT |
              dpl << DESC_DPL_SHIFT | params;
}

static void enter_idt(u32 type, u32 dpl, u32 sel)
{
    u32 was[2] = {idt[TRAP_UD][0], idt[TRAP_UD][1]};

    set_gate(idt[SCRATCH], type, dpl, sel, 0);
    set_gate(idt[TRAP_UD], type, dpl, sel, 0);
    for (u32 present = 0; present < 2; present++) {
        idt[SCRATCH][1] |= present ? DESC_P : 0;
        idt[TRAP_UD][1] |= present ? DESC_P : 0;
        LEAP("int $0x40", "i"(0));
        leaped(true);
        LEAP(RING3 "int $0x40", "i"(0));
        leaped(true);
        LEAP("ud2", "i"(0));
        leaped(true);
        LEAP(RING3 "ud2", "i"(0));
        leaped(true);
    }
    idt[TRAP_UD][0] = was[0];
    idt[TRAP_UD][1] = was[1];
}

static void short_idts(void)
{
    for (u32 limit = VECTOR_LANDED * 8 + 7; limit < sizeof(idt); limit += 5) {
        struct table_pointer p = {(u16)limit, (u32)idt};

        __asm__ volatile("lidt %0" : : "m"(p) : "memory");
        LEAP("int $0x40", "i"(0));
        LEAP(RING3 "int $0x40", "i"(0));
        LEAP("int $0xff", "i"(0));
        LEAP(RING3 "int $0x80", "i"(0));
    }
    idt_load();
}

#define OPERAND "pushl %0\n\tpushl $0\n\t"

/* Through the GDT's gate, by JMP and CALL; parameters lie at user_esp. */
static void enter_gate(u32 rpl, u32 user_esp)
{
    LEAP(OPERAND "ljmpl *(%%esp)", "a"(GATE_AT | rpl));
    leaped(true);
    LEAP(OPERAND "lcall *(%%esp)", "a"(GATE_AT | rpl));
    leaped(true);
    LEAP(RING3 OPERAND "ljmpl *(%%esp)", "a"(GATE_AT | rpl));
    leaped(false);
    LEAP(RING3 OPERAND "movl %%esp, %%ebx\n\tmovl %1, %%esp\n\t"
                       "lcall *(%%ebx)",
         "a"(GATE_AT | rpl), "c"(user_esp));
    leaped(true);
    LEAP(RING3 OPERAND "lcallw *(%%esp)", "a"(GATE_AT | rpl));
    leaped(true);
}

static void gates(void)
{
    static const u32 stacks[] = {0, 2, 0x9ffff, 0xfffffff8, 0x00107ffc};

    for (u32 i = 0; i < ARRAY_LEN(targets); i++)
        for (u32 type = 0; type < ALL_TYPES; type++)
            for (u32 dpl = 0; dpl < 4; dpl++) {
                enter_idt(type, dpl, targets[i]);
                set_gate(gdt[GATE_AT >> 3], type, dpl, targets[i],
                         (i * 7 + type + dpl) % 32);
                gdt[GATE_AT >> 3][1] |= DESC_P;
                enter_gate(dpl, stacks[(i + type) % ARRAY_LEN(stacks)]);
            }
}

/* TSS of both sizes, free and busy, and task gates to them. They are
 * too short to be switched to; priv_task.c has such as are not. */
static void tasks(void)
{
    static const u8 types[] = {SYS_TSS16_FREE, SYS_TSS16_BUSY, SYS_TSS32_FREE,
                               SYS_TSS32_BUSY};
    static struct tss other;

    for (u32 i = 0; i < ARRAY_LEN(types); i++) {
        u32 attr = ATTR_P | types[i] | ATTR_RING3;

        gdt_set(GATE_AT >> 3, (u32)&other, TSS16_SIZE - 2, attr);
        enter_gate(3, 0);
        set_gate(idt[SCRATCH], SYS_TASK_GATE, 3, GATE_AT, 0);
        idt[SCRATCH][1] |= DESC_P;
        LEAP("int $0x40", "i"(0));
        LEAP(RING3 "int $0x40", "i"(0));
        LEAP(RING3 "pushfl\n\torl $0x4000, (%%esp)\n\tpopfl\n\tiretl", "i"(0));
        leaped(false);
        tss.word[TSS32_LINK / 4] = GATE_AT;
    }
}

void attack(void)
{
    leap_init();
    *(volatile u32 *)LOW = INT3S;
    gdt_set(CONFORM >> 3, 0, 0xfffff, CODE | ATTR_CONFORM | ATTR_DB | ATTR_G);
    gdt_load();
    interrupts();
    gates();
    short_idts();
    tasks();
    world_check();
    tell();
    LEAP("pushfl\n\torl $0x4000, (%%esp)\n\tpopfl\n\tiretl", "i"(0));
}
