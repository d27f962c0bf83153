/* SPDX-License-Identifier: MIT
 *
 * See config.h. Each key is a row: its name, its parser, and what a good
 * value looks like (the second half of every error sentence). Parsing goes
 * word by word up to "--"; what follows is the guest's own and taken as it is.
 * A repeated key is an error, because whichever one we took would be a guess.
 */
#include "vmm/vm/config.h"
#include "vmm/base/bits.h"
#include "vmm/base/fmt.h"
#include "vmm/mm/disk.h"
#include "vmm/vm/sched.h"
#include "vmm/vm/trace_filter.h"

struct key {
    const char *name;
    bool (*parse)(struct slice value, struct vm_config *out);
    const char *wanted;
};

static bool good_name(struct slice s)
{
    if (!s.len || s.len > VM_NAME_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i], letter = c | 32;
        if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '_')
            return false;
    }
    return true;
}

static bool parse_vm(struct slice value, struct vm_config *out)
{
    out->kind = CONFIG_VM;
    return good_name(value) && slice_copy(out->name, sizeof(out->name), value);
}

static bool parse_for(struct slice value, struct vm_config *out)
{
    out->kind = CONFIG_ATTACH;
    return good_name(value) && slice_copy(out->name, sizeof(out->name), value);
}

static bool parse_mem(struct slice value, struct vm_config *out)
{
    return slice_bytes(value, &out->mem) && out->mem >= VM_MEM_MIN &&
           out->mem <= VM_MEM_MAX && !(out->mem & PAGE_MASK);
}

static bool parse_exec(struct slice value, struct vm_config *out)
{
    out->exec = slice_eq(value, "interp") ? EXEC_INTERP : EXEC_TRAP;
    return slice_eq(value, "interp") || slice_eq(value, "trap");
}

static bool parse_interp(struct slice value, struct vm_config *out)
{
    bool plain = slice_eq(value, "plain");

    out->dispatch = plain ? DISPATCH_PLAIN : DISPATCH_THREADED;
    return plain || slice_eq(value, "threaded");
}

static bool parse_shadow(struct slice value, struct vm_config *out)
{
    out->shadow = slice_eq(value, "vtlb") ? SHADOW_VTLB : SHADOW_CACHED;
    return slice_eq(value, "vtlb") || slice_eq(value, "cached");
}

static bool parse_weight(struct slice value, struct vm_config *out)
{
    u64 weight;

    if (!slice_number(value, &weight) || !weight || weight > VM_WEIGHT_MAX)
        return false;
    out->weight = (u32)weight;
    return true;
}

static bool parse_cap(struct slice value, struct vm_config *out)
{
    u64 cap;

    if (!slice_number(value, &cap) || !cap || cap > 100)
        return false;
    out->cap = (u32)cap;
    return true;
}

static bool parse_length(struct slice value, struct vm_config *out)
{
    return slice_time(value, &out->length) && out->length &&
           out->length <= SCHED_TIME_MAX;
}

static bool parse_disk(struct slice value, struct vm_config *out)
{
    return slice_bytes(value, &out->disk) && out->disk >= DISK_MIN &&
           out->disk <= DISK_MAX && !(out->disk & PAGE_MASK);
}

static bool parse_trace(struct slice value, struct vm_config *out)
{
    struct trace_filter filter;
    char error[2];

    return trace_filter_parse(NULL, value, &filter, error, sizeof(error)) &&
           slice_copy(out->trace, sizeof(out->trace), value);
}

static const struct key keys[] = {
    {"vm", parse_vm, "a name of 1 to 15 letters, digits, '-' or '_'"},
    {"for", parse_for, "the name of the VM it is for"},
    {"mem", parse_mem, "a size from 1M to 3G in whole pages, such as 32M"},
    {"exec", parse_exec, "trap or interp (bt comes later)"},
    {"interp", parse_interp, "threaded or plain"},
    {"shadow", parse_shadow, "vtlb or cached"},
    {"weight", parse_weight, "a number from 1 to 100"},
    {"cap", parse_cap, "at most so many percent of the processor, 1 to 100"},
    {"length", parse_length,
     "the processor time of a burst, up to 60s, such as 20ms"},
    {"disk", parse_disk, "a size from 64K to 1G in whole pages, such as 16M"},
    {"trace", parse_trace,
     "off, all, or kinds of events and filters as `help trace` lists them, "
     "such as priv,syscall,mode=user"},
};

const char *config_key(u32 i, const char **wanted)
{
    if (i >= ARRAY_LEN(keys))
        return NULL;
    *wanted = keys[i].wanted;
    return keys[i].name;
}

/* How many letters two words share at the same place. */
static u32 likeness(struct slice word, const char *name)
{
    u32 same = 0;

    for (size_t i = 0; i < word.len && name[i]; i++)
        same += word.at[i] == name[i];
    return same;
}

