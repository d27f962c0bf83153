/* SPDX-License-Identifier: MIT
 *
 * Loading DS, ES, FS, GS and SS with every kind of selector: what the
 * architecture allows is allowed and what it refuses raises the right fault
 * with the selector (without RPL) as the error code, from ring 0 and ring 3,
 * by MOV, POP and LDS. A null data register faults when used.
 *
 * SDM vol. 2A MOV; vol. 3A 5.4.1, 5.6.
 */
#include "tests/micro/lib/micro.h"

enum {
    READ_ONLY = GDT_FREE,
    EXECUTE_ONLY,
    READ_CODE,
    CONFORMING,
    ABSENT,
    RING1,
    SYSTEM,
};

#define SEL(n) ((n)*8)

static void set_up(void)
{
    gdt_set(READ_ONLY, 0, 0xfffff, ATTR_P | ATTR_S | ATTR_G | ATTR_DB);
    gdt_set(EXECUTE_ONLY, 0, 0xfffff,
            (ATTR_KCODE & ~ATTR_READABLE) | ATTR_G | ATTR_RING3);
    gdt_set(READ_CODE, 0, 0xfffff, ATTR_KCODE | ATTR_G | ATTR_RING3);
    gdt_set(CONFORMING, 0, 0xfffff, ATTR_KCODE | ATTR_CONFORM | ATTR_G);
    gdt_set(ABSENT, 0, 0xfffff, (ATTR_KDATA & ~ATTR_P) | ATTR_G | ATTR_RING3);
    gdt_set(RING1, 0, 0xfffff, ATTR_KDATA | ATTR_G | 1 << ATTR_DPL_SHIFT);
    gdt_set(SYSTEM, 0, 0xfff, ATTR_P | SYS_LDT);
}

/* The four ways to load a register; each puts flat data back. */
static void by_fs(u32 s)
{
    CATCH("movl %0, %%fs", : "r"(s));
}

static void by_pop(u32 s)
{
    CATCH("pushl %0\n movl $1f, catch_at\n 1: popl %%gs", : "r"(s));
}

static void by_lds(u32 s)
{
    u32 far[2] = {0, s};

    CATCH("lfs %0, %%eax", : "m"(far) : "eax");
}

/* DS itself; what follows must not use DS before it is back. */
static void by_ds(u32 s, u32 back)
{
    CATCH("movl %0, %%ds\n movl %1, %%ds", : "r"(s), "r"(back));
}

static void by_ss(u32 s, u32 back)
{
    CATCH("movl %0, %%ss\n movl %1, %%ss", : "r"(s), "r"(back));
}

static void all_refuse(u32 s, u32 vector, u32 error, const char *what)
{
    by_fs(s);
    EXPECT_TRAP(vector, error, 0, what);
    by_lds(s);
    EXPECT_TRAP(vector, error, 0, what);
}

static void all_take(u32 s, const char *what)
{
    by_fs(s);
    EXPECT_NO_TRAP(what);
    by_lds(s);
    EXPECT_NO_TRAP(what);
}

static void ring0_data(void)
{
    all_take(0, "a null selector");
    all_take(3, "a null selector with RPL 3");
    all_take(KDATA, "ring 0's data");
    all_take(UDATA, "ring 3's data");
    all_take(UDATA & ~SEL_RPL, "ring 3's data with RPL 0");
    all_take(SEL(READ_ONLY), "read-only data");
    all_take(SEL(READ_CODE), "readable code");
    all_take(SEL(CONFORMING) | 3, "conforming code with RPL 3");
    all_take(SEL(RING1) | 1, "ring 1's data");
    all_refuse(KDATA | 3, TRAP_GP, KDATA, "ring 0's data with RPL 3");
    all_refuse(SEL(EXECUTE_ONLY), TRAP_GP, SEL(EXECUTE_ONLY),
               "execute-only code");
    all_refuse(SEL(SYSTEM), TRAP_GP, SEL(SYSTEM), "a system descriptor");
    all_refuse(TSS_SEL, TRAP_GP, TSS_SEL, "the TSS");
    all_refuse(SEL(ABSENT) | 3, TRAP_NP, SEL(ABSENT), "data not present");
    all_refuse(SEL(GDT_SIZE) | 1, TRAP_GP, SEL(GDT_SIZE), "beyond the GDT");
    all_refuse(SEL(RING1) | 2, TRAP_GP, SEL(RING1), "ring 1's with RPL 2");
    by_pop(KDATA | 3);
    EXPECT_TRAP(TRAP_GP, KDATA, 0, "POP of ring 0's data with RPL 3");
    by_ds(KDATA | 3, KDATA);
    EXPECT_TRAP(TRAP_GP, KDATA, 0, "DS with ring 0's data and RPL 3");
    by_ds(0, KDATA);
    EXPECT_NO_TRAP("DS null and back");
    by_ds(UDATA, KDATA);
    EXPECT_NO_TRAP("DS with ring 3's data and back");
}

