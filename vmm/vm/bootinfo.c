/* SPDX-License-Identifier: MIT
 *
 * See bootinfo.h. Nothing of the loader's is followed without asking the view
 * for exactly the bytes that are read, and each size is checked against the
 * structure it lies in. A broken part (a module without bytes, a range that
 * wraps) is dropped; only a structure that cannot be read at all is an error.
 *
 * Command lines: QEMU and multiboot 1 loaders put the file's name first, GRUB's
 * module2 does not. The first word is taken for a file name, and left out,
 * when it has a '/' or a '.' and no '='.
 *
 * Multiboot 0.6.96 section 3.3; Multiboot2 2.0 section 3.6.
 */
#include "vmm/vm/bootinfo.h"
#include "arch/x86/defs/multiboot.h"
#include "arch/x86/defs/ports.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/vm/bootscreen.h"

#define MB2_SIZE_MAX  (1u << 20)
#define MMAP_SIZE_MAX (1u << 16)
#define MODULES_MAX   4096
#define EFI_PAGES_MAX BIT64(40)

/* The map is read again and again: what is not RAM counts more than what is,
 * and two mere sizes only where there is no map. */
enum pass { COLLECT, SIZES, STRIKE_OUT, PASSES };

struct parse {
    const struct boot_view *view;
    struct boot_info *out;
    enum pass pass;
};

static const u8 *look(const struct parse *p, u64 at, u64 size)
{
    return p->view->at(p->view->ctx, hpa(at), size);
}

/* Copies a string that ends with a zero byte or after `limit` bytes; true when
 * there was more of it than fits. */
static bool copy_string(const struct parse *p, u64 at, u32 limit, char *to,
                        u32 size)
{
    for (u32 i = 0; i < size; i++) {
        const u8 *byte = i < limit ? look(p, at + i, 1) : NULL;
        to[i] = byte ? (char)*byte : 0;
        if (!to[i])
            return false;
    }
    to[size - 1] = 0;
    return true;
}

static bool is_file_name(struct slice word)
{
    bool marked = false;

    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] == '=')
            return false;
        marked |= word.at[i] == '/' || word.at[i] == '.';
    }
    return marked;
}

static void drop_file_name(char *line)
{
    struct slice rest = slice_of(line), word;

    if (!slice_word(&rest, &word) || !is_file_name(word))
        return;
    while (rest.len && *rest.at == ' ')
        rest = (struct slice){rest.at + 1, rest.len - 1};
    memmove(line, rest.at, rest.len + 1);
}

static void add_module(struct parse *p, u64 start, u64 end, u64 string,
                       u32 limit)
{
    struct boot_module *m;

    if (p->out->modules == BOOT_MODULES) {
        p->out->modules_dropped++;
        return;
    }
    m = &p->out->module[p->out->modules++];
    m->start = hpa(start);
    m->size = end > start ? end - start : 0;
    if (string)
        m->cut = copy_string(p, string, limit, m->line, sizeof(m->line));
    drop_file_name(m->line);
}

/* RAM that wraps around is dropped, anything else that does goes on to the
 * end of all addresses. */
static void add_range(struct parse *p, u64 base, u64 bytes, bool ram)
{
    bool wraps = base + bytes < base;

    if (ram && p->pass == COLLECT && !wraps)
        ranges_add(&p->out->ram, base, base + bytes);
    else if (!ram && p->pass == STRIKE_OUT)
        ranges_remove(&p->out->ram, base, wraps ? UINT64_MAX : base + bytes);
}

/* Loaders too old for a map give two sizes, in KiB. */
static void add_sizes(struct parse *p, u32 lower, u32 upper)
{
    struct ranges *ram = &p->out->ram;

    if (ram->count)
        return;
    ranges_add(ram, 0, min_u64((u64)lower << 10, LOW_MEMORY_END));
    ranges_add(ram, HIGH_MEMORY, HIGH_MEMORY + ((u64)upper << 10));
}

static void mb1_modules(struct parse *p, const u8 *info)
{
    u32 count = min_u32(get_le32(info + MB1_MODS_COUNT), MODULES_MAX);
    u32 at = get_le32(info + MB1_MODS_ADDR);

    for (u32 i = 0; i < count; i++) {
        const u8 *m = look(p, at + (u64)i * MB1_MOD_SIZE, MB1_MOD_SIZE);
        if (!m)
            return;
        add_module(p, get_le32(m + MB1_MOD_START), get_le32(m + MB1_MOD_END),
                   get_le32(m + MB1_MOD_STRING), UINT32_MAX);
    }
}

