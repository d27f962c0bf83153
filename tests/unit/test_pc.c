/* SPDX-License-Identifier: MIT
 *
 * The virtual PC as a guest meets it: every device by its port, interrupts
 * through the 8259 pair, time, the debug ports; and a guest that does not
 * know what it does, two hundred thousand times.
 * LINKS: drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/ports.h"
#include "drivers/model/pc.h"
#include "tests/unit/unit.h"

static struct pc pc;
static u64 now, meter;
static u32 printed, resets, exits, last_exit;
static u8 last_printed;

static void host_console(void *ctx, u8 byte)
{
    printed++;
    last_printed = byte;
}

static void host_reset(void *ctx)
{
    resets++;
}

static void host_exit(void *ctx, u32 status)
{
    exits++;
    last_exit = status;
}

static u64 host_now(void *ctx)
{
    return now;
}

static u64 host_exits(void *ctx)
{
    return meter;
}

static u32 a20_changes;

static void host_a20(void *ctx, bool on)
{
    a20_changes++;
    EXPECT_EQ(on, pc.a20);
}

static u32 raises, last_raised;

static void host_raised(void *ctx, u32 line)
{
    raises++;
    last_raised = line;
}

static u8 sectors[4][ATA_SECTOR];

static u8 *sector(void *ctx, u32 lba)
{
    return sectors[lba];
}

static void setup(void)
{
    struct pc_host host = {NULL,     host_console, host_reset, host_exit,
                           host_now, host_exits,   1795232400, 32768,
                           host_a20, host_raised,  sector,     4};

    now = 1000;
    printed = resets = exits = 0;
    pc_init(&pc, &host);
}

static void out(u32 port, u32 size, u32 value)
{
    bus_write(&pc.bus, BUS_PORT, port, size, value);
}

static void outb(u32 port, u8 value)
{
    out(port, 1, value);
}

static u32 in(u32 port, u32 size)
{
    return bus_read(&pc.bus, BUS_PORT, port, size);
}

/* Vectors 0x20 and 0x28, only these lines unmasked. */
static void init_pics(u16 unmasked)
{
    for (u32 i = 0; i < 2; i++) {
        u32 port = i ? PORT_PIC2_CMD : PORT_PIC1_CMD;

        outb(port, 0x11);
        outb(port + 1, (u8)(0x20 + 8 * i));
        outb(port + 1, i ? 2 : 4);
        outb(port + 1, 1);
        outb(port + 1, (u8)(~unmasked >> 8 * i));
    }
}

static void init_timer(u32 count)
{
    outb(PORT_PIT_CMD, 0x34);
    outb(PORT_PIT_CH0, (u8)count);
    outb(PORT_PIT_CH0, (u8)(count >> 8));
}

static void to_deadline(void)
{
    u64 due = pc_deadline(&pc);

    EXPECT(due != UINT64_MAX);
    now = due > now ? due : now;
    pc_run(&pc, now);
}

