/* SPDX-License-Identifier: MIT
 *
 * The firmware's tables: a board as it should be, each fact of it changed,
 * and every kind of damage. Every look at memory gets a copy of just the bytes
 * that were asked for, so that reading too far is seen.
 * LINKS: vmm/vm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/vm/acpi.h"

#define SIZE   0x101000u
#define EBDA   0x9fc00
#define BIOS   0xf0000
#define FIRST  0x100000 /* the first table */
#define NAMES  8
#define COPIES 20000

static u8 *memory;
static void *copied[COPIES];
static u32 copies;
static u32 end; /* of the memory that can be read */
static u32 list[NAMES], count;
static u32 fadt, madt, hpet, dsdt, xsdt, rsdt;
static struct boot_info boot;
static struct platform out;

static const void *at(void *ctx, hpa_t where, u64 size)
{
    void *copy;

    if (where.v >= end || size > end - where.v || copies == COPIES)
        return NULL;
    copy = malloc(size);
    if (!copy)
        abort();
    copied[copies++] = copy;
    return memcpy(copy, memory + where.v, size);
}

static const struct boot_view view = {at, NULL};

static void check(u32 where)
{
    u8 *t = memory + where, total = 0;

    t[9] = 0;
    for (u32 i = 0; i < get_le32(t + 4) && where + i < end; i++)
        total = (u8)(total + t[i]);
    t[9] = (u8)-total;
}

static u32 table(const char *name, u32 size, u8 revision)
{
    u32 where = end;

    end += size;
    memcpy(memory + where, name, 4);
    put_le32(memory + where + 4, size);
    memory[where + 8] = revision;
    return where;
}

static void put64(u32 where, u64 v)
{
    put_le32(memory + where, (u32)v);
    put_le32(memory + where + 4, (u32)(v >> 32));
}

static void gas(u32 where, u8 space, u64 address)
{
    memory[where] = space;
    put64(where + 4, address);
}

static void make_fadt(void)
{
    u8 *t;

    fadt = table("FACP", 268, 6);
    t = memory + fadt;
    put_le32(t + 40, dsdt);
    put_le32(t + 48, 0xb2);
    t[52] = 0xa1;
    put_le32(t + 64, 0x604);
    put_le32(t + 76, 0x608);
    t[91] = 4;
    put_le16(t + 109, 0x3);
    put_le32(t + 112, BIT(8));
}

static void make_madt(void)
{
    static const u8 entries[] = {
        0, 8,  0, 0, 1, 0, 0,    0,                 /* a processor */
        0, 8,  1, 1, 0, 0, 0,    0,                 /* one that is off */
        1, 12, 0, 0, 0, 0, 0xc1, 0xfe, 24, 0, 0, 0, /* an I/O APIC, from 24 */
        1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0,  0, 0, 0, /* one from 0 on */
        2, 10, 0, 5, 9, 0, 0,    0,    0,  0, /* ISA interrupt 5 is number 9 */
        2, 10, 0, 0, 2, 0, 0,    0,    0,  0, /* ISA interrupt 0 is number 2 */
        9, 16, 0, 0, 0, 1, 0,    0,    1,  0, 0, 0, 0, 0, 0, 0 /* number 256 */
    };

    madt = table("APIC", 44 + sizeof(entries), 3);
    put_le32(memory + madt + 40, 1);
    memcpy(memory + madt + 44, entries, sizeof(entries));
}

static void make_dsdt(void)
{
    static const u8 s5[] = {0x10, 8,    '_',  'S', '5',  '_', 0x12,
                            0x06, 0x04, 0x0a, 5,   0x01, 0,   0};

    dsdt = table("DSDT", 36 + sizeof(s5), 2);
    memcpy(memory + dsdt + 36, s5, sizeof(s5));
}

static void make_lists(void)
{
    rsdt = table("RSDT", 36 + 4 * count, 1);
    xsdt = table("XSDT", 36 + 8 * count, 1);
    for (u32 i = 0; i < count; i++) {
        put_le32(memory + rsdt + 36 + 4 * i, list[i]);
        put64(xsdt + 36 + 8 * i, list[i]);
    }
    check(rsdt);
    check(xsdt);
}

