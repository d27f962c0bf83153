/* SPDX-License-Identifier: MIT
 *
 * See i8042.h. Commands are those of the IBM PS/2 technical reference,
 * "Keyboard and Auxiliary Device Controller" and "101-/102-Key Keyboard".
 *
 * Two machines stand behind one another. The keyboard has a queue of sixteen
 * bytes and answers its commands into it. The controller has one output
 * buffer; whenever that is free and the keyboard's clock is not inhibited,
 * the next byte of the queue moves into it. So a guest that reads slowly
 * loses nothing but keys typed beyond the queue. IRQ 1 is high while the
 * buffer holds a byte of the keyboard and the command byte allows it; it
 * falls between two bytes.
 *
 * LIMIT: there is no mouse: what is sent to it vanishes. Self-tests take no
 * time. Scancode set 3 is acknowledged and works as set 2; translation of set 1
 * is not a second one.
 */
#include "drivers/model/i8042.h"
#include "arch/x86/defs/ports.h"
#include "drivers/bus/state.h"
#include "vmm/base/bits.h"

/* Controller commands. */
enum {
    CTL_READ_RAM = 0x20,
    CTL_WRITE_RAM = 0x60,
    CTL_DISABLE_AUX = 0xa7,
    CTL_ENABLE_AUX = 0xa8,
    CTL_TEST_AUX = 0xa9,
    CTL_SELF_TEST = 0xaa,
    CTL_TEST_KBD = 0xab,
    CTL_DISABLE_KBD = 0xad,
    CTL_ENABLE_KBD = 0xae,
    CTL_READ_INPUT = 0xc0,
    CTL_READ_OUTPUT = 0xd0,
    CTL_WRITE_OUTPUT = 0xd1,
    CTL_WRITE_KBD_BUFFER = 0xd2,
    CTL_WRITE_AUX_BUFFER = 0xd3,
    CTL_WRITE_AUX = 0xd4,
    CTL_A20_OFF = 0xdd,
    CTL_A20_ON = 0xdf,
    CTL_PULSE = 0xf0, /* to 0xff: the low bits that are clear */
};

/* Keyboard commands and answers. */
enum {
    KBD_LEDS = 0xed,
    KBD_ECHO = 0xee,
    KBD_SET = 0xf0,
    KBD_IDENTIFY = 0xf2,
    KBD_RATE = 0xf3,
    KBD_ENABLE = 0xf4,
    KBD_DISABLE = 0xf5,
    KBD_DEFAULTS = 0xf6,
    KBD_RESEND = 0xfe,
    KBD_RESET = 0xff,
    KBD_ACK = 0xfa,
    KBD_BAT_OK = 0xaa,
    KBD_AGAIN = 0xfe,
    KBD_ID_1 = 0xab,
    KBD_ID_2 = 0x83,
    KBD_ID_2_SET1 = 0x41, /* as the controller translates it */
};

#define STATUS_FULL     BIT(0)
#define STATUS_SYSTEM   BIT(2)
#define STATUS_COMMAND  BIT(3)
#define STATUS_UNLOCKED BIT(4)
#define STATUS_AUX      BIT(5)
#define CB_IRQ1         BIT(0)
#define CB_IRQ12        BIT(1)
#define CB_SYSTEM       BIT(2)
#define CB_NO_KBD       BIT(4)
#define CB_NO_AUX       BIT(5)
#define CB_TRANSLATE    BIT(6)
#define CB_DEFAULT      (CB_IRQ1 | CB_SYSTEM | CB_NO_AUX | CB_TRANSLATE)
#define RAM_INDEX(v)    ((v) & (I8042_RAM - 1))
#define OUTPUT_NO_RESET BIT(0)
#define OUTPUT_A20      BIT(1)
#define OUTPUT_FULL     BIT(4)
#define INPUT_PORT      0x80 /* the keyboard is not locked */
#define SELF_TEST_OK    0x55
#define TEST_OK         0x00
#define IRQ_AUX         12

