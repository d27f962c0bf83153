/* SPDX-License-Identifier: MIT
 *
 * The ATA disk: transfers of one and of many blocks and when they interrupt,
 * addresses of both kinds and beyond the end, what IDENTIFY tells, resets in
 * the middle, the disk that is not there, a state as bytes; and a host that
 * does anything at all.
 * LINKS: drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/ports.h"
#include "drivers/model/ide.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"

#define SECTORS 2048
#define IDLE    (ATA_STATUS_RDY | ATA_STATUS_DSC)
#define WANTS   (IDLE | ATA_STATUS_DRQ)
#define FAILED  (IDLE | ATA_STATUS_ERR)

static struct ide ide;
static u8 disk[SECTORS][ATA_SECTOR];
static u16 words[256];
static bool level;
static u32 rises, touched;

static void line(void *ctx, u32 number, bool high)
{
    EXPECT_EQ(number, IRQ_ATA);
    rises += high && !level;
    level = high;
}

static u8 *sector(void *ctx, u32 lba)
{
    touched++;
    if (lba < SECTORS)
        return disk[lba];
    EXPECT(!"a sector behind the end was asked for");
    return disk[0];
}

static void out(u32 reg, u32 value)
{
    ide_ops.write(&ide, reg, 1, value);
}

static u32 in(u32 reg)
{
    return ide_ops.read(&ide, reg, 1);
}

static void setup_of(u32 sectors)
{
    struct ide_wires wires = {{line, NULL}, sector, sectors, NULL};

    for (u32 i = 0; i < SECTORS; i++)
        for (u32 k = 0; k < ATA_SECTOR; k++)
            disk[i][k] = (u8)(i * 7 + k);
    ide_init(&ide, &wires);
    rises = touched = 0;
}

static void setup(void)
{
    setup_of(SECTORS);
}

static void send(u32 command, u32 lba, u32 count)
{
    out(ATA_COUNT, count);
    out(ATA_LBA_LOW, lba);
    out(ATA_LBA_MID, lba >> 8);
    out(ATA_LBA_HIGH, lba >> 16);
    out(ATA_DEVICE, ATA_DEVICE_OLD | ATA_DEVICE_LBA | lba >> 24);
    out(ATA_COMMAND, command);
}

static void send_chs(u32 command, u32 cylinder, u32 head, u32 sect)
{
    out(ATA_COUNT, 1);
    out(ATA_LBA_LOW, sect);
    out(ATA_LBA_MID, cylinder);
    out(ATA_LBA_HIGH, cylinder >> 8);
    out(ATA_DEVICE, ATA_DEVICE_OLD | head);
    out(ATA_COMMAND, command);
}

static void read_block(void)
{
    for (u32 i = 0; i < 256; i++)
        words[i] = (u16)ide_ops.read(&ide, ATA_DATA, 2);
}

static void write_block(u32 seed)
{
    for (u32 i = 0; i < 256; i++)
        ide_ops.write(&ide, ATA_DATA, 2, seed + i);
}

static bool is_sector(u32 lba)
{
    return !memcmp(words, disk[lba], ATA_SECTOR);
}

static bool holds(u32 lba, u32 seed)
{
    for (u32 i = 0; i < 256; i++)
        if (get_le16(disk[lba] + 2 * i) != (u16)(seed + i))
            return false;
    return true;
}

/* An interrupt for each sector, none for the end. */
static void reads(void)
{
    setup();
    send(ATA_READ, 5, 3);
    for (u32 i = 0; i < 3; i++) {
        EXPECT_EQ(rises, i + 1);
        EXPECT_EQ(in(ATA_STATUS), WANTS);
        EXPECT(!level);
        read_block();
        EXPECT(is_sector(5 + i));
    }
    EXPECT_EQ(rises, 3);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    EXPECT_EQ(in(ATA_LBA_LOW), 8);
    EXPECT_EQ(in(ATA_COUNT), 0);
    EXPECT_EQ(ide_ops.read(&ide, ATA_DATA, 2), 0xffff);
    EXPECT_EQ(ide.st.sectors_read, 3);
}

