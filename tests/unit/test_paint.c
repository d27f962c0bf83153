/* SPDX-License-Identifier: MIT
 *
 * The painter: every depth and order of colours, magnified and centred, read
 * back pixel by pixel from a screen full of rubbish; what it writes when
 * little has changed; and that it writes nothing outside the screen's lines.
 * LINKS: vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/paint.h"
#include "vmm/base/term.h"

#define MEMORY (8u << 20)

static u8 memory[MEMORY];
static u64 limit;   /* the screen ends here */
static u32 visible; /* bytes of a row; what follows up to the pitch is not */
static u64 written, writes;
static struct paint p;
static struct grid g;
static paint_glyph font[256];

static void out(void *ctx, u64 offset, const void *from, u32 bytes)
{
    EXPECT(offset + bytes <= limit);
    EXPECT(offset % p.mode.pitch + bytes <= visible);
    if (offset + bytes > sizeof(memory))
        return;
    memcpy(memory + offset, from, bytes);
    written += bytes;
    writes++;
}

/* Glyphs unlike one another, half empty as letters are; blank is blank. */
static void make_font(void)
{
    for (u32 c = 0; c < 256; c++) {
        for (u32 y = 0; y < PAINT_GLYPH_HEIGHT; y++)
            font[c][y] = y < 3 || y > 12 ? 0 : (u8)(c * 5 + y * (c | 1));
    }
    memset(font[' '], 0, sizeof(font[0]));
    memset(font[0], 0, sizeof(font[0]));
    memset(font[0xdb], 0xff, sizeof(font[0]));
}

static bool start(struct screen_mode mode)
{
    make_font();
    limit = (u64)mode.pitch * mode.height;
    visible = mode.kind == SCREEN_TEXT ? mode.width * 2
                                       : mode.width * ((mode.depth + 7) / 8);
    memset(memory, 0x5b, sizeof(memory));
    p.mode = mode;
    written = writes = 0;
    return paint_init(&p, &mode, font, (struct paint_out){out, NULL});
}

static const struct screen_colour red8 = {16, 8}, green8 = {8, 8},
                                  blue8 = {0, 8};

static struct screen_mode pixels(u32 width, u32 height, u32 depth)
{
    return (struct screen_mode){SCREEN_PIXELS, {0},  width,  height, width * 4,
                                depth,         red8, green8, blue8};
}

static void blank(void)
{
    g.columns = p.columns;
    g.rows = p.rows;
    g.cursor = GRID_NONE;
    for (u32 i = 0; i < g.columns * g.rows; i++)
        g.cell[i] = CELL_BLANK;
}

static u32 pixel(u32 x, u32 y)
{
    u32 bytes = (p.mode.depth + 7) / 8, value = 0;

    for (u32 i = 0; i < bytes; i++)
        value |= (u32)memory[y * p.mode.pitch + x * bytes + i] << 8 * i;
    return value;
}

/* Every pixel of the screen against what the font says. */
static u32 wrong(u32 fore, u32 back, u16 cell, u32 column, u32 row)
{
    u32 bytes = (p.mode.depth + 7) / 8, bad = 0;
    u32 left = (u32)(p.origin % p.mode.pitch) / bytes;
    u32 above = (u32)(p.origin / p.mode.pitch);

    for (u32 y = 0; y < p.mode.height; y++) {
        for (u32 x = 0; x < p.mode.width; x++) {
            u32 cx = (x - left) / (8 * p.scale);
            u32 cy = (y - above) / (16 * p.scale);
            u32 want = 0;
            if (x >= left && y >= above && cx == column && cy == row) {
                u32 px = (x - left) / p.scale % 8;
                u32 py = (y - above) / p.scale % 16;
                want = font[cell & 0xff][py] << px & 0x80 ? fore : back;
            }
            bad += pixel(x, y) != want;
        }
    }
    return bad;
}

static void check_cell(struct screen_mode mode, u32 fore, u32 back)
{
    EXPECT(start(mode));
    blank();
    g.cell[3 * g.columns + 7] = 0x1e41; /* A, yellow on blue */
    paint_show(&p, &g);
    EXPECT_EQ(wrong(fore, back, 0x41, 7, 3), 0);
    blank();
    paint_show(&p, &g);
    EXPECT_EQ(wrong(0, 0, ' ', 7, 3), 0);
}