static void ring0_stack(void)
{
    by_ss(KDATA, KDATA);
    EXPECT_NO_TRAP("SS with ring 0's data");
    by_ss(0, KDATA);
    EXPECT_TRAP(TRAP_GP, 0, 0, "SS null");
    by_ss(KDATA | 3, KDATA);
    EXPECT_TRAP(TRAP_GP, KDATA, 0, "SS with RPL 3");
    by_ss(UDATA, KDATA);
    EXPECT_TRAP(TRAP_GP, UDATA & ~SEL_RPL, 0, "SS with ring 3's data");
    by_ss(UDATA & ~SEL_RPL, KDATA);
    EXPECT_TRAP(TRAP_GP, UDATA & ~SEL_RPL, 0, "SS of DPL 3 with RPL 0");
    by_ss(SEL(READ_ONLY), KDATA);
    EXPECT_TRAP(TRAP_GP, SEL(READ_ONLY), 0, "SS with read-only data");
    by_ss(KCODE, KDATA);
    EXPECT_TRAP(TRAP_GP, KCODE, 0, "SS with code");
    gdt_set(ABSENT, 0, 0xfffff, (ATTR_KDATA & ~ATTR_P) | ATTR_G);
    by_ss(SEL(ABSENT), KDATA);
    EXPECT_TRAP(TRAP_SS, SEL(ABSENT), 0, "SS not present");
    by_ss(SEL(RING1), KDATA);
    EXPECT_TRAP(TRAP_GP, SEL(RING1), 0, "SS of DPL 1");
    by_ss(SEL(RING1) | 1, KDATA);
    EXPECT_TRAP(TRAP_GP, SEL(RING1), 0, "SS of DPL 1 with RPL 1");
    by_ss(SEL(GDT_SIZE), KDATA);
    EXPECT_TRAP(TRAP_GP, SEL(GDT_SIZE), 0, "SS beyond the GDT");
}

static u32 ring3_loads(void)
{
    all_take(0, "null in ring 3");
    all_take(UDATA, "ring 3's data in ring 3");
    all_take(UDATA & ~SEL_RPL, "ring 3's data with RPL 0 in ring 3");
    all_take(SEL(READ_CODE), "readable code in ring 3");
    all_take(SEL(CONFORMING), "conforming code in ring 3");
    all_refuse(KDATA, TRAP_GP, KDATA, "ring 0's data in ring 3");
    all_refuse(KCODE, TRAP_GP, KCODE, "ring 0's code in ring 3");
    all_refuse(SEL(RING1) | 1, TRAP_GP, SEL(RING1), "ring 1's in ring 3");
    all_refuse(SEL(EXECUTE_ONLY) | 3, TRAP_GP, SEL(EXECUTE_ONLY),
               "execute-only code in ring 3");
    all_refuse(SEL(GDT_SIZE + 40), TRAP_GP, SEL(GDT_SIZE + 40),
               "beyond the GDT in ring 3");
    by_ss(UDATA, UDATA);
    EXPECT_NO_TRAP("SS with ring 3's data in ring 3");
    by_ss(0, UDATA);
    EXPECT_TRAP(TRAP_GP, 0, 0, "SS null in ring 3");
    by_ss(KDATA, UDATA);
    EXPECT_TRAP(TRAP_GP, KDATA, 0, "SS with ring 0's data in ring 3");
    by_ss(UDATA & ~SEL_RPL, UDATA);
    EXPECT_TRAP(TRAP_GP, UDATA & ~SEL_RPL, 0, "SS with RPL 0 in ring 3");
    by_ss(UCODE, UDATA);
    EXPECT_TRAP(TRAP_GP, UCODE & ~SEL_RPL, 0, "SS with code in ring 3");
    return 0;
}

static u32 null_use(void)
{
    __asm__ volatile("movl %0, %%fs" : : "r"(0));
    CATCH("movl %%fs:0, %%eax", : : "eax");
    return caught.f.vector;
}

void test(void)
{
    set_up();
    ring0_data();
    ring0_stack();
    ring3(ring3_loads);
    if (!checks_segments()) {
        note("this machine checks no segment on use; null FS is not used");
        return;
    }
    EXPECT_EQ(null_use(), TRAP_GP, "a read by null FS in ring 0");
    EXPECT_EQ(caught.f.error, 0, "its error code");
    EXPECT_EQ(ring3(null_use), TRAP_GP, "a read by null FS in ring 3");
}
