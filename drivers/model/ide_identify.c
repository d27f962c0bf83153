/* SPDX-License-Identifier: MIT
 *
 * What a disk says of itself: IDENTIFY DEVICE, and the geometry it begins
 * with.
 *
 * The geometry is made up, as on every disk that is not of the eighties: 16
 * heads and 63 sectors in a track, with as many cylinders as there are whole
 * ones, at most 16383. A disk too small for a single such cylinder has fewer
 * heads, so that CHS reaches something on every disk that has a track.
 *
 * Words are numbered as in ATA/ATAPI-6 8.15 (table 26), text is in pairs of
 * letters with the first in the high byte, and the last word makes the sum of
 * all bytes zero (8.15.61).
 */
#include "arch/x86/defs/ata.h"
#include "drivers/model/ide_impl.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

#define HEADS         16u
#define TRACK         63u
#define CYLINDERS_MAX 16383u

#define FIXED_DISK     0x0040
#define CAPABILITIES   0x0a00 /* IORDY, LBA */
#define MUST_BE_SET    0x4000
#define PIO_CYCLES     0x0200
#define VALID_WORDS    0x0003 /* 54 to 58, 64 to 70 */
#define PIO_3_AND_4    0x0003
#define CYCLE_NS       120
#define VERSIONS       0x0070 /* ATA-4 to ATA-6 */
#define SET_POWER      0x0008
#define SET_FLUSH      0x1000
#define MULTIPLE_VALID 0x0100
#define SIGNATURE      0xa5

static void put(struct ide_state *st, u32 word, u32 value)
{
    put_le16(st->buffer + 2 * word, (u16)value);
}

static void put_text(struct ide_state *st, u32 word, u32 words,
                     const char *text)
{
    size_t len = str_len(text);

    for (u32 i = 0; i < 2 * words; i++)
        st->buffer[(2 * word + i) ^ 1] = i < len ? (u8)text[i] : ' ';
}

static u32 heads_of(u32 sectors)
{
    return max_u32(min_u32(sectors / TRACK, HEADS), 1);
}

static u32 cylinders(u32 sectors, u32 heads, u32 track)
{
    return min_u32(sectors / (heads * track), CYLINDERS_MAX);
}

static void put_geometry(struct ide_state *st, u32 sectors)
{
    u32 heads = heads_of(sectors);
    u32 now = cylinders(sectors, st->heads, st->track);
    u32 reach = now * st->heads * st->track;

    put(st, ATA_ID_CYLINDERS, cylinders(sectors, heads, TRACK));
    put(st, ATA_ID_HEADS, heads);
    put(st, ATA_ID_TRACK, TRACK);
    put(st, 54, now);
    put(st, 55, st->heads);
    put(st, 56, st->track);
    put(st, 57, reach);
    put(st, 58, reach >> 16);
    put(st, ATA_ID_SECTORS, sectors);
    put(st, ATA_ID_SECTORS + 1, sectors >> 16);
}

static void put_abilities(struct ide_state *st)
{
    put(st, ATA_ID_MULTIPLE_MAX, 0x8000 | IDE_MULTIPLE_MAX);
    put(st, ATA_ID_CAPABILITY, CAPABILITIES);
    put(st, 50, MUST_BE_SET);
    put(st, 51, PIO_CYCLES);
    put(st, 53, VALID_WORDS);
    if (st->multiple)
        put(st, ATA_ID_MULTIPLE, MULTIPLE_VALID | st->multiple);
    put(st, 64, PIO_3_AND_4);
    for (u32 word = 65; word <= 68; word++)
        put(st, word, CYCLE_NS);
    put(st, 80, VERSIONS);
    put(st, 82, SET_POWER);
    put(st, 83, MUST_BE_SET | SET_FLUSH);
    put(st, 84, MUST_BE_SET);
    put(st, 85, SET_POWER);
    put(st, 86, SET_FLUSH);
    put(st, 87, MUST_BE_SET);
}

static void put_sum(struct ide_state *st)
{
    u8 sum = SIGNATURE;

    for (u32 i = 0; i < ATA_SECTOR - 2; i++)
        sum += st->buffer[i];
    put(st, 255, SIGNATURE | (u32)(u8)-sum << 8);
}

void ide_identify(struct ide_state *st, u32 sectors)
{
    memset(st->buffer, 0, sizeof(st->buffer));
    put(st, 0, FIXED_DISK);
    put_geometry(st, sectors);
    put_text(st, ATA_ID_SERIAL, 10, "TRAPLINE-0");
    put_text(st, ATA_ID_FIRMWARE, 4, "1.0");
    put_text(st, ATA_ID_MODEL, 20, "TRAPLINE DISK");
    put_abilities(st);
    put_sum(st);
}

void ide_defaults(struct ide_state *st, u32 sectors)
{
    st->multiple = 0;
    st->heads = (u8)heads_of(sectors);
    st->track = TRACK;
}
