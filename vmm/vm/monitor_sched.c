/* SPDX-License-Identifier: MIT
 *
 * The monitor's `sched`: who runs next, and what he had of it.
 *
 * The figures are those by which the textbooks compare policies. Response and
 * turnaround are means over bursts (sched.h) since the VM was made, whatever
 * the policy was then; `longest wait` is what starving is.
 *
 * Whatever is said to a running VM (weight=, cap=, length=) becomes part of
 * its configuration, so that a reset keeps it. A change of policy or knobs
 * begins all turns anew, another period or cap what was used of it; bursts and
 * figures go on.
 */
#include "vmm/base/bits.h"
#include "vmm/vm/monitor_impl.h"

#define NS_PER_US 1000u
#define NS_PER_MS 1000000u

struct text {
    char s[24];
};

/* "1.250" */
static struct text ms_of(u64 ns)
{
    struct text out;

    fmt_buf(out.s, sizeof(out.s), "%llu.%03llu",
            (unsigned long long)(ns / NS_PER_MS),
            (unsigned long long)(ns / NS_PER_US % 1000));
    return out;
}

/* A knob, as it can be typed. */
static struct text knob(u64 ns)
{
    struct text out;

    if (ns % NS_PER_MS)
        fmt_buf(out.s, sizeof(out.s), "%lluus",
                (unsigned long long)(ns / NS_PER_US));
    else
        fmt_buf(out.s, sizeof(out.s), "%llums",
                (unsigned long long)(ns / NS_PER_MS));
    return out;
}

/* Of nothing there is no mean. */
static struct text mean(u64 sum, u64 count)
{
    return count ? ms_of(sum / count) : (struct text){"-"};
}

static struct text number(u32 n, bool shown)
{
    struct text out = {"-"};

    if (shown)
        fmt_buf(out.s, sizeof(out.s), "%u", n);
    return out;
}

static void say_vm(const struct monitor_args *args, const struct vm *vm)
{
    const struct sched *s = &args->hv->sched;
    const struct sched_entry *e = &s->entry[vm->slot];

    say(args, "%-15s %-8s %6u %4s %10s %5s %7llu %6llu %9s %9s %10s %9s",
        vm->config.name, vm_state_name(vm), vm->config.weight,
        number(vm->config.cap, vm->config.cap).s,
        mean(vm->config.length, vm->config.length != 0).s,
        number(e->level, s->policy == &sched_mlfq).s,
        (unsigned long long)e->turns, (unsigned long long)e->bursts,
        ms_of(e->guess).s, mean(e->response_ns, e->begun_bursts).s,
        mean(e->turnaround, e->bursts).s,
        ms_of(sched_longest_wait(s, vm->slot)).s);
}

static void say_policy(const struct monitor_args *args)
{
    const struct sched *s = &args->hv->sched;
    const struct sched_knobs *k = &s->knobs;

    say(args, "%s: %s", s->policy->name, s->policy->help);
    say(args, "quantum=%s boost=%s levels=%u turns=%u period=%s",
        knob(k->quantum).s, knob(k->boost).s, k->levels, k->turns,
        knob(k->period).s);
}

static void show(const struct monitor_args *args)
{
    say_policy(args);
    say(args, "%-15s %-8s %6s %4s %10s %5s %7s %6s %9s %9s %10s %9s", "NAME",
        "STATE", "WEIGHT", "CAP%", "LENGTH ms", "LEVEL", "TURNS", "BURSTS",
        "GUESS ms", "RESPONSE", "TURNAROUND", "WAIT ms");
    for (u32 i = 0; i < HV_VMS; i++) {
        if (args->hv->vm[i].state != VM_EMPTY)
            say_vm(args, &args->hv->vm[i]);
    }
}

static void change_policy(const struct monitor_args *args)
{
    struct hv *hv = args->hv;
    struct sched_wish wish = sched_wish(&hv->sched);
    struct slice rest = args->rest, word;
    char error[256];

    while (slice_word(&rest, &word)) {
        if (sched_wish_word(&wish, word, error, sizeof(error)))
            continue;
        say(args, "%s.", error);
        return;
    }
    sched_apply(&hv->sched, &wish);
    if (TRACE_WANTS(hv, POLICY))
        trace_text(trace_next_hv(hv, TRACE_POLICY), wish.policy->name);
    say_policy(args);
    if (!wish.policy->fair)
        say(args, "%s is for teaching: " SCHED_UNFAIR, wish.policy->name);
}

static void change_vm(const struct monitor_args *args)
{
    struct vm *vm = args->vm;
    struct vm_config *config = &vm->config;
    char error[256];

    if (!config_change(args->rest, config, error, sizeof(error))) {
        say(args, "%s.", error);
        return;
    }
    sched_set(&vm->hv->sched, vm->slot, config->weight, config->cap,
              config->length);
    show(args);
}

/* The first word is a policy or a knob; else it is the name of a VM. */
static bool of_policy(const struct monitor_args *args, struct slice word)
{
    struct sched_wish wish = sched_wish(&args->hv->sched);
    struct slice key, value;
    char error[256];

    return slice_split(word, '=', &key, &value) ||
           sched_wish_word(&wish, word, error, sizeof(error));
}

void monitor_sched(const struct monitor_args *given)
{
    struct monitor_args args = *given;
    struct slice rest = args.rest, word;

    if (!slice_word(&rest, &word))
        show(&args);
    else if (of_policy(&args, word))
        change_policy(&args);
    else if (monitor_take_vm(&args))
        change_vm(&args);
}
