/* SPDX-License-Identifier: MIT
 *
 * Page tables at random: a pool of frames, each of which is a page directory,
 * a page table and data at the same time. Words of them are changed through
 * every mapping there is, CR3, CR0.WP and CR4.PSE change in between, and each
 * access is compared with a walk by the book: what it must read, the fault it
 * must raise, the accessed and dirty bits it must leave.
 *
 * Every frame of the pool starts with the two directory entries that map the
 * guest itself, so that each can be loaded into CR3.
 *
 * INVLPG comes before each access, but for those behind a fault on an absent
 * entry that has been made present: no TLB keeps what is absent.
 *
 * SDM vol. 3A 4.3, 4.6-4.8, 4.10.
 */
#include "tests/attack/mem.h"

ATTACK("It uses the same frames as page directories, page tables and data all "
       "at once, changes them at random through every alias, and compares "
       "each access with the tables.");

#define STEPS     60000
#define POOL      20u
#define KERNEL    2u /* words of each frame that map the guest itself */
#define OWN       (8u << 20)
#define BYTES(n)  ((n) << 2)
#define SPAN      (LARGE32_SIZE - 1)
#define USER_EACH 4 /* one access in so many is made in ring 3 */

static u32 pool[POOL][TABLE] __attribute__((aligned(PAGE_SIZE)));

/* The entries that are used as such; the rest is data, never present. */
static const u16 hot[] = {2,   3,   4,   5,   255, 256,  257,
                          511, 512, 513, 768, 769, 1022, 1023};

static const u32 foreign[] = {0x000a0000, 0x000b8000, 0x000c0000, 0x007ff000,
                              0x00800000, 0x00801000, 0x04000000, 0xfec00000,
                              0xfee00000, 0xfffff000, 0x80000000, 0x7ffff000};
static const u32 large[] = {0x00000000, 0x00400000, 0x00800000,
                            0xfec00000, 0xffc00000, 0x80000000};

struct access {
    u32 at, value;
    bool write, user;
};

struct walk {
    bool fault;
    u32 error;
    u32 *pde, *pte; /* pte null: a large page */
    u32 to;
};

static u32 any_entry(void)
{
    static const u32 rights[] = {RIGHTS,        RIGHTS,        RIGHTS | PTE_A,
                                 PTE_P | PTE_W, PTE_P | PTE_U, PTE_P,
                                 PTE_W | PTE_U, RIGHTS | PTE_G};
    u32 flags = rights[random_below(ARRAY_LEN(rights))];

    if (random_below(4) == 0)
        flags |= random32() & (PTE_A | PTE_D);
    switch (random_below(16)) {
    case 0:
        return foreign[random_below(ARRAY_LEN(foreign))] | flags;
    case 1:
    case 2: /* meant for a directory; as a table entry it would be reserved */
        return large[random_below(ARRAY_LEN(large))] | flags | PTE_PS;
    default:
        return (u32)pool[random_below(POOL)] | flags;
    }
}

static bool is_hot(u32 index)
{
    for (u32 i = 0; i < ARRAY_LEN(hot); i++) {
        if (hot[i] == index)
            return true;
    }
    return false;
}

static u32 any_word(u32 index)
{
    return is_hot(index) ? any_entry() : random32() & ~(u32)PTE_P;
}

static bool in_pool(u32 at)
{
    return at >= (u32)pool && at < (u32)pool + sizeof(pool);
}

static bool fail(struct walk *w, const struct access *a, u32 why)
{
    w->fault = true;
    w->error = why | (a->write ? PF_WRITE : 0) | (a->user ? PF_USER : 0);
    return false;
}

static bool may(struct walk *w, const struct access *a, u32 both)
{
    bool wp = read_cr0() & CR0_WP;

    if (a->user && !(both & PTE_U))
        return fail(w, a, PF_PRESENT);
    if (a->write && !(both & PTE_W) && (a->user || wp))
        return fail(w, a, PF_PRESENT);
    return true;
}

/* By the book; true when the access must come through. */
static bool expect(const struct access *a, struct walk *w)
{
    *w = (struct walk){.pde = (u32 *)(read_cr3() & PTE32_ADDR) + (a->at >> 22)};
    if (!(*w->pde & PTE_P))
        return fail(w, a, 0);
    if ((*w->pde & PTE_PS) && (read_cr4() & CR4_PSE)) {
        w->to = (*w->pde & PDE32_LARGE) | (a->at & SPAN);
        return may(w, a, *w->pde);
    }
    w->pte = (u32 *)(*w->pde & PTE32_ADDR) + (a->at >> PAGE_SHIFT & 1023);
    if (!(peek((u32)w->pte) & PTE_P))
        return fail(w, a, 0);
    w->to = (peek((u32)w->pte) & PTE32_ADDR) | (a->at & PAGE_MASK);
    return may(w, a, *w->pde & *w->pte);
}