static void rsdp(u8 *p, u8 revision)
{
    u8 total = 0;

    memset(p, 0, 36);
    memcpy(p, "RSD PTR ", 8);
    p[15] = revision;
    put_le32(p + 16, rsdt);
    for (u32 i = 0; i < 20; i++)
        total = (u8)(total + p[i]);
    p[8] = (u8)-total;
    put_le32(p + 20, 36);
    put_le32(p + 24, xsdt);
    total = 0;
    for (u32 i = 0; i < 36; i++)
        total = (u8)(total + p[i]);
    p[32] = (u8)-total;
}

/* The whole board; the root pointer is the loader's copy. */
static void board(void)
{
    memset(memory, 0, SIZE);
    memset(&boot, 0, sizeof(boot));
    end = FIRST;
    count = 0;
    make_dsdt();
    make_fadt();
    make_madt();
    hpet = table("HPET", 56, 1);
    gas(hpet + 40, 0, 0xfed00000);
    list[count++] = fadt;
    list[count++] = madt;
    list[count++] = hpet;
    make_lists();
    rsdp(boot.rsdp, 2);
    boot.rsdp_bytes = 36;
}

static void parse(void)
{
    acpi_read(&boot, &view, &out);
    while (copies)
        free(copied[--copies]);
}

static void read(void)
{
    check(dsdt);
    check(fadt);
    check(madt);
    check(hpet);
    parse();
}

static void a_board_as_it_should_be(void)
{
    board();
    read();
    EXPECT(!out.problem);
    EXPECT_EQ(out.ignored, 0);
    EXPECT_EQ(out.tables, 5);
    EXPECT(out.has_pic && out.has_8042 && out.has_vga && out.has_rtc);
    EXPECT_EQ(out.processors, 2);
    EXPECT_EQ(out.pm_timer.space, IO_PORT);
    EXPECT_EQ(out.pm_timer.at, 0x608);
    EXPECT_EQ(out.pm_timer_bits, 32);
    EXPECT_EQ(out.hpet, 0xfed00000);
    EXPECT(out.has_s5);
    EXPECT_EQ(out.s5_a, 5);
    EXPECT_EQ(out.s5_b, 1);
    EXPECT_EQ(out.pm1a.at, 0x604);
    EXPECT_EQ(out.pm1b.space, IO_NONE);
    EXPECT_EQ(out.smi.at, 0xb2);
    EXPECT_EQ(out.acpi_on, 0xa1);
    EXPECT(ranges_touch(&out.memory, fadt, fadt + 1));
    EXPECT(ranges_touch(&out.memory, dsdt, dsdt + 1));
}

static void no_tables_mean_a_pc_at(void)
{
    board();
    boot.rsdp_bytes = 0;
    read();
    EXPECT(out.problem && strstr(out.problem, "root pointer"));
    EXPECT(out.has_pic && out.has_8042 && out.has_vga && out.has_rtc);
    EXPECT_EQ(out.pm_timer_bits, 0);
    EXPECT(!out.has_s5);
}

static void the_root_is_searched_for(void)
{
    board();
    boot.rsdp_bytes = 0;
    rsdp(memory + BIOS + 0x120, 2);
    read();
    EXPECT_EQ(out.tables, 5);
    boot.uefi = true; /* what lies there is not a BIOS's */
    read();
    EXPECT_EQ(out.tables, 0);
    board();
    boot.rsdp_bytes = 0;
    put_le16(memory + 0x40e, EBDA >> 4);
    rsdp(memory + EBDA + 1008, 0);
    read();
    EXPECT_EQ(out.tables, 5);
    memory[EBDA + 1008 + 12] ^= 1;
    read();
    EXPECT_EQ(out.tables, 0);
    rsdp(memory + BIOS + 0x128, 2); /* not on 16 bytes */
    read();
    EXPECT_EQ(out.tables, 0);
}

static void the_old_list_serves_where_the_new_one_is_broken(void)
{
    board();
    memory[xsdt + 20] ^= 1;
    read();
    EXPECT(!out.problem);
    EXPECT_EQ(out.ignored, 1);
    EXPECT_STR(out.ignored_name, "XSDT");
    EXPECT_EQ(out.processors, 2);
    memory[rsdt + 20] ^= 1;
    read();
    EXPECT(out.problem);
    board();
    boot.rsdp[33] ^= 1; /* the second checksum alone */
    memory[xsdt + 20] ^= 1;
    read();
    EXPECT_EQ(out.ignored, 0);
    EXPECT_EQ(out.tables, 5);
    put_le32(boot.rsdp + 20, 20); /* the sum is right, the length is not */
    read();
    EXPECT_EQ(out.ignored, 0);
}

