/* SPDX-License-Identifier: MIT
 *
 * Random guests against a shadow, with an audit after each step.
 *
 * A guest here is a stream of seeded choices: it edits page tables (through
 * the VMM when they are watched), reuses them as data, points directories at
 * themselves, changes CR3, WP and PSE, and reads and writes memory. What each
 * access does is compared with the oracle.
 *
 * For the cached policy the answer must be the truth of this moment. For
 * vtlb, any truth since the guest's last flush of the page will do: history
 * keeps those.
 */
#ifndef TESTS_SHADOWFUZZ_H
#define TESTS_SHADOWFUZZ_H

#include "tests/unit/shadowworld.h"

#define HISTORY 24

struct past {
    u32 f;
    bool user, write, large;
};

struct history {
    struct past at[HISTORY];
    u32 count;
    bool lost; /* too many: anything goes until the next flush */
};

static struct history history[NVPN];
static struct shadow_stats fuzzed; /* of the last run */
static bool stale_allowed;         /* vtlb */
static bool careful; /* vtlb, with a guest that flushes when due */
static struct truth last_truth[NVPN];

static u32 table_frame(void)
{
    return 1 + rnd(10);
}

static u32 any_frame(void)
{
    static const u32 odd[] = {MMIO_AT, ROM_AT,      ROM_AT + 1, RAM_MID,
                              RAM_TOP, RAM_TOP + 5, 0x3ff,      0xfffff};

    return chance(75) ? rnd(24) : odd[rnd(ARRAY_LEN(odd))];
}

static u32 any_entry(void)
{
    u32 value = rnd(0x1000) & ~(u32)(PTE_PS | PTE_P);

    if (chance(92))
        value |= PTE_P;
    if (chance(60))
        value |= PTE_U | PTE_W;
    if (chance(15))
        return value | PTE_PS |
               (chance(70) ? rnd(2) * LARGE32_SIZE : any_frame() << PAGE_SHIFT);
    if (chance(60))
        return value | table_frame() << PAGE_SHIFT;
    return value | any_frame() << PAGE_SHIFT;
}

static u32 any_index(void)
{
    return chance(50) ? dirs[rnd(NDIRS)] : pages[rnd(NPAGES)];
}

static void remember(void)
{
    for (u32 i = 0; i < NVPN; i++) {
        struct history *h = &history[i];
        struct truth t = oracle(vpn_at(i), 0);
        struct past now = {t.f, t.user, t.write, t.large};
        if (!t.ok)
            continue;
        if (h->count && !memcmp(&h->at[h->count - 1], &now, sizeof(now)))
            continue;
        if (h->count == HISTORY)
            h->lost = true;
        else
            h->at[h->count++] = now;
    }
}

static void forget_all(void)
{
    memset(history, 0, sizeof(history));
}

/* INVLPG: this page's past, and that of the large page it was part of. */
static void forget(u32 page)
{
    for (u32 i = 0; i < NVPN; i++) {
        struct history *h = &history[i];
        u32 kept = 0;
        if (i / NPAGES != page / NPAGES)
            continue;
        for (u32 k = 0; k < h->count; k++) {
            if (i != page && !h->at[k].large)
                h->at[kept++] = h->at[k];
        }
        h->count = kept;
        h->lost &= i != page;
    }
}

/* Has the guest, since the last call, taken anything away from a page? Then a
 * careful guest flushes. */
static bool flush_due(void)
{
    bool due = false;

    for (u32 i = 0; i < NVPN; i++) {
        struct truth was = last_truth[i], is = oracle(vpn_at(i), 0);
        last_truth[i] = is;
        if (!was.ok)
            continue;
        due |= !is.ok || was.f != is.f || was.large != is.large;
        due |= (was.both & ~is.both & (PTE_U | PTE_W | PTE_A)) != 0;
        due |= (was.leaf & ~is.leaf & PTE_D) != 0;
    }
    return due;
}

static bool once_true(u32 i, u32 f, u32 access)
{
    const struct history *h = &history[i];

    for (u32 k = 0; k < h->count; k++) {
        bool kernel = !(access & PF_USER);
        if (h->at[k].f == f && (kernel || h->at[k].user) &&
            (!(access & PF_WRITE) || h->at[k].write || (kernel && !mode.wp)))
            return true;
    }
    return h->lost;
}

