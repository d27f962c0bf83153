/* SPDX-License-Identifier: MIT
 *
 * See script.h. The script is a part of the loop: each turn asks it whether
 * it can go on, so that a command never runs while a guest does. A wait ends
 * when its condition holds, when its time is over, or when it can never hold:
 * a VM that was killed does not run again by itself. Except for the first,
 * that is said.
 */
#include "vmm/vm/script.h"
#include "vmm/base/bits.h"
#include "vmm/vm/vm.h"

#define KEY   "trapline.cmd="
#define NEVER UINT64_MAX

void script_set(struct script *s, struct slice text)
{
    if (!slice_copy(s->text, sizeof(s->text), text)) {
        u32 len = sizeof(s->text) - 1;
        while (len && s->text[len - 1] != ';')
            len--;
        s->text[len] = 0;
    }
    s->rest = slice_of(s->text);
    s->left_out = text.len - s->rest.len;
    s->state = text.len ? SCRIPT_RUNS : SCRIPT_NONE;
}

static bool begins_with(struct slice s, const char *with)
{
    size_t len = str_len(with);

    return s.len >= len && !memcmp(s.at, with, len);
}

/* From behind the opening quote to the closing one, or to the end. */
static struct slice quoted(const char *from, struct slice *rest)
{
    const char *end = rest->at + rest->len;
    struct slice value = {from, 0};

    while (from + value.len < end && from[value.len] != '"')
        value.len++;
    from += value.len;
    *rest = (struct slice){from, (size_t)(end - from)};
    if (rest->len) {
        rest->at++;
        rest->len--;
    }
    return value;
}

bool script_option(struct script *s, struct slice word, struct slice *rest)
{
    bool around = begins_with(word, "\"" KEY);
    size_t key = sizeof(KEY) - 1 + around;
    struct slice value;

    if (!around && !begins_with(word, KEY))
        return false;
    value = (struct slice){word.at + key, word.len - key};
    if (around)
        value = quoted(value.at, rest);
    else if (value.len && value.at[0] == '"')
        value = quoted(value.at + 1, rest);
    script_set(s, value);
    return true;
}

bool script_busy(const struct script *s)
{
    return s->state == SCRIPT_RUNS;
}

u64 script_deadline(const struct script *s)
{
    return script_busy(s) && s->waiting ? s->until : NEVER;
}

/* The next command, without the blanks around it; false: there is none. */
static bool take(struct script *s, char *out, size_t size)
{
    struct slice command, rest;

    while (s->rest.len) {
        if (!slice_split(s->rest, ';', &command, &rest)) {
            command = s->rest;
            rest = (struct slice){0};
        }
        s->rest = rest;
        while (command.len && *command.at == ' ') {
            command.at++;
            command.len--;
        }
        if (!command.len)
            continue;
        slice_copy(out, size, command);
        return true;
    }
    return false;
}

static const char *const states[] = {"running", "halted", "paused",
                                     "exited",  "killed", "stopped"};

static bool is_state(struct slice word)
{
    for (u32 i = 0; i < ARRAY_LEN(states); i++) {
        if (slice_eq(word, states[i]))
            return true;
    }
    return false;
}

static void say_usage(struct hv *hv)
{
    console_print(&hv->console,
                  "trapline: wait: write `wait 500ms` (us, ms, s), or `wait "
                  "NAME STATE [TIME]` with running, halted, paused, exited, "
                  "killed or stopped.");
}

/* False: the words are wrong, and that was said. */
static bool begin_wait(struct hv *hv, struct slice rest, u64 now)
{
    struct script *s = &hv->script;
    struct slice word = {0}, state, time, more;
    u64 ns = NEVER / 2;
    bool named, timed;

    slice_word(&rest, &word);
    s->name[0] = 0;
    named = !slice_time(word, &ns);
    if (named) {
        bool good = slice_copy(s->name, sizeof(s->name), word) &&
                    slice_word(&rest, &state) && is_state(state) &&
                    slice_copy(s->wanted, sizeof(s->wanted), state);
        timed = slice_word(&rest, &time);
        if (!good || (timed && !slice_time(time, &ns))) {
            say_usage(hv);
            return false;
        }
    }
    if (slice_word(&rest, &more)) {
        say_usage(hv);
        return false;
    }
    s->until = now + min_u64(ns, NEVER / 2);
    return true;
}

static bool holds(const struct script *s, const struct vm *vm)
{
    bool ended = vm->state == VM_EXITED || vm->state == VM_KILLED;

    if (str_eq(s->wanted, "running"))
        return vm->state == VM_RUNNING;
    return str_eq(s->wanted, vm_state_name(vm)) ||
           (ended && str_eq(s->wanted, "stopped"));
}

/* Is it over? Says why when it is not what was waited for. */
static bool wait_is_over(struct hv *hv, u64 now)
{
    const struct script *s = &hv->script;
    const struct vm *vm = s->name[0] ? hv_find(hv, s->name) : NULL;

    if (vm && holds(s, vm))
        return true;
    if (!s->name[0])
        return now >= s->until;
    if (!vm)
        console_print(&hv->console, "trapline: wait: there is no VM \"%s\".",
                      s->name);
    else if (vm->state == VM_EXITED || vm->state == VM_KILLED)
        console_print(&hv->console, "trapline: wait: %s is %s and not %s.",
                      s->name, vm_state_name(vm), s->wanted);
    else if (now >= s->until)
        console_print(&hv->console,
                      "trapline: wait: the time is over, and %s is %s.",
                      s->name, vm_state_name(vm));
    else
        return false;
    return true;
}

static void run(struct hv *hv, const char *line, u64 now)
{
    struct slice rest = slice_of(line), word;

    console_print(&hv->console, "trapline: cmd: %s", line);
    slice_word(&rest, &word);
    if (slice_eq(word, "wait"))
        hv->script.waiting = begin_wait(hv, rest, now);
    else
        monitor_command(hv, line);
}

void script_turn(struct hv *hv, u64 now)
{
    struct script *s = &hv->script;
    char line[SCRIPT_SIZE];

    while (script_busy(s) && !hv->poweroff) {
        if (s->waiting && !wait_is_over(hv, now))
            return;
        s->waiting = false;
        if (take(s, line, sizeof(line))) {
            run(hv, line, now);
            continue;
        }
        s->state = SCRIPT_DONE;
        if (s->left_out)
            console_print(&hv->console,
                          "trapline: cmd: the last %llu characters were left "
                          "out, for whole commands must go into %u.",
                          (unsigned long long)s->left_out, SCRIPT_SIZE - 1);
        console_print(&hv->console, "trapline: cmd: done");
        if (!hv->exit_when_idle && hv->console.attached < 0)
            console_prompt(&hv->console);
    }
}
