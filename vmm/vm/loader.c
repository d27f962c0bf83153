/* SPDX-License-Identifier: MIT
 *
 * See loader.h. Two passes over the program headers: the first judges, the
 * second copies, and between them stands no way to fail.
 *
 * Guest-physical layout: the image where its headers say; the boot
 * information in a page of its own, and each attached module from the next
 * page boundary, above the highest segment. Low memory is left to the guest.
 * The command line is the text behind "--", with no file name in front.
 *
 * LIMIT: multiboot 2 headers of guests are not read; only ELF images.
 *
 * Multiboot 0.6.96 3.1-3.4; System V ABI, chapter 4 (ELF-32).
 */
#include "vmm/vm/loader.h"
#include "arch/x86/defs/multiboot.h"
#include "arch/x86/defs/ports.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/vm/linux.h"
#include "vmm/vm/loader_impl.h"

#define EHDR_SIZE   52
#define EHDR_TYPE   16
#define EHDR_ENTRY  24
#define EHDR_PHOFF  28
#define EHDR_PHSIZE 42
#define EHDR_PHNUM  44
#define ET_EXEC     2
#define EM_386      3
#define PHDR_SIZE   32
#define PT_LOAD     1
#define SEGMENTS    16

/* Where things are in the page of boot information. */
#define INFO_MMAP   0x080
#define INFO_MODS   0x100
#define INFO_LOADER 0x1c0
#define INFO_LINE   0x200
#define INFO_NAMES  0x400
#define NAME_SIZE   0x100
#define INFO_SIZE   (INFO_NAMES + LOAD_MODULES * NAME_SIZE)

struct piece {
    u32 offset, vaddr, paddr, filesz, memsz;
};

struct load {
    struct p2m *p2m;
    const struct load_request *request;
    struct piece piece[SEGMENTS];
    u32 pieces;
    u32 top; /* end of the highest piece */
    u32 entry;
    u32 info; /* where the boot information goes */
    u32 module[LOAD_MODULES];
    struct load_error error;
};

static bool check_header(struct load *l)
{
    u64 last = l->request->size < MB1_HEADER_SEARCH ? l->request->size
                                                    : MB1_HEADER_SEARCH;
    const u8 *image = l->request->image;

    for (u64 i = 0; i + 12 <= last; i += 4) {
        u32 flags = get_le32(image + i + 4);
        if (get_le32(image + i) != MB1_HEADER_MAGIC ||
            MB1_HEADER_MAGIC + flags + get_le32(image + i + 8) != 0)
            continue;
        if (flags & MB1_HEADER_MUST &
            ~(u32)(MB1_HEADER_ALIGN | MB1_HEADER_MEMORY | MB1_HEADER_VIDEO))
            return load_refuse(&l->error,
                               "its multiboot header asks for flags 0x%x that "
                               "are not known; only bits 0 to 2 are",
                               flags);
        return true;
    }
    return load_refuse(&l->error,
                       "it has no multiboot header in its first 8 KiB; this is "
                       "no kernel that can be started");
}

static bool check_elf(struct load *l)
{
    static const u8 ident[] = {0x7f, 'E', 'L', 'F', 1, 1};
    const u8 *e = l->request->image;

    if (l->request->size < sizeof(ident) || memcmp(e, ident, sizeof(ident)))
        return load_refuse(&l->error, "it is not an image: a 32-bit multiboot "
                                      "ELF file, a Linux bzImage or a disk "
                                      "with a boot sector is wanted");
    if (l->request->size < EHDR_SIZE)
        return load_refuse(&l->error,
                           "the ELF file is truncated: %u bytes, its header "
                           "alone has 52",
                           (u32)l->request->size);
    if (get_le16(e + EHDR_TYPE) != ET_EXEC ||
        get_le16(e + EHDR_TYPE + 2) != EM_386)
        return load_refuse(&l->error,
                           "it is not an executable for the i386; link it "
                           "statically with -m elf_i386");
    if (get_le16(e + EHDR_PHSIZE) != PHDR_SIZE || !get_le16(e + EHDR_PHNUM))
        return load_refuse(&l->error,
                           "its ELF header names no program headers");
    return true;
}

