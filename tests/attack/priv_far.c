/* SPDX-License-Identifier: MIT
 *
 * Every selector in CS.
 *
 * Far JMP, CALL, RET and IRET, from ring 0 and from ring 3, to all 65,536
 * selectors of tables full of code segments that tempt: 64-bit ones,
 * conforming ones, 16-bit ones, ones of ring 3, and what is none at all. At
 * the other end stands code that tells 64-bit from 32-bit mode, reads CR3,
 * and so knows whether it came too far. Meanwhile FS and GS hold code of
 * ring 3 and conforming code, which a VMM may have to keep somewhere.
 *
 * SDM vol. 3A 5.8; CALL, JMP, RET and IRET in vol. 2.
 */
#include "tests/attack/lib/leap.h"
#include "tests/attack/lib/tempt.h"

ATTACK("It jumps, calls and returns to all 65,536 selectors, most of them "
       "64-bit, conforming or of another ring.");

#define CODE      (ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE)
#define CONFORM   (DESC_TYPE_SHIFT + 2)
#define FORMS     4
#define IN_RING3  FORMS
#define OUTWARDS  2 /* from this form on */
#define FIRST_TOP (0x10000 - TEMPT_TOP * 8)

/* Its limit is 0. */
#define SHORT(desc) ((desc) & ~((u64)0x8f0000 << 32 | 0xffff))

static const u64 temptation[] = {
    FLAT(CODE) | LONG_MODE,
    FLAT16(CODE) | LONG_MODE,
    FLAT(CODE | ATTR_CONFORM) | LONG_MODE,
    FLAT16(CODE | ATTR_RING3) | LONG_MODE,
    FLAT(CODE | ATTR_RING3),
    FLAT16(CODE),
    FLAT(CODE & ~ATTR_P),
    FLAT(CODE | ATTR_CONFORM | ATTR_RING3),
    FLAT(ATTR_P | ATTR_S | ATTR_WRITABLE),
    GATE(SYS_TASK_GATE, 3),
    SHORT(GATE(SYS_TSS32_FREE, 3)), /* priv_task.c goes there */
    GATE(SYS_TSS32_BUSY, 3),
    GATE(SYS_LDT, 3),
};

/* Code of ring 3 and conforming code in registers for data. */
#define PLANT  "movl %1, %%fs\n\tmovl %2, %%gs\n\t"
#define TARGET "pushl %0\n\tpushl $landing\n\t"
#define OUTER  "pushl $" STRING(UDATA) "\n\tpushl $user_stack_top\n\t"
#define FORM(n, code)                                                          \
    case n:                                                                    \
        LEAP(PLANT code, "a"(sel), "b"(UCODE), "S"(conforming));               \
        break;                                                                 \
    case IN_RING3 + n:                                                         \
        LEAP(RING3 PLANT code, "a"(sel), "b"(UCODE), "S"(conforming));         \
        break;

static u32 conforming;

/* What ends the guest itself: the VMM runs no ring 1 or 2, and a jump to a
 * TSS that is free switches to a task made of what happens to lie at 0. */
static bool deadly(u32 sel, u32 form)
{
    u32 rpl = sel & SEL_RPL, type = CODE | ATTR_CONFORM;
    u32 attr = (u32)(tempted(sel) >> 40);

    if (form % FORMS < OUTWARDS)
        return (attr & (ATTR_S | ATTR_TYPE)) == SYS_TSS32_FREE;
    return (rpl == 1 || rpl == 2) && (attr & type) == type;
}

static void go(u32 sel, u32 form)
{
    if (deadly(sel, form))
        return;
    switch (form) {
        FORM(0, TARGET "ljmpl *(%%esp)")
        FORM(1, TARGET "lcall *(%%esp)")
        FORM(2, OUTER TARGET "lretl")
        FORM(3, OUTER "pushl $2\n\t" TARGET "iretl")
    }
    leaped(form < IN_RING3 &&
           (form < OUTWARDS || (sel & SEL_RPL) != 3 || tempted(sel) == 0));
}

static void plant(u32 shift)
{
    tempt(temptation, ARRAY_LEN(temptation), shift);
    conforming = GDT_FREE * 8;
    while (tempted(conforming) != temptation[2])
        conforming += 8;
}

void attack(void)
{
    leap_init();
    plant(0);
    for (u32 sel = 0; sel < FIRST_TOP; sel++)
        go(sel, sel * 5 % (2 * FORMS));
    for (u32 shift = 0; shift < ARRAY_LEN(temptation); shift++) {
        plant(shift);
        for (u32 sel = FIRST_TOP; sel < 0x10000; sel++)
            for (u32 form = 0; form < 2 * FORMS; form++)
                if ((sel + form + shift) % 3 == 0)
                    go(sel, form);
    }
    world_check();
}
