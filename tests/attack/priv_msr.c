/* SPDX-License-Identifier: MIT
 *
 * Every model-specific register, read and written: the first 1,024, those of
 * hypervisors from 0x40000000 on, and 0xc0000000 to 0xc00103ff, where EFER,
 * STAR and the bases of FS and GS are. The values would, were they taken,
 * turn on SYSCALL, SVM, the debug trace, or lead an entry point elsewhere.
 * Only SYSENTER's three registers may keep what was written.
 *
 * SDM vol. 4; APM vol. 2 appendix A.
 */
#include "tests/attack/lib/leap.h"

ATTACK("It reads and writes all model-specific registers there could be.");

#define SYSENTER_FIRST 0x174
#define SYSENTER_LAST  0x176
#define EFER           0xc0000080
#define STEP           3 /* every third beyond the first thousand */

static const u64 values[] = {0, ~0ull, 0x5501, 0x00100018000000d0ull};

static bool read(u32 msr, u64 *value)
{
    LEAP("rdmsr", "c"(msr), "a"(0), "d"(0));
    *value = (u64)leap.f.edx << 32 | leap.f.eax;
    return leap.f.vector == VECTOR_LANDED;
}

static void write(u32 msr, u64 value)
{
    bool sysenter = msr >= SYSENTER_FIRST && msr <= SYSENTER_LAST;

    LEAP("wrmsr", "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)));
    if (leap.f.vector == VECTOR_LANDED && !sysenter)
        broken("a model-specific register can be written", msr, (u32)value);
}

static void user(u32 msr)
{
    LEAP(RING3 "wrmsr", "c"(msr), "a"(0), "d"(0));
    if (leap.f.vector == VECTOR_LANDED)
        broken("ring 3 can write a model-specific register", msr, 0);
    LEAP(RING3 "rdmsr", "c"(msr), "a"(0), "d"(0));
    if (leap.f.vector == VECTOR_LANDED)
        broken("ring 3 can read a model-specific register", msr, 0);
}

static void try(u32 msr)
{
    u64 before, after;
    bool here = read(msr, &before);

    write(msr, values[msr % ARRAY_LEN(values)]);
    if (here && msr == EFER && read(msr, &after) && after != before)
        broken("EFER changed", (u32)before, (u32)after);
    if (msr % 16 == 0)
        user(msr);
}

void attack(void)
{
    leap_init();
    for (u32 msr = 0; msr < 0x400; msr++)
        for (u32 v = 0; v < ARRAY_LEN(values); v++) {
            try(msr);
            write(msr, values[v]);
        }
    for (u32 msr = 0x40000000; msr < 0x40000400; msr++)
        try(msr);
    for (u32 msr = 0xc0000000; msr < 0xc0000400; msr++)
        try(msr);
    for (u32 msr = 0xc0000400; msr < 0xc0010000; msr += STEP)
        try(msr);
    for (u32 msr = 0xc0010000; msr < 0xc0010400; msr++)
        try(msr);
    for (u32 msr = SYSENTER_FIRST; msr <= SYSENTER_LAST; msr++)
        write(msr, 0);
    world_check();
}
