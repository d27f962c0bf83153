/* SPDX-License-Identifier: MIT
 *
 * The scheduler's words, the same on the VMM's command line
 * (sched=mlfq,quantum=5ms,boost=0) and in the monitor (sched mlfq quantum=5ms
 * boost=0): a policy's name, or a knob and its value. One table has the knobs.
 * Words are read into a wish, which is put into force when all of them are
 * good; knobs and turns that do not fit each other cannot be, for every policy
 * begins anew then, and with another period the caps.
 */
#include "vmm/base/fmt.h"
#include "vmm/vm/sched_impl.h"

#define NS_PER_MS 1000000ull

struct knob {
    const char *name, *wanted;
    bool time; /* a u64 of ns, else a u32 */
    size_t at;
    u64 least, most;
    bool zero; /* 0 is allowed as well */
};

#define AT(field) offsetof(struct sched_knobs, field)
static const struct knob knobs[] = {
    {"quantum", "a time from 1ms to 1s", true, AT(quantum), NS_PER_MS,
     1000 * NS_PER_MS, false},
    {"boost", "a time from 10ms to 60s, or 0 for never", true, AT(boost),
     10 * NS_PER_MS, SCHED_TIME_MAX, true},
    {"period", "a time from 10ms to 60s", true, AT(period), 10 * NS_PER_MS,
     SCHED_TIME_MAX, false},
    {"levels", "a number from 1 to 8", false, AT(levels), 1, SCHED_LEVELS_MAX,
     false},
    {"turns", "a number from 1 to 100", false, AT(turns), 1, SCHED_TURNS_MAX,
     false},
};

struct sched_wish sched_wish(const struct sched *s)
{
    return (struct sched_wish){s->policy, s->knobs};
}

static bool read_value(const struct knob *k, struct slice value, u64 *out)
{
    bool zero = slice_eq(value, "0");

    if (zero && k->zero) {
        *out = 0;
        return true;
    }
    return (k->time ? slice_time(value, out) : slice_number(value, out)) &&
           *out >= k->least && *out <= k->most;
}

static bool take_knob(struct sched_wish *wish, const struct knob *k,
                      struct slice value, char *error, size_t size)
{
    u8 *at = (u8 *)&wish->knobs + k->at;
    u64 number;
    u32 small;

    if (!read_value(k, value, &number)) {
        fmt_buf(error, size, "\"%.*s\" will not do; %s= wants %s",
                (int)value.len, value.at, k->name, k->wanted);
        return false;
    }
    small = (u32)number;
    if (k->time)
        memcpy(at, &number, sizeof(number));
    else
        memcpy(at, &small, sizeof(small));
    return true;
}

static bool take_policy(struct sched_wish *wish, struct slice word)
{
    const struct sched_policy *policy;

    for (u32 i = 0; (policy = sched_policy(i)); i++) {
        if (!slice_eq(word, policy->name))
            continue;
        wish->policy = policy;
        return true;
    }
    return false;
}

bool sched_wish_word(struct sched_wish *wish, struct slice word, char *error,
                     size_t size)
{
    struct slice key, value;

    if (take_policy(wish, word))
        return true;
    if (slice_split(word, '=', &key, &value)) {
        for (u32 i = 0; i < ARRAY_LEN(knobs); i++) {
            if (slice_eq(key, knobs[i].name))
                return take_knob(wish, &knobs[i], value, error, size);
        }
    }
    fmt_buf(error, size,
            "\"%.*s\" is no policy and no knob; there are rr, mlfq, stride, "
            "fifo, sjf and stcf, and quantum=, boost=, period=, levels=, "
            "turns=",
            (int)word.len, word.at);
    return false;
}

void sched_apply(struct sched *s, const struct sched_wish *wish)
{
    bool caps = wish->knobs.period != s->knobs.period;

    s->knobs = wish->knobs;
    sched_switch(s, wish->policy);
    if (caps)
        sched_begin_caps(s);
}

bool sched_option(struct sched *s, struct slice words, char *error, size_t size)
{
    struct sched_wish wish = sched_wish(s);
    struct slice word, rest;

    while (slice_split(words, ',', &word, &rest)) {
        if (!sched_wish_word(&wish, word, error, size))
            return false;
        words = rest;
    }
    if (!sched_wish_word(&wish, words, error, size))
        return false;
    sched_apply(s, &wish);
    return true;
}
