/* SPDX-License-Identifier: MIT
 *
 * See trace_live.h. A record has the TSC of its moment; the host's time then
 * is the time now less the ticks since, and that less the VM's time base is
 * its own time. It is read soon behind the event, so that a wrong measure of
 * the TSC's frequency does not add up.
 */
#include "vmm/vm/trace_live.h"
#include "vmm/base/bits.h"
#include "vmm/base/fmt.h"
#include "vmm/vm/trace_line.h"
#include "vmm/vm/vm.h"

#define NS_PER_S  1000000000u
#define NS_PER_US 1000u
#define BATCH     8 /* records on the stack */

struct clock {
    u64 ns, tsc, hz;
};

static struct clock read_clock(void)
{
    struct clock clock = {arch_now_ns(), arch_tsc(), arch_tsc_hz()};

    return clock;
}

/* Host ns at which the TSC had that value. */
static u64 ns_of(const struct clock *clock, u64 tsc)
{
    u64 ticks = clock->tsc - tsc;
    u64 ns =
        ticks / clock->hz * NS_PER_S + ticks % clock->hz * NS_PER_S / clock->hz;

    return ns < clock->ns ? clock->ns - ns : 0;
}

static void say_left_out(struct vm *vm, u64 ns)
{
    struct trace_live *live = &vm->live;
    u64 own = ns > vm->time_base ? ns - vm->time_base : 0;

    if (!live->left_out)
        return;
    console_print(&vm->hv->console,
                  "[%s] %u.%06u and %llu more events, which rate=%u left out",
                  vm->config.name, (u32)(own / NS_PER_S),
                  (u32)(own % NS_PER_S / NS_PER_US),
                  (unsigned long long)live->left_out, live->filter.rate);
    live->left_out = 0;
}

/* A second that is over makes room for as many lines again. Times that were
 * made of two looks at the clock may lie a little before its begin. */
static void next_second(struct vm *vm, u64 ns)
{
    struct trace_live *live = &vm->live;

    if (ns < live->second + NS_PER_S)
        return;
    say_left_out(vm, ns);
    live->second = ns;
    live->shown = 0;
}

static bool admitted(struct vm *vm, u64 ns)
{
    struct trace_live *live = &vm->live;

    if (!live->filter.rate)
        return true;
    next_second(vm, ns);
    if (live->shown == live->filter.rate) {
        live->left_out++;
        return false;
    }
    live->shown++;
    return true;
}

static void show(struct hv *hv, const struct trace_record *record,
                 const struct clock *clock)
{
    struct vm *vm = &hv->vm[record->vm - 1];
    u64 ns = ns_of(clock, record->tsc), own;
    char text[CONSOLE_PRINT / 2];

    if (!trace_filter_passes(&vm->live.filter, record) || !admitted(vm, ns))
        return;
    own = ns > vm->time_base ? ns - vm->time_base : 0;
    trace_line(hv, record, text, sizeof(text));
    console_print(&hv->console, "[%s] %u.%06u %s", vm->config.name,
                  (u32)(own / NS_PER_S), (u32)(own % NS_PER_S / NS_PER_US),
                  text);
}

static void say_lost(struct hv *hv)
{
    struct trace_live_all *live = &hv->live;

    if (live->cursor.lost == live->lost_told)
        return;
    console_print(&hv->console,
                  "trapline: %llu events came faster than they could be shown "
                  "and are lost.",
                  (unsigned long long)(live->cursor.lost - live->lost_told));
    live->lost_told = live->cursor.lost;
}

void trace_live_read(struct hv *hv)
{
    struct trace_record batch[BATCH];
    struct clock clock = read_clock();
    u32 count;

    while ((count = trace_read(&hv->trace, &hv->live.cursor, batch, BATCH))) {
        say_lost(hv);
        for (u32 i = 0; i < count; i++) {
            if (batch[i].vm)
                show(hv, &batch[i], &clock);
        }
    }
}

void trace_live_turn(struct hv *hv, u64 now)
{
    if (!hv->live.on)
        return;
    trace_live_show(hv);
    for (u32 i = 0; i < HV_VMS; i++) {
        struct vm *vm = &hv->vm[i];
        if (vm->state != VM_EMPTY && vm->live.left_out)
            next_second(vm, now);
    }
}

void trace_live_stopped(struct vm *vm)
{
    trace_live_show(vm->hv);
    say_left_out(vm, arch_now_ns());
}

static bool any_on(const struct hv *hv)
{
    for (u32 i = 0; i < HV_VMS; i++) {
        if (hv->vm[i].live.filter.events)
            return true;
    }
    return false;
}

void trace_live_set(struct vm *vm, const struct trace_filter *filter)
{
    struct hv *hv = vm->hv;
    u64 now = arch_now_ns();

    if (hv->live.on)
        trace_live_show(hv);
    else
        hv->live = (struct trace_live_all){.cursor = trace_tail(&hv->trace)};
    say_left_out(vm, now);
    vm->live = (struct trace_live){.filter = *filter, .second = now};
    trace_want(vm, TRACE_LIVE, trace_filter_groups(filter));
    hv->live.on = any_on(hv);
}

void trace_live_begin(struct vm *vm)
{
    struct trace_filter filter;
    char error[300];

    if (!vm->config.trace[0])
        return;
    if (trace_filter_parse(vm, slice_of(vm->config.trace), &filter, error,
                           sizeof(error)))
        trace_live_set(vm, &filter);
    else
        console_print(&vm->hv->console, "trapline: %s: not traced: %s.",
                      vm->config.name, error);
}
