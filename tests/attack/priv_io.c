/* SPDX-License-Identifier: MIT
 *
 * Every port.
 *
 * In ring 0 all 65,536 ports are read, in bytes, words and double words that
 * also straddle devices, and written, but for those that end the guest; INS
 * and OUTS move strings through segments that are null, read-only, based at
 * the edge, or end in the middle, forwards and backwards, with counts up to
 * 4 G. Ring 3 tries the same ports under I/O bitmaps of every shape: none,
 * beyond the limit of the TSS, cut off by it, across a page that is not
 * there; a port that it reaches though a bit is set is a hole.
 *
 * SDM vol. 1 19.5.2; INS and OUTS in vol. 2.
 */
#include "tests/attack/lib/leap.h"
#include "tests/attack/lib/tempt.h"

ATTACK("It reads and writes every port in every width, by strings and by "
       "I/O bitmaps of odd shapes.");

#define DATA     (ATTR_P | ATTR_S | ATTR_WRITABLE)
#define SEL      (GDT_FREE * 8)
#define BIG_TSS  ((GDT_FREE + 1) * 8)
#define PORTS    0x10000
#define USELESS  0x80 /* a port whose writes do nothing */
#define MAP_SIZE (PORTS / 8 + 1)

/* A TSS whose bitmap reaches into the next pages. */
static u8 big[3 * 4096] __attribute__((aligned(4096)));

/* Debug ports, reset, the serial ports that print. */
static bool ends_the_guest(u32 port)
{
    return (port >= 0xe6 && port <= 0xe9) || (port >= 0xf1 && port <= 0xf7) ||
           (port >= 0x5d && port <= 0x64) || (port >= 0x8f && port <= 0x92) ||
           (port >= 0xcf6 && port <= 0xcff) ||
           (port >= 0x3f5 && port <= 0x3ff) || (port >= 0x2f5 && port <= 0x2ff);
}

static void in_and_out(u32 port)
{
    u32 value = port * 0x9e3779b1u;

    LEAP("inb %%dx, %%al\n\tinl %%dx, %%eax\n\tinw %%dx, %%ax", "d"(port));
    saw(port, leap.f.eax);
    if (ends_the_guest(port))
        return;
    LEAP("outb %%al, %%dx\n\toutw %%ax, %%dx\n\toutl %%eax, %%dx", "d"(port),
         "a"(value));
}

static void ports(void)
{
    for (u32 port = 0; port < 0x1000; port++)
        in_and_out(port);
    for (u32 port = 0x1000; port < PORTS; port += 7)
        in_and_out(port);
    in_and_out(PORTS - 1);
    pic_init();
}

#define STRINGS                                                                \
    FORM("insb");                                                              \
    FORM("insw");                                                              \
    FORM("insl");                                                              \
    FORM("rep insb");                                                          \
    FORM("rep insl");                                                          \
    FORM("outsb");                                                             \
    FORM("outsl");                                                             \
    FORM("rep outsb");                                                         \
    FORM("rep outsl %%fs:(%%esi), %%dx");                                      \
    FORM("rep outsw %%gs:(%%esi), %%dx");                                      \
    FORM("addr16 insb");                                                       \
    FORM("addr16 rep outsl");                                                  \
    FORM("std\n\trep insw");                                                   \
    FORM("std\n\trep outsb")

static void strings(u32 sel, u32 at, u32 count)
{
#define FORM(code)                                                             \
    LEAP("pushl %0\n\tpopl %%es\n\tpushl %0\n\tpopl %%fs\n\t" code, "a"(sel),  \
         "d"(USELESS), "S"(at), "D"(at), "c"(count));                          \
    LEAP(RING3 "pushl %0\n\tpopl %%es\n\tpushl %0\n\tpopl %%fs\n\t" code,      \
         "a"(sel), "d"(USELESS), "S"(at), "D"(at), "c"(count));                \
    if (leap.f.vector == VECTOR_LANDED)                                        \
    broken("ring 3 reached a port without a bitmap", USELESS, sel)
    STRINGS;
#undef FORM
}

