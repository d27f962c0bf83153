/* SPDX-License-Identifier: MIT
 *
 * See debug.h. What a debug exception is, in the order in which it is found:
 *
 *   instruction breakpoint   fault; RF holds it off for one instruction, the
 *                            shadow of MOV SS too
 *   data, I/O breakpoint     trap behind the instruction, or behind the
 *                            iteration of a repeated one
 *   TF set before            trap (BS); not behind what cleared TF by
 *                            entering a handler, nor behind a task switch,
 *                            whose flags are another task's
 *   T bit of a TSS           trap (BT) before the new task's first instruction
 *
 * MOV SS and POP SS hold back a trap until the next instruction is done: a
 * data breakpoint is then reported behind that one, wherever it led, a single
 * step not at all. Traps of an instruction that faults are lost; it will run
 * again.
 *
 * DR6.B0 to B3 name the breakpoints that are enabled and were met by this
 * exception; BD, BS and BT stay until software clears them.
 *
 * The accesses are seen by putting a layer between the step and its
 * environment, so that a step without breakpoints pays nothing. A read that
 * will be written back is left to its write. Accesses to descriptor tables
 * and TSSs count like others, fetches do not.
 *
 * LIMIT: LEN 10b (8 bytes) watches 8 bytes; 32-bit processors leave it open.
 *
 * SDM vol. 3B 17.2.3 to 17.2.5, 17.3.1; table 17-2 is a unit test.
 */
#include "vmm/cpu/debug.h"
#include "arch/x86/defs/traps.h"

#define BREAKPOINTS 4

static u32 rw_of(const struct cpu *cpu, u32 n)
{
    return cpu->dr[7] >> (DR7_RW_SHIFT(n)) & 3;
}

/* The last byte of the watched range, counted from its first. */
static u32 span_of(const struct cpu *cpu, u32 n)
{
    static const u8 spans[] = {0, 1, 7, 3};

    return spans[cpu->dr[7] >> (DR7_LEN_SHIFT(n)) & 3];
}

static bool enabled(const struct cpu *cpu, u32 n)
{
    return cpu->dr[7] >> 2 * n & 3;
}

/* The breakpoints of the kinds in `kinds` (bit by RW_) that meet the size
 * bytes at `at`. Ranges are aligned to their length and end with a wrap. */
static u32 hits(const struct cpu *cpu, u32 kinds, u32 at, u32 size)
{
    u32 found = 0;

    for (u32 n = 0; n < BREAKPOINTS; n++) {
        u32 span = span_of(cpu, n), from = cpu->dr[n] & ~span;
        bool meets = at - from <= span || from - at < size;
        if (enabled(cpu, n) && (kinds >> rw_of(cpu, n) & 1) && meets)
            found |= 1u << n;
    }
    return found;
}

static void note(struct debug_watch *w, u32 kinds, u32 at, u32 size)
{
    w->cpu->debug_pending |= hits(w->cpu, kinds, at, size);
}

static enum env_status watch_read(void *ctx, gva_t at, void *buf, u32 size,
                                  u32 access, struct fault *fault)
{
    struct debug_watch *w = ctx;

    TRY(w->under->read(w->under->ctx, at, buf, size, access, fault));
    if (!(access & (ACC_FETCH | ACC_WRITE)))
        note(w, 1 << DR7_RW_ACCESS, at.v, size);
    return ENV_OK;
}

static enum env_status watch_write(void *ctx, gva_t at, const void *buf,
                                   u32 size, u32 access, struct fault *fault)
{
    struct debug_watch *w = ctx;

    TRY(w->under->write(w->under->ctx, at, buf, size, access, fault));
    note(w, 1 << DR7_RW_ACCESS | 1 << DR7_RW_WRITE, at.v, size);
    return ENV_OK;
}

static void watch_port(struct debug_watch *w, u16 port, u32 size)
{
    if (w->cpu->cr4 & CR4_DE)
        note(w, 1 << DR7_RW_IO, port, size);
}

static u32 watch_in(void *ctx, u16 port, u32 size)
{
    struct debug_watch *w = ctx;

    watch_port(w, port, size);
    return w->under->in(w->under->ctx, port, size);
}

static void watch_out(void *ctx, u16 port, u32 size, u32 value)
{
    struct debug_watch *w = ctx;

    watch_port(w, port, size);
    w->under->out(w->under->ctx, port, size, value);
}

static enum env_status pass_cr_check(void *ctx, unsigned n, u32 value,
                                     struct fault *fault)
{
    const struct debug_watch *w = ctx;

    return w->under->cr_check(w->under->ctx, n, value, fault);
}

static void pass_cr_written(void *ctx, unsigned n, u32 old)
{
    const struct debug_watch *w = ctx;

    w->under->cr_written(w->under->ctx, n, old);
}

static void pass_dr_written(void *ctx, unsigned n)
{
    const struct debug_watch *w = ctx;

    w->under->dr_written(w->under->ctx, n);
}

static void pass_invlpg(void *ctx, gva_t at)
{
    const struct debug_watch *w = ctx;

    w->under->invlpg(w->under->ctx, at);
}

