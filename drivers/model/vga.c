/* SPDX-License-Identifier: MIT
 *
 * See vga.h. Registers are those of IBM's VGA technical reference; the values
 * after reset are those of BIOS mode 3, 80 by 25 characters in 16 colours.
 *
 * Registers are kept as they are written and read back, each behind its index
 * register; an index beyond the last reads as zero. Two of them mean
 * something here: the start address and the cursor address, both counted in
 * cells. The status register toggles its retrace bits at each read, so a
 * program that waits for either edge goes on at once.
 *
 * The window from 0xa0000 to 0xbffff belongs to the card; only the text part
 * at 0xb8000 has memory behind it.
 * LIMIT: no graphics modes, no planes, no fonts; the rest of the window reads
 * all ones.
 */
#include "drivers/model/vga.h"
#include "arch/x86/defs/ports.h"
#include "drivers/bus/state.h"
#include "vmm/base/bits.h"

/* Offsets from port 0x3c0. */
enum {
    PORT_ATTR = 0x00,
    PORT_ATTR_READ = 0x01,
    PORT_MISC = 0x02, /* write; reads are input status 0 */
    PORT_SEQ_INDEX = 0x04,
    PORT_SEQ_DATA = 0x05,
    PORT_DAC_MASK = 0x06,
    PORT_DAC_READ = 0x07,
    PORT_DAC_WRITE = 0x08,
    PORT_DAC_DATA = 0x09,
    PORT_MISC_READ = 0x0c,
    PORT_GFX_INDEX = 0x0e,
    PORT_GFX_DATA = 0x0f,
    PORT_CRTC_I = 0x14,
    PORT_CRTC_D = 0x15,
    PORT_STATUS = 0x1a,
};

enum {
    CRTC_START_HIGH = 0x0c,
    CRTC_START_LOW = 0x0d,
    CRTC_CURSOR_HIGH = 0x0e,
    CRTC_CURSOR_LOW = 0x0f,
};

#define CELLS          (VGA_MEMORY / 2)
#define DAC_BYTES      (256 * 3)
#define DAC_BITS       0x3f
#define INDEX_BITS     0x1f
#define ATTR_INDEX     0x3f
#define MISC_MODE3     0x67
#define STATUS_DISPLAY BIT(0)
#define STATUS_RETRACE BIT(3)
#define BLANK_CELL     0x0720 /* a space, light grey on black */
#define ALL_ONES       0xffffffffu
#define TEXT_OFFSET    (VGA_TEXT - VGA_WINDOW)

#define STATE_TAG 0x31414756 /* "VGA1" */

STATIC_ASSERT(VGA_MEMORY == VGA_TEXT_SIZE);

