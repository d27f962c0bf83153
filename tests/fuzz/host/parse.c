/* SPDX-License-Identifier: MIT
 *
 * Random input for all that reads what others wrote: instructions, module
 * lines, a boot loader's structures, kernel images, and the ports of devices.
 *
 * What a parser accepts must keep its promises: an instruction is no longer
 * than the bytes it was read from, a sentence is there when there is an
 * error, what was loaded lies in the guest.
 */
#include "arch/x86/defs/multiboot.h"
#include "arch/x86/defs/ports.h"
#include "drivers/model/pc.h"
#include "tests/fuzz/host/fuzz.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/decode.h"
#include "vmm/vm/bootinfo.h"
#include "vmm/vm/config.h"
#include "vmm/vm/loader.h"
#include <stdlib.h>
#include <string.h>

/* As text, into just so many bytes. */
static void print(const struct insn *insn, struct input *in)
{
    size_t size = 1 + take8(in) % 80, full;
    char *exact = malloc(size), text[120];

    full = insn_print(insn, take32(in), text, sizeof(text));
    MUST(full && full < sizeof(text) && strlen(text) == full);
    insn_print(insn, 0, exact, size);
    MUST(memchr(exact, 0, size));
    free(exact);
}

/* The same bytes, cut: too few say so, those behind do not matter. */
static void decode_again(const struct insn *insn, const u8 *bytes, bool code32)
{
    struct insn other;

    for (u32 count = 0; count < insn->len; count++)
        MUST(insn_decode(bytes, count, code32, &other) == DECODE_SHORT);
    MUST(insn_decode(bytes, insn->len, code32, &other) == DECODE_OK);
    MUST(other.op == insn->op && other.len == insn->len);
    MUST(other.disp == insn->disp && other.imm == insn->imm);
}

void fuzz_decode(struct input *in)
{
    bool code32 = take8(in) & 1;

    while (in->left) {
        u8 bytes[INSN_MAX], *exact;
        size_t count = take_bytes(in, bytes, 1 + take_below(in, INSN_MAX));
        struct insn insn;
        if (!count)
            return;
        exact = malloc(count); /* reading behind it is seen */
        memcpy(exact, bytes, count);
        if (insn_decode(exact, (u32)count, code32, &insn) == DECODE_OK) {
            MUST(insn.len && insn.len <= count && insn.op < OP_COUNT);
            decode_again(&insn, exact, code32);
            print(&insn, in);
        }
        free(exact);
    }
}

void fuzz_config(struct input *in)
{
    static const char *const words[] = {
        "vm=",    "mem=",        "exec=", "shadow=", "weight=", "trace=",
        "for=",   " ",           "--",    "a",       "32M",     "trap",
        "cached", "4294967296G", "1",     "="};
    char line[600], error[200] = "";
    struct vm_config config;
    size_t len = 0;

    while (in->left && len < 400) {
        char text[20];
        u32 word = take_below(in, ARRAY_LEN(words) + 8);
        if (word >= ARRAY_LEN(words))
            take_text(in, text, 1 + take_below(in, sizeof(text)));
        len += strlen(
            strcpy(line + len, word < ARRAY_LEN(words) ? words[word] : text));
    }
    line[len] = 0;
    if (!config_parse(line, &config, error, sizeof(error))) {
        MUST(error[0]);
        return;
    }
    if (config.kind == CONFIG_VM)
        MUST(config.name[0] && config.mem >= VM_MEM_MIN &&
             config.mem <= VM_MEM_MAX && config.weight);
}

#define BOOT_BASE 0x10000u
#define BOOT_SIZE 0x1000u
static u8 *boot_memory;

static const void *boot_at(void *ctx, hpa_t where, u64 size)
{
    if (where.v < BOOT_BASE || where.v > BOOT_BASE + BOOT_SIZE ||
        size > BOOT_BASE + BOOT_SIZE - where.v)
        return NULL;
    return boot_memory + (where.v - BOOT_BASE);
}

void fuzz_bootinfo(struct input *in)
{
    static const struct boot_view view = {boot_at, NULL};
    static struct boot_info out;
    u32 magic = take8(in) & 1 ? MB1_BOOT_MAGIC : MB2_BOOT_MAGIC;
    u32 hop = take8(in);

    boot_memory = calloc(1, BOOT_SIZE);
    take_bytes(in, boot_memory, BOOT_SIZE);
    if (magic == MB1_BOOT_MAGIC) { /* pointers that lead somewhere */
        put_le32(boot_memory + MB1_MODS_ADDR, BOOT_BASE + hop);
        put_le32(boot_memory + MB1_MMAP_ADDR, BOOT_BASE + hop * 2);
        put_le32(boot_memory + MB1_CMDLINE, BOOT_BASE + hop * 3);
    } else {
        put_le32(boot_memory, BOOT_SIZE - hop);
    }
    if (!bootinfo_parse(magic, hpa(BOOT_BASE), &view, &out)) {
        MUST(out.modules <= BOOT_MODULES);
        for (u32 i = 0; i < out.modules; i++)
            MUST(memchr(out.module[i].line, 0, BOOT_LINE));
        MUST(memchr(out.command_line, 0, BOOT_LINE));
    }
    free(boot_memory);
}

/* RAM is in two pieces, as vm.c makes it. */
#define LOAD_FRAMES 600u
#define LOAD_END    0x1f0000u

static u8 load_arena[LOAD_FRAMES * PAGE_SIZE] __attribute__((aligned(4096)));
static struct frame load_info[LOAD_FRAMES];

