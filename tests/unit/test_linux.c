/* SPDX-License-Identifier: MIT
 *
 * Linux images, good and hostile, where they go, and what the kernel finds in
 * its boot_params. After every refusal guest memory must be as it was.
 * LINKS: vmm/vm vmm/mm vmm/base
 */
#include "arch/x86/defs/linux.h"
#include "arch/x86/defs/multiboot.h"
#include "vmm/vm/linux.h"

#define LOADER linux_load
#include "tests/unit/loadworld.h"

#define SETUP  (3 * LINUX_SECTOR) /* two sectors behind the boot sector */
#define KERNEL 0x1234u

static void put8(u32 at, u8 v)
{
    image[at] = v;
}

/* A kernel of protocol 2.12 that cannot be moved. */
static void start(void)
{
    world(SETUP + KERNEL);
    for (u32 i = 0; i < KERNEL; i++)
        image[SETUP + i] = (u8)(i * 7 + 1);
    put8(LINUX_SETUP_SECTS, 2);
    put32(LINUX_SYSSIZE, (KERNEL + 15) / 16);
    put16(LINUX_BOOT_FLAG, 0xaa55);
    put8(0x200, 0xeb);
    put8(LINUX_JUMP, 0x66);
    memcpy(image + LINUX_MAGIC, "HdrS", 4);
    put16(LINUX_VERSION, 0x20c);
    put8(LINUX_LOADFLAGS, LINUX_LOADED_HIGH);
    put32(LINUX_CODE32, 0x100000);
    put32(LINUX_INITRD_MAX, 0xffffffff);
    put32(LINUX_ALIGNMENT, 0x1000);
    put32(LINUX_CMDLINE_MAX, 255);
    put32(LINUX_PREFERRED, 0x100000);
    put32(LINUX_INIT_SIZE, 0x60000);
}

static u32 guest(u32 at, u32 size)
{
    u32 v = 0;

    EXPECT(p2m_read(&p2m, gpa(at), &v, size));
    return v;
}

static u32 param(u32 offset, u32 size)
{
    return guest(result.info + offset, size);
}

static struct load_module module(const void *data, u64 size, const char *line)
{
    return (struct load_module){data, size, line};
}

static bool kernel_is_at(u32 at)
{
    u8 there[KERNEL];

    EXPECT(p2m_read(&p2m, gpa(at), there, KERNEL));
    return result.entry == at && !memcmp(there, image + SETUP, KERNEL);
}

static void a_kernel_is_told_by_its_bytes(void)
{
    start();
    EXPECT(linux_image(image, image_size));
    EXPECT(linux_image(image, 0x206));
    EXPECT(!linux_image(image, 0x205));
    EXPECT(!linux_image(image, 0));
    EXPECT(loader_load(&p2m, &request, &result, error, sizeof(error)));
    EXPECT(result.gdt);
    memcpy(image, "\177ELF", 4);
    EXPECT(!linux_image(image, image_size));
    put8(0, 0);
    put16(LINUX_BOOT_FLAG, 0xaa54);
    EXPECT(!linux_image(image, image_size));
    EXPECT(!loader_load(&p2m, &request, &result, error, sizeof(error)));
    EXPECT(strstr(error, "not an image"));
}

static void a_kernel_goes_to_its_place(void)
{
    start();
    EXPECT(load());
    EXPECT(kernel_is_at(0x100000));
    EXPECT_EQ(result.magic, 0);
    EXPECT_EQ(guest(0x100000 + KERNEL, 4), 0);
    start();
    put32(LINUX_CODE32, 0x200000);
    put32(LINUX_PREFERRED, 0);
    EXPECT(load());
    EXPECT(kernel_is_at(0x200000));
    EXPECT_EQ(param(LINUX_CODE32, 4), 0x200000);
}

static void no_setup_sectors_are_four(void)
{
    start();
    image_resize(5 * LINUX_SECTOR + 64);
    put8(LINUX_SETUP_SECTS, 0);
    put32(LINUX_SYSSIZE, 4);
    put32(5 * LINUX_SECTOR, 0x12345678);
    EXPECT(load());
    EXPECT_EQ(guest(0x100000, 4), 0x12345678);
}

