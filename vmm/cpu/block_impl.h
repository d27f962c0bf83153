/* SPDX-License-Identifier: MIT
 *
 * What block.c (which finds and makes blocks) and threaded.c (which runs
 * them) know of each other.
 */
#ifndef CPU_BLOCK_IMPL_H
#define CPU_BLOCK_IMPL_H

#include "vmm/cpu/block.h"
#include "vmm/cpu/exec_impl.h"

struct exec_run {
    struct exec x;
    const struct blocks *blocks;
    const u8 *code; /* the block's first byte */
    const u8 *page; /* the page it is in, null: none is known */
    u32 page_at;    /* its linear address */
    u32 changes;    /* *blocks->changes when the page was found */
    u32 done;
    bool asks; /* the caller must look at the state now */
};

/* Does memory hold the very bytes that were decoded? */
static inline bool op_is_at(const struct block_op *op, const u8 *now)
{
    if ((get_le64(now) & op->mask[0]) != op->raw[0])
        return false;
    return !op->mask[1] || (get_le64(now + 8) & op->mask[1]) == op->raw[1];
}

static inline bool op_holds(const struct exec_run *r, const struct block_op *op)
{
    return op_is_at(op, r->code + op->at);
}

/* Something that the caller must know has happened. */
static inline bool disturbed(const struct exec_run *r)
{
    return *r->blocks->changes != r->changes || *r->blocks->leave;
}

/* The instruction is done, and none is to follow it now. */
static inline enum env_status done_one(struct exec_run *r,
                                       const struct block_op *op)
{
    r->x.cpu->eip += op->insn.len;
    r->done++;
    return ENV_OK;
}

/* By the handler that cpu_step() calls. */
static inline enum env_status run_handler(struct exec_run *r,
                                          const struct block_op *op)
{
    struct exec *x = &r->x;

    x->insn = &op->insn;
    x->row = &op_rows[op->insn.op];
    x->next = x->cpu->eip + op->insn.len;
    TRY(op->handler(x));
    x->cpu->eip = x->next;
    r->done++;
    return ENV_OK;
}

/* The block for the code at `code`; left: bytes to the end of its page. */
struct block *block_find(struct blocks *b, const u8 *code, u32 left,
                         bool code32);
/* threaded_forms.c: a quicker way for what is common, or null. Its handler is
 * quiet. */
block_fn *threaded_form(struct block_op *op);
/* threaded.c: how an instruction is run. ends: none may follow it. */
block_fn *threaded_fn(struct block_op *op, bool *ends);
/* What stands behind the last instruction. */
enum env_status threaded_end(struct exec_run *r, const struct block_op *op);

#endif
