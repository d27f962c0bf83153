/* SPDX-License-Identifier: MIT
 *
 * A VM's disk: which module it is, how large, whose it is and how long; every
 * refusal and its sentence. And the start from it: what the firmware has left,
 * the way from the boot sector to protected mode, and REP INSW and OUTSW with
 * the disk.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/ata.h"
#include "arch/x86/defs/ports.h"
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/vm/attach.h"
#include "vmm/vm/env.h"
#include "vmm/vm/interp.h"

#define MEM  0x200000u
#define BOOT 0x7c00

static struct vm *vm;
static char error[300];
static u8 disk_image[3000], other_disk[800];
static u32 free_before;

static const u8 *module_bytes(struct hv *hv, u32 module)
{
    if (fake_boot.module[module].size == sizeof(disk_image))
        return disk_image;
    if (fake_boot.module[module].size == sizeof(other_disk))
        return other_disk;
    return (const u8 *)&fake_image;
}

static void module(const char *line, u64 size)
{
    struct boot_module *m = &fake_boot.module[fake_boot.modules++];

    m->size = size;
    str_copy(m->line, BOOT_LINE, line);
}

/* No VM, and one boot module, which is a kernel. */
static void start(void)
{
    vm = fake_vm(MEM, SHADOW_CACHED);
    vm_destroy(vm);
    fake_hv.module_data = module_bytes;
    str_copy(fake_boot.module[0].line, BOOT_LINE, "vm=fake");
    memset(disk_image, 0, sizeof(disk_image));
    memset(other_disk, 0x5a, sizeof(other_disk));
    for (u32 i = DISK_SECTOR; i < sizeof(disk_image); i++)
        disk_image[i] = (u8)(i / DISK_SECTOR);
    put_le16(disk_image + 510, 0xaa55);
    error[0] = 0;
    free_before = fake_hv.frames.nfree;
}

static bool create(const char *words, u32 image)
{
    struct vm_config config;

    EXPECT(config_parse(words, &config, error, sizeof(error)));
    return vm_create(&fake_hv, &config, image, error, sizeof(error));
}

#define REFUSED(words, image, sentence)                                        \
    do {                                                                       \
        EXPECT(!create(words, image));                                         \
        EXPECT_STR(error, sentence);                                           \
        EXPECT_EQ(fake_hv.frames.nfree, free_before);                          \
    } while (0)

static void out(u32 port, u32 value)
{
    bus_write(&vm->pc.bus, BUS_PORT, port, 1, value);
}

static u32 in(u32 port)
{
    return bus_read(&vm->pc.bus, BUS_PORT, port, 1);
}

/* The first word of a sector, as the guest reads it. */
static u32 word_of(u32 lba)
{
    out(PORT_ATA + ATA_COUNT, 1);
    out(PORT_ATA + ATA_LBA_LOW, lba);
    out(PORT_ATA + ATA_LBA_MID, 0);
    out(PORT_ATA + ATA_LBA_HIGH, 0);
    out(PORT_ATA + ATA_DEVICE, ATA_DEVICE_LBA);
    out(PORT_ATA + ATA_COMMAND, ATA_READ);
    for (u32 i = 1; i < 256; i++)
        bus_read(&vm->pc.bus, BUS_PORT, PORT_ATA, 2);
    return bus_read(&vm->pc.bus, BUS_PORT, PORT_ATA, 2);
}

static void put_sector(u32 lba, u32 value)
{
    word_of(lba);
    out(PORT_ATA + ATA_COUNT, 1);
    out(PORT_ATA + ATA_LBA_LOW, lba);
    out(PORT_ATA + ATA_COMMAND, ATA_WRITE);
    for (u32 i = 0; i < 256; i++)
        bus_write(&vm->pc.bus, BUS_PORT, PORT_ATA, 2, value);
}

static void without_a_disk_nobody_answers(void)
{
    start();
    EXPECT(create("vm=fake mem=2M", 0));
    EXPECT_EQ(vm->disk.sectors, 0);
    EXPECT_EQ(in(PORT_ATA + ATA_STATUS), 0xff);
    EXPECT(vm->pc.bus.unclaimed);
}

