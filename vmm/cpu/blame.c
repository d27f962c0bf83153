/* SPDX-License-Identifier: MIT
 *
 * See blame.h. Here is the search; the words are in blame_text.c.
 *
 * The order of the checks is that of event.c, far.c, stack.c and task.c, and
 * each function is named after what it goes through. Behind a task switch the
 * new task is partly loaded: the first segment register that has a selector
 * and is not present is the one that could not be loaded (task.c loads them in
 * the order of SDM table 7-1, and marks those to come not present).
 */
#include "vmm/cpu/blame.h"
#include "vmm/cpu/seg_impl.h"

#define GATE_SIZE    8
#define POINTER_SIZE 4u /* in real-address mode ... */
#define REAL_FRAME   6u /* ... and what is pushed there */
#define RAW_MAX      (FRAME_WORDS_MAX * 4)

#define TSS_IS_32   (SYS_TSS32_BUSY ^ SYS_TSS16_BUSY)
#define TSS_BUSY    (SYS_TSS32_BUSY ^ SYS_TSS32_FREE)
#define TSS16_SP0   2
#define TSS16_STATE 28 /* bytes that a switch writes, and where they begin */
#define TSS32_STATE 64

struct search {
    const struct cpu *cpu;
    const struct cpu_env *env;
    const struct event *event;
    u32 ext;
    struct blame *out;
};

/* Found. Returns true, as all checks here do when they fail. */
static bool is(struct search *s, enum blame_what what, u8 vector, u32 error)
{
    s->out->what = what;
    s->out->fault = fault_error(vector, error);
    return true;
}

static bool of_selector(struct search *s, enum blame_what what, u8 vector,
                        u16 sel)
{
    s->out->sel = sel;
    return is(s, what, vector, sel_error(sel) | s->ext);
}

/* Bytes that cannot be had: a page fault, or there are none. */
static bool look(struct search *s, enum blame_what what, u32 at, u32 size,
                 u32 access, void *buf)
{
    struct fault fault;
    enum env_status status =
        s->env->read(s->env->ctx, gva(at), buf, size, access, &fault);

    if (status == ENV_OK)
        return false;
    s->out->what = BLAME_NO_MEMORY;
    s->out->at = at;
    if (status == ENV_STOP)
        return true;
    s->out->what = what;
    s->out->at = fault.cr2;
    s->out->fault = fault;
    return true;
}

static bool look_system(struct search *s, enum blame_what what, u32 at,
                        u32 size, void *buf)
{
    return look(s, what, at, size, ACC_READ | ACC_SYSTEM, buf);
}

/* Would the accessed bit of this descriptor have to be set, and could not? */
static bool mark(struct search *s, enum blame_what what, u16 sel, u16 attr)
{
    gva_t at;
    u8 byte;

    if ((attr & ATTR_ACCESSED) || !desc_find(s->cpu, sel, &at))
        return false;
    s->out->sel = sel;
    return look(s, what, at.v + DESC_TYPE_BYTE, 1,
                ACC_READ | ACC_WRITE | ACC_SYSTEM, &byte);
}

/* The descriptor of a selector that is not null. limit and page are the
 * answers for "outside the table" and "the table is not mapped". */
static bool descriptor(struct search *s, u16 sel, u8 vector,
                       enum blame_what limit, enum blame_what page,
                       struct desc *d)
{
    const struct cpu *cpu = s->cpu;
    bool local = sel & SEL_TI;
    gva_t at;

    s->out->sel = sel;
    s->out->base = local ? cpu->ldtr.base : cpu->gdtr.base;
    s->out->limit = local ? cpu->ldtr.limit : cpu->gdtr.limit;
    if (local && !(cpu->ldtr.attr & ATTR_P))
        s->out->limit = 0;
    if (!desc_find(cpu, sel, &at))
        return of_selector(s, limit, vector, sel);
    if (look_system(s, page, at.v, sizeof(*d), d))
        return true;
    s->out->lo = d->lo;
    s->out->hi = d->hi;
    return false;
}

static bool is_gate(u8 type)
{
    return type == SYS_INT32 || type == SYS_TRAP32 || type == SYS_INT16 ||
           type == SYS_TRAP16 || type == SYS_TASK_GATE;
}

