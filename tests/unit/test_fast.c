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
#define FAR_GDT 0x100000

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
static u64 gdt_fast[8];

/* What the real CPU is given for the ring that the guest is in now must be
 * what the direct engine itself would give it. */
static void compare_hardware(struct vm *vm, const struct cpu *fast, u16 cs,
                             u16 ss)
{
    EXPECT_EQ(fast->seg_dirty & (BIT(SEG_CS) | BIT(SEG_SS)), 0);
    vm->cpu.seg_dirty |= BIT(SEG_CS) | BIT(SEG_SS);
    EXPECT(direct_load(vm));
    EXPECT_EQ(vm->arch.hw_cs, cs);
    EXPECT_EQ(vm->arch.hw_ss, ss);
    for (u32 i = 0; i < ARRAY_LEN(gdt_fast); i++)
        EXPECT_EQ(fake_gdt[i], gdt_fast[i]);
}

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
    u16 cs, ss;
    u8 vector;

    EXPECT(short_way(vm, event));
    fast = vm->cpu;
    cs = vm->arch.hw_cs;
    ss = vm->arch.hw_ss;
    memcpy(gdt_fast, fake_gdt, sizeof(gdt_fast));
    p2m_read(&vm->p2m, gpa(KSTACK - 64), stack_fast, 64);
    memset(stack_slow, 0, 64);
    p2m_write(&vm->p2m, gpa(KSTACK - 64), stack_slow, 64);
    vm->cpu = before;
    EXPECT_EQ(event_deliver(&vm->cpu, &env, event, &vector), EVENT_OK);
    p2m_read(&vm->p2m, gpa(KSTACK - 64), stack_slow, 64);
    compare(&fast, &vm->cpu);
    compare_stacks();
    compare_hardware(vm, &fast, cs, ss);
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
        u16 cs, ss;
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
        cs = vm->arch.hw_cs;
        ss = vm->arch.hw_ss;
        memcpy(gdt_fast, fake_gdt, sizeof(gdt_fast));
        vm->cpu = before;
        EXPECT_EQ(cpu_step(&vm->cpu, &env, &step), STEP_OK);
        compare(&fast, &vm->cpu);
        compare_hardware(vm, &fast, cs, ss);
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

/* ---- what the short way leaves to the long one */

static struct vm *it;

/* In ring 3 before INT 80h, whose gate is open to all. */
static void user(void)
{
    static const u8 code[] = {0xcd, 0x80};

    it = machine(SHADOW_VTLB);
    at_ring(it, 3);
    warm(it);
    p2m_write(&it->p2m, gpa(CODE_AT), code, sizeof(code));
}

static void kernel(const char *code)
{
    it = machine(SHADOW_VTLB);
    at_ring(it, 0);
    warm(it);
    p2m_write(&it->p2m, gpa(CODE_AT), code, 3);
}

/* In ring 0 before an IRET to ring 3 or to itself. */
static void returning(bool outwards)
{
    kernel("\xcf\x90\x90");
    it->cpu.gpr[ESP] = KSTACK - 32;
    poke(it, KSTACK - 32, CODE_AT);
    poke(it, KSTACK - 28, outwards ? 0x1b : 0x08);
    poke(it, KSTACK - 24, EFLAGS_ONE);
    poke(it, KSTACK - 20, USTACK);
    poke(it, KSTACK - 16, 0x23);
}

static void unmap(u32 at)
{
    poke(it, PT_AT + (at >> 12) * 4, 0);
    priv_invlpg(it, gva(at));
}

/* The kernel's data descriptor is these words now. */
static void redescribe(u32 lo, u32 hi)
{
    struct cpu_env env = env_of(it);
    u64 raw = (u64)hi << 32 | lo;
    struct fault fault;

    EXPECT_EQ(env.write(it, gva(GDT_AT + 16), &raw, 8, ACC_SYSTEM, &fault),
              ENV_OK);
}

