/* SPDX-License-Identifier: MIT
 *
 * One disk: the first of the first IDE channel, by PIO.
 *
 * A command names sectors by a number of 28 bits, and the disk asks for them
 * or offers them block by block with DRQ; where it can, a block is a whole
 * page (READ and WRITE MULTIPLE), so that a page costs one interrupt. Before
 * there are processes the status is polled, afterwards the process sleeps
 * until interrupt 14, so that others run meanwhile.
 *
 * Whoever uses the disk draws a number and waits for its turn. So requests
 * are served in the order in which they were made, which the swapper counts
 * on: what was written first is there when it is read.
 *
 * A command that fails, or takes longer than TIMEOUT, is tried anew behind a
 * reset of the channel; after TRIES it is an error. The disk is not trusted:
 * it never moves a pointer or a count by what it says. Words that come are
 * stored as they come. LIMIT: no second disk, no DMA, no PCI; and the data
 * register must take 32 bits at once, as two words of 16, which channels on
 * PCI do.
 *
 * ATA/ATAPI-6: 6.2-6.3 commands, 9.2 reset, 9.5 PIO in, 9.6 PIO out.
 */
#include "arch/x86/defs/ata.h"
#include "arch/x86/defs/ports.h"
#include "guest/kernel/kernel.h"
#include "guest/kernel/proc.h"
#include "guest/kernel/swap.h"

#define STATUS     (PORT_ATA + ATA_STATUS)
#define DEVICE     (ATA_DEVICE_OLD | ATA_DEVICE_LBA)
#define PAGE_BLOCK 8 /* sectors of a page */
#define POLLS      10000000
#define TIMEOUT    500 /* ticks */
#define TRIES      3
#define WORDS      (ATA_SECTOR / 4)
#define CAN_LBA    (1 << 9)
#define NOTHING    0xff /* what is read where no device is */

static u32 sectors; /* 0: there is no disk */
static u32 block;   /* sectors between two interrupts */
static u32 next_turn, turn;
static int interrupted;

u32 disk_sectors(void)
{
    return sectors;
}

/* Until BSY is 0; the status then. */
static u8 poll(void)
{
    u8 status = ATA_STATUS_BSY;

    /* The first read is early: BSY may take 400 ns to come. */
    inb(PORT_ATA_CONTROL);
    for (u32 n = 0; status & ATA_STATUS_BSY && n < POLLS; n++)
        status = inb(PORT_ATA_CONTROL);
    return status;
}

/* Until the disk has dealt with the last block. */
static u8 await(void)
{
    if (current)
        while (!interrupted && !sleep_hard_for(&interrupted, TIMEOUT))
            ;
    else
        poll();
    interrupted = 0;
    return inb(STATUS);
}

/* Reading the status takes the request back. An interrupt that finds the
 * disk at work is an old one. */
void disk_interrupt(void)
{
    if (inb(STATUS) & ATA_STATUS_BSY)
        return;
    interrupted = 1;
    wake(&interrupted);
}

static void command(u8 code, u32 sector, u32 n)
{
    interrupted = 0;
    outb(PORT_ATA + ATA_DEVICE, (u8)(DEVICE | sector >> 24));
    outb(PORT_ATA + ATA_COUNT, (u8)n);
    outb(PORT_ATA + ATA_LBA_LOW, (u8)sector);
    outb(PORT_ATA + ATA_LBA_MID, (u8)(sector >> 8));
    outb(PORT_ATA + ATA_LBA_HIGH, (u8)(sector >> 16));
    outb(PORT_ATA + ATA_COMMAND, code);
}

static int is_good(u8 status, u8 drq)
{
    u8 mask = ATA_STATUS_BSY | ATA_STATUS_DF | ATA_STATUS_DRQ | ATA_STATUS_ERR;

    return (status & mask) == drq;
}

static int read_blocks(u32 sector, u8 *to, u32 n)
{
    command(block > 1 ? ATA_READ_MULTIPLE : ATA_READ, sector, n);
    for (u32 done = 0; done < n;) {
        u32 part = n - done < block ? n - done : block;

        if (!is_good(await(), ATA_STATUS_DRQ))
            return ERR_IO;
        insl(PORT_ATA + ATA_DATA, to + done * ATA_SECTOR, part * WORDS);
        done += part;
    }
    return 0;
}

static int write_blocks(u32 sector, const u8 *from, u32 n)
{
    u8 status;

    command(block > 1 ? ATA_WRITE_MULTIPLE : ATA_WRITE, sector, n);
    status = poll();
    for (u32 done = 0; done < n;) {
        u32 part = n - done < block ? n - done : block;

        if (!is_good(status, ATA_STATUS_DRQ))
            return ERR_IO;
        outsl(PORT_ATA + ATA_DATA, from + done * ATA_SECTOR, part * WORDS);
        done += part;
        status = await();
    }
    return is_good(status, 0) ? 0 : ERR_IO;
}

static void set_block(void)
{
    command(ATA_SET_MULTIPLE, 0, PAGE_BLOCK);
    block = is_good(await(), 0) ? PAGE_BLOCK : 1;
}

static void reset(void)
{
    outb(PORT_ATA_CONTROL, ATA_CONTROL_SRST);
    for (u32 n = 0; n < PAGE_BLOCK; n++)
        inb(PORT_ATA_CONTROL); /* 5 us */
    outb(PORT_ATA_CONTROL, 0);
    poll();
    if (block > 1)
        set_block();
}

static int transfer(u32 sector, u8 *at, u32 n, int write)
{
    for (u32 tries = 0; tries < TRIES; tries++) {
        int error =
            write ? write_blocks(sector, at, n) : read_blocks(sector, at, n);

        if (!error)
            return 0;
        reset();
    }
    printf("hare: the disk did not %s its sectors %u to %u.\n",
           write ? "write" : "read", sector, sector + n - 1);
    return ERR_IO;
}

static int in_turn(u32 sector, u8 *at, u32 n, int write)
{
    u32 mine;
    int error;

    if (n == 0 || n > DISK_REQUEST || sector >= sectors || n > sectors - sector)
        return ERR_IO;
    mine = next_turn++;
    while (turn != mine)
        sleep_hard(&turn);
    error = transfer(sector, at, n, write);
    turn++;
    wake(&turn);
    return error;
}

int disk_read(u32 sector, void *to, u32 n)
{
    return in_turn(sector, to, n, 0);
}

int disk_write(u32 sector, const void *from, u32 n)
{
    return in_turn(sector, (u8 *)from, n, 1);
}

int disk_init(void)
{
    u16 id[ATA_SECTOR / 2];

    outb(PORT_ATA + ATA_DEVICE, DEVICE);
    if (inb(STATUS) == NOTHING || poll() == 0)
        return ERR_NOENT;
    command(ATA_IDENTIFY, 0, 0);
    poll();
    if (!is_good(inb(STATUS), ATA_STATUS_DRQ))
        return ERR_NOENT;
    insl(PORT_ATA + ATA_DATA, id, WORDS);
    if (!(id[ATA_ID_CAPABILITY] & CAN_LBA))
        return ERR_NOENT;
    sectors = id[ATA_ID_SECTORS] | (u32)id[ATA_ID_SECTORS + 1] << 16;
    if (sectors > ATA_LBA28)
        sectors = ATA_LBA28;
    block = 1;
    if ((id[ATA_ID_MULTIPLE_MAX] & 0xff) >= PAGE_BLOCK)
        set_block();
    pic_enable(IRQ_ATA);
    return 0;
}
