/* SPDX-License-Identifier: MIT
 *
 * The p2m: what each guest frame is, and on which machine frame it lies.
 *
 * Two levels of frames (a directory and leaves, FRAME_P2M), made as ranges
 * are added; an absent leaf means "nothing there". Each 8-byte entry has the
 * kind, the mfn, and the trace reasons: why writes to this frame must be seen
 * by the VMM. The shadow MMU never maps a frame that has a reason writable.
 */
#ifndef MM_P2M_H
#define MM_P2M_H

#include "vmm/mm/frames.h"

enum p2m_kind { P2M_NONE, P2M_RAM, P2M_ROM, P2M_MMIO };

/* Why a frame is write-protected. Bits. */
enum {
    TRACE_PAGE_TABLE = 1,
    TRACE_GDT = 2,
    TRACE_IDT = 4,
    TRACE_LDT = 8,
    TRACE_ALL = 15,
};

struct p2m_entry {
    enum p2m_kind kind;
    mfn_t mfn; /* RAM and ROM */
    u32 trace; /* TRACE_ bits */
};

#define P2M_FRAMES 0x100000u /* 4 GiB of guest-physical space */
#define P2M_ROOTS  4

/* The last frames that p2m_ptr() found. What backs a frame never changes
 * between p2m_add_ram() and p2m_destroy(), so nothing ever makes one stale. */
#define P2M_RECENT 8
#define P2M_EMPTY  (~0ull) /* no frame's number, by PAE paging either */
struct p2m_recent {
    u8 *page;
    u64 gfn; /* P2M_EMPTY, or which frame it is */
};

struct p2m {
    struct frames *frames;
    u8 owner;
    bool ready;
    struct p2m_recent recent[P2M_RECENT];
    u32 frame_mask;        /* of a frame number: all ones while A20 is on */
    mfn_t root[P2M_ROOTS]; /* the directory: a leaf for each 512 frames */
    u32 ram_frames;
};

bool p2m_init(struct p2m *p, struct frames *frames, u8 owner);
/* Scattered, zeroed RAM; false when memory ran out (then p2m_destroy). */
bool p2m_add_ram(struct p2m *p, gfn_t start, u32 count);
bool p2m_add_mmio(struct p2m *p, gfn_t start, u32 count);
/* Makes RAM read-only for the guest (a write to it is dropped). */
void p2m_make_rom(struct p2m *p, gfn_t start, u32 count);
/* Gives every frame back. */
void p2m_destroy(struct p2m *p);
/* A number that depends on what each guest frame is and where it lies, not on
 * traces: the same for the p2m's whole life once all of it is added. */
u64 p2m_checksum(const struct p2m *p);
/* How many frames it takes for itself. */
u32 p2m_own_frames(const struct p2m *p);

/* The A20 gate: while it is off, an odd megabyte is the even one below it, in
 * every function here. Who keeps what he was told asks again. */
void p2m_set_a20(struct p2m *p, bool on);
/* The address that reaches the bus. */
static inline gpa_t p2m_masked(const struct p2m *p, gpa_t at)
{
    return gpa(at.v & ((u64)p->frame_mask << PAGE_SHIFT | PAGE_MASK));
}
/* The one number of the frame that an address reaches. */
static inline gfn_t p2m_frame(const struct p2m *p, gpa_t at)
{
    return gpa_to_gfn(p2m_masked(p, at));
}

struct p2m_entry p2m_lookup(const struct p2m *p, gfn_t f);
/* Sets the reasons of RAM or ROM to just these. */
void p2m_set_trace(struct p2m *p, gfn_t f, u32 reasons);
/* Moves *f on to the first frame from *f that has one of the reasons; false
 * when there is none. */
bool p2m_next_traced(const struct p2m *p, u32 reasons, gfn_t *f);

/* A RAM or ROM byte's address in the VMM, null when it is neither. The run of
 * bytes is good to the end of the page. */
static inline u8 *p2m_ptr(const struct p2m *p, gpa_t at);
/* The same by the tables, and remembers it. */
u8 *p2m_find(const struct p2m *p, gpa_t at);
/* Physical copies, page by page; false (possibly after a part) when the range
 * leaves RAM and ROM. They do not look at traces: for loaders and the
 * monitor. */
bool p2m_read(const struct p2m *p, gpa_t at, void *buf, u64 size);
bool p2m_write(const struct p2m *p, gpa_t at, const void *buf, u64 size);

static inline u8 *p2m_ptr(const struct p2m *p, gpa_t at)
{
    u64 f = at.v >> PAGE_SHIFT;
    const struct p2m_recent *r = &p->recent[f % P2M_RECENT];

    if (r->gfn == f)
        return r->page + (at.v & PAGE_MASK);
    return p2m_find(p, at);
}

#endif
