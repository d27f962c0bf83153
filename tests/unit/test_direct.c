/* SPDX-License-Identifier: MIT
 *
 * The direct engine's segment registers: by which selector each is loaded,
 * what a selector that comes back means, and which states cannot run.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/seg.h"
#include "vmm/vm/hostgdt.h"

#define HOST_IRQ 0x30
#define GDT_AT   0x3000
#define LDT_AT   0x4000
/* Guest descriptors by selector, and their host copies. */
#define KCODE     0x08
#define KDATA     0x10
#define UCODE     0x1b
#define UDATA     0x23
#define LDT       0x28
#define G_KCODE   0x00cf9b000000ffffull
#define G_KDATA   0x00cf93000000ffffull
#define G_UCODE   0x00cffb000000ffffull
#define G_UDATA   0x00cff3000000ffffull
#define H_KCODE   0x00cfbb000000ffffull
#define H_KDATA   0x00cfb3000000ffffull
#define HIDDEN(s) ((u32)(ARCH_GDT_HIDDEN + (s)) << 3)

static struct vm *vm;
static struct cpu_env env;
static struct fault fault;

static void store64(u32 at, u64 value)
{
    EXPECT_EQ(env.write(vm, gva(at), &value, 8, ACC_SYSTEM, &fault), ENV_OK);
}

/* A flat kernel that loaded its GDT and stands in ring cpl. */
static void start(u8 cpl)
{
    fake_refused = 0;
    memset(fake_segs, 0, sizeof(fake_segs));
    vm = fake_vm(0x400000, SHADOW_VTLB);
    env = env_of(vm);
    store64(GDT_AT + KCODE, G_KCODE);
    store64(GDT_AT + KDATA, G_KDATA);
    store64(GDT_AT + (UCODE & ~3), G_UCODE);
    store64(GDT_AT + (UDATA & ~3), G_UDATA);
    store64(GDT_AT + LDT, 0x0000820040000017ull); /* LDT_AT, 3 entries */
    vm->cpu.gdtr = (struct table_reg){GDT_AT, 0x2f};
    env.table_loaded(vm, TABLE_GDT);
    if (!cpl)
        return;
    vm->cpu.cpl = cpl;
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        u16 sel = s == SEG_CS ? UCODE : UDATA;
        u64 raw = s == SEG_CS ? G_UCODE : G_UDATA;
        vm->cpu.seg[s] =
            desc_segment(sel, (struct desc){(u32)raw, (u32)(raw >> 32)});
    }
}

static void the_kernel_runs_by_its_own_selectors_in_ring_1(void)
{
    start(0);
    EXPECT(direct_load(vm));
    EXPECT_EQ(vm->cpu.seg_dirty, 0);
    EXPECT_EQ(vm->arch.hw_cs, KCODE | 1);
    EXPECT_EQ(vm->arch.hw_ss, KDATA | 1);
    EXPECT_EQ(fake_segs[SEG_DS], KDATA);
    EXPECT_EQ(fake_gdt[KCODE >> 3], H_KCODE);
    EXPECT_EQ(fake_gdt[KDATA >> 3], H_KDATA);
}

/* What a register holds outlives its descriptor (SDM vol. 3A 3.4.3). */
static void a_changed_descriptor_makes_it_a_hidden_slot(void)
{
    start(0);
    store64(GDT_AT + KDATA, 0);
    store64(GDT_AT + KCODE, G_KDATA);
    EXPECT(direct_load(vm));
    EXPECT_EQ(vm->arch.hw_cs, HIDDEN(SEG_CS) | 1);
    EXPECT_EQ(vm->arch.hw_ss, HIDDEN(SEG_SS) | 1);
    EXPECT_EQ(fake_segs[SEG_DS], HIDDEN(SEG_DS));
    EXPECT_EQ(fake_gdt[HIDDEN(SEG_CS) >> 3], H_KCODE);
    EXPECT_EQ(fake_gdt[HIDDEN(SEG_SS) >> 3], H_KDATA);
}

