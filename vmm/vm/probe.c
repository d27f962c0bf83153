/* SPDX-License-Identifier: MIT
 *
 * See probe.h. Here is what the shadow is told of the probes, what becomes of
 * an access to a watched range, and how a VM stops.
 *
 * A debugger takes its breakpoints out whenever the guest stops and puts them
 * back before it goes on, with a single step in between. A change of the
 * guards empties the shadow, so it is put off until a VM runs, and what is
 * too much stays as long as it steps: in the end nothing has changed. A guard
 * without a probe does no harm, it costs time; a probe without its guard would
 * be missed.
 *
 * An access is noted when it has happened, and settled behind the instruction.
 * The first write is reported, or the first read where nothing was written.
 */
#include "vmm/vm/probe.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/base/fmt.h"
#include "vmm/base/str.h"
#include "vmm/vm/monitor_impl.h"
#include "vmm/vm/vm.h"

static const u8 guard_of[] = {
    [PROBE_BREAK] = GUARD_FETCH,
    [PROBE_WRITE] = GUARD_WRITE,
    [PROBE_READ] = GUARD_READ,
    [PROBE_ACCESS] = GUARD_READ,
};

const char *probe_kind_name(enum probe_kind kind)
{
    static const char *const names[] = {
        [PROBE_BREAK] = "break",
        [PROBE_WRITE] = "write",
        [PROBE_READ] = "read",
        [PROBE_ACCESS] = "access",
    };

    return names[kind];
}

/* The list has changed. */
static void changed(struct vm *vm)
{
    struct probes *p = &vm->probes;
    const struct probe_list *l = &p->list;

    p->on = p->stepping || l->count;
    p->data = l->count != l->of_kind[PROBE_BREAK];
    p->reads = l->of_kind[PROBE_READ] || l->of_kind[PROBE_ACCESS];
    p->changed = true;
}

int probe_add(struct vm *vm, enum probe_owner owner, enum probe_kind kind,
              u32 at, u32 size, char *error, size_t error_size)
{
    struct probe probe = {.kind = kind, .owner = owner, .at = at, .size = size};
    u32 number;

    if (kind == PROBE_BREAK)
        size = probe.size = 1;
    if (vm->state == VM_EMPTY) {
        fmt_buf(error, error_size, "there is no VM in slot %u", vm->slot);
        return -1;
    }
    if (!size || at + (size - 1) < at) {
        fmt_buf(error, error_size,
                "0x%x bytes from 0x%08x on are no range; it must have one "
                "byte at least and end at 0xffffffff at most",
                size, at);
        return -1;
    }
    if (!probe_list_add(vm, &probe, &number)) {
        fmt_buf(error, error_size,
                "%s has %u probes, and the machine has no memory for another; "
                "remove one first",
                vm->config.name, vm->probes.list.count);
        return -1;
    }
    changed(vm);
    return (int)number;
}

bool probe_remove(struct vm *vm, enum probe_owner owner, u32 number)
{
    const struct probe *probe = probe_at(vm, number);

    if (!probe || probe->owner != owner)
        return false;
    probe_list_remove(vm, number);
    changed(vm);
    return true;
}

void probe_clear(struct vm *vm, enum probe_owner owner)
{
    for (u32 i = 0; probe_next(vm, &i); i++)
        probe_remove(vm, owner, i);
}

void probe_destroy(struct vm *vm)
{
    for (u32 i = 0; probe_next(vm, &i); i++)
        probe_list_remove(vm, i);
    changed(vm);
}

/* ---- the shadow's guards */

static struct guards wanted(struct vm *vm)
{
    const struct probe *probe;
    struct guards guards;

    guards_init(&guards, &vm->hv->frames, (u8)vm->slot);
    for (u32 i = 0; (probe = probe_next(vm, &i)); i++)
        guards_add(&guards, probe->at >> PAGE_SHIFT,
                   (probe->at + (probe->size - 1)) >> PAGE_SHIFT,
                   guard_of[probe->kind]);
    return guards;
}

void probe_install(struct vm *vm)
{
    struct shadow *s = &vm->shadow;
    struct guards guards = wanted(vm);
    bool enough = guards_cover(&s->guards, &guards);

    if (!enough || !vm->probes.stepping)
        vm->probes.changed = false;
    if (!enough || (!vm->probes.stepping && !guards_cover(&guards, &s->guards)))
        shadow_set_guards(s, &guards);
    else
        guards_destroy(&guards);
}

/* ---- accesses */

static bool counts(enum probe_kind kind, u32 access)
{
    bool write = !(access & ACC_READ);

    if (kind == PROBE_ACCESS) /* a read that will be written is left to that */
        return write || !(access & ACC_WRITE);
    return write ? kind == PROBE_WRITE : kind == PROBE_READ;
}

/* The part of the access that this probe is about. */
static void aim(struct probe_touch *touch, const struct probe *probe)
{
    u32 at = touch->from, left;

    touch->off = at - probe->at < probe->size ? 0 : probe->at - at;
    touch->at = at + touch->off;
    left = probe->size - (touch->at - probe->at);
    touch->size = min_u32(touch->span - touch->off, left);
}

/* The one with the lowest number speaks for them all. */
bool probe_touches(const struct vm *vm, gva_t at, u32 size, u32 access,
                   struct probe_touch *out)
{
    struct probe_near n = {.at = at.v, .size = size};
    const struct probe *probe;
    bool met = false;

