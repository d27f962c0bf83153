/* SPDX-License-Identifier: MIT
 *
 * See counter.h. Section names are those of Intel's 82C54 data sheet (231244).
 *
 * A counter is its initial count N and the number e of clocks since it was
 * loaded. Everything else follows ("Mode Definitions"):
 *
 *   mode      OUT                                    counter shows
 *   0         high from e = N on                     N - e, wrapping
 *   1         low for e < N after a trigger          N - e, wrapping
 *   2         low in the last clock of each N        N - e mod N
 *   3         high in the first half of each N       twice as fast, each half
 *   4, 5      low in the one clock e = N             N - e, wrapping
 *
 * LIMIT: a count is in force at once, not one clock after it was written; a
 * new count in mode 3 waits for the end of the whole period; a counter that
 * was never loaded shows 0.
 */
#include "drivers/model/counter.h"
#include "drivers/bus/clock.h"
#include "vmm/base/bits.h"

#define WRAP_BIN COUNTER_WRAP
#define WRAP_BCD 10000u

#define CONTROL_MODE(v) ((v) >> 1 & 7)
#define CONTROL_BCD     BIT(0)
#define STATUS_OUT      BIT(7)
#define STATUS_NULL     BIT(6)

#define MODE_LAST 5

bool counter_periodic(const struct counter *c)
{
    return c->mode == MODE_RATE || c->mode == MODE_SQUARE;
}

/* Modes 1 and 5 start on a rising gate and then ignore it. */
static bool triggered(const struct counter *c)
{
    return c->mode == 1 || c->mode == 5;
}

static u64 elapsed(const struct counter *c, u64 tick)
{
    return c->done + (c->counting && tick > c->start ? tick - c->start : 0);
}

/* Rising edges of OUT in the first e clocks. */
static u64 edges_in(const struct counter *c, u64 e)
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

u64 counter_next_edge(const struct counter *c)
{
    if (!c->count || !c->counting || triggered(c))
        return NEVER;
    if (counter_periodic(c))
        return c->start + (c->edges + 1) * c->count;
    return c->edges ? NEVER : c->start + c->count + (c->mode == 4) - c->done;
}

static u64 take_edges(struct counter *c, u64 tick)
{
    u64 all = edges_in(c, elapsed(c, tick));
    u64 new = all > c->edges ? all - c->edges : 0;

    c->edges += new;
    return new;
}

void counter_start(struct counter *c, u32 count, u64 tick)
{
    c->count = count;
    c->start = tick;
    c->done = 0;
    c->edges = 0;
    c->switch_at = NEVER;
    c->counting = 1;
}

u64 counter_settle(struct counter *c, u64 tick)
{
    u64 edges;

    if (tick < c->switch_at)
        return take_edges(c, tick);
    edges = take_edges(c, c->switch_at);
    counter_start(c, c->next, c->switch_at);
    return edges + take_edges(c, tick);
}

static bool square_high(const struct counter *c, u64 e)
{
    return e % c->count < (c->count + 1) / 2;
}

bool counter_out(const struct counter *c, u64 tick)
{
    u64 e = elapsed(c, tick);

    if (!c->count || (counter_periodic(c) && !c->counting))
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
static u32 square_count(const struct counter *c, u64 e)
{
    u32 at = (u32)(e % c->count), high = (c->count + 1) / 2;

    return (c->count & ~1u) - 2 * (at < high ? at : at - high);
}

/* "Counter Latch Command": what the counting element holds. */
static u16 counter_value(const struct counter *c, u64 tick)
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

void counter_latch(struct counter *c, u64 tick)
{
    if (c->latched)
        return;
    c->latch = counter_value(c, tick);
    c->latched = c->access == ACCESS_BOTH ? 2 : 1;
    c->second = 0;
}

void counter_latch_status(struct counter *c, u64 tick)
{
    bool null = c->next != c->count || !c->count || c->switch_at != NEVER;

    if (c->status_latched)
        return;
    c->status =
        (u8)((counter_out(c, tick) ? STATUS_OUT : 0) |
             (null ? STATUS_NULL : 0) | c->access << 4 | c->mode << 1 | c->bcd);
    c->status_latched = 1;
}

/* "Control Word Format": everything is forgotten but the gate. */
void counter_control(struct counter *c, u8 word)
{
    u8 mode = CONTROL_MODE(word);

    *c = (struct counter){
        .gate = c->gate,
        .mode = mode > MODE_LAST ? mode - 4 : mode,
        .bcd = word & CONTROL_BCD,
        .access = CONTROL_ACCESS(word),
        .switch_at = NEVER,
    };
}

/* A complete count was written ("Write Operations", and each mode's text). */
static void load_count(struct counter *c, u16 raw, u64 tick)
{
    u32 count = c->bcd ? from_bcd(raw) : raw;

    if (!count)
        count = c->bcd ? WRAP_BCD : WRAP_BIN;
    if (triggered(c)) {
        c->next = count;
        c->count = c->count ? c->count : count;
        return;
    }
    if (counter_periodic(c) && c->counting) {
        c->next = count;
        c->switch_at = counter_next_edge(c);
        return;
    }
    counter_start(c, count, tick);
    c->next = count;
    c->counting = c->gate;
}

void counter_write(struct counter *c, u8 value, u64 tick)
{
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
u8 counter_read(struct counter *c, u64 tick)
{
    u16 value = c->latched ? c->latch : counter_value(c, tick);
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
void counter_set_gate(struct counter *c, bool gate, u64 tick)
{
    bool rising = gate && !c->gate;

    if (gate == c->gate)
        return;
    c->gate = gate;
    if (!c->count)
        return;
    if (rising && (triggered(c) || counter_periodic(c))) {
        counter_start(c, c->next, tick);
        return;
    }
    if (triggered(c))
        return;
    c->done = elapsed(c, tick);
    c->start = tick;
    c->counting = gate;
    c->switch_at = NEVER;
}

bool counter_sane(const struct counter *c)
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
