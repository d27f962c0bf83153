/* SPDX-License-Identifier: MIT
 *
 * See block.h: finding blocks and making them.
 *
 * The cache is direct-mapped: a slot holds one block, and a new one takes the
 * place of the old. A slot whose first instruction is not in memory any more
 * is decoded anew on the way in; one whose later ones are not is left there
 * and then, and the rest found as a block of its own.
 *
 * An instruction is compared by eight or sixteen bytes at a time, so one in
 * the last sixteen bytes of a page is not for blocks, and neither is one that
 * the decoder refuses or that runs over the page's end: cpu_step() knows
 * what that means. Such a place has a block without instructions, so that it
 * is decoded once only.
 */
#include "vmm/cpu/block.h"
#include "vmm/base/str.h"
#include "vmm/cpu/block_impl.h"

#define COMPARED 16 /* bytes of code that op_holds() may read */

void blocks_clear(struct blocks *b)
{
    for (u32 i = 0; i < BLOCK_SLOTS; i++) {
        if (b->slot[i])
            b->slot[i]->code = NULL;
    }
}

static u32 slot_of(const u8 *code)
{
    size_t at = (size_t)code;

    return (u32)(at ^ at >> 9 ^ at >> 18) % BLOCK_SLOTS;
}

/* len from 0 to 8. */
static u64 first_bytes(u32 len)
{
    return len ? ~0ull >> (64 - 8 * len) : 0;
}

static void note_bytes(struct block_op *op, const u8 *code, u32 len)
{
    op->mask[0] = first_bytes(min_u32(len, 8));
    op->mask[1] = first_bytes(len - min_u32(len, 8));
    op->raw[0] = get_le64(code) & op->mask[0];
    op->raw[1] = get_le64(code + 8) & op->mask[1];
}

static bool add(struct block *block, const u8 *code, bool *ends)
{
    struct block_op *op = &block->op[block->count];

    if (insn_decode(code, COMPARED, block->code32, &op->insn) != DECODE_OK ||
        !insn_valid(&op->insn))
        return false;
    op->handler = exec_handler(op->insn.op);
    op->run = threaded_fn(op, ends);
    op->at = block->bytes;
    note_bytes(op, code, op->insn.len);
    block->bytes += op->insn.len;
    block->count++;
    return true;
}

/* Without instructions: valid as long as the bytes stay that were refused. */
static void make_empty(struct block *block, const u8 *code)
{
    block->op[0].at = 0;
    note_bytes(&block->op[0], code, INSN_MAX);
}

static void make(struct block *block, const u8 *code, u32 left, bool code32)
{
    bool ends = false;

    block->code = code;
    block->code32 = code32;
    block->bytes = 0;
    block->count = 0;
    while (!ends && block->count < BLOCK_OPS &&
           left - block->bytes >= COMPARED &&
           add(block, code + block->bytes, &ends))
        continue;
    block->op[block->count].run = threaded_end;
    if (!block->count)
        make_empty(block, code);
}

struct block *block_find(struct blocks *b, const u8 *code, u32 left,
                         bool code32)
{
    struct block *block = b->slot[slot_of(code)];

    if (!block || left < COMPARED)
        return NULL;
    if (block->code == code && block->code32 == code32 &&
        op_is_at(&block->op[0], code))
        return block;
    make(block, code, left, code32);
    b->built++;
    return block;
}
