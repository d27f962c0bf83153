/* SPDX-License-Identifier: MIT
 *
 * The wiring, in order: console, processor, traps, what the loader and the
 * firmware said, memory, page tables, screen, interrupts and time, the
 * checklist of all that, guests, the loop.
 *
 * Everything that needs memory before there are frames takes it from bootmem,
 * which knows what must not be touched: the low MiB (firmware), the VMM, the
 * modules, wherever the loader put them, the frame buffer and the ACPI
 * tables. The loader's own tables are copied by bootinfo_parse() before the
 * first allocation and may be overwritten after that.
 *
 * The VMM's own command line: exit=stopped ends the machine when every VM has
 * stopped. crash=gp|ud|stack|check makes the VMM commit that fault at the end
 * of the boot: a diagnostic option, for seeing and testing what a panic prints.
 * canary=1 is for tests with hostile guests: canary frames lie among those of
 * every VM, `audit` without a name checks them and all the accounts, and the
 * processor time of each VM is printed when one of them ends.
 * clock=pit|pit0|acpi|hpet|cpuid and alarm=apic|pit name what the TSC is
 * measured against and what interrupts guests, where the VMM's own choice turns
 * out to be a bad one. gdb=com2 and trace=com3|e9 say where the wires are that
 * arch.h speaks of: com1 to com4, pci, and e9 for the trace, behind which may
 * stand what is to be traced (export.h). record=all|GROUP,... keeps events in
 * the ring, where a black box finds them, though nobody looks at them live.
 * trapline.cmd="..." runs monitor commands at the start (vmm/vm/script.h).
 */
#include "arch/x86/arch.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/layout.h"
#include "arch/x86/machine.h"
#include "drivers/host/host.h"
#include "vmm/base/bits.h"
#include "vmm/base/check.h"
#include "vmm/base/fmt.h"
#include "vmm/base/str.h"
#include "vmm/vm/acpi.h"
#include "vmm/vm/vm.h"

void vmm_main(u32 magic, u32 info);

static struct boot_info boot;
static struct platform platform;
static struct bootmem bootmem;
static struct hv hv;
static struct trace_record trace_records[TRACE_RECORDS];
static bool watched; /* by the watchdog */

static struct {
    enum clock_source clock;
    enum alarm_source alarm;
    struct slice crash;
    u32 record; /* groups of events */
} options;

static void put(void *ctx, const char *text, size_t len)
{
    arch_console_write(text, len);
}

/* What is said before there is a console is kept as well. */
static void put_early(void *ctx, const char *text, size_t len)
{
    arch_console_write(text, len);
    textlog_put(&hv.log, text, len);
}

static const struct sink out = {put_early, NULL}, terminal = {put, NULL};

/* The boot tables map the low 4 GiB, and loaders use no more. */
static const void *view_at(void *ctx, hpa_t where, u64 size)
{
    if (where.v >= LOW_4G || size > LOW_4G - where.v)
        return NULL;
    return physmap(where);
}

static void read_boot_info(u32 magic, u32 info)
{
    static const struct boot_view view = {view_at, NULL};
    const char *error = bootinfo_parse(magic, hpa(info), &view, &boot);

    if (error)
        arch_panic("%s", error);
    acpi_read(&boot, &view, &platform);
    host_power_init(&platform);
}

static u64 screen_bytes(void)
{
    return (u64)boot.screen.pitch * boot.screen.height;
}

static void collect_memory(void)
{
    for (u32 i = 0; i < boot.ram.count; i++)
        bootmem_add(&bootmem, hpa(boot.ram.range[i].start),
                    hpa(boot.ram.range[i].end));
    bootmem_reserve(&bootmem, hpa(0), hpa(HIGH_MEMORY));
    bootmem_reserve(&bootmem, hpa((u64)vmm_load_start), image_hpa(vmm_end));
    for (u32 i = 0; i < boot.modules; i++) {
        const struct boot_module *m = &boot.module[i];
        bootmem_reserve(&bootmem, m->start, hpa(m->start.v + m->size));
    }
    bootmem_reserve(&bootmem, boot.screen.at,
                    hpa(boot.screen.at.v + screen_bytes()));
    for (u32 i = 0; i < platform.memory.count; i++)
        bootmem_reserve(&bootmem, hpa(platform.memory.range[i].start),
                        hpa(platform.memory.range[i].end));
}

