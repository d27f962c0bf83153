/* SPDX-License-Identifier: MIT
 *
 * `gdb`: who debugs what, and the way out of it. A gdb that was killed, or
 * whose line was pulled out, says nothing and leaves what it had attached as
 * it is: paused, with breakpoints that nobody waits for. The person at the
 * console must be able to have the guests back.
 *
 * GDB manual, "Debugging Remote Programs".
 */
#include "vmm/vm/monitor_impl.h"

static bool has(const struct hv *hv, u32 slot)
{
    return hv->gdb.slot[slot].attached && hv->vm[slot].bond == GDB_HAS;
}

static u32 points(const struct vm *vm)
{
    const struct probe *probe;
    u32 count = 0;

    for (u32 i = 0; (probe = probe_next(vm, &i)); i++)
        count += probe->owner == PROBE_GDB;
    return count;
}

static void show(const struct monitor_args *args)
{
    const struct hv *hv = args->hv;

    if (!gdb_busy(hv)) {
        say(args, "gdb has attached no guest.");
        return;
    }
    for (u32 i = 0; i < HV_VMS; i++) {
        if (has(hv, i))
            say(args, "gdb has %s, which is %s, as process %u, with %u points.",
                hv->vm[i].config.name, vm_state_name(&hv->vm[i]), i + 1,
                points(&hv->vm[i]));
    }
}

void monitor_gdb(const struct monitor_args *args)
{
    struct slice rest = args->rest, word;
    bool words = slice_word(&rest, &word);

    if (!arch_wire_present(ARCH_WIRE_GDB)) {
        say(args, "There is no wire for gdb; the option gdb=com2 on Trapline's "
                  "own command line makes COM2 one.");
    } else if (words && slice_eq(word, "drop") && !slice_word(&rest, &word)) {
        gdb_drop(args->hv);
        say(args, "gdb has lost what it had attached, and the guests run on.");
    } else if (words) {
        say(args, "usage: gdb [drop]");
    } else {
        show(args);
    }
}
