/* SPDX-License-Identifier: MIT
 *
 * See judge.h. Everything is compared: registers, EIP, flags, selectors,
 * memory, the FXSAVE image, and of a fault its vector, error code and CR2.
 *
 * Not compared, since processors differ and may:
 *   - flags that the row's column in ops.def calls undefined, and those that
 *     a shift's count leaves so (SDM vol. 2B SAL/SAR/SHL/SHR, SHLD);
 *   - the result of SHLD and SHRD of a word by more than 16 (ibid.);
 *   - the upper half of a double word that PUSH of a segment register writes
 *     (vol. 2B PUSH);
 *   - FOP, FCS, FDP, FDS, and in memory FIP too: newer processors keep them
 *     for unmasked exceptions only, or not (vol. 1 8.1.8);
 *   - which of two faults comes first: of CMPS's operands; of a CALL's target
 *     and stack; of limit and alignment through SS (#GP or #SS); of #GP and #AC
 *     for FXSAVE and FXRSTOR (vol. 2A FXSAVE);
 *   - whether BOUND looks at its upper bound when it is below the lower one;
 *   - whether and where MASKMOVQ and MASKMOVDQU fault for bytes that are not
 *     chosen (vol. 2B), and what alignment #AC wants of them;
 *   - x87 state when an instruction with an MMX operand faults: Intel's
 *     processors have gone over to MMX by then, other than vol. 3A 6.5 says;
 *   - registers that POPA had popped before it faulted (it begins anew);
 *   - CR2 (and with it whether a page was there) within operands that are
 *     accessed in pieces: x87 states, frames, byte-wise stores;
 *   - whether the part of such an operand that is beyond a limit is met before
 *     the part whose page is missing; and what a faulting one has written;
 *   - what a CALL or PUSHA that faults has pushed below ESP;
 *   - bits 16 to 19 of what LAR gives (vol. 2A LAR);
 *   - REP INS and OUTS of nothing: Intel's processors ask for permission, the
 *     manual's pseudo-code (vol. 2B REP) does not;
 *   - RF in the flags of a fault, which the frame has and we are not in;
 *   - EAX and EDX behind RDTSC.
 */
#include "tests/diff/judge.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/exec_impl.h"
#include <stdio.h>
#include <string.h>

static bool is_double_shift(const struct test *t)
{
    return t->row->class == CLASS_ALU && t->row->operand[1] == O_G &&
           t->row->operand[2];
}

static u32 shift_count(const struct test *t)
{
    u8 kind = t->row->operand[t->row->operand[2] ? 2 : 1];

    return (kind == O_IB ? t->insn.imm : t->regs.gpr[ECX]) & 31;
}

/* INS and OUTS, repeated no times. */
static bool is_no_io(const struct test *t)
{
    u32 mask = t->insn.adsize == 4 ? 0xffffffff : 0xffff;

    return t->row->class == CLASS_IO && t->insn.rep &&
           !(t->regs.gpr[ECX] & mask);
}

bool judge_is_open(const struct test *t)
{
    if (is_no_io(t))
        return true;
    return is_double_shift(t) && t->insn.opsize == 2 && shift_count(t) > 16;
}

/* Flags that count and operands leave undefined beyond the row's column. */
static u32 undefined_flags(const struct test *t)
{
    u32 undef = t->row->undef, n, bits = t->insn.opsize * 8u;
    u8 kind = t->row->operand[t->row->operand[2] ? 2 : 1];

    if (!(undef & EFLAGS_OF) || t->row->class != CLASS_ALU ||
        (kind != O_IB && kind != O_CL))
        return undef;
    n = shift_count(t);
    if (n == 0)
        return 0;
    if (n == 1)
        undef &= ~(u32)EFLAGS_OF;
    if (n >= bits && (undef & EFLAGS_AF))
        undef |= EFLAGS_CF;
    return undef;
}

static u32 open_bits(const struct test *t, const struct verdict *v, u32 r)
{
    u32 op = t->insn.op;

    if (op == OP_POPA)
        return r != ESP && v->native.vector != NO_VECTOR ? ~0u : 0;
    if (op == OP_LAR)
        return r == t->insn.reg && t->insn.opsize == 4 ? 0xf0000 : 0;
    return op == OP_RDTSC && (r == EAX || r == EDX) ? ~0u : 0;
}

static bool same_registers(const struct test *t, const struct verdict *v)
{
    const struct regs *a = &v->native.regs, *b = &v->ours.regs;
    u32 flags = FLAGS_COMPARED | EFLAGS_IF | EFLAGS_IOPL;

    if (v->native.vector == NO_VECTOR)
        flags &= ~undefined_flags(t);
    for (u32 r = 0; r < GPR_COUNT; r++) {
        if ((a->gpr[r] ^ b->gpr[r]) & ~open_bits(t, v, r))
            return false;
    }
    if (a->eip != b->eip || ((a->eflags ^ b->eflags) & flags))
        return false;
    return !t->far || !memcmp(a->seg, b->seg, sizeof(a->seg));
}