/* Where the screen can be painted, or null. Text is part of VGA's window,
 * which the firmware's MTRRs keep uncached; a loader that names another place
 * must at least name one that the physmap has. */
static void *map_screen(void)
{
    const struct screen_mode *s = &boot.screen;
    bool no_vga = boot.screen_guessed && !platform.has_vga;
    bool low = s->at.v < LOW_4G && s->at.v + screen_bytes() <= LOW_4G;
    void *at = NULL;

    if (s->kind == SCREEN_TEXT && low && !no_vga)
        at = physmap(s->at);
    else if (s->kind == SCREEN_PIXELS)
        at = paging_map_screen(&bootmem, s->at, screen_bytes());
    if (!at)
        boot.screen.kind = SCREEN_NONE;
    return at;
}

/* Whatever bootmem has left becomes frames. */
static void make_frames(void)
{
    u32 count = hpa_to_mfn(bootmem_top(&bootmem)).v;
    hpa_t info;

    if (!bootmem_alloc(&bootmem, (u64)count * sizeof(struct frame), &info))
        arch_panic("there is no room for the list of machine frames; give "
                   "the machine 64 MiB or more");
    frames_init(&hv.frames, physmap(hpa(0)), physmap(info), count);
    for (u32 i = 0; i < bootmem.free.count; i++)
        frames_add(&hv.frames, hpa(bootmem.free.range[i].start),
                   hpa(bootmem.free.range[i].end));
}

/* The name of a line of the checklist; what was found follows it. */
static void item(const char *name)
{
    fmt_sink(&out, "  %-11s ", name);
}

static void check_firmware(void)
{
    item("firmware");
    fmt_sink(&out, "%s\n", boot.uefi ? "UEFI" : "BIOS");
    item("loader");
    fmt_sink(&out, "%s\n", boot.loader[0] ? boot.loader : "of no name");
    item("ACPI");
    if (platform.problem)
        fmt_sink(&out, "none: %s\n", platform.problem);
    else
        fmt_sink(&out, "%u tables, %s\n", platform.tables,
                 platform.has_s5 ? "power-off by them"
                                 : "without a way to power off");
    if (!platform.ignored)
        return;
    item("");
    fmt_sink(&out, "left out: %u, the first of them because %s %s\n",
             platform.ignored, platform.ignored_name, platform.ignored_why);
}

static void check_processor(void)
{
    char brand[49];
    const char *name = brand;

    features_name(brand);
    while (*name == ' ') /* some are set flush right */
        name++;
    item("processor");
    fmt_sink(&out, "%s%s\n", name, features_umip() ? ", with UMIP" : "");
    item("processors");
    fmt_sink(&out, "%u present, 1 used\n", max_u32(platform.processors, 1));
    item("memory");
    fmt_sink(&out, "%u MiB, %u MiB of it free\n",
             (u32)(bootmem_total(&bootmem) >> 20),
             hv.frames.nfree >> (20 - PAGE_SHIFT));
    if (!boot.ram.lost)
        return;
    item("");
    fmt_sink(&out, "the map has too many ranges; %u small ones are left out\n",
             boot.ram.lost);
}

static void check_time(void)
{
    static const char *const by[CLOCK_SOURCES] = {
        [CLOCK_PIT] = "measured by the PIT",
        [CLOCK_PIT_0] = "measured by channel 0 of the PIT",
        [CLOCK_ACPI] = "measured by the ACPI timer",
        [CLOCK_HPET] = "measured by the HPET",
        [CLOCK_CPUID] = "as CPUID says",
    };
    bool apic = time_alarm() == ALARM_APIC;

    item("clock");
    fmt_sink(&out, "TSC, %u MHz, %s%s\n", (u32)(time_tsc_hz() / 1000000),
             by[time_clock()],
             options.clock && options.clock != time_clock()
                 ? "; the clock that was asked for does not count"
                 : "");
    item("alarm");
    fmt_sink(&out, "%s%s\n", apic ? "local APIC timer" : "PIT",
             options.alarm && options.alarm != time_alarm()
                 ? "; the alarm that was asked for does not ring"
                 : "");
    item("watchdog");
    fmt_sink(&out, "%s\n", watched ? "NMI of the PIT by the I/O APIC" : "none");
    item("interrupts");
    fmt_sink(&out, "%s%s\n",
             platform.has_pic ? "8259 PIC" : "no 8259 PIC: devices are polled",
             !features_apic() ? ""
             : lapic_is_x2()  ? ", local APIC (x2APIC)"
                              : ", local APIC");
}

