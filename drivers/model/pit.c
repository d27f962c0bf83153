/* SPDX-License-Identifier: MIT
 *
 * See pit.h. Section names are those of Intel's 82C54 data sheet (231244).
 *
 * A channel that counts is its initial count N and the number e of clocks
 * since it was loaded. Everything else follows ("Mode Definitions"):
 *
 *   mode      OUT                                    counter shows
 *   0         high from e = N on                     N - e, wrapping
 *   1         low for e < N after a trigger          N - e, wrapping
 *   2         low in the last clock of each N        N - e mod N
 *   3         high in the first half of each N       twice as fast, each half
 *   4, 5      low in the one clock e = N             N - e, wrapping
 *
 * Channel 0 interrupts on each rising edge of OUT. Edges are counted, not
 * waited for: however much time has passed, pit_run() does a division. While
 * an interrupt waits to be taken, the line stays high and edges are owed;
 * pc.h has the rules.
 *
 * LIMIT: a count is in force at once, not one clock after it was written; a
 * new count in mode 3 waits for the end of the whole period; a control word
 * that moves OUT up makes no interrupt by itself.
 */
#include "drivers/model/pit.h"
#include "arch/x86/defs/ports.h"
#include "drivers/bus/state.h"
#include "vmm/base/bits.h"

#define GAP_PARTS 4 /* the gap between ticks is at least period / this */
#define WRAP_BIN  0x10000u
#define WRAP_BCD  10000u

#define CMD_CHANNEL(v)      ((v) >> 6 & 3)
#define CMD_ACCESS(v)       ((v) >> 4 & 3)
#define CMD_MODE(v)         ((v) >> 1 & 7)
#define CMD_BCD             BIT(0)
#define CMD_READ_BACK       3 /* in the place of the channel */
#define READ_BACK_NO_COUNT  BIT(5)
#define READ_BACK_NO_STATUS BIT(4)
#define STATUS_OUT          BIT(7)
#define STATUS_NULL         BIT(6)

enum { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH };

#define PORT_B_GATE2   BIT(0)
#define PORT_B_WRITE   0x0f
#define PORT_B_REFRESH BIT(4)
#define PORT_B_OUT2    BIT(5)
#define REFRESH_TICKS  18 /* channel 1: a memory refresh each 15 us */

#define MODE_RATE   2
#define MODE_SQUARE 3

#define STATE_TAG 0x31544950 /* "PIT1" */

static u64 oscillator(const struct pit *pit)
{
    return ticks_at(clock_now(&pit->clock), PIT_HZ);
}

static bool periodic(const struct pit_channel *c)
{
    return c->mode == MODE_RATE || c->mode == MODE_SQUARE;
}

/* Modes 1 and 5 start on a rising gate and then ignore it. */
static bool triggered(const struct pit_channel *c)
{
    return c->mode == 1 || c->mode == 5;
}

static u64 elapsed(const struct pit_channel *c, u64 tick)
{
    return c->done + (c->counting && tick > c->start ? tick - c->start : 0);
}

/* Rising edges of OUT in the first e clocks. */
static u64 edges_in(const struct pit_channel *c, u64 e)
{
    if (!c->count)
        return 0;
    switch (c->mode) {
    case 0:
        return e >= c->count;
    case MODE_RATE:
    case MODE_SQUARE:
        return e / c->count;
    case 4:
        return e > c->count;
    default:
        return 0;
    }
}

/* The tick at which the next edge comes. */
static u64 next_edge(const struct pit_channel *c)
{
    if (!c->count || !c->counting || triggered(c))
        return NEVER;
    if (periodic(c))
        return c->start + (c->edges + 1) * c->count;
    return c->edges ? NEVER : c->start + c->count + (c->mode == 4) - c->done;
}

static u64 take_edges(struct pit_channel *c, u64 tick)
{
    u64 all = edges_in(c, elapsed(c, tick));
    u64 new = all > c->edges ? all - c->edges : 0;

    c->edges += new;
    return new;
}

static void start_count(struct pit_channel *c, u32 count, u64 tick)
{
    c->count = count;
    c->start = tick;
    c->done = 0;
    c->edges = 0;
    c->switch_at = NEVER;
    c->counting = 1;
}

/* Brings a channel up to now: a new period takes over at the end of the old
 * one. Returns the rising edges of OUT since the last time. */
static u64 settle(struct pit_channel *c, u64 tick)
{
    u64 edges;

    if (tick < c->switch_at)
        return take_edges(c, tick);
    edges = take_edges(c, c->switch_at);
    start_count(c, c->next, c->switch_at);
    return edges + take_edges(c, tick);
}

