/* SPDX-License-Identifier: MIT
 *
 * A chain of faults in words: what was to be delivered, from where, and why it
 * was not.
 *
 *   the page fault at 0xdeadbeef (a write, to a page that is not mapped, from
 *   0008:c0101234 write_byte+0x4) could not be delivered: IDT entry 14 is not
 *   present; IDT entry 8, for the double fault that followed, is no better
 *
 * Of the first fault it says what the instruction and the error code tell: the
 * gate that an INT met, the selector and what it names, the frame that an IRET
 * would pop. What follows it is named once if it failed of the same.
 *
 * SDM vol. 3A 6.13, 6.15.
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "vmm/base/bits.h"
#include "vmm/vm/blackbox_impl.h"
#include "vmm/vm/symbols.h"

#define NAME_SHOWN      48
#define SELECTOR_LIKELY 0xff /* a GDT of 32 entries */
#define EFLAGS_ZEROES   0xffc08028

/* Behind a call that never returns stands nobody's code: it is the caller's
 * whose last byte is just below. */
void box_name(struct text *t, const struct vm *vm, u32 linear)
{
    struct symbol symbol;

    if (!symbols_find(vm, linear, &symbol) &&
        !symbols_find(vm, linear - 1, &symbol))
        return;
    text_add(t, " %.*s", (int)min_u64(symbol.name.len, NAME_SHOWN),
             symbol.name.at);
    if (linear != symbol.at)
        text_add(t, "+0x%x", linear - symbol.at);
}

void box_place(struct text *t, const struct scene *s)
{
    text_add(t, "%04x:%08x", s->cpu->seg[SEG_CS].sel, s->cpu->eip);
    box_name(t, s->vm, box_here(s));
}

bool box_is_fetch(const struct scene *s, const struct event *event)
{
    return event->kind == EVENT_EXCEPTION && event->fault.vector == TRAP_PF &&
           event->fault.cr2 == box_here(s);
}

static void page_fault(struct text *t, struct scene *s,
                       const struct event *event)
{
    u32 error = event->fault.error;

    text_add(t, " at 0x%08x%s (%s, ", event->fault.cr2,
             event->fault.cr2 < PAGE_SIZE && !box_is_fetch(s, event)
                 ? ", as by a null pointer"
                 : "",
             box_is_fetch(s, event) ? "a fetch of code"
             : error & PF_WRITE     ? "a write"
                                    : "a read");
    if (error & PF_RSVD)
        text_add(t, "through a table entry with a reserved bit set, ");
    else if (!(error & PF_PRESENT))
        text_add(t, "to a page that is not mapped, ");
    else if (s->cpu->cpl == 3)
        text_add(t, "to a page that ring 3 may not touch so, ");
    else
        text_add(t, "to a page that is read-only, ");
    text_add(t, "from ");
    box_place(t, s);
    text_add(t, ")");
}

/* INT n whose gate is wrong shows as #GP or #NP with the gate's number. */
static void bad_gate(struct text *t, struct scene *s, const struct fault *fault)
{
    struct event event = {.kind = EVENT_SOFTWARE};
    struct cpu_env env = box_env(s);
    struct blame b;
    char why[300];

    event.fault.vector = (u8)(fault->error >> 3);
    blame_event(s->cpu, &env, &event, false, &b);
    if (b.fault.vector != fault->vector || b.fault.error != fault->error)
        return;
    blame_text(&b, why, sizeof(why));
    text_add(t, "; %s", why);
}

/* Do these words look like the frame of a trap out of this code segment? */
static bool looks_like_frame(struct scene *s, u32 eip, u32 cs, u32 flags)
{
    return !(cs >> 16) && (cs & SEL_INDEX) && (cs & SEL_RPL) != 1 &&
           (cs & SEL_RPL) != 2 && cs <= SELECTOR_LIKELY &&
           (flags & (EFLAGS_ONE | EFLAGS_ZEROES)) == EFLAGS_ONE &&
           box_mapped(s, eip);
}

/* IRET shows what it pops, and whether it is one word off: then an error code
 * is on the stack still, or was dropped where there was none. */
static void popped(struct text *t, struct scene *s, const struct insn *insn)
{
    u32 at = box_stack(s), w[5];

    if (insn->opsize != 4 || insn_class(insn->op) != CLASS_IRET)
        return;
    for (u32 i = 0; i < ARRAY_LEN(w); i++) {
        if (!box_word(s, at - 4 + i * 4, &w[i]))
            return;
    }
    text_add(t, "; it would pop EIP 0x%08x, CS 0x%04x, EFLAGS 0x%08x", w[1],
             w[2] & 0xffff, w[3]);
    if (looks_like_frame(s, w[2], w[3], w[4]))
        text_add(t, ", as when an error code is left on the stack, for the "
                    "frame seems to begin one word above");
    else if (looks_like_frame(s, w[0], w[1], w[2]))
        text_add(t, ", as when a word too many is taken off the stack, for the "
                    "frame seems to begin one word below");
}

static void selector(struct text *t, struct scene *s, u32 error)
{
    struct cpu_env env = box_env(s);
    u16 sel = (u16)(error & (SEL_INDEX | SEL_TI));
    char what[120];

    blame_selector(s->cpu, &env, sel, what, sizeof(what));
    text_add(t, "; selector 0x%04x is %s", sel, what);
}

