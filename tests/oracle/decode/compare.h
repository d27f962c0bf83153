/* SPDX-License-Identifier: MIT
 *
 * Where two answers differ, and the differences that are agreed on: each is
 * one row of a table, with the manual's section that says who is right.
 */
#ifndef ORACLE_COMPARE_H
#define ORACLE_COMPARE_H

#include "tests/oracle/decode/facts.h"

enum difference {
    SAME,
    DIFF_ANSWER,
    DIFF_LENGTH,
    DIFF_OPERANDS,
    DIFF_NAME,
};

enum oracle { ORACLE_ZYDIS = 1, ORACLE_CAPSTONE = 2, ORACLE_BOTH = 3 };

/* All that an exception may look at. */
struct dispute {
    const struct sample *sample;
    const struct insn *insn;
    const struct facts *ours, *theirs;
    enum difference kind;
    enum oracle oracle;
};

enum difference compare(const struct facts *ours, const struct facts *theirs);

/* The operands are the same, sizes in memory aside. */
bool same_operands(const struct facts *a, const struct facts *b);
bool same_but_size(const struct facts *a, const struct facts *b);
bool same_operand(const struct fact *a, const struct fact *b);

struct exception {
    const char *what;
    const char *manual;
    enum oracle oracle;
    bool (*applies)(const struct dispute *d);
};

extern const struct exception exceptions[];
extern const u32 exception_count;

/* Index of the first that applies; exception_count: none does. */
u32 exception_for(const struct dispute *d);

#endif