/* No selector of the guest's reaches the VMM's own slots. */
static void selectors_beyond_the_copies_become_hidden_slots(void)
{
    static const u16 odd[] = {(u16)(ARCH_GDT_OWN << 3), 0xfff8, 0xc, 0xfffc, 2};

    for (u32 i = 0; i < ARRAY_LEN(odd); i++) {
        start(0);
        for (u32 n = ARCH_GDT_OWN; n < ARCH_GDT_HIDDEN; n++)
            fake_gdt[n] = H_KCODE;
        vm->cpu.seg[SEG_CS].sel = odd[i];
        vm->cpu.seg[SEG_FS].sel = odd[i];
        EXPECT(direct_load(vm));
        EXPECT_EQ(vm->arch.hw_cs, HIDDEN(SEG_CS) | 1);
        EXPECT_EQ(fake_segs[SEG_FS], HIDDEN(SEG_FS) | (odd[i] & 3));
    }
}

static void segments_of_the_ldt_load_from_it(void)
{
    start(0);
    store64(LDT_AT + 8, G_KDATA);
    EXPECT_EQ(seg_lldt(&vm->cpu, &env, LDT, &fault), ENV_OK);
    EXPECT_EQ(seg_load(&vm->cpu, &env, SEG_GS, 0xc, &fault), ENV_OK);
    EXPECT(direct_load(vm));
    EXPECT_EQ(fake_segs[SEG_GS], 0xc);
    EXPECT_EQ(fake_ldt[1], H_KDATA);
    EXPECT_EQ(fake_ldt_size, 3);
}

/* Unlike the GDT's, entry 0 of an LDT is a descriptor (SDM vol. 3A 3.5.1). */
static void entry_0_of_the_ldt_has_a_copy(void)
{
    start(0);
    store64(LDT_AT, G_UDATA);
    EXPECT_EQ(seg_lldt(&vm->cpu, &env, LDT, &fault), ENV_OK);
    EXPECT_EQ(seg_load(&vm->cpu, &env, SEG_GS, 4, &fault), ENV_OK);
    EXPECT(direct_load(vm));
    EXPECT_EQ(fake_segs[SEG_GS], 4);
    EXPECT_EQ(fake_ldt[0], G_UDATA);
}

static void null_and_absent_segments_are_null(void)
{
    start(0);
    vm->cpu.seg[SEG_ES] = (struct segment){.sel = 3};
    vm->cpu.seg[SEG_FS].attr &= (u16)~ATTR_P;
    fake_segs[SEG_FS] = 0x77;
    EXPECT(direct_load(vm));
    EXPECT_EQ(fake_segs[SEG_ES], 3);
    EXPECT_EQ(fake_segs[SEG_FS], 0);
}

static void ring_3_code_is_present_only_while_it_runs(void)
{
    start(3);
    EXPECT_EQ(fake_gdt[UCODE >> 3], 0);
    EXPECT(direct_load(vm));
    EXPECT_EQ(fake_gdt[UCODE >> 3], G_UCODE);
    EXPECT_EQ(vm->arch.hw_cs, UCODE);
    EXPECT_EQ(vm->arch.hw_ss, UDATA);
    vm->cpu.cpl = 0;
    vm->cpu.seg[SEG_CS] = hostgdt_segment(KCODE, H_KCODE);
    vm->cpu.seg[SEG_SS] = hostgdt_segment(KDATA, H_KDATA);
    vm->cpu.seg_dirty = BIT(SEG_CS) | BIT(SEG_SS);
    EXPECT(direct_load(vm));
    EXPECT_EQ(fake_gdt[UCODE >> 3], 0);
}

/* Ring-3 code whose selector names something else by now. */
static void ring_3_code_without_its_descriptor_is_hidden(void)
{
    start(3);
    store64(GDT_AT + (UCODE & ~3), G_UDATA);
    EXPECT(direct_load(vm));
    EXPECT_EQ(vm->arch.hw_cs, HIDDEN(SEG_CS) | 3);
    EXPECT_EQ(fake_gdt[UCODE >> 3], G_UDATA);
    EXPECT_EQ(fake_gdt[HIDDEN(SEG_CS) >> 3], G_UCODE);
    start(3);
    vm->cpu.seg[SEG_CS].sel = 0xffff;
    EXPECT(direct_load(vm));
    EXPECT_EQ(vm->arch.hw_cs, HIDDEN(SEG_CS) | 3);
    EXPECT(vm->direct.open == &fake_gdt[HIDDEN(SEG_CS) >> 3]);
}

