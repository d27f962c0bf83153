/* SPDX-License-Identifier: MIT
 *
 * The textbook's job mixes, run by the kernel's own scheduler: a chart with a
 * letter for each tick, turnaround and response time of each job, and their
 * averages. A job is a process that declares its bursts and computes; the
 * lab's clock (kernel/mix.c) makes the figures the same on every machine.
 *
 * `schedlab` runs them all, and a gamer that is not in the lab: it gives way
 * a little before each tick, in real time, and must not get away with it.
 * `schedlab POLICY [KNOB=VALUE ...] JOB ...` runs a mix of one's own; a job
 * is ARRIVAL/TICKS or ARRIVAL/TICKS/BURSTS/WAIT: `schedlab rr quantum=2 0/5
 * 0/5 3/1/4/2`. Before it ends it brings back the policy that it found, also
 * behind Ctrl-C and when nobody reads on. LIMIT: not when it is killed; `sched
 * rr` does.
 */
#include "guest/user/user.h"

#define JOBS  8
#define CHART 256
#define KNOBS 5

struct job {
    u32 arrives, ticks, bursts, wait;
};

struct mix {
    const char *policy, *then; /* the first job's end brings in another */
    const char *knobs[KNOBS];
    u32 jobs;
    struct job job[JOBS];
};

/* As on the command line. */
static const struct {
    const char *text, *words;
} mixes[] = {
    {"three equal jobs", "fifo 0/5 0/5 0/5"},
    {"three equal jobs", "sjf 0/5 0/5 0/5"},
    {"three equal jobs", "rr quantum=1 0/5 0/5 0/5"},
    {"a quantum of two", "rr quantum=2 0/5 0/5 0/5"},
    {"a convoy", "fifo 0/10 0/1 0/1"},
    {"no convoy", "sjf 0/10 0/1 0/1"},
    {"the short ones come late", "sjf 0/10 1/1 1/1"},
    {"the short ones come late", "stcf 0/10 1/1 1/1"},
    {"a job that waits often", "fifo 0/1/5/1 0/6"},
    {"a job that waits often", "stcf 0/1/5/1 0/6"},
    {"a short job behind a long one",
     "mlfq levels=3 slice=1 allot=1 boost=0 0/14 10/2"},
    {"two that wait often starve a long one",
     "mlfq levels=2 slice=1 allot=10 boost=0 10/1/5/1 11/1/5/1 0/14"},
    {"a boost cures it",
     "mlfq levels=2 slice=1 allot=10 boost=14 10/1/5/1 11/1/5/1 0/14"},
    {"a gamer that waits before its slice is over",
     "mlfq levels=2 slice=5 allot=5 boost=0 0/4/3/1 0/12"},
    {"the first job brings in round-robin",
     "fifo quantum=1 then=rr 0/4 0/4 0/4"},
};

#define MIXES (sizeof(mixes) / sizeof(mixes[0]))

static struct sched_info found;
static volatile int stopped;

static void stop(int signal, struct sigframe *f)
{
    stopped = 1;
}

/* Nobody reads on; there are no jobs while something is printed. */
static void leave(int signal, struct sigframe *f)
{
    restore_policy(&found);
    exit(STATUS_KILLED - SIG_PIPE);
}

static void __attribute__((noreturn)) be_job(const struct mix *m, u32 n)
{
    const struct job *j = &m->job[n];

    for (u32 i = 0; i < j->bursts; i++) {
        if (sys(SYS_WORK, i ? j->wait : j->arrives, j->ticks, 0))
            exit(1);
        while (!stopped && sys(SYS_WORK, 0, 0, 0) > 0)
            for (volatile u32 k = 0; k < 1000; k++)
                ;
        if (stopped)
            exit(1);
    }
    if (n == 0 && m->then)
        sys(SYS_SCHED, SCHED_POLICY, (u32)policy_by_name(m->then), 0);
    exit(0);
}

