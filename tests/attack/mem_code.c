/* SPDX-License-Identifier: MIT
 *
 * Code where code should not be: written a moment before it runs, through
 * another alias, by itself; in page tables, descriptor tables, device memory
 * and beyond memory; across a boundary into an absent, a foreign and a moving
 * page; with privileged instructions that the VMM reads from there.
 *
 * Written code is run after a jump or by CALL, which is all that SDM vol. 3A
 * 8.1.3 and 11.6 ask for through the same address; through an alias a
 * serialising instruction (here INVLPG) comes between.
 */
#include "tests/attack/mem.h"

ATTACK(
    "It runs code that it writes at once, in page tables, in devices, beyond "
    "its memory and across pages that are absent or move.");

#define ROUNDS 150u
#define SPACE  0x50000000u
#define MOST   16u /* bytes of a piece of code */

static u32 window[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 table[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u8 code[2][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

struct piece {
    u8 size;
    u8 bytes[MOST];
    u32 eax; /* that it returns; NEVER: whatever comes */
};

#define NEVER 0xffffffff

/* Each ends in RET; n becomes a part of some. */
static const struct piece pieces[] = {
    {6, {0xb8, 0x11, 0x22, 0x33, 0x44, 0xc3}, 0x44332211},
    {4, {0x31, 0xc0, 0x40, 0xc3}, 1},
    {4, {0x0f, 0x20, 0xd0, 0xc3}, NEVER},               /* mov %cr2, %eax */
    {7, {0xfa, 0x31, 0xc0, 0xb0, 0x07, 0x90, 0xc3}, 7}, /* cli */
    {8, {0x31, 0xc0, 0xb0, 0x21, 0xe6, 0x80, 0x90, 0xc3}, 0x21}, /* out */
    {6, {0x31, 0xc0, 0x0f, 0x01, 0x38, 0xc3}, 0}, /* invlpg (%eax) */
    {9, {0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8, 0x31, 0xc0, 0xc3}, 0}, /* cr3 */
};

static u32 run(u32 at)
{
    u32 eax = 0;

    TRY("call *%1", "+a"(eax) : "r"(at) : "ecx", "edx", "memory", "cc");
    return eax;
}

static void put(u8 *to, const struct piece *p)
{
    for (u32 i = 0; i < p->size; i++)
        to[i] = p->bytes[i];
    barrier();
}

static void expect(u32 at, const struct piece *p, const char *sentence)
{
    u32 got = run(at);

    if (caught.count || (p->eax != NEVER && got != p->eax))
        broken(sentence, at, caught.count ? caught.f.vector : got);
}

static void set(u32 page, u32 entry)
{
    window[page] = entry;
    invlpg(WINDOW + (page << PAGE_SHIFT));
}

/* Written through one address, run through another, and over a boundary. */
static void rewritten(void)
{
    set(1, (u32)code[0] | RIGHTS);
    set(2, (u32)code[1] | RIGHTS);
    for (u32 i = 0; i < ROUNDS * ARRAY_LEN(pieces); i++) {
        const struct piece *p = &pieces[i % ARRAY_LEN(pieces)];
        u32 offset = PAGE_SIZE - 1 - i % (p->size + 1);
        put((u8 *)WINDOW + PAGE_SIZE + offset, p);
        expect(WINDOW + PAGE_SIZE + offset, p, "code that was just written");
        put(&code[0][offset], &pieces[(i + 1) % ARRAY_LEN(pieces)]);
        invlpg(0);
        expect(WINDOW + PAGE_SIZE + offset,
               &pieces[(i + 1) % ARRAY_LEN(pieces)],
               "code written through an alias");
    }
}

/* The second page is absent, another, foreign. */
static void across(void)
{
    static const u32 frames[] = {0x000a0000, 0x000b8000, 0x00800000,
                                 0x04000000, 0x7ffff000, 0xfffff000};

    for (u32 i = 0; i < ROUNDS * ARRAY_LEN(pieces); i++) {
        const struct piece *p = &pieces[i % ARRAY_LEN(pieces)];
        u32 inside = 1 + i % (p->size - 1), at;
        at = WINDOW + 2 * PAGE_SIZE - inside;
        set(2, (u32)code[1] | RIGHTS);
        put((u8 *)at, p);
        expect(at, p, "code across a boundary");
        set(2, 0);
        run(at);
        if (!caught.count || caught.f.vector != TRAP_PF ||
            caught.cr2 != WINDOW + 2 * PAGE_SIZE)
            broken("code goes on in an absent page", at, caught.cr2);
        set(2, (u32)code[1] | RIGHTS);
        expect(at, p, "code across a boundary, after a fault");
        if (i % 8)
            continue;
        set(2, frames[i / 8 % ARRAY_LEN(frames)] | RIGHTS);
        ((u8 *)at)[0] = 0xe9; /* JMP, with its target in the other page */
    }
}

/* Code in the page table that maps it, in use; and in the directory. */
static void in_tables(void)
{
    page_dir[SPACE >> 22] = (u32)table | RIGHTS;
    for (u32 i = 0; i < ROUNDS; i++) {
        const struct piece *p = &pieces[i % ARRAY_LEN(pieces)];
        u32 page = i % 200, at = SPACE + (page << PAGE_SHIFT);
        table[page] = (u32)table | RIGHTS;
        invlpg(at);
        put((u8 *)at + 1024 + i * 16, p);
        expect(at + 1024 + i * 16, p, "code in a page table");
        /* it takes its own page away: MOV [at], 0 in its own table */
        if (i & 1) {
            u8 *to = (u8 *)at + 1024 + i * 16;
            to[0] = 0xc7; /* movl $0, m32 */
            to[1] = 0x05;
            *(u32 *)(void *)(to + 2) = (u32)&table[page];
            *(u32 *)(void *)(to + 6) = 0;
            to[10] = 0xc3;
            run((u32)to);
            invlpg(at);
            run((u32)to);
            if (!caught.count)
                broken("code that took its own page away", at, table[page]);
        }
        gdt[20 + (i & 1)][0] = 0xc3c39090;
        run((u32)&gdt[20 + (i & 1)][0]);
        idt[0xf8][1] = 0xc3c39090;
        run((u32)&idt[0xf8][1]);
        idt[0xf8][1] = 0;
    }
    page_dir[SPACE >> 22] = 0;
}

/* Self-modifying: the instruction writes the immediate of the next one, of
 * itself, and REP STOS runs over its own code. */
static void modifying(void)
{
    for (u32 i = 0; i < ROUNDS; i++) {
        u32 got;
        TRY("movl %1, 1f + 1; jmp 1f; 1: movl $0x55555555, %0", "=a"(got)
            : "r"(i)
            : "memory");
        if (caught.count || got != i)
            broken("code that writes the next instruction", i, got);
    }
}

/* What comes of code in devices is theirs; the VMM must live. */
static void in_devices(void)
{
    for (u32 i = 0; i < ARRAY_LEN(pieces) - 1; i++) {
        set(5, 0x000b8000 | RIGHTS);
        for (u32 k = 0; k < pieces[i].size; k++)
            ((u8 *)WINDOW)[5 * PAGE_SIZE + 0x200 + k] = pieces[i].bytes[k];
        expect(WINDOW + 5 * PAGE_SIZE + 0x200, &pieces[i], "code in a screen");
    }
}

void attack(void)
{
    paging_on();
    page_dir[WINDOW >> 22] = (u32)window | RIGHTS;
    flush_all();
    rewritten();
    across();
    in_tables();
    modifying();
    in_devices();
}