/* The head of an ELF that may load; the input is written over it. */
static size_t image_of(struct input *in, u8 *image, size_t size)
{
    static const u8 head[] = {0x7f, 'E', 'L', 'F', 1, 1, 1};
    u32 edits = take_below(in, 12);

    memset(image, 0, size);
    memcpy(image, head, sizeof(head));
    put_le32(image + 16, 2 | 3 << 16);
    put_le32(image + 20, 1);
    put_le32(image + 24, 0x100020);
    put_le32(image + 28, 52);
    put_le32(image + 40, 52 | 32 << 16);
    put_le32(image + 44, 2);
    for (u32 i = 0; i < 2; i++) {
        u8 *ph = image + 52 + i * 32;
        put_le32(ph, 1);
        put_le32(ph + 4, 116);
        put_le32(ph + 8, 0x100000 + i * PAGE_SIZE);
        put_le32(ph + 12, 0x100000 + i * PAGE_SIZE);
        put_le32(ph + 16, 64);
        put_le32(ph + 20, 64 + (i << 12));
    }
    put_le32(image + 116, MB1_HEADER_MAGIC);
    put_le32(image + 124, 0u - MB1_HEADER_MAGIC);
    while (edits--)
        put_le32(image + take8(in) % 196, take32(in));
    return 100 + take8(in);
}

void fuzz_loader(struct input *in)
{
    static struct frames frames;
    u8 image[512], *exact;
    struct load_request request = {.command_line = "words"};
    struct load_result result;
    struct p2m p2m;
    char error[200] = "";

    frames_init(&frames, load_arena, load_info, LOAD_FRAMES);
    frames_add(&frames, hpa(PAGE_SIZE), hpa((u64)LOAD_FRAMES * PAGE_SIZE));
    p2m_init(&p2m, &frames, 0);
    MUST(p2m_add_ram(&p2m, gfn(0), LOW_MEMORY_END >> PAGE_SHIFT));
    MUST(p2m_add_ram(&p2m, gfn(HIGH_MEMORY >> PAGE_SHIFT),
                     (LOAD_END - HIGH_MEMORY) >> PAGE_SHIFT));
    request.size = image_of(in, image, sizeof(image));
    exact = malloc(request.size);
    memcpy(exact, image, request.size);
    request.image = exact;
    for (; request.modules < take_below(in, 3); request.modules++)
        request.module[request.modules] =
            (struct load_module){exact, request.size, "m"};
    if (!loader_load(&p2m, &request, &result, error, sizeof(error)))
        MUST(error[0]);
    else
        MUST(result.info < LOAD_END);
    free(exact);
}

static void nothing8(void *ctx, u8 byte)
{
}

static void nothing32(void *ctx, u32 status)
{
}

static void nothing(void *ctx)
{
}

static u64 count(void *ctx)
{
    return 5;
}

static u64 device_now;

static u64 device_clock(void *ctx)
{
    return device_now;
}

#define DISK_SECTORS 40

static u8 disk_bytes[DISK_SECTORS][ATA_SECTOR];

static u8 *disk_at(void *ctx, u32 lba)
{
    MUST(lba < DISK_SECTORS);
    return disk_bytes[lba];
}

/* A register of the disk, which few would find. */
static u32 disk_port(u32 at)
{
    return (at & 15) < 8 ? PORT_ATA + (at & 7) : PORT_ATA_CONTROL;
}

/* Of exactly the size that is asked for. */
static void many_ports(struct input *in, struct bus *bus, u32 at, u32 size)
{
    u32 count = 1 + take16(in) % 300;
    u8 *bytes = calloc(count, size);

    if (take8(in) & 1)
        MUST(bus_read_many(bus, BUS_PORT, at, size, bytes, count) <= count);
    else
        MUST(bus_write_many(bus, BUS_PORT, at, size, bytes, count) <= count);
    free(bytes);
}

/* Whatever state it has come to could be loaded again. */
static void check_disk(struct ide *ide)
{
    u8 saved[sizeof(struct ide_state) + 64];
    u32 size = ide_ops.save(ide, saved, sizeof(saved));

    MUST(size <= sizeof(saved) && ide_ops.load(ide, saved, size));
}

void fuzz_devices(struct input *in)
{
    static const struct pc_host host = {.console = nothing8,
                                        .reset = nothing,
                                        .exit = nothing32,
                                        .now = device_clock,
                                        .exits = count,
                                        .ram_kib = 8192,
                                        .sector = disk_at,
                                        .sectors = DISK_SECTORS};
    static struct pc pc;

    device_now = 1;
    pc_init(&pc, &host);
    while (in->left) {
        u32 what = take8(in), size = 1u << (what >> 4 & 3) % 3;
        enum bus_space space = what & 0x80 ? BUS_MEMORY : BUS_PORT;
        u32 at = what & 0x40 ? take16(in) : take8(in);
        if (space == BUS_MEMORY)
            at += 0xa0000;
        else if (what & 8)
            at = disk_port(at);
        switch (what & 7) {
        case 0:
        case 1:
            bus_read(&pc.bus, space, at, size);
            break;
        case 2:
            device_now += (u64)take16(in) << take_below(in, 40);
            pc_run(&pc, device_now);
            MUST(pc_deadline(&pc) > 0);
            break;
        case 3:
            if (pc_irq_pending(&pc))
                pc_irq_ack(&pc);
            pc_key(&pc, (u8)at);
            pc_serial_input(&pc, (u8)at);
            break;
        case 4:
            many_ports(in, &pc.bus, at, size);
            break;
        default:
            bus_write(&pc.bus, space, at, size, take32(in));
        }
    }
    check_disk(&pc.ide);
}
