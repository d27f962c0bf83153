/* SPDX-License-Identifier: MIT
 *
 * SYSENTER and SYSEXIT with every kind of IA32_SYSENTER_CS.
 *
 * They load CS and SS without any descriptor, from selectors that follow from
 * the register: null ones, of the LDT, at the end of the table, where a VMM
 * has its own, with any RPL. From both rings; ring 3 must not get in by
 * SYSEXIT, nor by SYSENTER but to where the register says. SYSCALL and SYSRET
 * do not exist for 32-bit code under this VMM, but are tried as well.
 *
 * SDM vol. 2B SYSENTER, SYSEXIT; vol. 3A 5.8.7.
 */
#include "arch/x86/defs/msr.h"
#include "tests/attack/lib/leap.h"

ATTACK("It enters by SYSENTER and leaves by SYSEXIT with every selector that "
       "the register can hold.");

#define STEP 0x25

static u8 stack[256] __attribute__((aligned(16)));

static void wrmsr(u32 msr, u32 value)
{
    LEAP("wrmsr", "c"(msr), "a"(value), "d"(0));
}

static void enter(u32 cs, u32 esp, u32 eip)
{
    wrmsr(MSR_SYSENTER_CS, cs);
    wrmsr(MSR_SYSENTER_ESP, esp);
    wrmsr(MSR_SYSENTER_EIP, eip);
    LEAP("sysenter", "i"(0));
    leaped(true);
    LEAP(RING3 "sysenter", "i"(0));
    leaped(true);
    LEAP("sysexit", "c"(user_stack_top), "d"(soft_landing));
    leaped(false);
    LEAP(RING3 "sysexit", "c"(user_stack_top), "d"(landing));
    leaped(false);
    LEAP("syscall", "i"(0));
    LEAP(RING3 "syscall", "i"(0));
    LEAP("sysret", "c"(soft_landing));
    LEAP(RING3 "sysret", "c"(landing));
    leaped(false);
}

void attack(void)
{
    leap_init();
    for (u32 cs = 0; cs < 0x10000; cs += STEP)
        enter(cs, (u32)stack + sizeof(stack), (u32)landing);
    for (u32 cs = 0xff00; cs < 0x10010; cs++)
        enter(cs, (u32)stack + sizeof(stack), (u32)landing);
    wrmsr(MSR_SYSENTER_CS, 0);
    world_check();
}
