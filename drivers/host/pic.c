/* SPDX-License-Identifier: MIT
 *
 * The real 8259 pair: moved away from the exception vectors, masked but for
 * what the VMM uses, and never trusted: a line that drops too early makes
 * the controller invent IRQ 7 or 15, which its in-service register betrays.
 *
 * Intel 8259A data sheet.
 */
#include "arch/x86/asm.h"
#include "arch/x86/defs/ports.h"
#include "drivers/host/host.h"
#include "vmm/base/bits.h"

#define ICW1_INIT     0x11 /* edge triggered, cascaded, ICW4 follows */
#define ICW3_MASTER   BIT(IRQ_CASCADE)
#define ICW4_8086     0x01
#define OCW2_EOI      0x20
#define OCW3_READ_IRR 0x0a
#define OCW3_READ_ISR 0x0b
#define LINES         8 /* of each chip */

static u16 mask = 0xffff;

static void write_masks(void)
{
    outb(PORT_PIC1_DATA, (u8)mask);
    outb(PORT_PIC2_DATA, (u8)(mask >> LINES));
}

/* Its mask registers keep what is written to them. */
static bool present(void)
{
    bool kept = true;

    for (u32 pattern = 0x55; pattern <= 0xaa; pattern += 0x55) {
        outb(PORT_PIC1_DATA, (u8)pattern);
        outb(PORT_PIC2_DATA, (u8)~pattern);
        kept &= inb(PORT_PIC1_DATA) == (u8)pattern &&
                inb(PORT_PIC2_DATA) == (u8)~pattern;
    }
    return kept;
}

bool host_pic_init(void)
{
    bool found = present();

    outb(PORT_PIC1_CMD, ICW1_INIT);
    outb(PORT_PIC2_CMD, ICW1_INIT);
    outb(PORT_PIC1_DATA, VECTOR_PIC);
    outb(PORT_PIC2_DATA, VECTOR_PIC + LINES);
    outb(PORT_PIC1_DATA, ICW3_MASTER);
    outb(PORT_PIC2_DATA, IRQ_CASCADE);
    outb(PORT_PIC1_DATA, ICW4_8086);
    outb(PORT_PIC2_DATA, ICW4_8086);
    write_masks();
    return found;
}

void host_pic_unmask(u32 line)
{
    mask &= (u16)~BIT(line);
    if (line >= LINES)
        mask &= (u16)~BIT(IRQ_CASCADE);
    write_masks();
}

bool host_pic_asked(u32 line)
{
    u16 port = line < LINES ? PORT_PIC1_CMD : PORT_PIC2_CMD;

    outb(port, OCW3_READ_IRR);
    return inb(port) & BIT(line % LINES);
}

bool host_pic_real(u32 line)
{
    u16 port = line < LINES ? PORT_PIC1_CMD : PORT_PIC2_CMD;

    if (line % LINES != LINES - 1)
        return true;
    outb(port, OCW3_READ_ISR);
    if (inb(port) & BIT(LINES - 1))
        return true;
    if (line >= LINES)
        outb(PORT_PIC1_CMD, OCW2_EOI); /* the cascade line was real */
    return false;
}

void host_pic_end(u32 line)
{
    if (line >= LINES)
        outb(PORT_PIC2_CMD, OCW2_EOI);
    outb(PORT_PIC1_CMD, OCW2_EOI);
}
