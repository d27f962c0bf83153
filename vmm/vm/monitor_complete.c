/* SPDX-License-Identifier: MIT
 *
 * Tab: what could stand where the cursor is.
 *
 * The word before the cursor is compared with everything that could be there:
 * commands, names of VMs, the words of the command's row, for `create` the
 * keys of a module line, and where an address can stand the guest's symbols,
 * once two letters are typed. What all that fit have in common is put in, and
 * a blank when there is only one, but not behind a "="; when nothing can be put
 * in, those that fit are listed above the prompt.
 *
 * Candidates are gone through by number (nth()), twice: no list is kept.
 */
#include "vmm/base/bits.h"
#include "vmm/vm/monitor_impl.h"
#include "vmm/vm/symbols.h"

#define SYMBOL_LEAST 2 /* letters */

/* Where the cursor is: number of the word, and the part of it before. */
struct place {
    struct hv *hv;
    const struct vm *vm;                   /* by the second word; may be null */
    const struct monitor_command *command; /* by the first word; may be null */
    u32 word;
    struct slice part;
};

static const struct vm *find_vm(struct hv *hv, struct slice word)
{
    char name[VM_NAME_MAX + 1];

    return slice_copy(name, sizeof(name), word) ? hv_find(hv, name) : NULL;
}

static struct place place_of(struct hv *hv)
{
    const struct lineedit *e = &hv->console.edit;
    struct slice rest = {e->text, e->cursor}, word;
    struct place p = {.hv = hv, .part = {e->text + e->cursor, 0}};

    while (slice_word(&rest, &word)) {
        if (word.at + word.len == e->text + e->cursor) {
            p.part = word;
            break;
        }
        if (p.word == 0)
            p.command = monitor_find(word);
        if (p.word == 1)
            p.vm = find_vm(hv, word);
        p.word++;
    }
    return p;
}

static bool takes_vm(const struct place *p)
{
    return p->command && p->command->takes != TAKES_NOTHING &&
           p->command->takes != TAKES_WORDS;
}

static bool nth_command(u32 n, struct slice *out)
{
    if (n >= monitor_commands_count)
        return false;
    *out = slice_of(monitor_commands[n].name);
    return true;
}

static bool nth_vm(const struct hv *hv, u32 n, struct slice *out)
{
    for (u32 i = 0; i < HV_VMS; i++) {
        if (hv->vm[i].state == VM_EMPTY || n--)
            continue;
        *out = slice_of(hv->vm[i].config.name);
        return true;
    }
    return false;
}

static bool nth_word(const char *words, u32 n, struct slice *out)
{
    struct slice rest = slice_of(words ? words : "");

    while (slice_word(&rest, out)) {
        if (!n--)
            return true;
    }
    return false;
}

/* The name of a VM, or what may stand in its place. */
static bool nth_first(const struct place *p, u32 n, struct slice *out)
{
    u32 vms = 0;

    while (nth_vm(p->hv, vms, out))
        vms++;
    return n < vms ? nth_vm(p->hv, n, out)
                   : nth_word(p->command->first, n - vms, out);
}

/* A key of `create`, as far as the "=". */
static bool nth_key(u32 n, struct slice *out)
{
    const char *wanted, *key = config_key(n, &wanted);

    if (!key)
        return false;
    *out = slice_of(key);
    return true;
}

/* A word of the row, or behind those a symbol. */
static bool nth_operand(const struct place *p, u32 n, struct slice *out)
{
    const char *words = p->command->words;
    struct symbol symbol;
    u32 fixed = 0;

    while (nth_word(words, fixed, out))
        fixed++;
    if (n < fixed)
        return nth_word(words, n, out);
    if (!p->vm || !p->command->addresses || p->part.len < SYMBOL_LEAST ||
        !symbols_at(p->vm, n - fixed, &symbol))
        return false;
    *out = symbol.name;
    return true;
}

static bool nth(const struct place *p, u32 n, struct slice *out)
{
    if (!p->word)
        return nth_command(n, out);
    if (!p->command)
        return false;
    if (p->command->run == monitor_help)
        return p->word == 1 && nth_command(n, out);
    if (p->command->run == monitor_create)
        return nth_key(n, out);
    if (p->word == 1 && takes_vm(p))
        return nth_first(p, n, out);
    return nth_operand(p, n, out);
}

static bool fits(const struct place *p, struct slice candidate)
{
    return candidate.len >= p->part.len &&
           !memcmp(candidate.at, p->part.at, p->part.len);
}

/* How many fit, and what they have in common (of the first one). */
static u32 common(const struct place *p, struct slice *out)
{
    struct slice one;
    u32 count = 0;

    for (u32 n = 0; nth(p, n, &one); n++) {
        if (!fits(p, one))
            continue;
        if (!count++)
            *out = one;
        out->len = min_u64(out->len, one.len);
        for (size_t i = 0; i < out->len; i++) {
            if (one.at[i] != out->at[i])
                out->len = i;
        }
    }
    return count;
}

static void list(const struct place *p)
{
    char text[CONSOLE_PRINT];
    size_t len = 0;
    struct slice one;

    text[0] = 0;
    for (u32 n = 0; nth(p, n, &one) && len < sizeof(text); n++) {
        if (fits(p, one))
            len += fmt_buf(text + len, sizeof(text) - len, "%s%.*s",
                           len ? "  " : "", (int)one.len, one.at);
    }
    console_write(&p->hv->console, text, min_u64(len, sizeof(text) - 1));
}

void monitor_complete(struct hv *hv)
{
    struct place p = place_of(hv);
    struct console *c = &hv->console;
    struct slice all = {0};
    u32 count = common(&p, &all);
    bool key = p.command && p.command->run == monitor_create;

    if (!count)
        return;
    if (count > 1 && all.len == p.part.len) {
        list(&p);
        return;
    }
    lineedit_insert(&c->edit, all.at + p.part.len, all.len - p.part.len,
                    &c->out);
    if (count == 1 && all.at[all.len - 1] != '=')
        lineedit_insert(&c->edit, key ? "=" : " ", 1, &c->out);
}
