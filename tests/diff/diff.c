/* SPDX-License-Identifier: MIT
 *
 * The processor we run on judges cpu_step(): the same bytes, registers,
 * memory and FPU, run natively (native.h) and emulated (place.h), must come
 * out the same (judge.h). Every row of ops.def that a user process can run
 * gets the same number of tests (make.h); a row that gets none is a failure.
 *
 * Usage: native [CASES [SEED]]       so many tests, rows by turns
 *        native --case N SEED        one of them, shown
 *        native --judged CASES SEED  rows that ran without a difference
 *        native --rows               names of all rows
 */
#include "tests/diff/judge.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTEMPTS 200u
#define SHOWN    20u  /* or what DIFF_SHOWN says */
#define LEAST    100u /* tests of a row, when there are many tests */

static u32 seen[OP_COUNT], ran[OP_COUNT], wrong[OP_COUNT], faults;

static const char *const names[] = {
    "",
#define ROW(id, ...) #id,
#include "vmm/cpu/ops.def"
};

static u64 mix(u64 v)
{
    v ^= v >> 33;
    v *= 0xff51afd7ed558ccdull;
    v ^= v >> 33;
    v *= 0xc4ceb9fe1a85ec53ull;
    return v ^ v >> 33;
}

/* Rows by turns: test n is of a form that n alone chooses. */
static bool make_case(struct test *t, u32 n, u32 seed)
{
    const struct form *form = &forms[n % form_count];
    u64 base = mix((u64)seed << 32 | n);

    if (!make_wanted(form->op))
        return false;
    for (u32 i = 0; i < ATTEMPTS; i++) {
        if (make_test(t, form, mix(base + i)) && !judge_is_open(t))
            return true;
    }
    return false;
}

static void put_code(const struct test *t)
{
    u32 base = place_of(t->regs.seg[SEG_CS])->base;
    u32 at = base + t->regs.eip - CODE_AT;
    u32 size = CODE_SIZE - at < t->insn.len ? CODE_SIZE - at : t->insn.len;

    memcpy(native_code() + at, t->bytes, size);
    memcpy(place_code + at, t->bytes, size);
}

static void take_code(const struct test *t)
{
    u32 base = place_of(t->regs.seg[SEG_CS])->base;
    u32 at = base + t->regs.eip - CODE_AT;
    u32 size = CODE_SIZE - at < t->insn.len ? CODE_SIZE - at : t->insn.len;

    memset(native_code() + at, FILLER, size);
    memset(place_code + at, FILLER, size);
}

static bool run_case(const struct test *t, struct verdict *v)
{
    const struct fpu *fpu = t->with_fpu ? &t->fpu : NULL;
    bool same;

    memcpy(native_data(), t->data, DATA_SIZE);
    memcpy(place_data, t->data, DATA_SIZE);
    put_code(t);
    native_run(&t->regs, fpu, t->insn.len, t->far, &v->native);
    v->status = place_run(&t->regs, fpu, &v->ours, &v->step);
    same = judge_same(t, v);
    take_code(t);
    faults += v->native.vector != NO_VECTOR;
    seen[t->insn.op]++;
    ran[t->insn.op] +=
        v->native.vector == NO_VECTOR || t->row->class == CLASS_INT;
    return same;
}

static u32 run_cases(u32 cases, u32 seed)
{
    static struct test t;
    static struct verdict v;
    const char *shown_by = getenv("DIFF_SHOWN");
    u32 differ = 0, done = 0, shown = shown_by ? (u32)atoi(shown_by) : SHOWN;

    for (u32 n = 0; done < cases && differ < shown; n++) {
        if (!make_case(&t, n, seed))
            continue;
        done++;
        if (run_case(&t, &v))
            continue;
        differ++;
        wrong[t.insn.op]++;
        judge_report(&t, &v);
        printf("  replay: build/diff/native --case %u %u\n", n, seed);
    }
    return differ;
}

static int show_case(u32 n, u32 seed)
{
    static struct test t;
    static struct verdict v;
    bool same;

    if (!make_case(&t, n, seed))
        return 2;
    same = run_case(&t, &v);
    judge_report(&t, &v);
    printf("%s\n", same ? "the same" : "different");
    return !same;
}

/* Every row that should have been judged was. */
static u32 missed_rows(u32 cases)
{
    u32 least = cases / form_count > LEAST ? LEAST : 1, missed = 0;

    for (u32 op = 1; op < OP_COUNT && cases >= form_count; op++) {
        if (!make_wanted(op) || seen[op] >= least)
            continue;
        printf("row %u (%s) had %u tests only\n", op, insn_name((u16)op),
               seen[op]);
        missed++;
    }
    return missed;
}

/* Not those that could only fault, as what the kernel alone may do. */
static int list_judged(u32 cases, u32 seed)
{
    run_cases(cases, seed);
    for (u32 op = 1; op < OP_COUNT; op++) {
        if (ran[op] && !wrong[op])
            printf("%s\n", names[op]);
    }
    return 0;
}

static int list_rows(void)
{
    for (u32 op = 1; op < OP_COUNT; op++)
        printf("%s\n", names[op]);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    u32 cases = argc > 1 ? (u32)atoi(argv[1]) : 200000, differ, rows = 0;
    u32 seed = argc > 2 ? (u32)atoi(argv[2]) : 1, missed;

    if (!strcmp(what, "--rows"))
        return list_rows();
    native_open();
    if (!place_open()) {
        printf("this kernel has no LDT (modify_ldt)\n");
        return 77;
    }
    if (argc == 4 && !strcmp(what, "--case"))
        return show_case((u32)atoi(argv[2]), (u32)atoi(argv[3]));
    if (argc == 4 && !strcmp(what, "--judged"))
        return list_judged((u32)atoi(argv[2]), (u32)atoi(argv[3]));
    differ = run_cases(cases, seed);
    missed = differ ? 0 : missed_rows(cases);
    for (u32 op = 0; op < OP_COUNT; op++)
        rows += seen[op] != 0;
    printf("diff: %u rows, %u faults; %u cases, %u differ\n", rows, faults,
           cases, differ);
    return differ || missed;
}
