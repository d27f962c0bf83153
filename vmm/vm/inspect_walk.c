/* SPDX-License-Identifier: MIT
 *
 * A page walk told to a person: each entry on the way, and one sentence on
 * what an access would meet.
 *
 * The verdict is walk_guest()'s alone, the same that the guest lives by; here
 * is only looked up which of the entries it read was the one. So the sentence
 * cannot say "works" of what faults. The rules in the order in which they are
 * applied (SDM vol. 3A 4.6, 4.7): not present, a reserved bit, user rights,
 * write rights.
 */
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/vm/env.h"
#include "vmm/vm/inspect.h"
#include "vmm/vm/vm.h"

#define PAE_DIR_SHIFT   30
#define PAE_TABLE_SHIFT 21

static struct inspect_level level(const char *name, gpa_t at, u32 bytes,
                                  u64 entry)
{
    return (struct inspect_level){
        .name = name,
        .index = (u32)(at.v & PAGE_MASK) / bytes,
        .bytes = bytes,
        .at = at,
        .entry = entry,
        .to = gpa(entry & (bytes == 4 ? PTE32_ADDR : PTE64_ADDR)),
    };
}

/* The leaf of a walk leads to a byte, whatever the rights are. */
static void set_last(struct inspect_level *l, gva_t at, u64 page_mask)
{
    l->last = true;
    l->to = gpa((l->to.v & ~page_mask) | (at.v & page_mask));
}

static u64 large_mask(const struct inspect_level *l)
{
    return (l->bytes == 4 ? (u64)LARGE32_SIZE : BIT64(PAE_TABLE_SHIFT)) - 1;
}

static struct inspect_level pointer(const struct paging *mode, gva_t at)
{
    u32 i = at.v >> PAE_DIR_SHIFT;
    struct inspect_level l =
        level("directory pointer", gpa((u64)i * 8), 8, mode->pdpte[i]);

    l.in_register = true;
    return l;
}

u32 inspect_levels(const struct vm *vm, gva_t at,
                   struct inspect_level out[INSPECT_LEVELS])
{
    struct paging mode = env_paging(&vm->cpu);
    u32 bytes = mode.pae ? 8 : 4, n = 0;
    struct walk w;

    if (!mode.on || !vm->p2m.ready)
        return 0;
    walk_guest(&vm->p2m, &mode, at, 0, &w);
    if (mode.pae) {
        out[n++] = pointer(&mode, at);
        if (!(out[0].entry & PTE_P))
            return n;
    }
    out[n] = level("directory entry", w.pde_at, bytes, w.g_pde);
    out[n].refused =
        walk_reserved(&mode, w.large ? WALK_LARGE : WALK_DIRECTORY, w.g_pde);
    if (!(w.g_pde & PTE_P))
        return n + 1;
    if (w.large)
        set_last(&out[n], at, large_mask(&out[n]));
    if (w.large || out[n].refused)
        return n + 1;
    n++;
    out[n] = level("table entry", w.pte_at, bytes, w.g_pte);
    out[n].refused = walk_reserved(&mode, WALK_TABLE, w.g_pte);
    set_last(&out[n], at, PAGE_MASK);
    return n + 1;
}

u32 inspect_shadows(const struct vm *vm, gva_t at,
                    struct inspect_shadow out[INSPECT_SHADOWS])
{
    static const char *const names[INSPECT_SHADOWS] = {"PML4E", "PDPTE", "PDE",
                                                       "PTE"};
    const struct shadow *s = &vm->shadow;
    const u32 index[INSPECT_SHADOWS] = {
        0, at.v >> SHADOW_DIR_SHIFT, at.v >> SHADOW_TABLE_SHIFT & SHADOW_INDEX,
        at.v >> PAGE_SHIFT & SHADOW_INDEX};
    u64 table = s->ready ? shadow_root(s).v : 0;
    u32 n = 0;

    while (s->ready && n < INSPECT_SHADOWS) {
        hpa_t where = hpa(table + index[n] * sizeof(u64));
        u64 entry = shadow_table(s, table)[index[n]];
        out[n] = (struct inspect_shadow){names[n], index[n], where, entry};
        n++;
        if (!(entry & PTE_P))
            break;
        table = entry & PTE64_ADDR;
    }
    return n;
}

