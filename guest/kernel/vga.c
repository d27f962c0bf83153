/* SPDX-License-Identifier: MIT
 *
 * The 80x25 text screen: a character and an attribute per cell, at physical
 * 0xb8000. The whole picture is in memory; only the cursor is in registers,
 * and it is moved once per write, not once per character. VGA CRTC registers
 * 0x0e and 0x0f hold the cursor's cell.
 */
#include "arch/x86/defs/ports.h"
#include "guest/kernel/kernel.h"

#define COLUMNS     80
#define ROWS        25
#define CELLS       (COLUMNS * ROWS)
#define BLANK       0x0720 /* a space, light grey on black */
#define CURSOR_HIGH 0x0e
#define CURSOR_LOW  0x0f

static u16 *const screen = (u16 *)(KERNEL_BASE + VGA_TEXT);
static u32 cursor;

static void move_cursor(void)
{
    outb(PORT_CRTC_INDEX, CURSOR_HIGH);
    outb(PORT_CRTC_DATA, (u8)(cursor >> 8));
    outb(PORT_CRTC_INDEX, CURSOR_LOW);
    outb(PORT_CRTC_DATA, (u8)cursor);
}

void vga_init(void)
{
    for (u32 i = 0; i < CELLS; i++)
        screen[i] = BLANK;
    move_cursor();
}

static void scroll(void)
{
    memcpy(screen, screen + COLUMNS, (CELLS - COLUMNS) * sizeof(*screen));
    for (u32 i = CELLS - COLUMNS; i < CELLS; i++)
        screen[i] = BLANK;
    cursor -= COLUMNS;
}

static void put(char c)
{
    if (c == '\n')
        cursor += COLUMNS - cursor % COLUMNS;
    else if (c == '\r')
        cursor -= cursor % COLUMNS;
    else if (c == '\b')
        cursor -= cursor % COLUMNS ? 1 : 0;
    else
        screen[cursor++] = (u16)((BLANK & 0xff00) | (u8)c);
    if (cursor >= CELLS)
        scroll();
}

void vga_write(const char *s, u32 n)
{
    for (u32 i = 0; i < n; i++)
        put(s[i]);
    move_cursor();
}
