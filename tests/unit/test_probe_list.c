/* SPDX-License-Identifier: MIT
 *
 * Thousands of probes: set, met and removed, with all frames back; chains that
 * stay short; memory that runs out in the middle; two VMs; resets.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/unit/probeworld.h"

#define MANY 5000u
#define FAR  0x40000000u

/* mov [0x5000], eax; inc eax; mov ebx, [0x5002]; jmp back */
#define STORING "\xa3\0\x50\0\0\x40\x8b\x1d\x02\x50\0\0\xeb\xf2"

static u32 state = 7;

static u32 rnd(u32 n)
{
    state = state * 1664525 + 1013904223;
    return (u32)((u64)state * n >> 32);
}

static u32 frames_of_probes(void)
{
    return frames_owned(&fake_hv.frames, (u8)vm->slot, FRAME_PROBE);
}

static void check_books(void)
{
    EXPECT_EQ(frames_of_probes(), probe_frames(vm));
    EXPECT_EQ(shadow_audit(&vm->shadow, NULL), 0);
    EXPECT_EQ(frames_audit(&fake_hv.frames, 3, NULL), 0);
}

/* One each 64 KiB: half of them breakpoints. */
static void set_far(u32 count)
{
    for (u32 i = 0; i < count; i++)
        EXPECT(add(i % 2 ? PROBE_BREAK : PROBE_ACCESS, FAR + i * 0x10040, 8) >=
               0);
}

static void start(enum way way, enum shadow_policy_id policy)
{
    world(way, policy);
    poke(CODE_AT, STORING, sizeof(STORING) - 1);
}

static void thousands_are_met_and_removed(void)
{
    for (u32 i = 0; i < 2 * WAYS; i++) {
        u32 nfree;
        start((enum way)(i / 2), i % 2 ? SHADOW_CACHED : SHADOW_VTLB);
        nfree = fake_hv.frames.nfree;
        set_far(MANY);
        EXPECT_EQ(add(PROBE_WRITE, 0x5000, 4), (int)MANY);
        EXPECT_EQ(add(PROBE_BREAK, CODE_AT + 6, 1), (int)MANY + 1);
        EXPECT(until_stop());
        EXPECT_EQ(vm->stop.reason, STOP_WATCH);
        EXPECT_EQ(vm->stop.probe, MANY);
        EXPECT(go());
        EXPECT_EQ(vm->stop.reason, STOP_BREAK);
        EXPECT_EQ(vm->stop.probe, MANY + 1);
        check_books();
        EXPECT_EQ(probe_at(vm, MANY)->hits, 1);
        EXPECT(probe_remove(vm, PROBE_GDB, MANY));
        EXPECT(!probe_at(vm, MANY) && probe_at(vm, MANY + 1));
        probe_clear(vm, PROBE_GDB);
        EXPECT_EQ(frames_of_probes(), guards_frames(&vm->shadow.guards));
        EXPECT(!go());
        EXPECT_EQ(frames_of_probes(), 0);
        EXPECT(fake_hv.frames.nfree + vm->shadow.made * 2 >= nfree);
    }
}

/* Every one of them is met, too, by hand: a stop each. */
static void each_of_thousands_is_met(void)
{
    struct probe_touch touch;
    u32 wrong = 0, number;

    start(WAY_PLAIN, SHADOW_VTLB);
    set_far(MANY);
    for (u32 i = 0; i < MANY; i++) {
        u32 at = FAR + i * 0x10040;
        bool touched = probe_touches(vm, gva(at - 2), 4, ACC_WRITE, &touch);
        wrong += touched != !(i % 2) || (touched && touch.probe != i);
        wrong += touched && (touch.off != 2 || touch.size != 2);
        wrong += probe_break_at(vm, at, &number) != (i % 2 == 1);
        wrong += i % 2 && number != i;
    }
    EXPECT_EQ(wrong, 0);
    EXPECT(!probe_touches(vm, gva(FAR - 4), 4, ACC_WRITE, &touch));
    EXPECT(!probe_break_at(vm, FAR + 1, &number));
    probe_clear(vm, PROBE_GDB);
}

