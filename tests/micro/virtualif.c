/* SPDX-License-Identifier: MIT
 *
 * IF as the frames of traps show it: set by STI, cleared by CLI, saved by
 * every trap, cleared in the handler by an interrupt gate, restored by IRET.
 * IOPL is 0 in every frame.
 *
 * SDM vol. 3A 6.8.1; vol. 1 3.4.3.
 */
#include "tests/micro/lib/micro.h"

#define IF_AND_IOPL (EFLAGS_IF | EFLAGS_IOPL | EFLAGS_VM | EFLAGS_NT)

static u32 seen;

static void handler(struct frame *f)
{
    seen = f->eflags;
}

/* What an interrupt's frame says now. */
static u32 flags_now(void)
{
    __asm__ volatile("int $0x41" : : : "memory");
    return seen & IF_AND_IOPL;
}

/* IRET to the next instruction with these flags. */
static void iret_with(u32 flags)
{
    __asm__ volatile("pushl %0\n\t pushl %1\n\t pushl $1f\n\t iretl\n1:"
                     :
                     : "r"(flags), "i"(KCODE)
                     : "memory", "cc");
}

static u32 user(void)
{
    CATCH("int3", );
    return caught.f.eflags & IF_AND_IOPL;
}

void test(void)
{
    handlers[0x41] = handler;
    EXPECT_EQ(flags_now(), 0, "IF at the beginning");
    sti();
    EXPECT_EQ(flags_now(), EFLAGS_IF, "IF behind STI");
    EXPECT_EQ(flags_now(), EFLAGS_IF, "IF behind a handler's IRET");
    sti();
    EXPECT_EQ(flags_now(), EFLAGS_IF, "IF behind a second STI");
    cli();
    EXPECT_EQ(flags_now(), 0, "IF behind CLI");
    iret_with(EFLAGS_ONE | EFLAGS_IF);
    EXPECT_EQ(flags_now(), EFLAGS_IF, "IF behind IRET with IF = 1");
    iret_with(EFLAGS_ONE);
    EXPECT_EQ(flags_now(), 0, "IF behind IRET with IF = 0");
    iret_with(EFLAGS_ONE | EFLAGS_IF | EFLAGS_ID);
    EXPECT_EQ(flags_now(), EFLAGS_IF, "IF behind IRET with IF and ID");
    EXPECT(seen & EFLAGS_ID, "IRET does not set ID");
    iret_with(EFLAGS_ONE);
    EXPECT_EQ(ring3_flags(user, 0), 0, "IF in ring 3 entered with IF = 0");
    EXPECT_EQ(ring3_flags(user, EFLAGS_IF), EFLAGS_IF,
              "IF in ring 3 entered with IF = 1");
    cli();
    EXPECT_EQ(flags_now(), 0, "IF after ring 3 and CLI");
}
