/* SPDX-License-Identifier: MIT
 *
 * The 8254: the picture of each mode against a clock-by-clock model, access
 * modes, latches, gate, and the rules for owed ticks.
 * LINKS: drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/ports.h"
#include "drivers/model/pit.h"
#include "tests/unit/unit.h"

static struct pit pit;
static u64 now;
static u32 rises;
static bool level;

static u64 tell(void *ctx)
{
    return now;
}

static void line(void *ctx, u32 number, bool high)
{
    EXPECT_EQ(number, IRQ_TIMER);
    rises += high && !level;
    level = high;
}

static void setup(void)
{
    struct dev_clock clock = {tell, NULL};
    struct irq_sink irq = {line, NULL};

    now = 1000000007;
    pit_init(&pit, &clock, &irq);
    rises = 0;
}

static void out(u32 port, u8 value)
{
    pit_ops.write(&pit, port, 1, value);
}

static u8 in(u32 port)
{
    return (u8)pit_ops.read(&pit, port, 1);
}

static u32 in_word(u32 port)
{
    u32 low = in(port);

    return low | (u32)in(port) << 8;
}

/* To the start of oscillator tick `n`. */
static void at_tick(u64 n)
{
    now = tick_time(n, PIT_HZ);
}

static u64 tick(void)
{
    return ticks_at(now, PIT_HZ);
}

static void program(u32 channel, u32 mode, u32 count)
{
    out(PIT_CMD, (u8)(channel << 6 | 0x30 | mode << 1));
    out(channel, (u8)count);
    out(channel, (u8)(count >> 8));
}

static bool out2(void)
{
    return in(PIT_PORT_B)&0x20;
}

static u32 latched(u32 channel)
{
    out(PIT_CMD, (u8)(channel << 6));
    return in_word(channel);
}

/* The data sheet's waveforms, one clock at a time. */
struct wave {
    u32 mode, n, value;
    bool out;
    u32 in_half;
};

static void wave_start(struct wave *w, u32 mode, u32 n)
{
    *w = (struct wave){mode, n, n, mode != 0 && mode != 1, 0};
    if (mode == 3)
        w->value = n & ~1u;
}

static void wave_square(struct wave *w)
{
    u32 half = w->out ? (w->n + 1) / 2 : w->n / 2;

    w->value -= 2;
    if (++w->in_half == half) {
        w->in_half = 0;
        w->out = !w->out;
        w->value = w->n & ~1u;
    }
}

static void wave_clock(struct wave *w)
{
    if (w->mode == 3) {
        wave_square(w);
        return;
    }
    w->value = (w->value - 1) & 0xffff;
    if (w->mode == 2 && w->value == 0)
        w->value = w->n;
    if (w->mode == 2)
        w->out = w->value != 1;
    else if (w->mode < 2 && w->value == 0)
        w->out = true;
    else if (w->mode >= 4)
        w->out = w->value != 0;
}

static void check_wave(u32 mode, u32 n)
{
    struct wave w;
    u64 start;

    setup();
    out(PIT_PORT_B, mode == 1 || mode == 5 ? 0 : 1);
    program(2, mode, n);
    out(PIT_PORT_B, 1);
    start = tick();
    wave_start(&w, mode, n);
    for (u32 e = 0; e < 3 * n + 5; e++) {
        at_tick(start + e);
        EXPECT_EQ(out2(), w.out);
        EXPECT_EQ(latched(2), w.value & 0xffff);
        wave_clock(&w);
    }
}

