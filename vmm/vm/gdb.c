/* SPDX-License-Identifier: MIT
 *
 * See gdb.h. Here is the session: bytes in and out, who is attached, who is
 * held, and which stop is told when.
 *
 * Nothing calls the stub when a VM stops, is destroyed or created. It looks:
 * once a turn it compares each slot with what it knew, by vm->bond (which a
 * new VM in an old slot does not have) and by vm->stop.stops. So no path of
 * the VMM can forget to tell it, and without a session nothing is compared.
 *
 * Invariant: while gdb does not wait for a stop, no attached VM runs.
 */
#include "vmm/base/bits.h"
#include "vmm/vm/gdb_impl.h"

#define INPUT_BYTES 8192u    /* taken in a turn, at most */
#define SOON_NS     1000000u /* until output is tried again */

enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5, SIGNAL_SEGV = 11, SIGNAL_TERM = 15 };
#define SIGNAL_KILL 9

static bool dead(const struct vm *vm)
{
    return vm->state == VM_EXITED || vm->state == VM_KILLED;
}

struct vm *gdb_vm(struct hv *hv, int slot)
{
    struct vm *vm;

    if (slot < 0 || slot >= HV_VMS || !hv->gdb.slot[slot].attached)
        return NULL;
    vm = &hv->vm[slot];
    return vm->state != VM_EMPTY && vm->bond == GDB_HAS ? vm : NULL;
}

/* ---- who is attached */

static void hold(struct hv *hv, u32 slot)
{
    struct gdb_slot *s = &hv->gdb.slot[slot];
    struct vm *vm = &hv->vm[slot];

    s->running = false;
    if (vm->state != VM_RUNNING)
        return;
    probe_interrupt(vm);
    s->seen = vm->stop.stops;
    s->held = true;
}

void gdb_attach(struct hv *hv, u32 slot)
{
    struct gdb_slot *s = &hv->gdb.slot[slot];
    struct vm *vm = &hv->vm[slot];

    if (gdb_vm(hv, (int)slot))
        return;
    *s = (struct gdb_slot){.attached = true,
                           .held = hv->gdb.wait,
                           .mourned = true,
                           .seen = vm->stop.stops};
    vm->bond = GDB_HAS;
    hold(hv, slot);
}

void gdb_detach(struct hv *hv, u32 slot)
{
    struct gdb_slot *s = &hv->gdb.slot[slot];
    struct vm *vm = gdb_vm(hv, (int)slot);

    if (vm)
        hold(hv, slot); /* nobody waits for its steps any more */
    s->attached = false;
    if (hv->gdb.general == (int)slot)
        hv->gdb.general = -1;
    if (!vm)
        return;
    vm->bond = GDB_LEFT;
    probe_clear(vm, PROBE_GDB);
    if (s->held)
        vm_resume(vm);
}

void gdb_detach_all(struct hv *hv)
{
    for (u32 i = 0; i < HV_VMS; i++)
        gdb_detach(hv, i);
    hv->gdb.waiting = hv->gdb.all = false;
}

void gdb_hold_all(struct hv *hv)
{
    for (u32 i = 0; i < HV_VMS; i++) {
        if (gdb_vm(hv, (int)i))
            hold(hv, i);
    }
    hv->gdb.waiting = false;
}

/* Whoever was there before has left its points behind. */
void gdb_new_session(struct hv *hv)
{
    struct gdb *g = &hv->gdb;

    gdb_hold_all(hv);
    for (u32 i = 0; i < HV_VMS; i++) {
        struct vm *vm = gdb_vm(hv, (int)i);
        if (vm)
            probe_clear(vm, PROBE_GDB);
    }
    g->multiprocess = g->swbreak = g->hwbreak = false;
    g->extended = g->all = g->physical = g->talking = false;
    g->general = -1;
    gdb_port_restart(&g->port);
}

/* ---- what has changed since the last look */

static void look_at_newcomer(struct hv *hv, u32 slot)
{
    struct gdb *g = &hv->gdb;

    if (g->slot[slot].attached) /* its forerunner's end comes first */
        return;
    gdb_attach(hv, slot);
    if (!g->waiting || !g->everyone)
        return; /* gdb sees it in the list when it looks next */
    g->slot[slot].born = g->slot[slot].running = true;
}

