/* SPDX-License-Identifier: MIT
 *
 * What a boot loader says, in both dialects, honest and broken. The memory it
 * lies in ends where the last structure ends, so reading too far is seen.
 * LINKS: vmm/vm vmm/base
 */
#include "arch/x86/defs/multiboot.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/vm/bootinfo.h"

#define BASE 0x10000u /* where memory begins */
#define SIZE 0x4000u

static u8 memory[SIZE];
static u32 used;
static struct boot_info out;
static const char *error;

static const void *at(void *ctx, hpa_t where, u64 size)
{
    if (where.v < BASE || where.v > BASE + SIZE || size > BASE + SIZE - where.v)
        return NULL;
    return memory + (where.v - BASE);
}

static const struct boot_view view = {at, NULL};

static void start(void)
{
    memset(memory, 0, SIZE);
    used = 0;
}

static void put32(u32 where, u32 v)
{
    put_le32(memory + (where - BASE), v);
}

/* Space for size bytes, behind all others. */
static u32 take(u32 size)
{
    u32 where = BASE + used;
    used += (u32)align_up(size, 8);
    if (used > SIZE)
        abort();
    return where;
}

static u32 text(const char *s)
{
    u32 where = take((u32)strlen(s) + 1);
    memcpy(memory + (where - BASE), s, strlen(s) + 1);
    return where;
}

static void parse(u32 magic)
{
    error = bootinfo_parse(magic, hpa(BASE), &view, &out);
}

/* Multiboot 1 */

static void mb1_range(u32 where, u64 base, u64 bytes, u32 type)
{
    put32(where, MB1_MMAP_SIZE - 4);
    put32(where + MB1_MMAP_BASE, (u32)base);
    put32(where + MB1_MMAP_BASE + 4, (u32)(base >> 32));
    put32(where + MB1_MMAP_BYTES, (u32)bytes);
    put32(where + MB1_MMAP_BYTES + 4, (u32)(bytes >> 32));
    put32(where + MB1_MMAP_TYPE, type);
}

static void mb1(u32 modules)
{
    u32 map, mods;

    start();
    take(MB1_INFO_SIZE);
    put32(BASE + MB1_FLAGS,
          MB1_INFO_CMDLINE | MB1_INFO_MODS | MB1_INFO_MMAP | MB1_INFO_LOADER);
    put32(BASE + MB1_CMDLINE, text("build/trapline.elf exit=stopped"));
    put32(BASE + MB1_LOADER, text("qemu"));
    map = take(3 * MB1_MMAP_SIZE);
    put32(BASE + MB1_MMAP_ADDR, map);
    put32(BASE + MB1_MMAP_LEN, 3 * MB1_MMAP_SIZE);
    mb1_range(map, 0, 0x9fc00, MB_RAM);
    mb1_range(map + MB1_MMAP_SIZE, 0xf0000, 0x10000, MB_RESERVED);
    mb1_range(map + 2 * MB1_MMAP_SIZE, 0x100000000, 0x40000000, MB_RAM);
    mods = take(modules * MB1_MOD_SIZE);
    put32(BASE + MB1_MODS_COUNT, modules);
    put32(BASE + MB1_MODS_ADDR, mods);
    for (u32 i = 0; i < modules; i++) {
        u32 m = mods + i * MB1_MOD_SIZE;
        put32(m + MB1_MOD_START, 0x200000 + i * 0x1000);
        put32(m + MB1_MOD_END, 0x200123 + i * 0x1000);
        put32(m + MB1_MOD_STRING, text("build/hare.elf vm=alpha mem=2M"));
    }
}

static void multiboot1_as_qemu_says_it(void)
{
    mb1(2);
    parse(MB1_BOOT_MAGIC);
    EXPECT(!error);
    EXPECT_STR(out.command_line, "exit=stopped");
    EXPECT_STR(out.loader, "qemu");
    EXPECT_EQ(out.modules, 2);
    EXPECT_STR(out.module[1].line, "vm=alpha mem=2M");
    EXPECT_EQ(out.module[1].start.v, 0x201000);
    EXPECT_EQ(out.module[1].size, 0x123);
    EXPECT(!out.module[1].cut);
    EXPECT_EQ(out.ram.count, 2);
    EXPECT_EQ(out.ram.range[0].end, 0x9fc00);
    EXPECT_EQ(out.ram.range[1].start, 0x100000000);
    EXPECT_EQ(out.ram.range[1].end, 0x140000000);
}