/* None for the first sector, one behind each. */
static void writes(void)
{
    setup();
    send(ATA_WRITE, 9, 2);
    EXPECT_EQ(rises, 0);
    EXPECT_EQ(in(IDE_CONTROL), WANTS);
    write_block(1000);
    EXPECT_EQ(rises, 1);
    EXPECT_EQ(in(ATA_STATUS), WANTS);
    write_block(2000);
    EXPECT_EQ(rises, 2);
    EXPECT_EQ(in(IDE_CONTROL), IDLE);
    EXPECT(level);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    EXPECT(!level);
    EXPECT(holds(9, 1000) && holds(10, 2000));
    write_block(3000);
    EXPECT(!holds(11, 3000));
    EXPECT_EQ(ide.st.sectors_written, 2);
}

static void doubles_are_two_words(void)
{
    setup();
    send(ATA_READ, 1, 1);
    for (u32 i = 0; i < 128; i++) {
        u32 value = ide_ops.read(&ide, ATA_DATA, 4);
        EXPECT_EQ(value, get_le32(disk[1] + 4 * i));
    }
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    send(ATA_WRITE, 2, 1);
    for (u32 i = 0; i < 128; i++)
        ide_ops.write(&ide, ATA_DATA, 4, i << 16 | 0x1234);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    EXPECT_EQ(get_le32(disk[2] + 12), 3 << 16 | 0x1234);
    send(ATA_READ, 1, 1);
    EXPECT_EQ(ide_ops.read(&ide, ATA_DATA, 1), 0xff);
    EXPECT_EQ(ide.st.at, 0);
    ide_ops.write(&ide, ATA_DATA, 1, 0);
    EXPECT_EQ(ide_ops.read(&ide, ATA_STATUS, 1), WANTS);
}

static void many_are_as_many_single_ones(void)
{
    u8 many[ATA_SECTOR];

    setup();
    send(ATA_READ, 5, 2);
    ide_ops.read(&ide, ATA_DATA, 2);
    EXPECT_EQ(ide_ops.read_many(&ide, ATA_DATA, 2, many, 10), 10);
    EXPECT(!memcmp(many, disk[5] + 2, 20));
    EXPECT_EQ(ide_ops.read_many(&ide, ATA_DATA, 4, many, 200), 122);
    EXPECT_EQ(ide_ops.read_many(&ide, ATA_DATA, 4, many, 1), 0);
    EXPECT_EQ(ide_ops.read_many(&ide, ATA_DATA, 1, many, 1), 0);
    EXPECT_EQ(ide_ops.read_many(&ide, ATA_COUNT, 2, many, 1), 0);
    in(ATA_STATUS);
    EXPECT_EQ(ide_ops.read_many(&ide, ATA_DATA, 2, many, 999), 1);
    EXPECT(level);
    EXPECT_EQ(ide_ops.write_many(&ide, ATA_DATA, 2, many, 1), 0);
    EXPECT_EQ(ide_ops.read_many(&ide, ATA_DATA, 2, many, 256), 256);
    EXPECT(!memcmp(many, disk[6], ATA_SECTOR));
    EXPECT_EQ(ide_ops.read_many(&ide, ATA_DATA, 2, many, 1), 0);
    send(ATA_WRITE, 9, 1);
    EXPECT_EQ(ide_ops.write_many(&ide, ATA_DATA, 2, many, 256), 256);
    EXPECT(!memcmp(many, disk[9], ATA_SECTOR));
    EXPECT_EQ(in(ATA_STATUS), IDLE);
}

static void zero_is_256(void)
{
    setup();
    send(ATA_READ, 0, 0);
    for (u32 i = 0; i < 256; i++)
        read_block();
    EXPECT(is_sector(255));
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    EXPECT_EQ(in(ATA_LBA_MID), 1);
}

static void set_multiple(u32 count)
{
    out(ATA_COUNT, count);
    out(ATA_COMMAND, ATA_SET_MULTIPLE);
}

/* 8 and 8 and 3, three interrupts. */
static void blocks_of_several(void)
{
    setup();
    set_multiple(8);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    rises = 0;
    send(ATA_READ_MULTIPLE, 100, 19);
    for (u32 i = 0; i < 19; i++) {
        EXPECT_EQ(rises, i / 8 + 1);
        in(ATA_STATUS);
        read_block();
        EXPECT(is_sector(100 + i));
    }
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    rises = 0;
    send(ATA_WRITE_MULTIPLE, 200, 19);
    for (u32 i = 0; i < 19; i++) {
        EXPECT_EQ(rises, i / 8);
        in(ATA_STATUS);
        write_block(i);
        EXPECT(holds(200 + i, i));
    }
    EXPECT_EQ(rises, 3);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
}

