/* SPDX-License-Identifier: MIT
 *
 * The watchdog: an NMI eighteen times a second.
 *
 * A guest runs with interrupts on, whatever it does, so the alarm always
 * comes. That is the processor's promise, and emulated processors have broken
 * it: in QEMU's translator an IRET outside ring 0 can go to virtual-8086 mode
 * with interrupts off. An NMI asks no flag; traps.c looks whether it met a
 * guest with interrupts off, and that guest has run for the last time.
 *
 * The PIT, whose channel 0 is free where the local APIC is the alarm, counts
 * for ever; the I/O APIC turns its interrupt into an NMI for this processor.
 * Where there is no I/O APIC, or the PIT hangs on another of its pins, there
 * is no watchdog, and nothing else is missing.
 *
 * Intel 82093AA data sheet, 3.0; SDM vol. 3A 6.7, 6.8.1.
 */
#include "arch/x86/asm.h"
#include "arch/x86/layout.h"
#include "drivers/host/host.h"

#define IOAPIC_AT     0xfec00000 /* and its pin, unless ACPI says otherwise */
#define IOAPIC_SELECT 0x00
#define IOAPIC_WINDOW 0x10
#define REG_VERSION   0x01
#define REG_PIN(n)    (0x10 + 2 * (n))
#define PIT_PIN       2

#define VERSION_PINS_SHIFT 16 /* the number of the last pin */
#define PINS_MAX           240
#define PIN_NMI            0x400 /* edge, active high, physical destination */
#define PIN_CPU_SHIFT      24

static volatile u32 *at(u32 offset)
{
    return (volatile u32 *)((volatile u8 *)physmap(hpa(IOAPIC_AT)) + offset);
}

static u32 get(u32 reg)
{
    *at(IOAPIC_SELECT) = reg;
    return *at(IOAPIC_WINDOW);
}

static void put(u32 reg, u32 value)
{
    *at(IOAPIC_SELECT) = reg;
    *at(IOAPIC_WINDOW) = value;
}

bool watchdog_init(void)
{
    u32 last = get(REG_VERSION) >> VERSION_PINS_SHIFT & 0xff;

    if (last < PIT_PIN || last >= PINS_MAX)
        return false;
    pit_free_run();
    put(REG_PIN(PIT_PIN) + 1, lapic_id() << PIN_CPU_SHIFT);
    put(REG_PIN(PIT_PIN), PIN_NMI);
    return true;
}
