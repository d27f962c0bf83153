/* SPDX-License-Identifier: MIT
 *
 * See probe.h. Here is the list of probes, what the shadow is told of it, what
 * becomes of an access to a watched range, and how a VM stops.
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

static const u32 guard_of[] = {
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

    p->on = p->stepping;
    p->data = p->reads = false;
    p->end = 0;
    p->changed = true;
    for (u32 i = 0; i < PROBES; i++) {
        if (!p->probe[i].used)
            continue;
        p->on = true;
        p->end = i + 1;
        p->data |= p->probe[i].kind != PROBE_BREAK;
        p->reads |= guard_of[p->probe[i].kind] == GUARD_READ;
    }
}

static int free_number(const struct probes *p)
{
    for (int i = 0; i < PROBES; i++) {
        if (!p->probe[i].used)
            return i;
    }
    return -1;
}

int probe_add(struct vm *vm, enum probe_owner owner, enum probe_kind kind,
              u32 at, u32 size, char *error, size_t error_size)
{
    int number = free_number(&vm->probes);

    if (kind == PROBE_BREAK)
        size = 1;
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
    if (number < 0) {
        fmt_buf(error, error_size,
                "%s has %u probes, which is all there is room for; remove one "
                "first",
                vm->config.name, PROBES);
        return -1;
    }
    vm->probes.probe[number] = (struct probe){
        .used = true, .kind = kind, .owner = owner, .at = at, .size = size};
    changed(vm);
    return number;
}

bool probe_remove(struct vm *vm, enum probe_owner owner, u32 number)
{
    struct probe *probe = &vm->probes.probe[number % PROBES];

    if (number >= PROBES || !probe->used || probe->owner != owner)
        return false;
    probe->used = false;
    changed(vm);
    return true;
}

void probe_clear(struct vm *vm, enum probe_owner owner)
{
    for (u32 i = 0; i < PROBES; i++)
        probe_remove(vm, owner, i);
}

/* ---- the shadow's guards */

static u32 wanted(const struct probes *p, struct shadow_guard *row)
{
    u32 count = 0;

    for (u32 i = 0; i < PROBES; i++) {
        const struct probe *probe = &p->probe[i];
        if (probe->used)
            row[count++] = (struct shadow_guard){
                probe->at >> PAGE_SHIFT,
                (probe->at + (probe->size - 1)) >> PAGE_SHIFT,
                guard_of[probe->kind]};
    }
    return count;
}

static bool covered(const struct shadow_guard *g,
                    const struct shadow_guard *row, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if (row[i].what == g->what && row[i].first <= g->first &&
            row[i].last >= g->last)
            return true;
    }
    return false;
}

static bool all_covered(const struct shadow_guard *a, u32 a_count,
                        const struct shadow_guard *b, u32 b_count)
{
    for (u32 i = 0; i < a_count; i++) {
        if (!covered(&a[i], b, b_count))
            return false;
    }
    return true;
}

STATIC_ASSERT(SHADOW_GUARDS >= PROBES);

void probe_install(struct vm *vm)
{
    struct shadow *s = &vm->shadow;
    struct shadow_guard row[PROBES];
    u32 count = wanted(&vm->probes, row);
    bool enough = all_covered(row, count, s->guard, s->guards);

    if (enough && vm->probes.stepping)
        return;
    vm->probes.changed = false;
    if (!enough || !all_covered(s->guard, s->guards, row, count))
        shadow_set_guards(s, row, count);
}

/* ---- accesses */

static bool counts(enum probe_kind kind, u32 access)
{
    bool write = !(access & ACC_READ);

    if (kind == PROBE_ACCESS) /* a read that will be written is left to that */
        return write || !(access & ACC_WRITE);
    return write ? kind == PROBE_WRITE : kind == PROBE_READ;
}

/* Addresses wrap around, ranges do not. */
static bool meets(const struct probe *probe, u32 at, u32 size, u32 *off)
{
    *off = 0;
    if (at - probe->at < probe->size)
        return true;
    *off = probe->at - at;
    return *off < size;
}

bool probe_touches(const struct vm *vm, gva_t at, u32 size, u32 access,
                   struct probe_touch *out)
{
    *out = (struct probe_touch){.wrote = !(access & ACC_READ)};
    for (u32 i = 0; i < vm->probes.end; i++) {
        const struct probe *probe = &vm->probes.probe[i];
        u32 off, left;
        if (!probe->used || !counts(probe->kind, access) ||
            !meets(probe, at.v, size, &off))
            continue;
        left = probe->size - (at.v + off - probe->at);
        if (!out->met) {
            out->probe = i;
            out->off = off;
            out->at = at.v + off;
            out->size = min_u32(size - off, left);
        }
        out->met |= BIT64(i);
    }
    return out->met != 0;
}

void probe_note(struct vm *vm, const struct probe_touch *touch)
{
    struct probes *p = &vm->probes;

    p->seen[touch->wrote] |= touch->met;
    if (!p->met || (touch->wrote && !p->touch.wrote)) {
        p->touch = *touch;
        p->touch_eip = vm->cpu.eip;
    }
    p->met = true;
    vm->leave = true;
}

void probe_lost(struct vm *vm)
{
    vm->probes.seen[false] = 0;
    vm->probes.met = vm->probes.touch.wrote;
}

/* ---- stopping and going on */

void probe_ignore(struct vm *vm)
{
    vm->probes.met = false;
    vm->probes.seen[0] = vm->probes.seen[1] = 0;
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
    const struct probe *probe = &vm->probes.probe[vm->stop.probe];
    enum stop_reason reason = vm->stop.reason;

    if (vm->probes.tell)
        return true;
    return (reason == STOP_BREAK || reason == STOP_WATCH) &&
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

static void count_hits(struct probes *p)
{
    u64 seen = p->seen[0] | p->seen[1];

    for (u32 i = 0; i < PROBES; i++)
        p->probe[i].hits += seen >> i & 1;
}

void probe_settle(struct vm *vm)
{
    struct probes *p = &vm->probes;
    const struct probe_touch *t = &p->touch;

    if (vm->state != VM_RUNNING) {
        forget(vm);
    } else if (p->met) {
        count_hits(p);
        stop(vm, (struct stop){.reason = STOP_WATCH,
                               .probe = t->probe,
                               .eip = p->touch_eip,
                               .at = t->at,
                               .size = t->size,
                               .wrote = t->wrote,
                               .old = t->old,
                               .now = t->now});
    } else if (p->due == STOP_BREAK) {
        p->probe[p->due_probe].hits++;
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
