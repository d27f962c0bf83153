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
    EXPECT_EQ(probe_at(vm, 0)->hits, 100);
    EXPECT_EQ(shadow_audit(&vm->shadow, NULL), 0);
    EXPECT(probe_remove(vm, PROBE_GDB, 0));
    EXPECT(!go());
    EXPECT(vm->cpu.gpr[EBX] > 200);
    EXPECT(!guards_any(&vm->shadow.guards));
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

/* mov edi, 0x5000; mov ecx, 100; rep stosb; jmp back */
#define REPEATED "\xbf\0\x50\0\0\xb9\x64\0\0\0\xf3\xaa\xeb\xf2"

static void repeats(void)
{
    START(REPEATED);
    vm->cpu.gpr[EAX] = 7;
    add(PROBE_WRITE, 0x500a, 2);
    add(PROBE_BREAK, CODE_AT + 10, 1);
    EXPECT(until_stop());
    EXPECT_EQ(vm->stop.reason, STOP_BREAK);
    EXPECT(go());
    EXPECT_EQ(vm->stop.reason, STOP_WATCH);
    EXPECT_EQ(vm->cpu.gpr[ECX], 89);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 10);
    EXPECT(go());
    EXPECT_EQ(vm->cpu.gpr[ECX], 88);
    EXPECT_EQ(vm->stop.at, 0x500b);
    EXPECT_EQ(vm->stop.now, 7);
    /* The rest, and round to its breakpoint; a step is all of it. */
    EXPECT(go());
    EXPECT_EQ(vm->stop.reason, STOP_BREAK);
    EXPECT_EQ(vm->cpu.gpr[ECX], 100);
    EXPECT_EQ(probe_at(vm, 1)->hits, 2);
    EXPECT(probe_remove(vm, PROBE_GDB, 0));
    probe_step(vm, 1);
    EXPECT(until_stop());
    EXPECT_EQ(vm->stop.reason, STOP_STEP);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 12);
    EXPECT_EQ(vm->cpu.gpr[ECX], 0);
}

/* xor ecx, ecx; div ecx; inc ebx; jmp back; the handler: inc ecx; iret */
#define DIVIDING "\x31\xc9\xf7\xf1\x43\xeb\xf9"

/* RF in the frame holds the breakpoint off when the instruction is restarted,
 * also if there was a stop in between. */
static void faults(void)
{
    START(DIVIDING);
    poke(HANDLER, "\x41\xcf", 2);
    add(PROBE_BREAK, CODE_AT + 2, 1);
    for (u32 i = 0; i < 3; i++) {
        EXPECT(i ? go() : until_stop());
        EXPECT_EQ(vm->cpu.eip, CODE_AT + 2);
        EXPECT_EQ(vm->cpu.gpr[EBX], i);
    }
    add(PROBE_BREAK, HANDLER + 1, 1);
    EXPECT(go());
    EXPECT_EQ(vm->cpu.eip, HANDLER + 1);
    EXPECT(go());
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 2);
    EXPECT_EQ(vm->cpu.gpr[EBX], 3);
    probe_step(vm, 1);
    EXPECT(until_stop());
    EXPECT_EQ(vm->stop.reason, STOP_STEP);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
}

/* movsb to where ES ends; the handler puts the limit right: its code, ud2, is
 * never reached, as the stop at its first instruction is the end. */
static void lost_reads(void)
{
    START("\xa4");
    add(PROBE_READ, 0x5000, 4);
    add(PROBE_BREAK, HANDLER, 1);
    vm->cpu.gpr[ESI] = 0x5001;
    vm->cpu.gpr[EDI] = 0x6000;
    vm->cpu.seg[SEG_ES].limit = 0x5fff;
    EXPECT(until_stop());
    EXPECT_EQ(vm->stop.reason, STOP_BREAK);
    EXPECT_EQ(vm->stop.probe, 1);
    EXPECT_EQ(probe_at(vm, 0)->hits, 0);
}

/* movsd from one watched place to another: the write is told, both count. */
static void both(void)
{
    START("\xa5\xeb\xfe");
    add(PROBE_READ, 0x5000, 4);
    add(PROBE_ACCESS, 0x6002, 1);
    poke(0x5000, "\1\2\3\4", 4);
    vm->cpu.gpr[ESI] = 0x5000;
    vm->cpu.gpr[EDI] = 0x6000;
    EXPECT(until_stop());
    EXPECT_EQ(vm->stop.probe, 1);
    EXPECT(vm->stop.wrote);
    EXPECT_EQ(vm->stop.at, 0x6002);
    EXPECT_EQ(vm->stop.now, 3);
    EXPECT_EQ(probe_at(vm, 0)->hits, 1);
    EXPECT_EQ(probe_at(vm, 1)->hits, 1);
}

