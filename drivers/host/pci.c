/* SPDX-License-Identifier: MIT
 *
 * Looking for a card on the PCI buses: configuration mechanism 1, an address
 * port and a data port, which every PC chip set since PCI has, PCI Express
 * included. All 256 buses are asked, since how firmware numbers them is its
 * own business. Functions 1 to 7 exist only where function 0 says so; a device
 * that is not there reads as all ones.
 *
 * LIMIT: addresses are taken as the firmware assigned them; a card that it
 * left without any is not used. Memory above 4 GiB is not looked at.
 *
 * PCI Local Bus 3.0 sections 3.2.2.3.2 (mechanism 1), 6.1, 6.2.1 (header
 * type), 6.2.2 (command), 6.2.5.1 (base addresses).
 */
#include "arch/x86/asm.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/layout.h"
#include "drivers/host/host.h"
#include "vmm/base/bits.h"

#define ADDRESS_ON  0x80000000
#define REG_ID      0x00
#define REG_COMMAND 0x04 /* and status */
#define REG_CLASS   0x08
#define REG_HEADER  0x0c
#define REG_BAR(n)  (0x10 + 4 * (n))
#define ABSENT      0xffffffff

#define HEADER_MANY 0x00800000 /* more than one function */
#define HEADER_TYPE 0x007f0000 /* 0: a device with six base addresses */

#define COMMAND_PORTS  BIT(0)
#define COMMAND_MEMORY BIT(1)
#define COMMAND_NO_INT BIT(10)
#define COMMAND_BITS   0xffff /* the rest is status, where a one clears */

#define BAR_PORT      BIT(0)
#define BAR_PORT_AT   0x0000fffc
#define BAR_MEMORY_AT 0xfffffff0
#define BAR_WIDTH     0x6
#define BAR_64        0x4

static u32 get(u32 at, u32 reg)
{
    outl(PORT_PCI_ADDRESS, ADDRESS_ON | at << 8 | reg);
    return inl(PORT_PCI_DATA);
}

static void put(u32 at, u32 reg, u32 value)
{
    outl(PORT_PCI_ADDRESS, ADDRESS_ON | at << 8 | reg);
    outl(PORT_PCI_DATA, value);
}

/* The address port keeps what is written to it. */
bool pci_present(void)
{
    u32 before = inl(PORT_PCI_ADDRESS);
    bool kept;

    outl(PORT_PCI_ADDRESS, ADDRESS_ON);
    kept = inl(PORT_PCI_ADDRESS) == ADDRESS_ON;
    outl(PORT_PCI_ADDRESS, before);
    return kept;
}

static bool exists(u32 at)
{
    if (PCI_FN(at) && !(get(at & ~7u, REG_HEADER) & HEADER_MANY))
        return false;
    return get(at, REG_ID) != ABSENT && get(at, REG_ID) != 0;
}

u32 pci_class(u32 at)
{
    return get(at, REG_CLASS);
}

u32 pci_find(u32 from, u32 want, u32 mask)
{
    for (u32 at = from; at < PCI_FUNCTIONS; at++) {
        if (!exists(at)) {
            at |= PCI_FN(at) ? 0 : 7; /* no function 0: no device */
            continue;
        }
        if ((pci_class(at) & mask) == want)
            return at;
    }
    return PCI_FUNCTIONS;
}

struct io_reg pci_bar(u32 at, u32 index)
{
    static const struct io_reg none;
    u32 bar;

    if (get(at, REG_HEADER) & HEADER_TYPE || index >= PCI_BARS)
        return none;
    bar = get(at, REG_BAR(index));
    if (bar & BAR_PORT) {
        if (bar & BAR_PORT_AT && bar <= 0xffff)
            return (struct io_reg){IO_PORT, bar & BAR_PORT_AT};
        return none;
    }
    if (!(bar & BAR_MEMORY_AT))
        return none;
    if ((bar & BAR_WIDTH) == BAR_64 &&
        (index + 1 == PCI_BARS || get(at, REG_BAR(index + 1))))
        return none;
    return (struct io_reg){IO_MEMORY, bar & BAR_MEMORY_AT};
}

void pci_enable(u32 at)
{
    u32 command = get(at, REG_COMMAND) & COMMAND_BITS;

    put(at, REG_COMMAND,
        command | COMMAND_PORTS | COMMAND_MEMORY | COMMAND_NO_INT);
}
