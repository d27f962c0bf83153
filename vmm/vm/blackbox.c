/* SPDX-License-Identifier: MIT
 *
 * See blackbox.h: what is kept, and the taking.
 *
 * A double fault that is delivered is worth a note, for it is often the real
 * death: a handler that faults itself goes round until its stack is full, and
 * by then the reason of the first one is gone. The first of a row is put into
 * words on the spot; the rest are counted. Two are in one row if no more than
 * BOX_RECENT exits or interpreted instructions lie between them.
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/mm/walk.h"
#include "vmm/vm/blackbox_impl.h"
#include "vmm/vm/env.h"

#define STATUS_PASS 0x10 /* what a guest writes to the debug-exit port */

/* ---- looking */

static u32 walk_bits(const struct cpu *cpu, u32 access)
{
    u32 bits = access & ACC_WRITE ? PF_WRITE : 0;

    if (access & ACC_FETCH)
        bits |= PF_FETCH;
    if (cpu->cpl == 3 && !(access & ACC_SYSTEM))
        bits |= PF_USER;
    return bits;
}

static enum env_status look_page(const struct scene *s, gva_t at, u8 *buf,
                                 u32 size, u32 bits, struct fault *fault)
{
    struct paging mode = env_paging(s->cpu);
    const u8 *ram;
    struct walk w;

    if (!s->vm->p2m.ready)
        return ENV_STOP;
    if (walk_guest(&s->vm->p2m, &mode, at, bits, &w) != WALK_OK) {
        *fault = fault_page(w.error, at);
        return ENV_FAULT;
    }
    ram = p2m_ptr(&s->vm->p2m, w.at);
    if (!ram)
        return ENV_STOP;
    memcpy(buf, ram, size);
    return ENV_OK;
}

static enum env_status look(void *ctx, gva_t at, void *buf, u32 size,
                            u32 access, struct fault *fault)
{
    const struct scene *s = ctx;
    u32 bits = walk_bits(s->cpu, access);
    u8 *to = buf;

    while (size) {
        u32 n = min_u32(size, PAGE_SIZE - (at.v & PAGE_MASK));
        enum env_status status = look_page(s, at, to, n, bits, fault);
        if (status != ENV_OK)
            return status;
        at = gva(at.v + n);
        to += n;
        size -= n;
    }
    return ENV_OK;
}

struct cpu_env box_env(struct scene *s)
{
    return (struct cpu_env){.ctx = s, .read = look};
}

bool box_word(struct scene *s, u32 at, u32 *out)
{
    struct fault fault;
    u8 raw[4];

    if (look(s, gva(at), raw, sizeof(raw), ACC_READ | ACC_SYSTEM, &fault) !=
        ENV_OK)
        return false;
    *out = get_le32(raw);
    return true;
}

bool box_mapped(struct scene *s, u32 at)
{
    struct fault fault;
    u8 byte;

    return look(s, gva(at), &byte, 1, ACC_FETCH | ACC_SYSTEM, &fault) !=
           ENV_FAULT;
}

u32 box_here(const struct scene *s)
{
    return s->cpu->seg[SEG_CS].base + s->cpu->eip;
}

u32 box_stack(const struct scene *s)
{
    const struct segment *ss = &s->cpu->seg[SEG_SS];
    u32 esp = s->cpu->gpr[ESP];

    return ss->base + (ss->attr & ATTR_DB ? esp : esp & 0xffff);
}

bool box_insn(struct scene *s, struct insn *out)
{
    u8 bytes[INSN_MAX];
    struct fault fault;
    u32 here = box_here(s), count = 0;

    while (count < INSN_MAX && look(s, gva(here + count), &bytes[count], 1,
                                    ACC_FETCH | ACC_SYSTEM, &fault) == ENV_OK)
        count++;
    return insn_decode(bytes, count, s->cpu->seg[SEG_CS].attr & ATTR_DB, out) ==
           DECODE_OK;
}

/* ---- keeping */

static u64 box_clock(const struct vm *vm)
{
    return vm->exits + vm->interpreted;
}

/* Is what blame_event() found what was met? */
static bool agrees(const struct blame *b, const struct event_attempt *a)
{
    return a->switched || b->what == BLAME_NO_MEMORY ||
           (b->fault.vector == a->met.vector &&
            b->fault.error == a->met.error && b->fault.cr2 == a->met.cr2);
}

/* Before the first task switch the processor was as the chain has it, behind
 * it as it is now; but if a handler has been entered then, it is no more. */
static void find_blame(struct vm *vm, const struct event_chain *chain,
                       bool entered, struct blame blame[EVENT_CHAIN])
{
    struct scene s = {vm, &chain->cpu};
    struct cpu_env env = box_env(&s);

    for (u32 i = 0; i < chain->failed; i++) {
        const struct event_attempt *a = &chain->attempt[i];
        struct blame *b = &blame[i];
        if (a->switched)
            s.cpu = &vm->cpu;
        blame_event(s.cpu, &env, &a->event, a->switched, b);
        if (!agrees(b, a) || (entered && s.cpu == &vm->cpu))
            b->what = BLAME_NOTHING;
        b->fault = a->met;
    }
}

static void note_double(struct vm *vm, const struct event_chain *chain)
{
    struct blackbox *box = &vm->box;
    struct scene then = {vm, &chain->cpu}, now = {vm, &vm->cpu};
    bool in_row =
        box->doubles && box_clock(vm) - box->double_clock <= BOX_RECENT;
    struct blame blame[EVENT_CHAIN];
    struct text t;

    box->double_clock = box_clock(vm);
    box->double_entry = box_here(&now);
    box->doubles = in_row ? box->doubles + 1 : 1;
    if (in_row)
        return;
    find_blame(vm, chain, true, blame);
    t = text_of(box->doubled, sizeof(box->doubled));
    box_chain(&t, &then, chain, blame);
}

void blackbox_failed(struct vm *vm, const struct event_chain *chain,
                     enum event_status status, u8 delivered)
{
    if (status == EVENT_TRIPLE) {
        vm->box.chain = *chain;
        find_blame(vm, chain, false, vm->box.blame);
    } else if (status == EVENT_OK && delivered == TRAP_DF) {
        note_double(vm, chain);
    }
}

void blackbox_space(struct vm *vm, unsigned n, u32 old)
{
    struct scene now = {vm, &vm->cpu};
    u32 value = n == 0 ? vm->cpu.cr0 : n == 3 ? vm->cpu.cr3 : vm->cpu.cr4;

    vm->box.space =
        (struct box_switch){true, (u8)n, box_here(&now), old, value};
}

void blackbox_reset(struct vm *vm)
{
    vm->box = (struct blackbox){.born = vm->exits};
}

/* ---- taking */

static bool has_died(const struct vm *vm)
{
    return vm->state == VM_KILLED ||
           (vm->state == VM_EXITED && vm->status != STATUS_PASS);
}

/* Lines of the report go out behind the VM's name. */
static void put_line(void *ctx, const char *text, size_t len)
{
    struct vm *vm = ctx;

    console_print(&vm->hv->console, "trapline: %s: %.*s", vm->config.name,
                  (int)len - 1, text);
}

void blackbox_look(struct vm *vm)
{
    struct sink out = {put_line, vm};

    if (!has_died(vm) || vm->box.taken)
        return;
    vm->box.taken = true;
    box_cause(vm);
    blackbox_print(vm, &out);
}
