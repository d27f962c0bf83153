/* SPDX-License-Identifier: MIT
 *
 * The local APIC, for its timer. The legacy PIC stays in use for the UART and
 * the keyboard: its output comes in through LINT0, as at power-on.
 *
 * Firmware hands it over in either of two modes. In xAPIC mode the registers
 * are memory, in x2APIC mode they are MSRs; the mode is left as it is, since
 * some processors refuse to go back (SDM vol. 3A 11.12.5). Whatever firmware
 * had in service is ended, or it would hold back our own interrupts.
 *
 * LIMIT: the timer stops in sleep states deeper than HLT's own on processors
 * without ARAT; firmware that turns HLT into one of those makes ticks late.
 *
 * SDM vol. 3A 11.4, 11.5, 11.8.4, 11.12.
 */
#include "arch/x86/asm.h"
#include "arch/x86/defs/msr.h"
#include "arch/x86/layout.h"
#include "drivers/host/host.h"

#define APIC_ID        0x020
#define APIC_EOI       0x0b0
#define APIC_SPURIOUS  0x0f0
#define APIC_ISR       0x100 /* eight registers, 0x10 apart */
#define APIC_TPR       0x080
#define APIC_LVT_TIMER 0x320
#define APIC_LVT_PERF  0x340
#define APIC_LVT_LINT0 0x350
#define APIC_LVT_LINT1 0x360
#define APIC_LVT_ERROR 0x370
#define APIC_INITIAL   0x380
#define APIC_CURRENT   0x390
#define APIC_DIVIDE    0x3e0

#define APIC_ID_SHIFT 24

#define APIC_BASE_ADDR 0x000ffffffffff000
#define APIC_BASE_ON   0x800
#define APIC_BASE_X2   0x400
#define SPURIOUS_ON    0x100
#define DELIVER_NMI    0x400
#define DELIVER_EXTINT 0x700
#define LVT_MASKED     0x10000
#define DIVIDE_BY_1    0xb
#define VECTORS        256

static volatile u32 *registers; /* null in x2APIC mode */

static void put(u32 reg, u32 value)
{
    if (registers)
        registers[reg / 4] = value;
    else
        wrmsr(MSR_X2APIC + reg / 16, value);
}

static u32 get(u32 reg)
{
    return registers ? registers[reg / 4] : (u32)rdmsr(MSR_X2APIC + reg / 16);
}

static bool in_service(void)
{
    u32 any = 0;

    for (u32 i = 0; i < VECTORS / 32; i++)
        any |= get(APIC_ISR + i * 0x10);
    return any;
}

bool lapic_init(void)
{
    u64 base = rdmsr(MSR_APIC_BASE);
    u64 at = base & APIC_BASE_ADDR;

    registers = base & APIC_BASE_X2 ? NULL : physmap(hpa(at));
    if (registers && at >= LOW_4G)
        return false;
    if (!(base & APIC_BASE_ON))
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_ON);
    put(APIC_TPR, 0);
    put(APIC_LVT_PERF, LVT_MASKED);
    put(APIC_LVT_ERROR, LVT_MASKED);
    put(APIC_LVT_LINT0, DELIVER_EXTINT);
    put(APIC_LVT_LINT1, DELIVER_NMI);
    put(APIC_SPURIOUS, SPURIOUS_ON | VECTOR_SPURIOUS);
    for (u32 i = 0; i < VECTORS && in_service(); i++)
        put(APIC_EOI, 0);
    put(APIC_DIVIDE, DIVIDE_BY_1);
    put(APIC_LVT_TIMER, VECTOR_TIMER);
    return true;
}

bool lapic_is_x2(void)
{
    return !registers;
}

void lapic_start(u32 count)
{
    put(APIC_INITIAL, count);
}

u32 lapic_count(void)
{
    return get(APIC_CURRENT);
}

void lapic_end(void)
{
    put(APIC_EOI, 0);
}

u32 lapic_id(void)
{
    return registers ? get(APIC_ID) >> APIC_ID_SHIFT : get(APIC_ID);
}
