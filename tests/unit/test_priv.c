/* SPDX-License-Identifier: MIT
 *
 * What privileged instructions do to the VMM: which control register bits
 * empty the shadow, which MSRs and CPUID leaves there are, what INVLPG does
 * to a descriptor table, what the recorder hears.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/msr.h"
#include "arch/x86/defs/traps.h"
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"

#define PD_AT       0x5000
#define PT_AT       0x6000
#define PAGE        0x200000
#define KERNEL_DATA 0x00cf93000000ffffull

static struct vm *vm;
static struct cpu_env env;
static struct fault fault;

static void poke(u32 at, u32 value)
{
    p2m_write(&vm->p2m, gpa(at), &value, 4);
}

/* Identity paging for 4 MiB. */
static void start(void)
{
    vm = fake_vm(0x400000, SHADOW_VTLB);
    env = env_of(vm);
    for (u32 i = 0; i < 1024; i++)
        poke(PT_AT + i * 4, i << 12 | 3);
    poke(PD_AT, PT_AT | 3);
    vm->cpu.cr3 = PD_AT;
    vm->cpu.cr0 |= CR0_PG;
    env.cr_written(vm, 0, CR0_PE);
}

static void fill(void)
{
    struct shadow_result result;

    EXPECT_EQ(shadow_fault(&vm->shadow, gva(PAGE), 0, &result), SHADOW_FILLED);
}

static bool filled(void)
{
    return shadow_peek(&vm->shadow, gva(PAGE), 0) != NULL;
}

static void change(unsigned n, u32 *reg, u32 bit)
{
    u32 old = *reg;

    *reg ^= bit;
    env.cr_written(vm, n, old);
}

/* PG, WP, PSE and PGE invalidate (SDM vol. 3A 4.10.4.1); TS and TSD, which
 * kernels toggle all the time, do not. */
static void only_paging_bits_empty_the_shadow(void)
{
    start();
    fill();
    fake_modes = 0;
    change(0, &vm->cpu.cr0, CR0_TS);
    EXPECT(filled());
    change(4, &vm->cpu.cr4, CR4_TSD);
    EXPECT(filled());
    EXPECT_EQ(fake_modes, 2);
    change(0, &vm->cpu.cr0, CR0_WP);
    EXPECT(!filled());
    fill();
    change(4, &vm->cpu.cr4, CR4_PGE);
    EXPECT(!filled());
    fill();
    change(4, &vm->cpu.cr4, CR4_PSE);
    EXPECT(!filled());
    fill();
    change(3, &vm->cpu.cr3, 0);
    EXPECT(!filled());
}

/* What the other registers may hold is not judged by CR4's bits, and PE
 * alone is not a reason to stop. */
static void each_register_is_checked_by_its_own_rules(void)
{
    start();
    EXPECT_EQ(env.cr_check(vm, 0, CR0_PE | CR0_PG | CR0_WP, &fault), ENV_OK);
    EXPECT_EQ(env.cr_check(vm, 3, 0xfffff000, &fault), ENV_OK);
    EXPECT_EQ(env.cr_check(vm, 3, 0, &fault), ENV_OK);
    EXPECT_EQ(env.cr_check(vm, 4, 0, &fault), ENV_OK);
    EXPECT_EQ(vm->state, VM_RUNNING);
}

/* A VM whose state is not in the real registers must not touch them. */
static void nothing_real_changes_for_a_vm_that_is_out(void)
{
    start();
    fill();
    fake_hv.current = NULL;
    fake_modes = fake_flushes = 0;
    fake_dr = NULL;
    change(0, &vm->cpu.cr0, CR0_TS | CR0_WP);
    change(4, &vm->cpu.cr4, CR4_TSD);
    change(3, &vm->cpu.cr3, 0);
    env.dr_written(vm, 7);
    env.invlpg(vm, gva(PAGE));
    EXPECT_EQ(fake_modes, 0);
    EXPECT_EQ(fake_flushes, 0);
    EXPECT(!fake_dr);
    fake_hv.current = vm;
    env.dr_written(vm, 7);
    env.invlpg(vm, gva(PAGE));
    EXPECT(fake_dr == vm->cpu.dr);
    EXPECT_EQ(fake_flushes, 1);
}

static void sysenter_msrs_are_kept(void)
{
    static const u32 index[] = {MSR_SYSENTER_CS, MSR_SYSENTER_ESP,
                                MSR_SYSENTER_EIP};
    u64 value;

    start();
    for (u32 i = 0; i < ARRAY_LEN(index); i++)
        EXPECT_EQ(env.wrmsr(vm, index[i], 0x1000 + i, &fault), ENV_OK);
    for (u32 i = 0; i < ARRAY_LEN(index); i++) {
        EXPECT_EQ(env.rdmsr(vm, index[i], &value, &fault), ENV_OK);
        EXPECT_EQ(value, 0x1000 + i);
    }
    EXPECT_EQ(vm->cpu.sysenter_cs, 0x1000);
    EXPECT_EQ(vm->cpu.sysenter_esp, 0x1001);
    EXPECT_EQ(vm->cpu.sysenter_eip, 0x1002);
}