static u32 frame_of(const u8 *at)
{
    for (u32 f = 0; f < RAM_TOP + 16; f++) {
        if (guest_ptr(f) == at)
            return f;
        if (f == ROM_AT + 4)
            f = RAM_MID - 1;
        if (f == RAM_MID + 16)
            f = RAM_TOP - 1;
    }
    return 0xffffffff;
}

static void check_landed(u32 i, u32 access, const u8 *at, bool filled)
{
    struct truth t = oracle(vpn_at(i), access);
    u32 f = frame_of(at);
    struct p2m_entry to = p2m_lookup(&p2m, gfn(f));

    EXPECT(to.kind == P2M_RAM || to.kind == P2M_ROM);
    if (access & PF_WRITE)
        EXPECT(to.kind == P2M_RAM && !to.trace);
    EXPECT(!(access & PF_WRITE) || at != NULL);
    if (stale_allowed && !filled) {
        EXPECT(once_true(i, f, access));
        return;
    }
    EXPECT(t.ok);
    EXPECT_EQ(f, t.f);
    if (!t.marks)
        return;
    EXPECT(t.both & PTE_A);
    EXPECT(!(access & PF_WRITE) || (t.leaf & PTE_D));
}

static void check_answer(enum shadow_answer answer, u32 i, u32 access,
                         const struct truth *t, const struct shadow_result *r)
{
    struct p2m_entry to = p2m_lookup(&p2m, gfn(t->f));
    bool memory = to.kind == P2M_RAM || to.kind == P2M_ROM;

    EXPECT_EQ(answer == SHADOW_GUEST_FAULT, !t->ok);
    if (answer == SHADOW_GUEST_FAULT)
        EXPECT_EQ(r->error, t->error);
    if (!t->ok)
        return;
    EXPECT_EQ(answer == SHADOW_MMIO, !memory);
    EXPECT_EQ(r->at.v, (u64)t->f << PAGE_SHIFT);
    if (answer == SHADOW_TRACED)
        EXPECT((access & PF_WRITE) && (to.trace || to.kind == P2M_ROM));
}

/* One access as the machine does it: the CPU, and the VMM behind its faults. */
static void do_access(u32 i, u32 access)
{
    u32 word = any_index() * 4, value = any_entry();
    struct shadow_result result;
    bool filled = false;
    u8 bytes[4];

    put_le32(bytes, value);
    for (u32 tries = 0; tries < TRIES; tries++) {
        struct truth t = oracle(vpn_at(i), access);
        u8 *at = hw_access(i, access);
        enum shadow_answer answer;
        if (at) {
            check_landed(i, access, at, filled);
            if ((access & PF_WRITE) && chance(30))
                memcpy(at + word, bytes, 4);
            return;
        }
        answer =
            shadow_fault(&shadow, gva(vpn_at(i)), access | PF_FETCH, &result);
        check_answer(answer, i, access, &t, &result);
        if (answer == SHADOW_TRACED && chance(50))
            guest_store(t.f, word, bytes, 4);
        if (answer != SHADOW_FILLED)
            return;
        filled = true;
        /* A page that the fill itself began to watch comes back traced. */
        if (!(access & PF_WRITE) || !p2m_lookup(&p2m, gfn(t.f)).trace)
            EXPECT(shadow_peek(&shadow, gva(vpn_at(i)), access));
    }
    EXPECT(!"an access gets through after a few fills");
}

static void do_translate(u32 i, u32 access)
{
    struct truth t = oracle(vpn_at(i), access);
    struct walk w;
    bool ok = shadow_translate(&shadow, gva(vpn_at(i)), access, &w) == WALK_OK;

    EXPECT_EQ(ok, t.ok);
    if (ok)
        EXPECT_EQ(w.at.v, (u64)t.f << PAGE_SHIFT);
    else
        EXPECT_EQ(w.error, t.error);
}

/* What kernels do most: one bit of an entry changes, as for copy on write. */
static void do_tweak(void)
{
    static const u32 bits[] = {PTE_P, PTE_W, PTE_U, PTE_A, PTE_D, PTE_G};
    u32 f = table_frame(), index = any_index();

    guest_put(f, index, guest_get(f, index) ^ bits[rnd(ARRAY_LEN(bits))]);
}

