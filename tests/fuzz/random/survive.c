/* SPDX-License-Identifier: MIT
 *
 * The known-good state of the random guest, and the way back to it.
 *
 * Known good are: flat segments, the IDT with a stub behind every gate, a
 * TSS, two directories' worth of identical mapping for the 8 MiB there are.
 * Behind each step world_mend() puts right what the units of the step said
 * they would spoil; every 64 steps world_remake() does so for all tables.
 * What the edits touch between two remakes (descriptors from GDT_FREE on,
 * the LDT, gates from VECTOR_SPOIL on, the window tables, the directories)
 * stays spoilt meanwhile, so that steps meet each other's leavings.
 */
#include "arch/x86/defs/msr.h"
#include "tests/fuzz/random/random.h"

#define CR0_GOOD   (CR0_PE | CR0_ET | CR0_PG)
#define CR4_GOOD   CR4_PSE
#define IDENTITY   2 /* directory entries that map what there is */
#define GOOD_DESCS 9
#define LDT_SLOT   6
#define TSS_SLOT   7
#define BASED_SLOT 8 /* kernel code that begins above 0 */
#define BASE       0x10000u
#define TIMER_RATE 600 /* about half a millisecond */

static u8 code_pages[2 * PAGE_SIZE] __attribute__((aligned(4096)));
u32 window[TABLES][1024] __attribute__((aligned(4096)));
u32 dirs[TABLES][1024] __attribute__((aligned(4096)));
u32 gdts[GDTS][GDT_SIZE][2] __attribute__((aligned(4096)));
u32 ldt[LDT_ENTRIES][2] __attribute__((aligned(4096)));
struct tss tsses[2] __attribute__((aligned(4096)));
struct seen seen;
u32 traps;

/* The buffer lies across two pages. */
u8 *const code = code_pages + PAGE_SIZE - CODE_BYTES / 4;

/* A write to a watched table is a trap: only where it makes a difference. */
static void mend_word(u32 *at, u32 value)
{
    if (*(volatile u32 *)at != value)
        *(volatile u32 *)at = value;
}

static void mend_desc(u32 slot, u32 base, u32 limit, u32 attr)
{
    mend_word(&gdt[slot][0], desc_lo(base, limit));
    mend_word(&gdt[slot][1], desc_hi(base, limit, attr));
}

#define KERNEL_CODE (ATTR_KCODE | ATTR_G | ATTR_ACCESSED)
#define FLAT_DATA   (ATTR_KDATA | ATTR_G | ATTR_ACCESSED)
#define FREE_TSS    (ATTR_P | SYS_TSS32_FREE)

static void good_descs(void)
{
    mend_desc(KCODE >> 3, 0, 0xfffff, KERNEL_CODE);
    mend_desc(KDATA >> 3, 0, 0xfffff, FLAT_DATA);
    mend_desc(UCODE >> 3, 0, 0xfffff, KERNEL_CODE | ATTR_RING3);
    mend_desc(UDATA >> 3, 0, 0xfffff, FLAT_DATA | ATTR_RING3);
    mend_desc(TSS_SEL >> 3, (u32)&tss, TSS32_SIZE - 1, FREE_TSS);
    mend_desc(LDT_SLOT, (u32)ldt, sizeof(ldt) - 1, ATTR_P | SYS_LDT);
    mend_desc(TSS_SLOT, (u32)&tsses[1], TSS32_SIZE - 1, FREE_TSS);
    mend_desc(BASED_SLOT, BASE, 0xfffff, KERNEL_CODE);
}

static void good_gates(u32 from, u32 to)
{
    for (u32 v = from; v < to; v++) {
        bool open = v == TRAP_BP || v == TRAP_OF || v >= VECTOR_DONE;
        u32 at = fuzz_stubs[v];
        mend_word(&idt[v][0], KCODE << 16 | (at & 0xffff));
        mend_word(&idt[v][1], (at & 0xffff0000) | DESC_P |
                                  (open ? DESC_DPL : 0) |
                                  SYS_INT32 << DESC_TYPE_SHIFT);
    }
}

static void good_tss(struct tss *t)
{
    t->word[TSS32_ESP0 / 4] = (u32)fuzz_stack_top;
    t->word[TSS32_SS0 / 4] = KDATA;
    t->word[TSS32_IOMAP / 4] = TSS32_SIZE << 16;
}

/* A directory entry; that it was accessed changes nothing. */
static void mend_entry(u32 *at, u32 *table)
{
    u32 entry = (u32)table | PTE_P | PTE_W | PTE_U;

    if ((*(volatile u32 *)at & ~(u32)PTE_A) != entry)
        *(volatile u32 *)at = entry;
}

static void good_directory(u32 *dir)
{
    for (u32 i = 0; i < IDENTITY; i++)
        mend_entry(&dir[i], page_tables[i]);
    for (u32 i = 0; i < TABLES; i++)
        mend_entry(&dir[WINDOW + i], window[i]);
    mend_entry(&dir[1023], window[TABLES - 1]);
}

