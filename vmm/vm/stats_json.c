/* SPDX-License-Identifier: MIT
 *
 * See stats_json.h. Pieces are collected, since each one that goes out costs
 * something; commas are put in front of all that is not the first of its
 * object or list, so nothing needs to know what follows it. A string of the
 * guest's (a symbol) or about it (why it was killed) is escaped.
 */
#include "vmm/vm/stats_json.h"
#include "vmm/base/bits.h"
#include "vmm/vm/stats.h"
#include "vmm/vm/vm.h"

#define PIECE  512
#define PLACES 32

struct json {
    const struct sink *out;
    char text[PIECE];
    size_t len;
    bool first; /* of the object or list that is open */
};

static void flush(struct json *j)
{
    j->out->put(j->out->ctx, j->text, j->len);
    j->len = 0;
}

static void put(struct json *j, char c)
{
    if (j->len == sizeof(j->text))
        flush(j);
    j->text[j->len++] = c;
}

static void put_text(struct json *j, const char *text)
{
    while (*text)
        put(j, *text++);
}

/* RFC 8259, section 7. */
static void put_string(struct json *j, struct slice s)
{
    char code[8];

    put(j, '"');
    for (size_t i = 0; i < s.len; i++) {
        u8 c = (u8)s.at[i];
        if (c < ' ' || c > '~') {
            fmt_buf(code, sizeof(code), "\\u%04x", c);
            put_text(j, code);
            continue;
        }
        if (c == '"' || c == '\\')
            put(j, '\\');
        put(j, (char)c);
    }
    put(j, '"');
}

/* The next member of what is open. key: null in a list. */
static void next(struct json *j, const char *key)
{
    if (!j->first)
        put(j, ',');
    j->first = false;
    if (!key)
        return;
    put_string(j, slice_of(key));
    put(j, ':');
}

static void open(struct json *j, const char *key, char bracket)
{
    next(j, key);
    put(j, bracket);
    j->first = true;
}

static void close(struct json *j, char bracket)
{
    put(j, bracket);
    j->first = false;
}

static void number(struct json *j, const char *key, u64 value)
{
    char text[24];

    next(j, key);
    fmt_buf(text, sizeof(text), "%llu", (unsigned long long)value);
    put_text(j, text);
}

static void string(struct json *j, const char *key, struct slice value)
{
    next(j, key);
    put_string(j, value);
}

static void boolean(struct json *j, const char *key, bool value)
{
    next(j, key);
    put_text(j, value ? "true" : "false");
}

static void put_cost(struct json *j, const struct cost *cost)
{
    u64 mean = cost->count ? cost->ticks / cost->count : 0;

    number(j, "measured", cost->count);
    number(j, "cost_ns", cost_ns(cost->ticks));
    number(j, "min_ns", cost_ns(cost->min));
    number(j, "mean_ns", cost_ns(mean));
    number(j, "max_ns", cost_ns(cost->max));
}

static void put_kinds(struct json *j, const struct vm *vm)
{
    open(j, "kinds", '{');
    for (u32 i = 0; i <= EXIT_KINDS; i++) {
        open(j, trace_enum_word(TRACE_TYPE_ENUM_EXIT, i), '{');
        if (i < EXIT_KINDS)
            number(j, "count", vm->exit_count[i]);
        put_cost(j, &vm->costs.kind[i]);
        close(j, '}');
    }
    close(j, '}');
}

static void put_places(struct json *j, const struct vm *vm)
{
    struct cost_rows rows;
    struct cost_row row;
    struct cost rest;

    cost_rows_init(&rows, vm);
    open(j, "places", '[');
    for (u32 i = 0; i < PLACES && cost_rows_next(&rows, &row); i++) {
        open(j, NULL, '{');
        number(j, "at", row.at);
        string(j, "name", row.name);
        put_cost(j, &row.cost);
        close(j, '}');
    }
    close(j, ']');
    open(j, "others", '{');
    number(j, "rows", cost_rows_rest(&rows, &rest));
    put_cost(j, &rest);
    close(j, '}');
}

