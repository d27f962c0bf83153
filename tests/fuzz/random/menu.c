/* SPDX-License-Identifier: MIT
 *
 * Operands: addresses near edges, selectors of everything, descriptors and
 * page-table entries of every kind, ports.
 *
 * Purely random words hit nothing: each menu mixes what is there, what is
 * just beside it, and noise. The addresses stay clear of the guest's own
 * program, which starts at 1 MiB and ends below ARENA; nothing else keeps a
 * store in a step from spoiling it.
 */
#include "tests/fuzz/random/random.h"

#define TOP_WINDOW 0xffc00000u
#define IO_APIC    0xfec00u
#define LOCAL_APIC 0xfee00u

u32 any_value(void)
{
    static const u32 odd[] = {0,          1,          0xff,       0xffff,
                              0x7fffffff, 0x80000000, 0xffffffff, 0x10000,
                              0x80,       0x8000};

    return chance(2) ? PICK(odd) : rnd();
}

/* Near the beginning or the end of a page, or anywhere in it. */
static u32 in_page(void)
{
    static const u32 edge[] = {0, 1, 2, 3, 0xff0, 0xffc, 0xffd, 0xffe, 0xfff};

    return chance(2) ? PICK(edge) : rnd_below(PAGE_SIZE);
}

static u32 in_arena(void)
{
    return ARENA + (rnd_below(ARENA_END - ARENA) & ~(u32)PAGE_MASK) + in_page();
}

u32 any_window(void)
{
    u32 page = chance(4) ? rnd_below(1024) : rnd_below(16);
    u32 base = !comparing && chance(8) ? TOP_WINDOW
                                       : (WINDOW + rnd_below(TABLES)) << 22;

    return base + page * PAGE_SIZE;
}

/* Nothing of the program is here, whatever the mapping. */
static u32 anywhere(void)
{
    u32 at = rnd();

    return at < OWN_END ? in_arena() : at;
}

u32 any_address(void)
{
    static const u32 edge[] = {0xfffffff0, 0x7ffffff8,     0x80000000,
                               TOP_WINDOW, TOP_WINDOW - 8, OWN_END - 8,
                               OWN_END};

    if (comparing && chance(8)) /* nothing there */
        return 0x60000000u + (rnd() & 0xfffffff);
    switch (rnd_below(comparing ? 4 : 8)) {
    case 0:
    case 1:
    case 2:
        return any_window() + in_page();
    case 3:
        return (FREE_PDE + rnd_below(FREE_PDES)) << 22 | rnd_below(1 << 22);
    case 4:
        return VGA_WINDOW + rnd_below(0x20000);
    case 5:
        return PICK(edge) + rnd_below(16);
    case 6:
        return anywhere();
    default:
        return in_arena();
    }
}

/* RPL 0 or 3, present or not, of either table, but no TSS: VMs have no tasks
 * to switch to. */
static u32 same_selector(void)
{
    u32 sel = rnd_below(GDT_SIZE + 4) << 3 | (chance(2) ? SEL_RPL : 0);

    if (chance(4))
        return sel | SEL_TI;
    return sel >> 3 == TSS_SEL >> 3 || sel >> 3 == 7 ? KDATA : sel;
}

u32 any_selector(void)
{
    static const u32 known[] = {
        0,       1,    2,      3,      KCODE,  KDATA,  UCODE,  UDATA,
        TSS_SEL, 0x30, 0x38,   0x40,   0x0b,   0x13,   0x18,   0x20,
        0x09,    0x11, 0xfff8, 0xffff, 0xff80, 0xff83, 0xff00, 0xff03};

    if (comparing)
        return same_selector();
    switch (rnd_below(4)) {
    case 0:
        return PICK(known);
    case 1:
        return rnd_below(GDT_SIZE * 8);
    case 2:
        return rnd_below(LDT_ENTRIES * 8 + 16) | SEL_TI;
    default:
        return chance(4) ? rnd() & 0xffff
                         : 0xff00 | rnd_below(256); /* the VMM's own */
    }
}

/* Frames: of the arena, of tables, of the code, of devices, of nobody. */
static u32 any_frame(void)
{
    if (comparing)
        return in_arena() >> PAGE_SHIFT;
    switch (rnd_below(8)) {
    case 0:
        return (u32)window[rnd_below(TABLES)] >> PAGE_SHIFT;
    case 1:
        return (u32)dirs[rnd_below(TABLES)] >> PAGE_SHIFT;
    case 2:
        return ((u32)code >> PAGE_SHIFT) + rnd_below(2);
    case 3:
        return (chance(2) ? (u32)ldt : (u32)gdts[0]) >> PAGE_SHIFT;
    case 4:
        if (chance(4))
            return chance(2) ? IO_APIC : LOCAL_APIC;
        return (VGA_WINDOW >> PAGE_SHIFT) + rnd_below(0x60);
    case 5:
        return (OWN_END >> PAGE_SHIFT) + rnd_below(chance(2) ? 16 : 0xff000);
    default:
        return in_arena() >> PAGE_SHIFT;
    }
}

