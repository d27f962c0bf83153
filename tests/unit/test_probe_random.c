/* SPDX-License-Identifier: MIT
 *
 * Random guest code under random probes, against a plain model: the same code
 * stepped by cpu_step(), every access of it written down, every address
 * compared. Each engine under each shadow policy must stop at the same places,
 * for the same reasons, with the same registers and memory, and nowhere else.
 *
 * Breakpoints and watches are put anywhere: handlers, stacks, descriptor tables
 * and page tables too. At a stop, probes change, an interrupt may be raised,
 * and the guest goes on or is stepped.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/unit/probeguest.h"
#include "vmm/cpu/event.h"

#define SEEDS    40
#define STOPS    40   /* of one run at most */
#define ATTEMPTS 2000 /* instructions of one run at most */

/* ---- what is done at the start, and at each stop */

struct want {
    bool used;
    enum probe_kind kind;
    u32 at, size;
};

#define NEW 4
struct plan {
    bool interrupt;
    u32 remove[NEW];
    struct want add[NEW]; /* those that are used */
    u32 steps;            /* 0: go on */
};

static u32 watched_place(u32 *size)
{
    static const struct {
        u32 at, size;
    } place[] = {{IDT_AT, 0x800},     {GDT_AT, 48},    {TSS_AT, 104},
                 {PT_1, 64},          {PD_1, 16},      {STACK - 256, 256},
                 {USER_ESP - 64, 64}, {0x5000, 4},     {CODE_AT, 0x2000},
                 {HANDLERS, 0x60},    {TSS_AT + 4, 4}, {STACK - 8, 4}};
    u32 i = rnd(ARRAY_LEN(place) * 2);

    if (i < ARRAY_LEN(place)) {
        *size = place[i].size;
        return place[i].at;
    }
    *size = chance(80) ? 1 + rnd(64) : 1 + rnd(0x3000);
    return data_at();
}

static u32 break_place(void)
{
    u32 slot = (vm->cpu.eip - FIRST) / SLOT;

    if (slot < SLOTS - 9 && chance(60))
        return slot_at(slot + 1 + rnd(8));
    if (chance(15))
        return HANDLERS + handler_insns[rnd(sizeof(handler_insns))];
    return slot_at(rnd(SLOTS)) + (chance(10) ? LARGE : 0);
}

static struct want make_probe(void)
{
    struct want w = {.used = true, .kind = PROBE_BREAK, .size = 1};

    if (chance(60)) {
        w.at = break_place();
        return w;
    }
    w.kind = (enum probe_kind)(PROBE_WRITE + rnd(3));
    w.at = watched_place(&w.size);
    return w;
}

static struct plan make_plan(u32 seed, u32 stop)
{
    struct plan p = {.interrupt = false};

    state = seed * 104729 + stop * 31 + 5;
    p.interrupt = stop && chance(20);
    p.steps = stop && chance(25) ? 1 + rnd(5) : 0;
    for (u32 i = 0; i < NEW; i++) {
        p.remove[i] = rnd(20);
        if (!stop || chance(60))
            p.add[i] = make_probe();
    }
    return p;
}

static void raise_interrupt(void)
{
    irq_set(&vm->pc.irq, IRQ_TIMER, false);
    fake_raise_timer(vm, VECTOR);
}

/* ---- the model */

struct seen {
    struct stop stop;
    u32 gpr[GPR_COUNT], eip, eflags, cr2, cr3;
    u64 memory;
};

#define WANTS (STOPS * NEW)
static struct want want[WANTS];
static struct seen expected[STOPS];
static u32 expected_count;
static struct stop hit; /* reason is STOP_NONE while there is none */
static u32 insn_eip;
static bool dead; /* a triple fault */
static struct cpu_env under;

static u8 *byte_at(u32 at)
{
    struct paging mode = env_paging(&vm->cpu);
    struct walk w;

    if (walk_guest(&vm->p2m, &mode, gva(at), 0, &w) != WALK_OK)
        return NULL;
    return p2m_ptr(&vm->p2m, w.at);
}

