/* SPDX-License-Identifier: MIT
 *
 * Inside the executor: what a handler is given, the operand helpers, and the
 * handlers that ops.def names.
 *
 * A handler returns ENV_OK when it has done everything but advance EIP, or
 * ENV_FAULT (through raise_*, or from below) having changed nothing. Branches
 * set x->next.
 */
#ifndef CPU_EXEC_IMPL_H
#define CPU_EXEC_IMPL_H

#include "vmm/base/bits.h"
#include "vmm/cpu/exec.h"
#include "vmm/cpu/seg.h"

struct exec {
    struct cpu *cpu;
    const struct cpu_env *env;
    const struct insn *insn;
    const struct op_row *row;
    struct step *out;
    u32 next;     /* EIP when the handler is done */
    u8 shadow;    /* of the instruction before, SHADOW_ */
    bool keep_rf; /* IRET: RF is what was popped */
};

typedef enum env_status handler_fn(struct exec *x);

/* exec.c: what cpu_step() does behind the decoder, and what it returns then. */
enum env_status exec_decoded(struct exec *x);
enum step_status exec_status(const struct exec *x, enum env_status status);
/* The handler of a row, which is to be called when the row's checks hold. */
handler_fn *exec_handler(u16 op);

static inline u32 reg_read(const struct cpu *cpu, u32 reg, u32 size)
{
    if (size == 4)
        return cpu->gpr[reg];
    if (size == 2)
        return (u16)cpu->gpr[reg];
    return (u8)(cpu->gpr[reg & 3] >> (reg & 4 ? 8 : 0));
}

static inline void reg_write(struct cpu *cpu, u32 reg, u32 size, u32 value)
{
    u32 shift = size == 1 && (reg & 4) ? 8 : 0;
    u32 mask = mask_bytes(size) << shift;
    u32 *at = &cpu->gpr[size == 1 ? reg & 3 : reg];

    *at = (*at & ~mask) | (value << shift & mask);
}

static inline u32 iopl_of(const struct cpu *cpu)
{
    return (cpu->eflags & EFLAGS_IOPL) >> EFLAGS_IOPL_SHIFT;
}

/* PUSHF, POPF, INT n and IRET in virtual-8086 mode need IOPL 3 (SDM vol. 3A
 * 20.2.7); elsewhere anybody may. */
static inline bool v86_allowed(const struct cpu *cpu)
{
    return cpu_mode(cpu) != MODE_V86 || iopl_of(cpu) == 3;
}

static inline struct fault *fault_of(struct exec *x)
{
    return &x->out->fault;
}

static inline enum env_status raise_plain(struct exec *x, u8 vector)
{
    x->out->fault = fault_plain(vector);
    return ENV_FAULT;
}

static inline enum env_status raise_error(struct exec *x, u8 vector, u32 error)
{
    x->out->fault = fault_error(vector, error);
    return ENV_FAULT;
}

/* exec_operand.c. Effective address of the memory operand, in its segment. */
u32 ea_offset(const struct cpu *cpu, const struct insn *insn);
enum env_status mem_read(struct exec *x, u32 seg, u32 offset, void *to,
                         u32 size, u32 access);
/* The same for several data side by side, of `unit` bytes each: what is to be
 * aligned is the first of them. */
enum env_status mem_read_units(struct exec *x, u32 seg, u32 offset, void *to,
                               u32 size, u32 unit);
enum env_status mem_write(struct exec *x, u32 seg, u32 offset, const void *from,
                          u32 size);
/* The same at the address that modrm gives. */
static inline enum env_status ea_read(struct exec *x, void *to, u32 size,
                                      u32 access)
{
    return mem_read(x, x->insn->seg, ea_offset(x->cpu, x->insn), to, size,
                    access);
}

static inline enum env_status ea_write(struct exec *x, const void *from,
                                       u32 size)
{
    return mem_write(x, x->insn->seg, ea_offset(x->cpu, x->insn), from, size);
}
/* Operand n (0 to 2) of the row, in its own size, zero-extended. access is
 * ACC_READ, or ACC_READ | ACC_WRITE for what is written back. */
