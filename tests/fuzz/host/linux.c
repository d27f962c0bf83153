/* SPDX-License-Identifier: MIT
 *
 * Linux images that may load: a setup header that is right, the input written
 * over it, cut off anywhere, with an initrd or two. What is loaded lies in the
 * guest; what is refused says why.
 */
#include "arch/x86/defs/linux.h"
#include "tests/fuzz/host/fuzz.h"
#include "vmm/base/bits.h"
#include "vmm/vm/linux.h"
#include <stdlib.h>
#include <string.h>

#define FRAMES 900u
#define RAM    0x300000u
#define LOW    0xa0000u
#define HIGH   0x100000u
#define SETUP  (3 * LINUX_SECTOR)
#define IMAGE  (SETUP + 2048)

static u8 arena[FRAMES * PAGE_SIZE] __attribute__((aligned(4096)));
static struct frame info[FRAMES];

static void header(u8 *image)
{
    memset(image, 0, IMAGE);
    image[LINUX_SETUP_SECTS] = 2;
    put_le32(image + LINUX_SYSSIZE, (IMAGE - SETUP) / 16);
    put_le16(image + LINUX_BOOT_FLAG, LINUX_BOOT_MAGIC);
    image[LINUX_JUMP] = 0x66;
    memcpy(image + LINUX_MAGIC, "HdrS", 4);
    put_le16(image + LINUX_VERSION, 0x20c);
    image[LINUX_LOADFLAGS] = LINUX_LOADED_HIGH;
    put_le32(image + LINUX_CODE32, HIGH);
    put_le32(image + LINUX_INITRD_MAX, 0xffffffff);
    put_le32(image + LINUX_ALIGNMENT, 0x1000);
    image[LINUX_MIN_ALIGN] = 12;
    put_le32(image + LINUX_CMDLINE_MAX, 255);
    put_le32(image + LINUX_PREFERRED, HIGH);
    put_le32(image + LINUX_INIT_SIZE, 0x60000);
}

static u32 edit(struct input *in, u8 *image)
{
    u32 edits = take_below(in, 10), cut = take16(in);

    while (edits--) {
        u32 at = LINUX_SETUP_SECTS + take8(in) % 0x78, size = take8(in) & 3;
        for (u32 i = 0; i <= size; i++)
            image[at + i] = (u8)take8(in);
    }
    return cut & 0x8000 ? cut % IMAGE : IMAGE;
}

void fuzz_linux(struct input *in)
{
    struct load_request request = {.command_line = "words of its own"};
    struct load_result result;
    struct frames frames;
    struct p2m p2m;
    u8 image[IMAGE], *exact;
    char error[200] = "";

    frames_init(&frames, arena, info, FRAMES);
    frames_add(&frames, hpa(PAGE_SIZE), hpa((u64)FRAMES * PAGE_SIZE));
    p2m_init(&p2m, &frames, 0);
    MUST(p2m_add_ram(&p2m, gfn(0), LOW >> PAGE_SHIFT));
    MUST(
        p2m_add_ram(&p2m, gfn(HIGH >> PAGE_SHIFT), (RAM - HIGH) >> PAGE_SHIFT));
    header(image);
    request.size = edit(in, image);
    exact = malloc(request.size ? request.size : 1);
    memcpy(exact, image, request.size);
    request.image = exact;
    request.modules = take_below(in, 3);
    for (u32 i = 0; i < request.modules; i++)
        request.module[i] = (struct load_module){
            exact, take16(in) % (request.size + 1), "initrd"};
    if (!linux_load(&p2m, &request, &result, error, sizeof(error)))
        MUST(error[0]);
    else
        MUST(result.info < LOW && result.gdt < LOW && result.entry < RAM);
    free(exact);
}
