/* SPDX-License-Identifier: MIT
 *
 * See ide.h. A disk of memory has no mechanics: a command is carried out while
 * it is written, and BSY is seen only while the host holds SRST. What remains
 * is the protocol: blocks through the data register, one word at a time, an
 * interrupt when the host may go on, and an end with or without ERR. A sector
 * on its way is in the buffer, so the disk has either all of what was written
 * to a sector or nothing. No access costs more than a copy of one sector.
 *
 * The second disk is not there; the first one answers in its place as
 * ATA/ATAPI-6 9.16.1 has it: status 0, commands ignored.
 *
 * Invariant: DRQ is set exactly while `transfer` is not IDE_IDLE, and then
 * 1 <= block <= left and at < 512; but for IDENTIFY, lba + block is within the
 * disk.
 *
 * LIMIT: no DMA, no 48-bit addresses, no feature sets but power management
 * (as no-ops), no host protected area: those commands are aborted. SET
 * FEATURES knows PIO modes only. A soft reset forgets SET MULTIPLE and INIT
 * PARAMETERS, as the standard's defaults have it.
 *
 * ATA/ATAPI-6: 6 (registers), 8 (commands), 9.2 (soft reset), 9.5 and 9.6
 * (PIO data in, out).
 */
#include "drivers/model/ide.h"
#include "arch/x86/defs/ports.h"
#include "drivers/bus/state.h"
#include "drivers/model/ide_impl.h"
#include "vmm/base/bits.h"

#define STATE_TAG 0x31454449 /* "IDE1" */

static bool absent(const struct ide *ide)
{
    return ide->st.device & ATA_DEVICE_DEV;
}

static void update(struct ide *ide)
{
    bool open = !(ide->st.control & ATA_CONTROL_NIEN) && !absent(ide);

    irq_set(&ide->wires.irq, IRQ_ATA, ide->st.asks && open);
}

/* ---- words of data */

static u32 read_word(struct ide *ide)
{
    struct ide_state *st = &ide->st;
    u32 word;

    if (st->transfer != IDE_READS)
        return 0xffff;
    word = get_le16(st->buffer + st->at);
    st->at += 2;
    if (st->at == ATA_SECTOR)
        ide_sector_done(ide);
    return word;
}

static void write_word(struct ide *ide, u32 word)
{
    struct ide_state *st = &ide->st;

    if (st->transfer != IDE_WRITES)
        return;
    put_le16(st->buffer + st->at, (u16)word);
    st->at += 2;
    if (st->at == ATA_SECTOR)
        ide_sector_done(ide);
}

/* ---- registers */

/* Only the diagnosis is for both disks, of which there is one. The line goes
 * down before it goes up again: the 8259 waits for an edge. */
static void run_command(struct ide *ide, u8 code)
{
    if (absent(ide) && code != ATA_DIAGNOSE)
        return;
    ide->st.asks = 0;
    ide->st.error = 0;
    update(ide);
    ide_run_command(ide, code);
}

static u32 read_register(struct ide *ide, u32 offset)
{
    struct ide_state *st = &ide->st;
    const u8 value[] = {0xff,     st->error,  st->count,  st->low,   st->mid,
                        st->high, st->device, st->status, st->status};

    if (offset >= ATA_STATUS && absent(ide))
        return 0;
    if (offset == ATA_STATUS) {
        st->asks = 0;
        update(ide);
    }
    return value[offset];
}

/* While SRST is held the disk is busy; it ends when that is let go. */
static void write_control(struct ide *ide, u8 value)
{
    struct ide_state *st = &ide->st;
    u8 changed = st->control ^ value;

    st->control = value & (ATA_CONTROL_NIEN | ATA_CONTROL_SRST);
    if (!(changed & ATA_CONTROL_SRST))
        return;
    ide_defaults(st, ide->wires.sectors);
    ide_sign(st);
    st->asks = 0;
    if (value & ATA_CONTROL_SRST)
        st->status = ATA_STATUS_BSY;
}

static void write_register(struct ide *ide, u32 offset, u8 value)
{
    struct ide_state *st = &ide->st;

    if (offset == IDE_CONTROL)
        write_control(ide, value);
    if (st->status & (ATA_STATUS_BSY | ATA_STATUS_DRQ))
        return;
    switch (offset) {
    case ATA_FEATURES:
        st->features = value;
        break;
    case ATA_COUNT:
        st->count = value;
        break;
    case ATA_LBA_LOW:
        st->low = value;
        break;
    case ATA_LBA_MID:
        st->mid = value;
        break;
    case ATA_LBA_HIGH:
        st->high = value;
        break;
    case ATA_DEVICE:
        st->device = value;
        break;
    case ATA_COMMAND:
        run_command(ide, value);
        break;
    }
}

