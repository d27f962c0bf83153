/* SPDX-License-Identifier: MIT
 *
 * Probes: where a guest stops, and that it stops nowhere else, for each way of
 * running it and both shadow policies.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/unit/probeworld.h"

static enum way way;
static enum shadow_policy_id policy;

static void each(void (*run)(void))
{
    for (way = 0; way < WAYS; way++) {
        for (policy = SHADOW_VTLB; policy <= SHADOW_CACHED; policy++)
            run();
    }
}

static void start(const char *code, u32 size)
{
    world(way, policy);
    poke(CODE_AT, code, size);
}

#define START(code) start(code, sizeof(code) - 1)

/* CODE_AT: inc eax; nop; inc ebx; jmp back */
#define COUNTING "\x40\x90\x43\xeb\xfb"

static void breaks(void)
{
    START(COUNTING);
    EXPECT_EQ(add(PROBE_BREAK, CODE_AT + 2, 7), 0);
    EXPECT(until_stop());
    EXPECT_EQ(vm->state, VM_PAUSED);
    EXPECT_EQ(vm->stop.reason, STOP_BREAK);
    EXPECT_EQ(vm->stop.eip, CODE_AT + 2);
    EXPECT_EQ(vm->cpu.gpr[EBX], 0);
    for (u32 i = 1; i < 100; i++) {
        EXPECT(go());
        EXPECT_EQ(vm->cpu.eip, CODE_AT + 2);
        EXPECT_EQ(vm->cpu.gpr[EBX], i);
        EXPECT_EQ(vm->cpu.gpr[EAX], i + 1);
    }
    EXPECT_EQ(vm->probes.probe[0].hits, 100);
    EXPECT_EQ(shadow_audit(&vm->shadow, NULL), 0);
    EXPECT(probe_remove(vm, PROBE_GDB, 0));
    EXPECT(!go());
    EXPECT(vm->cpu.gpr[EBX] > 200);
    EXPECT_EQ(vm->shadow.guards, 0);
    EXPECT_EQ(shadow_audit(&vm->shadow, NULL), 0);
}

static void break_cases(void)
{
    each(breaks);
}

static void steps(void)
{
    START(COUNTING);
    probe_interrupt(vm);
    EXPECT_EQ(vm->stop.reason, STOP_INTERRUPT);
    for (u32 i = 1; i <= 8; i++) {
        probe_step(vm, 1);
        EXPECT(until_stop());
        EXPECT_EQ(vm->stop.reason, STOP_STEP);
        EXPECT_EQ(vm->cpu.gpr[EAX], (i + 3) / 4);
        EXPECT_EQ(vm->cpu.gpr[EBX], (i + 1) / 4);
    }
    probe_step(vm, 400);
    EXPECT(until_stop());
    EXPECT_EQ(vm->cpu.gpr[EAX], 102);
    probe_step_range(vm, CODE_AT, CODE_AT + 3);
    EXPECT(until_stop());
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 3);
    EXPECT(!vm->probes.on);
}

static void step_cases(void)
{
    each(steps);
}

/* mov [0x5000], eax; inc eax; mov ebx, [0x5002]; jmp back */
#define STORING "\xa3\0\x50\0\0\x40\x8b\x1d\x02\x50\0\0\xeb\xf2"

static void watches(void)
{
    START(STORING);
    vm->cpu.gpr[EAX] = 0x11223344;
    EXPECT_EQ(add(PROBE_WRITE, 0x5003, 9), 0);
    EXPECT(until_stop());
    EXPECT_EQ(vm->stop.reason, STOP_WATCH);
    EXPECT_EQ(vm->stop.eip, CODE_AT);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 5);
    EXPECT_EQ(vm->stop.at, 0x5003);
    EXPECT_EQ(vm->stop.size, 1);
    EXPECT(vm->stop.wrote);
    EXPECT_EQ(vm->stop.old, 0);
    EXPECT_EQ(vm->stop.now, 0x11);
    EXPECT_EQ(add(PROBE_READ, 0x5005, 1), 1);
    EXPECT(go());
    EXPECT_EQ(vm->stop.probe, 1);
    EXPECT_EQ(vm->stop.eip, CODE_AT + 6);
    EXPECT(!vm->stop.wrote);
    EXPECT(go());
    EXPECT_EQ(vm->stop.probe, 0);
    EXPECT_EQ(vm->stop.old, 0x11);
    EXPECT_EQ(shadow_audit(&vm->shadow, NULL), 0);
    probe_clear(vm, PROBE_MONITOR);
    EXPECT(vm->probes.on);
    probe_clear(vm, PROBE_GDB);
    EXPECT(!go());
}

static void watch_cases(void)
{
    each(watches);
}

int main(void)
{
    static const struct unit_case list[] = {
        CASE(break_cases),
        CASE(step_cases),
        CASE(watch_cases),
    };

    return unit_main(list, ARRAY_LEN(list));
}
