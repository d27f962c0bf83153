/* SPDX-License-Identifier: MIT
 *
 * See trace.h. The catalogue is data made from trace.def; the words of the
 * enumerations stand here, each by the enum it names. A record is written in
 * place in the ring, and what it says of its place there is all that a reader
 * needs: a cursor that is more than a ring behind has lost the difference.
 */
#include "vmm/vm/trace.h"
#include "vmm/base/str.h"
#include "vmm/vm/vm.h"

const struct trace_row trace_catalogue[TRACE_EVENTS] = {
#define FIELD(type, name) {TRACE_TYPE_##type, #name},
#define EVENT(id, name, group, fields, text)                                   \
    [TRACE_##id] = {name, text, TRACE_GROUP_##group, {fields}},
#include "vmm/vm/trace.def"
#undef FIELD
};

const char *const trace_group_words[TRACE_GROUPS] = {
#define GROUP(id, word, text) word,
#include "vmm/vm/trace.def"
};

const char *const trace_group_texts[TRACE_GROUPS] = {
#define GROUP(id, word, text) text,
#include "vmm/vm/trace.def"
};

const char *const trace_type_words[TRACE_TYPES] = {
#define TYPE(id, word, words) [TRACE_TYPE_##id] = (word),
#include "vmm/vm/trace.def"
};

static const u8 type_sizes[TRACE_TYPES] = {
#define TYPE(id, word, words) [TRACE_TYPE_##id] = (words),
#include "vmm/vm/trace.def"
};

u32 trace_type_size(enum trace_type type)
{
    return type_sizes[type];
}

static const char *const reg_words[] = {"eax", "ecx", "edx", "ebx",
                                        "esp", "ebp", "esi", "edi"};
static const char *const table_words[] = {
    [TABLE_GDT] = "gdt",
    [TABLE_IDT] = "idt",
    [TABLE_LDT] = "ldt",
    [TABLE_TSS] = "tss",
};
static const char *const end_words[TRACE_ENDS] = {
    [TRACE_END_SLICE] = "slice", [TRACE_END_HALT] = "halt",
    [TRACE_END_IRQ] = "irq",     [TRACE_END_STOP] = "stop",
    [TRACE_END_RESET] = "reset",
};

static const char *const reason_words[SHADOW_REASONS] = {
    [SHADOW_BY_CR3] = "cr3",         [SHADOW_BY_MODE] = "mode",
    [SHADOW_BY_INVLPG] = "invlpg",   [SHADOW_BY_MEMORY] = "memory",
    [SHADOW_BY_FILL] = "fill",       [SHADOW_BY_WRITE] = "write",
    [SHADOW_BY_FLOOD] = "flood",     [SHADOW_BY_REAP] = "reap",
    [SHADOW_BY_WATCH] = "watch",     [SHADOW_BY_LET_GO] = "let_go",
    [SHADOW_BY_NO_ROOM] = "no_room",
};

static const char *word_of(const char *const *words, u32 count, u32 value)
{
    return value < count ? words[value] : NULL;
}

/* EXIT_KINDS: it was none of them, for it killed the VM. */
static const char *exit_word(u32 value)
{
    if (value == EXIT_KINDS)
        return "fatal";
    return value < EXIT_KINDS ? exit_kind_name((enum exit_kind)value) : NULL;
}

const char *trace_enum_word(enum trace_type type, u32 value)
{
    switch (type) {
    case TRACE_TYPE_ENUM_EXIT:
        return exit_word(value);
    case TRACE_TYPE_ENUM_REG:
        return word_of(reg_words, ARRAY_LEN(reg_words), value);
    case TRACE_TYPE_ENUM_TABLE:
        return word_of(table_words, ARRAY_LEN(table_words), value);
    case TRACE_TYPE_ENUM_END:
        return word_of(end_words, ARRAY_LEN(end_words), value);
    case TRACE_TYPE_ENUM_REASON:
        return word_of(reason_words, ARRAY_LEN(reason_words), value);
    default:
        return NULL;
    }
}

enum trace_group trace_group_find(struct slice word)
{
    u32 group = 0;

    while (group < TRACE_GROUPS && !slice_eq(word, trace_group_words[group]))
        group++;
    return (enum trace_group)group;
}

/* A group's bit, or all of them, for "all"; 0 for other words. */
static u32 group_mask(struct slice word)
{
    enum trace_group group = trace_group_find(word);

    if (slice_eq(word, "all"))
        return TRACE_EVERYTHING;
    return group < TRACE_GROUPS ? BIT(group) : 0;
}

bool trace_groups_add(struct slice word, bool first, u32 *groups)
{
    bool without = word.len && word.at[0] == '-';
    u32 mask =
        group_mask(without ? (struct slice){word.at + 1, word.len - 1} : word);

    if (first)
        *groups = without ? TRACE_EVERYTHING : 0;
    *groups = without ? *groups & ~mask : *groups | mask;
    return mask != 0;
}

bool trace_groups_parse(struct slice words, u32 *groups)
{
    bool first = true, more = true;
    struct slice word;

    for (; more; first = false) {
        more = slice_split(words, ',', &word, &words);
        if (!trace_groups_add(word, first, groups))
            return false;
    }
    return true;
}

u32 trace_word(const struct trace_row *row, u32 i)
{
    u32 words = 0;

    for (u32 k = 0; k < i; k++)
        words += type_sizes[row->field[k].type];
    return words;
}

void trace_init(struct trace_ring *ring, struct trace_record *record, u32 count)
{
    *ring = (struct trace_ring){record, count - 1, 0};
}

struct trace_cursor trace_tail(const struct trace_ring *ring)
{
    return (struct trace_cursor){.next = ring->next};
}

u32 trace_read(const struct trace_ring *ring, struct trace_cursor *cursor,
               struct trace_record *out, u32 most)
{
    u64 behind = ring->next - cursor->next, kept = (u64)ring->mask + 1;
    u32 count;

    if (behind > kept) {
        cursor->lost += behind - kept;
        cursor->next = ring->next - kept;
        behind = kept;
    }
    count = (u32)min_u64(behind, most);
    for (u32 i = 0; i < count; i++)
        out[i] = ring->record[(u32)cursor->next++ & ring->mask];
    return count;
}

/* Without a ring nobody gets anything, so nothing is to be written. */
static void set_wish(const struct hv *hv, struct trace_wish *wish,
                     enum trace_consumer who, u32 groups)
{
    wish->by[who] = groups & TRACE_EVERYTHING;
    wish->all = 0;
    for (u32 i = 0; i < TRACE_CONSUMERS && hv->trace.record; i++)
        wish->all |= wish->by[i];
}

void trace_want(struct vm *vm, enum trace_consumer who, u32 groups)
{
    set_wish(vm->hv, &vm->tracing, who, groups);
}

void trace_want_hv(struct hv *hv, enum trace_consumer who, u32 groups)
{
    set_wish(hv, &hv->tracing, who, groups);
}

void trace_want_all(struct hv *hv, enum trace_consumer who, u32 groups)
{
    trace_want_hv(hv, who, groups);
    set_wish(hv, &hv->trace_new, who, groups);
    for (u32 i = 0; i < HV_VMS; i++) {
        if (hv->vm[i].state != VM_EMPTY)
            trace_want(&hv->vm[i], who, groups);
    }
}

void trace_adopt(struct vm *vm)
{
    vm->tracing = vm->hv->trace_new;
}

struct trace_record *trace_next(struct vm *vm, enum trace_event event, u32 eip,
                                u32 cpl)
{
    return trace_put(&vm->hv->trace, event, vm->slot + 1, eip, cpl);
}

struct trace_record *trace_next_hv(struct hv *hv, enum trace_event event)
{
    return trace_put(&hv->trace, event, 0, 0, 0);
}

void trace_text(struct trace_record *record, const char *text)
{
    u8 bytes[sizeof(record->arg)] = {0};

    memcpy(bytes, text, min_u64(str_len(text), sizeof(bytes)));
    memcpy(record->arg, bytes, sizeof(bytes));
}