/* Why a #GP(0) or #SS(0) came, where the instruction tells. */
static void refused(struct text *t, const struct scene *s,
                    const struct insn *insn)
{
    static const char *const names[SEG_COUNT] = {"ES", "CS", "SS",
                                                 "DS", "FS", "GS"};
    enum insn_class class = insn_class(insn->op);
    const struct segment *seg = &s->cpu->seg[insn->seg];

    if (s->cpu->cpl == 3 && (class == CLASS_PRIVILEGED || class == CLASS_IO ||
                             op_rows[insn->op].rule != RULE_ANY))
        text_add(t, "; it is privileged, and the code runs in ring 3");
    else if (insn->has_modrm && !is_register(insn) && !(seg->attr & ATTR_P))
        text_add(t, "; it goes through %s, which is 0x%04x and not usable",
                 names[insn->seg], seg->sel);
}

static void details(struct text *t, struct scene *s, const struct fault *fault)
{
    bool gate = (fault->error & TRAP_ERR_IDT) && !(fault->error & TRAP_ERR_EXT);
    struct insn insn;

    if (gate)
        bad_gate(t, s, fault);
    if (!box_insn(s, &insn))
        return;
    popped(t, s, &insn);
    if (!fault->error)
        refused(t, s, &insn);
    else if (!(fault->error & TRAP_ERR_IDT))
        selector(t, s, fault->error);
}

/* No instruction has run yet in a task whose CS could not be loaded. */
static bool is_half_a_task(const struct cpu *cpu)
{
    return cpu_mode(cpu) == MODE_PROTECTED && !(cpu->seg[SEG_CS].attr & ATTR_P);
}

static void half_a_task(struct text *t, struct scene *s, u32 error)
{
    const struct cpu *c = s->cpu;

    text_add(t,
             " (behind a switch to the task of TSS 0x%04x, which has CS "
             "0x%04x, EIP 0x%08x, SS 0x%04x, LDT 0x%04x",
             c->tr.sel, c->seg[SEG_CS].sel, c->eip, c->seg[SEG_SS].sel,
             c->ldtr.sel);
    selector(t, s, error);
    text_add(t, ")");
}

static void other_fault(struct text *t, struct scene *s,
                        const struct fault *fault)
{
    struct insn insn;
    char words[64];

    if (is_half_a_task(s->cpu)) {
        half_a_task(t, s, fault->error);
        return;
    }
    text_add(t, " (");
    if (box_insn(s, &insn)) {
        insn_print(&insn, s->cpu->eip, words, sizeof(words));
        text_add(t, "`%s` at ", words);
    }
    box_place(t, s);
    if (fault->vector >= TRAP_TS && fault->vector <= TRAP_GP)
        details(t, s, fault);
    text_add(t, ")");
}

void box_fault(struct text *t, struct scene *s, const struct event *event)
{
    char name[48];

    blame_event_name(event, name, sizeof(name));
    text_add(t, "%s", name);
    if (event->kind != EVENT_EXCEPTION) {
        text_add(t, " at ");
        box_place(t, s);
        if (event->fault.vector < TRAP_EXCEPTIONS)
            text_add(t, " (a vector for exceptions: is the interrupt "
                        "controller set up?)");
    } else if (event->fault.vector == TRAP_PF) {
        page_fault(t, s, event);
    } else {
        other_fault(t, s, &event->fault);
    }
}

/* ---- why it was not delivered */

/* A mistake in a gate, which each entry of the IDT has for itself. */
static bool is_of_gate(enum blame_what what)
{
    return what >= BLAME_IDT_LIMIT && what <= BLAME_SEL_ABSENT &&
           what != BLAME_SEL_PAGE;
}

static bool same_reason(const struct blame *a, const struct blame *b)
{
    return a->what == b->what && a->what != BLAME_NOTHING && a->sel == b->sel &&
           a->at >> PAGE_SHIFT == b->at >> PAGE_SHIFT;
}

/* The reason of the attempt before, once more. `again`: and of the one before
 * that. */
static void same(struct text *t, const struct blame *b, const char *name,
                 bool again)
{
    if (is_of_gate(b->what) && again)
        text_add(t, ", nor is IDT entry %u, for %s", b->vector, name);
    else if (is_of_gate(b->what))
        text_add(t, "; IDT entry %u, for %s that followed, is no better",
                 b->vector, name);
    else if (again)
        text_add(t, ", and so did %s", name);
    else
        text_add(t, "; %s that followed met the same", name);
}

static void reasons(struct text *t, const struct event_chain *chain,
                    const struct blame *blame)
{
    char why[300], name[48];
    bool again = false;

    blame_text(&blame[0], why, sizeof(why));
    text_add(t, " could not be delivered: %s", why);
    for (u32 i = 1; i < chain->failed; i++) {
        blame_event_name(&chain->attempt[i].event, name, sizeof(name));
        if (same_reason(&blame[i - 1], &blame[i])) {
            same(t, &blame[i], name, again);
            again = true;
            continue;
        }
        blame_text(&blame[i], why, sizeof(why));
        text_add(t, "; nor could %s that followed: %s", name, why);
        again = false;
    }
}

void box_chain(struct text *t, struct scene *s, const struct event_chain *chain,
               const struct blame *blame)
{
    box_fault(t, s, &chain->attempt[0].event);
    reasons(t, chain, blame);
}