static void mb1_memory(struct parse *p, const u8 *info)
{
    u32 size = min_u32(get_le32(info + MB1_MMAP_LEN), MMAP_SIZE_MAX);
    u32 at = get_le32(info + MB1_MMAP_ADDR);

    for (u32 i = 0; i + MB1_MMAP_SIZE <= size;) {
        const u8 *e = look(p, (u64)at + i, MB1_MMAP_SIZE);
        u32 step;
        if (!e)
            return;
        add_range(p, get_le64(e + MB1_MMAP_BASE), get_le64(e + MB1_MMAP_BYTES),
                  get_le32(e + MB1_MMAP_TYPE) == MB_RAM);
        step = get_le32(e) + 4;
        if (step < MB1_MMAP_SIZE || step > size)
            return;
        i += step;
    }
}

static void mb1_screen(struct parse *p, u64 at)
{
    const u8 *s = look(p, at, MB1_SCREEN_RGB + MB_RGB_SIZE);

    if (s)
        p->out->screen = bootscreen_named(s, s + MB1_SCREEN_RGB);
}

static const char *parse_mb1(struct parse *p, hpa_t at)
{
    const u8 *info = look(p, at.v, MB1_INFO_SIZE);
    u32 flags;

    if (!info)
        return "the multiboot information lies where it cannot be read";
    flags = get_le32(info + MB1_FLAGS);
    if (flags & MB1_INFO_CMDLINE)
        copy_string(p, get_le32(info + MB1_CMDLINE), UINT32_MAX,
                    p->out->command_line, sizeof(p->out->command_line));
    if (flags & MB1_INFO_LOADER)
        copy_string(p, get_le32(info + MB1_LOADER), UINT32_MAX, p->out->loader,
                    sizeof(p->out->loader));
    if (flags & MB1_INFO_MODS)
        mb1_modules(p, info);
    for (p->pass = COLLECT; p->pass < PASSES; p->pass++) {
        if (flags & MB1_INFO_MMAP)
            mb1_memory(p, info);
        if (flags & MB1_INFO_MEMORY && p->pass == SIZES)
            add_sizes(p, get_le32(info + MB1_MEM_LOWER),
                      get_le32(info + MB1_MEM_UPPER));
    }
    if (flags & MB1_INFO_SCREEN)
        mb1_screen(p, at.v + MB1_SCREEN);
    return NULL;
}

/* The size of the entries of a map, 0 when it cannot be right. */
static u32 map_step(const u8 *tag, u32 size, u32 least)
{
    u32 step = size < MB2_MMAP_FIRST ? 0 : get_le32(tag + MB2_MMAP_ENTRY);

    return step < least || step > size ? 0 : step;
}

static void mb2_map(struct parse *p, const u8 *tag, u32 size)
{
    u32 step = map_step(tag, size, MB1_MMAP_SIZE);

    for (u32 i = MB2_MMAP_FIRST; step && i + step <= size; i += step)
        add_range(p, get_le64(tag + i), get_le64(tag + i + 8),
                  get_le32(tag + i + 16) == MB_RAM);
}

static bool efi_keeps(const u8 *e)
{
    u32 type = get_le32(e + EFI_TYPE);

    if (get_le64(e + EFI_ATTRIBUTE) & EFI_RUNTIME)
        return true;
    return type != EFI_CONVENTIONAL &&
           (type < EFI_LOADER_CODE || type > EFI_BOOT_DATA);
}

/* UEFI's own map only ever takes away: GRUB has made the other one of it. */
static void mb2_efi_map(struct parse *p, const u8 *tag, u32 size)
{
    u32 step = map_step(tag, size, EFI_SIZE);

    for (u32 i = MB2_MMAP_FIRST; step && i + step <= size; i += step) {
        u64 pages = min_u64(get_le64(tag + i + EFI_PAGES), EFI_PAGES_MAX);
        if (efi_keeps(tag + i))
            add_range(p, get_le64(tag + i + EFI_START), pages << PAGE_SHIFT,
                      false);
    }
}

static void mb2_memory(struct parse *p, u32 type, const u8 *tag, u32 size)
{
    switch (type) {
    case MB2_TAG_MMAP:
        mb2_map(p, tag, size);
        break;
    case MB2_TAG_EFIMAP:
        mb2_efi_map(p, tag, size);
        break;
    case MB2_TAG_MEMORY:
        if (size >= MB2_MEM_UPPER + 4 && p->pass == SIZES)
            add_sizes(p, get_le32(tag + MB2_MEM_LOWER),
                      get_le32(tag + MB2_MEM_UPPER));
        break;
    }
}

