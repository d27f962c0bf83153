/* SPDX-License-Identifier: MIT
 *
 * The FPU as data: x87, MMX and SSE registers are the 512 bytes that FXSAVE
 * writes, and most of what instructions do to them is plain C on these bytes:
 * moves, control words, environments, tags, MMX's view of the x87 registers.
 *
 * Only arithmetic needs a real unit. struct fpu_op is one such instruction
 * with its operands already fetched: cpu_env.fpu_run() has arch/x86/fpu.S
 * run it on the host's own unit, with every SIMD exception masked, and puts
 * results and flags back into the struct. Nothing of the guest is changed by
 * that: the caller looks at the flags, writes memory, and commits last. So
 * FSTP to a page that faults has not popped, and no instruction that a guest
 * chose can raise an exception in its host.
 *
 * An alternative would run the guest's instruction on live registers; then
 * undoing, masking and the pointers of the last instruction would need as
 * much code in assembly, and a test could not look at the state in between.
 *
 * SDM vol. 1 chapters 8, 9, 10 (10.5.1: the image), vol. 3A chapter 12.
 */
#ifndef CPU_FPU_H
#define CPU_FPU_H

#include "arch/x86/defs/fpu.h"
#include "vmm/base/bits.h"
#include "vmm/base/types.h"

struct fpu {
    u8 image[FX_SIZE];
} __attribute__((aligned(16)));

struct fpu_op {
    u32 unit;   /* FPU_UNIT_ */
    u32 stub;   /* FPU_STUB_ */
    u32 eflags; /* status flags, in and out */
    u32 gpr;    /* general register, in or out */
    u32 mxcsr;  /* in (all masked, no flags), out; not for x87 */
    u32 unused[3];
    u8 a[16]; /* destination, which may be an operand too; x87: memory */
    u8 b[16]; /* second operand */
    struct fpu state; /* x87 only, and of it what lies before FX_XMM */
};

STATIC_ASSERT(offsetof(struct fpu_op, unit) == FPU_OP_UNIT);
STATIC_ASSERT(offsetof(struct fpu_op, stub) == FPU_OP_STUB);
STATIC_ASSERT(offsetof(struct fpu_op, eflags) == FPU_OP_EFLAGS);
STATIC_ASSERT(offsetof(struct fpu_op, gpr) == FPU_OP_GPR);
STATIC_ASSERT(offsetof(struct fpu_op, mxcsr) == FPU_OP_MXCSR);
STATIC_ASSERT(offsetof(struct fpu_op, a) == FPU_OP_A);
STATIC_ASSERT(offsetof(struct fpu_op, b) == FPU_OP_B);
STATIC_ASSERT(offsetof(struct fpu_op, state) == FPU_OP_STATE);

/* arch/x86/fpu.S: runs op on this machine's unit. The x87 and vector
 * registers must be free; an x87 exception is left in state, unreported. */
void fpu_unit(struct fpu_op *op);

static inline u16 fpu_word(const struct fpu *fpu, u32 at)
{
    return get_le16(fpu->image + at);
}

static inline void fpu_set_word(struct fpu *fpu, u32 at, u32 value)
{
    put_le16(fpu->image + at, (u16)value);
}

static inline u32 fpu_long(const struct fpu *fpu, u32 at)
{
    return get_le32(fpu->image + at);
}

static inline void fpu_set_long(struct fpu *fpu, u32 at, u32 value)
{
    put_le32(fpu->image + at, value);
}

static inline u32 fpu_top(const struct fpu *fpu)
{
    return (fpu_word(fpu, FX_FSW) & FSW_TOP) >> FSW_TOP_LSB;
}

static inline u8 *fpu_xmm(struct fpu *fpu, u32 n)
{
    return fpu->image + FX_XMM + n * FX_REG;
}

/* MMX register n is R(n), which is ST(n - TOP). */
static inline u8 *fpu_mmx(struct fpu *fpu, u32 n)
{
    return fpu->image + FX_ST + ((n - fpu_top(fpu)) & 7) * FX_REG;
}

static inline bool fpu_error_waits(const struct fpu *fpu)
{
    return fpu_word(fpu, FX_FSW) & FSW_ES;
}

/* As after RESET and FNINIT: everything else zero. */
void fpu_reset(struct fpu *fpu);
/* FNINIT: MXCSR and the registers' contents stay. */
void fpu_init(struct fpu *fpu);
/* FLDCW; FNCLEX. */
void fpu_load_control(struct fpu *fpu, u32 fcw);
void fpu_clear_errors(struct fpu *fpu);
/* What every MMX instruction but EMMS does: TOP 0, no register empty. */
void fpu_to_mmx(struct fpu *fpu);

/* The environment that FNSTENV writes and FLDENV reads. */
enum fpu_format {
    FPU_FORMAT_16 = 0, /* 14 bytes, else 28 */
    FPU_FORMAT_32 = 1,
    FPU_FORMAT_REAL = 2, /* real and virtual-8086 mode */
};
#define FPU_ENV_MAX   28
#define FPU_STATE_MAX (FPU_ENV_MAX + 8 * FX_ST_BYTES)
static inline u32 fpu_env_size(u32 format)
{
    return format & FPU_FORMAT_32 ? 28 : 14;
}
void fpu_env_get(const struct fpu *fpu, u32 format, u8 *to);
void fpu_env_put(struct fpu *fpu, u32 format, const u8 *from);
/* The registers behind it, as FNSAVE and FRSTOR have them. */
void fpu_stack_get(const struct fpu *fpu, u8 *to);
void fpu_stack_put(struct fpu *fpu, const u8 *from);

/* MXCSR bits that may be set; the rest raise #GP(0). */
u32 fpu_mxcsr_mask(const struct fpu *fpu);
/* FXSAVE: FX_WRITTEN bytes, the vector part only with `simd`. FXRSTOR: the
 * caller has checked MXCSR. */
void fpu_fxsave(const struct fpu *fpu, bool simd, u8 *to);
void fpu_fxrstor(struct fpu *fpu, bool simd, const u8 *from);

#endif
