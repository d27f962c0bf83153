/* SPDX-License-Identifier: MIT
 *
 * The life of a VM: made, reset, paused, killed, destroyed. See vm.h.
 *
 * Creation checks first and commits then: the configuration, the memory it
 * wants and the image are judged before anything of it can run, and every
 * failure gives back what was taken. Reset is destroy-and-create inside the
 * same slot, so a guest that resets itself a thousand times leaks nothing.
 *
 * Memory of a guest is that of a PC: RAM up to 640 KiB, the VGA window, a
 * hole where the BIOS would be, RAM from 1 MiB up to the configured size.
 */
#include "vmm/vm/vm.h"
#include "arch/x86/defs/linux.h"
#include "arch/x86/defs/ports.h"
#include "vmm/base/bits.h"
#include "vmm/base/fmt.h"
#include "vmm/base/str.h"
#include "vmm/mm/canary.h"
#include "vmm/vm/attach.h"
#include "vmm/vm/direct.h"
#include "vmm/vm/diskboot.h"
#include "vmm/vm/loader.h"

/* Shadow pages a VM may have: an eighth of its frames, within these. */
#define SHADOW_PAGES_MIN 128
#define SHADOW_PAGES_MAX 2048
/* Frames kept back at creation for p2m leaves and shadow metadata. */
#define FRAMES_SPARE 64

const char *vm_state_name(const struct vm *vm)
{
    switch (vm->state) {
    case VM_RUNNING:
        return vm->cpu.halted ? "halted" : "running";
    case VM_PAUSED:
        return "paused";
    case VM_EXITED:
        return "exited";
    case VM_KILLED:
        return "killed";
    default:
        return "empty";
    }
}

struct vm *hv_find(struct hv *hv, const char *name)
{
    for (u32 i = 0; i < HV_VMS; i++) {
        struct vm *vm = &hv->vm[i];
        if (vm->state != VM_EMPTY && str_eq(vm->config.name, name))
            return vm;
    }
    return NULL;
}

u64 vm_now(const struct vm *vm)
{
    u64 host = vm->state == VM_PAUSED ? vm->paused_at : arch_now_ns();

    return host - vm->time_base;
}

/* What the devices ask of us. */

static void host_console(void *ctx, u8 byte)
{
    struct vm *vm = ctx;

    trace_live_show(vm->hv);
    console_guest(&vm->hv->console, vm->slot, byte, arch_now_ns());
}

static void host_reset(void *ctx)
{
    struct vm *vm = ctx;

    vm->reset_wanted = true;
    vm->leave = true;
}

static void host_a20(void *ctx, bool on)
{
    struct vm *vm = ctx;

    tables_suspend(vm);
    shadow_forget(&vm->shadow);
    p2m_set_a20(&vm->p2m, on);
    tables_resume(vm);
}

static u64 host_now(void *ctx)
{
    return vm_now(ctx);
}

static u64 host_exits(void *ctx)
{
    struct vm *vm = ctx;

    return vm->exits;
}

static void host_raised(void *ctx, u32 line)
{
    struct vm *vm = ctx;

    TRACE(vm, IRQ_RAISE, line);
}

static u8 *host_sector(void *ctx, u32 lba)
{
    struct vm *vm = ctx;

    return disk_sector(&vm->disk, lba);
}

static void stopped(struct vm *vm, enum vm_state state)
{
    vm->state = state;
    vm->leave = true;
    if (state != VM_PAUSED)
        probe_died(vm);
    sched_clock(&vm->hv->sched, arch_now_ns());
    sched_set_runnable(&vm->hv->sched, vm->slot, false);
}

/* canary=1: who has had the processor for how long, when one of them ends.
 * What a VM does in the turn it ends in is not in the books yet. */
static void say_books(struct hv *hv)
{
    char text[HV_VMS * (VM_NAME_MAX + 24)];
    size_t at = 0;

    if (!hv->canary)
        return;
    for (u32 i = 0; i < HV_VMS && at < sizeof(text); i++) {
        const struct vm *vm = &hv->vm[i];
        if (vm->state != VM_EMPTY)
            at += fmt_buf(text + at, sizeof(text) - at, ", %s %llu us",
                          vm->config.name,
                          (unsigned long long)(vm->run_ns / 1000));
    }
    console_print(&hv->console, "trapline: books at %llu us%s",
                  (unsigned long long)(arch_now_ns() / 1000), text);
}