/* A read that is written back is a read for `read`, a write for `access`. */
static void both_ways(void)
{
    START("\xff\x05\0\x50\0\0\xeb\xf8");
    add(PROBE_READ, 0x5000, 1);
    EXPECT(until_stop());
    EXPECT(!vm->stop.wrote);
    EXPECT_EQ(vm->stop.now, 0);
    EXPECT(probe_remove(vm, PROBE_GDB, 0));
    add(PROBE_ACCESS, 0x5000, 1);
    EXPECT(go());
    EXPECT(vm->stop.wrote);
    EXPECT_EQ(vm->stop.old, 1);
    EXPECT_EQ(vm->stop.now, 2);
}

/* sti; nop; inc eax; jmp self */
static void behind_sti(void)
{
    START("\xfb\x90\x40\xeb\xfe");
    fake_raise_timer(vm, 0x20);
    add(PROBE_BREAK, CODE_AT + 1, 1);
    add(PROBE_BREAK, HANDLER, 1);
    EXPECT(until_stop());
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 1);
    EXPECT(go());
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(peek32(vm->cpu.gpr[ESP]), CODE_AT + 2);
}

/* sti; mov [0x5000], eax: the stop comes before the interrupt that waits. */
static void watch_behind_sti(void)
{
    START("\xfb\xa3\0\x50\0\0\x90\xeb\xfe");
    fake_raise_timer(vm, 0x20);
    add(PROBE_WRITE, 0x5000, 1);
    EXPECT(until_stop());
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 6);
    EXPECT_EQ(vm->cpu.gpr[ESP], STACK);
}

/* The guest goes on from a breakpoint, but an interrupt comes first, whose
 * handler gets to the same place: that is another matter. */
static void in_a_handler(void)
{
    START("\x40\xeb\xfd");
    poke(HANDLER, "\xe9\xfb\xef\xff\xff", 5);
    vm->cpu.eflags |= EFLAGS_IF;
    add(PROBE_BREAK, CODE_AT, 1);
    EXPECT(until_stop());
    fake_raise_timer(vm, 0x20);
    EXPECT(go());
    EXPECT_EQ(vm->cpu.eip, CODE_AT);
    EXPECT_EQ(vm->cpu.gpr[ESP], STACK - 12);
    EXPECT_EQ(vm->cpu.gpr[EAX], 0);
}

/* mov ss, ax; inc ebx; jmp back, with the guest's own TF: its trap comes
 * behind INC, whose breakpoint is met before. */
static void behind_mov_ss(void)
{
    START("\x8e\xd0\x43\xeb\xfb");
    poke(HANDLER, "\x41\xcf", 2);
    vm->cpu.gpr[EAX] = 16;
    vm->cpu.eflags |= EFLAGS_TF;
    add(PROBE_BREAK, CODE_AT + 2, 1);
    for (u32 i = 0; i < 3; i++) {
        EXPECT(i ? go() : until_stop());
        EXPECT_EQ(vm->cpu.eip, CODE_AT + 2);
        EXPECT_EQ(vm->cpu.gpr[EBX], i);
        EXPECT_EQ(vm->cpu.gpr[ECX], i * 2);
        EXPECT(vm->cpu.eflags & EFLAGS_TF);
    }
}

/* The guest's DR0 at the same place: ours, then its own, then it goes on. */
static void with_its_own(void)
{
    START("\x40\x43\xeb\xfc");
    poke(HANDLER, "\x41\x0f\xba\x6c\x24\x08\x10\xcf", 8); /* RF */
    vm->cpu.dr[0] = CODE_AT + 1;
    vm->cpu.dr[7] = DR7_FIXED | 1;
    add(PROBE_BREAK, CODE_AT + 1, 1);
    for (u32 i = 0; i < 3; i++) {
        EXPECT(i ? go() : until_stop());
        EXPECT_EQ(vm->cpu.eip, CODE_AT + 1);
        EXPECT_EQ(vm->cpu.gpr[EBX], i);
        EXPECT_EQ(vm->cpu.gpr[ECX], i);
    }
}

/* int 0x40 pushes into a watched stack: INT is who did it. */
static void by_events(void)
{
    START("\x90\xcd\x40");
    add(PROBE_WRITE, STACK - 12, 4);
    EXPECT(until_stop());
    EXPECT_EQ(vm->stop.eip, CODE_AT + 1);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(vm->stop.now, CODE_AT + 3);
    /* Another: what the processor reads of the gate. */
    START("\x90\xcd\x40");
    add(PROBE_ACCESS, IDT_AT + 0x40 * 8, 8);
    EXPECT(until_stop());
    EXPECT_EQ(vm->stop.eip, CODE_AT + 1);
    EXPECT(!vm->stop.wrote);
}

