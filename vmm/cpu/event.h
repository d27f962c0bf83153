/* SPDX-License-Identifier: MIT
 *
 * Delivering an event: what the CPU does between an exception, INT n or
 * interrupt and the first instruction of its handler.
 *
 * The gate comes from the guest's IDT, the inner stack from its TSS, the
 * frame goes to its stack; every check of SDM vol. 3A 6.12 and of the INT n
 * pseudo-code (vol. 2A) is made, with the right error code. A fault while an
 * event is being delivered is combined by the double-fault table (6-5).
 *
 * 16-bit gates and 16-bit TSSs work. CR2 is loaded as soon as a page fault is
 * met, also when its delivery then fails.
 *
 * In real-address mode IDTR names a table of far pointers instead, the stack
 * is the current one and no error code is pushed (20.1.4). Out of
 * virtual-8086 mode every handler runs in ring 0 and finds the segment
 * registers above its frame (20.3).
 *
 * A fault on the way is met in the old context, but behind a task gate it may
 * be met in the new task (task.h).
 */
#ifndef CPU_EVENT_H
#define CPU_EVENT_H

#include "arch/x86/defs/traps.h"
#include "vmm/cpu/cpu.h"

enum event_kind {
    EVENT_EXCEPTION, /* a fault, trap or abort: fault holds it */
    EVENT_INTERRUPT, /* external: no DPL check, EXT set in nested errors */
    EVENT_SOFTWARE,  /* INT n, INT3, INTO: gate DPL >= CPL */
};

struct event {
    enum event_kind kind;
    struct fault fault; /* vector always; error and cr2 for exceptions */
};

enum event_status {
    EVENT_OK,
    EVENT_TRIPLE, /* shutdown; the processor is as it was, but for CR2 */
    EVENT_STOPPED /* the environment stopped the VM */
};

/* The attempts that failed, oldest first: what was to be delivered, and the
 * fault that it met. */
#define EVENT_CHAIN 4 /* benign, contributory, page fault, double fault */
struct event_attempt {
    struct event event;
    struct fault met;
    bool switched; /* met behind a task switch, in the new task */
};
struct event_chain {
    u32 failed;
    struct cpu cpu; /* before the first of them */
    struct event_attempt attempt[EVENT_CHAIN];
};

/* Delivers, escalating to #DF and shutdown. cpu->eip must be the address to
 * be pushed (for EVENT_SOFTWARE: behind the instruction). *delivered (may be
 * null) gets the vector whose handler was entered at last. The second form
 * also tells what went wrong on the way. */
enum event_status event_deliver(struct cpu *cpu, const struct cpu_env *env,
                                const struct event *event, u8 *delivered);
enum event_status event_deliver_chain(struct cpu *cpu,
                                      const struct cpu_env *env,
                                      const struct event *event, u8 *delivered,
                                      struct event_chain *chain);

/* One attempt, no escalation: ENV_FAULT gives the fault met on the way.
 * This is what INT n inside cpu_step() uses. */
enum env_status event_enter(struct cpu *cpu, const struct cpu_env *env,
                            const struct event *event, struct fault *fault);

/* SDM table 6-5. first was being delivered when second came. Gives the
 * fault to deliver next, or false for shutdown. */
bool event_combine(const struct event *first, const struct fault *second,
                   struct fault *out);

/* Is the exception reported before the instruction, so that it runs again? */
static inline bool event_is_fault(u8 vector)
{
    return vector < TRAP_EXCEPTIONS && (TRAP_FAULTS >> vector & 1);
}

/* A gate as the recorder and `idt` show it. */
struct gate {
    u16 sel;
    u32 offset;
    u8 type; /* SYS_ */
    u8 dpl;
    bool present;
};
struct gate gate_decode(u32 lo, u32 hi);

#endif