static void host_exit(void *ctx, u32 status)
{
    struct vm *vm = ctx;

    if (vm->state != VM_RUNNING)
        return;
    vm->status = status;
    stopped(vm, VM_EXITED);
    TRACE(vm, EXITED, status);
    trace_live_stopped(vm);
    console_print(&vm->hv->console, "trapline: %s: exited with status 0x%x",
                  vm->config.name, status);
    say_books(vm->hv);
}

void vm_kill(struct vm *vm, const char *format, ...)
{
    va_list args;

    if (vm->state != VM_RUNNING)
        return;
    va_start(args, format);
    fmt_vbuf(vm->reason, sizeof(vm->reason), format, args);
    va_end(args);
    stopped(vm, VM_KILLED);
    TRACE_TEXT(vm, KILLED, vm->reason);
    trace_live_stopped(vm);
    console_print(&vm->hv->console, "trapline: %s: killed: %s.",
                  vm->config.name, vm->reason);
    say_books(vm->hv);
}

/* The shadow's view of the hardware. */

static void hw_flush_page(void *ctx, gva_t at)
{
    struct vm *vm = ctx;

    TRACE(vm, SHADOW_FLUSH, vm->shadow.why, at.v);
    fast_forget_pages(&vm->fast);
    tlb_flush_page(&vm->tlb, at);
    if (vm->hv->current == vm)
        arch_flush_page(at);
}

static void hw_flush_all(void *ctx)
{
    struct vm *vm = ctx;

    TRACE(vm, SHADOW_FLUSH_ALL, vm->shadow.why);
    fast_forget_pages(&vm->fast);
    tlb_flush(&vm->tlb);
    if (vm->hv->current == vm)
        arch_load_root(shadow_root(&vm->shadow));
}

static void hw_marked(void *ctx, gpa_t at)
{
    tables_marked(ctx, at);
}

static void hw_traced(void *ctx)
{
    struct vm *vm = ctx;

    tlb_forget_stores(&vm->tlb);
}

static void hw_dropped(void *ctx, bool all, gfn_t f, u32 pages)
{
    struct vm *vm = ctx;

    if (all)
        TRACE(vm, SHADOW_DROP_ALL, vm->shadow.why, pages);
    else
        TRACE(vm, SHADOW_DROP, vm->shadow.why, f.v, pages);
}

static bool build_memory(struct vm *vm)
{
    u32 low = LOW_MEMORY_END >> PAGE_SHIFT, high = HIGH_MEMORY >> PAGE_SHIFT;
    u32 top = (u32)(vm->config.mem >> PAGE_SHIFT);

    if (!p2m_init(&vm->p2m, &vm->hv->frames, (u8)vm->slot))
        return false;
    if (!p2m_add_ram(&vm->p2m, gfn(0), low) ||
        !p2m_add_ram(&vm->p2m, gfn(high), top - high))
        return false;
    return p2m_add_mmio(&vm->p2m, gfn(VGA_WINDOW >> PAGE_SHIFT),
                        (0xc0000 - VGA_WINDOW) >> PAGE_SHIFT);
}

static bool build_shadow(struct vm *vm)
{
    struct shadow_hw hw = {vm,        hw_flush_page, hw_flush_all,
                           hw_marked, hw_traced,     hw_dropped};
    u32 pages = (u32)(vm->config.mem >> PAGE_SHIFT) / 8;

    pages = min_u32(max_u32(pages, SHADOW_PAGES_MIN), SHADOW_PAGES_MAX);
    return shadow_init(&vm->shadow, vm->config.shadow, &vm->hv->frames,
                       &vm->p2m, (u8)vm->slot, arch_host_pml4(), &hw, pages);
}

static u32 block_frames(const struct vm_config *config)
{
    if (config->exec != EXEC_INTERP || config->dispatch != DISPATCH_THREADED)
        return 0;
    return BLOCK_SLOTS * BLOCK_SIZE / PAGE_SIZE;
}

u32 vm_block_frames(const struct vm *vm)
{
    return block_frames(&vm->config);
}

#define BLOCKS_A_FRAME (PAGE_SIZE / BLOCK_SIZE)