static void expect_error(u32 error)
{
    EXPECT_EQ(in(ATA_STATUS), FAILED);
    EXPECT_EQ(in(ATA_ERROR), error);
}

static void multiple_must_be_set(void)
{
    setup();
    send(ATA_READ_MULTIPLE, 0, 1);
    expect_error(ATA_ERROR_ABRT);
    send(ATA_WRITE_MULTIPLE, 0, 1);
    expect_error(ATA_ERROR_ABRT);
    set_multiple(3);
    expect_error(ATA_ERROR_ABRT);
    set_multiple(32);
    expect_error(ATA_ERROR_ABRT);
    set_multiple(16);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    EXPECT_EQ(in(ATA_ERROR), 0);
    set_multiple(0);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    EXPECT_EQ(ide.st.multiple, 0);
    EXPECT_EQ(ide.st.errors, 4);
}

/* The sectors before the end go through; the one behind is named. */
static void the_end(void)
{
    setup();
    send(ATA_READ, SECTORS - 1, 2);
    in(ATA_STATUS);
    read_block();
    EXPECT(is_sector(SECTORS - 1));
    EXPECT(level);
    expect_error(ATA_ERROR_IDNF);
    EXPECT_EQ(in(ATA_LBA_LOW), SECTORS & 0xff);
    EXPECT_EQ(in(ATA_LBA_MID), SECTORS >> 8);
    EXPECT_EQ(in(ATA_COUNT), 1);
    send(ATA_WRITE, SECTORS, 1);
    expect_error(ATA_ERROR_IDNF);
    send(ATA_READ, ATA_LBA28 - 1, 0);
    expect_error(ATA_ERROR_IDNF);
    set_multiple(16);
    send(ATA_WRITE_MULTIPLE, SECTORS - 8, 16);
    expect_error(ATA_ERROR_IDNF);
    send(ATA_VERIFY, SECTORS - 4, 5);
    expect_error(ATA_ERROR_IDNF);
    send(ATA_VERIFY, SECTORS - 4, 4);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    send(ATA_SEEK, SECTORS, 1);
    expect_error(ATA_ERROR_IDNF);
    send(ATA_SEEK, SECTORS - 1, 1);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
}

/* 2048 sectors are two cylinders of 16 heads and 63 sectors. */
static void old_addresses(void)
{
    setup();
    send_chs(ATA_READ, 1, 2, 3);
    read_block();
    EXPECT(is_sector((1 * 16 + 2) * 63 + 2));
    EXPECT_EQ(in(ATA_LBA_LOW), 4);
    EXPECT_EQ(in(ATA_LBA_MID), 1);
    EXPECT_EQ(in(ATA_DEVICE), ATA_DEVICE_OLD | 2);
    send_chs(ATA_READ, 0, 15, 63);
    read_block();
    EXPECT(is_sector(16 * 63 - 1));
    EXPECT_EQ(in(ATA_LBA_LOW), 1);
    EXPECT_EQ(in(ATA_LBA_MID), 1);
    EXPECT_EQ(in(ATA_DEVICE), ATA_DEVICE_OLD);
    send_chs(ATA_READ, 0, 0, 0);
    expect_error(ATA_ERROR_IDNF);
    send_chs(ATA_READ, 0, 0, 64);
    expect_error(ATA_ERROR_IDNF);
    send_chs(ATA_READ, 0xffff, 15, 63);
    expect_error(ATA_ERROR_IDNF);
}

static void a_geometry_of_ones_own(void)
{
    setup();
    send_chs(ATA_READ, 0, 0, 1);
    read_block();
    out(ATA_COUNT, 4);
    out(ATA_DEVICE, ATA_DEVICE_OLD | 1);
    out(ATA_COMMAND, ATA_INIT_PARAMETERS);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    send_chs(ATA_READ, 3, 1, 4);
    read_block();
    EXPECT(is_sector(3 * 8 + 4 + 3));
    send_chs(ATA_READ, 3, 2, 1);
    expect_error(ATA_ERROR_IDNF);
    out(ATA_COUNT, 0);
    out(ATA_COMMAND, ATA_INIT_PARAMETERS);
    expect_error(ATA_ERROR_ABRT);
}

