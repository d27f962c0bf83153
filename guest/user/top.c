/* SPDX-License-Identifier: MIT
 *
 * Who uses the processor, over and over: top [ROUNDS [TICKS]].
 *
 * Each round tells how much of the time since the round before every process
 * ran, the busiest first, in hundredths. It ends after so many rounds, or
 * when somebody types q and Enter. To wait for the clock and the keyboard at
 * once it is two processes: the child reads, and its end (SIG_CHLD) cuts the
 * parent's sleep short.
 */
#include "guest/user/user.h"

#define ROWS 128

static struct ps_entry rows[ROWS];
static u32 before[ROWS]; /* ticks a slot's process had used, ... */
static s32 owner[ROWS];  /* ... and which process that was */
static u32 used[ROWS];
static volatile int ended;

static void child_ended(int signal, struct sigframe *f)
{
    ended = 1;
}

/* At the end of its input, where no q can come any more, it just stays. */
static void read_until_q(void)
{
    char line[CMDLINE_SIZE];
    int n = 1;

    line[0] = 0;
    while (n > 0 && line[0] != 'q')
        n = sys(SYS_READ, 0, (u32)line, sizeof(line));
    while (n <= 0)
        sleep(TICKS_PER_SECOND);
    exit(0);
}

static u32 look(void)
{
    u32 n = 0;

    while (n < ROWS && sys(SYS_PS, n, (u32)&rows[n], 0) == 0) {
        used[n] = rows[n].ticks;
        if (owner[n] == rows[n].pid)
            used[n] -= before[n];
        owner[n] = rows[n].pid;
        before[n] = rows[n].ticks;
        n++;
    }
    return n;
}

static int busiest(u32 n)
{
    int best = -1;

    for (u32 i = 0; i < n; i++)
        if (rows[i].pid && (best < 0 || used[i] > used[best]))
            best = (int)i;
    return best;
}

static void show(u32 round, u32 ticks)
{
    u32 n = look();
    int i;

    printf("\nround %u\n  pid  cpu pages   state name\n", round);
    for (i = busiest(n); i >= 0; i = busiest(n)) {
        printf("%5d %3u%% %5u %7s %s\n", rows[i].pid, used[i] * 100 / ticks,
               rows[i].pages, rows[i].state, rows[i].name);
        rows[i].pid = 0;
    }
}

int main(int argc, char **argv)
{
    u32 rounds = argc > 1 ? parse_u32(argv[1]) : ~0u;
    u32 ticks = argc > 2 ? parse_u32(argv[2]) : TICKS_PER_SECOND;
    u32 then = (u32)sys(SYS_TIME, 0, 0, 0), now;
    int reader;

    signal(SIG_CHLD, child_ended);
    reader = fork();
    if (reader == 0)
        read_until_q();
    look();
    for (u32 i = 0; i < rounds && !ended; i++) {
        sleep(ticks);
        now = (u32)sys(SYS_TIME, 0, 0, 0);
        show(i + 1, now > then ? now - then : 1);
        then = now;
    }
    if (reader > 0)
        kill(reader, SIG_KILL);
    return 0;
}