static void flags_that_take_away(void)
{
    board();
    put_le16(memory + fadt + 109, 0x24);
    read();
    EXPECT(!out.has_8042 && !out.has_vga && !out.has_rtc);
    memory[fadt + 8] = 2; /* too old to say so */
    read();
    EXPECT(out.has_8042 && out.has_vga && out.has_rtc);
    put_le32(memory + madt + 40, 0);
    read();
    EXPECT(!out.has_pic);
}

/* The override's number; entries are 8, 8, 12, 12, 10 and 10 bytes. */
static void timer_is(u32 number)
{
    board();
    put_le32(memory + madt + 44 + 50 + 4, number);
    read();
}

static void the_pit_has_a_pin_of_an_io_apic(void)
{
    timer_is(2);
    EXPECT_EQ(out.ioapic, 0xfec00000);
    EXPECT_EQ(out.ioapic_pin, 2);
    timer_is(24);
    EXPECT_EQ(out.ioapic, 0xfec10000);
    EXPECT_EQ(out.ioapic_pin, 0);
    timer_is(23);
    EXPECT_EQ(out.ioapic, 0xfec00000);
    EXPECT_EQ(out.ioapic_pin, 23);
    board();
    memory[madt + 44 + 50 + 3] = 8; /* no word about interrupt 0 */
    read();
    EXPECT_EQ(out.ioapic_pin, 0);
    board();
    memory[madt + 44 + 16] = memory[madt + 44 + 28] = 77; /* no I/O APIC */
    read();
    EXPECT_EQ(out.ioapic, 0);
    EXPECT_EQ(out.processors, 2);
}

static void the_timer_is_there_or_not(void)
{
    board();
    put_le32(memory + fadt + 112, 0);
    read();
    EXPECT_EQ(out.pm_timer_bits, 24);
    gas(fadt + 208, 0, 0xfed80000);
    read();
    EXPECT_EQ(out.pm_timer.space, IO_MEMORY);
    EXPECT_EQ(out.pm_timer.at, 0xfed80000);
    gas(fadt + 208, 1, 0x10608); /* no such port: the old field */
    read();
    EXPECT_EQ(out.pm_timer.at, 0x608);
    memory[fadt + 91] = 0;
    read();
    EXPECT_EQ(out.pm_timer_bits, 0);
    memory[fadt + 91] = 4;
    gas(fadt + 208, 1, 0);
    put_le32(memory + fadt + 76, 0);
    read();
    EXPECT_EQ(out.pm_timer_bits, 0);
}

static void an_old_fadt_ends_early(void)
{
    board();
    put_le32(memory + fadt + 4, 116);
    read();
    EXPECT_EQ(out.pm_timer.at, 0x608);
    EXPECT(out.has_s5);
    put_le32(memory + fadt + 4, 115);
    read();
    EXPECT_EQ(out.pm_timer_bits, 0);
    EXPECT_STR(out.ignored_name, "FACP");
}

static void reduced_hardware_has_another_way_off(void)
{
    board();
    put_le32(memory + fadt + 112, BIT(20));
    gas(fadt + 244, 1, 0x620);
    read();
    EXPECT_EQ(out.sleep.at, 0x620);
    EXPECT_EQ(out.pm1a.space, IO_NONE);
}

static void put_aml(const u8 *aml, u32 size)
{
    memset(memory + dsdt + 36, 0, 14);
    memcpy(memory + dsdt + 36, aml, size);
    read();
}

