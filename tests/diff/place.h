/* SPDX-License-Identifier: MIT
 *
 * The segments that both worlds have, and the emulated world: the same code
 * and data pages, and above all user memory the descriptor tables, a TSS and
 * a ring-0 stack, so that cpu_step() can look selectors up and enter handlers.
 */
#ifndef TESTS_DIFF_PLACE_H
#define TESTS_DIFF_PLACE_H

#include "tests/diff/native.h"
#include "vmm/cpu/exec.h"

/* What a segment is good for. */
enum place_use {
    USE_DATA = 1,  /* DS, ES, FS, GS can hold it */
    USE_STACK = 2, /* SS */
    USE_CODE = 4,  /* CS, with the code page in it */
    USE_NONE = 8,  /* nothing: loading it faults */
};

struct place {
    u32 sel, base, limit;
    u16 attr;
    u8 use;
};

enum {
    PLACE_CODE, /* flat, as the process has them */
    PLACE_DATA,
    PLACE_NULL,
    PLACE_LDT,
    PLACES = 18
};

extern struct place places[PLACES];

/* After native_open(). False: there is no LDT, the flat segments are all. */
bool place_open(void);
const struct place *place_of(u32 sel);
/* Offsets that an access through it may have, expand-down or not. */
u32 place_low(const struct place *place);
u32 place_high(const struct place *place);

/* The emulated pages. */
extern u8 place_code[CODE_SIZE], place_data[DATA_READ];

/* Runs the instruction on cpu_step(); what it said last goes to *step. */
enum step_status place_run(const struct regs *regs, const struct fpu *fpu,
                           struct outcome *out, struct step *step);

#endif