/* Frames for decoded blocks, if this VM has any use for them. */
static bool build_blocks(struct vm *vm)
{
    struct frames *frames = &vm->hv->frames;
    struct blocks *b = &vm->blocks;
    mfn_t m;

    *b = (struct blocks){.changes = &vm->tlb.flushes, .leave = &vm->leave};
    for (u32 i = 0; i < vm_block_frames(vm); i++) {
        if (!frame_alloc(frames, FRAME_BLOCK, (u8)vm->slot, &m))
            return false;
        for (u32 k = 0; k < BLOCKS_A_FRAME; k++)
            b->slot[i * BLOCKS_A_FRAME + k] =
                (void *)((u8 *)frame_ptr(frames, m) + k * BLOCK_SIZE);
    }
    return true;
}

static void destroy_blocks(struct vm *vm)
{
    struct frames *frames = &vm->hv->frames;

    for (u32 i = 0; i < BLOCK_SLOTS; i += BLOCKS_A_FRAME) {
        const u8 *at = (const u8 *)vm->blocks.slot[i];
        if (!at)
            return;
        frame_free(frames,
                   mfn((u32)((size_t)(at - frames->base) >> PAGE_SHIFT)));
        vm->blocks.slot[i] = NULL;
    }
}

/* The registers that Linux's 32-bit boot protocol wants. Its GDT is a loaded
 * one: the guest need not load its own before it loads a segment. */
static void start_linux(struct vm *vm, const struct load_result *result)
{
    struct cpu *cpu = &vm->cpu;

    for (u32 s = 0; s < SEG_COUNT; s++)
        cpu->seg[s].sel = s == SEG_CS ? LINUX_BOOT_CS : LINUX_BOOT_DS;
    cpu->gpr[ESI] = result->info;
    cpu->gdtr = (struct table_reg){result->gdt, LOAD_GDT_BYTES - 1};
    tables_load(vm, TABLE_GDT);
}

static bool load_image(struct vm *vm, char *error, size_t size)
{
    struct hv *hv = vm->hv;
    struct load_request request = {
        .image = hv->module_data(hv, vm->module),
        .size = hv->boot->module[vm->module].size,
        .command_line = vm->config.line,
    };
    struct vm_config attached[LOAD_MODULES];
    struct load_result result;

    if (attach_boots(vm)) {
        diskboot_start(vm);
        return true;
    }
    attach_files(vm, &request, attached);
    if (!loader_load(&vm->p2m, &request, &result, error, size))
        return false;
    cpu_reset_flat(&vm->cpu, result.entry);
    if (result.gdt) {
        start_linux(vm, &result);
        return true;
    }
    vm->cpu.gpr[EAX] = result.magic;
    vm->cpu.gpr[EBX] = result.info;
    return true;
}

static void build_devices(struct vm *vm)
{
    struct pc_host host = {
        .ctx = vm,
        .console = host_console,
        .reset = host_reset,
        .exit = host_exit,
        .now = host_now,
        .exits = host_exits,
        .a20 = host_a20,
        .raised = host_raised,
        .epoch = arch_epoch() + arch_now_ns() / 1000000000u,
        .ram_kib = (u32)(vm->config.mem >> 10),
        .sector = host_sector,
        .sectors = vm->disk.sectors,
    };

    pc_init(&vm->pc, &host);
}

static void give_back(struct vm *vm)
{
    struct hv *hv = vm->hv;

    if (hv->current == vm)
        hv->current = NULL;
    arch_forget(&vm->arch);
    canary_remove(&hv->frames, (u8)vm->slot);
    destroy_blocks(vm);
    shadow_destroy(&vm->shadow);
    p2m_destroy(&vm->p2m);
}

/* Memory, devices, image and processor of a power-on. */
static bool power_on(struct vm *vm, char *error, size_t size)
{
    arch_vcpu_init(&vm->arch, vm->slot);
    recorder_reset(&vm->recorder);
    blackbox_reset(vm);
    tables_reset(vm);
    direct_reset(vm);
    fast_forget_pages(&vm->fast);
    fast_forget_segs(&vm->fast);
    tlb_flush(&vm->tlb);
    probe_reset(vm);
    vm->time_base = arch_now_ns();
    vm->reset_wanted = false;
    if (!build_memory(vm) || !build_shadow(vm) || !build_blocks(vm)) {
        fmt_buf(error, size, "machine memory ran out while it was built");
        return false;
    }
    build_devices(vm);
    if (!load_image(vm, error, size))
        return false;
    vm->p2m_sum = p2m_checksum(&vm->p2m);
    if (vm->hv->canary)
        canary_plant(&vm->hv->frames, (u8)vm->slot);
    return true;
}