static bool gate(struct search *s, struct gate *g)
{
    const struct cpu *cpu = s->cpu;
    u32 offset = s->out->vector * GATE_SIZE;
    u32 error = offset | TRAP_ERR_IDT | s->ext;
    struct desc d;

    s->out->base = cpu->idtr.base;
    s->out->limit = cpu->idtr.limit;
    s->out->size = GATE_SIZE;
    if (cpu->idtr.limit < GATE_SIZE - 1)
        return is(s, BLAME_IDT_NONE, TRAP_GP, error);
    if (offset + GATE_SIZE - 1 > cpu->idtr.limit)
        return is(s, BLAME_IDT_LIMIT, TRAP_GP, error);
    if (look_system(s, BLAME_IDT_PAGE, cpu->idtr.base + offset, sizeof(d), &d))
        return true;
    s->out->lo = d.lo;
    s->out->hi = d.hi;
    *g = gate_decode(d.lo, d.hi);
    s->out->eip = g->offset;
    if (!d.lo && !d.hi)
        return is(s, BLAME_GATE_EMPTY, TRAP_GP, error);
    if (!is_gate(g->type))
        return is(s, BLAME_GATE_TYPE, TRAP_GP, error);
    if (s->event->kind == EVENT_SOFTWARE && g->dpl < cpu->cpl)
        return is(s, BLAME_GATE_DPL, TRAP_GP, error);
    if (!g->present)
        return is(s, BLAME_GATE_ABSENT, TRAP_NP, error);
    return false;
}

/* The stack's segment out of the TSS. */
static bool stack_segment(struct search *s, u16 sel, u8 cpl,
                          struct stack *stack)
{
    struct desc d;
    u8 vector = TRAP_TS;

    s->out->sel = sel;
    if (sel_is_null(sel))
        return is(s, BLAME_SS_NULL, vector, s->ext);
    if (descriptor(s, sel, vector, BLAME_SS_LIMIT, BLAME_SS_PAGE, &d))
        return true;
    stack->ss = desc_segment(sel, d);
    if (!attr_is_writable(stack->ss.attr))
        return of_selector(s, BLAME_SS_TYPE, vector, sel);
    if (sel_rpl(sel) != cpl || attr_dpl(stack->ss.attr) != cpl)
        return of_selector(s, BLAME_SS_DPL, vector, sel);
    if (!(stack->ss.attr & ATTR_P))
        return of_selector(s, BLAME_SS_ABSENT, TRAP_SS, sel);
    return mark(s, BLAME_SS_MARK, sel, stack->ss.attr);
}

static bool stack_of_tss(struct search *s, u8 cpl, struct stack *stack)
{
    const struct segment *tr = &s->cpu->tr;
    bool wide = tr->attr & TSS_IS_32;
    u32 at = wide ? TSS32_ESP0 + cpl * 8u : TSS16_SP0 + cpl * 4u;
    u32 unit = wide ? 4 : 2;
    u8 raw[6];

    s->out->base = tr->base;
    s->out->limit = tr->limit;
    if (!(tr->attr & ATTR_P))
        return of_selector(s, BLAME_TR_NONE, TRAP_TS, tr->sel);
    if (at + unit + 1 > tr->limit)
        return of_selector(s, BLAME_TSS_LIMIT, TRAP_TS, tr->sel);
    if (look_system(s, BLAME_TSS_PAGE, tr->base + at, unit + 2, raw))
        return true;
    stack->esp = frame_word(raw, 0, unit);
    stack->access = ACC_SYSTEM;
    s->out->inner = true;
    s->out->esp = stack->esp;
    return stack_segment(s, get_le16(raw + unit), cpl, stack);
}

/* The handler's code segment, and the stack it will have. */
static bool entry(struct search *s, u16 sel, struct entry *e)
{
    const struct cpu *cpu = s->cpu;
    struct desc d;
    u8 dpl;

    s->out->sel = sel;
    if (sel_is_null(sel))
        return is(s, BLAME_SEL_NULL, TRAP_GP, s->ext);
    if (descriptor(s, sel, TRAP_GP, BLAME_SEL_LIMIT, BLAME_SEL_PAGE, &d))
        return true;
    if (!desc_is_code(d))
        return of_selector(s, BLAME_SEL_TYPE, TRAP_GP, sel);
    e->cs = desc_segment(sel, d);
    dpl = attr_dpl(e->cs.attr);
    if (dpl > cpu->cpl)
        return of_selector(s, BLAME_SEL_DPL, TRAP_GP, sel);
    if (!(e->cs.attr & ATTR_P))
        return of_selector(s, BLAME_SEL_ABSENT, TRAP_NP, sel);
    if (cpu_mode(cpu) == MODE_V86 && (dpl || (e->cs.attr & ATTR_CONFORM)))
        return of_selector(s, BLAME_V86_RING, TRAP_GP, sel);
    if (dpl == cpu->cpl || (e->cs.attr & ATTR_CONFORM)) {
        entry_keep_stack(cpu, e);
        s->out->cpl = cpu->cpl;
        s->out->esp = cpu->gpr[ESP];
        return false;
    }
    e->cpl = s->out->cpl = dpl;
    return stack_of_tss(s, dpl, &e->stack);
}

