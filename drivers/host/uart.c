/* SPDX-License-Identifier: MIT
 *
 * The host console: a 16550, 115200 8N1, at COM1, or where there is none on a
 * PCI card. Or nowhere: then nothing is sent and nothing comes.
 *
 * An absent chip reads as all ones, or as whatever was last on the bus. So a
 * port is believed only when its scratch register keeps two patterns and,
 * with the chip looped back on itself, its modem lines follow its modem
 * outputs.
 *
 * Sending polls, with a bound on the wait; a transmitter that got stuck is
 * waited for once and not for each byte again. The FIFO takes 16 bytes
 * whenever it is empty, a chip without one takes 1. COM1 receives by
 * interrupt into a ring. It and a card, which interrupts nobody, are also
 * polled whenever somebody reads, that is at least at each tick. "\n" goes
 * out as "\r\n".
 *
 * LIMIT: no flow control; bytes that arrive while the ring is full are lost;
 * of a card without interrupts that is after 16 bytes within a tick. Cards
 * whose crystal is not the PC's run at another speed.
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
#define PATIENCE       100000

#define CLASS_SERIAL 0x07000000 /* any 8250, 16450, 16550, ... */
#define CLASS_MASK   0xffff0000
#define INTERFACES   7 /* that are like a 16550; the next ones are not */

static u8 input_data[1024];
static struct ring input = {input_data, sizeof(input_data), 0, 0};
static struct io_reg base;
static enum uart_kind kind;
static u32 card;
static char last; /* byte sent */
static u32 room;  /* in the transmit FIFO */
static u32 fifo;
static bool stuck;

static void put(u16 reg, u8 value)
{
    if (base.space == IO_PORT)
        outb((u16)(base.at + reg), value);
    else
        ((volatile u8 *)physmap(hpa(base.at)))[reg] = value;
}

static u8 get(u16 reg)
{
    if (base.space == IO_PORT)
        return inb((u16)(base.at + reg));
    return ((volatile u8 *)physmap(hpa(base.at)))[reg];
}

static bool keeps(u8 pattern)
{
    put(UART_SCRATCH, pattern);
    return get(UART_SCRATCH) == pattern;
}

static bool is_uart(void)
{
    u8 lines;

    if (!keeps(0x5a) || !keeps(0xa5))
        return false;
    put(UART_LCR, LCR_8N1);
    put(UART_IER, 0);
    put(UART_MCR, MCR_LOOP);
    lines = get(UART_MSR) & MSR_LINES;
    put(UART_MCR, 0);
    return lines == MSR_LOOP && get(UART_LSR) != ABSENT;
}

static void set_up(u8 interrupts)
{
    put(UART_LCR, LCR_8N1 | LCR_DLAB);
    put(UART_DLL, DIVISOR_115200);
    put(UART_DLM, 0);
    put(UART_LCR, LCR_8N1);
    put(UART_FCR, FCR_ON_CLEAR);
    fifo = (get(UART_IIR) & IIR_FIFO) == IIR_FIFO ? FIFO_SIZE : 1;
    put(UART_MCR, MCR_ON);
    put(UART_IER, interrupts);
}

static bool try_card(u32 at)
{
    if (PCI_INTERFACE(pci_class(at)) >= INTERFACES)
        return false;
    pci_enable(at);
    for (u32 i = 0; i < PCI_BARS; i++) {
        base = pci_bar(at, i);
        if (base.space != IO_NONE && is_uart())
            return true;
    }
    return false;
}

static bool find_card(void)
{
    u32 from = 0;

    if (!pci_present())
        return false;
    while ((card = pci_find(from, CLASS_SERIAL, CLASS_MASK)) < PCI_FUNCTIONS) {
        if (try_card(card))
            return true;
        from = card + 1;
    }
    return false;
}

void host_uart_init(void)
{
    base = (struct io_reg){IO_PORT, PORT_COM1};
    if (is_uart()) {
        kind = UART_COM1;
        set_up(IER_RX);
    } else if (find_card()) {
        kind = UART_PCI;
        set_up(0);
    }
}

enum uart_kind host_uart_kind(void)
{
    return kind;
}

u32 host_uart_card(void)
{
    return card;
}

static void drain(void)
{
    u8 status, byte;

    if (kind == UART_NONE)
        return;
    for (u32 i = 0; i < sizeof(input_data); i++) {
        status = get(UART_LSR);
        if (!(status & LSR_DATA) || status == ABSENT)
            return;
        byte = get(UART_DATA);
        ring_put(&input, byte);
    }
}

void host_uart_interrupt(void)
{
    drain();
}

static void send(char byte)
{
    u32 patience = stuck ? 1 : PATIENCE;

    for (u32 i = 0; !room && i < patience; i++) {
        if (get(UART_LSR) & LSR_EMPTY)
            room = fifo;
    }
    stuck = !room;
    if (room)
        room--;
    put(UART_DATA, (u8)byte);
    last = byte;
}

void host_uart_write(const char *text, size_t len)
{
    if (kind == UART_NONE)
        return;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' && last != '\r')
            send('\r');
        send(text[i]);
    }
}

bool host_uart_read(u8 *byte)
{
    drain();
    return ring_get(&input, byte);
}
