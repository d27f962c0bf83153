/* SPDX-License-Identifier: MIT
 *
 * segworld.h with ports, control registers and whole instructions: what the
 * tests of real-address and virtual-8086 mode share. RUN(bytes...) puts an
 * instruction at CS:EIP and executes it; RAISES(vector, error, bytes...)
 * expects it to fault and to leave the processor alone.
 */
#ifndef TESTS_REALWORLD_H
#define TESTS_REALWORLD_H

#include "tests/unit/segworld.h"
#include "vmm/cpu/exec.h"

static struct step st;
static u32 port_count, cr_count;

static inline enum env_status real_cr_check(void *ctx, unsigned n, u32 value,
                                            struct fault *fault)
{
    return ENV_OK;
}

static inline void real_cr_written(void *ctx, unsigned n, u32 old)
{
    cr_count++;
}

static inline u32 real_in(void *ctx, u16 port, u32 size)
{
    port_count++;
    return port;
}

static inline void real_out(void *ctx, u16 port, u32 size, u32 value)
{
    port_count++;
}

static const struct cpu_env machine = {.read = world_read,
                                       .write = world_write,
                                       .in = real_in,
                                       .out = real_out,
                                       .cr_check = real_cr_check,
                                       .cr_written = real_cr_written,
                                       .table_loaded = world_loaded};

static inline u32 code_at(void)
{
    return w.cpu.seg[SEG_CS].base + w.cpu.eip;
}

static inline enum step_status run_bytes(const u8 *bytes, u32 count)
{
    memcpy(w.mem + code_at(), bytes, count);
    before = w.cpu;
    return cpu_step(&w.cpu, &machine, &st);
}

#define BYTES(...) (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__})
#define RUN(...)   EXPECT_EQ(run_bytes(BYTES(__VA_ARGS__)), STEP_OK)

static inline void expect_raised(enum step_status status, u32 vector, u32 error,
                                 int line)
{
    if (status != STEP_FAULT || st.fault.vector != vector ||
        (st.fault.has_error && st.fault.error != error) || !untouched())
        printf("line %d: status %d, vector %u, error 0x%x%s\n", line, status,
               st.fault.vector, st.fault.error,
               untouched() ? "" : ", the processor has changed");
    EXPECT_EQ(status, STEP_FAULT);
    EXPECT_EQ(st.fault.vector, vector);
    EXPECT_EQ(st.fault.has_error, vector != TRAP_UD);
    if (st.fault.has_error)
        EXPECT_EQ(st.fault.error, error);
    EXPECT(untouched());
}

#define RAISES(vector, error, ...)                                             \
    expect_raised(run_bytes(BYTES(__VA_ARGS__)), vector, error, __LINE__)

static inline void expect_paragraph(u32 s, u16 sel, u32 attr, u32 limit)
{
    EXPECT_EQ(w.cpu.seg[s].sel, sel);
    EXPECT_EQ(w.cpu.seg[s].base, (u32)sel << 4);
    EXPECT_EQ(w.cpu.seg[s].attr, attr);
    EXPECT_EQ(w.cpu.seg[s].limit, limit);
    EXPECT(w.cpu.seg_dirty & BIT(s));
}

#endif
