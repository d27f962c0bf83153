/* SPDX-License-Identifier: MIT
 *
 * Guest images, good and hostile, and what the guest finds in memory. After
 * every refusal guest memory must be as it was.
 * LINKS: vmm/vm vmm/mm vmm/base
 */
#include "arch/x86/defs/multiboot.h"
#include "vmm/vm/loader.h"

#define LOADER loader_load
#include "tests/unit/loadworld.h"

#define PHDR(n)   (52 + (n)*32)
#define HEADER_AT 0x400 /* the multiboot header, in the file */
#define CODE_AT   0x400
#define CODE_SIZE 0x200

static void mb_header(u32 at, u32 flags)
{
    put32(at, MB1_HEADER_MAGIC);
    put32(at + 4, flags);
    put32(at + 8, 0u - MB1_HEADER_MAGIC - flags);
}

static void segment(u32 n, u32 offset, u32 vaddr, u32 paddr, u32 filesz,
                    u32 memsz)
{
    const u32 words[] = {1, offset, vaddr, paddr, filesz, memsz, 5, 4096};

    for (u32 i = 0; i < ARRAY_LEN(words); i++)
        put32(PHDR(n) + i * 4, words[i]);
    put16(44, (u16)(n + 1));
}

/* A higher-half kernel of one segment at 1 MiB, with some bss. */
static void start(void)
{
    static const u8 ident[] = {0x7f, 'E', 'L', 'F', 1, 1, 1};

    world(CODE_AT + CODE_SIZE);
    memcpy(image, ident, sizeof(ident));
    put16(16, 2);
    put16(18, 3);
    put32(24, 0xc0100040);
    put32(28, 52);
    put16(42, 32);
    mb_header(HEADER_AT, MB1_HEADER_ALIGN | MB1_HEADER_MEMORY);
    for (u32 i = 12; i < CODE_SIZE; i++)
        image[CODE_AT + i] = (u8)(i * 7);
    segment(0, CODE_AT, 0xc0100000, 0x100000, CODE_SIZE, CODE_SIZE + 0x1100);
}

static u32 guest32(u32 at)
{
    u32 v = 0;

    EXPECT(p2m_read(&p2m, gpa(at), &v, 4));
    return v;
}

static const char *guest_text(u32 at)
{
    static char text[256];

    EXPECT(p2m_read(&p2m, gpa(at), text, sizeof(text) - 1));
    return text;
}

static void a_kernel_is_loaded_where_it_says(void)
{
    u8 got[CODE_SIZE];

    start();
    EXPECT(load());
    EXPECT_STR(error, "");
    EXPECT_EQ(result.entry, 0x100040);
    EXPECT_EQ(result.magic, MB1_BOOT_MAGIC);
    EXPECT(p2m_read(&p2m, gpa(0x100000), got, sizeof(got)));
    EXPECT(!memcmp(got, image + CODE_AT, sizeof(got)));
}

static void the_entry_may_be_physical(void)
{
    start();
    put32(24, 0x100080);
    EXPECT(load());
    EXPECT_EQ(result.entry, 0x100080);
}

static void a_linked_entry_goes_before_a_physical_one(void)
{
    start();
    segment(0, CODE_AT, 0x200000, 0x100000, CODE_SIZE, CODE_SIZE);
    segment(1, CODE_AT, 0x300000, 0x200000, CODE_SIZE, CODE_SIZE);
    put32(24, 0x200010);
    EXPECT(load());
    EXPECT_EQ(result.entry, 0x100010);
    put32(24, 0x300010);
    EXPECT(load());
    EXPECT_EQ(result.entry, 0x200010);
}

static void bss_is_zeroed(void)
{
    u8 dirt[0x3000];

    start();
    memset(dirt, 0xaa, sizeof(dirt));
    p2m_write(&p2m, gpa(0x100000), dirt, sizeof(dirt));
    EXPECT(load());
    for (u32 at = CODE_SIZE; at < CODE_SIZE + 0x1100; at += 4)
        EXPECT_EQ(guest32(0x100000 + at), 0);
}