enum env_status operand_read(struct exec *x, u32 n, u32 access, u32 *value);
enum env_status operand_write(struct exec *x, u32 n, u32 value);
/* A far pointer in memory. */
enum env_status far_pointer(struct exec *x, u16 *sel, u32 *offset);

/* exec_control.c: a near branch; #GP(0) beyond the limit of CS. */
enum env_status branch(struct exec *x, u32 target);
/* exec_system.c: CR0 with all that hangs on it. */
enum env_status write_cr0(struct exec *x, u32 value);

#define HANDLER(name) enum env_status exec_##name(struct exec *x)
/* exec_alu.c */
HANDLER(alu);
HANDLER(compare);
HANDLER(unary);
HANDLER(shift);
HANDLER(shift2);
HANDLER(mul);
HANDLER(imul2);
HANDLER(imul3);
HANDLER(div);
HANDLER(bcd);
HANDLER(bit_reg);
HANDLER(bit_imm);
HANDLER(bit_scan);
/* exec_data.c */
HANDLER(nop);
HANDLER(mov);
HANDLER(movsx);
HANDLER(lea);
HANDLER(xlat);
HANDLER(xchg);
HANDLER(cmpxchg);
HANDLER(cmpxchg8b);
HANDLER(xadd);
HANDLER(clflush);
HANDLER(bswap);
HANDLER(setcc);
HANDLER(cmov);
HANDLER(cbw);
HANDLER(cwd);
HANDLER(salc);
HANDLER(sahf);
HANDLER(lahf);
HANDLER(cmc);
HANDLER(clc);
HANDLER(stc);
HANDLER(cld);
HANDLER(std);
/* exec_string.c */
HANDLER(string);
/* exec_stack.c */
HANDLER(push);
HANDLER(pop);
HANDLER(pusha);
HANDLER(popa);
HANDLER(enter);
HANDLER(leave);
HANDLER(pushf);
HANDLER(popf);
HANDLER(push_seg);
HANDLER(pop_seg);
HANDLER(mov_from_seg);
HANDLER(mov_to_seg);
HANDLER(load_far);
/* exec_control.c */
HANDLER(jmp);
HANDLER(jmp_to);
HANDLER(jcc);
HANDLER(loop);
HANDLER(jcxz);
HANDLER(call);
HANDLER(call_to);
HANDLER(ret);
HANDLER(far);
HANDLER(retf);
HANDLER(bound);
HANDLER(int);
HANDLER(int3);
HANDLER(into);
HANDLER(int1);
HANDLER(iret);
HANDLER(sysenter);
HANDLER(sysexit);
HANDLER(ud);
/* exec_system.c */
HANDLER(in);
HANDLER(out);
HANDLER(hlt);
HANDLER(cli);
HANDLER(sti);
HANDLER(clts);
HANDLER(mov_from_cr);
HANDLER(mov_to_cr);
HANDLER(mov_from_dr);
HANDLER(mov_to_dr);
HANDLER(wrmsr);
HANDLER(rdmsr);
HANDLER(rdtsc);
HANDLER(rdpmc);
HANDLER(cpuid);
HANDLER(sldt);
HANDLER(str);
HANDLER(lldt);
HANDLER(ltr);
HANDLER(verify);
HANDLER(store_table);
HANDLER(load_table);
HANDLER(smsw);
HANDLER(lmsw);
HANDLER(invlpg);
HANDLER(lar);
HANDLER(lsl);
HANDLER(arpl);
/* exec_fpu.c */
HANDLER(x87);
HANDLER(fwait);
HANDLER(mmx);
HANDLER(emms);
HANDLER(sse);
HANDLER(maskmov);
HANDLER(fxsave);
HANDLER(fxrstor);
HANDLER(ldmxcsr);
HANDLER(stmxcsr);

#endif