static void nothing_of_the_loaders_is_kept(void)
{
    mb1(1);
    parse(MB1_BOOT_MAGIC);
    memset(memory, 0xff, SIZE);
    EXPECT_STR(out.module[0].line, "vm=alpha mem=2M");
    EXPECT_STR(out.command_line, "exit=stopped");
}

static void a_flag_that_is_off_hides_its_field(void)
{
    mb1(1);
    put32(BASE + MB1_FLAGS, MB1_INFO_MMAP);
    parse(MB1_BOOT_MAGIC);
    EXPECT(!error);
    EXPECT_EQ(out.modules, 0);
    EXPECT_STR(out.command_line, "");
    EXPECT_STR(out.loader, "");
    put32(BASE + MB1_FLAGS, MB1_INFO_MODS);
    parse(MB1_BOOT_MAGIC);
    EXPECT_STR(error, "the boot loader gave no memory map, or one without RAM");
}

static void too_many_modules_are_counted(void)
{
    mb1(BOOT_MODULES + 5);
    parse(MB1_BOOT_MAGIC);
    EXPECT_EQ(out.modules, BOOT_MODULES);
    EXPECT_EQ(out.modules_dropped, 5);
    mb1(1);
    put32(BASE + MB1_MODS_COUNT, 0xffffffff);
    parse(MB1_BOOT_MAGIC);
    EXPECT(!error);
    EXPECT_EQ(out.modules, BOOT_MODULES);
}

static void a_long_line_is_marked_cut(void)
{
    char line[BOOT_LINE + 20];

    for (u32 len = BOOT_LINE - 1; len <= BOOT_LINE; len++) {
        memset(line, 'x', sizeof(line));
        memcpy(line, "vm=", 3);
        line[len] = 0;
        mb1(1);
        put32(get_le32(memory + MB1_MODS_ADDR) + MB1_MOD_STRING, text(line));
        parse(MB1_BOOT_MAGIC);
        EXPECT_EQ(out.module[0].cut, len == BOOT_LINE);
        EXPECT_EQ(strlen(out.module[0].line), BOOT_LINE - 1);
    }
}

static void strings_may_run_into_the_end_of_memory(void)
{
    mb1(1);
    memset(memory + SIZE - 5, 'z', 5);
    put32(BASE + MB1_CMDLINE, BASE + SIZE - 5);
    put32(BASE + MB1_LOADER, 0xfffffff0);
    put32(get_le32(memory + MB1_MODS_ADDR) + MB1_MOD_STRING, 0);
    parse(MB1_BOOT_MAGIC);
    EXPECT_STR(out.command_line, "zzzzz");
    EXPECT_STR(out.loader, "");
    EXPECT_STR(out.module[0].line, "");
}

static void a_module_that_ends_before_it_starts_is_empty(void)
{
    mb1(1);
    put32(get_le32(memory + MB1_MODS_ADDR) + MB1_MOD_END, 0x1000);
    parse(MB1_BOOT_MAGIC);
    EXPECT_EQ(out.module[0].size, 0);
}

static void ranges_that_wrap_or_are_empty_are_dropped(void)
{
    u32 map;

    mb1(0);
    map = get_le32(memory + MB1_MMAP_ADDR);
    mb1_range(map, 0xfffffffffffff000, 0x2000, MB_RAM);
    mb1_range(map + MB1_MMAP_SIZE, 0x100000, 0, MB_RAM);
    parse(MB1_BOOT_MAGIC);
    EXPECT(!error);
    EXPECT_EQ(out.ram.count, 1);
    EXPECT_EQ(out.ram.range[0].start, 0x100000000);
}

