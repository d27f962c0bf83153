/* SPDX-License-Identifier: MIT
 *
 * The gdb stub: every guest is a process, on the wire ARCH_WIRE_GDB.
 *
 * Process number N is the VM in slot N - 1, and it has one thread, its
 * processor, of the same number. `target remote` attaches all VMs there are
 * and, as long as it lasts, those that are created; `target extended-remote`
 * attaches none, and `attach N` one at a time (`info os processes` lists them).
 *
 * gdb's mode is all-stop. When it has control, each VM it has attached is
 * paused, its virtual time too; those it has not attached run on and notice
 * nothing. `continue` is for the process at hand, or for all with `set
 * schedule-multiple on`. A VM that stops, for whatever reason a probe has,
 * stops them all. One that is killed or exits is a signal (SIGSEGV, SIGTERM),
 * not an end, so that what it has left can be looked at; only when it is
 * destroyed has its process ended (X, or W with what the guest said).
 *
 * The stub works between two turns of the loop and never waits: what the wire
 * does not take is kept, and as long as something is kept nothing more is
 * read; nor is more than one packet a turn. Who takes nothing for
 * GDB_PATIENCE_NS has lost what it had attached: the guests run on. One wire is
 * one session: a second gdb on it takes over from the first, which is as if it
 * had never been.
 *
 * A wire does not say that the other side has gone. What it held stays held
 * until somebody connects again or says `gdb drop` in the monitor.
 *
 * LIMIT: no non-stop mode, no `run`, no threads of the guest's own. gdb asks
 * what the registers are for the first process of `target remote` only, and
 * shows those of the others without the system registers until it is told to
 * ask: `inferior 2`, `unset tdesc filename`.
 *
 * GDB manual, appendix E; "Debugging Multiple Inferiors Connections and
 * Programs".
 */
#ifndef VM_GDB_H
#define VM_GDB_H

#include "vmm/vm/gdb_port.h"
#include "vmm/vm/probe.h"

#define GDB_VMS         16
#define GDB_TEXT        32768u
#define GDB_PATIENCE_NS 10000000000ull

struct hv;

/* Of a VM, not of its slot: it begins anew with the next VM there. */
enum gdb_bond {
    GDB_UNKNOWN,
    GDB_HAS, /* attached */
    GDB_LEFT,
};

struct gdb_slot {
    bool attached;
    bool running; /* gdb has let it go on */
    bool held;    /* paused for gdb's sake: runs on when gdb leaves */
    bool born;    /* created while gdb was there, which has yet to hear it */
    bool mourned; /* gdb has heard that it is dead */
    bool exited;  /* as last seen */
    u32 status;   /* ... and with what */
    u64 seen;     /* of vm->stop.stops */
};

struct gdb {
    struct gdb_port port;
    struct gdb_slot slot[GDB_VMS];
    bool wait;     /* command line: guests begin when gdb lets them */
    bool all;      /* target remote: VMs to come are attached as well */
    bool extended; /* target extended-remote */
    bool multiprocess, swbreak, hwbreak; /* the other side knows that */
    bool physical; /* m, M and X are by guest-physical address */
    bool waiting;  /* gdb wants to hear of the next stop */
    bool everyone; /* ... of any VM */
    int general;   /* slot that registers and memory are of, or -1 */
    bool unread;   /* there may be more, of which no interrupt will tell */
    u32 last;      /* slot whose stop was told last */
    u64 since;     /* output has not gone on; 0: there is none */
    u32 text_len, text_at; /* what a monitor command has said */
    bool talking;
    char text[GDB_TEXT];
};

/* Once, before the guests run. */
void gdb_init(struct hv *hv);
/* Once a turn: what came, what has stopped, what is to be sent. */
void gdb_poll(struct hv *hv);
/* When it wants to be called again; UINT64_MAX: when a byte comes. */
u64 gdb_deadline(const struct hv *hv, u64 now);
/* Ends the session from this side: all guests run on. */
void gdb_drop(struct hv *hv);
/* Somebody looks at a VM that has stopped: the machine stays on. */
bool gdb_busy(const struct hv *hv);

#endif