static int free_slot(const struct hv *hv)
{
    for (int i = 0; i < HV_VMS; i++) {
        if (hv->vm[i].state == VM_EMPTY)
            return i;
    }
    return -1;
}

u64 vm_frames_wanted(const struct vm_config *config)
{
    return (config->mem >> PAGE_SHIFT) + SHADOW_PAGES_MIN + FRAMES_SPARE +
           block_frames(config);
}

/* What can be judged before anything is taken. */
static bool admissible(struct hv *hv, const struct vm_config *config,
                       u32 module, char *error, size_t size)
{
    if (hv_find(hv, config->name)) {
        fmt_buf(error, size,
                "there is a VM named \"%s\" already; give this "
                "one another vm=",
                config->name);
        return false;
    }
    if (module >= hv->boot->modules) {
        fmt_buf(error, size,
                "there is no boot module %u; modules go from 0 "
                "to %u",
                module, hv->boot->modules - 1);
        return false;
    }
    if (vm_frames_wanted(config) > hv->frames.nfree) {
        fmt_buf(error, size,
                "mem=%uM is more than the %u MiB that are free; lower mem= "
                "or give the machine more memory",
                (u32)(config->mem >> 20), hv->frames.nfree >> 8);
        return false;
    }
    return true;
}

bool vm_create(struct hv *hv, const struct vm_config *config, u32 module,
               char *error, size_t size)
{
    int slot = free_slot(hv);
    struct vm *vm;

    if (slot < 0) {
        fmt_buf(error, size, "all %u VM slots are in use; destroy one first",
                HV_VMS);
        return false;
    }
    if (!admissible(hv, config, module, error, size))
        return false;
    vm = &hv->vm[slot];
    memset(vm, 0, sizeof(*vm));
    vm->hv = hv;
    vm->slot = (u32)slot;
    vm->config = *config;
    vm->module = module;
    trace_adopt(vm);
    if (!attach_disk(vm, error, size))
        return false;
    if (!power_on(vm, error, size)) {
        give_back(vm);
        disk_destroy(&vm->disk);
        return false;
    }
    symbols_init(vm);
    costs_init(&vm->costs, vm->exits, false);
    vm->state = VM_RUNNING;
    sched_add(&hv->sched, vm->slot, config->weight);
    sched_set(&hv->sched, vm->slot, config->weight, config->cap,
              config->length);
    sched_clock(&hv->sched, arch_now_ns());
    sched_set_runnable(&hv->sched, vm->slot, true);
    console_add(&hv->console, vm->slot, config->name);
    trace_live_begin(vm);
    TRACE_TEXT(vm, CREATED, config->name);
    return true;
}

void vm_destroy(struct vm *vm)
{
    struct hv *hv = vm->hv;

    TRACE_TEXT(vm, DESTROYED, vm->config.name);
    trace_live_set(vm, &(struct trace_filter){0});
    sched_remove(&hv->sched, vm->slot);
    console_remove(&hv->console, vm->slot);
    view_forget(hv, vm->slot);
    give_back(vm);
    disk_destroy(&vm->disk);
    probe_destroy(vm);
    symbols_destroy(vm);
    vm->state = VM_EMPTY;
}

bool vm_reset(struct vm *vm, char *error, size_t size)
{
    struct hv *hv = vm->hv;
    u64 ran = vm_now(vm);

    console_flush(&hv->console, vm->slot);
    give_back(vm);
    if (!power_on(vm, error, size)) {
        vm->state = VM_RUNNING;
        vm_kill(vm, "it could not be reset: %s", error);
        return false;
    }
    vm->state = VM_RUNNING;
    vm->status = 0;
    TRACE(vm, RESET, TRACE_64(ran));
    sched_set_runnable(&hv->sched, vm->slot, true);
    return true;
}

void vm_pause(struct vm *vm)
{
    if (vm->state != VM_RUNNING)
        return;
    vm->paused_at = arch_now_ns();
    TRACE(vm, PAUSED, vm->cpu.seg[SEG_CS].sel);
    stopped(vm, VM_PAUSED);
}

void vm_resume(struct vm *vm)
{
    u64 paused;

    if (vm->state != VM_PAUSED)
        return;
    paused = arch_now_ns() - vm->paused_at;
    TRACE(vm, RESUMED, TRACE_64(paused));
    vm->time_base += paused;
    vm->state = VM_RUNNING;
    probe_resumed(vm);
    sched_set_runnable(&vm->hv->sched, vm->slot, true);
}
