/* SPDX-License-Identifier: MIT
 *
 * The real 8254. Channel 2, which no interrupt hangs on, is the yardstick
 * that the TSC and the APIC timer are measured with; channel 0 is the timer
 * of machines without an APIC. Both count down once (mode 0). Some boards have
 * the chip but not the port that shows channel 2; there channel 0 is read as
 * it counts round and round (mode 2).
 *
 * Intel 8254 data sheet; PC/AT port 61h: bit 0 gate, bit 1 speaker, bit 5
 * output of channel 2.
 */
#include "arch/x86/asm.h"
#include "arch/x86/defs/ports.h"
#include "drivers/host/host.h"

#define CMD_CH0_ONCE  0x30 /* low byte, high byte, mode 0, binary */
#define CMD_CH0_RATE  0x34 /* mode 2 */
#define CMD_CH0_LATCH 0x00
#define CMD_CH2_ONCE  0xb0

#define SYS_B_GATE    0x01
#define SYS_B_SPEAKER 0x02
#define SYS_B_OUT     0x20

#define COUNT_MAX 0xffff

u32 pit_count(u64 ns)
{
    u64 count;

    if (ns > 50000000)
        ns = 50000000;
    count = ns * PIT_HZ / 1000000000;
    if (!count)
        return 1;
    return count > COUNT_MAX ? COUNT_MAX : (u32)count;
}

void pit_gate_start(u32 count)
{
    u8 sys = inb(PORT_SYS_B) & ~(SYS_B_GATE | SYS_B_SPEAKER);

    outb(PORT_SYS_B, sys);
    outb(PORT_PIT_CMD, CMD_CH2_ONCE);
    outb(PORT_PIT_CH2, (u8)count);
    outb(PORT_PIT_CH2, (u8)(count >> 8));
    outb(PORT_SYS_B, sys | SYS_B_GATE);
}

bool pit_gate_done(void)
{
    return inb(PORT_SYS_B) & SYS_B_OUT;
}

void pit_one_shot(u64 ns)
{
    u32 count = pit_count(ns);

    outb(PORT_PIT_CMD, CMD_CH0_ONCE);
    outb(PORT_PIT_CH0, (u8)count);
    outb(PORT_PIT_CH0, (u8)(count >> 8));
}

void pit_free_run(void)
{
    outb(PORT_PIT_CMD, CMD_CH0_RATE);
    outb(PORT_PIT_CH0, 0);
    outb(PORT_PIT_CH0, 0);
}

static u32 channel_0(void)
{
    u32 low;

    outb(PORT_PIT_CMD, CMD_CH0_LATCH);
    low = inb(PORT_PIT_CH0);
    return COUNT_MAX - (low | (u32)inb(PORT_PIT_CH0) << 8);
}

struct yardstick pit_counter(void)
{
    pit_free_run();
    return (struct yardstick){channel_0, COUNT_MAX, PIT_HZ};
}
