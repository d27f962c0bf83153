/* SPDX-License-Identifier: MIT
 *
 * See stats.h. The invariant: kind[] together, and place[][] with others
 * together, hold the same count and the same ticks. Ranking is done when
 * somebody looks: places are gathered by symbol once, then the best is taken
 * out again and again.
 */
#include "vmm/vm/stats.h"
#include "vmm/base/bits.h"
#include "vmm/vm/vm.h"

#define NS_PER_S 1000000000u
#define WARM_UP  64          /* samples before their distance doubles */
#define HASH     0x9e3779b1u /* 2^32 / golden ratio */

void costs_init(struct costs *c, u64 exits, bool exact)
{
    *c = (struct costs){
        .next = exits + 1, .every = 1, .random = 1, .exact = exact};
}

static void add(struct cost *cost, u32 ticks, u32 weight)
{
    cost->min = cost->count ? min_u32(cost->min, ticks) : ticks;
    cost->max = max_u32(cost->max, ticks);
    cost->count += weight;
    cost->ticks += (u64)ticks * weight;
}

struct cost cost_sum(const struct cost *a, const struct cost *b)
{
    if (!a->count || !b->count)
        return a->count ? *a : *b;
    return (struct cost){a->count + b->count, a->ticks + b->ticks,
                         min_u32(a->min, b->min), max_u32(a->max, b->max)};
}

u64 cost_ns(u64 ticks)
{
    u64 hz = arch_tsc_hz();

    return ticks / hz * NS_PER_S + ticks % hz * NS_PER_S / hz;
}

/* Where this place is counted: its own, or one that was free or cheap. */
static struct cost *place_of(struct costs *c, u32 eip)
{
    struct cost_place *set = c->place[(eip * HASH) >> 26], *victim = set;

    for (u32 i = 0; i < COST_WAYS; i++) {
        if (set[i].cost.count && set[i].eip == eip)
            return &set[i].cost;
        if (set[i].cost.ticks < victim->cost.ticks || !set[i].cost.count)
            victim = &set[i];
    }
    c->others = cost_sum(&c->others, &victim->cost);
    *victim = (struct cost_place){.eip = eip};
    return &victim->cost;
}
STATIC_ASSERT(COST_SETS == 1u << (32 - 26));

/* Marsaglia's xorshift: never zero, and a few instructions. */
static u32 next_random(struct costs *c)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 17;
    c->random ^= c->random << 5;
    return c->random;
}

void costs_note(struct costs *c, u64 exits, u32 kind, u32 eip, u64 ticks)
{
    u32 cost = (u32)min_u64(ticks, UINT32_MAX), weight = c->every;

    add(&c->kind[kind], cost, weight);
    add(place_of(c, eip), cost, weight);
    c->samples++;
    if (c->samples % WARM_UP == 0 && weight < COST_EVERY && !c->exact)
        c->every = weight * 2;
    c->next = exits + 1 + ((u64)next_random(c) * (2 * c->every - 1) >> 32);
}

/* ---- by symbol */

static void take_place(struct cost_rows *rows, const struct cost_place *place)
{
    struct symbol symbol;
    u32 key = place->eip;

    if (symbols_find(rows->vm, place->eip, &symbol))
        key = symbol.at;
    for (u32 i = 0; i < rows->count; i++) {
        if (rows->key[i] != key)
            continue;
        rows->cost[i] = cost_sum(&rows->cost[i], &place->cost);
        return;
    }
    rows->eip[rows->count] = place->eip;
    rows->key[rows->count] = key;
    rows->cost[rows->count++] = place->cost;
}

void cost_rows_init(struct cost_rows *rows, const struct vm *vm)
{
    const struct costs *c = &vm->costs;

    rows->vm = vm;
    rows->count = 0;
    for (u32 i = 0; i < COST_PLACES; i++) {
        const struct cost_place *place =
            &c->place[i / COST_WAYS][i % COST_WAYS];
        if (place->cost.count)
            take_place(rows, place);
    }
}

static bool dearer(const struct cost *a, const struct cost *b)
{
    return a->ticks != b->ticks ? a->ticks > b->ticks : a->count > b->count;
}

bool cost_rows_next(struct cost_rows *rows, struct cost_row *out)
{
    struct symbol symbol;
    u32 best = 0, last = rows->count - 1;

    if (!rows->count)
        return false;
    for (u32 i = 1; i < rows->count; i++) {
        if (dearer(&rows->cost[i], &rows->cost[best]))
            best = i;
    }
    *out = (struct cost_row){.at = rows->key[best], .cost = rows->cost[best]};
    if (symbols_find(rows->vm, rows->eip[best], &symbol))
        out->name = symbol.name;
    rows->eip[best] = rows->eip[last];
    rows->key[best] = rows->key[last];
    rows->cost[best] = rows->cost[last];
    rows->count--;
    return true;
}

u32 cost_rows_rest(const struct cost_rows *rows, struct cost *out)
{
    *out = rows->vm->costs.others;
    for (u32 i = 0; i < rows->count; i++)
        *out = cost_sum(out, &rows->cost[i]);
    return rows->count;
}