/* All jobs, from the first fork until the last has ended. */
static int run_jobs(const struct mix *m, int *pid)
{
    int failed = 0, status = 0;

    for (u32 i = 0; i < m->jobs; i++) {
        pid[i] = fork();
        if (pid[i] == 0)
            be_job(m, i);
        failed |= pid[i] < 0;
    }
    for (u32 i = 0; i < m->jobs; i++) {
        if (pid[i] > 0)
            wait(pid[i], &status);
        failed |= status != 0;
    }
    return failed;
}

static char letter(s32 ran, const int *pid, u32 jobs)
{
    for (u32 i = 0; i < jobs; i++)
        if (pid[i] == ran)
            return (char)('A' + i);
    return '.';
}

static void show_chart(const int *pid, u32 jobs)
{
    static s32 ran[CHART];
    static char line[CHART + 1];
    struct sched_info info;
    int n = sys(SYS_CHART, (u32)ran, 0, CHART);

    for (int i = 0; i < n; i++)
        line[i] = letter(ran[i], pid, jobs);
    line[n < 0 ? 0 : n] = 0;
    sys(SYS_SCHED, SCHED_INFO, 0, (u32)&info);
    printf("  chart       %s%s\n", line, info.lab_ticks > CHART ? "..." : "");
}

/* The row of each job, in the order of the jobs: they declare in any. */
static int get_rows(const int *pid, u32 jobs, struct sched_row *rows)
{
    struct sched_row row;
    u32 found_rows = 0;

    for (u32 k = 0; sys(SYS_SCHED, SCHED_LAB_JOB, k, (u32)&row) == 0; k++)
        for (u32 i = 0; i < jobs; i++)
            if (row.pid == pid[i]) {
                rows[i] = row;
                found_rows++;
            }
    return found_rows == jobs ? 0 : 1;
}

static void show_times(const char *name, const u32 *time, u32 jobs)
{
    u32 sum = 0;

    printf("  %s", name);
    for (u32 i = 0; i < jobs; i++) {
        printf(" %c %u%c", (char)('A' + i), time[i], i + 1 < jobs ? ',' : ':');
        sum += time[i];
    }
    sum = (sum * 100 + jobs / 2) / jobs;
    printf(" average %u.%u%u\n", sum / 100, sum / 10 % 10, sum % 10);
}

static int show_figures(const int *pid, u32 jobs)
{
    struct sched_row row[JOBS];
    u32 turnaround[JOBS], response[JOBS];

    if (get_rows(pid, jobs, row))
        return 1;
    for (u32 i = 0; i < jobs; i++) {
        turnaround[i] = row[i].ended - row[i].arrived;
        response[i] = row[i].started - row[i].arrived;
    }
    show_chart(pid, jobs);
    show_times("turnaround ", turnaround, jobs);
    show_times("response   ", response, jobs);
    return 0;
}

static int set_up(const struct mix *m)
{
    int policy = policy_by_name(m->policy);

    if (policy < 0)
        return ERR_INVAL;
    for (u32 i = 0; i < KNOBS && m->knobs[i]; i++)
        if (set_knob(m->knobs[i]))
            return ERR_INVAL;
    return sys(SYS_SCHED, SCHED_POLICY, (u32)policy, 0);
}

static int run_mix(const struct mix *m, const char *text)
{
    int pid[JOBS] = {0}, failed;

    restore_policy(&found);
    if (set_up(m)) {
        dprintf(2, "schedlab: %s or one of its knobs cannot be set.\n",
                m->policy);
        return 1;
    }
    if (sys(SYS_SCHED, SCHED_LAB, 1, 0)) {
        dprintf(2, "schedlab: another program has the lab.\n");
        return 1;
    }
    printf("%s: %s\n", m->policy, text);
    failed = run_jobs(m, pid) || show_figures(pid, m->jobs);
    failed |= sys(SYS_SCHED, SCHED_LAB, 0, 0) != 0;
    if (failed && !stopped)
        dprintf(2, "schedlab: the jobs did not run to their ends in the "
                   "lab.\n");
    return failed;
}

