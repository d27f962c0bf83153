/* SPDX-License-Identifier: MIT
 *
 * What the files behind seg.h and event.h share and nobody else needs: the
 * small questions about selectors and attributes, stacks with frames on
 * them, and "entries", the common part of a far CALL, a call gate and an
 * interrupt gate.
 *
 * Invariant: nothing here changes struct cpu but the functions named
 * *_commit and entry_finish() when it returns ENV_OK.
 */
#ifndef CPU_SEG_IMPL_H
#define CPU_SEG_IMPL_H

#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/seg.h"

/* A selector as an error code. */
static inline u32 sel_error(u16 sel)
{
    return sel & (SEL_INDEX | SEL_TI);
}

static inline bool sel_is_null(u16 sel)
{
    return !sel_error(sel);
}

static inline u8 sel_rpl(u16 sel)
{
    return sel & SEL_RPL;
}

static inline u16 sel_with_rpl(u16 sel, u8 rpl)
{
    return (u16)(sel_error(sel) | rpl);
}

static inline u8 attr_dpl(u16 attr)
{
    return (attr & ATTR_DPL) >> ATTR_DPL_SHIFT;
}

static inline bool attr_is_code(u16 attr)
{
    return (attr & (ATTR_S | ATTR_CODE)) == (ATTR_S | ATTR_CODE);
}

static inline bool attr_is_conforming(u16 attr)
{
    return attr_is_code(attr) && (attr & ATTR_CONFORM);
}

static inline bool attr_is_writable(u16 attr)
{
    return (attr & (ATTR_S | ATTR_CODE | ATTR_WRITABLE)) ==
           (ATTR_S | ATTR_WRITABLE);
}

static inline enum env_status fail(struct fault *fault, u8 vector, u32 error)
{
    *fault = fault_error(vector, error);
    return ENV_FAULT;
}

/* Where sel's descriptor stands; false: outside its table. */
bool desc_find(const struct cpu *cpu, u16 sel, gva_t *at);

/* Stores the byte of a descriptor that holds type, DPL and P. */
#define DESC_TYPE_BYTE 5
enum env_status desc_store_type(const struct cpu *cpu,
                                const struct cpu_env *env, u16 sel, u16 attr,
                                struct fault *fault);

/* Sets the accessed bit, in memory and in *seg, unless it is set already. */
enum env_status seg_mark(const struct cpu *cpu, const struct cpu_env *env,
                         struct segment *seg, struct fault *fault);

/* Whether size bytes at offset lie within the limit. */
bool seg_holds(const struct segment *seg, u32 offset, u32 size);

/* A code segment for a transfer: null, outside the table or not code is
 * #GP. Present and privilege are the caller's to check. */
enum env_status seg_read_code(const struct cpu *cpu, const struct cpu_env *env,
                              u16 sel, u32 ext, struct segment *out,
                              struct fault *fault);

/* A stack segment for privilege cpl, all checks made: `vector` when it is
 * wrong, #SS when it is not present. */
enum env_status seg_read_stack(const struct cpu *cpu, const struct cpu_env *env,
                               u16 sel, u8 cpl, u8 vector, u32 ext,
                               struct segment *out, struct fault *fault);

/* What a data segment register (not SS) gets from sel: `vector` when it may
 * not, #NP when it is not present. */
enum env_status seg_read_data(const struct cpu *cpu, const struct cpu_env *env,
                              u16 sel, u8 vector, u32 ext, struct segment *out,
                              struct fault *fault);

/* A stack that a frame is pushed on. */
struct stack {
    struct segment ss;
    u32 esp;
    u32 access; /* ACC_SYSTEM: a stack of an inner ring */
    u32 error;  /* of the #SS when a frame does not fit */
};

/* The parameters of a call gate, and four words around them. */
#define GATE_PARAMS_MAX 31
#define FRAME_WORDS_MAX (GATE_PARAMS_MAX + 4)

/* A frame in the making, lowest address first. */
struct frame {
    u32 unit; /* 2 or 4 */
    u32 size; /* bytes in use */
    u8 bytes[FRAME_WORDS_MAX * 4];
};