#define SET1_BREAK   0x80
#define SET1_PREFIX  0xe0 /* 0xe0, 0xe1: the same in both sets */
#define SET2_BREAK   0xf0
#define DEFAULT_RATE 0x2b
#define DEFAULT_SET  2
#define SETS         3

#define STATE_TAG 0x3144424b /* "KBD1" */

/* The set-2 code for each set-1 make code. */
static const u8 set2[128] = {
    0x00, 0x76, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45,
    0x4e, 0x55, 0x66, 0x0d, 0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43,
    0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x14, 0x1c, 0x1b, 0x23, 0x2b, 0x34, 0x33,
    0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x0e, 0x12, 0x5d, 0x1a, 0x22, 0x21, 0x2a,
    0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7c, 0x11, 0x29, 0x58, 0x05,
    0x06, 0x04, 0x0c, 0x03, 0x0b, 0x83, 0x0a, 0x01, 0x09, 0x77, 0x7e, 0x6c,
    0x75, 0x7d, 0x7b, 0x6b, 0x73, 0x74, 0x79, 0x69, 0x72, 0x7a, 0x70, 0x71,
    0x84, 0x60, 0x61, 0x78, 0x07, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x3f,
    0x47, 0x4f, 0x56, 0x5e, 0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0x40,
    0x48, 0x50, 0x57, 0x6f, 0x13, 0x19, 0x39, 0x51, 0x53, 0x5c, 0x5f, 0x62,
    0x63, 0x64, 0x65, 0x67, 0x68, 0x6a, 0x6d, 0x6e};

static u8 *command_byte(struct i8042 *kbd)
{
    return &kbd->st.ram[0];
}

static void update_irq(struct i8042 *kbd)
{
    const struct i8042_state *st = &kbd->st;
    u8 cb = *command_byte(kbd);

    irq_set(&kbd->wires.irq, IRQ_KBD, st->full && !st->aux && (cb & CB_IRQ1));
    irq_set(&kbd->wires.irq, IRQ_AUX, st->full && st->aux && (cb & CB_IRQ12));
}

static void fill(struct i8042 *kbd, u8 byte, bool aux)
{
    kbd->st.out = byte;
    kbd->st.aux = aux;
    kbd->st.full = 1;
    update_irq(kbd);
}

/* Moves the keyboard's next byte into a free output buffer. */
static void pump(struct i8042 *kbd)
{
    struct i8042_state *st = &kbd->st;
    u8 byte;

    if (st->full || !st->count || (*command_byte(kbd) & CB_NO_KBD))
        return;
    byte = st->queue[st->head % I8042_QUEUE];
    st->head = (st->head + 1) % I8042_QUEUE;
    st->count--;
    st->last = byte;
    fill(kbd, byte, false);
}

static void queue(struct i8042 *kbd, u8 byte)
{
    struct i8042_state *st = &kbd->st;

    if (st->count < I8042_QUEUE)
        st->queue[(st->head + st->count++) % I8042_QUEUE] = byte;
}

bool i8042_key(struct i8042 *kbd, u8 scancode)
{
    struct i8042_state *st = &kbd->st;
    bool plain = (*command_byte(kbd) & CB_TRANSLATE) || st->set == 1;
    bool prefix = scancode == SET1_PREFIX || scancode == SET1_PREFIX + 1;

    if (!st->scanning)
        return true; /* typed at a keyboard that is switched off */
    if (I8042_QUEUE - st->count < 2)
        return false;
    if (plain || prefix) {
        queue(kbd, scancode);
    } else {
        if (scancode & SET1_BREAK)
            queue(kbd, SET2_BREAK);
        queue(kbd, set2[scancode & (u8)~SET1_BREAK]);
    }
    pump(kbd);
    return true;
}

static void keyboard_defaults(struct i8042_state *st)
{
    st->set = DEFAULT_SET;
    st->rate = DEFAULT_RATE;
    st->leds = 0;
    st->kbd_command = 0;
}

