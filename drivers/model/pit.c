/* SPDX-License-Identifier: MIT
 *
 * See pit.h. Section names are those of Intel's 82C54 data sheet (231244).
 *
 * The three counters are in counter.c. Here is what a PC adds: ports, the
 * gate and output of channel 2 in port 0x61, and channel 0's interrupts.
 *
 * Channel 0 interrupts on each rising edge of OUT. Edges are counted, not
 * waited for: however much time has passed, pit_run() does a division. While
 * an interrupt waits to be taken, the line stays high and edges are owed;
 * pc.h has the rules.
 *
 * LIMIT: a control word that moves OUT up makes no interrupt by itself.
 */
#include "drivers/model/pit.h"
#include "arch/x86/defs/ports.h"
#include "drivers/bus/state.h"
#include "vmm/base/bits.h"

#define GAP_PARTS 32 /* the gap between ticks is at least period / this */

#define CMD_CHANNEL(v)      ((v) >> 6 & 3)
#define CMD_READ_BACK       3 /* in the place of the channel */
#define READ_BACK_NO_COUNT  BIT(5)
#define READ_BACK_NO_STATUS BIT(4)

#define PORT_B_GATE2   BIT(0)
#define PORT_B_WRITE   0x0f
#define PORT_B_REFRESH BIT(4)
#define PORT_B_OUT2    BIT(5)
#define REFRESH_TICKS  18 /* channel 1: a memory refresh each 15 us */

#define STATE_TAG 0x31544950 /* "PIT1" */

static u64 oscillator(const struct pit *pit)
{
    return ticks_at(clock_now(&pit->clock), PIT_HZ);
}

/* Channel 0: the edges so far become ticks owed. */
static void collect(struct pit *pit, u64 tick)
{
    struct pit_state *st = &pit->st;
    u64 edges = counter_settle(&st->ch[0], tick);
    u64 room = PIT_BACKLOG_MAX - st->owed;

    st->owed += min_u64(edges, room);
    st->lost += edges - min_u64(edges, room);
}

/* "Read-Back Command": bits 1 to 3 name the channels. */
static void read_back(struct pit *pit, u8 value, u64 tick)
{
    for (u32 i = 0; i < PIT_CHANNELS; i++) {
        struct counter *c = &pit->st.ch[i];

        if (!(value & BIT(i + 1)))
            continue;
        if (!(value & READ_BACK_NO_COUNT))
            counter_latch(c, tick);
        if (!(value & READ_BACK_NO_STATUS))
            counter_latch_status(c, tick);
    }
}

/* An interrupt that the old programme still owes has no meaning any more. In
 * mode 0 OUT falls, and takes a request that was not taken with it. */
static void forget_ticks(struct pit *pit)
{
    pit->st.owed = 0;
    if (pit->st.ch[0].mode == 0)
        irq_set(&pit->irq, IRQ_TIMER, false);
}

static void write_command(struct pit *pit, u8 value, u64 tick)
{
    u32 index = CMD_CHANNEL(value);
    struct counter *c;

    if (index == CMD_READ_BACK) {
        read_back(pit, value, tick);
        return;
    }
    c = &pit->st.ch[index];
    if (CONTROL_ACCESS(value) == ACCESS_LATCH) {
        counter_latch(c, tick);
        return;
    }
    counter_control(c, value);
    if (index == 0)
        forget_ticks(pit);
}

static u32 read_port_b(const struct pit *pit, u64 tick)
{
    u32 value = pit->st.port_b;

    if (tick / REFRESH_TICKS & 1)
        value |= PORT_B_REFRESH;
    if (counter_out(&pit->st.ch[2], tick))
        value |= PORT_B_OUT2;
    return value;
}

static u32 pit_read(void *dev, u32 offset, u32 size)
{
    struct pit *pit = dev;
    u64 tick = oscillator(pit);

    if (offset == PIT_CMD)
        return 0xff;
    collect(pit, tick);
    counter_settle(&pit->st.ch[1], tick);
    counter_settle(&pit->st.ch[2], tick);
    if (offset == PIT_PORT_B)
        return read_port_b(pit, tick);
    return counter_read(&pit->st.ch[offset], tick);
}

