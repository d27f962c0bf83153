/* SPDX-License-Identifier: MIT
 *
 * Two 8259A interrupt controllers, the second on line 2 of the first.
 *
 * Lines 0-15 become vectors 32-47, behind the exceptions. Each line starts
 * masked and is opened by its driver. The end of an interrupt is told before
 * its handler runs, which is harmless with interrupts off and lets a handler
 * switch to another process without a debt. A line 7 or 15 that nobody
 * raised (a spurious interrupt) must not be told: its in-service bit is not
 * set. 8259A datasheet, ICW1-4, OCW2, OCW3.
 */
#include "arch/x86/defs/ports.h"
#include "guest/kernel/kernel.h"

#define ICW1_INIT 0x11 /* edge triggered, cascaded, ICW4 follows */
#define ICW4_8086 0x01
#define OCW2_EOI  0x20
#define OCW3_IRR  0x0a
#define OCW3_ISR  0x0b
#define PIC_LINES 8
#define SPURIOUS  7

static u8 mask[2] = {0xff & ~(1 << IRQ_CASCADE), 0xff};

static void setup(u16 cmd, u16 data, u8 base, u8 cascade, u8 lines)
{
    outb(cmd, ICW1_INIT);
    outb(data, base);
    outb(data, cascade);
    outb(data, ICW4_8086);
    outb(data, lines);
}

void pic_init(void)
{
    setup(PORT_PIC1_CMD, PORT_PIC1_DATA, IRQ_BASE, 1 << IRQ_CASCADE, mask[0]);
    setup(PORT_PIC2_CMD, PORT_PIC2_DATA, IRQ_BASE + PIC_LINES, IRQ_CASCADE,
          mask[1]);
}

void pic_enable(u32 irq)
{
    u32 chip = irq / PIC_LINES;

    mask[chip] &= (u8) ~(1 << irq % PIC_LINES);
    outb(chip ? PORT_PIC2_DATA : PORT_PIC1_DATA, mask[chip]);
}

static int in_service(u16 cmd, u32 line)
{
    outb(cmd, OCW3_ISR);
    return inb(cmd) >> line & 1;
}

void pic_eoi(u32 irq)
{
    u16 cmd = irq < PIC_LINES ? PORT_PIC1_CMD : PORT_PIC2_CMD;
    int spurious =
        irq % PIC_LINES == SPURIOUS && !in_service(cmd, irq % PIC_LINES);

    if (!spurious)
        outb(cmd, OCW2_EOI);
    if (irq >= PIC_LINES)
        outb(PORT_PIC1_CMD, OCW2_EOI);
}

int pic_is_requested(u32 irq)
{
    outb(PORT_PIC1_CMD, OCW3_IRR);
    return inb(PORT_PIC1_CMD) >> irq & 1;
}
