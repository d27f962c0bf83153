/* SPDX-License-Identifier: MIT
 *
 * See pic.h. Section names are those of Intel's 8259A data sheet (231468).
 *
 * Each chip is a handful of bytes, and everything it shows is computed from
 * them: nothing is cached that could go stale. A request of an edge-triggered
 * line lasts from its rising edge until it is taken or the line falls ("the
 * IR inputs must remain high until after the falling edge of the first
 * INTA"); of a level-triggered one, as long as the line is high. Priorities
 * are ranks counted upward from the line behind the lowest one, so rotation
 * is a change of one number.
 *
 * The second chip's INT output is line 2 of the first and is always computed.
 * When the request has gone by the time it is acknowledged, the default IR7
 * answers, without an in-service bit: of the second chip if it was that one
 * that had raised INTR.
 *
 * ELCR and its unchangeable bits are those of Intel's 82371SB (PIIX3, section
 * 2.5.6); LTIM in ICW1 has no effect there.
 * LIMIT: the 8080 vector format (ICW4 uPM = 0) and buffered mode are stored
 * and ignored; ICW3 is stored, the wiring is that of a PC whatever it says.
 */
#include "drivers/model/pic.h"
#include "arch/x86/defs/ports.h"
#include "drivers/bus/state.h"
#include "vmm/base/bits.h"

#define LINES   8
#define NONE    LINES
#define DEFAULT 7 /* the line that answers for a request that has gone */

#define ICW1       BIT(4) /* in a command byte: this is ICW1 */
#define ICW1_IC4   BIT(0)
#define ICW1_SNGL  BIT(1)
#define ICW2_BASE  0xf8
#define ICW4_AEOI  BIT(1)
#define ICW4_SFNM  BIT(4)
#define OCW3       BIT(3) /* in a command byte: this is OCW3, else OCW2 */
#define OCW3_RIS   BIT(0)
#define OCW3_RR    BIT(1)
#define OCW3_P     BIT(2)
#define OCW3_SMM   BIT(5)
#define OCW3_ESMM  BIT(6)
#define OCW2_LEVEL 7
#define POLL_IRQ   BIT(7)

#define ELCR1_MASK 0xf8 /* IRQ 0, 1, 2 are edges for ever */
#define ELCR2_MASK 0xde /* IRQ 8, 13 as well */

#define STATE_TAG 0x31434950 /* "PIC1" */

/* OCW2's upper three bits: R, SL, EOI. */
enum {
    OCW2_ROTATE_AEOI_CLEAR,
    OCW2_EOI,
    OCW2_NOP,
    OCW2_EOI_SPECIFIC,
    OCW2_ROTATE_AEOI_SET,
    OCW2_EOI_ROTATE,
    OCW2_SET_PRIORITY,
    OCW2_EOI_SPECIFIC_ROTATE,
};

static u32 rank(const struct pic_chip *c, u32 line)
{
    return (line - c->lowest - 1) & (LINES - 1);
}

/* The line of highest priority in a mask. */
static u32 first_of(const struct pic_chip *c, u8 mask)
{
    for (u32 i = 1; i <= LINES; i++) {
        u32 line = (c->lowest + i) & (LINES - 1);

        if (mask & BIT(line))
            return line;
    }
    return NONE;
}

/* Does the in-service line let this request through? (Fully Nested Mode; the
 * special one lets a chip's cascade line interrupt itself.) */
static bool beats(const struct pic_chip *c, u32 line, u32 serving, u8 cascade)
{
    if (serving == NONE || rank(c, line) < rank(c, serving))
        return true;
    return line == serving && (c->icw4 & ICW4_SFNM) && (cascade & BIT(line));
}

/* What the chip asks for, given all its requests. */
static u32 chip_winner(const struct pic_chip *c, u8 requests, u8 cascade)
{
    u8 serving = c->special_mask ? c->isr & ~c->imr : c->isr;
    u32 line;

    if (c->step || !(requests & ~c->imr))
        return NONE;
    line = first_of(c, requests & ~c->imr);
    return beats(c, line, first_of(c, serving), cascade) ? line : NONE;
}

static u8 own_requests(const struct pic_chip *c)
{
    return (c->edge & ~c->elcr) | (c->line & c->elcr);
}

static u32 slave_winner(const struct pic *pic)
{
    const struct pic_chip *c = &pic->st.chip[1];

    return chip_winner(c, own_requests(c), 0);
}

