/* SPDX-License-Identifier: MIT
 *
 * The monitor's commands that stop a guest where a person wants to look:
 * `step`, `break`, `watch`, `delete`, `probes`. See probe.h.
 *
 * What a stop says is one sentence: who did what where, with the names that
 * the guest's own symbols give; and the instruction that comes next. It goes
 * to the console when it comes, which may be long after the command. Stops
 * at the probes of a debugger are the debugger's to tell.
 */
#include "vmm/base/bits.h"
#include "vmm/base/fmt.h"
#include "vmm/vm/inspect.h"
#include "vmm/vm/monitor_impl.h"
#include "vmm/vm/symbols.h"

#define NAME_ROOM 96

/* "switch_to+0x1c (0x00100f1c)", or the number alone. */
struct named {
    char text[NAME_ROOM + 16];
};

static struct named name_of(const struct vm *vm, u32 at)
{
    struct symbol symbol;
    struct named out;
    char name[NAME_ROOM];

    symbols_print(vm, at, name, sizeof(name));
    if (symbols_find(vm, at, &symbol))
        fmt_buf(out.text, sizeof(out.text), "%s (0x%08x)", name, at);
    else
        fmt_buf(out.text, sizeof(out.text), "0x%08x", at);
    return out;
}

static void say_next(struct vm *vm)
{
    char insn[80];

    inspect_sync(vm);
    inspect_insn(vm, vm->cpu.eip, insn, sizeof(insn));
    console_print(&vm->hv->console, "trapline: %s: next at %s: %s",
                  vm->config.name, name_of(vm, vm->cpu.eip).text, insn);
}

/* At most eight bytes, as one number. */
static void value_text(char *out, size_t room, u64 value, u32 size)
{
    u32 digits = 2 * min_u32(size, sizeof(value));

    fmt_buf(out, room, "0x%0*llx%s", (int)digits, (unsigned long long)value,
            size > sizeof(value) ? "..." : "");
}

static void say_watch(struct vm *vm)
{
    const struct stop *s = &vm->stop;
    struct named who = name_of(vm, s->eip), what = name_of(vm, s->at);
    char now[32], old[32];

    value_text(now, sizeof(now), s->now, s->size);
    value_text(old, sizeof(old), s->old, s->size);
    console_print(&vm->hv->console,
                  "trapline: %s: watch %u: %s %s %u byte%s at %s: %s%s%s",
                  vm->config.name, s->probe, who.text,
                  s->wrote ? "wrote" : "read", s->size, s->size == 1 ? "" : "s",
                  what.text, now, s->wrote ? ", was " : "",
                  s->wrote ? old : "");
}

void monitor_stopped(struct vm *vm)
{
    const struct stop *s = &vm->stop;

    if (s->reason == STOP_BREAK)
        console_print(&vm->hv->console, "trapline: %s: break %u: at %s",
                      vm->config.name, s->probe, name_of(vm, s->eip).text);
    if (s->reason == STOP_WATCH)
        say_watch(vm);
    say_next(vm);
}

/* A number that is no address. */
static bool take_number(const struct monitor_args *args, struct slice word,
                        u64 most, const char *what, u64 *out)
{
    if (slice_number(word, out) && *out && *out <= most)
        return true;
    say(args, "\"%.*s\" is no %s; it goes from 1 to %llu.", (int)word.len,
        word.at, what, (unsigned long long)most);
    return false;
}

void monitor_step(const struct monitor_args *args)
{
    struct slice rest = args->rest, word;
    struct vm *vm = args->vm;
    u64 count = 1;

    if (slice_word(&rest, &word) &&
        !take_number(args, word, 0xffffffff, "number of instructions", &count))
        return;
    if (vm->state == VM_RUNNING)
        probe_interrupt(vm);
    if (vm->state != VM_PAUSED) {
        say(args, "%s is %s; it can be looked at, and `reset` starts it anew.",
            vm->config.name, vm_state_name(vm));
        return;
    }
    probe_step(vm, count);
    vm->probes.tell = true;
}

