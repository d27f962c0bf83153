/* SPDX-License-Identifier: MIT
 *
 * See ctf.h. The metadata: a text in TSDL, row by row, as many rows to a
 * packet as fit. First what every packet and event begins with, then the
 * types of fields, then the events of the catalogue, then "vm".
 *
 * The env block holds, for each group of trace.def, the names of its events.
 * What an enumeration's values are called stands in its type. Types end in _t,
 * because the name of a type cannot be that of a field as well.
 *
 * CTF 1.8.3, section 7 and appendix C; 7.1 for the packets' head.
 */
#include "vmm/base/check.h"
#include "vmm/base/fmt.h"
#include "vmm/base/str.h"
#include "vmm/vm/ctf.h"

#define SIZES_AT  24 /* in the head: content_size and packet_size, in bits */
#define SUM_AT    20
#define HEAD      37
#define SUM_ADLER 1
#define MAJOR     1
#define MINOR     8

/* Text that does not fit is left out, and remembered. */
struct page {
    struct ctf *ctf;
    bool full;
};

static void put(void *ctx, const char *text, size_t len)
{
    struct page *p = ctx;

    p->full |= len > CTF_PACKET - p->ctf->size;
    if (p->full)
        return;
    memcpy(p->ctf->packet + p->ctf->size, text, len);
    p->ctf->size += (u32)len;
}