static u32 operand_linear(const struct test *t)
{
    struct cpu cpu;

    memcpy(cpu.gpr, t->regs.gpr, sizeof(cpu.gpr));
    return place_of(t->regs.seg[t->insn.seg])->base + ea_offset(&cpu, &t->insn);
}

static bool is_call(u32 op)
{
    return op == OP_CALL_J || op == OP_CALL_Ev || op == OP_CALLF_P ||
           op == OP_CALLF_M;
}

/* Accessed in pieces, or in an order that is the processor's own. */
static bool in_pieces(const struct test *t)
{
    u32 op = t->insn.op, kind = t->row->operand[0];

    return op == OP_CMPSB || op == OP_CMPSV || op == OP_PUSHA ||
           op == OP_RETF || op == OP_RETF_Iw || op == OP_IRET || is_call(op) ||
           op == OP_MASKMOVQ || op == OP_MASKMOVDQU || kind == O_ENV ||
           kind == O_STATE || kind == O_M512;
}

static bool has_large_operand(const struct test *t)
{
    u32 kind = t->row->operand[0];

    return kind == O_M80 || kind == O_ENV || kind == O_STATE || kind == O_M512;
}

static bool has_pointer(const struct test *t)
{
    return t->row->operand[0] == O_MP || t->row->operand[1] == O_MP;
}

/* Both fault, or may, and not the same way. */
static bool open_fault(const struct test *t, const struct verdict *v)
{
    u32 op = t->insn.op, native = v->native.vector, ours = v->ours.vector;

    if (op == OP_MASKMOVQ || op == OP_MASKMOVDQU)
        return native != NO_VECTOR || ours == TRAP_AC;
    if (native == NO_VECTOR || ours == NO_VECTOR)
        return false;
    if (op == OP_BOUND)
        return native == TRAP_BR || native == TRAP_PF || native == TRAP_AC;
    if (op == OP_CMPSB || op == OP_CMPSV || is_call(op))
        return true;
    if (op == OP_FXSAVE || op == OP_FXRSTOR)
        return true;
    if (native == TRAP_PF || native == TRAP_AC)
        return op == OP_POPA || has_pointer(t) || has_large_operand(t) ||
               in_pieces(t);
    return t->with_fpu && (t->row->arg & FPU_ALIGNED) &&
           t->insn.seg == SEG_SS && native == TRAP_GP && ours == TRAP_SS;
}

static bool same_page_fault(const struct test *t, const struct verdict *v)
{
    const struct outcome *a = &v->native, *b = &v->ours;

    if (in_pieces(t))
        return !((a->error ^ b->error) & ~(u32)PF_PRESENT);
    return a->error == b->error && a->cr2 == b->cr2;
}

static bool same_fault(const struct test *t, const struct verdict *v)
{
    const struct outcome *a = &v->native, *b = &v->ours;

    if (v->status != STEP_OK && v->status != STEP_FAULT)
        return false;
    if (a->vector != b->vector)
        return false;
    if (a->vector == TRAP_PF)
        return same_page_fault(t, v);
    return a->vector >= TRAP_EXCEPTIONS || !(TRAP_HAS_ERROR >> a->vector & 1) ||
           a->error == b->error;
}

/* The pointers to the last instruction, but FIP. */
static void blank_pointers(struct fpu *fpu)
{
    memset(fpu->image + FX_FOP, 0, FX_FIP - FX_FOP);
    memset(fpu->image + FX_FCS, 0, FX_MXCSR - FX_FCS);
}

static bool gone_to_mmx(const struct test *t, const struct verdict *v)
{
    return v->native.vector != NO_VECTOR &&
           ((t->row->arg & FPU_MMX) || t->row->class == CLASS_MMX);
}

static bool same_fpu(const struct test *t, struct verdict *v)
{
    if (!t->with_fpu)
        return true;
    if (gone_to_mmx(t, v))
        return !memcmp(v->native.fpu.image + FX_XMM, v->ours.fpu.image + FX_XMM,
                       FX_WRITTEN - FX_XMM);
    blank_pointers(&v->native.fpu);
    blank_pointers(&v->ours.fpu);
    return !memcmp(v->native.fpu.image, v->ours.fpu.image, FX_WRITTEN);
}

/* Bytes of the memory operand that are not compared. */
static void open_bytes(const struct test *t, u32 *from, u32 *count)
{
    u32 op = t->insn.op;

    *from = *count = 0;
    if (op == OP_FNSTENV || op == OP_FNSAVE) {
        *from = t->insn.opsize == 4 ? 12 : 6;
        *count = t->insn.opsize == 4 ? 16 : 8;
    }
    if (op == OP_FXSAVE) {
        *from = FX_FOP;
        *count = FX_MXCSR - FX_FOP;
    }
}

static bool is_segment_push(u32 op)
{
    return op == OP_PUSH_ES || op == OP_PUSH_CS || op == OP_PUSH_SS ||
           op == OP_PUSH_DS || op == OP_PUSH_FS || op == OP_PUSH_GS;
}