static void depths_and_orders(void)
{
    struct screen_mode m = pixels(700, 420, 32);

    check_cell(m, 0xffff55, 0x0000aa);
    m.red = blue8, m.blue = red8;
    check_cell(m, 0x55ffff, 0xaa0000);
    m.red = (struct screen_colour){24, 8};
    m.green = (struct screen_colour){16, 8};
    m.blue = (struct screen_colour){8, 8};
    check_cell(m, 0xffff5500, 0x0000aa00);
    m.red = (struct screen_colour){20, 10}; /* "deep colour" */
    m.green = (struct screen_colour){10, 10};
    m.blue = (struct screen_colour){0, 10};
    check_cell(m, 0xff << 22 | 0xff << 12 | 0x55 << 2, 0xaa << 2);
    m = pixels(701, 421, 24);
    m.pitch = 701 * 3 + 5;
    check_cell(m, 0xffff55, 0x0000aa);
    m.depth = 16;
    m.red = (struct screen_colour){11, 5};
    m.green = (struct screen_colour){5, 6};
    m.blue = (struct screen_colour){0, 5};
    check_cell(m, 0xffea, 0x0015);
    m.depth = 15;
    m.red = (struct screen_colour){10, 5};
    m.green = (struct screen_colour){5, 5};
    check_cell(m, 0x7fea, 0x0015);
}

static void size(u32 width, u32 height, u32 scale, u32 columns, u32 rows)
{
    EXPECT(start(pixels(width, height, 32)));
    EXPECT_EQ(p.scale, scale);
    EXPECT_EQ(p.columns, columns);
    EXPECT_EQ(p.rows, rows);
}

static void sizes(void)
{
    size(640, 400, 1, 80, 25);
    size(640, 480, 1, 80, 30);
    size(1024, 768, 1, 128, 48);
    size(1280, 800, 2, 80, 25);
    size(1440, 900, 2, 90, 28);
    size(320, 200, 1, 40, 12);
    size(1500, 1200, 2, 93, 37);
    size(1943, 1231, 3, 80, 25);
    EXPECT_EQ(p.origin, 15 * 1943 * 4 + 8 * 4); /* of 11 pixels at the left */
    EXPECT(!start(pixels(7, 100, 32)));
    EXPECT(!start(pixels(100, 15, 32)));
    EXPECT(!start((struct screen_mode){.kind = SCREEN_NONE, .pitch = 1}));
    check_cell(pixels(1300, 830, 32), 0xffff55, 0x0000aa); /* twice, centred */
}

/* Sizes whose memory would be too much for a test: nothing is written out. */
static void large_sizes(void)
{
    struct screen_mode m = pixels(5120, 2880, 32);

    make_font();
    p.mode = m;
    limit = (u64)m.pitch * m.height;
    visible = m.width * 4;
    EXPECT(paint_init(&p, &m, font, (struct paint_out){out, NULL}));
    EXPECT_EQ(p.scale, 7);
    EXPECT_EQ(p.columns, 91);
    EXPECT_EQ(p.rows, 25);
    blank();
    g.cell[g.columns * g.rows - 1] = 0x0fdb;
    paint_show(&p, &g);
    m = pixels(640 * 9, 400 * 9, 32);
    p.mode = m;
    limit = (u64)m.pitch * m.height;
    visible = m.width * 4;
    EXPECT(paint_init(&p, &m, font, (struct paint_out){out, NULL}));
    EXPECT_EQ(p.scale, PAINT_SCALE_MAX);
    blank();
    g.cell[0] = 0x0fdb;
    paint_show(&p, &g);
    m = pixels(65535, 1000, 32);
    p.mode = m;
    limit = (u64)m.pitch * m.height;
    visible = m.width * 4;
    EXPECT(paint_init(&p, &m, font, (struct paint_out){out, NULL}));
    EXPECT_EQ(p.columns, GRID_COLUMNS);
}

static void nothing_changed_costs_nothing(void)
{
    start(pixels(640, 400, 32));
    blank();
    paint_show(&p, &g);
    written = 0;
    paint_show(&p, &g);
    EXPECT_EQ(written, 0);
    g.cell[5] = 0x0741;
    paint_show(&p, &g);
    EXPECT_EQ(written, 10 * 8 * 4); /* ten lines of the glyph are not empty */
    written = 0;
    g.cell[5] = 0x0f41; /* brighter: the same lines again */
    paint_show(&p, &g);
    EXPECT_EQ(written, 10 * 8 * 4);
    written = 0;
    g.cell[0] = 0x0741;
    paint_show(&p, &g);
    EXPECT_EQ(written, 10 * 8 * 4);
    written = 0;
    g.cell[9] = 0x0e20; /* a blank of another colour looks the same */
    paint_show(&p, &g);
    EXPECT_EQ(written, 0);
}