static void check_serial(void)
{
    const struct uart *u = host_console_uart();
    u32 card;

    item("serial");
    if (host_uart_place(u) == UART_COM1) {
        fmt_sink(&out, "COM1\n");
    } else if (u) {
        card = host_uart_card(u);
        fmt_sink(&out, "PCI card %02x:%02x.%x\n", PCI_BUS(card), PCI_DEV(card),
                 PCI_FN(card));
    } else {
        fmt_sink(&out, "none\n");
    }
}

static void check_wire(enum arch_wire wire, const char *name)
{
    static const char *const sentences[] = {
        [WIRE_READY] = "",
        [WIRE_ABSENT] = ": nothing answers there, so it stays unused",
        [WIRE_TAKEN] = ": that is another wire already, so it stays unused",
    };
    u32 place;
    enum wire_state state = host_wire_state(wire, &place);

    if (state == WIRE_OFF)
        return;
    item(name);
    fmt_sink(&out, "%s%s\n", host_wire_places[place], sentences[state]);
}

static void check_screen(void)
{
    const struct screen_mode *s = &boot.screen;

    item("screen");
    if (s->kind == SCREEN_TEXT)
        fmt_sink(&out, "%ux%u characters\n", s->width, s->height);
    else if (s->kind == SCREEN_PIXELS)
        fmt_sink(&out, "%ux%u pixels of %u bits at 0x%llx\n", s->width,
                 s->height, s->depth, (unsigned long long)s->at.v);
    else
        fmt_sink(&out, "none by the loader's word\n");
    item("keyboard");
    fmt_sink(&out, "%s\n", host_kbd_present() ? "8042" : "none");
}

static void checklist(void)
{
    fmt_sink(&out, "Trapline: this machine, and what is used of it\n");
    check_firmware();
    check_processor();
    check_time();
    check_serial();
    check_wire(ARCH_WIRE_GDB, "gdb");
    check_wire(ARCH_WIRE_TRACE, "trace");
    check_screen();
    for (u32 i = 0; i < boot.modules; i++) {
        item(i ? "" : "modules");
        fmt_sink(&out, "%u: %u bytes, %s\n", i, (u32)boot.module[i].size,
                 boot.module[i].line);
    }
}

/* Uses up the stack, but in a way that no compiler turns into a loop. */
static __attribute__((noinline)) u32 overflow_stack(volatile u32 *depth)
{
    volatile u32 here = *depth + 1;

    return here ? overflow_stack(&here) + here : 0;
}

static void crash(struct slice how)
{
    volatile u32 zero = 0;

    if (slice_eq(how, "gp"))
        *(volatile u32 *)0x8000000000000000 = 0; /* not canonical */
    else if (slice_eq(how, "ud"))
        __builtin_trap();
    else if (slice_eq(how, "stack"))
        overflow_stack(&zero);
    else if (slice_eq(how, "check"))
        CHECK(zero);
}

/* The number of a word in a list; false when it is not there. The first one,
 * "any", is what there is without a wish. */
static bool choose(struct slice value, const char *const *words, u32 count,
                   u32 *out_number)
{
    for (u32 i = 0; i < count; i++) {
        if (slice_eq(value, words[i])) {
            *out_number = i;
            return true;
        }
    }
    return false;
}

/* The wire, and behind it what goes there: trace=com3,wait,priv,syscall */
static bool read_trace(struct slice value)
{
    struct slice place, words;
    u32 number;

    slice_split(value, ',', &place, &words);
    if (!choose(place, host_wire_places, WIRE_PLACES, &number) ||
        !export_choose(&hv.export, words))
        return false;
    host_wire_choose(ARCH_WIRE_TRACE, number);
    return true;
}

