/* SPDX-License-Identifier: MIT
 *
 * The last bytes of linear and of physical space: accesses that begin below
 * 4 GiB and end above, by moves, strings, pushes, and the fetch of code; the
 * pages on both sides present, absent, traced, in device memory; and the last
 * frames of physical space, and those around the end of the guest's memory,
 * under small pages.
 *
 * Linear addresses wrap at 4 GiB (SDM vol. 1 3.3.7 has them undefined for
 * some cases, so an access that crosses may also fault): what is read must be
 * the bytes of the two pages, if anything is.
 *
 * SDM vol. 3A 3.3, 5.3.
 */
#include "tests/attack/mem.h"

ATTACK("It reads, writes and runs code across the end of linear space and "
       "around the ends of memory.");

#define TOP    0xfffff000u
#define ROUNDS 40u
#define MOST   (16u << 20)

static u32 top_table[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 low_table[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 last[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 first[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 window[TABLE] __attribute__((aligned(PAGE_SIZE)));

static void set_pages(u32 high, u32 low)
{
    top_table[1023] = high;
    low_table[0] = low;
    flush_all();
}

/* The four bytes from the last page's byte `offset` on. */
static u32 bytes_across(u32 offset)
{
    u32 value = 0;

    for (u32 k = 0; k < 4; k++) {
        u32 at = offset + k;
        const u8 *page = (const u8 *)(at < PAGE_SIZE ? last : first);
        value |= (u32)page[at % PAGE_SIZE] << 8 * k;
    }
    return value;
}

static void moves(void)
{
    for (u32 offset = PAGE_SIZE - 4; offset < PAGE_SIZE; offset++) {
        u32 value, want;
        last[1023] = random32();
        first[0] = random32();
        want = bytes_across(offset);
        if (load(TOP + offset, &value) && value != want)
            broken("a read across the end of linear space", offset, value);
        value = random32();
        if (store(TOP + offset, value) && bytes_across(offset) != value)
            broken("a write across the end of linear space", offset, value);
        want = bytes_across(offset);
        if (user_load(TOP + offset, &value) && value != want)
            broken("a user's read across the end", offset, value);
        if (user_store(TOP + offset, ~want) && bytes_across(offset) != ~want)
            broken("a user's write across the end", offset, want);
    }
}

static void strings(void)
{
    u32 buffer[8];

    u32 from = TOP + PAGE_SIZE - 9, count = 17, to = (u32)buffer;

    TRY("cld; rep movsb", "+S"(from), "+D"(to), "+c"(count) : : "memory", "cc");
}

static void one_side_absent(void)
{
    u32 value;

    for (u32 offset = PAGE_SIZE - 3; offset < PAGE_SIZE; offset++) {
        set_pages((u32)last | RIGHTS, 0);
        if (load(TOP + offset, &value) && offset > PAGE_SIZE - 4)
            broken("a read that ends in an absent page", offset, value);
        last[1023] = 0x11223344;
        if (store(TOP + offset, 0) || last[1023] != 0x11223344)
            broken("a write that ends in an absent page is half done", offset,
                   last[1023]);
        set_pages(0, (u32)first | RIGHTS);
        if (load(TOP + offset, &value))
            broken("a read that begins in an absent page", offset, value);
        set_pages((u32)last | RIGHTS, (u32)first | PTE_P);
        store(TOP + offset, 0);
        set_pages((u32)last | RIGHTS, 0x000b8000 | RIGHTS);
        load(TOP + offset, &value);
        set_pages(0xfffff000 | RIGHTS, (u32)first | RIGHTS);
        load(TOP + offset, &value);
        store(TOP + offset, value);
        set_pages((u32)top_table | RIGHTS, (u32)low_table | RIGHTS);
        load(TOP + offset, &value);
    }
}

/* INC EAX, as many as there are bytes up to the end, and RET behind it. */
static void code_across(void)
{
    for (u32 before = 1; before < 8; before++) {
        u32 got = 0;
        for (u32 k = 0; k < 8; k++) {
            ((u8 *)last)[PAGE_SIZE - 8 + k] = 0x40;
            ((u8 *)first)[k] = k == 3 ? 0xc3 : 0x40;
        }
        flush_all();
        TRY("xorl %%eax, %%eax; call *%1", "=a"(got)
            : "r"(TOP + PAGE_SIZE - before)
            : "memory", "cc");
        if (!caught.count && got != before + 3)
            broken("code across the end of linear space", before, got);
        /* MOV EAX, imm32 with its operand on both sides */
        if (before > 5)
            continue;
        ((u8 *)last)[PAGE_SIZE - before] = 0xb8;
        TRY("xorl %%eax, %%eax; call *%1", "=a"(got)
            : "r"(TOP + PAGE_SIZE - before)
            : "memory", "cc");
    }
}

/* Pages around where memory may end, and at the end of physical space. */
static void ends_of_memory(void)
{
    for (u32 at = 1u << 20; at <= MOST; at += 1u << 20) {
        u32 value;
        window[0] = (at - PAGE_SIZE) | RIGHTS;
        window[1] = at | RIGHTS;
        window[2] = (u32)first | RIGHTS;
        window[3] = (0u - PAGE_SIZE) | RIGHTS;
        window[4] = RIGHTS;
        flush_all();
        for (u32 offset = 2 * PAGE_SIZE - 4; offset < 2 * PAGE_SIZE; offset++) {
            load(WINDOW + offset - PAGE_SIZE, &value);
            saw(at, value);
            load(WINDOW + offset, &value);
            saw(at, value);
            load(WINDOW + offset + 2 * PAGE_SIZE, &value);
            saw(at, value);
        }
    }
}

void attack(void)
{
    u32 first_entry;

    paging_on();
    first_entry = page_dir[0];
    page_copy(low_table, page_tables[0]);
    page_dir[1023] = (u32)top_table | RIGHTS;
    page_dir[0] = (u32)low_table | RIGHTS;
    page_dir[WINDOW >> 22] = (u32)window | RIGHTS;
    for (u32 i = 0; i < ROUNDS; i++) {
        set_pages((u32)last | RIGHTS, (u32)first | RIGHTS);
        moves();
        code_across();
        set_pages((u32)last | RIGHTS, (u32)first | RIGHTS);
        strings();
        one_side_absent();
    }
    page_dir[0] = first_entry;
    ends_of_memory();
}