/* Channel 0: the edges so far become ticks owed. */
static void collect(struct pit *pit, u64 tick)
{
    struct pit_state *st = &pit->st;
    u64 edges = settle(&st->ch[0], tick);
    u64 room = PIT_BACKLOG_MAX - st->owed;

    st->owed += min_u64(edges, room);
    st->lost += edges - min_u64(edges, room);
}

static bool square_high(const struct pit_channel *c, u64 e)
{
    return e % c->count < (c->count + 1) / 2;
}

static bool out(const struct pit_channel *c, u64 tick)
{
    u64 e = elapsed(c, tick);

    if (!c->count || (periodic(c) && !c->counting))
        return c->mode != 0;
    switch (c->mode) {
    case 0:
        return e >= c->count;
    case 1:
        return e >= c->count || !c->counting;
    case MODE_RATE:
        return e % c->count != c->count - 1 || c->count == 1;
    case MODE_SQUARE:
        return square_high(c, e);
    default:
        return e != c->count;
    }
}

static u16 to_bcd(u32 v)
{
    return (u16)(v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 |
                 v % 10);
}

static u32 from_bcd(u16 v)
{
    return (v >> 12) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 +
           (v & 15);
}

/* Each half of a square wave counts an even number down by two. */
static u32 square_count(const struct pit_channel *c, u64 e)
{
    u32 at = (u32)(e % c->count), high = (c->count + 1) / 2;

    return (c->count & ~1u) - 2 * (at < high ? at : at - high);
}

/* "Counter Latch Command": what the counting element holds. */
static u16 counter(const struct pit_channel *c, u64 tick)
{
    u32 wrap = c->bcd ? WRAP_BCD : WRAP_BIN, value;
    u64 e = elapsed(c, tick);

    if (!c->count)
        return 0;
    if (c->mode == MODE_SQUARE)
        value = square_count(c, e);
    else if (c->mode == MODE_RATE)
        value = c->count - (u32)(e % c->count);
    else
        value = c->count % wrap + wrap - (u32)(e % wrap);
    return c->bcd ? to_bcd(value % wrap) : (u16)value;
}

static void latch_count(struct pit_channel *c, u64 tick)
{
    if (c->latched)
        return;
    c->latch = counter(c, tick);
    c->latched = c->access == ACCESS_BOTH ? 2 : 1;
    c->second = 0;
}

static void latch_status(struct pit_channel *c, u64 tick)
{
    bool null = c->next != c->count || !c->count || c->switch_at != NEVER;

    if (c->status_latched)
        return;
    c->status =
        (u8)((out(c, tick) ? STATUS_OUT : 0) | (null ? STATUS_NULL : 0) |
             c->access << 4 | c->mode << 1 | c->bcd);
    c->status_latched = 1;
}

