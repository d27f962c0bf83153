/* SPDX-License-Identifier: MIT
 *
 * Serial ports: 16550s, 115200 8N1, at COM1 to COM4 or on PCI cards. Whoever
 * opens one owns it: the console (console.c) or a wire (wire.c).
 *
 * An absent chip reads as all ones, or as whatever was last on the bus. So a
 * port is believed only when its scratch register keeps two patterns and,
 * with the chip looped back on itself, its modem lines follow its modem
 * outputs.
 *
 * Nothing here waits: a byte is sent when there is room for it, which the
 * caller is told. The FIFO takes 16 bytes whenever it is empty, a chip without
 * one takes 1. COM ports receive by interrupt into a ring, two of them by
 * each of IRQ 3 and 4. They and a card, which interrupts nobody, are also
 * polled whenever somebody reads, that is at least at each tick.
 *
 * LIMIT: no flow control but this: while the ring is full the chip keeps what
 * has come. An emulator's waits then; a real one drops bytes after 16, and so
 * does a card without interrupts within a tick. Cards whose crystal is not the
 * PC's run at another speed.
 *
 * National Semiconductor PC16550D data sheet, section 8; PCI Code and ID
 * Assignment 1.11, class 07h.
 */
#include "arch/x86/asm.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/layout.h"
#include "drivers/host/host.h"
#include "vmm/base/ring.h"

/* Registers, from the base. */
#define UART_DATA    0
#define UART_IER     1
#define UART_FCR     2
#define UART_IIR     2
#define UART_LCR     3
#define UART_MCR     4
#define UART_LSR     5
#define UART_MSR     6
#define UART_SCRATCH 7
#define UART_DLL     0 /* with LCR_DLAB */
#define UART_DLM     1

#define IER_RX       0x01
#define FCR_ON_CLEAR 0x07 /* FIFOs on and empty, interrupt at 1 byte */
#define IIR_FIFO     0xc0 /* both: there is one, and it works */
#define LCR_8N1      0x03
#define LCR_DLAB     0x80
#define MCR_ON       0x0b /* DTR, RTS, OUT2 (lets the interrupt through) */
#define MCR_LOOP     0x1a /* the loop, OUT2 and RTS ... */
#define MSR_LOOP     0x90 /* ... which arrive as DCD and CTS */
#define MSR_LINES    0xf0
#define LSR_DATA     0x01
#define LSR_EMPTY    0x20
#define ABSENT       0xff

#define DIVISOR_115200 1
#define FIFO_SIZE      16
#define INPUT_SIZE     4096

#define CLASS_SERIAL 0x07000000 /* any 8250, 16450, 16550, ... */
#define CLASS_MASK   0xffff0000
#define INTERFACES   7 /* that are like a 16550; the next ones are not */

struct uart {
    enum uart_place place; /* UART_NONE: nobody has opened this one */
    u32 card;              /* of UART_PCI */
    struct io_reg base;
    u32 fifo, room; /* the transmit FIFO */
    struct ring input;
    u8 input_data[INPUT_SIZE];
};

static struct uart uarts[UARTS];

static const struct com {
    u16 port;
    u8 line;
} com[] = {
    [UART_COM1] = {PORT_COM1, IRQ_COM1},
    [UART_COM2] = {PORT_COM2, IRQ_COM2},
    [UART_COM3] = {PORT_COM3, IRQ_COM1},
    [UART_COM4] = {PORT_COM4, IRQ_COM2},
};

static void put(const struct uart *u, u16 reg, u8 value)
{
    if (u->base.space == IO_PORT)
        outb((u16)(u->base.at + reg), value);
    else
        ((volatile u8 *)physmap(hpa(u->base.at)))[reg] = value;
}

static u8 get(const struct uart *u, u16 reg)
{
    if (u->base.space == IO_PORT)
        return inb((u16)(u->base.at + reg));
    return ((volatile u8 *)physmap(hpa(u->base.at)))[reg];
}

static bool keeps(const struct uart *u, u8 pattern)
{
    put(u, UART_SCRATCH, pattern);
    return get(u, UART_SCRATCH) == pattern;
}

