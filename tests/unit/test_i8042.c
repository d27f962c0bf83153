/* SPDX-License-Identifier: MIT
 *
 * The keyboard controller and its keyboard.
 * LINKS: drivers/model drivers/bus vmm/base
 */
#include "drivers/model/i8042.h"
#include "tests/unit/unit.h"

static struct i8042 kbd;
static bool level[16];
static u32 rises[16], resets;

static void line(void *ctx, u32 number, bool high)
{
    rises[number & 15] += high && !level[number & 15];
    level[number & 15] = high;
}

static void reset(void *ctx)
{
    resets++;
}

static u32 a20; /* 2: nobody said */

static void gate(void *ctx, bool on)
{
    a20 = on;
}

static void setup(void)
{
    struct i8042_wires wires = {{line, NULL}, reset, NULL, {gate, NULL}};

    i8042_init(&kbd, &wires);
    memset(rises, 0, sizeof(rises));
    resets = 0;
}

static void data(u8 value)
{
    i8042_ops.write(&kbd, I8042_DATA, 1, value);
}

static void command(u8 value)
{
    i8042_ops.write(&kbd, I8042_COMMAND, 1, value);
}

static u8 status(void)
{
    return (u8)i8042_ops.read(&kbd, I8042_COMMAND, 1);
}

static u8 get(void)
{
    return (u8)i8042_ops.read(&kbd, I8042_DATA, 1);
}

/* The next byte, or 0x1ff when there is none. */
static u32 next(void)
{
    return status() & 1 ? get() : 0x1ffu;
}

#define NOTHING 0x1ff

static void keys_come_one_by_one(void)
{
    setup();
    EXPECT_EQ(status(), 0x14);
    EXPECT(i8042_key(&kbd, 0x1e));
    EXPECT(i8042_key(&kbd, 0x9e));
    EXPECT_EQ(status(), 0x15);
    EXPECT(level[1]);
    EXPECT_EQ(get(), 0x1e);
    EXPECT(level[1]);
    EXPECT_EQ(rises[1], 2); /* an edge for each byte */
    EXPECT_EQ(get(), 0x9e);
    EXPECT(!level[1]);
    EXPECT_EQ(next(), NOTHING);
    EXPECT_EQ(get(), 0x9e); /* the buffer keeps what it held */
}

/* Let go, the key 2 sends what is also a byte of the keyboard's name. */
static void every_release_comes_as_it_is(void)
{
    setup();
    for (u32 code = 0x81; code < 0xe0; code++) {
        EXPECT(i8042_key(&kbd, (u8)code));
        EXPECT_EQ(next(), code);
    }
}

static void the_queue_is_finite(void)
{
    u32 taken = 0;

    setup();
    while (i8042_key(&kbd, 0x10) && taken < 100)
        taken++;
    EXPECT_EQ(taken, 16);
    get();
    EXPECT(i8042_key(&kbd, 0x11));
    for (u32 i = 0; i < 15; i++)
        EXPECT_EQ(next(), 0x10);
    EXPECT_EQ(next(), 0x11);
    EXPECT_EQ(next(), NOTHING);
}

static void without_translation_set_2(void)
{
    setup();
    command(0x60);
    data(0x05);
    i8042_key(&kbd, 0x1e);
    i8042_key(&kbd, 0x9e);
    i8042_key(&kbd, 0xe1);
    EXPECT_EQ(kbd.st.count, 3);
    i8042_key(&kbd, 0xe0);
    i8042_key(&kbd, 0x48);
    EXPECT_EQ(next(), 0x1c);
    EXPECT_EQ(next(), 0xf0);
    EXPECT_EQ(next(), 0x1c);
    EXPECT_EQ(next(), 0xe1);
    EXPECT_EQ(next(), 0xe0);
    EXPECT_EQ(next(), 0x75);
    data(0xf0);
    data(0x01);
    EXPECT_EQ(next(), 0xfa);
    EXPECT_EQ(next(), 0xfa);
    i8042_key(&kbd, 0x9e);
    EXPECT_EQ(next(), 0x9e);
}

