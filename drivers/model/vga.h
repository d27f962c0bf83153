/* SPDX-License-Identifier: MIT
 *
 * A VGA in text mode: 32 KiB of cells at 0xb8000 and the registers that
 * programs write to set it up. Nobody renders it here; vga_screen() copies
 * out what a monitor would show.
 */
#ifndef MODEL_VGA_H
#define MODEL_VGA_H

#include "drivers/bus/bus.h"

#define VGA_COLUMNS 80
#define VGA_ROWS    25
#define VGA_CELLS   (VGA_COLUMNS * VGA_ROWS)
#define VGA_MEMORY  0x8000

#define VGA_CRTC_REGS 25
#define VGA_SEQ_REGS  5
#define VGA_GFX_REGS  9
#define VGA_ATTR_REGS 21

struct vga_state {
    u8 memory[VGA_MEMORY];
    u8 crtc[VGA_CRTC_REGS], seq[VGA_SEQ_REGS];
    u8 gfx[VGA_GFX_REGS], attr[VGA_ATTR_REGS];
    u8 crtc_index, seq_index, gfx_index, attr_index;
    u8 attr_data; /* the attribute port takes data next */
    u8 misc, status, dac_mask;
    u8 dac[256 * 3];
    u16 dac_read, dac_write; /* byte positions in dac[] */
};

struct vga {
    struct vga_state st;
};

/* Offsets: ports from 0x3c0 on; the window is a device of its own. */
extern const struct dev_ops vga_ops;
extern const struct dev_ops vga_window_ops;

void vga_init(struct vga *vga);
/* The cells on the screen, character in the low byte, attribute above. */
void vga_screen(const struct vga *vga, u16 cells[VGA_CELLS]);
/* Where the cursor is on that screen; VGA_CELLS or more: not on it. */
u32 vga_cursor(const struct vga *vga);

#endif