static void identify(void)
{
    rises = 0;
    out(ATA_COMMAND, ATA_IDENTIFY);
    EXPECT_EQ(rises, 1);
    EXPECT_EQ(in(ATA_STATUS), WANTS);
    read_block();
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    EXPECT_EQ(rises, 1);
}

static void it_tells_of_itself(void)
{
    u32 sum = 0;

    setup();
    identify();
    for (u32 i = 0; i < 256; i++)
        sum += (words[i] & 0xff) + (words[i] >> 8);
    EXPECT_EQ(sum & 0xff, 0);
    EXPECT_EQ(words[0], 0x40);
    EXPECT_EQ(words[ATA_ID_CYLINDERS], 2);
    EXPECT_EQ(words[ATA_ID_HEADS], 16);
    EXPECT_EQ(words[ATA_ID_TRACK], 63);
    EXPECT_EQ(words[ATA_ID_MODEL], 'T' << 8 | 'R');
    EXPECT_EQ(words[ATA_ID_MODEL + 19], ' ' << 8 | ' ');
    EXPECT_EQ(words[ATA_ID_MULTIPLE_MAX] & 0xff, IDE_MULTIPLE_MAX);
    EXPECT(words[ATA_ID_CAPABILITY] & 0x200);
    EXPECT_EQ(words[ATA_ID_MULTIPLE], 0);
    EXPECT_EQ(words[ATA_ID_SECTORS], SECTORS);
    EXPECT_EQ(words[57], 2 * 16 * 63);
    EXPECT_EQ(ide.st.sectors_read, 0);
    EXPECT_EQ(touched, 0);
    set_multiple(4);
    identify();
    EXPECT_EQ(words[ATA_ID_MULTIPLE], 0x104);
}

static void disks_of_all_sizes(void)
{
    setup_of(1);
    identify();
    EXPECT_EQ(words[ATA_ID_HEADS], 1);
    EXPECT_EQ(words[ATA_ID_CYLINDERS], 0);
    setup_of(5 * 63 + 1);
    identify();
    EXPECT_EQ(words[ATA_ID_HEADS], 5);
    EXPECT_EQ(words[ATA_ID_CYLINDERS], 1);
    setup_of(ATA_LBA28 - 1);
    identify();
    EXPECT_EQ(words[ATA_ID_CYLINDERS], 16383);
    EXPECT_EQ(words[ATA_ID_SECTORS + 1], 0xfff);
    EXPECT_EQ(words[57] | words[58] << 16, 16383 * 16 * 63);
}

static void commands_without_data(void)
{
    static const u8 good[] = {0x10, ATA_STANDBY_IMMEDIATE, 0xe3, ATA_SLEEP,
                              ATA_FLUSH};
    static const u8 bad[] = {0x00, 0x08, 0xa1, 0xc8, 0xe4, 0xff};

    setup();
    for (u32 i = 0; i < sizeof(good); i++) {
        out(ATA_COMMAND, good[i]);
        EXPECT_EQ(rises, i + 1);
        EXPECT_EQ(in(ATA_STATUS), IDLE);
    }
    out(ATA_COMMAND, ATA_CHECK_POWER);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    EXPECT_EQ(in(ATA_COUNT), 0xff);
    for (u32 i = 0; i < sizeof(bad); i++) {
        out(ATA_COMMAND, bad[i]);
        expect_error(ATA_ERROR_ABRT);
    }
}

static void features(void)
{
    setup();
    out(ATA_FEATURES, ATA_FEATURE_TRANSFER);
    out(ATA_COUNT, 0x0c);
    out(ATA_COMMAND, ATA_SET_FEATURES);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    out(ATA_COUNT, 0x22); /* DMA */
    out(ATA_COMMAND, ATA_SET_FEATURES);
    expect_error(ATA_ERROR_ABRT);
    out(ATA_FEATURES, 2);
    out(ATA_COUNT, 1);
    out(ATA_COMMAND, ATA_SET_FEATURES);
    expect_error(ATA_ERROR_ABRT);
}