static inline void frame_add(struct frame *f, u32 word)
{
    if (f->unit == 4)
        put_le32(f->bytes + f->size, word);
    else
        put_le16(f->bytes + f->size, (u16)word);
    f->size += f->unit;
}

static inline u32 frame_word(const u8 *bytes, u32 index, u32 unit)
{
    return unit == 4 ? get_le32(bytes + index * 4)
                     : get_le16(bytes + index * 2);
}

/* The bits of ESP that a stack segment uses. */
static inline u32 stack_mask(const struct segment *ss)
{
    return ss->attr & ATTR_DB ? 0xffffffff : 0xffff;
}

/* esp moved by `by` bytes as a push or pop on ss moves it. */
static inline u32 stack_move(const struct segment *ss, u32 esp, u32 by)
{
    u32 mask = stack_mask(ss);
    return (esp & ~mask) | ((esp + by) & mask);
}

/* SS:ESP of ring cpl from the TSS, checked (#TS, #SS). */
enum env_status stack_inner(const struct cpu *cpu, const struct cpu_env *env,
                            u8 cpl, u32 ext, struct stack *out,
                            struct fault *fault);

/* Reads size bytes, `skip` bytes above the current stack pointer. */
enum env_status frame_read(const struct cpu *cpu, const struct cpu_env *env,
                           u32 skip, void *out, u32 size, u32 unit,
                           struct fault *fault);

/* Whether the frame fits (#SS), and the write itself; the latter moves
 * stack->esp. */
enum env_status frame_check(const struct cpu *cpu, const struct stack *stack,
                            const struct frame *frame, struct fault *fault);
enum env_status frame_write(const struct cpu_env *env, struct stack *stack,
                            const struct frame *frame, struct fault *fault);

/* Code about to be entered, with the stack it will run on. */
struct entry {
    struct segment cs;
    u32 eip;
    u8 cpl;
    u32 ext; /* TRAP_ERR_EXT or 0, for error codes */
    struct stack stack;
};

/* The current stack as that of the entry. */
void entry_keep_stack(const struct cpu *cpu, struct entry *e);

/* A call, interrupt or trap gate leads to sel: checks the code segment and
 * finds the stack. eip and ext are set already. */
enum env_status entry_by_gate(const struct cpu *cpu, const struct cpu_env *env,
                              u16 sel, struct entry *e, struct fault *fault);

static inline bool entry_changes_ring(const struct cpu *cpu,
                                      const struct entry *e)
{
    return e->cpl != cpu->cpl;
}

/* Last checks, the frame's write, and the commit. */
enum env_status entry_finish(struct cpu *cpu, const struct cpu_env *env,
                             struct entry *e, const struct frame *frame,
                             struct fault *fault);

/* real.c: segments without descriptors, in real-address and virtual-8086
 * mode. Loads any segment register; the same far transfers as in seg.h. */
void real_load(struct cpu *cpu, unsigned s, u16 sel);
enum env_status real_jmp(struct cpu *cpu, u16 sel, u32 eip,
                         struct fault *fault);
enum env_status real_call(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                          u32 eip, u32 opsize, u32 next_eip,
                          struct fault *fault);
enum env_status real_ret(struct cpu *cpu, const struct cpu_env *env, u32 opsize,
                         u32 release, struct fault *fault);
enum env_status real_iret(struct cpu *cpu, const struct cpu_env *env,
                          u32 opsize, struct fault *fault);
/* An event through the real-address mode interrupt table. */
enum env_status real_event(struct cpu *cpu, const struct cpu_env *env,
                           u8 vector, struct fault *fault);

/* v86.c: the rest of a frame that an interrupt out of virtual-8086 mode
 * pushes, and what becomes of the data segments; IRET of such a frame. */
void v86_frame(const struct cpu *cpu, struct frame *frame);
void v86_leave(struct cpu *cpu);
enum env_status v86_return(struct cpu *cpu, const struct cpu_env *env,
                           const u8 popped[12], struct fault *fault);

/* farret.c: the flags that an IRET may change. */
u32 iret_mask(const struct cpu *cpu, u32 opsize);

/* CS:EIP and CPL become new. */
void code_commit(struct cpu *cpu, const struct segment *cs, u32 eip, u8 cpl);

#endif
