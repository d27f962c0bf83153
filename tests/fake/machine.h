/* SPDX-License-Identifier: MIT
 *
 * A machine for unit tests of vmm/vm: arch.h with no CPU behind it, and one
 * VM with real p2m, shadow, devices and recorder over an arena of memory.
 *
 * arch_enter() calls fake_guest, which plays the guest up to its next trap. The
 * clock goes on by fake_step each time somebody looks, and a loop that looks
 * too often is called endless. The rest keeps what it is told where a test can
 * look (fake_segs). Include it in one test file; it defines the functions.
 */
#ifndef TESTS_FAKE_MACHINE_H
#define TESTS_FAKE_MACHINE_H

#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/regs.h"
#include "vmm/cpu/fpu.h"
#include "vmm/vm/direct.h"
#include "vmm/vm/env.h"
#include "vmm/vm/vm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_FRAMES  2048u /* 8 MiB of machine */
#define FAKE_RECORDS 64u   /* of the trace ring */

static u8 fake_arena[FAKE_FRAMES * PAGE_SIZE] __attribute__((aligned(4096)));
static struct frame fake_info[FAKE_FRAMES];
static u64 fake_gdt[ARCH_GDT_SLOTS], fake_ldt[ARCH_GDT_SLOTS];
static u64 fake_pml4[512];
static u16 fake_segs[6];
static u32 fake_refused;   /* a bit per segment register that loads null */
static u32 fake_dr6;       /* what the real DR6 says beside its fixed bits */
static const u32 *fake_dr; /* the last arch_set_debug() */
static u32 fake_modes;     /* calls of arch_set_modes() */
static u32 fake_flushes;   /* pages and roots told to the real TLB */
static u32 fake_ldt_size;  /* entries, by the last arch_set_ldt() */
static u64 fake_now = 1000000;
static u32 fake_looks;      /* at the clock; too many are a loop without end */
static u64 fake_step;       /* how far the clock goes on at each look */
static struct fpu fake_fpu; /* the VM's, whether live or not */
static u32 fake_fpu_backs;  /* how often it went back */
static struct boot_info fake_boot;
static struct hv fake_hv;
static struct trace_record fake_records[FAKE_RECORDS];

void arch_vcpu_init(struct arch_vcpu *av, u32 index)
{
    memset(fake_gdt, 0, sizeof(fake_gdt));
    memset(fake_ldt, 0, sizeof(fake_ldt));
    fpu_reset(&fake_fpu);
    *av = (struct arch_vcpu){.gdt = fake_gdt, .ldt = fake_ldt};
}

static void (*fake_guest)(struct cpu *cpu, struct arch_vcpu *av);

void arch_enter(struct cpu *cpu, struct arch_vcpu *av)
{
    if (!fake_guest)
        abort();
    fake_guest(cpu, av);
}

void arch_enter_small(struct cpu *cpu, struct arch_vcpu *av)
{
    arch_enter(cpu, av);
}

void arch_switch(struct arch_vcpu *av)
{
}

void arch_forget(struct arch_vcpu *av)
{
}

struct fpu *arch_fpu(struct arch_vcpu *av)
{
    return &fake_fpu;
}

void arch_fpu_back(struct arch_vcpu *av)
{
    fake_fpu_backs++;
}

void arch_fpu_run(struct fpu_op *op)
{
    fpu_unit(op);
}

void arch_read_segs(struct arch_vcpu *av)
{
    memcpy(av->hw_seg, fake_segs, sizeof(fake_segs));
}

bool arch_load_segs(struct arch_vcpu *av, u32 mask)
{
    for (int s = 0; s < 6; s++) {
        if (mask >> s & 1)
            fake_segs[s] = fake_refused >> s & 1 ? 0 : av->hw_seg[s];
    }
    return !(mask & fake_refused);
}

void arch_set_ldt(struct arch_vcpu *av, u32 entries)
{
    fake_ldt_size = entries;
}