/* Somebody else has let it go on. */
static void look_at_loose(struct hv *hv, u32 slot)
{
    console_print(&hv->console,
                  "trapline: %s: gdb holds it; it goes on when gdb lets it, or "
                  "by `gdb drop`, which ends gdb's session",
                  hv->vm[slot].config.name);
    hold(hv, slot);
}

static void look(struct hv *hv)
{
    struct gdb *g = &hv->gdb;

    for (u32 i = 0; i < HV_VMS; i++) {
        struct gdb_slot *s = &g->slot[i];
        struct vm *vm = &hv->vm[i];
        if (g->all && vm->state != VM_EMPTY && vm->bond == GDB_UNKNOWN)
            look_at_newcomer(hv, i);
        if (!gdb_vm(hv, (int)i))
            continue;
        s->exited = vm->state == VM_EXITED;
        s->status = vm->status;
        if (!dead(vm))
            s->mourned = false;
        if (vm->state == VM_RUNNING && !s->running)
            look_at_loose(hv, i);
    }
}

/* Is there something to tell of this slot? */
static bool has_stopped(struct hv *hv, u32 slot)
{
    const struct gdb_slot *s = &hv->gdb.slot[slot];
    const struct vm *vm = gdb_vm(hv, (int)slot);

    if (!s->attached || !s->running)
        return false;
    if (!vm || s->born)
        return true;
    if (dead(vm))
        return !s->mourned;
    return vm->stop.stops != s->seen && vm->state == VM_PAUSED;
}

/* ---- telling it */

static u32 signal_of(const struct vm *vm, const struct gdb_slot *s)
{
    if (vm->state == VM_KILLED)
        return SIGNAL_SEGV;
    if (vm->state == VM_EXITED)
        return SIGNAL_TERM;
    if (vm->stop.stops && vm->stop.reason == STOP_INTERRUPT &&
        vm->stop.stops != s->seen)
        return SIGNAL_INT;
    return SIGNAL_TRAP;
}

static void tell_end(struct hv *hv, u32 slot)
{
    struct gdb *g = &hv->gdb;
    const struct gdb_slot *s = &g->slot[slot];

    gdb_port_begin(&g->port);
    if (s->exited)
        gdb_port_print(&g->port, "W%02x", s->status & 0xff);
    else
        gdb_port_print(&g->port, "X%02x", SIGNAL_KILL);
    if (g->multiprocess)
        gdb_port_print(&g->port, ";process:%x", slot + 1);
    gdb_port_end(&g->port);
    gdb_detach(hv, slot);
}

static void tell_signal(struct hv *hv, u32 slot, u32 signal)
{
    struct gdb *g = &hv->gdb;
    struct vm *vm = &hv->vm[slot];
    struct gdb_slot *s = &g->slot[slot];

    gdb_port_begin(&g->port);
    gdb_port_print(&g->port, "T%02xthread:", signal);
    gdb_print_id(g, slot);
    gdb_port_print(&g->port, ";");
    if (signal == SIGNAL_TRAP && !s->born && vm->stop.stops != s->seen)
        gdb_print_reason(g, vm);
    gdb_print_expedited(g, vm);
    gdb_port_end(&g->port);
    s->seen = vm->stop.stops;
    s->mourned = dead(vm);
    s->born = false;
}

/* Everybody stops, and gdb hears of this one. */
void gdb_tell_stop(struct hv *hv, u32 slot)
{
    struct gdb *g = &hv->gdb;
    struct vm *vm = gdb_vm(hv, (int)slot);

    if (!vm) {
        gdb_hold_all(hv);
        tell_end(hv, slot);
    } else {
        u32 signal = signal_of(vm, &g->slot[slot]);
        gdb_hold_all(hv);
        g->general = (int)slot;
        tell_signal(hv, slot, signal);
    }
    g->last = slot;
}

/* The first that has stopped, behind whoever was told last. */
static void tell_stops(struct hv *hv)
{
    struct gdb *g = &hv->gdb;

    for (u32 i = 1; i <= HV_VMS; i++) {
        u32 slot = (g->last + i) % HV_VMS;
        if (!has_stopped(hv, slot))
            continue;
        gdb_tell_stop(hv, slot);
        return;
    }
}