static u32 longest_chain(void)
{
    const struct probe *probe;
    u32 longest = 0;

    for (u32 i = 0; (probe = probe_next(vm, &i)); i++) {
        u32 length = 1;
        for (; probe->next; probe = probe_at(vm, probe->next - 1))
            length++;
        longest = length > longest ? length : longest;
    }
    return longest;
}

static void chains_stay_short(void)
{
    start(WAY_PLAIN, SHADOW_VTLB);
    for (u32 i = 0; i < MANY; i++)
        EXPECT(add(PROBE_WRITE, rnd(0xfffff000), 1 + rnd(4)) >= 0);
    EXPECT(longest_chain() <= 12);
    probe_clear(vm, PROBE_GDB);
    for (u32 i = 0; i < MANY; i++) /* a kernel's worth, word by word */
        EXPECT(add(PROBE_BREAK, CODE_AT + i * 4, 1) >= 0);
    EXPECT(longest_chain() <= 20);
    probe_clear(vm, PROBE_GDB);
}

/* ---- against a plain list */

struct plain {
    bool used;
    u32 at, size;
};
#define PLAIN 600
static struct plain plain[PLAIN];

static int plain_first(u32 at, u32 size)
{
    for (int i = 0; i < PLAIN; i++) {
        if (plain[i].used &&
            (at - plain[i].at < plain[i].size || plain[i].at - at < size))
            return i;
    }
    return -1;
}

static u32 some_size(void)
{
    u32 bits = rnd(33);

    return 1 + (u32)(rnd(0xffffffff) & ((1ull << bits) - 1));
}

static void ranges_of_all_sizes_are_found(void)
{
    struct probe_touch touch;
    u32 wrong = 0;

    start(WAY_PLAIN, SHADOW_VTLB);
    memset(plain, 0, sizeof(plain));
    for (u32 round = 0; round < 4000; round++) {
        u32 n = rnd(PLAIN), at = rnd(0xffffffff), size = some_size();
        if (plain[n].used && rnd(3)) {
            plain[n].used = false;
            wrong += !probe_remove(vm, PROBE_GDB, n);
        } else if (rnd(2) && size && at + (size - 1) >= at) {
            int got = add(PROBE_WRITE, at, rnd(4) ? size & 63 : size);
            if (got >= 0)
                plain[got] = (struct plain){true, probe_at(vm, (u32)got)->at,
                                            probe_at(vm, (u32)got)->size};
            wrong += got >= PLAIN - 1;
        }
        at = rnd(2) || !plain[n].used ? rnd(0xffffffff)
                                      : plain[n].at + plain[n].size - rnd(3);
        size = 1 + rnd(64);
        if (!probe_touches(vm, gva(at), size, ACC_WRITE, &touch))
            touch.probe = (u32)-1;
        wrong += (int)touch.probe != plain_first(at, size);
    }
    EXPECT_EQ(wrong, 0);
    check_books();
    probe_clear(vm, PROBE_GDB);
    EXPECT_EQ(frames_of_probes(), 0);
}

/* ---- memory, VMs, resets */

static u32 leave_free(u32 frames)
{
    u32 taken = 0;
    mfn_t m;

    while (fake_hv.frames.nfree > frames) {
        frame_alloc(&fake_hv.frames, FRAME_VMM, 0, &m);
        taken++;
    }
    return taken;
}

/* The last ones: where there would be more chains next, or have just become. */
static const u32 frames_left[] = {0, 1, 2, 3, 4, 5, 6, 7, 19, 20, 36, 37, 38};

static void memory_runs_out_in_the_middle(void)
{
    for (u32 i = 0; i < ARRAY_LEN(frames_left); i++) {
        u32 count = 0, frames = frames_left[i];
        char error[200];
        start(WAY_DIRECT, frames % 2 ? SHADOW_CACHED : SHADOW_VTLB);
        turn(20);
        leave_free(frames);
        while (add(PROBE_WRITE, 0x5000 + count * 0x1000, 4) >= 0)
            count++;
        EXPECT_EQ(vm->probes.list.count, count);
        EXPECT(!count == (frames < 4));
        EXPECT_EQ(count % 128, 0);
        EXPECT(probe_add(vm, PROBE_GDB, PROBE_BREAK, 1, 1, error,
                         sizeof(error)) < 0);
        EXPECT(strstr(error, "has no memory for another"));
        check_books();
        if (!count)
            continue;
        EXPECT(until_stop()); /* coarse guards are guards */
        EXPECT_EQ(vm->stop.at, 0x5000);
        check_books();
        EXPECT(probe_remove(vm, PROBE_GDB, count - 1));
        EXPECT_EQ(add(PROBE_BREAK, CODE_AT + 6, 1), (int)count - 1);
        EXPECT(go());
        EXPECT_EQ(vm->cpu.eip, CODE_AT + 6);
        check_books();
        probe_clear(vm, PROBE_GDB);
        EXPECT(!go());
        EXPECT_EQ(frames_of_probes(), 0);
        check_books();
    }
}