static void load_task(void)
{
    u32 ldt_sel = LDT_SLOT << 3;

    gdt_set(TSS_SEL >> 3, (u32)&tss, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    __asm__ volatile("ltr %w0" : : "r"(TSS_SEL) : "memory");
    __asm__ volatile("lldt %w0" : : "r"(ldt_sel) : "memory");
}

/* In the window and in the spoilt part of every table. */
static void spoil_all(void)
{
    for (u32 i = GOOD_DESCS; i < GDT_SIZE; i++)
        any_desc(gdt[i]);
    for (u32 i = 0; i < LDT_ENTRIES; i++)
        any_desc(ldt[i]);
    for (u32 i = 0; i < TABLES; i++) {
        for (u32 k = 0; k < 16; k++)
            window[i][rnd_below(16)] = any_entry();
        for (u32 k = 0; k < 4; k++)
            dirs[i][FREE_PDE + rnd_below(FREE_PDES)] = any_big();
    }
}

static void copy_descs(u32 copy, u32 count)
{
    for (u32 k = 0; k < count; k++) {
        mend_word(&gdts[copy][k][0], gdt[k][0]);
        mend_word(&gdts[copy][k][1], gdt[k][1]);
    }
}

void mend_gdt(u32 copy)
{
    copy_descs(copy, GOOD_DESCS);
}

void mend_directory(u32 dir)
{
    for (u32 i = 0; i < IDENTITY; i++)
        mend_entry(&dirs[dir][i], page_tables[i]);
}

void world_remake(void)
{
    good_descs();
    good_gates(0, TRAP_VECTORS);
    good_tss(&tss);
    good_tss(&tsses[0]);
    good_tss(&tsses[1]);
    for (u32 i = 0; i < TABLES; i++)
        good_directory(dirs[i]);
    good_directory(page_dir);
    spoil_all();
    for (u32 i = 0; i < GDTS; i++)
        copy_descs(i, GDT_SIZE);
    world_mend(DIRTY_ALL);
}

/* Whoever runs astray comes back by INT3. */
static void fill(u32 from, u32 to)
{
    for (u32 at = from; at < to; at += 4)
        *(volatile u32 *)at = 0xcccccccc;
}

/* Whether a walk that ends at an absent entry marks the directory's entry on
 * the way is up to the processor: that bit is left out. */
u32 world_sum(void)
{
    u32 sum = 0;

    for (u32 i = 0; i < 1024; i++) {
        for (u32 t = 0; t < TABLES; t++) {
            sum = sum * 33 + window[t][i];
            sum = sum * 33 + (dirs[t][i] & ~(u32)PTE_A);
        }
    }
    return sum;
}

static void write_msr(u32 msr, u32 value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"(value), "d"(0) : "memory");
}

void world_make(void)
{
    write_msr(MSR_SYSENTER_ESP, (u32)ring0_stack_top);
    write_msr(MSR_SYSENTER_EIP, fuzz_stubs[VECTOR_DONE]);
    fill(0x500, VGA_WINDOW);
    fill(ARENA, ARENA_END);
    paging_on();
    write_cr4(read_cr4() | CR4_GOOD);
    world_remake();
}

static void mend_debug(void)
{
    __asm__ volatile("movl %0, %%dr7" : : "r"(DR7_FIXED) : "memory");
}

static void mend_lines(void)
{
    pic_init();
    out8(PORT_CMOS_INDEX, 0x0d);
}

void world_mend(u32 dirty)
{
    if (dirty & DIRTY_DR)
        mend_debug();
    if (dirty & DIRTY_CR) {
        write_cr3((u32)page_dir);
        write_cr4(CR4_GOOD);
        write_cr0(CR0_GOOD);
    }
    if (dirty & DIRTY_TABLES) {
        good_descs();
        good_gates(0, VECTOR_SPOIL);
        gdt_load();
        idt_load();
    }
    if (dirty & (DIRTY_TASK | DIRTY_TABLES))
        load_task();
    if (dirty & DIRTY_LINES)
        mend_lines();
}

void arm_timer(void)
{
    pic_init();
    pit_start(TIMER_RATE);
    pic_unmask(IRQ_TIMER);
}

void run_from(u32 offset, u32 ring, u32 eflags)
{
    u32 keep = rnd();
    struct entry_state s = {
        .edi = any_address(),
        .esi = any_address(),
        .ebp = any_value(),
        .ebx = any_address(),
        .edx = keep,
        .ecx = rnd_below(32),
        .eax = any_value(),
        .eip = (u32)code + offset,
        .cs = ring ? UCODE : KCODE,
        .eflags = eflags | EFLAGS_ONE,
        .esp = ring ? (u32)ring3_stack_top : (u32)ring0_stack_top,
        .ss = ring ? UDATA : KDATA,
    };

    enter(&s, ring == 0);
}
