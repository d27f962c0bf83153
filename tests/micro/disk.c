/* SPDX-License-Identifier: MIT
 *
 * The first disk: what it says of itself, sectors and blocks of them there and
 * back through REP OUTSW, INSW and INSD, an interrupt for each and none where
 * none is due, both kinds of addresses, the end of the disk, a soft reset, the
 * second disk that is not there, and a page fault in the middle of REP INSW,
 * which must not lose a word.
 *
 * The disk must have at least 64 KiB; what was on it is lost. ATA/ATAPI-6: 8
 * (commands), 9.2, 9.5, 9.6 (protocols).
 */
#include "arch/x86/defs/ata.h"
#include "tests/micro/lib/micro.h"

#define WORDS    (ATA_SECTOR / 2)
#define PATIENCE 50000000
#define BAD      (ATA_STATUS_ERR | ATA_STATUS_DF)
#define PAGE     8 /* sectors */

static u16 id[WORDS];
static u16 there[PAGE * WORDS], back[PAGE * WORDS];
static u8 pages[2 * PAGE_SIZE] __attribute__((aligned(4096)));
static volatile u32 interrupts;
static u32 seen;

static void on_disk(struct frame *f)
{
    interrupts++;
    pic_eoi(IRQ_ATA);
}

static u32 reg(u32 offset)
{
    return in8((u16)(PORT_ATA + offset));
}

static void set(u32 offset, u32 value)
{
    out8((u16)(PORT_ATA + offset), (u8)value);
}

/* The status, without taking the interrupt, when the disk is not busy. */
static u32 settled(void)
{
    for (u32 i = 0; i < PATIENCE; i++) {
        u32 status = in8(PORT_ATA_CONTROL);
        if (!(status & ATA_STATUS_BSY))
            return status;
    }
    note("the disk is busy for ever");
    finish();
}

/* Waits for one more interrupt; the status, which takes it. */
static u32 interrupt(const char *what)
{
    seen++;
    for (u32 i = 0; interrupts < seen && i < PATIENCE / 50; i++) {
        sti();
        __asm__ volatile("nop");
        cli();
    }
    EXPECT_EQ(interrupts, seen, what);
    return reg(ATA_STATUS);
}

static void quiet(const char *what)
{
    for (u32 i = 0; i < 1000; i++) {
        sti();
        __asm__ volatile("nop");
        cli();
    }
    EXPECT_EQ(interrupts, seen, what);
}

static void send(u32 command, u32 lba, u32 count)
{
    set(ATA_DEVICE, ATA_DEVICE_OLD | ATA_DEVICE_LBA | (lba >> 24 & 0x0f));
    set(ATA_COUNT, count);
    set(ATA_LBA_LOW, lba);
    set(ATA_LBA_MID, lba >> 8);
    set(ATA_LBA_HIGH, lba >> 16);
    set(ATA_COMMAND, command);
}

static void read_words(void *to, u32 words)
{
    __asm__ volatile("rep insw"
                     : "+D"(to), "+c"(words)
                     : "d"((u16)PORT_ATA)
                     : "memory");
}

static void write_words(const void *from, u32 words)
{
    __asm__ volatile("rep outsw"
                     : "+S"(from), "+c"(words)
                     : "d"((u16)PORT_ATA)
                     : "memory");
}

static void fill(u32 seed)
{
    for (u32 i = 0; i < PAGE * WORDS; i++) {
        there[i] = (u16)(seed + i * 3);
        back[i] = 0;
    }
}