static void the_guest_finds_its_information(void)
{
    u32 i, map;

    start();
    request.command_line = "mode=bare  quiet";
    EXPECT(load());
    i = result.info;
    EXPECT_EQ(guest32(i), MB1_INFO_MEMORY | MB1_INFO_CMDLINE | MB1_INFO_MODS |
                              MB1_INFO_MMAP | MB1_INFO_LOADER);
    EXPECT_EQ(guest32(i + MB1_MEM_LOWER), 639);
    EXPECT_EQ(guest32(i + MB1_MEM_UPPER), (RAM - HIGH_MEMORY) >> 10);
    EXPECT_STR(guest_text(guest32(i + MB1_CMDLINE)), "mode=bare  quiet");
    EXPECT_STR(guest_text(guest32(i + MB1_LOADER)), "Trapline");
    EXPECT_EQ(guest32(i + MB1_MODS_COUNT), 0);
    EXPECT_EQ(guest32(i + MB1_MMAP_LEN), 4 * MB1_MMAP_SIZE);
    map = guest32(i + MB1_MMAP_ADDR);
    EXPECT_EQ(guest32(map), MB1_MMAP_SIZE - 4);
    EXPECT_EQ(guest32(map + MB1_MMAP_BYTES), 0x9fc00);
    EXPECT_EQ(guest32(map + MB1_MMAP_TYPE), MB_RAM);
    map += 3 * MB1_MMAP_SIZE;
    EXPECT_EQ(guest32(map + MB1_MMAP_BASE), HIGH_MEMORY);
    EXPECT_EQ(guest32(map + MB1_MMAP_BYTES), RAM - HIGH_MEMORY);
    EXPECT_EQ(guest32(map + MB1_MMAP_TYPE), MB_RAM);
}

static void modules_lie_on_pages_above_everything(void)
{
    static u8 data[5000];
    u32 list, end = 0x100000 + CODE_SIZE + 0x1100;

    start();
    memset(data, 0x5a, sizeof(data));
    request.modules = 2;
    request.module[0] = (struct load_module){data, sizeof(data), "initrd one"};
    request.module[1] = (struct load_module){data, 1, ""};
    EXPECT(load());
    EXPECT(result.info >= end);
    EXPECT_EQ(guest32(result.info + MB1_MODS_COUNT), 2);
    list = guest32(result.info + MB1_MODS_ADDR);
    for (u32 i = 0; i < 2; i++) {
        u32 m = list + i * MB1_MOD_SIZE;
        u32 from = guest32(m + MB1_MOD_START), to = guest32(m + MB1_MOD_END);
        EXPECT_EQ(from % PAGE_SIZE, 0);
        EXPECT(from >= end && from > result.info);
        EXPECT_EQ(to - from, request.module[i].size);
        EXPECT_STR(guest_text(guest32(m + MB1_MOD_STRING)),
                   request.module[i].line);
        EXPECT_EQ(guest32(from) & 0xff, 0x5a);
        end = to;
    }
}

static void eight_modules_with_long_lines_fit(void)
{
    static char lines[LOAD_MODULES][600];

    start();
    request.modules = LOAD_MODULES;
    for (u32 i = 0; i < LOAD_MODULES; i++) {
        memset(lines[i], 'a' + (int)i, sizeof(lines[i]) - 1);
        request.module[i] = (struct load_module){(const u8 *)"x", 1, lines[i]};
    }
    EXPECT(load());
    for (u32 i = 0; i < LOAD_MODULES; i++) {
        u32 m = guest32(result.info + MB1_MODS_ADDR) + i * MB1_MOD_SIZE;
        const char *text = guest_text(guest32(m + MB1_MOD_STRING));
        EXPECT_EQ(strlen(text), 255);
        EXPECT(text[0] == 'a' + (int)i && text[254] == 'a' + (int)i);
    }
}

static void two_segments_and_a_low_one(void)
{
    start();
    segment(1, CODE_AT, 0x7c00, 0x7c00, 0x100, 0x100);
    segment(2, CODE_AT, 0xc0200000, 0x200000, 0x10, 0x10);
    EXPECT(load());
    EXPECT_EQ(guest32(0x7c00), MB1_HEADER_MAGIC);
    EXPECT_EQ(guest32(0x200000), MB1_HEADER_MAGIC);
    EXPECT(result.info >= 0x200010);
}

static void segments_may_touch(void)
{
    start();
    segment(0, CODE_AT, 0xc0100000, 0x100000, 0x100, 0x100);
    segment(1, CODE_AT, 0xc0100100, 0x100100, 0x100, 0x100);
    EXPECT(load());
}

