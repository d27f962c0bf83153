/* SPDX-License-Identifier: MIT
 *
 * A 16550A serial port as a PC has it: eight registers, two FIFOs of sixteen
 * bytes, one interrupt line that goes through an AND gate with OUT2.
 *
 * What the guest sends arrives at once: the transmitter is always empty. What
 * is typed waits outside while the receive FIFO is full, so nothing is lost.
 */
#ifndef MODEL_UART_H
#define MODEL_UART_H

#include "drivers/bus/bus.h"
#include "drivers/bus/clock.h"
#include "drivers/irq/irq.h"

#define UART_FIFO  16
#define UART_PORTS 8

struct uart_wires {
    struct dev_clock clock;
    struct irq_sink irq;
    u32 line;
    void (*send)(void *ctx, u8 byte);
    void *ctx;
};

struct uart_state {
    u64 activity; /* ns: when a byte last came or was read */
    u8 fifo[UART_FIFO];
    u8 head, count;
    u8 ier, fcr, lcr, mcr, lsr, msr, scr;
    u8 dll, dlm;
    u8 empty_irq; /* the transmitter's interrupt is pending */
    u8 timed_out; /* bytes below the trigger level wait too long */
};

struct uart {
    struct uart_state st;
    struct uart_wires wires;
};

extern const struct dev_ops uart_ops;

void uart_init(struct uart *uart, const struct uart_wires *wires);
/* A byte on the wire; false when there is no room for it. */
bool uart_receive(struct uart *uart, u8 byte);
void uart_run(struct uart *uart, u64 now);
u64 uart_deadline(const struct uart *uart);

#endif