/* Ctrl-C: whoever is in the processor has been interrupted. */
static void interrupt(struct hv *hv)
{
    struct gdb *g = &hv->gdb;
    int slot = hv->current ? (int)hv->current->slot : -1;

    if (g->waiting)
        tell_stops(hv);
    if (!g->waiting)
        return;
    for (u32 i = 0; i < HV_VMS; i++) {
        struct vm *vm = gdb_vm(hv, slot);
        if (vm && g->slot[slot].running && !dead(vm))
            break;
        slot = (int)i;
    }
    if (!gdb_vm(hv, slot))
        return;
    gdb_hold_all(hv);
    g->general = slot;
    g->last = (u32)slot;
    tell_signal(hv, (u32)slot, SIGNAL_INT);
}

/* Who waits for a stop hears of an end. */
void gdb_drop(struct hv *hv)
{
    for (u32 i = 0; i < HV_VMS && hv->gdb.waiting; i++) {
        if (!hv->gdb.slot[i].attached)
            continue;
        hv->gdb.waiting = false;
        tell_end(hv, i);
    }
    gdb_detach_all(hv);
}

/* ---- the wire */

static void lose(struct hv *hv)
{
    struct gdb *g = &hv->gdb;

    console_print(&hv->console,
                  "trapline: gdb has taken nothing for %u s; its session is "
                  "over, and the guests it held go on",
                  (u32)(GDB_PATIENCE_NS / 1000000000u));
    gdb_drop(hv);
    g->port.out_len = g->port.out_sent = 0;
    g->since = 0;
}

static void flush(struct hv *hv)
{
    struct gdb *g = &hv->gdb;
    struct gdb_port *p = &g->port;
    size_t sent;

    if (!gdb_port_left(p))
        return;
    sent =
        arch_wire_write(ARCH_WIRE_GDB, p->out + p->out_sent, gdb_port_left(p));
    p->out_sent += (u32)sent;
    if (!gdb_port_left(p))
        g->since = 0;
    else if (sent || !g->since)
        g->since = max_u64(arch_now_ns(), 1);
    else if (arch_now_ns() - g->since > GDB_PATIENCE_NS)
        lose(hv);
}

/* True: it has been answered, or will be. */
static bool take_byte(struct hv *hv, u8 byte)
{
    struct gdb *g = &hv->gdb;

    switch (gdb_port_byte(&g->port, byte)) {
    case GDB_CAME:
        g->talking = false;
        gdb_command(hv);
        look(hv); /* a command of the monitor may have made a VM */
        break;
    case GDB_INTERRUPT:
        interrupt(hv);
        break;
    case GDB_NOTHING:
        break;
    }
    return g->talking || gdb_port_left(&g->port);
}

/* One answer a turn: whoever asks without end must not keep the guests of
 * others from running. */
static void read_wire(struct hv *hv)
{
    struct gdb *g = &hv->gdb;
    bool answered = gdb_port_left(&g->port) != 0;
    u8 byte;

    g->unread = true;
    for (u32 i = 0; i < INPUT_BYTES && !answered; i++) {
        g->unread = arch_wire_read(ARCH_WIRE_GDB, &byte);
        if (!g->unread)
            return;
        answered = take_byte(hv, byte);
    }
    flush(hv);
}

void gdb_poll(struct hv *hv)
{
    struct gdb *g = &hv->gdb;

    if (!arch_wire_present(ARCH_WIRE_GDB))
        return;
    look(hv);
    flush(hv);
    read_wire(hv);
    if (g->talking && gdb_port_free(&g->port))
        gdb_talk(g);
    if (g->waiting && !gdb_port_left(&g->port))
        tell_stops(hv);
    flush(hv);
}

u64 gdb_deadline(const struct hv *hv, u64 now)
{
    const struct gdb *g = &hv->gdb;

    if (!gdb_port_left(&g->port) && !g->talking && !g->unread)
        return UINT64_MAX;
    return now + SOON_NS;
}

bool gdb_busy(const struct hv *hv)
{
    for (u32 i = 0; i < HV_VMS; i++) {
        if (hv->gdb.slot[i].attached)
            return true;
    }
    return false;
}

void gdb_init(struct hv *hv)
{
    struct gdb *g = &hv->gdb;

    g->general = -1;
    if (!g->wait)
        return;
    if (!arch_wire_present(ARCH_WIRE_GDB)) {
        console_print(&hv->console,
                      "trapline: gdb.wait=1 waits for nobody, since gdb has no "
                      "wire; gdb=com2 names one");
        return;
    }
    for (u32 i = 0; i < HV_VMS; i++)
        vm_pause(&hv->vm[i]);
    console_print(&hv->console, "trapline: every guest waits for gdb");
}
