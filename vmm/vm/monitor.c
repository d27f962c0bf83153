/* SPDX-License-Identifier: MIT
 *
 * The monitor: from a typed line to the command that answers it.
 *
 * Commands are a const table; each row says what it takes, so that the words
 * are checked in one place and a command that wants a VM always has one. A
 * wrong word is answered with what would be right: the nearest command (by
 * edit distance, at most two letters off), the usage, or the names there are.
 *
 * The monitor runs between two turns of the loop, so nothing changes under
 * its hands. monitor_life.c and monitor_show.c hold the commands themselves.
 */
#include "vmm/base/bits.h"
#include "vmm/vm/monitor_impl.h"

static void monitor_help(const struct monitor_args *args);

static const struct monitor_command commands[] = {
    {.name = "help",
     .usage = "[COMMAND]",
     .help = "what there is, or how to use one of them",
     .takes = TAKES_WORDS,
     .run = monitor_help},
    {.name = "list",
     .usage = "",
     .help = "every VM: state, memory, weight, CPU time, exits, exits a second",
     .takes = TAKES_NOTHING,
     .run = monitor_list},
    {.name = "attach",
     .usage = "NAME",
     .help = "keyboard and terminal to a guest; Ctrl-] comes back",
     .takes = TAKES_VM,
     .run = monitor_attach},
    {.name = "pause",
     .usage = "NAME",
     .help = "stop a VM and its time",
     .takes = TAKES_VM,
     .run = monitor_pause},
    {.name = "resume",
     .usage = "NAME",
     .help = "let a paused VM go on",
     .takes = TAKES_VM,
     .run = monitor_resume},
    {.name = "reset",
     .usage = "NAME",
     .help = "back to power-on, with the image loaded anew",
     .takes = TAKES_VM,
     .run = monitor_reset},
    {.name = "destroy",
     .usage = "NAME",
     .help = "end a VM and give its memory back",
     .takes = TAKES_VM,
     .run = monitor_destroy},
    {.name = "create",
     .usage = "vm=NAME [KEY=VALUE...] [module=N|NAME] [-- COMMAND LINE]",
     .help = "start a VM from a boot module (the first image, or module=)",
     .takes = TAKES_WORDS,
     .run = monitor_create},
    {.name = "idt",
     .usage = "NAME",
     .help = "the trap handlers a guest installed, and the last changes",
     .takes = TAKES_VM,
     .run = monitor_idt},
    {.name = "audit",
     .usage = "[NAME]",
     .help = "check shadows, p2m, frames and canaries, of one VM or of all",
     .takes = TAKES_VM_OR_NONE,
     .run = monitor_audit},
    {.name = "stats",
     .usage = "NAME",
     .help = "exits by kind, shadow paging, devices",
     .takes = TAKES_VM,
     .run = monitor_stats},
    {.name = "trace",
     .usage = "NAME [all|off|KIND,KIND...]",
     .help = "print a VM's exits as they come; KINDs are those of `stats`",
     .takes = TAKES_VM_OR_MORE,
     .run = monitor_trace},
    {.name = "modules",
     .usage = "",
     .help = "what the boot loader brought",
     .takes = TAKES_NOTHING,
     .run = monitor_modules},
    {.name = "type",
     .usage = "NAME TEXT",
     .help = "press keys on a guest's keyboard; \\n is Enter, \\\\ is \\",
     .takes = TAKES_VM_AND,
     .run = monitor_type},
    {.name = "screen",
     .usage = "[NAME]",
     .help = "a guest's VGA text, here and on the screen; alone: the console",
     .takes = TAKES_VM_OR_NONE,
     .run = monitor_screen},
    {.name = "poweroff",
     .usage = "",
     .help = "end the machine and every VM in it",
     .takes = TAKES_NOTHING,
     .run = monitor_poweroff},
};

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

    for (u32 i = 0; i < ARRAY_LEN(commands); i++) {
        u32 d = distance(word, commands[i].name);
        if (d >= least || d >= word.len)
            continue;
        least = d;
        best = &commands[i];
    }
    return best;
}

static const struct monitor_command *find(struct slice word)
{
    for (u32 i = 0; i < ARRAY_LEN(commands); i++) {
        if (slice_eq(word, commands[i].name))
            return &commands[i];
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
    const struct monitor_command *c = find(word);

    if (!c) {
        unknown(args, word);
        return;
    }
    usage(args, c);
    say(args, "  %s", c->help);
    if (c->run == monitor_create)
        monitor_create_help(args);
}

static void monitor_help(const struct monitor_args *args)
{
    struct slice rest = args->rest, word;

    if (slice_word(&rest, &word)) {
        help_one(args, word);
        return;
    }
    for (u32 i = 0; i < ARRAY_LEN(commands); i++)
        say(args, "  %-9s %s", commands[i].name, commands[i].help);
    say(args, "`help COMMAND` shows how to use it.");
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

/* Takes the VM's name off the words. */
static bool take_vm(struct monitor_args *args,
                    const struct monitor_command *command)
{
    char name[VM_NAME_MAX + 1];
    struct slice word;

    if (!slice_word(&args->rest, &word)) {
        usage(args, command);
        return false;
    }
    if (slice_copy(name, sizeof(name), word))
        args->vm = hv_find(args->hv, name);
    if (!args->vm)
        no_such_vm(args, word);
    return args->vm != NULL;
}

/* Does the name of a VM come next? */
static bool wants_vm(enum monitor_takes takes, struct slice rest)
{
    struct slice word;

    switch (takes) {
    case TAKES_VM:
    case TAKES_VM_AND:
    case TAKES_VM_OR_MORE:
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
    command = find(word);
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
    console_write(ctx, text, len);
}

void monitor_command(struct hv *hv, const char *line)
{
    const struct sink out = {to_console, &hv->console};

    monitor_command_to(hv, line, &out);
}
