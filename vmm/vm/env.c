/* SPDX-License-Identifier: MIT
 *
 * See env.h. Everything here is on the path of an emulated instruction, so a
 * plain access to RAM inside one page costs one look into the software TLB
 * and one copy. Beyond that come the shadow, which may map the page for this
 * access already, and then the guest's own tables.
 *
 * MMIO and holes are read and written in the largest naturally aligned pieces
 * of at most four bytes, as a bus would see them.
 */
#include "vmm/vm/env.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/vm/direct.h"
#include "vmm/vm/vm.h"

struct paging env_paging(const struct cpu *cpu)
{
    return (struct paging){
        .g_cr3 = cpu->cr3,
        .on = (cpu->cr0 & CR0_PG) != 0,
        .wp = (cpu->cr0 & CR0_WP) != 0,
        .pse = (cpu->cr4 & CR4_PSE) != 0,
        .pae = (cpu->cr4 & CR4_PAE) != 0,
        .pdpte = {cpu->pdpte[0], cpu->pdpte[1], cpu->pdpte[2], cpu->pdpte[3]},
    };
}

static u32 walk_access(const struct cpu *cpu, u32 access)
{
    u32 bits = 0;

    if (access & ACC_WRITE)
        bits |= PF_WRITE;
    if (access & ACC_FETCH)
        bits |= PF_FETCH;
    if (cpu->cpl == 3 && !(access & ACC_SYSTEM))
        bits |= PF_USER;
    return bits;
}

static enum tlb_kind kind_of(u32 access)
{
    if (access & PF_WRITE)
        return TLB_STORE;
    return access & PF_FETCH ? TLB_FETCH : TLB_LOAD;
}

/* The walk found its way: the next one need not be made. A frame that is
 * watched is stored to by the long way always, and so is what probes guard;
 * fetches are not: who runs code there looks at EIP (probe_run()). */
static void remember(struct vm *vm, gva_t at, u32 access, const struct walk *w)
{
    struct p2m_entry to = p2m_lookup(&vm->p2m, gpa_to_gfn(w->at));
    u8 *byte;

    if (to.kind != P2M_RAM && ((access & PF_WRITE) || to.kind != P2M_ROM))
        return;
    if ((access & PF_WRITE) && to.trace)
        return;
    if (!(access & PF_FETCH) && shadow_is_guarded(&vm->shadow, at, access))
        return;
    byte = p2m_ptr(&vm->p2m, w->at);
    tlb_put(&vm->tlb, kind_of(access), at, (access & PF_USER) != 0,
            byte - (at.v & PAGE_MASK), w->large);
}

static enum env_status translate(struct vm *vm, gva_t at, u32 access,
                                 gpa_t *out, struct fault *fault)
{
    u32 bits = walk_access(&vm->cpu, access);
    struct walk w;

    if (shadow_translate(&vm->shadow, at, bits, &w) == WALK_OK) {
        remember(vm, at, bits, &w);
        *out = p2m_masked(&vm->p2m, w.at);
        return ENV_OK;
    }
    *fault = fault_page(w.error, at);
    return ENV_FAULT;
}

/* The largest aligned piece of a bus access. */
static u32 piece(u64 at, u32 size)
{
    if (size >= 4 && !(at & 3))
        return 4;
    return size >= 2 && !(at & 1) ? 2 : 1;
}

/* The bus has 32 address lines; PAE paging has more. */
static bool beyond_bus(gpa_t at)
{
    return at.v >> 32 != 0;
}

static void bus_load(struct vm *vm, gpa_t at, u8 *buf, u32 size)
{
    vm->leave = true;
    if (beyond_bus(at)) {
        memset(buf, 0xff, size);
        return;
    }
    for (u32 i = 0, n; i < size; i += n) {
        u32 value;
        n = piece(at.v + i, size - i);
        value = bus_read(&vm->pc.bus, BUS_MEMORY, (u32)(at.v + i), n);
        TRACE(vm, MMIO_LOAD, (u32)at.v + i, n, value);
        for (u32 k = 0; k < n; k++)
            buf[i + k] = (u8)(value >> 8 * k);
    }
}

