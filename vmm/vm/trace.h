/* SPDX-License-Identifier: MIT
 *
 * The event stream: what happens in and around guests, as records of one size
 * in a ring per CPU. The kinds of records, and what their words mean, are
 * rows of trace.def.
 *
 * Whoever wants to see (the live line, the export, the ring) says so for a
 * VM by groups; the OR of them all is vm->tracing.all, so that a place where
 * something happens costs one predicted branch while nobody looks:
 *
 *     TRACE(vm, CR, n, old, now);
 *
 * The ring is never full: it overwrites its oldest record. A reader has a
 * cursor of its own and is told how many records it came too late for.
 * Nothing that a guest does can do more to a trace than fill it.
 *
 * LIMIT: the ring is written and read on the one CPU there is, between which
 * nothing comes; a second CPU gets a ring of its own.
 */
#ifndef VM_TRACE_H
#define VM_TRACE_H

#include "arch/x86/arch.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/base/types.h"

struct vm;
struct hv;

enum trace_group {
#define GROUP(id, word, text) TRACE_GROUP_##id,
#include "vmm/vm/trace.def"
    TRACE_GROUPS
};
#define TRACE_EVERYTHING (BIT(TRACE_GROUPS) - 1)

enum trace_event {
#define EVENT(id, name, group, fields, text) TRACE_##id,
#include "vmm/vm/trace.def"
    TRACE_EVENTS
};

enum trace_type {
    TRACE_NO_TYPE, /* behind the last field */
#define TYPE(id, word, words) TRACE_TYPE_##id,
#include "vmm/vm/trace.def"
    TRACE_TYPES
};

/* Why somebody's turn ended. */
enum trace_end {
    TRACE_END_SLICE, /* it was used up */
    TRACE_END_HALT,  /* it waits for an interrupt */
    TRACE_END_IRQ,   /* an interrupt of the host: a tick, a key, a deadline */
    TRACE_END_STOP,  /* paused, exited, killed */
    TRACE_END_RESET,
    TRACE_ENDS
};

#define TRACE_ARGS 8
struct trace_record {
    u64 tsc;
    u32 eip;  /* of the guest, see trace.def */
    u8 event; /* enum trace_event */
    u8 vm;    /* slot + 1; 0: no VM */
    u8 cpl;   /* of the guest */
    u8 cpu;   /* whose ring */
    u32 arg[TRACE_ARGS];
};
STATIC_ASSERT(sizeof(struct trace_record) == 48);

/* The catalogue. */
struct trace_field {
    enum trace_type type; /* TRACE_NO_TYPE: there are no more */
    const char *name;
};
struct trace_row {
    const char *name, *text;
    enum trace_group group;
    struct trace_field field[TRACE_ARGS + 1];
};
extern const struct trace_row trace_catalogue[TRACE_EVENTS];
extern const char *const trace_group_words[TRACE_GROUPS];
extern const char *const trace_group_texts[TRACE_GROUPS];
/* The group that has this word; TRACE_GROUPS: none has. */
enum trace_group trace_group_find(struct slice word);
/* "x32", "enum_exit": as trace.def names them, in small letters. */
extern const char *const trace_type_words[TRACE_TYPES];
/* One such word more; first: of all of them. */
bool trace_groups_add(struct slice word, bool first, u32 *groups);
/* "priv,syscall", "all,-shadow", "-shadow" (all others); false when a word is
 * none of these. */
bool trace_groups_parse(struct slice words, u32 *groups);
/* Words of arg[] that a value takes. */
u32 trace_type_size(enum trace_type type);
/* What values of an ENUM_ type are called, from 0 on; null: no such value, or
 * another type. */
const char *trace_enum_word(enum trace_type type, u32 value);
/* Where field number i of a row begins in arg[]; for i = the number of fields,
 * how many words there are. */
u32 trace_word(const struct trace_row *row, u32 i);

/* A ring of 2^n records, null while there is no memory for it: then nobody
 * can want anything. */
struct trace_ring {
    struct trace_record *record;
    u32 mask;
    u64 next; /* all that were ever written */
};
struct trace_cursor {
    u64 next;
    u64 lost; /* overwritten before they were read */
};
#define TRACE_RECORDS 32768u /* what there is room for: 1.5 MiB */
/* count: a power of two. */
void trace_init(struct trace_ring *ring, struct trace_record *record,
                u32 count);
/* From now on, what happens. */
struct trace_cursor trace_tail(const struct trace_ring *ring);
/* Up to `most` records in order; returns how many. */
u32 trace_read(const struct trace_ring *ring, struct trace_cursor *cursor,
               struct trace_record *out, u32 most);

/* Who wants which groups: a bit for each enum trace_group. */
enum trace_consumer {
    TRACE_LIVE,
    TRACE_EXPORT,
    TRACE_KEEP, /* the ring itself, for whoever looks later */
    TRACE_CONSUMERS
};
struct trace_wish {
    u32 all; /* what any of them wants */
    u32 by[TRACE_CONSUMERS];
};
/* Of one VM. */
void trace_want(struct vm *vm, enum trace_consumer who, u32 groups);
/* Of the hypervisor itself: commands, idling. */
void trace_want_hv(struct hv *hv, enum trace_consumer who, u32 groups);
/* Of the hypervisor, every VM there is, and every VM to come. */
void trace_want_all(struct hv *hv, enum trace_consumer who, u32 groups);
/* A new VM: what is wanted of all. */
void trace_adopt(struct vm *vm);

