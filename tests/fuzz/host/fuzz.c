/* SPDX-License-Identifier: MIT
 *
 * The pure layers under random input, with sanitizers watching.
 *
 * One libFuzzer program for all, which goes by many names: called decode,
 * step, shadow, bus, config, elf, linux or gdb it is that target's; as `host`
 * the first byte of an input names the target and the rest is the target's.
 * `-runs=N -seed=S` repeats exactly; a crash leaves the input in a file, and
 * the program shows it again, given that file.
 */
#include "tests/fuzz/host/fuzz.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

u32 take8(struct input *in)
{
    if (!in->left)
        return 0;
    in->left--;
    return *in->at++;
}

u32 take16(struct input *in)
{
    u32 low = take8(in);

    return low | take8(in) << 8;
}

u32 take32(struct input *in)
{
    u32 low = take16(in);

    return low | take16(in) << 16;
}

u32 take_below(struct input *in, u32 n)
{
    return take8(in) % n;
}

size_t take_bytes(struct input *in, void *to, size_t size)
{
    if (size > in->left)
        size = in->left;
    memcpy(to, in->at, size);
    in->at += size;
    in->left -= size;
    return size;
}

void take_text(struct input *in, char *to, size_t size)
{
    to[take_bytes(in, to, size - 1)] = 0;
}

_Noreturn void must_failed(const char *file, int line, const char *cond)
{
    fprintf(stderr, "%s:%d: must be, and is not: %s\n", file, line, cond);
    abort();
}

static const struct target {
    const char *name;
    void (*run)(struct input *);
    u32 share; /* of the inputs when no target is named */
} targets[] = {
    {"guest", fuzz_guest, 5},     {"bootinfo", fuzz_bootinfo, 1},
    {"bus", fuzz_devices, 1},     {"config", fuzz_config, 1},
    {"monitor", fuzz_monitor, 1}, {"elf", fuzz_loader, 1},
    {"decode", fuzz_decode, 1},   {"step", fuzz_step, 3},
    {"shadow", fuzz_shadow, 1},   {"linux", fuzz_linux, 1},
    {"gdb", fuzz_gdb, 1},         {"symbols", fuzz_symbols, 1},
};

static const struct target *chosen;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* The program is known by the target's name, or is `host`. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *name = strrchr((*argv)[0], '/');

    name = name ? name + 1 : (*argv)[0];
    for (u32 i = 0; i < ARRAY_LEN(targets); i++) {
        if (!strcmp(name, targets[i].name))
            chosen = &targets[i];
    }
    return 0;
}

static const struct target *by_share(u32 n)
{
    u32 i = 0, all = 0;

    for (u32 t = 0; t < ARRAY_LEN(targets); t++)
        all += targets[t].share;
    for (n %= all; n >= targets[i].share; i++)
        n -= targets[i].share;
    return &targets[i];
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct input in = {data, size};

    if (chosen)
        chosen->run(&in);
    else
        by_share(take8(&in))->run(&in);
    return 0;
}
