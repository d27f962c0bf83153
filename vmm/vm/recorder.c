/* SPDX-License-Identifier: MIT
 *
 * See recorder.h. The ring overwrites its oldest record; `records` counts all
 * that ever were, so a reader knows how many are gone. The IDT goes through
 * recorder_gate() gate by gate: only a change is a record, so a guest that
 * loads the same table again leaves one LIDT record and no more.
 */
#include "vmm/vm/recorder.h"
#include "vmm/base/str.h"

static void add(struct recorder *r, struct record record)
{
    r->ring[r->records++ % RECORD_RING] = record;
}

void recorder_reset(struct recorder *r)
{
    memset(r, 0, sizeof(*r));
}

void recorder_load(struct recorder *r, enum record_kind kind, u64 old, u64 now,
                   u64 when_ns, u32 eip)
{
    add(r, (struct record){.when_ns = when_ns,
                           .eip = eip,
                           .kind = kind,
                           .old = old,
                           .new = now});
}

void recorder_gate(struct recorder *r, u32 vector, u32 lo, u32 hi, u64 when_ns,
                   u32 eip)
{
    struct record_gate *gate = &r->gate[vector];
    u64 old = (u64)gate->hi << 32 | gate->lo;
    u64 now = (u64)hi << 32 | lo;

    if (old == now)
        return;
    gate->lo = lo;
    gate->hi = hi;
    gate->installed_ns = when_ns ? when_ns : 1;
    gate->installed_eip = eip;
    recorder_desc(r, RECORD_IDT_GATE, vector, old, now, when_ns, eip);
}

void recorder_desc(struct recorder *r, enum record_kind kind, u32 index,
                   u64 old, u64 now, u64 when_ns, u32 eip)
{
    add(r, (struct record){.when_ns = when_ns,
                           .eip = eip,
                           .kind = kind,
                           .index = index,
                           .old = old,
                           .new = now});
}
