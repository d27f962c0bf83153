/* SPDX-License-Identifier: MIT
 *
 * A small machine for shadow tests: an arena of machine frames, a guest with
 * RAM, ROM and MMIO in it, and a CPU's view of the shadow.
 *
 * The CPU here is as forgetful as a real one must be and no more: it walks
 * the shadow from the root, keeps leaf translations in a TLB and links to
 * leaf tables in a paging-structure cache, and drops them only when the shadow
 * asks, or for the one address that faulted (SDM vol. 3A 4.10). Code that
 * takes a right away and forgets to flush is caught by a stale hit.
 *
 * oracle() is a guest page walk written a second time, from the SDM alone.
 */
#ifndef TESTS_SHADOWWORLD_H
#define TESTS_SHADOWWORLD_H

#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/traps.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/mm/audit.h"
#include "vmm/mm/shadow.h"

#define FRAMES  640u
#define OWNER   3
#define RAM_LOW 64u /* guest frames 0..63 are RAM, then MMIO, then ROM */
#define MMIO_AT 64u
#define ROM_AT  68u
#define RAM_MID 512u /* and 16 frames each here and at 4 MiB */
#define RAM_TOP 1024u
#define TRIES   12

/* Linear pages that tests use: directory indices times table indices. */
static const u32 dirs[] = {0, 1, 255, 256, 768, 1023};
static const u32 pages[] = {0, 1, 5, 15, 511, 512, 1023};
#define NDIRS  ARRAY_LEN(dirs)
#define NPAGES ARRAY_LEN(pages)
#define NVPN   (NDIRS * NPAGES)

struct tlb_entry {
    bool valid;
    u64 leaf;
};

struct pde_entry {
    bool valid;
    u64 link;
};

static u8 arena[FRAMES * PAGE_SIZE] __attribute__((aligned(4096)));
static struct frame info[FRAMES];
static struct frames frames;
static struct p2m p2m;
static struct shadow shadow;
static struct paging mode;
static u64 host_pml4[512];
static struct tlb_entry tlb[NVPN];
static struct pde_entry pdes[NVPN];
static u32 free_at_start;
static u32 seed;

static inline u32 vpn_at(u32 i)
{
    return dirs[i / NPAGES] << 22 | pages[i % NPAGES] << PAGE_SHIFT;
}

static u32 (*rnd_from)(u32 below); /* null: the seed */

static inline u32 rnd(u32 below)
{
    if (rnd_from)
        return rnd_from(below);
    seed = seed * 1664525u + 1013904223u;
    return (u32)((u64)seed * below >> 32);
}

static inline bool chance(u32 percent)
{
    return rnd(100) < percent;
}

/* Hardware */

static void hw_flush_page(void *ctx, gva_t at)
{
    for (u32 i = 0; i < NVPN; i++) {
        pdes[i].valid = false; /* INVLPG drops these for all addresses */
        if (vpn_at(i) == (at.v & ~PAGE_MASK))
            tlb[i].valid = false;
    }
}

static void hw_flush_all(void *ctx)
{
    memset(tlb, 0, sizeof(tlb));
    memset(pdes, 0, sizeof(pdes));
}

static u32 hw_marks; /* words told to have been marked */

static void hw_marked(void *ctx, gpa_t at)
{
    hw_marks++;
}

static u32 hw_traces; /* times a frame was told to be watched now */

static void hw_traced(void *ctx)
{
    hw_traces++;
}

/* What was told to be dropped: how often, and how the last time. */
static u32 hw_drops;
static enum shadow_reason hw_why;
static bool hw_dropped_all;

static void hw_dropped(void *ctx, bool all, gfn_t f, u32 pages)
{
    hw_drops++;
    hw_why = shadow.why;
    hw_dropped_all = all;
}

static const u64 *hw_table(u64 entry)
{
    if (!(entry & PTE_P))
        return NULL;
    EXPECT((entry & PTE64_ADDR) < sizeof(arena));
    return (const u64 *)(void *)(arena + (entry & PTE64_ADDR));
}

/* The leaf for page i of the tests' pages, 0 when some level is absent. */
static u64 hw_walk(u32 i)
{
    u32 at = vpn_at(i);
    const u64 *table;

    if (tlb[i].valid)
        return tlb[i].leaf;
    if (!pdes[i].valid) {
        table = (const u64 *)(void *)(arena + shadow_root(&shadow).v);
        table = hw_table(table[0]);
        table = table ? hw_table(table[at >> 30]) : NULL;
        if (!table || !(table[at >> 21 & 511] & PTE_P))
            return 0;
        pdes[i] = (struct pde_entry){true, table[at >> 21 & 511]};
    }
    table = hw_table(pdes[i].link);
    if (!(table[at >> 12 & 511] & PTE_P))
        return 0;
    tlb[i] = (struct tlb_entry){true, table[at >> 12 & 511]};
    return tlb[i].leaf;
}

/* Where the access lands; null: it faults, and the CPU forgets the address. */
static u8 *hw_access(u32 i, u32 access)
{
    u64 need = PTE_P | (access & PF_WRITE ? PTE_W : 0) |
               (access & PF_USER ? PTE_U : 0);
    u64 leaf = hw_walk(i);

    if ((leaf & need) == need)
        return arena + (leaf & PTE64_ADDR);
    tlb[i].valid = false;
    pdes[i].valid = false;
    return NULL;
}

/* Guest */

