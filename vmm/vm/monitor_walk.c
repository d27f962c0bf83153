/* SPDX-License-Identifier: MIT
 *
 * `walk`: how one address is translated, twice.
 *
 * On the left the guest's own tables, entry by entry, as it wrote them; on
 * the right the tables that the real processor walks, made from them by the
 * VMM; between the two the p2m. Then what the one means for the other, and a
 * sentence for each kind of access. The names of entries and bits are the
 * SDM's (vol. 3A 4.3-4.5, tables 4-4 to 4-20).
 *
 * Rows are aligned by level, so a two-level guest begins in the third one.
 */
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/vm/env.h"
#include "vmm/vm/inspect.h"
#include "vmm/vm/monitor_impl.h"

#define LEFT      46
#define LEVEL_PTE 3 /* rows, from 0 on: PML4E, PDPTE, PDE, PTE */
#define AVL_SHIFT 9
#define SENTENCE  320

/* One level: what stands in its two lines, on one side. */
struct cell {
    char entry[64], flags[96];
};

static void put_flags(u64 entry, bool leaf, u64 refused, char *out, size_t size)
{
    static const struct {
        u64 bit;
        const char *name;
        bool leaf; /* has a meaning only there */
    } names[] = {
        {PTE_P, "P", false},     {PTE_W, "R/W", false},
        {PTE_U, "U/S", false},   {PTE_PWT, "PWT", false},
        {PTE_PCD, "PCD", false}, {PTE_A, "A", false},
        {PTE_D, "D", true},      {PTE_G, "G", true},
        {PTE64_NX, "XD", false},
    };
    size_t len = fmt_buf(out, size, "%s", entry & PTE_P ? "" : "not present");

    for (u32 i = 0; i < ARRAY_LEN(names) && (entry & PTE_P); i++) {
        if ((entry & names[i].bit) && (leaf || !names[i].leaf))
            len += fmt_buf(out + len, size - len, "%s%s", len ? " " : "",
                           names[i].name);
    }
    if ((entry & PTE_P) && (entry & PTE_AVAIL))
        len += fmt_buf(out + len, size - len, " AVL=%u",
                       (u32)(entry & PTE_AVAIL) >> AVL_SHIFT);
    if (refused)
        fmt_buf(out + len, size - len, " reserved=0x%llx",
                (unsigned long long)refused);
}

static const char *short_name(const struct inspect_level *l)
{
    if (l->in_register)
        return "PDPTE";
    return l->name[0] == 'd' ? "PDE" : "PTE";
}

static void put_level(const struct inspect_level *l, struct cell *out)
{
    int digits = (int)l->bytes * 2;
    char flags[64];

    fmt_buf(out->entry, sizeof(out->entry),
            l->in_register ? "%-5s %4u  0x%0*llx, a register"
                           : "%-5s %4u  0x%0*llx at 0x%08llx",
            short_name(l), l->index, digits, (unsigned long long)l->entry,
            (unsigned long long)l->at.v);
    put_flags(l->entry, l->last, l->refused, flags, sizeof(flags));
    fmt_buf(out->flags, sizeof(out->flags), "            %s%s", flags,
            l->last && (l->entry & PTE_PS) && short_name(l)[1] == 'D' ? " PS"
                                                                      : "");
}

static void put_shadow(const struct inspect_shadow *l, bool leaf,
                       struct cell *out)
{
    char flags[64];

    fmt_buf(out->entry, sizeof(out->entry), "%-5s %4u  0x%016llx at 0x%010llx",
            l->name, l->index, (unsigned long long)l->entry,
            (unsigned long long)l->at.v);
    put_flags(l->entry, leaf, 0, flags, sizeof(flags));
    fmt_buf(out->flags, sizeof(out->flags), "            %s", flags);
}

static void say_levels(const struct monitor_args *args, gva_t at)
{
    struct cell left[INSPECT_SHADOWS] = {0}, right[INSPECT_SHADOWS] = {0};
    struct inspect_shadow shadow[INSPECT_SHADOWS];
    struct inspect_level guest[INSPECT_LEVELS];
    u32 shadows = inspect_shadows(args->vm, at, shadow);
    u32 guests = inspect_levels(args->vm, at, guest);
    u32 first = guests && guest[0].in_register ? 1 : 2;

    for (u32 i = 0; i < guests; i++)
        put_level(&guest[i], &left[first + i]);
    for (u32 i = 0; i < shadows; i++)
        put_shadow(&shadow[i], i == LEVEL_PTE, &right[i]);
    say(args, "  %-*s  %s", LEFT, "GUEST",
        args->vm->config.shadow == SHADOW_VTLB ? "SHADOW (vtlb)"
                                               : "SHADOW (cached)");
    for (u32 i = 0; i < INSPECT_SHADOWS; i++) {
        if (!left[i].entry[0] && !right[i].entry[0])
            continue;
        say(args, "  %-*s  %s", LEFT, left[i].entry, right[i].entry);
        say(args, "  %-*s  %s", LEFT, left[i].flags, right[i].flags);
    }
}

