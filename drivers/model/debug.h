/* SPDX-License-Identifier: MIT
 *
 * The board's odd ports: debug console, debug exit, POST code, the meter, the
 * two reset registers and the FPU's error latch.
 */
#ifndef MODEL_DEBUG_H
#define MODEL_DEBUG_H

#include "drivers/bus/bus.h"
#include "drivers/irq/irq.h"
#include "drivers/model/a20.h"

struct debug_wires {
    void *ctx;
    void (*print)(void *ctx, u8 byte);
    void (*exit)(void *ctx, u32 status);
    void (*reset)(void *ctx);
    u64 (*exits)(void *ctx);
    struct irq_sink irq;
    struct a20_gate a20;
};

struct debug_state {
    u8 post; /* the last byte at port 0x80 */
    u8 port_a;
    u8 reset_control;
};

struct debug {
    struct debug_state st;
    struct debug_wires wires;
};

/* Offsets: one page of sixteen for each range. */
enum {
    DEBUG_CONSOLE = 0x00,
    DEBUG_EXIT = 0x10,
    DEBUG_POST = 0x20,
    DEBUG_METER = 0x30,
    DEBUG_PORT_A = 0x40,
    DEBUG_RESET = 0x50, /* ports 0xcf8 to 0xcfb */
    DEBUG_FPU = 0x60,
};

extern const struct dev_ops debug_ops;

void debug_init(struct debug *debug, const struct debug_wires *wires);

#endif
