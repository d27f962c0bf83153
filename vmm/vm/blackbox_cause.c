/* SPDX-License-Identifier: MIT
 *
 * Of what a guest died, in one sentence.
 *
 * What the processor says at the end is often a consequence: a handler in a
 * page that is not mapped faults until the stack is full, and only then does
 * the machine stop. So the sentence starts from the first fault of the last
 * chain and looks for what would explain it, from the particular to the
 * general:
 *
 *   the code's own page went away with the write of CR3, CR0 or CR4 before it
 *   a trap's handler is not mapped
 *   the tables hold neither the code nor the IDT
 *   control went to where nothing is mapped
 *   a handler faults itself (its frames stand on the stack, one on the other)
 *   the stack has come down into a page that is not there
 *
 * and then says how delivery failed. What is claimed is what was read there
 * and then; "N times" counts what stands on the stack.
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "vmm/base/bits.h"
#include "vmm/vm/blackbox_impl.h"

#define FRAMES_SCANNED 256u /* words of a stack that are looked at */
#define MANY           3u   /* as often, and it is no accident */
#define OVERFLOW_NEAR  (4 * PAGE_SIZE)

/* The gates whose handler is where control has come: how many, and the number
 * of one, which is the page fault's if it is among them. */
static u32 handlers_here(struct scene *s, u32 *vector)
{
    u32 entries = (s->cpu->idtr.limit + 1u) / 8, count = 0;

    for (u32 v = 0; v < entries && v < TRAP_VECTORS; v++) {
        struct gate g;
        u32 lo, hi;
        if (!box_word(s, s->cpu->idtr.base + v * 8, &lo) ||
            !box_word(s, s->cpu->idtr.base + v * 8 + 4, &hi))
            return count;
        g = gate_decode(lo, hi);
        if (!g.present || g.type == SYS_TASK_GATE || g.offset != s->cpu->eip)
            continue;
        if (!count++ || v == TRAP_PF)
            *vector = v;
    }
    return count;
}

/* How often a trap's frame for this very instruction stands on the stack:
 * EIP, CS, and flags whose fixed bits are right. */
static u32 frames_of_here(struct scene *s)
{
    u32 at = box_stack(s), count = 0;
    u32 eip = 0, cs = 0, flags = 0;

    at &= ~3u;
    for (u32 i = 0; i < FRAMES_SCANNED; i++) {
        u32 word;
        if (!box_word(s, at + i * 4, &word))
            return count;
        eip = cs;
        cs = flags;
        flags = word;
        count += eip == s->cpu->eip &&
                 (cs & 0xffff) == s->cpu->seg[SEG_CS].sel &&
                 (flags & (EFLAGS_ONE | 0x28)) == EFLAGS_ONE;
    }
    return count;
}

static bool is_switch(const struct scene *s)
{
    const struct box_switch *space = &s->vm->box.space;

    return space->there && box_here(s) - space->eip <= INSN_MAX &&
           box_here(s) != space->eip;
}

static void lost_by_switch(struct text *t, const struct scene *s,
                           const char *how)
{
    const struct box_switch *space = &s->vm->box.space;

    if (space->n == 0 && (space->now & ~space->old & CR0_PG))
        text_add(t, "paging was turned on (CR0 <- 0x%08x, CR3 0x%08x",
                 space->now, s->vm->cpu.cr3);
    else
        text_add(t, "the page tables were changed (CR%u <- 0x%08x", space->n,
                 space->now);
    text_add(t, " at 0x%08x", space->eip);
    box_name(t, s->vm, space->eip);
    text_add(
        t,
        "), and by these tables the page of this very code is %s: the next "
        "instruction cannot be fetched; ",
        how);
}

/* The stack, and nothing about the gate, is why the page fault was the last. */
static bool is_stack(enum blame_what what)
{
    return what == BLAME_STACK_PAGE || what == BLAME_STACK_LIMIT;
}

static void lost_handler(struct text *t, const struct scene *s, u32 vector,
                         u32 count, const struct blame *b)
{
    text_add(t, "the handler of vector %u%s, 0x%08x", vector,
             count > 1 ? " and others" : "", s->cpu->eip);
    box_name(t, s->vm, box_here(s));
    text_add(t, " as IDT entry %u has it, lies in a page that %s", vector,
             s->vm->box.chain.attempt[0].event.fault.error & PF_PRESENT
                 ? "may not be executed so"
                 : "is not mapped");
    if (vector == TRAP_PF && is_stack(b->what))
        text_add(t, ", so each page fault led to the next one until the stack "
                    "was used up");
    text_add(t, "; ");
}

/* The tables do not hold the kernel. */
static void lost_space(struct text *t, const struct scene *s)
{
    const struct box_switch *space = &s->vm->box.space;

    text_add(t, "by the page tables in use (CR3 0x%08x", s->cpu->cr3);
    if (space->there) {
        text_add(t, ", last changed by CR%u <- 0x%08x at 0x%08x", space->n,
                 space->now, space->eip);
        box_name(t, s->vm, space->eip);
    }
    text_add(t, ") neither this code nor the IDT is mapped; ");
}

static void lost_control(struct text *t, struct scene *s, const char *there)
{
    u32 top;

    text_add(t, "control went to 0x%08x%s, where %s", s->cpu->eip,
             s->cpu->eip < PAGE_SIZE ? ", a null pointer" : "", there);
    if (box_word(s, box_stack(s), &top) && box_mapped(s, top) && top) {
        text_add(t, " (on top of the stack, as after a call, is 0x%08x", top);
        box_name(t, s->vm, top);
        text_add(t, ")");
    }
    text_add(t, "; ");
}