static void bus_store(struct vm *vm, gpa_t at, const u8 *buf, u32 size)
{
    vm->leave = true;
    if (beyond_bus(at))
        return;
    for (u32 i = 0, n; i < size; i += n) {
        u32 value = 0;
        n = piece(at.v + i, size - i);
        for (u32 k = 0; k < n; k++)
            value |= (u32)buf[i + k] << 8 * k;
        TRACE(vm, MMIO_STORE, (u32)at.v + i, n, value);
        bus_write(&vm->pc.bus, BUS_MEMORY, (u32)(at.v + i), n, value);
    }
}

static void load(struct vm *vm, gpa_t at, u8 *buf, u32 size)
{
    const u8 *ram = p2m_ptr(&vm->p2m, at);

    if (ram)
        memcpy(buf, ram, size);
    else
        bus_load(vm, at, buf, size);
}

/* The bytes of a store into a page table, as whole entries. */
static void tell_entries(struct vm *vm, gpa_t at, u8 *ram, const u8 *buf,
                         u32 size)
{
    u32 entry = vm->shadow.mode.pae ? 8 : 4, skew = at.v & (entry - 1);
    u8 now[TABLE_WRITE_MAX + 2 * 8];
    u32 bytes = (skew + size + entry - 1) & ~(entry - 1);

    memcpy(now, ram - skew, bytes);
    memcpy(now + skew, buf, size);
    for (u32 i = 0; i < bytes; i += entry) {
        const u8 *was = ram - skew + i;
        u64 old = entry == 8 ? get_le64(was) : get_le32(was);
        u64 new = entry == 8 ? get_le64(now + i) : get_le32(now + i);
        TRACE(vm, PAGE_ENTRY, (u32)at.v - skew + i, entry, TRACE_64(old),
              TRACE_64(new));
    }
}

/* A store into a frame that somebody watches. */
static void store_traced(struct vm *vm, gpa_t at, u8 *ram, const u8 *buf,
                         u32 size, u32 trace)
{
    for (u32 i = 0, n; i < size; i += n) {
        struct table_old old;
        bool watched = (trace & ~(u32)TRACE_PAGE_TABLE) != 0;
        n = min_u32(size - i, TABLE_WRITE_MAX);
        vm->work++;
        if (watched)
            tables_before(vm, gpa(at.v + i), n, &old);
        if ((trace & TRACE_PAGE_TABLE) && TRACE_WANTS(vm, PAGE_ENTRY))
            tell_entries(vm, gpa(at.v + i), ram + i, buf + i, n);
        memcpy(ram + i, buf + i, n);
        if (trace & TRACE_PAGE_TABLE)
            shadow_written(&vm->shadow, gpa(at.v + i), n);
        if (watched)
            tables_after(vm, gpa(at.v + i), n, &old);
    }
}

static void store(struct vm *vm, gpa_t at, const u8 *buf, u32 size)
{
    struct p2m_entry entry = p2m_lookup(&vm->p2m, gpa_to_gfn(at));

    if (entry.kind == P2M_RAM) {
        u8 *ram = p2m_ptr(&vm->p2m, at);
        if (entry.trace)
            store_traced(vm, at, ram, buf, size, entry.trace);
        else
            memcpy(ram, buf, size);
    } else if (entry.kind != P2M_ROM) {
        bus_store(vm, at, buf, size);
    }
}

/* Both halves of an access that may cross into the next page. */
struct halves {
    gpa_t at[2];
    u32 size[2];
};

static enum env_status translate_both(struct vm *vm, gva_t at, u32 size,
                                      u32 access, struct halves *h,
                                      struct fault *fault)
{
    enum env_status status = translate(vm, at, access, &h->at[0], fault);

    h->size[0] = min_u32(size, PAGE_SIZE - (at.v & PAGE_MASK));
    h->size[1] = size - h->size[0];
    if (status != ENV_OK || !h->size[1])
        return status;
    return translate(vm, gva(at.v + h->size[0]), access, &h->at[1], fault);
}

/* Up to eight bytes of an access, from `off` on, as they stand in memory; what
 * is not memory has those that went over the bus. */
static u64 value_at(const struct vm *vm, const struct halves *h, const u8 *bus,
                    u32 off, u32 size)
{
    u64 value = 0;

    for (u32 i = 0; i < min_u32(size, sizeof(value)); i++) {
        u32 n = off + i;
        const u8 *ram = p2m_ptr(
            &vm->p2m, n < h->size[0] ? gpa(h->at[0].v + n)
                                     : gpa(h->at[1].v + n - h->size[0]));
        value |= (u64)(ram ? *ram : bus[n]) << 8 * i;
    }
    return value;
}