/* A reset finds what was written, and neither the module nor another VM. */
static void a_disk_is_kept_and_private(void)
{
    start();
    module("for=fake disk", sizeof(disk_image));
    EXPECT(create("vm=fake mem=2M", 0));
    EXPECT_EQ(vm->disk.sectors, 6);
    EXPECT_EQ(word_of(2), 0x0202);
    put_sector(2, 0x1234);
    EXPECT(vm_reset(vm, error, sizeof(error)));
    EXPECT_EQ(word_of(2), 0x1234);
    EXPECT_EQ(disk_image[2 * DISK_SECTOR], 2);
    EXPECT_EQ(frames_owned(&fake_hv.frames, 0, FRAME_DISK), 2);
    vm_destroy(vm);
    EXPECT_EQ(fake_hv.frames.nfree, free_before);
    EXPECT(create("vm=fake mem=2M disk=64K", 0));
    EXPECT_EQ(vm->disk.sectors, 128);
    EXPECT_EQ(word_of(2), 0x0202);
    EXPECT_EQ(word_of(127), 0);
}

static void a_disk_of_zeros(void)
{
    start();
    module("for=other disk", sizeof(disk_image));
    EXPECT(create("vm=fake mem=2M disk=128K", 0));
    EXPECT_EQ(vm->disk.sectors, 256);
    EXPECT_EQ(word_of(0), 0);
}

static void a_disk_is_no_file_for_the_kernel(void)
{
    struct vm_config config[LOAD_MODULES];
    struct load_request request = {.modules = 0};

    start();
    module("for=fake one", sizeof(fake_image));
    module("for=fake disk", sizeof(disk_image));
    module("for=fake disk two", sizeof(fake_image));
    EXPECT(create("vm=fake mem=2M", 0));
    attach_files(vm, &request, config);
    EXPECT_EQ(request.modules, 2);
    EXPECT_STR(request.module[1].line, "disk two");
}

static void what_cannot_be_a_disk(void)
{
    start();
    module("for=fake disk", sizeof(disk_image));
    module("for=fake disk", sizeof(other_disk));
    REFUSED("vm=fake mem=2M", 0,
            "boot modules 1 and 2 are both its disk, and it can have one; "
            "take one away");
    start();
    module("for=fake disk", 0);
    REFUSED("vm=fake mem=2M", 0, "its disk, boot module 1, is empty");
    start();
    module("for=fake disk", DISK_MAX + 1ull);
    REFUSED("vm=fake mem=2M", 0,
            "its disk, boot module 1, has 1025 MiB; a disk has at most 1024");
    start();
    module("for=fake disk", 65537);
    REFUSED("vm=fake mem=2M disk=64K", 0,
            "disk=64K is smaller than boot module 1, which is to be on it and "
            "has 65 KiB; raise disk= or leave it out");
    start();
    REFUSED("vm=fake mem=2M disk=8M", 0,
            "mem=2M and its disk of 8192 KiB are more than the 7 MiB that are "
            "free, less what its page tables take; make one smaller or give "
            "the machine more memory");
}

static void what_a_disk_image_is(void)
{
    start();
    module("vm=d", sizeof(disk_image));
    EXPECT(create("vm=fake mem=2M", 1));
    EXPECT(attach_boots(vm));
    disk_image[510] = 0;
    EXPECT(!attach_boots(vm));
    disk_image[510] = 0x55;
    memcpy(disk_image, "\177ELF", 4);
    EXPECT(!attach_boots(vm));
    memset(disk_image, 0, 4);
    memcpy(disk_image + 0x202, "HdrS", 4);
    EXPECT(!attach_boots(vm));
    fake_boot.module[1].size = 511;
    EXPECT(!attach_boots(vm));
}

static void a_boot_sector_takes_nothing_else(void)
{
    start();
    module("vm=fake", sizeof(disk_image));
    REFUSED("vm=fake mem=2M -- quiet", 1,
            "it starts from its disk, which has its command line, if any, on "
            "it; leave out what is behind --");
    module("for=fake initrd", sizeof(fake_image));
    REFUSED("vm=fake mem=2M", 1,
            "it starts from its disk, and nobody would hand boot module 2 "
            "(\"initrd\") to it; take that away");
    start();
    module("vm=fake", sizeof(disk_image));
    module("for=fake disk", sizeof(other_disk));
    REFUSED("vm=fake mem=2M", 1,
            "boot modules 1 and 2 are both its disk, and it can have one; "
            "take one away");
}

static u32 memory(u32 at, u32 size)
{
    u8 bytes[4] = {0};

    EXPECT(p2m_read(&vm->p2m, gpa(at), bytes, size));
    return get_le32(bytes);
}

static void boot(const char *words, const char *code, u32 size)
{
    start();
    memcpy(disk_image, code, size);
    module("vm=fake", sizeof(disk_image));
    EXPECT(create(words, 1));
}

static void run(void)
{
    for (u32 i = 0; i < 8 && !vm->cpu.halted; i++) {
        vm->leave = false;
        vm->work = 0;
        interp_run(vm);
    }
}