static bool check_piece(struct load *l, const struct piece *p)
{
    u64 end = (u64)p->paddr + p->memsz;

    if ((u64)p->offset + p->filesz > l->request->size)
        return load_refuse(&l->error,
                           "the ELF file is truncated: a segment ends at byte "
                           "%llu of %llu",
                           (unsigned long long)p->offset + p->filesz,
                           (unsigned long long)l->request->size);
    if (p->filesz > p->memsz)
        return load_refuse(&l->error,
                           "a segment has more bytes in the file than in "
                           "memory (0x%x > 0x%x)",
                           p->filesz, p->memsz);
    if (end > UINT32_MAX)
        return load_refuse(&l->error,
                           "the segment at 0x%x wraps around the end of the "
                           "address space",
                           p->paddr);
    if (!load_in_ram(l->p2m, p->paddr, end))
        return load_refuse(&l->error,
                           "the segment from 0x%x to 0x%x is outside the "
                           "guest's memory, which ends at 0x%x; raise mem=",
                           p->paddr, (u32)end, load_ram_end(l->p2m));
    for (u32 i = 0; i < l->pieces; i++) {
        const struct piece *q = &l->piece[i];
        if (p->paddr < (u64)q->paddr + q->memsz && q->paddr < end)
            return load_refuse(&l->error,
                               "the segments at 0x%x and 0x%x overlap",
                               q->paddr, p->paddr);
    }
    return true;
}

static bool take_piece(struct load *l, const u8 *phdr)
{
    struct piece p = {get_le32(phdr + 4), get_le32(phdr + 8),
                      get_le32(phdr + 12), get_le32(phdr + 16),
                      get_le32(phdr + 20)};

    if (get_le32(phdr) != PT_LOAD || !p.memsz)
        return true;
    if (l->pieces == SEGMENTS)
        return load_refuse(&l->error, "it has more than %u segments", SEGMENTS);
    if (!check_piece(l, &p))
        return false;
    l->piece[l->pieces++] = p;
    l->top = max_u32(l->top, p.paddr + p.memsz);
    return true;
}

static bool check_pieces(struct load *l)
{
    const u8 *e = l->request->image;
    u64 at = get_le32(e + EHDR_PHOFF);
    u32 count = get_le16(e + EHDR_PHNUM);

    if (at + (u64)count * PHDR_SIZE > l->request->size)
        return load_refuse(&l->error,
                           "the ELF file is truncated: its program headers end "
                           "behind its last byte");
    for (u32 i = 0; i < count; i++) {
        if (!take_piece(l, e + at + (u64)i * PHDR_SIZE))
            return false;
    }
    if (!l->pieces)
        return load_refuse(&l->error, "it has no segment to load");
    return true;
}

/* The entry is a linked (virtual) address of a segment, or else a physical
 * one: a kernel may be linked either way. */
static bool check_entry(struct load *l)
{
    u32 entry = get_le32(l->request->image + EHDR_ENTRY);

    for (u32 i = 0; i < l->pieces; i++) {
        const struct piece *p = &l->piece[i];
        l->entry = entry - p->vaddr + p->paddr;
        if (entry - p->vaddr < p->memsz)
            return true;
    }
    l->entry = entry;
    for (u32 i = 0; i < l->pieces; i++) {
        if (entry - l->piece[i].paddr < l->piece[i].memsz)
            return true;
    }
    return load_refuse(
        &l->error, "its entry point 0x%x is in none of its segments", entry);
}

/* Places for the boot information and the modules, above the image. */
static bool check_places(struct load *l)
{
    u64 at = max_u32(l->top, HIGH_MEMORY);

    at = align_up(at, PAGE_SIZE);
    l->info = (u32)at;
    at += INFO_SIZE;
    for (u32 i = 0; i < l->request->modules; i++) {
        at = align_up(at, PAGE_SIZE);
        l->module[i] = (u32)at;
        at += l->request->module[i].size;
        if (at > load_ram_end(l->p2m))
            break;
    }
    if (at > load_ram_end(l->p2m))
        return load_refuse(&l->error,
                           "the image and its modules need %llu KiB, the guest "
                           "has %u; raise mem=",
                           (unsigned long long)at >> 10,
                           load_ram_end(l->p2m) >> 10);
    return true;
}

