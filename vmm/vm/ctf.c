/* SPDX-License-Identifier: MIT
 *
 * See ctf.h. Packets of events.
 *
 * The head is written with its sizes, its end and its sum as zeros, and again
 * when the packet is ended. Its order is that of struct packet_context in
 * ctf_metadata.c, which is where a reader gets it from.
 */
#include "vmm/vm/ctf.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

#define STREAM_ID 0
#define SECOND    1000000000u

/* Where in the packet the sum stands; and what event "vm" has at most: a name
 * of up to TEXT_MAX characters. */
#define SUM_AT   64
#define HEAD     68
#define EVENT    11 /* number, time, VM, CPL, EIP */
#define TEXT_MAX (4 * TRACE_ARGS)

#define ADLER_BASE 65521
#define ADLER_RUN  5552 /* so many bytes do not overflow 32 bits */

u32 ctf_adler(const u8 *data, u32 size)
{
    u32 a = 1, b = 0;

    while (size) {
        u32 run = min_u32(size, ADLER_RUN);
        size -= run;
        while (run--) {
            a += *data++;
            b += a;
        }
        a %= ADLER_BASE;
        b %= ADLER_BASE;
    }
    return b << 16 | a;
}

void ctf_put(struct ctf *c, u64 value, u32 bytes)
{
    for (u32 i = 0; i < bytes; i++)
        c->packet[c->size++] = (u8)(value >> 8 * i);
}

/* A UUID (RFC 4122, version 8: made by a rule of one's own) that differs from
 * boot to boot as far as clocks do. */
static void make_uuid(u8 uuid[CTF_UUID], u64 a, u64 b)
{
    for (u32 i = 0; i < CTF_UUID; i++) {
        u64 *half = i < CTF_UUID / 2 ? &a : &b;
        *half = *half * 6364136223846793005u + 1442695040888963407u;
        uuid[i] = (u8)(*half >> 56);
    }
    uuid[6] = 0x80 | (uuid[6] & 0x0f);
    uuid[8] = 0x80 | (uuid[8] & 0x3f);
}

static u32 field_bytes(enum trace_type type)
{
    switch (type) {
    case TRACE_TYPE_TEXT:
        return TEXT_MAX + 1;
    case TRACE_TYPE_PORT:
        return 2;
    case TRACE_TYPE_VECTOR:
        return 1;
    default:
        return trace_enum_word(type, 0) ? 1 : 4 * trace_type_size(type);
    }
}

static void measure(struct ctf *c)
{
    for (u32 i = TRACE_NO_TYPE + 1; i < TRACE_TYPES; i++)
        c->bytes[i] = (u8)field_bytes((enum trace_type)i);
    for (u32 i = 0; i < TRACE_EVENTS; i++) {
        const struct trace_field *f = trace_catalogue[i].field;
        for (; f->type; f++)
            c->event[i] += c->bytes[f->type];
    }
}

void ctf_init(struct ctf *c, u64 hz, u64 tsc, u64 now_ns)
{
    u64 seconds = tsc / hz, rest = tsc % hz;
    u64 now = now_ns / SECOND, now_rest = now_ns % SECOND * hz / SECOND;

    *c = (struct ctf){.hz = hz};
    make_uuid(c->uuid, now_ns, tsc);
    measure(c);
    if (now <= seconds)
        return;
    c->offset_s = now - seconds - (now_rest < rest);
    c->offset = now_rest < rest ? now_rest + hz - rest : now_rest - rest;
}

static void put_head(struct ctf *c, u32 cpu, u64 lost, u32 size)
{
    u32 written = c->size;

    c->size = 0;
    ctf_put(c, CTF_MAGIC, 4);
    memcpy(c->packet + c->size, c->uuid, CTF_UUID);
    c->size += CTF_UUID;
    ctf_put(c, STREAM_ID, 4);
    ctf_put(c, size * 8, 4); /* content_size, in bits ... */
    ctf_put(c, size * 8, 4); /* ... and packet_size */
    ctf_put(c, c->begin, 8);
    ctf_put(c, c->last, 8);
    ctf_put(c, lost, 8);
    ctf_put(c, c->sequence, 4);
    ctf_put(c, cpu, 4);
    ctf_put(c, 0, 4); /* the sum */
    c->size = max_u32(written, HEAD);
}

void ctf_begin(struct ctf *c, u64 tsc)
{
    c->begin = c->last = tsc;
    c->size = 0;
    put_head(c, 0, 0, 0);
}

void ctf_end(struct ctf *c, u32 cpu, u64 lost)
{
    u32 size = c->size;

    put_head(c, cpu, lost, size);
    c->size = SUM_AT;
    ctf_put(c, ctf_adler(c->packet, size), 4);
    c->size = size;
    c->sequence++;
}

/* A string ends with a zero. What came from a keyboard or a loader may hold
 * anything; what is not printable ASCII becomes a question mark. */
static void put_text(struct ctf *c, const char *text, u32 most)
{
    for (u32 i = 0; i < most && text[i]; i++)
        ctf_put(c, text[i] >= ' ' && text[i] <= '~' ? (u8)text[i] : '?', 1);
    ctf_put(c, 0, 1);
}

static void put_field(struct ctf *c, enum trace_type type, const u32 *arg)
{
    u32 bytes = c->bytes[type];

    if (type == TRACE_TYPE_TEXT) {
        put_text(c, (const char *)arg, TEXT_MAX);
        return;
    }
    for (; bytes > 4; bytes -= 4)
        ctf_put(c, *arg++, 4);
    ctf_put(c, *arg, bytes);
}

static bool fits(const struct ctf *c, u64 tsc, u32 bytes)
{
    return c->size + EVENT + bytes <= CTF_PACKET && tsc - c->last <= UINT32_MAX;
}

static void put_event(struct ctf *c, const struct trace_record *r)
{
    ctf_put(c, r->event, 1);
    ctf_put(c, r->tsc, 4);
    ctf_put(c, r->vm, 1);
    ctf_put(c, r->cpl, 1);
    ctf_put(c, r->eip, 4);
    c->last = r->tsc;
}

bool ctf_record(struct ctf *c, const struct trace_record *record)
{
    const struct trace_row *row = &trace_catalogue[record->event];
    const u32 *arg = record->arg;

    if (!fits(c, record->tsc, c->event[record->event]))
        return false;
    put_event(c, record);
    for (u32 i = 0; row->field[i].type; i++) {
        put_field(c, row->field[i].type, arg);
        arg += trace_type_size(row->field[i].type);
    }
    return true;
}

bool ctf_vm(struct ctf *c, u32 slot, const char *name, u64 memory)
{
    struct trace_record r = {
        .tsc = c->last, .event = CTF_VM, .vm = (u8)(slot + 1)};

    if (!fits(c, r.tsc, TEXT_MAX + 1 + 8))
        return false;
    put_event(c, &r);
    put_text(c, name, TEXT_MAX);
    ctf_put(c, memory, 8);
    return true;
}
