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

#define IDLE_STATUS       (ATA_STATUS_RDY | ATA_STATUS_DSC)
#define DIAGNOSTIC_PASSED 0x01
#define STATE_TAG         0x31454449 /* "IDE1" */

static bool absent(const struct ide *ide)
{
    return ide->st.device & ATA_DEVICE_DEV;
}

static void update(struct ide *ide)
{
    bool open = !(ide->st.control & ATA_CONTROL_NIEN) && !absent(ide);

    irq_set(&ide->wires.irq, IRQ_ATA, ide->st.asks && open);
}

static void ask(struct ide *ide)
{
    ide->st.asks = 1;
}

/* ---- ends of commands */

static void finish(struct ide *ide)
{
    ide->st.transfer = IDE_IDLE;
    ide->st.status = IDLE_STATUS;
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
    st->status = IDLE_STATUS | ATA_STATUS_DRQ;
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
static void sector_done(struct ide *ide)
{
    struct ide_state *st = &ide->st;

    if (st->identifies) {
        st->transfer = IDE_IDLE;
        st->status = IDLE_STATUS;
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
        st->status = IDLE_STATUS;
        if (st->transfer == IDE_WRITES)
            ask(ide);
        st->transfer = IDE_IDLE;
    }
}

static u32 read_word(struct ide *ide)
{
    struct ide_state *st = &ide->st;
    u32 word;

    if (st->transfer != IDE_READS)
        return 0xffff;
    word = get_le16(st->buffer + st->at);
    st->at += 2;
    if (st->at == ATA_SECTOR)
        sector_done(ide);
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
        sector_done(ide);
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
    st->status = IDLE_STATUS | ATA_STATUS_DRQ;
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
static void sign(struct ide_state *st)
{
    st->transfer = IDE_IDLE;
    st->error = DIAGNOSTIC_PASSED;
    st->count = st->low = 1;
    st->mid = st->high = st->device = 0;
    st->status = IDLE_STATUS;
}

static void diagnose(struct ide *ide)
{
    sign(&ide->st);
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

static void (*command_of(u8 code))(struct ide *)
{
    for (u32 i = 0; i < ARRAY_LEN(commands); i++)
        if (code >= commands[i].first && code <= commands[i].last)
            return commands[i].run;
    return abort_command;
}

/* Only the diagnosis is for both disks, of which there is one. The line goes
 * down before it goes up again: the 8259 waits for an edge. */
static void run_command(struct ide *ide, u8 code)
{
    if (absent(ide) && code != ATA_DIAGNOSE)
        return;
    ide->st.asks = 0;
    ide->st.error = 0;
    update(ide);
    command_of(code)(ide);
}

/* ---- registers */

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
    sign(st);
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
        sector_done(ide);
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
    sign(&ide->st);
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