static void everything_has_its_place(void)
{
    static const u16 ports[] = {
        0x20,  0x21,  0xa0,  0xa1,  0x40,  0x61,   0x60,  0x64,  0x70,
        0x71,  0x80,  0x92,  0xe9,  0xf0,  0xf4,   0xf7,  0x3f8, 0x2ff,
        0x3c0, 0x3d4, 0x3da, 0x4d0, 0xcf9, 0x5450, 0x1f0, 0x1f7, 0x3f6};

    setup();
    for (u32 i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        in(ports[i], 1);
    bus_read(&pc.bus, BUS_MEMORY, 0xa0000, 4);
    bus_read(&pc.bus, BUS_MEMORY, 0xbfffc, 4);
    EXPECT_EQ(pc.bus.unclaimed, 0);
    in(0x170, 1); /* a second channel */
    bus_read(&pc.bus, BUS_MEMORY, 0xc0000, 4);
    EXPECT_EQ(pc.bus.unclaimed, 2);
}

/* Two devices, one wire. */
static void a20_has_two_switches(void)
{
    setup();
    a20_changes = 0;
    EXPECT(pc.a20);
    outb(0x92, 0);
    EXPECT(!pc.a20);
    EXPECT_EQ(in(0x92, 1), 0);
    outb(0x92, 0);
    EXPECT_EQ(a20_changes, 1);
    outb(0x64, 0xd1);
    outb(0x60, 0xdf);
    EXPECT(pc.a20);
    outb(0x64, 0xdd);
    EXPECT(!pc.a20);
    outb(0x92, 2);
    EXPECT(pc.a20);
    outb(0x92, 0);
    pc_reset(&pc);
    EXPECT(pc.a20);
    EXPECT_EQ(a20_changes, 6);
    EXPECT_EQ(resets, 0);
}

/* A host that does not ask to be told has the gate all the same. */
static void a20_without_a_host_that_listens(void)
{
    struct pc_host host = {.console = host_console,
                           .reset = host_reset,
                           .exit = host_exit,
                           .now = host_now,
                           .exits = host_exits,
                           .ram_kib = 32768};

    a20_changes = 0;
    pc_init(&pc, &host);
    outb(0x92, 0);
    EXPECT(!pc.a20);
    EXPECT_EQ(in(0x92, 1), 0);
    outb(0x92, 2);
    EXPECT(pc.a20);
    EXPECT_EQ(a20_changes, 0);
}

static void the_timer_ticks(void)
{
    u64 start, before;

    setup();
    init_pics(1 << IRQ_TIMER);
    init_timer(1193);
    start = now;
    for (u32 i = 0; i < 1000; i++) {
        before = now;
        to_deadline();
        EXPECT(now > before);
        EXPECT(pc_irq_pending(&pc));
        EXPECT_EQ(pc_irq_ack(&pc), 0x20);
        outb(PORT_PIC1_CMD, 0x20);
        EXPECT(!pc_irq_pending(&pc));
    }
    EXPECT(now - start > 999840000 && now - start < 999860000);
}

static void missed_ticks_come_later(void)
{
    u32 got = 0;

    setup();
    init_pics(1 << IRQ_TIMER);
    init_timer(11932);
    now += 100 * 10000152ull; /* a second in which nobody looked */
    pc_run(&pc, now);
    while (pc_irq_pending(&pc) && got < 1000) {
        pc_irq_ack(&pc);
        outb(PORT_PIC1_CMD, 0x20);
        got++;
        pc_run(&pc, now);
        EXPECT(!pc_irq_pending(&pc)); /* never two at once */
        if (pc.pit.st.owed)
            to_deadline();
    }
    EXPECT(got > 100 && got < 110);
    EXPECT_EQ(pc.pit.st.lost, 0);
}

static void masked_ticks_merge(void)
{
    u32 due = 0;

    setup();
    init_pics(0);
    init_timer(11932);
    now += 1000000000;
    pc_run(&pc, now);
    EXPECT_EQ(pc_deadline(&pc), UINT64_MAX);
    now += 1000000000;
    outb(PORT_PIC1_DATA, 0xfd); /* another line: no concern of the timer */
    EXPECT(pc.pit.st.owed > 90);
    outb(PORT_PIC1_DATA, 0xfe);
    EXPECT_EQ(pc.pit.st.owed, 0);
    EXPECT(pc_irq_pending(&pc));
    for (u32 i = 0; i < 3; i++) {
        EXPECT_EQ(pc_irq_ack(&pc), 0x20);
        outb(PORT_PIC1_CMD, 0x20);
        pc_run(&pc, now);
        due += pc_irq_pending(&pc);
        to_deadline();
    }
    EXPECT_EQ(due, 0);
}

static void a_reinitialised_pic_gets_new_ticks(void)
{
    setup();
    init_pics(1 << IRQ_TIMER);
    init_timer(11932);
    to_deadline();
    EXPECT(pc_irq_pending(&pc));
    init_pics(1 << IRQ_TIMER); /* forgets the request, the line is high */
    EXPECT(!pc_irq_pending(&pc));
    to_deadline();
    EXPECT(pc_irq_pending(&pc));
}

static void keys_and_bytes_interrupt(void)
{
    setup();
    init_pics(1 << IRQ_KBD | 1 << IRQ_COM1 | 1 << IRQ_CASCADE | 1 << IRQ_RTC);
    EXPECT(pc_key(&pc, 0x1e));
    EXPECT_EQ(pc_irq_ack(&pc), 0x21);
    EXPECT_EQ(in(PORT_KBD_DATA, 1), 0x1e);
    outb(PORT_PIC1_CMD, 0x20);
    outb(PORT_COM1 + 4, 0x0b);
    outb(PORT_COM1 + 1, 0x01);
    EXPECT(pc_serial_input(&pc, 'q'));
    EXPECT(!pc_serial_input(&pc, 'r'));
    EXPECT_EQ(pc_irq_ack(&pc), 0x24);
    EXPECT_EQ(in(PORT_COM1, 1), 'q');
    outb(PORT_PIC1_CMD, 0x20);
    outb(PORT_CMOS_INDEX, 0x0b);
    outb(PORT_CMOS_DATA, 0x12);
    now = 1000000000;
    pc_run(&pc, now);
    EXPECT_EQ(pc_irq_ack(&pc), 0x28);
}

static void com2_has_its_own_line(void)
{
    setup();
    init_pics(1 << IRQ_COM2);
    outb(PORT_COM2 + 4, 0x08);
    outb(PORT_COM2 + 1, 0x02);
    EXPECT_EQ(pc_irq_ack(&pc), 0x23);
    outb(PORT_COM2, 'z');
    EXPECT_EQ(last_printed, 'z');
}

static void the_fpu_line_is_cleared_by_its_port(void)
{
    setup();
    init_pics(1 << IRQ_FPU | 1 << IRQ_CASCADE);
    irq_set(&pc.irq, IRQ_FPU, true);
    EXPECT_EQ(pc_irq_ack(&pc), 0x2d);
    outb(0xf0, 0);
    outb(PORT_PIC2_CMD, 0x20);
    outb(PORT_PIC1_CMD, 0x20);
    irq_set(&pc.irq, IRQ_FPU, true);
    EXPECT(pc_irq_pending(&pc));
}

static void debug_ports(void)
{
    setup();
    EXPECT_EQ(in(PORT_DEBUGCON, 1), 0xe9);
    outb(PORT_DEBUGCON, '!');
    EXPECT_EQ(last_printed, '!');
    EXPECT_EQ(printed, 1);
    outb(PORT_DEBUG_EXIT, 3);
    EXPECT_EQ(last_exit, 3);
    out(PORT_DEBUG_EXIT, 2, 0x1234);
    EXPECT_EQ(last_exit, 0x1234);
    out(PORT_DEBUG_EXIT, 4, 0x12345678);
    EXPECT_EQ(last_exit, 0x12345678);
    outb(PORT_DEBUG_EXIT + 1, 1);
    EXPECT_EQ(exits, 3);
    outb(PORT_POST, 0x77);
    EXPECT_EQ(in(PORT_POST, 1), 0x77);
    meter = 0x123456789abull;
    EXPECT_EQ(in(PORT_METER, 4), 0x456789ab);
    EXPECT_EQ(in(PORT_METER, 1), 0xab);
    EXPECT_EQ(in(PORT_METER + 2, 2), 0x4567);
}

static void resets_by_every_road(void)
{
    setup();
    outb(PORT_RESET, 0x02);
    EXPECT_EQ(resets, 0);
    outb(PORT_RESET, 0x06);
    EXPECT_EQ(resets, 1);
    outb(PORT_RESET, 0x06); /* no transition */
    EXPECT_EQ(resets, 1);
    EXPECT_EQ(in(PORT_RESET, 1), 0x06);
    EXPECT_EQ(in(PORT_RESET - 1, 1), 0xff);
    EXPECT_EQ(in(PORT_RESET, 2), 0xffff);
    outb(PORT_RESET, 0x0a);
    outb(PORT_RESET, 0x0e);
    EXPECT_EQ(resets, 2);
    EXPECT_EQ(in(PORT_SYS_A, 1), 0x02);
    outb(PORT_SYS_A, 0x01);
    EXPECT_EQ(resets, 3);
    outb(PORT_KBD_CMD, 0xfe);
    EXPECT_EQ(resets, 4);
}

static void pci_probing_does_not_reset(void)
{
    setup();
    for (u32 device = 0; device < 32; device++) {
        out(PORT_RESET - 1, 4, 0x80000400 | device << 11);
        EXPECT_EQ(in(0xcfc, 4), 0xffffffff);
    }
    EXPECT_EQ(resets, 0);
}

static void the_screen_is_memory(void)
{
    u16 cells[VGA_CELLS];

    setup();
    bus_write(&pc.bus, BUS_MEMORY, VGA_TEXT + 2, 4, 0x1f421f41);
    EXPECT_EQ(bus_read(&pc.bus, BUS_MEMORY, VGA_TEXT + 4, 2), 0x1f42);
    vga_screen(&pc.vga, cells);
    EXPECT_EQ(cells[1], 0x1f41);
    out(PORT_CRTC_INDEX, 2, 0x050f); /* index and data in one OUT */
    EXPECT_EQ(vga_cursor(&pc.vga), 5);
    EXPECT_EQ(in(0x3da, 1) ^ in(0x3da, 1), 0x09);
}

static void words_are_two_registers(void)
{
    setup();
    out(PORT_CMOS_INDEX, 2, 0x5a40);
    EXPECT_EQ(in(PORT_CMOS_INDEX, 2), 0x5aff);
    out(PORT_COM1 + 6, 2, 0x7700);
    EXPECT_EQ(in(PORT_COM1 + 7, 1), 0x77);
    EXPECT_EQ(in(PORT_PIC1_CMD, 2), 0xff00);
    EXPECT_EQ(pc.bus.unclaimed, 0);
}

static void reset_is_complete(void)
{
    setup();
    init_pics(0xffff);
    init_timer(100);
    pc_key(&pc, 1);
    outb(PORT_COM1 + 4, 0x0b);
    outb(PORT_COM1 + 1, 0x03);
    irq_set(&pc.irq, IRQ_FPU, true);
    now += 1000000;
    pc_run(&pc, now);
    EXPECT(pc_irq_pending(&pc));
    pc_reset(&pc);
    EXPECT(!pc_irq_pending(&pc));
    EXPECT_EQ(pc.pic.st.chip[0].line | pc.pic.st.chip[1].line, 0);
    init_pics(0xffff);
    EXPECT(!pc_irq_pending(&pc));
    EXPECT_EQ(in(PORT_KBD_CMD, 1), 0x14);
}

static void time_does_not_run_backwards(void)
{
    setup();
    init_pics(1 << IRQ_TIMER);
    init_timer(1193);
    now = 5000000000;
    pc_run(&pc, now);
    now = 10;
    pc_run(&pc, now);
    EXPECT(pc_deadline(&pc) > 5000000000);
    outb(PORT_CMOS_INDEX, 0);
    EXPECT_EQ(in(PORT_CMOS_DATA, 1), 0x05);
}

static void an_hour_at_once_is_a_step(void)
{
    setup();
    init_pics(0xffff);
    init_timer(1);
    outb(PORT_CMOS_INDEX, 0x0a);
    outb(PORT_CMOS_DATA, 0x23);
    outb(PORT_CMOS_INDEX, 0x0b);
    outb(PORT_CMOS_DATA, 0x72);
    for (u32 i = 0; i < 1000; i++) {
        now += 3600 * NS_PER_SEC;
        pc_run(&pc, now);
        EXPECT(pc_deadline(&pc) > now);
        EXPECT(pc_irq_pending(&pc));
        EXPECT_EQ(pc_irq_ack(&pc), 0x20);
        outb(PORT_PIC1_CMD, 0x20);
        EXPECT(pc.pit.st.owed <= PC_BACKLOG_MAX);
    }
}

/* What happens in a second of a guest with a period of 838 ns that takes
 * every interrupt at once: no more calls than the smallest gap allows. */
static void a_fast_timer_is_slowed(void)
{
    u64 end;
    u32 calls = 0;

    setup();
    init_pics(1 << IRQ_TIMER);
    init_timer(1);
    for (end = now + NS_PER_SEC; now < end; calls++) {
        to_deadline();
        if (pc_irq_pending(&pc))
            pc_irq_ack(&pc);
        outb(PORT_PIC1_CMD, 0x20);
    }
    EXPECT(calls <= NS_PER_SEC / PIT_GAP_MIN + 1);
    EXPECT(calls > NS_PER_SEC / PIT_GAP_MIN / 2);
}

static u64 seed = 88172645463325252ull;

static u32 chance(u32 below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (u32)(seed >> 16) % below;
}

static u32 any_port(void)
{
    const struct bus_range *r = &pc.bus.range[chance(pc.bus.ranges)];

    if (chance(8) == 0)
        return chance(0x12000);
    return r->first - 1 + chance(r->count + 2);
}

static u32 any_size(void)
{
    static const u8 sizes[] = {1, 1, 1, 1, 2, 4, 3, 0};

    return chance(100) ? sizes[chance(8)] : chance(0xffffffff);
}

/* A device's own bytes with some of them changed. */
static void hostile_load(void)
{
    static u8 buf[40000];
    const struct bus_range *r = &pc.bus.range[chance(pc.bus.ranges)];
    u32 size = r->ops->save(r->dev, buf, sizeof(buf));
    bool fits = size <= sizeof(buf);

    EXPECT(fits);
    if (!fits)
        return;
    if (chance(4) == 0)
        EXPECT(r->ops->load(r->dev, buf, size));
    for (u32 i = chance(6); i; i--)
        buf[chance(size)] = (u8)chance(256);
    r->ops->load(r->dev, buf, size - (chance(20) == 0));
}

static void pass_time(void)
{
    static const u64 steps[] = {1,       1000,      54321,        1000000,
                                9999999, 123456789, NS_PER_SEC,   7,
                                0,       60,        3600000000000};
    u64 due = pc_deadline(&pc);

    if (chance(2))
        now += steps[chance(sizeof(steps) / sizeof(steps[0]))];
    else if (due != UINT64_MAX && due - now < 3600000000000 && due > now)
        now = due;
    pc_run(&pc, now);
    EXPECT(pc_deadline(&pc) > now);
}

static void one_blow(bool loads)
{
    enum bus_space space = chance(10) ? BUS_PORT : BUS_MEMORY;
    u32 port = any_port(), size = any_size(), v;

    switch (chance(12)) {
    case 0:
        pass_time();
        break;
    case 1:
        if (pc_irq_pending(&pc) || chance(5) == 0)
            pc_irq_ack(&pc);
        break;
    case 2:
        pc_serial_input(&pc, (u8)chance(256));
        pc_key(&pc, (u8)chance(256));
        break;
    case 3:
        if (loads && chance(10) == 0)
            hostile_load();
        else if (chance(500) == 0)
            pc_reset(&pc);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        v = bus_read(&pc.bus, space, port, size);
        EXPECT(size >= 4 || !(v >> 8 * size));
        break;
    default:
        bus_write(&pc.bus, space, port, size, chance(0xffffffff));
    }
}

static void random_guest(void)
{
    setup();
    for (u32 i = 0; i < 200000 && unit_failures < 20; i++)
        one_blow(false);
    EXPECT(printed && resets && exits && pc.bus.unclaimed);
}

static void random_guest_with_edited_state(void)
{
    setup();
    for (u32 i = 0; i < 200000 && unit_failures < 20; i++)
        one_blow(true);
}

/* Two machines, one of them saved and loaded into: the same from then on. */
static void every_device_saves_all_it_is(void)
{
    static u8 first[40000], second[40000];

    for (u32 round = 0; round < 50; round++) {
        setup();
        for (u32 i = 0; i < 500; i++)
            one_blow(false);
        for (u32 i = 0; i < pc.bus.ranges; i++) {
            const struct bus_range *r = &pc.bus.range[i];
            u32 size = r->ops->save(r->dev, first, sizeof(first));

            r->ops->reset(r->dev);
            EXPECT(r->ops->load(r->dev, first, size));
            EXPECT_EQ(r->ops->save(r->dev, second, sizeof(second)), size);
            EXPECT(!memcmp(first, second, size));
        }
    }
}

static void lines_that_go_up_are_told(void)
{
    setup();
    raises = 0;
    irq_set(&pc.irq, IRQ_COM1, true);
    EXPECT(pic_level(&pc.pic, IRQ_COM1));
    irq_set(&pc.irq, IRQ_COM1, true);
    irq_set(&pc.irq, IRQ_COM1, false);
    EXPECT(!pic_level(&pc.pic, IRQ_COM1));
    EXPECT_EQ(raises, 1);
    irq_set(&pc.irq, IRQ_RTC, true);
    EXPECT_EQ(raises, 2);
    EXPECT_EQ(last_raised, IRQ_RTC);
}

static const struct unit_case cases[] = {
    CASE(lines_that_go_up_are_told),
    CASE(everything_has_its_place),
    CASE(a20_has_two_switches),
    CASE(a20_without_a_host_that_listens),
    CASE(the_timer_ticks),
    CASE(missed_ticks_come_later),
    CASE(masked_ticks_merge),
    CASE(a_reinitialised_pic_gets_new_ticks),
    CASE(keys_and_bytes_interrupt),
    CASE(com2_has_its_own_line),
    CASE(the_fpu_line_is_cleared_by_its_port),
    CASE(debug_ports),
    CASE(resets_by_every_road),
    CASE(pci_probing_does_not_reset),
    CASE(the_screen_is_memory),
    CASE(words_are_two_registers),
    CASE(reset_is_complete),
    CASE(time_does_not_run_backwards),
    CASE(an_hour_at_once_is_a_step),
    CASE(a_fast_timer_is_slowed),
    CASE(random_guest),
    CASE(random_guest_with_edited_state),
    CASE(every_device_saves_all_it_is),
};
UNIT_MAIN(cases)