static void map_entries_may_be_longer_but_not_shorter(void)
{
    u32 map, wide = MB1_MMAP_SIZE + 8;

    mb1(0);
    map = take(2 * wide);
    put32(BASE + MB1_MMAP_ADDR, map);
    put32(BASE + MB1_MMAP_LEN, 2 * wide);
    mb1_range(map, 0x1000, 0x1000, MB_RAM);
    put32(map, wide - 4);
    mb1_range(map + wide, 0x8000, 0x1000, MB_RAM);
    parse(MB1_BOOT_MAGIC);
    EXPECT_EQ(out.ram.count, 2);
    EXPECT_EQ(out.ram.range[1].start, 0x8000);
    put32(map, 0);
    parse(MB1_BOOT_MAGIC);
    EXPECT_EQ(out.ram.count, 1);
    put32(map, 0xfffffffc); /* a step of nothing */
    parse(MB1_BOOT_MAGIC);
    EXPECT_EQ(out.ram.count, 1);
}

/* The smallest are forgotten; neighbours need no room. */
static void more_ranges_than_fit_are_left_out(void)
{
    u32 map, count = RANGES_MAX + 20;

    mb1(0);
    map = take(count * MB1_MMAP_SIZE);
    put32(BASE + MB1_MMAP_ADDR, map);
    put32(BASE + MB1_MMAP_LEN, count * MB1_MMAP_SIZE);
    for (u32 i = 0; i < count; i++)
        mb1_range(map + i * MB1_MMAP_SIZE, i * 0x4000, 0x1000 + i, MB_RAM);
    parse(MB1_BOOT_MAGIC);
    EXPECT_EQ(out.ram.count, RANGES_MAX);
    EXPECT_EQ(out.ram.lost, 20);
    EXPECT_EQ(out.ram.range[0].start, 20 * 0x4000);
    for (u32 i = 0; i < count; i++)
        mb1_range(map + i * MB1_MMAP_SIZE, (count - i) * 0x1000, 0x1000,
                  MB_RAM);
    parse(MB1_BOOT_MAGIC);
    EXPECT_EQ(out.ram.count, 1);
    EXPECT_EQ(ranges_sum(&out.ram), count * 0x1000);
}

/* Whatever the order, what is not RAM wins. */
static void reserved_ranges_win_over_ram(void)
{
    for (u32 first = 0; first < 3; first++) {
        u32 map;
        mb1(0);
        map = get_le32(memory + MB1_MMAP_ADDR);
        mb1_range(map + first * MB1_MMAP_SIZE, 0x200000, 0x1000, 3);
        mb1_range(map + (first + 1) % 3 * MB1_MMAP_SIZE, 0x100000, 0x200000,
                  MB_RAM);
        mb1_range(map + (first + 2) % 3 * MB1_MMAP_SIZE, 0x2ff800,
                  0xfffffffffff00000, 2); /* wraps: to the end */
        parse(MB1_BOOT_MAGIC);
        EXPECT(!error);
        EXPECT_EQ(out.ram.count, 2);
        EXPECT_EQ(out.ram.range[0].end, 0x200000);
        EXPECT_EQ(out.ram.range[1].start, 0x201000);
        EXPECT_EQ(out.ram.range[1].end, 0x2ff800);
    }
}

/* A map of random pieces, all kinds mixed: page by page, RAM is what some
 * piece calls so and none calls anything else. */