static u8 requests(const struct pic *pic, u32 chip)
{
    u8 own = own_requests(&pic->st.chip[chip]);

    if (chip == 1)
        return own;
    own &= ~BIT(IRQ_CASCADE);
    return slave_winner(pic) == NONE ? own : own | BIT(IRQ_CASCADE);
}

static u32 master_winner(const struct pic *pic)
{
    return chip_winner(&pic->st.chip[0], requests(pic, 0), BIT(IRQ_CASCADE));
}

bool pic_pending(const struct pic *pic)
{
    return master_winner(pic) != NONE;
}

/* Remembers which chip raised INTR, for a request that goes away. */
static void update(struct pic *pic)
{
    u32 line = master_winner(pic);

    if (line != NONE)
        pic->st.offered = line == IRQ_CASCADE;
}

void pic_set(struct pic *pic, u32 line, bool level)
{
    struct pic_chip *c = &pic->st.chip[line / LINES & 1];
    u8 bit = (u8)BIT(line % LINES);

    if (!level) {
        c->line &= ~bit;
        c->edge &= ~bit;
    } else if (!(c->line & bit)) {
        c->line |= bit;
        c->edge |= bit;
    }
    update(pic);
}

bool pic_level(const struct pic *pic, u32 line)
{
    return pic->st.chip[line / LINES & 1].line & BIT(line % LINES);
}

u32 pic_in_service(const struct pic *pic)
{
    return pic->st.chip[0].isr | (u32)pic->st.chip[1].isr << LINES;
}

bool pic_waiting(const struct pic *pic, u32 line)
{
    u32 chip = line / LINES & 1;

    if (line == IRQ_CASCADE)
        return slave_winner(pic) != NONE;
    return own_requests(&pic->st.chip[chip]) & BIT(line % LINES);
}

bool pic_masked(const struct pic *pic, u32 line)
{
    const struct pic_chip *c = pic->st.chip;
    bool behind = line >= LINES && (c[0].imr & BIT(IRQ_CASCADE));

    return behind || (c[line / LINES & 1].imr & BIT(line % LINES));
}

static void take(struct pic *pic, u32 chip, u32 line)
{
    struct pic_chip *c = &pic->st.chip[chip];

    c->edge &= ~BIT(line);
    if (!(c->icw4 & ICW4_AEOI))
        c->isr |= BIT(line);
    else if (c->rotate_auto)
        c->lowest = (u8)line;
    if (pic->hooks.taken)
        pic->hooks.taken(pic->hooks.ctx, chip * LINES + line);
}

u8 pic_ack(struct pic *pic)
{
    u32 line = master_winner(pic), behind = slave_winner(pic);
    struct pic_chip *c = pic->st.chip;

    if (line == NONE && !pic->st.offered)
        return c[0].base | DEFAULT;
    if (line == NONE)
        line = IRQ_CASCADE;
    take(pic, 0, line);
    if (line != IRQ_CASCADE) {
        update(pic);
        return c[0].base | (u8)line;
    }
    if (behind != NONE)
        take(pic, 1, behind);
    pic->st.offered = 0;
    update(pic);
    return c[1].base | (u8)(behind == NONE ? DEFAULT : behind);
}

static u32 poll(struct pic *pic, u32 chip)
{
    u32 line = chip ? slave_winner(pic) : master_winner(pic);

    pic->st.chip[chip].poll = 0;
    if (line == NONE)
        return 0;
    take(pic, chip, line);
    return POLL_IRQ | line;
}

static u32 pic_read(void *dev, u32 offset, u32 size)
{
    struct pic *pic = dev;
    u32 chip = offset / 2 & 1, value;
    struct pic_chip *c = &pic->st.chip[chip];

    if (offset >= PIC_ELCR1)
        return pic->st.chip[(offset - PIC_ELCR1) & 1].elcr;
    if (c->poll)
        value = poll(pic, chip);
    else if (offset & 1)
        value = c->imr;
    else
        value = c->read_isr ? c->isr : requests(pic, chip);
    update(pic);
    return value;
}

/* "Initialization Command Words", a to f; ELCR and the pins stay. */
static void write_icw1(struct pic_chip *c, u8 value)
{
    *c = (struct pic_chip){
        .line = c->line,
        .elcr = c->elcr,
        .base = c->base,
        .lowest = LINES - 1,
        .step = 2,
        .icw1 = value,
    };
}

/* "Operation Command Words": with SMM an in-service line that is masked is
 * not ended by a non-specific EOI. */
static u32 end_highest(struct pic_chip *c)
{
    u32 line = first_of(c, c->special_mask ? c->isr & ~c->imr : c->isr);

    if (line != NONE)
        c->isr &= ~BIT(line);
    return line;
}

