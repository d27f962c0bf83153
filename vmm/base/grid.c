/* SPDX-License-Identifier: MIT
 *
 * One picture within another: a guest's screen of 80 by 25 cells in the
 * middle of a screen that may hold more of them, or fewer. Where there is room
 * above, a line there says what is seen. Where there is too little room, the
 * left columns and the last rows are shown: that is where people type.
 */
#include "vmm/base/grid.h"
#include "vmm/base/bits.h"

#define TITLE_ATTR 0x08 /* dark grey: not to be taken for the guest's */

/* Where a picture of `size` begins in a screen of `room`, and how much of it
 * is seen. */
struct margin {
    u32 on, count;
};

static struct margin margin(u32 room, u32 size)
{
    if (size <= room)
        return (struct margin){(room - size) / 2, size};
    return (struct margin){0, room};
}

static void put_title(struct grid *grid, u32 row, u32 column, const char *title)
{
    u16 *cell = &grid->cell[row * grid->columns];

    for (; *title && column < grid->columns; column++)
        cell[column] = (u16)(TITLE_ATTR << 8 | (u8)*title++);
}

void grid_place(struct grid *grid, const u16 *cells, u32 columns, u32 rows,
                u32 cursor, const char *title)
{
    struct margin x = margin(grid->columns, columns);
    struct margin y = margin(grid->rows, rows);

    for (u32 i = 0; i < grid->columns * grid->rows; i++)
        grid->cell[i] = CELL_BLANK;
    grid->cursor = GRID_NONE;
    if (y.on)
        put_title(grid, y.on - 1, x.on, title);
    for (u32 r = 0; r < y.count; r++) {
        for (u32 c = 0; c < x.count; c++) {
            u32 from = (rows - y.count + r) * columns + c;
            u32 to = (y.on + r) * grid->columns + x.on + c;
            grid->cell[to] = cells[from];
            if (from == cursor)
                grid->cursor = to;
        }
    }
}
