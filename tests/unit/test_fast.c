/* SPDX-License-Identifier: MIT
 *
 * The short way against the definition: fast_*() must
 * either refuse, or leave processor and memory exactly as event_deliver() and
 * cpu_step() do.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/traps.h"
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/exec.h"
#include "vmm/cpu/seg.h"

#define IDT_AT  0x2000
#define GDT_AT  0x3000
#define TSS_AT  0x4000
#define PD_AT   0x5000
#define PT_AT   0x6000
#define KSTACK  0x9000
#define USTACK  0xb000
#define CODE_AT 0x200000
#define HANDLER 0x201000
#define PAGES   1024

static u32 seed = 1;

static u32 rnd(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

static void poke(struct vm *vm, u32 at, u32 value)
{
    p2m_write(&vm->p2m, gpa(at), &value, 4);
}

static void gate(struct vm *vm, u32 vector, u32 hi)
{
    poke(vm, IDT_AT + vector * 8, 8 << 16 | (HANDLER & 0xffff));
    poke(vm, IDT_AT + vector * 8 + 4, (HANDLER & 0xffff0000) | hi);
}

static void descriptor(struct vm *vm, u32 index, u32 access)
{
    poke(vm, GDT_AT + index * 8, 0xffff);
    poke(vm, GDT_AT + index * 8 + 4, 0xcf0000 | access << 8);
}

/* Flat kernel and user segments, a TSS, a page table with every page. */
static struct vm *machine(enum shadow_policy_id policy)
{
    struct vm *vm = fake_vm(0x400000, policy);
    struct cpu *cpu = &vm->cpu;
    struct cpu_env env = env_of(vm);
    struct fault fault;

    descriptor(vm, 1, 0x9b);
    descriptor(vm, 2, 0x93);
    descriptor(vm, 3, 0xfb);
    descriptor(vm, 4, 0xf3);
    poke(vm, GDT_AT + 40, TSS_AT << 16 | 103);
    poke(vm, GDT_AT + 44, 0x8900 | (TSS_AT >> 16));
    poke(vm, TSS_AT + TSS32_ESP0, KSTACK);
    poke(vm, TSS_AT + TSS32_SS0, 0x10);
    for (u32 v = 0; v < 256; v++)
        gate(vm, v, v & 1 ? 0x8e00 : 0xef00);
    poke(vm, PD_AT, PT_AT | 7);
    for (u32 i = 0; i < PAGES; i++)
        poke(vm, PT_AT + i * 4, i << 12 | 0x67);
    cpu->gdtr = (struct table_reg){GDT_AT, 47};
    cpu->idtr = (struct table_reg){IDT_AT, 2047};
    env.table_loaded(vm, TABLE_GDT);
    env.table_loaded(vm, TABLE_IDT);
    if (seg_ltr(cpu, &env, 0x28, &fault) != ENV_OK)
        abort();
    cpu->cr3 = PD_AT;
    cpu->cr0 |= CR0_PG | CR0_WP;
    priv_cr_written(vm, 0, cpu->cr0 & ~CR0_PG);
    return vm;
}

static void at_ring(struct vm *vm, u8 cpl)
{
    struct cpu *cpu = &vm->cpu;
    u16 attr =
        ATTR_P | ATTR_S | ATTR_DB | ATTR_G | 3 | (u16)(cpl << ATTR_DPL_SHIFT);
    u16 base = cpl ? 0x18 : 0x08;

    cpu->cpl = cpl;
    cpu->seg[SEG_CS] =
        (struct segment){base | cpl, attr | ATTR_CODE, 0, 0xffffffff};
    cpu->seg[SEG_SS] = (struct segment){(base + 8) | cpl, attr, 0, 0xffffffff};
    cpu->gpr[ESP] = cpl ? USTACK : KSTACK;
    cpu->eip = CODE_AT;
    cpu->eflags = EFLAGS_ONE | (rnd() & (EFLAGS_STATUS | EFLAGS_IF));
    cpu->seg_dirty = 0;
}

/* Shadow entries for the stacks and the code, as hardware would have. */
static void warm(struct vm *vm)
{
    static const u32 pages[] = {KSTACK - 4, USTACK - 4, CODE_AT, TSS_AT,
                                HANDLER};
    struct shadow_result result;

    for (u32 i = 0; i < ARRAY_LEN(pages); i++)
        shadow_fault(&vm->shadow, gva(pages[i]), i < 2 ? PF_WRITE : 0, &result);
}

static u8 stack_fast[64], stack_slow[64];

static void compare(const struct cpu *fast, const struct cpu *slow)
{
    for (int r = 0; r < GPR_COUNT; r++)
        EXPECT_EQ(fast->gpr[r], slow->gpr[r]);
    EXPECT_EQ(fast->eip, slow->eip);
    EXPECT_EQ(fast->eflags, slow->eflags);
    EXPECT_EQ(fast->cpl, slow->cpl);
    EXPECT_EQ(fast->cr2, slow->cr2);
    for (int s = SEG_CS; s <= SEG_SS; s++) {
        EXPECT_EQ(fast->seg[s].sel, slow->seg[s].sel);
        EXPECT_EQ(fast->seg[s].attr, slow->seg[s].attr);
        EXPECT_EQ(fast->seg[s].base, slow->seg[s].base);
        EXPECT_EQ(fast->seg[s].limit, slow->seg[s].limit);
    }
}

