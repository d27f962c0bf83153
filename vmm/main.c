/* SPDX-License-Identifier: MIT
 *
 * The wiring, in order: console, processor, traps, what the loader said,
 * memory, page tables, interrupts and time, guests, the loop.
 *
 * Everything that needs memory before there are frames takes it from bootmem,
 * which knows what must not be touched: the low MiB (firmware), the VMM, and
 * the modules, wherever the loader put them. The loader's own tables are
 * copied by bootinfo_parse() before the first allocation and may be
 * overwritten after that.
 *
 * The VMM's own command line: exit=stopped ends the machine when every VM has
 * stopped. crash=gp|ud|stack|check makes the VMM commit that fault at the end
 * of the boot: a diagnostic option, for seeing and testing what a panic prints.
 * canary=1 is for tests with hostile guests: canary frames lie among those of
 * every VM, `audit` without a name checks them and all the accounts, and the
 * processor time of each VM is printed when one of them ends.
 */
#include "arch/x86/arch.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/layout.h"
#include "arch/x86/machine.h"
#include "drivers/host/host.h"
#include "vmm/base/check.h"
#include "vmm/base/fmt.h"
#include "vmm/base/str.h"
#include "vmm/vm/vm.h"

void vmm_main(u32 magic, u32 info);

static struct boot_info boot;
static struct bootmem bootmem;
static struct hv hv;

static void put(void *ctx, const char *text, size_t len)
{
    arch_console_write(text, len);
}

static const struct sink out = {put, NULL};

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
}

/* Where the screen can be painted, or null. Text is part of VGA's window,
 * which the firmware's MTRRs keep uncached. */
static void *map_screen(void)
{
    const struct screen_mode *s = &boot.screen;
    void *at = NULL;

    if (s->kind == SCREEN_TEXT)
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

static void banner(void)
{
    char name[49];

    features_name(name);
    fmt_sink(&out, "Trapline: on %s, TSC %u MHz, %s timer%s\n", name,
             (u32)(time_tsc_hz() / 1000000), time_has_apic() ? "APIC" : "PIT",
             features_umip() ? ", UMIP" : "");
    fmt_sink(&out, "Trapline: %u MiB of RAM, %u MiB free, started by %s\n",
             (u32)(bootmem_total(&bootmem) >> 20),
             hv.frames.nfree >> (20 - PAGE_SHIFT), boot.loader);
    fmt_sink(&out, "Trapline: screen of %ux%u %s at 0x%llx\n",
             boot.screen.width, boot.screen.height,
             boot.screen.kind == SCREEN_NONE   ? "nothing"
             : boot.screen.kind == SCREEN_TEXT ? "characters"
                                               : "pixels",
             (unsigned long long)boot.screen.at.v);
    for (u32 i = 0; i < boot.modules; i++)
        fmt_sink(&out, "Trapline: module %u, %u bytes: %s\n", i,
                 (u32)boot.module[i].size, boot.module[i].line);
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

static void read_options(void)
{
    struct slice rest = slice_of(boot.command_line), word, key, value;

    while (slice_word(&rest, &word)) {
        slice_split(word, '=', &key, &value);
        if (slice_eq(word, "exit=stopped"))
            hv.exit_when_idle = true;
        else if (slice_eq(word, "canary=1"))
            hv.canary = true;
        else if (slice_eq(key, "crash"))
            crash(value);
        else if (value.len)
            fmt_sink(&out,
                     "Trapline: the option \"%.*s\" is unknown; there are "
                     "exit=stopped, canary=1 and crash=gp|ud|stack|check\n",
                     (int)word.len, word.at);
    }
}

static const u8 *module_data(struct hv *h, u32 module)
{
    return physmap(h->boot->module[module].start);
}

static void last_words(void)
{
    hv_last_words(&hv, &out);
}

static void hypervisor_init(void)
{
    hv.boot = &boot;
    hv.module_data = module_data;
    arch_panic_hook = last_words;
    sched_init(&hv.sched, &sched_round_robin);
    console_init(&hv.console, out);
}

void vmm_main(u32 magic, u32 info)
{
    host_uart_init();
    features_check();
    gdt_init();
    read_boot_info(magic, info);
    collect_memory();
    paging_init(&bootmem);
    host_screen_init(&boot.screen, map_screen());
    modes_init();
    make_frames();
    host_pic_init();
    time_init(features_apic());
    host_pic_unmask(IRQ_COM1);
    if (time_has_apic())
        watchdog_init();
    else
        host_pic_unmask(IRQ_TIMER);
    host_kbd_init();
    banner();
    hypervisor_init();
    read_options();
    hv_start(&hv);
    arch_poweroff(hv_run(&hv));
}
