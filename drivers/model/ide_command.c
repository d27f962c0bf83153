/* SPDX-License-Identifier: MIT
 *
 * The commands of an ATA disk, and the blocks that some of them move.
 *
 * A command is carried out while it is written. If it moves data it leaves
 * DRQ set and a sector in the buffer; whenever the host is through with that
 * one, ide_sector_done() stores it, brings the next, or ends the command. The
 * interrupt is asked for by setting `asks`; ide.c moves the line.
 *
 * Reading: one interrupt before each block, none at the end. Writing: none
 * before the first block, one behind each, for only then the host can know
 * how it went. An address is checked for each block, so a command that runs
 * over the end of the disk moves what is before it, and names the sector at
 * which it stopped.
 *
 * ATA/ATAPI-6 8 (commands), 9.5 and 9.6 (PIO data in, out), 9.12 (signature).
 */
#include "drivers/model/ide_impl.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

#define DIAGNOSTIC_PASSED 0x01

static void ask(struct ide *ide)
{
    ide->st.asks = 1;
}

/* ---- ends of commands */

static void finish(struct ide *ide)
{
    ide->st.transfer = IDE_IDLE;
    ide->st.status = IDE_STATUS_IDLE;
    ask(ide);
}

static void fail(struct ide *ide, u8 error)
{
    finish(ide);
    ide->st.errors++;
    ide->st.error = error;
    ide->st.status |= ATA_STATUS_ERR;
}

static void abort_command(struct ide *ide)
{
    fail(ide, ATA_ERROR_ABRT);
}

/* ---- addresses */

/* The address that the registers hold; false: no sector can have it. */
static bool address(const struct ide_state *st, u32 *lba)
{
    u32 head = st->device & ATA_DEVICE_HEAD;
    u32 cylinder = st->mid | (u32)st->high << 8;

    if (st->device & ATA_DEVICE_LBA) {
        *lba = st->low | cylinder << 8 | head << 24;
        return true;
    }
    *lba = (cylinder * st->heads + head) * st->track + st->low - 1;
    return st->low && st->low <= st->track && head < st->heads;
}

/* The registers tell how far it came. */
static void show_address(struct ide_state *st)
{
    u32 cylinder = st->lba >> 8, head = st->lba >> 24, low = st->lba;

    if (!st->linear) {
        cylinder = st->lba / st->track / st->heads;
        head = st->lba / st->track % st->heads;
        low = st->lba % st->track + 1;
    }
    st->low = (u8)low;
    st->mid = (u8)cylinder;
    st->high = (u8)(cylinder >> 8);
    st->device &= (u8)~ATA_DEVICE_HEAD;
    st->device |= head & ATA_DEVICE_HEAD;
    st->count = (u8)st->left;
}

static u32 wanted(const struct ide_state *st)
{
    return st->count ? st->count : 256;
}

/* ---- transfers */

static void load_sector(struct ide *ide)
{
    struct ide_state *st = &ide->st;

    st->at = 0;
    if (st->transfer == IDE_READS)
        memcpy(st->buffer, ide->wires.sector(ide->wires.ctx, st->lba),
               ATA_SECTOR);
}

/* False: the command has ended with an error. */
static bool next_block(struct ide *ide)
{
    struct ide_state *st = &ide->st;
    u32 sectors = ide->wires.sectors, block = min_u32(st->unit, st->left);

    if (st->lba >= sectors || block > sectors - st->lba) {
        fail(ide, ATA_ERROR_IDNF);
        return false;
    }
    st->block = (u8)block;
    st->status = IDE_STATUS_IDLE | ATA_STATUS_DRQ;
    load_sector(ide);
    return true;
}

static void begin(struct ide *ide, u8 transfer, u32 unit)
{
    struct ide_state *st = &ide->st;

    if (!unit) {
        abort_command(ide);
        return;
    }
    if (!address(st, &st->lba)) {
        fail(ide, ATA_ERROR_IDNF);
        return;
    }
    st->transfer = transfer;
    st->identifies = 0;
    st->linear = !!(st->device & ATA_DEVICE_LBA);
    st->unit = (u8)unit;
    st->left = wanted(st);
    if (next_block(ide) && transfer == IDE_READS)
        ask(ide);
}

static void store_sector(struct ide *ide)
{
    memcpy(ide->wires.sector(ide->wires.ctx, ide->st.lba), ide->st.buffer,
           ATA_SECTOR);
    ide->st.sectors_written++;
}

/* The buffer is through. The end of a read is not announced, that of a write
 * is: only then the host may look whether it went well. */
