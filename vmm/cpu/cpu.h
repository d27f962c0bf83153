/* SPDX-License-Identifier: MIT
 *
 * A 32-bit x86 processor as plain data, and the world it acts on.
 *
 * struct cpu is the guest's *virtual* processor: what the guest would read if
 * every instruction trapped. The interpreter works on it alone; the direct
 * engine copies the real registers in on an exit and out on an entry. EFLAGS
 * holds the virtual IF and IOPL, seg[CS].sel has the virtual RPL.
 *
 * struct cpu_env is everything outside the processor: memory by linear
 * address (paging is behind it), ports, model-specific registers, and the
 * hooks that tell the VMM what it must know (CR and table loads). All of it
 * is check-then-commit: a call that returns ENV_FAULT or ENV_STOP has
 * changed nothing.
 *
 * SDM vol. 1 chapter 3, vol. 3A chapter 2.
 */
#ifndef CPU_CPU_H
#define CPU_CPU_H

#include "arch/x86/defs/regs.h"
#include "vmm/base/types.h"

/* In the order the encodings use. */
enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI, GPR_COUNT };
enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_COUNT };

/* A segment register with its hidden part. limit is in bytes, inclusive,
 * granularity applied. attr uses ATTR_ bits (defs/desc.h); a register that
 * holds a null selector has attr 0 (not P), so every access through it
 * faults. */
struct segment {
    u16 sel;
    u16 attr;
    u32 base;
    u32 limit;
};

/* GDTR or IDTR. */
struct table_reg {
    u32 base;
    u16 limit;
};

struct cpu {
    u32 gpr[GPR_COUNT]; /* the trap stub stores up to here ... */
    u32 eip;
    u32 eflags; /* ... by offset: see arch/x86/enter.S */
    struct segment seg[SEG_COUNT];
    struct segment ldtr, tr;
    struct table_reg gdtr, idtr;
    u32 cr0, cr2, cr3, cr4;
    u64 pdpte[4]; /* PAE paging: the environment loads them with CR3 */
    u32 dr[8];
    u32 sysenter_cs, sysenter_esp, sysenter_eip;
    u8 cpl;            /* 0..3, virtual */
    u8 irq_shadow;     /* SHADOW_, or 0: no interrupt before the next
                          instruction is done. cpu_step() clears it first. */
    u8 halted;         /* HLT: waits for an interrupt */
    u8 seg_dirty;      /* bit per segment register written by software; the
                          direct engine reloads those and clears it */
    u32 task_switches; /* hardware task switches so far */
    u32 debug_pending; /* DR6 bits of traps that are still to be raised */
};

/* irq_shadow: behind MOV SS and POP SS no debug exception comes either (SDM
 * vol. 3A 6.8.3). */
enum { SHADOW_STI = 1, SHADOW_SS = 2 };

/* What CR0.PE and EFLAGS.VM make of selectors, interrupts and privilege (SDM
 * vol. 3A 2.2). In real-address mode cpl is 0, in virtual-8086 mode 3. */
enum cpu_mode { MODE_REAL, MODE_V86, MODE_PROTECTED };

static inline enum cpu_mode cpu_mode(const struct cpu *cpu)
{
    if (!(cpu->cr0 & CR0_PE))
        return MODE_REAL;
    return cpu->eflags & EFLAGS_VM ? MODE_V86 : MODE_PROTECTED;
}

/* An exception to be raised, in its architectural form. In real-address mode
 * has_error and error are there too, but delivery does not push them. */
struct fault {
    u8 vector;
    bool has_error;
    u32 error;
    u32 cr2; /* #PF only */
};

/* How memory is touched. Without ACC_SYSTEM the access is a user one when
 * cpu->cpl is 3. ACC_READ | ACC_WRITE: read what will be written back
 * (permission to write is checked). */
enum {
    ACC_READ = 1,
    ACC_WRITE = 2,
    ACC_FETCH = 4,
    ACC_SYSTEM = 8, /* descriptor tables, TSS, inner stacks: as ring 0 */
};

enum env_status {
    ENV_OK,
    ENV_FAULT, /* *fault says which exception; nothing was changed */
    ENV_STOP,  /* the VM was stopped meanwhile; drop the instruction */
};

