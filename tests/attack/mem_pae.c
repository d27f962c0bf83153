/* SPDX-License-Identifier: MIT
 *
 * PAE paging over everything that is not memory: directories and tables in the
 * VGA window, in the hole behind the RAM and above 4 GiB, entries with reserved
 * bits, directory pointers that are tables of themselves, each read and
 * written through. Under exec=trap the VM ends with a sentence at CR4.PAE.
 *
 * SDM vol. 3A 4.4.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It lays PAE tables where no memory is.");
ATTACK_ENDS("done|killed");

#define ROUNDS 800
#define TRIED  0xc0000000u /* a linear address of the fourth directory */
#define TABLES 4

typedef unsigned long long entry;

static entry pointers[4] __attribute__((aligned(32)));
static entry dir[4][512] __attribute__((aligned(4096)));
static entry table[TABLES][512] __attribute__((aligned(4096)));
static u32 seed = 1;

static u32 random(u32 below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

/* Somewhere: often a table of its own, often nowhere. */
static entry somewhere(void)
{
    static const entry odd[] = {
        0xa0000,       0xb8000,       0xc0000,      0x800000,
        0xfee00000,    0xfffff000,    0x100000000,  0x100001000,
        0x100008000,   0xffffff000,   0x1000000000, 0x8000000000000000,
        0x7ff00000000, 0x00100000000, 0x3f0000000,  0x1fff000,
    };
    u32 which = random(24);

    if (which < ARRAY_LEN(odd))
        return odd[which] + (entry)random(8) * 0x1000;
    if (which < 20)
        return (u32)table[which % TABLES];
    return (u32)dir[2 + which % 2];
}

/* The first two directories stay: they map the first 2 GiB as they are. */
static void begin(void)
{
    for (u32 i = 0; i < 1024; i++)
        dir[i / 512][i % 512] = (entry)i << 21 | PTE_P | PTE_W | PTE_U | PTE_PS;
    for (u32 i = 0; i < 4; i++)
        pointers[i] = (u32)dir[i] | PTE_P;
    write_cr3((u32)pointers);
    write_cr4(read_cr4() | CR4_PAE);
    write_cr0(read_cr0() | CR0_PG | (random(2) ? CR0_WP : 0));
}

static void lay(void)
{
    u32 flags = PTE_P | random(8) | (random(4) ? 0 : PTE_PS);

    pointers[3] = (random(4) ? (u32)dir[3] : somewhere()) | PTE_P;
    dir[3][0] = somewhere() | flags;
    for (u32 i = 0; i < TABLES; i++)
        table[i][random(4)] = somewhere() | PTE_P | random(256);
}

static void reach(u32 at)
{
    u32 value = 0;

    TRY("movl (%1), %0", "+a"(value) : "c"(at) : "memory");
    saw(at, value);
    if (random(2))
        TRY("movl %0, (%1)", : "a"(value), "c"(at) : "memory");
    if (random(2))
        TRY("lock; orl $0x20, (%0)", : "c"(at) : "memory");
}

void attack(void)
{
    begin();
    for (u32 i = 0; i < ROUNDS; i++) {
        lay();
        TRY("movl %0, %%cr3", : "r"((u32)pointers) : "memory");
        for (u32 k = 0; k < 4; k++)
            reach(TRIED + random(4) * 0x1000 + random(1024) * 4);
    }
}