/* "; writes to it are watched: page table, GDT" */
static void put_traces(u32 trace, char *out, size_t size)
{
    static const char *const names[] = {"page table", "GDT", "IDT", "LDT"};
    size_t len = 0;

    out[0] = 0;
    for (u32 i = 0; i < ARRAY_LEN(names); i++) {
        if (trace & BIT(i))
            len +=
                fmt_buf(out + len, size - len, "%s%s",
                        len ? ", " : "; writes to it are watched: ", names[i]);
    }
}

static void say_p2m(const struct monitor_args *args, gpa_t at)
{
    const struct vm *vm = args->vm;
    gfn_t f = p2m_frame(&vm->p2m, at);
    struct p2m_entry entry = {.kind = P2M_NONE};
    char traces[96];

    if (at.v >> PAGE_SHIFT < P2M_FRAMES)
        entry = p2m_lookup(&vm->p2m, f);
    put_traces(entry.trace, traces, sizeof(traces));
    if (entry.kind == P2M_RAM || entry.kind == P2M_ROM)
        say(args,
            "  p2m: guest frame 0x%05llx is %s, on machine frame 0x%05x%s.",
            (unsigned long long)f.v, inspect_what(vm, at), entry.mfn.v, traces);
    else
        say(args,
            "  p2m: guest frame 0x%05llx is %s: no memory of the machine "
            "backs it.",
            (unsigned long long)f.v, inspect_what(vm, at));
}

/* Why a leaf is not writable although the guest's entries are. */
static const char *why_read_only(const struct walk *w, struct p2m_entry to)
{
    if (!w->write)
        return "read-only, as the guest's tables say";
    if (to.kind == P2M_ROM)
        return "read-only, for it is ROM";
    if (to.trace)
        return "read-only, for the VMM must see writes to it";
    if (!w->dirty)
        return "read-only, so that the first write sets the guest's D bit";
    return "read-only";
}

/* What the shadow has, held against what it should have been made from. */
static void say_shadow(const struct monitor_args *args, gva_t at,
                       const struct walk *w, bool mapped)
{
    struct p2m_entry to = {.kind = P2M_NONE};
    u64 leaf = inspect_shadow_leaf(args->vm, at);
    bool backed;

    if (mapped && w->at.v >> PAGE_SHIFT < P2M_FRAMES)
        to = p2m_lookup(&args->vm->p2m, p2m_frame(&args->vm->p2m, w->at));
    backed = to.kind == P2M_RAM || to.kind == P2M_ROM;
    if (!(leaf & PTE_P))
        say(args, "  The shadow is not filled here%s.",
            mapped && backed ? ": the next access does that"
            : mapped         ? ": every access goes to the VMM"
                             : ", as there is nothing to fill it with");
    else if (!backed || (leaf & PTE64_ADDR) != mfn_to_hpa(to.mfn).v)
        say(args, "  The shadow has what the guest's tables said before: the "
                  "guest has changed them and not flushed its TLB yet.");
    else
        say(args, "  The shadow maps that frame, %s, %s.",
            leaf & PTE_W ? "writable" : why_read_only(w, to),
            leaf & PTE_U ? "for everybody" : "for the kernel only");
}

static void say_accesses(const struct monitor_args *args, gva_t at)
{
    static const struct {
        const char *name;
        u32 access;
    } kinds[] = {
        {"kernel read", 0},
        {"kernel write", PF_WRITE},
        {"kernel fetch", PF_FETCH},
        {"user read", PF_USER},
        {"user write", PF_USER | PF_WRITE},
        {"user fetch", PF_USER | PF_FETCH},
    };
    char why[SENTENCE];

    for (u32 i = 0; i < ARRAY_LEN(kinds); i++) {
        inspect_why(args->vm, at, kinds[i].access, why, sizeof(why));
        say(args, "  %-12s  %s.", kinds[i].name, why);
    }
}

void monitor_walk(const struct monitor_args *args)
{
    struct vm *vm = args->vm;
    struct paging mode = env_paging(&vm->cpu);
    struct slice rest = args->rest, word;
    struct walk w;
    bool mapped;
    u32 at;

    slice_word(&rest, &word);
    if (!monitor_address(args, word, &at) || !monitor_end(args, rest))
        return;
    if (!vm->p2m.ready) {
        say(args, "%s has no memory: its reset failed.", vm->config.name);
        return;
    }
    if (mode.on)
        say(args, "%s: 0x%08x, %s paging, CR3 0x%08x, CR0.WP=%u, CR4.PSE=%u",
            vm->config.name, at, mode.pae ? "PAE" : "32-bit", mode.g_cr3,
            mode.wp, mode.pse);
    else
        say(args, "%s: 0x%08x, paging is off: linear is physical",
            vm->config.name, at);
    mapped = walk_guest(&vm->p2m, &mode, gva(at), 0, &w) == WALK_OK;
    say_levels(args, gva(at));
    if (mapped)
        say_p2m(args, w.at);
    say_shadow(args, gva(at), &w, mapped);
    say_accesses(args, gva(at));
}
