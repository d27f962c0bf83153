/* SPDX-License-Identifier: MIT
 *
 * The host console: a 16550 at COM1, 115200 8N1.
 *
 * Sending polls, with a bound on the wait, so that a port that is missing or
 * stuck costs a moment and not the machine; an absent chip is recognised by
 * its scratch register and ignored. The FIFO takes 16 bytes whenever it is
 * empty. Receiving is by interrupt into a ring, and by polling whenever
 * somebody reads, so a lost edge only delays. "\n" goes out as "\r\n".
 *
 * LIMIT: no flow control; bytes that arrive while the ring is full are lost.
 *
 * National Semiconductor PC16550D data sheet, section 8.
 */
#include "arch/x86/asm.h"
#include "arch/x86/defs/ports.h"
#include "drivers/host/host.h"
#include "vmm/base/ring.h"

/* Registers, from PORT_COM1. */
#define UART_DATA    0
#define UART_IER     1
#define UART_FCR     2
#define UART_LCR     3
#define UART_MCR     4
#define UART_LSR     5
#define UART_SCRATCH 7
#define UART_DLL     0 /* with LCR_DLAB */
#define UART_DLM     1

#define IER_RX       0x01
#define FCR_ON_CLEAR 0x07 /* FIFOs on and empty, interrupt at 1 byte */
#define LCR_8N1      0x03
#define LCR_DLAB     0x80
#define MCR_ON       0x0b /* DTR, RTS, OUT2 (lets the interrupt through) */
#define LSR_DATA     0x01
#define LSR_EMPTY    0x20

#define DIVISOR_115200 1
#define FIFO_SIZE      16
#define PATIENCE       100000
#define SCRATCH_TEST   0x5a

static u8 input_data[1024];
static struct ring input = {input_data, sizeof(input_data), 0, 0};
static bool present;
static char last; /* byte sent */
static u32 room;  /* in the transmit FIFO */

static void put(u16 reg, u8 value)
{
    outb(PORT_COM1 + reg, value);
}

void host_uart_init(void)
{
    put(UART_SCRATCH, SCRATCH_TEST);
    present = inb(PORT_COM1 + UART_SCRATCH) == SCRATCH_TEST;
    if (!present)
        return;
    put(UART_IER, 0);
    put(UART_LCR, LCR_DLAB);
    put(UART_DLL, DIVISOR_115200);
    put(UART_DLM, 0);
    put(UART_LCR, LCR_8N1);
    put(UART_FCR, FCR_ON_CLEAR);
    put(UART_MCR, MCR_ON);
    put(UART_IER, IER_RX);
}

static void drain(void)
{
    u8 byte;

    if (!present)
        return;
    for (u32 i = 0; i < sizeof(input_data); i++) {
        if (!(inb(PORT_COM1 + UART_LSR) & LSR_DATA))
            return;
        byte = inb(PORT_COM1 + UART_DATA);
        ring_put(&input, byte);
    }
}

void host_uart_interrupt(void)
{
    drain();
}

static void send(char byte)
{
    for (u32 i = 0; !room && i < PATIENCE; i++) {
        if (inb(PORT_COM1 + UART_LSR) & LSR_EMPTY)
            room = FIFO_SIZE;
    }
    if (room)
        room--;
    put(UART_DATA, (u8)byte);
    last = byte;
}

void host_uart_write(const char *text, size_t len)
{
    if (!present)
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
