/* SPDX-License-Identifier: MIT
 *
 * Who has the processor: `stats` without a name, and `top`, which shows it for
 * the last second, each second, until a key is pressed; below it the places
 * that cost most since they were measured.
 *
 * DUE is a VM's share by its weight if all of them wanted to run, or its cap if
 * that is less; GOT what it had of the time in which any ran: a VM that sleeps
 * leaves its own to others. LIMIT: fifo, sjf and stcf know no weights.
 *
 * Whoever is not the console (gdb, a script) gets one picture, of the time
 * since the VMs were made. While `top` is on there is no prompt, and the loop
 * asks monitor_top_turn() for the next picture.
 */
#include "vmm/base/bits.h"
#include "vmm/vm/monitor_impl.h"

#define NS_PER_MS  1000000u
#define NS_PER_S   1000000000u
#define TOP_PLACES 8
#define CLEAR      "\x1b[H\x1b[J" /* ECMA-48: CUP, ED */

struct monitor_share monitor_share(u64 part, u64 all)
{
    u64 promille;

    for (; all > UINT64_MAX / 1000; all >>= 1)
        part >>= 1;
    promille = all ? part * 1000 / all : 0;
    return (struct monitor_share){(u32)(promille / 10), (u32)(promille % 10)};
}

/* A counter that is below what it was is that of another VM in the slot. */
static u64 since(u64 now, u64 then)
{
    return now >= then ? now - then : now;
}

static struct monitor_share due_of(const struct vm *vm, u32 weights)
{
    u32 weight = vm->config.weight, cap = vm->config.cap;

    if (cap && cap * weights < 100 * weight)
        return (struct monitor_share){cap, 0};
    return monitor_share(weight, weights);
}

/* then: at the last picture, or zeros. */
static void say_vm(const struct monitor_args *args, const struct vm *vm,
                   const struct top_then *then, u64 run_ns, u32 weights)
{
    struct monitor_share due = due_of(vm, weights);
    u64 ran = since(vm->run_ns, then->run_ns);
    struct monitor_share got = monitor_share(ran, run_ns);
    u64 fills = shadow_stats(&vm->shadow)->fills;

    say(args, "%-15s %-8s %4u.%u%% %4u.%u%% %10llu %10llu %10llu %10llu",
        vm->config.name, vm_state_name(vm), due.whole, due.tenth, got.whole,
        got.tenth, (unsigned long long)(ran / NS_PER_MS),
        (unsigned long long)since(vm->exits, then->exits),
        (unsigned long long)since(vm->interrupts, then->interrupts),
        (unsigned long long)since(fills, then->fills));
}

/* Who had the processor. */
void monitor_shares(const struct monitor_args *args,
                    const struct top_then then[HV_VMS])
{
    const struct hv *hv = args->hv;
    u32 weights = 0;
    u64 run_ns = 0;

    for (u32 i = 0; i < HV_VMS; i++) {
        if (hv->vm[i].state == VM_EMPTY)
            continue;
        weights += hv->vm[i].config.weight;
        run_ns += since(hv->vm[i].run_ns, then[i].run_ns);
    }
    say(args, "%-15s %-8s %6s %6s %10s %10s %10s %10s", "NAME", "STATE", "DUE",
        "GOT", "CPU ms", "EXITS", "INTERRUPTS", "FILLS");
    for (u32 i = 0; i < HV_VMS; i++) {
        if (hv->vm[i].state != VM_EMPTY)
            say_vm(args, &hv->vm[i], &then[i], run_ns, weights);
    }
}

static void remember(struct hv *hv)
{
    for (u32 i = 0; i < HV_VMS; i++) {
        const struct vm *vm = &hv->vm[i];
        hv->top.then[i] = (struct top_then){0};
        if (vm->state != VM_EMPTY)
            hv->top.then[i] =
                (struct top_then){vm->run_ns, vm->exits, vm->interrupts,
                                  shadow_stats(&vm->shadow)->fills};
    }
}

static void picture(const struct monitor_args *args, int only)
{
    monitor_shares(args, args->hv->top.then);
    for (u32 i = 0; i < HV_VMS; i++) {
        const struct vm *vm = &args->hv->vm[i];
        if (vm->state != VM_EMPTY && (only < 0 || only == (int)i))
            monitor_places(args, vm, TOP_PLACES);
    }
}

void monitor_top(const struct monitor_args *args)
{
    struct hv *hv = args->hv;
    u64 now = arch_now_ns();

    memset(&hv->top, 0, sizeof(hv->top));
    hv->top.vm = args->vm ? (int)args->vm->slot : -1;
    if (args->out->ctx != &hv->console || hv->console.attached >= 0 ||
        script_busy(&hv->script)) {
        picture(args, hv->top.vm);
        return;
    }
    remember(hv);
    hv->top.on = true;
    hv->top.since = now;
    hv->top.due = now + NS_PER_S;
    say(args, "The first second is being counted; any key ends it.");
}

void monitor_top_turn(struct hv *hv, u64 now)
{
    const struct sink out = monitor_console(hv);
    const struct monitor_args args = {.hv = hv, .out = &out};
    u64 ms = (now - hv->top.since) / NS_PER_MS;

    if (!hv->top.on || now < hv->top.due)
        return;
    say(&args, CLEAR "The last %u.%03u s; any key ends it.", (u32)(ms / 1000),
        (u32)(ms % 1000));
    picture(&args, hv->top.vm);
    remember(hv);
    hv->top.since = now;
    hv->top.due = now + NS_PER_S;
}

u64 monitor_top_deadline(const struct hv *hv)
{
    return hv->top.on ? hv->top.due : UINT64_MAX;
}

void monitor_top_end(struct hv *hv)
{
    hv->top.on = false;
    console_prompt(&hv->console);
}