/* Every byte of the frame lies within the stack's limit. */
static bool frame_holds(const struct stack *stack, u32 at, u32 size, u32 unit)
{
    u32 mask = stack_mask(&stack->ss);
    u32 chunk = size - 1 <= mask - at ? size : unit;

    for (u32 i = 0; i < size; i += chunk)
        if (!seg_holds(&stack->ss, (at + i) & mask, chunk))
            return false;
    return true;
}

static bool push(struct search *s, const struct stack *stack, u32 at, u32 unit)
{
    u32 mask = stack_mask(&stack->ss), size = s->out->size;
    u32 chunk = size - 1 <= mask - at ? size : unit;
    u32 access = ACC_READ | ACC_WRITE | stack->access;
    u8 raw[RAW_MAX];

    for (u32 i = 0; i < size; i += chunk)
        if (look(s, BLAME_STACK_PAGE, stack->ss.base + ((at + i) & mask), chunk,
                 access, raw))
            return true;
    return false;
}

/* The frame on its stack, and the handler's first byte. */
static bool frame(struct search *s, const struct entry *e, u32 words, u32 unit)
{
    const struct stack *stack = &e->stack;
    u32 size = words * unit, error = 0;
    u32 at = (stack->esp - size) & stack_mask(&stack->ss);
    struct fault fault;

    if (s->out->inner)
        error = sel_error(stack->ss.sel);
    s->out->size = size;
    s->out->base = stack->ss.base;
    s->out->limit = stack->ss.limit;
    if (!frame_holds(stack, at, size, unit))
        return is(s, BLAME_STACK_LIMIT, TRAP_SS, error | s->ext);
    if (!s->out->inner &&
        seg_align(s->cpu, gva(stack->ss.base + at), unit, &fault) != ENV_OK)
        return is(s, BLAME_STACK_ALIGN, TRAP_AC, 0);
    s->out->limit = e->cs.limit;
    if (!seg_holds(&e->cs, e->eip, 1))
        return is(s, BLAME_EIP_LIMIT, TRAP_GP, s->ext);
    if (mark(s, BLAME_SEL_MARK, e->cs.sel, e->cs.attr))
        return true;
    return push(s, stack, at, unit);
}

static bool has_error(const struct event *event)
{
    return event->kind == EVENT_EXCEPTION && event->fault.has_error;
}

static bool through_gate(struct search *s, const struct gate *g)
{
    bool v86 = cpu_mode(s->cpu) == MODE_V86;
    u32 words = 3 + has_error(s->event) + (v86 ? 4 : 0);
    u32 unit = g->type == SYS_INT32 || g->type == SYS_TRAP32 ? 4 : 2;
    struct entry e = {.eip = g->offset};

    if (entry(s, g->sel, &e))
        return true;
    if (entry_changes_ring(s->cpu, &e))
        words += 2;
    return frame(s, &e, words, unit);
}

/* The TSS that a task gate names, as far as its descriptor tells. */
static bool task_segment(struct search *s, u16 sel, struct segment *tss)
{
    struct desc d;
    u16 type;

    s->out->sel = sel;
    if (sel_is_null(sel) || (sel & SEL_TI))
        return of_selector(s, BLAME_TASK_SEL, TRAP_GP, sel);
    if (descriptor(s, sel, TRAP_GP, BLAME_TASK_LIMIT, BLAME_TASK_PAGE, &d))
        return true;
    *tss = desc_segment(sel, d);
    type = tss->attr & (ATTR_S | ATTR_TYPE) & ~TSS_IS_32;
    if (type == (SYS_TSS16_FREE | TSS_BUSY))
        return of_selector(s, BLAME_TASK_BUSY, TRAP_GP, sel);
    if (type != SYS_TSS16_FREE)
        return of_selector(s, BLAME_TASK_TYPE, TRAP_GP, sel);
    if (!(tss->attr & ATTR_P))
        return of_selector(s, BLAME_TASK_ABSENT, TRAP_NP, sel);
    s->out->base = tss->base;
    s->out->limit = tss->limit;
    if (tss->limit < (tss->attr & TSS_IS_32 ? TSS32_SIZE : TSS16_SIZE) - 1u)
        return of_selector(s, BLAME_TASK_SHORT, TRAP_TS, sel);
    return false;
}

static bool reach(struct search *s, u32 at, u32 size, u32 access)
{
    u8 raw[TSS32_SIZE];

    return look(s, BLAME_TASK_REACH, at, size, access | ACC_SYSTEM, raw);
}

