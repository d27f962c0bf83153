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
#include "vmm/vm/trace_insn.h"
#include "vmm/vm/vm.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define OPCODE_IRET 0xcf
#define OPCODE_INT  0xcd
#define OPCODE_TWO  0x0f
#define OPCODE2_CR  0x20 /* MOV r32, CRn; mod is ignored */
#define LIMIT_FLAT  0xffffffffu
#define GATE_TYPES  (DESC_P | DESC_S | 0x1e00)
#define GATE_INT32  (DESC_P | SYS_INT32 << DESC_TYPE_SHIFT)
#define GATE_TRAP   BIT(DESC_TYPE_SHIFT)

/* EFLAGS bits that IRET at CPL 0 takes from the frame. */
#define IRET_FLAGS                                                             \
    (EFLAGS_STATUS | EFLAGS_TF | EFLAGS_IF | EFLAGS_DF | EFLAGS_IOPL |         \
     EFLAGS_NT | EFLAGS_RF | EFLAGS_AC | EFLAGS_ID)

/* Each way is compiled twice. The quick one knows only what its memos hold; it
 * calls nothing, so it need not save a register. The other looks up what they
 * do not, and is for when the quick one has refused. */
enum pace { QUICK, PATIENT };
#define WAY static inline __attribute__((always_inline))

/* Asks the shadow, and lets it fill a page that only software uses (a TSS),
 * as a hidden fault would. A fill can set accessed bits in a page of the GDT:
 * segments that were looked up before are then looked up by the long way. */
static u8 *find_page(struct vm *vm, u32 at, u32 access)
{
    u32 kernel_cs = vm->fast.kernel_cs.sel;
    struct shadow_result result;
    u8 *byte = shadow_peek(&vm->shadow, gva(at), access);

    if (byte ||
        shadow_fault(&vm->shadow, gva(at), access, &result) != SHADOW_FILLED)
        return byte;
    trace_fill_of(vm, gva(at), access, &result);
    if (vm->fast.kernel_cs.sel != kernel_cs)
        return NULL;
    return shadow_peek(&vm->shadow, gva(at), access);
}

/* The bytes [at, at+size) of one page, if the guest may touch them so. */
WAY u8 *peek(struct vm *vm, enum fast_use use, u32 at, u32 size, u32 access,
             enum pace pace)
{
    struct fast_page *p = &vm->fast.page[use];
    u32 tag = (at & ~PAGE_MASK) | access;
    u8 *byte;

    if (size > 1 && (at & PAGE_MASK) > PAGE_SIZE - size)
        return NULL;
    if (likely(p->tag == tag)) {
        byte = p->page + (at & PAGE_MASK);
        if (!byte)
            __builtin_unreachable(); /* a filled memo has a page */
        return byte;
    }
    if (pace == QUICK)
        return NULL;
    byte = find_page(vm, at, access);
    if (byte)
        *p = (struct fast_page){byte - (at & PAGE_MASK), tag};
    return byte;
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

    f->sel = FAST_EMPTY;
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
    return true;
}

WAY bool lookup(struct vm *vm, struct fast_seg *f, u16 sel, bool code, u32 ring,
                enum pace pace)
{
    if (likely(f->sel == sel))
        return true;
    return pace == PATIENT && refill(vm, f, sel, code, ring);
}

