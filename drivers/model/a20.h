/* SPDX-License-Identifier: MIT
 *
 * The A20 gate: a wire that forces bit 20 of every physical address to zero
 * while it is off, so that FFFF:0010 is 0000:0000 again as on an 8086. Two
 * devices pull it, the keyboard controller and port 0x92, and the last write
 * to either counts. LIMIT: so does QEMU; a chipset may OR the two. It is on
 * after RESET, as firmware leaves it.
 *
 * SDM vol. 3A 20.1.1 (A20M#); 82371AB (PIIX4) data sheet, port 92h.
 */
#ifndef MODEL_A20_H
#define MODEL_A20_H

#include "vmm/base/types.h"

struct a20_gate {
    void (*set)(void *ctx, bool on);
    void *ctx;
};

static inline void a20_set(const struct a20_gate *gate, bool on)
{
    gate->set(gate->ctx, on);
}

#endif