static void expect_signature(void)
{
    EXPECT_EQ(in(ATA_ERROR), 1);
    EXPECT_EQ(in(ATA_COUNT), 1);
    EXPECT_EQ(in(ATA_LBA_LOW), 1);
    EXPECT_EQ(in(ATA_LBA_MID), 0);
    EXPECT_EQ(in(ATA_LBA_HIGH), 0);
    EXPECT_EQ(in(ATA_DEVICE), 0);
    EXPECT_EQ(in(IDE_CONTROL), IDLE);
}

/* In the middle of a write: the sector is as it was. */
static void a_soft_reset(void)
{
    setup();
    expect_signature();
    set_multiple(16);
    send(ATA_WRITE_MULTIPLE, 3, 16);
    ide_ops.write(&ide, ATA_DATA, 2, 0xdead);
    out(IDE_CONTROL, ATA_CONTROL_SRST);
    EXPECT_EQ(in(ATA_STATUS), ATA_STATUS_BSY);
    send(ATA_READ, 0, 1);
    EXPECT_EQ(in(ATA_STATUS), ATA_STATUS_BSY);
    out(IDE_CONTROL, 0);
    expect_signature();
    EXPECT(!level);
    EXPECT_EQ(ide.st.multiple, 0);
    write_block(0);
    EXPECT_EQ(disk[3][0], 21);
}

static void diagnosis(void)
{
    setup();
    send(ATA_READ, 77, 1);
    read_block();
    in(ATA_STATUS);
    rises = 0;
    out(ATA_DEVICE, ATA_DEVICE_DEV);
    out(ATA_COMMAND, ATA_DIAGNOSE);
    EXPECT_EQ(rises, 1);
    expect_signature();
}

static void the_second_is_not_there(void)
{
    setup();
    send(ATA_READ, 7, 1);
    read_block();
    rises = 0;
    out(ATA_DEVICE, ATA_DEVICE_OLD | ATA_DEVICE_DEV);
    EXPECT_EQ(in(ATA_STATUS), 0);
    EXPECT_EQ(in(IDE_CONTROL), 0);
    EXPECT_EQ(in(ATA_LBA_LOW), 8);
    out(ATA_COMMAND, ATA_IDENTIFY);
    EXPECT_EQ(in(ATA_STATUS), 0);
    EXPECT_EQ(rises, 0);
    out(ATA_DEVICE, ATA_DEVICE_OLD);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
}

static void interrupts_can_wait(void)
{
    setup();
    out(IDE_CONTROL, ATA_CONTROL_NIEN);
    out(ATA_COMMAND, ATA_FLUSH);
    EXPECT(!level);
    out(IDE_CONTROL, 0);
    EXPECT(level);
    out(ATA_DEVICE, ATA_DEVICE_DEV);
    EXPECT(!level);
    out(ATA_DEVICE, 0);
    EXPECT(level);
    in(IDE_CONTROL);
    EXPECT(level);
    out(ATA_COMMAND, ATA_FLUSH); /* takes the old one back */
    EXPECT(level);
    in(ATA_STATUS);
    EXPECT(!level);
}

/* As an ISA card of 8 bits would not: registers side by side. */
static void wide_registers(void)
{
    setup();
    ide_ops.write(&ide, ATA_COUNT, 4, 0x00332211);
    EXPECT_EQ(ide_ops.read(&ide, ATA_COUNT, 4), 0x00332211);
    EXPECT_EQ(ide_ops.read(&ide, ATA_LBA_LOW, 2), 0x3322);
    send(ATA_READ, 3, 1);
    out(ATA_LBA_LOW, 0x99); /* while DRQ: nobody listens */
    out(ATA_COMMAND, ATA_FLUSH);
    EXPECT_EQ(in(ATA_LBA_LOW), 3);
    read_block();
    EXPECT(is_sector(3));
}

static u8 saved[sizeof(struct ide_state) + 64];

static void state_as_bytes(void)
{
    u32 size;

    setup();
    set_multiple(2);
    send(ATA_READ_MULTIPLE, 40, 4);
    ide_ops.read(&ide, ATA_DATA, 4);
    size = ide_ops.save(&ide, saved, sizeof(saved));
    EXPECT_EQ(ide_ops.save(&ide, NULL, 0), size);
    ide_ops.reset(&ide);
    EXPECT_EQ(in(ATA_STATUS), IDLE);
    EXPECT(ide_ops.load(&ide, saved, size));
    EXPECT_EQ(ide_ops.read(&ide, ATA_DATA, 2), get_le16(disk[40] + 4));
    EXPECT(!ide_ops.load(&ide, saved, size - 1));
    ide.wires.sectors = 41;
    EXPECT(!ide_ops.load(&ide, saved, size));
}

