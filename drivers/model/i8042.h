/* SPDX-License-Identifier: MIT
 *
 * The keyboard controller of a PC and the keyboard behind it.
 *
 * Keys come in as set-1 scancodes, which is what a guest reads while the
 * controller translates; without translation they are turned into set 2.
 */
#ifndef MODEL_I8042_H
#define MODEL_I8042_H

#include "drivers/bus/bus.h"
#include "drivers/irq/irq.h"
#include "drivers/model/a20.h"

#define I8042_QUEUE 16
#define I8042_RAM   32

struct i8042_wires {
    struct irq_sink irq;
    void (*reset)(void *ctx);
    void *ctx;
    struct a20_gate a20;
};

struct i8042_state {
    u8 queue[I8042_QUEUE]; /* what the keyboard wants to send */
    u8 head, count;
    u8 ram[I8042_RAM]; /* byte 0 is the command byte */
    u8 out, full, aux; /* output buffer, and whom it is from */
    u8 command;        /* controller command that waits for its data */
    u8 awaits;         /* `command` is valid */
    u8 was_command;    /* status bit 3 */
    u8 kbd_command;    /* keyboard command that waits for its data, or 0 */
    u8 scanning, set, last, leds, rate;
    u8 a20; /* as the output port has it */
};

struct i8042 {
    struct i8042_state st;
    struct i8042_wires wires;
};

enum { I8042_DATA, I8042_COMMAND };

extern const struct dev_ops i8042_ops;

void i8042_init(struct i8042 *kbd, const struct i8042_wires *wires);
/* A set-1 scancode; false when the keyboard's queue is full. */
bool i8042_key(struct i8042 *kbd, u8 scancode);

#endif
