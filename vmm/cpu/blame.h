/* SPDX-License-Identifier: MIT
 *
 * Why an event could not be delivered, for a person who wrote the tables.
 *
 * The processor says "#GP, error code 0x72" of ten different mistakes.
 * blame_event() goes the way of event_enter() once more, only looking, and
 * stops at the check that fails: which one it was, with the values that were
 * compared. blame_text() makes a clause of that.
 *
 * Invariant: what is told is true. `fault` is what the check raises; a caller
 * that met another one (memory has changed since) must not use the answer,
 * unless it is BLAME_NO_MEMORY, which knows of no fault. A test holds both
 * functions together on random worlds.
 *
 * SDM vol. 3A 6.10 to 6.15, 7.3; INT n in vol. 2A.
 */
#ifndef CPU_BLAME_H
#define CPU_BLAME_H

#include "vmm/cpu/event.h"

enum blame_what {
    BLAME_NOTHING, /* no check fails, or which one is not known */
    BLAME_IDT_NONE,
    BLAME_IDT_LIMIT,
    BLAME_IDT_PAGE,
    BLAME_GATE_EMPTY,
    BLAME_GATE_TYPE,
    BLAME_GATE_DPL,
    BLAME_GATE_ABSENT,
    BLAME_SEL_NULL, /* the handler's code selector ... */
    BLAME_SEL_LIMIT,
    BLAME_SEL_PAGE,
    BLAME_SEL_TYPE,
    BLAME_SEL_DPL,
    BLAME_SEL_ABSENT,
    BLAME_SEL_MARK,
    BLAME_V86_RING,
    BLAME_TR_NONE,
    BLAME_TSS_LIMIT,
    BLAME_TSS_PAGE,
    BLAME_SS_NULL, /* the inner stack's selector ... */
    BLAME_SS_LIMIT,
    BLAME_SS_PAGE,
    BLAME_SS_TYPE,
    BLAME_SS_DPL,
    BLAME_SS_ABSENT,
    BLAME_SS_MARK,
    BLAME_STACK_LIMIT,
    BLAME_STACK_ALIGN,
    BLAME_STACK_PAGE,
    BLAME_EIP_LIMIT,
    BLAME_TASK_SEL, /* the task gate's TSS ... */
    BLAME_TASK_LIMIT,
    BLAME_TASK_PAGE,
    BLAME_TASK_TYPE,
    BLAME_TASK_BUSY,
    BLAME_TASK_ABSENT,
    BLAME_TASK_SHORT,
    BLAME_TASK_OLD,
    BLAME_TASK_REACH,
    BLAME_NEW_LDT, /* behind the task switch ... */
    BLAME_NEW_SEGMENT,
    BLAME_NEW_START,
    BLAME_NO_MEMORY, /* what is on the way is in none, so who knows */
    BLAME_COUNT
};

struct blame {
    enum blame_what what;
    struct fault fault; /* what this check raises */
    u8 vector;
    u8 cpl;          /* of the handler */
    bool inner;      /* it has a stack of its own ring */
    u16 sel;         /* the selector that is wrong */
    u32 at;          /* the linear address that faulted */
    u32 base, limit; /* of the table or segment that is too short */
    u32 lo, hi;      /* the gate or descriptor */
    u32 esp;         /* of the stack for the frame ... */
    u32 size;        /* ... and its size; of an entry of the IDT */
    u32 eip;         /* of the handler */
    u32 segments;    /* BLAME_NEW_SEGMENT: the register, SEG_ */
};

/* env->read is asked with ACC_WRITE for what delivery writes, and must only
 * look; nothing else of env is used. `switched`: the fault was met behind a
 * task switch, and cpu is the new task. */
void blame_event(const struct cpu *cpu, const struct cpu_env *env,
                 const struct event *event, bool switched, struct blame *out);

/* "IDT entry 14 is not present (...)"; returns the length. */
size_t blame_text(const struct blame *b, char *out, size_t size);
/* What a selector names: "beyond the GDT's limit 0x0017", "a data segment of
 * ring 0, present". */
size_t blame_selector(const struct cpu *cpu, const struct cpu_env *env, u16 sel,
                      char *out, size_t size);
/* "the page fault", "interrupt 0x20", "INT 0x80" */
size_t blame_event_name(const struct event *event, char *out, size_t size);
/* "#PF", or null for what has no name. */
const char *blame_mnemonic(u8 vector);

#endif