/* Returns what is not ENV_OK. */
#define TRY(call)                                                              \
    do {                                                                       \
        enum env_status try_ = (call);                                         \
        if (try_ != ENV_OK)                                                    \
            return try_;                                                       \
    } while (0)

struct fpu;
struct fpu_op;

enum cpu_table { TABLE_GDT, TABLE_IDT, TABLE_LDT, TABLE_TSS };

struct cpu_env {
    void *ctx;

    /* Linear memory; size 1..4096, may cross one page boundary and wraps at
     * 4 GiB. A crossing write checks both pages before it changes one. */
    enum env_status (*read)(void *ctx, gva_t at, void *buf, u32 size,
                            u32 access, struct fault *fault);
    enum env_status (*write)(void *ctx, gva_t at, const void *buf, u32 size,
                             u32 access, struct fault *fault);

    /* Where the byte of code at `at` lies, when a fetch of it faults nowhere;
     * the run of bytes is good to the end of the page. Null: read() will tell.
     * May be null itself. */
    const u8 *(*code)(void *ctx, gva_t at);

    /* Ports; size 1, 2 or 4; permission was checked by the caller. */
    u32 (*in)(void *ctx, u16 port, u32 size);
    void (*out)(void *ctx, u16 port, u32 size, u32 value);

    /* Up to `count` of them, one behind the other, by a device that can; how
     * many were done, which may be none. Each may be null. */
    u32 (*in_many)(void *ctx, u16 port, u32 size, u8 *value, u32 count);
    u32 (*out_many)(void *ctx, u16 port, u32 size, const u8 *value, u32 count);

    /* Before CR0, CR3 or CR4 takes a value that the architecture allows.
     * ENV_OK: the caller then stores it and calls cr_written. */
    enum env_status (*cr_check)(void *ctx, unsigned n, u32 value,
                                struct fault *fault);
    void (*cr_written)(void *ctx, unsigned n, u32 old);
    void (*dr_written)(void *ctx, unsigned n);
    void (*invlpg)(void *ctx, gva_t at);
    enum env_status (*rdmsr)(void *ctx, u32 index, u64 *value,
                             struct fault *fault);
    enum env_status (*wrmsr)(void *ctx, u32 index, u64 value,
                             struct fault *fault);
    void (*cpuid)(void *ctx, u32 leaf, u32 subleaf, u32 out[4]);
    u64 (*rdtsc)(void *ctx);

    /* The x87, MMX and SSE registers, for the caller to read and change; null
     * where there are none. Then: one instruction on the host's unit; and
     * FERR#, an x87 error while CR0.NE is clear. See vmm/cpu/fpu.h. */
    struct fpu *(*fpu)(void *ctx);
    void (*fpu_run)(void *ctx, struct fpu_op *op);
    void (*fpu_error)(void *ctx);

    /* Set while a repeated instruction is to end with its present iteration:
     * somebody wants to look. May be null. */
    const bool *enough;

    /* After LGDT, LIDT, LLDT or LTR changed the register in struct cpu. */
    void (*table_loaded)(void *ctx, enum cpu_table table);
};

/* Convenience constructors. */
static inline struct fault fault_plain(u8 vector)
{
    return (struct fault){vector, false, 0, 0};
}

static inline struct fault fault_error(u8 vector, u32 error)
{
    return (struct fault){vector, true, error, 0};
}

static inline struct fault fault_page(u32 error, gva_t at)
{
    return (struct fault){14, true, error, at.v};
}

/* Power-on protected mode as a multiboot loader leaves it: flat 4 GiB
 * segments (CS 0x08, the rest 0x10), PE on, paging and interrupts off,
 * no GDT, IDT, LDT or TSS (limit 0). */
void cpu_reset_flat(struct cpu *cpu, u32 eip);
/* Real-address mode at F000:FFF0 with CS based at FFFF0000, as after RESET
 * (SDM vol. 3A 9.1.1, table 9-1). signature is CPUID.1:EAX, found in EDX. */
void cpu_reset_power_on(struct cpu *cpu, u32 signature);

#endif