#define SPOILED(field, value)                                                  \
    do {                                                                       \
        struct ide_state st = good;                                            \
        st.field = value;                                                      \
        memcpy(saved + 8, &st, sizeof(st));                                    \
        EXPECT(!ide_ops.load(&ide, saved, size));                              \
    } while (0)

static void spoiled_states(void)
{
    struct ide_state good;
    u32 size;

    setup();
    send(ATA_WRITE, 40, 4);
    good = ide.st;
    size = ide_ops.save(&ide, saved, sizeof(saved));
    SPOILED(transfer, IDE_TRANSFERS);
    SPOILED(transfer, IDE_IDLE);
    SPOILED(status, IDLE);
    SPOILED(at, ATA_SECTOR);
    SPOILED(at, 3);
    SPOILED(lba, SECTORS);
    SPOILED(block, 0);
    SPOILED(block, 5);
    SPOILED(left, 257);
    SPOILED(unit, 17);
    SPOILED(track, 0);
    SPOILED(heads, 0);
    SPOILED(heads, 17);
    SPOILED(multiple, 17);
    memcpy(saved + 8, &good, sizeof(good));
    EXPECT(ide_ops.load(&ide, saved, size));
}

static u32 seed = 1;

static u32 dice(u32 sides)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % sides;
}

/* What a host may write there: mostly what means something. */
static u32 value_for(u32 reg)
{
    static const u8 likely[] = {
        ATA_READ,         ATA_WRITE,    ATA_READ_MULTIPLE, ATA_WRITE_MULTIPLE,
        ATA_SET_MULTIPLE, ATA_IDENTIFY, ATA_VERIFY,        ATA_DIAGNOSE};
    u32 any = dice(0x10000) | dice(0x10000) << 16;

    if (reg == ATA_DATA || !dice(8))
        return any;
    if (reg == ATA_COMMAND)
        return likely[dice(sizeof(likely))];
    if (reg == ATA_DEVICE)
        return ATA_DEVICE_LBA;
    return reg == IDE_CONTROL ? 0 : any & 1;
}

/* Mostly data, or nothing would ever be through. */
static u32 some_register(void)
{
    return dice(32) ? ATA_DATA : dice(64) ? dice(8) : IDE_CONTROL;
}

static u8 words8[4 * 300];

/* Any state that a host can bring about is one that could be loaded. */
static void anything_at_all(void)
{
    static const u8 sizes[] = {1, 2, 4};

    setup();
    for (u32 i = 0; i < 400000; i++) {
        u32 reg = some_register(), size = reg ? 1 : sizes[dice(3)];
        if (!dice(16))
            ide_ops.read_many(&ide, reg, size, words8, 1 + dice(300));
        else if (!dice(16))
            ide_ops.write_many(&ide, reg, size, words8, 1 + dice(300));
        else if (dice(2))
            ide_ops.read(&ide, reg, size);
        else
            ide_ops.write(&ide, reg, size, value_for(reg));
        if (i % 64)
            continue;
        size = ide_ops.save(&ide, saved, sizeof(saved));
        EXPECT(ide_ops.load(&ide, saved, size));
    }
    EXPECT(ide.st.sectors_read > 50);
    EXPECT(ide.st.sectors_written > 50);
}

static const struct unit_case cases[] = {
    CASE(reads),
    CASE(writes),
    CASE(doubles_are_two_words),
    CASE(many_are_as_many_single_ones),
    CASE(zero_is_256),
    CASE(blocks_of_several),
    CASE(multiple_must_be_set),
    CASE(the_end),
    CASE(old_addresses),
    CASE(a_geometry_of_ones_own),
    CASE(it_tells_of_itself),
    CASE(disks_of_all_sizes),
    CASE(commands_without_data),
    CASE(features),
    CASE(a_soft_reset),
    CASE(diagnosis),
    CASE(the_second_is_not_there),
    CASE(interrupts_can_wait),
    CASE(wide_registers),
    CASE(state_as_bytes),
    CASE(spoiled_states),
    CASE(anything_at_all),
};

int main(void)
{
    return unit_main(cases, sizeof(cases) / sizeof(cases[0]));
}
