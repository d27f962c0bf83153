/* SPDX-License-Identifier: MIT
 *
 * See linux.h. Where the kernel goes: one that cannot be moved, where its
 * header says (code32_start, 1 MiB); one that can, where it would like to be,
 * else on the lowest place from 1 MiB on that its alignment allows, else on
 * one of its least alignment. What it needs there is what the file holds and,
 * from protocol 2.10 on, init_size bytes from where it will run, for it
 * unpacks itself before it looks at the memory map.
 *
 * boot_params, command line and GDT lie in three pages of low memory that a
 * BIOS loader uses for the same. The zero page's other fields stay 0, as they
 * are for a machine without EFI, APM, EDD and ACPI.
 *
 * LIMIT: protocols before 2.06 (Linux 2.6.22) and zImages are refused; of
 * several initrds one is to be made beforehand.
 *
 * Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header" and
 * "32-bit Boot Protocol"; zero-page.rst.
 */
#include "vmm/vm/linux.h"
#include "arch/x86/defs/linux.h"
#include "arch/x86/defs/ports.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/vm/loader_impl.h"

#define PARAMS_AT  0x90000
#define COMMAND_AT 0x91000
#define GDT_AT     0x92000

#define PROTOCOL(major, minor) ((major) << 8 | (minor))
#define PROTOCOL_LEAST         PROTOCOL(2, 6)
#define PROTOCOL_SIZES         PROTOCOL(2, 10) /* preferred, init_size */

#define FLAT_CODE 0x00cf9b000000ffffull /* SDM vol. 3A 3.4.5: 4 GiB, ring 0 */
#define FLAT_DATA 0x00cf93000000ffffull

#define ELF_MAGIC 0x464c457f /* 7f "ELF" */

#define MODE_TEXT      3 /* the VGA's, 80 by 25 in 16 colours */
#define EGA_256K_COLOR 3
#define CELL_HEIGHT    16

struct load {
    struct p2m *p2m;
    const struct load_request *request;
    struct load_error error;
    const u8 *image;
    u32 version, header_end;
    const u8 *kernel; /* the part for protected mode */
    u64 size;
    u32 alignment; /* the one that was kept */
    u32 at, end;   /* of all the memory it needs from there on */
    const struct load_module *initrd;
    u32 initrd_at;
};

/* An ELF file may have the boot sector's two bytes by chance; so has every
 * disk that one can boot from, but not the other word. */
bool linux_image(const u8 *image, u64 size)
{
    return size >= LINUX_MAGIC + 4 && get_le32(image) != ELF_MAGIC &&
           get_le16(image + LINUX_BOOT_FLAG) == LINUX_BOOT_MAGIC &&
           get_le32(image + LINUX_MAGIC) == LINUX_HDRS;
}

static bool truncated(struct load *l, u64 end)
{
    return load_refuse(&l->error,
                       "the Linux image is truncated: %llu bytes, and it "
                       "should have %llu",
                       (unsigned long long)l->request->size,
                       (unsigned long long)end);
}

static bool check_protocol(struct load *l)
{
    u64 size = l->request->size;

    if (size < LINUX_END_2_06)
        return truncated(l, LINUX_END_2_06);
    l->version = get_le16(l->image + LINUX_VERSION);
    if (l->version < PROTOCOL_LEAST)
        return load_refuse(&l->error,
                           "its boot protocol is %u.%02u, too old to start it "
                           "in 32-bit mode; 2.06 (Linux 2.6.22) is the "
                           "first that will do",
                           l->version >> 8, l->version & 0xff);
    if (!(l->image[LINUX_LOADFLAGS] & LINUX_LOADED_HIGH))
        return load_refuse(&l->error, "it is a zImage, to be loaded below "
                                      "1 MiB; make it a bzImage");
    return true;
}

static bool check_header(struct load *l)
{
    u32 least = l->version < PROTOCOL_SIZES ? LINUX_END_2_06 : LINUX_END_2_10;

    l->header_end = LINUX_MAGIC + l->image[LINUX_JUMP];
    if (l->header_end < least || l->header_end > PARAMS_HEADER_END)
        return load_refuse(&l->error,
                           "its setup header ends at byte 0x%x; by protocol "
                           "%u.%02u it ends between 0x%x and 0x%x",
                           l->header_end, l->version >> 8, l->version & 0xff,
                           least, PARAMS_HEADER_END);
    if (l->header_end > l->request->size)
        return truncated(l, l->header_end);
    return true;
}

