/* SPDX-License-Identifier: MIT
 *
 * See export.h. One packet is under way at a time, in struct ctf. When the
 * wire has taken all of it, the next one is made: of metadata while there are
 * rows, else of events, when there are enough for a whole one or the oldest
 * has waited for FLUSH_NS. Records that other consumers asked for are passed
 * over.
 */
#include "vmm/vm/export.h"
#include "vmm/base/str.h"
#include "vmm/vm/vm.h"

STATIC_ASSERT(EXPORT_VMS == HV_VMS);

#define HELLO        'm'
#define FLUSH_NS     100000000u
#define WHOLE        256u     /* records that fill a packet, more or less */
#define TURN_PACKETS 16u      /* at most, in a turn */
#define FIFO_NS      1400000u /* 16 bytes at 115200 baud */
#define WAIT_TURN_NS 1000000u
#define STUCK_NS     500000000u  /* a line that takes nothing for so long */
#define FINISH_NS    5000000000u /* what the end may take */
#define NEWEST       256u        /* records that are sent all the same */

/* ---- options */

bool export_choose(struct export *e, struct slice words)
{
    bool named = false;
    struct slice word;

    e->groups = 0;
    while (words.len) {
        slice_split(words, ',', &word, &words);
        if (slice_eq(word, "wait")) {
            e->waits = true;
            continue;
        }
        if (!trace_groups_add(word, !named, &e->groups))
            return false;
        named = true;
    }
    return !named || e->groups;
}

bool export_change(struct hv *hv, struct slice words)
{
    struct export wish = {0};
    bool off = slice_eq(words, "off");

    if (!off && !export_choose(&wish, words))
        return false;
    if (!off && !wish.groups)
        wish.groups = TRACE_EVERYTHING;
    hv->export.groups = wish.groups;
    hv->export.waits = wish.waits;
    trace_want_all(hv, TRACE_EXPORT, wish.groups);
    return true;
}

/* ---- packets */

void export_start(struct hv *hv)
{
    struct export *e = &hv->export;
    u64 now;

    e->on = arch_wire_present(ARCH_WIRE_TRACE) && hv->trace.record;
    if (!e->on)
        return;
    if (!e->groups)
        e->groups = TRACE_EVERYTHING;
    now = arch_now_ns();
    ctf_init(&e->ctf, arch_tsc_hz(), arch_tsc(),
             arch_epoch() ? arch_epoch() * 1000000000 + now : 0);
    e->cursor = trace_tail(&hv->trace);
    trace_want_all(hv, TRACE_EXPORT, e->groups);
}

static u64 pending(const struct hv *hv)
{
    return hv->trace.next - hv->export.cursor.next;
}

/* A VM whose name was not sent yet, from this slot on; null: none. */
static const struct vm *unknown_vm(const struct hv *hv, u32 from)
{
    for (u32 i = from; i < HV_VMS; i++) {
        const struct vm *vm = &hv->vm[i];
        if (vm->state != VM_EMPTY &&
            !str_eq(vm->config.name, hv->export.told[i]))
            return vm;
    }
    return NULL;
}

/* The next record of those that are exported; the cursor stands behind it. */
static bool next_record(struct hv *hv, struct trace_record *out)
{
    while (trace_read(&hv->trace, &hv->export.cursor, out, 1)) {
        u32 group = trace_catalogue[out->event].group;
        if (hv->export.groups & BIT(group))
            return true;
    }
    return false;
}

static void tell_names(struct hv *hv)
{
    struct export *e = &hv->export;
    const struct vm *vm = unknown_vm(hv, 0);

    for (; vm; vm = unknown_vm(hv, vm->slot + 1)) {
        if (!ctf_vm(&e->ctf, vm->slot, vm->config.name, vm->config.mem))
            return;
        str_copy(e->told[vm->slot], sizeof(e->told[0]), vm->config.name);
    }
}

