/* SPDX-License-Identifier: MIT
 *
 * Which screen the machine starts with: what loaders say in both dialects,
 * sizes and colours that do not fit together, and what a BIOS left in its
 * data area when no loader says anything.
 * LINKS: vmm/vm vmm/base
 */
#include "arch/x86/defs/multiboot.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/vm/bootscreen.h"

#define BDA  0x400
#define LOW  0x1000
#define INFO 0x800 /* where the loader's information lies */

static u8 memory[LOW];
static struct boot_info out;

static const void *at(void *ctx, hpa_t where, u64 size)
{
    if (where.v < BDA || where.v > LOW || size > LOW - where.v)
        return NULL;
    return memory + where.v;
}

static const struct boot_view view = {at, NULL};

/* 1024x768, 32 bits, as OVMF has it. */
static void fields(u8 *s, u8 type)
{
    put_le32(s + MB_SCREEN_AT, 0x80000000);
    put_le32(s + MB_SCREEN_AT + 4, 0);
    put_le32(s + MB_SCREEN_PITCH, 4096);
    put_le32(s + MB_SCREEN_WIDTH, 1024);
    put_le32(s + MB_SCREEN_HEIGHT, 768);
    s[MB_SCREEN_DEPTH] = 32;
    s[MB_SCREEN_TYPE] = type;
}

static const u8 rgb[MB_RGB_SIZE] = {16, 8, 8, 8, 0, 8};

static void expect_pixels(const struct screen_mode *s)
{
    EXPECT_EQ(s->kind, SCREEN_PIXELS);
    EXPECT_EQ(s->at.v, 0x80000000);
    EXPECT_EQ(s->width, 1024);
    EXPECT_EQ(s->height, 768);
    EXPECT_EQ(s->pitch, 4096);
    EXPECT_EQ(s->depth, 32);
    EXPECT_EQ(s->red.at, 16);
    EXPECT_EQ(s->green.at, 8);
    EXPECT_EQ(s->blue.at, 0);
    EXPECT_EQ(s->blue.bits, 8);
}

static void mb1(void)
{
    memset(memory, 0, sizeof(memory));
    put_le32(memory + INFO + MB1_FLAGS, MB1_INFO_SCREEN);
    fields(memory + INFO + MB1_SCREEN, MB_TYPE_RGB);
    memcpy(memory + INFO + MB1_SCREEN + MB1_SCREEN_RGB, rgb, sizeof(rgb));
}

static void multiboot1_names_a_screen(void)
{
    mb1();
    bootinfo_parse(MB1_BOOT_MAGIC, hpa(INFO), &view, &out);
    expect_pixels(&out.screen);
    EXPECT(!out.uefi);
    put_le32(memory + INFO + MB1_FLAGS, 0);
    bootinfo_parse(MB1_BOOT_MAGIC, hpa(INFO), &view, &out);
    EXPECT_EQ(out.screen.kind, SCREEN_NONE);
}

static void multiboot1_at_the_end_of_memory(void)
{
    u32 size = MB1_SCREEN + MB1_SCREEN_RGB + MB_RGB_SIZE;

    mb1();
    memmove(memory + LOW - size, memory + INFO, size);
    bootinfo_parse(MB1_BOOT_MAGIC, hpa(LOW - size), &view, &out);
    expect_pixels(&out.screen);
    memmove(memory + LOW - size + 1, memory + LOW - size, size - 1);
    bootinfo_parse(MB1_BOOT_MAGIC, hpa(LOW - size + 1), &view, &out);
    EXPECT_EQ(out.screen.kind, SCREEN_NONE);
}

/* Tags: a screen, and one that says UEFI. */
static u8 *mb2(u32 screen_size, u32 second)
{
    u8 *info = memory + INFO, *tag = info + MB2_TAG_HEAD;

    memset(memory, 0, sizeof(memory));
    put_le32(tag, MB2_TAG_SCREEN);
    put_le32(tag + 4, screen_size);
    fields(tag + MB2_TAG_HEAD, MB_TYPE_RGB);
    memcpy(tag + MB2_TAG_HEAD + MB2_SCREEN_RGB, rgb, sizeof(rgb));
    tag += align_up(screen_size, 8);
    put_le32(tag, second);
    put_le32(tag + 4, 16);
    put_le32(info, (u32)(tag + 16 - info));
    return info + MB2_TAG_HEAD + MB2_TAG_HEAD;
}

#define TAG_RGB (MB2_TAG_HEAD + MB2_SCREEN_RGB + MB_RGB_SIZE)