/* Round-robin stays where the words are wrong. */
static void read_sched(struct slice words)
{
    char error[256];

    if (!sched_option(&hv.sched, words, error, sizeof(error)))
        fmt_sink(&out, "Trapline: sched=: %s.\n", error);
}

/* False: it looks like an option and is none. */
static bool read_option(struct slice word)
{
    struct slice key, value;
    bool option = slice_split(word, '=', &key, &value);
    u32 number;

    if (slice_eq(word, "exit=stopped"))
        hv.exit_when_idle = true;
    else if (slice_eq(word, "gdb.wait=1"))
        hv.gdb.wait = true;
    else if (slice_eq(word, "canary=1"))
        hv.canary = true;
    else if (slice_eq(key, "crash"))
        options.crash = value;
    else if (slice_eq(key, "clock") &&
             choose(value, time_clock_words, CLOCK_SOURCES, &number))
        options.clock = (enum clock_source)number;
    else if (slice_eq(key, "alarm") &&
             choose(value, time_alarm_words, ALARM_SOURCES, &number))
        options.alarm = (enum alarm_source)number;
    else if (slice_eq(key, "gdb") &&
             choose(value, host_wire_places, UART_PLACES, &number))
        host_wire_choose(ARCH_WIRE_GDB, number);
    else if (slice_eq(key, "sched"))
        read_sched(value);
    else if (slice_eq(key, "record"))
        return trace_groups_parse(value, &options.record);
    else if (slice_eq(key, "trace"))
        return read_trace(value);
    else
        return !option;
    return true;
}

static void read_options(void)
{
    struct slice rest = slice_of(boot.command_line), word;

    sched_init(&hv.sched, &sched_round_robin);
    while (slice_word(&rest, &word)) {
        if (!script_option(&hv.script, word, &rest) && !read_option(word))
            fmt_sink(
                &out,
                "Trapline: the option \"%.*s\" is unknown; there are "
                "exit=stopped, canary=1, clock=pit|pit0|acpi|hpet|cpuid, "
                "alarm=apic|pit, gdb=com1|com2|com3|com4|pci, "
                "gdb.wait=1, trapline.cmd=\"COMMAND; ...\", "
                "sched=rr|mlfq|stride|fifo|sjf|stcf with ,KNOB=VALUE "
                "behind it, trace=com1|com2|com3|com4|pci|e9 with ,wait or "
                ",GROUP of events behind it, "
                "record=all|GROUP,... and "
                "crash=gp|ud|stack|check\n",
                (int)word.len, word.at);
    }
}

/* Interrupts of the PIC that the VMM wants, and the alarm's NMI. */
static void interrupts_init(void)
{
    platform.has_pic &= host_pic_init();
    time_init(&platform, features_apic(), options.clock, options.alarm);
    host_wires_init();
    if (platform.has_pic)
        host_uart_unmask();
    watched = time_alarm() == ALARM_APIC &&
              watchdog_init(hpa(platform.ioapic), platform.ioapic_pin);
    if (platform.has_8042)
        host_kbd_init();
}

static const u8 *module_data(struct hv *h, u32 module)
{
    return physmap(h->boot->module[module].start);
}

static void last_words(void)
{
    hv_last_words(&hv, &terminal);
    export_finish(&hv);
}

static void hypervisor_init(void)
{
    hv.boot = &boot;
    hv.module_data = module_data;
    arch_panic_hook = last_words;
    trace_init(&hv.trace, trace_records, TRACE_RECORDS);
    trace_want_all(&hv, TRACE_KEEP, options.record);
    console_init(&hv.console, terminal);
}

void vmm_main(u32 magic, u32 info)
{
    host_console_init();
    features_check();
    gdt_init();
    read_boot_info(magic, info);
    read_options();
    collect_memory();
    paging_init(&bootmem);
    host_screen_init(&boot.screen, map_screen());
    modes_init();
    make_frames();
    interrupts_init();
    checklist();
    hypervisor_init();
    crash(options.crash);
    hv_start(&hv);
    arch_poweroff(hv_run(&hv));
}