static void the_gdt_has_two_flat_segments(void)
{
    static const u32 words[LOAD_GDT_BYTES / 4] = {
        0, 0, 0, 0, 0x0000ffff, 0x00cf9b00, 0x0000ffff, 0x00cf9300};

    start();
    EXPECT(load());
    for (u32 i = 0; i < ARRAY_LEN(words); i++)
        EXPECT_EQ(guest(result.gdt + 4 * i, 4), words[i]);
}

static void the_header_is_copied_and_answered(void)
{
    start();
    put16(0x1f2, 0x1234); /* root_flags */
    put32(0x250, 0);
    put8(0x267, 0x77); /* its last byte */
    put8(0x268, 0x88); /* and none of it */
    put8(LINUX_LOADFLAGS, 0x21);
    EXPECT(load());
    EXPECT_EQ(param(0x1f2, 2), 0x1234);
    EXPECT_EQ(param(LINUX_MAGIC, 4), 0x53726448);
    EXPECT_EQ(param(0x267, 2), 0x77);
    EXPECT_EQ(param(0x1f0, 1), 0);
    EXPECT_EQ(param(LINUX_LOADER, 1), 0xff);
    EXPECT_EQ(param(LINUX_LOADFLAGS, 1), 0x21);
    EXPECT_EQ(param(LINUX_CODE32, 4), 0x100000);
    EXPECT_EQ(param(LINUX_INITRD, 4), 0);
    EXPECT_EQ(param(LINUX_INITRD_SIZE, 4), 0);
    EXPECT_EQ(param(LINUX_ALIGNMENT, 4), 0x1000);
}

static void the_screen_is_a_vga_in_text_mode(void)
{
    start();
    EXPECT(load());
    EXPECT_EQ(param(0, 2), 0);
    EXPECT_EQ(param(PARAMS_VIDEO_MODE, 1), 3);
    EXPECT_EQ(param(PARAMS_VIDEO_COLS, 1), 80);
    EXPECT_EQ(param(PARAMS_VIDEO_LINES, 1), 25);
    EXPECT_EQ(param(PARAMS_VIDEO_VGA, 1), 1);
    EXPECT_EQ(param(PARAMS_VIDEO_EGA, 2), 3);
    EXPECT_EQ(param(PARAMS_VIDEO_POINTS, 2), 16);
}

static void the_map_is_the_guest_s_memory(void)
{
    static const u32 map[][3] = {{0, 0x9fc00, MB_RAM},
                                 {0x9fc00, 0x400, MB_RESERVED},
                                 {0xf0000, 0x10000, MB_RESERVED},
                                 {0x100000, RAM - 0x100000, MB_RAM}};

    start();
    EXPECT(load());
    EXPECT_EQ(param(PARAMS_E820_ENTRIES, 1), ARRAY_LEN(map));
    for (u32 i = 0; i < ARRAY_LEN(map); i++) {
        u32 at = PARAMS_E820 + i * 20;
        EXPECT_EQ(param(at, 4), map[i][0]);
        EXPECT_EQ(param(at + 4, 4), 0);
        EXPECT_EQ(param(at + 8, 4), map[i][1]);
        EXPECT_EQ(param(at + 12, 4), 0);
        EXPECT_EQ(param(at + 16, 4), map[i][2]);
    }
    EXPECT_EQ(param(PARAMS_ALT_MEM_K, 4), (RAM - 0x100000) / 1024);
}

static void the_command_line_is_the_guest_s(void)
{
    char line[256], there[256];

    memset(line, 'x', 255);
    line[255] = 0;
    start();
    request.command_line = line;
    EXPECT(load());
    EXPECT(p2m_read(&p2m, gpa(param(LINUX_CMDLINE, 4)), there, 256));
    EXPECT_STR(there, line);
    start();
    request.command_line = line;
    put32(LINUX_CMDLINE_MAX, 254);
    REFUSED("255 characters, and this kernel takes 254");
    start();
    EXPECT(load());
    EXPECT_EQ(guest(param(LINUX_CMDLINE, 4), 1), 0);
}

