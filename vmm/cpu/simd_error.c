/* SPDX-License-Identifier: MIT
 *
 * Unmasked SIMD exceptions, found by a unit on which all are masked.
 *
 * Two things look different there. A tiny result that is exact raises UE only
 * while underflow is unmasked: it is a result that is denormal. And of a
 * result that overflows or underflows PE asks whether rounding it lost
 * something with the exponent unbounded, not whether the infinity or the
 * denormal in its place is exact: each such element is computed once more
 * with its operands scaled into the middle of the range, which changes no
 * digit of the result. All this is rare: it costs the common instruction two
 * comparisons.
 *
 * SDM vol. 1 11.5.2 (each exception), 11.5.3 (priority, masked and unmasked
 * response), 4.9.1.
 */
#include "vmm/base/str.h"
#include "vmm/cpu/exec_simd.h"

#define BEFORE (FPU_IE | FPU_DE | FPU_ZE) /* found before computing */
#define RANGE  (FPU_OE | FPU_UE)

enum { OP_ADD = 0x58, OP_MUL, OP_CONVERT, OP_SUB = 0x5c, OP_DIV = 0x5e };

/* How the results that can leave the range lie in the destination. */
struct shape {
    u32 count, size;
};

static struct shape shape_of(const struct insn *insn)
{
    bool scalar = insn->mandatory == 0xf3 || insn->mandatory == 0xf2;
    bool wide = insn->mandatory == 0x66 || insn->mandatory == 0xf2;
    u32 size = wide ? 8 : 4;

    switch (insn->opcode) {
    case OP_ADD:
    case OP_MUL:
    case OP_SUB:
    case OP_DIV:
        return (struct shape){scalar ? 1 : 16 / size, size};
    case OP_CONVERT: /* CVTPD2PS, CVTSD2SS; the others widen */
        return (struct shape){wide ? (scalar ? 1 : 2) : 0, 4};
    default:
        return (struct shape){0, 4};
    }
}

static u64 get(const u8 *number, u32 size)
{
    return size == 4 ? get_le32(number) : get_le64(number);
}

static void put(u8 *number, u32 size, u64 value)
{
    put_le32(number, (u32)value);
    if (size == 8)
        put_le32(number + 4, (u32)(value >> 32));
}

static u32 digits(u32 size)
{
    return size == 4 ? 23 : 52;
}

static u64 exponent_of(u64 value, u32 size)
{
    return value >> digits(size) & (size == 4 ? 0xff : 0x7ff);
}

static u64 significand_of(u64 value, u32 size)
{
    return value & (BIT64(digits(size)) - 1);
}

static bool is_tiny(const u8 *number, u32 size)
{
    u64 value = get(number, size);

    return !exponent_of(value, size) && significand_of(value, size);
}

static bool any_tiny(struct shape shape, const u8 *result)
{
    for (u32 i = 0; i < shape.count; i++) {
        if (is_tiny(result + i * shape.size, shape.size))
            return true;
    }
    return false;
}

/* Between 1 and 2, with the same sign and digits. */
static void to_one(u8 *number, u32 size)
{
    u64 value = get(number, size), significand = significand_of(value, size);
    u64 sign = value & BIT64(size * 8 - 1);

    if (!exponent_of(value, size)) {
        while (significand && !(significand >> digits(size)))
            significand <<= 1;
    }
    put(number, size,
        sign | (size == 4 ? 127ull : 1023ull) << digits(size) |
            significand_of(significand, size));
}

/* A quarter of it; false: too small for that. */
static bool to_quarter(u8 *number, u32 size)
{
    u64 value = get(number, size);

    if (!(value << 1 & (size == 4 ? 0xffffffffu : ~0ull)))
        return true;
    if (exponent_of(value, size) <= 2)
        return false;
    put(number, size, value - (2ull << digits(size)));
    return true;
}

struct redo {
    const struct cpu_env *env;
    u8 opcode;
    u32 mxcsr; /* all masked, no flags */
    u32 open;  /* unmasked exceptions */
};

/* One element as a scalar. */
static u32 compute(const struct redo *r, const u8 *a, const u8 *b, u32 size,
                   u8 *result)
{
    struct fpu_op op = {.mxcsr = r->mxcsr};
    u32 prefix = size == 8 ? FPU_PREFIX_F2 : FPU_PREFIX_F3;

    memcpy(op.a, a, size);
    memcpy(op.b, b, size);
    op.stub = FPU_STUB_SIMD + prefix * 256 + r->opcode;
    r->env->fpu_run(r->env->ctx, &op);
    memcpy(result, op.a, 8);
    return op.mxcsr & FPU_ERRORS;
}

/* PE of one element; size is that of its operands. */
static u32 inexact(const struct redo *r, const u8 *a_in, const u8 *b_in,
                   u32 size)
{
    u32 out = r->opcode == OP_CONVERT ? 4 : size, flags;
    u8 a[8] = {0}, b[8] = {0}, result[8];

    memcpy(a, a_in, size);
    memcpy(b, b_in, size);
    flags = compute(r, a, b, size, result);
    if (is_tiny(result, out))
        flags |= FPU_UE;
    if (!(flags & r->open & RANGE))
        return flags & FPU_PE;
    if (r->opcode == OP_ADD || r->opcode == OP_SUB) {
        if (!to_quarter(a, size) || !to_quarter(b, size))
            return FPU_PE;
    } else {
        to_one(a, size);
        to_one(b, size);
    }
    return compute(r, a, b, size, result) & FPU_PE;
}

static u32 any_inexact(const struct redo *r, struct shape shape, const u8 *a,
                       const u8 *b)
{
    u32 size = r->opcode == OP_CONVERT ? 8 : shape.size, flags = 0;

    for (u32 i = 0; i < shape.count; i++)
        flags |= inexact(r, a + i * size, b + i * size, size);
    return flags;
}

u32 simd_errors(const struct cpu_env *env, const struct insn *insn,
                const struct fpu_op *op, const u8 *a, u32 open)
{
    struct shape shape = shape_of(insn);
    u32 flags = op->mxcsr & FPU_ERRORS;

    if ((open & FPU_UE) && any_tiny(shape, op->a))
        flags |= FPU_UE;
    if (flags & open & BEFORE)
        return flags & BEFORE;
    if ((flags & open & RANGE) && (flags & FPU_PE)) {
        struct redo r = {env, insn->opcode, op->mxcsr & ~(u32)FPU_ERRORS, open};
        flags &= ~(u32)FPU_PE;
        flags |= any_inexact(&r, shape, a, op->b);
    }
    return flags;
}