/* The same GDT at FAR_GDT, where nothing else is, to `limit`. */
static void move_gdt(u16 limit)
{
    struct cpu_env env = env_of(it);
    u8 bytes[48];

    p2m_read(&it->p2m, gpa(GDT_AT), bytes, sizeof(bytes));
    p2m_write(&it->p2m, gpa(FAR_GDT), bytes, sizeof(bytes));
    it->cpu.gdtr = (struct table_reg){FAR_GDT, limit};
    env.table_loaded(it, TABLE_GDT);
}

/* SS0 names kernel data that stands at this index; it is good when the index
 * is one that the guest's table has and the VMM leaves to it. */
static void stack_segment_at(u32 index, u16 limit)
{
    poke(it, FAR_GDT + index * 8, 0xffff);
    poke(it, FAR_GDT + index * 8 + 4, 0xcf9300);
    move_gdt(limit);
    poke(it, FAR_GDT, 0xffff);
    poke(it, FAR_GDT + 4, 0xcf9300);
    poke(it, TSS_AT + TSS32_SS0, index * 8);
}

static bool interrupt_0x81(struct vm *vm)
{
    return fast_interrupt(vm, 0x81);
}

static void refused(const char *what, bool (*way)(struct vm *vm))
{
    struct cpu before = it->cpu;
    bool done = way(it);

    EXPECT(!done);
    EXPECT(!memcmp(&before, &it->cpu, sizeof(before)));
    if (done)
        printf("not refused: %s\n", what);
}

