/* SPDX-License-Identifier: MIT
 *
 * See p2m.h.
 *
 * An entry is kind (bits 1:0), trace reasons (bits 7:4) and machine address
 * (bits 63:12). 4 GiB of guest-physical space are 2^20 frames, so 2^11 leaves
 * of 512 entries, so a directory of four frames; a directory entry is a leaf's
 * machine address with bit 0 set.
 *
 * A20 is applied where an entry is looked up, so that every user of the p2m
 * sees memory as the bus does.
 *
 * A RAM frame never gets the machine frame of its own number: code that takes
 * one for the other fails at once and everywhere.
 */
#include "vmm/mm/p2m.h"
#include "vmm/base/bits.h"
#include "vmm/base/check.h"
#include "vmm/base/str.h"

#define ENTRIES        512u
#define DIR_PRESENT    1u
#define KIND_MASK      3u
#define TRACE_SHIFT    4
#define ADDR_MASK      (~(u64)PAGE_MASK)
#define FRAME_MASK_A20 0xffffffffu
#define FRAME_A20      0x100u /* of a frame number */
#define FNV_BASIS      0xcbf29ce484222325u
#define FNV_PRIME      0x100000001b3u

static u64 entry_make(enum p2m_kind kind, mfn_t m)
{
    return mfn_to_hpa(m).v | (u64)kind;
}

static mfn_t entry_mfn(u64 entry)
{
    return hpa_to_mfn(hpa(entry & ADDR_MASK));
}

static enum p2m_kind entry_kind(u64 entry)
{
    return (enum p2m_kind)(entry & KIND_MASK);
}

static bool backed(u64 entry)
{
    return entry_kind(entry) == P2M_RAM || entry_kind(entry) == P2M_ROM;
}

static u64 *dir_entry(const struct p2m *p, gfn_t f)
{
    u64 *dir = frame_ptr(p->frames, p->root[f.v / (ENTRIES * ENTRIES)]);

    return &dir[f.v / ENTRIES % ENTRIES];
}

/* Null when nothing was ever put near f. */
static u64 *leaf_entry(const struct p2m *p, gfn_t f)
{
    u64 dir, *leaf;

    if (f.v >= P2M_FRAMES)
        return NULL;
    f.v &= p->frame_mask;
    dir = *dir_entry(p, f);
    if (!(dir & DIR_PRESENT))
        return NULL;
    leaf = frame_ptr(p->frames, entry_mfn(dir));
    return &leaf[f.v % ENTRIES];
}

static void forget(struct p2m *p)
{
    for (u32 i = 0; i < P2M_RECENT; i++)
        p->recent[i].gfn = P2M_EMPTY;
}

bool p2m_init(struct p2m *p, struct frames *frames, u8 owner)
{
    *p = (struct p2m){
        .frames = frames, .owner = owner, .frame_mask = FRAME_MASK_A20};
    forget(p);
    for (u32 i = 0; i < P2M_ROOTS; i++) {
        if (frame_alloc(frames, FRAME_P2M, owner, &p->root[i]))
            continue;
        while (i--)
            frame_free(frames, p->root[i]);
        return false;
    }
    p->ready = true;
    return true;
}

void p2m_set_a20(struct p2m *p, bool on)
{
    p->frame_mask = on ? FRAME_MASK_A20 : ~FRAME_A20;
    forget(p);
}

/* The entry for f, with its leaf made when need be. */
static u64 *leaf_make(struct p2m *p, gfn_t f)
{
    u64 *dir = dir_entry(p, f);
    mfn_t m;

    if (!(*dir & DIR_PRESENT)) {
        if (!frame_alloc(p->frames, FRAME_P2M, p->owner, &m))
            return NULL;
        *dir = mfn_to_hpa(m).v | DIR_PRESENT;
    }
    return leaf_entry(p, f);
}

/* A guest frame whose number is not f's. */
static bool ram_frame(struct p2m *p, gfn_t f, mfn_t *out)
{
    mfn_t same;
    bool found;

    if (!frame_alloc(p->frames, FRAME_GUEST, p->owner, out))
        return false;
    if (out->v != f.v)
        return true;
    same = *out;
    found = frame_alloc(p->frames, FRAME_GUEST, p->owner, out);
    frame_free(p->frames, same);
    return found;
}

static bool range_ok(const struct p2m *p, gfn_t start, u32 count)
{
    return p->ready && (u64)start.v + count <= P2M_FRAMES;
}

bool p2m_add_ram(struct p2m *p, gfn_t start, u32 count)
{
    if (!range_ok(p, start, count))
        return false;
    for (u32 i = 0; i < count; i++) {
        gfn_t f = gfn(start.v + i);
        u64 *entry = leaf_make(p, f);
        mfn_t m;
        if (!entry || entry_kind(*entry) != P2M_NONE || !ram_frame(p, f, &m))
            return false;
        *entry = entry_make(P2M_RAM, m);
        p->ram_frames++;
    }
    return true;
}

bool p2m_add_mmio(struct p2m *p, gfn_t start, u32 count)
{
    if (!range_ok(p, start, count))
        return false;
    for (u32 i = 0; i < count; i++) {
        u64 *entry = leaf_make(p, gfn(start.v + i));
        if (!entry || entry_kind(*entry) != P2M_NONE)
            return false;
        *entry = entry_make(P2M_MMIO, mfn(0));
    }
    return true;
}

void p2m_make_rom(struct p2m *p, gfn_t start, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        u64 *entry = leaf_entry(p, gfn(start.v + i));
        if (entry && entry_kind(*entry) == P2M_RAM)
            *entry = (*entry & ~(u64)KIND_MASK) | P2M_ROM;
    }
}