/* Only ring 3's code is ever opened. */
static void conforming_kernel_code_has_no_copy(void)
{
    start(0);
    store64(GDT_AT + KCODE, G_KCODE | 1ull << 42);
    vm->cpu.seg[SEG_CS].attr |= ATTR_CONFORM;
    EXPECT(direct_load(vm));
    EXPECT_EQ(fake_gdt[KCODE >> 3], 0);
    EXPECT_EQ(vm->arch.hw_cs, HIDDEN(SEG_CS) | 1);
    EXPECT_EQ(fake_gdt[HIDDEN(SEG_CS) >> 3], H_KCODE);
}

static void an_open_descriptor_that_is_written_is_closed(void)
{
    start(3);
    EXPECT(direct_load(vm));
    EXPECT(vm->direct.open == &fake_gdt[UCODE >> 3]);
    store64(GDT_AT + (UCODE & ~3), G_UCODE & ~(1ull << 41)); /* not readable */
    EXPECT(!vm->direct.open);
    EXPECT_EQ(fake_gdt[UCODE >> 3], 0);
    EXPECT(vm->cpu.seg_dirty & BIT(SEG_CS));
    EXPECT(direct_load(vm));
    EXPECT_EQ(fake_gdt[UCODE >> 3], G_UCODE);
}

/* Real-address mode, virtual-8086 mode, and the time between MOV CR0 and the
 * far jump, when CS is no code segment. */
static void other_modes_cannot_run(void)
{
    const u16 data = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED;

    start(3);
    EXPECT(direct_runnable(&vm->cpu));
    vm->cpu.eflags |= EFLAGS_VM;
    EXPECT(!direct_runnable(&vm->cpu));
    EXPECT(!direct_load(vm));
    EXPECT_EQ(vm->state, VM_KILLED);
    EXPECT(strstr(vm->reason, "virtual-8086 mode"));
    start(0);
    vm->cpu.cr0 &= ~CR0_PE;
    EXPECT(!direct_runnable(&vm->cpu));
    start(0);
    vm->cpu.seg[SEG_CS].attr = data;
    EXPECT(!direct_runnable(&vm->cpu));
}

static void rings_1_and_2_cannot_run(void)
{
    for (u8 cpl = 1; cpl < 3; cpl++) {
        start(0);
        vm->cpu.cpl = cpl;
        EXPECT(!direct_load(vm));
        EXPECT_EQ(vm->state, VM_KILLED);
        EXPECT(strstr(vm->reason, cpl == 1 ? "ring 1" : "ring 2"));
    }
}

static u32 entered_with;

static void guest_that_traps(struct cpu *cpu, struct arch_vcpu *av)
{
    entered_with = av->hw_eflags;
    av->hw_eflags = EFLAGS_ONE | EFLAGS_IF | EFLAGS_CF | EFLAGS_NT;
    av->hw_ss = UDATA;
    av->vector = 13;
}

/* Hardware sees IF set, IOPL 0, no VM; the guest's own come back as they
 * were, and the rest as the guest left it. */
static void an_entry_keeps_what_is_virtual(void)
{
    start(0);
    fake_guest = guest_that_traps;
    vm->cpu.eflags = EFLAGS_ONE | EFLAGS_IOPL | EFLAGS_VIP | EFLAGS_ZF;
    EXPECT(direct_run(vm));
    EXPECT_EQ(entered_with, EFLAGS_ONE | EFLAGS_IF | EFLAGS_ZF);
    EXPECT_EQ(vm->cpu.eflags,
              EFLAGS_ONE | EFLAGS_IOPL | EFLAGS_VIP | EFLAGS_CF | EFLAGS_NT);
    EXPECT_EQ(vm->cpu.seg[SEG_SS].sel, UDATA & ~3);
    EXPECT_EQ(vm->cpu.seg[SEG_CS].sel, KCODE);
    vm->cpu.cpl = 1;
    vm->cpu.seg_dirty = BIT(SEG_CS);
    entered_with = 0;
    EXPECT(!direct_run(vm));
    EXPECT_EQ(entered_with, 0);
}

/* A load that the host table refuses leaves null, and null is what counts. */
static void a_refused_load_reads_null(void)
{
    start(0);
    fake_hv.current = vm;
    fake_refused = BIT(SEG_GS);
    EXPECT(direct_load(vm));
    EXPECT_EQ(vm->direct.loaded[SEG_GS], 0);
    EXPECT_EQ(vm->direct.loaded[SEG_DS], KDATA);
}