/* The setup code's sectors and the boot sector, then the kernel proper. */
static bool check_kernel(struct load *l)
{
    u32 sectors = l->image[LINUX_SETUP_SECTS];
    u32 setup = (1 + (sectors ? sectors : LINUX_SETUP_DEFAULT)) * LINUX_SECTOR;
    u64 wanted = (u64)get_le32(l->image + LINUX_SYSSIZE) * 16;

    if (setup >= l->request->size)
        return truncated(l, setup + wanted);
    l->kernel = l->image + setup;
    l->size = l->request->size - setup;
    if (wanted > align_up(l->size, 16))
        return truncated(l, setup + wanted);
    return true;
}

static u32 init_size(const struct load *l)
{
    return l->version < PROTOCOL_SIZES ? 0
                                       : get_le32(l->image + LINUX_INIT_SIZE);
}

static u64 preferred(const struct load *l)
{
    return l->version < PROTOCOL_SIZES ? 0
                                       : get_le64(l->image + LINUX_PREFERRED);
}

/* Loaded at `at`, running at `run`: is there memory for both? */
static bool fits(struct load *l, u64 at, u64 run)
{
    u64 end = max_u64(at + l->size, run + init_size(l));

    if (run < HIGH_MEMORY || run > UINT32_MAX || !load_in_ram(l->p2m, at, end))
        return false;
    l->at = (u32)at;
    l->end = (u32)end;
    return true;
}

static bool too_small(struct load *l, u64 at)
{
    return load_refuse(&l->error,
                       "the kernel needs %llu KiB from 0x%llx on, and the "
                       "guest's memory ends at 0x%x; raise mem=",
                       (unsigned long long)max_u64(l->size, init_size(l)) >> 10,
                       (unsigned long long)at, load_ram_end(l->p2m));
}

static bool place_fixed(struct load *l)
{
    u32 at = get_le32(l->image + LINUX_CODE32);
    u64 run = preferred(l);

    return fits(l, at, run ? run : at) || too_small(l, run > at ? run : at);
}

static bool place_movable(struct load *l)
{
    u32 alignment = get_le32(l->image + LINUX_ALIGNMENT);
    u32 least = l->image[LINUX_MIN_ALIGN];
    u64 wish = preferred(l), at = align_up(HIGH_MEMORY, (u64)alignment);

    if (!alignment || (alignment & (alignment - 1)))
        return load_refuse(&l->error,
                           "its kernel_alignment 0x%x is not a power of two",
                           alignment);
    l->alignment = alignment;
    if (!(wish & (alignment - 1)) && fits(l, wish, wish))
        return true;
    if (fits(l, at, at))
        return true;
    if (l->version < PROTOCOL_SIZES || !least || least >= 32)
        return too_small(l, at);
    l->alignment = BIT(least);
    at = align_up(HIGH_MEMORY, (u64)l->alignment);
    return fits(l, at, at) || too_small(l, at);
}

static bool check_place(struct load *l)
{
    return l->image[LINUX_RELOCATABLE] ? place_movable(l) : place_fixed(l);
}

static bool check_command(struct load *l)
{
    u32 most = get_le32(l->image + LINUX_CMDLINE_MAX);
    size_t len = str_len(l->request->command_line);

    if (len <= most && len < GDT_AT - COMMAND_AT)
        return true;
    return load_refuse(&l->error,
                       "its command line has %u characters, and this kernel "
                       "takes %u; shorten what is behind --",
                       (u32)len, most);
}

static bool is_initrd(const char *line)
{
    struct slice rest = slice_of(line), word;

    return slice_word(&rest, &word) && slice_eq(word, "initrd");
}

static bool find_initrd(struct load *l)
{
    for (u32 i = 0; i < l->request->modules; i++) {
        const struct load_module *m = &l->request->module[i];
        if (!is_initrd(m->line))
            return load_refuse(&l->error,
                               "a module for it says \"%.*s\"; a Linux kernel "
                               "takes an initrd and nothing else: write "
                               "for=NAME initrd",
                               40, m->line);
        if (l->initrd)
            return load_refuse(&l->error, "two modules are its initrd; a Linux "
                                          "kernel takes one");
        l->initrd = m;
    }
    return true;
}

