/* SPDX-License-Identifier: MIT
 *
 * See debug.h.
 *
 *   0xe9    Bochs's console: a byte written is printed, a read gives 0xe9
 *   0xf4    QEMU's isa-debug-exit, four ports wide so that a status of any
 *           size arrives whole
 *   0x80    POST code: stored and read back
 *   0x5450  the meter: how often this VM has entered the VMM, 32 bits
 *   0x92    system control port A: bit 0 resets when it rises, bit 1 is the
 *           A20 gate
 *   0xcf9   reset control (82371SB PIIX3, section 2.5.7): bit 2 resets when
 *           it rises, whichever kind bit 1 asks for
 *   0xf0    a write clears the FPU error latch, which is IRQ 13
 *
 * 0xcf9 is claimed together with its neighbours, because a 32-bit write to
 * 0xcf8 addresses PCI configuration space and must not reach it as a byte.
 * LIMIT: there is no PCI bus behind 0xcf8.
 */
#include "drivers/model/debug.h"
#include "arch/x86/defs/ports.h"
#include "drivers/bus/state.h"
#include "vmm/base/bits.h"

#define PAGE_OF(offset) ((offset) & ~0xfu)
#define NOTHING         0xffffffffu

#define PORT_A_RESET BIT(0)
#define PORT_A_A20   BIT(1)
#define RESET_CPU    BIT(2)
#define RESET_KEPT   0x0e
#define RESET_BYTE   1 /* 0xcf9 in its range */

#define STATE_TAG 0x31474244 /* "DBG1" */

static u32 meter(const struct debug *debug, u32 byte)
{
    return (u32)debug->wires.exits(debug->wires.ctx) >> 8 * (byte & 3);
}

static u32 debug_read(void *dev, u32 offset, u32 size)
{
    const struct debug *debug = dev;

    switch (PAGE_OF(offset)) {
    case DEBUG_CONSOLE:
        return PORT_DEBUGCON;
    case DEBUG_POST:
        return debug->st.post;
    case DEBUG_METER:
        return meter(debug, offset - DEBUG_METER);
    case DEBUG_PORT_A:
        return debug->st.port_a;
    case DEBUG_RESET:
        if (offset == DEBUG_RESET + RESET_BYTE && size == 1)
            return debug->st.reset_control;
        return NOTHING;
    default:
        return NOTHING;
    }
}

static void write_port_a(struct debug *debug, u8 value)
{
    bool rises = value & ~debug->st.port_a & PORT_A_RESET;

    debug->st.port_a = value;
    a20_set(&debug->wires.a20, value & PORT_A_A20);
    if (rises)
        debug->wires.reset(debug->wires.ctx);
}

static void write_reset(struct debug *debug, u8 value)
{
    bool rises = value & ~debug->st.reset_control & RESET_CPU;

    debug->st.reset_control = value & RESET_KEPT;
    if (rises)
        debug->wires.reset(debug->wires.ctx);
}

static void debug_write(void *dev, u32 offset, u32 size, u32 value)
{
    struct debug *debug = dev;

    switch (PAGE_OF(offset)) {
    case DEBUG_CONSOLE:
        debug->wires.print(debug->wires.ctx, (u8)value);
        break;
    case DEBUG_EXIT:
        if (offset == DEBUG_EXIT)
            debug->wires.exit(debug->wires.ctx, value);
        break;
    case DEBUG_POST:
        debug->st.post = (u8)value;
        break;
    case DEBUG_PORT_A:
        write_port_a(debug, (u8)value);
        break;
    case DEBUG_RESET:
        if (offset == DEBUG_RESET + RESET_BYTE && size == 1)
            write_reset(debug, (u8)value);
        break;
    case DEBUG_FPU:
        irq_set(&debug->wires.irq, IRQ_FPU, false);
        break;
    }
}

static void debug_reset(void *dev)
{
    struct debug *debug = dev;

    debug->st = (struct debug_state){.port_a = PORT_A_A20};
    a20_set(&debug->wires.a20, true);
    irq_set(&debug->wires.irq, IRQ_FPU, false);
}

static u32 debug_save(const void *dev, u8 *buf, u32 size)
{
    const struct debug *debug = dev;

    return state_save(STATE_TAG, &debug->st, sizeof(debug->st), buf, size);
}

static bool debug_load(void *dev, const u8 *buf, u32 size)
{
    struct debug *debug = dev;

    return state_load(STATE_TAG, &debug->st, sizeof(debug->st), buf, size);
}

void debug_init(struct debug *debug, const struct debug_wires *wires)
{
    *debug = (struct debug){.wires = *wires};
    debug_reset(debug);
}

const struct dev_ops debug_ops = {
    .name = "debug ports",
    .read = debug_read,
    .write = debug_write,
    .reset = debug_reset,
    .save = debug_save,
    .load = debug_load,
};
