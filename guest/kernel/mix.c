/* SPDX-License-Identifier: MIT
 *
 * The lab: the textbook's job mixes, run by the real scheduler, with figures
 * that are the same on every machine.
 *
 * A program that begins a lab becomes its owner; it and all that it forks
 * from then on are members. A member declares a burst (SYS_WORK): it waits
 * so many ticks, then it computes for so many. Only in its bursts does a
 * member belong to the policy, which knows their length and charges them in
 * whole ticks. The lab's clock counts the ticks that hit a burst, and those
 * in which the processor is idle while members wait for theirs. What members
 * do between bursts, such as forking or declaring the next one, takes time
 * on a real machine, and never the same; so it runs before any burst goes on
 * and the clock stands still.
 *
 * That privilege is paid for: each tick that finds a member between bursts
 * costs one of LAB_CREDIT, which other ticks earn back. At 0 the lab is
 * over, and all are ordinary processes again. It is also over when the owner
 * says so or ends. Only one program can have a lab.
 *
 * A member that blocks within a burst leaves the policy until it is woken;
 * one that ends there has used what it has used. LIMIT: figures are kept of
 * the first LAB_JOBS members that declare a burst, and a chart of the first
 * LAB_CHART ticks.
 */
#include "guest/kernel/kernel.h"
#include "guest/kernel/turns.h"

#define LAB_CREDIT 50
#define LAB_JOBS   32
#define LAB_CHART  512
#define WORK_MAX   100000 /* ticks */

enum member_state {
    NO_MEMBER,
    BETWEEN, /* bursts: it computes, or sleeps for reasons of its own */
    WAITING, /* for the clock to come to its next burst */
    BURST,
};

struct member {
    u8 state;
    u8 ready; /* between bursts, and not blocked */
    u8 known; /* it has a row */
    u8 row;   /* of its figures */
    s32 pid;
    u32 until, left; /* of a wait, and of the burst */
};

static struct {
    int owner; /* a slot */
    u8 on;
    u32 clock, credit, rows;
    struct sched_row row[LAB_JOBS];
    s32 chart[LAB_CHART]; /* pids; 0: idle */
} mix = {.credit = LAB_CREDIT};

static struct member members[SCHED_JOBS];

u32 mix_clock(void)
{
    return mix.clock;
}

int mix_is_member(int slot)
{
    return slot >= 0 && members[slot].state != NO_MEMBER;
}

int mix_is_between(int slot)
{
    return slot >= 0 && members[slot].state == BETWEEN;
}

int mix_has_turn(void)
{
    for (int i = 0; mix.on && i < SCHED_JOBS; i++)
        if (members[i].state == BETWEEN && members[i].ready)
            return i;
    return -1;
}

static void become_member(u32 slot, s32 pid)
{
    sched_block(&turns, slot);
    members[slot] = (struct member){.state = BETWEEN, .ready = 1, .pid = pid};
}

void mix_join(u32 slot, s32 pid, int parent)
{
    members[slot] = (struct member){.state = NO_MEMBER};
    if (mix_is_member(parent))
        become_member(slot, pid);
}

int mix_begin(u32 slot, s32 pid)
{
    if (mix.on)
        return ERR_AGAIN;
    mix.on = 1;
    mix.owner = (int)slot;
    mix.clock = 0;
    mix.rows = 0;
    sched_switch(&turns, turns.policy);
    become_member(slot, pid);
    return 0;
}

static void dismiss(u32 slot)
{
    struct member *m = &members[slot];
    u32 state = m->state;

    m->state = NO_MEMBER;
    if (state == WAITING)
        wake(m);
    else if (state == BETWEEN && m->ready)
        sched_ready(&turns, slot, 0);
}

static void end(void)
{
    mix.on = 0;
    for (u32 i = 0; i < SCHED_JOBS; i++)
        dismiss(i);
}

int mix_end(u32 slot)
{
    if (!mix.on || mix.owner != (int)slot)
        return ERR_INVAL;
    end();
    return 0;
}

