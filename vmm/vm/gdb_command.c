/* SPDX-License-Identifier: MIT
 *
 * See gdb_impl.h. Packets by name, and those about processes: which there are,
 * which one is meant, attach and detach, and vCont, which lets them run.
 *
 * vCont is a list of actions; each process takes the first that names it and
 * stays where it is when none does. A process with a stop that gdb has not
 * heard of yet stays as well: it is told at once instead. The same goes for
 * one that is dead, unless another one can run.
 *
 * GDB manual, appendix E.2 (packets), E.4.1 (vCont), E.14 (thread ids).
 */
#include "vmm/base/bits.h"
#include "vmm/vm/gdb_impl.h"

#define SENTENCE 200

void gdb_answer(struct gdb *g, const char *format, ...)
{
    char text[SENTENCE];
    va_list args;

    va_start(args, format);
    fmt_vbuf(text, sizeof(text), format, args);
    va_end(args);
    gdb_port_begin(&g->port);
    gdb_port_binary(&g->port, text, str_len(text));
    gdb_port_end(&g->port);
}

void gdb_error(struct gdb *g, u32 number)
{
    gdb_answer(g, "E%02x", number);
}

void gdb_refuse(struct gdb *g, const char *format, ...)
{
    char text[SENTENCE];
    va_list args;

    va_start(args, format);
    fmt_vbuf(text, sizeof(text), format, args);
    va_end(args);
    gdb_answer(g, "E.%s", text);
}

/* ---- thread ids */

static bool take_number(struct slice *s, int *number)
{
    u64 value;

    if (gdb_take(s, '-')) {
        *number = -1;
        return gdb_take(s, '1');
    }
    if (!gdb_take_hex(s, &value) || value > INT32_MAX)
        return false;
    *number = (int)value;
    return true;
}

/* A process has one thread, so that its number says it all. */
bool gdb_take_id(struct slice *s, struct gdb_id *id)
{
    int thread;

    if (!gdb_take(s, 'p'))
        return take_number(s, &id->pid);
    if (!take_number(s, &id->pid))
        return false;
    return !gdb_take(s, '.') || take_number(s, &thread);
}

void gdb_print_id(struct gdb *g, u32 slot)
{
    if (g->multiprocess)
        gdb_port_print(&g->port, "p%x.", slot + 1);
    gdb_port_print(&g->port, "%x", slot + 1);
}

static int first_attached(struct hv *hv)
{
    for (int i = 0; i < HV_VMS; i++) {
        if (gdb_vm(hv, i))
            return i;
    }
    return -1;
}

struct vm *gdb_chosen(const struct gdb_args *args)
{
    struct vm *vm = gdb_vm(args->hv, args->gdb->general);

    if (!vm)
        gdb_error(args->gdb, GDB_ESRCH);
    return vm;
}

int gdb_slot_of(const struct gdb_args *args, u64 pid)
{
    if (pid >= 1 && pid <= HV_VMS && args->hv->vm[pid - 1].state != VM_EMPTY)
        return (int)pid - 1;
    gdb_refuse(args->gdb,
               "there is no VM with the number %llu; `monitor list` and "
               "`info os processes` show those there are",
               (unsigned long long)pid);
    return -1;
}