static void random_maps_match_a_model(void)
{
    enum { PAGES = 80, PIECES = 10 };
    u32 seed = 5;

    for (u32 round = 0; round < 500; round++) {
        u8 said[PAGES] = {0}; /* bit 0: RAM; bit 1: something else */
        u32 map;
        mb1(0);
        map = take(PIECES * MB1_MMAP_SIZE);
        put32(BASE + MB1_MMAP_ADDR, map);
        put32(BASE + MB1_MMAP_LEN, PIECES * MB1_MMAP_SIZE);
        for (u32 i = 0; i < PIECES; i++) {
            u32 dice = (seed = seed * 1664525 + 1013904223) >> 8;
            u32 from = dice % 60, count = dice / 60 % 20;
            u32 type = dice / 1200 % 3 ? MB_RAM : dice / 3600 % 6;
            mb1_range(map + i * MB1_MMAP_SIZE, from * PAGE_SIZE,
                      count * PAGE_SIZE, type);
            for (u32 page = from; page < from + count; page++)
                said[page] |= type == MB_RAM ? 1 : 2;
        }
        parse(MB1_BOOT_MAGIC);
        for (u32 page = 0; page < PAGES; page++)
            EXPECT_EQ(ranges_touch(&out.ram, page * PAGE_SIZE,
                                   (page + 1) * PAGE_SIZE),
                      said[page] == 1);
    }
}

static void two_sizes_serve_where_there_is_no_map(void)
{
    mb1(0);
    put32(BASE + MB1_FLAGS, MB1_INFO_MEMORY);
    put32(BASE + MB1_MEM_LOWER, 640);
    put32(BASE + MB1_MEM_UPPER, 1024);
    parse(MB1_BOOT_MAGIC);
    EXPECT(!error);
    EXPECT_EQ(out.ram.count, 2);
    EXPECT_EQ(out.ram.range[0].end, 0xa0000);
    EXPECT_EQ(out.ram.range[1].start, 0x100000);
    EXPECT_EQ(out.ram.range[1].end, 0x200000);
    put32(BASE + MB1_MEM_LOWER, 0xffffffff);
    parse(MB1_BOOT_MAGIC);
    EXPECT_EQ(out.ram.range[0].end, 0xa0000);
    put32(BASE + MB1_FLAGS, MB1_INFO_MEMORY | MB1_INFO_MMAP);
    parse(MB1_BOOT_MAGIC);
    EXPECT_EQ(out.ram.range[1].start, 0x100000000);
}

/* Multiboot 2 */

static u32 tag(u32 type, u32 size)
{
    u32 where = take(size);

    put32(where, type);
    put32(where + 4, size);
    put32(BASE, used);
    return where;
}

static void text_tag(u32 type, const char *s)
{
    u32 len = (u32)strlen(s) + 1;
    u32 where = tag(type, MB2_TAG_HEAD + len);

    memcpy(memory + (where - BASE) + MB2_TAG_HEAD, s, len);
}

static u32 module_tag(const char *s)
{
    u32 len = (u32)strlen(s) + 1;
    u32 where = tag(MB2_TAG_MODULE, MB2_MOD_STRING + len);

    put32(where + MB2_MOD_START, 0x300000);
    put32(where + MB2_MOD_END, 0x300400);
    memcpy(memory + (where - BASE) + MB2_MOD_STRING, s, len);
    return where;
}

static u32 map_tag(u32 entry, u32 count)
{
    u32 where = tag(MB2_TAG_MMAP, MB2_MMAP_FIRST + entry * count);

    put32(where + MB2_MMAP_ENTRY, entry);
    for (u32 i = 0; i < count; i++) {
        u32 e = where + MB2_MMAP_FIRST + i * entry;
        put32(e, i * 0x100000);
        put32(e + 8, 0x80000);
        put32(e + 16, MB_RAM);
    }
    return where;
}

static void mb2(void)
{
    start();
    take(MB2_TAG_HEAD);
}

static void multiboot2_as_grub_says_it(void)
{
    mb2();
    text_tag(MB2_TAG_CMDLINE, "exit=stopped");
    text_tag(MB2_TAG_LOADER, "GRUB 2.06");
    module_tag("vm=alpha mem=32M -- a.b c");
    module_tag("for=alpha initrd");
    map_tag(24, 3);
    tag(0x1234, 40);
    tag(MB2_TAG_END, 8);
    parse(MB2_BOOT_MAGIC);
    EXPECT(!error);
    EXPECT_STR(out.command_line, "exit=stopped");
    EXPECT_STR(out.loader, "GRUB 2.06");
    EXPECT_EQ(out.modules, 2);
    EXPECT_STR(out.module[0].line, "vm=alpha mem=32M -- a.b c");
    EXPECT_STR(out.module[1].line, "for=alpha initrd");
    EXPECT_EQ(out.module[0].start.v, 0x300000);
    EXPECT_EQ(out.module[0].size, 0x400);
    EXPECT_EQ(out.ram.count, 3);
    EXPECT_EQ(out.ram.range[2].start, 0x200000);
    EXPECT_EQ(out.ram.range[2].end, 0x280000);
}