static void compare_stacks(void)
{
    for (size_t i = 0; i < sizeof(stack_fast); i += 4)
        EXPECT_EQ(get_le32(stack_fast + i), get_le32(stack_slow + i));
}

static bool short_way(struct vm *vm, const struct event *event)
{
    u8 code[2] = {0xcd, event->fault.vector};

    if (event->kind == EVENT_EXCEPTION)
        return fast_fault(vm, &event->fault);
    if (event->kind == EVENT_INTERRUPT)
        return fast_interrupt(vm, event->fault.vector);
    vm->cpu.eip -= sizeof(code);
    p2m_write(&vm->p2m, gpa(vm->cpu.eip), code, sizeof(code));
    return fast_int(vm);
}

static void one_event(struct vm *vm, const struct event *event)
{
    struct cpu before = vm->cpu, fast;
    struct cpu_env env = env_of(vm);
    u8 vector;

    EXPECT(short_way(vm, event));
    fast = vm->cpu;
    p2m_read(&vm->p2m, gpa(KSTACK - 64), stack_fast, 64);
    memset(stack_slow, 0, 64);
    p2m_write(&vm->p2m, gpa(KSTACK - 64), stack_slow, 64);
    vm->cpu = before;
    EXPECT_EQ(event_deliver(&vm->cpu, &env, event, &vector), EVENT_OK);
    p2m_read(&vm->p2m, gpa(KSTACK - 64), stack_slow, 64);
    compare(&fast, &vm->cpu);
    compare_stacks();
    memset(stack_slow, 0, 64);
    p2m_write(&vm->p2m, gpa(KSTACK - 64), stack_slow, 64);
}

static void events_are_delivered_alike(void)
{
    for (u32 i = 0; i < 2000; i++) {
        static struct vm *vm;
        struct event event = {.kind = (enum event_kind)(rnd() % 3)};
        u8 cpl = rnd() & 1 ? 3 : 0;
        if (i % 1000 == 0)
            vm = machine(i ? SHADOW_CACHED : SHADOW_VTLB);
        at_ring(vm, cpl);
        warm(vm);
        event.fault.vector = (u8)(rnd() & 0xff);
        if (event.kind == EVENT_EXCEPTION) {
            event.fault.vector &= 15;
            event.fault.has_error = TRAP_HAS_ERROR >> event.fault.vector & 1;
            event.fault.error = rnd() & 7;
            event.fault.cr2 = rnd();
        }
        if (event.kind == EVENT_SOFTWARE)
            event.fault.vector &= (u8)~1;
        one_event(vm, &event);
    }
}

static void iret_returns_alike(void)
{
    struct vm *vm = machine(SHADOW_VTLB);
    struct cpu_env env = env_of(vm);

    for (u32 i = 0; i < 500; i++) {
        struct cpu before, fast;
        struct step step;
        u8 iret = 0xcf;
        at_ring(vm, 0);
        warm(vm);
        p2m_write(&vm->p2m, gpa(CODE_AT), &iret, 1);
        vm->cpu.gpr[ESP] = KSTACK - 32;
        poke(vm, KSTACK - 32, 0x1234 + i);
        poke(vm, KSTACK - 28, i & 1 ? 0x1b : 0x08);
        poke(vm, KSTACK - 24, (rnd() & 0x257fd7 & ~EFLAGS_VM) | 2);
        poke(vm, KSTACK - 20, USTACK - i * 4);
        poke(vm, KSTACK - 16, 0x23);
        before = vm->cpu;
        EXPECT(fast_iret(vm));
        fast = vm->cpu;
        vm->cpu = before;
        EXPECT_EQ(cpu_step(&vm->cpu, &env, &step), STEP_OK);
        compare(&fast, &vm->cpu);
    }
}

static void a_changed_descriptor_empties_the_memo(void)
{
    struct vm *vm = machine(SHADOW_VTLB);
    struct cpu_env env = env_of(vm);
    struct event event = {.kind = EVENT_INTERRUPT};
    struct fault fault;
    u8 access = 0x13;

    at_ring(vm, 3);
    warm(vm);
    event.fault = fault_plain(0x21);
    EXPECT(short_way(vm, &event));
    at_ring(vm, 3);
    EXPECT_EQ(
        env.write(vm, gva(GDT_AT + 16 + 5), &access, 1, ACC_SYSTEM, &fault),
        ENV_OK);
    EXPECT(!short_way(vm, &event));
}

static void unusual_gates_take_the_long_way(void)
{
    struct vm *vm = machine(SHADOW_VTLB);
    struct cpu_env env = env_of(vm);
    struct event event = {.kind = EVENT_SOFTWARE};
    static const u32 bad[] = {0x0e00, 0x8e00, 0xe500, 0xe600, 0xfe00};

    for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
        at_ring(vm, 3);
        warm(vm);
        gate(vm, 0x80, bad[i]);
        env.table_loaded(vm, TABLE_IDT);
        event.fault = fault_plain(0x80);
        EXPECT(!short_way(vm, &event));
    }
}

static const struct unit_case cases[] = {
    CASE(events_are_delivered_alike),
    CASE(iret_returns_alike),
    CASE(a_changed_descriptor_empties_the_memo),
    CASE(unusual_gates_take_the_long_way),
};
UNIT_MAIN(cases)