static void a_segment_may_fill_memory_to_its_last_byte_but_two_pages(void)
{
    start();
    segment(0, CODE_AT, 0xc0100000, 0x100000, CODE_SIZE,
            RAM - 0x100000 - 2 * PAGE_SIZE);
    EXPECT(load());
    EXPECT_EQ(result.info, RAM - 2 * PAGE_SIZE);
    start();
    segment(0, CODE_AT, 0xc0100000, 0x100000, CODE_SIZE, RAM - 0x100000);
    REFUSED("raise mem=");
}

static void low_memory_may_be_filled_too(void)
{
    start();
    segment(1, CODE_AT, 0, 0, CODE_SIZE, LOW_MEMORY_END);
    EXPECT(load());
    EXPECT_EQ(guest32(0), MB1_HEADER_MAGIC);
    start();
    segment(1, CODE_AT, 0, 0, CODE_SIZE, LOW_MEMORY_END + 1);
    REFUSED("outside the guest's memory");
}

static void what_is_no_image_is_refused(void)
{
    start();
    image[0] = 0x7e;
    REFUSED("not an image");
    start();
    image[4] = 2; /* ELF64 */
    REFUSED("32-bit multiboot ELF");
    start();
    image[5] = 2; /* big-endian */
    REFUSED("32-bit multiboot ELF");
    start();
    put16(18, 62); /* x86-64 */
    REFUSED("i386");
    start();
    put16(16, 1); /* relocatable */
    REFUSED("executable");
    start();
    put16(44, 0);
    REFUSED("program headers");
    start();
    put16(42, 31);
    REFUSED("program headers");
}

static void every_truncation_is_refused(void)
{
    for (u32 size = 0; size < CODE_AT + CODE_SIZE; size++) {
        start();
        image_resize(size);
        REFUSED(size < 6 ? "not an image" : " ");
        if (size >= CODE_AT + 12)
            EXPECT(strstr(error, "truncated"));
    }
}

static void a_kernel_needs_a_multiboot_header(void)
{
    start();
    put32(HEADER_AT + 8, 1);
    REFUSED("no multiboot header");
    start();
    image_resize(3 * MB1_HEADER_SEARCH);
    put32(HEADER_AT, 0);
    mb_header(MB1_HEADER_SEARCH - 8, 0);
    REFUSED("first 8 KiB");
    mb_header(MB1_HEADER_SEARCH - 12, 0);
    EXPECT(load());
}

static void header_flags_are_judged(void)
{
    start();
    mb_header(HEADER_AT, 0x7);
    EXPECT(load());
    start();
    mb_header(HEADER_AT, 0xffff0003);
    EXPECT(load());
    start();
    mb_header(HEADER_AT, 0x00000103);
    REFUSED("0x103");
}

static void segments_must_be_in_the_file(void)
{
    start();
    put32(PHDR(0) + 4, CODE_AT + 1);
    REFUSED("truncated");
    start();
    put32(PHDR(0) + 4, 0xffffffff);
    REFUSED("truncated");
    start();
    put32(28, 0xfffffff0);
    REFUSED("truncated");
    start();
    put16(44, 0xffff);
    REFUSED("truncated");
    start();
    put32(28, CODE_AT + CODE_SIZE - 31);
    REFUSED("truncated");
    start();
    memcpy(image + CODE_AT + CODE_SIZE - 32, image + PHDR(0), 32);
    put32(28, CODE_AT + CODE_SIZE - 32);
    EXPECT(load());
    start();
    start();
    put32(PHDR(0) + 20, CODE_SIZE - 1);
    REFUSED("more bytes in the file than in memory");
}