static void do_table_write(void)
{
    static const u32 sizes[] = {1, 2, 3, 4, 8, 12};
    u8 bytes[16];
    u32 f = table_frame(), at = any_index() * 4, size;

    for (u32 k = 0; k < 16; k += 4)
        put_le32(bytes + k, any_entry());
    size = chance(70) ? 4 : sizes[rnd(ARRAY_LEN(sizes))];
    if (chance(10))
        at = min_u32(at + rnd(4), PAGE_SIZE - size);
    guest_store(f, min_u32(at, PAGE_SIZE - size), bytes, size);
}

/* A frame becomes something else: data, a fresh table. */
static void do_recycle(void)
{
    u8 bytes[256];
    u32 f = table_frame();

    memset(bytes, chance(80) ? 0 : 0xff, sizeof(bytes));
    for (u32 at = 0; at < PAGE_SIZE; at += sizeof(bytes))
        guest_store(f, at, bytes, sizeof(bytes));
}

/* The guest makes a table anew, with an entry in each place tests use. */
static void build_tables(void)
{
    u32 f = table_frame();

    for (u32 k = 0; k < NDIRS; k++)
        guest_put(f, dirs[k], any_entry() | PTE_U);
    for (u32 k = 0; k < NPAGES; k++)
        guest_put(f, pages[k], any_entry());
}

static void do_cr3(void)
{
    u32 f = chance(95) ? 1 + rnd(4) : any_frame();

    mode.g_cr3 = f << PAGE_SHIFT | rnd(0x1000);
    shadow_load_cr3(&shadow, mode.g_cr3);
    forget_all();
}

static void do_mode(void)
{
    if (chance(40))
        mode.wp = !mode.wp;
    else if (chance(60))
        mode.pse = !mode.pse;
    else
        mode.on = !mode.on;
    shadow_set_mode(&shadow, &mode);
    forget_all();
}

static void do_trace(void)
{
    u32 reason = chance(50) ? TRACE_GDT : TRACE_IDT;

    if (chance(40))
        shadow_trace(&shadow, gfn(any_frame()), reason);
    else
        shadow_untrace(&shadow, gfn(any_frame()), reason);
}

static void do_invlpg(u32 i)
{
    shadow_invlpg(&shadow, gva(vpn_at(i) + rnd(PAGE_SIZE)));
    forget(i);
}

static void step(void)
{
    static const u32 accesses[] = {0, PF_WRITE, PF_USER, PF_USER | PF_WRITE};
    u32 what = rnd(100), i = rnd(NVPN), access = accesses[rnd(4)];

    if (what < 58)
        do_access(i, access);
    else if (what < 62)
        do_translate(i, access);
    else if (what < 76)
        do_table_write();
    else if (what < 84)
        do_tweak();
    else if (what < 90)
        do_cr3();
    else if (what < 94)
        do_invlpg(i);
    else if (what < 97)
        do_trace();
    else if (what < 99)
        do_mode();
    else if (chance(25))
        do_recycle();
    else
        build_tables();
}

static void fuzz(enum shadow_policy_id policy, u32 max_pages, u32 opts,
                 u32 steps, u32 first_seed)
{
    int failures = unit_failures;

    seed = first_seed;
    stale_allowed = policy == SHADOW_VTLB;
    forget_all();
    memset(last_truth, 0, sizeof(last_truth));
    world_begin(policy, max_pages);
    shadow.opts = opts;
    for (u32 n = 0; n < 20; n++)
        build_tables();
    world_mode(1, true, true, true);
    for (u32 n = 0; n < steps && unit_failures == failures; n++) {
        remember();
        step();
        if (careful && flush_due()) {
            shadow_load_cr3(&shadow, mode.g_cr3);
            forget_all();
        }
        EXPECT_EQ(shadow_audit(&shadow, &to_stdout), 0);
        if (careful)
            EXPECT_EQ(audit_vtlb_exact(&shadow, &to_stdout), 0);
        if (unit_failures != failures)
            printf("at step %u of seed %u\n", n, first_seed);
    }
    fuzzed = shadow.stats;
    world_end();
}

#endif
