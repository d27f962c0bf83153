/* SPDX-License-Identifier: MIT
 *
 * The probes of a VM, of which there may be as many as memory holds, and who
 * of them an access is about.
 *
 * A probe has a number, the lowest that is free. 128 probes lie in a frame, a
 * chunk; 1024 chunks stand in a directory, 512 directories in the one frame
 * that all begins with. Each is taken when the first probe needs it and given
 * back with the last. So a VM without probes has no frame for them.
 *
 * Who is about an address? Whoever asks does so for every instruction of a
 * page with a breakpoint and for every access in one that is watched, so the
 * list is not searched. A probe lies in a chain of a hash table, by the block
 * that its first byte is in: blocks of 16 bytes for those of 16 bytes at most,
 * and sixteen times as large for each of seven further sizes. A range reaches
 * into the next block of its size, not further: an access looks, of each size
 * that there is, at the blocks it touches and at the one before. The chains
 * grow in number with the probes, two probes to a chain on average, as long as
 * there is memory for that.
 *
 * Counted in VMM instructions, with one probe elsewhere and with 5000: 61 and
 * 124 for an instruction in a page with a breakpoint, 255 and 394 for an access
 * to a guarded page, 1380 among 5000 ranges of all sizes up to 512 KiB. For a
 * fill it is 45 (mm/guards.h). To tell the shadow of a change: 140 000 and
 * 960 000, once for each time that the guest goes on.
 *
 * LIMIT: probes that watch the same 16 bytes are all looked at, as they must.
 */
#ifndef VM_PROBE_LIST_H
#define VM_PROBE_LIST_H

#include "vmm/base/types.h"

struct vm;

enum probe_kind {
    PROBE_BREAK,  /* before the instruction at `at` runs */
    PROBE_WRITE,  /* behind an instruction that wrote into the range */
    PROBE_READ,   /* that read from it */
    PROBE_ACCESS, /* either */
    PROBE_KINDS
};

/* Who set it: one side does not remove the other's. */
enum probe_owner { PROBE_MONITOR, PROBE_GDB };

/* What an instruction has done to a watched range so far. */
enum { PROBE_SEEN_READ = 1, PROBE_SEEN_WRITE = 2 };

struct probe {
    bool used;
    u8 seen; /* PROBE_SEEN_ */
    u8 tag;  /* its owner's own */
    enum probe_kind kind;
    enum probe_owner owner;
    u32 at, size; /* linear; PROBE_BREAK: size 1 */
    u32 next;     /* in its chain: number + 1, or 0 */
    u64 hits;
};

#define PROBE_SIZES 8 /* of blocks: 16 << 4 * i bytes */

/* All zeros: no probes. */
struct probe_list {
    mfn_t top; /* as long as there are any */
    u32 count;
    u32 of_kind[PROBE_KINDS];
    u32 of_size[PROBE_SIZES];
    u32 heads; /* frames with heads of chains */
    u32 low;   /* no number below is free */
};

/* The probe of this number; null when there is none. */
struct probe *probe_at(const struct vm *vm, u32 number);
/* The first that is used, from *number on: for (u32 i = 0; (p = probe_next(vm,
 * &i)); i++). Null: no more. */
struct probe *probe_next(const struct vm *vm, u32 *number);
/* The lowest number of a breakpoint at this linear address; false: none. */
bool probe_break_at(const struct vm *vm, u32 at, u32 *number);
/* The very probe that somebody has set; false: there is none such. */
bool probe_find(const struct vm *vm, enum probe_owner owner, u8 tag, u32 at,
                u32 size, u32 *number);
/* Frames of FRAME_PROBE that probes and guards take. */
u32 probe_frames(const struct vm *vm);

/* For probe.c. */

/* False: no memory, and nothing has changed. */
bool probe_list_add(struct vm *vm, const struct probe *probe, u32 *number);
void probe_list_remove(struct vm *vm, u32 number);

/* Those whose ranges meet [at, at+size), some of them twice:
 * struct probe_near n = {at, size}; while ((p = probe_near(vm, &n))). */
struct probe_near {
    u32 at, size;
    u32 number; /* of the one returned */
    u32 sizes;  /* looked at so far */
    u32 left;   /* blocks of this size */
    u32 next;   /* in the chain */
    u64 block;
};
struct probe *probe_near(const struct vm *vm, struct probe_near *n);

#endif
