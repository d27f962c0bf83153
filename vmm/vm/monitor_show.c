/* SPDX-License-Identifier: MIT
 *
 * The monitor's commands that only look: list, idt, modules.
 *
 * Everything shown was counted or recorded already, but for the vectors of
 * real-address mode, which are read where they lie. Rates are by CPU time,
 * because a VM that sleeps has no exits to speak of.
 */
#include "arch/x86/defs/desc.h"
#include "vmm/base/bits.h"
#include "vmm/vm/inspect.h"
#include "vmm/vm/monitor_impl.h"
#include "vmm/vm/symbols.h"

#define NS_PER_MS 1000000u
#define NS_PER_S  1000000000u

static u32 megabytes(u64 bytes)
{
    return (u32)(bytes >> 20);
}

static void list_vm(const struct monitor_args *args, const struct vm *vm)
{
    u64 ms = vm->run_ns / NS_PER_MS;

    say(args, "%-15s %4u  %-8s %5uM %6u %10llu %12llu %9llu", vm->config.name,
        vm->slot + 1, vm_state_name(vm), megabytes(vm->config.mem),
        vm->config.weight, (unsigned long long)ms,
        (unsigned long long)vm->exits,
        (unsigned long long)(ms ? vm->exits * 1000 / ms : 0));
    if (vm->state == VM_KILLED)
        say(args, "%-15s       because %s.", "", vm->reason);
    if (vm->state == VM_EXITED)
        say(args, "%-15s       with status 0x%x", "", vm->status);
}

void monitor_list(const struct monitor_args *args)
{
    struct hv *hv = args->hv;
    u32 count = 0;

    say(args, "%-15s %4s  %-8s %6s %6s %10s %12s %9s", "NAME", "KEY", "STATE",
        "MEMORY", "WEIGHT", "CPU ms", "EXITS", "RATE/s");
    for (u32 i = 0; i < HV_VMS; i++) {
        if (hv->vm[i].state == VM_EMPTY)
            continue;
        list_vm(args, &hv->vm[i]);
        count++;
    }
    say(args, "%u of %u VMs, %u MiB of memory free", count, HV_VMS,
        hv->frames.nfree >> (20 - PAGE_SHIFT));
}

static const char *const gate_types[16] = {
    [SYS_TASK_GATE] = "task", [SYS_INT16] = "int16",   [SYS_TRAP16] = "trap16",
    [SYS_INT32] = "int32",    [SYS_TRAP32] = "trap32",
};

static const char *gate_type(u8 type)
{
    const char *name = gate_types[type & 15];

    return name ? name : "bad";
}

/* Seconds with three decimals. */
#define SECONDS(ns)                                                            \
    (unsigned)((ns) / NS_PER_S), (unsigned)((ns) / NS_PER_MS % 1000)

/* Gates of interrupts that nobody took, all set up alike, are one row. */
static bool alike(const struct record_gate *a, const struct record_gate *b)
{
    struct gate g = gate_decode(a->lo, a->hi), h = gate_decode(b->lo, b->hi);

    return !a->reflected && !b->reflected && g.sel == h.sel &&
           g.type == h.type && g.dpl == h.dpl && g.present == h.present &&
           a->installed_ns / NS_PER_MS == b->installed_ns / NS_PER_MS &&
           a->installed_eip == b->installed_eip;
}

/* The last of the gates from `first` that make one row. */
static u32 last_alike(const struct recorder *r, u32 first)
{
    u32 last = first;

    if (first < TRAP_EXCEPTIONS)
        return first;
    while (last + 1 < TRAP_VECTORS &&
           alike(&r->gate[first], &r->gate[last + 1]))
        last++;
    return last;
}

static void show_gate(const struct monitor_args *args, u32 vector,
                      const struct record_gate *r)
{
    struct gate g = gate_decode(r->lo, r->hi);
    struct symbol symbol;
    char name[SYMBOL_NAME + 16] = "";

    if (g.present && symbols_find(args->vm, g.offset, &symbol))
        symbols_print(args->vm, g.offset, name, sizeof(name));
    say(args, "  0x%02x  %04x:%08x  %-6s  %3u  %5u.%03u s  %08x  %12llu%s%s%s",
        vector, g.sel, g.offset, gate_type(g.type), g.dpl,
        SECONDS(r->installed_ns), r->installed_eip,
        (unsigned long long)r->reflected, g.present ? "" : "  not present",
        *name ? "  " : "", name);
}