u64 inspect_shadow_leaf(const struct vm *vm, gva_t at)
{
    struct inspect_shadow level[INSPECT_SHADOWS];

    if (inspect_shadows(vm, at, level) < INSPECT_SHADOWS)
        return 0;
    return level[INSPECT_SHADOWS - 1].entry;
}

static enum p2m_kind kind_at(const struct vm *vm, gpa_t at)
{
    if (!vm->p2m.ready || at.v >> PAGE_SHIFT >= P2M_FRAMES)
        return P2M_NONE;
    return p2m_lookup(&vm->p2m, p2m_frame(&vm->p2m, at)).kind;
}

const char *inspect_what(const struct vm *vm, gpa_t at)
{
    static const char *const names[] = {
        [P2M_NONE] = "nothing",
        [P2M_RAM] = "RAM",
        [P2M_ROM] = "ROM",
        [P2M_MMIO] = "a device",
    };

    return names[kind_at(vm, at)];
}

/* "the directory entry 768 (0x00105063 at physical 0x00101c00)" */
static size_t name_entry(const struct inspect_level *l, char *out, size_t size)
{
    int digits = l->bytes == 8 ? 16 : 8;

    if (l->in_register)
        return fmt_buf(out, size, "the %s %u (0x%0*llx, loaded with CR3)",
                       l->name, l->index, digits, (unsigned long long)l->entry);
    return fmt_buf(out, size, "the %s %u (0x%0*llx at physical 0x%08llx)",
                   l->name, l->index, digits, (unsigned long long)l->entry,
                   (unsigned long long)l->at.v);
}

/* Which entry the error code is about, and what is wrong with it. */
static const struct inspect_level *
culprit(const struct inspect_level *l, u32 levels, u32 error, const char **what)
{
    const struct inspect_level *last = &l[levels - 1];

    if (!(error & PF_PRESENT)) {
        *what = "is not present";
        return last;
    }
    *what = "is for the supervisor only";
    if (error & PF_USER) {
        for (u32 i = 0; i < levels; i++) {
            if (!l[i].in_register && !(l[i].entry & PTE_U))
                return &l[i];
        }
    }
    *what = error & PF_USER ? "is read-only"
                            : "is read-only, which CR0.WP makes the "
                              "supervisor obey";
    for (u32 i = 0; i < levels; i++) {
        if (!l[i].in_register && !(l[i].entry & PTE_W))
            return &l[i];
    }
    return last;
}

static void say_fault(const struct inspect_level *l, u32 levels, u32 error,
                      char *out, size_t size)
{
    const struct inspect_level *it = &l[levels - 1];
    const char *what = "";
    char reserved[64], entry[96];

    if (error & PF_RSVD) {
        fmt_buf(reserved, sizeof(reserved), "has reserved bits set (0x%llx)",
                (unsigned long long)it->refused);
        what = reserved;
    } else {
        it = culprit(l, levels, error, &what);
    }
    name_entry(it, entry, sizeof(entry));
    fmt_buf(out, size, "it would fault: %s %s", entry, what);
}

/* No fault: what answers there. */
static void say_works(const struct vm *vm, gpa_t at, u32 access, char *out,
                      size_t size)
{
    gpa_t there = p2m_masked(&vm->p2m, at);
    const char *what = inspect_what(vm, at), *but = "";
    enum p2m_kind kind = kind_at(vm, at);

    if ((access & PF_WRITE) && (kind == P2M_NONE || kind == P2M_ROM))
        but = "; what is written is lost";
    else if (kind == P2M_NONE)
        but = "; it reads as all ones";
    fmt_buf(out, size, "it works: at physical 0x%08llx is %s%s",
            (unsigned long long)there.v, what, but);
}

bool inspect_why(struct vm *vm, gva_t at, u32 access, char *out, size_t size)
{
    struct paging mode = env_paging(&vm->cpu);
    struct inspect_level l[INSPECT_LEVELS];
    struct walk w;

    if (!vm->p2m.ready) {
        fmt_buf(out, size, "it has no memory; its reset failed");
        return false;
    }
    access &= PF_WRITE | PF_USER | PF_FETCH;
    if (walk_guest(&vm->p2m, &mode, at, access, &w) == WALK_OK) {
        say_works(vm, w.at, access, out, size);
        return true;
    }
    say_fault(l, inspect_levels(vm, at, l), w.error, out, size);
    return false;
}
