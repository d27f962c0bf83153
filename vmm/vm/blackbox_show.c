/* SPDX-License-Identifier: MIT
 *
 * The report of the black box, from the cause to the hint, some fifty lines.
 *
 * Each part is bounded by itself: four attempts, REPORT_FRAMES frames; the
 * exits, of which like ones are put together, fill what is left of
 * REPORT_LINES. All that a guest has named goes through put(), which lets
 * printable ASCII pass and nothing else, so that a symbol cannot move the
 * cursor.
 */
#include "arch/x86/defs/regs.h"
#include "vmm/base/bits.h"
#include "vmm/vm/blackbox_impl.h"
#include "vmm/vm/inspect.h"
#include "vmm/vm/monitor_impl.h"
#include "vmm/vm/symbols.h"
#include "vmm/vm/trace_line.h"

#define LINE_MAX       200u
#define WRAP           90u /* columns of the cause */
#define WRAP_LEAST     60u
#define REPORT_FRAMES  10u
#define REPORT_RETURNS 8u
#define REPORT_LINES   60u /* of which the exits take what is left ... */
#define REPORT_EVENTS  32u /* ... and those of a trace no more than this */
#define TRACE_BACK     4096u
#define INSN_WORDS     48

/* One line: printable ASCII, and never longer than LINE_MAX. */
static void put(const struct sink *out, const char *text, size_t len)
{
    char line[LINE_MAX + 1];

    len = len < LINE_MAX ? len : LINE_MAX;
    for (size_t i = 0; i < len; i++)
        line[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
    line[len] = '\n';
    out->put(out->ctx, line, len + 1);
}

static __attribute__((format(printf, 2, 3))) void tell(const struct sink *out,
                                                       const char *format, ...)
{
    char line[LINE_MAX + 1];
    va_list args;

    va_start(args, format);
    fmt_vbuf(line, sizeof(line), format, args);
    va_end(args);
    put(out, line, str_len(line));
}

/* Where to break: at the last blank within the width. */
static size_t break_at(const char *text, size_t len)
{
    size_t at = WRAP;

    if (len <= WRAP)
        return len;
    while (at > WRAP_LEAST && text[at] != ' ')
        at--;
    return text[at] == ' ' ? at : WRAP;
}

static void paragraph(const struct sink *out, const char *head,
                      const char *text)
{
    size_t len = str_len(text);

    while (len) {
        size_t n = break_at(text, len);
        tell(out, "%-6s %.*s", head, (int)n, text);
        while (n < len && text[n] == ' ')
            n++;
        text += n;
        len -= n;
        head = "";
    }
}

/* "#PF, error 0x0002", "interrupt 0x20" */
static void fault_words(const struct fault *f, char *out, size_t size)
{
    const char *name = blame_mnemonic(f->vector);
    struct text t = text_of(out, size);

    if (name)
        text_add(&t, "%s", name);
    else
        text_add(&t, "vector %u", f->vector);
    if (f->has_error)
        text_add(&t, ", error 0x%04x", f->error);
    if (f->vector == TRAP_PF)
        text_add(&t, ", CR2 0x%08x", f->cr2);
}

static void show_chain(const struct sink *out, const struct blackbox *box)
{
    char had[64], met[64], why[300];

    for (u32 i = 0; i < box->chain.failed; i++) {
        const struct event_attempt *a = &box->chain.attempt[i];
        if (a->event.kind == EVENT_EXCEPTION)
            fault_words(&a->event.fault, had, sizeof(had));
        else
            blame_event_name(&a->event, had, sizeof(had));
        fault_words(&a->met, met, sizeof(met));
        blame_text(&box->blame[i], why, sizeof(why));
        tell(out, "%-6s %u. %s", i ? "" : "chain", i + 1, had);
        tell(out, "%-6s    -> %s: %s", "", met, why);
    }
    if (box->chain.failed)
        tell(out, "%-6s %u. shutdown", "", box->chain.failed + 1);
}

static void show_registers(const struct sink *out, const struct cpu *c)
{
    static const char *const names[SEG_COUNT] = {"es", "cs", "ss",
                                                 "ds", "fs", "gs"};
    char line[LINE_MAX];
    struct text t = text_of(line, sizeof(line));

    tell(out, "regs   eax %08x  ebx %08x  ecx %08x  edx %08x  ring %u",
         c->gpr[EAX], c->gpr[EBX], c->gpr[ECX], c->gpr[EDX], c->cpl);
    tell(out, "       esi %08x  edi %08x  ebp %08x  esp %08x", c->gpr[ESI],
         c->gpr[EDI], c->gpr[EBP], c->gpr[ESP]);
    tell(out, "       eip %08x  eflags %08x%s%s%s", c->eip, c->eflags,
         c->eflags & EFLAGS_IF ? " IF" : "", c->eflags & EFLAGS_TF ? " TF" : "",
         c->eflags & EFLAGS_VM ? " VM" : "");
    for (u32 s = 0; s < SEG_COUNT; s++)
        text_add(&t, "%s%s %04x", s ? "  " : "", names[s], c->seg[s].sel);
    tell(out, "       %s  ldtr %04x  tr %04x", line, c->ldtr.sel, c->tr.sel);
    tell(out, "       cr0 %08x  cr2 %08x  cr3 %08x  cr4 %08x", c->cr0, c->cr2,
         c->cr3, c->cr4);
    tell(out, "       gdtr %08x limit %04x  idtr %08x limit %04x", c->gdtr.base,
         c->gdtr.limit, c->idtr.base, c->idtr.limit);
}

static void show_insn(const struct sink *out, struct vm *vm)
{
    char words[96], place[120];
    struct scene s = {vm, &vm->cpu};
    struct text t = text_of(place, sizeof(place));

    box_place(&t, &s);
    inspect_insn(vm, vm->cpu.eip, words, sizeof(words));
    tell(out, "at     %s: %s", place, words);
}

static void show_one_walk(const struct sink *out, struct vm *vm, u32 at,
                          u32 access)
{
    char why[240];
    bool works = inspect_why(vm, gva(at), access, why, sizeof(why));

    tell(out, "walk   a %s%s 0x%08x%s: %s", access & PF_USER ? "ring-3 " : "",
         access & PF_WRITE   ? "write to"
         : access & PF_FETCH ? "fetch from"
                             : "read of",
         at, works ? " works now" : "", why);
}

/* The pages that the chain of faults was about, each once. */
static void show_walks(const struct sink *out, struct vm *vm)
{
    const struct event_chain *chain = &vm->box.chain;
    u32 done = 0, pages[2 * EVENT_CHAIN];

    for (u32 i = 0; i < 2 * chain->failed; i++) {
        const struct event_attempt *a = &chain->attempt[i / 2];
        const struct fault *f = i & 1 ? &a->met : &a->event.fault;
        bool seen = f->vector != TRAP_PF ||
                    (!(i & 1) && a->event.kind != EVENT_EXCEPTION);
        for (u32 k = 0; k < done; k++)
            seen |= pages[k] == f->cr2 >> PAGE_SHIFT;
        if (seen)
            continue;
        pages[done++] = f->cr2 >> PAGE_SHIFT;
        show_one_walk(out, vm, f->cr2,
                      f->cr2 == vm->cpu.eip ? PF_FETCH
                                            : f->error & (PF_WRITE | PF_USER));
    }
}

static void show_space(const struct sink *out, const struct vm *vm)
{
    const struct box_switch *space = &vm->box.space;
    char name[100];
    struct text t = text_of(name, sizeof(name));

    if (!space->there)
        return;
    box_name(&t, vm, space->eip);
    tell(out, "space  last changed at %08x%s: CR%u <- 0x%08x (it was 0x%08x)",
         space->eip, name, space->n, space->now, space->old);
}

static void show_returns(const struct sink *out, struct vm *vm)
{
    u32 at[REPORT_RETURNS];
    u32 count = inspect_returns(vm, at, REPORT_RETURNS);
    char line[LINE_MAX];

    for (u32 i = 0; i < count; i++) {
        struct text t = text_of(line, sizeof(line));
        text_add(&t, "%08x", at[i]);
        box_name(&t, vm, at[i]);
        tell(out, "       perhaps back to %s", line);
    }
}

static void show_stack(const struct sink *out, struct vm *vm)
{
    struct inspect_frame frame[REPORT_FRAMES];
    u32 count = inspect_stack(vm, frame, REPORT_FRAMES);
    struct scene s = {vm, &vm->cpu};
    u32 at = box_stack(&s), word;
    char line[LINE_MAX];
    struct text t = text_of(line, sizeof(line));

    for (u32 i = 0; i < 8 && box_word(&s, at + i * 4, &word); i++)
        text_add(&t, " %08x", word);
    tell(out, "stack  at %08x:%s", at, line[0] ? line : " it cannot be read");
    for (u32 i = 0; i < count; i++) {
        t = text_of(line, sizeof(line));
        text_add(&t, "%08x", frame[i].eip);
        box_name(&t, vm, frame[i].eip);
        tell(out, "       #%u %s%s", i, i ? "back to " : "", line);
    }
    show_returns(out, vm);
}

/* ---- the last exits */

/* What an exit and a fault of interpreted code have in common. */
static struct vm_last_exit of_ring(const struct vm *vm, bool interpreted,
                                   u64 back)
{
    const struct blackbox *box = &vm->box;
    const struct box_fault *f = &box->fault[(box->faults - back) % BOX_FAULTS];

    if (!interpreted)
        return vm->last[(vm->exits - back) % VM_LAST_EXITS];
    return (struct vm_last_exit){.eip = f->eip,
                                 .vector = f->fault.vector,
                                 .error = f->fault.error,
                                 .cr2 = f->fault.cr2};
}

/* A page fault that the guest's own tables do not explain was the shadow's. */
static bool is_hidden(struct vm *vm, const struct vm_last_exit *e)
{
    struct scene s = {vm, &vm->cpu};
    struct cpu_env env = box_env(&s);
    u32 access = e->error & PF_WRITE   ? ACC_READ | ACC_WRITE
                 : e->error & PF_FETCH ? ACC_FETCH
                                       : ACC_READ;
    struct fault fault;
    u8 byte;

    return env.read(&s, gva(e->cr2), &byte, 1, access | ACC_SYSTEM, &fault) !=
           ENV_FAULT;
}

/* But for the address of page faults that are all the shadow's, or none. */
static bool alike(struct vm *vm, const struct vm_last_exit *a,
                  const struct vm_last_exit *b)
{
    return a->eip == b->eip && a->vector == b->vector && a->error == b->error &&
           (a->vector != TRAP_PF || a->cr2 == b->cr2 ||
            is_hidden(vm, a) == is_hidden(vm, b));
}

static void exit_words(struct vm *vm, const struct vm_last_exit *e,
                       struct text *t)
{
    const char *name =
        e->vector < TRAP_EXCEPTIONS ? blame_mnemonic((u8)e->vector) : NULL;
    char words[INSN_WORDS];

    text_add(t, "%08x", e->eip);
    box_name(t, vm, e->eip);
    if (!name) {
        text_add(t, ": interrupt of the host, vector 0x%02x", e->vector);
        return;
    }
    text_add(t, ": %s error 0x%04x", name, e->error);
    if (e->vector == TRAP_PF)
        text_add(t, " at 0x%08x%s", e->cr2,
                 is_hidden(vm, e) ? ", hidden from it" : "");
    else if (inspect_insn(vm, e->eip, words, sizeof(words)))
        text_add(t, ", `%s`", words);
}

/* The next one, going back, that is not like the i-th newest. */
static u64 next_unlike(struct vm *vm, bool interpreted, u64 i, u64 kept)
{
    struct vm_last_exit e = of_ring(vm, interpreted, i), older = e;

    while (alike(vm, &e, &older) && ++i <= kept)
        older = of_ring(vm, interpreted, i);
    return i;
}

/* How many of them go into so many lines, of which like ones that follow each
 * other take one. */
static u64 events_in(struct vm *vm, bool interpreted, u64 kept, u32 lines)
{
    u64 i = 1;

    for (; i <= kept && lines; lines--)
        i = next_unlike(vm, interpreted, i, kept);
    return i - 1;
}

/* Newest first. */
static void show_ring(const struct sink *out, struct vm *vm, bool interpreted,
                      u64 count)
{
    char line[LINE_MAX];

    for (u64 i = 1, next; i <= count; i = next) {
        struct vm_last_exit e = of_ring(vm, interpreted, i), first;
        struct text t = text_of(line, sizeof(line));
        next = next_unlike(vm, interpreted, i, count);
        exit_words(vm, &e, &t);
        if (next - i > 1)
            text_add(&t, ", %u times", (u32)(next - i));
        first = of_ring(vm, interpreted, next - 1);
        if (e.vector == TRAP_PF && first.cr2 != e.cr2)
            text_add(&t, ", first at 0x%08x", first.cr2);
        tell(out, "       -%u %s", (u32)i, line);
    }
}

/* The place of the record that is the `back`th of this VM, newest first; false:
 * so many are not within TRACE_BACK records. */
static bool find_record(const struct vm *vm, u32 back, u64 *place)
{
    const struct trace_ring *ring = &vm->hv->trace;
    u64 kept = ring->record ? min_u64(ring->next, (u64)ring->mask + 1) : 0;

    for (u64 i = 1; i <= kept && i <= TRACE_BACK; i++) {
        const struct trace_record *r =
            &ring->record[(ring->next - i) & ring->mask];
        if (r->vm != vm->slot + 1 || --back)
            continue;
        *place = ring->next - i;
        return true;
    }
    return false;
}

/* While it is traced, its events tell more than its exits. */
static void show_trace(const struct sink *out, struct vm *vm, u32 most)
{
    const struct trace_ring *ring = &vm->hv->trace;
    char line[LINE_MAX];
    u64 place;

    tell(out, "trace  its last events, newest first:");
    for (u32 i = 1; i <= most && find_record(vm, i, &place); i++) {
        trace_line(vm->hv, &ring->record[place & ring->mask], line,
                   sizeof(line));
        tell(out, "       -%u %s", i, line);
    }
}

/* In so many lines, of which each engine's events have a half. */
static void show_exits(const struct sink *out, struct vm *vm, u32 lines)
{
    u64 exits = min_u64(vm->exits - vm->box.born, VM_LAST_EXITS);
    u64 faults = min_u64(vm->box.faults, BOX_FAULTS);
    u32 most = exits && faults ? lines / 2 : lines;

    most = most ? most - 1 : 0;
    exits = events_in(vm, false, exits, most);
    faults = events_in(vm, true, faults, most);
    if (exits)
        tell(out, "exits  the last %u of %llu, newest first:", (u32)exits,
             (unsigned long long)(vm->exits - vm->box.born));
    show_ring(out, vm, false, exits);
    if (faults)
        tell(out,
             "faults of interpreted code, the last %u of %llu:", (u32)faults,
             (unsigned long long)vm->box.faults);
    show_ring(out, vm, true, faults);
}

void blackbox_last_words(struct vm *vm, const struct sink *out)
{
    u64 kept = min_u64(vm->exits - vm->box.born, VM_LAST_EXITS);

    fmt_sink(out, "the guest is %s, at %04x:%08x in ring %u, CR3 0x%08x\n",
             vm->config.name, vm->cpu.seg[SEG_CS].sel, vm->cpu.eip, vm->cpu.cpl,
             vm->cpu.cr3);
    fmt_sink(out, "last exits of %s, newest first:\n", vm->config.name);
    for (u64 i = 1; i <= kept; i++) {
        struct vm_last_exit e = of_ring(vm, false, i);
        fmt_sink(out, "  vector %3u error 0x%04x cr2 0x%08x eip 0x%08x\n",
                 e.vector, e.error, e.cr2, e.eip);
    }
}

/* ---- the hint */

static void hint(const struct sink *out, const struct vm *vm)
{
    const char *name = vm->config.name;
    const struct blame *b = &vm->box.blame[0];
    u32 page = vm->box.chain.attempt[0].event.fault.cr2;

    if (!vm->box.chain.failed)
        tell(out,
             "next   `dis %s` and `mem %s $esp` show where it stood; "
             "`reset %s` starts it anew.",
             name, name, name);
    else if (b->what <= BLAME_GATE_ABSENT && b->what != BLAME_NOTHING)
        tell(out,
             "next   `idt %s` shows what handlers it had, and who "
             "installed them; `reset %s` starts it anew.",
             name, name);
    else if (b->what >= BLAME_SEL_NULL && b->what <= BLAME_SEL_MARK)
        tell(out,
             "next   `gdt %s` and `idt %s` show the tables; `reset %s` "
             "starts it anew.",
             name, name, name);
    else if (b->what >= BLAME_TR_NONE && b->what <= BLAME_SS_MARK)
        tell(out,
             "next   `tss %s` and `gdt %s` show where the stack should "
             "come from; `reset %s` starts it anew.",
             name, name, name);
    else
        tell(out,
             "next   `walk %s 0x%08x` and `map %s` show the address space; "
             "`reset %s` starts it anew.",
             name, b->what == BLAME_STACK_PAGE ? b->at : page, name, name);
}

/* A sink in front of another, which counts the lines. */
struct line_count {
    const struct sink *to;
    u32 lines;
};

static void count_line(void *ctx, const char *text, size_t len)
{
    struct line_count *count = ctx;

    count->lines++;
    count->to->put(count->to->ctx, text, len);
}

static void print_all(struct vm *vm, struct line_count *count)
{
    const struct sink out = {count_line, count};
    u64 place;
    u32 left;

    inspect_sync(vm);
    tell(&out, "black box:");
    paragraph(&out, "cause", vm->box.cause);
    show_insn(&out, vm);
    show_chain(&out, &vm->box);
    show_registers(&out, &vm->cpu);
    show_space(&out, vm);
    show_walks(&out, vm);
    show_stack(&out, vm);
    left = REPORT_LINES - 1 - count->lines;
    if (vm->tracing.all && find_record(vm, 1, &place))
        show_trace(&out, vm, min_u32(REPORT_EVENTS, left - 1));
    else
        show_exits(&out, vm, left);
    hint(&out, vm);
}

void blackbox_print(struct vm *vm, const struct sink *out)
{
    struct line_count count = {.to = out};

    if (vm->box.taken)
        print_all(vm, &count);
    else if (vm->state == VM_KILLED) /* its reset has failed */
        tell(out, "%s is killed, and has no black box of that: %s.",
             vm->config.name, vm->reason);
    else
        tell(out, "%s has not died; it is %s, and has no black box.",
             vm->config.name, vm_state_name(vm));
}

void monitor_blackbox(const struct monitor_args *args)
{
    blackbox_print(args->vm, args->out);
}
