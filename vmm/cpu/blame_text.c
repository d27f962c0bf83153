/* SPDX-License-Identifier: MIT
 *
 * The words for blame.h: clauses that go behind "could not be delivered:".
 *
 * Each names the thing by what its owner wrote (IDT entry 14, the GDT's limit,
 * SS0 in the TSS), says where it is, and gives the number that is wrong. A
 * clause has no full stop and fits BLAME_TEXT bytes.
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "vmm/base/fmt.h"
#include "vmm/cpu/blame.h"
#include "vmm/cpu/seg_impl.h"

static const char *const mnemonics[] = {
    [TRAP_DE] = "#DE", [TRAP_DB] = "#DB", [TRAP_NMI] = "NMI", [TRAP_BP] = "#BP",
    [TRAP_OF] = "#OF", [TRAP_BR] = "#BR", [TRAP_UD] = "#UD",  [TRAP_NM] = "#NM",
    [TRAP_DF] = "#DF", [TRAP_TS] = "#TS", [TRAP_NP] = "#NP",  [TRAP_SS] = "#SS",
    [TRAP_GP] = "#GP", [TRAP_PF] = "#PF", [TRAP_MF] = "#MF",  [TRAP_AC] = "#AC",
    [TRAP_MC] = "#MC", [TRAP_XM] = "#XM",
};

static const char *const exceptions[] = {
    [TRAP_DE] = "divide error",
    [TRAP_DB] = "debug exception",
    [TRAP_NMI] = "non-maskable interrupt",
    [TRAP_BP] = "breakpoint",
    [TRAP_OF] = "overflow trap",
    [TRAP_BR] = "bound range fault",
    [TRAP_UD] = "invalid opcode",
    [TRAP_NM] = "device-not-available fault",
    [TRAP_DF] = "double fault",
    [TRAP_TS] = "invalid-TSS fault",
    [TRAP_NP] = "segment-not-present fault",
    [TRAP_SS] = "stack fault",
    [TRAP_GP] = "general protection fault",
    [TRAP_PF] = "page fault",
    [TRAP_MF] = "x87 error",
    [TRAP_AC] = "alignment check",
    [TRAP_MC] = "machine check",
    [TRAP_XM] = "SIMD error",
};

static const char *const system_types[16] = {
    [SYS_TSS16_FREE] = "a 16-bit TSS",
    [SYS_LDT] = "an LDT",
    [SYS_TSS16_BUSY] = "a busy 16-bit TSS",
    [SYS_CALL16] = "a 16-bit call gate",
    [SYS_TASK_GATE] = "a task gate",
    [SYS_INT16] = "a 16-bit interrupt gate",
    [SYS_TRAP16] = "a 16-bit trap gate",
    [SYS_TSS32_FREE] = "a TSS",
    [SYS_TSS32_BUSY] = "a busy TSS",
    [SYS_CALL32] = "a call gate",
    [SYS_INT32] = "an interrupt gate",
    [SYS_TRAP32] = "a trap gate",
};

const char *blame_mnemonic(u8 vector)
{
    return vector < ARRAY_LEN(mnemonics) ? mnemonics[vector] : NULL;
}

size_t blame_event_name(const struct event *event, char *out, size_t size)
{
    u8 vector = event->fault.vector;
    const char *name =
        vector < ARRAY_LEN(exceptions) ? exceptions[vector] : NULL;

    if (event->kind == EVENT_SOFTWARE)
        return fmt_buf(out, size, "INT 0x%02x", vector);
    if (event->kind == EVENT_INTERRUPT)
        return fmt_buf(out, size, "interrupt 0x%02x", vector);
    if (name)
        return fmt_buf(out, size, "the %s", name);
    return fmt_buf(out, size, "exception %u", vector);
}

static const char *table_of(u16 sel)
{
    return sel & SEL_TI ? "LDT" : "GDT";
}

/* "a data segment of ring 0" */
static size_t descriptor_kind(u32 lo, u32 hi, char *out, size_t size)
{
    u16 attr = desc_attr((struct desc){lo, hi});
    const char *type = system_types[attr & ATTR_TYPE];

    if (!lo && !hi)
        return fmt_buf(out, size, "an empty entry (all zeroes)");
    if (!(attr & ATTR_S) && type)
        return fmt_buf(out, size, "%s", type);
    if (!(attr & ATTR_S))
        return fmt_buf(out, size, "a descriptor of the reserved type %u",
                       attr & ATTR_TYPE);
    type = attr & ATTR_CODE       ? "code"
           : attr & ATTR_WRITABLE ? "writable data"
                                  : "read-only data";
    return fmt_buf(out, size, "a %s segment of ring %u", type, attr_dpl(attr));
}