/* "Read-Back Command": bits 1 to 3 name the channels. */
static void read_back(struct pit *pit, u8 value, u64 tick)
{
    for (u32 i = 0; i < PIT_CHANNELS; i++) {
        struct pit_channel *c = &pit->st.ch[i];

        if (!(value & BIT(i + 1)))
            continue;
        if (!(value & READ_BACK_NO_COUNT))
            latch_count(c, tick);
        if (!(value & READ_BACK_NO_STATUS))
            latch_status(c, tick);
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
    struct pit_channel *c;

    if (index == CMD_READ_BACK) {
        read_back(pit, value, tick);
        return;
    }
    c = &pit->st.ch[index];
    if (CMD_ACCESS(value) == ACCESS_LATCH) {
        latch_count(c, tick);
        return;
    }
    *c = (struct pit_channel){
        .gate = c->gate,
        .mode = CMD_MODE(value) > 5 ? CMD_MODE(value) - 4 : CMD_MODE(value),
        .bcd = value & CMD_BCD,
        .access = CMD_ACCESS(value),
        .switch_at = NEVER,
    };
    if (index == 0)
        forget_ticks(pit);
}

/* A complete count was written ("Write Operations", and each mode's text). */
static void load_count(struct pit_channel *c, u16 raw, u64 tick)
{
    u32 count = c->bcd ? from_bcd(raw) : raw;

    if (!count)
        count = c->bcd ? WRAP_BCD : WRAP_BIN;
    if (triggered(c)) {
        c->next = count;
        c->count = c->count ? c->count : count;
        return;
    }
    if (periodic(c) && c->counting) {
        c->next = count;
        c->switch_at = next_edge(c);
        return;
    }
    start_count(c, count, tick);
    c->next = count;
    c->counting = c->gate;
}

static void write_count(struct pit *pit, u32 index, u8 value, u64 tick)
{
    struct pit_channel *c = &pit->st.ch[index];

    switch (c->access) {
    case ACCESS_LOW:
        load_count(c, value, tick);
        break;
    case ACCESS_HIGH:
        load_count(c, (u16)(value << 8), tick);
        break;
    case ACCESS_BOTH:
        c->half_way ^= 1;
        if (!c->half_way)
            load_count(c, (u16)(value << 8 | c->low), tick);
        else if (c->mode == 0)
            c->count = 0; /* the first byte stops the counter */
        c->low = value;
        break;
    }
}

/* A latched word, or the live count, byte by byte. */
static u8 read_count(struct pit_channel *c, u64 tick)
{
    u16 value = c->latched ? c->latch : counter(c, tick);
    bool high = c->access == ACCESS_HIGH;

    if (c->status_latched) {
        c->status_latched = 0;
        return c->status;
    }
    if (c->access == ACCESS_BOTH) {
        high = c->second;
        c->second ^= 1;
    }
    if (c->latched)
        c->latched--;
    return (u8)(high ? value >> 8 : value);
}

/* "GATE": low stops modes 0, 2, 3 and 4; a rising edge starts modes 1 and 5,
 * and modes 2 and 3 from the beginning. */
static void set_gate(struct pit_channel *c, bool gate, u64 tick)
{
    bool rising = gate && !c->gate;

    if (gate == c->gate)
        return;
    c->gate = gate;
    if (!c->count)
        return;
    if (rising && (triggered(c) || periodic(c))) {
        start_count(c, c->next, tick);
        return;
    }
    if (triggered(c))
        return;
    c->done = elapsed(c, tick);
    c->start = tick;
    c->counting = gate;
    c->switch_at = NEVER;
}

static u32 read_port_b(const struct pit *pit, u64 tick)
{
    u32 value = pit->st.port_b;

    if (tick / REFRESH_TICKS & 1)
        value |= PORT_B_REFRESH;
    if (out(&pit->st.ch[2], tick))
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
    settle(&pit->st.ch[1], tick);
    settle(&pit->st.ch[2], tick);
    if (offset == PIT_PORT_B)
        return read_port_b(pit, tick);
    return read_count(&pit->st.ch[offset], tick);
}

static void pit_write(void *dev, u32 offset, u32 size, u32 value)
{
    struct pit *pit = dev;
    u64 tick = oscillator(pit);

    collect(pit, tick);
    settle(&pit->st.ch[1], tick);
    settle(&pit->st.ch[2], tick);
    if (offset == PIT_CMD) {
        write_command(pit, (u8)value, tick);
    } else if (offset == PIT_PORT_B) {
        pit->st.port_b = value & PORT_B_WRITE;
        set_gate(&pit->st.ch[2], value & PORT_B_GATE2, tick);
    } else {
        write_count(pit, offset, (u8)value, tick);
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
    const struct pit_channel *c = &pit->st.ch[0];
    u64 part = 0;

    if (periodic(c))
        part = tick_time(c->count, PIT_HZ) / GAP_PARTS;
    return max_u64(part, PIT_GAP_MIN);
}

/* While one waits to be taken, nobody knows when that will be: the soonest
 * moment that matters afterwards is one gap from now. */
u64 pit_deadline(const struct pit *pit, u64 now, bool waiting)
{
    u64 due = tick_time(next_edge(&pit->st.ch[0]), PIT_HZ);

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
        struct pit_channel *c = &pit->st.ch[i];

        c->mode = i == 1 ? MODE_RATE : MODE_SQUARE;
        c->access = i == 1 ? ACCESS_LOW : ACCESS_BOTH;
        c->gate = i != 2;
        c->next = i == 1 ? REFRESH_TICKS : WRAP_BIN;
        start_count(c, c->next, tick);
        c->counting = c->gate;
    }
    irq_set(&pit->irq, IRQ_TIMER, false);
}

static u32 pit_save(const void *dev, u8 *buf, u32 size)
{
    const struct pit *pit = dev;

    return state_save(STATE_TAG, &pit->st, sizeof(pit->st), buf, size);
}

static bool channel_sane(const struct pit_channel *c)
{
    bool times = c->start < TIME_MAX && c->done < TIME_MAX &&
                 c->edges < TIME_MAX / (2 * WRAP_BIN) &&
                 (c->switch_at < TIME_MAX || c->switch_at == NEVER);
    bool unused = !c->count && c->switch_at == NEVER;
    bool counts =
        c->count <= WRAP_BIN && c->next <= WRAP_BIN && (c->next || unused);

    return times && counts && c->mode <= 5 && c->bcd <= 1 &&
           c->access <= ACCESS_BOTH && c->latched <= 2 && c->second <= 1;
}

static bool pit_load(void *dev, const u8 *buf, u32 size)
{
    struct pit *pit = dev;
    struct pit_state st;

    if (!state_load(STATE_TAG, &st, sizeof(st), buf, size) ||
        st.owed > PIT_BACKLOG_MAX || st.earliest >= TIME_MAX)
        return false;
    for (u32 i = 0; i < PIT_CHANNELS; i++)
        if (!channel_sane(&st.ch[i]))
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