static void the_firmware_has_been_here(void)
{
    boot("vm=fake mem=2M", "\xf4", 1);
    EXPECT_EQ(vm->cpu.eip, BOOT);
    EXPECT_EQ(vm->cpu.seg[SEG_CS].base, 0);
    EXPECT_EQ(vm->cpu.gpr[EDX] & 0xff, 0x80);
    EXPECT(cpu_mode(&vm->cpu) == MODE_REAL);
    EXPECT_EQ(memory(BOOT, 1), 0xf4);
    EXPECT_EQ(memory(BOOT + 510, 2), 0xaa55);
    EXPECT_EQ(memory(BOOT + 512, 1), 0);
    EXPECT_EQ(memory(0x413, 2), 639);
    EXPECT_EQ(memory(0x40e, 2), 0x9fc0);
    EXPECT_EQ(memory(0x475, 1), 1);
    EXPECT_EQ(in(PORT_PIC1_DATA), 0xb8);
    EXPECT(interp_wanted(vm));
    run();
    EXPECT_EQ(vm->cpu.eip, BOOT + 1);
}

/* clc; mov ax, 0201h; int 13h; sbb bx, bx; hlt */
static void bios_functions_are_refused(void)
{
    boot("vm=fake mem=2M", "\xf8\xb8\x01\x02\xcd\x13\x19\xdb\xf4", 9);
    run();
    EXPECT_EQ(vm->cpu.gpr[EAX], 0x8601);
    EXPECT_EQ(vm->cpu.gpr[EBX], 0xffff);
    EXPECT_EQ(vm->cpu.gpr[ESP], BOOT);
    EXPECT(vm->cpu.eflags & EFLAGS_IF);
}

/* Lines of either controller are acknowledged: int 8; int 76h; hlt */
static void hardware_interrupts_are_dealt_with(void)
{
    boot("vm=fake mem=2M", "\xcd\x08\xcd\x76\xf4", 5);
    run();
    EXPECT_EQ(vm->cpu.eip, BOOT + 5);
    EXPECT_EQ(vm->cpu.gpr[EAX], 0);
    irq_set(&vm->pc.irq, IRQ_TIMER, true);
    vm->irq_waiting = pc_irq_pending(&vm->pc);
    EXPECT(vm->irq_waiting);
    vm->cpu.halted = false;
    run();
    EXPECT_EQ(pic_in_service(&vm->pc.pic), 0);
}

/* ud2 */
static void an_exception_ends_the_start(void)
{
    boot("vm=fake mem=2M", "\x0f\x0b", 2);
    run();
    EXPECT(vm->cpu.halted);
    EXPECT(!(vm->cpu.eflags & EFLAGS_IF));
    EXPECT_EQ(vm->cpu.seg[SEG_CS].sel, 0x9fc0);
}

/* cli; lgdt [7c20h]; mov eax, cr0; or al, 1; mov cr0, eax;
 * jmp far 8:7c18h; (at 18h) hlt. Under exec=trap the interpreter has it so
 * far, and not any more from the far jump on. */
static void from_real_mode_to_the_processor(void)
{
    static const char code[] =
        "\xfa\x0f\x01\x16\x20\x7c\x0f\x20\xc0\x0c\x01\x0f\x22\xc0"
        "\x66\xea\x18\x7c\x00\x00\x08\x00\x90\x90\xf4\x90\x90\x90\x90\x90\x90"
        "\x90\x17\x00\x26\x7c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
        "\xff\xff\x00\x00\x00\x9b\xcf\x00\xff\xff\x00\x00\x00\x93\xcf\x00";

    boot("vm=fake mem=2M exec=trap", code, sizeof(code) - 1);
    EXPECT_EQ(vm_block_frames(vm), 0);
    run();
    EXPECT(!interp_wanted(vm));
    EXPECT(!vm->cpu.halted);
    EXPECT_EQ(vm->cpu.seg[SEG_CS].sel, 8);
    EXPECT_EQ(vm->cpu.eip, BOOT + 0x18);
    EXPECT_EQ(vm->state, VM_RUNNING);
    boot("vm=fake mem=2M exec=interp", code, sizeof(code) - 1);
    run();
    EXPECT(vm->cpu.halted);
    EXPECT_EQ(vm->cpu.eip, BOOT + 0x19);
}

/* cli; lgdt [7c20h]; mov eax, cr0; or al, 1; mov cr0, eax; mov bx, 10h;
 * mov fs, bx; and al, feh; mov cr0, eax; hlt: back from protected mode, before
 * the far jump, with a segment as long as memory. */