static bool within(const struct want *w, u32 at)
{
    return at >= w->at && at - w->at < w->size;
}

static bool is_about(const struct want *w, bool write, bool rmw)
{
    if (!w->used || w->kind == PROBE_BREAK)
        return false;
    if (w->kind == PROBE_ACCESS)
        return write || !rmw;
    return write == (w->kind == PROBE_WRITE);
}

static u64 bytes_at(u32 at, u32 size)
{
    u64 value = 0;

    for (u32 i = 0; i < size && i < 8; i++) {
        const u8 *byte = byte_at(at + i);
        value |= (u64)(byte ? *byte : 0) << 8 * i;
    }
    return value;
}

/* The first byte of an access that the lowest of the probes is about. */
static bool find_touch(u32 at, u32 size, bool write, bool rmw, struct stop *out)
{
    for (u32 n = 0; n < WANTS; n++) {
        u32 i = 0;
        if (!is_about(&want[n], write, rmw))
            continue;
        while (i < size && !within(&want[n], at + i))
            i++;
        if (i == size)
            continue;
        *out = (struct stop){.reason = STOP_WATCH, .probe = n, .at = at + i};
        while (i < size && within(&want[n], at + i)) {
            i++;
            out->size++;
        }
        out->wrote = write;
        out->eip = insn_eip;
        return true;
    }
    return false;
}

static void keep(const struct stop *touch)
{
    if (!hit.reason || (touch->wrote && !hit.wrote))
        hit = *touch;
}

static enum env_status model_read(void *ctx, gva_t at, void *buf, u32 size,
                                  u32 access, struct fault *fault)
{
    struct stop touch;

    TRY(under.read(under.ctx, at, buf, size, access, fault));
    if ((access & ACC_FETCH) ||
        !find_touch(at.v, size, false, access & ACC_WRITE, &touch))
        return ENV_OK;
    touch.old = touch.now = bytes_at(touch.at, touch.size);
    keep(&touch);
    return ENV_OK;
}

static enum env_status model_write(void *ctx, gva_t at, const void *buf,
                                   u32 size, u32 access, struct fault *fault)
{
    struct stop touch;
    bool met = find_touch(at.v, size, true, false, &touch);

    if (met)
        touch.old = bytes_at(touch.at, touch.size);
    TRY(under.write(under.ctx, at, buf, size, access, fault));
    if (!met)
        return ENV_OK;
    touch.now = bytes_at(touch.at, touch.size);
    keep(&touch);
    return ENV_OK;
}

/* Accessed bits are left out: the short ways of fast.c know the tables of
 * descriptors and do not go there. */
static u64 digest(void)
{
    static const u32 range[][2] = {{0x1000, 0x15000},
                                   {DATA_PHYS, DATA_PHYS + 0x8000}};
    u64 h = 1;

    for (u32 r = 0; r < 2; r++) {
        for (u32 at = range[r][0]; at < range[r][1]; at += 0x1000) {
            u64 page[512], mask = ~0ull;
            if (at >= PD_1 && at <= PT_LOW)
                mask = ~((u64)PTE_A << 32 | PTE_A);
            p2m_read(&vm->p2m, gpa(at), page, sizeof(page));
            for (u32 i = 0; i < 512; i++)
                h = (h ^ (page[i] & mask)) * 0x9e3779b97f4a7c15u;
        }
    }
    return h;
}

static struct seen look(const struct stop *stop)
{
    const struct cpu *cpu = &vm->cpu;
    struct seen s = {.stop = *stop,
                     .eip = cpu->eip,
                     .eflags = cpu->eflags,
                     .cr2 = cpu->cr2,
                     .cr3 = cpu->cr3,
                     .memory = digest()};

    memcpy(s.gpr, cpu->gpr, sizeof(s.gpr));
    return s;
}

static bool at_break(u32 *probe)
{
    for (*probe = 0; *probe < WANTS; ++*probe) {
        const struct want *w = &want[*probe];
        if (w->used && w->kind == PROBE_BREAK && w->at == vm->cpu.eip)
            return true;
    }
    return false;
}

