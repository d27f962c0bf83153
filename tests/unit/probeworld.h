/* SPDX-License-Identifier: MIT
 *
 * A guest to be probed, in the fake machine: a flat kernel with gates and a
 * ring 3, run by the interpreter, by blocks, or by a bare CPU that is played
 * here: it executes what the shadow maps, in ring 1 or 3, and exits for the
 * rest as hardware does, RF in the image included.
 */
#ifndef TESTS_PROBEWORLD_H
#define TESTS_PROBEWORLD_H

#include "arch/x86/defs/traps.h"
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/cpu/exec.h"
#include "vmm/vm/exits.h"
#include "vmm/vm/interp.h"

#define IDT_AT      0x2000u
#define GDT_AT      0x3000u
#define TSS_AT      0x4000u
#define STACK       0x9000u
#define CODE_AT     0x200000u
#define HANDLER     0x201000u
#define HOST_IRQ    0x30
#define KERNEL_CODE 0x00cf9b000000ffffull
#define KERNEL_DATA 0x00cf93000000ffffull
#define USER_CODE   0x00cffb000000ffffull
#define USER_DATA   0x00cff3000000ffffull
#define TSS_DESC    0x00008b0040000067ull

enum way { WAY_PLAIN, WAY_THREADED, WAY_DIRECT, WAYS };

static struct vm *vm;
static u32 cpu_left; /* instructions until a host interrupt comes */
static u8 room[BLOCK_SLOTS][BLOCK_SIZE] __attribute__((aligned(8)));

static inline void poke(u32 at, const void *bytes, u32 size)
{
    p2m_write(&vm->p2m, gpa(at), bytes, size);
}

static inline u32 peek32(u32 at)
{
    u32 word = 0;

    p2m_read(&vm->p2m, gpa(at), &word, sizeof(word));
    return word;
}

/* ---- the bare CPU */

static u32 pf_bits(const struct cpu *hw, u32 access)
{
    return (access & ACC_WRITE ? PF_WRITE : 0) |
           (access & ACC_FETCH ? PF_FETCH : 0) | (hw->cpl == 3 ? PF_USER : 0);
}

static enum env_status bare_access(void *ctx, gva_t at, u8 *buf, u32 size,
                                   u32 access, bool store, struct fault *fault)
{
    const struct cpu *hw = ctx;
    u8 *byte[64];

    for (u32 i = 0; i < size; i++) {
        u32 bits = pf_bits(hw, access);
        byte[i] = shadow_peek(&vm->shadow, gva(at.v + i), bits);
        if (byte[i])
            continue;
        *fault = fault_page(bits, gva(at.v + i));
        return ENV_FAULT;
    }
    for (u32 i = 0; i < size; i++) {
        if (store)
            *byte[i] = buf[i];
        else
            buf[i] = *byte[i];
    }
    return ENV_OK;
}

static enum env_status bare_read(void *ctx, gva_t at, void *buf, u32 size,
                                 u32 access, struct fault *fault)
{
    if (access & ACC_SYSTEM) /* a selector: of the host's tables */
        *fault = fault_error(TRAP_GP, 0);
    if (access & ACC_SYSTEM)
        return ENV_FAULT;
    return bare_access(ctx, at, buf, size, access, false, fault);
}

static enum env_status bare_write(void *ctx, gva_t at, const void *buf,
                                  u32 size, u32 access, struct fault *fault)
{
    u8 copy[64];

    memcpy(copy, buf, size);
    return bare_access(ctx, at, copy, size, access | ACC_WRITE, true, fault);
}

/* INT n and IRET trap in a deprivileged guest; cpu_step() would do them. So
 * does MOV to a segment register, here. */
static bool bare_traps(struct cpu *hw, struct fault *fault)
{
    u8 code[2];

    if (bare_read(hw, gva(hw->eip), code, 1, ACC_FETCH, fault) != ENV_OK)
        return true;
    *fault = fault_error(TRAP_GP, 0);
    if (code[0] == 0xcf || code[0] == 0x8e)
        return true;
    if (code[0] != 0xcd)
        return false;
    if (bare_read(hw, gva(hw->eip + 1), code, 1, ACC_FETCH, fault) == ENV_OK)
        fault->error = code[0] * 8u | TRAP_ERR_IDT;
    return true;
}