/* Writing. How many words each event has, and its group. */
enum {
#define TYPE(id, word, words) TRACE_SIZE_##id = (words),
#include "vmm/vm/trace.def"
};
enum {
#define FIELD(type, name)                    +TRACE_SIZE_##type
#define EVENT(id, name, group, fields, text) TRACE_WORDS_##id = 0 fields,
#include "vmm/vm/trace.def"
#undef FIELD
};
enum {
#define EVENT(id, name, group, fields, text)                                   \
    TRACE_GROUP_OF_##id = TRACE_GROUP_##group,
#include "vmm/vm/trace.def"
};

/* A record whose words are still to be filled in: of a guest at this EIP and
 * CPL; of the hypervisor itself. That somebody wants it has been asked. */
struct trace_record *trace_next(struct vm *vm, enum trace_event event, u32 eip,
                                u32 cpl);
struct trace_record *trace_next_hv(struct hv *hv, enum trace_event event);
/* The one field of a TEXT event, cut to what there is room for. */
void trace_text(struct trace_record *record, const char *text);

/* What trace_next() does, in place. who: slot + 1. */
static inline struct trace_record *trace_put(struct trace_ring *ring,
                                             enum trace_event event, u32 who,
                                             u32 eip, u32 cpl)
{
    struct trace_record *r = &ring->record[(u32)ring->next++ & ring->mask];

    r->tsc = arch_tsc();
    r->eip = eip;
    r->event = (u8)event;
    r->vm = (u8)who;
    r->cpl = (u8)cpl;
    r->cpu = 0;
    return r;
}

/* The words of event `id`, as many as its row has, and zeros. */
#define TRACE_FILL(record, id, ...)                                            \
    do {                                                                       \
        STATIC_ASSERT(sizeof((const u32[]){__VA_ARGS__}) ==                    \
                      4 * TRACE_WORDS_##id);                                   \
        TRACE_FILL_8(record, __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0);             \
    } while (0)
#define TRACE_FILL_8(record, a, b, c, d, e, f, g, h, ...)                      \
    trace_fill(record, a, b, c, d, e, f, g, h)
static inline void trace_fill(struct trace_record *r, u32 a, u32 b, u32 c,
                              u32 d, u32 e, u32 f, u32 g, u32 h)
{
    r->arg[0] = a;
    r->arg[1] = b;
    r->arg[2] = c;
    r->arg[3] = d;
    r->arg[4] = e;
    r->arg[5] = f;
    r->arg[6] = g;
    r->arg[7] = h;
}
/* A value of 64 bits as two words. */
#define TRACE_64(value) (u32)(value), (u32)((u64)(value) >> 32)

/* Does anybody want any of these groups of this VM, or hv? This event? */
#define TRACE_WANTS_OF(who, groups)                                            \
    __builtin_expect(((who)->tracing.all & (groups)) != 0, 0)
#define TRACE_WANTS(who, id) TRACE_WANTS_OF(who, BIT(TRACE_GROUP_OF_##id))
#define TRACE_INSTRUCTIONS   (BIT(TRACE_GROUP_PRIV) | BIT(TRACE_GROUP_SYSCALL))

/* TRACE(vm, CR, n, old, now): the event, if anybody wants it. TRACE_HOT: what
 * TRACE_AT does, in place, and without that question. */
#define TRACE_HOT(vm, eip, cpl, id, ...)                                       \
    TRACE_FILL(                                                                \
        trace_put(&(vm)->hv->trace, TRACE_##id, (vm)->slot + 1, eip, cpl), id, \
        __VA_ARGS__)
#define TRACE_AT(vm, eip, cpl, id, ...)                                        \
    do {                                                                       \
        if (TRACE_WANTS(vm, id))                                               \
            TRACE_FILL(trace_next(vm, TRACE_##id, eip, cpl), id, __VA_ARGS__); \
    } while (0)
#define TRACE(vm, id, ...)                                                     \
    TRACE_AT(vm, (vm)->cpu.eip, (vm)->cpu.cpl, id, __VA_ARGS__)
#define TRACE_HV(hv, id, ...)                                                  \
    do {                                                                       \
        if (TRACE_WANTS(hv, id))                                               \
            TRACE_FILL(trace_next_hv(hv, TRACE_##id), id, __VA_ARGS__);        \
    } while (0)
#define TRACE_TEXT(vm, id, text)                                               \
    do {                                                                       \
        if (TRACE_WANTS(vm, id))                                               \
            trace_text(                                                        \
                trace_next(vm, TRACE_##id, (vm)->cpu.eip, (vm)->cpu.cpl),      \
                text);                                                         \
    } while (0)

#endif