static void an_initrd_lies_as_high_as_it_may(void)
{
    static u8 data[5000];

    start();
    memset(data, 0x5a, sizeof(data));
    request.modules = 1;
    request.module[0] = module(data, sizeof(data), "initrd");
    EXPECT(load());
    EXPECT_EQ(param(LINUX_INITRD, 4), RAM - 2 * PAGE_SIZE);
    EXPECT_EQ(param(LINUX_INITRD_SIZE, 4), 5000);
    EXPECT_EQ(guest(RAM - 2 * PAGE_SIZE, 4), 0x5a5a5a5a);
    EXPECT_EQ(guest(RAM - 2 * PAGE_SIZE + 4999, 2), 0x5a);
    start();
    request.modules = 1;
    request.module[0] = module(data, sizeof(data), "initrd of words");
    put32(LINUX_INITRD_MAX, 0x2fffff);
    EXPECT(load());
    EXPECT_EQ(param(LINUX_INITRD, 4), 0x300000 - 2 * PAGE_SIZE);
    start();
    request.modules = 1;
    request.module[0] = module(data, 4096, "initrd");
    put32(LINUX_INITRD_MAX, 0x2ffffe);
    EXPECT(load());
    EXPECT_EQ(param(LINUX_INITRD, 4), 0x300000 - 2 * PAGE_SIZE);
}

static void an_initrd_may_touch_the_kernel_but_no_more(void)
{
    static u8 data[RAM];
    u32 room = RAM - 0x160000;

    start();
    request.modules = 1;
    request.module[0] = module(data, room, "initrd");
    EXPECT(load());
    EXPECT_EQ(param(LINUX_INITRD, 4), 0x160000);
    start();
    request.modules = 1;
    request.module[0] = module(data, room + 1, "initrd");
    REFUSED("the initrd of 2688 KiB does not fit between the kernel's end at "
            "0x160000 and 0x400000; raise mem=");
    request.module[0].size = RAM;
    REFUSED("does not fit");
    request.module[0].size = UINT64_MAX;
    REFUSED("does not fit");
    request.module[0].size = 16;
    put32(LINUX_INITRD_MAX, 0);
    REFUSED("does not fit");
    put32(LINUX_INITRD_MAX, 0x15ffff);
    REFUSED("and 0x160000");
}

static void other_modules_are_refused(void)
{
    start();
    request.modules = 1;
    request.module[0] = module("x", 1, "disk of mine");
    REFUSED("says \"disk of mine\"; a Linux kernel takes an initrd");
    request.module[0].line = "";
    REFUSED("says \"\"");
    request.module[0].line = "initrds";
    REFUSED("for=NAME initrd");
    request.modules = 2;
    request.module[0].line = "initrd";
    request.module[1] = module("y", 1, "initrd");
    REFUSED("two modules are its initrd");
    request.module[1].line = "other";
    REFUSED("\"other\"");
}

static void every_truncation_is_refused(void)
{
    for (u32 size = 0x200; size <= SETUP + KERNEL / 16 * 16; size += 3) {
        start();
        image_resize(size);
        REFUSED("the Linux image is truncated: ");
    }
    start();
    image_resize(SETUP + KERNEL - 1);
    put32(LINUX_SYSSIZE, KERNEL / 16 + 1);
    EXPECT(load()); /* still within the last 16 bytes */
    start();
    put32(LINUX_SYSSIZE, 0xffffffff);
    REFUSED("should have 68719478256");
    start();
    image_resize(SETUP);
    put32(LINUX_SYSSIZE, 0);
    REFUSED("truncated");
    start();
    image_resize(0x250);
    put16(LINUX_VERSION, 0x209);
    REFUSED("should have 616");
}