/* What there is of it in the data pages. */
static void blank(u32 at, u32 count)
{
    for (at -= DATA_AT; count; at++, count--) {
        if (at < DATA_SIZE)
            native_data()[at] = place_data[at] = 0;
    }
}

static bool same_memory(const struct test *t, const struct verdict *v)
{
    const struct place *ss = place_of(t->regs.seg[SEG_SS]);
    u32 from, count, esp = v->ours.regs.gpr[ESP];
    bool faulted = v->native.vector != NO_VECTOR;

    esp = ss->base + (ss->attr & ATTR_DB ? esp : esp & 0xffff);
    open_bytes(t, &from, &count);
    if (count)
        blank(operand_linear(t) + from, count);
    if (is_segment_push(t->insn.op) && t->insn.opsize == 4)
        blank(esp + 2, 2);
    if ((is_call(t->insn.op) || t->insn.op == OP_PUSHA) && faulted)
        blank(esp - 32, 32);
    if (has_large_operand(t) && faulted)
        blank(operand_linear(t), FX_SIZE);
    return !memcmp(native_data(), place_data, DATA_SIZE);
}

/* The word that LAR, LSL, VERR and VERW look at. */
static u32 source_selector(const struct test *t)
{
    u32 at, sel;

    if (t->insn.modrm >> 6 == 3)
        return (u16)t->regs.gpr[t->insn.rm];
    at = operand_linear(t);
    if (at - CODE_AT < CODE_SIZE - 1)
        return get_le16(place_code + (at - CODE_AT));
    at -= DATA_AT;
    sel = at < DATA_SIZE ? t->data[at] : 0;
    return sel | (at + 1 < DATA_SIZE ? t->data[at + 1] << 8 : 0);
}

static bool is_kernels(u32 sel)
{
    sel |= SEL_RPL;
    return sel != SEL_RPL && place_of(sel) == &places[PLACE_NULL];
}

/* By chance a selector of the kernel's own, which are not modelled. */
static bool met_kernel_segment(const struct test *t, const struct verdict *v)
{
    u32 op = t->insn.op;

    for (u32 s = 0; s < SEG_COUNT; s++) {
        if (is_kernels(v->native.regs.seg[s]))
            return true;
    }
    return (op == OP_LAR || op == OP_LSL || op == OP_VERR || op == OP_VERW) &&
           is_kernels(source_selector(t));
}

bool judge_same(const struct test *t, struct verdict *v)
{
    if (t->far && met_kernel_segment(t, v))
        return true;
    if (v->native.vector != v->ours.vector && open_fault(t, v))
        return true;
    return same_fault(t, v) && same_registers(t, v) && same_fpu(t, v) &&
           same_memory(t, v);
}

/* ---- reports */

static void show(const char *who, const struct regs *regs)
{
    printf("  %-7s", who);
    for (u32 r = 0; r < GPR_COUNT; r++)
        printf(" %08x", regs->gpr[r]);
    printf("\n          eip %08x flags %06x sel", regs->eip, regs->eflags);
    for (u32 s = 0; s < SEG_COUNT; s++)
        printf(" %02x", regs->seg[s]);
    printf("\n");
}

static void show_outcome(const char *who, const struct outcome *o)
{
    show(who, &o->regs);
    if (o->vector != NO_VECTOR)
        printf("          vector %u error %x cr2 %x\n", o->vector, o->error,
               o->cr2);
}

static void show_memory(const struct test *t)
{
    for (u32 i = 0; i < DATA_SIZE; i++) {
        if (native_data()[i] != place_data[i])
            printf("  memory %08x: was %02x, native %02x, ours %02x\n",
                   DATA_AT + i, t->data[i], native_data()[i], place_data[i]);
    }
}

static void show_fpu(const struct test *t, const struct verdict *v)
{
    for (u32 i = 0; t->with_fpu && i < FX_WRITTEN; i += 2) {
        u32 a = get_le16(v->native.fpu.image + i);
        u32 b = get_le16(v->ours.fpu.image + i);
        if (a != b)
            printf("  image %03x: was %04x, native %04x, ours %04x\n", i,
                   get_le16(t->fpu.image + i), a, b);
    }
    if (t->with_fpu)
        printf("  fcw %04x fsw %04x ftw %02x mxcsr %04x\n",
               get_le16(t->fpu.image + FX_FCW), get_le16(t->fpu.image + FX_FSW),
               t->fpu.image[FX_FTW], get_le32(t->fpu.image + FX_MXCSR));
}

void judge_report(const struct test *t, const struct verdict *v)
{
    char text[80];

    insn_print(&t->insn, t->regs.eip, text, sizeof(text));
    printf("%s differs:", text);
    for (int i = 0; i < t->insn.len; i++)
        printf(" %02x", t->bytes[i]);
    printf("%s\n", t->far ? "" : " (flat)");
    show("before", &t->regs);
    show_outcome("native", &v->native);
    show_outcome("ours", &v->ours);
    if (v->status != STEP_OK && v->status != STEP_FAULT)
        printf("  cpu_step() said %u\n", v->status);
    show_memory(t);
    show_fpu(t, v);
}