static void soft_off_in_every_spelling(void)
{
    static const struct {
        u8 aml[14];
        int a, b; /* -1: none */
    } rows[] = {
        {{8, '_', 'S', '5', '_', 0x12, 6, 4, 0, 0, 0, 0}, 0, 0},
        {{8, '\\', '_', 'S', '5', '_', 0x12, 6, 2, 0x0a, 7, 1}, 7, 1},
        {{8, '_', 'S', '5', '_', 0x12, 0x40, 6, 2, 1, 0x0a, 3}, 1, 3},
        {{8, '_', 'S', '5', '_', 0x12, 8, 2, 0x0b, 5, 0, 0x0a, 6}, 5, 6},
        {{8, '_', 'S', '5', '_', 0x12, 5, 1, 0x0c, 5, 0, 0, 0}, 5, 0},
        {{8, '_', 'S', '5', '_', 0x12, 5, 2, 0x0a, 8, 0}, -1, -1},
        {{8, '_', 'S', '5', '_', 0x12, 5, 2, 0xff, 0}, -1, -1},
        {{8, '_', 'S', '5', '_', 0x12, 2, 0}, -1, -1},
        {{8, '_', 'S', '4', '_', 0x12, 6, 4, 0, 0}, -1, -1},
        {{9, '_', 'S', '5', '_', 0x12, 6, 4, 0, 0}, -1, -1},
        {{8, '_', 'S', '5', '_', 0x11, 6, 4, 0, 0}, -1, -1},
        {{8, '_', 'S', '5', '_', 0x12, 6, 4, 0x70, 0}, -1, -1},
        {{0, 0, 0, 0, 0, 8, '_', 'S', '5', '_', 0x12, 5, 1, 0x0a}, -1, -1},
        {{0, 0, 0, 0, 0, 0, 0, 0, 8, '_', 'S', '5', '_', 0x12}, -1, -1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        board();
        put_aml(rows[i].aml, sizeof(rows[i].aml));
        EXPECT_EQ(out.has_s5, rows[i].a >= 0);
        EXPECT_EQ(out.s5_a, rows[i].a >= 0 ? rows[i].a : 0);
        EXPECT_EQ(out.s5_b, rows[i].b >= 0 ? rows[i].b : 0);
    }
}

static void circles_and_impossible_tables(void)
{
    static const u32 sizes[] = {0, 35, 0x7fffffff, 0xffffffff, 0x2000};

    board();
    for (u32 i = 0; i < count; i++) /* the list names itself, and twice */
        put64(xsdt + 36 + 8 * i, xsdt);
    check(xsdt);
    read();
    EXPECT_EQ(out.tables, 4);
    EXPECT_EQ(out.processors, 0);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        board();
        check(madt);
        put_le32(memory + madt + 4, sizes[i]);
        parse();
        EXPECT_EQ(out.processors, 0);
        EXPECT(out.ignored >= 1);
        EXPECT(strstr(out.ignored_why, "length") ||
               strstr(out.ignored_why, "checksum"));
    }
    board();
    put64(xsdt + 36 + 8, 0xffffffffffffff00);
    check(xsdt);
    read();
    EXPECT_EQ(out.processors, 0);
    EXPECT(strstr(out.ignored_why, "cannot be read"));
}

static void only_the_first_of_a_kind_counts(void)
{
    board();
    put64(xsdt + 36, madt);
    check(xsdt);
    read();
    EXPECT_EQ(out.processors, 2);
}

static void processors_end_with_their_table(void)
{
    static const u8 bad[] = {0, 1, 9, 255};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        board();
        memory[madt + 45] = bad[i];
        read();
        EXPECT_EQ(out.processors, bad[i] == 9 ? 1 : 0);
    }
}

static void random_damage_is_survived(void)
{
    u32 seed = 3;

    for (u32 i = 0; i < 4000; i++) {
        board();
        for (u32 n = 0; n < 3; n++) {
            seed = seed * 1664525 + 1013904223;
            memory[FIRST + (seed >> 8) % (end - FIRST)] = (u8)(seed >> 24);
        }
        if (i & 1)
            read();
        else
            parse();
        EXPECT(out.s5_a < 8 && out.s5_b < 8);
        EXPECT(memchr(out.ignored_name, 0, sizeof(out.ignored_name)));
    }
}

static const struct unit_case cases[] = {
    CASE(a_board_as_it_should_be),
    CASE(no_tables_mean_a_pc_at),
    CASE(the_root_is_searched_for),
    CASE(the_old_list_serves_where_the_new_one_is_broken),
    CASE(flags_that_take_away),
    CASE(the_pit_has_a_pin_of_an_io_apic),
    CASE(the_timer_is_there_or_not),
    CASE(an_old_fadt_ends_early),
    CASE(reduced_hardware_has_another_way_off),
    CASE(soft_off_in_every_spelling),
    CASE(circles_and_impossible_tables),
    CASE(only_the_first_of_a_kind_counts),
    CASE(processors_end_with_their_table),
    CASE(random_damage_is_survived),
};

int main(void)
{
    int status;

    memory = malloc(SIZE);
    if (!memory)
        return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    status = unit_main(cases, ARRAY_LEN(cases));
    free(memory);
    return status;
}
