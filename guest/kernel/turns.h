/* SPDX-License-Identifier: MIT
 *
 * Whose turn it is: what proc.c tells the scheduler and asks it (sched.c),
 * and the lab in which a policy is watched at work (mix.c). Processes are
 * known by their slot.
 */
#ifndef HARE_TURNS_H
#define HARE_TURNS_H

#include "guest/include/abi.h"
#include "guest/policy/sched.h"

extern struct sched turns;

/* sched.c */
void turns_init(void);
void turn_begin(u32 slot, s32 pid, int parent); /* a new process, ready */
void turn_end(u32 slot);                        /* it is a zombie */
void turn_ready(u32 slot);
void turn_block(u32 slot);
void turn_pass(u32 slot); /* behind its equals */
int turn_next(void);      /* who runs from now on, or -1 */
int turn_tick(void);      /* 1: the running one must give way */
void turn_row(u32 slot, struct sched_row *row); /* all but pid and ticks */

/* mix.c */
int mix_begin(u32 slot, s32 pid);
int mix_end(u32 slot);
void mix_join(u32 slot, s32 pid, int parent);
void mix_leave(u32 slot);
void mix_tick(int slot);
int mix_is_member(int slot); /* its time is counted here, not by the TSC */
int mix_has_turn(void);      /* a member that computes outside of a burst */
int mix_is_between(int slot);
int mix_ready(u32 slot); /* 0: it is the policy's business */
int mix_block(u32 slot);
int mix_work(u32 slot, u32 after, u32 ticks); /* may sleep */
int mix_row(u32 index, struct sched_row *row);
u32 mix_clock(void);
int mix_chart(u32 to, u32 from, u32 count);

#endif