static const char *nearest(struct slice word)
{
    const char *best = keys[0].name;
    u32 most = 0;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        u32 same = likeness(word, keys[i].name);
        if (same > most) {
            most = same;
            best = keys[i].name;
        }
    }
    return best;
}

struct parse {
    struct vm_config *out;
    u32 seen; /* bit per key */
    char *error;
    size_t size;
};

static bool unknown(struct parse *p, struct slice word, struct slice key)
{
    fmt_buf(
        p->error, p->size,
        "\"%.*s\" is not a key it knows; did you mean %s=? (the keys are "
        "vm, for, mem, exec, interp, shadow, weight, cap, length, disk, trace; "
        "the guest's own words go behind --)",
        (int)word.len, word.at, nearest(key));
    return false;
}

static bool take_key(struct parse *p, u32 i, struct slice word,
                     struct slice value)
{
    const struct key *key = &keys[i];

    if (p->seen & BIT(i)) {
        fmt_buf(p->error, p->size, "%s= is given twice; keep one", key->name);
        return false;
    }
    p->seen |= BIT(i);
    if (!value.len) {
        fmt_buf(p->error, p->size, "%s= has no value; it wants %s", key->name,
                key->wanted);
        return false;
    }
    if (key->parse(value, p->out))
        return true;
    fmt_buf(p->error, p->size, "\"%.*s\" will not do; %s= wants %s",
            (int)word.len, word.at, key->name, key->wanted);
    return false;
}

static bool take_word(struct parse *p, struct slice word)
{
    struct slice key, value;

    slice_split(word, '=', &key, &value);
    for (u32 i = 0; i < ARRAY_LEN(keys); i++) {
        if (slice_eq(key, keys[i].name))
            return take_key(p, i, word, value);
    }
    return unknown(p, word, key);
}

/* Can it be changed while the VM runs? */
static bool live(const struct key *key)
{
    return key->parse == parse_weight || key->parse == parse_cap ||
           key->parse == parse_length;
}

static bool change(struct parse *p, struct slice word)
{
    struct slice key, value;

    slice_split(word, '=', &key, &value);
    for (u32 i = 0; i < ARRAY_LEN(keys); i++) {
        if (live(&keys[i]) && slice_eq(key, keys[i].name))
            return take_key(p, i, word, value);
    }
    fmt_buf(p->error, p->size,
            "\"%.*s\" cannot be changed while a VM runs; weight=, cap= and "
            "length= can",
            (int)word.len, word.at);
    return false;
}

bool config_change(struct slice words, struct vm_config *out, char *error,
                   size_t size)
{
    struct vm_config wanted = *out;
    struct parse p = {.out = &wanted, .error = error, .size = size};
    struct slice word;

    while (slice_word(&words, &word)) {
        if (!change(&p, word))
            return false;
    }
    *out = wanted;
    return true;
}

static struct slice trimmed(struct slice s)
{
    while (s.len && s.at[0] == ' ')
        s = (struct slice){s.at + 1, s.len - 1};
    while (s.len && s.at[s.len - 1] == ' ')
        s.len--;
    return s;
}

static bool take_line(struct parse *p, struct slice rest)
{
    if (slice_copy(p->out->line, sizeof(p->out->line), trimmed(rest)))
        return true;
    fmt_buf(p->error, p->size,
            "the guest's command line is longer than %u characters; shorten "
            "what is behind --",
            VM_LINE_MAX - 1);
    return false;
}

static bool consistent(struct parse *p)
{
    u32 vm = p->seen & 1, attach = p->seen & 2;

    if (!(vm && attach) && (vm || attach || !p->seen))
        return true;
    fmt_buf(p->error, p->size,
            vm ? "vm= and for= exclude each other; a module is a guest or is "
                 "for one"
               : "there is no vm=; give the guest a name, such as vm=alpha");
    return false;
}

/* Everything behind for=NAME is the module's own line. */
static bool ends_here(const struct parse *p, struct slice word)
{
    return slice_eq(word, "--") || p->out->kind == CONFIG_ATTACH;
}

bool config_parse(const char *line, struct vm_config *out, char *error,
                  size_t size)
{
    struct parse p = {.out = out, .error = error, .size = size};
    struct slice rest = slice_of(line), before = rest, word;

    *out = (struct vm_config){
        .mem = 32u << 20, .shadow = SHADOW_CACHED, .weight = 1};
    for (; slice_word(&rest, &word); before = rest) {
        if (ends_here(&p, word)) {
            bool dashes = slice_eq(word, "--");
            if (!take_line(&p, dashes ? rest : before))
                return false;
            break;
        }
        if (!take_word(&p, word))
            return false;
    }
    return consistent(&p);
}
