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
 * It is tried once; where no NMI comes (no I/O APIC, no PIT, tables that lie)
 * there is no watchdog, and nothing else is missing.
 *
 * Intel 82093AA data sheet, 3.0; SDM vol. 3A 6.7, 6.8.1.
 */
#include "arch/x86/arch.h"
#include "arch/x86/layout.h"
#include "arch/x86/machine.h"
#include "drivers/host/host.h"

#define IOAPIC_SELECT 0x00
#define IOAPIC_WINDOW 0x10
#define REG_VERSION   0x01
#define REG_PIN(n)    (0x10 + 2 * (n))

#define VERSION_PINS_SHIFT 16 /* the number of the last pin */
#define PINS_MAX           240
#define PIN_NMI            0x00400 /* edge, active high, physical destination */
#define PIN_MASKED         0x10000
#define PIN_CPU_SHIFT      24
#define CPU_MAX            0xff

#define TRY_NS      1000000u
#define PATIENCE_NS 5000000u

static volatile u8 *registers;

static volatile u32 *at(u32 offset)
{
    return (volatile u32 *)(registers + offset);
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

/* Does one NMI come? */
static bool barks(void)
{
    u64 late = arch_now_ns() + PATIENCE_NS;
    u32 before = traps_nmis();

    pit_one_shot(TRY_NS);
    while (traps_nmis() == before) {
        if (arch_now_ns() > late)
            return false;
    }
    return true;
}

bool watchdog_init(hpa_t ioapic, u32 pin)
{
    u32 last;

    if (!ioapic.v || ioapic.v > LOW_4G - PAGE_SIZE || lapic_id() > CPU_MAX)
        return false;
    registers = physmap(ioapic);
    last = get(REG_VERSION) >> VERSION_PINS_SHIFT & 0xff;
    if (pin > last || last >= PINS_MAX)
        return false;
    put(REG_PIN(pin) + 1, lapic_id() << PIN_CPU_SHIFT);
    put(REG_PIN(pin), PIN_NMI);
    if (barks()) {
        pit_free_run();
        return true;
    }
    put(REG_PIN(pin), PIN_MASKED);
    return false;
}