/* False: there was nothing to tell. */
static bool make_events(struct hv *hv)
{
    struct export *e = &hv->export;
    struct trace_record record;
    struct trace_cursor before = e->cursor;
    bool found = next_record(hv, &record);

    if (!found && !unknown_vm(hv, 0))
        return false;
    ctf_begin(&e->ctf, found ? record.tsc : arch_tsc());
    tell_names(hv);
    while (found && ctf_record(&e->ctf, &record)) {
        before = e->cursor;
        found = next_record(hv, &record);
    }
    if (found)
        e->cursor = before; /* it waits for the next packet */
    ctf_end(&e->ctf, 0, e->cursor.lost);
    return true;
}

static bool make_packet(struct hv *hv, u64 now, bool all)
{
    struct export *e = &hv->export;

    if (!ctf_metadata(&e->ctf, &e->row)) {
        if (!all && pending(hv) < WHOLE && now < e->due)
            return false;
        e->due = now + FLUSH_NS;
        if (!make_events(hv))
            return false;
    }
    e->sent = 0;
    return true;
}

/* True: the packet is through. */
static bool send(struct export *e)
{
    size_t done = arch_wire_write(ARCH_WIRE_TRACE, e->ctf.packet + e->sent,
                                  e->ctf.size - e->sent);

    e->sent += (u32)done;
    e->bytes += done;
    e->stuck &= !done;
    return e->sent == e->ctf.size;
}

/* ---- turns */

static void greet(struct export *e)
{
    u8 byte;

    while (arch_wire_read(ARCH_WIRE_TRACE, &byte)) {
        if (byte != HELLO)
            continue;
        e->row = 0;
        memset(e->told, 0, sizeof(e->told));
        e->due = 0;
    }
}

/* As much as the line takes now, and another packet behind one that is
 * through. */
enum push { PUSH_STUCK, PUSH_SENT, PUSH_EMPTY };
static enum push push(struct hv *hv, u64 now)
{
    u64 before = hv->export.bytes;

    if (!send(&hv->export))
        return hv->export.bytes == before ? PUSH_STUCK : PUSH_SENT;
    return make_packet(hv, now, true) ? PUSH_SENT : PUSH_EMPTY;
}

/* Until half of the ring is free, or the line is stuck; such a line is not
 * waited for again before it takes something. */
static void catch_up(struct hv *hv, u64 now)
{
    u64 progress = now;

    while (pending(hv) > hv->trace.mask / 2 && !hv->export.stuck) {
        bool stuck = push(hv, now) == PUSH_STUCK;
        now = arch_now_ns();
        progress = stuck ? progress : now;
        hv->export.stuck = now - progress > STUCK_NS;
    }
}

void export_turn(struct hv *hv, u64 now)
{
    struct export *e = &hv->export;

    if (!e->on)
        return;
    e->busy = true;
    greet(e);
    for (u32 i = 0; i < TURN_PACKETS; i++) {
        if (!send(e) || !make_packet(hv, now, false))
            break;
    }
    if (e->waits)
        catch_up(hv, now);
    e->busy = false;
}

u64 export_deadline(const struct hv *hv, u64 now)
{
    const struct export *e = &hv->export;

    if (!e->on)
        return UINT64_MAX;
    if (e->sent < e->ctf.size)
        return now + FIFO_NS;
    return e->waits ? now + WAIT_TURN_NS : UINT64_MAX;
}

/* What is too much for a slow line is given up, but for the newest. */
static void skip(struct hv *hv)
{
    struct trace_cursor *c = &hv->export.cursor;
    u64 much = pending(hv);

    if (much <= NEWEST)
        return;
    c->lost += much - NEWEST;
    c->next += much - NEWEST;
}

void export_finish(struct hv *hv)
{
    struct export *e = &hv->export;
    u64 now = arch_now_ns(), start = now, progress = now;
    enum push state = e->on && !e->busy ? PUSH_SENT : PUSH_EMPTY;

    e->busy = true;
    while (state != PUSH_EMPTY && now - progress <= STUCK_NS) {
        if (!e->waits && now - start > FINISH_NS)
            skip(hv);
        state = push(hv, now);
        now = arch_now_ns();
        progress = state == PUSH_STUCK ? progress : now;
    }
    e->on = false;
}