static void pit_write(void *dev, u32 offset, u32 size, u32 value)
{
    struct pit *pit = dev;
    u64 tick = oscillator(pit);

    collect(pit, tick);
    counter_settle(&pit->st.ch[1], tick);
    counter_settle(&pit->st.ch[2], tick);
    if (offset == PIT_CMD) {
        write_command(pit, (u8)value, tick);
    } else if (offset == PIT_PORT_B) {
        pit->st.port_b = value & PORT_B_WRITE;
        counter_set_gate(&pit->st.ch[2], value & PORT_B_GATE2, tick);
    } else {
        counter_write(&pit->st.ch[offset], (u8)value, tick);
    }
}

void pit_run(struct pit *pit, u64 now, bool waiting)
{
    struct pit_state *st = &pit->st;

    collect(pit, ticks_at(now, PIT_HZ));
    if (!st->owed || waiting || now < st->earliest)
        return;
    st->owed--;
    irq_set(&pit->irq, IRQ_TIMER, false);
    irq_set(&pit->irq, IRQ_TIMER, true);
}

static u64 gap(const struct pit *pit)
{
    const struct counter *c = &pit->st.ch[0];
    u64 part = 0;

    if (counter_periodic(c))
        part = tick_time(c->count, PIT_HZ) / GAP_PARTS;
    return max_u64(part, PIT_GAP_MIN);
}

/* While one waits to be taken, nobody knows when that will be: the soonest
 * moment that matters afterwards is one gap from now. */
u64 pit_deadline(const struct pit *pit, u64 now, bool waiting)
{
    u64 due = tick_time(counter_next_edge(&pit->st.ch[0]), PIT_HZ);

    if (pit->st.owed)
        due = waiting ? now + gap(pit) : now;
    if (waiting)
        due = max_u64(due, now + PIT_GAP_MIN);
    return max_u64(due, pit->st.earliest);
}

void pit_taken(struct pit *pit, u64 now)
{
    collect(pit, ticks_at(now, PIT_HZ));
    pit->st.earliest = now + gap(pit);
}

void pit_forgive(struct pit *pit, u64 now)
{
    collect(pit, ticks_at(now, PIT_HZ));
    pit->st.owed = 0;
}

/* As a BIOS leaves it: 18.2 Hz, memory refresh, a silent speaker. */
static void pit_reset(void *dev)
{
    struct pit *pit = dev;
    u64 tick = oscillator(pit);

    pit->st = (struct pit_state){.owed = 0};
    for (u32 i = 0; i < PIT_CHANNELS; i++) {
        struct counter *c = &pit->st.ch[i];

        c->mode = i == 1 ? MODE_RATE : MODE_SQUARE;
        c->access = i == 1 ? ACCESS_LOW : ACCESS_BOTH;
        c->gate = i != 2;
        c->next = i == 1 ? REFRESH_TICKS : COUNTER_WRAP;
        counter_start(c, c->next, tick);
        c->counting = c->gate;
    }
    irq_set(&pit->irq, IRQ_TIMER, false);
}

static u32 pit_save(const void *dev, u8 *buf, u32 size)
{
    const struct pit *pit = dev;

    return state_save(STATE_TAG, &pit->st, sizeof(pit->st), buf, size);
}

static bool pit_load(void *dev, const u8 *buf, u32 size)
{
    struct pit *pit = dev;
    struct pit_state st;

    if (!state_load(STATE_TAG, &st, sizeof(st), buf, size) ||
        st.owed > PIT_BACKLOG_MAX || st.earliest >= TIME_MAX)
        return false;
    for (u32 i = 0; i < PIT_CHANNELS; i++)
        if (!counter_sane(&st.ch[i]))
            return false;
    pit->st = st;
    return true;
}

void pit_init(struct pit *pit, const struct dev_clock *clock,
              const struct irq_sink *irq)
{
    *pit = (struct pit){.clock = *clock, .irq = *irq};
    pit_reset(pit);
}

const struct dev_ops pit_ops = {
    .name = "8254",
    .read = pit_read,
    .write = pit_write,
    .reset = pit_reset,
    .save = pit_save,
    .load = pit_load,
    .bytes_only = true,
};
