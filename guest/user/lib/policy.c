/* SPDX-License-Identifier: MIT
 *
 * Scheduling policies and their knobs by name, for `sched` and `schedlab`:
 * "mlfq", "quantum=2", "slice=1/2/4". Of a list the last number is that of
 * all levels below, too.
 */
#include "guest/user/user.h"

static const struct {
    const char *name;
    u32 knob, count;
} knobs[] = {
    {"quantum=", SCHED_QUANTUM, 1},
    {"levels=", SCHED_LEVEL_COUNT, 1},
    {"boost=", SCHED_BOOST, 1},
    {"guess=", SCHED_GUESS, 1},
    {"slice=", SCHED_SLICE, SCHED_LEVELS},
    {"allot=", SCHED_ALLOT, SCHED_LEVELS},
};

int policy_by_name(const char *name)
{
    struct sched_info info;

    for (u32 i = 0; sys(SYS_SCHED, SCHED_INFO, i, (u32)&info) == 0; i++)
        if (strcmp(info.name, name) == 0)
            return (int)i;
    return ERR_INVAL;
}

/* A decimal number of at most seven digits; *s goes behind it. */
static int number(const char **s, u32 *value)
{
    u32 n = 0;

    *value = 0;
    while (**s >= '0' && **s <= '9' && n++ < 7)
        *value = *value * 10 + (u32)(*(*s)++ - '0');
    return n > 0 && n <= 7 ? 0 : ERR_INVAL;
}

int numbers(const char *s, u32 *to, u32 max)
{
    u32 n = 0;

    while (n < max) {
        if (number(&s, &to[n++]))
            return ERR_INVAL;
        if (!*s)
            return (int)n;
        if (*s++ != '/')
            return ERR_INVAL;
    }
    return ERR_INVAL;
}

int set_knob(const char *word)
{
    u32 value[SCHED_LEVELS], i = 0;
    int n, error = 0;

    while (i < sizeof(knobs) / sizeof(knobs[0]) &&
           !starts_with(word, knobs[i].name))
        i++;
    if (i == sizeof(knobs) / sizeof(knobs[0]))
        return ERR_INVAL;
    n = numbers(word + strlen(knobs[i].name), value, knobs[i].count);
    if (n < 0)
        return n;
    for (u32 k = 0; k < knobs[i].count && !error; k++)
        error = sys(SYS_SCHED, SCHED_KNOB, knobs[i].knob + k,
                    value[k < (u32)n ? k : (u32)n - 1]);
    return error;
}

void restore_policy(const struct sched_info *info)
{
    const struct sched_knobs *k = &info->knobs;

    sys(SYS_SCHED, SCHED_KNOB, SCHED_QUANTUM, k->quantum);
    sys(SYS_SCHED, SCHED_KNOB, SCHED_LEVEL_COUNT, k->levels);
    sys(SYS_SCHED, SCHED_KNOB, SCHED_BOOST, k->boost);
    sys(SYS_SCHED, SCHED_KNOB, SCHED_GUESS, k->guess);
    for (u32 i = 0; i < SCHED_LEVELS; i++) {
        sys(SYS_SCHED, SCHED_KNOB, SCHED_SLICE + i, k->slice[i]);
        sys(SYS_SCHED, SCHED_KNOB, SCHED_ALLOT + i, k->allot[i]);
    }
    sys(SYS_SCHED, SCHED_POLICY, info->current, 0);
}