size_t blame_selector(const struct cpu *cpu, const struct cpu_env *env, u16 sel,
                      char *out, size_t size)
{
    bool local = sel & SEL_TI;
    struct fault fault;
    struct desc d;
    gva_t at;
    size_t len;

    if (sel_is_null(sel))
        return fmt_buf(out, size, "null");
    if (local && !(cpu->ldtr.attr & ATTR_P))
        return fmt_buf(out, size, "one of the LDT, and no LDT is loaded");
    if (!desc_find(cpu, sel, &at))
        return fmt_buf(out, size, "beyond the %s's limit 0x%04x", table_of(sel),
                       local ? cpu->ldtr.limit : cpu->gdtr.limit);
    if (env->read(env->ctx, at, &d, sizeof(d), ACC_READ | ACC_SYSTEM, &fault) !=
        ENV_OK)
        return fmt_buf(out, size,
                       "an entry of the %s at 0x%08x that cannot be read",
                       table_of(sel), at.v);
    len = descriptor_kind(d.lo, d.hi, out, size);
    if (len < size && (d.lo | d.hi) && !(d.hi & DESC_P))
        len += fmt_buf(out + len, size - len, " that is not present");
    return len;
}

static size_t page_text(const struct blame *b, char *out, size_t size)
{
    u32 error = b->fault.error;
    const char *why = "that is not mapped";

    if (error & PF_RSVD)
        why = "whose table entry has a reserved bit set";
    else if ((error & PF_PRESENT) && (error & PF_USER))
        why = "that ring 3 may not touch so";
    else if (error & PF_PRESENT)
        why = "that is read-only";
    return fmt_buf(out, size, "in a page %s (0x%08x)", why, b->at);
}

static size_t idt_text(const struct blame *b, char *out, size_t size)
{
    u32 v = b->vector;
    const char *type =
        system_types[desc_attr((struct desc){b->lo, b->hi}) & ATTR_TYPE];

    switch (b->what) {
    case BLAME_IDT_NONE:
        return fmt_buf(out, size,
                       "no IDT is loaded (IDTR: base 0x%08x, limit 0x%04x)",
                       b->base, b->limit);
    case BLAME_IDT_LIMIT:
        return fmt_buf(out, size,
                       "IDT entry %u lies beyond the IDT's limit 0x%04x, which "
                       "ends it behind entry %u",
                       v, b->limit, (b->limit + 1) / b->size - 1);
    case BLAME_GATE_EMPTY:
        return fmt_buf(out, size,
                       "IDT entry %u is empty (all zeroes, so not present)", v);
    case BLAME_GATE_TYPE:
        return fmt_buf(out, size, "IDT entry %u is %s and no gate for a trap",
                       v,
                       b->hi & DESC_S ? "a segment descriptor"
                       : type         ? type
                                      : "of a reserved type");
    case BLAME_GATE_DPL:
        return fmt_buf(out, size,
                       "IDT entry %u has DPL %u, which an INT in ring 3 may "
                       "not use",
                       v, (b->hi & DESC_DPL) >> DESC_DPL_SHIFT);
    default:
        return fmt_buf(out, size,
                       "IDT entry %u is not present (its P bit is clear: "
                       "%08x %08x)",
                       v, b->hi, b->lo);
    }
}

/* "the code selector 0x0038 in IDT entry 14 " */
static size_t code_text(const struct blame *b, char *out, size_t size)
{
    size_t len = fmt_buf(out, size, "the code selector 0x%04x in IDT entry %u ",
                         b->sel, b->vector);
    char kind[64];

    if (len >= size)
        return len;
    out += len;
    size -= len;
    switch (b->what) {
    case BLAME_SEL_NULL:
        return len + fmt_buf(out, size, "is null");
    case BLAME_SEL_LIMIT:
        return len + fmt_buf(out, size, "lies beyond the %s's limit 0x%04x",
                             table_of(b->sel), b->limit);
    case BLAME_SEL_TYPE:
        descriptor_kind(b->lo, b->hi, kind, sizeof(kind));
        return len + fmt_buf(out, size, "names %s, not code", kind);
    case BLAME_SEL_DPL:
        return len + fmt_buf(out, size,
                             "names code of ring %u, which is less privileged "
                             "than the code that was interrupted",
                             (b->hi & DESC_DPL) >> DESC_DPL_SHIFT);
    case BLAME_SEL_ABSENT:
        return len + fmt_buf(out, size,
                             "names a segment that is not present (%08x %08x)",
                             b->hi, b->lo);
    default:
        return len + fmt_buf(out, size,
                             "names no code of ring 0, as a trap out of "
                             "virtual-8086 mode needs");
    }
}

