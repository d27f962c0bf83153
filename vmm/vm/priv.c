/* SPDX-License-Identifier: MIT
 *
 * What a privileged instruction means to the VMM, beyond the register it
 * writes: CR0/CR3/CR4 govern the shadow, LIDT and friends start the recorder,
 * debug registers go to the hardware, MSRs are a short list.
 *
 * The interpreter has checked privilege and what the architecture reserves;
 * here stands what this virtual CPU does not have. LIMIT: with exec=trap PAE
 * paging and leaving protected mode stop the VM with a sentence; the direct
 * engine cannot run them. What is interpreted until it jumps into protected
 * mode may go back (a boot sector that makes its data segments big). LIMIT:
 * CPUID does not trap on most CPUs, so ring 1 sees the host's answer;
 * priv_cpuid() is what emulation sees.
 *
 * SDM vol. 3A 2.5, 9.4; vol. 4.
 */
#include "arch/x86/defs/cpuid.h"
#include "arch/x86/defs/msr.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/vm/env.h"
#include "vmm/vm/interp.h"
#include "vmm/vm/vm.h"

#define CR4_HERE                                                               \
    (CR4_TSD | CR4_DE | CR4_PSE | CR4_MCE | CR4_PGE | CR4_PCE | CR4_OSFXSR |   \
     CR4_OSXMMEXCPT | CR4_UMIP)

static enum env_status general_fault(struct fault *fault)
{
    *fault = fault_error(TRAP_GP, 0);
    return ENV_FAULT;
}

/* Whether a write of register n that changes these bits makes PAE paging load
 * its four directory pointers; cr0 and cr4 as they are then (SDM vol. 3A
 * 4.4.1). */
static bool loads_pdptes(unsigned n, u32 changed, u32 cr0, u32 cr4)
{
    if (!(cr0 & CR0_PG) || !(cr4 & CR4_PAE))
        return false;
    if (n == 0)
        return (changed & (CR0_PG | CR0_CD | CR0_NW)) != 0;
    if (n == 4)
        return (changed & (CR4_PAE | CR4_PGE | CR4_PSE)) != 0;
    return n == 3;
}

static bool will_load_pdptes(const struct cpu *cpu, unsigned n, u32 value)
{
    u32 cr0 = n == 0 ? value : cpu->cr0, cr4 = n == 4 ? value : cpu->cr4;
    u32 old = n == 0 ? cpu->cr0 : cpu->cr4;

    return loads_pdptes(n, value ^ old, cr0, cr4);
}

/* Into a place aside: the write of the register may still not come. */
static bool read_pdptes(struct vm *vm, unsigned n, u32 value)
{
    u32 g_cr3 = n == 3 ? value : vm->cpu.cr3;

    return walk_load_pdptes(&vm->p2m, g_cr3, vm->pdptes_read);
}

enum env_status priv_cr_check(void *ctx, unsigned n, u32 value,
                              struct fault *fault)
{
    struct vm *vm = ctx;

    if (n == 0 && !(value & CR0_PE) && vm->config.exec == EXEC_TRAP &&
        engine_choose(EXEC_TRAP, &vm->cpu) == ENGINE_DIRECT) {
        vm_kill(vm,
                "it left protected mode (CR0 <- 0x%08x); exec=trap runs "
                "protected mode only",
                value);
        return ENV_STOP;
    }
    if (n == 4 && (value & CR4_PAE) && vm->config.exec == EXEC_TRAP) {
        vm_kill(vm,
                "it turned on PAE paging (CR4 <- 0x%08x); run it with "
                "exec=interp, or build it for two-level 32-bit paging",
                value);
        return ENV_STOP;
    }
    if (n == 4 && (value & ~(CR4_HERE | CR4_PAE)))
        return general_fault(fault);
    if (will_load_pdptes(&vm->cpu, n, value) && !read_pdptes(vm, n, value))
        return general_fault(fault);
    return ENV_OK;
}

static void modes_changed(struct vm *vm)
{
    if (vm->hv->current == vm)
        arch_set_modes(vm->cpu.cr0, vm->cpu.cr4);
}