void arch_set_modes(u32 cr0, u32 cr4)
{
    fake_modes++;
}

void arch_set_debug(const u32 dr[8])
{
    fake_dr = dr;
}

u32 arch_read_dr6(void)
{
    return DR6_FIXED | fake_dr6;
}

void arch_load_root(hpa_t root)
{
    fake_flushes++;
}

void arch_flush_page(gva_t at)
{
    fake_flushes++;
}

void arch_flush_all(void)
{
}

const u64 *arch_host_pml4(void)
{
    return fake_pml4;
}

u64 arch_tsc_hz(void)
{
    return 1000000000;
}

u64 arch_tsc(void)
{
    return fake_now;
}

u64 arch_now_ns(void)
{
    if (++fake_looks > 10000000) {
        printf("fake clock: this loop is endless\n");
        abort();
    }
    return fake_now += fake_step;
}

u64 arch_epoch(void)
{
    return 0;
}

void arch_set_timer(u64 deadline_ns)
{
}

void arch_idle(void)
{
}

static u32 fake_windows; /* calls of arch_window() */
static bool fake_irq;    /* the next one finds an interrupt */

bool arch_window(void)
{
    bool came = fake_irq;

    fake_windows++;
    fake_irq = false;
    return came;
}

void arch_irq_done(u32 vector)
{
}

void arch_cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
    out[0] = out[1] = out[2] = out[3] = 0xffffffff;
}

void arch_console_write(const char *text, size_t len)
{
    fwrite(text, 1, len, stdout);
}

bool arch_console_read(u8 *byte)
{
    return false;
}

static u8 fake_keys[256]; /* scan codes that wait, in a ring */
static u32 fake_keys_in, fake_keys_out;

bool arch_key_read(u8 *scancode)
{
    if (fake_keys_in == fake_keys_out)
        return false;
    *scancode = fake_keys[fake_keys_out++ % sizeof(fake_keys)];
    return true;
}

/* The wires: what was written, as far as there was room (ever), and what comes.
 * Null `out`: the wire is not there. */
struct fake_wire {
    u8 *out;
    size_t written, room;
    const u8 *in; /* may be null */
    size_t in_size;
};
static struct fake_wire fake_wires[ARCH_WIRES];

bool arch_wire_present(enum arch_wire wire)
{
    return fake_wires[wire].out;
}

size_t arch_wire_write(enum arch_wire wire, const u8 *data, size_t len)
{
    struct fake_wire *w = &fake_wires[wire];

    if (len > w->room - w->written)
        len = w->room - w->written;
    if (len)
        memcpy(w->out + w->written, data, len);
    w->written += len;
    return len;
}

bool arch_wire_read(enum arch_wire wire, u8 *byte)
{
    struct fake_wire *w = &fake_wires[wire];

    if (!w->in_size)
        return false;
    w->in_size--;
    *byte = *w->in++;
    return true;
}

/* What the screen shows: a guest's cells, or null for the console. */
static const u16 *fake_screen;
static u32 fake_screen_cursor, fake_screen_shown;
static char fake_screen_title[80];
static int fake_screen_back;

void arch_screen_show(const u16 *cells, u32 cursor, const char *title)
{
    static u16 copy[VGA_CELLS];

    fake_screen = NULL;
    fake_screen_shown++;
    if (!cells)
        return;
    memcpy(copy, cells, sizeof(copy));
    fake_screen = copy;
    fake_screen_cursor = cursor;
    snprintf(fake_screen_title, sizeof(fake_screen_title), "%s", title);
}

void arch_screen_back(int lines)
{
    fake_screen_back += lines;
}

void arch_poweroff(u32 status)
{
    exit((int)status);
}

void arch_panic(const char *format, ...)
{
    abort();
}

static void fake_put(void *ctx, const char *text, size_t len)
{
}