static void copy_pieces(struct load *l)
{
    static const u8 zeros[PAGE_SIZE];

    for (u32 i = 0; i < l->pieces; i++) {
        const struct piece *p = &l->piece[i];
        p2m_write(l->p2m, gpa(p->paddr), l->request->image + p->offset,
                  p->filesz);
        for (u32 at = p->filesz, n; at < p->memsz; at += n) {
            n = min_u32(sizeof(zeros), p->memsz - at);
            p2m_write(l->p2m, gpa((u64)p->paddr + at), zeros, n);
        }
    }
}

static void put32(struct load *l, u32 offset, u32 value)
{
    u8 raw[4];

    put_le32(raw, value);
    p2m_write(l->p2m, gpa((u64)l->info + offset), raw, sizeof(raw));
}

static void put_string(struct load *l, u32 offset, const char *text, u32 max)
{
    u64 len = min_u64(str_len(text), max - 1);
    u8 end = 0;

    p2m_write(l->p2m, gpa((u64)l->info + offset), text, len);
    p2m_write(l->p2m, gpa(l->info + offset + len), &end, 1);
}

static void put_range(struct load *l, u32 at, const struct load_range *r)
{
    put32(l, at, MB1_MMAP_SIZE - 4);
    put32(l, at + MB1_MMAP_BASE, r->start);
    put32(l, at + MB1_MMAP_BASE + 4, 0);
    put32(l, at + MB1_MMAP_BYTES, r->end - r->start);
    put32(l, at + MB1_MMAP_BYTES + 4, 0);
    put32(l, at + MB1_MMAP_TYPE, r->type);
}

static void put_memory(struct load *l)
{
    struct load_range map[LOAD_RANGES];

    load_map(l->p2m, map);
    put32(l, MB1_MEM_LOWER, LOAD_LOW_END >> 10);
    put32(l, MB1_MEM_UPPER, (load_ram_end(l->p2m) - HIGH_MEMORY) >> 10);
    put32(l, MB1_MMAP_ADDR, l->info + INFO_MMAP);
    put32(l, MB1_MMAP_LEN, LOAD_RANGES * MB1_MMAP_SIZE);
    for (u32 i = 0; i < LOAD_RANGES; i++)
        put_range(l, INFO_MMAP + i * MB1_MMAP_SIZE, &map[i]);
}

static void put_modules(struct load *l)
{
    put32(l, MB1_MODS_COUNT, l->request->modules);
    put32(l, MB1_MODS_ADDR, l->info + INFO_MODS);
    for (u32 i = 0; i < l->request->modules; i++) {
        const struct load_module *m = &l->request->module[i];
        u32 at = INFO_MODS + i * MB1_MOD_SIZE;
        u32 name = INFO_NAMES + i * NAME_SIZE;
        p2m_write(l->p2m, gpa(l->module[i]), m->data, m->size);
        put32(l, at + MB1_MOD_START, l->module[i]);
        put32(l, at + MB1_MOD_END, l->module[i] + (u32)m->size);
        put32(l, at + MB1_MOD_STRING, l->info + name);
        put_string(l, name, m->line, NAME_SIZE);
    }
}

static void put_info(struct load *l)
{
    u32 flags = MB1_INFO_MEMORY | MB1_INFO_CMDLINE | MB1_INFO_MODS |
                MB1_INFO_MMAP | MB1_INFO_LOADER;

    put32(l, MB1_FLAGS, flags);
    put_memory(l);
    put_modules(l);
    put32(l, MB1_CMDLINE, l->info + INFO_LINE);
    put_string(l, INFO_LINE, l->request->command_line, INFO_NAMES - INFO_LINE);
    put32(l, MB1_LOADER, l->info + INFO_LOADER);
    put_string(l, INFO_LOADER, "Trapline", INFO_LINE - INFO_LOADER);
}

bool loader_load(struct p2m *p2m, const struct load_request *request,
                 struct load_result *out, char *error, size_t size)
{
    struct load l = {.p2m = p2m, .request = request, .error = {error, size}};

    if (linux_image(request->image, request->size))
        return linux_load(p2m, request, out, error, size);
    if (!check_elf(&l) || !check_header(&l) || !check_pieces(&l) ||
        !check_entry(&l) || !check_places(&l))
        return false;
    copy_pieces(&l);
    put_info(&l);
    *out = (struct load_result){
        .entry = l.entry, .magic = MB1_BOOT_MAGIC, .info = l.info};
    return true;
}