static void mb2_module(struct parse *p, u64 at, const u8 *tag, u32 size)
{
    if (size < MB2_MOD_STRING)
        return;
    add_module(p, get_le32(tag + MB2_MOD_START), get_le32(tag + MB2_MOD_END),
               at + MB2_MOD_STRING, size - MB2_MOD_STRING);
}

/* Text needs no colours, and its tag may end before them. */
static void mb2_screen(struct parse *p, const u8 *tag, u32 size)
{
    const u8 *s = tag + MB2_TAG_HEAD;
    bool rgb = size >= MB2_TAG_HEAD + MB2_SCREEN_RGB + MB_RGB_SIZE;

    if (size >= MB2_TAG_HEAD + MB_SCREEN_SIZE)
        p->out->screen = bootscreen_named(s, rgb ? s + MB2_SCREEN_RGB : NULL);
}

/* A copy of ACPI's root pointer; the newer one, of 36 bytes, is preferred. */
static void mb2_rsdp(struct boot_info *out, const u8 *tag, u32 size)
{
    u32 bytes = min_u32(size - MB2_TAG_HEAD, sizeof(out->rsdp));

    if (bytes < out->rsdp_bytes)
        return;
    memcpy(out->rsdp, tag + MB2_TAG_HEAD, bytes);
    out->rsdp_bytes = bytes;
}

static void mb2_tag(struct parse *p, u64 at, const u8 *tag, u32 type, u32 size)
{
    struct boot_info *out = p->out;
    u32 limit = size - MB2_TAG_HEAD;

    at += MB2_TAG_HEAD;
    switch (type) {
    case MB2_TAG_CMDLINE:
        copy_string(p, at, limit, out->command_line, sizeof(out->command_line));
        break;
    case MB2_TAG_LOADER:
        copy_string(p, at, limit, out->loader, sizeof(out->loader));
        break;
    case MB2_TAG_MODULE:
        mb2_module(p, at - MB2_TAG_HEAD, tag, size);
        break;
    case MB2_TAG_SCREEN:
        mb2_screen(p, tag, size);
        break;
    case MB2_TAG_ACPI_OLD:
    case MB2_TAG_ACPI_NEW:
        mb2_rsdp(out, tag, size);
        break;
    case MB2_TAG_EFI32:
    case MB2_TAG_EFI64:
        out->uefi = true;
        break;
    }
}

static const char *mb2_tags(struct parse *p, u64 at, u32 total)
{
    for (u32 i = MB2_TAG_HEAD; i + MB2_TAG_HEAD <= total;) {
        const u8 *tag = look(p, at + i, MB2_TAG_HEAD);
        u32 type = get_le32(tag), size = get_le32(tag + 4);
        if (type == MB2_TAG_END)
            return NULL;
        if (size < MB2_TAG_HEAD || size > total - i)
            return "a multiboot2 tag is longer than the information it is in";
        tag = look(p, at + i, size);
        mb2_memory(p, type, tag, size);
        if (p->pass == COLLECT)
            mb2_tag(p, at + i, tag, type, size);
        i += (u32)align_up(size, MB2_TAG_HEAD);
    }
    return NULL;
}

static const char *parse_mb2(struct parse *p, hpa_t at)
{
    const u8 *head = look(p, at.v, MB2_TAG_HEAD);
    u32 total = head ? get_le32(head) : 0;
    const char *error = NULL;

    if (total < 2 * MB2_TAG_HEAD || total > MB2_SIZE_MAX ||
        !look(p, at.v, total))
        return "the multiboot2 information lies where it cannot be read";
    for (p->pass = COLLECT; !error && p->pass < PASSES; p->pass++)
        error = mb2_tags(p, at.v, total);
    return error;
}

const char *bootinfo_parse(u32 magic, hpa_t info, const struct boot_view *view,
                           struct boot_info *out)
{
    struct parse p = {view, out, COLLECT};
    const char *error;

    memset(out, 0, sizeof(*out));
    if (magic == MB1_BOOT_MAGIC)
        error = parse_mb1(&p, info);
    else if (magic == MB2_BOOT_MAGIC)
        error = parse_mb2(&p, info);
    else
        return "the boot loader does not speak multiboot; start it by GRUB's "
               "multiboot2 or by qemu -kernel";
    drop_file_name(out->command_line);
    if (out->screen.kind == SCREEN_NONE && !out->uefi) {
        out->screen = bootscreen_guess(view);
        out->screen_guessed = true;
    }
    if (!error && !out->ram.count)
        return "the boot loader gave no memory map, or one without RAM";
    return error;
}