static u32 any_flags(void)
{
    u32 flags = rnd() & PAGE_MASK & ~(u32)PTE_PS;

    if (!chance(8))
        flags |= PTE_P;
    if (chance(2))
        flags |= PTE_W | PTE_U;
    return chance(4) ? flags & ~(u32)(PTE_A | PTE_D) : flags;
}

u32 any_entry(void)
{
    u32 entry = any_frame() << PAGE_SHIFT | any_flags();

    if (comparing)
        return entry & ~(u32)(PTE_G | PTE_PWT | PTE_PCD);
    return chance(16) ? entry | PTE_PS : entry;
}

/* A directory entry: a table of the guest's, a large page, or noise. Large
 * pages lie in the arena, half outside, over devices or beyond. */
u32 any_big(void)
{
    static const u32 large[] = {ARENA,    0x800000,   0xfec00000,
                                0xc00000, 0xffc00000, 0x40000000};

    if (comparing)
        return (chance(2) ? ARENA | PTE_PS : (u32)window[rnd_below(TABLES)]) |
               (any_flags() & ~(u32)(PTE_G | PTE_PWT | PTE_PCD));
    switch (rnd_below(4)) {
    case 0:
        return PICK(large) | any_flags() | PTE_PS;
    case 1:
        return PICK(large) | PTE_PS | any_flags() | (rnd() & 0x3fe000);
    case 2:
        return any_entry();
    default:
        return (u32)window[rnd_below(TABLES)] | any_flags();
    }
}

static void spoilt_desc(u32 to[2])
{
    static const u32 limits[] = {0xfffff, 0xfffff, 0, 1, 0x7ff, 0xffff};
    u32 attr = rnd() & 0xf0ff, base = 0, limit = PICK(limits);

    if (!chance(4))
        attr |= ATTR_P;
    if (chance(2))
        attr |= ATTR_S | ATTR_ACCESSED | ATTR_DB | ATTR_G;
    if (chance(3))
        base = any_address();
    if (chance(4))
        limit = rnd() & 0xfffff;
    if (!(attr & ATTR_S) && (attr & ATTR_TYPE & 4) && chance(2)) {
        any_gate(to);
        return;
    }
    to[0] = desc_lo(base, limit);
    to[1] = desc_hi(base, limit, attr);
}

/* Flat, of ring 0 or 3, accessed, not a TSS: no access through it depends on
 * checks that an emulated processor may leave out. */
static void same_desc(u32 to[2])
{
    u32 attr = (rnd() & 0x9f) | ATTR_DB | ATTR_G | (chance(2) ? ATTR_DPL : 0);

    if (chance(4)) {
        any_gate(to);
        return;
    }
    attr |= ATTR_S | ATTR_ACCESSED;
    if (!(attr & ATTR_CODE))
        attr &= ~(u32)ATTR_DOWN;
    to[0] = desc_lo(0, 0xfffff);
    to[1] = desc_hi(0, 0xfffff, attr);
}

void any_desc(u32 to[2])
{
    if (comparing) {
        same_desc(to);
        return;
    }
    spoilt_desc(to);
}

static const u32 same_gates[] = {SYS_INT32, SYS_TRAP32};

/* A gate of any type; most lead to a stub. */
void any_gate(u32 to[2])
{
    u32 at =
        !comparing && chance(64) ? rnd() : fuzz_stubs[rnd_below(TRAP_VECTORS)];
    u32 sel = chance(3) ? any_selector() : KCODE;

    to[0] = sel << 16 | (at & 0xffff);
    to[1] = (at & 0xffff0000) | (rnd() & 0xff1f);
    if (!chance(4))
        to[1] |= DESC_P;
    if (comparing) /* one of the 32-bit gates */
        to[1] = (to[1] & ~0x1f1fu) | PICK(same_gates) << DESC_TYPE_SHIFT;
}

/* Half of all edits and uses of gates meet in a few of them. */
u32 spoilt_vector(void)
{
    u32 spread = chance(2) ? 8 : TRAP_VECTORS - VECTOR_SPOIL;

    return VECTOR_SPOIL + rnd_below(spread);
}

u32 any_port(void)
{
    static const u32 device[] = {
        0x20,  0x21, 0xa0, 0xa1,  0x40,  0x41,  0x42,  0x43,   0x60,   0x61,
        0x64,  0x70, 0x71, 0x80,  0x92,  0x2f8, 0x3f8, 0x3d4,  0x3d5,  0x3c0,
        0x3da, 0x00, 0x81, 0xcf8, 0xcfc, 0x1f0, 0x1f7, 0x5450, 0xfffe, 0xffff};

    if (chance(3))
        return rnd() & 0xffff;
    return PICK(device) + (chance(4) ? rnd_below(8) : 0);
}
