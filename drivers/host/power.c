/* SPDX-License-Identifier: MIT
 *
 * The end of the machine: QEMU's debug-exit device (which makes an exit code
 * of the status), then soft-off (S5) as the ACPI tables describe it, then HLT
 * for good. Only success powers off: after a failure the console should stay
 * readable.
 *
 * Soft-off is a sleep type and a bit written to the PM1 control registers.
 * Those answer in ACPI mode only, which the firmware is asked for first; how
 * long it may take the standard does not say. Where there are no tables the
 * ports of QEMU and Bochs are tried.
 *
 * ACPI 6.5 sections 4.8.3.2 (PM1 control), 4.8.3.7 (sleep control), 5.2.9
 * (SMI_CMD), 16.1.6 and 16.1.7 (into the soft off state).
 */
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/layout.h"
#include "drivers/host/host.h"

#define PORT_OFF_QEMU  0x604
#define PORT_OFF_BOCHS 0xb004
#define OFF            0x2000 /* SLP_EN, type 0 */

#define PM1_SCI_EN   0x0001
#define PM1_SLP_TYP  0x1c00
#define PM1_TYP_AT   10
#define PM1_SLP_EN   0x2000
#define SLEEP_TYP_AT 2 /* in the sleep control register, of 8 bits */
#define SLEEP_SLP_EN 0x20
#define PATIENCE     1000000 /* reads of a port: a second */

static const struct platform *platform;

void host_power_init(const struct platform *p)
{
    platform = p;
}

static bool in_reach(struct io_reg r)
{
    return r.space == IO_PORT || (r.space == IO_MEMORY && r.at < LOW_4G - 4);
}

static u16 get(struct io_reg r)
{
    if (!in_reach(r))
        return 0;
    return r.space == IO_PORT ? inw((u16)r.at)
                              : *(volatile u16 *)physmap(hpa(r.at));
}

static void put(struct io_reg r, u16 value)
{
    if (!in_reach(r))
        return;
    if (r.space == IO_PORT)
        outw((u16)r.at, value);
    else
        *(volatile u16 *)physmap(hpa(r.at)) = value;
}

static void put_byte(struct io_reg r, u8 value)
{
    if (!in_reach(r))
        return;
    if (r.space == IO_PORT)
        outb((u16)r.at, value);
    else
        *(volatile u8 *)physmap(hpa(r.at)) = value;
}

static void want_acpi_mode(const struct platform *p)
{
    if (p->smi.space == IO_NONE || !p->acpi_on || get(p->pm1a) & PM1_SCI_EN)
        return;
    put_byte(p->smi, p->acpi_on);
    for (u32 i = 0; i < PATIENCE && !(get(p->pm1a) & PM1_SCI_EN); i++)
        continue;
}

/* The type first, then the order itself. */
static void soft_off(const struct platform *p)
{
    u16 a = (u16)(p->s5_a << PM1_TYP_AT), b = (u16)(p->s5_b << PM1_TYP_AT);

    put_byte(p->sleep, (u8)(p->s5_a << SLEEP_TYP_AT | SLEEP_SLP_EN));
    want_acpi_mode(p);
    a |= get(p->pm1a) & (u16) ~(PM1_SLP_TYP | PM1_SLP_EN);
    b |= get(p->pm1b) & (u16) ~(PM1_SLP_TYP | PM1_SLP_EN);
    put(p->pm1a, a);
    put(p->pm1b, b);
    put(p->pm1a, a | PM1_SLP_EN);
    put(p->pm1b, b | PM1_SLP_EN);
}

void arch_poweroff(u32 status)
{
    host_screen_last();
    outb(PORT_DEBUG_EXIT, (u8)status);
    if (!status && platform && platform->has_s5) {
        soft_off(platform);
    } else if (!status) {
        outw(PORT_OFF_QEMU, OFF);
        outw(PORT_OFF_BOCHS, OFF);
    }
    for (;;)
        halt();
}