static void tags_behind_the_end_tag_do_not_count(void)
{
    mb2();
    map_tag(24, 1);
    tag(MB2_TAG_END, 8);
    module_tag("vm=late");
    parse(MB2_BOOT_MAGIC);
    EXPECT(!error);
    EXPECT_EQ(out.modules, 0);
}

static void the_end_tag_may_be_missing(void)
{
    mb2();
    map_tag(24, 1);
    module_tag("vm=alpha");
    parse(MB2_BOOT_MAGIC);
    EXPECT(!error);
    EXPECT_EQ(out.modules, 1);
}

static void a_string_ends_with_its_tag(void)
{
    u32 where;

    mb2();
    map_tag(24, 1);
    where = module_tag("vm=alpha mem=2M");
    text_tag(MB2_TAG_LOADER, "GRUB");
    put32(where + 4, MB2_MOD_STRING + 8);
    memory[where - BASE + MB2_MOD_STRING + 15] = 0;
    parse(MB2_BOOT_MAGIC);
    EXPECT_STR(out.module[0].line, "vm=alpha");
    EXPECT(!out.module[0].cut);
}

static void a_tag_too_short_for_a_module_is_none(void)
{
    mb2();
    map_tag(24, 1);
    tag(MB2_TAG_MODULE, 12);
    tag(MB2_TAG_CMDLINE, 8);
    tag(MB2_TAG_MMAP, 8);
    parse(MB2_BOOT_MAGIC);
    EXPECT(!error);
    EXPECT_EQ(out.modules, 0);
    EXPECT_STR(out.command_line, "");
}

static void wider_map_entries_work_and_narrow_ones_do_not(void)
{
    mb2();
    map_tag(40, 2);
    parse(MB2_BOOT_MAGIC);
    EXPECT_EQ(out.ram.count, 2);
    EXPECT_EQ(out.ram.range[1].start, 0x100000);
    mb2();
    put32(map_tag(24, 2) + MB2_MMAP_ENTRY, 0);
    parse(MB2_BOOT_MAGIC);
    EXPECT_STR(error, "the boot loader gave no memory map, or one without RAM");
    mb2();
    put32(map_tag(24, 2) + MB2_MMAP_ENTRY, 0xfffffff0);
    parse(MB2_BOOT_MAGIC);
    EXPECT(error);
}

static void broken_sizes_are_an_error(void)
{
    static const u32 tag_sizes[] = {0, 1, 7, 4096, 0xffffffff, 0xfffffff8};
    static const u32 totals[] = {0, 8, 15, SIZE + 8, 0x7fffffff, 0xffffffff};

    for (size_t i = 0; i < ARRAY_LEN(tag_sizes); i++) {
        mb2();
        map_tag(24, 1);
        put32(module_tag("vm=alpha") + 4, tag_sizes[i]);
        parse(MB2_BOOT_MAGIC);
        EXPECT(error && strstr(error, "longer than the information"));
    }
    for (size_t i = 0; i < ARRAY_LEN(totals); i++) {
        mb2();
        map_tag(24, 1);
        put32(BASE, totals[i]);
        parse(MB2_BOOT_MAGIC);
        EXPECT(error && strstr(error, "cannot be read"));
    }
}

static void information_out_of_reach_is_an_error(void)
{
    start();
    EXPECT(bootinfo_parse(MB1_BOOT_MAGIC, hpa(0), &view, &out));
    EXPECT(bootinfo_parse(MB2_BOOT_MAGIC, hpa(0), &view, &out));
    EXPECT(bootinfo_parse(MB1_BOOT_MAGIC, hpa(BASE + SIZE - 8), &view, &out));
    EXPECT(bootinfo_parse(MB2_BOOT_MAGIC, hpa(BASE + SIZE - 4), &view, &out));
}