static void put_uuid(const struct sink *out, const u8 *uuid)
{
    for (u32 i = 0; i < CTF_UUID; i++)
        fmt_sink(out, "%s%02x",
                 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

static void put_trace(const struct sink *out, const struct ctf *c)
{
    fmt_sink(out, "/* CTF 1.8 */\n"
                  "typealias integer { size = 8; align = 8; } := u8_t;\n"
                  "typealias integer { size = 16; align = 8; base = 16; } := "
                  "u16_t;\n"
                  "typealias integer { size = 32; align = 8; } := u32_t;\n"
                  "typealias integer { size = 64; align = 8; } := u64_t;\n"
                  "trace {\n"
                  "    major = 1; minor = 8; byte_order = le;\n    uuid = \"");
    put_uuid(out, c->uuid);
    fmt_sink(out, "\";\n"
                  "    packet.header := struct {\n"
                  "        u32_t magic; u8_t uuid[16]; u32_t stream_id;\n"
                  "    };\n"
                  "};\n");
}

static void put_clock(const struct sink *out, const struct ctf *c)
{
    fmt_sink(out,
             "clock {\n"
             "    name = tsc; description = \"time-stamp counter\";\n"
             "    freq = %llu; offset_s = %llu; offset = %llu;\n"
             "};\n"
             "typealias integer { size = 32; align = 8; "
             "map = clock.tsc.value; } := time32_t;\n"
             "typealias integer { size = 64; align = 8; "
             "map = clock.tsc.value; } := time64_t;\n",
             (unsigned long long)c->hz, (unsigned long long)c->offset_s,
             (unsigned long long)c->offset);
}

/* The order of ctf.c. */
static void put_stream(const struct sink *out, const struct ctf *c)
{
    fmt_sink(out,
             "typealias integer { size = 32; align = 8; base = 16; } := "
             "x32_t;\n"
             "stream {\n"
             "    id = 0;\n"
             "    packet.context := struct {\n"
             "        u32_t content_size; u32_t packet_size;\n"
             "        time64_t timestamp_begin; time64_t timestamp_end;\n"
             "        u64_t events_discarded; u32_t packet_seq_num;\n"
             "        u32_t cpu_id; x32_t adler32;\n"
             "    };\n"
             "    event.header := struct { u8_t id; time32_t timestamp; };\n"
             "    event.context := struct { u8_t vm; u8_t cpl; x32_t eip; };\n"
             "};\n");
}

static void put_env(const struct sink *out, const struct ctf *c)
{
    fmt_sink(out, "env {\n    tracer_name = \"trapline\"; "
                  "domain = \"hypervisor\";\n");
    for (u32 g = 0; g < TRACE_GROUPS; g++) {
        const char *comma = "";
        fmt_sink(out, "    group_%s = \"", trace_group_words[g]);
        for (u32 i = 0; i < TRACE_EVENTS; i++) {
            if (trace_catalogue[i].group != g)
                continue;
            fmt_sink(out, "%s%s", comma, trace_catalogue[i].name);
            comma = ",";
        }
        fmt_sink(out, "\";\n");
    }
    fmt_sink(out, "};\n");
}

static void put_integer(const struct sink *out, enum trace_type type, u32 bits,
                        u32 base)
{
    fmt_sink(
        out,
        "typealias integer { size = %u; align = 8; base = %u; } := %s_t;\n",
        bits, base, trace_type_words[type]);
}

static void put_enum(const struct sink *out, enum trace_type type)
{
    const char *word;

    fmt_sink(out, "typealias enum : u8_t {");
    for (u32 i = 0; (word = trace_enum_word(type, i)); i++)
        fmt_sink(out, "%s \"%s\" = %u", i ? "," : "", word, i);
    fmt_sink(out, " } := %s_t;\n", trace_type_words[type]);
}

/* What is common to all, x32, u32 and u64 included, is there already; text and
 * bytes are no names of types in TSDL. */
static void put_type(const struct sink *out, enum trace_type type)
{
    switch (type) {
    case TRACE_TYPE_X32:
    case TRACE_TYPE_U32:
    case TRACE_TYPE_U64:
    case TRACE_TYPE_TEXT:
    case TRACE_TYPE_BYTES:
        return;
    case TRACE_TYPE_VECTOR:
        put_integer(out, type, 8, 10);
        return;
    case TRACE_TYPE_PORT:
        put_integer(out, type, 16, 16);
        return;
    default:
        break;
    }
    if (trace_enum_word(type, 0))
        put_enum(out, type);
    else
        put_integer(out, type, 32 * trace_type_size(type), 16);
}

static void put_field(const struct sink *out, const struct trace_field *field)
{
    if (field->type == TRACE_TYPE_TEXT)
        fmt_sink(out, " string %s;", field->name);
    else if (field->type == TRACE_TYPE_BYTES)
        fmt_sink(out, " u8_t %s[16];", field->name);
    else
        fmt_sink(out, " %s_t %s;", trace_type_words[field->type], field->name);
}

static void put_event(const struct sink *out, u32 event)
{
    const struct trace_row *row = &trace_catalogue[event];

    fmt_sink(out,
             "event { name = \"%s\"; id = %u; stream_id = 0;\n"
             "    fields := struct {",
             row->name, event);
    for (u32 i = 0; row->field[i].type; i++)
        put_field(out, &row->field[i]);
    fmt_sink(out, " };\n};\n");
}

static void put_vm(const struct sink *out)
{
    fmt_sink(out,
             "event { name = \"vm\"; id = %u; stream_id = 0;\n"
             "    fields := struct { string vm_name; u64_t memory; };\n};\n",
             CTF_VM);
}

static void (*const first_rows[])(const struct sink *, const struct ctf *) = {
    put_trace, put_clock, put_stream, put_env};

#define TYPE_ROWS  ARRAY_LEN(first_rows)
#define EVENT_ROWS (TYPE_ROWS + TRACE_TYPES - 1)
#define LAST_ROW   (EVENT_ROWS + TRACE_EVENTS)

static void put_row(const struct sink *out, const struct ctf *c, u32 row)
{
    if (row < TYPE_ROWS)
        first_rows[row](out, c);
    else if (row < EVENT_ROWS)
        put_type(out, (enum trace_type)(row - TYPE_ROWS + 1));
    else if (row < LAST_ROW)
        put_event(out, row - EVENT_ROWS);
    else
        put_vm(out);
}

static void put_head(struct ctf *c)
{
    c->size = 0;
    ctf_put(c, CTF_METADATA_MAGIC, 4);
    memcpy(c->packet + c->size, c->uuid, CTF_UUID);
    c->size += CTF_UUID;
    ctf_put(c, 0, 4); /* the sum */
    ctf_put(c, 0, 8); /* the sizes */
    ctf_put(c, 0, 2); /* neither compressed nor encrypted */
    ctf_put(c, SUM_ADLER, 1);
    ctf_put(c, MAJOR, 1);
    ctf_put(c, MINOR, 1);
}

static void end(struct ctf *c)
{
    u32 size = c->size;

    c->size = SIZES_AT;
    ctf_put(c, size * 8, 4);
    ctf_put(c, size * 8, 4);
    c->size = SUM_AT;
    ctf_put(c, ctf_adler(c->packet, size), 4);
    c->size = size;
}

bool ctf_metadata(struct ctf *c, u32 *row)
{
    struct page page = {c, false};
    struct sink out = {put, &page};

    if (*row > LAST_ROW)
        return false;
    put_head(c);
    while (*row <= LAST_ROW) {
        u32 before = c->size;
        put_row(&out, c, *row);
        if (page.full) {
            CHECK(before > HEAD); /* a row is shorter than a packet */
            c->size = before;
            break;
        }
        ++*row;
    }
    end(c);
    return true;
}