void mix_leave(u32 slot)
{
    struct member *m = &members[slot];

    if (m->state == BURST && m->known)
        mix.row[m->row].ended = mix.clock;
    m->state = NO_MEMBER;
    if (mix.on && mix.owner == (int)slot)
        end();
}

/* A signal that wakes a member from its wait takes the burst from it. */
int mix_ready(u32 slot)
{
    struct member *m = &members[slot];

    if (m->state == WAITING)
        m->state = BETWEEN;
    if (m->state == BETWEEN)
        m->ready = 1;
    else if (m->state == BURST)
        sched_ready(&turns, slot, m->left);
    return m->state != NO_MEMBER;
}

int mix_block(u32 slot)
{
    members[slot].ready = 0;
    return members[slot].state == BETWEEN || members[slot].state == WAITING;
}

static void make_row(struct member *m)
{
    if (m->known || mix.rows == LAB_JOBS)
        return;
    m->known = 1;
    m->row = (u8)mix.rows++;
    mix.row[m->row] = (struct sched_row){.pid = m->pid, .arrived = m->until};
}

static int declare(struct member *m, u32 slot, u32 after, u32 ticks)
{
    int error = 0;

    m->left = ticks;
    m->until = mix.clock + after;
    make_row(m);
    m->ready = 0;
    if (after) {
        m->state = WAITING;
        error = sleep_on(m);
    } else {
        m->state = BURST;
        mix_ready(slot);
        proc_yield();
    }
    if (m->state == WAITING) { /* it never slept */
        m->state = BETWEEN;
        m->ready = 1;
    }
    return m->state == BURST ? 0 : error;
}

int mix_work(u32 slot, u32 after, u32 ticks)
{
    struct member *m = &members[slot];

    if (m->state == NO_MEMBER)
        return ERR_INVAL;
    if (after == 0 && ticks == 0)
        return m->state == BURST ? (int)m->left : 0;
    if (m->state != BETWEEN || ticks == 0 || ticks > WORK_MAX ||
        after > WORK_MAX)
        return ERR_INVAL;
    return declare(m, slot, after, ticks);
}

static void use(u32 slot)
{
    struct member *m = &members[slot];
    struct sched_row *row = &mix.row[m->row];

    sched_charge(&turns, slot, SCHED_TICK);
    if (m->known && row->ticks++ == 0)
        row->started = mix.clock - 1;
    if (m->known)
        row->ended = mix.clock;
    if (--m->left)
        return;
    sched_block(&turns, slot);
    m->state = BETWEEN;
    m->ready = 1;
}

static int somebody_waits(void)
{
    for (u32 i = 0; i < SCHED_JOBS; i++)
        if (members[i].state == WAITING)
            return 1;
    return 0;
}

static void start_bursts(void)
{
    for (u32 i = 0; i < SCHED_JOBS; i++) {
        if (members[i].state != WAITING ||
            (s32)(mix.clock - members[i].until) < 0)
            continue;
        members[i].state = BURST;
        wake(&members[i]);
    }
}

static void count_tick(int slot)
{
    if (mix.clock < LAB_CHART)
        mix.chart[mix.clock] = slot < 0 ? 0 : members[slot].pid;
    mix.clock++;
    if (slot >= 0)
        use((u32)slot);
    start_bursts();
}

void mix_tick(int slot)
{
    int between = mix_is_between(slot);

    if (between && mix.credit)
        mix.credit--;
    else if (!between && mix.credit < LAB_CREDIT)
        mix.credit++;
    if (!mix.on)
        return;
    if (between && mix.credit == 0)
        end();
    else if (slot < 0 ? somebody_waits() : members[slot].state == BURST)
        count_tick(slot);
}

int mix_row(u32 index, struct sched_row *row)
{
    if (index >= mix.rows)
        return ERR_SRCH;
    *row = mix.row[index];
    return 0;
}

int mix_chart(u32 to, u32 from, u32 count)
{
    u32 end = mix.clock < LAB_CHART ? mix.clock : LAB_CHART;

    if (from > end)
        return ERR_INVAL;
    if (count > end - from)
        count = end - from;
    if (user_write(to, &mix.chart[from], count * sizeof(mix.chart[0])))
        return ERR_FAULT;
    return (int)count;
}
