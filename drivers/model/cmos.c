/* SPDX-License-Identifier: MIT
 *
 * See cmos.h. Names are those of the MC146818A data sheet (Motorola).
 *
 * The date is a number of seconds (calendar.h). All arithmetic on it is modulo
 * 2^64, so setting the clock back is adding a large number.
 *
 * Flags are brought up to date when somebody looks: whether a period, a
 * second or an alarm lies between the last time and now is arithmetic, not a
 * loop over the time that has passed. A flag that is set stays set until
 * register C is read, and IRQ 8 stays high as long: periods that pass
 * meanwhile merge into one, as in the chip.
 *
 * LIMIT: the divider (register A, DV) always runs; the day of the week
 * follows from the date; writing one field of an impossible date carries over
 * into the next (31 February is 3 March); daylight saving is stored only; the
 * NMI mask in the index port is stored only.
 */
#include "drivers/model/cmos.h"
#include "arch/x86/defs/ports.h"
#include "drivers/bus/state.h"
#include "vmm/base/bits.h"

enum {
    REG_SECOND,
    REG_SECOND_ALARM,
    REG_MINUTE,
    REG_MINUTE_ALARM,
    REG_HOUR,
    REG_HOUR_ALARM,
    REG_WEEKDAY,
    REG_DAY,
    REG_MONTH,
    REG_YEAR,
    REG_A,
    REG_B,
    REG_C,
    REG_D,
    REG_EQUIPMENT = 0x14,
    REG_BASE_MEM = 0x15,  /* KiB below 640, two bytes */
    REG_EXT_MEM = 0x17,   /* KiB above 1 MiB, two bytes */
    REG_EXT_MEM_2 = 0x30, /* the same */
    REG_CENTURY = 0x32,
    REG_HIGH_MEM = 0x34, /* 64 KiB units above 16 MiB, two bytes */
};

#define INDEX_MASK 0x7f
#define HOUR_PM    0x80
#define ALARM_ANY  0xc0 /* this and above: matches always */
#define A_UIP      BIT(7)
#define A_RATE(v)  ((v)&0x0f)
#define A_DEFAULT  0x26 /* 32768 Hz crystal, 1024 Hz rate */
#define B_SET      BIT(7)
#define B_PIE      BIT(6)
#define B_AIE      BIT(5)
#define B_UIE      BIT(4)
#define B_SQWE     BIT(3)
#define B_BINARY   BIT(2)
#define B_24H      BIT(1)
#define B_ENABLES  (B_PIE | B_AIE | B_UIE)
#define C_IRQF     BIT(7)
#define C_PF       BIT(6)
#define C_AF       BIT(5)
#define C_UF       BIT(4)
#define D_VALID    BIT(7)
#define EQUIPMENT  0x06 /* FPU, PS/2 mouse port, VGA */

#define CRYSTAL_HZ   32768u
#define UPDATE_NS    244000u /* UIP comes this long before the update */
#define NO_ALARM     0u
#define HOUR_SECONDS 3600u
#define BASE_KIB     640u
#define MIB_KIB      1024u
#define HIGH_MEM_KIB (16 * MIB_KIB)

#define STATE_TAG 0x31534d43 /* "CMS1" */

static u64 seconds_at(const struct cmos *cmos, u64 ns)
{
    return cmos->wires.epoch + CALENDAR_1970 + cmos->st.ahead + ns / NS_PER_SEC;
}

static u8 encode(const struct cmos *cmos, u32 v)
{
    if (cmos->st.ram[REG_B] & B_BINARY)
        return (u8)v;
    return (u8)(v / 10 % 10 << 4 | v % 10);
}

static u8 decode(const struct cmos *cmos, u8 v)
{
    if (cmos->st.ram[REG_B] & B_BINARY)
        return v;
    return (u8)((v >> 4) * 10 + (v & 15));
}

static u8 encode_hour(const struct cmos *cmos, u8 hour)
{
    u8 twelve = hour % 12 ? hour % 12 : 12;

    if (cmos->st.ram[REG_B] & B_24H)
        return encode(cmos, hour);
    return encode(cmos, twelve) | (hour >= 12 ? HOUR_PM : 0);
}

static u8 decode_hour(const struct cmos *cmos, u8 v)
{
    if (cmos->st.ram[REG_B] & B_24H)
        return decode(cmos, v);
    return decode(cmos, v & (u8)~HOUR_PM) % 12 + (v & HOUR_PM ? 12 : 0);
}

/* The first second from `from` on, inside one hour, that both alarm
 * registers match; HOUR_SECONDS when there is none. */
static u32 match_in_hour(const struct cmos *cmos, u32 from)
{
    u8 minute = cmos->st.ram[REG_MINUTE_ALARM];
    u8 second = cmos->st.ram[REG_SECOND_ALARM];
    bool any_minute = minute >= ALARM_ANY, any_second = second >= ALARM_ANY;
    u32 m = any_minute ? from / 60 : decode(cmos, minute);

    for (u32 tries = any_minute ? 2 : 1; tries && m < 60; tries--, m++) {
        u32 s = decode(cmos, second);

        if (any_second)
            s = m * 60 < from ? from - m * 60 : 0;
        if (s < 60 && m * 60 + s >= from)
            return m * 60 + s;
    }
    return HOUR_SECONDS;
}