/* A byte of the data register is nothing; four are two words. */
static u32 ide_read(void *dev, u32 offset, u32 size)
{
    struct ide *ide = dev;
    u32 value = 0;

    if (offset == ATA_DATA && size >= 2) {
        value = read_word(ide);
        if (size == 4)
            value |= read_word(ide) << 16;
        update(ide);
        return value;
    }
    for (u32 i = 0; i < size; i++)
        value |= read_register(ide, offset + i) << 8 * i;
    return value;
}

static void ide_write(void *dev, u32 offset, u32 size, u32 value)
{
    struct ide *ide = dev;

    if (offset == ATA_DATA && size >= 2) {
        write_word(ide, value & 0xffff);
        if (size == 4)
            write_word(ide, value >> 16);
    } else {
        for (u32 i = 0; i < size; i++)
            write_register(ide, offset + i, (u8)(value >> 8 * i));
    }
    update(ide);
}

/* As many as the buffer has, without a look at each. */
static u32 run_of(const struct ide *ide, u8 transfer, u32 offset, u32 size,
                  u32 count)
{
    const struct ide_state *st = &ide->st;

    if (offset != ATA_DATA || size < 2 || st->transfer != transfer)
        return 0;
    return min_u32(count, (ATA_SECTOR - st->at) / size);
}

static void run_done(struct ide *ide, u32 bytes)
{
    ide->st.at += (u16)bytes;
    if (ide->st.at == ATA_SECTOR)
        ide_sector_done(ide);
    update(ide);
}

static u32 ide_read_many(void *dev, u32 offset, u32 size, u8 *value, u32 count)
{
    struct ide *ide = dev;
    u32 n = run_of(ide, IDE_READS, offset, size, count);

    if (!n)
        return 0;
    memcpy(value, ide->st.buffer + ide->st.at, (size_t)n * size);
    run_done(ide, n * size);
    return n;
}

static u32 ide_write_many(void *dev, u32 offset, u32 size, const u8 *value,
                          u32 count)
{
    struct ide *ide = dev;
    u32 n = run_of(ide, IDE_WRITES, offset, size, count);

    if (!n)
        return 0;
    memcpy(ide->st.buffer + ide->st.at, value, (size_t)n * size);
    run_done(ide, n * size);
    return n;
}

/* ---- the whole device */

static void ide_reset(void *dev)
{
    struct ide *ide = dev;

    ide->st = (struct ide_state){.control = 0};
    ide_defaults(&ide->st, ide->wires.sectors);
    ide_sign(&ide->st);
    update(ide);
}

static u32 ide_save(const void *dev, u8 *buf, u32 size)
{
    const struct ide *ide = dev;

    return state_save(STATE_TAG, &ide->st, sizeof(ide->st), buf, size);
}

static bool in_transfer(const struct ide_state *st, u32 sectors)
{
    bool inside = st->lba < sectors && st->block <= sectors - st->lba;

    return st->block && st->block <= st->left && st->left <= 256 &&
           st->unit <= IDE_MULTIPLE_MAX && st->block <= st->unit &&
           !(st->at & 1) && st->at < ATA_SECTOR &&
           (inside || (st->identifies && st->transfer == IDE_READS));
}

static bool sane(const struct ide_state *st, u32 sectors)
{
    bool drq = st->status & ATA_STATUS_DRQ;

    if (st->transfer >= IDE_TRANSFERS || drq != (st->transfer != IDE_IDLE) ||
        !st->heads || st->heads > 16 || !st->track ||
        st->multiple > IDE_MULTIPLE_MAX)
        return false;
    return !drq || in_transfer(st, sectors);
}

static bool ide_load(void *dev, const u8 *buf, u32 size)
{
    struct ide *ide = dev;
    struct ide_state st;

    if (!state_load(STATE_TAG, &st, sizeof(st), buf, size) ||
        !sane(&st, ide->wires.sectors))
        return false;
    ide->st = st;
    return true;
}

void ide_init(struct ide *ide, const struct ide_wires *wires)
{
    *ide = (struct ide){.wires = *wires};
    ide_reset(ide);
}

const struct dev_ops ide_ops = {
    .name = "ATA disk",
    .read = ide_read,
    .write = ide_write,
    .reset = ide_reset,
    .save = ide_save,
    .load = ide_load,
    .read_many = ide_read_many,
    .write_many = ide_write_many,
};
