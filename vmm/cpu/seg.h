/* SPDX-License-Identifier: MIT
 *
 * Segmentation: descriptor fetch and checks, linear addresses, far transfers.
 *
 * Everything here is check-then-commit on struct cpu: on ENV_FAULT *fault is
 * what the architecture raises and the processor is as before (but for
 * accessed and busy bits in descriptor tables, which the SDM also sets early).
 * The linear address of an operand is made in one place, seg_linear().
 *
 * SDM vol. 3A chapters 3, 5 and 7; pseudo-code of MOV, CALL, JMP, RET, IRET,
 * LAR, LSL, VERR, VERW, LLDT, LTR in vol. 2.
 */
#ifndef CPU_SEG_H
#define CPU_SEG_H

#include "vmm/cpu/cpu.h"

/* A descriptor as it stands in a table. */
struct desc {
    u32 lo, hi;
};

u32 desc_base(struct desc d);
u32 desc_limit(struct desc d); /* bytes, inclusive, G applied */
u16 desc_attr(struct desc d);  /* ATTR_ form */
u8 desc_dpl(struct desc d);
bool desc_is_code(struct desc d);
/* The hidden part a segment register gets from d, under selector sel. */
struct segment desc_segment(u16 sel, struct desc d);

/* Reads the descriptor that sel names from GDT or LDT. Out of the table's
 * limit: fault `vector` with the selector (| ext) as error code. */
enum env_status desc_read(const struct cpu *cpu, const struct cpu_env *env,
                          u16 sel, u8 vector, u32 ext, struct desc *out,
                          struct fault *fault);

/* Checks type, limit and null for an access through register s (SEG_) of
 * size bytes at offset and gives the linear address. The fault is #GP(0),
 * or #SS(0) through SS. access is ACC_ bits. */
enum env_status seg_linear(const struct cpu *cpu, unsigned s, u32 offset,
                           u32 size, u32 access, gva_t *out,
                           struct fault *fault);

/* Whether ring 3 must align its data (SDM vol. 3A 6.15, interrupt 17). */
static inline bool alignment_matters(const struct cpu *cpu)
{
    return cpu->cpl == 3 && (cpu->eflags & EFLAGS_AC) && (cpu->cr0 & CR0_AM);
}

/* #AC(0) when it must, and the datum at `at` is not aligned to `unit`, a
 * power of two. Comes behind the segment's checks and, as in Bochs and QEMU,
 * before those of the page; the SDM leaves the order open (table 6-2). */
enum env_status seg_align(const struct cpu *cpu, gva_t at, u32 unit,
                          struct fault *fault);

/* MOV/POP to a data segment register or SS (not CS). Sets seg_dirty. */
enum env_status seg_load(struct cpu *cpu, const struct cpu_env *env, unsigned s,
                         u16 sel, struct fault *fault);

enum env_status seg_lldt(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                         struct fault *fault);
enum env_status seg_ltr(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                        struct fault *fault);

/* Far transfers. opsize is 2 or 4. next_eip is the address behind the
 * instruction (what a CALL pushes). On ENV_OK cs, eip, cpl and, where the
 * ring changed, ss:esp are new. far_ret releases `release` bytes of
 * parameters. Task gates and TSS selectors are a hardware task switch, as is
 * an IRET with NT: see task.h on what a fault then means. */
enum env_status far_jmp(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                        u32 offset, u32 opsize, u32 next_eip,
                        struct fault *fault);
enum env_status far_call(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                         u32 offset, u32 opsize, u32 next_eip,
                         struct fault *fault);
enum env_status far_ret(struct cpu *cpu, const struct cpu_env *env, u32 opsize,
                        u32 release, struct fault *fault);
/* IRET in any mode; that IOPL allows it in virtual-8086 mode is the caller's
 * to check. */
enum env_status far_iret(struct cpu *cpu, const struct cpu_env *env, u32 opsize,
                         u32 next_eip, struct fault *fault);

/* LAR, LSL: true and *out when the selector is visible (ZF = 1). */
enum env_status seg_lar(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                        bool *zf, u32 *out, struct fault *fault);
enum env_status seg_lsl(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                        bool *zf, u32 *out, struct fault *fault);
/* VERR (write false), VERW (write true). */
enum env_status seg_verify(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                           bool write, bool *zf, struct fault *fault);

/* Pushes and pops on the current stack, honouring SS.B and limits; the
 * stack pointer moves only on ENV_OK. size is 2 or 4. */
enum env_status stack_push(struct cpu *cpu, const struct cpu_env *env,
                           u32 value, u32 size, struct fault *fault);
enum env_status stack_pop(struct cpu *cpu, const struct cpu_env *env,
                          u32 *value, u32 size, struct fault *fault);

/* I/O permission: CPL <= IOPL, else the TSS bitmap. #GP(0) when refused. */
enum env_status io_allowed(const struct cpu *cpu, const struct cpu_env *env,
                           u16 port, u32 size, struct fault *fault);

#endif
