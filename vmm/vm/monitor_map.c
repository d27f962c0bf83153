/* SPDX-License-Identifier: MIT
 *
 * `map`: the whole linear address space of a guest, as ranges.
 *
 * Pages that follow each other are one range while the guest's tables give
 * them the same rights and size and the same thing lies behind them: RAM, ROM,
 * a device, nothing. What is not mapped is left out. Where the frames behind a
 * range follow each other as well, the first is shown; else they are
 * scattered. For the shadow the range has how many pages of it are filled,
 * and how many of those are writable: the rest is filled when it is touched.
 *
 * What cannot be mapped is skipped in steps of a whole table, and so is what
 * lies behind the end of memory, so that 4 GiB of large pages take no longer
 * than a hundred MiB.
 *
 * A guest can make a million ranges; at most RANGES are shown at once, and
 * where to go on is said.
 */
#include "arch/x86/defs/pte.h"
#include "vmm/base/bits.h"
#include "vmm/vm/env.h"
#include "vmm/vm/inspect.h"
#include "vmm/vm/monitor_impl.h"

#define RANGES     48u
#define SPACE      (1ull << 32)
#define STEP       BIT(SHADOW_TABLE_SHIFT) /* 2 MiB: a table of either kind */
#define A20_MIRROR (2u << 20) /* behind the end, addresses may wrap so far */

/* What a page has in common with its neighbours. */
struct kind {
    bool mapped, user, write, global, large;
    const char *what;
};

struct stretch {
    struct kind kind;
    u64 from, to;
    gpa_t first;
    bool scattered;
    u32 filled, writable;
};

static bool alike(const struct kind *a, const struct kind *b)
{
    return a->mapped == b->mapped && a->user == b->user &&
           a->write == b->write && a->global == b->global &&
           a->large == b->large && a->what == b->what;
}

static struct kind kind_of(const struct vm *vm, const struct paging *mode,
                           gva_t at, gpa_t *to)
{
    struct walk w;

    if (walk_guest(&vm->p2m, mode, at, 0, &w) != WALK_OK)
        return (struct kind){.what = ""};
    *to = w.at;
    return (struct kind){true,     w.user,  w.write,
                         w.global, w.large, inspect_what(vm, w.at)};
}

/* How far the next page is that could be of another kind. */
static u32 step(const struct vm *vm, const struct paging *mode, u64 at,
                const struct kind *kind, gpa_t to)
{
    u64 rest = STEP - (at & (STEP - 1));
    struct inspect_level l[INSPECT_LEVELS];
    u32 levels;

    if (kind->mapped && (kind->large || !mode->on))
        return to.v >= vm->config.mem + A20_MIRROR ? (u32)rest : PAGE_SIZE;
    if (kind->mapped)
        return PAGE_SIZE;
    levels = inspect_levels(vm, gva((u32)at), l);
    return levels && l[levels - 1].name[0] == 'd' ? (u32)rest : PAGE_SIZE;
}

static void count_shadow(const struct vm *vm, u64 at, struct stretch *r)
{
    u64 leaf = inspect_shadow_leaf(vm, gva((u32)at));

    r->filled += (leaf & PTE_P) != 0;
    r->writable += (leaf & PTE_P) && (leaf & PTE_W);
}

/* The range that begins at `from`. */
static struct stretch range_at(const struct vm *vm, const struct paging *mode,
                               u64 from)
{
    struct stretch r = {.from = from, .to = from};
    gpa_t to = gpa(0);
    struct kind kind = kind_of(vm, mode, gva((u32)from), &to);

    r.kind = kind;
    r.first = to;
    while (r.to < SPACE && alike(&kind, &r.kind)) {
        r.scattered |= kind.mapped && to.v - r.first.v != r.to - from;
        if (kind.mapped)
            count_shadow(vm, r.to, &r);
        r.to += step(vm, mode, r.to, &kind, to);
        if (r.to < SPACE)
            kind = kind_of(vm, mode, gva((u32)r.to), &to);
    }
    return r;
}

static void put_size(u64 bytes, char *out, size_t size)
{
    if (bytes % (1u << 20))
        fmt_buf(out, size, "%lluK", (unsigned long long)bytes >> 10);
    else
        fmt_buf(out, size, "%lluM", (unsigned long long)bytes >> 20);
}

static void say_range(const struct monitor_args *args, const struct stretch *r)
{
    char bytes[16], to[24], shadow[48];
    u32 pages = (u32)((r->to - r->from) >> PAGE_SHIFT);

    put_size(r->to - r->from, bytes, sizeof(bytes));
    fmt_buf(to, sizeof(to), "scattered");
    if (!r->scattered)
        fmt_buf(to, sizeof(to), "0x%08llx", (unsigned long long)r->first.v);
    fmt_buf(shadow, sizeof(shadow), "%u of %u, %u writable", r->filled, pages,
            r->writable);
    say(args, "  0x%08x-0x%08x %7s  %s %s %s %s  %-8s %-10s  %s", (u32)r->from,
        (u32)(r->to - 1), bytes, r->kind.user ? "U" : "S",
        r->kind.write ? "rw" : "r-", r->kind.large ? "large" : "4K   ",
        r->kind.global ? "G" : " ", r->kind.what, to,
        r->filled ? shadow : "not filled");
}

static void show(const struct monitor_args *args, const struct paging *mode,
                 u64 from)
{
    u32 shown = 0;

    say(args, "  %-21s %7s  GUEST        %-8s %-10s  SHADOW: PAGES FILLED",
        "LINEAR", "SIZE", "BEHIND", "PHYSICAL");
    while (from < SPACE && shown < RANGES) {
        struct stretch r = range_at(args->vm, mode, from);
        from = r.to;
        if (!r.kind.mapped)
            continue;
        say_range(args, &r);
        shown++;
    }
    if (!shown)
        say(args, "  Nothing is mapped%s.",
            from < SPACE ? "" : " from there on");
    if (from < SPACE)
        say(args, "  There may be more: `map %s 0x%08x` goes on there.",
            args->vm->config.name, (u32)from);
}

void monitor_map(const struct monitor_args *args)
{
    const struct vm *vm = args->vm;
    struct paging mode = env_paging(&vm->cpu);
    struct slice rest = args->rest, word;
    u32 from = 0;

    if (slice_word(&rest, &word) && !monitor_address(args, word, &from))
        return;
    if (!monitor_end(args, rest))
        return;
    if (!vm->p2m.ready) {
        say(args, "%s has no memory: its reset failed.", vm->config.name);
        return;
    }
    if (mode.on)
        say(args, "%s: %s paging, CR3 0x%08x; S: kernel only, U: user too",
            vm->config.name, mode.pae ? "PAE" : "32-bit", mode.g_cr3);
    else
        say(args, "%s: paging is off: linear is physical", vm->config.name);
    show(args, &mode, from & ~PAGE_MASK);
}