/* The time stamp is read only, EFER shows no long mode, and the registers of
 * the VMM's own that a guest might ask for are not there. */
static void other_msrs(void)
{
    static const u32 hidden[] = {MSR_APIC_BASE, MSR_PAT, MSR_FS_BASE,
                                 MSR_GS_BASE, 0xffffffff};
    u64 value = 1;

    start();
    EXPECT_EQ(env.rdmsr(vm, MSR_TSC, &value, &fault), ENV_OK);
    EXPECT_EQ(value, fake_now);
    EXPECT_EQ(env.rdtsc(vm), fake_now);
    EXPECT_EQ(env.rdmsr(vm, MSR_EFER, &value, &fault), ENV_OK);
    EXPECT_EQ(value, 0);
    EXPECT_EQ(env.wrmsr(vm, MSR_TSC, 0, &fault), ENV_FAULT);
    EXPECT_EQ(env.wrmsr(vm, MSR_EFER, EFER_LME, &fault), ENV_FAULT);
    for (u32 i = 0; i < ARRAY_LEN(hidden); i++) {
        fault = fault_plain(0);
        EXPECT_EQ(env.rdmsr(vm, hidden[i], &value, &fault), ENV_FAULT);
        EXPECT_EQ(fault.vector, TRAP_GP);
        EXPECT(fault.has_error);
        EXPECT_EQ(env.wrmsr(vm, hidden[i], 0, &fault), ENV_FAULT);
    }
}

/* The host offers everything (the fake says all ones); the guest gets a
 * 32-bit CPU without PAE, APIC and SEP (vol. 2A CPUID). */
static void cpuid_shows_this_cpu(void)
{
    u32 out[4];

    start();
    env.cpuid(vm, 0, 0, out);
    EXPECT_EQ(out[0], 1);
    EXPECT_EQ(out[1], 0xffffffff);
    env.cpuid(vm, 1, 0, out);
    EXPECT_EQ(out[1], 0xffff);
    EXPECT_EQ(out[2], 0);
    EXPECT_EQ(out[3] & (1u << 6 | 1u << 9 | 1u << 11), 0);
    EXPECT_EQ(out[3] & 0x13d, 0x13d);
    env.cpuid(vm, 7, 0, out);
    EXPECT_EQ(out[0] | out[1] | out[2] | out[3], 0);
    env.cpuid(vm, 0x80000000, 0, out);
    EXPECT_EQ(out[0], 0x80000004);
    EXPECT_EQ(out[1] | out[2] | out[3], 0);
    env.cpuid(vm, 0x80000001, 0, out);
    EXPECT_EQ(out[0] | out[1] | out[2] | out[3], 0);
    for (u32 leaf = 0x80000002; leaf <= 0x80000004; leaf++) {
        env.cpuid(vm, leaf, 0, out); /* the name is the host's */
        EXPECT_EQ(out[0] & out[1] & out[2] & out[3], 0xffffffff);
    }
    env.cpuid(vm, 0x80000005, 0, out);
    EXPECT_EQ(out[0] | out[1] | out[2] | out[3], 0);
}

static void lgdt(u32 base, u16 limit)
{
    vm->cpu.gdtr = (struct table_reg){base, limit};
    env.table_loaded(vm, TABLE_GDT);
}

/* Page `at` shows frame 0x10000 instead, where entry `index` is data. */
static void remap_and_invlpg(u32 at, u32 index)
{
    poke(0x10000 + index % 512 * 8, (u32)KERNEL_DATA);
    poke(0x10004 + index % 512 * 8, (u32)(KERNEL_DATA >> 32));
    EXPECT_EQ(fake_gdt[index], 0);
    poke(PT_AT + (at >> 12) * 4, 0x10003);
    EXPECT_EQ(fake_gdt[index], 0);
    env.invlpg(vm, gva(at + 0x123));
    EXPECT(fake_gdt[index] != 0);
}

static void invlpg_finds_a_remapped_table(void)
{
    start();
    lgdt(0x20000, 0x1fff);
    remap_and_invlpg(0x21000, 512 + 3);
    start();
    lgdt(0x20000, 0x0f);
    remap_and_invlpg(0x20000, 1);
    poke(PT_AT + 0x20 * 4, 0x20003);
    EXPECT(fake_gdt[1] != 0);
    env.invlpg(vm, gva(0x20fff));
    EXPECT_EQ(fake_gdt[1], 0);
}

static void the_recorder_hears_of_every_table(void)
{
    const struct record *r;

    start();
    lgdt(0x20000, 0x17);
    lgdt(0x30000, 0x0f);
    r = &vm->recorder.ring[1];
    EXPECT_EQ(r->kind, RECORD_LGDT);
    EXPECT_EQ(r->old, 0x200000017ull);
    EXPECT_EQ(r->new, 0x30000000full);
    vm->cpu.tr = (struct segment){.sel = 8, .base = 0x4000, .limit = 103};
    env.table_loaded(vm, TABLE_TSS);
    r = &vm->recorder.ring[2];
    EXPECT_EQ(r->kind, RECORD_LTR);
    EXPECT_EQ(r->new, 0x40000067ull);
    vm->cpu.ldtr = (struct segment){.attr = 0};
    env.table_loaded(vm, TABLE_LDT);
    r = &vm->recorder.ring[3];
    EXPECT_EQ(r->kind, RECORD_LLDT);
    EXPECT_EQ(r->new, 0);
}