static void another_magic_is_an_error(void)
{
    start();
    EXPECT(strstr(bootinfo_parse(0, hpa(BASE), &view, &out), "multiboot"));
}

static void a_leading_file_name_is_taken_off(void)
{
    static const struct {
        const char *given, *want;
    } lines[] = {
        {"/boot/hare.elf vm=a", "vm=a"},
        {"hare.elf   vm=a mem=2M", "vm=a mem=2M"},
        {"vm=a -- /bin/sh", "vm=a -- /bin/sh"},
        {"vm=a.b", "vm=a.b"},
        {"for=/x y", "for=/x y"},
        {"/boot/hare.elf", ""},
        {"hare vm=a", "hare vm=a"},
        {" ./x vm=a", "vm=a"},
        {"", ""},
        {"   ", "   "},
    };

    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        mb2();
        map_tag(24, 1);
        module_tag(lines[i].given);
        parse(MB2_BOOT_MAGIC);
        EXPECT_STR(out.module[0].line, lines[i].want);
    }
}

static void efi_entry(u32 where, u32 type, u64 start, u64 pages, u64 attribute)
{
    put32(where + EFI_TYPE, type);
    put32(where + EFI_START, (u32)start);
    put32(where + EFI_START + 4, (u32)(start >> 32));
    put32(where + EFI_PAGES, (u32)pages);
    put32(where + EFI_PAGES + 4, (u32)(pages >> 32));
    put32(where + EFI_ATTRIBUTE, (u32)attribute);
    put32(where + EFI_ATTRIBUTE + 4, (u32)(attribute >> 32));
}

/* A map with one range of RAM, 0 to 512 KiB, and one entry of UEFI's. */
static u32 efi_map(u32 type, u64 start, u64 pages, u64 attribute)
{
    u32 step = 48, map;

    mb2();
    map = tag(MB2_TAG_EFIMAP, MB2_MMAP_FIRST + step);
    put32(map + MB2_MMAP_ENTRY, step);
    efi_entry(map + MB2_MMAP_FIRST, type, start, pages, attribute);
    map_tag(24, 1);
    parse(MB2_BOOT_MAGIC);
    return map;
}

static void uefi_takes_its_own_away(void)
{
    for (u32 type = 0; type < 20; type++) {
        bool ours = (type >= 1 && type <= 4) || type == 7;
        efi_map(type, 0x10000, 16, 0xf);
        EXPECT(!error);
        EXPECT_EQ(ranges_sum(&out.ram), ours ? 0x80000 : 0x70000);
        EXPECT_EQ(ranges_touch(&out.ram, 0x10000, 0x20000), ours);
        efi_map(type, 0x10000, 16, EFI_RUNTIME);
        EXPECT_EQ(ranges_sum(&out.ram), 0x70000);
    }
    efi_map(5, 0x10000, ~0ull, 0);
    EXPECT_EQ(ranges_sum(&out.ram), 0x10000);
    efi_map(5, 0x10000, 1ull << 52, 0); /* its bytes are 0 in 64 bits */
    EXPECT_EQ(ranges_sum(&out.ram), 0x10000);
    put32(efi_map(5, 0, 1, 0) + MB2_MMAP_ENTRY, EFI_SIZE - 1);
    parse(MB2_BOOT_MAGIC);
    EXPECT_EQ(ranges_sum(&out.ram), 0x80000);
}

static void sizes_of_multiboot2(void)
{
    u32 where;

    mb2();
    where = tag(MB2_TAG_MEMORY, 16);
    put32(where + MB2_MEM_LOWER, 639);
    put32(where + MB2_MEM_UPPER, 4096);
    parse(MB2_BOOT_MAGIC);
    EXPECT(!error);
    EXPECT_EQ(out.ram.range[0].end, 639 * 1024);
    EXPECT_EQ(out.ram.range[1].end, 0x500000);
    map_tag(24, 1);
    parse(MB2_BOOT_MAGIC);
    EXPECT_EQ(ranges_sum(&out.ram), 0x80000);
}