static enum screen_kind mb2_kind(void)
{
    bootinfo_parse(MB2_BOOT_MAGIC, hpa(INFO), &view, &out);
    return out.screen.kind;
}

static void multiboot2_names_a_screen(void)
{
    mb2(TAG_RGB, MB2_TAG_EFI64);
    EXPECT_EQ(mb2_kind(), SCREEN_PIXELS);
    expect_pixels(&out.screen);
    EXPECT(out.uefi);
    mb2(TAG_RGB, MB2_TAG_EFI32);
    mb2_kind();
    EXPECT(out.uefi);
    mb2(TAG_RGB, MB2_TAG_LOADER);
    mb2_kind();
    EXPECT(!out.uefi);
}

static void a_short_tag_may_hold_text_only(void)
{
    u8 *s = mb2(TAG_RGB - 1, MB2_TAG_EFI64);

    EXPECT_EQ(mb2_kind(), SCREEN_NONE);
    s[MB_SCREEN_TYPE] = MB_TYPE_TEXT;
    EXPECT_EQ(mb2_kind(), SCREEN_TEXT);
    s = mb2(MB2_TAG_HEAD + MB_SCREEN_SIZE - 1, MB2_TAG_EFI64);
    s[MB_SCREEN_TYPE] = MB_TYPE_TEXT;
    EXPECT_EQ(mb2_kind(), SCREEN_NONE);
}

static void grub_names_vga_text(void)
{
    u8 s[MB_SCREEN_SIZE];
    struct screen_mode m;

    fields(s, MB_TYPE_TEXT);
    put_le32(s + MB_SCREEN_AT, 0xb8000);
    put_le32(s + MB_SCREEN_PITCH, 160);
    put_le32(s + MB_SCREEN_WIDTH, 80);
    put_le32(s + MB_SCREEN_HEIGHT, 25);
    s[MB_SCREEN_DEPTH] = 16;
    m = bootscreen_named(s, NULL);
    EXPECT_EQ(m.kind, SCREEN_TEXT);
    EXPECT_EQ(m.at.v, 0xb8000);
    EXPECT_EQ(m.width, 80);
    EXPECT_EQ(m.height, 25);
    put_le32(s + MB_SCREEN_PITCH, 159);
    EXPECT_EQ(bootscreen_named(s, NULL).kind, SCREEN_NONE);
}

static void a_palette_is_no_screen(void)
{
    u8 s[MB_SCREEN_SIZE];

    for (u32 type = 0; type < 256; type++) {
        fields(s, (u8)type);
        EXPECT_EQ(bootscreen_named(s, rgb).kind,
                  type == MB_TYPE_RGB    ? SCREEN_PIXELS
                  : type == MB_TYPE_TEXT ? SCREEN_TEXT
                                         : SCREEN_NONE);
    }
    fields(s, MB_TYPE_RGB);
    EXPECT_EQ(bootscreen_named(s, NULL).kind, SCREEN_NONE);
}

static void four_depths_are_known(void)
{
    static const u8 small[MB_RGB_SIZE] = {10, 5, 5, 5, 0, 5};
    u8 s[MB_SCREEN_SIZE];

    for (u32 depth = 0; depth < 256; depth++) {
        bool good = depth == 15 || depth == 16 || depth == 24 || depth == 32;
        fields(s, MB_TYPE_RGB);
        s[MB_SCREEN_DEPTH] = (u8)depth;
        EXPECT_EQ(bootscreen_named(s, small).kind,
                  good ? SCREEN_PIXELS : SCREEN_NONE);
    }
}