/* mov eax, [0xb8000]; mov [0xb8002], ax; mov eax, [0xf0000000] */
static void where_no_memory_is(void)
{
    START("\xa1\0\x80\x0b\0\x66\xa3\2\x80\x0b\0\xa1\0\0\0\xf0");
    vm->cpu.gpr[EAX] = 0;
    add(PROBE_ACCESS, 0xb8000, 0x1000);
    add(PROBE_ACCESS, 0xf0000000, 0x10000000);
    EXPECT(until_stop());
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 5);
    EXPECT(go());
    EXPECT(vm->stop.wrote);
    EXPECT_EQ(vm->stop.old, vm->stop.now);
    EXPECT(go());
    EXPECT_EQ(vm->stop.probe, 1);
    EXPECT_EQ(vm->stop.now, 0xffffffff);
}

/* A jump out of another page to a breakpoint; the instruction that runs into
 * that page does not start there. */
static void other_pages(void)
{
    START("\x40\xe9\xfa\x0f\0\0");
    poke(CODE_AT + 0xffe, "\xb8\1\2\3\4\x40\xe9\xf7\xef\xff\xff", 11);
    poke(CODE_AT + 0x1000, "\2\3\4\x40\xe9\xf7\xef\xff\xff", 9);
    poke(CODE_AT, "\x40\xe9\xf8\x0f\0\0", 6);
    add(PROBE_BREAK, CODE_AT + 0x1000, 1);
    EXPECT(!until_stop());
    add(PROBE_BREAK, CODE_AT + 0x1003, 1);
    EXPECT(until_stop());
    EXPECT_EQ(vm->stop.probe, 1);
    EXPECT_EQ(vm->cpu.gpr[EAX], 0x04030201);
    EXPECT_EQ(probe_at(vm, 0)->hits, 0);
}

static void its_own_code(void)
{
    /* mov eax, [self]: bytes are as they are; then a store to them */
    START("\xa1\0\0\x20\0\xa3\0\0\x20\0\x90\xeb\xf3");
    add(PROBE_BREAK, CODE_AT + 11, 1);
    add(PROBE_WRITE, CODE_AT, 4);
    EXPECT(until_stop());
    EXPECT_EQ(vm->stop.reason, STOP_WATCH);
    EXPECT_EQ(vm->cpu.gpr[EAX], 0x200000a1);
    EXPECT(go());
    EXPECT_EQ(vm->stop.reason, STOP_BREAK);
    EXPECT_EQ(shadow_audit(&vm->shadow, NULL), 0);
}

static void life(void)
{
    char error[200];
    u64 stops;

    START("\xf4");
    memset(vm->blocks.slot, 0, sizeof(vm->blocks.slot)); /* not its own */
    add(PROBE_BREAK, 0x100020, 1);                       /* the image's HLT */
    stops = vm->stop.stops;
    vm_kill(vm, "it had to");
    EXPECT_EQ(vm->stop.reason, STOP_DEATH);
    EXPECT_EQ(vm->stop.stops, stops + 1);
    probe_interrupt(vm);
    probe_step(vm, 1);
    EXPECT_EQ(vm->stop.stops, stops + 1);
    EXPECT(vm_reset(vm, error, sizeof(error)));
    EXPECT(until_stop());
    EXPECT_EQ(vm->stop.reason, STOP_BREAK);
    EXPECT_EQ(vm->cpu.eip, 0x100020);
    vm_destroy(vm);
    EXPECT_EQ(add(PROBE_BREAK, 1, 1), -1);
}

static void each_way(void)
{
    each(repeats);
    each(faults);
    each(both);
    each(both_ways);
    each(by_events);
    each(watch_behind_sti);
    each(in_a_handler);
    each(where_no_memory_is);
    each(other_pages);
    each(its_own_code);
    each(life);
}

/* Where state that the played CPU does not have is in use. */
static void interpreted(void)
{
    for (way = WAY_PLAIN; way < WAY_DIRECT; way++) {
        policy = SHADOW_CACHED;
        lost_reads();
        behind_sti();
        behind_mov_ss();
        with_its_own();
    }
}

static void real_mode(void)
{
    for (way = WAY_PLAIN; way < WAY_DIRECT; way++) {
        policy = SHADOW_VTLB;
        START(COUNTING);
        vm->cpu.cr0 &= ~(u32)CR0_PE;
        for (u32 s = 0; s < SEG_COUNT; s++)
            vm->cpu.seg[s] = (struct segment){.attr = 0x93, .limit = 0xffff};
        vm->cpu.seg[SEG_CS].sel = 0x1230;
        vm->cpu.seg[SEG_CS].base = 0x12300;
        poke(0x12345, "\x40\xa2\0\x50\x90\xeb\xf9", 7);
        vm->cpu.eip = 0x45;
        add(PROBE_BREAK, 0x1234a, 1);
        add(PROBE_WRITE, 0x5000, 1);
        EXPECT(until_stop());
        EXPECT_EQ(vm->stop.reason, STOP_WATCH);
        EXPECT_EQ(vm->stop.eip, 0x46);
        EXPECT(go());
        EXPECT_EQ(vm->stop.reason, STOP_BREAK);
        EXPECT_EQ(vm->cpu.eip, 0x4a);
    }
}