/* A table outside the first 8 MiB cannot be read at its own address, and bit
 * 7 of a table entry is reserved on some processors and not on others. */
static bool predictable(const struct access *a)
{
    u32 pde = ((u32 *)(read_cr3() & PTE32_ADDR))[a->at >> 22];
    u32 table = pde & PTE32_ADDR;

    if (!(pde & PTE_P) || ((pde & PTE_PS) && (read_cr4() & CR4_PSE)))
        return true;
    return in_pool(table) &&
           !(((u32 *)table)[a->at >> PAGE_SHIFT & 1023] & PTE_PS);
}

static void check_marks(const struct access *a, const struct walk *w)
{
    u32 leaf = PTE_A | (a->write ? PTE_D : 0);
    u32 want = w->pte ? PTE_A : leaf;

    if (a->write && ((w->to & ~3u) == (u32)w->pde || w->to == (u32)w->pte))
        return; /* it has written over them */
    if (in_pool((u32)w->pde) && (*w->pde & want) != want)
        broken("no accessed or dirty bit in a directory", a->at, *w->pde);
    if (w->pte && in_pool((u32)w->pte) && (*w->pte & leaf) != leaf)
        broken("no accessed or dirty bit in a table", a->at, *w->pte);
}

static bool perform(struct access *a)
{
    if (a->user)
        return a->write ? user_store(a->at, a->value)
                        : user_load(a->at, &a->value);
    return a->write ? store(a->at, a->value) : load(a->at, &a->value);
}

static void check_fault(const struct access *a, const struct walk *w)
{
    if (!w->fault)
        broken("an access that the tables allow faults", a->at,
               caught.f.vector << 16 | caught.f.error);
    if (caught.f.vector != TRAP_PF || caught.f.error != w->error)
        broken("the wrong fault", a->at,
               caught.f.vector << 16 | caught.f.error);
    if (caught.cr2 != a->at)
        broken("the wrong CR2", a->at, caught.cr2);
}

/* Makes the access; true when it came through. */
static bool judge(struct access *a)
{
    struct walk w;
    bool through;

    expect(a, &w);
    if (a->write && !w.fault &&
        (!in_pool(w.to) || (w.to & PAGE_MASK) < BYTES(KERNEL))) {
        a->write = false;
        expect(a, &w);
    }
    through = perform(a);
    if (!through) {
        check_fault(a, &w);
        return false;
    }
    if (w.fault)
        broken("an access that the tables forbid is made", a->at, a->value);
    saw(a->at, a->value);
    if (in_pool(w.to) && peek(w.to) != a->value)
        broken("an access reaches another frame", a->at, a->value);
    check_marks(a, &w);
    return true;
}

static u32 any_at(void)
{
    u32 word = random_below(2) ? hot[random_below(ARRAY_LEN(hot))]
                               : KERNEL + random_below(TABLE - KERNEL);

    return (u32)hot[random_below(ARRAY_LEN(hot))] << 22 |
           (u32)hot[random_below(ARRAY_LEN(hot))] << PAGE_SHIFT | BYTES(word);
}

static void any_access(void)
{
    struct access a = {.at = any_at(),
                       .write = random_below(2),
                       .user = random_below(USER_EACH) == 0};
    u32 *pde = (u32 *)(read_cr3() & PTE32_ADDR) + (a.at >> 22);

    a.value = any_word((a.at & PAGE_MASK) >> 2);
    if (!predictable(&a))
        return;
    invlpg(a.at);
    if (judge(&a) || (*pde & PTE_P))
        return;
    *pde = (u32)pool[random_below(POOL)] | RIGHTS; /* and no INVLPG */
    if (predictable(&a))
        judge(&a);
}

static void any_edit(void)
{
    u32 frame = random_below(POOL), index = hot[random_below(ARRAY_LEN(hot))];

    attempt();
    switch (random_below(3)) {
    case 0:
        pool[frame][index] ^= 1u << random_below(7);
        break;
    default:
        pool[frame][index] = any_entry();
    }
}

static void step(void)
{
    switch (random_below(32)) {
    case 0:
        write_cr3((u32)pool[random_below(POOL)]);
        break;
    case 1:
        write_cr0(read_cr0() ^ CR0_WP);
        break;
    case 2:
        write_cr4(read_cr4() ^ CR4_PSE);
        break;
    case 3 ... 16:
        any_edit();
        break;
    default:
        any_access();
    }
}

void attack(void)
{
    paging_on();
    for (u32 f = 0; f < POOL; f++) {
        for (u32 i = 0; i < TABLE; i++)
            pool[f][i] = i < KERNEL ? page_dir[i] : any_word(i);
    }
    write_cr3((u32)pool[0]);
    for (u32 i = 0; i < STEPS; i++)
        step();
}
