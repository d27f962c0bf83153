/* SPDX-License-Identifier: MIT
 *
 * The interrupt controllers of a PC: two 8259A, the second one behind line 2
 * of the first, and the ELCR registers that make lines level-triggered.
 *
 * Whoever raises a line calls pic_set(); the processor side asks
 * pic_pending() and takes the vector with pic_ack(). Two hooks tell the owner
 * what a timer needs to know to keep its ticks: that a request was taken (by
 * INTA or by a poll), and that a line was unmasked.
 */
#ifndef MODEL_PIC_H
#define MODEL_PIC_H

#include "drivers/bus/bus.h"

struct pic_hooks {
    void *ctx;
    void (*taken)(void *ctx, u32 line);
    void (*unmasked)(void *ctx, u32 line);
};

struct pic_chip {
    u8 line; /* levels on the pins */
    u8 edge; /* rising edges seen and not yet taken */
    u8 isr, imr, elcr;
    u8 base;   /* ICW2: vector of IR0 */
    u8 lowest; /* the line of lowest priority */
    u8 step;   /* which ICW comes next; 0: none */
    u8 icw1, icw3, icw4;
    u8 rotate_auto, special_mask, read_isr, poll;
};

struct pic_state {
    struct pic_chip chip[2];
    u8 offered; /* INTR was last raised for the second chip */
};

struct pic {
    struct pic_state st;
    struct pic_hooks hooks;
};

/* Offsets of its ports in what the device sees. */
enum { PIC_CMD1, PIC_DATA1, PIC_CMD2, PIC_DATA2, PIC_ELCR1, PIC_ELCR2 };

extern const struct dev_ops pic_ops;

void pic_init(struct pic *pic, const struct pic_hooks *hooks);
void pic_set(struct pic *pic, u32 line, bool level);
bool pic_pending(const struct pic *pic);
u8 pic_ack(struct pic *pic);
/* Is a request of this line waiting to be taken? */
bool pic_waiting(const struct pic *pic, u32 line);
/* A line's level; a bit for each line whose interrupt has been taken and not
 * yet been declared at its end. */
bool pic_level(const struct pic *pic, u32 line);
u32 pic_in_service(const struct pic *pic);
bool pic_masked(const struct pic *pic, u32 line);

#endif