static void leaf_destroy(struct p2m *p, mfn_t m)
{
    const u64 *leaf = frame_ptr(p->frames, m);

    for (u32 i = 0; i < ENTRIES; i++) {
        if (backed(leaf[i]))
            frame_free(p->frames, entry_mfn(leaf[i]));
    }
    frame_free(p->frames, m);
}

void p2m_destroy(struct p2m *p)
{
    if (!p->ready)
        return;
    for (u32 i = 0; i < P2M_ROOTS; i++) {
        const u64 *dir = frame_ptr(p->frames, p->root[i]);
        for (u32 k = 0; k < ENTRIES; k++) {
            if (dir[k] & DIR_PRESENT)
                leaf_destroy(p, entry_mfn(dir[k]));
        }
        frame_free(p->frames, p->root[i]);
    }
    forget(p);
    p->ready = false;
    p->ram_frames = 0;
}

/* FNV-1a, a word at a time; the shift brings the high half down again. */
static u64 mix(u64 sum, u64 word)
{
    sum = (sum ^ word) * FNV_PRIME;
    return sum ^ sum >> 32;
}

static u64 leaf_checksum(const struct p2m *p, u64 sum, mfn_t m)
{
    const u64 *leaf = frame_ptr(p->frames, m);

    for (u32 i = 0; i < ENTRIES; i++)
        sum = mix(sum, leaf[i] & ~((u64)TRACE_ALL << TRACE_SHIFT));
    return sum;
}

u64 p2m_checksum(const struct p2m *p)
{
    u64 sum = FNV_BASIS;

    for (u32 i = 0; p->ready && i < P2M_ROOTS; i++) {
        const u64 *dir = frame_ptr(p->frames, p->root[i]);
        for (u32 k = 0; k < ENTRIES; k++) {
            sum = mix(sum, dir[k]);
            if (dir[k] & DIR_PRESENT)
                sum = leaf_checksum(p, sum, entry_mfn(dir[k]));
        }
    }
    return sum;
}

u32 p2m_own_frames(const struct p2m *p)
{
    u32 count = 0;

    for (u32 i = 0; p->ready && i < P2M_ROOTS; i++) {
        const u64 *dir = frame_ptr(p->frames, p->root[i]);
        count++;
        for (u32 k = 0; k < ENTRIES; k++)
            count += dir[k] & DIR_PRESENT;
    }
    return count;
}

struct p2m_entry p2m_lookup(const struct p2m *p, gfn_t f)
{
    const u64 *entry = leaf_entry(p, f);

    if (!entry)
        return (struct p2m_entry){.kind = P2M_NONE};
    return (struct p2m_entry){
        .kind = entry_kind(*entry),
        .mfn = entry_mfn(*entry),
        .trace = (u32)(*entry >> TRACE_SHIFT) & TRACE_ALL,
    };
}

void p2m_set_trace(struct p2m *p, gfn_t f, u32 reasons)
{
    u64 *entry = leaf_entry(p, f);

    CHECK(!(reasons & ~(u32)TRACE_ALL));
    if (!entry || !backed(*entry))
        return;
    *entry &= ~((u64)TRACE_ALL << TRACE_SHIFT);
    *entry |= (u64)reasons << TRACE_SHIFT;
}

bool p2m_next_traced(const struct p2m *p, u32 reasons, gfn_t *f)
{
    for (; f->v < P2M_FRAMES; f->v++) {
        const u64 *entry = leaf_entry(p, *f);
        if (!entry)
            f->v |= ENTRIES - 1; /* to the end of the absent leaf */
        else if ((f->v & p->frame_mask) == f->v &&
                 (*entry >> TRACE_SHIFT & reasons))
            return true;
    }
    return false;
}

/* Only the memory of recent finds changes, which nobody can tell. */
static void remember(const struct p2m *p, gfn_t f, u8 *page)
{
    struct p2m *mutable = (struct p2m *)p;

    mutable->recent[f.v % P2M_RECENT] = (struct p2m_recent){page, f.v};
}

u8 *p2m_find(const struct p2m *p, gpa_t at)
{
    const u64 *entry;
    u8 *page;

    if (at.v >= (u64)P2M_FRAMES << PAGE_SHIFT)
        return NULL;
    entry = leaf_entry(p, gpa_to_gfn(at));
    if (!entry || !backed(*entry))
        return NULL;
    page = frame_ptr(p->frames, entry_mfn(*entry));
    remember(p, gpa_to_gfn(at), page);
    return page + (at.v & PAGE_MASK);
}

bool p2m_read(const struct p2m *p, gpa_t at, void *buf, u64 size)
{
    for (u64 i = 0, n; i < size; i += n) {
        const u8 *from = p2m_ptr(p, gpa(at.v + i));
        n = min_u64(size - i, PAGE_SIZE - ((at.v + i) & PAGE_MASK));
        if (!from)
            return false;
        memcpy((u8 *)buf + i, from, (size_t)n);
    }
    return true;
}

bool p2m_write(const struct p2m *p, gpa_t at, const void *buf, u64 size)
{
    for (u64 i = 0, n; i < size; i += n) {
        u8 *to = p2m_ptr(p, gpa(at.v + i));
        n = min_u64(size - i, PAGE_SIZE - ((at.v + i) & PAGE_MASK));
        if (!to)
            return false;
        memcpy(to, (const u8 *)buf + i, (size_t)n);
    }
    return true;
}
