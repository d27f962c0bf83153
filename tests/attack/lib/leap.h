/* SPDX-License-Identifier: MIT
 *
 * Attempts after which nothing can be relied on: not the segment registers,
 * not the stack, not the ring.
 *
 * LEAP() runs instructions that may end anywhere. Whatever trap comes next,
 * in whichever ring, is the way home: the handler loads every segment
 * register anew, takes back the stack and the flags and goes on behind the
 * LEAP(). `leap` then says what the trap was and what the general registers
 * held. Instructions that come through say so by VECTOR_LANDED.
 *
 * The general registers are as before behind a LEAP().
 *
 * A guest never sees the real CR3, and never runs 64-bit code; landing, to
 * which LEAP() may transfer, asks for both, and leaped() judges.
 */
#ifndef ATTACK_LEAP_H
#define ATTACK_LEAP_H

#include "tests/attack/lib/attack.h"

#define VECTOR_LANDED 0x32
#define LEAP_FLAGS    0x202 /* ring 3 begins with interrupts on */
#define STRING(x)     STRING_OF(x)
#define STRING_OF(x)  #x
#define LANDED        "int $" STRING(VECTOR_LANDED) "\n\t"

struct leap {
    struct frame f; /* esp and ss only from an outer ring */
};

extern volatile struct leap leap;
extern u32 leap_esp, leap_eip;
/* 64-bit code leaves EAX 0 here, 16- and 32-bit code -1; then EBX = CR3. */
extern const u8 landing[];
/* Only asks for 64-bit code: for ring 3, where reading CR3 faults. */
extern const u8 soft_landing[];

/* Every trap ends a leap from now on; loads a TSS stack of its own. */
void leap_init(void);
/* Judges `leap` when it came to landing: may ring 0 be there? */
void leaped(bool ring0_is_fine);
/* Loads every segment register anew and sees that the machine works: a trap
 * in each ring, and what it pushes. */
void world_check(void);

/* In front of other instructions: the rest runs in ring 3. */
#define RING3                                                                  \
    "pushl $" RING3_SS "\n\tpopl %%ds\n\t"                                     \
    "pushl $" RING3_SS "\n\tpopl %%es\n\t"                                     \
    "pushl $" RING3_SS "\n\tpushl $user_stack_top\n\t"                         \
    "pushl $" RING3_FLAGS "\n\tpushl $" RING3_CS "\n\t"                        \
    "pushl $773f\n\tiretl\n773:\t"
#define RING3_CS    STRING(UCODE)
#define RING3_SS    STRING(UDATA)
#define RING3_FLAGS STRING(LEAP_FLAGS)

/* Inputs in registers or constants only: the stack has moved. */
#define LEAP(code, ...)                                                        \
    do {                                                                       \
        attempt();                                                             \
        __asm__ volatile("pushal\n\t"                                          \
                         "movl %%esp, leap_esp\n\t"                            \
                         "movl $772f, leap_eip\n\t" code "\n\t" LANDED         \
                         "772: popal"                                          \
                         :                                                     \
                         : __VA_ARGS__                                         \
                         : "memory", "cc");                                    \
    } while (0)

#endif
