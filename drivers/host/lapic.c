/* SPDX-License-Identifier: MIT
 *
 * The local APIC, for its timer. The legacy PIC stays in use for the UART:
 * its output comes in through LINT0, as at power-on.
 *
 * LIMIT: xAPIC mode only; a firmware that leaves x2APIC on has it switched
 * back by way of off (SDM vol. 3A 11.12.5).
 *
 * SDM vol. 3A 11.4, 11.5.
 */
#include "arch/x86/asm.h"
#include "arch/x86/defs/msr.h"
#include "arch/x86/layout.h"
#include "drivers/host/host.h"

#define APIC_ID        0x020
#define APIC_EOI       0x0b0
#define APIC_SPURIOUS  0x0f0
#define APIC_TPR       0x080
#define APIC_LVT_TIMER 0x320
#define APIC_LVT_LINT0 0x350
#define APIC_LVT_LINT1 0x360
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
#define DIVIDE_BY_1    0xb

static volatile u32 *registers;

static void put(u32 reg, u32 value)
{
    registers[reg / 4] = value;
}

void lapic_init(void)
{
    u64 base = rdmsr(MSR_APIC_BASE);

    if (base & APIC_BASE_X2)
        wrmsr(MSR_APIC_BASE, base & ~(u64)(APIC_BASE_X2 | APIC_BASE_ON));
    wrmsr(MSR_APIC_BASE, (base & ~(u64)APIC_BASE_X2) | APIC_BASE_ON);
    registers = physmap(hpa(base & APIC_BASE_ADDR));
    put(APIC_TPR, 0);
    put(APIC_LVT_LINT0, DELIVER_EXTINT);
    put(APIC_LVT_LINT1, DELIVER_NMI);
    put(APIC_SPURIOUS, SPURIOUS_ON | VECTOR_SPURIOUS);
    put(APIC_DIVIDE, DIVIDE_BY_1);
    put(APIC_LVT_TIMER, VECTOR_TIMER);
}

void lapic_start(u32 count)
{
    put(APIC_INITIAL, count);
}

u32 lapic_count(void)
{
    return registers[APIC_CURRENT / 4];
}

void lapic_end(void)
{
    put(APIC_EOI, 0);
}

u32 lapic_id(void)
{
    return registers[APIC_ID / 4] >> APIC_ID_SHIFT;
}
