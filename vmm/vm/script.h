/* SPDX-License-Identifier: MIT
 *
 * Monitor commands from the VMM's own command line:
 *
 *   trapline.cmd="wait alpha stopped; regs alpha; poweroff"
 *
 * They run one after the other when all guests have been created, before the
 * first instruction of any of them, each behind a line `trapline: cmd: ...`
 * for programs that read along, and `trapline: cmd: done` at the end. A `;`
 * separates them. Beside the monitor's commands there is
 *
 *   wait TIME               500us, 20ms, 3s of the machine's time
 *   wait NAME STATE [TIME]  until that VM is running, halted, paused, exited,
 *                           killed or stopped (exited or killed), but not
 *                           longer than TIME
 *
 * during which guests run. exit=stopped ends nothing before the script is
 * through.
 */
#ifndef VM_SCRIPT_H
#define VM_SCRIPT_H

#include "vmm/base/str.h"
#include "vmm/vm/config.h"

#define SCRIPT_SIZE 512u

enum script_state { SCRIPT_NONE, SCRIPT_RUNS, SCRIPT_DONE };

struct script {
    char text[SCRIPT_SIZE];
    struct slice rest; /* of text: what has not run yet */
    size_t left_out;   /* characters behind text that had no room */
    enum script_state state;
    /* the wait that is going on */
    bool waiting;
    char name[VM_NAME_MAX + 1], wanted[12]; /* empty name: just the time */
    u64 until;                              /* host ns */
};

struct hv;

/* Is `word`, which was just taken off `rest`, the option? Then it takes what
 * else belongs to it. The quotes may be around the value or around it all, as
 * GRUB passes them on. */
bool script_option(struct script *s, struct slice word, struct slice *rest);
/* The commands themselves; too long ones are cut at a whole command, which is
 * said when it is reached. */
void script_set(struct script *s, struct slice text);
bool script_busy(const struct script *s);
/* Runs what can be run now. */
void script_turn(struct hv *hv, u64 now);
/* When it wants to be called at the latest; UINT64_MAX: any time. */
u64 script_deadline(const struct script *s);

#endif
