/* SPDX-License-Identifier: MIT
 *
 * The disk as a way out: sectors behind its end by every kind of address, with
 * geometries that make the arithmetic overflow; every command there is in
 * every state, transfers left in the middle, by resets and without, with
 * an interrupt for each and none of them acknowledged at the disk. What it
 * reads must be its own.
 *
 * ATA/ATAPI-6.
 */
#include "arch/x86/defs/ata.h"
#include "tests/attack/lib/attack.h"

ATTACK("It reads and writes the disk beyond its end, in every way there is.");
ATTACK_ENDS("endless");

#define WORDS 256

static u32 words[WORDS];
static u32 seed = 1;

static u32 random(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

static void set(u32 offset, u32 value)
{
    out8((u16)(PORT_ATA + offset), (u8)value);
}

static void on_disk(struct frame *f)
{
    pic_eoi(IRQ_ATA);
}

static void send(u32 command, u32 device, u32 lba, u32 count)
{
    set(ATA_DEVICE, device | (lba >> 24 & ATA_DEVICE_HEAD));
    set(ATA_COUNT, count);
    set(ATA_LBA_LOW, lba);
    set(ATA_LBA_MID, lba >> 8);
    set(ATA_LBA_HIGH, lba >> 16);
    set(ATA_COMMAND, command);
    again();
}

static void take(u32 count)
{
    u32 to = (u32)words;

    __asm__ volatile("rep insl"
                     : "+D"(to), "+c"(count)
                     : "d"((u16)PORT_ATA)
                     : "memory");
    for (u32 i = 0; i < WORDS; i++)
        saw(PORT_ATA, words[i]);
}

static void give(u32 count)
{
    u32 from = (u32)words;

    __asm__ volatile("rep outsl"
                     : "+S"(from), "+c"(count)
                     : "d"((u16)PORT_ATA)
                     : "memory");
}

static void everywhere(u32 device)
{
    for (u32 bit = 0; bit < 28; bit++) {
        send(ATA_READ, device, 1u << bit, 0);
        take(WORDS);
        send(ATA_WRITE_MULTIPLE, device, (1u << bit) - 1, 0);
        give(WORDS);
        send(ATA_READ_MULTIPLE, device, 0u - (1u << bit), 0);
        take(WORDS);
    }
}

/* 1 to 16 heads of 1 to 255 sectors. */
static void another_geometry(void)
{
    set(ATA_COUNT, random());
    set(ATA_DEVICE, random() & ATA_DEVICE_HEAD);
    set(ATA_COMMAND, ATA_INIT_PARAMETERS);
    set(ATA_COUNT, 1u << random() % 6);
    set(ATA_COMMAND, ATA_SET_MULTIPLE);
}

static void anything(void)
{
    send(random(), random(), random(), random());
    if (random() & 1)
        take(random() % WORDS);
    else
        give(random() % WORDS);
    if (!(random() & 7))
        out8(PORT_ATA_CONTROL, random() & 6);
}

void attack(void)
{
    handlers[VECTOR_IRQ + IRQ_ATA] = on_disk;
    pic_unmask(IRQ_CASCADE);
    pic_unmask(IRQ_ATA);
    for (;;) {
        out8(PORT_ATA_CONTROL, 0);
        another_geometry();
        everywhere(ATA_DEVICE_LBA);
        everywhere(0);
        sti();
        for (u32 i = 0; i < 200; i++)
            anything();
        cli();
    }
}
