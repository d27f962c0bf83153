/* SPDX-License-Identifier: MIT
 *
 * The legacy PC's I/O ports, interrupt lines and memory windows, for models,
 * host drivers, guests and tests alike.
 */
#ifndef DEFS_PORTS_H
#define DEFS_PORTS_H

#define PORT_PIC1_CMD    0x20
#define PORT_PIC1_DATA   0x21
#define PORT_PIT_CH0     0x40
#define PORT_PIT_CH1     0x41
#define PORT_PIT_CH2     0x42
#define PORT_PIT_CMD     0x43
#define PORT_KBD_DATA    0x60
#define PORT_SYS_B       0x61 /* PIT channel 2 gate and output, speaker */
#define PORT_KBD_CMD     0x64
#define PORT_CMOS_INDEX  0x70
#define PORT_CMOS_DATA   0x71
#define PORT_POST        0x80
#define PORT_SYS_A       0x92 /* A20, fast reset */
#define PORT_PIC2_CMD    0xa0
#define PORT_PIC2_DATA   0xa1
#define PORT_DEBUGCON    0xe9 /* a byte written is a byte on the console */
#define PORT_DEBUG_EXIT  0xf4 /* QEMU's isa-debug-exit: status (v << 1) | 1 */
#define PORT_COM4        0x2e8
#define PORT_COM2        0x2f8
#define PORT_CRTC_INDEX  0x3d4
#define PORT_CRTC_DATA   0x3d5
#define PORT_COM3        0x3e8
#define PORT_COM1        0x3f8
#define PORT_PCI_ADDRESS 0xcf8
#define PORT_RESET       0xcf9
#define PORT_PCI_DATA    0xcfc
#define PORT_METER       0x5450 /* Trapline: this VM's exit count, 32 bits */

#define IRQ_TIMER   0
#define IRQ_KBD     1
#define IRQ_CASCADE 2
#define IRQ_COM2    3 /* and COM4 */
#define IRQ_COM1    4 /* and COM3 */
#define IRQ_RTC     8
#define IRQ_FPU     13
#define IRQ_ATA     14
#define IRQ_LINES   16

#define PIT_HZ 1193182

#define VGA_WINDOW     0xa0000 /* to 0xbffff */
#define VGA_TEXT       0xb8000 /* colour; monochrome: */
#define VGA_TEXT_MONO  0xb0000
#define VGA_TEXT_SIZE  0x8000
#define LOW_MEMORY_END 0xa0000
#define HIGH_MEMORY    0x100000

#endif