static void big_segments_in_real_mode(void)
{
    static const char code[] =
        "\xfa\x0f\x01\x16\x20\x7c\x0f\x20\xc0\x0c\x01\x0f\x22\xc0"
        "\xbb\x10\x00\x8e\xe3\x24\xfe\x0f\x22\xc0\xf4\x90\x90\x90\x90\x90\x90"
        "\x90\x17\x00\x26\x7c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
        "\xff\xff\x00\x00\x00\x9b\xcf\x00\xff\xff\x00\x00\x00\x93\xcf\x00";

    boot("vm=fake mem=2M exec=trap", code, sizeof(code) - 1);
    run();
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT(vm->cpu.halted);
    EXPECT(cpu_mode(&vm->cpu) == MODE_REAL);
    EXPECT_EQ(vm->cpu.seg[SEG_FS].limit, UINT32_MAX);
    EXPECT_EQ(vm->cpu.eip, BOOT + 0x19);
}

/* A guest that spoils its boot sector is reset to what is on the disk. */
static void a_reset_starts_from_the_disk_as_it_is(void)
{
    boot("vm=fake mem=2M", "\xf4", 1);
    put_sector(0, 0x9090);
    EXPECT(vm_reset(vm, error, sizeof(error)));
    EXPECT_EQ(memory(BOOT, 2), 0x9090);
    EXPECT_EQ(vm->cpu.eip, BOOT);
}

/* A read or write of so many sectors is begun; DRQ is set. */
static void begin(u32 command, u32 lba, u32 count)
{
    out(PORT_ATA + ATA_COUNT, 16);
    out(PORT_ATA + ATA_COMMAND, ATA_SET_MULTIPLE);
    out(PORT_ATA + ATA_COUNT, count);
    out(PORT_ATA + ATA_LBA_LOW, lba);
    out(PORT_ATA + ATA_LBA_MID, 0);
    out(PORT_ATA + ATA_LBA_HIGH, 0);
    out(PORT_ATA + ATA_DEVICE, ATA_DEVICE_LBA);
    out(PORT_ATA + ATA_COMMAND, command);
}

/* mov dx, port; mov si, at; mov di, at; mov cx, count; rep CODE; hlt. Returns
 * how many instructions were interpreted. */
static u64 rep(const char *code, u32 port, u32 at, u32 count)
{
    u8 bytes[] = {0xba, 0,    0, 0xbe, 0,    0, 0xbf, 0,
                  0,    0xb9, 0, 0,    0xf3, 0, 0,    0xf4};
    u64 before = vm->interpreted;

    put_le16(bytes + 1, (u16)port);
    put_le16(bytes + 4, (u16)at);
    put_le16(bytes + 7, (u16)at);
    put_le16(bytes + 10, (u16)count);
    bytes[13] = (u8)code[0];
    bytes[14] = code[1] ? (u8)code[1] : 0x90;
    p2m_write(&vm->p2m, gpa(BOOT), bytes, sizeof(bytes));
    vm->cpu.eip = BOOT;
    vm->cpu.halted = false;
    run();
    EXPECT(vm->cpu.halted);
    EXPECT_EQ(vm->cpu.gpr[ECX], 0);
    return vm->interpreted - before - 6;
}

static bool memory_is(u32 at, u32 lba, u32 bytes)
{
    for (u32 i = 0; i < bytes; i++)
        if ((u8)memory(at + i, 1) !=
            disk_sector(&vm->disk, lba + i / DISK_SECTOR)[i % DISK_SECTOR])
            return false;
    return true;
}

static void with_pattern(void)
{
    boot("vm=fake mem=2M disk=64K", "\xf4", 1);
    for (u32 i = 0; i < 64 * 512; i++)
        disk_sector(&vm->disk, i / 512)[i % 512] = (u8)(i / 511 + i);
}

/* A page is one instruction that is done at once, 256 single iterations are
 * one as well. */
static void a_page_at_once(void)
{
    with_pattern();
    begin(ATA_READ_MULTIPLE, 3, 8);
    EXPECT_EQ(rep("\x6d", PORT_ATA, 0x8000, 2048), 1);
    EXPECT(memory_is(0x8000, 3, 4096));
    EXPECT_EQ(vm->cpu.gpr[EDI], 0x9000);
    begin(ATA_WRITE_MULTIPLE, 40, 8);
    EXPECT_EQ(rep("\x6f", PORT_ATA, 0x8000, 2048), 1);
    EXPECT(memory_is(0x8000, 40, 4096));
    EXPECT_EQ(vm->cpu.gpr[ESI], 0x9000);
    EXPECT_EQ(in(PORT_ATA + ATA_STATUS) & 0x89, 0);
}

