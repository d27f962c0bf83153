/* SPDX-License-Identifier: MIT
 *
 * See compare.h. Sizes of memory operands are compared where both say one,
 * names where theirs is known (Capstone's are an assembler's and are not).
 */
#include "tests/oracle/decode/compare.h"
#include "vmm/base/bits.h"
#include <string.h>

static bool same_reg(struct reg_fact a, struct reg_fact b)
{
    return a.class == b.class && a.number == b.number;
}

static bool same_memory(const struct fact *a, const struct fact *b)
{
    return a->seg == b->seg && same_reg(a->base, b->base) &&
           same_reg(a->index, b->index) && a->scale == b->scale &&
           a->value == b->value &&
           (!a->access || !b->access || a->access == b->access) &&
           (!a->size || !b->size || a->size == b->size);
}

bool same_operand(const struct fact *a, const struct fact *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case FACT_REG:
        return same_reg(a->reg, b->reg);
    case FACT_MEM:
        return same_memory(a, b);
    case FACT_REL:
        return !((a->value ^ b->value) & (b->size == 2 ? 0xffff : ~0u));
    case FACT_FAR:
        return a->value == b->value && a->selector == b->selector;
    default:
        return a->value == b->value;
    }
}

bool same_operands(const struct facts *a, const struct facts *b)
{
    if (a->count != b->count)
        return false;
    for (u32 i = 0; i < a->count; i++) {
        if (!same_operand(&a->operand[i], &b->operand[i]))
            return false;
    }
    return true;
}

/* Two names for one condition: ours first. */
static bool same_condition(const char *ours, const char *theirs)
{
    static const char *const pairs[][2] = {
        {"ae", "nb"}, {"e", "z"},   {"ne", "nz"},
        {"a", "nbe"}, {"ge", "nl"}, {"g", "nle"},
    };

    for (u32 i = 0; i < ARRAY_LEN(pairs); i++) {
        if (!strcmp(ours, pairs[i][0]) && !strcmp(theirs, pairs[i][1]))
            return true;
    }
    return false;
}

static bool same_stem(const char *ours, const char *theirs)
{
    static const char *const stems[] = {"j", "set", "cmov"};

    for (u32 i = 0; i < ARRAY_LEN(stems); i++) {
        size_t n = strlen(stems[i]);
        if (!strncmp(ours, stems[i], n) && !strncmp(theirs, stems[i], n) &&
            same_condition(ours + n, theirs + n))
            return true;
    }
    return false;
}

/* Zydis names the undocumented x87 forms like those that they repeat. */
static bool same_name(const char *ours, const char *theirs)
{
    static const char *const pairs[][2] = {
        {"call far", "call"},
        {"jmp far", "jmp"},
        {"retf", "ret"},
        {"xlatb", "xlat"},
        {"fcom2", "fcom"},
        {"fcomp3", "fcomp"},
        {"fcomp5", "fcomp"},
        {"fxch4", "fxch"},
        {"fxch7", "fxch"},
        {"fstp8", "fstp"},
        {"fstp9", "fstp"},
        {"fneni", "feni8087_nop"},
        {"fndisi", "fdisi8087_nop"},
        {"fnsetpm", "fsetpm287_nop"},
    };

    if (!strcmp(ours, theirs) || same_stem(ours, theirs))
        return true;
    for (u32 i = 0; i < ARRAY_LEN(pairs); i++) {
        if (!strcmp(ours, pairs[i][0]) && !strcmp(theirs, pairs[i][1]))
            return true;
    }
    return false;
}

bool same_but_size(const struct facts *a, const struct facts *b)
{
    struct facts other = *b;

    for (u32 i = 0; i < other.count; i++) {
        if (other.operand[i].kind == FACT_MEM)
            other.operand[i].size = 0;
    }
    return same_operands(a, &other);
}

enum difference compare(const struct facts *ours, const struct facts *theirs)
{
    if (ours->answer != theirs->answer)
        return DIFF_ANSWER;
    if (ours->answer != ANSWER_OK)
        return SAME;
    if (ours->len != theirs->len)
        return DIFF_LENGTH;
    if (!same_operands(ours, theirs))
        return DIFF_OPERANDS;
    if (theirs->name[0] && !same_name(ours->name, theirs->name))
        return DIFF_NAME;
    return SAME;
}