static void every_mode_has_its_waveform(void)
{
    static const u32 counts[] = {2, 3, 4, 5, 17, 100};

    for (u32 mode = 0; mode < 6; mode++)
        for (u32 i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
            check_wave(mode, counts[i]);
}

static void modes_6_and_7_are_2_and_3(void)
{
    setup();
    program(2, 6, 100);
    EXPECT_EQ(pit.st.ch[2].mode, 2);
    program(2, 7, 100);
    EXPECT_EQ(pit.st.ch[2].mode, 3);
}

static void zero_is_the_longest_count(void)
{
    u64 start;

    setup();
    program(0, 2, 0);
    start = tick();
    EXPECT_EQ(latched(0), 0);
    at_tick(start + 1);
    EXPECT_EQ(latched(0), 0xffff);
    out(PIT_CMD, 0x35); /* the same in BCD */
    out(PIT_CH0, 0);
    out(PIT_CH0, 0);
    at_tick(start + 2);
    EXPECT_EQ(latched(0), 0x9999);
}

static void bcd_counts_in_tens(void)
{
    u64 start;

    setup();
    out(PIT_CMD, 0x31);
    out(PIT_CH0, 0x00);
    out(PIT_CH0, 0x10); /* 1000 */
    start = tick();
    at_tick(start + 1);
    EXPECT_EQ(latched(0), 0x0999);
    at_tick(start + 1001);
    EXPECT_EQ(latched(0), 0x9999);
}

static void one_byte_access(void)
{
    setup();
    out(PIT_CMD, 0x90);
    out(PIT_CH2, 7);
    EXPECT_EQ(pit.st.ch[2].count, 7);
    EXPECT_EQ(in(PIT_CH2), 7);
    EXPECT_EQ(in(PIT_CH2), 7);
    out(PIT_CMD, 0xa0);
    out(PIT_CH2, 7);
    EXPECT_EQ(pit.st.ch[2].count, 0x700);
    EXPECT_EQ(in(PIT_CH2), 7);
    out(PIT_CMD, 0x80);
    EXPECT_EQ(in(PIT_CH2), 7);
}

static void a_one_byte_latch_is_read_once(void)
{
    u64 start;

    setup();
    out(PIT_CMD, 0x14);
    out(PIT_CH0, 200);
    start = tick();
    at_tick(start + 10);
    out(PIT_CMD, 0x00);
    at_tick(start + 20);
    EXPECT_EQ(in(PIT_CH0), 190);
    EXPECT_EQ(in(PIT_CH0), 180);
}

static void a_latch_holds_until_read(void)
{
    u64 start;

    setup();
    program(0, 2, 1000);
    start = tick();
    at_tick(start + 10);
    out(PIT_CMD, 0x00);
    at_tick(start + 20);
    out(PIT_CMD, 0x00); /* ignored: the first one is not read */
    EXPECT_EQ(in_word(0), 990);
    EXPECT_EQ(in_word(0), 980);
}

static void read_back_gives_status_first(void)
{
    u64 start;

    setup();
    program(0, 2, 1000);
    start = tick();
    at_tick(start + 10);
    out(PIT_CMD, 0xc2);
    EXPECT_EQ(pit.st.ch[1].latched + pit.st.ch[1].status_latched, 0);
    EXPECT_EQ(pit.st.ch[2].latched + pit.st.ch[2].status_latched, 0);
    at_tick(start + 20);
    EXPECT_EQ(in(PIT_CH0), 0xb4);
    EXPECT_EQ(in_word(0), 990);
    EXPECT_EQ(in_word(0), 980);
    out(PIT_CMD, 0x30); /* control word only: null count, OUT low */
    out(PIT_CMD, 0xe2);
    EXPECT_EQ(in(PIT_CH0), 0x70);
}

static void a_new_period_waits_for_the_old(void)
{
    u64 start;

    setup();
    program(0, 2, 1000);
    start = tick();
    at_tick(start + 400);
    out(PIT_CH0, 50);
    out(PIT_CH0, 0);
    EXPECT_EQ(latched(0), 600);
    out(PIT_CMD, 0xe2);
    EXPECT_EQ(in(PIT_CH0)&0x40, 0x40);
    at_tick(start + 1010);
    EXPECT_EQ(latched(0), 40);
    out(PIT_CMD, 0xe2);
    EXPECT_EQ(in(PIT_CH0)&0x40, 0);
    EXPECT_EQ(pit.st.owed, 1);
    at_tick(start + 1000 + 50 * 7);
    pit_run(&pit, now, true);
    EXPECT_EQ(pit.st.owed, 8);
}

static void the_gate_stops_and_starts(void)
{
    u64 start;

    setup();
    out(PIT_PORT_B, 1);
    program(2, 0, 1000);
    start = tick();
    at_tick(start + 100);
    out(PIT_PORT_B, 0);
    at_tick(start + 5000);
    EXPECT_EQ(latched(2), 900);
    EXPECT(!out2());
    out(PIT_PORT_B, 1);
    at_tick(start + 5899);
    EXPECT(!out2());
    at_tick(start + 5900);
    EXPECT(out2());
    program(2, 2, 1000);
    start = tick();
    at_tick(start + 999);
    EXPECT(!out2());
    out(PIT_PORT_B, 0);
    EXPECT(out2()); /* "GATE = 0 sets OUT high immediately" */
    at_tick(start + 1500);
    out(PIT_PORT_B, 1);
    EXPECT_EQ(latched(2), 1000);
}

static void port_b_reads_back(void)
{
    u32 seen = 0;

    setup();
    out(PIT_PORT_B, 0xff);
    EXPECT_EQ(in(PIT_PORT_B)&0x8f, 0x0f);
    for (u32 i = 0; i < 10; i++, now += 10000)
        seen |= 1u << (in(PIT_PORT_B) >> 4 & 1);
    EXPECT_EQ(seen, 3); /* the refresh bit toggles */
    EXPECT_EQ(in(PIT_CMD), 0xff);
}

/* Runs to the next deadline; true when that raised the line. */
static bool step(bool waiting)
{
    u32 before = rises;
    u64 due = pit_deadline(&pit, now, waiting);

    EXPECT(due != NEVER);
    now = due > now ? due : now;
    pit_run(&pit, now, waiting);
    return rises != before;
}

static void deadlines_are_exact(void)
{
    u64 due, start;

    setup();
    program(0, 2, 11932);
    start = tick();
    for (u32 i = 1; i <= 200; i++) {
        due = pit_deadline(&pit, now, false);
        EXPECT_EQ(due, tick_time(start + 11932 * i, PIT_HZ));
        now = due - 1;
        pit_run(&pit, now, false);
        EXPECT_EQ(rises, i - 1);
        now = due;
        pit_run(&pit, now, false);
        EXPECT_EQ(rises, i);
        pit_taken(&pit, now);
    }
}

static void a_one_shot_fires_once(void)
{
    u64 start;

    setup();
    program(0, 0, 100);
    EXPECT(step(false));
    pit_taken(&pit, now);
    EXPECT_EQ(pit_deadline(&pit, now, false), NEVER);
    now += NS_PER_SEC;
    pit_run(&pit, now, false);
    EXPECT_EQ(rises, 1);
    program(0, 4, 100);
    start = tick();
    pit.st.earliest = 0;
    EXPECT_EQ(pit_deadline(&pit, now, false), tick_time(start + 101, PIT_HZ));
    at_tick(start + 100);
    pit_run(&pit, now, false);
    EXPECT_EQ(rises, 1);
    EXPECT(step(false));
    EXPECT_EQ(tick(), start + 101);
    EXPECT_EQ(pit_deadline(&pit, now, false), NEVER);
    program(0, 1, 100); /* the gate never rises */
    EXPECT_EQ(pit_deadline(&pit, now, false), NEVER);
}

static void ticks_are_not_lost(void)
{
    u64 start, period = NS_PER_SEC / 1000;
    u32 got = 0;

    setup();
    program(0, 2, 1193);
    start = now;
    while (now < start + NS_PER_SEC) {
        if (step(false)) {
            got++;
            now += got % 10 ? period / 10 : 5 * period; /* slow handler */
            pit_taken(&pit, now);
        }
    }
    while (pit.st.owed) {
        got += step(false);
        pit_taken(&pit, now);
    }
    EXPECT_EQ(pit.st.lost, 0);
    EXPECT_EQ(got, (tick() - ticks_at(start, PIT_HZ)) / 1193);
}

static void the_backlog_drains_slowly(void)
{
    u64 period = tick_time(11932, PIT_HZ), last;
    u32 burst = 0;

    setup();
    program(0, 2, 11932); /* 100 Hz */
    now += 20 * period + period / 8;
    pit_run(&pit, now, false);
    EXPECT_EQ(rises, 1);
    EXPECT_EQ(pit.st.owed, 19);
    pit_taken(&pit, now);
    while (pit.st.owed) {
        last = now;
        if (step(false)) {
            EXPECT(now - last >= period / 32);
            pit_taken(&pit, now);
            burst++;
        }
    }
    EXPECT(burst >= 19 && burst <= 21); /* 19, and those that came */
}

/* Its neighbours run for 150 ms, then it does for 10. */
static void a_sixteenth_of_the_time_is_enough_for_all_ticks(void)
{
    u64 period = tick_time(11932, PIT_HZ), start, end;
    u32 got = 0;

    setup();
    program(0, 2, 11932); /* 100 Hz */
    start = now;
    for (u32 turn = 0; turn < 100; turn++) {
        now += 150000000;
        for (end = now + 10000000; now < end; now += 250000) {
            u32 before = rises;
            pit_run(&pit, now, false);
            if (rises == before)
                continue;
            got++;
            pit_taken(&pit, now);
        }
    }
    EXPECT_EQ(pit.st.lost, 0);
    EXPECT(got + 1 >= (now - start) / period);
}

static void the_backlog_has_an_end(void)
{
    setup();
    program(0, 2, 1);
    now += 3600 * NS_PER_SEC;
    pit_run(&pit, now, true);
    EXPECT_EQ(pit.st.owed, PIT_BACKLOG_MAX);
    EXPECT(pit.st.lost > 4000000000ull);
    EXPECT(pit_deadline(&pit, now, true) >= now + PIT_GAP_MIN);
    pit_run(&pit, now, false);
    EXPECT_EQ(rises, 1);
    pit_taken(&pit, now);
    EXPECT(pit_deadline(&pit, now, false) >= now + PIT_GAP_MIN);
    pit_forgive(&pit, now);
    EXPECT_EQ(pit.st.owed, 0);
}

static void mode_0_takes_the_request_back(void)
{
    setup();
    program(0, 2, 100);
    EXPECT(step(false));
    EXPECT(level);
    now += NS_PER_SEC;
    program(0, 0, 100);
    EXPECT(!level);
    EXPECT_EQ(pit.st.owed, 0);
}

static void state_survives(void)
{
    u8 buf[512];
    u32 size, value;

    setup();
    program(0, 3, 5000);
    now += 1234567;
    value = latched(0);
    size = pit_ops.save(&pit, buf, sizeof(buf));
    EXPECT(size <= sizeof(buf));
    pit_ops.reset(&pit);
    EXPECT(pit_ops.load(&pit, buf, size));
    EXPECT_EQ(latched(0), value);
    EXPECT(!pit_ops.load(&pit, buf, size + 1));
    pit.st.ch[0].next = 0;
    pit_ops.save(&pit, buf, sizeof(buf));
    EXPECT(!pit_ops.load(&pit, buf, size));
    pit.st.ch[0].next = 1;
    pit.st.owed = PIT_BACKLOG_MAX + 1;
    pit_ops.save(&pit, buf, sizeof(buf));
    EXPECT(!pit_ops.load(&pit, buf, size));
}

static const struct unit_case cases[] = {
    CASE(every_mode_has_its_waveform),
    CASE(modes_6_and_7_are_2_and_3),
    CASE(zero_is_the_longest_count),
    CASE(bcd_counts_in_tens),
    CASE(one_byte_access),
    CASE(a_one_byte_latch_is_read_once),
    CASE(a_latch_holds_until_read),
    CASE(read_back_gives_status_first),
    CASE(a_new_period_waits_for_the_old),
    CASE(the_gate_stops_and_starts),
    CASE(port_b_reads_back),
    CASE(deadlines_are_exact),
    CASE(a_one_shot_fires_once),
    CASE(ticks_are_not_lost),
    CASE(the_backlog_drains_slowly),
    CASE(a_sixteenth_of_the_time_is_enough_for_all_ticks),
    CASE(the_backlog_has_an_end),
    CASE(mode_0_takes_the_request_back),
    CASE(state_survives),
};
UNIT_MAIN(cases)
