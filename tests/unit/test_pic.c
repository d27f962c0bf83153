/* SPDX-License-Identifier: MIT
 *
 * The 8259 pair: every command word, every priority rule.
 * LINKS: drivers/model drivers/bus vmm/base
 */
#include "drivers/model/pic.h"
#include "tests/unit/unit.h"

static struct pic pic;
static u32 taken[16], unmasked[16];

static void on_taken(void *ctx, u32 line)
{
    taken[line]++;
}

static void on_unmasked(void *ctx, u32 line)
{
    unmasked[line]++;
}

static void out(u32 port, u8 value)
{
    pic_ops.write(&pic, port, 1, value);
}

static u8 in(u32 port)
{
    return (u8)pic_ops.read(&pic, port, 1);
}

/* Vectors 0x20 and 0x28, nothing masked. */
static void setup(u8 icw4)
{
    struct pic_hooks hooks = {NULL, on_taken, on_unmasked};

    pic_init(&pic, &hooks);
    for (u32 chip = 0; chip < 2; chip++) {
        out(chip * 2, 0x11);
        out(chip * 2 + 1, (u8)(0x20 + 8 * chip));
        out(chip * 2 + 1, chip ? 2 : 4);
        out(chip * 2 + 1, icw4);
    }
    memset(taken, 0, sizeof(taken));
    memset(unmasked, 0, sizeof(unmasked));
}

static void pulse(u32 line)
{
    pic_set(&pic, line, false);
    pic_set(&pic, line, true);
}

static void power_on_is_silent(void)
{
    struct pic_hooks hooks = {NULL, NULL, NULL};

    pic_init(&pic, &hooks);
    for (u32 i = 0; i < 16; i++)
        pulse(i);
    EXPECT(!pic_pending(&pic));
    EXPECT_EQ(in(PIC_DATA1), 0xff);
}

static void each_line_has_its_vector(void)
{
    setup(1);
    for (u32 i = 0; i < 16; i++) {
        if (i == 2)
            continue;
        EXPECT(!pic_pending(&pic));
        pulse(i);
        EXPECT(pic_pending(&pic));
        EXPECT(pic_waiting(&pic, i));
        EXPECT_EQ(pic_ack(&pic), 0x20 + i);
        EXPECT_EQ(taken[i], 1);
        EXPECT(!pic_pending(&pic));
        if (i >= 8)
            out(PIC_CMD2, 0x20);
        out(PIC_CMD1, 0x20);
        EXPECT_EQ(pic.st.chip[0].isr, 0);
        EXPECT_EQ(pic.st.chip[1].isr, 0);
    }
}

static void priorities_nest(void)
{
    setup(1);
    pulse(4);
    EXPECT_EQ(pic_ack(&pic), 0x24);
    pulse(5);
    EXPECT(!pic_pending(&pic));
    pulse(4);
    EXPECT(!pic_pending(&pic));
    pulse(1);
    EXPECT_EQ(pic_ack(&pic), 0x21);
    out(PIC_CMD1, 0x0b);
    EXPECT_EQ(in(PIC_CMD1), 0x12);
    out(PIC_CMD1, 0x08); /* neither RR: the choice stays */
    EXPECT_EQ(in(PIC_CMD1), 0x12);
    out(PIC_CMD1, 0x0a);
    EXPECT_EQ(in(PIC_CMD1), 0x30);
    out(PIC_CMD1, 0x20); /* ends 1 */
    EXPECT(!pic_pending(&pic));
    out(PIC_CMD1, 0x20); /* ends 4 */
    EXPECT_EQ(pic_ack(&pic), 0x24);
    out(PIC_CMD1, 0x64);
    EXPECT_EQ(pic_ack(&pic), 0x25);
}

static void slave_sits_between_1_and_3(void)
{
    setup(1);
    pulse(3);
    pulse(14);
    pulse(8);
    EXPECT_EQ(in(PIC_CMD1), 0x0c); /* IRR shows the cascade line */
    EXPECT_EQ(pic_ack(&pic), 0x28);
    EXPECT(!pic_pending(&pic));
    out(PIC_CMD2, 0x20);
    EXPECT(!pic_pending(&pic)); /* the master still serves its line 2 */
    out(PIC_CMD1, 0x20);
    EXPECT_EQ(pic_ack(&pic), 0x2e);
    out(PIC_CMD2, 0x20);
    out(PIC_CMD1, 0x20);
    EXPECT_EQ(pic_ack(&pic), 0x23);
}

/* The cascade has no pin of its own: it waits when a slave's line does. */
static void the_cascade_waits_for_the_slave(void)
{
    setup(1);
    EXPECT(!pic_waiting(&pic, 2));
    pulse(10);
    EXPECT(pic_waiting(&pic, 2));
    EXPECT(pic_waiting(&pic, 10));
    out(3, 4);
    EXPECT(!pic_waiting(&pic, 2));
}