static void what_the_guest_loaded_is_read_back(void)
{
    start(0);
    EXPECT(direct_load(vm));
    fake_segs[SEG_ES] = UDATA;
    fake_segs[SEG_FS] = 2;
    direct_sync(vm);
    EXPECT_EQ(vm->cpu.seg[SEG_ES].sel, UDATA);
    EXPECT_EQ((vm->cpu.seg[SEG_ES].attr & ATTR_DPL) >> ATTR_DPL_SHIFT, 3);
    EXPECT_EQ(vm->cpu.seg[SEG_ES].limit, 0xffffffff);
    EXPECT_EQ(vm->cpu.seg[SEG_FS].sel, 2);
    EXPECT_EQ(vm->cpu.seg[SEG_FS].attr, 0);
    EXPECT_EQ(vm->direct.loaded[SEG_ES], UDATA);
    EXPECT_EQ(vm->cpu.seg[SEG_DS].sel, KDATA);
}

/* The guest copied DS, which reads as a hidden slot, into ES. */
static void a_hidden_slot_means_what_its_register_holds(void)
{
    start(0);
    vm->cpu.seg[SEG_DS].base = 0x1234;
    EXPECT(direct_load(vm));
    EXPECT_EQ(fake_segs[SEG_DS], HIDDEN(SEG_DS));
    fake_segs[SEG_ES] = (u16)HIDDEN(SEG_DS);
    direct_sync(vm);
    EXPECT_EQ(vm->cpu.seg[SEG_ES].sel, KDATA);
    EXPECT_EQ(vm->cpu.seg[SEG_ES].base, 0x1234);
}

static void a_selector_without_a_copy_is_an_absent_segment(void)
{
    start(0);
    EXPECT(direct_load(vm));
    fake_segs[SEG_GS] = (u16)(ARCH_GDT_OWN << 3);
    direct_sync(vm);
    EXPECT_EQ(vm->cpu.seg[SEG_GS].attr & ATTR_P, 0);
}

/* The same index in the LDT is none of the VMM's slots. */
static void a_selector_of_the_ldt_is_never_a_hidden_slot(void)
{
    start(0);
    EXPECT(direct_load(vm));
    fake_segs[SEG_GS] = (u16)HIDDEN(SEG_DS) | 4;
    direct_sync(vm);
    EXPECT_EQ(vm->cpu.seg[SEG_GS].attr & ATTR_P, 0);
}

/* A register that nobody loaded keeps what it holds, though its descriptor
 * has changed; CS and SS are not read here at all. */
static void what_was_not_loaded_is_not_read_anew(void)
{
    start(0);
    EXPECT(direct_load(vm));
    store64(GDT_AT + KDATA, G_UDATA);
    fake_segs[SEG_CS] = UDATA;
    fake_segs[SEG_SS] = UDATA;
    direct_sync(vm);
    EXPECT_EQ(vm->cpu.seg[SEG_DS].attr & ATTR_DPL, 0);
    EXPECT_EQ(vm->cpu.seg[SEG_CS].sel, KCODE);
    EXPECT_EQ(vm->cpu.seg[SEG_SS].sel, KDATA);
}

/* Software wrote the register after the guest did. */
static void a_dirty_register_is_not_read_back(void)
{
    start(0);
    EXPECT(direct_load(vm));
    fake_segs[SEG_ES] = UDATA;
    vm->cpu.seg_dirty = BIT(SEG_ES);
    direct_sync(vm);
    EXPECT_EQ(vm->cpu.seg[SEG_ES].sel, KDATA);
}

static void registers_of_another_vm_are_not_read(void)
{
    start(0);
    EXPECT(direct_load(vm));
    fake_hv.current = NULL;
    fake_segs[SEG_ES] = UDATA;
    direct_sync(vm);
    EXPECT_EQ(vm->cpu.seg[SEG_ES].sel, KDATA);
    direct_leave(vm);
    EXPECT_EQ(vm->cpu.seg[SEG_ES].sel, KDATA);
}

/* A far jump or MOV SS that ring 1 ran by itself; RPL 1 is our business. */
static void a_new_cs_and_ss_are_taken_with_rpl_0(void)
{
    start(0);
    store64(GDT_AT + LDT, G_KCODE & ~0xffffull);
    EXPECT(direct_load(vm));
    vm->arch.hw_cs = LDT | 1;
    vm->arch.hw_ss = 0;
    direct_took(vm);
    EXPECT_EQ(vm->cpu.seg[SEG_CS].sel, LDT);
    EXPECT_EQ(vm->cpu.seg[SEG_CS].limit, 0xf0000fff);
    EXPECT_EQ(vm->cpu.seg[SEG_CS].attr & ATTR_DPL, 0);
    EXPECT_EQ(vm->direct.cs, LDT | 1);
    EXPECT_EQ(vm->direct.ss, 0);
    EXPECT_EQ(vm->cpu.seg[SEG_SS].attr, 0);
}

