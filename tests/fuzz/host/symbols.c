/* SPDX-License-Identifier: MIT
 *
 * Symbol tables of hostile images, and the words in which addresses and
 * filters of a trace are given.
 *
 * The input is laid over an image that has a table, so that most are nearly
 * right; the image is in just as many bytes as it has, and reading behind
 * them is seen. Whatever was taken for a symbol must be sorted and have a name
 * that a terminal can print, an address that was found must be inside of what
 * was found, and all frames must come back.
 */
#include "tests/fuzz/host/fuzz.h"
#include "vmm/base/bits.h"
#include "vmm/vm/trace_filter.h"
#include "vmm/vm/vm.h"
#include <stdlib.h>
#include <string.h>

#define FRAMES  300u
#define TEXT    0xc0100000u
#define SHDRS   52u
#define ENTRIES 12u
#define NAMES   64u
#define SYMS    (SHDRS + 4 * 40)
#define STRS    (SYMS + ENTRIES * 16)
#define IMAGE   (STRS + NAMES)

static u8 arena[FRAMES * PAGE_SIZE] __attribute__((aligned(4096)));
static struct frame frame_info[FRAMES];
static struct hv hv;
static struct boot_info boot;
static u8 *image;

static const u8 *image_of(struct hv *h, u32 module)
{
    return image;
}

static void section(u32 i, u32 type, u32 offset, u32 size, u32 link)
{
    u8 *at = image + SHDRS + i * 40;

    put_le32(at + 4, type);
    put_le32(at + 8, 2);
    put_le32(at + 12, i == 1 ? TEXT : 0);
    put_le32(at + 16, offset);
    put_le32(at + 20, size);
    put_le32(at + 24, link);
}

/* A good image, with as many bytes changed as the input says. */
static void make(struct input *in)
{
    static const u8 ident[] = {0x7f, 'E', 'L', 'F', 1, 1, 1};
    u32 edits = take_below(in, 16);

    memcpy(image, ident, sizeof(ident));
    put_le32(image + 32, SHDRS);
    put_le32(image + 44, 40u << 16);
    put_le32(image + 48, 4);
    section(1, 1, 0, 0x1000, 0);
    section(2, 2, SYMS, ENTRIES * 16, 3);
    section(3, 3, STRS, NAMES, 0);
    memset(image + STRS, 'a', NAMES - 1);
    for (u32 i = 0; i < ENTRIES; i++) {
        u8 *at = image + SYMS + i * 16;
        put_le32(at, take_below(in, NAMES));
        put_le32(at + 4, TEXT + take16(in) % 0x1001);
        put_le32(at + 8, take8(in));
        put_le32(at + 12, take8(in) % 3 | 1u << 16);
    }
    while (edits--) {
        u32 at = take16(in) % IMAGE;
        image[at] = (u8)take8(in);
    }
}

static void judge_name(struct slice name)
{
    MUST(name.len && name.len <= SYMBOL_NAME);
    for (size_t i = 0; i < name.len; i++)
        MUST(name.at[i] > ' ' && name.at[i] <= '~');
}

static void judge_table(const struct vm *vm)
{
    struct symbol symbol;
    u32 last = 0, value;

    for (u32 i = 0; symbols_at(vm, i, &symbol); i++) {
        MUST(symbol.number == i && symbol.at >= last);
        judge_name(symbol.name);
        MUST(symbols_value(vm, symbol.name, &value));
        last = symbol.at;
    }
}

static void judge_address(const struct vm *vm, u32 at)
{
    struct symbol symbol;
    char text[SYMBOL_NAME + 16];
    size_t len = symbols_print(vm, at, text, sizeof(text));

    MUST(len && len == strlen(text));
    if (!symbols_find(vm, at, &symbol))
        return;
    MUST(at - symbol.at < symbol.size);
    judge_name(symbol.name);
}

static void judge_words(const struct vm *vm, struct input *in)
{
    static const char *const words[] = {
        "at=",  "vector=", "port=", "mode=", "rate=", "user",
        "priv", "kernel",  "off",   "all",   ",",     " ",
        "-",    "0x",      "$eip",  "+",     "14",    "aaaa"};
    char line[200] = "", error[400] = "", again[700], text[8];
    struct trace_filter filter, other;
    u32 at;

    while (in->left && strlen(line) < sizeof(line) - 20) {
        u32 word = take_below(in, ARRAY_LEN(words) + 4);
        if (word >= ARRAY_LEN(words))
            take_text(in, text, sizeof(text));
        strcat(line, word < ARRAY_LEN(words) ? words[word] : text);
    }
    if (!symbols_parse(vm, slice_of(line), &at, error, sizeof(error)))
        MUST(error[0]);
    error[0] = 0;
    if (!trace_filter_parse(vm, slice_of(line), &filter, error,
                            sizeof(error))) {
        MUST(error[0]);
        return;
    }
    trace_filter_format(&filter, again, sizeof(again));
    MUST(trace_filter_parse(vm, slice_of(again), &other, error, sizeof(error)));
    MUST(!memcmp(&filter, &other, sizeof(filter)));
}

void fuzz_symbols(struct input *in)
{
    struct vm *vm = &hv.vm[0];
    u32 size = IMAGE - (take8(in) & 1 ? take16(in) % IMAGE : 0), nfree;

    frames_init(&hv.frames, arena, frame_info, FRAMES);
    frames_add(&hv.frames, hpa(0), hpa(sizeof(arena)));
    hv.boot = &boot;
    hv.module_data = image_of;
    vm->hv = &hv;
    nfree = hv.frames.nfree;
    image = calloc(1, IMAGE);
    make(in);
    boot.module[0].size = size;
    image = realloc(image, size);
    symbols_init(vm);
    judge_table(vm);
    for (u32 i = 0; i < 16; i++)
        judge_address(vm, TEXT + (take16(in) & 0x1fff) - 8);
    judge_address(vm, take32(in));
    judge_words(vm, in);
    symbols_destroy(vm);
    MUST(hv.frames.nfree == nfree);
    free(image);
}