/* CS and SS become these, in the virtual and in the real CPU. */
static inline void commit(struct vm *vm, const struct fast_seg *cs,
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
WAY bool inner_stack(struct vm *vm, u32 *esp, enum pace pace)
{
    const struct cpu *cpu = &vm->cpu;
    const u8 *tss;

    if ((cpu->tr.attr & (ATTR_P | ATTR_TYPE)) != (ATTR_P | SYS_TSS32_BUSY) ||
        cpu->tr.limit < TSS32_SS0 + 1)
        return false;
    tss = peek(vm, USE_TSS, cpu->tr.base + TSS32_ESP0, 8, 0, pace);
    if (!tss)
        return false;
    *esp = get_le32(tss);
    return lookup(vm, &vm->fast.kernel_ss, get_le16(tss + 4), false, 0, pace);
}

WAY bool stack_now(struct vm *vm, u32 *esp, enum pace pace)
{
    const struct cpu *cpu = &vm->cpu;

    *esp = cpu->gpr[ESP];
    if (cpu->seg[SEG_SS].base || cpu->seg[SEG_SS].limit != LIMIT_FLAT)
        return false;
    return lookup(vm, &vm->fast.kernel_ss, cpu->seg[SEG_SS].sel, false, 0,
                  pace);
}

static inline bool gate_fits(const struct vm *vm, u32 vector, bool software)
{
    u32 hi = vm->recorder.gate[vector].hi;

    if ((hi & GATE_TYPES & ~GATE_TRAP) != GATE_INT32)
        return false;
    if (vector * 8 + 7 > vm->cpu.idtr.limit)
        return false;
    return !software || (hi & DESC_DPL) >> DESC_DPL_SHIFT >= vm->cpu.cpl;
}

/* What the pushed frame shows beside the registers. */
struct image {
    u32 eip, eflags;
    bool has_error;
    u32 error;
};

static inline void push_frame(const struct cpu *cpu, const struct image *f,
                              u32 *at)
{
    if (f->has_error)
        *at++ = f->error;
    at[0] = f->eip;
    at[1] = cpu->seg[SEG_CS].sel;
    at[2] = f->eflags;
    if (cpu->cpl == 3) {
        at[3] = cpu->gpr[ESP];
        at[4] = cpu->seg[SEG_SS].sel;
    }
}

/* Enters the gate's handler; the same for every kind of event. */
WAY bool enter(struct vm *vm, u32 vector, bool software, const struct image *f,
               enum pace pace)
{
    struct cpu *cpu = &vm->cpu;
    struct record_gate *gate = &vm->recorder.gate[vector];
    u32 size = ((cpu->cpl == 3 ? 5 : 3) + f->has_error) * 4;
    u32 clear = EFLAGS_TF | EFLAGS_NT | EFLAGS_RF, esp;
    u8 *at;

    if (cpu->seg_dirty || !gate_fits(vm, vector, software))
        return false;
    if (!(cpu->cpl == 3 ? inner_stack(vm, &esp, pace)
                        : stack_now(vm, &esp, pace)) ||
        !lookup(vm, &vm->fast.kernel_cs, (u16)(gate->lo >> 16), true, 0, pace))
        return false;
    esp -= size;
    at = (esp & 3) ? NULL : peek(vm, USE_FRAME, esp, size, PF_WRITE, pace);
    if (!at)
        return false;
    push_frame(cpu, f, (u32 *)(void *)at);
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

WAY bool fault_way(struct vm *vm, const struct fault *fault, enum pace pace)
{
    struct cpu *cpu = &vm->cpu;
    struct image f = {cpu->eip, cpu->eflags, fault->has_error, fault->error};

    if (event_is_fault(fault->vector))
        f.eflags |= EFLAGS_RF; /* SDM vol. 3B 17.3.1.1 */
    if (!FAST_EVENTS || !enter(vm, fault->vector, false, &f, pace))
        return false;
    if (fault->vector == TRAP_PF)
        cpu->cr2 = fault->cr2;
    return true;
}

WAY bool interrupt_way(struct vm *vm, u8 vector, enum pace pace)
{
    struct image f = {vm->cpu.eip, vm->cpu.eflags, false, 0};

    return FAST_EVENTS && enter(vm, vector, false, &f, pace);
}

WAY bool int_way(struct vm *vm, enum pace pace)
{
    struct cpu *cpu = &vm->cpu;
    const struct segment *cs = &cpu->seg[SEG_CS];
    u32 access = PF_FETCH | (cpu->cpl == 3 ? PF_USER : 0);
    struct image f = {cpu->eip + 2, cpu->eflags & ~EFLAGS_RF, false, 0};
    const u8 *code;

    if (!FAST_EVENTS || cs->base || cs->limit != LIMIT_FLAT)
        return false;
    code = peek(vm, USE_INT, cpu->eip, 2, access, pace);
    return code && code[0] == OPCODE_INT && enter(vm, code[1], true, &f, pace);
}

/* An IRET opcode at EIP, and nothing in the state that makes it special. */
WAY bool at_plain_iret(struct vm *vm, enum pace pace)
{
    const struct cpu *cpu = &vm->cpu;
    const struct segment *cs = &cpu->seg[SEG_CS], *ss = &cpu->seg[SEG_SS];
    const u8 *code;

    if (cpu->cpl != 0 || cpu->seg_dirty || cs->base || ss->base ||
        !(cs->attr & ss->attr & ATTR_DB) || ss->limit != LIMIT_FLAT ||
        (cpu->eflags & (EFLAGS_NT | EFLAGS_TF)))
        return false;
    code = peek(vm, USE_IRET, cpu->eip, 1, PF_FETCH, pace);
    return code && *code == OPCODE_IRET;
}

static inline void return_to(struct vm *vm, const u32 *frame, u32 esp)
{
    struct cpu *cpu = &vm->cpu;

    cpu->eip = frame[0];
    cpu->eflags = (frame[2] & IRET_FLAGS) | EFLAGS_ONE;
    cpu->gpr[ESP] = esp;
    cpu->irq_shadow = 0;
}

WAY bool iret_inside(struct vm *vm, const u32 *frame, enum pace pace)
{
    struct cpu *cpu = &vm->cpu;
    struct fast *f = &vm->fast;

    if (!lookup(vm, &f->kernel_cs, (u16)frame[1], true, 0, pace) ||
        !lookup(vm, &f->kernel_ss, cpu->seg[SEG_SS].sel, false, 0, pace))
        return false;
    return_to(vm, frame, cpu->gpr[ESP] + 3 * 4);
    commit(vm, &f->kernel_cs, &f->kernel_ss, 0);
    return true;
}

WAY bool iret_outwards(struct vm *vm, const u32 *frame, enum pace pace)
{
    struct fast *f = &vm->fast;

    if (!lookup(vm, &f->user_cs, (u16)frame[1], true, 3, pace) ||
        !lookup(vm, &f->user_ss, (u16)frame[4], false, 3, pace))
        return false;
    return_to(vm, frame, frame[3]);
    commit(vm, &f->user_cs, &f->user_ss, 3);
    return true;
}

WAY bool iret_way(struct vm *vm, enum pace pace)
{
    u32 esp = vm->cpu.gpr[ESP];
    const u32 *frame;

    if (!FAST_EVENTS || (esp & 3) || !at_plain_iret(vm, pace))
        return false;
    frame = (const u32 *)(const void *)peek(vm, USE_RETURN, esp, 12, 0, pace);
    if (!frame || (frame[2] & (EFLAGS_VM | EFLAGS_VIF | EFLAGS_VIP)))
        return false;
    if ((frame[1] & SEL_RPL) == 0)
        return iret_inside(vm, frame, pace);
    return (frame[1] & SEL_RPL) == 3 && (esp & PAGE_MASK) <= PAGE_SIZE - 20 &&
           iret_outwards(vm, frame, pace);
}

static bool read_cr(struct cpu *cpu, u8 modrm)
{
    u32 *to = &cpu->gpr[modrm & 7];

    switch (modrm >> 3 & 7) {
    case 2:
        *to = cpu->cr2;
        break;
    case 0:
        *to = cpu->cr0;
        break;
    case 3:
        *to = cpu->cr3;
        break;
    case 4:
        *to = cpu->cr4;
        break;
    default:
        return false;
    }
    cpu->eflags &= ~(u32)EFLAGS_RF;
    cpu->eip += 3;
    return true;
}

WAY bool simple_way(struct vm *vm, enum pace pace)
{
    struct cpu *cpu = &vm->cpu;
    const struct segment *cs = &cpu->seg[SEG_CS];
    const u8 *code;

    if (!FAST_EVENTS || cpu->cpl != 0 || cs->base || cs->limit != LIMIT_FLAT ||
        (cpu->eflags & EFLAGS_TF))
        return false;
    code = peek(vm, USE_SIMPLE, cpu->eip, 3, PF_FETCH, pace);
    if (!code)
        return false;
    if (*code == OPCODE_TWO)
        return code[1] == OPCODE2_CR && read_cr(cpu, code[2]);
    if (*code != FAST_CLI && *code != FAST_STI)
        return false;
    cpu->irq_shadow = *code == FAST_STI && !(cpu->eflags & EFLAGS_IF);
    cpu->eflags &= ~(u32)(EFLAGS_IF | EFLAGS_RF);
    if (*code == FAST_STI)
        cpu->eflags |= EFLAGS_IF;
    cpu->eip++;
    vm->shadow_eip = cpu->eip;
    return true;
}

bool fast_quick_fault(struct vm *vm, const struct fault *fault)
{
    return fault_way(vm, fault, QUICK);
}

bool fast_patient_fault(struct vm *vm, const struct fault *fault)
{
    return fault_way(vm, fault, PATIENT);
}

bool fast_quick_interrupt(struct vm *vm, u8 vector)
{
    return interrupt_way(vm, vector, QUICK);
}

bool fast_patient_interrupt(struct vm *vm, u8 vector)
{
    return interrupt_way(vm, vector, PATIENT);
}

bool fast_quick_int(struct vm *vm)
{
    return int_way(vm, QUICK);
}

bool fast_patient_int(struct vm *vm)
{
    return int_way(vm, PATIENT);
}

bool fast_quick_iret(struct vm *vm)
{
    return iret_way(vm, QUICK);
}

bool fast_patient_iret(struct vm *vm)
{
    return iret_way(vm, PATIENT);
}

bool fast_quick_simple(struct vm *vm)
{
    return simple_way(vm, QUICK);
}

bool fast_patient_simple(struct vm *vm)
{
    return simple_way(vm, PATIENT);
}
