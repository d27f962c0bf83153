/* SPDX-License-Identifier: MIT
 *
 * The monitor's `trace`: which events of which VM are shown as they come. The
 * words are those of trace_filter.h; what is on is told in the same words, so
 * that it can be typed again.
 */
#include "vmm/vm/monitor_impl.h"
#include "vmm/vm/trace_filter.h"

#define WORDS_MAX 700 /* all single events, and all filters */

static bool say_one(const struct monitor_args *args, const struct vm *vm)
{
    char words[WORDS_MAX];

    trace_filter_format(&vm->live.filter, words, sizeof(words));
    say(args, "%s: trace is %s.", vm->config.name, words);
    return vm->live.filter.events != 0;
}

static void say_all(const struct monitor_args *args)
{
    struct hv *hv = args->hv;
    u32 on = 0;

    for (u32 i = 0; i < HV_VMS; i++) {
        if (hv->vm[i].state != VM_EMPTY)
            on += say_one(args, &hv->vm[i]);
    }
    if (on)
        return;
    say(args, "`trace NAME priv,syscall` shows events as they come, `trace "
              "NAME off` ends it, `trace off` all. There are:");
    for (u32 i = 0; i < TRACE_GROUPS; i++)
        say(args, "  %-9s  %s", trace_group_words[i], trace_group_texts[i]);
}

static void end_all(const struct monitor_args *args)
{
    static const struct trace_filter off;
    u32 ended = 0;

    for (u32 i = 0; i < HV_VMS; i++) {
        struct vm *vm = &args->hv->vm[i];
        if (vm->state == VM_EMPTY || !vm->live.filter.events)
            continue;
        trace_live_set(vm, &off);
        say_one(args, vm);
        ended++;
    }
    if (!ended)
        say(args, "No VM was traced.");
}

/* "off" alone, unless a VM has that name. */
static bool ends_all(const struct monitor_args *args)
{
    struct slice rest = args->rest, word = {0}, more;

    return slice_word(&rest, &word) && slice_eq(word, "off") &&
           !slice_word(&rest, &more) && !hv_find(args->hv, "off");
}

static void trace_one(const struct monitor_args *args)
{
    struct slice rest = args->rest, word;
    struct trace_filter filter;
    char error[400];

    if (!slice_word(&rest, &word)) {
        say_one(args, args->vm);
        return;
    }
    if (!trace_filter_parse(args->vm, args->rest, &filter, error,
                            sizeof(error))) {
        say(args, "%s.", error);
        return;
    }
    trace_live_set(args->vm, &filter);
    say_one(args, args->vm);
}

void monitor_trace(const struct monitor_args *given)
{
    struct monitor_args args = *given;
    struct slice rest = args.rest, word;

    if (!slice_word(&rest, &word))
        say_all(&args);
    else if (ends_all(&args))
        end_all(&args);
    else if (monitor_take_vm(&args))
        trace_one(&args);
}
