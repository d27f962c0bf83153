/* SPDX-License-Identifier: MIT
 *
 * The monitor: from a typed line to the command that answers it.
 *
 * Commands are a const table (monitor_table.c); each row says what it takes, so
 * that the words are checked in one place and a command that wants a VM always
 * has one. A wrong word is answered with what would be right: the nearest
 * command (by edit distance, at most two letters off), the usage, or the names
 * there are.
 *
 * The monitor runs between two turns of the loop, so nothing changes under
 * its hands. monitor_life.c and monitor_show.c hold the commands themselves.
 */
#include "vmm/base/bits.h"
#include "vmm/vm/monitor_impl.h"

#define WORD_MAX 24 /* longer words are like no command */
#define NEAR     2  /* edits */

/* Levenshtein's distance, by one row of his table. */
static u32 distance(struct slice word, const char *name)
{
    u32 row[WORD_MAX + 1];

    if (word.len > WORD_MAX)
        return WORD_MAX;
    for (u32 i = 0; i <= word.len; i++)
        row[i] = i;
    for (u32 j = 0; name[j]; j++) {
        u32 corner = row[0];
        row[0] = j + 1;
        for (u32 i = 0; i < word.len; i++) {
            u32 swap = corner + (word.at[i] != name[j]);
            corner = row[i + 1];
            row[i + 1] = min_u32(swap, min_u32(row[i], corner) + 1);
        }
    }
    return row[word.len];
}

static const struct monitor_command *nearest(struct slice word)
{
    const struct monitor_command *best = NULL;
    u32 least = NEAR + 1;

    for (u32 i = 0; i < monitor_commands_count; i++) {
        u32 d = distance(word, monitor_commands[i].name);
        if (d >= least || d >= word.len)
            continue;
        least = d;
        best = &monitor_commands[i];
    }
    return best;
}

const struct monitor_command *monitor_find(struct slice word)
{
    for (u32 i = 0; i < monitor_commands_count; i++) {
        if (slice_eq(word, monitor_commands[i].name))
            return &monitor_commands[i];
    }
    return NULL;
}

static void unknown(const struct monitor_args *args, struct slice word)
{
    const struct monitor_command *near = nearest(word);

    if (near)
        say(args, "\"%.*s\" is not a command; did you mean `%s`?",
            (int)word.len, word.at, near->name);
    else
        say(args, "\"%.*s\" is not a command; `help` lists those there are.",
            (int)word.len, word.at);
}

static void usage(const struct monitor_args *args,
                  const struct monitor_command *c)
{
    say(args, "usage: %s%s%s", c->name, *c->usage ? " " : "", c->usage);
}

static void help_one(const struct monitor_args *args, struct slice word)
{
    const struct monitor_command *c = monitor_find(word);

    if (!c) {
        unknown(args, word);
        return;
    }
    usage(args, c);
    say(args, "  %s", c->help);
    if (c->more)
        say(args, "\n%s", c->more);
    if (c->run == monitor_create)
        monitor_create_help(args);
}

void monitor_help(const struct monitor_args *args)
{
    struct slice rest = args->rest, word;

    if (slice_word(&rest, &word)) {
        help_one(args, word);
        return;
    }
    for (u32 i = 0; i < monitor_commands_count; i++)
        say(args, "  %-9s %s", monitor_commands[i].name,
            monitor_commands[i].help);
    say(args, "`help COMMAND` shows how to use it, Tab what could come next.");
}

/* "alpha, beta" */
static void name_vms(const struct hv *hv, char *out, size_t size)
{
    size_t len = 0;

    out[0] = 0;
    for (u32 i = 0; i < HV_VMS && len < size; i++) {
        if (hv->vm[i].state == VM_EMPTY)
            continue;
        len += fmt_buf(out + len, size - len, "%s%s", len ? ", " : "",
                       hv->vm[i].config.name);
    }
}

static void no_such_vm(const struct monitor_args *args, struct slice name)
{
    char names[HV_VMS * (VM_NAME_MAX + 2) + 1];

    name_vms(args->hv, names, sizeof(names));
    if (names[0])
        say(args, "There is no VM named \"%.*s\"; there are: %s.",
            (int)name.len, name.at, names);
    else
        say(args, "There is no VM named \"%.*s\"; there is none at all.",
            (int)name.len, name.at);
}

bool monitor_take_vm(struct monitor_args *args)
{
    char name[VM_NAME_MAX + 1];
    struct slice word = {0};

    slice_word(&args->rest, &word);
    if (slice_copy(name, sizeof(name), word))
        args->vm = hv_find(args->hv, name);
    if (!args->vm)
        no_such_vm(args, word);
    return args->vm != NULL;
}

static bool take_vm(struct monitor_args *args,
                    const struct monitor_command *command)
{
    struct slice rest = args->rest, word;

    if (slice_word(&rest, &word))
        return monitor_take_vm(args);
    usage(args, command);
    return false;
}

/* Does the name of a VM come next? */
static bool wants_vm(enum monitor_takes takes, struct slice rest)
{
    struct slice word;

    switch (takes) {
    case TAKES_VM:
    case TAKES_VM_AND:
    case TAKES_VM_OR_MORE:
    case TAKES_VM_ANY:
        return true;
    case TAKES_VM_OR_NONE:
        return slice_word(&rest, &word);
    default:
        return false;
    }
}

/* Are there as many words left as the command takes? */
static bool fits(enum monitor_takes takes, struct slice rest)
{
    struct slice word;
    bool more = slice_word(&rest, &word);

    switch (takes) {
    case TAKES_NOTHING:
    case TAKES_VM:
    case TAKES_VM_OR_NONE:
        return !more;
    case TAKES_VM_AND:
        return more;
    case TAKES_VM_OR_MORE:
        return !slice_word(&rest, &word);
    default:
        return true;
    }
}

void monitor_say(const struct sink *out, const char *format, ...)
{
    char text[CONSOLE_PRINT + 1];
    va_list args;
    size_t len;

    if (!out->put)
        return;
    va_start(args, format);
    len = fmt_vbuf(text, CONSOLE_PRINT, format, args);
    va_end(args);
    len = min_u64(len, CONSOLE_PRINT - 1);
    text[len] = '\n';
    out->put(out->ctx, text, len + 1);
}

void monitor_command_to(struct hv *hv, const char *line, const struct sink *out)
{
    struct monitor_args args = {.hv = hv, .out = out, .rest = slice_of(line)};
    const struct monitor_command *command;
    struct slice word;

    if (!slice_word(&args.rest, &word))
        return;
    if (TRACE_WANTS(hv, COMMAND))
        trace_text(trace_next_hv(hv, TRACE_COMMAND), line);
    command = monitor_find(word);
    if (!command) {
        unknown(&args, word);
        return;
    }
    if (wants_vm(command->takes, args.rest) && !take_vm(&args, command))
        return;
    if (fits(command->takes, args.rest))
        command->run(&args);
    else
        usage(&args, command);
}

static void to_console(void *ctx, const char *text, size_t len)
{
    console_piece(ctx, text, len);
}

struct sink monitor_console(struct hv *hv)
{
    return (struct sink){to_console, &hv->console};
}

void monitor_command(struct hv *hv, const char *line)
{
    const struct sink out = monitor_console(hv);

    monitor_command_to(hv, line, &out);
}