void ide_sector_done(struct ide *ide)
{
    struct ide_state *st = &ide->st;

    if (st->identifies) {
        st->transfer = IDE_IDLE;
        st->status = IDE_STATUS_IDLE;
        return;
    }
    if (st->transfer == IDE_WRITES)
        store_sector(ide);
    else
        st->sectors_read++;
    st->lba++;
    st->left--;
    show_address(st);
    if (--st->block) {
        load_sector(ide);
    } else if (st->left) {
        if (next_block(ide))
            ask(ide);
    } else {
        st->status = IDE_STATUS_IDLE;
        if (st->transfer == IDE_WRITES)
            ask(ide);
        st->transfer = IDE_IDLE;
    }
}

/* ---- commands */

static void read_sectors(struct ide *ide)
{
    begin(ide, IDE_READS, 1);
}

static void write_sectors(struct ide *ide)
{
    begin(ide, IDE_WRITES, 1);
}

static void read_multiple(struct ide *ide)
{
    begin(ide, IDE_READS, ide->st.multiple);
}

static void write_multiple(struct ide *ide)
{
    begin(ide, IDE_WRITES, ide->st.multiple);
}

static void check_address(struct ide *ide, u32 count)
{
    u32 lba, sectors = ide->wires.sectors;

    if (!address(&ide->st, &lba) || lba >= sectors || count > sectors - lba)
        fail(ide, ATA_ERROR_IDNF);
    else
        finish(ide);
}

static void verify(struct ide *ide)
{
    check_address(ide, wanted(&ide->st));
}

static void seek(struct ide *ide)
{
    check_address(ide, 1);
}

static void identify(struct ide *ide)
{
    struct ide_state *st = &ide->st;

    ide_identify(st, ide->wires.sectors);
    st->transfer = IDE_READS;
    st->identifies = 1;
    st->at = 0;
    st->left = st->block = st->unit = 1;
    st->status = IDE_STATUS_IDLE | ATA_STATUS_DRQ;
    ask(ide);
}

static void set_multiple(struct ide *ide)
{
    u8 count = ide->st.count;

    if (count > IDE_MULTIPLE_MAX || (count & (count - 1))) {
        abort_command(ide);
        return;
    }
    ide->st.multiple = count;
    finish(ide);
}

static void init_parameters(struct ide *ide)
{
    if (!ide->st.count) {
        abort_command(ide);
        return;
    }
    ide->st.track = ide->st.count;
    ide->st.heads = (ide->st.device & ATA_DEVICE_HEAD) + 1;
    finish(ide);
}

/* PIO default modes 0 and 1, PIO flow control modes 0 to 4. */
static void set_features(struct ide *ide)
{
    u8 mode = ide->st.count;

    if (ide->st.features == ATA_FEATURE_TRANSFER &&
        (mode <= 1 || (mode >= 8 && mode <= 12)))
        finish(ide);
    else
        abort_command(ide);
}

static void check_power(struct ide *ide)
{
    ide->st.count = 0xff; /* active, or idle */
    finish(ide);
}

/* What every ATA disk shows behind a reset (9.12). */
void ide_sign(struct ide_state *st)
{
    st->transfer = IDE_IDLE;
    st->error = DIAGNOSTIC_PASSED;
    st->count = st->low = 1;
    st->mid = st->high = st->device = 0;
    st->status = IDE_STATUS_IDLE;
}

static void diagnose(struct ide *ide)
{
    ide_sign(&ide->st);
    ask(ide);
}

static const struct command {
    u8 first, last;
    void (*run)(struct ide *ide);
} commands[] = {
    {0x10, 0x1f, finish}, /* RECALIBRATE, of old */
    {ATA_READ, ATA_READ + 1, read_sectors},
    {ATA_WRITE, ATA_WRITE + 1, write_sectors},
    {ATA_VERIFY, ATA_VERIFY + 1, verify},
    {ATA_SEEK, ATA_SEEK, seek},
    {ATA_DIAGNOSE, ATA_DIAGNOSE, diagnose},
    {ATA_INIT_PARAMETERS, ATA_INIT_PARAMETERS, init_parameters},
    {ATA_READ_MULTIPLE, ATA_READ_MULTIPLE, read_multiple},
    {ATA_WRITE_MULTIPLE, ATA_WRITE_MULTIPLE, write_multiple},
    {ATA_SET_MULTIPLE, ATA_SET_MULTIPLE, set_multiple},
    {ATA_STANDBY_IMMEDIATE, ATA_CHECK_POWER - 2, finish},
    {ATA_CHECK_POWER, ATA_CHECK_POWER, check_power},
    {ATA_SLEEP, ATA_FLUSH, finish},
    {ATA_IDENTIFY, ATA_IDENTIFY, identify},
    {ATA_SET_FEATURES, ATA_SET_FEATURES, set_features},
};

void ide_run_command(struct ide *ide, u8 code)
{
    for (u32 i = 0; i < ARRAY_LEN(commands); i++) {
        if (code < commands[i].first || code > commands[i].last)
            continue;
        commands[i].run(ide);
        return;
    }
    abort_command(ide);
}
