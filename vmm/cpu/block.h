/* SPDX-License-Identifier: MIT
 *
 * Instructions decoded once and run many times.
 *
 * A block is a straight line of instructions inside one page, up to the first
 * that may go elsewhere, and is found again by where its first byte lies and
 * by the code size. (Where it lies is an address of the host; of guest
 * memory there is one such address for each guest-physical one.)
 *
 * Nobody is told when code changes. Instead every instruction is compared
 * with memory, one masked comparison of eight bytes, at the moment it is run:
 * a block is a guess that is checked. So self-modifying code, by whatever
 * name the page is written, by string instructions and by marks in page
 * tables, is right by construction, the next instruction included.
 *
 * blocks_run() is equal to cpu_step() again and again, and
 * tests/unit/test_block.c holds them against each other.
 *
 * Bell, "Threaded Code", CACM 16(6), 1973. SDM vol. 3A 8.1.3, 11.6
 * (self-modifying code).
 */
#ifndef CPU_BLOCK_H
#define CPU_BLOCK_H

#include "vmm/cpu/exec.h"

#define BLOCK_OPS   20 /* longer ones go on in the next block */
#define BLOCK_SIZE  2048
#define BLOCK_SLOTS 512

struct exec;
struct exec_run;
struct block_op;

typedef enum env_status block_fn(struct exec_run *r, const struct block_op *op);

struct block_op {
    block_fn *run;
    enum env_status (*handler)(struct exec *x);
    u64 raw[2], mask[2]; /* its bytes, and which of them count */
    struct insn insn;
    u16 at;      /* its distance from the block's first byte */
    u8 dst, src; /* registers, where its form has them */
};

struct block {
    const u8 *code; /* where its first byte lies; null: empty */
    u16 bytes;
    u8 count; /* 0: the first instruction is not for blocks */
    bool code32;
    struct block_op op[BLOCK_OPS + 1]; /* behind the last: the way out */
};
STATIC_ASSERT(sizeof(struct block) <= BLOCK_SIZE);

/* All zeros, and the owner gives memory to the slots, or to some of them:
 * zeroed, BLOCK_SIZE bytes each, aligned to eight. */
struct blocks {
    struct block *slot[BLOCK_SLOTS];
    const u32 *changes; /* goes up whenever a translation may have changed */
    const bool *leave;  /* set when the owner wants to be asked */
    bool tells;         /* of what changes mode or privilege, in full */
    u64 built;          /* statistics: decoded anew */
};

/* Forgets everything decoded. */
void blocks_clear(struct blocks *b);

/* Runs at least one instruction, and some more (about `budget`) as long as
 * nothing asks for the caller: TF, the shadow of STI, an instruction that can
 * change the interrupt flag, privilege or mode, *leave. *done counts those
 * that were completed. The status, and out, are those of the last; when that
 * is done, out->decoded says whether its instruction is known. */
enum step_status blocks_run(struct blocks *b, struct cpu *cpu,
                            const struct cpu_env *env, struct step *out,
                            u32 budget, u32 *done);

#endif
