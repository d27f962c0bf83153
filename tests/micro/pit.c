/* SPDX-License-Identifier: MIT
 *
 * The timer: ticks arrive in ring 0, in ring 3 and out of HLT, the count goes
 * down and stays below its reload value, and channel 2 raises its output in
 * port 0x61 at the end of each count, with its gate open.
 *
 * Nothing here depends on how fast time goes. LIMIT: that a closed gate stops
 * the count is not tested, as QEMU does not stop it. Intel 8254 datasheet.
 */
#include "tests/micro/lib/micro.h"

#define RELOAD       3000
#define LATCH_0      0x00
#define CH2_ONE_SHOT 0xb0 /* channel 2, low then high byte, mode 0 */
#define LATCH_2      0x80
#define GATE_2       0x01
#define SPEAKER      0x02
#define OUT_2        0x20

static volatile u32 ticks;

static void tick(struct frame *f)
{
    ticks++;
    pic_eoi(IRQ_TIMER);
}

static u32 latched(u8 command, u16 port)
{
    u32 lo;

    out8(PORT_PIT_CMD, command);
    lo = in8(port);
    return lo | in8(port) << 8;
}

static u32 user(void)
{
    u32 until = ticks + 5;

    while (ticks < until)
        continue;
    return 1;
}

static void set_port_b(u8 clear, u8 set)
{
    out8(PORT_SYS_B, (u8)((in8(PORT_SYS_B) & ~clear) | set));
}

static void one_shot(void)
{
    out8(PORT_PIT_CMD, CH2_ONE_SHOT);
    out8(PORT_PIT_CH2, 0x00);
    out8(PORT_PIT_CH2, 0x40);
    EXPECT(!(in8(PORT_SYS_B) & OUT_2), "channel 2's output is high at once");
    EXPECT(latched(LATCH_2, PORT_PIT_CH2) <= 0x4000,
           "channel 2's count exceeds what was written");
    while (!(in8(PORT_SYS_B) & OUT_2))
        continue;
}

static void channel_2(void)
{
    set_port_b(GATE_2 | SPEAKER, 0);
    EXPECT_EQ(in8(PORT_SYS_B) & GATE_2, 0, "the gate bit as cleared");
    set_port_b(0, GATE_2);
    EXPECT_EQ(in8(PORT_SYS_B) & GATE_2, GATE_2, "the gate bit as set");
    one_shot();
    one_shot();
}

void test(void)
{
    u32 most = 0, moved = 0, last = 0;

    handlers[VECTOR_IRQ + IRQ_TIMER] = tick;
    pit_start(RELOAD);
    in8(PORT_POST);
    for (u32 i = 0; i < 2000; i++) {
        u32 now = latched(LATCH_0, PORT_PIT_CH0);
        most = now > most ? now : most;
        moved += now != last;
        last = now;
    }
    EXPECT(most <= RELOAD, "the count exceeds its reload value");
    EXPECT(moved > 10, "the count stands still");
    pic_unmask(IRQ_TIMER);
    sti();
    while (ticks < 5)
        continue;
    while (ticks < 10)
        __asm__ volatile("hlt");
    cli();
    EXPECT_EQ(ring3_flags(user, EFLAGS_IF), 1, "ticks in ring 3");
    pic_mask(IRQ_TIMER);
    channel_2();
}
