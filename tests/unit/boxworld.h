/* SPDX-License-Identifier: MIT
 *
 * A guest in a fake machine that dies, and its report, for unit tests of
 * vmm/vm/blackbox*.c. Each line of the report is checked as it comes.
 */
#ifndef TESTS_BOXWORLD_H
#define TESTS_BOXWORLD_H

#include "tests/unit/exitsworld.h"
#include "vmm/vm/monitor_impl.h"

#define LINES_MAX  60
#define REPORT_MAX 16384
#define TABLES_AT  0x10000 /* page directory, and one table behind it */
#define TABLE_AT   0x11000
#define NOWHERE    0x00300000

static char report[REPORT_MAX];
static size_t report_len;
static u32 report_lines, report_widest;

static inline void take_line(void *ctx, const char *text, size_t len)
{
    EXPECT(len && text[len - 1] == '\n');
    EXPECT(report_len + len < REPORT_MAX);
    for (size_t i = 0; i + 1 < len; i++)
        EXPECT(text[i] >= 0x20 && text[i] < 0x7f);
    memcpy(report + report_len, text, len);
    report_len += len;
    report[report_len] = 0;
    report_lines++;
    report_widest = len > report_widest ? (u32)len : report_widest;
}

static const struct sink taker = {take_line, NULL};

static inline void take_report(void)
{
    report_len = report_lines = report_widest = 0;
    report[0] = 0;
    blackbox_print(vm, &taker);
}

/* The guest has died in a turn that is over now. */
static inline void dies(void)
{
    blackbox_look(vm);
    EXPECT(vm->box.taken);
    take_report();
    EXPECT(report_lines > 10 && report_lines <= LINES_MAX);
    EXPECT(report_widest <= 201);
}

static inline void expect_in(const char *text, const char *words)
{
    if (strstr(text, words))
        return;
    printf("there is no \"%s\" in:\n%s\n", words, text);
    EXPECT(false);
}

#define EXPECT_CAUSE(words)  expect_in(vm->box.cause, words)
#define EXPECT_REPORT(words) expect_in(report, words)

/* ---- a guest with paging: 2 MiB and a bit, one to one, 4 KiB pages */

static inline void set_pte(u32 at, u32 bits)
{
    poke(TABLE_AT + (at >> PAGE_SHIFT) * 4,
         &(u32){bits ? (at & ~PAGE_MASK) | bits : 0}, 4);
    priv_invlpg(vm, gva(at));
}

static inline void write_cr(u32 n, u32 value)
{
    u32 *cr = n == 0 ? &vm->cpu.cr0 : n == 3 ? &vm->cpu.cr3 : &vm->cpu.cr4;
    u32 old = *cr;

    *cr = value;
    priv_cr_written(vm, n, old);
}

static inline void start_paged(const char *code, u32 size)
{
    start(code, size);
    poke(TABLES_AT, &(u32){TABLE_AT | PTE_P | PTE_W | PTE_U}, 4);
    for (u32 at = 0; at < NOWHERE; at += PAGE_SIZE)
        poke(TABLE_AT + (at >> PAGE_SHIFT) * 4, &(u32){at | PTE_P | PTE_W}, 4);
    write_cr(3, TABLES_AT);
    write_cr(0, vm->cpu.cr0 | CR0_PG | CR0_WP);
    vm->box.space.there = false;
}

static inline void page_fault(u32 at, u32 error)
{
    vm->arch.fault_at = at;
    trap(TRAP_PF, error);
}

static inline void absent(u32 vector)
{
    poke(IDT_AT + vector * 8 + 5, &(u8){0x0e}, 1);
}

static struct trace_record records[64];

#endif
