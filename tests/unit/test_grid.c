/* SPDX-License-Identifier: MIT
 *
 * A picture within another: in the middle with its title above, or cut to
 * the left and the end; the cursor goes along.
 * LINKS: vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/grid.h"

#define COLUMNS 80u
#define ROWS    25u

static u16 cells[COLUMNS * ROWS];
static struct grid g;

static void place(u32 columns, u32 rows, u32 cursor, const char *title)
{
    for (u32 i = 0; i < COLUMNS * ROWS; i++)
        cells[i] = (u16)(i + 1);
    memset(&g, 0xee, sizeof(g));
    g.columns = columns;
    g.rows = rows;
    grid_place(&g, cells, COLUMNS, ROWS, cursor, title);
}

static u16 at(u32 column, u32 row)
{
    return g.cell[row * g.columns + column];
}

static void the_same_size(void)
{
    place(80, 25, 1999, "unseen");
    EXPECT(memcmp(g.cell, cells, sizeof(cells)) == 0);
    EXPECT_EQ(g.cursor, 1999);
    EXPECT_EQ(g.cell[COLUMNS * ROWS], 0xeeee);
}

static void in_the_middle_with_a_title(void)
{
    place(128, 48, 81, "beta");
    EXPECT_EQ(at(24, 11), 1);
    EXPECT_EQ(at(24 + 79, 11 + 24), 2000);
    EXPECT_EQ(at(0, 0), CELL_BLANK);
    EXPECT_EQ(at(23, 11), CELL_BLANK);
    EXPECT_EQ(at(24 + 80, 11), CELL_BLANK);
    EXPECT_EQ(at(24, 11 + 25), CELL_BLANK);
    EXPECT_EQ(at(24, 10), 0x0862);
    EXPECT_EQ(at(24 + 3, 10), 0x0861);
    EXPECT_EQ(at(24 + 4, 10), CELL_BLANK);
    EXPECT_EQ(g.cursor, 12 * 128 + 25);
}

static void no_room(void)
{
    place(40, 12, 0, "a title");
    EXPECT_EQ(at(0, 0), 13 * 80 + 1);
    EXPECT_EQ(at(39, 11), 24 * 80 + 40);
    EXPECT_EQ(g.cursor, GRID_NONE);
    place(40, 12, 24 * 80 + 3, "");
    EXPECT_EQ(g.cursor, 11 * 40 + 3);
    place(40, 12, 24 * 80 + 43, "");
    EXPECT_EQ(g.cursor, GRID_NONE);
    place(1, 1, GRID_NONE, "x");
    EXPECT_EQ(at(0, 0), 24 * 80 + 1);
}

static void a_title_ends_at_the_edge(void)
{
    static char title[1000];

    memset(title, 't', sizeof(title) - 1);
    place(80, 27, 4000, title);
    EXPECT_EQ(at(79, 0), 0x0874);
    EXPECT_EQ(at(0, 1), 1);
    EXPECT_EQ(at(79, 26), CELL_BLANK);
    EXPECT_EQ(g.cursor, GRID_NONE);
    place(160, 64, 0, title);
    EXPECT_EQ(at(40, 19), 1);
    EXPECT_EQ(at(0, 19), CELL_BLANK);
}

static const struct unit_case list[] = {
    CASE(the_same_size),
    CASE(in_the_middle_with_a_title),
    CASE(no_room),
    CASE(a_title_ends_at_the_edge),
};

UNIT_MAIN(list)
