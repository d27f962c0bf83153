/* SPDX-License-Identifier: MIT
 *
 * Random strings of bytes as a program: 40,000 of up to 15 bytes, in ring 3.
 *
 * Half of them begin with prefixes or with an opcode that a VMM has to look
 * at. The kernel's memory is closed to ring 3, so that the guest survives
 * whatever its program does; a timer ends what would not end. Each string
 * follows from the number of the attempt.
 *
 * SDM vol. 2A 2.1.
 */
#include "tests/attack/lib/soup.h"

ATTACK("It runs 40,000 random strings of bytes as a program in ring 3.");

#define ATTEMPTS  40000
#define SEED      0x7ea9115e
#define PIT_MS    1193
#define USER_PAGE (PTE_P | PTE_W | PTE_U)

static const u8 starts[] = {
    0x0f, 0xf0, 0xf2, 0xf3, 0x66, 0x67, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65,
    0x0f, 0x0f, 0x0f, 0x8e, 0x8c, 0x9a, 0xea, 0xff, 0xca, 0xcb, 0xcf, 0x9c,
    0x9d, 0x6c, 0x6d, 0x6e, 0x6f, 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee,
    0xef, 0xcd, 0xce, 0xcc, 0xf1, 0xf4, 0xfa, 0xfb, 0xc4, 0xc5, 0x62, 0x63,
    0x17, 0x07, 0x1f, 0xc8, 0xd6, 0x9b, 0xdb, 0xdd, 0xd9, 0x60, 0x61, 0xc6,
};

static u32 state = SEED;

static u32 random(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static u32 make(u8 *bytes)
{
    u32 count = 1 + random() % 15, fixed = random() % 4;

    for (u32 i = 0; i < count; i++)
        bytes[i] =
            i < fixed ? starts[random() % sizeof(starts)] : random() >> 7;
    return count;
}

/* Only the soup and its stack belong to ring 3. */
static void close_kernel(void)
{
    const u32 stack = (u32)user_stack_top - PAGE_SIZE;
    const u32 open[] = {(u32)soup_page, (u32)soup_code, stack};

    for (u32 at = 0; at < PAGED_MIB << 20; at += PAGE_SIZE)
        *pte_of(at) &= ~(u32)PTE_U;
    for (u32 i = 0; i < ARRAY_LEN(open); i++)
        *pte_of(open[i]) |= USER_PAGE;
    write_cr3((u32)page_dir);
}

void attack(void)
{
    u8 bytes[SOUP_MAX];

    paging_on();
    close_kernel();
    write_cr0(read_cr0() | CR0_WP | CR0_NE);
    paging_off();
    leap_init();
    write_cr0(read_cr0() | CR0_PG);
    handlers[VECTOR_PRINT] = handlers[VECTOR_HOME];
    pic_unmask(0);
    pit_start(PIT_MS);
    for (u32 i = 0; i < ATTEMPTS; i++) {
        struct soup r = soup_plain();
        u32 count = make(bytes);
        r.eax = random();
        r.edx = random();
        r.ecx = random() % 8;
        soup_run(bytes, count, true, &r);
        if (leap.f.vector != VECTOR_LANDED && !(leap.f.cs & SEL_RPL))
            broken("ring 0 was reached", i, leap.f.vector);
    }
    pic_mask(0);
    paging_off(); /* world_check() needs all of it */
    world_check();
}
