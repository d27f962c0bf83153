/* SPDX-License-Identifier: MIT
 *
 * See trace_filter.h. Which of a record's words are vectors, ports or
 * addresses is known from the catalogue, so a new event needs nothing here.
 *
 * LIMIT: one range of each sort.
 */
#include "vmm/vm/trace_filter.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/base/fmt.h"
#include "vmm/base/text.h"
#include "vmm/vm/symbols.h"

#define ALL       (BIT64(TRACE_EVENTS) - 1)
#define ADDRESSES (BIT(TRACE_TYPE_GVA) | BIT(TRACE_TYPE_GPA))

struct parse {
    const struct vm *vm;
    struct trace_filter *out;
    char *error;
    size_t size;
};

static bool refuse(const struct parse *p, const char *what, struct slice word,
                   const char *wanted)
{
    fmt_buf(p->error, p->size, "\"%.*s\" %s; %s", (int)min_u64(word.len, 60),
            word.at, what, wanted);
    return false;
}

static u64 events_of(u32 group)
{
    u64 events = 0;

    for (u32 i = 0; i < TRACE_EVENTS; i++) {
        if (trace_catalogue[i].group == group)
            events |= BIT64(i);
    }
    return events;
}

/* The events that a word names; 0: none. */
static u64 named(struct slice word)
{
    enum trace_group group = trace_group_find(word);

    if (slice_eq(word, "all"))
        return ALL;
    if (group < TRACE_GROUPS)
        return events_of(group);
    for (u32 i = 0; i < TRACE_EVENTS; i++) {
        if (slice_eq(word, trace_catalogue[i].name))
            return BIT64(i);
    }
    return 0;
}

static bool take_kind(struct parse *p, struct slice word)
{
    char wanted[240];
    size_t len;
    u64 events = named(word);

    p->out->events |= events;
    if (events)
        return true;
    len = fmt_buf(wanted, sizeof(wanted), "there are all");
    for (u32 i = 0; i < TRACE_GROUPS && len < sizeof(wanted); i++)
        len += fmt_buf(wanted + len, sizeof(wanted) - len, ", %s",
                       trace_group_words[i]);
    if (len < sizeof(wanted))
        fmt_buf(wanted + len, sizeof(wanted) - len,
                ", and single events such as cr_write or int");
    return refuse(p, "is no kind of event", word, wanted);
}

static bool number_upto(struct slice s, u32 most, u32 *out)
{
    u64 value;

    if (!slice_number(s, &value) || value > most)
        return false;
    *out = (u32)value;
    return true;
}

static bool range_of(struct slice value, u32 most, struct trace_range *out)
{
    struct slice low, high;
    bool two = slice_split(value, '-', &low, &high);

    return number_upto(low, most, &out->low) &&
           number_upto(two ? high : low, most, &out->high) &&
           out->low <= out->high;
}

static bool take_vector(struct parse *p, struct slice word, struct slice value)
{
    p->out->by_vector = true;
    return range_of(value, 255, &p->out->vector) ||
           refuse(p, "will not do", word,
                  "vector= wants a number up to 255 or a range, such as "
                  "vector=14 or vector=0x20-0x2f");
}

static bool take_port(struct parse *p, struct slice word, struct slice value)
{
    p->out->by_port = true;
    return range_of(value, 0xffff, &p->out->port) ||
           refuse(p, "will not do", word,
                  "port= wants a number up to 0xffff or a range, such as "
                  "port=0x3f8-0x3ff");
}

/* All of what has this name. */
static bool whole_symbol(const struct parse *p, struct slice value)
{
    struct trace_range *at = &p->out->at;
    struct symbol symbol;

    if (!symbols_value(p->vm, value, &at->low))
        return false;
    at->high = at->low;
    if (symbols_find(p->vm, at->low, &symbol) && symbol.at == at->low &&
        symbol.size)
        at->high = at->low + (symbol.size - 1);
    return true;
}

static bool take_at(struct parse *p, struct slice word, struct slice value)
{
    struct trace_range *at = &p->out->at;
    struct slice low, high;
    bool two = slice_split(value, '-', &low, &high);
    char why[300];

    p->out->by_at = true;
    *at = (struct trace_range){0, UINT32_MAX};
    if (!value.len)
        return refuse(p, "will not do", word,
                      "at= wants an address, a range of them or a symbol, "
                      "such as at=0xc0100000-0xc01fffff or at=main");
    if (!p->vm || (!two && whole_symbol(p, value)))
        return true;
    if (!symbols_parse(p->vm, low, &at->low, why, sizeof(why)) ||
        !symbols_parse(p->vm, two ? high : low, &at->high, why, sizeof(why))) {
        fmt_buf(p->error, p->size, "%s", why);
        return false;
    }
    return at->low <= at->high ||
           refuse(p, "will not do", word, "the range ends before it begins");
}

static bool take_mode(struct parse *p, struct slice word, struct slice value)
{
    bool user = slice_eq(value, "user");

    p->out->mode = user ? TRACE_USER : TRACE_KERNEL;
    return user || slice_eq(value, "kernel") ||
           refuse(p, "will not do", word, "mode= wants kernel or user");
}

static bool take_rate(struct parse *p, struct slice word, struct slice value)
{
    return (number_upto(value, UINT32_MAX, &p->out->rate) && p->out->rate) ||
           refuse(p, "will not do", word,
                  "rate= wants the number of lines a second, from 1 on");
}

