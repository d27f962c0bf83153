/* SPDX-License-Identifier: MIT
 *
 * A processor in 64 KiB of flat memory, for unit tests of vmm/cpu: what lies
 * beyond faults, ports and hooks are recorded, and flat_run() executes one
 * instruction given as bytes.
 */
#ifndef TESTS_FAKE_FLAT_H
#define TESTS_FAKE_FLAT_H

#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "tests/unit/unit.h"
#include "vmm/cpu/exec.h"
#include "vmm/cpu/fpu.h"

#define FLAT_SIZE  0x10000u
#define FLAT_CODE  0x1000u
#define FLAT_STACK 0x8000u

static u8 flat_memory[FLAT_SIZE];
static struct cpu flat_cpu, flat_before;
static struct step flat_step;
static struct fpu flat_fpu, flat_fpu_before;
static u32 flat_fpu_runs, flat_fpu_errors;
static u32 flat_reads, flat_writes, flat_fetches;
static u32 flat_port, flat_port_size, flat_port_value, flat_port_count;
static u32 flat_cr, flat_cr_old, flat_dr, flat_table, flat_invlpg;
static bool flat_cr_refused;

static enum env_status flat_reach(gva_t at, u32 size, u32 access,
                                  struct fault *fault)
{
    u32 error = access & ACC_WRITE ? PF_WRITE : 0;

    if (at.v <= FLAT_SIZE - size)
        return ENV_OK;
    *fault = fault_page(error, at.v < FLAT_SIZE ? gva(FLAT_SIZE) : at);
    return ENV_FAULT;
}

static enum env_status flat_read(void *ctx, gva_t at, void *buf, u32 size,
                                 u32 access, struct fault *fault)
{
    enum env_status status = flat_reach(at, size, access, fault);

    flat_reads++;
    flat_fetches += access & ACC_FETCH ? 1 : 0;
    if (status == ENV_OK)
        memcpy(buf, flat_memory + at.v, size);
    return status;
}

static enum env_status flat_write(void *ctx, gva_t at, const void *buf,
                                  u32 size, u32 access, struct fault *fault)
{
    enum env_status status = flat_reach(at, size, access | ACC_WRITE, fault);

    flat_writes++;
    if (status == ENV_OK)
        memcpy(flat_memory + at.v, buf, size);
    return status;
}

static u32 flat_in(void *ctx, u16 port, u32 size)
{
    flat_port = port;
    flat_port_size = size;
    return 0xa1b2c3d4 + flat_port_count++;
}

static void flat_out(void *ctx, u16 port, u32 size, u32 value)
{
    flat_port = port;
    flat_port_size = size;
    flat_port_value = value;
    flat_port_count++;
}

static enum env_status flat_cr_check(void *ctx, unsigned n, u32 value,
                                     struct fault *fault)
{
    *fault = fault_error(TRAP_GP, 0);
    return flat_cr_refused ? ENV_FAULT : ENV_OK;
}

static void flat_cr_written(void *ctx, unsigned n, u32 old)
{
    flat_cr = n;
    flat_cr_old = old;
}

static void flat_dr_written(void *ctx, unsigned n)
{
    flat_dr = n;
}

static void flat_invalidate(void *ctx, gva_t at)
{
    flat_invlpg = at.v;
}

static enum env_status flat_rdmsr(void *ctx, u32 index, u64 *value,
                                  struct fault *fault)
{
    *fault = fault_error(TRAP_GP, 0);
    *value = 0x1122334455667788ull;
    return index == 0x10 ? ENV_OK : ENV_FAULT;
}

static enum env_status flat_wrmsr(void *ctx, u32 index, u64 value,
                                  struct fault *fault)
{
    *fault = fault_error(TRAP_GP, 0);
    return index == 0x10 && value == 0x1122334455667788ull ? ENV_OK : ENV_FAULT;
}

static void flat_cpuid(void *ctx, u32 leaf, u32 subleaf, u32 out[4])
{
    for (u32 i = 0; i < 4; i++)
        out[i] = leaf + subleaf + i;
}

static u64 flat_rdtsc(void *ctx)
{
    return 0x100000002ull;
}

static void flat_table_loaded(void *ctx, enum cpu_table table)
{
    flat_table = table;
}

static struct fpu *flat_fpu_registers(void *ctx)
{
    return &flat_fpu;
}

static void flat_fpu_run(void *ctx, struct fpu_op *op)
{
    flat_fpu_runs++;
    fpu_unit(op);
}

static void flat_fpu_error(void *ctx)
{
    flat_fpu_errors++;
}

static const struct cpu_env flat_env = {
    .read = flat_read,
    .write = flat_write,
    .in = flat_in,
    .out = flat_out,
    .cr_check = flat_cr_check,
    .cr_written = flat_cr_written,
    .dr_written = flat_dr_written,
    .invlpg = flat_invalidate,
    .rdmsr = flat_rdmsr,
    .wrmsr = flat_wrmsr,
    .cpuid = flat_cpuid,
    .rdtsc = flat_rdtsc,
    .table_loaded = flat_table_loaded,
    .fpu = flat_fpu_registers,
    .fpu_run = flat_fpu_run,
    .fpu_error = flat_fpu_error,
};

/* Ring cpl, registers zero but for ESP. */
static inline void flat_reset(u8 cpl)
{
    memset(flat_memory, 0, sizeof(flat_memory));
    cpu_reset_flat(&flat_cpu, FLAT_CODE);
    flat_cpu.cpl = cpl;
    flat_cpu.gpr[ESP] = FLAT_STACK;
    flat_cr = flat_dr = flat_table = 99;
    flat_port_count = 0;
    flat_cr_refused = false;
    fpu_reset(&flat_fpu);
    flat_fpu_runs = flat_fpu_errors = 0;
}

static inline u32 flat_word(u32 at)
{
    u32 value;
    memcpy(&value, flat_memory + at, 4);
    return value;
}

static inline void flat_poke(u32 at, u32 value)
{
    memcpy(flat_memory + at, &value, 4);
}

static inline enum step_status flat_bytes(const u8 *bytes, u32 count)
{
    flat_cpu.eip = FLAT_CODE;
    memcpy(flat_memory + FLAT_CODE, bytes, count);
    flat_before = flat_cpu;
    flat_fpu_before = flat_fpu;
    flat_reads = flat_writes = flat_fetches = 0;
    return cpu_step(&flat_cpu, &flat_env, &flat_step);
}

/* One instruction at FLAT_CODE. */
#define FLAT_RUN(...)                                                          \
    flat_bytes((const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

/* The last instruction faulted so and changed nothing in the processor. */
#define EXPECT_FAULT(status, trap, code)                                       \
    do {                                                                       \
        EXPECT_EQ(status, STEP_FAULT);                                         \
        EXPECT_EQ(flat_step.fault.vector, trap);                               \
        EXPECT_EQ(flat_step.fault.error, code);                                \
        EXPECT(!memcmp(&flat_cpu, &flat_before, sizeof(flat_cpu)));            \
    } while (0)

#endif