static void put_vectors(struct json *j, const struct vm *vm)
{
    char key[8];

    open(j, "vectors", '{');
    for (u32 i = 0; i < ARRAY_LEN(vm->recorder.gate); i++) {
        if (!vm->recorder.gate[i].reflected)
            continue;
        fmt_buf(key, sizeof(key), "%u", i);
        number(j, key, vm->recorder.gate[i].reflected);
    }
    close(j, '}');
}

static void put_shadow(struct json *j, const struct vm *vm)
{
    const struct shadow_stats *s = shadow_stats(&vm->shadow);

    open(j, "shadow", '{');
    number(j, "fills", s->fills);
    number(j, "true_faults", s->true_faults);
    number(j, "drops", s->drops);
    number(j, "invlpgs", s->invlpgs);
    number(j, "cr3_loads", s->cr3_loads);
    number(j, "root_hits", s->root_hits);
    number(j, "traced", s->traced);
    number(j, "pages", s->pages);
    close(j, '}');
}

/* What `sched` shows; sums where it shows means. */
static void put_sched(struct json *j, const struct vm *vm)
{
    const struct sched *s = &vm->hv->sched;
    const struct sched_entry *e = &s->entry[vm->slot];

    open(j, "sched", '{');
    string(j, "policy", slice_of(s->policy->name));
    number(j, "cap", vm->config.cap);
    number(j, "length_ns", vm->config.length);
    number(j, "guess_ns", e->guess);
    number(j, "turns", e->turns);
    number(j, "bursts_begun", e->begun_bursts);
    number(j, "bursts_ended", e->bursts);
    number(j, "response_ns", e->response_ns);
    number(j, "turnaround_ns", e->turnaround);
    number(j, "longest_wait_ns", sched_longest_wait(s, vm->slot));
    close(j, '}');
}

static void put_devices(struct json *j, const struct vm *vm)
{
    open(j, "devices", '{');
    number(j, "ticks_lost", vm->pc.pit.st.lost);
    number(j, "ticks_owed", vm->pc.pit.st.owed);
    number(j, "unclaimed", vm->pc.bus.unclaimed);
    number(j, "post", vm->pc.debug.st.post);
    close(j, '}');
}

static void put_sampling(struct json *j, const struct costs *c)
{
    open(j, "sampling", '{');
    boolean(j, "exact", c->exact);
    number(j, "every", c->every);
    number(j, "samples", c->samples);
    close(j, '}');
}

static void put_life(struct json *j, const struct vm *vm)
{
    const char *reason = vm->state == VM_KILLED ? vm->reason : "";
    bool vtlb = vm->config.shadow == SHADOW_VTLB;

    string(j, "name", slice_of(vm->config.name));
    number(j, "slot", vm->slot);
    string(j, "state", slice_of(vm_state_name(vm)));
    string(j, "reason", slice_of(reason));
    number(j, "status", vm->status);
    number(j, "weight", vm->config.weight);
    number(j, "memory", vm->config.mem);
    string(j, "shadow_policy", slice_of(vtlb ? "vtlb" : "cached"));
    number(j, "cpu_ns", vm->run_ns);
    number(j, "exits", vm->exits);
    number(j, "interpreted", vm->interpreted);
    number(j, "interrupts", vm->interrupts);
}

static void put_vm(struct json *j, const struct vm *vm)
{
    open(j, NULL, '{');
    put_life(j, vm);
    put_sampling(j, &vm->costs);
    put_kinds(j, vm);
    put_places(j, vm);
    put_vectors(j, vm);
    put_shadow(j, vm);
    put_devices(j, vm);
    put_sched(j, vm);
    close(j, '}');
}

void stats_json(const struct hv *hv, const struct vm *vm,
                const struct sink *out)
{
    struct json j = {.out = out, .first = true};

    open(&j, NULL, '{');
    number(&j, "version", 1);
    number(&j, "ns", arch_now_ns());
    open(&j, "vms", '[');
    for (u32 i = 0; i < HV_VMS; i++) {
        const struct vm *each = &hv->vm[i];
        if (each->state != VM_EMPTY && (!vm || vm == each))
            put_vm(&j, each);
    }
    close(&j, ']');
    close(&j, '}');
    put(&j, '\n');
    flush(&j);
}