static struct vm *second(void)
{
    struct vm_config config = {.kind = CONFIG_VM,
                               .name = "second",
                               .mem = 0x200000,
                               .shadow = SHADOW_CACHED,
                               .weight = 1};
    char error[200];

    EXPECT(vm_create(&fake_hv, &config, 0, error, sizeof(error)));
    return &fake_hv.vm[1];
}

/* More than one directory of chunks; gaps are filled, and jumped over. */
static void a_directory_is_not_all(void)
{
    const u32 many = 128 * 1024 + 200;
    u32 wrong = 0, next = 1;

    start(WAY_PLAIN, SHADOW_VTLB);
    for (u32 i = 0; i < many; i++)
        wrong += add(PROBE_WRITE, FAR + i * 16, 1) != (int)i;
    for (u32 i = 1; i < many - 1; i++)
        wrong += !probe_remove(vm, PROBE_GDB, i);
    EXPECT_EQ(wrong, 0);
    EXPECT(probe_next(vm, &next));
    EXPECT_EQ(next, many - 1);
    next++;
    EXPECT(!probe_next(vm, &next));
    EXPECT(!probe_at(vm, 0xffffffff));
    EXPECT_EQ(add(PROBE_BREAK, 5, 1), 1);
    check_books();
    probe_clear(vm, PROBE_GDB);
    EXPECT_EQ(frames_of_probes(), 0);
}

static void two_vms_have_their_own(void)
{
    struct vm *first, *other;
    u32 number;

    first = vm = fake_vm(0x400000, SHADOW_CACHED);
    other = second();
    set_far(MANY);
    vm = other;
    set_far(1000);
    probe_install(vm);
    EXPECT(shadow_is_guarded(&other->shadow, gva(FAR), PF_WRITE));
    EXPECT(!shadow_is_guarded(&first->shadow, gva(FAR), PF_WRITE));
    EXPECT(probe_break_at(first, FAR + 4999 * 0x10040, &number));
    EXPECT(!probe_break_at(other, FAR + 4999 * 0x10040, &number));
    check_books();
    vm_destroy(other);
    EXPECT_EQ(frames_of_probes(), 0);
    vm = first;
    check_books();
    EXPECT_EQ(vm->probes.list.count, MANY);
    vm_destroy(first);
    EXPECT_EQ(frames_of_probes(), 0);
    EXPECT_EQ(frames_audit(&fake_hv.frames, 0, NULL), 0);
}

static void a_reset_keeps_them(void)
{
    char error[200];

    vm = fake_vm(0x400000, SHADOW_CACHED);
    set_far(MANY);
    probe_install(vm);
    EXPECT(guards_any(&vm->shadow.guards));
    EXPECT(vm_reset(vm, error, sizeof(error)));
    EXPECT(!guards_any(&vm->shadow.guards));
    check_books();
    EXPECT(vm->probes.changed);
    probe_install(vm);
    EXPECT(shadow_is_guarded(&vm->shadow, gva(FAR), PF_WRITE));
    check_books();
    vm_destroy(vm);
    EXPECT_EQ(frames_of_probes(), 0);
}

int main(void)
{
    static const struct unit_case list[] = {
        CASE(thousands_are_met_and_removed),
        CASE(each_of_thousands_is_met),
        CASE(chains_stay_short),
        CASE(ranges_of_all_sizes_are_found),
        CASE(memory_runs_out_in_the_middle),
        CASE(a_directory_is_not_all),
        CASE(two_vms_have_their_own),
        CASE(a_reset_keeps_them),
    };

    return unit_main(list, ARRAY_LEN(list));
}