static void load_both(struct vm *vm, const struct halves *h, u8 *buf)
{
    load(vm, h->at[0], buf, h->size[0]);
    if (h->size[1])
        load(vm, h->at[1], buf + h->size[0], h->size[1]);
}

static void store_both(struct vm *vm, const struct halves *h, const u8 *buf)
{
    store(vm, h->at[0], buf, h->size[0]);
    if (h->size[1])
        store(vm, h->at[1], buf + h->size[0], h->size[1]);
}

static void load_watched(struct vm *vm, gva_t at, const struct halves *h,
                         u32 access, u8 *buf)
{
    u32 size = h->size[0] + h->size[1];
    struct probe_touch touch;

    load_both(vm, h, buf);
    if (!probe_touches(vm, at, size, access, &touch))
        return;
    memcpy(&touch.old, buf + touch.off, min_u32(touch.size, sizeof(touch.old)));
    touch.now = touch.old;
    probe_note(vm, &touch);
}

static void store_watched(struct vm *vm, gva_t at, const struct halves *h,
                          const u8 *buf)
{
    u32 size = h->size[0] + h->size[1];
    struct probe_touch touch;
    bool met = probe_touches(vm, at, size, ACC_WRITE, &touch);

    if (met)
        touch.old = value_at(vm, h, buf, touch.off, touch.size);
    store_both(vm, h, buf);
    if (!met)
        return;
    touch.now = value_at(vm, h, buf, touch.off, touch.size);
    probe_note(vm, &touch);
}

/* The bytes, when they lie in one page that the TLB or the shadow has for
 * this access: then no check can fail, A and D are set, and nobody watches
 * the frame. */
static u8 *mapped(struct vm *vm, gva_t at, u32 size, u32 access)
{
    u32 bits = walk_access(&vm->cpu, access);
    bool user = (bits & PF_USER) != 0;
    u8 *byte;

    if ((at.v & PAGE_MASK) + size > PAGE_SIZE)
        return NULL;
    byte = tlb_find(&vm->tlb, kind_of(bits), at, user);
    if (byte)
        return byte;
    byte = shadow_peek(&vm->shadow, at, bits);
    if (byte)
        tlb_put(&vm->tlb, kind_of(bits), at, user, byte - (at.v & PAGE_MASK),
                false);
    return byte;
}

/* From 8 to 16 bytes (what is fetched for an instruction): two words that may
 * overlap. */
static void copy_two(u8 *to, const u8 *from, u32 size)
{
    u64 first, last;

    memcpy(&first, from, 8);
    memcpy(&last, from + size - 8, 8);
    memcpy(to, &first, 8);
    memcpy(to + size - 8, &last, 8);
}

/* Most accesses have one of these sizes, for which a copy is a move or two. */
static void copy(void *to, const void *from, u32 size)
{
    if (size == 4)
        memcpy(to, from, 4);
    else if (size == 1)
        memcpy(to, from, 1);
    else if (size == 2)
        memcpy(to, from, 2);
    else if (size >= 8 && size <= 16)
        copy_two((u8 *)to, (const u8 *)from, size);
    else
        memcpy(to, from, size);
}

static enum env_status env_read(void *ctx, gva_t at, void *buf, u32 size,
                                u32 access, struct fault *fault)
{
    struct vm *vm = ctx;
    const u8 *byte = mapped(vm, at, size, access);
    struct halves h;
    enum env_status status;

    if (byte) {
        copy(buf, byte, size);
        return ENV_OK;
    }
    status = translate_both(vm, at, size, access, &h, fault);
    if (status != ENV_OK)
        return status;
    if (vm->probes.data && !(access & ACC_FETCH))
        load_watched(vm, at, &h, access, buf);
    else
        load_both(vm, &h, buf);
    return ENV_OK;
}

/* Where code lies that can be fetched; what cannot will be found by a read,
 * and what is guarded is for probe_run(). */