static void controller_commands(void)
{
    setup();
    command(0xaa);
    EXPECT_EQ(status() & 8, 8);
    EXPECT_EQ(next(), 0x55);
    command(0xab);
    EXPECT_EQ(next(), 0);
    command(0xa9);
    EXPECT_EQ(next(), 0);
    command(0x20);
    EXPECT_EQ(next(), 0x65);
    command(0x60);
    data(0x00);
    EXPECT_EQ(status(), 0x10);
    command(0x20);
    EXPECT_EQ(next(), 0x00);
    command(0x7f);
    data(0x77);
    command(0x3f);
    EXPECT_EQ(next(), 0x77);
    command(0xa7);
    command(0x20);
    EXPECT_EQ(next(), 0x20);
    command(0xa8);
    command(0xad);
    command(0x20);
    EXPECT_EQ(next(), 0x10);
    command(0xc0);
    EXPECT_EQ(next(), 0x80);
    command(0xd0);
    EXPECT_EQ(next(), 0x03);
    EXPECT_EQ(rises[1], 4); /* none once the command byte was zero */
    command(0x99);
    EXPECT_EQ(next(), NOTHING);
    command(0x80);
    EXPECT_EQ(kbd.st.awaits, 0);
}

static void a_disabled_keyboard_waits(void)
{
    setup();
    command(0xad);
    i8042_key(&kbd, 0x1e);
    EXPECT_EQ(next(), NOTHING);
    command(0xae);
    EXPECT_EQ(next(), 0x1e);
    command(0xad);
    data(0xee); /* sending to it enables it */
    EXPECT_EQ(next(), 0xee);
}

static void buffers_can_be_written(void)
{
    setup();
    command(0xd2);
    data(0x42);
    EXPECT(level[1]);
    EXPECT_EQ(next(), 0x42);
    command(0xd3);
    data(0x43);
    EXPECT_EQ(status() & 0x21, 0x21);
    EXPECT(!level[1] && !level[12]);
    EXPECT_EQ(next(), 0x43);
    command(0x60);
    data(0x47);
    command(0xd3);
    data(0x44);
    EXPECT(level[12] && !level[1]);
    EXPECT_EQ(next(), 0x44);
    EXPECT(!level[12]);
    command(0xd4);
    data(0xff);
    EXPECT_EQ(next(), NOTHING); /* no mouse */
}

static void resets_the_machine(void)
{
    setup();
    command(0xfe);
    EXPECT_EQ(resets, 1);
    command(0xff);
    command(0xf1);
    EXPECT_EQ(resets, 1);
    command(0xf0);
    EXPECT_EQ(resets, 2);
    command(0xd1);
    data(0xdf);
    EXPECT_EQ(resets, 2);
    command(0xd1);
    data(0xde);
    EXPECT_EQ(resets, 3);
}

/* Bit 1 of the output port, and two commands of later controllers. */
static void a20_is_switched(void)
{
    a20 = 2;
    setup();
    EXPECT_EQ(a20, 1);
    command(0xd1);
    data(0xdd);
    EXPECT_EQ(a20, 0);
    command(0xd0);
    EXPECT_EQ(next(), 0x01);
    command(0xdf);
    EXPECT_EQ(a20, 1);
    command(0xdd);
    EXPECT_EQ(a20, 0);
    command(0xf1); /* a pulse of bit 1 is none */
    EXPECT_EQ(a20, 0);
    command(0xd1);
    data(0xdf);
    EXPECT_EQ(a20, 1);
    command(0xdd);
    i8042_ops.reset(&kbd);
    EXPECT_EQ(a20, 1);
    EXPECT_EQ(resets, 0);
}