static void the_cursor_moves_and_leaves_nothing(void)
{
    start(pixels(640, 400, 32));
    blank();
    g.cursor = 81;
    paint_show(&p, &g);
    EXPECT_EQ(pixel(8, 16 + 14), 0xaaaaaa);
    EXPECT_EQ(pixel(15, 16 + 15), 0xaaaaaa);
    EXPECT_EQ(pixel(16, 16 + 15), 0);
    EXPECT_EQ(pixel(8, 16 + 13), 0);
    written = 0;
    g.cursor = 82;
    paint_show(&p, &g);
    EXPECT_EQ(written, 2 * 2 * 8 * 4);
    EXPECT_EQ(pixel(8, 16 + 14), 0);
    EXPECT_EQ(pixel(16, 16 + 14), 0xaaaaaa);
    g.cursor = GRID_NONE;
    paint_show(&p, &g);
    EXPECT_EQ(pixel(16, 16 + 14), 0);
}

/* The figure that says how quick scrolling is: bytes written for a line that
 * scrolls in, against drawing all there is. */
static void scrolling(void)
{
    static struct term t;
    static const char text[] = "Trapline: module 1, 181232 bytes: hare.elf\r\n";
    u64 all = 640 * 400 * 4;

    start(pixels(640, 400, 32));
    term_init(&t, p.columns, p.rows);
    for (u32 i = 0; i < 60; i++) {
        u32 skip = i * 7 % 20;
        term_write(&t, text + skip, sizeof(text) - 1 - skip);
        if (i == 29)
            written = 0;
        term_show(&t, &g);
        paint_show(&p, &g);
    }
    printf("scrolling: %llu bytes a line, a whole screen is %llu\n",
           (unsigned long long)written / 30, (unsigned long long)all);
    EXPECT(written / 30 < all / 3);
    EXPECT(written / 30 > all / 100);
}

/* A thousand lines between two paintings cost no more than one. */
static void a_flood_is_painted_once(void)
{
    static struct term t;

    start(pixels(640, 400, 32));
    term_init(&t, p.columns, p.rows);
    for (u32 i = 0; i < 1000; i++)
        term_write(&t, "abcdefgh ijk\r\n", 14);
    written = 0;
    term_show(&t, &g);
    paint_show(&p, &g);
    EXPECT(written <= 24 * 11 * 16 * 8 * 4);
}

static void text_mode(void)
{
    struct screen_mode m = {.kind = SCREEN_TEXT,
                            .width = 80,
                            .height = 25,
                            .pitch = 160,
                            .depth = 16};

    EXPECT(start(m));
    EXPECT_EQ(memory[0] | memory[1] << 8, CELL_BLANK);
    EXPECT_EQ(memory[3998] | memory[3999] << 8, CELL_BLANK);
    EXPECT_EQ(memory[4000], 0x5b);
    blank();
    g.cell[24 * 80 + 79] = 0x1f42;
    g.cursor = 3;
    written = 0;
    paint_show(&p, &g);
    EXPECT_EQ(written, 2);
    EXPECT_EQ(memory[3998] | memory[3999] << 8, 0x1f42);
    written = writes = 0;
    for (u32 i = 70; i < 90; i++)
        g.cell[i] = (u16)(0x0700 | i);
    paint_show(&p, &g);
    EXPECT_EQ(written, 40);
    EXPECT_EQ(writes, 2); /* a row's end, the next one's beginning */
    EXPECT_EQ(memory[178] | memory[179] << 8, 0x0759);
    m.width = 132, m.height = 60, m.pitch = 132 * 2 + 8;
    EXPECT(start(m));
    EXPECT_EQ(p.columns, 132);
    EXPECT_EQ(p.rows, 60);
}

/* A grid of another size is somebody's mistake, not a picture. */
static void a_grid_that_does_not_fit_is_not_shown(void)
{
    start(pixels(640, 400, 32));
    blank();
    g.columns = 160;
    g.cell[0] = 0x0741;
    written = 0;
    paint_show(&p, &g);
    EXPECT_EQ(written, 0);
}

static const struct unit_case list[] = {
    CASE(depths_and_orders),
    CASE(sizes),
    CASE(large_sizes),
    CASE(nothing_changed_costs_nothing),
    CASE(the_cursor_moves_and_leaves_nothing),
    CASE(scrolling),
    CASE(a_flood_is_painted_once),
    CASE(text_mode),
    CASE(a_grid_that_does_not_fit_is_not_shown),
};

UNIT_MAIN(list)
