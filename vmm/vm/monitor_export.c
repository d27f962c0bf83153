/* SPDX-License-Identifier: MIT
 *
 * The monitor's command `export`: what goes over the trace wire, and how well
 * it gets through. See export.h.
 *
 * LIMIT: it is of all VMs together; what is left out on a slow line is a
 * group of events, not a guest.
 */
#include "vmm/base/fmt.h"
#include "vmm/vm/monitor_impl.h"

#define GROUPS_ROOM 160

/* "exit, priv", "all events" or "nothing". */
static void groups_text(u32 groups, char *out, size_t size)
{
    size_t len = 0;

    if (groups == TRACE_EVERYTHING || !groups) {
        fmt_buf(out, size, groups ? "all events" : "nothing");
        return;
    }
    for (u32 i = 0; i < TRACE_GROUPS; i++) {
        if (groups & BIT(i) && len < size)
            len += fmt_buf(out + len, size - len, "%s%s", len ? ", " : "",
                           trace_group_words[i]);
    }
}

static void show(const struct monitor_args *args)
{
    const struct export *e = &args->hv->export;
    u64 waiting = args->hv->trace.next - e->cursor.next;
    char groups[GROUPS_ROOM];

    groups_text(e->groups, groups, sizeof(groups));
    say(args, "over the trace wire: %s%s", groups,
        e->waits ? "; guests wait for the line" : "");
    say(args, "  %llu bytes sent, %llu events waiting, %llu lost",
        (unsigned long long)e->bytes, (unsigned long long)waiting,
        (unsigned long long)e->cursor.lost);
}

void monitor_export(const struct monitor_args *args)
{
    struct slice words = args->rest;

    while (words.len && words.at[0] == ' ')
        words = (struct slice){words.at + 1, words.len - 1};
    if (!args->hv->export.on) {
        say(args, "There is no trace wire; start the machine with trace=e9, or "
                  "trace=com2 where it has a second serial port.");
        return;
    }
    if (!words.len || export_change(args->hv, words))
        show(args);
    else
        say(args,
            "\"%.*s\" will not do; write all, off, or groups of events with "
            "commas between, and wait if guests are to wait for the line "
            "(`help export` lists the groups).",
            (int)words.len, words.at);
}
