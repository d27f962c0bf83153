/* SPDX-License-Identifier: MIT
 *
 * What the parts of the random guest share.
 *
 * The guest takes a seed and a number of steps from its command line. A step
 * writes a few units, each one instruction with the moves that give it its
 * operands, into a buffer and runs them in ring 0 or ring 3. Whatever traps
 * arrives at one entry that trusts nothing but the descriptors KCODE and
 * KDATA; it notes what it saw, puts the processor back, and goes on at the
 * next unit. The last unit is an INT that ends the step.
 *
 *   main.c      seed, steps, the report
 *   entry.S     the way into the buffer and the one way back
 *   survive.c   the known-good state, and back to it
 *   generate.c  which units a step is made of; insn_*.c the units
 *   menu.c      operands: addresses, selectors, descriptors, entries, ports
 *
 * Everything comes from the seed and from what the machine answers; on a
 * machine that repeats itself the run does, too.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include "tests/micro/lib/micro.h"

/* Only what a guest cannot tell from the bare machine. */
extern bool comparing;

/* ---- numbers */

void rnd_seed(u32 seed);
u32 rnd(void);
u32 rnd_below(u32 n);
bool chance(u32 one_in);
#define PICK(list) ((list)[rnd_below(ARRAY_LEN(list))])

/* ---- memory, all of it below 8 MiB and mapped one to one */

#define CODE_BYTES   512
#define ARENA        0x400000u /* to ARENA_END: nobody's, to be spoilt */
#define ARENA_END    0x7f0000u
#define OWN_END      0x800000u
#define TABLES       4    /* page tables for edits, and directories */
#define WINDOW       256u /* first directory entry of those tables */
#define FREE_PDE     300u /* FREE_PDES entries for edits of directories */
#define FREE_PDES    16u
#define GDTS         3
#define LDT_ENTRIES  16
#define VECTOR_DONE  0x30 /* ends the step, from either ring */
#define VECTOR_SPOIL 0x40 /* gates from here on are for edits */

extern u8 *const code;
extern u32 window[TABLES][1024];
extern u32 dirs[TABLES][1024];
extern u32 gdts[GDTS][GDT_SIZE][2];
extern u32 ldt[LDT_ENTRIES][2];
extern struct tss tsses[2];

/* ---- generated code */

#define UNITS_MAX 8

/* What a step may have changed, to be put right behind it. */
enum {
    DIRTY_CR = 1,
    DIRTY_DR = 2,
    DIRTY_TABLES = 4,
    DIRTY_TASK = 8,
    DIRTY_LINES = 16,
    DIRTY_ALL = 31,
};

struct gen {
    u8 *at;
    u32 ring;
    u32 dirty;
    u32 units;
    u32 unit[UNITS_MAX + 1]; /* offsets in code; the last is the end's */
    bool deadly;
};

void emit(struct gen *g, u32 byte);
void emit2(struct gen *g, u32 first, u32 second);
void emit3(struct gen *g, u32 first, u32 second, u32 third);
void emit_word(struct gen *g, u32 value);
void emit_mov(struct gen *g, u32 reg, u32 value);
void emit_store(struct gen *g, u32 at, u32 value);
void emit_push(struct gen *g, u32 value);
/* ModRM of a register or of (reg). */
#define MODRM_REG(reg, rm) (0xc0 | (reg) << 3 | (rm))
#define MODRM_MEM(reg, rm) ((reg) << 3 | (rm))
enum { AX, CX, DX, BX, SP, BP, SI, DI };
u32 any_reg(void); /* but not ESP */

void generate(struct gen *g);

typedef void unit_fn(struct gen *g);
struct unit_kind {
    u32 weight;
    unit_fn *write;
};
/* Writes one of a list, each as often as its weight says. */
void write_one_of(struct gen *g, const struct unit_kind *kinds, u32 count);

unit_fn insn_control, insn_debug, insn_tables, insn_task, insn_msr, insn_port,
    insn_halt, insn_flags, insn_iret, insn_far, insn_int, insn_odd,
    insn_machine_word, insn_look, insn_segment, insn_stack, insn_memory,
    insn_string, insn_edit_desc, insn_edit_page, insn_patch, insn_noise,
    insn_deadly;

/* ---- operands */

u32 any_value(void);
u32 any_address(void);
u32 any_selector(void);
u32 any_entry(void);  /* of a page table */
u32 any_big(void);    /* of a page directory */
u32 any_window(void); /* an address the window tables map */
void any_desc(u32 to[2]);
void any_gate(u32 to[2]);
u32 any_port(void);
u32 spoilt_vector(void); /* whose gate is for edits */

/* ---- survival */

struct seen {
    u32 vector, error, eip, cs, eflags, esp, ss;
    u32 eax, ecx, edx, ebx, ebp, esi, edi;
    u32 ds, es, fs, gs, kss, kesp, cr2;
};
extern struct seen seen;
extern u32 traps; /* so far */

u32 world_sum(void);   /* of the tables, as walks have left them */
void world_make(void); /* the known-good state, for the first time */
void world_mend(u32 dirty);
void world_remake(void); /* all that was spoilt, as at first */
/* Runs the buffer from `offset` on; back with what ended it in `seen`. */
void run_from(u32 offset, u32 ring, u32 eflags);
void arm_timer(void);
/* What a directory or a copy of the GDT needs for traps to arrive. */
void mend_directory(u32 dir);
void mend_gdt(u32 copy);

/* The guest spoilt itself, or is lost otherwise: says so and ends. */
_Noreturn void lost(void);

/* ---- entry.S */

struct entry_state {
    u32 edi, esi, ebp, pusha_esp, ebx, edx, ecx, eax;
    u32 eip, cs, eflags, esp, ss;
};
extern const u32 fuzz_stubs[TRAP_VECTORS];
extern u8 fuzz_stack_top[], ring3_stack_top[], ring0_stack_top[];
void enter(struct entry_state *state, u32 same_ring);

#endif