/* As high as it may lie, and whole pages above the kernel. */
static bool check_initrd(struct load *l)
{
    u64 top = (u64)get_le32(l->image + LINUX_INITRD_MAX) + 1, at;

    if (!find_initrd(l))
        return false;
    if (!l->initrd)
        return true;
    top = min_u64(top, load_ram_end(l->p2m));
    at = top > l->initrd->size ? (top - l->initrd->size) & ~(u64)PAGE_MASK : 0;
    l->initrd_at = (u32)at;
    if (at >= l->end)
        return true;
    return load_refuse(&l->error,
                       "the initrd of %llu KiB does not fit between the "
                       "kernel's end at 0x%x and 0x%llx; raise mem=",
                       (unsigned long long)l->initrd->size >> 10, l->end,
                       (unsigned long long)top);
}

static void put(struct load *l, u32 offset, u32 value, u32 size)
{
    u8 raw[4];

    put_le32(raw, value);
    p2m_write(l->p2m, gpa((u64)PARAMS_AT + offset), raw, size);
}

static void put_screen(struct load *l)
{
    put(l, PARAMS_VIDEO_MODE, MODE_TEXT, 1);
    put(l, PARAMS_VIDEO_COLS, 80, 1);
    put(l, PARAMS_VIDEO_EGA, EGA_256K_COLOR, 2);
    put(l, PARAMS_VIDEO_LINES, 25, 1);
    put(l, PARAMS_VIDEO_VGA, 1, 1);
    put(l, PARAMS_VIDEO_POINTS, CELL_HEIGHT, 2);
}

static void put_memory(struct load *l)
{
    struct load_range map[LOAD_RANGES];

    load_map(l->p2m, map);
    for (u32 i = 0; i < LOAD_RANGES; i++) {
        u32 at = PARAMS_E820 + i * E820_SIZE;
        put(l, at, map[i].start, 4);
        put(l, at + E820_BYTES, map[i].end - map[i].start, 4);
        put(l, at + E820_TYPE, map[i].type, 4);
    }
    put(l, PARAMS_E820_ENTRIES, LOAD_RANGES, 1);
    put(l, PARAMS_ALT_MEM_K, (load_ram_end(l->p2m) - HIGH_MEMORY) >> 10, 4);
}

/* The header as the image has it, with the loader's answers. */
static void put_header(struct load *l)
{
    p2m_write(l->p2m, gpa(PARAMS_AT + LINUX_SETUP_SECTS),
              l->image + LINUX_SETUP_SECTS, l->header_end - LINUX_SETUP_SECTS);
    put(l, LINUX_LOADER, LINUX_OTHER_LOADER, 1);
    put(l, LINUX_CODE32, l->at, 4);
    put(l, LINUX_CMDLINE, COMMAND_AT, 4);
    put(l, LINUX_INITRD, l->initrd_at, 4);
    put(l, LINUX_INITRD_SIZE, l->initrd ? (u32)l->initrd->size : 0, 4);
    if (l->alignment)
        put(l, LINUX_ALIGNMENT, l->alignment, 4);
}

static void put_gdt(struct load *l)
{
    u8 raw[LOAD_GDT_BYTES] = {0};

    put_le32(raw + LINUX_BOOT_CS, (u32)FLAT_CODE);
    put_le32(raw + LINUX_BOOT_CS + 4, (u32)(FLAT_CODE >> 32));
    put_le32(raw + LINUX_BOOT_DS, (u32)FLAT_DATA);
    put_le32(raw + LINUX_BOOT_DS + 4, (u32)(FLAT_DATA >> 32));
    p2m_write(l->p2m, gpa(GDT_AT), raw, sizeof(raw));
}

static void copy(struct load *l)
{
    const char *line = l->request->command_line;

    p2m_write(l->p2m, gpa(l->at), l->kernel, l->size);
    p2m_write(l->p2m, gpa(COMMAND_AT), line, str_len(line) + 1);
    if (l->initrd)
        p2m_write(l->p2m, gpa(l->initrd_at), l->initrd->data, l->initrd->size);
}

bool linux_load(struct p2m *p2m, const struct load_request *request,
                struct load_result *out, char *error, size_t size)
{
    struct load l = {.p2m = p2m,
                     .request = request,
                     .error = {error, size},
                     .image = request->image};

    if (!check_protocol(&l) || !check_header(&l) || !check_kernel(&l) ||
        !check_place(&l) || !check_command(&l) || !check_initrd(&l))
        return false;
    copy(&l);
    put_header(&l);
    put_screen(&l);
    put_memory(&l);
    put_gdt(&l);
    *out =
        (struct load_result){.entry = l.at, .info = PARAMS_AT, .gdt = GDT_AT};
    return true;
}