static const char *const load_names[] = {
    [RECORD_LIDT] = "lidt",
    [RECORD_LGDT] = "lgdt",
    [RECORD_LLDT] = "lldt",
    [RECORD_LTR] = "ltr",
};
static const char *const entry_names[] = {
    [RECORD_IDT_GATE] = "gate",
    [RECORD_GDT_ENTRY] = "gdt",
    [RECORD_LDT_ENTRY] = "ldt",
};

static void show_record(const struct monitor_args *args, const struct record *r)
{
    if (r->kind < ARRAY_LEN(load_names))
        say(args,
            "  %5u.%03u s  %08x  %s: base 0x%08x limit 0x%04x -> base 0x%08x "
            "limit 0x%04x",
            SECONDS(r->when_ns), r->eip, load_names[r->kind],
            (u32)(r->old >> 16), (u32)(r->old & 0xffff), (u32)(r->new >> 16),
            (u32)(r->new & 0xffff));
    else
        say(args, "  %5u.%03u s  %08x  %s 0x%02x: 0x%016llx -> 0x%016llx",
            SECONDS(r->when_ns), r->eip, entry_names[r->kind], r->index,
            (unsigned long long)r->old, (unsigned long long)r->new);
}

#define SHOWN_RECORDS 16

static void show_records(const struct monitor_args *args,
                         const struct recorder *r)
{
    u64 shown = min_u64(r->records, SHOWN_RECORDS);

    say(args, "%s: %llu changes recorded, the last %u:", args->vm->config.name,
        (unsigned long long)r->records, (u32)shown);
    for (u64 i = r->records - shown; i < r->records; i++)
        show_record(args, &r->ring[i % RECORD_RING]);
}

#define POINTER 4u /* bytes of a vector in real-address mode */

/* Vectors that lead to one place are one row. */
static void show_pointers(const struct monitor_args *args)
{
    struct vm *vm = args->vm;
    u32 count = min_u32((vm->cpu.idtr.limit + 1u) / POINTER, TRAP_VECTORS);
    u8 raw[POINTER * TRAP_VECTORS];

    count = min_u32(
        count, inspect_read(vm, gva(vm->cpu.idtr.base), raw, count * POINTER) /
                   POINTER);
    for (u32 v = 0, last; v < count; v = last + 1) {
        const u8 *to = raw + v * POINTER;
        for (last = v; last + 1 < count &&
                       get_le32(to) == get_le32(raw + (last + 1) * POINTER);)
            last++;
        say(args, "  0x%02x-0x%02x  %04x:%04x", v, last, get_le16(to + 2),
            get_le16(to));
    }
}

void monitor_idt(const struct monitor_args *args)
{
    const struct recorder *r = &args->vm->recorder;
    const struct cpu *cpu = &args->vm->cpu;

    if (cpu_mode(cpu) == MODE_REAL) {
        say(args, "%s: real-address mode, vectors at 0x%08x, limit 0x%04x",
            args->vm->config.name, cpu->idtr.base, cpu->idtr.limit);
        show_pointers(args);
        return;
    }
    if (!r->records) {
        say(args, "%s has not installed any trap handler.",
            args->vm->config.name);
        return;
    }
    say(args, "%s: IDT at 0x%08x, limit 0x%04x", args->vm->config.name,
        cpu->idtr.base, cpu->idtr.limit);
    say(args, "  VEC   HANDLER        TYPE    DPL  SINCE        BY EIP    "
              "   REFLECTED");
    for (u32 v = 0; v < TRAP_VECTORS; v++) {
        u32 last;
        if (!r->gate[v].installed_ns)
            continue;
        last = last_alike(r, v);
        show_gate(args, v, &r->gate[v]);
        if (last > v)
            say(args, "  and %u more up to 0x%02x, alike, at %08x", last - v,
                last, gate_decode(r->gate[last].lo, r->gate[last].hi).offset);
        v = last;
    }
    show_records(args, r);
}

void monitor_modules(const struct monitor_args *args)
{
    const struct boot_info *boot = args->hv->boot;

    for (u32 i = 0; i < boot->modules; i++)
        say(args, "  %2u  %10llu bytes  %s", i,
            (unsigned long long)boot->module[i].size, boot->module[i].line);
    if (!boot->modules)
        say(args, "The boot loader brought no modules.");
    if (boot->modules_dropped)
        say(args, "%u more did not fit in the list of %u.",
            boot->modules_dropped, BOOT_MODULES);
}
