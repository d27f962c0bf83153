/* SPDX-License-Identifier: MIT
 *
 * What the machine's screen is, as the boot loader left it.
 *
 * Either text (cells of a character and an attribute, as VGA has them at
 * 0xb8000) or pixels in a linear frame buffer, of which the loader says where
 * each colour lies. Loader and firmware may lie: whoever fills this in has
 * checked that the sizes fit together, whoever paints relies on it.
 *
 * Multiboot2 2.0 section 3.6.12; Multiboot 0.6.96 section 3.3.
 */
#ifndef BASE_SCREEN_H
#define BASE_SCREEN_H

#include "vmm/base/types.h"

enum screen_kind { SCREEN_NONE, SCREEN_TEXT, SCREEN_PIXELS };

/* One colour in a pixel: `bits` wide, from bit `at` on. */
struct screen_colour {
    u8 at, bits;
};

struct screen_mode {
    enum screen_kind kind;
    hpa_t at;          /* the first cell or pixel */
    u32 width, height; /* in characters or pixels */
    u32 pitch;         /* bytes from one row to the next */
    u32 depth;         /* bits of a pixel: 15, 16, 24 or 32 */
    struct screen_colour red, green, blue;
};

#endif
