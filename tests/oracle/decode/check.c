/* SPDX-License-Identifier: MIT
 *
 * Our decoder against Zydis and Capstone: the same byte strings, 16- and
 * 32-bit code, compared for validity, length, operands and (Zydis) names.
 * Every difference must be one of the agreed exceptions, which are counted
 * and printed; every row of ops.def must have been judged.
 *
 * The strings depend on nothing but the seed and their number, so that the
 * number of workers changes no result.
 * Usage: check [STRINGS [SEED [JOBS]]]
 */
#include "tests/oracle/decode/check.h"
#include "vmm/base/bits.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXCEPTIONS_MAX 64
#define JOBS_MAX       64
#define SHOWN          20 /* unexplained differences printed by a worker */

struct judge {
    const char *name;
    enum oracle oracle;
    void (*open)(void);
    void (*facts)(const struct sample *s, struct facts *f);
};

static const struct judge judges[] = {
    {"Zydis", ORACLE_ZYDIS, zydis_open, zydis_facts},
    {"Capstone", ORACLE_CAPSTONE, capstone_open, capstone_facts},
};

struct tally {
    u32 valid, undefined, too_long;
    u32 unexplained[ARRAY_LEN(judges)];
    u32 excused[ARRAY_LEN(judges)][EXCEPTIONS_MAX];
    u32 judged[ARRAY_LEN(judges)][OP_COUNT];
};

static void print_reg(struct reg_fact r)
{
    static const char *const classes[] = {
        "-", "r8", "r16", "r32", "seg", "cr", "dr", "st", "mm", "xmm", "other"};
    printf("%s.%u", classes[r.class], r.number);
}

static void print_fact(const struct fact *f)
{
    static const char *const kinds[] = {"none", "reg", "mem",
                                        "imm",  "rel", "far"};

    printf(" (%s ", kinds[f->kind]);
    if (f->kind == FACT_REG) {
        print_reg(f->reg);
    } else if (f->kind == FACT_MEM) {
        printf("size %u access %u segment %u base ", f->size, f->access,
               f->seg);
        print_reg(f->base);
        printf(" index ");
        print_reg(f->index);
        printf("*%u disp %x", f->scale, f->value);
    } else {
        printf("%x %x", f->value, f->selector);
    }
    putchar(')');
}

static void print_facts(const char *who, const struct facts *f)
{
    static const char *const answers[] = {"valid", "#UD", "too long", "later"};

    printf("  %s: %s, %u bytes, %s %s", who, answers[f->answer], f->len,
           f->name, f->later ? f->later : "");
    for (u32 i = 0; i < f->count; i++)
        print_fact(&f->operand[i]);
    putchar('\n');
}

static void report(const struct judge *judge, const struct dispute *d, u32 i)
{
    printf("string %u, %s-bit code:", i, d->sample->code32 ? "32" : "16");
    for (u32 k = 0; k <= INSN_MAX; k++)
        printf(" %02x", d->sample->bytes[k]);
    putchar('\n');
    print_facts("Trapline", d->ours);
    print_facts(judge->name, d->theirs);
}

static void judge_one(u32 j, const struct sample *s, const struct insn *insn,
                      const struct facts *ours, u32 i, struct tally *t)
{
    struct facts theirs;
    struct dispute d = {.sample = s,
                        .insn = insn,
                        .ours = ours,
                        .theirs = &theirs,
                        .oracle = judges[j].oracle};
    u32 excuse;

    judges[j].facts(s, &theirs);
    d.kind = compare(ours, &theirs);
    if (ours->answer == ANSWER_OK && ours->len == theirs.len)
        t->judged[j][insn->op]++;
    if (d.kind == SAME)
        return;
    excuse = exception_for(&d);
    if (excuse < exception_count)
        t->excused[j][excuse]++;
    else if (t->unexplained[j]++ < SHOWN)
        report(&judges[j], &d, i);
}

static void one(u64 seed, u32 i, struct tally *t)
{
    struct sample s;
    struct facts ours;
    struct insn insn;

    string_number(seed, i, &s);
    ours_facts(&s, &insn, &ours);
    t->valid += ours.answer == ANSWER_OK;
    t->undefined += ours.answer == ANSWER_UD;
    t->too_long += ours.answer == ANSWER_LONG;
    for (u32 j = 0; j < ARRAY_LEN(judges); j++)
        judge_one(j, &s, &insn, &ours, i, t);
}

static void work(u64 seed, u32 strings, u32 from, u32 jobs, struct tally *t)
{
    for (u32 j = 0; j < ARRAY_LEN(judges); j++)
        judges[j].open();
    for (u32 i = from; i < strings; i += jobs)
        one(seed, i, t);
    fflush(stdout);
}

/* Whether every worker ended well. */
static bool run(u64 seed, u32 strings, u32 jobs, struct tally *tallies)
{
    bool well = true;
    int status;

    for (u32 j = 0; j < jobs; j++) {
        if (fork() == 0) {
            work(seed, strings, j, jobs, &tallies[j]);
            _exit(0);
        }
    }
    for (u32 j = 0; j < jobs; j++)
        well &= wait(&status) > 0 && status == 0;
    return well;
}

/* The tallies are nothing but numbers. */
static void add_up(struct tally *sum, const struct tally *more)
{
    for (size_t i = 0; i < sizeof(*sum) / sizeof(u32); i++)
        ((u32 *)sum)[i] += ((const u32 *)more)[i];
}

static u32 print_exceptions(const struct tally *t)
{
    printf("%10s %10s  agreed exceptions\n", judges[0].name, judges[1].name);
    for (u32 e = 0; e < exception_count; e++)
        printf("%10u %10u  %s (SDM vol. %s)\n", t->excused[0][e],
               t->excused[1][e], exceptions[e].what, exceptions[e].manual);
    printf("%10u %10u  not agreed\n", t->unexplained[0], t->unexplained[1]);
    return t->unexplained[0] + t->unexplained[1];
}

/* Every row has been an instruction, of one length, to us and to somebody. */
static u32 print_rows(const struct tally *t)
{
    u32 by[ARRAY_LEN(judges)] = {0}, none = 0;

    for (u32 op = 1; op < OP_COUNT; op++) {
        by[0] += t->judged[0][op] != 0;
        by[1] += t->judged[1][op] != 0;
        if (t->judged[0][op] || t->judged[1][op])
            continue;
        printf("row %u, %s, was judged by nobody\n", op, insn_name((u16)op));
        none++;
    }
    printf("%10u %10u  rows judged, of %u\n", by[0], by[1], OP_COUNT - 1);
    return none;
}

int main(int argc, char **argv)
{
    u32 strings = argc > 1 ? (u32)strtoul(argv[1], NULL, 0) : 10000000;
    u64 seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
    u32 jobs =
        argc > 3 ? (u32)atoi(argv[3]) : (u32)sysconf(_SC_NPROCESSORS_ONLN);
    static struct tally sum;
    struct tally *tallies;
    bool well;

    jobs = min_u32(jobs ? jobs : 1, JOBS_MAX);
    tallies = mmap(NULL, jobs * sizeof(*tallies), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tallies == MAP_FAILED)
        return 2;
    well = run(seed, strings, jobs, tallies);
    for (u32 j = 0; j < jobs; j++)
        add_up(&sum, &tallies[j]);
    printf("%u strings: %u valid, %u undefined, %u too long\n", strings,
           sum.valid, sum.undefined, sum.too_long);
    return (print_exceptions(&sum) + print_rows(&sum) || !well) ? 1 : 0;
}
