/* SPDX-License-Identifier: MIT
 *
 * A test: an instruction of a given row with all that it finds. Case n of a
 * seed is the same for ever, whatever other cases run.
 */
#ifndef TESTS_DIFF_MAKE_H
#define TESTS_DIFF_MAKE_H

#include "tests/diff/place.h"

/* Flags that both worlds show and may change. */
#define FLAGS_COMPARED                                                         \
    (EFLAGS_STATUS | EFLAGS_DF | EFLAGS_NT | EFLAGS_AC | EFLAGS_ID)

/* Where a row is encoded. */
struct form {
    u16 op;
    u16 at;    /* map * 256 + opcode */
    u8 prefix; /* mandatory: 0, 0x66, 0xf3, 0xf2 */
    s8 reg;    /* modrm.reg, -1: free */
    s8 rm;     /* modrm.rm, of register form, -1: free */
    u8 where;  /* FORM_ */
};

enum { FORM_ANY, FORM_MEMORY, FORM_REGISTER };

extern const struct form forms[];
extern const u32 form_count;

struct test {
    const struct form *form;
    const struct op_row *row;
    u8 bytes[INSN_MAX];
    struct insn insn;
    struct regs regs;
    struct fpu fpu;
    u8 data[DATA_SIZE];
    bool with_fpu;
    bool far; /* the long way */
};

/* May a user process run the row, and see what it did? */
bool make_wanted(u32 op);
/* False: no test came of these random numbers. */
bool make_test(struct test *t, const struct form *form, u64 seed);

/* make.c for make_state.c: random numbers of the test being made. */
u32 rnd(void);
u32 rnd_below(u32 n);
bool one_in(u32 n);
u32 rnd_value(void);
bool make_state(struct test *t);
/* make_fpu.c */
void make_fpu(struct test *t);
void make_fpu_operand(struct test *t, u8 *at, u32 room);

#endif