static void only_the_protocol_will_do(void)
{
    start();
    put8(LINUX_MAGIC, 'h'); /* so it is a disk */
    EXPECT(!linux_image(image, SETUP));
    start();
    put16(LINUX_VERSION, 0x205);
    REFUSED("its boot protocol is 2.05, too old");
    start();
    put16(LINUX_VERSION, 0x20);
    REFUSED("0.32, too old");
    start();
    put8(LINUX_LOADFLAGS, 0x80);
    REFUSED("zImage");
}

static void the_header_has_an_end(void)
{
    start();
    put8(LINUX_JUMP, 0x264 - 0x202);
    EXPECT(load());
    start();
    put8(LINUX_JUMP, 0x263 - 0x202);
    REFUSED("ends at byte 0x263; by protocol 2.12 it ends between 0x264 and");
    start();
    put8(LINUX_JUMP, 0x290 - 0x202);
    EXPECT(load());
    start();
    put8(LINUX_JUMP, 0x291 - 0x202);
    REFUSED("0x291");
    start();
    put16(LINUX_VERSION, 0x206);
    put8(LINUX_JUMP, 0x23c - 0x202);
    EXPECT(load());
    start();
    put16(LINUX_VERSION, 0x209);
    put8(LINUX_JUMP, 0x23b - 0x202);
    REFUSED("between 0x23c and");
}

static void a_fixed_kernel_needs_its_memory(void)
{
    start();
    put32(LINUX_INIT_SIZE, RAM - 0x100000);
    EXPECT(load());
    start();
    put32(LINUX_INIT_SIZE, RAM - 0x100000 + 1);
    REFUSED("needs 3072 KiB from 0x100000 on, and the guest's memory ends at "
            "0x400000; raise mem=");
    start();
    put32(LINUX_CODE32, RAM - KERNEL + 1);
    put32(LINUX_PREFERRED, 0);
    put32(LINUX_INIT_SIZE, 0);
    REFUSED("raise mem=");
    put32(LINUX_CODE32, 0xffffffff);
    REFUSED("from 0xffffffff on");
    put32(LINUX_CODE32, 0x90000);
    REFUSED("raise mem=");
    start();
    put32(LINUX_PREFERRED, 0x1000000); /* it will move itself there */
    REFUSED("from 0x1000000 on");
    start();
    put32(LINUX_PREFERRED + 4, 1);
    REFUSED("from 0x100100000 on");
    put32(LINUX_PREFERRED, 0xffffffff);
    put32(LINUX_PREFERRED + 4, 0xffffffff);
    REFUSED("from 0xffffffffffffffff on");
    start();
    put32(LINUX_PREFERRED, 0x1000);
    REFUSED("raise mem=");
    start();
    put32(LINUX_CODE32, 0x50000);
    REFUSED("raise mem=");
}

/* Before 2.10 there are no such fields. */
static void an_old_kernel_has_no_wishes(void)
{
    start();
    put16(LINUX_VERSION, 0x209);
    put32(LINUX_PREFERRED, 0x1000000);
    put32(LINUX_INIT_SIZE, 0xffffffff);
    EXPECT(load());
    EXPECT(kernel_is_at(0x100000));
    start();
    put16(LINUX_VERSION, 0x209);
    put8(LINUX_RELOCATABLE, 1);
    put32(LINUX_ALIGNMENT, 0x1000000);
    put8(LINUX_MIN_ALIGN, 13);
    REFUSED("from 0x1000000 on");
}

