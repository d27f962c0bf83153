/* SPDX-License-Identifier: MIT
 *
 * Every kind of write into a page table in use, through every alias: moves of
 * each width, locked and string instructions, read-modify-write, pushes, all
 * at odd offsets and across the end of the page, by two small pages, a large
 * page, ring 3, and with paging off.
 *
 * Each write is made twice, into the table and into a plain copy of it; both
 * must then be the same but for accessed and dirty bits. And what the table
 * maps must be what its entries say.
 *
 * SDM vol. 3A 4.3, 4.8, 4.10.4.
 */
#include "tests/attack/mem.h"

ATTACK("It writes into page tables in use by every kind of instruction and "
       "through every alias, and looks for mappings that stay.");

#define SPACE  0x50000000u /* what the table maps */
#define LARGE  0xc0000000u /* the first 4 MiB again, by a large page */
#define FRAMES 16u
#define AROUND 6u /* entries that one write can change */
#define ROUNDS 30u
#define TAG    0x7a600000u
#define MARKS  (PTE_A | PTE_D)

static u32 table[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 plain[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 window[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 room[2 * FRAMES][TABLE] __attribute__((aligned(PAGE_SIZE)));
/* Sixteen frames that differ in one digit of their numbers. */
static u32 (*frames)[TABLE];

/* Where a page appears, and again right behind it. */
#define TWICE(n)    (WINDOW + (n)*PAGE_SIZE)
#define TABLE_TWICE TWICE(1)
#define PLAIN_TWICE TWICE(4)

typedef void (*writer)(u32 at, u32 value);

#define WRITER(name, code)                                                     \
    static void name(u32 at, u32 value)                                        \
    {                                                                          \
        __asm__ volatile(code                                                  \
                         : "+D"(at), "+a"(value)                               \
                         :                                                     \
                         : "ebx", "ecx", "edx", "esi", "memory", "cc");        \
    }

WRITER(mov32, "movl %1, (%0)")
WRITER(mov16, "movw %w1, (%0)")
WRITER(mov8, "movb %b1, (%0)")
WRITER(movimm, "movl $0, (%0)")
WRITER(xchg32, "xchgl %1, (%0)")
WRITER(xchg8, "xchgb %b1, (%0)")
WRITER(xadd32, "andl $0x3000, %1; lock xaddl %1, (%0)")
WRITER(cmpxchg32, "movl %1, %%ecx; movl (%0), %1; lock cmpxchgl %%ecx, (%0)")
WRITER(cmpxchg_not, "movl %1, %%ecx; movl (%0), %1; notl %1; "
                    "cmpxchgl %%ecx, (%0)")
WRITER(cmpxchg8b,
       "movl %1, %%ebx; movl %1, %%ecx; movl (%0), %%eax; movl 4(%0), %%edx; "
       "lock cmpxchg8b (%0)")
WRITER(stosd, "cld; movl $3, %%ecx; rep stosl")
WRITER(stosb, "cld; movl $7, %%ecx; rep stosb")
WRITER(stos_down, "std; addl $8, %0; movl $3, %%ecx; rep stosl; cld")
WRITER(movsd, "cld; leal 16(%0), %%esi; movl $3, %%ecx; rep movsl")
WRITER(movsb, "cld; leal 5(%0), %%esi; movl $5, %%ecx; rep movsb")
WRITER(movs_over, "cld; leal -4(%0), %%esi; movl $4, %%ecx; rep movsl")
WRITER(or32, "andl $0xfff, %1; orl %1, (%0)")
WRITER(and8, "andb $0xfe, (%0)")
WRITER(add32, "addl $0x1000, (%0)")
WRITER(sub32, "subl $0x1000, (%0)")
WRITER(xor8, "xorb $2, (%0)")
WRITER(inc8, "incb 1(%0)")
WRITER(not8, "notb 1(%0)")
WRITER(bts, "btsl $1, (%0)")
WRITER(btr, "btrl $0, (%0)")
WRITER(btc_far, "movl $35, %%ecx; btcl %%ecx, (%0)")
WRITER(shl8, "shlb $1, 1(%0)")
WRITER(setcc, "cmpl $0, %1; setnz (%0)")
WRITER(pop_into, "pushl %1; popl (%0)")
WRITER(push32, "movl %%esp, %%ebx; leal 4(%0), %%esp; pushl %1; "
               "movl %%ebx, %%esp")
WRITER(push_two, "movl %%esp, %%ebx; leal 8(%0), %%esp; pushl %1; pushl %1; "
                 "movl %%ebx, %%esp")
WRITER(call_on, "movl %%esp, %%ebx; leal 4(%0), %%esp; call 1f; "
                "1: movl %%ebx, %%esp; movl %1, (%0)")
WRITER(pushf_on, "movl %%esp, %%ebx; leal 4(%0), %%esp; orl $1, %1; pushfl; "
                 "movl %%ebx, %%esp; movl %1, (%0)")

static const writer writers[] = {
    mov32,     mov16,    mov8,      movimm,  xchg32,  xchg8,       xadd32,
    cmpxchg32, stosd,    cmpxchg8b, stosb,   movsd,   cmpxchg_not, movsb,
    stos_down, or32,     movs_over, and8,    add32,   sub32,       xor8,
    inc8,      not8,     bts,       btr,     shl8,    btc_far,     setcc,
    pop_into,  push_two, push32,    call_on, pushf_on};

static u32 any_entry(void)
{
    u32 entry = (u32)frames[random_below(FRAMES)] | PTE_P;

    return entry | (random32() & (PTE_W | PTE_U | MARKS));
}

/* The entry's page is what the entry says. */
static void check(u32 index)
{
    u32 at = SPACE + (index << PAGE_SHIFT), entry = table[index], value;
    u32 frame = ((entry & PTE32_ADDR) - (u32)frames) >> PAGE_SHIFT;

    invlpg(at);
    if (!load(at, &value)) {
        if ((entry & PTE_P) && !(entry & PTE_PS))
            broken("a page that is mapped is not there", at, entry);
        return;
    }
    saw(at, value);
    if (!(entry & PTE_P))
        broken("a page that is not mapped any more is there", at, value);
    if (frame < FRAMES && value != TAG + frame)
        broken("another page is mapped than the table says", at, value);
    if (frame < FRAMES && (entry & PTE_W) && !store(at, value))
        broken("a writable page cannot be written", at, entry);
    if (!(entry & PTE_W) && store(at, value))
        broken("a page that is not writable any more is written", at, entry);
}

static void begin(u32 index)
{
    for (u32 i = 0; i < TABLE; i++) {
        u32 near = (i - index + 2) % TABLE;
        if (near >= AROUND)
            continue;
        table[i] = random_below(6) ? any_entry() : 0;
        check(i);
        table[i] = plain[i] = table[i] & ~((random32() & 1) ? 0 : MARKS);
    }
}

static void compare(u32 index)
{
    for (u32 k = 0; k < AROUND; k++) {
        u32 i = (index + k - 2) % TABLE;
        if ((table[i] ^ plain[i]) & ~MARKS)
            broken("a write into a table does what it does not elsewhere", i,
                   table[i]);
        check(i);
    }
    for (u32 i = 0; i < TABLE; i++)
        plain[i] = table[i];
}

static writer user_writer;
static u32 user_to;

static u32 write_there(void)
{
    user_writer(user_to, user_value);
    return 0;
}

static void by_ring3(writer w, u32 at, u32 value)
{
    user_writer = w;
    user_to = at;
    user_value = value;
    ring3(write_there);
}

enum { SMALL, IDENTICAL, BY_LARGE, RING3, UNPAGED, ALIASES };

static void write_by(u32 alias, writer w, u32 offset, u32 value)
{
    attempt();
    switch (alias) {
    case SMALL:
        w(TABLE_TWICE + offset, value);
        break;
    case IDENTICAL:
        w((u32)table + offset, value);
        break;
    case BY_LARGE:
        w(LARGE + (u32)table + offset, value);
        break;
    case RING3:
        by_ring3(w, TABLE_TWICE + offset, value);
        break;
    default:
        paging_off();
        w((u32)table + offset, value);
        write_cr0(read_cr0() | CR0_PG);
    }
}

/* Writes that leave the page are made where it is twice in a row. */
static void one(u32 alias, writer w, u32 index, u32 skew)
{
    u32 offset = index * 4 + skew, value = any_entry();

    begin(index);
    if (alias != SMALL && alias != RING3 && (index < 2 || index > 1012))
        return;
    if (offset >= PAGE_SIZE)
        offset -= PAGE_SIZE;
    if (skew)
        value = value << 8 | value >> 24;
    w(PLAIN_TWICE + offset, value);
    write_by(alias, w, offset, value);
    compare(index);
}

void attack(void)
{
    static const u16 index[] = {2, 300, 511, 512, 1012, 1022, 1023};
    static const u8 skew[] = {0, 0, 1, 2, 3};

    frames = room + (-(u32)room >> PAGE_SHIFT & (FRAMES - 1));
    for (u32 f = 0; f < FRAMES; f++)
        frames[f][0] = TAG + f;
    paging_on();
    write_cr0(read_cr0() | CR0_WP);
    write_cr4(read_cr4() | CR4_PSE);
    page_dir[WINDOW >> 22] = (u32)window | RIGHTS;
    page_dir[SPACE >> 22] = (u32)table | RIGHTS;
    page_dir[LARGE >> 22] = RIGHTS | PTE_PS;
    for (u32 k = 0; k < 3; k++) {
        window[k] = (u32)table | RIGHTS;
        window[k + 3] = (u32)plain | RIGHTS;
    }
    flush_all();
    for (u32 r = 0; r < ROUNDS; r++) {
        for (u32 w = 0; w < ARRAY_LEN(writers); w++)
            one(r % ALIASES, writers[w], index[random_below(ARRAY_LEN(index))],
                skew[random_below(ARRAY_LEN(skew))]);
    }
}