static inline enum p2m_kind kind_of(u32 f)
{
    return p2m_lookup(&p2m, gfn(f)).kind;
}

static inline u8 *guest_ptr(u32 f)
{
    return p2m_ptr(&p2m, gpa((u64)f << PAGE_SHIFT));
}

static inline u32 guest_get(u32 f, u32 index)
{
    u8 *at = guest_ptr(f);

    return at ? get_le32(at + index * 4) : 0xffffffff;
}

/* A store as the VMM's emulator does it. */
static void guest_store(u32 f, u32 byte, const void *buf, u32 size)
{
    struct p2m_entry to = p2m_lookup(&p2m, gfn(f));

    if (to.kind != P2M_RAM)
        return;
    memcpy(guest_ptr(f) + byte, buf, size);
    if (to.trace & TRACE_PAGE_TABLE)
        shadow_written(&shadow, gpa(((u64)f << PAGE_SHIFT) + byte), size);
}

static inline void guest_put(u32 f, u32 index, u32 value)
{
    u8 bytes[4];

    put_le32(bytes, value);
    guest_store(f, index * 4, bytes, 4);
}

struct truth {
    bool ok;
    u32 error;
    u32 f;
    bool user, write, large;
    u32 both; /* AND of the words on the way; D is the leaf's */
    u32 leaf;
    bool marks; /* the words are in RAM, so A and D can be set */
};

static struct truth oracle_fault(u32 why, u32 access)
{
    return (struct truth){.error = why | (access & (PF_WRITE | PF_USER))};
}

static struct truth oracle_leaf(struct truth t, u32 access)
{
    t.user = (t.both & PTE_U) != 0;
    t.write = (t.both & PTE_W) != 0;
    if ((access & PF_USER) && !t.user)
        return oracle_fault(PF_PRESENT, access);
    if ((access & PF_WRITE) && !t.write && (mode.wp || (access & PF_USER)))
        return oracle_fault(PF_PRESENT, access);
    t.ok = true;
    return t;
}

static inline struct truth oracle(u32 at, u32 access)
{
    struct truth t = {.f = at >> 12, .both = 0xffffffff};
    u32 pde, pte;

    if (!mode.on)
        return oracle_leaf(t, access);
    pde = guest_get(mode.g_cr3 >> 12, at >> 22);
    t.marks = kind_of(mode.g_cr3 >> 12) == P2M_RAM;
    if (!(pde & PTE_P))
        return oracle_fault(0, access);
    t.both = t.leaf = pde;
    if ((pde & PTE_PS) && mode.pse) {
        if (pde & 0x3ff000)
            return oracle_fault(PF_PRESENT | PF_RSVD, access);
        t.large = true;
        t.f = (pde >> 22 << 10) + (at >> 12 & 1023);
        return oracle_leaf(t, access);
    }
    pte = guest_get(pde >> 12, at >> 12 & 1023);
    t.marks &= kind_of(pde >> 12) == P2M_RAM;
    if (!(pte & PTE_P))
        return oracle_fault(0, access);
    if ((pte & 0x80) && mode.pse)
        return oracle_fault(PF_PRESENT | PF_RSVD, access);
    t.both &= pte;
    t.leaf = pte;
    t.f = pte >> 12;
    return oracle_leaf(t, access);
}

/* Beginning and end */

static void print_text(void *ctx, const char *text, size_t len)
{
    printf("%.*s", (int)len, text);
}

static const struct sink to_stdout = {print_text, NULL};

static void world_begin(enum shadow_policy_id policy, u32 max_pages)
{
    struct shadow_hw hw = {NULL,      hw_flush_page, hw_flush_all,
                           hw_marked, hw_traced,     hw_dropped};

    frames_init(&frames, arena, info, FRAMES);
    frames_add(&frames, hpa(0), hpa(FRAMES * PAGE_SIZE));
    free_at_start = frames.nfree;
    for (u32 i = 0; i < 512; i++)
        host_pml4[i] = i < 256 ? 0 : 0x1000 * i | PTE_P;
    EXPECT(p2m_init(&p2m, &frames, OWNER));
    EXPECT(p2m_add_ram(&p2m, gfn(0), RAM_LOW));
    EXPECT(p2m_add_mmio(&p2m, gfn(MMIO_AT), 4));
    EXPECT(p2m_add_ram(&p2m, gfn(ROM_AT), 4));
    EXPECT(p2m_add_ram(&p2m, gfn(RAM_MID), 16));
    EXPECT(p2m_add_ram(&p2m, gfn(RAM_TOP), 16));
    p2m_make_rom(&p2m, gfn(ROM_AT), 4);
    EXPECT(shadow_init(&shadow, policy, &frames, &p2m, OWNER, host_pml4, &hw,
                       max_pages));
    mode = (struct paging){0};
    hw_flush_all(NULL);
}

static void world_end(void)
{
    shadow_destroy(&shadow);
    EXPECT_EQ(frames_owned(&frames, OWNER, FRAME_SHADOW), 0);
    p2m_destroy(&p2m);
    EXPECT_EQ(frames.nfree, free_at_start);
}

static void world_mode(u32 cr3_frame, bool on, bool wp, bool pse)
{
    mode = (struct paging){
        .g_cr3 = cr3_frame << PAGE_SHIFT, .on = on, .wp = wp, .pse = pse};
    shadow_set_mode(&shadow, &mode);
}

#endif