/* The second byte of a keyboard command. */
static void keyboard_data(struct i8042 *kbd, u8 value)
{
    struct i8042_state *st = &kbd->st;
    u8 command = st->kbd_command;

    st->kbd_command = 0;
    if (command == KBD_SET && value > SETS) {
        queue(kbd, KBD_AGAIN);
        return;
    }
    queue(kbd, KBD_ACK);
    if (command == KBD_LEDS)
        st->leds = value;
    else if (command == KBD_RATE)
        st->rate = value;
    else if (!value)
        queue(kbd, st->set);
    else
        st->set = value;
}

static void keyboard_reset(struct i8042 *kbd)
{
    kbd->st.count = 0;
    keyboard_defaults(&kbd->st);
    kbd->st.scanning = 1;
    queue(kbd, KBD_ACK);
    queue(kbd, KBD_BAT_OK);
}

static void keyboard_command(struct i8042 *kbd, u8 value)
{
    struct i8042_state *st = &kbd->st;

    switch (value) {
    case KBD_LEDS:
    case KBD_SET:
    case KBD_RATE:
        st->kbd_command = value;
        queue(kbd, KBD_ACK);
        break;
    case KBD_ECHO:
        queue(kbd, KBD_ECHO);
        break;
    case KBD_IDENTIFY:
        queue(kbd, KBD_ACK);
        queue(kbd, KBD_ID_1);
        queue(kbd,
              *command_byte(kbd) & CB_TRANSLATE ? KBD_ID_2_SET1 : KBD_ID_2);
        break;
    case KBD_ENABLE:
        st->scanning = 1;
        queue(kbd, KBD_ACK);
        break;
    case KBD_DISABLE:
    case KBD_DEFAULTS:
        keyboard_defaults(st);
        st->scanning = value == KBD_DEFAULTS;
        queue(kbd, KBD_ACK);
        break;
    case KBD_RESEND:
        queue(kbd, st->last);
        break;
    case KBD_RESET:
        keyboard_reset(kbd);
        break;
    default:
        queue(kbd, KBD_AGAIN);
    }
}

static void to_keyboard(struct i8042 *kbd, u8 value)
{
    *command_byte(kbd) &= ~CB_NO_KBD; /* sending starts its clock */
    if (kbd->st.kbd_command && value < KBD_LEDS)
        keyboard_data(kbd, value);
    else
        keyboard_command(kbd, value);
    pump(kbd);
}

static void set_a20(struct i8042 *kbd, bool on)
{
    kbd->st.a20 = on;
    a20_set(&kbd->wires.a20, on);
}

/* A reset is all that a pulse of the low bits can do. */
static void pulse(struct i8042 *kbd, u8 value)
{
    if (!(value & OUTPUT_NO_RESET))
        kbd->wires.reset(kbd->wires.ctx);
}

static void write_output_port(struct i8042 *kbd, u8 value)
{
    set_a20(kbd, value & OUTPUT_A20);
    pulse(kbd, value);
}

static u8 output_port(const struct i8042_state *st)
{
    return OUTPUT_NO_RESET | (st->a20 ? OUTPUT_A20 : 0) |
           (st->full ? OUTPUT_FULL : 0);
}

/* The byte a controller command was waiting for. */
static void controller_data(struct i8042 *kbd, u8 value)
{
    struct i8042_state *st = &kbd->st;

    st->awaits = 0;
    switch (st->command) {
    case CTL_WRITE_OUTPUT:
        write_output_port(kbd, value);
        break;
    case CTL_WRITE_KBD_BUFFER:
        fill(kbd, value, false);
        break;
    case CTL_WRITE_AUX_BUFFER:
        fill(kbd, value, true);
        break;
    case CTL_WRITE_AUX:
        break;
    default:
        st->ram[RAM_INDEX(st->command)] = value;
        update_irq(kbd);
        pump(kbd);
    }
}

static void set_flag(struct i8042 *kbd, u8 set, u8 clear)
{
    *command_byte(kbd) = (*command_byte(kbd) | set) & (u8)~clear;
    pump(kbd);
}

