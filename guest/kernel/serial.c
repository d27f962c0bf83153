/* SPDX-License-Identifier: MIT
 *
 * COM1, a 16550 at 115200 8N1: output by polling, input by interrupt.
 *
 * The transmitter holds 16 bytes once it is empty, so the line status is
 * read once for 16 bytes, not for each: under a VMM every port access costs
 * a trip. A machine without a serial port never says "empty"; after a while
 * the driver gives the bytes up rather than hang. 16550D datasheet 8.0.
 */
#include "arch/x86/defs/ports.h"
#include "guest/kernel/kernel.h"

#define UART_DATA 0
#define UART_IER  1 /* with DLAB: high byte of the divisor */
#define UART_FCR  2
#define UART_LCR  3
#define UART_MCR  4
#define UART_LSR  5

#define IER_RECEIVED 0x01
#define FCR_ENABLE   0x07 /* FIFOs on and empty */
#define LCR_8N1      0x03
#define LCR_DLAB     0x80
#define MCR_OUT2     0x0b /* DTR, RTS, and OUT2, which opens the IRQ line */
#define LSR_RECEIVED 0x01
#define LSR_EMPTY    0x20
#define FIFO_BYTES   16
#define PATIENCE     1000000

void serial_init(void)
{
    outb(PORT_COM1 + UART_IER, 0);
    outb(PORT_COM1 + UART_LCR, LCR_DLAB);
    outb(PORT_COM1 + UART_DATA, 1);
    outb(PORT_COM1 + UART_IER, 0);
    outb(PORT_COM1 + UART_LCR, LCR_8N1);
    outb(PORT_COM1 + UART_FCR, FCR_ENABLE);
    outb(PORT_COM1 + UART_MCR, MCR_OUT2);
    outb(PORT_COM1 + UART_IER, IER_RECEIVED);
    pic_enable(IRQ_COM1);
}

static void wait_empty(void)
{
    for (u32 i = 0; i < PATIENCE; i++)
        if (inb(PORT_COM1 + UART_LSR) & LSR_EMPTY)
            return;
}

void serial_write(const char *s, u32 n)
{
    u32 room = 0;

    for (u32 i = 0; i < n; i++) {
        if (room < 2) {
            wait_empty();
            room = FIFO_BYTES;
        }
        if (s[i] == '\n') {
            outb(PORT_COM1 + UART_DATA, '\r');
            room--;
        }
        outb(PORT_COM1 + UART_DATA, (u8)s[i]);
        room--;
    }
}

void serial_interrupt(void)
{
    while (inb(PORT_COM1 + UART_LSR) & LSR_RECEIVED)
        console_input((char)inb(PORT_COM1 + UART_DATA));
}