    *out = (struct probe_touch){.wrote = !(access & ACC_READ),
                                .from = at.v,
                                .span = size,
                                .access = access};
    while ((probe = probe_near(vm, &n))) {
        if (!counts(probe->kind, access) || (met && n.number >= out->probe))
            continue;
        met = true;
        out->probe = n.number;
        aim(out, probe);
    }
    return met;
}

static void mark_all(const struct vm *vm, const struct probe_touch *touch)
{
    struct probe_near n = {.at = touch->from, .size = touch->span};
    struct probe *probe;

    while ((probe = probe_near(vm, &n))) {
        if (counts(probe->kind, touch->access))
            probe->seen |= touch->wrote ? PROBE_SEEN_WRITE : PROBE_SEEN_READ;
    }
}

/* Takes marks off; only an access that was met has left any. */
static void unmark(const struct vm *vm, u32 marks)
{
    struct probe *probe;

    for (u32 i = 0; vm->probes.met && (probe = probe_next(vm, &i)); i++)
        probe->seen &= (u8)~marks;
}

void probe_note(struct vm *vm, const struct probe_touch *touch)
{
    struct probes *p = &vm->probes;

    mark_all(vm, touch);
    if (!p->met || (touch->wrote && !p->touch.wrote)) {
        p->touch = *touch;
        p->touch_eip = vm->cpu.eip;
    }
    p->met = true;
    vm->leave = true;
}

void probe_lost(struct vm *vm)
{
    unmark(vm, PROBE_SEEN_READ);
    vm->probes.met = vm->probes.touch.wrote;
}

/* ---- stopping and going on */

void probe_ignore(struct vm *vm)
{
    unmark(vm, PROBE_SEEN_READ | PROBE_SEEN_WRITE);
    vm->probes.met = false;
}

/* What was to be is over. */
static void forget(struct vm *vm)
{
    struct probes *p = &vm->probes;

    probe_ignore(vm);
    p->due = STOP_NONE;
    p->stepping = p->tell = false;
}

/* Is the stop one that the monitor has asked for? */
static bool for_monitor(const struct vm *vm)
{
    const struct probe *probe = probe_at(vm, vm->stop.probe);
    enum stop_reason reason = vm->stop.reason;

    if (vm->probes.tell)
        return true;
    return (reason == STOP_BREAK || reason == STOP_WATCH) && probe &&
           probe->owner == PROBE_MONITOR;
}

static void stop(struct vm *vm, struct stop how)
{
    bool tell;

    how.stops = vm->stop.stops + 1;
    vm->stop = how;
    tell = for_monitor(vm);
    forget(vm);
    changed(vm);
    vm_pause(vm);
    if (tell)
        monitor_stopped(vm);
}

static void count_hits(const struct vm *vm)
{
    struct probe *probe;

    for (u32 i = 0; (probe = probe_next(vm, &i)); i++)
        probe->hits += probe->seen != 0;
}

void probe_settle(struct vm *vm)
{
    struct probes *p = &vm->probes;
    const struct probe_touch *t = &p->touch;

    if (vm->state != VM_RUNNING) {
        forget(vm);
    } else if (p->met) {
        count_hits(vm);
        stop(vm, (struct stop){.reason = STOP_WATCH,
                               .probe = t->probe,
                               .eip = p->touch_eip,
                               .at = t->at,
                               .size = t->size,
                               .wrote = t->wrote,
                               .old = t->old,
                               .now = t->now});
    } else if (p->due == STOP_BREAK) {
        probe_at(vm, p->due_probe)->hits++;
        stop(vm, (struct stop){.reason = STOP_BREAK,
                               .probe = p->due_probe,
                               .eip = vm->cpu.eip});
    } else if (p->due) {
        stop(vm, (struct stop){.reason = p->due, .eip = vm->cpu.eip});
    }
}

void probe_interrupt(struct vm *vm)
{
    if (vm->state == VM_RUNNING)
        stop(vm, (struct stop){.reason = STOP_INTERRUPT, .eip = vm->cpu.eip});
}

void probe_died(struct vm *vm)
{
    u64 stops = vm->stop.stops + 1;

    vm->stop =
        (struct stop){.stops = stops, .reason = STOP_DEATH, .eip = vm->cpu.eip};
    forget(vm);
    changed(vm);
}

/* Probes outlive a reset, the shadow does not; steps go on behind it. */
void probe_reset(struct vm *vm)
{
    bool stepping = vm->probes.stepping, tell = vm->probes.tell;

    forget(vm);
    vm->probes.stepping = stepping;
    vm->probes.tell = tell;
    vm->probes.pass = false;
    changed(vm);
}

static void step(struct vm *vm, bool range, u32 from, u32 to, u64 count)
{
    struct probes *p = &vm->probes;

    if (vm->state != VM_PAUSED)
        return;
    vm_resume(vm);
    p->stepping = true;
    p->range = range;
    p->from = from;
    p->to = to;
    p->steps = count ? count : 1;
    changed(vm);
}

void probe_step(struct vm *vm, u64 count)
{
    step(vm, false, 0, 0, count);
}

void probe_step_range(struct vm *vm, u32 from, u32 to)
{
    step(vm, true, from, to, 0);
}
