/* SPDX-License-Identifier: MIT
 *
 * What a privileged instruction means to the VMM, beyond the register it
 * writes: CR0/CR3/CR4 govern the shadow, LIDT and friends start the recorder,
 * debug registers go to the hardware, MSRs are a short list.
 *
 * The interpreter has checked privilege and what the architecture reserves;
 * here stands what this virtual CPU does not have. LIMIT: PAE paging and
 * leaving protected mode stop the VM with a sentence; the direct engine
 * cannot run them. LIMIT: CPUID does not trap on most CPUs, so ring 1 sees
 * the host's answer; priv_cpuid() is what emulation sees.
 *
 * SDM vol. 3A 2.5, 9.4; vol. 4.
 */
#include "arch/x86/defs/msr.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/vm/env.h"
#include "vmm/vm/vm.h"

#define CR4_HERE                                                               \
    (CR4_TSD | CR4_DE | CR4_PSE | CR4_MCE | CR4_PGE | CR4_PCE | CR4_OSFXSR |   \
     CR4_OSXMMEXCPT | CR4_UMIP)

static enum env_status general_fault(struct fault *fault)
{
    *fault = fault_error(TRAP_GP, 0);
    return ENV_FAULT;
}

enum env_status priv_cr_check(void *ctx, unsigned n, u32 value,
                              struct fault *fault)
{
    struct vm *vm = ctx;

    if (n == 0 && !(value & CR0_PE) && vm->config.exec == EXEC_TRAP) {
        vm_kill(vm,
                "it left protected mode (CR0 <- 0x%08x); exec=trap runs "
                "protected mode only",
                value);
        return ENV_STOP;
    }
    if (n == 4 && (value & CR4_PAE)) {
        vm_kill(vm,
                "it turned on PAE paging (CR4 <- 0x%08x); build it for "
                "two-level 32-bit paging",
                value);
        return ENV_STOP;
    }
    if (n == 4 && (value & ~CR4_HERE))
        return general_fault(fault);
    return ENV_OK;
}

static void modes_changed(struct vm *vm)
{
    if (vm->hv->current == vm)
        arch_set_modes(vm->cpu.cr0, vm->cpu.cr4);
}

void priv_cr_written(void *ctx, unsigned n, u32 old)
{
    struct vm *vm = ctx;
    const struct cpu *cpu = &vm->cpu;
    struct paging mode = env_paging(cpu);

    if (n == 3)
        shadow_load_cr3(&vm->shadow, cpu->cr3);
    if (n == 0) {
        modes_changed(vm);
        if (!((cpu->cr0 ^ old) & (CR0_PG | CR0_WP)))
            return;
        shadow_set_mode(&vm->shadow, &mode);
    }
    if (n == 4) {
        modes_changed(vm);
        if (!((cpu->cr4 ^ old) & (CR4_PSE | CR4_PGE)))
            return;
        shadow_set_mode(&vm->shadow, &mode);
    }
    tables_recheck(vm);
}

void priv_dr_written(void *ctx, unsigned n)
{
    struct vm *vm = ctx;

    if (vm->hv->current == vm)
        arch_set_debug(vm->cpu.dr);
}

/* The page may be large, or have been so when a table was found in it: only a
 * new walk tells whether the tables still lie where they lay. */
void priv_invlpg(void *ctx, gva_t at)
{
    struct vm *vm = ctx;

    shadow_invlpg(&vm->shadow, at);
    tables_recheck(vm);
}

enum env_status priv_rdmsr(void *ctx, u32 index, u64 *value,
                           struct fault *fault)
{
    struct vm *vm = ctx;

    switch (index) {
    case MSR_TSC:
        *value = arch_tsc();
        return ENV_OK;
    case MSR_SYSENTER_CS:
        *value = vm->cpu.sysenter_cs;
        return ENV_OK;
    case MSR_SYSENTER_ESP:
        *value = vm->cpu.sysenter_esp;
        return ENV_OK;
    case MSR_SYSENTER_EIP:
        *value = vm->cpu.sysenter_eip;
        return ENV_OK;
    case MSR_EFER:
        *value = 0;
        return ENV_OK;
    default:
        return general_fault(fault);
    }
}

enum env_status priv_wrmsr(void *ctx, u32 index, u64 value, struct fault *fault)
{
    struct vm *vm = ctx;

    switch (index) {
    case MSR_SYSENTER_CS:
        vm->cpu.sysenter_cs = (u32)value;
        return ENV_OK;
    case MSR_SYSENTER_ESP:
        vm->cpu.sysenter_esp = (u32)value;
        return ENV_OK;
    case MSR_SYSENTER_EIP:
        vm->cpu.sysenter_eip = (u32)value;
        return ENV_OK;
    default:
        return general_fault(fault);
    }
}

/* Leaf 1 EDX of a 32-bit CPU with two-level paging: FPU DE PSE TSC MSR CX8
 * PGE CMOV MMX FXSR SSE SSE2; no PAE, APIC, SEP. SDM vol. 2A CPUID. */
#define CPUID1_EDX_HERE 0x0780a13d
#define CPUID1_ECX_HERE 0x00000000
#define CPUID_LEAVES    1

void priv_cpuid(void *ctx, u32 leaf, u32 subleaf, u32 out[4])
{
    memset(out, 0, 4 * sizeof(*out));
    if (leaf > CPUID_LEAVES)
        return;
    arch_cpuid(leaf, subleaf, out);
    if (leaf == 0)
        out[0] = CPUID_LEAVES;
    if (leaf == 1) {
        out[1] &= 0x0000ffff;
        out[2] &= CPUID1_ECX_HERE;
        out[3] &= CPUID1_EDX_HERE;
    }
}

u64 priv_rdtsc(void *ctx)
{
    return arch_tsc();
}

static u64 pack(u32 base, u32 limit)
{
    return (u64)base << 16 | (limit & 0xffff);
}

void priv_table_loaded(void *ctx, enum cpu_table table)
{
    struct vm *vm = ctx;
    const struct cpu *cpu = &vm->cpu;
    static const enum record_kind kind[] = {
        [TABLE_GDT] = RECORD_LGDT,
        [TABLE_IDT] = RECORD_LIDT,
        [TABLE_LDT] = RECORD_LLDT,
        [TABLE_TSS] = RECORD_LTR,
    };
    u64 old = 0, now;

    if (table == TABLE_TSS) {
        now = pack(cpu->tr.base, cpu->tr.limit);
    } else {
        const struct table *t = &vm->table[table];
        if (t->bytes)
            old = pack(t->base, t->bytes - 1);
        tables_load(vm, table);
        now = t->bytes ? pack(t->base, t->bytes - 1) : 0;
    }
    recorder_load(&vm->recorder, kind[table], old, now, vm_now(vm), cpu->eip);
}