static void write_ocw2(struct pic_chip *c, u8 value)
{
    u32 line = value & OCW2_LEVEL;

    switch (value >> 5) {
    case OCW2_ROTATE_AEOI_CLEAR:
    case OCW2_ROTATE_AEOI_SET:
        c->rotate_auto = value >> 7;
        break;
    case OCW2_EOI:
        end_highest(c);
        break;
    case OCW2_EOI_ROTATE:
        line = end_highest(c);
        if (line != NONE)
            c->lowest = (u8)line;
        break;
    case OCW2_EOI_SPECIFIC:
        c->isr &= ~BIT(line);
        break;
    case OCW2_EOI_SPECIFIC_ROTATE:
        c->isr &= ~BIT(line);
        c->lowest = (u8)line;
        break;
    case OCW2_SET_PRIORITY:
        c->lowest = (u8)line;
        break;
    }
}

static void write_ocw3(struct pic_chip *c, u8 value)
{
    if (value & OCW3_ESMM)
        c->special_mask = (value & OCW3_SMM) != 0;
    if (value & OCW3_P)
        c->poll = 1;
    else if (value & OCW3_RR)
        c->read_isr = value & OCW3_RIS;
}

/* The data port: the ICW that is expected, else the mask. */
static void write_data(struct pic_chip *c, u8 value)
{
    u8 last = c->icw1 & ICW1_IC4 ? 4 : 0;

    switch (c->step) {
    case 2:
        c->base = value & ICW2_BASE;
        c->step = c->icw1 & ICW1_SNGL ? last : 3;
        break;
    case 3:
        c->icw3 = value;
        c->step = last;
        break;
    case 4:
        c->icw4 = value;
        c->step = 0;
        break;
    default:
        c->imr = value;
    }
}

static void tell_unmasked(struct pic *pic, u32 chip, u8 before)
{
    u8 opened = before & ~pic->st.chip[chip].imr;

    for (u32 line = 0; pic->hooks.unmasked && line < LINES; line++)
        if (opened & BIT(line))
            pic->hooks.unmasked(pic->hooks.ctx, chip * LINES + line);
}

static void pic_write(void *dev, u32 offset, u32 size, u32 value)
{
    struct pic *pic = dev;
    u32 chip = offset / 2 & 1;
    struct pic_chip *c = &pic->st.chip[chip];
    u8 before = c->imr;

    if (offset == PIC_ELCR1)
        pic->st.chip[0].elcr = value & ELCR1_MASK;
    else if (offset == PIC_ELCR2)
        pic->st.chip[1].elcr = value & ELCR2_MASK;
    else if (offset & 1)
        write_data(c, (u8)value);
    else if (value & ICW1)
        write_icw1(c, (u8)value);
    else if (value & OCW3)
        write_ocw3(c, (u8)value);
    else
        write_ocw2(c, (u8)value);
    tell_unmasked(pic, chip, before);
    update(pic);
}

/* A data sheet leaves power-on open; everything masked is the safe choice.
 * The pins belong to the devices, which are reset beside this one. */
static void pic_reset(void *dev)
{
    struct pic *pic = dev;
    u8 line[2] = {pic->st.chip[0].line, pic->st.chip[1].line};

    pic->st = (struct pic_state){.offered = 0};
    for (u32 i = 0; i < 2; i++)
        pic->st.chip[i] = (struct pic_chip){
            .line = line[i], .imr = 0xff, .lowest = LINES - 1};
}

static u32 pic_save(const void *dev, u8 *buf, u32 size)
{
    const struct pic *pic = dev;

    return state_save(STATE_TAG, &pic->st, sizeof(pic->st), buf, size);
}

static bool pic_load(void *dev, const u8 *buf, u32 size)
{
    struct pic *pic = dev;
    struct pic_state st;

    if (!state_load(STATE_TAG, &st, sizeof(st), buf, size) ||
        st.chip[0].lowest >= LINES || st.chip[1].lowest >= LINES)
        return false;
    pic->st = st;
    return true;
}

void pic_init(struct pic *pic, const struct pic_hooks *hooks)
{
    *pic = (struct pic){.hooks = *hooks};
    pic_reset(pic);
}

const struct dev_ops pic_ops = {
    .name = "8259A pair",
    .read = pic_read,
    .write = pic_write,
    .reset = pic_reset,
    .save = pic_save,
    .load = pic_load,
    .bytes_only = true,
};
