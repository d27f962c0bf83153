/* SPDX-License-Identifier: MIT
 *
 * Hardware task switches: the whole processor is put away in one TSS and
 * taken out of another, because of a far JMP or CALL, an IRET with NT, or an
 * event whose gate is a task gate.
 *
 * A fault found before the switch is the old task's, and nothing has changed.
 * A fault found behind it (a bad LDT, segment or EIP of the new task, no room
 * for the error code) is the new task's: struct cpu is the new task then, and
 * cpu->task_switches tells the caller so. Delivery follows from struct cpu
 * as always.
 *
 * SDM vol. 3A 7.2, 7.3 (table 7-1), 7.4.
 */
#ifndef CPU_TASK_H
#define CPU_TASK_H

#include "vmm/cpu/cpu.h"

enum task_cause {
    TASK_JMP,
    TASK_CALL,
    TASK_EVENT,  /* nests like a CALL */
    TASK_RETURN, /* IRET with NT */
};

struct task_switch {
    enum task_cause cause;
    u32 eip;    /* where the old task goes on */
    u32 eflags; /* as its TSS gets them */
    u32 ext;    /* TRAP_ERR_EXT or 0, for error codes */
    bool has_error;
    u32 error; /* of the exception, for the new task's stack */
};

/* To the task of TSS `sel`; that the cause may name it (DPL of TSS or gate)
 * was checked before. */
enum env_status task_switch(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                            const struct task_switch *how, struct fault *fault);

/* IRET with NT set: back to the task that the current TSS links to. */
enum env_status task_return(struct cpu *cpu, const struct cpu_env *env,
                            u32 next_eip, struct fault *fault);

#endif
