/* SPDX-License-Identifier: MIT
 *
 * The monitor's counters: `stats`, `stats NAME`, `stats json`.
 *
 * Counts are exact. Costs, and how often a place was met, are estimates of
 * stats.h, which says how many samples they stand on; `stats NAME exact` has
 * every exit measured from then on. Of the places the most expensive are
 * shown, and what the others come to, so that the column adds up.
 */
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/vm/monitor_impl.h"
#include "vmm/vm/stats_json.h"
#include "vmm/vm/trace_line.h"

#define SHOWN_PLACES 16

/* A kind that was never measured has no cost to show. */
static void say_cost(const struct monitor_args *args, const char *name,
                     u64 count, u64 counts, const struct cost *cost, u64 ticks)
{
    struct monitor_share of_count = monitor_share(count, counts);
    struct monitor_share of_cost = monitor_share(cost->ticks, ticks);

    if (!cost->count) {
        say(args, "  %-20s %14llu %3u.%u%%", name, (unsigned long long)count,
            of_count.whole, of_count.tenth);
        return;
    }
    say(args, "  %-20s %14llu %3u.%u%% %3u.%u%% %8llu %8llu %10llu", name,
        (unsigned long long)count, of_count.whole, of_count.tenth,
        of_cost.whole, of_cost.tenth, (unsigned long long)cost_ns(cost->min),
        (unsigned long long)cost_ns(cost->ticks / cost->count),
        (unsigned long long)cost_ns(cost->max));
}

static struct cost total_of(const struct costs *c)
{
    struct cost sum = {0};

    for (u32 i = 0; i <= EXIT_KINDS; i++)
        sum = cost_sum(&sum, &c->kind[i]);
    return sum;
}

static void show_exits(const struct monitor_args *args, const struct vm *vm)
{
    u64 us = vm->run_ns / 1000;
    struct cost all = total_of(&vm->costs);

    say(args, "%s: %llu exits in %llu.%03llu ms of CPU time", vm->config.name,
        (unsigned long long)vm->exits, (unsigned long long)(us / 1000),
        (unsigned long long)(us % 1000));
    say(args, "  %-20s %14s %6s %6s %8s %8s %10s", "EXIT", "COUNT", "SHARE",
        "COST", "MIN ns", "MEAN ns", "MAX ns");
    for (u32 i = 0; i < EXIT_KINDS; i++)
        say_cost(args, exit_kind_name((enum exit_kind)i), vm->exit_count[i],
                 vm->exits, &vm->costs.kind[i], all.ticks);
}

static void say_place(const struct monitor_args *args,
                      const struct cost_row *row, const struct cost *all)
{
    char name[32];

    if (row->name.len)
        slice_copy(name, sizeof(name), row->name);
    else
        fmt_buf(name, sizeof(name), "0x%08x", row->at);
    say_cost(args, name, row->cost.count, all->count, &row->cost, all->ticks);
}

void monitor_places(const struct monitor_args *args, const struct vm *vm,
                    u32 most)
{
    const struct costs *c = &vm->costs;
    struct cost all = total_of(c), rest;
    struct cost_rows rows;
    struct cost_row row;
    u32 left;

    say(args, "%s: by place, from %llu samples%s", vm->config.name,
        (unsigned long long)c->samples,
        c->exact ? ", which are all of the exits" : "");
    cost_rows_init(&rows, vm);
    for (u32 i = 0; i < most && cost_rows_next(&rows, &row); i++)
        say_place(args, &row, &all);
    left = cost_rows_rest(&rows, &rest);
    if (left || rest.count)
        say_cost(args, "others", rest.count, all.count, &rest, all.ticks);
}

static void count(const struct monitor_args *args, const char *what, u64 n)
{
    say(args, "  %-20s %14llu", what, (unsigned long long)n);
}

static void show_vectors(const struct monitor_args *args, const struct vm *vm)
{
    char name[24];

    say(args, "%s: %llu interrupts injected; delivered by vector",
        vm->config.name, (unsigned long long)vm->interrupts);
    for (u32 i = 0; i < TRAP_VECTORS; i++) {
        if (!vm->recorder.gate[i].reflected)
            continue;
        trace_vector(i, name, sizeof(name));
        count(args, name, vm->recorder.gate[i].reflected);
    }
}

static void show_shadow(const struct monitor_args *args, const struct vm *vm)
{
    const struct shadow_stats *s = shadow_stats(&vm->shadow);

    say(args, "%s: shadow paging (%s)", vm->config.name,
        vm->config.shadow == SHADOW_VTLB ? "vtlb" : "cached");
    count(args, "fills", s->fills);
    count(args, "true faults", s->true_faults);
    count(args, "drops", s->drops);
    count(args, "invlpg", s->invlpgs);
    count(args, "cr3 loads", s->cr3_loads);
    count(args, "  that found a root", s->root_hits);
    count(args, "traced writes", s->traced);
    count(args, "pages in use", s->pages);
}

static void show_devices(const struct monitor_args *args, const struct vm *vm)
{
    say(args, "%s: memory and devices", vm->config.name);
    count(args, "guest frames", vm->p2m.ram_frames);
    count(args, "timer ticks lost", vm->pc.pit.st.lost);
    count(args, "timer ticks owed", vm->pc.pit.st.owed);
    count(args, "unclaimed accesses", vm->pc.bus.unclaimed);
    if (vm->pc.bus.unclaimed)
        say(args, "  the last of them at   0x%x", vm->pc.bus.last_unclaimed);
    say(args, "  %-20s           0x%02x", "POST code", vm->pc.debug.st.post);
}

static void show_one(const struct monitor_args *args)
{
    const struct vm *vm = args->vm;

    show_exits(args, vm);
    if (vm->interpreted)
        say(args, "%s: %llu instructions were interpreted", vm->config.name,
            (unsigned long long)vm->interpreted);
    monitor_places(args, vm, SHOWN_PLACES);
    show_vectors(args, vm);
    show_shadow(args, vm);
    show_devices(args, vm);
}

/* json [NAME] */
static void say_json(struct monitor_args args)
{
    struct slice word, rest = args.rest;

    if (slice_word(&rest, &word) && !monitor_take_vm(&args))
        return;
    stats_json(args.hv, args.vm, args.out);
}

/* NAME exact, NAME sampled */
static void begin_anew(const struct monitor_args *args, struct slice word)
{
    struct vm *vm = args->vm;
    bool exact = slice_eq(word, "exact");

    if (!exact && !slice_eq(word, "sampled")) {
        say(args,
            "\"%.*s\" is no way to measure; `stats %s exact` measures every "
            "exit from now on, `stats %s sampled` one in %u.",
            (int)word.len, word.at, vm->config.name, vm->config.name,
            COST_EVERY);
        return;
    }
    costs_init(&vm->costs, vm->exits, exact);
    say(args, "%s: the cost of %s is measured from now on.", vm->config.name,
        exact ? "every exit" : "some exits");
}

void monitor_stats(const struct monitor_args *given)
{
    static const struct top_then never[HV_VMS];
    struct monitor_args args = *given;
    struct slice rest = args.rest, word;

    if (!slice_word(&rest, &word)) {
        monitor_shares(&args, never);
        return;
    }
    if (slice_eq(word, "json")) {
        args.rest = rest;
        say_json(args);
        return;
    }
    if (!monitor_take_vm(&args))
        return;
    rest = args.rest;
    if (slice_word(&rest, &word))
        begin_anew(&args, word);
    else
        show_one(&args);
}
