/* SPDX-License-Identifier: MIT
 *
 * See trace_line.h. Whatever a record holds, hostile names and values of no
 * enumeration among it, becomes printable text.
 *
 * LIMIT: an instruction is shown as the code segment of now decodes it.
 */
#include "vmm/vm/trace_line.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/fmt.h"
#include "vmm/base/str.h"
#include "vmm/base/text.h"
#include "vmm/cpu/blame.h"
#include "vmm/cpu/decode.h"
#include "vmm/vm/vm.h"

struct line {
    const struct vm *vm; /* null: of the hypervisor itself */
    const struct trace_record *record;
    struct text text;
};

static void add_address(struct line *l, u32 at)
{
    char text[SYMBOL_NAME + 16];

    if (!l->vm) {
        text_add(&l->text, "0x%08x", at);
        return;
    }
    symbols_print(l->vm, at, text, sizeof(text));
    text_add(&l->text, "%s", text);
}

void trace_vector(u32 vector, char *out, size_t size)
{
    const char *name =
        vector < TRAP_EXCEPTIONS ? blame_mnemonic((u8)vector) : NULL;

    if (name)
        fmt_buf(out, size, "%u (%s)", vector, name);
    else
        fmt_buf(out, size, "0x%02x", vector);
}

static void add_vector(struct line *l, u32 vector)
{
    char text[24];

    trace_vector(vector, text, sizeof(text));
    text_add(&l->text, "%s", text);
}

/* Characters that a terminal might obey are left out. */
static void add_text(struct line *l, const u32 *arg)
{
    const u8 *at = (const u8 *)arg;

    for (u32 i = 0; i < TRACE_ARGS * sizeof(u32) && at[i]; i++)
        text_add(&l->text, "%c", at[i] >= ' ' && at[i] <= '~' ? at[i] : '?');
}

static void add_code(struct line *l, const u32 *arg)
{
    bool code32 = !l->vm || (l->vm->cpu.seg[SEG_CS].attr & ATTR_DB);
    u32 count = trace_type_size(TRACE_TYPE_BYTES) * (u32)sizeof(u32);
    const u8 *bytes = (const u8 *)arg;
    struct insn insn;
    char text[80];

    if (insn_decode(bytes, count, code32, &insn) == DECODE_OK) {
        insn_print(&insn, l->record->eip, text, sizeof(text));
        text_add(&l->text, "%s", text);
        return;
    }
    for (u32 i = 0; i < count; i++)
        text_add(&l->text, "%s%02x", i ? " " : "", bytes[i]);
}

static void add_word(struct line *l, enum trace_type type, u32 value)
{
    const char *word = trace_enum_word(type, value);

    if (word)
        text_add(&l->text, "%s", word);
    else
        text_add(&l->text, "%u", value);
}

static void add_value(struct line *l, enum trace_type type, const u32 *arg)
{
    u64 wide = arg[0];

    if (trace_type_size(type) == 2)
        wide |= (u64)arg[1] << 32;
    switch (type) {
    case TRACE_TYPE_X32:
    case TRACE_TYPE_GPA:
        text_add(&l->text, "0x%08x", arg[0]);
        break;
    case TRACE_TYPE_X64:
        text_add(&l->text, "0x%016llx", (unsigned long long)wide);
        break;
    case TRACE_TYPE_U64:
        text_add(&l->text, "%llu", (unsigned long long)wide);
        break;
    case TRACE_TYPE_PORT:
    case TRACE_TYPE_GFN:
        text_add(&l->text, "0x%x", arg[0]);
        break;
    case TRACE_TYPE_BYTES:
        add_code(l, arg);
        break;
    case TRACE_TYPE_TEXT:
        add_text(l, arg);
        break;
    case TRACE_TYPE_VECTOR:
        add_vector(l, arg[0]);
        break;
    case TRACE_TYPE_GVA:
        add_address(l, arg[0]);
        break;
    default:
        add_word(l, type, arg[0]);
    }
}

/* The field that a "{name" begins with; how long the name is. */
static size_t add_field(struct line *l, const struct trace_row *row,
                        const char *name)
{
    for (u32 i = 0; row->field[i].type != TRACE_NO_TYPE; i++) {
        const struct trace_field *field = &row->field[i];
        size_t len = str_len(field->name);
        if (!str_starts(name, field->name) || name[len] != '}')
            continue;
        add_value(l, field->type, &l->record->arg[trace_word(row, i)]);
        return len + 1;
    }
    return 0;
}

/* Is it about the code that the guest was in? */
static bool has_place(const struct trace_row *row)
{
    return row->group != TRACE_GROUP_SCHED && row->group != TRACE_GROUP_MONITOR;
}

size_t trace_line(const struct hv *hv, const struct trace_record *record,
                  char *out, size_t size)
{
    const struct trace_row *row = &trace_catalogue[record->event];
    struct line l = {.vm = record->vm ? &hv->vm[record->vm - 1] : NULL,
                     .record = record,
                     .text = text_of(out, size)};

    for (const char *at = row->text; *at;) {
        char c = *at++;
        if (c == '{')
            at += add_field(&l, row, at);
        else
            text_add(&l.text, "%c", c);
    }
    if (l.vm && has_place(row)) {
        text_add(&l.text, " at ");
        add_address(&l, record->eip);
        text_add(&l.text, "%s", record->cpl == 3 ? " (user)" : "");
    }
    return l.text.len;
}