/* The smallest multiboot kernel: a header, one segment, a HLT. */
struct fake_image {
    u8 ehdr[52], phdr[32], code[64];
};
static struct fake_image fake_image;
static const u8 *fake_other_image; /* in its place, if not null */

static const u8 *fake_module(struct hv *hv, u32 module)
{
    return fake_other_image ? fake_other_image : (const u8 *)&fake_image;
}

static void put32(u8 *at, u32 v)
{
    memcpy(at, &v, sizeof(v));
}

static void fake_image_make(void)
{
    static const u8 ident[] = {0x7f, 'E', 'L', 'F', 1, 1, 1};
    struct fake_image *i = &fake_image;

    memset(i, 0, sizeof(*i));
    memcpy(i->ehdr, ident, sizeof(ident));
    put32(i->ehdr + 16, 2 | 3 << 16);
    put32(i->ehdr + 20, 1);
    put32(i->ehdr + 24, 0x100000 + 32);
    put32(i->ehdr + 28, sizeof(i->ehdr));
    put32(i->ehdr + 40, sizeof(i->ehdr) | 32 << 16);
    put32(i->ehdr + 44, 1);
    put32(i->phdr, 1);
    put32(i->phdr + 4, sizeof(i->ehdr) + sizeof(i->phdr));
    put32(i->phdr + 8, 0x100000);
    put32(i->phdr + 12, 0x100000);
    put32(i->phdr + 16, sizeof(i->code));
    put32(i->phdr + 20, sizeof(i->code));
    put32(i->phdr + 24, 5);
    put32(i->code, 0x1badb002);
    put32(i->code + 8, -0x1badb002u);
    i->code[32] = 0xf4;
}

/* One running VM of mem bytes under the given policy, made anew. */
static inline struct vm *fake_vm(u32 mem, enum shadow_policy_id policy)
{
    struct vm_config config = {.kind = CONFIG_VM,
                               .name = "fake",
                               .mem = mem,
                               .shadow = policy,
                               .weight = 1};
    char error[200];

    memset(&fake_hv, 0, sizeof(fake_hv));
    frames_init(&fake_hv.frames, fake_arena, fake_info, FAKE_FRAMES);
    frames_add(&fake_hv.frames, hpa(PAGE_SIZE),
               hpa((u64)FAKE_FRAMES * PAGE_SIZE));
    fake_image_make();
    fake_boot.modules = 1;
    fake_boot.module[0].size = sizeof(fake_image);
    fake_hv.boot = &fake_boot;
    fake_hv.module_data = fake_module;
    trace_init(&fake_hv.trace, fake_records, FAKE_RECORDS);
    sched_init(&fake_hv.sched, &sched_round_robin);
    console_init(&fake_hv.console, (struct sink){fake_put, NULL});
    fake_hv.console.log = &fake_hv.log;
    view_init(&fake_hv.view);
    if (!vm_create(&fake_hv, &config, 0, error, sizeof(error))) {
        printf("fake_vm: %s\n", error);
        abort();
    }
    fake_hv.current = &fake_hv.vm[0];
    return &fake_hv.vm[0];
}

/* The virtual timer's line is up, and the PIC lets it through at `vector`. */
static inline void fake_raise_timer(struct vm *vm, u8 vector)
{
    const u8 setup[][2] = {{PORT_PIC1_CMD, 0x11},
                           {PORT_PIC1_DATA, vector},
                           {PORT_PIC1_DATA, 4},
                           {PORT_PIC1_DATA, 1},
                           {PORT_PIC1_DATA, 0xfe}};

    for (u32 i = 0; i < sizeof(setup) / sizeof(setup[0]); i++)
        bus_write(&vm->pc.bus, BUS_PORT, setup[i][0], 1, setup[i][1]);
    irq_set(&vm->pc.irq, IRQ_TIMER, true);
    vm->irq_waiting = pc_irq_pending(&vm->pc);
}

#endif
