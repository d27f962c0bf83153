/* SPDX-License-Identifier: MIT
 *
 * VGA text: memory, registers, what a monitor would show.
 * LINKS: drivers/model drivers/bus vmm/base
 */
#include "drivers/model/vga.h"
#include "tests/unit/unit.h"

#define TEXT 0x18000 /* in the window */

static struct vga vga;

static void out(u32 port, u8 value)
{
    vga_ops.write(&vga, port - 0x3c0, 1, value);
}

static u8 in(u32 port)
{
    return (u8)vga_ops.read(&vga, port - 0x3c0, 1);
}

static void poke(u32 at, u32 size, u32 value)
{
    vga_window_ops.write(&vga, at, size, value);
}

static u32 peek(u32 at, u32 size)
{
    return vga_window_ops.read(&vga, at, size);
}

static void crtc(u8 index, u8 value)
{
    out(0x3d4, index);
    out(0x3d5, value);
}

static void text_memory(void)
{
    vga_init(&vga);
    EXPECT_EQ(peek(TEXT, 4), 0x07200720);
    poke(TEXT + 2, 2, 0x1f41);
    EXPECT_EQ(peek(TEXT + 2, 1), 0x41);
    EXPECT_EQ(peek(TEXT + 1, 4), 0x201f4107);
    poke(TEXT + 0x7ffc, 4, 0x11223344);
    EXPECT_EQ(peek(TEXT + 0x7ffc, 4), 0x11223344);
    poke(TEXT + 0x7ffe, 4, 0xaabbccdd); /* half of it is beyond */
    EXPECT_EQ(peek(TEXT + 0x7ffc, 4), 0xccdd3344);
    EXPECT_EQ(peek(TEXT + 0x7ffe, 4), 0xffffffff);
}

static void the_rest_of_the_window_is_empty(void)
{
    vga_init(&vga);
    poke(0, 4, 0);
    EXPECT_EQ(peek(0, 4), 0xffffffff);
    EXPECT_EQ(peek(TEXT - 1, 1), 0xffffffff);
    poke(TEXT - 2, 4, 0x41424344); /* its upper half is in the text */
    EXPECT_EQ(peek(TEXT, 2), 0x4142);
}

static void screen_and_cursor(void)
{
    u16 cells[VGA_CELLS];

    vga_init(&vga);
    poke(TEXT, 2, 0x0741);
    poke(TEXT + 160, 2, 0x0742);
    vga_screen(&vga, cells);
    EXPECT_EQ(cells[0], 0x0741);
    EXPECT_EQ(cells[80], 0x0742);
    EXPECT_EQ(cells[VGA_CELLS - 1], 0x0720);
    crtc(0x0d, 80);
    crtc(0x0f, 85);
    vga_screen(&vga, cells);
    EXPECT_EQ(cells[0], 0x0742);
    EXPECT_EQ(vga_cursor(&vga), 5);
    crtc(0x0c, 0xff); /* the last cells, then it wraps */
    crtc(0x0d, 0xff);
    vga_screen(&vga, cells);
    EXPECT_EQ(cells[1], 0x0741);
    EXPECT_EQ(vga_cursor(&vga), 86);
}

static void registers_read_back(void)
{
    vga_init(&vga);
    for (u32 i = 0; i < 256; i++) {
        crtc((u8)i, (u8)(i ^ 0x5a));
        EXPECT_EQ(in(0x3d4), i);
        EXPECT_EQ(in(0x3d5), i < 25 ? i ^ 0x5a : 0);
        out(0x3c4, (u8)i);
        out(0x3c5, (u8)~i);
        EXPECT_EQ(in(0x3c4), i);
        EXPECT_EQ(in(0x3c5), i < 5 ? (u8)~i : 0);
        out(0x3ce, (u8)i);
        out(0x3cf, (u8)(i + 1));
        EXPECT_EQ(in(0x3ce), i);
        EXPECT_EQ(in(0x3cf), i < 9 ? (u8)(i + 1) : 0);
    }
    out(0x3c2, 0xe3);
    EXPECT_EQ(in(0x3cc), 0xe3);
    EXPECT_EQ(in(0x3c2), 0);
    out(0x3c6, 0x0f);
    EXPECT_EQ(in(0x3c6), 0x0f);
    out(0x3d8, 1);
    EXPECT_EQ(in(0x3d8), 0xff);
}

static void attributes_share_a_port(void)
{
    vga_init(&vga);
    in(0x3da);
    out(0x3c0, 0x25); /* index 5, screen on */
    out(0x3c0, 0x77);
    EXPECT_EQ(in(0x3c1), 0x77);
    out(0x3c0, 0x26);
    in(0x3da); /* back to the index */
    out(0x3c0, 0x3f);
    EXPECT_EQ(in(0x3c0), 0x3f);
    out(0x3c0, 1);
    EXPECT_EQ(in(0x3c1), 0);
}

static void palette(void)
{
    vga_init(&vga);
    out(0x3c8, 255);
    for (u32 i = 0; i < 6; i++)
        out(0x3c9, (u8)(0xc0 + i));
    EXPECT_EQ(in(0x3c8), 1);
    out(0x3c7, 255);
    for (u32 i = 0; i < 6; i++)
        EXPECT_EQ(in(0x3c9), i);
}

static void retrace_toggles(void)
{
    u8 first;

    vga_init(&vga);
    first = in(0x3da);
    EXPECT_EQ(first ^ in(0x3da), 0x09);
    EXPECT_EQ(first, in(0x3da));
}

static void state_survives(void)
{
    static u8 buf[40000];
    u32 size;

    vga_init(&vga);
    poke(TEXT + 100, 2, 0x1234);
    crtc(0x0e, 3);
    size = vga_ops.save(&vga, buf, sizeof(buf));
    EXPECT(size <= sizeof(buf));
    vga_ops.reset(&vga);
    EXPECT_EQ(peek(TEXT + 100, 2), 0x0720);
    EXPECT(vga_ops.load(&vga, buf, size));
    EXPECT_EQ(peek(TEXT + 100, 2), 0x1234);
    EXPECT_EQ(in(0x3d5), 3);
    EXPECT(!vga_ops.load(&vga, buf, size - 1));
}

static const struct unit_case cases[] = {
    CASE(text_memory),
    CASE(the_rest_of_the_window_is_empty),
    CASE(screen_and_cursor),
    CASE(registers_read_back),
    CASE(attributes_share_a_port),
    CASE(palette),
    CASE(retrace_toggles),
    CASE(state_survives),
};
UNIT_MAIN(cases)