static void segments_must_be_in_memory(void)
{
    static const struct {
        u32 paddr, memsz;
        const char *words;
    } bad[] = {
        {RAM - 0x100, CODE_SIZE, "outside the guest's memory"},
        {RAM, CODE_SIZE, "outside the guest's memory"},
        {0x100000, RAM, "outside the guest's memory"},
        {0xa0000, CODE_SIZE, "outside the guest's memory"},
        {0x9ff00, CODE_SIZE, "outside the guest's memory"},
        {0xfff00, CODE_SIZE, "outside the guest's memory"},
        {0x1000, 0x200000, "outside the guest's memory"},
        {0xfffff000, 0x2000, "wraps"},
        {0xffffffff, CODE_SIZE, "wraps"},
        {0x100000, 0xffffffff, "wraps"},
        {0xfffff000, 0x1000, "wraps"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        start();
        segment(0, CODE_AT, 0xc0100000, bad[i].paddr, CODE_SIZE, bad[i].memsz);
        REFUSED(bad[i].words);
    }
}

static void segments_must_not_overlap(void)
{
    static const u32 where[][2] = {
        {0x100000, 0x10}, {0x1012ff, 0x10}, {0xffff0, 0x11}, {0x100800, 1}};

    for (size_t i = 0; i < ARRAY_LEN(where); i++) {
        start();
        segment(1, CODE_AT, where[i][0], where[i][0], 1, where[i][1]);
        REFUSED(where[i][0] < HIGH_MEMORY ? "outside" : "overlap");
    }
    start();
    segment(1, CODE_AT, 0x200000, 0x200000, 16, 16);
    segment(2, CODE_AT, 0x20000f, 0x20000f, 16, 16);
    REFUSED("overlap");
}

static void there_are_limits_to_segments(void)
{
    start();
    for (u32 i = 0; i < 17; i++)
        segment(i, CODE_AT, 0x100000 + i * 0x1000, 0x100000 + i * 0x1000, 16,
                16);
    put32(24, 0x100000);
    REFUSED("more than 16 segments");
    put32(PHDR(16), 4); /* PT_NOTE does not count */
    EXPECT(load());
    start();
    put32(PHDR(0), 0);
    REFUSED("no segment");
    start();
    put32(PHDR(0) + 16, 0);
    put32(PHDR(0) + 20, 0);
    REFUSED("no segment");
}

static void the_entry_must_be_in_a_segment(void)
{
    static const u32 bad[] = {0,          0xfffff,    0x101300,
                              0xc0101300, 0xc00fffff, 0xffffffff};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        start();
        put32(24, bad[i]);
        REFUSED("entry point");
    }
}

static void modules_must_fit(void)
{
    static u8 big[RAM];

    start();
    request.modules = 1;
    request.module[0] = (struct load_module){big, sizeof(big), ""};
    REFUSED("raise mem=");
    request.module[0].size = 0xffffffffffull;
    REFUSED("raise mem=");
}

/* Damaged headers either load into guest memory or are refused untouched. */
static void random_damage_is_survived(void)
{
    u32 seed = 3;

    start();
    for (int i = 0; i < 3000; i++) {
        u8 saved[128];
        memcpy(saved, image, sizeof(saved));
        for (int n = 0; n < 3; n++) {
            seed = seed * 1664525 + 1013904223;
            image[16 + (seed >> 8) % 68] = (u8)(seed >> 24);
        }
        if (load()) {
            EXPECT(result.entry < RAM && result.info < RAM);
            p2m_destroy(&p2m);
            start();
        } else {
            EXPECT(error[0]);
            memcpy(image, saved, sizeof(saved));
        }
    }
    EXPECT(memory_is_zero());
    free(image);
    image = NULL;
}

static const struct unit_case cases[] = {
    CASE(a_kernel_is_loaded_where_it_says),
    CASE(the_entry_may_be_physical),
    CASE(a_linked_entry_goes_before_a_physical_one),
    CASE(bss_is_zeroed),
    CASE(the_guest_finds_its_information),
    CASE(modules_lie_on_pages_above_everything),
    CASE(eight_modules_with_long_lines_fit),
    CASE(two_segments_and_a_low_one),
    CASE(segments_may_touch),
    CASE(a_segment_may_fill_memory_to_its_last_byte_but_two_pages),
    CASE(low_memory_may_be_filled_too),
    CASE(what_is_no_image_is_refused),
    CASE(every_truncation_is_refused),
    CASE(a_kernel_needs_a_multiboot_header),
    CASE(header_flags_are_judged),
    CASE(segments_must_be_in_the_file),
    CASE(segments_must_be_in_memory),
    CASE(segments_must_not_overlap),
    CASE(there_are_limits_to_segments),
    CASE(the_entry_must_be_in_a_segment),
    CASE(modules_must_fit),
    CASE(random_damage_is_survived),
};
UNIT_MAIN(cases)
