/* SPDX-License-Identifier: MIT
 *
 * An ATA disk, alone on the first channel of a PC: programmed I/O, LBA of 28
 * bits or cylinders, heads and sectors, interrupt 14.
 *
 * The bytes on it belong to somebody else, who finds a sector by its number;
 * the model itself keeps registers and the one sector that is on its way.
 */
#ifndef MODEL_IDE_H
#define MODEL_IDE_H

#include "arch/x86/defs/ata.h"
#include "drivers/bus/bus.h"
#include "drivers/irq/irq.h"

#define IDE_MULTIPLE_MAX 16 /* sectors of a block */

struct ide_wires {
    struct irq_sink irq;
    u8 *(*sector)(void *ctx, u32 lba); /* 512 bytes; never null below: */
    u32 sectors;
    void *ctx;
};

enum { IDE_IDLE, IDE_READS, IDE_WRITES, IDE_TRANSFERS };

struct ide_state {
    u64 sectors_read, sectors_written, errors;
    u32 lba;  /* of the sector in the buffer */
    u32 left; /* sectors the command still wants, that one among them */
    u16 at;   /* bytes of the buffer that are through */
    u8 transfer;
    u8 block; /* sectors left of the block, the one in the buffer among them */
    u8 unit;  /* sectors of a whole block */
    u8 multiple;     /* the unit of READ and WRITE MULTIPLE, 0: not set */
    u8 heads, track; /* how CHS is counted */
    u8 error, count, low, mid, high, device, status, control, features;
    u8 asks;       /* for its interrupt; nIEN may hold that back */
    u8 linear;     /* the transfer's address was an LBA */
    u8 identifies; /* the buffer is none of a sector */
    u8 buffer[ATA_SECTOR];
};

struct ide {
    struct ide_state st;
    struct ide_wires wires;
};

/* Offset of the control register; below it the eight others. */
#define IDE_CONTROL 8

extern const struct dev_ops ide_ops;

void ide_init(struct ide *ide, const struct ide_wires *wires);

#endif