/* Nobody has to listen. */
static void without_hooks_it_works_the_same(void)
{
    struct pic_hooks hooks = {NULL, NULL, NULL};

    setup(1);
    pic.hooks = hooks;
    out(1, 0xff);
    pulse(3);
    out(1, 0);
    EXPECT_EQ(pic_ack(&pic), 0x23);
}

static void masks_hold_back(void)
{
    setup(1);
    out(PIC_DATA1, 0x10);
    pulse(4);
    EXPECT(!pic_pending(&pic));
    EXPECT(pic_masked(&pic, 4) && !pic_masked(&pic, 12));
    EXPECT_EQ(in(PIC_CMD1), 0x10);
    EXPECT_EQ(unmasked[4], 0);
    out(PIC_DATA1, 0x04);
    EXPECT_EQ(unmasked[4], 1);
    EXPECT_EQ(unmasked[3], 0);
    EXPECT_EQ(pic_ack(&pic), 0x24);
    EXPECT(pic_masked(&pic, 12));
    pulse(12);
    EXPECT(!pic_pending(&pic));
}

static void an_edge_is_one_interrupt(void)
{
    setup(1);
    pic_set(&pic, 5, true);
    EXPECT_EQ(pic_ack(&pic), 0x25);
    out(PIC_CMD1, 0x20);
    EXPECT(!pic_pending(&pic));
    pic_set(&pic, 5, true);
    EXPECT(!pic_pending(&pic));
    pulse(5);
    EXPECT(pic_pending(&pic));
}

static void a_level_lasts(void)
{
    setup(1);
    out(PIC_ELCR1, 0xff);
    EXPECT_EQ(in(PIC_ELCR1), 0xf8);
    out(PIC_ELCR2, 0xff);
    EXPECT_EQ(in(PIC_ELCR2), 0xde);
    pic_set(&pic, 10, true);
    EXPECT_EQ(pic_ack(&pic), 0x2a);
    EXPECT(!pic_pending(&pic));
    out(PIC_CMD2, 0x20);
    out(PIC_CMD1, 0x20);
    EXPECT_EQ(pic_ack(&pic), 0x2a);
    pic_set(&pic, 10, false);
    out(PIC_CMD2, 0x20);
    out(PIC_CMD1, 0x20);
    EXPECT(!pic_pending(&pic));
}

static void a_request_that_goes_is_spurious(void)
{
    setup(1);
    pulse(4);
    pic_set(&pic, 4, false);
    EXPECT(!pic_pending(&pic));
    EXPECT_EQ(pic_ack(&pic), 0x27);
    EXPECT_EQ(pic.st.chip[0].isr, 0);
    pulse(11);
    pic_set(&pic, 11, false);
    EXPECT_EQ(pic_ack(&pic), 0x2f);
    EXPECT_EQ(pic.st.chip[0].isr, 4); /* the master thinks it was real */
    EXPECT_EQ(pic.st.chip[1].isr, 0);
    out(PIC_CMD1, 0x20);
    EXPECT_EQ(pic_ack(&pic), 0x27);
}

static void automatic_eoi(void)
{
    setup(3);
    pulse(6);
    EXPECT_EQ(pic_ack(&pic), 0x26);
    EXPECT_EQ(pic.st.chip[0].isr, 0);
    out(PIC_CMD1, 0x80); /* rotate in AEOI mode */
    pulse(3);
    EXPECT_EQ(pic_ack(&pic), 0x23);
    EXPECT_EQ(pic.st.chip[0].lowest, 3);
    pulse(3);
    pulse(4);
    EXPECT_EQ(pic_ack(&pic), 0x24);
    out(PIC_CMD1, 0x00);
    EXPECT_EQ(pic_ack(&pic), 0x23);
    EXPECT_EQ(pic.st.chip[0].lowest, 4);
}

static void rotation(void)
{
    setup(1);
    out(PIC_CMD1, 0xc5); /* set priority: 5 is the lowest, 6 the highest */
    pulse(0);
    pulse(6);
    EXPECT_EQ(pic_ack(&pic), 0x26);
    out(PIC_CMD1, 0xa0); /* rotate on non-specific EOI */
    EXPECT_EQ(pic.st.chip[0].lowest, 6);
    pulse(7);
    EXPECT_EQ(pic_ack(&pic), 0x27);
    out(PIC_CMD1, 0xe7); /* rotate on specific EOI */
    EXPECT_EQ(pic.st.chip[0].lowest, 7);
    EXPECT_EQ(pic_ack(&pic), 0x20);
    out(PIC_CMD1, 0x40); /* no operation */
    EXPECT_EQ(pic.st.chip[0].isr, 1);
}