static void odd_strings(void)
{
    static const u32 at[] = {0, 0xfff, 0x9fffe, 0xfffffffe, 0x7ffffd, 0xfe};
    static const u32 attrs[] = {DATA, DATA & ~ATTR_WRITABLE,
                                DATA | ATTR_DOWN | ATTR_DB, DATA | ATTR_RING3};

    for (u32 i = 0; i < ARRAY_LEN(attrs); i++) {
        gdt_set(SEL >> 3, i * 0x55555555, i * 0x333, attrs[i]);
        gdt_load();
        for (u32 k = 0; k < ARRAY_LEN(at); k++) {
            strings(SEL, at[k], 3);
            strings(0, at[k], 3);
            strings(KDATA, (u32)big + at[k] % sizeof(big), 5);
        }
    }
    strings(KDATA, 0xffffff00, 0x400);
    strings(KDATA, 0x007fff00, 0x400);
}

/* Is the port free by this TSS? */
static bool is_free(u32 port, u32 size, u32 limit)
{
    u32 map = big[TSS32_IOMAP] | (u32)big[TSS32_IOMAP + 1] << 8;
    u32 at = map + port / 8;

    if (at + 1 > limit)
        return false;
    return !((big[at] | (u32)big[at + 1] << 8) >> port % 8 &
             ((1u << size) - 1));
}

static void knock(u32 port, u32 limit)
{
    LEAP(RING3 "inb %%dx, %%al", "d"(port));
    if (leap.f.vector == VECTOR_LANDED && !is_free(port, 1, limit))
        broken("ring 3 read a port that is not free", port, limit);
    LEAP(RING3 "inw %%dx, %%ax", "d"(port));
    if (leap.f.vector == VECTOR_LANDED && !is_free(port, 2, limit))
        broken("ring 3 read a word that is not free", port, limit);
    LEAP(RING3 "inl %%dx, %%eax", "d"(port));
    if (leap.f.vector == VECTOR_LANDED && !is_free(port, 4, limit))
        broken("ring 3 read a double word that is not free", port, limit);
}

static void shape(u32 map, u32 limit, u8 fill)
{
    for (u32 i = TSS32_SIZE; i < sizeof(big); i++)
        big[i] = i & 1 ? fill : (u8)~fill;
    __builtin_memcpy(big, &tss, TSS32_SIZE);
    big[TSS32_IOMAP] = (u8)map;
    big[TSS32_IOMAP + 1] = (u8)(map >> 8);
    gdt_set(BIG_TSS >> 3, (u32)big, limit, ATTR_P | SYS_TSS32_FREE);
    LEAP("ltr %w0", "a"(BIG_TSS));
    for (u32 port = 0; port < PORTS; port += port < 0x100 ? 3 : 0xccd)
        if (!ends_the_guest(port))
            knock(port, limit);
    knock(PORTS - 1, limit);
}

static void bitmaps(void)
{
    static const u32 maps[] = {0, 103, TSS32_SIZE, 4095, 8191, 0xfffe, 0xffff};
    static const u32 limits[] = {103, 104, 135, 4095, 4096, sizeof(big) - 1};
    for (u32 i = 0; i < ARRAY_LEN(maps); i++)
        for (u32 k = 0; k < ARRAY_LEN(limits); k++)
            shape(maps[i], limits[k], (u8)(i * 0x5a + k));
}

/* The bitmap's second page is not there. */
static void cut_bitmaps(void)
{
    u32 cr3 = read_cr3();

    paging_on();
    *pte_of((u32)big + PAGE_SIZE) = 0;
    invlpg((u32)big + PAGE_SIZE);
    LEAP("ltr %w0", "a"(BIG_TSS));
    for (u32 port = 0; port < PORTS; port += 0x333) {
        LEAP(RING3 "inb %%dx, %%al", "d"(port));
        LEAP(RING3 "outl %%eax, %%dx", "d"(USELESS - 1), "a"(port));
    }
    paging_off();
    write_cr3(cr3);
}

void attack(void)
{
    leap_init();
    ports();
    odd_strings();
    bitmaps();
    gdt_set(TSS_SEL >> 3, (u32)&tss, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    __asm__ volatile("ltr %w0" : : "r"(TSS_SEL) : "memory");
    world_check();
    shape(TSS32_SIZE, sizeof(big) - 1, 0);
    gdt_set(BIG_TSS >> 3, (u32)big, sizeof(big) - 1, ATTR_P | SYS_TSS32_FREE);
    cut_bitmaps();
    world_check();
}
