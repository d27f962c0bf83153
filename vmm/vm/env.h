/* SPDX-License-Identifier: MIT
 *
 * The world around one VM's processor: linear memory through the guest's own
 * page tables, the device bus, and the hooks for control registers, MSRs and
 * descriptor tables. It is what cpu_step() and event_deliver() act on.
 *
 * A store does what the hardware and the VMM must both see: page-table frames
 * tell the shadow, descriptor-table frames tell the mirror, ROM drops it,
 * MMIO goes to the bus. A store that crosses a page is checked on both sides
 * before either is changed.
 */
#ifndef VM_ENV_H
#define VM_ENV_H

#include "vmm/cpu/cpu.h"
#include "vmm/mm/walk.h"

struct vm;

/* The environment of this VM. */
struct cpu_env env_of(struct vm *vm);
/* CR0, CR3 and CR4 as the page walk wants them. */
struct paging env_paging(const struct cpu *cpu);
/* FERR#, the wire from the FPU to the interrupt controller, for an error that
 * CR0.NE does not make an exception (drivers/model/debug.c: the way back). */
void env_fpu_error(void *ctx);

/* In priv.c: the hooks behind MOV CR, MOV DR, INVLPG, MSRs, CPUID. */
enum env_status priv_cr_check(void *ctx, unsigned n, u32 value,
                              struct fault *fault);
void priv_cr_written(void *ctx, unsigned n, u32 old);
void priv_dr_written(void *ctx, unsigned n);
void priv_invlpg(void *ctx, gva_t at);
enum env_status priv_rdmsr(void *ctx, u32 index, u64 *value,
                           struct fault *fault);
enum env_status priv_wrmsr(void *ctx, u32 index, u64 value,
                           struct fault *fault);
void priv_cpuid(void *ctx, u32 leaf, u32 subleaf, u32 out[4]);
u64 priv_rdtsc(void *ctx);
void priv_table_loaded(void *ctx, enum cpu_table table);

#endif
