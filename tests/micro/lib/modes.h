/* SPDX-License-Identifier: MIT
 *
 * Real-address and virtual-8086 mode for micro-guests.
 *
 * A test puts register values into MODES, and run_real() or run_v86() runs a
 * few bytes of 16-bit code with them, an UD2 behind them. Whatever trap ends
 * the code comes back as its vector, with MODES as the registers were at that
 * moment: the trap's own frame is taken off the stack again. So the same bytes
 * can be judged in both modes, and code that just ends shows as #UD at its
 * end.
 *
 * Everything lies below 1 MiB: the code at 1100:0000, the switching code at
 * 1200:0000, the stack at 1400:0800; 2000, 3000, ... are free for data.
 *
 * SDM vol. 3A 9.9, 20.1, 20.3.
 */
#ifndef MICRO_MODES_H
#define MICRO_MODES_H

/* For assembly too: where the registers are in the switching code's segment,
 * and what else is. */
#define MODES_IVT    0x10000
#define MODES_CODE   0x1100
#define MODES_SWITCH 0x1200
#define MODES_STACK  0x1400
#define MODES_SP     0x800
#define AREA_EIP     32
#define AREA_EFLAGS  36
#define AREA_SEG     40
#define AREA_TARGET  52
#define AREA_DATA    56
#define AREA_VECTOR  58
#define AREA_SIZE    64
#define AREA_STACK   128 /* grows down to AREA_SIZE */

/* Descriptors that the way to real-address mode needs, the last of the GDT:
 * code and data of 64 KiB, data of 4 GiB. */
#define REAL_CODE (29 * 8)
#define REAL_DATA (30 * 8)
#define REAL_BIG  (31 * 8)

#ifndef __ASSEMBLER__
#include "tests/micro/lib/micro.h"

enum { R_EAX, R_ECX, R_EDX, R_EBX, R_ESP, R_EBP, R_ESI, R_EDI, R_COUNT };
enum { S_ES, S_CS, S_SS, S_DS, S_FS, S_GS, S_COUNT };

struct modes {
    u32 r[R_COUNT];
    u32 eip, eflags;
    u16 s[S_COUNT];
    u16 target_ip, target_cs;
    u16 data; /* selector that ES DS FS GS had last in protected mode */
    u8 vector, unused;
};
#define MODES ((volatile struct modes *)(MODES_SWITCH << 4))

/* The IDTR of run_real(), and the error code of run_v86()'s trap. */
extern struct table_pointer real_idt;
extern u32 v86_error;
/* The TSS that run_v86() comes back by; the usual one by modes_init(). */
extern u32 modes_tss;

/* Once, and before each run: registers with their numbers as values. */
void modes_init(void);
void modes_reset(void);
/* Runs code at the start of CS; returns the vector. */
u32 run_real(const u8 *code, u32 size);
u32 run_v86(const u8 *code, u32 size);

/* The last run's end. */
void expect_end(u32 vector, u32 offset, u32 line, const char *what);
extern u32 modes_got, modes_size;

/* MODE is real or v86. Ends well, or with a trap at an offset. */
#define BYTES(...) (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__})
#define RUNS(mode, what, ...)                                                  \
    do {                                                                       \
        run_##mode(BYTES(__VA_ARGS__));                                        \
        expect_end(TRAP_UD, modes_size, __LINE__, what);                       \
    } while (0)
#define TRAPS(mode, vector, offset, what, ...)                                 \
    do {                                                                       \
        run_##mode(BYTES(__VA_ARGS__));                                        \
        expect_end(vector, offset, __LINE__, what);                            \
    } while (0)

static inline volatile u8 *paragraph(u32 sel, u32 offset)
{
    return (volatile u8 *)(sel << 4) + offset;
}

static inline u32 word_of(u32 sel, u32 offset)
{
    return *(volatile u16 *)paragraph(sel, offset);
}

static inline void set_word(u32 sel, u32 offset, u32 value)
{
    *(volatile u16 *)paragraph(sel, offset) = (u16)value;
}
#endif

#endif
