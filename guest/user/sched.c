/* SPDX-License-Identifier: MIT
 *
 * Which scheduling policy rules, with its knobs, and what it did with each
 * process: `sched`. Another one, or other knobs, while everything runs:
 * `sched mlfq levels=4 slice=1/2/4/8 allot=2/4/8/16 boost=50`. Times are in
 * ticks.
 */
#include "guest/user/user.h"

static void show_list(const char *name, const u32 *value, u32 n)
{
    printf("  %s=%u", name, value[0]);
    for (u32 i = 1; i < n; i++)
        printf("/%u", value[i]);
    printf("\n");
}

static void show_policies(void)
{
    struct sched_info info;

    for (u32 i = 0; sys(SYS_SCHED, SCHED_INFO, i, (u32)&info) == 0; i++)
        printf("%s%s%s", i ? " " : "policies: ", info.name,
               i == info.current ? " (rules)" : "");
    printf("\n  quantum=%u\n  levels=%u\n", info.knobs.quantum,
           info.knobs.levels);
    printf("  boost=%u\n  guess=%u\n", info.knobs.boost, info.knobs.guess);
    show_list("slice", info.knobs.slice, info.knobs.levels);
    show_list("allot", info.knobs.allot, info.knobs.levels);
}

static void show_jobs(void)
{
    struct ps_entry p;
    struct sched_row row;

    printf("  PID  TICKS  RESPONSE  TURNAROUND  LEVEL  NAME\n");
    for (u32 i = 0; sys(SYS_PS, i, (u32)&p, 0) == 0; i++) {
        if (!p.pid || sys(SYS_SCHED, SCHED_JOB, (u32)p.pid, (u32)&row))
            continue;
        printf("%5d %6u %9u %11u %6u  %s\n", p.pid, row.ticks,
               row.started - row.arrived, row.ended - row.arrived, row.level,
               p.name);
    }
}

static int set(const char *word)
{
    int policy = policy_by_name(word);

    if (policy >= 0)
        return sys(SYS_SCHED, SCHED_POLICY, (u32)policy, 0);
    return set_knob(word);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (set(argv[i]) == 0)
            continue;
        dprintf(2,
                "sched: \"%s\" is neither a policy nor a knob that can be "
                "set so.\n",
                argv[i]);
        return 1;
    }
    if (argc > 1)
        return 0;
    show_policies();
    show_jobs();
    return 0;
}
