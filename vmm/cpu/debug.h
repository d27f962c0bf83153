/* SPDX-License-Identifier: MIT
 *
 * One instruction with its debug consequences: breakpoints, single steps and
 * what the shadow of MOV SS does to them.
 *
 * cpu_step() knows none of it, and where nothing is armed it is the whole
 * truth: that is one comparison. Otherwise cpu_step_debug() looks for an
 * instruction breakpoint before the step, lets the step's data and port
 * accesses pass by the watch registers, and says which trap is due behind it.
 * Whoever runs instructions uses this function, so that there is one
 * definition of a debug exception.
 *
 * SDM vol. 3B 17.2, 17.3; vol. 3A 6.8.3.
 */
#ifndef CPU_DEBUG_H
#define CPU_DEBUG_H

#include "arch/x86/defs/regs.h"
#include "vmm/cpu/exec.h"

/* Whether a step may be more than cpu_step(). It can change only by an
 * instruction or an event, never in between. */
static inline bool debug_armed(const struct cpu *cpu)
{
    return ((cpu->dr[7] & DR7_ENABLE) | (cpu->eflags & EFLAGS_TF) |
            cpu->debug_pending) != 0;
}

/* cpu_step(), and:
 *   STEP_FAULT with #DB: an instruction breakpoint (the instruction has not
 *     been run), or a trap that an event before left behind
 *   STEP_OK with out->trap: out->fault is a #DB to be raised behind the
 *     instruction, before any interrupt
 * DR6 and DR7 are as the handler is to find them. */
enum step_status cpu_step_debug(struct cpu *cpu, const struct cpu_env *env,
                                struct step *out);

/* The #DB for these conditions (DR6_ bits): sets DR6 and clears DR7.GD. */
struct fault debug_raise(struct cpu *cpu, u32 bits);

/* An environment whose accesses are compared with the data and I/O
 * breakpoints of cpu; hits go to cpu->debug_pending. For event delivery;
 * cpu_step_debug() does so itself. It lives as long as *watch. */
struct debug_watch {
    struct cpu_env env;
    const struct cpu_env *under;
    struct cpu *cpu;
};
const struct cpu_env *debug_watch(struct debug_watch *watch, struct cpu *cpu,
                                  const struct cpu_env *under);

#endif
