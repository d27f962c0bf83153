/* SPDX-License-Identifier: MIT
 *
 * The virtual PC: every device of one VM, on one bus, behind one struct.
 *
 * vmm/vm sees only this header: it passes port and memory accesses to
 * pc->bus, asks pc_irq() for a vector when the guest can take one, tells the
 * time with pc_run() and sleeps until pc_deadline(). Time is the VM's own
 * virtual time in nanoseconds; it stands still while the VM is paused.
 *
 * Timer ticks are neither lost nor delivered in bursts: a channel-0 tick that
 * falls due while the last one is still unacknowledged stays in a backlog
 * (at most PC_BACKLOG_MAX, then counted as lost in pit.st.lost) that drains
 * one tick at a time, each after the last was taken and at least a 32nd of
 * a period later. Ticks that fall due while the guest has masked the line
 * merge into one, as on the real machine.
 */
#ifndef MODEL_PC_H
#define MODEL_PC_H

#include "drivers/bus/bus.h"
#include "drivers/irq/irq.h"
#include "drivers/model/cmos.h"
#include "drivers/model/debug.h"
#include "drivers/model/i8042.h"
#include "drivers/model/ide.h"
#include "drivers/model/pic.h"
#include "drivers/model/pit.h"
#include "drivers/model/uart.h"
#include "drivers/model/vga.h"

#define PC_BACKLOG_MAX PIT_BACKLOG_MAX /* pit.h says why so many */

/* What the devices ask of the VM they sit in. */
struct pc_host {
    void *ctx;
    /* bytes the guest printed: COM1, COM2 or port 0xe9 */
    void (*console)(void *ctx, u8 byte);
    /* 0xcf9, 0x64 command 0xfe, port 0x92 bit 0 */
    void (*reset)(void *ctx);
    /* debug-exit port: the guest ends its run with this status byte */
    void (*exit)(void *ctx, u32 status);
    /* current virtual time, ns */
    u64 (*now)(void *ctx);
    /* VMM entries so far (the meter port) */
    u64 (*exits)(void *ctx);
    /* wall clock at VM start: seconds since 1970 */
    u64 epoch;
    u32 ram_kib; /* for CMOS */
    /* the A20 gate was switched; null: nobody wants to know */
    void (*a20)(void *ctx, bool on);
    /* an interrupt line went up; null: the same */
    void (*raised)(void *ctx, u32 line);
    /* its disk, of so many sectors: where one of them is; 0: it has none */
    u8 *(*sector)(void *ctx, u32 lba);
    u32 sectors;
};

struct pc {
    struct bus bus;
    struct pic pic;
    struct pit pit;
    struct cmos cmos;
    struct uart com1, com2;
    struct i8042 kbd;
    struct vga vga;
    struct ide ide; /* wires.sectors is 0: there is none */
    struct debug debug;
    struct pc_host host;
    struct irq_sink irq;
    bool a20;
    u64 latest; /* virtual time never runs backwards for a device */
};

void pc_init(struct pc *pc, const struct pc_host *host);
void pc_reset(struct pc *pc);
/* Brings every device up to virtual time `now` (ns): timers fire. */
void pc_run(struct pc *pc, u64 now);
/* When pc_run() must be called next; UINT64_MAX: nothing is due. */
u64 pc_deadline(const struct pc *pc);
/* Is an interrupt waiting at the CPU's INTR pin? */
bool pc_irq_pending(const struct pc *pc);
/* Acknowledges it: the vector (INTA cycle). */
u8 pc_irq_ack(struct pc *pc);
/* A byte typed on the guest's serial console; false when its FIFO is full. */
bool pc_serial_input(struct pc *pc, u8 byte);
/* A scancode (set 1) from a keyboard; false when the buffer is full. */
bool pc_key(struct pc *pc, u8 scancode);

#endif
