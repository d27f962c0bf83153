/* SPDX-License-Identifier: MIT
 *
 * The wires: byte channels beside the console, one for gdb and one for the
 * trace, each where the command line says: gdb=com2 trace=e9.
 *
 * A wire is a serial port that is nobody else's, or, for the trace, the debug
 * port of QEMU and Bochs, which takes a byte at any time (the emulator waits
 * for whoever reads it) and gives none. It reads as its own number where it
 * exists. COM1 may be a wire as well; the console then leaves it and is on the
 * screen alone.
 *
 * Nothing waits. A byte that comes on a serial wire is an interrupt, which
 * ends arch_idle() and the turn of a guest that runs; without a PIC, and on a
 * PCI card, it is seen at the next tick.
 *
 * LIMIT: what stands on the command line is final; a port that is plugged in
 * later stays unused.
 */
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/defs/ports.h"
#include "drivers/host/host.h"
#include "vmm/base/bits.h"

/* host_wire_places, as typed. */
const char *const host_wire_places[WIRE_PLACES] = {
    [UART_NONE] = "off",  [UART_COM1] = "com1", [UART_COM2] = "com2",
    [UART_COM3] = "com3", [UART_COM4] = "com4", [UART_PCI] = "pci",
    [WIRE_E9] = "e9",
};

static struct wire {
    u32 place; /* where it is wanted */
    struct uart *uart;
    enum wire_state state;
} wires[ARCH_WIRES];

void host_wire_choose(enum arch_wire wire, u32 place)
{
    wires[wire].place = place;
}

static bool taken(const struct wire *w)
{
    for (u32 i = 0; i < ARCH_WIRES; i++) {
        if (wires[i].uart && host_uart_place(wires[i].uart) == w->place &&
            w->place != UART_PCI)
            return true;
    }
    return false;
}

static enum wire_state open_wire(struct wire *w)
{
    if (w->place == UART_NONE)
        return WIRE_OFF;
    if (w->place == WIRE_E9)
        return inb(PORT_DEBUGCON) == PORT_DEBUGCON ? WIRE_READY : WIRE_ABSENT;
    if (taken(w))
        return WIRE_TAKEN;
    host_console_leave((enum uart_place)w->place);
    w->uart = host_uart_open((enum uart_place)w->place);
    return w->uart ? WIRE_READY : WIRE_ABSENT;
}

void host_wires_init(void)
{
    for (u32 i = 0; i < ARCH_WIRES; i++)
        wires[i].state = open_wire(&wires[i]);
}

enum wire_state host_wire_state(enum arch_wire wire, u32 *place)
{
    *place = wires[wire].place;
    return wires[wire].state;
}

bool arch_wire_present(enum arch_wire wire)
{
    return wires[wire].state == WIRE_READY;
}

size_t arch_wire_write(enum arch_wire wire, const u8 *data, size_t len)
{
    const struct wire *w = &wires[wire];
    size_t done = 0;

    if (w->state != WIRE_READY)
        return 0;
    if (w->place != WIRE_E9) {
        while (done < len && host_uart_put(w->uart, data[done]))
            done++;
        return done;
    }
    for (; done < len; done++)
        outb(PORT_DEBUGCON, data[done]);
    return done;
}

bool arch_wire_read(enum arch_wire wire, u8 *byte)
{
    const struct wire *w = &wires[wire];

    return w->uart && host_uart_get(w->uart, byte);
}