static void keyboard_commands(void)
{
    setup();
    data(0xff);
    EXPECT_EQ(next(), 0xfa);
    EXPECT_EQ(next(), 0xaa);
    data(0xed);
    EXPECT_EQ(next(), 0xfa);
    data(0x07);
    EXPECT_EQ(next(), 0xfa);
    EXPECT_EQ(kbd.st.leds, 7);
    data(0xee);
    EXPECT_EQ(next(), 0xee);
    data(0xf2);
    EXPECT_EQ(next(), 0xfa);
    EXPECT_EQ(next(), 0xab);
    EXPECT_EQ(next(), 0x41);
    data(0xf3);
    data(0x20);
    EXPECT_EQ(next(), 0xfa);
    EXPECT_EQ(next(), 0xfa);
    data(0xf0);
    data(0x00);
    EXPECT_EQ(next(), 0xfa);
    EXPECT_EQ(next(), 0xfa);
    EXPECT_EQ(next(), 2);
    data(0xf0);
    data(0x03);
    EXPECT_EQ(next(), 0xfa);
    EXPECT_EQ(next(), 0xfa);
    data(0xf0);
    data(0x04);
    EXPECT_EQ(next(), 0xfa);
    EXPECT_EQ(next(), 0xfe);
    data(0x10);
    EXPECT_EQ(next(), 0xfe);
    data(0xee);
    EXPECT_EQ(next(), 0xee);
    data(0xfe);
    EXPECT_EQ(next(), 0xee); /* again */
    data(0xed);
    data(0xee); /* a command in place of its data */
    EXPECT_EQ(next(), 0xfa);
    EXPECT_EQ(next(), 0xee);
    EXPECT_EQ(kbd.st.leds, 7);
}

static void scanning_can_be_off(void)
{
    setup();
    data(0xf5);
    EXPECT_EQ(next(), 0xfa);
    EXPECT(i8042_key(&kbd, 0x1e));
    EXPECT_EQ(next(), NOTHING);
    data(0xf4);
    EXPECT_EQ(next(), 0xfa);
    i8042_key(&kbd, 0x1e);
    EXPECT_EQ(next(), 0x1e);
    data(0xf5);
    data(0xff);
    EXPECT_EQ(next(), 0xfa);
    EXPECT_EQ(next(), 0xfa);
    EXPECT_EQ(next(), 0xaa);
    i8042_key(&kbd, 0x1e);
    EXPECT_EQ(next(), 0x1e);
    data(0xf6);
    EXPECT_EQ(next(), 0xfa);
    i8042_key(&kbd, 0x1e);
    EXPECT_EQ(next(), 0x1e);
}

static void state_survives(void)
{
    u8 buf[256];
    u32 size;

    setup();
    i8042_key(&kbd, 0x33);
    i8042_key(&kbd, 0x34);
    size = i8042_ops.save(&kbd, buf, sizeof(buf));
    EXPECT(size <= sizeof(buf));
    i8042_ops.reset(&kbd);
    EXPECT_EQ(next(), NOTHING);
    EXPECT(i8042_ops.load(&kbd, buf, size));
    EXPECT_EQ(next(), 0x33);
    EXPECT_EQ(next(), 0x34);
    EXPECT(!i8042_ops.load(&kbd, buf, size - 1));
    kbd.st.count = I8042_QUEUE + 1;
    i8042_ops.save(&kbd, buf, sizeof(buf));
    EXPECT(!i8042_ops.load(&kbd, buf, size));
}

static const struct unit_case cases[] = {
    CASE(keys_come_one_by_one),   CASE(every_release_comes_as_it_is),
    CASE(the_queue_is_finite),    CASE(without_translation_set_2),
    CASE(controller_commands),    CASE(a_disabled_keyboard_waits),
    CASE(buffers_can_be_written), CASE(resets_the_machine),
    CASE(a20_is_switched),        CASE(keyboard_commands),
    CASE(scanning_can_be_off),    CASE(state_survives),
};
UNIT_MAIN(cases)