static enum env_status pass_rdmsr(void *ctx, u32 index, u64 *value,
                                  struct fault *fault)
{
    const struct debug_watch *w = ctx;

    return w->under->rdmsr(w->under->ctx, index, value, fault);
}

static enum env_status pass_wrmsr(void *ctx, u32 index, u64 value,
                                  struct fault *fault)
{
    const struct debug_watch *w = ctx;

    return w->under->wrmsr(w->under->ctx, index, value, fault);
}

static void pass_cpuid(void *ctx, u32 leaf, u32 subleaf, u32 out[4])
{
    const struct debug_watch *w = ctx;

    w->under->cpuid(w->under->ctx, leaf, subleaf, out);
}

static u64 pass_rdtsc(void *ctx)
{
    const struct debug_watch *w = ctx;

    return w->under->rdtsc(w->under->ctx);
}

static void pass_table_loaded(void *ctx, enum cpu_table table)
{
    const struct debug_watch *w = ctx;

    w->under->table_loaded(w->under->ctx, table);
}

static struct fpu *pass_fpu(void *ctx)
{
    const struct debug_watch *w = ctx;

    return w->under->fpu(w->under->ctx);
}

static void pass_fpu_run(void *ctx, struct fpu_op *op)
{
    const struct debug_watch *w = ctx;

    w->under->fpu_run(w->under->ctx, op);
}

static void pass_fpu_error(void *ctx)
{
    const struct debug_watch *w = ctx;

    w->under->fpu_error(w->under->ctx);
}

_Static_assert(
    sizeof(struct cpu_env) == 21 * sizeof(void *),
    "a new hook of struct cpu_env is passed on here as well, but code, "
    "without which blocks are not used, and many ports at once, of which each "
    "is to be seen");

const struct cpu_env *debug_watch(struct debug_watch *watch, struct cpu *cpu,
                                  const struct cpu_env *under)
{
    *watch = (struct debug_watch){
        .under = under,
        .cpu = cpu,
        .env = {.ctx = watch,
                .read = watch_read,
                .write = watch_write,
                .in = watch_in,
                .out = watch_out,
                .cr_check = pass_cr_check,
                .cr_written = pass_cr_written,
                .dr_written = pass_dr_written,
                .invlpg = pass_invlpg,
                .rdmsr = pass_rdmsr,
                .wrmsr = pass_wrmsr,
                .cpuid = pass_cpuid,
                .rdtsc = pass_rdtsc,
                .fpu = under->fpu ? pass_fpu : NULL,
                .fpu_run = pass_fpu_run,
                .fpu_error = pass_fpu_error,
                .enough = under->enough,
                .table_loaded = pass_table_loaded},
    };
    return &watch->env;
}

struct fault debug_raise(struct cpu *cpu, u32 bits)
{
    cpu->dr[6] = (cpu->dr[6] & ~(u32)DR6_HITS) | bits;
    cpu->dr[7] &= ~(u32)DR7_GD;
    cpu->debug_pending = 0;
    return fault_plain(TRAP_DB);
}

/* What is due before the instruction runs. */
static u32 before(const struct cpu *cpu)
{
    if (cpu->irq_shadow == SHADOW_SS)
        return 0;
    if (cpu->debug_pending)
        return cpu->debug_pending;
    if (cpu->eflags & EFLAGS_RF)
        return 0;
    return hits(cpu, 1 << DR7_RW_EXECUTE, cpu->seg[SEG_CS].base + cpu->eip, 1);
}

static enum step_status run(struct cpu *cpu, const struct cpu_env *env,
                            struct step *out)
{
    struct debug_watch watch;

    if (cpu->dr[7] & DR7_ENABLE)
        env = debug_watch(&watch, cpu, env);
    return cpu_step(cpu, env, out);
}

static enum step_status run_armed(struct cpu *cpu, const struct cpu_env *env,
                                  struct step *out)
{
    u32 tasks = cpu->task_switches, due = before(cpu);
    bool traced = cpu->eflags & EFLAGS_TF;
    enum step_status status;

    out->decoded = false;
    if (due) {
        out->fault = debug_raise(cpu, due);
        return STEP_FAULT;
    }
    status = run(cpu, env, out);
    if (status != STEP_OK) {
        cpu->debug_pending = 0;
        return status;
    }
    if (traced && !out->software_int && cpu->task_switches == tasks &&
        cpu->irq_shadow != SHADOW_SS)
        cpu->debug_pending |= DR6_BS;
    return STEP_OK;
}

enum step_status cpu_step_debug(struct cpu *cpu, const struct cpu_env *env,
                                struct step *out)
{
    enum step_status status =
        debug_armed(cpu) ? run_armed(cpu, env, out) : cpu_step(cpu, env, out);

    out->trap =
        status == STEP_OK && cpu->debug_pending && cpu->irq_shadow != SHADOW_SS;
    if (out->trap)
        out->fault = debug_raise(cpu, cpu->debug_pending);
    return status;
}