static const bool always = true;

/* One instruction with what it raises; true: it is finished. */
static bool model_step(const struct cpu_env *env)
{
    struct event event = {.kind = EVENT_EXCEPTION};
    struct step step;
    u32 eip = vm->cpu.eip;

    insn_eip = eip;
    if (cpu_step(&vm->cpu, env, &step) == STEP_OK)
        return !step.insn.rep || vm->cpu.eip != eip ||
               !(vm->cpu.eflags & EFLAGS_RF);
    if (hit.reason && !hit.wrote)
        hit.reason = STOP_NONE;
    event.fault = step.fault;
    dead |= event_deliver(&vm->cpu, env, &event, NULL) != EVENT_OK;
    return true;
}

static void model_interrupt(const struct cpu_env *env)
{
    struct event event = {.kind = EVENT_INTERRUPT};

    insn_eip = vm->cpu.eip;
    event.fault = fault_plain(pc_irq_ack(&vm->pc));
    vm->irq_waiting = pc_irq_pending(&vm->pc);
    dead |= event_deliver(&vm->cpu, env, &event, NULL) != EVENT_OK;
}

static void model_plan(const struct plan *p)
{
    for (u32 i = 0; i < NEW; i++)
        want[p->remove[i]].used = false;
    for (u32 i = 0, n = 0; i < NEW; i++) {
        while (want[n].used)
            n++;
        if (p->add[i].used)
            want[n] = p->add[i];
    }
    if (p->interrupt)
        raise_interrupt();
}

/* Runs until the next stop; false: there is none. */
static bool model_run(const struct cpu_env *env, u32 steps, u32 *left)
{
    u32 place[] = {vm->cpu.eip, vm->cpu.gpr[ESP], vm->cpu.cr3}, probe;
    bool passing = expected_count && at_break(&probe);
    struct stop stop;

    for (; *left && !dead; --*left) {
        const struct cpu *cpu = &vm->cpu;
        bool finished = true;
        hit.reason = STOP_NONE;
        if (vm->irq_waiting && (cpu->eflags & EFLAGS_IF) && !cpu->irq_shadow) {
            model_interrupt(env);
        } else {
            stop = (struct stop){.reason = STOP_BREAK, .eip = cpu->eip};
            bool passes = passing && place[0] == cpu->eip &&
                          place[1] == cpu->gpr[ESP] && place[2] == cpu->cr3;
            if (!passes && !(cpu->eflags & EFLAGS_RF) &&
                at_break(&stop.probe)) {
                expected[expected_count++] = look(&stop);
                return true;
            }
            finished = model_step(env);
            if (passes && finished)
                passing = false;
        }
        if (dead || (!hit.reason && !(steps && finished && !--steps)))
            continue;
        stop = (struct stop){.reason = STOP_STEP, .eip = cpu->eip};
        expected[expected_count++] = look(hit.reason ? &hit : &stop);
        return true;
    }
    return false;
}

static void model(u32 seed)
{
    struct cpu_env env;
    u32 left = ATTEMPTS;
    struct plan plan;

    guest(seed, WAY_PLAIN, SHADOW_VTLB);
    memset(want, 0, sizeof(want));
    expected_count = 0;
    dead = false;
    env = under = env_of(vm);
    env.read = model_read;
    env.write = model_write;
    env.enough = &always;
    do {
        plan = make_plan(seed, expected_count);
        model_plan(&plan);
    } while (model_run(&env, plan.steps, &left) && expected_count < STOPS);
}

/* ---- and the real thing */

static u32 wrong;

static bool differs(u32 seed, u32 n, const char *what, u64 got, u64 wanted)
{
    if (got == wanted)
        return false;
    printf("seed %u, stop %u: %s is 0x%llx, not 0x%llx\n", seed, n, what,
           (unsigned long long)got, (unsigned long long)wanted);
    return true;
}

