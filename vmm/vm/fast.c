/* SPDX-License-Identifier: MIT
 *
 * See fast.h. Each function is a list of guards, then the effects. The guards
 * ask for exactly the conditions under which none of the checks in event.c
 * and far.c can fail, so that nothing of them needs to be repeated here.
 *
 * Stack, code and TSS are reached through the shadow: if it maps the byte for
 * this access, the hardware would not have faulted, accessed and dirty bits
 * are set already, and no trace is on the frame.
 */
#include "vmm/vm/fast.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/seg.h"
#include "vmm/vm/hostgdt.h"
#include "vmm/vm/vm.h"

#define OPCODE_IRET 0xcf
#define OPCODE_INT  0xcd
#define LIMIT_FLAT  0xffffffffu
#define GATE_TYPES  (DESC_P | DESC_S | 0x1e00)
#define GATE_INT32  (DESC_P | SYS_INT32 << DESC_TYPE_SHIFT)
#define GATE_TRAP   BIT(DESC_TYPE_SHIFT)

/* EFLAGS bits that IRET at CPL 0 takes from the frame. */
#define IRET_FLAGS                                                             \
    (EFLAGS_STATUS | EFLAGS_TF | EFLAGS_IF | EFLAGS_DF | EFLAGS_IOPL |         \
     EFLAGS_NT | EFLAGS_RF | EFLAGS_AC | EFLAGS_ID)

/* The bytes [at, at+size) of one page, if the guest may touch them so. A page
 * that only software uses (a TSS) is filled here once, as by a hidden fault. */
static u8 *peek(struct vm *vm, u32 at, u32 size, u32 access)
{
    struct shadow_result result;
    u8 *byte;

    if ((at & PAGE_MASK) > PAGE_SIZE - size)
        return NULL;
    byte = shadow_peek(&vm->shadow, gva(at), access);
    if (byte ||
        shadow_fault(&vm->shadow, gva(at), access, &result) != SHADOW_FILLED)
        return byte;
    return shadow_peek(&vm->shadow, gva(at), access);
}

static bool usable(const struct segment *seg, bool code, u32 ring)
{
    u32 want = ATTR_P | ATTR_S | ATTR_DB | ring << ATTR_DPL_SHIFT |
               (code ? ATTR_CODE : ATTR_WRITABLE);
    u32 mask = ATTR_P | ATTR_S | ATTR_DB | ATTR_DPL | ATTR_CODE |
               (code ? ATTR_CONFORM : ATTR_WRITABLE | ATTR_DOWN);

    return (seg->attr & mask) == want && (seg->attr & ATTR_ACCESSED) &&
           seg->base == 0 && seg->limit == LIMIT_FLAT;
}

/* Makes the memo for a selector anew. */
static bool refill(struct vm *vm, struct fast_seg *f, u16 sel, bool code,
                   u32 ring)
{
    u64 raw;

    f->generation = 0;
    if ((sel & SEL_TI) || (sel & SEL_RPL) != ring || !(sel & SEL_INDEX) ||
        sel >> 3 >= vm->table[TABLE_GDT].copies || sel >> 3 >= ARCH_GDT_OWN)
        return false;
    raw = tables_entry(vm, TABLE_GDT, sel >> 3);
    f->seg = desc_segment(sel, (struct desc){(u32)raw, (u32)(raw >> 32)});
    if (!usable(&f->seg, code, ring))
        return false;
    f->sel = sel;
    f->hw = (u16)((sel & ~SEL_RPL) | host_ring(ring));
    f->want = hostgdt_running(&f->seg, ring);
    f->slot = &vm->arch.gdt[sel >> 3];
    f->generation = vm->table_generation;
    return true;
}

static inline bool lookup(struct vm *vm, struct fast_seg *f, u16 sel, bool code,
                          u32 ring)
{
    if (f->sel == sel && f->generation == vm->table_generation)
        return true;
    return refill(vm, f, sel, code, ring);
}