/* "SS0 in the TSS, 0x0010, " */
static size_t inner_text(const struct blame *b, char *out, size_t size)
{
    size_t len =
        fmt_buf(out, size, "the stack selector SS%u in the TSS, 0x%04x, ",
                b->cpl, b->sel);
    char kind[64];

    if (len >= size)
        return len;
    out += len;
    size -= len;
    switch (b->what) {
    case BLAME_SS_NULL:
        return len + fmt_buf(out, size, "is null");
    case BLAME_SS_LIMIT:
        return len + fmt_buf(out, size, "lies beyond the %s's limit 0x%04x",
                             table_of(b->sel), b->limit);
    case BLAME_SS_TYPE:
        descriptor_kind(b->lo, b->hi, kind, sizeof(kind));
        return len + fmt_buf(out, size, "names %s, not writable data", kind);
    case BLAME_SS_DPL:
        return len + fmt_buf(out, size,
                             "is not one of ring %u (its RPL is %u, the "
                             "segment's DPL %u)",
                             b->cpl, sel_rpl(b->sel),
                             (b->hi & DESC_DPL) >> DESC_DPL_SHIFT);
    default:
        return len + fmt_buf(out, size,
                             "names a segment that is not present (%08x %08x)",
                             b->hi, b->lo);
    }
}

/* The tables and stacks that are in a bad page. */
static size_t paged_text(const struct blame *b, char *out, size_t size)
{
    char page[96];

    page_text(b, page, sizeof(page));
    switch (b->what) {
    case BLAME_IDT_PAGE:
        return fmt_buf(out, size, "IDT entry %u lies %s", b->vector, page);
    case BLAME_SEL_PAGE:
    case BLAME_SEL_MARK:
    case BLAME_SS_PAGE:
    case BLAME_SS_MARK:
    case BLAME_TASK_PAGE:
        return fmt_buf(out, size, "the %s entry of selector 0x%04x lies %s",
                       table_of(b->sel), b->sel, page);
    case BLAME_TSS_PAGE:
        return fmt_buf(out, size, "the TSS, with the stack of ring %u, lies %s",
                       b->cpl, page);
    case BLAME_TASK_REACH:
        return fmt_buf(out, size,
                       "the task switch to TSS 0x%04x touches memory %s",
                       b->sel, page);
    default:
        return fmt_buf(out, size,
                       "its frame of %u bytes cannot be pushed on the stack at "
                       "0x%08x (%s), for it falls %s",
                       b->size, b->esp, b->inner ? "ESP0 in the TSS" : "ESP",
                       page);
    }
}

static size_t tss_text(const struct blame *b, char *out, size_t size)
{
    char kind[64];

    descriptor_kind(b->lo, b->hi, kind, sizeof(kind));
    switch (b->what) {
    case BLAME_TR_NONE:
        return fmt_buf(out, size,
                       "no TSS is loaded (TR is 0x%04x), so there is no stack "
                       "for ring %u",
                       b->sel, b->cpl);
    case BLAME_TSS_LIMIT:
        return fmt_buf(out, size,
                       "the TSS 0x%04x is too short to hold ESP%u and SS%u "
                       "(its limit is 0x%x)",
                       b->sel, b->cpl, b->cpl, b->limit);
    case BLAME_TASK_SEL:
        return fmt_buf(out, size,
                       "the task gate, IDT entry %u, names selector 0x%04x, "
                       "which is no entry of the GDT",
                       b->vector, b->sel);
    case BLAME_TASK_LIMIT:
        return fmt_buf(out, size,
                       "the task gate, IDT entry %u, names TSS 0x%04x, beyond "
                       "the GDT's limit 0x%04x",
                       b->vector, b->sel, b->limit);
    case BLAME_TASK_TYPE:
        return fmt_buf(out, size,
                       "the task gate, IDT entry %u, names selector 0x%04x, "
                       "which is %s and not a TSS",
                       b->vector, b->sel, kind);
    case BLAME_TASK_BUSY:
        return fmt_buf(out, size,
                       "the task gate, IDT entry %u, names TSS 0x%04x, which "
                       "is busy",
                       b->vector, b->sel);
    case BLAME_TASK_ABSENT:
        return fmt_buf(out, size,
                       "the task gate, IDT entry %u, names TSS 0x%04x, which "
                       "is not present",
                       b->vector, b->sel);
    case BLAME_TASK_SHORT:
        return fmt_buf(out, size,
                       "the task gate, IDT entry %u, names TSS 0x%04x, which "
                       "is too short (limit 0x%x)",
                       b->vector, b->sel, b->limit);
    default:
        return fmt_buf(out, size,
                       "a task switch needs a TSS to leave the old task in, "
                       "and TR is 0x%04x (limit 0x%x)",
                       b->sel, b->limit);
    }
}

