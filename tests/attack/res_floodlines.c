/* SPDX-License-Identifier: MIT
 *
 * Lines without end on COM1, long ones and empty ones, whether the transmitter
 * is ready or not, with the transmit interrupt on and unmasked. The console
 * belongs to all VMs and to the monitor.
 *
 * 16550 datasheet.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It writes lines to COM1 as fast as it goes.");
ATTACK_ENDS("endless");

#define UART_IER  1
#define IER_THRE  0x02
#define LINE_MOST 300

static void on_serial(struct frame *f)
{
    pic_eoi(IRQ_COM1);
}

void attack(void)
{
    handlers[VECTOR_IRQ + IRQ_COM1] = on_serial;
    out8(PORT_COM1 + UART_IER, IER_THRE);
    pic_unmask(IRQ_COM1);
    for (u32 i = 0;; i++) {
        sti();
        for (u32 n = 0; n < i * 7 % LINE_MOST; n++)
            out8(PORT_COM1, (u8)('a' + n % 26));
        out8(PORT_COM1, '\n');
        cli();
        again();
    }
}