static void choose(const struct gdb_args *args)
{
    struct slice rest = args->rest;
    struct gdb *g = args->gdb;
    bool general = gdb_take(&rest, 'g');
    struct gdb_id id;

    if ((!general && !gdb_take(&rest, 'c')) || !gdb_take_id(&rest, &id)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    if (general && id.pid > 0 && !gdb_vm(args->hv, id.pid - 1)) {
        gdb_error(g, GDB_ESRCH);
        return;
    }
    if (general && id.pid > 0)
        g->general = id.pid - 1;
    else if (general && !gdb_vm(args->hv, g->general))
        g->general = first_attached(args->hv);
    gdb_ok(g);
}

static void current(const struct gdb_args *args)
{
    struct gdb *g = args->gdb;

    if (!gdb_vm(args->hv, g->general)) {
        gdb_answer(g, "%s", "");
        return;
    }
    gdb_port_begin(&g->port);
    gdb_port_print(&g->port, "QC");
    gdb_print_id(g, (u32)g->general);
    gdb_port_end(&g->port);
}

static void alive(const struct gdb_args *args)
{
    struct slice rest = args->rest;
    struct gdb_id id;

    if (gdb_take_id(&rest, &id) && gdb_vm(args->hv, id.pid - 1))
        gdb_ok(args->gdb);
    else
        gdb_error(args->gdb, GDB_ESRCH);
}

/* ---- coming and going */

static void extended(const struct gdb_args *args)
{
    args->gdb->extended = true;
    gdb_ok(args->gdb);
}

/* Why has it stopped? The first question of a session. */
static void status(const struct gdb_args *args)
{
    struct gdb *g = args->gdb;
    struct hv *hv = args->hv;
    int slot;

    gdb_hold_all(hv);
    g->all = !g->extended;
    for (u32 i = 0; g->all && i < HV_VMS; i++) {
        if (hv->vm[i].state != VM_EMPTY)
            gdb_attach(hv, i);
    }
    slot = gdb_vm(hv, g->general) ? g->general : first_attached(hv);
    if (slot < 0)
        gdb_answer(g, "W00");
    else
        gdb_tell_stop(hv, (u32)slot);
}

/* The number behind ";"; without one, the process at hand. */
static int named_slot(const struct gdb_args *args)
{
    struct slice rest = args->rest;
    u64 pid = (u64)args->gdb->general + 1;

    if (rest.len)
        gdb_take(&rest, ';');
    if (rest.len && (!gdb_take_hex(&rest, &pid) || rest.len))
        pid = 0;
    return gdb_slot_of(args, pid);
}

static void attach(const struct gdb_args *args)
{
    int slot = named_slot(args);

    if (slot < 0)
        return;
    if (gdb_vm(args->hv, slot)) {
        gdb_refuse(args->gdb, "that VM is attached already");
        return;
    }
    gdb_attach(args->hv, (u32)slot);
    gdb_tell_stop(args->hv, (u32)slot);
}

static void detach(const struct gdb_args *args)
{
    struct gdb *g = args->gdb;
    int slot;

    if (!args->rest.len) {
        gdb_detach_all(args->hv);
        gdb_ok(g);
        return;
    }
    slot = named_slot(args);
    if (slot < 0)
        return;
    gdb_detach(args->hv, (u32)slot);
    gdb_ok(g);
}

/* `kill`: its process comes to an end, which a VM does when it is destroyed. */
static void destroy(const struct gdb_args *args)
{
    int slot = named_slot(args);

    if (slot < 0)
        return;
    if (!gdb_vm(args->hv, slot)) {
        gdb_refuse(args->gdb, "that VM is not attached");
        return;
    }
    args->gdb->slot[slot].held = false;
    gdb_detach(args->hv, (u32)slot);
    vm_destroy(&args->hv->vm[slot]);
    gdb_ok(args->gdb);
}

/* The old way to end a session. Nobody wants to lose guests by leaving. */
static void leave(const struct gdb_args *args)
{
    gdb_detach_all(args->hv);
}

/* ---- going on */

struct plan {
    char what; /* 'c', 's', 'r', or 0: stays */
    u32 from, to;
};

static bool known_action(char what)
{
    return what == 'c' || what == 's' || what == 'r' || what == 'C' ||
           what == 'S';
}

/* "c", "C0b", "s", "S05", "rFROM,TO". Signals mean nothing to a machine. */
static bool take_action(struct slice *s, struct plan *plan)
{
    u64 signal, from = 0, to = 0;
    char what = s->len ? *s->at : 0;

    if (!known_action(what) || !gdb_take(s, what))
        return false;
    if ((what == 'C' || what == 'S') && !gdb_take_hex(s, &signal))
        return false;
    if (what == 'r' &&
        (!gdb_take_hex(s, &from) || !gdb_take(s, ',') || !gdb_take_hex(s, &to)))
        return false;
    *plan = (struct plan){what == 'r' ? 'r' : (char)(what | 0x20), (u32)from,
                          (u32)to};
    return true;
}

/* ";ACTION[:ID]..." */
static bool take_plans(const struct gdb_args *args, struct plan plan[HV_VMS])
{
    struct slice rest = args->rest;

    while (gdb_take(&rest, ';')) {
        struct gdb_id id = {-1};
        struct plan one;
        if (!take_action(&rest, &one) ||
            (gdb_take(&rest, ':') && !gdb_take_id(&rest, &id)))
            return false;
        for (int i = 0; i < HV_VMS; i++) {
            if (!plan[i].what && (id.pid <= 0 || id.pid == i + 1))
                plan[i] = one;
        }
    }
    return !rest.len;
}

static bool can_run(struct hv *hv, u32 slot)
{
    const struct vm *vm = gdb_vm(hv, (int)slot);

    return !vm || vm->state == VM_PAUSED;
}

static void go(struct hv *hv, u32 slot, const struct plan *plan)
{
    struct gdb_slot *s = &hv->gdb.slot[slot];
    struct vm *vm = gdb_vm(hv, (int)slot);

    s->running = s->held = true;
    if (!vm || vm->state != VM_PAUSED || vm->stop.stops != s->seen)
        return;
    if (plan->what == 's')
        probe_step(vm, 1);
    else if (plan->what == 'r')
        probe_step_range(vm, plan->from, plan->to);
    else
        vm_resume(vm);
}

static void go_all(struct hv *hv, const struct plan plan[HV_VMS])
{
    struct gdb *g = &hv->gdb;
    bool some = false;

    g->everyone = g->waiting = true;
    for (u32 i = 0; i < HV_VMS; i++) {
        if (!g->slot[i].attached)
            continue;
        if (plan[i].what)
            some |= can_run(hv, i);
        else
            g->everyone = false;
    }
    for (u32 i = 0; i < HV_VMS; i++) {
        if (!g->slot[i].attached || !plan[i].what)
            continue;
        g->slot[i].mourned &= some;
        go(hv, i, &plan[i]);
    }
}

static bool names_any(const struct gdb *g, const struct plan plan[HV_VMS])
{
    for (u32 i = 0; i < HV_VMS; i++) {
        if (g->slot[i].attached && plan[i].what)
            return true;
    }
    return false;
}

static void go_on(const struct gdb_args *args)
{
    struct plan plan[HV_VMS] = {{0}};

    if (!take_plans(args, plan))
        gdb_error(args->gdb, GDB_EINVAL);
    else if (!names_any(args->gdb, plan))
        gdb_error(args->gdb, GDB_ESRCH);
    else
        go_all(args->hv, plan);
}

static void go_asked(const struct gdb_args *args)
{
    gdb_answer(args->gdb, "vCont;c;C;s;S;r");
}

/* c, C, s, S of a client that does not know vCont: all go on, or one steps. */
static void go_plain(const struct gdb_args *args, char what)
{
    struct plan plan[HV_VMS] = {{0}};
    int slot = args->gdb->general;

    if (!gdb_chosen(args))
        return;
    for (int i = 0; i < HV_VMS; i++)
        plan[i].what = what == 'c' || i == slot ? what : 0;
    go_all(args->hv, plan);
}

static void go_continue(const struct gdb_args *args)
{
    go_plain(args, 'c');
}

static void go_step(const struct gdb_args *args)
{
    go_plain(args, 's');
}

/* ---- small ones */

static void no_ack(const struct gdb_args *args)
{
    gdb_ok(args->gdb);
    args->gdb->port.no_ack = true;
    args->gdb->port.unacked = false;
}

/* Every process was there before gdb: leaving detaches and does not kill. */
static void attached(const struct gdb_args *args)
{
    gdb_answer(args->gdb, "1");
}

static void threads_end(const struct gdb_args *args)
{
    gdb_answer(args->gdb, "l");
}

/* By QEMU's name, because tools know it. */
static void physical(const struct gdb_args *args)
{
    struct slice rest = args->rest;

    if (!rest.len) {
        gdb_answer(args->gdb, "%u", args->gdb->physical);
        return;
    }
    if (!gdb_take(&rest, ':') || !(slice_eq(rest, "0") || slice_eq(rest, "1")))
        gdb_error(args->gdb, GDB_EINVAL);
    else {
        args->gdb->physical = slice_eq(rest, "1");
        gdb_ok(args->gdb);
    }
}

static const struct {
    const char *name;
    bool whole; /* nothing may follow */
    void (*run)(const struct gdb_args *args);
} commands[] = {
    {"qSupported", false, gdb_supported},
    {"QStartNoAckMode", true, no_ack},
    {"qXfer:", false, gdb_transfer},
    {"qfThreadInfo", true, gdb_threads},
    {"qsThreadInfo", true, threads_end},
    {"qThreadExtraInfo,", false, gdb_thread_words},
    {"qAttached", false, attached},
    {"qRcmd,", false, gdb_monitor},
    {"qqemu.PhyMemMode", true, physical},
    {"Qqemu.PhyMemMode", false, physical},
    {"qC", true, current},
    {"vCont?", true, go_asked},
    {"vCont", false, go_on},
    {"vAttach", false, attach},
    {"vKill", false, destroy},
    {"vFile:", false, gdb_host_file},
    {"!", true, extended},
    {"?", true, status},
    {"C", false, go_continue},
    {"D", false, detach},
    {"G", false, gdb_set_registers},
    {"H", false, choose},
    {"M", false, gdb_write_memory},
    {"P", false, gdb_set_register},
    {"S", false, go_step},
    {"T", false, alive},
    {"X", false, gdb_write_binary},
    {"Z", false, gdb_insert},
    {"c", false, go_continue},
    {"g", true, gdb_registers},
    {"k", true, leave},
    {"m", false, gdb_read_memory},
    {"p", false, gdb_register},
    {"s", false, go_step},
    {"z", false, gdb_remove},
};

void gdb_command(struct hv *hv)
{
    struct gdb *g = &hv->gdb;
    const char *text = (const char *)g->port.in;

    for (u32 i = 0; i < ARRAY_LEN(commands); i++) {
        size_t len = str_len(commands[i].name);
        struct gdb_args args = {hv, g, {text + len, g->port.in_len - len}};
        if (g->port.in_len < len || memcmp(text, commands[i].name, len) ||
            (commands[i].whole && g->port.in_len != len))
            continue;
        commands[i].run(&args);
        return;
    }
    gdb_answer(g, "%s", ""); /* what nobody knows */
}
