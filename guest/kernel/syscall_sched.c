/* SPDX-License-Identifier: MIT
 *
 * System calls about scheduling: which policy rules, how it is set, what it
 * did with a process; and the bursts and the chart of the lab (mix.c). Any
 * program may ask and change: Hare has one user, who has come to try out.
 */
#include "guest/kernel/kernel.h"
#include "guest/kernel/syscalls.h"
#include "guest/kernel/turns.h"

static u32 current_policy(void)
{
    u32 i = 0;

    while (sched_policy(i) != turns.policy)
        i++;
    return i;
}

static int info(u32 policy, u32 to)
{
    struct sched_info info = {
        .current = current_policy(),
        .lab_ticks = mix_clock(),
        .knobs = turns.knobs,
    };

    if (!sched_policy(policy))
        return ERR_INVAL;
    str_copy(info.name, sched_policy(policy)->name, NAME_SIZE);
    return user_write(to, &info, sizeof(info));
}

static int set_policy(u32 policy)
{
    if (!sched_policy(policy))
        return ERR_INVAL;
    sched_switch(&turns, sched_policy(policy));
    return 0;
}

static int job_row(s32 pid, u32 to)
{
    const struct proc *p = proc_find(pid);
    struct sched_row row = {.pid = pid};

    if (!p)
        return ERR_SRCH;
    row.ticks = p->ticks;
    turn_row(proc_slot(p), &row);
    return user_write(to, &row, sizeof(row));
}

static int lab_job(u32 index, u32 to)
{
    struct sched_row row;
    int error = mix_row(index, &row);

    return error ? error : user_write(to, &row, sizeof(row));
}

int sys_sched(struct frame *f)
{
    u32 a = f->ecx, b = f->edx, slot = proc_slot(current);

    switch (f->ebx) {
    case SCHED_INFO:
        return info(a, b);
    case SCHED_POLICY:
        return set_policy(a);
    case SCHED_KNOB:
        return sched_set(&turns, a, b) ? 0 : ERR_INVAL;
    case SCHED_JOB:
        return job_row((s32)a, b);
    case SCHED_LAB:
        return a ? mix_begin(slot, current->pid) : mix_end(slot);
    case SCHED_LAB_JOB:
        return lab_job(a, b);
    default:
        return ERR_INVAL;
    }
}

int sys_work(struct frame *f)
{
    return mix_work(proc_slot(current), f->ebx, f->ecx);
}

int sys_chart(struct frame *f)
{
    return mix_chart(f->ebx, f->ecx, f->edx);
}