/* CS and SS become these, in the virtual and in the real CPU. */
static void commit(struct vm *vm, const struct fast_seg *cs,
                   const struct fast_seg *ss, u8 cpl)
{
    struct cpu *cpu = &vm->cpu;
    struct direct *d = &vm->direct;

    if (d->open)
        *d->open = 0;
    d->open = NULL;
    if (cpl == 3) {
        *cs->slot = cs->want;
        d->open = cs->slot;
    }
    cpu->seg[SEG_CS] = cs->seg;
    cpu->seg[SEG_SS] = ss->seg;
    cpu->cpl = cpl;
    d->cs = vm->arch.hw_cs = cs->hw;
    d->ss = vm->arch.hw_ss = ss->hw;
    cpu->seg_dirty &= ~(BIT(SEG_CS) | BIT(SEG_SS));
}

/* The inner stack from the TSS. */
static bool inner_stack(struct vm *vm, u32 *esp)
{
    const struct cpu *cpu = &vm->cpu;
    const u8 *tss;

    if ((cpu->tr.attr & (ATTR_P | ATTR_TYPE)) != (ATTR_P | SYS_TSS32_BUSY) ||
        cpu->tr.limit < TSS32_SS0 + 1)
        return false;
    tss = peek(vm, cpu->tr.base + TSS32_ESP0, 8, 0);
    if (!tss)
        return false;
    *esp = get_le32(tss);
    return lookup(vm, &vm->fast.kernel_ss, get_le16(tss + 4), false, 0);
}

static bool stack_now(struct vm *vm, u32 *esp)
{
    const struct cpu *cpu = &vm->cpu;

    *esp = cpu->gpr[ESP];
    if (cpu->seg[SEG_SS].base || cpu->seg[SEG_SS].limit != LIMIT_FLAT)
        return false;
    return lookup(vm, &vm->fast.kernel_ss, cpu->seg[SEG_SS].sel, false, 0);
}

static bool gate_fits(const struct vm *vm, const struct event *event)
{
    const struct record_gate *gate = &vm->recorder.gate[event->fault.vector];

    if ((gate->hi & GATE_TYPES & ~GATE_TRAP) != GATE_INT32)
        return false;
    if (event->fault.vector * 8u + 7 > vm->cpu.idtr.limit)
        return false;
    return event->kind != EVENT_SOFTWARE ||
           (gate->hi & DESC_DPL) >> DESC_DPL_SHIFT >= vm->cpu.cpl;
}

/* RF in the frame: set for faults, clear behind an instruction that is done
 * (SDM vol. 3B 17.3.1.1). */
static u32 frame_flags(const struct cpu *cpu, const struct event *event)
{
    if (event->kind == EVENT_SOFTWARE)
        return cpu->eflags & ~EFLAGS_RF;
    if (event->kind == EVENT_EXCEPTION && event_is_fault(event->fault.vector))
        return cpu->eflags | EFLAGS_RF;
    return cpu->eflags;
}

static u32 *push_frame(const struct cpu *cpu, const struct event *event,
                       u32 *at)
{
    if (event->fault.has_error)
        *at++ = event->fault.error;
    *at++ = cpu->eip;
    *at++ = cpu->seg[SEG_CS].sel;
    *at++ = frame_flags(cpu, event);
    if (cpu->cpl == 3) {
        *at++ = cpu->gpr[ESP];
        *at++ = cpu->seg[SEG_SS].sel;
    }
    return at;
}

bool fast_event(struct vm *vm, const struct event *event)
{
    struct cpu *cpu = &vm->cpu;
    struct record_gate *gate = &vm->recorder.gate[event->fault.vector];
    u32 words = (cpu->cpl == 3 ? 5 : 3) + event->fault.has_error;
    u32 esp, clear = EFLAGS_TF | EFLAGS_NT | EFLAGS_RF;
    u8 *frame;

    if (!FAST_EVENTS || cpu->seg_dirty || !gate_fits(vm, event))
        return false;
    if (!(cpu->cpl == 3 ? inner_stack(vm, &esp) : stack_now(vm, &esp)) ||
        !lookup(vm, &vm->fast.kernel_cs, (u16)(gate->lo >> 16), true, 0))
        return false;
    esp -= words * 4;
    frame = peek(vm, esp, words * 4, PF_WRITE);
    if (!frame || (esp & 3))
        return false;
    push_frame(cpu, event, (u32 *)(void *)frame);
    if (event->kind == EVENT_EXCEPTION && event->fault.vector == TRAP_PF)
        cpu->cr2 = event->fault.cr2;
    cpu->gpr[ESP] = esp;
    cpu->eip = (gate->hi & 0xffff0000) | (gate->lo & 0xffff);
    if (!(gate->hi & GATE_TRAP))
        clear |= EFLAGS_IF;
    cpu->eflags &= ~clear;
    cpu->irq_shadow = 0;
    cpu->halted = 0;
    commit(vm, &vm->fast.kernel_cs, &vm->fast.kernel_ss, 0);
    gate->reflected++;
    return true;
}