/* Seconds from time t to the next alarm, or NO_ALARM. */
static u32 alarm_in(const struct cmos *cmos, u64 t)
{
    u32 today = (u32)(t % CALENDAR_DAY), start = today + 1;
    u8 hour = cmos->st.ram[REG_HOUR_ALARM];

    for (u32 h = start / HOUR_SECONDS; h <= start / HOUR_SECONDS + 24; h++) {
        u32 from = h == start / HOUR_SECONDS ? start % HOUR_SECONDS : 0;
        u32 at = HOUR_SECONDS;

        if (hour >= ALARM_ANY || decode_hour(cmos, hour) == h % 24)
            at = match_in_hour(cmos, from);
        if (at < HOUR_SECONDS)
            return h * HOUR_SECONDS + at - today;
    }
    return NO_ALARM;
}

/* The period of rate RS in crystal ticks; the two slowest codes that would
 * repeat come first ("Periodic Interrupt Selection"). */
static u32 period(const struct cmos *cmos)
{
    u32 rate = A_RATE(cmos->st.ram[REG_A]);

    if (!rate)
        return 0;
    return 1u << (rate <= 2 ? rate + 6 : rate - 1);
}

static void update_irq(struct cmos *cmos)
{
    u8 *flags = &cmos->st.flags;

    *flags &= ~C_IRQF;
    if (*flags & cmos->st.ram[REG_B] & B_ENABLES)
        *flags |= C_IRQF;
    irq_set(&cmos->wires.irq, IRQ_RTC, *flags & C_IRQF);
}

void cmos_run(struct cmos *cmos, u64 now)
{
    struct cmos_state *st = &cmos->st;
    u64 before = seconds_at(cmos, st->seen), after = seconds_at(cmos, now);
    u32 every = period(cmos), alarm;

    if (now <= st->seen)
        return;
    if (every && ticks_at(now, CRYSTAL_HZ) / every >
                     ticks_at(st->seen, CRYSTAL_HZ) / every)
        st->flags |= C_PF;
    if (after != before && !(st->ram[REG_B] & B_SET)) {
        st->flags |= C_UF;
        alarm = alarm_in(cmos, before);
        if (alarm != NO_ALARM && after - before >= alarm)
            st->flags |= C_AF;
    }
    st->seen = now;
    update_irq(cmos);
}

u64 cmos_deadline(const struct cmos *cmos)
{
    const struct cmos_state *st = &cmos->st;
    u64 second = st->seen / NS_PER_SEC, due = NEVER;
    u8 b = st->ram[REG_B];
    u32 every = period(cmos), alarm;

    if (st->flags & C_IRQF)
        return NEVER;
    if ((b & B_PIE) && every) {
        u64 tick = ticks_at(st->seen, CRYSTAL_HZ);
        due = tick_time(tick - tick % every + every, CRYSTAL_HZ);
    }
    if ((b & B_UIE) && !(b & B_SET))
        due = min_u64(due, (second + 1) * NS_PER_SEC);
    if (!(b & B_AIE) || (b & B_SET))
        return due;
    alarm = alarm_in(cmos, seconds_at(cmos, st->seen));
    if (alarm != NO_ALARM)
        due = min_u64(due, (second + alarm) * NS_PER_SEC);
    return due;
}

static struct calendar current(const struct cmos *cmos)
{
    if (cmos->st.ram[REG_B] & B_SET)
        return cmos->st.set;
    return calendar_from_seconds(seconds_at(cmos, cmos->st.seen));
}

static u8 read_time(const struct cmos *cmos, u32 reg)
{
    struct calendar t = current(cmos);

    switch (reg) {
    case REG_SECOND:
        return encode(cmos, t.second);
    case REG_MINUTE:
        return encode(cmos, t.minute);
    case REG_HOUR:
        return encode_hour(cmos, t.hour);
    case REG_WEEKDAY:
        return encode(cmos, t.weekday);
    case REG_DAY:
        return encode(cmos, t.day);
    case REG_MONTH:
        return encode(cmos, t.month);
    case REG_YEAR:
        return encode(cmos, t.year % 100);
    default:
        return encode(cmos, t.year / 100 % 100);
    }
}

static void change_time(const struct cmos *cmos, struct calendar *t, u32 reg,
                        u8 raw)
{
    u8 v = decode(cmos, raw);

    switch (reg) {
    case REG_SECOND:
        t->second = v;
        break;
    case REG_MINUTE:
        t->minute = v;
        break;
    case REG_HOUR:
        t->hour = decode_hour(cmos, raw);
        break;
    case REG_DAY:
        t->day = v;
        break;
    case REG_MONTH:
        t->month = v;
        break;
    case REG_YEAR:
        t->year = t->year - t->year % 100 + v;
        break;
    case REG_CENTURY:
        t->year = t->year % 100 + v * 100u;
        break;
    }
}

static void set_clock(struct cmos *cmos, const struct calendar *t)
{
    cmos->st.ahead += calendar_to_seconds(t) - seconds_at(cmos, cmos->st.seen);
}