/* The state that `ready` makes is taken; with the change it is not. */
#define REFUSED(ready, change, way)                                            \
    do {                                                                       \
        ready;                                                                 \
        EXPECT((way)(it));                                                     \
        ready;                                                                 \
        change;                                                                \
        refused(#change, way);                                                 \
    } while (0)

/* Each is a check of SDM vol. 3A 6.12.1 and figure 7-2 that may fail, or
 * that only the long way makes. */
static void odd_inner_stacks_are_refused(void)
{
#define ENTRY(change) REFUSED(user(), change, interrupt_0x81)
    ENTRY(it->cpu.seg_dirty = 1);
    ENTRY(it->cpu.idtr.limit = 0x81 * 8 + 6);
    ENTRY(it->cpu.tr.attr = 0);
    ENTRY(it->cpu.tr.attr = ATTR_P | SYS_TSS16_BUSY);
    ENTRY(it->cpu.tr.limit = TSS32_SS0);
    ENTRY(it->cpu.tr.base = TSS_AT + PAGE_SIZE - TSS32_ESP0 - 4);
    ENTRY(unmap(TSS_AT));
    ENTRY(unmap(KSTACK - 4));
    ENTRY(poke(it, TSS_AT + TSS32_ESP0, KSTACK + 2));
    ENTRY(poke(it, TSS_AT + TSS32_ESP0, KSTACK + 8));
    ENTRY(poke(it, TSS_AT + TSS32_SS0, 0));
    ENTRY(poke(it, TSS_AT + TSS32_SS0, 0x13));
    ENTRY(poke(it, TSS_AT + TSS32_SS0, 0x14));
    ENTRY(poke(it, TSS_AT + TSS32_SS0, 0x08));
    ENTRY(poke(it, TSS_AT + TSS32_SS0, 0x20));
    ENTRY(poke(it, TSS_AT + TSS32_SS0, 0x30));
    ENTRY(poke(it, TSS_AT + TSS32_SS0, 0xfff8));
    ENTRY(stack_segment_at(0, 47));
    ENTRY(stack_segment_at(6, 47));
    ENTRY(stack_segment_at(ARCH_GDT_OWN, 0xffff));
    ENTRY(redescribe(0x1000ffff, 0x00cf9300)); /* a base */
    ENTRY(redescribe(0x0000fffe, 0x00cf9300)); /* a limit */
    ENTRY(redescribe(0x0000ffff, 0x00cf9200)); /* not accessed yet */
    ENTRY(redescribe(0x0000ffff, 0x00cf9700)); /* expand-down */
#undef ENTRY
}

/* One step on this side of the limits. */
static void the_last_that_is_allowed_is_taken(void)
{
#define TAKEN(change)                                                          \
    do {                                                                       \
        user();                                                                \
        change;                                                                \
        EXPECT(interrupt_0x81(it));                                            \
    } while (0)
    TAKEN(stack_segment_at(ARCH_GDT_OWN - 1, 0xffff));
    TAKEN(stack_segment_at(6, 55));
    TAKEN(it->cpu.idtr.limit = 0x81 * 8 + 7);
    TAKEN(it->cpu.tr.limit = TSS32_SS0 + 1);
#undef TAKEN
    returning(true);
    it->cpu.gpr[ESP] = KSTACK - 20;
    poke(it, KSTACK - 20, CODE_AT);
    poke(it, KSTACK - 16, 0x1b);
    poke(it, KSTACK - 12, EFLAGS_ONE);
    poke(it, KSTACK - 8, USTACK);
    poke(it, KSTACK - 4, 0x23);
    EXPECT(fast_iret(it));
}

static void odd_kernel_stacks_are_refused(void)
{
#define INSIDE(change) REFUSED(kernel("\x90\x90\x90"), change, interrupt_0x81)
    INSIDE(it->cpu.seg[SEG_SS].base = 4);
    INSIDE(it->cpu.seg[SEG_SS].limit = 0xffff);
    INSIDE(it->cpu.seg[SEG_SS].sel = 0x30);
    INSIDE(it->cpu.gpr[ESP] = KSTACK + 4);
    INSIDE(it->cpu.gpr[ESP] = KSTACK - 2);
    INSIDE(unmap(KSTACK - 4));
#undef INSIDE
}

static void odd_software_interrupts_are_refused(void)
{
#define INT(change) REFUSED(user(), change, fast_int)
    INT(it->cpu.seg[SEG_CS].base = 0x1000);
    INT(it->cpu.seg[SEG_CS].limit = 0xffff);
    INT(it->cpu.eip = CODE_AT + PAGE_SIZE - 1);
    INT(it->cpu.eip = CODE_AT + 2);
    INT(unmap(CODE_AT));
#undef INT
}

static void odd_returns_are_refused(void)
{
#define IRET(change) REFUSED(returning(true), change, fast_iret)
    IRET(it->cpu.cpl = 3);
    IRET(it->cpu.seg_dirty = 1);
    IRET(it->cpu.seg[SEG_CS].base = 4);
    IRET(it->cpu.seg[SEG_SS].base = 4);
    IRET(it->cpu.seg[SEG_SS].attr &= (u16)~ATTR_DB);
    IRET(it->cpu.seg[SEG_SS].limit = 0xffff);
    IRET(it->cpu.eflags |= EFLAGS_NT);
    IRET(it->cpu.eflags |= EFLAGS_TF);
    IRET(it->cpu.eip++);
    IRET(unmap(CODE_AT));
    IRET(it->cpu.gpr[ESP] -= 2);
    IRET(it->cpu.gpr[ESP] = KSTACK - 8);
    IRET(unmap(KSTACK - 4));
    IRET(poke(it, KSTACK - 24, EFLAGS_VM | EFLAGS_ONE));
    IRET(poke(it, KSTACK - 24, EFLAGS_VIP | EFLAGS_ONE));
    IRET(poke(it, KSTACK - 28, 0x09));
    IRET(poke(it, KSTACK - 28, 0x23));
    IRET(poke(it, KSTACK - 28, 0x2b));
    IRET(poke(it, KSTACK - 16, 0x20));
    IRET(poke(it, KSTACK - 16, 0x1b));
#undef IRET
}

/* The three words fit the page, the five do not: behind it in the machine
 * lies somebody else's frame. */
static void a_frame_across_pages_is_refused(void)
{
    u8 *behind;

    returning(true);
    behind = p2m_ptr(&it->p2m, gpa(KSTACK - 1)) + 1;
    put_le32(behind, 0x23); /* would do as SS */
    it->cpu.gpr[ESP] = KSTACK - 16;
    poke(it, KSTACK - 16, CODE_AT);
    poke(it, KSTACK - 12, 0x1b);
    poke(it, KSTACK - 8, EFLAGS_ONE);
    poke(it, KSTACK - 4, USTACK);
    refused("a frame of five words across pages", fast_iret);
    poke(it, KSTACK - 12, 0x08);
    EXPECT(fast_iret(it));
}

static void odd_returns_to_ring_0_are_refused(void)
{
#define IRET(change) REFUSED(returning(false), change, fast_iret)
    IRET(poke(it, KSTACK - 28, 0));
    IRET(poke(it, KSTACK - 28, 0x10));
    IRET(poke(it, KSTACK - 28, 0x18));
    IRET(it->cpu.seg[SEG_SS].sel = 0x30);
#undef IRET
}

static void odd_privileged_instructions_are_refused(void)
{
#define CLI(change) REFUSED(kernel("\xfa\x90\x90"), change, fast_simple)
    CLI(it->cpu.cpl = 3);
    CLI(it->cpu.seg[SEG_CS].base = 4);
    CLI(it->cpu.seg[SEG_CS].limit = 0xffff);
    CLI(it->cpu.eflags |= EFLAGS_TF);
    CLI(unmap(CODE_AT));
    CLI(it->cpu.eip++);
    CLI(it->cpu.eip = CODE_AT + PAGE_SIZE - 2);
#undef CLI
    kernel("\x0f\x22\xc0");
    refused("mov to cr0", fast_simple);
    kernel("\x0f\x20\xc8");
    refused("mov from cr1", fast_simple);
    kernel("\x0f\x06\x90");
    refused("clts", fast_simple);
}

/* CLI, STI and MOV from CR0, CR2, CR3, CR4 as cpu_step() does them. */
static void simple_instructions_do_the_same(void)
{
    static const char *const code[] = {"\xfa\x90\x90", "\xfb\x90\x90",
                                       "\x0f\x20\xc3", "\x0f\x20\xd1",
                                       "\x0f\x20\xde", "\x0f\x20\xe7"};

    for (u32 i = 0; i < ARRAY_LEN(code) * 2; i++) {
        struct cpu before, fast;
        struct cpu_env env;
        struct step step;
        kernel(code[i / 2]);
        env = env_of(it);
        it->cpu.cr2 = 0x12345678;
        it->cpu.cr4 = CR4_PSE;
        it->cpu.eflags = EFLAGS_ONE | EFLAGS_RF | (i & 1 ? EFLAGS_IF : 0);
        before = it->cpu;
        EXPECT(fast_simple(it));
        fast = it->cpu;
        it->cpu = before;
        EXPECT_EQ(cpu_step(&it->cpu, &env, &step), STEP_OK);
        compare(&fast, &it->cpu);
        EXPECT_EQ(fast.irq_shadow, it->cpu.irq_shadow);
    }
}

static const struct unit_case cases[] = {
    CASE(events_are_delivered_alike),
    CASE(iret_returns_alike),
    CASE(a_changed_descriptor_empties_the_memo),
    CASE(unusual_gates_take_the_long_way),
    CASE(odd_inner_stacks_are_refused),
    CASE(the_last_that_is_allowed_is_taken),
    CASE(odd_kernel_stacks_are_refused),
    CASE(odd_software_interrupts_are_refused),
    CASE(odd_returns_are_refused),
    CASE(a_frame_across_pages_is_refused),
    CASE(odd_returns_to_ring_0_are_refused),
    CASE(odd_privileged_instructions_are_refused),
    CASE(simple_instructions_do_the_same),
};
UNIT_MAIN(cases)
