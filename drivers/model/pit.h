/* SPDX-License-Identifier: MIT
 *
 * The 8254 timer, and port 0x61 that gates its channel 2.
 *
 * The timer never ticks by itself: what a counter shows is computed from the
 * VM's virtual time whenever somebody looks. Channel 0 makes timer
 * interrupts: pit_run() raises IRQ 0 when one is owed and the last one was
 * taken, pit_deadline() says when it wants to be called again.
 *
 * PIT_BACKLOG_MAX: a VM that shares a processor with fifteen others in slices
 * of 10 ms sits out 150 ms; at 1000 Hz that is 150 ticks. 256 covers it. It
 * gets a sixteenth of the time, so what it sat out must fit into its turns:
 * ticks that are owed come a 32nd of their period apart.
 *
 * PIT_GAP_MIN keeps a guest that programs a period of a microsecond from
 * making the host's timer fire a million times a second.
 */
#ifndef MODEL_PIT_H
#define MODEL_PIT_H

#include "drivers/bus/bus.h"
#include "drivers/bus/clock.h"
#include "drivers/irq/irq.h"
#include "drivers/model/counter.h"

#define PIT_CHANNELS    3
#define PIT_BACKLOG_MAX 256
#define PIT_GAP_MIN     50000 /* ns between an interrupt taken and the next */

struct pit_state {
    struct counter ch[PIT_CHANNELS];
    u64 owed;     /* channel-0 ticks due and not yet raised */
    u64 lost;     /* beyond the backlog */
    u64 earliest; /* ns: not to be raised before */
    u8 port_b;
};

struct pit {
    struct pit_state st;
    struct dev_clock clock;
    struct irq_sink irq;
};

/* Offsets: the four ports of the chip, then port 0x61. */
enum { PIT_CH0, PIT_CH1, PIT_CH2, PIT_CMD, PIT_PORT_B };

extern const struct dev_ops pit_ops;

void pit_init(struct pit *pit, const struct dev_clock *clock,
              const struct irq_sink *irq);
/* `waiting`: the last interrupt has not been taken yet. */
void pit_run(struct pit *pit, u64 now, bool waiting);
u64 pit_deadline(const struct pit *pit, u64 now, bool waiting);
/* The interrupt was taken by the processor. */
void pit_taken(struct pit *pit, u64 now);
/* The guest had the interrupt masked: what fell due meanwhile is gone, as on
 * the real machine. */
void pit_forgive(struct pit *pit, u64 now);

#endif