static bool to_task(struct search *s, u16 sel)
{
    const struct segment *tr = &s->cpu->tr;
    bool wide = tr->attr & TSS_IS_32;
    u32 at = wide ? TSS32_EIP : TSS16_IP;
    u32 state = wide ? TSS32_STATE : TSS16_STATE;
    struct segment tss = {0};
    gva_t where;

    if (task_segment(s, sel, &tss))
        return true;
    if (!(tr->attr & ATTR_P) || tr->limit < at + state - 1) {
        s->out->sel = tr->sel;
        s->out->limit = tr->limit;
        return is(s, BLAME_TASK_OLD, TRAP_TS, sel_error(tr->sel));
    }
    if (reach(s, tr->base + at, state, ACC_READ | ACC_WRITE) ||
        reach(s, tss.base, tss.attr & TSS_IS_32 ? TSS32_SIZE : TSS16_SIZE,
              ACC_READ) ||
        reach(s, tss.base + TSS32_LINK, 2, ACC_READ | ACC_WRITE))
        return true;
    return desc_find(s->cpu, sel, &where) &&
           reach(s, where.v + DESC_TYPE_BYTE, 1, ACC_READ | ACC_WRITE);
}

/* Behind a task switch: what of the new task is not loaded. The fault is not
 * told by it, so any will do. */
static void new_task(struct search *s)
{
    static const u8 order[] = {SEG_SS, SEG_CS, SEG_DS, SEG_ES, SEG_FS, SEG_GS};
    const struct cpu *cpu = s->cpu;

    s->out->sel = cpu->ldtr.sel;
    s->out->what = BLAME_NEW_LDT;
    if (!sel_is_null(cpu->ldtr.sel) && !(cpu->ldtr.attr & ATTR_P))
        return;
    for (u32 i = 0; i < ARRAY_LEN(order); i++) {
        const struct segment *seg = &cpu->seg[order[i]];
        bool must = order[i] == SEG_SS || order[i] == SEG_CS;
        if ((seg->attr & ATTR_P) || (sel_is_null(seg->sel) && !must))
            continue;
        s->out->what = BLAME_NEW_SEGMENT;
        s->out->sel = seg->sel;
        s->out->segments = order[i];
        return;
    }
    s->out->what = BLAME_NEW_START;
    s->out->eip = cpu->eip;
    s->out->esp = cpu->gpr[ESP];
}

/* The table of far pointers that real-address mode has. */
static bool real_mode(struct search *s)
{
    const struct cpu *cpu = s->cpu;
    const struct stack stack = {.ss = cpu->seg[SEG_SS], .esp = cpu->gpr[ESP]};
    u32 offset = s->out->vector * POINTER_SIZE, limit = cpu->idtr.limit;
    u32 at = (stack.esp - REAL_FRAME) & stack_mask(&stack.ss);
    u8 pointer[POINTER_SIZE];

    s->out->base = cpu->idtr.base;
    s->out->limit = limit;
    s->out->esp = stack.esp;
    s->out->size = POINTER_SIZE;
    if (limit < POINTER_SIZE - 1)
        return is(s, BLAME_IDT_NONE, TRAP_GP, offset | TRAP_ERR_IDT);
    if (offset + POINTER_SIZE - 1 > limit)
        return is(s, BLAME_IDT_LIMIT, TRAP_GP, offset | TRAP_ERR_IDT);
    if (look_system(s, BLAME_IDT_PAGE, cpu->idtr.base + offset, POINTER_SIZE,
                    pointer))
        return true;
    s->out->size = REAL_FRAME;
    s->out->limit = stack.ss.limit;
    if (!frame_holds(&stack, at, REAL_FRAME, 2))
        return is(s, BLAME_STACK_LIMIT, TRAP_SS, 0);
    return push(s, &stack, at, 2);
}

/* All checks, in their order; true: one fails. */
static bool search(struct search *s)
{
    struct gate g;

    if (cpu_mode(s->cpu) == MODE_REAL)
        return real_mode(s);
    if (gate(s, &g))
        return true;
    return g.type == SYS_TASK_GATE ? to_task(s, g.sel) : through_gate(s, &g);
}

void blame_event(const struct cpu *cpu, const struct cpu_env *env,
                 const struct event *event, bool switched, struct blame *out)
{
    struct search s = {
        .cpu = cpu,
        .env = env,
        .event = event,
        .ext = event->kind == EVENT_SOFTWARE ? 0 : TRAP_ERR_EXT,
        .out = out,
    };

    *out = (struct blame){.vector = event->fault.vector};
    if (switched)
        new_task(&s);
    else if (!search(&s))
        out->what = BLAME_NOTHING;
}