/* ---- PAE, with exec=interp */

#define PDPT_AT 0x7020

static void start_pae(void)
{
    start();
    vm->config.exec = EXEC_INTERP;
    poke(PDPT_AT, PD_AT | 1);
    poke(PDPT_AT + 4, 0);
    poke(PD_AT, 0x83); /* a 2 MiB page */
    poke(PD_AT + 4, 0);
    vm->cpu.cr3 = PDPT_AT;
}

static enum env_status load(unsigned n, u32 *reg, u32 value)
{
    enum env_status status = env.cr_check(vm, n, value, &fault);
    u32 old = *reg;

    if (status != ENV_OK)
        return status;
    *reg = value;
    env.cr_written(vm, n, old);
    return ENV_OK;
}

static void pae_loads_directory_pointers(void)
{
    u32 word;

    start_pae();
    EXPECT_EQ(load(4, &vm->cpu.cr4, CR4_PAE), ENV_OK);
    EXPECT_EQ(vm->cpu.pdpte[0], PD_AT | 1);
    EXPECT_EQ(env.read(vm, gva(0x1000), &word, 4, ACC_READ, &fault), ENV_OK);
    EXPECT_EQ(env.read(vm, gva(0x200000), &word, 4, ACC_READ, &fault),
              ENV_FAULT);
    poke(PDPT_AT, 0); /* they are registers */
    EXPECT_EQ(env.read(vm, gva(0x1000), &word, 4, ACC_READ, &fault), ENV_OK);
    EXPECT_EQ(load(3, &vm->cpu.cr3, PDPT_AT), ENV_OK);
    EXPECT_EQ(env.read(vm, gva(0x1000), &word, 4, ACC_READ, &fault), ENV_FAULT);
    EXPECT_EQ(shadow_audit(&vm->shadow, NULL), 0);
    EXPECT_EQ(load(4, &vm->cpu.cr4, 0), ENV_OK);
    EXPECT(!shadow_peek(&vm->shadow, gva(0x1000), 0));
}

static void bad_directory_pointers_are_a_general_fault(void)
{
    start_pae();
    EXPECT_EQ(load(4, &vm->cpu.cr4, CR4_PAE), ENV_OK);
    poke(PDPT_AT, PD_AT | 3);
    EXPECT_EQ(load(3, &vm->cpu.cr3, PDPT_AT), ENV_FAULT);
    EXPECT_EQ(fault.vector, TRAP_GP);
    EXPECT_EQ(load(0, &vm->cpu.cr0, vm->cpu.cr0 | CR0_NW), ENV_FAULT);
    EXPECT_EQ(load(0, &vm->cpu.cr0, vm->cpu.cr0 | CR0_TS), ENV_OK);
    EXPECT_EQ(load(4, &vm->cpu.cr4, CR4_PAE | CR4_PGE), ENV_FAULT);
    EXPECT_EQ(load(4, &vm->cpu.cr4, CR4_PAE | CR4_TSD), ENV_OK);
    EXPECT_EQ(vm->cpu.pdpte[0], PD_AT | 1);
}

static void pae_reaches_beyond_the_bus(void)
{
    u32 word = 0;

    start_pae();
    poke(PD_AT + 8, 0x83);
    poke(PD_AT + 12, 1); /* 2 MiB at 4 GiB */
    EXPECT_EQ(load(4, &vm->cpu.cr4, CR4_PAE), ENV_OK);
    EXPECT_EQ(env.write(vm, gva(0x200000), &word, 4, ACC_WRITE, &fault),
              ENV_OK);
    EXPECT_EQ(env.read(vm, gva(0x200000), &word, 4, ACC_READ, &fault), ENV_OK);
    EXPECT_EQ(word, 0xffffffff);
    EXPECT(!env.code(vm, gva(0x200000)));
}

static void cpuid_has_pae_where_it_is_interpreted(void)
{
    u32 out[4];

    start();
    env.cpuid(vm, 1, 0, out);
    EXPECT(!(out[3] & 0x40));
    vm->config.exec = EXEC_INTERP;
    env.cpuid(vm, 1, 0, out);
    EXPECT(out[3] & 0x40);
}

static const struct unit_case cases[] = {
    CASE(only_paging_bits_empty_the_shadow),
    CASE(each_register_is_checked_by_its_own_rules),
    CASE(nothing_real_changes_for_a_vm_that_is_out),
    CASE(sysenter_msrs_are_kept),
    CASE(other_msrs),
    CASE(cpuid_shows_this_cpu),
    CASE(invlpg_finds_a_remapped_table),
    CASE(the_recorder_hears_of_every_table),
    CASE(pae_loads_directory_pointers),
    CASE(bad_directory_pointers_are_a_general_fault),
    CASE(pae_reaches_beyond_the_bus),
    CASE(cpuid_has_pae_where_it_is_interpreted),
};
UNIT_MAIN(cases)