bool fast_int(struct vm *vm, u32 error)
{
    struct cpu *cpu = &vm->cpu;
    struct event event = {.kind = EVENT_SOFTWARE};
    const struct segment *cs = &cpu->seg[SEG_CS];
    u32 access = PF_FETCH | (cpu->cpl == 3 ? PF_USER : 0);
    const u8 *code;

    if (!FAST_EVENTS || !(error & TRAP_ERR_IDT))
        return false;
    if (cs->base || cs->limit != LIMIT_FLAT)
        return false;
    code = peek(vm, cpu->eip, 2, access);
    if (!code || code[0] != OPCODE_INT)
        return false;
    event.fault = fault_plain(code[1]);
    cpu->eip += 2;
    if (fast_event(vm, &event))
        return true;
    cpu->eip -= 2;
    return false;
}

/* An IRET opcode at EIP, and nothing in the state that makes it special. */
static bool at_plain_iret(struct vm *vm)
{
    const struct cpu *cpu = &vm->cpu;
    const struct segment *cs = &cpu->seg[SEG_CS], *ss = &cpu->seg[SEG_SS];
    const u8 *code;

    if (cpu->cpl != 0 || cpu->seg_dirty || cs->base || ss->base ||
        !(cs->attr & ss->attr & ATTR_DB) || ss->limit != LIMIT_FLAT ||
        (cpu->eflags & (EFLAGS_NT | EFLAGS_TF)))
        return false;
    code = peek(vm, cpu->eip, 1, PF_FETCH);
    return code && *code == OPCODE_IRET;
}

static void return_to(struct vm *vm, const u32 *frame, u32 esp)
{
    struct cpu *cpu = &vm->cpu;

    cpu->eip = frame[0];
    cpu->eflags = (frame[2] & IRET_FLAGS) | EFLAGS_ONE;
    cpu->gpr[ESP] = esp;
    cpu->irq_shadow = 0;
}

static bool iret_inside(struct vm *vm, const u32 *frame)
{
    struct cpu *cpu = &vm->cpu;
    struct fast *f = &vm->fast;

    if (!lookup(vm, &f->kernel_cs, (u16)frame[1], true, 0) ||
        !lookup(vm, &f->kernel_ss, cpu->seg[SEG_SS].sel, false, 0))
        return false;
    return_to(vm, frame, cpu->gpr[ESP] + 3 * 4);
    commit(vm, &f->kernel_cs, &f->kernel_ss, 0);
    return true;
}

static bool iret_outwards(struct vm *vm, const u32 *frame)
{
    struct fast *f = &vm->fast;

    if (!lookup(vm, &f->user_cs, (u16)frame[1], true, 3) ||
        !lookup(vm, &f->user_ss, (u16)frame[4], false, 3))
        return false;
    return_to(vm, frame, frame[3]);
    commit(vm, &f->user_cs, &f->user_ss, 3);
    return true;
}

bool fast_iret(struct vm *vm)
{
    u32 esp = vm->cpu.gpr[ESP];
    const u32 *frame;

    if (!FAST_EVENTS || (esp & 3) || !at_plain_iret(vm))
        return false;
    frame = (const u32 *)(const void *)peek(vm, esp, 12, 0);
    if (!frame || (frame[2] & (EFLAGS_VM | EFLAGS_VIF | EFLAGS_VIP)))
        return false;
    if ((frame[1] & SEL_RPL) == 0)
        return iret_inside(vm, frame);
    return (frame[1] & SEL_RPL) == 3 && peek(vm, esp, 20, 0) &&
           iret_outwards(vm, frame);
}
