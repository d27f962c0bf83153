/* SPDX-License-Identifier: MIT
 *
 * The black box of wild guests: whatever registers, tables, stack and past a
 * dead guest has, its report is made, ends, keeps to its lines and to
 * printable characters.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/unit/boxworld.h"

#define ROUNDS 4000

static u32 seed = 1;

static u32 any(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 16 | seed << 16;
}

static u32 below(u32 n)
{
    return (any() >> 3) % n;
}

/* Where something is, mostly. */
static u32 address(void)
{
    static const u32 places[] = {IDT_AT,   GDT_AT,  STACK,   CODE_AT,
                                 TABLE_AT, HANDLER, NOWHERE, 0xfffff000};

    return below(4) ? places[below(8)] + below(0x1100) - 0x80 : any();
}

static void wild_segment(struct segment *s)
{
    s->sel = (u16)any();
    s->attr ^= (u16)(below(2) ? 0 : any());
    s->base = below(4) ? 0 : any();
    s->limit = below(2) ? 0xffffffff : any();
}

static void wild_registers(struct cpu *c)
{
    for (u32 r = 0; r < GPR_COUNT; r++)
        c->gpr[r] = address();
    c->eip = address();
    c->eflags = any() & ~(u32)(below(4) ? EFLAGS_VM : 0);
    for (u32 s = 0; s < SEG_COUNT && !below(2); s++)
        wild_segment(&c->seg[s]);
    wild_segment(&c->tr);
    wild_segment(&c->ldtr);
    if (!below(3))
        c->gdtr = (struct table_reg){address(), (u16)any()};
    if (!below(3))
        c->idtr = (struct table_reg){address(), (u16)any()};
    c->cr0 = CR0_PE | (below(3) ? CR0_PG : 0) | (any() & CR0_WP);
    if (!below(8))
        c->cr0 = 0;
    c->cr2 = address();
    c->cr3 = below(3) ? TABLES_AT : address();
    c->cr4 = any() & (CR4_PSE | (below(4) ? 0 : CR4_PAE));
    for (u32 i = 0; i < 4; i++)
        c->pdpte[i] = (u64)any() << 32 | any();
    c->cpl = below(2) ? 0 : 3;
}

static void wild_memory(void)
{
    for (u32 i = below(200); i; i--) {
        u32 at = address() & 0x3ffffc, value = below(2) ? address() : any();
        poke(at, &value, 4);
    }
}

static void wild_past(void)
{
    vm->exits = below(3) ? below(100) : (u64)any() << 32;
    vm->box.faults = below(3) ? below(100) : (u64)any() << 32;
    for (u32 i = 0; i < VM_LAST_EXITS; i++)
        vm->last[i] = (struct vm_last_exit){.vector = any() & 0x1ff,
                                            .error = any(),
                                            .cr2 = address(),
                                            .eip = address()};
    for (u32 i = 0; i < BOX_FAULTS; i++)
        vm->box.fault[i] = (struct box_fault){
            address(), {(u8)any(), below(2), any(), address()}};
    vm->box.space =
        (struct box_switch){below(2), (u8)below(5), address(), any(), any()};
    if (below(2))
        vm->box.space.eip = vm->cpu.eip - below(16);
}

static struct event wild_event(void)
{
    return (struct event){below(4) ? EVENT_EXCEPTION : below(3),
                          {(u8)(below(2) ? any() : TRAP_PF), below(2) != 0,
                           any() & 0xffff, below(2) ? vm->cpu.eip : address()}};
}

/* As delivery tells it, and as it never would. */
static void wild_chain(void)
{
    struct event_chain chain = {.failed = below(EVENT_CHAIN + 1),
                                .cpu = vm->cpu};
    struct cpu_env env = env_of(vm);
    struct event event = wild_event();
    enum event_status status = below(2) ? EVENT_TRIPLE : EVENT_OK;
    u8 vector = TRAP_DF;

    for (u32 i = 0; i < chain.failed; i++)
        chain.attempt[i] =
            (struct event_attempt){wild_event(), wild_event().fault, !below(4)};
    if (below(2)) {
        event.fault.vector %= TRAP_EXCEPTIONS;
        status = event_deliver_chain(&vm->cpu, &env, &event, &vector, &chain);
    }
    if (chain.failed)
        blackbox_failed(vm, &chain, status, vector);
}

static void a_wild_guest(void)
{
    struct cpu good = vm->cpu;

    trace_want(vm, TRACE_LIVE, below(2) ? TRACE_EVERYTHING : 0);
    wild_memory();
    wild_registers(&vm->cpu);
    wild_past();
    wild_chain();
    wild_chain();
    vm->state = below(2) ? VM_KILLED : VM_EXITED;
    vm->status = any();
    blackbox_look(vm);
    vm->box.taken = true;
    take_report();
    EXPECT(report_lines > 5 && report_lines <= LINES_MAX);
    blackbox_reset(vm);
    vm->state = VM_RUNNING;
    vm->cpu = good;
}

static void wild_guests(void)
{
    u64 looks = fake_looks;

    start_paged("\x90", 1);
    trace_init(&vm->hv->trace, records, ARRAY_LEN(records));
    for (u32 i = 0; i < ROUNDS && !unit_failures; i++)
        a_wild_guest();
    EXPECT(fake_looks - looks < ROUNDS * 100u);
}

static const struct unit_case cases[] = {
    CASE(wild_guests),
};

UNIT_MAIN(cases)