static bool bare_step(struct cpu *hw, struct fault *fault)
{
    struct cpu_env env = {.ctx = hw, .read = bare_read, .write = bare_write};
    struct step step;

    if (bare_traps(hw, fault))
        return false;
    if (cpu_step(hw, &env, &step) == STEP_OK)
        return true;
    *fault = step.fault;
    return false;
}

static void bare_cpu(struct cpu *cpu, struct arch_vcpu *av)
{
    struct fault fault = fault_plain(HOST_IRQ);
    struct cpu hw = *cpu;

    hw.cpl = cpu->cpl == 3 ? 3 : 1;
    hw.eflags = av->hw_eflags;
    hw.cr0 |= CR0_PE;
    while (cpu_left && bare_step(&hw, &fault))
        cpu_left--;
    if (!cpu_left)
        fault = fault_plain(HOST_IRQ);
    memcpy(cpu->gpr, hw.gpr, sizeof(hw.gpr));
    cpu->eip = hw.eip;
    av->hw_eflags = hw.eflags;
    if (fault.vector < TRAP_EXCEPTIONS)
        av->hw_eflags |= EFLAGS_RF; /* SDM vol. 3B 17.3.1.1 */
    av->vector = fault.vector;
    av->error = fault.error;
    av->fault_at = fault.cr2;
}

/* ---- the VM */

static inline void world(enum way way, enum shadow_policy_id policy)
{
    static const u64 gdt[] = {0,         KERNEL_CODE, KERNEL_DATA,
                              USER_CODE, USER_DATA,   TSS_DESC};
    u64 gate = (u64)(HANDLER & 0xffff0000) << 32 | 0xee00ull << 32 | 8 << 16 |
               (HANDLER & 0xffff);
    struct cpu_env env;

    vm = fake_vm(0x400000, policy);
    vm->config.exec = way == WAY_DIRECT ? EXEC_TRAP : EXEC_INTERP;
    vm->config.dispatch =
        way == WAY_THREADED ? DISPATCH_THREADED : DISPATCH_PLAIN;
    vm->blocks.changes = &vm->tlb.flushes;
    vm->blocks.leave = &vm->leave;
    memset(room, 0, sizeof(room));
    for (u32 i = 0; i < BLOCK_SLOTS; i++)
        vm->blocks.slot[i] = (void *)room[i];
    fake_guest = bare_cpu;
    env = env_of(vm);
    for (u32 v = 0; v < TRAP_VECTORS; v++)
        poke(IDT_AT + v * 8, &gate, 8);
    poke(GDT_AT, gdt, sizeof(gdt));
    poke(TSS_AT + 4, &(u64){STACK | 16ull << 32}, 8);
    vm->cpu.gdtr = (struct table_reg){GDT_AT, sizeof(gdt) - 1};
    vm->cpu.idtr = (struct table_reg){IDT_AT, 2047};
    vm->cpu.tr = (struct segment){0x28, 0x8b, TSS_AT, 103};
    env.table_loaded(vm, TABLE_GDT);
    env.table_loaded(vm, TABLE_IDT);
    memset(vm->cpu.gpr, 0, sizeof(vm->cpu.gpr));
    vm->cpu.eip = CODE_AT;
    vm->cpu.gpr[ESP] = STACK;
}

/* As run() of hv.c does it, once around; slice: instructions on the bare CPU.
 */
static inline void turn(u32 slice)
{
    cpu_left = slice;
    fake_irq = true;
    vm->leave = vm->interrupted = false;
    if (vm->probes.changed)
        probe_install(vm);
    if (vm->cpu.debug_pending && !probe_holds(vm))
        exit_pending(vm);
    while (!vm->leave) {
        if (interp_wanted(vm))
            interp_run(vm);
        else if (vm->irq_waiting && (vm->cpu.eflags & EFLAGS_IF))
            interp_interrupt(vm);
        else if (direct_run(vm) && !(vm->probes.on && probe_exit(vm)))
            exit_handle(vm);
        interp_breathe(vm);
    }
    if (vm->probes.on)
        probe_settle(vm);
}

static inline int add(enum probe_kind kind, u32 at, u32 size)
{
    char error[200];

    return probe_add(vm, PROBE_GDB, kind, at, size, error, sizeof(error));
}

/* Runs until it stops; false: it has not. */
static inline bool until_stop(void)
{
    u64 stops = vm->stop.stops;

    for (int i = 0; i < 2000 && vm->stop.stops == stops; i++)
        turn(20);
    return vm->stop.stops != stops;
}

static inline bool go(void)
{
    vm_resume(vm);
    return until_stop();
}

#endif
