/* SPDX-License-Identifier: MIT
 *
 * The upper half of ESP on a 16-bit stack.
 *
 * An IRET to a 16-bit stack segment loads SP only: what stands in the upper
 * half of ESP afterwards is the half of the stack pointer of whoever did the
 * IRET. A VMM enters its guest by an IRET, so its own stack shows there, and
 * the guest's value is lost. In rings 0 and 3 the guest puts patterns there,
 * traps in several ways, and looks.
 *
 * SDM vol. 3A 5.8.6; vol. 2A IRET.
 */
#include "tests/attack/lib/leap.h"
#include "tests/attack/lib/tempt.h"

ATTACK("It looks at the upper half of ESP behind traps on a 16-bit stack.");

#define DATA (ATTR_P | ATTR_S | ATTR_WRITABLE)
#define SEL  (GDT_FREE * 8)
#define USEL ((GDT_FREE + 1) * 8 | 3)
#define SPOT 0x7c00
#define FLATS                                                                  \
    "\n\tmovl %%esp, %%ecx\n\tmovl %%edi, %%ss\n\tmovl leap_esp, %%esp\n\t"

#define TRAPS                                                                  \
    FORM("movl %%cr0, %%eax", 0);                                              \
    FORM("cli", 0);                                                            \
    FORM("inb $0x80, %%al", 0);                                                \
    FORM("movl (%%esi), %%eax", 3);                                            \
    FORM("nop", 3)

static u32 fresh[1024] __attribute__((aligned(4096)));

static void judge(u32 want)
{
    if (leap.f.vector != VECTOR_LANDED)
        broken("a trap came on a 16-bit stack", leap.f.eip, leap.f.vector);
    if (leap.f.ecx != want)
        broken("the upper half of ESP is not the guest's", want, leap.f.ecx);
}

static void with(u32 esp)
{
#define FORM(code, ring)                                                       \
    invlpg((u32)fresh);                                                        \
    LEAP("movl %0, %%ss\n\tmovl %1, %%esp\n\t" code FLATS, "a"(SEL), "b"(esp), \
         "S"(fresh), "D"(KDATA));                                              \
    judge(esp);                                                                \
    if (ring == 3) {                                                           \
        LEAP(RING3 "movl %0, %%ss\n\tmovl %1, %%esp\n\t" code FLATS,           \
             "a"(USEL), "b"(esp), "S"(fresh), "D"(UDATA));                     \
        judge(esp);                                                            \
    }
    TRAPS
#undef FORM
}

void attack(void)
{
    paging_on();
    leap_init();
    *(u64 *)gdt[SEL >> 3] = FLAT16(DATA);
    *(u64 *)gdt[USEL >> 3] = FLAT16(DATA | ATTR_RING3);
    gdt_load();
    for (u32 high = 1; high < 0x10000; high += 0x123)
        with(high << 16 | SPOT);
    world_check();
}
