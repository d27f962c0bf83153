/* SPDX-License-Identifier: MIT
 *
 * What a decoder says about some bytes, in words that ours and the foreign
 * ones share, so that two answers can be compared field by field.
 *
 * An answer is: an instruction of so many bytes with these operands, or #UD,
 * or #GP for being too long. Operands are those that an assembler's line
 * shows, in its order, plus the implied memory of string instructions.
 */
#ifndef ORACLE_FACTS_H
#define ORACLE_FACTS_H

#include "vmm/cpu/decode.h"

#define OPERANDS_MAX 4
#define NAME_MAX_    16
/* More than any instruction, so that "too long" is never "too few". */
#define STRING_BYTES 24
#define SEG_NONE     0xff

enum answer {
    ANSWER_OK,
    ANSWER_UD,
    ANSWER_LONG,
    ANSWER_LATER, /* an instruction that came after SSE2 */
};

enum fact_kind { FACT_NONE, FACT_REG, FACT_MEM, FACT_IMM, FACT_REL, FACT_FAR };

enum reg_class {
    REG_NONE,
    REG_8,
    REG_16,
    REG_32,
    REG_SEG,
    REG_CR,
    REG_DR,
    REG_ST,
    REG_MM,
    REG_XMM,
    REG_OTHER,
};

struct reg_fact {
    u8 class, number;
};

struct fact {
    u8 kind;
    struct reg_fact reg; /* FACT_REG */
    u16 size;            /* FACT_MEM: bytes, 0: not said */
    u8 access;           /* ... FPU_LOAD, FPU_STORE, 0: not said */
    u8 seg;              /* SEG_, override applied; SEG_NONE: LEA's */
    struct reg_fact base, index;
    u8 scale;  /* 1, 2, 4, 8; 0 without an index */
    u32 value; /* displacement, immediate, branch distance, far offset */
    u32 selector;
};

struct facts {
    u8 answer;
    u8 len;
    u8 count;
    struct fact operand[OPERANDS_MAX];
    char name[NAME_MAX_];
    const char *later; /* ANSWER_LATER: which extension */
};

struct sample {
    u8 bytes[STRING_BYTES];
    bool code32;
};

void ours_facts(const struct sample *s, struct insn *insn, struct facts *f);

void zydis_open(void);
void zydis_facts(const struct sample *s, struct facts *f);
void capstone_open(void);
void capstone_facts(const struct sample *s, struct facts *f);

#endif