static void wherever_it_goes(void)
{
    static const u16 places[] = {0x8001, 0x8ffe, 0x8fff, 0x9e00, 0x9e0e};

    for (u32 i = 0; i < ARRAY_LEN(places); i++) {
        with_pattern();
        begin(ATA_READ_MULTIPLE, 5, 3);
        rep("\x6d", PORT_ATA, places[i], 768);
        EXPECT(memory_is(places[i], 5, 1536));
        EXPECT_EQ(memory(places[i] + 1536u, 2), 0);
        EXPECT_EQ(memory(places[i] - 2u, 2), 0);
    }
}

/* From FFFE to 0000 in the same segment. */
static void offsets_wrap(void)
{
    with_pattern();
    begin(ATA_READ, 5, 1);
    rep("\x6d", PORT_ATA, 0xfff0, 256);
    EXPECT(memory_is(0xfff0, 5, 16));
    for (u32 i = 16; i < 512; i++)
        EXPECT_EQ(memory(i - 16, 1), disk_sector(&vm->disk, 5)[i]);
    EXPECT_EQ(memory(0x10000, 4), 0);
}

static void downwards_one_at_a_time(void)
{
    with_pattern();
    begin(ATA_READ, 5, 1);
    vm->cpu.eflags |= EFLAGS_DF;
    rep("\x6d", PORT_ATA, 0x8200, 256);
    EXPECT_EQ(memory(0x8200, 2), get_le16(disk_sector(&vm->disk, 5)));
    EXPECT_EQ(memory(0x8002, 2), get_le16(disk_sector(&vm->disk, 5) + 510));
}

/* Bytes of the data register, registers of the disk, a port of nobody and one
 * of another device: each is asked as often as it says. */
static void others_are_asked_singly(void)
{
    with_pattern();
    begin(ATA_READ, 5, 1);
    rep("\x6c", PORT_ATA, 0x8000, 3);
    EXPECT_EQ(memory(0x8000, 4), 0x00ffffff);
    EXPECT_EQ(vm->pc.ide.st.at, 0);
    rep("\x6c", PORT_ATA + ATA_LBA_LOW, 0x8000, 3);
    EXPECT_EQ(memory(0x8000, 4), 0x00050505);
    rep("\x6d", 0x5f00, 0x8000, 2);
    EXPECT_EQ(memory(0x8000, 4), 0xffffffff);
    p2m_write(&vm->p2m, gpa(0x8000), "abc", 3);
    rep("\x6e", PORT_COM1 + 7, 0x8000, 3);
    EXPECT_EQ(in(PORT_COM1 + 7), 'c');
    rep("\x6f", PORT_ATA, 0x8000, 3); /* it does not want any now */
    EXPECT_EQ(vm->pc.ide.st.at, 0);
}

static void who_looks_sees_each(void)
{
    struct cpu_env env;
    u8 bytes[8];

    with_pattern();
    env = env_of(vm);
    begin(ATA_READ, 5, 1);
    EXPECT_EQ(env.in_many(vm, PORT_ATA, 2, bytes, 4), 4);
    vm->probes.on = true;
    EXPECT_EQ(env.in_many(vm, PORT_ATA, 2, bytes, 4), 0);
    EXPECT_EQ(env.out_many(vm, PORT_ATA, 2, bytes, 4), 0);
    vm->probes.on = false;
}

static const struct unit_case cases[] = {
    CASE(without_a_disk_nobody_answers),
    CASE(a_disk_is_kept_and_private),
    CASE(a_disk_of_zeros),
    CASE(a_disk_is_no_file_for_the_kernel),
    CASE(what_cannot_be_a_disk),
    CASE(what_a_disk_image_is),
    CASE(a_boot_sector_takes_nothing_else),
    CASE(the_firmware_has_been_here),
    CASE(bios_functions_are_refused),
    CASE(hardware_interrupts_are_dealt_with),
    CASE(an_exception_ends_the_start),
    CASE(from_real_mode_to_the_processor),
    CASE(big_segments_in_real_mode),
    CASE(a_reset_starts_from_the_disk_as_it_is),
    CASE(a_page_at_once),
    CASE(wherever_it_goes),
    CASE(offsets_wrap),
    CASE(downwards_one_at_a_time),
    CASE(others_are_asked_singly),
    CASE(who_looks_sees_each),
};

int main(void)
{
    return unit_main(cases, sizeof(cases) / sizeof(cases[0]));
}