static bool is_uart(const struct uart *u)
{
    u8 lines;

    if (!keeps(u, 0x5a) || !keeps(u, 0xa5))
        return false;
    put(u, UART_LCR, LCR_8N1);
    put(u, UART_IER, 0);
    put(u, UART_MCR, MCR_LOOP);
    lines = get(u, UART_MSR) & MSR_LINES;
    put(u, UART_MCR, 0);
    return lines == MSR_LOOP && get(u, UART_LSR) != ABSENT;
}

static void set_up(struct uart *u, u8 interrupts)
{
    put(u, UART_LCR, LCR_8N1 | LCR_DLAB);
    put(u, UART_DLL, DIVISOR_115200);
    put(u, UART_DLM, 0);
    put(u, UART_LCR, LCR_8N1);
    put(u, UART_FCR, FCR_ON_CLEAR);
    u->fifo = (get(u, UART_IIR) & IIR_FIFO) == IIR_FIFO ? FIFO_SIZE : 1;
    u->room = 0;
    ring_init(&u->input, u->input_data, sizeof(u->input_data));
    put(u, UART_MCR, MCR_ON);
    put(u, UART_IER, interrupts);
}

static bool try_card(struct uart *u, u32 at)
{
    if (PCI_INTERFACE(pci_class(at)) >= INTERFACES)
        return false;
    pci_enable(at);
    for (u32 i = 0; i < PCI_BARS; i++) {
        u->base = pci_bar(at, i);
        if (u->base.space != IO_NONE && is_uart(u))
            return true;
    }
    return false;
}

static bool card_is_free(u32 at)
{
    for (u32 i = 0; i < UARTS; i++) {
        if (uarts[i].place == UART_PCI && uarts[i].card == at)
            return false;
    }
    return true;
}

/* The first card that nobody has. */
static bool find_card(struct uart *u)
{
    u32 from = 0, at;

    if (!pci_present())
        return false;
    while ((at = pci_find(from, CLASS_SERIAL, CLASS_MASK)) < PCI_FUNCTIONS) {
        if (card_is_free(at) && try_card(u, at)) {
            u->card = at;
            return true;
        }
        from = at + 1;
    }
    return false;
}

static struct uart *find_free(void)
{
    struct uart *u = uarts;

    while (u < uarts + UARTS - 1 && u->place != UART_NONE)
        u++;
    return u;
}

struct uart *host_uart_open(enum uart_place place)
{
    struct uart *u = find_free();
    bool found;

    if (place == UART_PCI) {
        found = find_card(u);
    } else {
        u->base = (struct io_reg){IO_PORT, com[place].port};
        found = is_uart(u);
    }
    if (!found)
        return NULL;
    u->place = place;
    set_up(u, place == UART_PCI ? 0 : IER_RX);
    return u;
}

void host_uart_close(struct uart *u)
{
    put(u, UART_IER, 0);
    put(u, UART_MCR, 0);
    u->place = UART_NONE;
}

enum uart_place host_uart_place(const struct uart *u)
{
    return u ? u->place : UART_NONE;
}

u32 host_uart_card(const struct uart *u)
{
    return u->card;
}

static void drain(struct uart *u)
{
    while (ring_room(&u->input)) {
        u8 status = get(u, UART_LSR);
        if (!(status & LSR_DATA) || status == ABSENT)
            return;
        ring_put(&u->input, get(u, UART_DATA));
    }
}

void host_uart_unmask(void)
{
    for (u32 i = 0; i < UARTS; i++) {
        if (uarts[i].place != UART_NONE && uarts[i].place != UART_PCI)
            host_pic_unmask(com[uarts[i].place].line);
    }
}

void host_uart_interrupt(u32 line)
{
    for (u32 i = 0; i < UARTS; i++) {
        struct uart *u = &uarts[i];
        if (u->place != UART_NONE && u->place != UART_PCI &&
            com[u->place].line == line)
            drain(u);
    }
}

bool host_uart_put(struct uart *u, u8 byte)
{
    if (!u->room && get(u, UART_LSR) & LSR_EMPTY)
        u->room = u->fifo;
    if (!u->room)
        return false;
    u->room--;
    put(u, UART_DATA, byte);
    return true;
}

void host_uart_force(struct uart *u, u8 byte)
{
    put(u, UART_DATA, byte);
}

bool host_uart_get(struct uart *u, u8 *byte)
{
    drain(u);
    return ring_get(&u->input, byte);
}