static void the_list(void)
{
    world(WAY_PLAIN, SHADOW_VTLB);
    EXPECT_EQ(add(PROBE_WRITE, 0x1000, 0), -1);
    EXPECT_EQ(add(PROBE_WRITE, 0xfffffffd, 4), -1);
    EXPECT_EQ(add(PROBE_WRITE, 0xfffffffc, 4), 0);
    EXPECT(!probe_remove(vm, PROBE_MONITOR, 0));
    EXPECT(!probe_remove(vm, PROBE_GDB, 1));
    EXPECT(!probe_remove(vm, PROBE_GDB, 0xffffffff));
    for (int i = 1; i < 64; i++)
        EXPECT_EQ(add(PROBE_BREAK, (u32)i << 12, 1), i);
    probe_install(vm);
    EXPECT(shadow_is_guarded(&vm->shadow, gva(0x3fff), PF_FETCH));
    EXPECT(!shadow_is_guarded(&vm->shadow, gva(0x3fff), PF_WRITE));
    EXPECT(shadow_is_guarded(&vm->shadow, gva(0xffffffff), PF_WRITE));
    EXPECT_STR(probe_kind_name(PROBE_ACCESS), "access");
}

/* A debugger takes its breakpoints out to step, and puts them back: the shadow
 * is not emptied for that. */
static void a_step_keeps_the_guards(void)
{
    u64 drops;

    way = WAY_DIRECT;
    policy = SHADOW_CACHED;
    START(COUNTING);
    add(PROBE_BREAK, CODE_AT + 2, 1);
    EXPECT(until_stop());
    drops = vm->shadow.stats.drops;
    for (u32 i = 0; i < 5; i++) {
        EXPECT(probe_remove(vm, PROBE_GDB, 0));
        probe_step(vm, 1);
        EXPECT(until_stop());
        EXPECT_EQ(add(PROBE_BREAK, CODE_AT + 2, 1), 0);
        EXPECT(go());
        EXPECT_EQ(vm->stop.reason, STOP_BREAK);
    }
    EXPECT_EQ(vm->shadow.stats.drops, drops);
}

/* CODE_AT + 0xff0: inc eax; jmp to the next page; there: inc ebx; jmp back */
static void fetch_exits_are_exits(void)
{
    const struct vm_last_exit *last;
    u64 seen;

    way = WAY_DIRECT;
    policy = SHADOW_CACHED;
    START(COUNTING);
    poke(CODE_AT + 0xff0, "\x40\xe9\x0a\0\0\0", 6);
    poke(CODE_AT + 0x1000, "\x43\xe9\xea\xff\xff\xff", 6);
    vm->cpu.eip = CODE_AT + 0xff0;
    add(PROBE_BREAK, CODE_AT + 0x1800, 1);
    for (u32 i = 0; i < 500; i++) {
        seen = vm->exits;
        turn(7);
        EXPECT(vm->exits > seen);
        EXPECT(vm->costs.next > vm->exits);
    }
    EXPECT(vm->cpu.gpr[EBX] > 100);
    EXPECT(vm->exit_count[EXIT_PROBE] > 100);
    EXPECT(vm->costs.kind[EXIT_PROBE].count > 0);
    for (u32 i = 0; i < VM_LAST_EXITS; i++) {
        last = &vm->last[i];
        EXPECT(last->vector == HOST_IRQ || last->vector == TRAP_PF);
        EXPECT(last->vector == HOST_IRQ || last->eip == CODE_AT + 0x1000);
    }
}

/* A person who steps over what resets the machine hears where its next life
 * begins. */
static void a_step_over_a_reset_is_told(void)
{
    world(WAY_PLAIN, SHADOW_VTLB);
    probe_interrupt(vm);
    probe_step(vm, 3);
    vm->probes.tell = true;
    probe_reset(vm);
    EXPECT(vm->probes.stepping);
    EXPECT(vm->probes.tell);
    EXPECT(until_stop());
    EXPECT(!vm->probes.tell);
    probe_reset(vm);
    EXPECT(!vm->probes.on);
}

int main(void)
{
    static const struct unit_case list[] = {
        CASE(break_cases),
        CASE(step_cases),
        CASE(watch_cases),
        CASE(each_way),
        CASE(interpreted),
        CASE(real_mode),
        CASE(the_list),
        CASE(a_step_keeps_the_guards),
        CASE(fetch_exits_are_exits),
        CASE(a_step_over_a_reset_is_told),
    };

    return unit_main(list, ARRAY_LEN(list));
}