static bool same(u32 seed, u32 n)
{
    const struct seen *want_seen = &expected[n];
    struct seen got = look(&vm->stop);
    bool bad = false;

#define SAME(field) bad |= differs(seed, n, #field, got.field, want_seen->field)
    SAME(stop.reason);
    SAME(stop.eip);
    SAME(eip);
    if (got.stop.reason <= STOP_WATCH)
        SAME(stop.probe);
    if (got.stop.reason == STOP_WATCH) {
        SAME(stop.at);
        SAME(stop.size);
        SAME(stop.wrote);
        SAME(stop.old);
        SAME(stop.now);
    }
    SAME(eflags);
    SAME(cr2);
    SAME(cr3);
    SAME(memory);
    for (u32 i = 0; i < GPR_COUNT; i++)
        SAME(gpr[i]);
#undef SAME
    return !bad;
}

static void apply(const struct plan *p)
{
    for (u32 i = 0; i < NEW; i++)
        probe_remove(vm, PROBE_GDB, p->remove[i]);
    for (u32 i = 0; i < NEW; i++) {
        if (p->add[i].used)
            add(p->add[i].kind, p->add[i].at, p->add[i].size);
    }
    if (p->interrupt)
        raise_interrupt();
    if (vm->state == VM_RUNNING)
        return;
    if (p->steps)
        probe_step(vm, p->steps);
    else
        vm_resume(vm);
}

/* Takes all frames but a few, and gives them back. */
static void starve(u32 leave)
{
    struct frames *f = &fake_hv.frames;

    for (u32 i = 0; i < f->count && f->nfree > leave; i++)
        frame_take(f, mfn(i), FRAME_VMM, FRAME_NO_OWNER);
}

static void feed(void)
{
    struct frames *f = &fake_hv.frames;

    for (u32 i = 0; i < f->count; i++) {
        if (f->info[i].use == FRAME_VMM)
            frame_free(f, mfn(i));
    }
}

/* Every eighth seed is one of a machine that has no memory for guards, or for
 * a few. */
static bool run_on(u32 seed, u32 n)
{
    bool stopped;

    if (seed % 8)
        return until_stop();
    starve(n % 4);
    stopped = until_stop();
    feed();
    return stopped;
}

static bool compare(u32 seed, enum way way, enum shadow_policy_id policy)
{

    guest(seed, way, policy);
    for (u32 n = 0; n < expected_count; n++) {
        struct plan plan = make_plan(seed, n);
        apply(&plan);
        if (!run_on(seed, n)) {
            printf("seed %u, stop %u does not come, at eip 0x%x\n", seed, n,
                   vm->cpu.eip);
            return false;
        }
        if (!same(seed, n))
            return false;
        if (shadow_audit(&vm->shadow, NULL)) {
            printf("seed %u, stop %u: the audit complains\n", seed, n);
            return false;
        }
    }
    return true;
}

/* SEED=100 SEEDS=1000 tries others than the usual ones. */
static u32 from_environment(const char *name, u32 usual)
{
    const char *text = getenv(name);

    return text ? (u32)atoi(text) : usual;
}

static void stops_where_the_model_does(void)
{
    static const char *const names[] = {"plain", "threaded", "direct"};
    u32 first = from_environment("SEED", 1);
    u32 count = from_environment("SEEDS", SEEDS), stops = 0;

    for (u32 seed = first; seed < first + count && !wrong; seed++) {
        model(seed);
        stops += expected_count;
        for (u32 i = 0; i < 2 * WAYS && !wrong; i++) {
            if (compare(seed, (enum way)(i / 2),
                        i % 2 ? SHADOW_CACHED : SHADOW_VTLB))
                continue;
            wrong++;
            printf("%s, %s\n", names[i / 2], i % 2 ? "cached" : "vtlb");
        }
    }
    if (getenv("SEEDS"))
        printf("%u stops\n", stops);
    EXPECT_EQ(wrong, 0);
    EXPECT(stops > 4 * count);
}

int main(void)
{
    static const struct unit_case list[] = {
        CASE(stops_where_the_model_does),
    };

    return unit_main(list, ARRAY_LEN(list));
}
