/* SPDX-License-Identifier: MIT
 *
 * See attach.h. A VM has one disk at most. Where it comes from is decided
 * before a frame is taken: at most one module may be it, and disk= makes it
 * larger than that module, never smaller. The disk lasts from the creation of
 * the VM to its end; a reset finds it as it was left.
 *
 * A disk image is what has 55 AA at the end of its first sector and is neither
 * an ELF file nor a Linux bzImage, which has the same mark for the same
 * reason: it once was a boot sector.
 */
#include "vmm/vm/attach.h"
#include "vmm/base/bits.h"
#include "vmm/base/check.h"
#include "vmm/base/fmt.h"
#include "vmm/base/str.h"
#include "vmm/vm/linux.h"

#define BOOT_MARK 0xaa55 /* at the end of the first sector */
#define NO_MODULE BOOT_MODULES

static bool is_for(const struct vm *vm, u32 module, struct vm_config *config)
{
    char error[2];

    return config_parse(vm->hv->boot->module[module].line, config, error,
                        sizeof(error)) &&
           config->kind == CONFIG_ATTACH &&
           str_eq(config->name, vm->config.name);
}

static bool is_disk(const struct vm_config *config)
{
    return str_eq(config->line, "disk");
}

void attach_files(const struct vm *vm, struct load_request *request,
                  struct vm_config config[LOAD_MODULES])
{
    struct hv *hv = vm->hv;

    for (u32 i = 0; i < hv->boot->modules; i++) {
        struct vm_config *c = &config[request->modules];
        if (!is_for(vm, i, c) || is_disk(c))
            continue;
        request->module[request->modules] = (struct load_module){
            hv->module_data(hv, i), hv->boot->module[i].size, c->line};
        if (++request->modules == LOAD_MODULES)
            return;
    }
}

bool attach_boots(const struct vm *vm)
{
    static const u8 elf[] = {0x7f, 'E', 'L', 'F'};
    const u8 *image = vm->hv->module_data(vm->hv, vm->module);
    u64 size = vm->hv->boot->module[vm->module].size;

    return size >= DISK_SECTOR &&
           get_le16(image + DISK_SECTOR - 2) == BOOT_MARK &&
           memcmp(image, elf, sizeof(elf)) && !linux_image(image, size);
}

/* Which module the disk begins with; NO_MODULE: none. */
static bool find_disk(const struct vm *vm, u32 *module, char *error,
                      size_t size)
{
    struct vm_config config;

    *module = attach_boots(vm) ? vm->module : NO_MODULE;
    for (u32 i = 0; i < vm->hv->boot->modules; i++) {
        if (!is_for(vm, i, &config) || !is_disk(&config))
            continue;
        if (*module != NO_MODULE) {
            fmt_buf(error, size,
                    "boot modules %u and %u are both its disk, and it can "
                    "have one; take one away",
                    *module, i);
            return false;
        }
        *module = i;
    }
    return true;
}

static bool refuse_size(const struct vm *vm, u32 module, char *error,
                        size_t size)
{
    u64 bytes = vm->hv->boot->module[module].size;

    if (!bytes)
        fmt_buf(error, size, "its disk, boot module %u, is empty", module);
    else if (bytes > DISK_MAX)
        fmt_buf(error, size,
                "its disk, boot module %u, has %llu MiB; a disk has at most "
                "%u",
                module, (unsigned long long)(bytes + (1 << 20) - 1) >> 20,
                DISK_MAX >> 20);
    else
        fmt_buf(error, size,
                "disk=%lluK is smaller than boot module %u, which is to be "
                "on it and has %llu KiB; raise disk= or leave it out",
                (unsigned long long)vm->config.disk >> 10, module,
                (unsigned long long)(bytes + 1023) >> 10);
    return false;
}

static bool refuse_memory(const struct vm *vm, u64 bytes, char *error,
                          size_t size)
{
    fmt_buf(error, size,
            "mem=%lluM and its disk of %llu KiB are more than the %u MiB that "
            "are free, less what its page tables take; make one smaller or "
            "give the machine more memory",
            (unsigned long long)vm->config.mem >> 20,
            (unsigned long long)(bytes + 1023) >> 10,
            vm->hv->frames.nfree >> (20 - PAGE_SHIFT));
    return false;
}

/* A boot sector has no place for what a loader hands to a kernel. */
static bool refuse_gifts(const struct vm *vm, char *error, size_t size)
{
    struct vm_config config;

    if (vm->config.line[0]) {
        fmt_buf(error, size,
                "it starts from its disk, which has its command line, if any, "
                "on it; leave out what is behind --");
        return true;
    }
    for (u32 i = 0; i < vm->hv->boot->modules; i++) {
        if (!is_for(vm, i, &config) || is_disk(&config))
            continue;
        fmt_buf(error, size,
                "it starts from its disk, and nobody would hand boot module "
                "%u (\"%s\") to it; take that away",
                i, config.line);
        return true;
    }
    return false;
}

bool attach_disk(struct vm *vm, char *error, size_t size)
{
    struct hv *hv = vm->hv;
    const u8 *data = NULL;
    u64 bytes = vm->config.disk, have = 0;
    u32 module;

    if (!find_disk(vm, &module, error, size) ||
        (attach_boots(vm) && refuse_gifts(vm, error, size)))
        return false;
    if (module != NO_MODULE) {
        have = hv->boot->module[module].size;
        data = hv->module_data(hv, module);
        if (!bytes)
            bytes = have;
        if (!have || have > DISK_MAX || have > bytes)
            return refuse_size(vm, module, error, size);
    }
    if (!bytes)
        return true;
    if (vm_frames_wanted(&vm->config) + disk_frames_of(bytes) >
        hv->frames.nfree)
        return refuse_memory(vm, bytes, error, size);
    CHECK(disk_make(&vm->disk, &hv->frames, (u8)vm->slot, bytes, data, have));
    return true;
}