/* Commands that are done at once. */
static void controller_simple(struct i8042 *kbd, u8 value)
{
    switch (value) {
    case CTL_DISABLE_AUX:
        set_flag(kbd, CB_NO_AUX, 0);
        break;
    case CTL_ENABLE_AUX:
        set_flag(kbd, 0, CB_NO_AUX);
        break;
    case CTL_DISABLE_KBD:
        set_flag(kbd, CB_NO_KBD, 0);
        break;
    case CTL_ENABLE_KBD:
        set_flag(kbd, 0, CB_NO_KBD);
        break;
    case CTL_SELF_TEST:
        set_flag(kbd, CB_SYSTEM, 0);
        fill(kbd, SELF_TEST_OK, false);
        break;
    case CTL_TEST_AUX:
    case CTL_TEST_KBD:
        fill(kbd, TEST_OK, false);
        break;
    case CTL_READ_INPUT:
        fill(kbd, INPUT_PORT, false);
        break;
    case CTL_READ_OUTPUT:
        fill(kbd, output_port(&kbd->st), false);
        break;
    case CTL_A20_OFF:
    case CTL_A20_ON:
        set_a20(kbd, value == CTL_A20_ON);
        break;
    }
}

static bool wants_data(u8 value)
{
    return (value >= CTL_WRITE_RAM && value < CTL_WRITE_RAM + I8042_RAM) ||
           (value >= CTL_WRITE_OUTPUT && value <= CTL_WRITE_AUX);
}

static void controller_command(struct i8042 *kbd, u8 value)
{
    struct i8042_state *st = &kbd->st;

    st->awaits = wants_data(value);
    st->command = value;
    if (value >= CTL_READ_RAM && value < CTL_READ_RAM + I8042_RAM)
        fill(kbd, st->ram[RAM_INDEX(value)], false);
    else if (value >= CTL_PULSE)
        pulse(kbd, value);
    else
        controller_simple(kbd, value);
}

static u32 status(const struct i8042_state *st)
{
    return (st->full ? STATUS_FULL : 0) |
           (st->ram[0] & CB_SYSTEM ? STATUS_SYSTEM : 0) |
           (st->was_command ? STATUS_COMMAND : 0) | STATUS_UNLOCKED |
           (st->full && st->aux ? STATUS_AUX : 0);
}

static u32 i8042_read(void *dev, u32 offset, u32 size)
{
    struct i8042 *kbd = dev;
    u8 byte = kbd->st.out;

    if (offset == I8042_COMMAND)
        return status(&kbd->st);
    kbd->st.full = 0;
    update_irq(kbd);
    pump(kbd);
    return byte;
}

static void i8042_write(void *dev, u32 offset, u32 size, u32 value)
{
    struct i8042 *kbd = dev;

    kbd->st.was_command = offset == I8042_COMMAND;
    if (offset == I8042_COMMAND)
        controller_command(kbd, (u8)value);
    else if (kbd->st.awaits)
        controller_data(kbd, (u8)value);
    else
        to_keyboard(kbd, (u8)value);
}

/* As a BIOS leaves it: tested, translating, keyboard on. */
static void i8042_reset(void *dev)
{
    struct i8042 *kbd = dev;

    kbd->st = (struct i8042_state){.scanning = 1, .ram = {CB_DEFAULT}};
    keyboard_defaults(&kbd->st);
    set_a20(kbd, true);
    update_irq(kbd);
}

static u32 i8042_save(const void *dev, u8 *buf, u32 size)
{
    const struct i8042 *kbd = dev;

    return state_save(STATE_TAG, &kbd->st, sizeof(kbd->st), buf, size);
}

static bool i8042_load(void *dev, const u8 *buf, u32 size)
{
    struct i8042 *kbd = dev;
    struct i8042_state st;

    if (!state_load(STATE_TAG, &st, sizeof(st), buf, size) ||
        st.count > I8042_QUEUE)
        return false;
    kbd->st = st;
    return true;
}

void i8042_init(struct i8042 *kbd, const struct i8042_wires *wires)
{
    *kbd = (struct i8042){.wires = *wires};
    i8042_reset(kbd);
}

const struct dev_ops i8042_ops = {
    .name = "8042 and keyboard",
    .read = i8042_read,
    .write = i8042_write,
    .reset = i8042_reset,
    .save = i8042_save,
    .load = i8042_load,
    .bytes_only = true,
};