static size_t nowhere_text(const struct blame *b, char *out, size_t size)
{
    return fmt_buf(out, size,
                   "what the way to its handler needs at 0x%08x is not in "
                   "memory",
                   b->at);
}

static const char *const registers[SEG_COUNT] = {"ES", "CS", "SS",
                                                 "DS", "FS", "GS"};

static size_t task_text(const struct blame *b, char *out, size_t size)
{
    if (b->what == BLAME_NEW_LDT)
        return fmt_buf(out, size,
                       "the task behind its task gate has a bad LDT selector "
                       "0x%04x",
                       b->sel);
    if (b->what == BLAME_NEW_SEGMENT)
        return fmt_buf(out, size,
                       "the task behind its task gate has a bad selector "
                       "0x%04x in %s",
                       b->sel, registers[b->segments]);
    return fmt_buf(out, size,
                   "the task behind its task gate could not start at "
                   "0x%08x with ESP 0x%08x",
                   b->eip, b->esp);
}

static size_t stack_text(const struct blame *b, char *out, size_t size)
{
    if (b->what == BLAME_STACK_LIMIT)
        return fmt_buf(out, size,
                       "its frame of %u bytes does not fit on the stack at "
                       "0x%08x, whose segment has the limit 0x%x",
                       b->size, b->esp, b->limit);
    if (b->what == BLAME_STACK_ALIGN)
        return fmt_buf(out, size, "the stack at 0x%08x is not aligned", b->esp);
    return fmt_buf(out, size,
                   "its handler's address 0x%08x lies beyond the limit 0x%x of "
                   "the code segment 0x%04x",
                   b->eip, b->limit, b->sel);
}

typedef size_t (*teller)(const struct blame *b, char *out, size_t size);

static const teller tellers[BLAME_COUNT] = {
    [BLAME_IDT_NONE... BLAME_IDT_LIMIT] = idt_text,
    [BLAME_IDT_PAGE] = paged_text,
    [BLAME_GATE_EMPTY... BLAME_GATE_ABSENT] = idt_text,
    [BLAME_SEL_NULL... BLAME_SEL_LIMIT] = code_text,
    [BLAME_SEL_PAGE] = paged_text,
    [BLAME_SEL_TYPE... BLAME_SEL_ABSENT] = code_text,
    [BLAME_SEL_MARK] = paged_text,
    [BLAME_V86_RING] = code_text,
    [BLAME_TR_NONE... BLAME_TSS_LIMIT] = tss_text,
    [BLAME_TSS_PAGE] = paged_text,
    [BLAME_SS_NULL... BLAME_SS_LIMIT] = inner_text,
    [BLAME_SS_PAGE] = paged_text,
    [BLAME_SS_TYPE... BLAME_SS_ABSENT] = inner_text,
    [BLAME_SS_MARK] = paged_text,
    [BLAME_STACK_LIMIT... BLAME_STACK_ALIGN] = stack_text,
    [BLAME_STACK_PAGE] = paged_text,
    [BLAME_EIP_LIMIT] = stack_text,
    [BLAME_TASK_SEL... BLAME_TASK_LIMIT] = tss_text,
    [BLAME_TASK_PAGE] = paged_text,
    [BLAME_TASK_TYPE... BLAME_TASK_OLD] = tss_text,
    [BLAME_TASK_REACH] = paged_text,
    [BLAME_NEW_LDT... BLAME_NEW_START] = task_text,
    [BLAME_NO_MEMORY] = nowhere_text,
};

size_t blame_text(const struct blame *b, char *out, size_t size)
{
    const char *name = blame_mnemonic(b->fault.vector);

    if (tellers[b->what])
        return tellers[b->what](b, out, size);
    return fmt_buf(out, size, "the way to the handler met %s, error code 0x%x",
                   name ? name : "another fault", b->fault.error);
}