static bool same(const void *one, const void *two, u32 bytes)
{
    const u8 *a = one, *b = two;

    for (u32 i = 0; i < bytes; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

static void identify(void)
{
    send(ATA_IDENTIFY, 0, 0);
    EXPECT_EQ(interrupt("interrupts of IDENTIFY") & (ATA_STATUS_DRQ | BAD),
              ATA_STATUS_DRQ, "DRQ and no error after IDENTIFY");
    read_words(id, WORDS);
    EXPECT_EQ(settled() & (ATA_STATUS_DRQ | ATA_STATUS_RDY | BAD),
              ATA_STATUS_RDY, "the status when all is read");
    quiet("interrupts when all is read");
}

static void what_it_is(void)
{
    u32 sectors;

    identify();
    sectors = id[ATA_ID_SECTORS] | (u32)id[ATA_ID_SECTORS + 1] << 16;
    EXPECT(!(id[0] & 0x8000), "it is no ATA disk");
    EXPECT(id[ATA_ID_CAPABILITY] & 0x200, "it knows no LBA");
    EXPECT(sectors >= 128 && sectors <= ATA_LBA28, "it has no sane size");
    EXPECT(id[ATA_ID_HEADS] >= 1 && id[ATA_ID_HEADS] <= 16, "heads");
    EXPECT(id[ATA_ID_TRACK] >= 1 && id[ATA_ID_TRACK] <= 63, "sectors a track");
    EXPECT((id[ATA_ID_MULTIPLE_MAX] & 0xff) >= PAGE,
           "a page is too much for READ MULTIPLE");
    EXPECT(id[ATA_ID_MODEL], "it has no name");
}

/* No interrupt for the first block of a write. */
static void put(u32 command, u32 lba, u32 sectors, u32 unit)
{
    send(command, lba, sectors);
    EXPECT_EQ(settled() & (ATA_STATUS_DRQ | BAD), ATA_STATUS_DRQ,
              "DRQ for the first block of a write");
    for (u32 done = 0; done < sectors; done += unit) {
        u32 want = done + unit < sectors ? ATA_STATUS_DRQ : 0;
        write_words(there + done * WORDS, unit * WORDS);
        EXPECT_EQ(interrupt("interrupts of a write") & (ATA_STATUS_DRQ | BAD),
                  want, "the status behind a block of a write");
    }
}

static void get(u32 command, u32 lba, u32 sectors, u32 unit)
{
    send(command, lba, sectors);
    for (u32 done = 0; done < sectors; done += unit) {
        EXPECT_EQ(interrupt("interrupts of a read") & (ATA_STATUS_DRQ | BAD),
                  ATA_STATUS_DRQ, "the status before a block of a read");
        read_words(back + done * WORDS, unit * WORDS);
    }
    EXPECT_EQ(settled() & (ATA_STATUS_DRQ | BAD), 0, "the end of a read");
    quiet("interrupts behind a read");
}

static void there_and_back(void)
{
    fill(1);
    put(ATA_WRITE, 5, 3, 1);
    get(ATA_READ, 5, 3, 1);
    EXPECT(same(there, back, 3 * ATA_SECTOR), "sectors came back changed");
    EXPECT(!same(back, back + WORDS, ATA_SECTOR), "two sectors are one");
    get(ATA_READ, 6, 1, 1);
    EXPECT(same(there + WORDS, back, ATA_SECTOR), "the one in the middle");
}

static void multiple(u32 sectors)
{
    set(ATA_DEVICE, ATA_DEVICE_OLD);
    set(ATA_COUNT, sectors);
    set(ATA_COMMAND, ATA_SET_MULTIPLE);
    EXPECT_EQ(interrupt("interrupts of SET MULTIPLE") & BAD, 0,
              "the status after SET MULTIPLE");
}

static void pages_in_one_piece(void)
{
    multiple(PAGE);
    fill(1000);
    put(ATA_WRITE_MULTIPLE, 16, PAGE, PAGE);
    get(ATA_READ_MULTIPLE, 16, PAGE, PAGE);
    EXPECT(same(there, back, PAGE_SIZE), "a page came back changed");
    fill(0);
    multiple(4);
    get(ATA_READ_MULTIPLE, 16, PAGE, 4);
    EXPECT_EQ(back[PAGE * WORDS - 1], (u16)(1000 + (PAGE * WORDS - 1) * 3),
              "the last word by blocks of four");
}

static void by_words_and_doubles(void)
{
    u32 *to = (u32 *)back, count = WORDS / 4;

    fill(7);
    put(ATA_WRITE, 30, 1, 1);
    send(ATA_READ, 30, 1);
    interrupt("interrupts of a read");
    __asm__ volatile("rep insl"
                     : "+D"(to), "+c"(count)
                     : "d"((u16)PORT_ATA)
                     : "memory");
    for (u32 i = WORDS / 2; i < WORDS; i++)
        __asm__ volatile("inw %%dx, %%ax" : "=a"(back[i]) : "d"((u16)PORT_ATA));
    EXPECT(same(there, back, ATA_SECTOR), "halves by INSD and INW");
}

/* Cylinder 0, head 1, sector 2, by the geometry it names. */
static void old_addresses(void)
{
    u32 track = id[ATA_ID_TRACK];

    if (id[ATA_ID_HEADS] < 2)
        return;
    fill(77);
    put(ATA_WRITE, track + 1, 1, 1);
    set(ATA_DEVICE, ATA_DEVICE_OLD | 1);
    set(ATA_COUNT, 1);
    set(ATA_LBA_LOW, 2);
    set(ATA_LBA_MID, 0);
    set(ATA_LBA_HIGH, 0);
    set(ATA_COMMAND, ATA_READ);
    interrupt("interrupts of a read by cylinder");
    read_words(back, WORDS);
    EXPECT(same(there, back, ATA_SECTOR), "the same sector by CHS");
}

/* A disk may take a sector before it says that it has no place for it. */
static void fails(u32 command, u32 lba, u32 count, const char *what)
{
    send(command, lba, count);
    if (command == ATA_WRITE && (settled() & ATA_STATUS_DRQ))
        write_words(there, WORDS);
    EXPECT_EQ(interrupt(what) & (ATA_STATUS_ERR | ATA_STATUS_DRQ),
              ATA_STATUS_ERR, what);
    EXPECT(reg(ATA_ERROR) & (ATA_ERROR_ABRT | ATA_ERROR_IDNF), what);
}

static void errors(void)
{
    u32 sectors = id[ATA_ID_SECTORS] | (u32)id[ATA_ID_SECTORS + 1] << 16;

    fails(ATA_READ, sectors, 1, "a read behind the end");
    fails(ATA_WRITE, sectors, 1, "a write behind the end");
    fails(ATA_READ, 0x0fffffff, 1, "a read of the last address there is");
    fails(0xff, 0, 0, "a command that is none");
    get(ATA_READ, sectors - 1, 1, 1);
}

static void no_interrupt_wanted(void)
{
    out8(PORT_ATA_CONTROL, ATA_CONTROL_NIEN);
    send(ATA_READ, 5, 1);
    EXPECT_EQ(settled() & ATA_STATUS_DRQ, ATA_STATUS_DRQ, "DRQ with nIEN");
    read_words(back, WORDS);
    quiet("interrupts with nIEN");
    reg(ATA_STATUS);
    out8(PORT_ATA_CONTROL, 0);
    quiet("interrupts when nIEN is gone");
}

static void pause(void)
{
    for (u32 i = 0; i < 50; i++)
        in8(PORT_ATA_CONTROL);
}

/* QEMU's disk asks for an interrupt behind it, which no disk should; so nIEN
 * stays set until it is over, however long that takes. */
static void a_soft_reset(void)
{
    send(ATA_READ, 5, 2);
    interrupt("interrupts of a read");
    out8(PORT_ATA_CONTROL, ATA_CONTROL_SRST | ATA_CONTROL_NIEN);
    pause();
    out8(PORT_ATA_CONTROL, ATA_CONTROL_NIEN);
    settled();
    out8(PORT_ATA_CONTROL, 0);
    EXPECT_EQ(settled() & (ATA_STATUS_DRQ | ATA_STATUS_ERR), 0,
              "the status behind a reset");
    EXPECT_EQ(reg(ATA_ERROR), 1, "the diagnosis");
    EXPECT_EQ(reg(ATA_COUNT), 1, "the signature's count");
    EXPECT_EQ(reg(ATA_LBA_LOW), 1, "the signature's sector");
    EXPECT_EQ(reg(ATA_LBA_MID) | reg(ATA_LBA_HIGH), 0, "its cylinder");
    get(ATA_READ, 5, 1, 1);
}

static void the_second_disk(void)
{
    set(ATA_DEVICE, ATA_DEVICE_OLD | ATA_DEVICE_DEV);
    EXPECT_EQ(reg(ATA_STATUS), 0, "the status of no disk");
    set(ATA_COMMAND, ATA_IDENTIFY);
    quiet("interrupts of no disk");
    EXPECT_EQ(reg(ATA_STATUS), 0, "the status of no disk after IDENTIFY");
    set(ATA_DEVICE, ATA_DEVICE_OLD);
}

/* The page that is missing is where the 101st word goes. */
static void a_fault_in_between(void)
{
    u32 to = (u32)pages + PAGE_SIZE - 200, gone = (u32)pages + PAGE_SIZE;

    fill(4242);
    put(ATA_WRITE, 9, 1, 1);
    paging_on();
    *pte_of(gone) = 0;
    invlpg(gone);
    send(ATA_READ, 9, 1);
    interrupt("interrupts of a read");
    CATCH("rep insw", : "D"(to), "c"(WORDS), "d"(PORT_ATA) : "memory");
    EXPECT_TRAP(TRAP_PF, PF_WRITE, 0, "REP INSW into nothing");
    EXPECT_EQ(caught.f.ecx, WORDS - 100, "ECX in its frame");
    EXPECT_EQ(caught.f.edi, gone, "EDI in its frame");
    *pte_of(gone) = gone | PTE_P | PTE_W;
    read_words((void *)gone, WORDS - 100);
    EXPECT(same(there, pages + PAGE_SIZE - 200, ATA_SECTOR),
           "a fault has cost a word");
    EXPECT_EQ(settled() & (ATA_STATUS_DRQ | BAD), 0, "the status at the end");
    paging_off();
}

void test(void)
{
    handlers[VECTOR_IRQ + IRQ_ATA] = on_disk;
    pic_unmask(IRQ_CASCADE);
    pic_unmask(IRQ_ATA);
    settled();
    what_it_is();
    there_and_back();
    pages_in_one_piece();
    by_words_and_doubles();
    old_addresses();
    errors();
    no_interrupt_wanted();
    a_soft_reset();
    the_second_disk();
    a_fault_in_between();
}