/* CR3 was loaded, or counts as loaded. */
static bool load_pdptes(struct cpu *cpu, const u64 read[WALK_PDPTES],
                        unsigned n, u32 old)
{
    u32 now = n == 0 ? cpu->cr0 : cpu->cr4;

    if (!loads_pdptes(n, now ^ old, cpu->cr0, cpu->cr4))
        return false;
    memcpy(cpu->pdpte, read, sizeof(cpu->pdpte));
    return true;
}

/* The bits of each register that a TLB depends on. */
static bool changes_paging(unsigned n, u32 changed)
{
    return n == 0 ? (changed & (CR0_PG | CR0_WP)) != 0
                  : (changed & (CR4_PSE | CR4_PGE | CR4_PAE)) != 0;
}

void priv_cr_written(void *ctx, unsigned n, u32 old)
{
    struct vm *vm = ctx;
    struct cpu *cpu = &vm->cpu;
    bool loaded = load_pdptes(cpu, vm->pdptes_read, n, old);
    struct paging mode;

    TRACE(vm, CR, n, old, n == 0 ? cpu->cr0 : n == 3 ? cpu->cr3 : cpu->cr4);
    if (n != 3)
        modes_changed(vm);
    if (n == 0 && ((cpu->cr0 ^ old) & CR0_PE))
        tables_load(vm, TABLE_IDT);
    if (n == 3 && !loaded) {
        shadow_load_cr3(&vm->shadow, cpu->cr3);
    } else if (loaded ||
               changes_paging(n, (n == 0 ? cpu->cr0 : cpu->cr4) ^ old)) {
        mode = env_paging(cpu);
        shadow_set_mode(&vm->shadow, &mode);
    } else {
        return;
    }
    blackbox_space(vm, n, old);
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

    TRACE(vm, INVLPG, at.v);
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

/* Leaf 1 EDX of a 32-bit CPU: FPU DE PSE TSC MSR CX8 PGE CMOV MMX FXSR SSE
 * SSE2, and PAE where it is interpreted; no APIC, SEP. SDM vol. 2A CPUID. */
#define CPUID1_EDX_HERE 0x0780a13d
#define CPUID1_ECX_HERE 0x00000000
#define CPUID_LEAVES    1

/* The processor's name is the host's; of the features beyond Intel's first
 * leaf (long mode, NX, SYSCALL) there is none. */
static void extended_cpuid(u32 leaf, u32 out[4])
{
    if (leaf == CPUID_AMD_MAX)
        out[0] = CPUID_BRAND_END;
    else if (leaf >= CPUID_BRAND && leaf <= CPUID_BRAND_END)
        arch_cpuid(leaf, 0, out);
}

void priv_cpuid(void *ctx, u32 leaf, u32 subleaf, u32 out[4])
{
    const struct vm *vm = ctx;
    bool interp = vm->config.exec == EXEC_INTERP;

    memset(out, 0, 4 * sizeof(*out));
    if (leaf > CPUID_LEAVES) {
        extended_cpuid(leaf, out);
        return;
    }
    arch_cpuid(leaf, subleaf, out);
    if (leaf == 0)
        out[0] = CPUID_LEAVES;
    if (leaf == 1) {
        out[1] &= 0x0000ffff;
        out[2] &= CPUID1_ECX_HERE;
        out[3] &= CPUID1_EDX_HERE | (interp ? CPUID_1D_PAE : 0);
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
        old = vm->recorder.tss;
        vm->recorder.tss = now = pack(cpu->tr.base, cpu->tr.limit);
    } else {
        const struct table *t = &vm->table[table];
        if (t->bytes)
            old = pack(t->base, t->bytes - 1);
        tables_load(vm, table);
        now = t->bytes ? pack(t->base, t->bytes - 1) : 0;
    }
    TRACE(vm, TABLE, table, (u32)(old >> 16), (u32)old & 0xffff,
          (u32)(now >> 16), (u32)now & 0xffff);
    recorder_load(&vm->recorder, kind[table], old, now, vm_now(vm), cpu->eip);
}
