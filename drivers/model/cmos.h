/* SPDX-License-Identifier: MIT
 *
 * CMOS memory and the real-time clock, an MC146818 on IRQ 8.
 *
 * The time of day is never stored: it is the wall clock of the VM's start
 * plus virtual time plus whatever the guest has set it forward. Only while
 * the guest holds the SET bit do the registers keep a time of their own.
 */
#ifndef MODEL_CMOS_H
#define MODEL_CMOS_H

#include "drivers/bus/bus.h"
#include "drivers/bus/clock.h"
#include "drivers/irq/irq.h"
#include "drivers/model/calendar.h"

#define CMOS_BYTES 128

struct cmos_wires {
    struct dev_clock clock;
    struct irq_sink irq;
    u64 epoch; /* seconds since 1970 at virtual time 0 */
    u32 ram_kib;
};

struct cmos_state {
    u64 seen;  /* ns: flags are up to date to here */
    u64 ahead; /* seconds the guest has set the clock forward, modulo 2^64 */
    struct calendar set; /* the time while SET holds it */
    u8 ram[CMOS_BYTES];
    u8 index;
    u8 flags; /* register C */
};

struct cmos {
    struct cmos_state st;
    struct cmos_wires wires;
};

enum { CMOS_INDEX, CMOS_DATA };

extern const struct dev_ops cmos_ops;

void cmos_init(struct cmos *cmos, const struct cmos_wires *wires);
void cmos_run(struct cmos *cmos, u64 now);
u64 cmos_deadline(const struct cmos *cmos);

#endif