static void write_time(struct cmos *cmos, u32 reg, u8 value)
{
    struct calendar t = current(cmos);

    change_time(cmos, &t, reg, value);
    if (cmos->st.ram[REG_B] & B_SET)
        cmos->st.set = t;
    else
        set_clock(cmos, &t);
}

/* SET stops the clock at what it shows, and starts it from what was set. */
static void write_b(struct cmos *cmos, u8 value)
{
    u8 *b = &cmos->st.ram[REG_B];

    if (value & ~*b & B_SET) {
        cmos->st.set = current(cmos);
        value &= ~B_UIE;
    } else if (*b & ~value & B_SET) {
        set_clock(cmos, &cmos->st.set);
    }
    *b = value;
    update_irq(cmos);
}

static u8 read_a(const struct cmos *cmos)
{
    const struct cmos_state *st = &cmos->st;
    bool soon = st->seen % NS_PER_SEC >= NS_PER_SEC - UPDATE_NS;

    return st->ram[REG_A] | (soon && !(st->ram[REG_B] & B_SET) ? A_UIP : 0);
}

static u8 read_c(struct cmos *cmos)
{
    u8 value = cmos->st.flags;

    cmos->st.flags = 0;
    update_irq(cmos);
    return value;
}

static bool is_time(u32 reg)
{
    bool alarm = reg == REG_SECOND_ALARM || reg == REG_MINUTE_ALARM ||
                 reg == REG_HOUR_ALARM;

    return (reg < REG_A && !alarm) || reg == REG_CENTURY;
}

static u32 cmos_read(void *dev, u32 offset, u32 size)
{
    struct cmos *cmos = dev;
    u32 reg = cmos->st.index & INDEX_MASK;

    if (offset == CMOS_INDEX)
        return 0xff; /* write-only on a PC */
    cmos_run(cmos, clock_now(&cmos->wires.clock));
    if (is_time(reg))
        return read_time(cmos, reg);
    if (reg == REG_A)
        return read_a(cmos);
    if (reg == REG_C)
        return read_c(cmos);
    return cmos->st.ram[reg];
}

static void cmos_write(void *dev, u32 offset, u32 size, u32 value)
{
    struct cmos *cmos = dev;
    u32 reg = cmos->st.index & INDEX_MASK;

    if (offset == CMOS_INDEX) {
        cmos->st.index = (u8)value;
        return;
    }
    cmos_run(cmos, clock_now(&cmos->wires.clock));
    if (is_time(reg))
        write_time(cmos, reg, (u8)value);
    else if (reg == REG_A)
        cmos->st.ram[reg] = value & (u8)~A_UIP;
    else if (reg == REG_B)
        write_b(cmos, (u8)value);
    else if (reg != REG_C && reg != REG_D)
        cmos->st.ram[reg] = (u8)value;
}

/* "RESET": the battery keeps memory and time; interrupts are off. */
static void cmos_reset(void *dev)
{
    struct cmos *cmos = dev;

    cmos->st.ram[REG_B] &= ~(B_ENABLES | B_SQWE);
    cmos->st.flags = 0;
    cmos->st.index = 0;
    update_irq(cmos);
}

static u32 cmos_save(const void *dev, u8 *buf, u32 size)
{
    const struct cmos *cmos = dev;

    return state_save(STATE_TAG, &cmos->st, sizeof(cmos->st), buf, size);
}

static bool cmos_load(void *dev, const u8 *buf, u32 size)
{
    struct cmos *cmos = dev;
    struct cmos_state st;

    if (!state_load(STATE_TAG, &st, sizeof(st), buf, size) ||
        st.seen >= TIME_MAX)
        return false;
    cmos->st = st;
    return true;
}

static u16 above(u32 kib, u32 from, u32 unit)
{
    return (u16)min_u32(kib > from ? (kib - from) / unit : 0, 0xffff);
}

void cmos_init(struct cmos *cmos, const struct cmos_wires *wires)
{
    u8 *ram = cmos->st.ram;
    u32 kib = wires->ram_kib;

    *cmos = (struct cmos){.wires = *wires};
    cmos->st.seen = clock_now(&wires->clock);
    ram[REG_A] = A_DEFAULT;
    ram[REG_B] = B_24H;
    ram[REG_D] = D_VALID;
    ram[REG_EQUIPMENT] = EQUIPMENT;
    put_le16(&ram[REG_BASE_MEM], (u16)min_u32(kib, BASE_KIB));
    put_le16(&ram[REG_EXT_MEM], above(kib, MIB_KIB, 1));
    put_le16(&ram[REG_EXT_MEM_2], above(kib, MIB_KIB, 1));
    put_le16(&ram[REG_HIGH_MEM], above(kib, HIGH_MEM_KIB, 64));
    cmos_reset(cmos);
}

const struct dev_ops cmos_ops = {
    .name = "CMOS and clock",
    .read = cmos_read,
    .write = cmos_write,
    .reset = cmos_reset,
    .save = cmos_save,
    .load = cmos_load,
    .bytes_only = true,
};