static const struct {
    const char *name;
    bool (*take)(struct parse *p, struct slice word, struct slice value);
} filters[] = {
    {"vector", take_vector}, {"port", take_port}, {"at", take_at},
    {"mode", take_mode},     {"rate", take_rate},
};

static bool take_word(struct parse *p, struct slice word)
{
    struct slice key, value;

    if (!slice_split(word, '=', &key, &value))
        return take_kind(p, word);
    for (u32 i = 0; i < ARRAY_LEN(filters); i++) {
        if (slice_eq(key, filters[i].name))
            return filters[i].take(p, word, value);
    }
    return refuse(p, "is no filter", word,
                  "there are vector=, port=, at=, mode= and rate=");
}

/* Up to a blank or a comma; false when none is left. */
static bool next_word(struct slice *rest, struct slice *word)
{
    size_t len = 0;

    while (rest->len && (*rest->at == ' ' || *rest->at == ',')) {
        rest->at++;
        rest->len--;
    }
    while (len < rest->len && rest->at[len] != ' ' && rest->at[len] != ',')
        len++;
    *word = (struct slice){rest->at, len};
    *rest = (struct slice){rest->at + len, rest->len - len};
    return len > 0;
}

bool trace_filter_parse(const struct vm *vm, struct slice words,
                        struct trace_filter *out, char *error, size_t size)
{
    struct parse p = {vm, out, error, size};
    struct slice rest = words, word, second;
    bool any = next_word(&rest, &word), off = any && slice_eq(word, "off");

    *out = (struct trace_filter){0};
    if (!any)
        return refuse(&p, "names nothing", words,
                      "off, all, or kinds of events are wanted, such as "
                      "priv,syscall");
    if (off && next_word(&rest, &second))
        return refuse(&p, "does not go with others", word,
                      "`off` stands alone");
    if (off)
        return true;
    for (; any; any = next_word(&rest, &word)) {
        if (!take_word(&p, word))
            return false;
    }
    if (!out->events)
        out->events = ALL;
    return true;
}

/* ---- back into words */

static void add_kinds(struct text *t, u64 events)
{
    for (u32 i = 0; i < TRACE_GROUPS; i++) {
        if ((events & events_of(i)) != events_of(i))
            continue;
        text_add(t, "%s%s", t->len ? "," : "", trace_group_words[i]);
        events &= ~events_of(i);
    }
    for (u32 i = 0; i < TRACE_EVENTS; i++) {
        if (events & BIT64(i))
            text_add(t, "%s%s", t->len ? "," : "", trace_catalogue[i].name);
    }
}

static void add_range(struct text *t, const char *key,
                      const struct trace_range *r)
{
    text_add(t, r->low == r->high ? " %s=0x%x" : " %s=0x%x-0x%x", key, r->low,
             r->high);
}

void trace_filter_format(const struct trace_filter *f, char *out, size_t size)
{
    struct text t = text_of(out, size);

    if (!f->events || f->events == ALL)
        text_add(&t, "%s", f->events ? "all" : "off");
    else
        add_kinds(&t, f->events);
    if (f->by_vector)
        add_range(&t, "vector", &f->vector);
    if (f->by_port)
        add_range(&t, "port", &f->port);
    if (f->by_at)
        add_range(&t, "at", &f->at);
    if (f->mode)
        text_add(&t, " mode=%s", f->mode == TRACE_USER ? "user" : "kernel");
    if (f->rate)
        text_add(&t, " rate=%u", f->rate);
}

u32 trace_filter_groups(const struct trace_filter *filter)
{
    u32 groups = 0;

    for (u32 i = 0; i < TRACE_EVENTS; i++) {
        if (filter->events & BIT64(i))
            groups |= BIT(trace_catalogue[i].group);
    }
    return groups;
}

/* ---- records */

static bool within(const struct trace_range *r, u64 value)
{
    return value >= r->low && value <= r->high;
}

/* CR2 in a record of what is no page fault: there is none, and it is 0. */
static bool no_address(const struct trace_record *r, u32 types, u32 value)
{
    u32 vector = r->event == TRACE_EXIT ? r->arg[1] : r->arg[0];
    bool fault = r->event == TRACE_EXIT || r->event == TRACE_EXCEPTION ||
                 r->event == TRACE_TRIPLE_FAULT;

    return types == ADDRESSES && !value && fault && vector != TRAP_PF;
}

/* Does a field of one of these types (a bit each) lie in the range? */
static bool any_field(const struct trace_record *record,
                      const struct trace_range *range, u32 types)
{
    const struct trace_row *row = &trace_catalogue[record->event];

    for (u32 i = 0; row->field[i].type != TRACE_NO_TYPE; i++) {
        u32 value = record->arg[trace_word(row, i)];
        if ((types & BIT(row->field[i].type)) && within(range, value) &&
            !no_address(record, types, value))
            return true;
    }
    return false;
}

static bool passes_at(const struct trace_filter *f,
                      const struct trace_record *record)
{
    return within(&f->at, record->eip) || any_field(record, &f->at, ADDRESSES);
}

bool trace_filter_passes(const struct trace_filter *f,
                         const struct trace_record *record)
{
    if (!(f->events & BIT64(record->event)))
        return false;
    if (f->mode && (f->mode == TRACE_USER) != (record->cpl == 3))
        return false;
    if (f->by_vector && !any_field(record, &f->vector, BIT(TRACE_TYPE_VECTOR)))
        return false;
    if (f->by_port && !any_field(record, &f->port, BIT(TRACE_TYPE_PORT)))
        return false;
    return !f->by_at || passes_at(f, record);
}