static const u8 crtc_mode3[VGA_CRTC_REGS] = {
    0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00,
    0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e,
    0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
static const u8 seq_mode3[VGA_SEQ_REGS] = {0x03, 0x00, 0x03, 0x00, 0x02};
static const u8 gfx_mode3[VGA_GFX_REGS] = {0x00, 0x00, 0x00, 0x00, 0x00,
                                           0x10, 0x0e, 0x00, 0xff};
static const u8 attr_mode3[VGA_ATTR_REGS] = {
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
    0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00};

static u8 indexed(const u8 *regs, u32 count, u32 index)
{
    return index < count ? regs[index] : 0;
}

static void set_indexed(u8 *regs, u32 count, u32 index, u8 value)
{
    if (index < count)
        regs[index] = value;
}

static u8 read_dac(struct vga_state *st)
{
    u8 value = st->dac[st->dac_read % DAC_BYTES];

    st->dac_read = (st->dac_read + 1) % DAC_BYTES;
    return value;
}

static void write_dac(struct vga_state *st, u8 value)
{
    st->dac[st->dac_write % DAC_BYTES] = value & DAC_BITS;
    st->dac_write = (st->dac_write + 1) % DAC_BYTES;
}

/* Reading the status makes the attribute port expect an index. */
static u8 read_status(struct vga_state *st)
{
    st->attr_data = 0;
    st->status ^= STATUS_DISPLAY | STATUS_RETRACE;
    return st->status;
}

static u32 vga_read(void *dev, u32 offset, u32 size)
{
    struct vga_state *st = &((struct vga *)dev)->st;

    switch (offset) {
    case PORT_ATTR:
        return st->attr_index;
    case PORT_ATTR_READ:
        return indexed(st->attr, VGA_ATTR_REGS, st->attr_index & INDEX_BITS);
    case PORT_MISC:
        return 0;
    case PORT_SEQ_INDEX:
        return st->seq_index;
    case PORT_SEQ_DATA:
        return indexed(st->seq, VGA_SEQ_REGS, st->seq_index);
    case PORT_DAC_MASK:
        return st->dac_mask;
    case PORT_DAC_WRITE:
        return st->dac_write / 3;
    case PORT_DAC_DATA:
        return read_dac(st);
    case PORT_MISC_READ:
        return st->misc;
    case PORT_GFX_INDEX:
        return st->gfx_index;
    case PORT_GFX_DATA:
        return indexed(st->gfx, VGA_GFX_REGS, st->gfx_index);
    case PORT_CRTC_I:
        return st->crtc_index;
    case PORT_CRTC_D:
        return indexed(st->crtc, VGA_CRTC_REGS, st->crtc_index);
    case PORT_STATUS:
        return read_status(st);
    default:
        return 0xff;
    }
}

/* One port for index and data, in turn. */
static void write_attr(struct vga_state *st, u8 value)
{
    if (st->attr_data)
        set_indexed(st->attr, VGA_ATTR_REGS, st->attr_index & INDEX_BITS,
                    value);
    else
        st->attr_index = value & ATTR_INDEX;
    st->attr_data ^= 1;
}

static void vga_write(void *dev, u32 offset, u32 size, u32 v)
{
    struct vga_state *st = &((struct vga *)dev)->st;
    u8 value = (u8)v;

    switch (offset) {
    case PORT_ATTR:
        write_attr(st, value);
        break;
    case PORT_MISC:
        st->misc = value;
        break;
    case PORT_SEQ_INDEX:
        st->seq_index = value;
        break;
    case PORT_SEQ_DATA:
        set_indexed(st->seq, VGA_SEQ_REGS, st->seq_index, value);
        break;
    case PORT_DAC_MASK:
        st->dac_mask = value;
        break;
    case PORT_DAC_READ:
        st->dac_read = value * 3;
        break;
    case PORT_DAC_WRITE:
        st->dac_write = value * 3;
        break;
    case PORT_DAC_DATA:
        write_dac(st, value);
        break;
    case PORT_GFX_INDEX:
        st->gfx_index = value;
        break;
    case PORT_GFX_DATA:
        set_indexed(st->gfx, VGA_GFX_REGS, st->gfx_index, value);
        break;
    case PORT_CRTC_I:
        st->crtc_index = value;
        break;
    case PORT_CRTC_D:
        set_indexed(st->crtc, VGA_CRTC_REGS, st->crtc_index, value);
        break;
    }
}

static u32 window_read(void *dev, u32 offset, u32 size)
{
    const struct vga_state *st = &((struct vga *)dev)->st;
    u32 at = offset - TEXT_OFFSET;

    if (at >= VGA_MEMORY || size > VGA_MEMORY - at)
        return ALL_ONES;
    switch (size) {
    case 1:
        return st->memory[at];
    case 2:
        return get_le16(&st->memory[at]);
    default:
        return get_le32(&st->memory[at]);
    }
}

static void window_write(void *dev, u32 offset, u32 size, u32 value)
{
    struct vga_state *st = &((struct vga *)dev)->st;
    u32 at = offset - TEXT_OFFSET;

    for (u32 i = 0; i < size; i++)
        if (at + i < VGA_MEMORY)
            st->memory[at + i] = (u8)(value >> 8 * i);
}

static u32 cell_address(const struct vga *vga, u32 high)
{
    return vga->st.crtc[high] << 8 | vga->st.crtc[high + 1];
}

void vga_screen(const struct vga *vga, u16 cells[VGA_CELLS])
{
    u32 start = cell_address(vga, CRTC_START_HIGH);

    for (u32 i = 0; i < VGA_CELLS; i++)
        cells[i] = get_le16(&vga->st.memory[(start + i) % CELLS * 2]);
}

u32 vga_cursor(const struct vga *vga)
{
    u32 start = cell_address(vga, CRTC_START_HIGH);

    return (cell_address(vga, CRTC_CURSOR_HIGH) - start) % CELLS;
}

static void vga_reset(void *dev)
{
    struct vga_state *st = &((struct vga *)dev)->st;

    memset(st, 0, sizeof(*st));
    memcpy(st->crtc, crtc_mode3, sizeof(crtc_mode3));
    memcpy(st->seq, seq_mode3, sizeof(seq_mode3));
    memcpy(st->gfx, gfx_mode3, sizeof(gfx_mode3));
    memcpy(st->attr, attr_mode3, sizeof(attr_mode3));
    st->misc = MISC_MODE3;
    st->dac_mask = 0xff;
    for (u32 i = 0; i < CELLS; i++)
        put_le16(&st->memory[i * 2], BLANK_CELL);
}

static u32 vga_save(const void *dev, u8 *buf, u32 size)
{
    const struct vga *vga = dev;

    return state_save(STATE_TAG, &vga->st, sizeof(vga->st), buf, size);
}

static bool vga_load(void *dev, const u8 *buf, u32 size)
{
    struct vga *vga = dev;

    return state_load(STATE_TAG, &vga->st, sizeof(vga->st), buf, size);
}

void vga_init(struct vga *vga)
{
    vga_reset(vga);
}

const struct dev_ops vga_ops = {
    .name = "VGA registers",
    .read = vga_read,
    .write = vga_write,
    .reset = vga_reset,
    .save = vga_save,
    .load = vga_load,
    .bytes_only = true,
};

const struct dev_ops vga_window_ops = {
    .name = "VGA text memory",
    .read = window_read,
    .write = window_write,
    .reset = vga_reset,
    .save = vga_save,
    .load = vga_load,
};
