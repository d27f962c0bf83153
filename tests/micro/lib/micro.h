/* SPDX-License-Identifier: MIT
 *
 * What a micro-guest is made of.
 *
 * A micro-guest proves one property of the machine it runs on: a few
 * instructions, the frame of the trap they raise, a sentence for each thing
 * that is not as the SDM says. The same program runs on the bare machine,
 * which must pass, and as a guest, which must not be able to tell.
 *
 * test() runs in ring 0 with flat segments, paging off, every interrupt line
 * masked and IF = 0. CATCH() runs instructions that may trap and goes on
 * behind them; `caught` then holds the frame. A trap outside CATCH(), without
 * a handler of its own, fails the test and ends it.
 *
 * The tests stay clear of what ring-1 deprivileging cannot hide: they read
 * IF, IOPL and the privilege in CS and SS from the frames of traps only, and
 * change IF by CLI, STI and IRET only.
 */
#ifndef MICRO_H
#define MICRO_H

#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "tests/micro/lib/selectors.h"
#include "vmm/base/types.h"

struct frame {
    u32 edi, esi, ebp, pusha_esp, ebx, edx, ecx, eax;
    u32 es, ds;
    u32 vector, error;
    u32 eip, cs, eflags;
    u32 esp, ss; /* from ring 3 only */
};

struct caught {
    u32 count; /* traps since the last CATCH() began */
    struct frame f;
    u32 cr2;
    u32 from; /* EIP - the address of CATCH()'s first instruction */
};

struct table_pointer {
    u16 limit;
    u32 base;
} __attribute__((packed));

struct tss {
    u32 word[TSS32_SIZE / 4];
};

typedef void (*trap_handler)(struct frame *f);

extern volatile struct caught caught;
extern u32 catch_at, catch_resume, catch_esp;
extern trap_handler handlers[TRAP_VECTORS]; /* go first, when not null */
extern u32 gdt[GDT_SIZE][2];
extern u32 idt[TRAP_VECTORS][2];
extern struct tss tss;
extern const u32 stubs[TRAP_VECTORS];
extern u8 stack_top[], user_stack_top[];
extern u32 boot_words; /* address of the multiboot 1 information */

/* The test itself, and what its file is called in messages. */
void test(void);

/* ---- expectations */

void print(const char *text);
void print_hex(u32 value);
void note(const char *sentence);
void expect_true(bool ok, u32 line, const char *sentence);
void expect_equal(u32 got, u32 want, u32 line, const char *sentence);
void expect_trap(u32 vector, u32 error, u32 from, u32 line, const char *what);
void expect_no_trap(u32 line, const char *what);
_Noreturn void finish(void);

#define EXPECT(cond, sentence) expect_true(cond, __LINE__, sentence)
#define EXPECT_EQ(got, want, sentence)                                         \
    expect_equal((u32)(got), (u32)(want), __LINE__, sentence)
/* The last CATCH() raised this, `offset` bytes behind its beginning. */
#define EXPECT_TRAP(vector, error, offset, what)                               \
    expect_trap(vector, error, offset, __LINE__, what)
#define EXPECT_NO_TRAP(what) expect_no_trap(__LINE__, what)

/* ---- catching
 *
 * CATCH("div %0", : "r"(x) : "eax"): instructions, then what an asm
 * statement has behind its first colon. In ring 0 a caught trap also brings
 * ESP back to what it was. SS must stay flat and writable.
 */
#define CATCH(code, ...)                                                       \
    do {                                                                       \
        caught.count = 0;                                                      \
        caught.f.vector = TRAP_VECTORS;                                        \
        __asm__ volatile("movl $770f, catch_at\n\t"                            \
                         "movl %%esp, catch_esp\n\t"                           \
                         "movl $771f, catch_resume\n"                          \
                         "770: " code "\n"                                     \
                         "771: movl $0, %%ss:catch_resume"                     \
                         : __VA_ARGS__);                                       \
        barrier();                                                             \
    } while (0)

#define barrier() __asm__ volatile("" : : : "memory")

/* The flags of a frame that must be exact: not the arithmetic ones, and not
 * RF, which a fault saves as one (SDM vol. 3A 17.3.1.1) but not in QEMU. */
#define EXACT_FLAGS(f) ((f) & ~(EFLAGS_STATUS | EFLAGS_RF))

/* ---- ring 3 */

/* Runs fn in ring 3 with these flags (bit 1 is added); the value it
 * returns. Called with IF = 0, returns with IF = 0. */
u32 ring3_flags(u32 (*fn)(void), u32 eflags);
u32 ring3(u32 (*fn)(void));

/* ---- tables */

u32 desc_lo(u32 base, u32 limit);
u32 desc_hi(u32 base, u32 limit, u32 attr); /* attr in ATTR_ form */
void gdt_set(u32 index, u32 base, u32 limit, u32 attr);
void gdt_load(void); /* LGDT, and every segment register anew */
void idt_set(u32 vector, u32 type, u32 dpl, u32 selector, u32 offset);
void idt_load(void);
void gdt_reload(const struct table_pointer *pointer);

/* Are limits and null segments checked on use? QEMU's translator does not;
 * the test must then leave them out. Leaves FS null. */
bool checks_segments(void);

#define ATTR_KCODE (ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_DB)
#define ATTR_KDATA (ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_DB)
#define ATTR_RING3 ATTR_DPL

/* ---- paging: 4 KiB pages, the first 8 MiB identical and open to all */

#define PAGED_MIB 8
extern u32 page_dir[1024];
extern u32 page_tables[PAGED_MIB / 4][1024];
void paging_on(void);
void paging_off(void);
/* Table entry that maps an address below PAGED_MIB. */
u32 *pte_of(u32 address);

/* ---- instructions */

static inline void out8(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline u8 in8(u16 port)
{
    u8 value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void cli(void)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline void sti(void)
{
    __asm__ volatile("sti" : : : "memory");
}

static inline void sti_hlt(void)
{
    __asm__ volatile("sti\n\thlt" : : : "memory");
}

static inline u32 read_cr0(void)
{
    u32 v;

    __asm__ volatile("movl %%cr0, %0" : "=r"(v) : : "memory");
    return v;
}

static inline void write_cr0(u32 v)
{
    __asm__ volatile("movl %0, %%cr0" : : "r"(v) : "memory");
}

static inline u32 read_cr3(void)
{
    u32 v;

    __asm__ volatile("movl %%cr3, %0" : "=r"(v) : : "memory");
    return v;
}

static inline void write_cr3(u32 v)
{
    __asm__ volatile("movl %0, %%cr3" : : "r"(v) : "memory");
}

static inline u32 read_cr4(void)
{
    u32 v;

    __asm__ volatile("movl %%cr4, %0" : "=r"(v) : : "memory");
    return v;
}

static inline void write_cr4(u32 v)
{
    __asm__ volatile("movl %0, %%cr4" : : "r"(v) : "memory");
}

static inline void invlpg(u32 address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static inline u32 peek(u32 address)
{
    return *(volatile u32 *)address;
}

static inline void poke(u32 address, u32 value)
{
    *(volatile u32 *)address = value;
}

/* ---- interrupt lines */

void pic_init(void); /* done before test(): vectors set, all masked */
void pic_unmask(u32 irq);
void pic_mask(u32 irq);
void pic_eoi(u32 irq);
/* Channel 0 as a rate generator with this reload value. */
void pit_start(u32 reload);

#endif
