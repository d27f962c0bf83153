/* SPDX-License-Identifier: MIT
 *
 * An image and a guest's memory to load it into: what the tests of the loaders
 * share. The image is exactly as long as it says, so that reading on is seen.
 * Whoever includes this says by LOADER which loader is tried; a refusal must
 * leave guest memory as it was.
 */
#ifndef TESTS_LOADWORLD_H
#define TESTS_LOADWORLD_H

#include "arch/x86/defs/ports.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/vm/loader.h"

#define FRAMES 1536u
#define RAM    0x400000u /* where guest memory ends */

static u8 arena[FRAMES * PAGE_SIZE] __attribute__((aligned(4096)));
static struct frame info[FRAMES];
static struct frames frames;
static struct p2m p2m;

static u8 *image;
static u32 image_size;
static struct load_request request;
static struct load_result result;
static char error[200];

static inline void put16(u32 at, u16 v)
{
    put_le16(image + at, v);
}

static inline void put32(u32 at, u32 v)
{
    put_le32(image + at, v);
}

static inline void image_resize(u32 size)
{
    u8 *other = calloc(1, size ? size : 1);

    if (image)
        memcpy(other, image, min_u32(size, image_size));
    free(image);
    image = other;
    image_size = size;
    request.image = image;
    request.size = size;
}

static inline void memory(u32 end)
{
    frames_init(&frames, arena, info, FRAMES);
    frames_add(&frames, hpa(PAGE_SIZE), hpa((u64)FRAMES * PAGE_SIZE));
    p2m_init(&p2m, &frames, 0);
    p2m_add_ram(&p2m, gfn(0), LOW_MEMORY_END >> PAGE_SHIFT);
    p2m_add_ram(&p2m, gfn(HIGH_MEMORY >> PAGE_SHIFT),
                (end - HIGH_MEMORY) >> PAGE_SHIFT);
}

/* Memory, and an image of so many zeros. */
static inline void world(u32 size)
{
    memory(RAM);
    memset(&request, 0, sizeof(request));
    request.command_line = "";
    image_size = 0;
    image_resize(size);
}

static inline bool load(void)
{
    error[0] = 0;
    return LOADER(&p2m, &request, &result, error, sizeof(error));
}

static inline bool memory_is_zero(void)
{
    static const u8 zeros[PAGE_SIZE];

    for (u32 at = 0; at < RAM; at += PAGE_SIZE) {
        const u8 *page = p2m_ptr(&p2m, gpa(at));
        if (page && memcmp(page, zeros, PAGE_SIZE))
            return false;
    }
    return true;
}

/* The load must fail with a sentence that has these words. */
static inline void refused_at(int line, const char *words)
{
    bool loaded = load();

    if (loaded || !strstr(error, words)) {
        printf("line %d: \"%s\", not \"...%s...\"\n", line,
               loaded ? "loaded" : error, words);
        unit_failures++;
    }
    EXPECT(strlen(error) < sizeof(error) - 1);
    EXPECT(memory_is_zero());
}
#define REFUSED(words) refused_at(__LINE__, words)

#endif
