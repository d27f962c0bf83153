/* SPDX-License-Identifier: MIT
 *
 * Interrupts that come back as soon as they are taken: the serial port's line
 * is level-triggered and stays high, the PIC acknowledges by itself, and the
 * handler is a bare IRET to ring 3, which never gets to an instruction of its
 * own. No device is touched meanwhile. A VMM that goes on delivering before it
 * looks at anything else does so for ever.
 *
 * Intel 8259A datasheet (automatic EOI); Intel 82371SB 2.5.6 (ELCR).
 */
#include "tests/attack/lib/attack.h"

ATTACK("It holds a level-triggered line that is acknowledged automatically.");
ATTACK_ENDS("endless");

#define PORT_ELCR1  0x4d0
#define ICW1        0x11
#define ICW4_AEOI   0x03
#define UART_IER    (PORT_COM1 + 1)
#define UART_IER_TX 2
#define UART_MCR    (PORT_COM1 + 4)
#define UART_OUT2   8

__asm__("only_iret: iretl");
extern const u8 only_iret[];

static void level_and_auto_eoi(void)
{
    out8(PORT_ELCR1, 1 << IRQ_COM1);
    out8(PORT_PIC1_CMD, ICW1);
    out8(PORT_PIC1_DATA, VECTOR_IRQ);
    out8(PORT_PIC1_DATA, 1 << IRQ_CASCADE);
    out8(PORT_PIC1_DATA, ICW4_AEOI);
    out8(PORT_PIC1_DATA, (u8) ~(1 << IRQ_COM1));
    out8(UART_MCR, UART_OUT2);
    out8(UART_IER, UART_IER_TX);
}

__asm__("spin: jmp spin");
u32 spin(void);

void attack(void)
{
    idt_set(VECTOR_IRQ + IRQ_COM1, SYS_INT32, 0, KCODE, (u32)only_iret);
    attempts(1);
    tell();
    level_and_auto_eoi();
    ring3_flags(spin, EFLAGS_IF);
}