/* Cycles of a tick: the best of three, as a late one is too long. */
static u64 tick_cycles(void)
{
    u64 best = ~0ull, start, length;
    int tick;

    for (u32 i = 0; i < 4; i++) {
        tick = sys(SYS_TIME, 0, 0, 0);
        start = rdtsc();
        while (sys(SYS_TIME, 0, 0, 0) == tick)
            ;
        length = rdtsc() - start;
        if (i && length < best)
            best = length;
    }
    return best;
}

/* Computes for most of each tick, and sleeps when the timer looks. How many
 * times, until it is no longer at the top? */
static u32 play(u32 rounds, u64 most)
{
    u64 start;
    struct sched_row row = {0};
    int me = sys(SYS_GETPID, 0, 0, 0);
    u32 i = 0;

    for (; i < rounds && row.level == 0 && !stopped; i++) {
        sleep(1);
        for (start = rdtsc(); rdtsc() - start < most;)
            ;
        sys(SYS_SCHED, SCHED_JOB, (u32)me, (u32)&row);
    }
    return i;
}

static int run_gamer(void)
{
    static const struct mix m = {
        .policy = "mlfq",
        .knobs = {"levels=2", "slice=1", "allot=6", "boost=0"},
    };
    int other, status;
    u64 tick = tick_cycles();
    u32 rounds;

    restore_policy(&found);
    set_up(&m);
    other = fork();
    while (other == 0 && !stopped)
        ;
    if (other == 0)
        exit(1);
    if (other < 0)
        return 1;
    rounds = play(60, tick - (tick >> 2));
    kill(other, SIG_KILL);
    wait(other, &status);
    printf("mlfq: who gives way before every tick %s\n",
           rounds < 60 ? "is charged for what it used, and sinks."
                       : "stays at the top.");
    return rounds == 60;
}

/* ARRIVAL/TICKS[/BURSTS/WAIT] */
static int add_job(struct mix *m, const u32 *n, int count)
{
    struct job *j = &m->job[m->jobs];

    if (m->jobs == JOBS || (count != 2 && count != 4))
        return 1;
    *j = (struct job){n[0], n[1], 1, 0};
    if (count == 4) {
        j->bursts = n[2];
        j->wait = n[3];
    }
    m->jobs++;
    return j->ticks == 0 || j->bursts == 0;
}

static int parse(int argc, char **argv, struct mix *m)
{
    u32 knobs = 0, n[4];
    int count, wrong = 0;

    *m = (struct mix){.policy = argv[0]};
    for (int i = 1; i < argc && !wrong; i++) {
        count = numbers(argv[i], n, 4);
        if (count > 0)
            wrong = add_job(m, n, count);
        else if (starts_with(argv[i], "then="))
            m->then = argv[i] + 5;
        else if (knobs < KNOBS)
            m->knobs[knobs++] = argv[i];
        else
            wrong = 1;
    }
    return wrong || m->jobs == 0;
}

static int run_words(int argc, char **argv, const char *text)
{
    struct mix m;

    if (parse(argc, argv, &m) == 0)
        return run_mix(&m, text);
    dprintf(2, "schedlab: usage: schedlab POLICY [KNOB=VALUE ...] "
               "[then=POLICY] ARRIVAL/TICKS[/BURSTS/WAIT] ...\n");
    return 1;
}

static int run_all(void)
{
    char line[CMDLINE_SIZE], *words[MAX_ARGS + 1];
    int failed = 0;

    for (u32 i = 0; i < MIXES && !failed && !stopped; i++) {
        str_copy(line, mixes[i].words, sizeof(line));
        failed =
            run_words(split_words(line, words, MAX_ARGS), words, mixes[i].text);
    }
    return failed || stopped || run_gamer();
}

int main(int argc, char **argv)
{
    int failed;

    sys(SYS_SCHED, SCHED_INFO, 0, (u32)&found);
    signal(SIG_INT, stop);
    signal(SIG_PIPE, leave);
    failed = argc > 1 ? run_words(argc - 1, argv + 1, "a mix of your own")
                      : run_all();
    restore_policy(&found);
    return failed || stopped;
}