static void ring_3_keeps_its_rpl(void)
{
    start(3);
    store64(GDT_AT + LDT, G_UDATA & ~0xffffull);
    EXPECT(direct_load(vm));
    vm->arch.hw_ss = LDT | 3;
    direct_took(vm);
    EXPECT_EQ(vm->cpu.seg[SEG_SS].sel, LDT | 3);
    EXPECT_EQ(vm->cpu.seg[SEG_CS].sel, UCODE);
}

/* No processor does it; QEMU's translator does. */
static void selectors_of_virtual_8086_mode_are_never_kept(void)
{
    static const u32 vectors[] = {TRAP_GP, TRAP_UD, HOST_IRQ};

    for (u32 i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        u32 cs, ss;
        start(0);
        EXPECT(direct_load(vm));
        cs = vm->arch.hw_cs;
        ss = vm->arch.hw_ss;
        vm->arch.hw_cs = (ARCH_GDT_OWN + 1) << 3; /* the VMM's code */
        vm->arch.hw_ss = 0x1234;
        vm->arch.hw_eflags |= EFLAGS_VM;
        vm->arch.vector = vectors[i];
        direct_took(vm);
        EXPECT_EQ(vm->arch.vector, DIRECT_V86);
        EXPECT_EQ(vm->arch.hw_cs, cs);
        EXPECT_EQ(vm->arch.hw_ss, ss);
        EXPECT_EQ(vm->direct.cs, cs);
        EXPECT_EQ(vm->cpu.seg[SEG_CS].sel, KCODE);
    }
}

static void a_switch_takes_the_other_one_out(void)
{
    struct vm *other;

    start(0);
    other = &fake_hv.vm[1];
    *other = *vm; /* its registers; it has no life of its own here */
    EXPECT(direct_load(vm));
    fake_segs[SEG_ES] = UDATA;
    direct_switch(vm);
    EXPECT_EQ(vm->cpu.seg_dirty, 0);
    direct_switch(other);
    EXPECT(fake_hv.current == other);
    EXPECT_EQ(vm->cpu.seg[SEG_ES].sel, UDATA);
    EXPECT(vm->cpu.seg_dirty & BIT(SEG_DS));
    EXPECT(other->cpu.seg_dirty & BIT(SEG_GS));
    EXPECT(fake_dr == other->cpu.dr);
    direct_leave(other);
    EXPECT(!fake_hv.current);
}

static const struct unit_case cases[] = {
    CASE(the_kernel_runs_by_its_own_selectors_in_ring_1),
    CASE(a_changed_descriptor_makes_it_a_hidden_slot),
    CASE(selectors_beyond_the_copies_become_hidden_slots),
    CASE(segments_of_the_ldt_load_from_it),
    CASE(entry_0_of_the_ldt_has_a_copy),
    CASE(conforming_kernel_code_has_no_copy),
    CASE(a_selector_of_the_ldt_is_never_a_hidden_slot),
    CASE(what_was_not_loaded_is_not_read_anew),
    CASE(null_and_absent_segments_are_null),
    CASE(ring_3_code_is_present_only_while_it_runs),
    CASE(ring_3_code_without_its_descriptor_is_hidden),
    CASE(an_open_descriptor_that_is_written_is_closed),
    CASE(rings_1_and_2_cannot_run),
    CASE(an_entry_keeps_what_is_virtual),
    CASE(a_refused_load_reads_null),
    CASE(what_the_guest_loaded_is_read_back),
    CASE(a_hidden_slot_means_what_its_register_holds),
    CASE(a_selector_without_a_copy_is_an_absent_segment),
    CASE(a_dirty_register_is_not_read_back),
    CASE(other_modes_cannot_run),
    CASE(registers_of_another_vm_are_not_read),
    CASE(a_new_cs_and_ss_are_taken_with_rpl_0),
    CASE(ring_3_keeps_its_rpl),
    CASE(selectors_of_virtual_8086_mode_are_never_kept),
    CASE(a_switch_takes_the_other_one_out),
};
UNIT_MAIN(cases)