static void special_mask(void)
{
    setup(1);
    pulse(1);
    EXPECT_EQ(pic_ack(&pic), 0x21);
    out(PIC_DATA1, 0x02);
    pulse(6);
    EXPECT(!pic_pending(&pic));
    out(PIC_CMD1, 0x68);
    EXPECT_EQ(pic_ack(&pic), 0x26);
    out(PIC_CMD1, 0x20); /* leaves the masked one in service */
    EXPECT_EQ(pic.st.chip[0].isr, 0x02);
    out(PIC_CMD1, 0x48);
    pulse(6);
    EXPECT(!pic_pending(&pic));
}

static void special_fully_nested(void)
{
    setup(0x11);
    pulse(12);
    EXPECT_EQ(pic_ack(&pic), 0x2c);
    pulse(13);
    EXPECT(!pic_pending(&pic));
    pulse(9);
    EXPECT_EQ(pic_ack(&pic), 0x29);
    pulse(3);
    EXPECT(!pic_pending(&pic));
}

/* It is the cascade alone that may interrupt itself, and nobody but itself. */
static void special_fully_nested_is_for_the_cascade(void)
{
    setup(0x11);
    pulse(3);
    EXPECT_EQ(pic_ack(&pic), 0x23);
    pulse(3);
    EXPECT(!pic_pending(&pic));
    setup(0x11);
    pulse(1);
    EXPECT_EQ(pic_ack(&pic), 0x21);
    pulse(10);
    EXPECT(!pic_pending(&pic));
    out(0, 0x20);
    EXPECT_EQ(pic_ack(&pic), 0x2a);
}

static void polling_takes(void)
{
    setup(1);
    out(PIC_CMD1, 0x0c);
    EXPECT_EQ(in(PIC_CMD1), 0);
    pulse(13);
    out(PIC_CMD1, 0x0c);
    EXPECT_EQ(in(PIC_DATA1), 0x82);
    EXPECT_EQ(in(PIC_DATA1), 0);
    out(PIC_CMD2, 0x0c);
    EXPECT_EQ(in(PIC_CMD2), 0x85);
    EXPECT_EQ(taken[13], 1);
    EXPECT_EQ(pic.st.chip[1].isr, 0x20);
}

static void initialisation_forgets(void)
{
    setup(1);
    out(PIC_DATA1, 0xfb);
    pulse(4);
    out(PIC_CMD1, 0x68);
    out(PIC_CMD1, 0xc2);
    out(PIC_CMD1, 0x13); /* single, ICW4 */
    EXPECT_EQ(in(PIC_DATA1), 0);
    pulse(5);
    EXPECT(!pic_pending(&pic));
    out(PIC_DATA1, 0x77);
    out(PIC_DATA1, 0x01);
    EXPECT_EQ(pic.st.chip[0].base, 0x70);
    EXPECT(!pic_waiting(&pic, 4));
    EXPECT_EQ(pic_ack(&pic), 0x75);
    out(PIC_CMD1, 0x12); /* single, no ICW4 */
    out(PIC_DATA1, 0x40);
    out(PIC_DATA1, 0xa5); /* is a mask already */
    EXPECT_EQ(in(PIC_DATA1), 0xa5);
}

static void state_survives(void)
{
    u8 buf[256];
    u32 size;

    setup(1);
    pulse(3);
    pulse(9);
    EXPECT_EQ(pic_ack(&pic), 0x29);
    size = pic_ops.save(&pic, buf, sizeof(buf));
    EXPECT(size <= sizeof(buf));
    EXPECT_EQ(pic_ops.save(&pic, NULL, 0), size);
    setup(1);
    EXPECT(pic_ops.load(&pic, buf, size));
    out(PIC_CMD2, 0x20);
    out(PIC_CMD1, 0x20);
    EXPECT_EQ(pic_ack(&pic), 0x23);
    EXPECT(!pic_ops.load(&pic, buf, size - 1));
    pic.st.chip[1].lowest = 8;
    pic_ops.save(&pic, buf, sizeof(buf));
    EXPECT(!pic_ops.load(&pic, buf, size));
    pic.st.chip[1].lowest = 7;
    pic_ops.reset(&pic);
    EXPECT(!pic_pending(&pic));
}

static const struct unit_case cases[] = {
    CASE(power_on_is_silent),
    CASE(each_line_has_its_vector),
    CASE(priorities_nest),
    CASE(slave_sits_between_1_and_3),
    CASE(the_cascade_waits_for_the_slave),
    CASE(without_hooks_it_works_the_same),
    CASE(masks_hold_back),
    CASE(an_edge_is_one_interrupt),
    CASE(a_level_lasts),
    CASE(a_request_that_goes_is_spurious),
    CASE(automatic_eoi),
    CASE(rotation),
    CASE(special_mask),
    CASE(special_fully_nested),
    CASE(special_fully_nested_is_for_the_cascade),
    CASE(polling_takes),
    CASE(initialisation_forgets),
    CASE(state_survives),
};
UNIT_MAIN(cases)
