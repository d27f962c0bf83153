/* SPDX-License-Identifier: MIT
 *
 * The monitor's commands that change something: the life of a VM, its
 * terminal, the machine.
 *
 * `create` takes a module line, word for word, and one key more: module=
 * names the boot module that has the image, by its number or by the vm= of
 * its own line. That word is taken out and the rest goes through the same
 * parser as a line of the boot menu.
 */
#include "vmm/vm/kinds.h"
#include "vmm/vm/monitor_impl.h"

static void done(const struct monitor_args *args, const char *what)
{
    say(args, "trapline: %s: %s", args->vm->config.name, what);
}

void monitor_attach(const struct monitor_args *args)
{
    const struct vm *vm = args->vm;

    if (vm->state != VM_RUNNING)
        say(args, "%s is %s; it will not answer.", vm->config.name,
            vm_state_name(vm));
    console_attach(&args->hv->console, vm->slot);
}

void monitor_pause(const struct monitor_args *args)
{
    if (args->vm->state != VM_RUNNING) {
        say(args, "%s is %s; only a running VM can be paused.",
            args->vm->config.name, vm_state_name(args->vm));
        return;
    }
    probe_interrupt(args->vm);
    done(args, "paused");
}

void monitor_resume(const struct monitor_args *args)
{
    if (args->vm->state != VM_PAUSED) {
        say(args, "%s is %s; only a paused VM can be resumed%s.",
            args->vm->config.name, vm_state_name(args->vm),
            args->vm->state == VM_RUNNING ? "" : " (`reset` starts it anew)");
        return;
    }
    vm_resume(args->vm);
    done(args, "resumed");
}

void monitor_reset(const struct monitor_args *args)
{
    char error[256];

    if (vm_reset(args->vm, error, sizeof(error)))
        done(args, "reset");
}

void monitor_destroy(const struct monitor_args *args)
{
    struct vm *vm = args->vm;
    char name[VM_NAME_MAX + 1];

    str_copy(name, sizeof(name), vm->config.name);
    vm_destroy(vm);
    say(args, "trapline: %s: destroyed", name);
}

/* Is this boot module the image of a guest, as its line says? */
static bool is_image(const struct hv *hv, u32 module, struct vm_config *out)
{
    char error[160];

    return config_parse(hv->boot->module[module].line, out, error,
                        sizeof(error)) &&
           out->kind == CONFIG_VM;
}

static bool find_module(const struct monitor_args *args, struct slice which,
                        u32 *module)
{
    struct vm_config config;
    u64 number;

    if (slice_number(which, &number)) {
        *module = number < BOOT_MODULES ? (u32)number : BOOT_MODULES;
        return true;
    }
    for (u32 i = 0; i < args->hv->boot->modules; i++) {
        if (!is_image(args->hv, i, &config) || !slice_eq(which, config.name))
            continue;
        *module = i;
        return true;
    }
    say(args,
        "create: \"module=%.*s\" names no boot module; give a number or the "
        "vm= of its line (`modules` lists them).",
        (int)which.len, which.at);
    return false;
}

static bool first_image(const struct monitor_args *args, u32 *module)
{
    struct vm_config config;

    for (u32 i = 0; i < args->hv->boot->modules; i++) {
        if (!is_image(args->hv, i, &config))
            continue;
        *module = i;
        return true;
    }
    say(args, "create: no boot module has a vm= line; say which one holds the "
              "image with module=N (`modules` lists them).");
    return false;
}

/* Copies the words of the line to out, but for module=, whose value goes to
 * *which. What stands behind "--" is the guest's. */
static void split_line(struct slice line, char *out, size_t size,
                       struct slice *which)
{
    struct slice word, key, value;
    size_t len = 0;
    bool last = false;

    out[0] = 0;
    while (!last && len < size && slice_word(&line, &word)) {
        if (slice_split(word, '=', &key, &value) && slice_eq(key, "module")) {
            *which = value;
            continue;
        }
        last = slice_eq(word, "--");
        if (last)
            word.len += line.len;
        len += fmt_buf(out + len, size - len, "%s%.*s", len ? " " : "",
                       (int)word.len, word.at);
    }
}

void monitor_create_help(const struct monitor_args *args)
{
    const char *key, *wanted;

    for (u32 i = 0; (key = config_key(i, &wanted)); i++) {
        if (!str_eq(key, "for"))
            say(args, "  %6s=  %s", key, wanted);
    }
    say(args, "  module=  the number of a boot module, or the vm= of its line; "
              "the first image if left out");
    say(args, "      --   the rest is the guest's own command line");
}

void monitor_create(const struct monitor_args *args)
{
    struct slice which = {0};
    struct vm_config config;
    char line[BOOT_LINE], error[256];
    u32 module = 0;

    split_line(args->rest, line, sizeof(line), &which);
    if (!config_parse(line, &config, error, sizeof(error))) {
        say(args, "create: %s.", error);
        return;
    }
    if (config.kind != CONFIG_VM) {
        say(args, "create: a new VM needs a name; write vm=NAME (`help "
                  "create` has the keys).");
        return;
    }
    if (which.at ? !find_module(args, which, &module)
                 : !first_image(args, &module))
        return;
    if (vm_create(args->hv, &config, module, error, sizeof(error)))
        say(args, "trapline: %s: created from boot module %u", config.name,
            module);
    else
        say(args, "create: %s.", error);
}

void monitor_poweroff(const struct monitor_args *args)
{
    args->hv->poweroff = true;
    args->hv->poweroff_status = 0;
}