static const u8 *env_code(void *ctx, gva_t at)
{
    struct vm *vm = ctx;
    const u8 *byte;
    struct fault ignored;
    gpa_t there;

    if (vm->probes.on && shadow_is_guarded(&vm->shadow, at, PF_FETCH))
        return NULL;
    byte = mapped(vm, at, 1, ACC_FETCH);
    if (byte || translate(vm, at, ACC_FETCH, &there, &ignored) != ENV_OK)
        return byte;
    return p2m_ptr(&vm->p2m, there);
}

static enum env_status env_write(void *ctx, gva_t at, const void *buf, u32 size,
                                 u32 access, struct fault *fault)
{
    struct vm *vm = ctx;
    u8 *byte = mapped(vm, at, size, access | ACC_WRITE);
    struct halves h;
    enum env_status status;

    if (byte) {
        copy(byte, buf, size);
        return ENV_OK;
    }
    status = translate_both(vm, at, size, access | ACC_WRITE, &h, fault);
    if (status != ENV_OK)
        return status;
    if (vm->probes.data)
        store_watched(vm, at, &h, buf);
    else
        store_both(vm, &h, buf);
    return ENV_OK;
}

#define PIC_LINES 16

/* What was in service and is not any more. */
static void tell_ends(struct vm *vm, u32 before)
{
    u32 ended = before & ~pic_in_service(&vm->pc.pic);

    for (u32 line = 0; ended && line < PIC_LINES; line++) {
        if (ended & BIT(line))
            TRACE(vm, IRQ_EOI, line);
    }
}

static u32 env_in(void *ctx, u16 port, u32 size)
{
    struct vm *vm = ctx;

    u32 value;

    vm->leave = true;
    value = bus_read(&vm->pc.bus, BUS_PORT, port, size);
    TRACE(vm, PORT_IN, port, size, value);
    return value;
}

static void env_out(void *ctx, u16 port, u32 size, u32 value)
{
    struct vm *vm = ctx;

    u32 before = pic_in_service(&vm->pc.pic);

    vm->leave = true;
    TRACE(vm, PORT_OUT, port, size, value);
    bus_write(&vm->pc.bus, BUS_PORT, port, size, value);
    if (TRACE_WANTS(vm, IRQ_EOI))
        tell_ends(vm, before);
}

/* Who wants to see each access, or what it stores, has them one at a time. */
static u32 env_in_many(void *ctx, u16 port, u32 size, u8 *value, u32 count)
{
    struct vm *vm = ctx;

    if (vm->probes.on || TRACE_WANTS(vm, PORT_IN))
        return 0;
    vm->leave = true;
    return bus_read_many(&vm->pc.bus, BUS_PORT, port, size, value, count);
}

static u32 env_out_many(void *ctx, u16 port, u32 size, const u8 *value,
                        u32 count)
{
    struct vm *vm = ctx;

    if (vm->probes.on || TRACE_WANTS(vm, PORT_OUT))
        return 0;
    vm->leave = true;
    return bus_write_many(&vm->pc.bus, BUS_PORT, port, size, value, count);
}

static struct fpu *env_fpu(void *ctx)
{
    struct vm *vm = ctx;

    direct_switch(vm);
    vm->cpu.seg_dirty |= DIRECT_FPU;
    return arch_fpu(&vm->arch);
}

static void env_fpu_run(void *ctx, struct fpu_op *op)
{
    arch_fpu_run(op);
}

void env_fpu_error(void *ctx)
{
    struct vm *vm = ctx;

    irq_set(&vm->pc.irq, IRQ_FPU, true);
    vm->leave = true;
}

struct cpu_env env_of(struct vm *vm)
{
    return (struct cpu_env){
        .ctx = vm,
        .read = env_read,
        .write = env_write,
        .code = env_code,
        .in = env_in,
        .out = env_out,
        .in_many = env_in_many,
        .out_many = env_out_many,
        .cr_check = priv_cr_check,
        .cr_written = priv_cr_written,
        .dr_written = priv_dr_written,
        .invlpg = priv_invlpg,
        .rdmsr = priv_rdmsr,
        .wrmsr = priv_wrmsr,
        .cpuid = priv_cpuid,
        .rdtsc = priv_rdtsc,
        .fpu = env_fpu,
        .fpu_run = env_fpu_run,
        .fpu_error = env_fpu_error,
        .enough = &vm->probes.met,
        .table_loaded = priv_table_loaded,
    };
}