static void a_movable_kernel_goes_where_it_likes(void)
{
    start();
    put8(LINUX_RELOCATABLE, 1);
    put32(LINUX_ALIGNMENT, 0x200000);
    put32(LINUX_PREFERRED, 0x200000);
    EXPECT(load());
    EXPECT(kernel_is_at(0x200000));
    EXPECT_EQ(param(LINUX_CODE32, 4), 0x200000);
    EXPECT_EQ(param(LINUX_ALIGNMENT, 4), 0x200000);
    start(); /* its wish is out of reach: the lowest place that will do */
    put8(LINUX_RELOCATABLE, 1);
    put32(LINUX_ALIGNMENT, 0x200000);
    put32(LINUX_PREFERRED, 0x1000000);
    EXPECT(load());
    EXPECT(kernel_is_at(0x200000));
    start(); /* a wish that its own alignment forbids */
    put8(LINUX_RELOCATABLE, 1);
    put32(LINUX_ALIGNMENT, 0x200000);
    put32(LINUX_PREFERRED, 0x180000);
    EXPECT(load());
    EXPECT(kernel_is_at(0x200000));
    start(); /* no such place either: with less alignment there is one */
    put8(LINUX_RELOCATABLE, 1);
    put32(LINUX_ALIGNMENT, 0x1000000);
    put32(LINUX_PREFERRED, 0x1000000);
    put8(LINUX_MIN_ALIGN, 13);
    EXPECT(load());
    EXPECT(kernel_is_at(0x100000));
    EXPECT_EQ(param(LINUX_ALIGNMENT, 4), 0x2000);
}

static void a_movable_kernel_may_find_no_place(void)
{
    start();
    put8(LINUX_RELOCATABLE, 1);
    put32(LINUX_ALIGNMENT, 0x1000000);
    put32(LINUX_PREFERRED, 0);
    REFUSED("needs 384 KiB from 0x1000000 on");
    put8(LINUX_MIN_ALIGN, 24);
    REFUSED("raise mem=");
    put8(LINUX_MIN_ALIGN, 255);
    REFUSED("raise mem=");
    put8(LINUX_MIN_ALIGN, 12);
    put32(LINUX_INIT_SIZE, 0xffffffff);
    REFUSED("needs 4194303 KiB from 0x100000 on");
    put32(LINUX_ALIGNMENT, 0x3000);
    REFUSED("kernel_alignment 0x3000 is not a power of two");
    put32(LINUX_ALIGNMENT, 0);
    REFUSED("kernel_alignment 0x0");
    put32(LINUX_ALIGNMENT, 0x80000000);
    REFUSED("raise mem=");
}

/* Damaged headers either load into guest memory or are refused untouched. */
static void random_damage_is_survived(void)
{
    u32 seed = 3, loaded = 0;
    u8 saved[SETUP];

    start();
    memcpy(saved, image, sizeof(saved));
    for (int i = 0; i < 3000; i++) {
        for (int n = 0; n < 3; n++) {
            seed = seed * 1664525 + 1013904223;
            image[0x1f1 + (seed >> 8) % 0x77] = (u8)(seed >> 24);
        }
        if (load()) {
            loaded++;
            EXPECT(result.entry < RAM && result.entry >= HIGH_MEMORY);
            p2m_destroy(&p2m);
            memory(RAM);
        } else {
            EXPECT(error[0]);
        }
        memcpy(image, saved, sizeof(saved));
    }
    EXPECT(loaded > 100 && loaded < 2900);
    EXPECT(memory_is_zero());
    free(image);
    image = NULL;
}

static const struct unit_case cases[] = {
    CASE(a_kernel_is_told_by_its_bytes),
    CASE(a_kernel_goes_to_its_place),
    CASE(no_setup_sectors_are_four),
    CASE(the_gdt_has_two_flat_segments),
    CASE(the_header_is_copied_and_answered),
    CASE(the_screen_is_a_vga_in_text_mode),
    CASE(the_map_is_the_guest_s_memory),
    CASE(the_command_line_is_the_guest_s),
    CASE(an_initrd_lies_as_high_as_it_may),
    CASE(an_initrd_may_touch_the_kernel_but_no_more),
    CASE(other_modules_are_refused),
    CASE(every_truncation_is_refused),
    CASE(only_the_protocol_will_do),
    CASE(the_header_has_an_end),
    CASE(a_fixed_kernel_needs_its_memory),
    CASE(an_old_kernel_has_no_wishes),
    CASE(a_movable_kernel_goes_where_it_likes),
    CASE(a_movable_kernel_may_find_no_place),
    CASE(random_damage_is_survived),
};
UNIT_MAIN(cases)
