/* SPDX-License-Identifier: MIT
 *
 * INT n in ring 3 needs a gate of DPL 3: else #GP with the gate's index and
 * the IDT bit. Every vector but the few open ones refuses, those of the
 * hardware too.
 *
 * SDM vol. 3A 6.12.1.1.
 */
#include "tests/micro/lib/micro.h"

#define REFUSED(n)                                                             \
    CATCH("int %0", : "i"(n));                                                 \
    EXPECT_TRAP(TRAP_GP, (n)*8 | TRAP_ERR_IDT, 0, "INT " #n " in ring 3")

static u32 user(void)
{
    REFUSED(0x00);
    REFUSED(0x01);
    REFUSED(0x02);
    REFUSED(0x06);
    REFUSED(0x08);
    REFUSED(0x0d);
    REFUSED(0x0e);
    REFUSED(0x20);
    REFUSED(0x27);
    REFUSED(0x2f);
    REFUSED(0x40);
    REFUSED(0x7f);
    REFUSED(0xee);
    REFUSED(0xfe);
    REFUSED(0xff);
    return 0;
}

static u32 open(void)
{
    CATCH("int $0x80", );
    return caught.f.vector;
}

void test(void)
{
    ring3(user);
    EXPECT_EQ(ring3(open), TRAP_GP, "INT 0x80 while its gate has DPL 0");
    EXPECT_EQ(caught.f.error, 0x80 * 8 | TRAP_ERR_IDT,
              "the error code of INT 0x80 while its gate has DPL 0");
    idt_set(0x80, SYS_INT32, 3, KCODE, stubs[0x80]);
    EXPECT_EQ(ring3(open), 0x80, "INT 0x80 once its gate has DPL 3");
    EXPECT_EQ(caught.from, 2, "EIP behind INT 0x80");
    idt_set(0x80, SYS_INT32, 2, KCODE, stubs[0x80]);
    EXPECT_EQ(ring3(open), TRAP_GP, "INT 0x80 while its gate has DPL 2");
}