static void say_probe(const struct monitor_args *args, u32 number)
{
    struct vm *vm = args->vm;
    const struct probe *p = probe_at(vm, number);
    const char *of = p->owner == PROBE_GDB ? ", gdb's" : "";

    if (p->kind == PROBE_BREAK)
        say(args, "%s: %2u break at %s, %llu hits%s", vm->config.name, number,
            name_of(vm, p->at).text, (unsigned long long)p->hits, of);
    else
        say(args, "%s: %2u watch for %s, %u bytes from %s, %llu hits%s",
            vm->config.name, number, probe_kind_name(p->kind), p->size,
            name_of(vm, p->at).text, (unsigned long long)p->hits, of);
}

static void set(const struct monitor_args *args, enum probe_kind kind, u32 at,
                u32 size)
{
    char error[160];
    int number = probe_add(args->vm, PROBE_MONITOR, kind, at, size, error,
                           sizeof(error));

    if (number < 0)
        say(args, "%s.", error);
    else
        say_probe(args, (u32)number);
}

static bool take_address(const struct monitor_args *args, struct slice word,
                         u32 *at)
{
    char error[160];

    if (symbols_parse(args->vm, word, at, error, sizeof(error)))
        return true;
    say(args, "%s.", error);
    return false;
}

void monitor_break(const struct monitor_args *args)
{
    struct slice rest = args->rest, word, more;
    u32 at;

    if (!slice_word(&rest, &word) || slice_word(&rest, &more)) {
        say(args, "break takes one address: break %s ADDRESS.",
            args->vm->config.name);
        return;
    }
    if (take_address(args, word, &at))
        set(args, PROBE_BREAK, at, 1);
}

/* The kind, if the word is one. */
static bool is_kind(struct slice word, enum probe_kind *kind)
{
    for (u32 k = PROBE_WRITE; k <= PROBE_ACCESS; k++) {
        if (!slice_eq(word, probe_kind_name((enum probe_kind)k)))
            continue;
        *kind = (enum probe_kind)k;
        return true;
    }
    return false;
}

#define WATCH_BYTES 4 /* where no size is given */

void monitor_watch(const struct monitor_args *args)
{
    struct slice rest = args->rest, word = {0}, size_word, more;
    enum probe_kind kind = PROBE_WRITE;
    u64 size = WATCH_BYTES;
    u32 at;

    slice_word(&rest, &word);
    if (is_kind(word, &kind) && !slice_word(&rest, &word)) {
        say(args, "watch what? watch %s %s ADDRESS [SIZE].",
            args->vm->config.name, probe_kind_name(kind));
        return;
    }
    if (!take_address(args, word, &at))
        return;
    if (slice_word(&rest, &size_word) &&
        !take_number(args, size_word, 0xffffffff, "number of bytes", &size))
        return;
    if (slice_word(&rest, &more))
        say(args, "\"%.*s\" is too much: watch NAME [KIND] ADDRESS [SIZE].",
            (int)more.len, more.at);
    else
        set(args, kind, at, (u32)size);
}

void monitor_delete(const struct monitor_args *args)
{
    struct slice rest = args->rest, word = {0};
    const char *name = args->vm->config.name;
    u64 number;

    slice_word(&rest, &word);
    if (slice_eq(word, "all")) {
        probe_clear(args->vm, PROBE_MONITOR);
        say(args, "%s: all probes of the monitor are deleted.", name);
        return;
    }
    if (slice_number(word, &number) && number <= UINT32_MAX &&
        probe_remove(args->vm, PROBE_MONITOR, (u32)number))
        say(args, "%s: probe %u is deleted.", name, (u32)number);
    else
        say(args,
            "\"%.*s\" is no probe of the monitor; write all, or a number "
            "that `probes %s` shows.",
            (int)word.len, word.at, name);
}

void monitor_probes(const struct monitor_args *args)
{
    for (u32 i = 0; probe_next(args->vm, &i); i++)
        say_probe(args, i);
    if (!args->vm->probes.list.count)
        say(args, "%s has no probes; `break` and `watch` set one.",
            args->vm->config.name);
}