/* A page is mapped, and behind it is no memory: what was fetched is what a bus
 * gives that nobody drives. */
static bool is_nowhere(struct scene *s, const struct event *e)
{
    u32 word;

    return e->kind == EVENT_EXCEPTION && e->fault.vector == TRAP_UD &&
           box_mapped(s, box_here(s)) && !box_word(s, box_here(s) & ~3u, &word);
}

/* Is the page above the one that the stack has come into mapped? Then it came
 * down from there. */
static u32 stack_above(struct scene *s, u32 esp)
{
    for (u32 up = PAGE_SIZE; up <= OVERFLOW_NEAR; up += PAGE_SIZE) {
        u32 page = (esp & ~PAGE_MASK) + up, word;
        if (box_word(s, page, &word))
            return page;
    }
    return 0;
}

static void lost_stack(struct text *t, struct scene *s, const struct blame *b)
{
    u32 above = stack_above(s, b->at);

    text_add(t, "the stack pointer, ESP 0x%08x, is in a page that %s",
             s->cpu->gpr[ESP],
             b->fault.error & PF_PRESENT ? "may not be written"
                                         : "is not mapped");
    if (above)
        text_add(t, ", just below the mapped page 0x%08x: a stack overflow",
                 above);
    text_add(t, "; ");
}

/* The stack pointer's own page, or the one just below it, is what cannot be
 * written. */
static bool stack_is_lost(const struct scene *s, const struct blame *b)
{
    return b->what == BLAME_STACK_PAGE && !b->inner &&
           box_stack(s) - b->at <= PAGE_SIZE;
}

/* What explains that the code itself could not be fetched. */
static void lost_code(struct text *t, struct scene *s, const struct event *e,
                      const struct blame *b)
{
    u32 vector = 0, count;

    if (is_switch(s)) {
        lost_by_switch(t, s, "not mapped");
        return;
    }
    count = handlers_here(s, &vector);
    if (b->what == BLAME_IDT_PAGE)
        lost_space(t, s);
    else if (count)
        lost_handler(t, s, vector, count, b);
    else if (!(e->fault.error & PF_PRESENT))
        lost_control(t, s, "no page is mapped");
}

/* What explains the first fault. */
static void background(struct text *t, struct scene *s, const struct event *e,
                       const struct blame *b)
{
    u32 again = e->kind == EVENT_EXCEPTION ? frames_of_here(s) : 0;

    if (box_is_fetch(s, e))
        lost_code(t, s, e, b);
    else if (is_nowhere(s, e) && is_switch(s))
        lost_by_switch(t, s, "where there is no memory");
    else if (is_nowhere(s, e))
        lost_control(t, s, "there is no memory");
    else if (again >= MANY)
        text_add(t,
                 "a handler faults itself: this instruction has faulted %s%u "
                 "times within its own handling; ",
                 again >= FRAMES_SCANNED / 8 ? "at least " : "", again);
    else if (stack_is_lost(s, b))
        lost_stack(t, s, b);
}

static bool doubles_recent(const struct vm *vm)
{
    const struct blackbox *box = &vm->box;

    return box->doubles &&
           vm->exits + vm->interpreted - box->double_clock <= BOX_RECENT;
}

/* Double faults that were delivered tell more than what came of them. */
static void doubles(struct text *t, const struct vm *vm)
{
    const struct blackbox *box = &vm->box;

    if (box->doubles >= MANY)
        text_add(t,
                 "double faults came %u times in a row, to the handler "
                 "0x%08x",
                 box->doubles, box->double_entry);
    else
        text_add(t, "a double fault had been delivered, to the handler 0x%08x",
                 box->double_entry);
    box_name(t, vm, box->double_entry);
    text_add(t, "%s because %s; ", box->doubles > 1 ? ", the first" : ",",
             box->doubled);
}

static void triple(struct text *t, struct vm *vm)
{
    const struct blackbox *box = &vm->box;
    struct scene s = {vm, &box->chain.cpu};

    if (doubles_recent(vm)) {
        doubles(t, vm);
        text_add(t, "at last ");
    } else {
        background(t, &s, &box->chain.attempt[0].event, &box->blame[0]);
    }
    box_chain(t, &s, &box->chain, box->blame);
}

static void own_verdict(struct text *t, struct vm *vm)
{
    struct scene s = {vm, &vm->cpu};

    if (doubles_recent(vm))
        doubles(t, vm);
    text_add(t,
             "it ended itself with status 0x%x, which is not the 0x10 of "
             "success, at ",
             vm->status);
    box_place(t, &s);
}

/* Sentences begin with a capital and end with a full stop. */
static void round_off(struct text *t)
{
    if (t->at[0] >= 'a' && t->at[0] <= 'z')
        t->at[0] = (char)(t->at[0] - 'a' + 'A');
    text_add(t, ".");
}

void box_cause(struct vm *vm)
{
    struct text t = text_of(vm->box.cause, sizeof(vm->box.cause));
    struct scene s = {vm, &vm->cpu};

    if (vm->box.chain.failed && vm->state == VM_KILLED) {
        triple(&t, vm);
    } else if (vm->state == VM_EXITED) {
        own_verdict(&t, vm);
    } else {
        text_add(&t, "%s (at ", vm->reason);
        box_place(&t, &s);
        text_add(&t, ")");
    }
    round_off(&t);
}