static void sizes_must_fit_together(void)
{
    static const struct {
        u64 at;
        u32 pitch, width, height;
        bool good;
    } rows[] = {
        {0x80000000, 4096, 1024, 768, true},
        {0x80000000, 4095, 1024, 768, false},
        {0x80000000, 0, 1024, 768, false},
        {0x80000000, 8192, 0, 768, false},
        {0x80000000, 8192, 1024, 0, false},
        {0x80000000, 0xffffffff, 1024, 768, false},
        {0x80000000, 4096, 0x40000400, 768, false}, /* times 4 wraps */
        {0x80000000, 4096, 1024, 0xffffffff, false},
        {0, 4096, 1024, 768, false},
        {0x4000000000, 4096, 1024, 768, true}, /* 256 GiB */
        {0xffffffffff000, 4096, 1024, 1, true},
        {0xffffffffff000, 4096, 1024, 2, false},
        {0xfffffffffffff000, 4096, 1024, 768, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        u8 s[MB_SCREEN_SIZE];
        fields(s, MB_TYPE_RGB);
        put_le32(s + MB_SCREEN_AT, (u32)rows[i].at);
        put_le32(s + MB_SCREEN_AT + 4, (u32)(rows[i].at >> 32));
        put_le32(s + MB_SCREEN_PITCH, rows[i].pitch);
        put_le32(s + MB_SCREEN_WIDTH, rows[i].width);
        put_le32(s + MB_SCREEN_HEIGHT, rows[i].height);
        EXPECT_EQ(bootscreen_named(s, rgb).kind,
                  rows[i].good ? SCREEN_PIXELS : SCREEN_NONE);
    }
}

static void colours_lie_within_a_pixel(void)
{
    static const struct {
        u8 rgb[MB_RGB_SIZE];
        u8 depth;
        bool good;
    } rows[] = {
        {{16, 8, 8, 8, 0, 8}, 32, true},     {{0, 8, 8, 8, 16, 8}, 24, true},
        {{11, 5, 5, 6, 0, 5}, 16, true},     {{10, 5, 5, 5, 0, 5}, 15, true},
        {{20, 10, 10, 10, 0, 10}, 32, true}, {{24, 8, 16, 8, 8, 8}, 32, true},
        {{11, 5, 5, 6, 0, 5}, 15, false},    {{24, 9, 16, 8, 8, 8}, 32, false},
        {{16, 8, 8, 8, 0, 0}, 32, false},    {{16, 8, 8, 0, 0, 8}, 32, false},
        {{16, 0, 8, 8, 0, 8}, 32, false},    {{15, 8, 8, 8, 0, 8}, 32, false},
        {{16, 8, 8, 8, 8, 8}, 32, false},    {{16, 8, 8, 8, 16, 8}, 32, false},
        {{255, 8, 8, 8, 0, 8}, 32, false},   {{16, 255, 8, 8, 0, 8}, 32, false},
        {{8, 24, 4, 4, 0, 4}, 32, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        u8 s[MB_SCREEN_SIZE];
        fields(s, MB_TYPE_RGB);
        s[MB_SCREEN_DEPTH] = rows[i].depth;
        EXPECT_EQ(bootscreen_named(s, rows[i].rgb).kind,
                  rows[i].good ? SCREEN_PIXELS : SCREEN_NONE);
    }
}

static void the_bios_notes_its_mode_down(void)
{
    for (u32 mode = 0; mode < 256; mode++) {
        struct screen_mode m;
        bool text = mode == 2 || mode == 3 || mode == 7;
        memset(memory, 0, sizeof(memory));
        memory[0x449] = (u8)mode;
        memory[0x484] = 24;
        m = bootscreen_guess(&view);
        EXPECT_EQ(m.kind, text ? SCREEN_TEXT : SCREEN_NONE);
        EXPECT_EQ(m.at.v, !text ? 0 : mode == 7 ? 0xb0000 : 0xb8000);
        EXPECT_EQ(m.height, text ? 25 : 0);
    }
    memory[0x449] = 3;
    memory[0x484] = 49;
    EXPECT_EQ(bootscreen_guess(&view).height, 50);
    memory[0x484] = 0;
    EXPECT_EQ(bootscreen_guess(&view).height, 25);
    memory[0x484] = 255;
    EXPECT_EQ(bootscreen_guess(&view).height, 25);
}

/* The word of the loader counts more, and UEFI has no BIOS data area. */
static void the_bios_is_asked_last(void)
{
    u8 *s = mb2(TAG_RGB, MB2_TAG_LOADER);

    memory[0x449] = 3;
    EXPECT_EQ(mb2_kind(), SCREEN_PIXELS);
    EXPECT(!out.screen_guessed);
    s[MB_SCREEN_TYPE] = MB_TYPE_PALETTE;
    EXPECT_EQ(mb2_kind(), SCREEN_TEXT);
    EXPECT(out.screen_guessed);
    s = mb2(TAG_RGB, MB2_TAG_EFI64);
    memory[0x449] = 3;
    s[MB_SCREEN_TYPE] = MB_TYPE_PALETTE;
    EXPECT_EQ(mb2_kind(), SCREEN_NONE);
}

static const struct unit_case cases[] = {
    CASE(multiboot1_names_a_screen),  CASE(multiboot1_at_the_end_of_memory),
    CASE(multiboot2_names_a_screen),  CASE(a_short_tag_may_hold_text_only),
    CASE(grub_names_vga_text),        CASE(a_palette_is_no_screen),
    CASE(four_depths_are_known),      CASE(sizes_must_fit_together),
    CASE(colours_lie_within_a_pixel), CASE(the_bios_notes_its_mode_down),
    CASE(the_bios_is_asked_last),
};
UNIT_MAIN(cases)