static void the_newer_root_pointer_is_kept(void)
{
    static const u32 order[2][2] = {{MB2_TAG_ACPI_OLD, MB2_TAG_ACPI_NEW},
                                    {MB2_TAG_ACPI_NEW, MB2_TAG_ACPI_OLD}};

    for (u32 i = 0; i < 2; i++) {
        mb2();
        map_tag(24, 1);
        for (u32 n = 0; n < 2; n++) {
            u32 size = order[i][n] == MB2_TAG_ACPI_NEW ? 36 : 20;
            u32 where = tag(order[i][n], MB2_TAG_HEAD + size);
            memset(memory + (where - BASE) + MB2_TAG_HEAD, (int)size, size);
        }
        parse(MB2_BOOT_MAGIC);
        EXPECT_EQ(out.rsdp_bytes, 36);
        EXPECT_EQ(out.rsdp[0], 36);
        EXPECT_EQ(out.rsdp[35], 36);
    }
    mb2();
    map_tag(24, 1);
    tag(MB2_TAG_ACPI_NEW, 400);
    parse(MB2_BOOT_MAGIC);
    EXPECT_EQ(out.rsdp_bytes, 36);
}

/* Any bytes at all: whatever comes out is terminated and within bounds. */
static void random_damage_is_survived(void)
{
    u32 seed = 7;

    for (int i = 0; i < 20000; i++) {
        bool first = i & 1;
        if (first) {
            mb1(2);
        } else {
            mb2();
            text_tag(MB2_TAG_CMDLINE, "a b");
            module_tag("vm=alpha");
            map_tag(24, 2);
            tag(MB2_TAG_END, 8);
        }
        for (int n = 0; n < 4; n++) {
            seed = seed * 1664525 + 1013904223;
            memory[(seed >> 8) % used] = (u8)(seed >> 24);
        }
        parse(first ? MB1_BOOT_MAGIC : MB2_BOOT_MAGIC);
        EXPECT(out.modules <= BOOT_MODULES && out.ram.count <= RANGES_MAX);
        for (u32 m = 0; m < out.modules; m++)
            EXPECT(memchr(out.module[m].line, 0, BOOT_LINE));
        EXPECT(memchr(out.command_line, 0, BOOT_LINE));
        EXPECT(memchr(out.loader, 0, sizeof(out.loader)));
    }
}

static const struct unit_case cases[] = {
    CASE(multiboot1_as_qemu_says_it),
    CASE(nothing_of_the_loaders_is_kept),
    CASE(a_flag_that_is_off_hides_its_field),
    CASE(too_many_modules_are_counted),
    CASE(a_long_line_is_marked_cut),
    CASE(strings_may_run_into_the_end_of_memory),
    CASE(a_module_that_ends_before_it_starts_is_empty),
    CASE(ranges_that_wrap_or_are_empty_are_dropped),
    CASE(map_entries_may_be_longer_but_not_shorter),
    CASE(more_ranges_than_fit_are_left_out),
    CASE(reserved_ranges_win_over_ram),
    CASE(random_maps_match_a_model),
    CASE(two_sizes_serve_where_there_is_no_map),
    CASE(multiboot2_as_grub_says_it),
    CASE(tags_behind_the_end_tag_do_not_count),
    CASE(the_end_tag_may_be_missing),
    CASE(a_string_ends_with_its_tag),
    CASE(a_tag_too_short_for_a_module_is_none),
    CASE(wider_map_entries_work_and_narrow_ones_do_not),
    CASE(broken_sizes_are_an_error),
    CASE(information_out_of_reach_is_an_error),
    CASE(another_magic_is_an_error),
    CASE(a_leading_file_name_is_taken_off),
    CASE(uefi_takes_its_own_away),
    CASE(sizes_of_multiboot2),
    CASE(the_newer_root_pointer_is_kept),
    CASE(random_damage_is_survived),
};
UNIT_MAIN(cases)
