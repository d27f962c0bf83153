/* SPDX-License-Identifier: MIT
 *
 * One counter of an 8254, as arithmetic.
 *
 * It never counts: what it shows, its output and the moment of the next rising
 * edge are computed from the tick of its oscillator that the caller passes.
 * counter_settle() must be called with the present tick before anything that
 * writes, and before the tick is used to read: a new period that was written
 * takes over when the old one has ended, and rising edges of OUT are handed
 * out once.
 */
#ifndef MODEL_COUNTER_H
#define MODEL_COUNTER_H

#include "vmm/base/types.h"

#define COUNTER_WRAP 0x10000u

/* Control word bits 4 and 5. */
#define CONTROL_ACCESS(v) ((v) >> 4 & 3)
enum { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH };

#define MODE_RATE   2
#define MODE_SQUARE 3

struct counter {
    u64 start;     /* when counting began, in oscillator ticks */
    u64 done;      /* clocks counted before that (the gate stopped it) */
    u64 switch_at; /* periodic modes: when `next` takes over, NEVER: not */
    u64 edges;     /* rising edges of OUT accounted for since `start` */
    u32 count;     /* the initial count in force, 1..65536; 0: none yet */
    u32 next;
    u16 latch;
    u8 mode, bcd, access;
    u8 gate, counting;
    u8 low;      /* first byte of a two-byte count */
    u8 half_way; /* it was written */
    u8 second;   /* the high byte is read next */
    u8 latched;  /* bytes of the latch not read yet */
    u8 status, status_latched;
};

/* Brings it up to now; the rising edges of OUT since the last time. */
u64 counter_settle(struct counter *c, u64 tick);
/* The tick of the next rising edge; NEVER: none will come by itself. */
u64 counter_next_edge(const struct counter *c);
bool counter_out(const struct counter *c, u64 tick);
bool counter_periodic(const struct counter *c);
/* Counting from `count` begins now. */
void counter_start(struct counter *c, u32 count, u64 tick);
void counter_set_gate(struct counter *c, bool gate, u64 tick);
void counter_control(struct counter *c, u8 word);
void counter_write(struct counter *c, u8 value, u64 tick);
u8 counter_read(struct counter *c, u64 tick);
void counter_latch(struct counter *c, u64 tick);
void counter_latch_status(struct counter *c, u64 tick);
/* Could these words be a counter's? (They may come from a file.) */
bool counter_sane(const struct counter *c);

#endif
