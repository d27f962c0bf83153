/* SPDX-License-Identifier: MIT
 *
 * The hosted machine is switched on: what GRUB and vmm/main.c do elsewhere.
 *
 *   trapline-host [--OPTION]... [VMM OPTION]... FILE WORD... [, FILE
 * WORD...]...
 *
 * Each FILE is a boot module with its words, as in the boot menu; a comma that
 * stands alone separates them. The files are read into machine memory from
 * 1 MiB up, a page boundary each, and described by a multiboot 1 information
 * block in the low MiB, which bootinfo_parse() reads as it reads a loader's.
 * What is left of memory becomes frames.
 *
 * Multiboot 0.6.96 section 3.3.
 */
#include "arch/x86/defs/multiboot.h"
#include "arch/x86/defs/ports.h"
#include "tests/fake/arch_hosted.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/vm/vm.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_DEFAULT (128u << 20)
#define MEMORY_MIN     (16u << 20)
#define MEMORY_MAX     (3u << 30)

/* The loader's tables in the low MiB. */
#define INFO_AT    0x1000u
#define MODS_AT    0x2000u
#define MMAP_AT    0x4000u
#define STRINGS_AT 0x8000u
#define MODS_MAX   64u

#define STATUS_USAGE 2
#define SCRIPT_MAX   64

static struct {
    u64 memory;
    const char *attach;
    char script[SCRIPT_MAX];
    u32 strings; /* where the next string goes */
    u32 modules; /* so many yet, */
    u32 top;     /* and the next begins here */
} loader = {
    .memory = MEMORY_DEFAULT, .strings = STRINGS_AT, .top = HIGH_MEMORY};

static struct boot_info boot;
static struct hv hv;
static struct trace_record trace_records[TRACE_RECORDS];

static const char usage[] =
    "usage: trapline-host [--OPTION]... [VMM OPTION]... FILE WORD... "
    "[, FILE WORD...]...\n"
    "\n"
    "Runs Trapline as an ordinary program. Each FILE with its words is a\n"
    "boot module, as in the boot menu:\n"
    "\n"
    "  trapline-host hare.elf vm=alpha mem=16M\n"
    "  trapline-host hare.elf vm=a mem=8M -- check=only , hare.elf vm=b "
    "mem=8M\n"
    "  trapline-host exit=stopped hare.elf vm=a mem=8M -- check=only\n"
    "\n"
    "options:\n"
    "  --memory=SIZE  of the machine, 16M to 3G; 128M unless told\n"
    "  --attach=NAME  start at that guest's console; Ctrl-] leaves it\n"
    "  --limit=MS     give up after so many ms of machine time\n"
    "  --audit=N      every Nth time that a guest goes on, check that shadow\n"
    "                 tables, frames and what the processor remembers of them\n"
    "                 are what they must be, and end the run if not\n"
    "  --gdb=PATH     gdb's wire: a socket of that name is made, unless it is "
    "a\n"
    "                 device or a pipe; stdio: stdin and stdout, and the\n"
    "                 console is stderr\n"
    "  --trace=PATH   the trace of all guests goes into that file\n"
    "  --help         this\n"
    "VMM options: exit=stopped ends when every guest has stopped, canary=1\n"
    "checks frames between those of the guests, gdb.wait=1 has the guests "
    "wait\n"
    "for gdb, trace=GROUP,... says which\n"
    "events --trace= gets, trapline.cmd='COMMAND; COMMAND...' runs monitor\n"
    "commands at the start, `wait 20ms` and `wait NAME stopped` among them.\n"
    "\n"
    "At a terminal, `poweroff` in the monitor ends it. Anything else on stdin\n"
    "is a script that is typed line by line, each when the machine rests; "
    "what\n"
    "follows a line ?TEXT waits until TEXT has been printed. Such a run is "
    "the\n"
    "same to the instruction each time. The exit status is the VMM's: 0 when\n"
    "all is well.\n";

static _Noreturn void refuse(const char *sentence, const char *word)
{
    hosted_say(sentence, word);
    exit(STATUS_USAGE);
}

/* The leak detector does not work under a debugger, and there is nothing to
 * find: the one allocation lasts as long as the machine. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* ---- the command line */

static bool option_is(const char *arg, const char *name, const char **value)
{
    if (!str_starts(arg, name))
        return false;
    *value = arg + str_len(name);
    return true;
}

static u64 number(const char *value, const char *arg)
{
    u64 n;

    if (!slice_bytes(slice_of(value), &n))
        refuse("\"%s\" needs a number", arg);
    return n;
}

static void read_option(const char *arg)
{
    const char *value;

    if (str_eq(arg, "--help")) {
        fputs(usage, stdout);
        exit(0);
    }
    if (option_is(arg, "--memory=", &value))
        loader.memory = number(value, arg) & ~(u64)PAGE_MASK;
    else if (option_is(arg, "--attach=", &value))
        snprintf(loader.script, sizeof(loader.script), "attach %s\n", value);
    else if (option_is(arg, "--limit=", &value))
        hosted.limit = number(value, arg) * 1000000;
    else if (option_is(arg, "--gdb=", &value))
        hosted_wire_gdb(value);
    else if (option_is(arg, "--trace=", &value))
        hosted_wire_trace(value);
    else if (option_is(arg, "--audit=", &value))
        hosted.audit = number(value, arg);
    else
        refuse("there is no option \"%s\"; --help lists them", arg);
    if (loader.memory < MEMORY_MIN || loader.memory > MEMORY_MAX)
        refuse("\"%s\" is not between 16M and 3G", arg);
}

static void choose_events(const char *words)
{
    if (!export_choose(&hv.export, slice_of(words)))
        refuse("\"trace=%s\" names no groups of events; `trace` in the monitor "
               "lists them",
               words);
}

static void choose_policy(const char *words)
{
    char error[256];

    if (!sched_option(&hv.sched, slice_of(words), error, sizeof(error)))
        refuse("sched=: %s", error);
}

static bool read_vmm_option(const char *arg)
{
    if (str_eq(arg, "exit=stopped"))
        hv.exit_when_idle = true;
    else if (str_eq(arg, "canary=1"))
        hv.canary = true;
    else if (str_eq(arg, "gdb.wait=1"))
        hv.gdb.wait = true;
    else if (str_starts(arg, "trapline.cmd="))
        script_set(&hv.script, slice_of(arg + sizeof("trapline.cmd=") - 1));
    else if (str_starts(arg, "sched="))
        choose_policy(arg + sizeof("sched=") - 1);
    else if (str_starts(arg, "trace="))
        choose_events(arg + sizeof("trace=") - 1);
    else
        return false;
    return true;
}

/* ---- the loader */

static u32 add_string(const char *text)
{
    u32 at = loader.strings, size = (u32)str_len(text) + 1;

    if (size > LOW_MEMORY_END - at)
        refuse("the words of all modules are too long: \"%s\"", text);
    memcpy(hosted.memory + at, text, size);
    loader.strings += size;
    return at;
}

static u32 read_file(const char *path)
{
    int file = open(path, O_RDONLY);
    struct stat facts;
    u64 room = hosted.size - loader.top;

    if (file < 0 || fstat(file, &facts) < 0) {
        hosted_say("%s cannot be opened: %m", path);
        exit(STATUS_USAGE);
    }
    if (!S_ISREG(facts.st_mode))
        refuse("%s is not a file", path);
    if ((u64)facts.st_size > room)
        refuse("%s is larger than what is left of memory; give --memory=",
               path);
    if (read(file, hosted.memory + loader.top, (size_t)facts.st_size) !=
        facts.st_size)
        refuse("%s cannot be read", path);
    close(file);
    return (u32)facts.st_size;
}

/* "/boot/NAME word word": the name as a loader has it, without what the VMM
 * would not take for a name. */
static void module_line(char *line, size_t size, char **words, int count)
{
    const char *name = words[0];
    int at;

    for (const char *c = words[0]; *c; c++) {
        if (*c == '/')
            name = c + 1;
    }
    at = snprintf(line, size, "/boot/%s", name);
    for (char *c = line; *c; c++) {
        if (*c == '=' || *c == ' ')
            *c = '_';
    }
    for (int i = 1; i < count && (size_t)at < size; i++)
        at += snprintf(line + at, size - (size_t)at, " %s", words[i]);
    if ((size_t)at >= size)
        refuse("the words behind %s are too long", words[0]);
}

static void add_module(char **words, int count)
{
    u8 *m = hosted.memory + MODS_AT + loader.modules * MB1_MOD_SIZE;
    char line[2 * BOOT_LINE];
    u32 size;

    if (!count)
        refuse("there is no FILE beside a comma; %s shows the form", "--help");
    if (loader.modules == MODS_MAX)
        refuse("%s is one module too many", words[0]);
    size = read_file(words[0]);
    module_line(line, sizeof(line), words, count);
    put_le32(m + MB1_MOD_START, loader.top);
    put_le32(m + MB1_MOD_END, loader.top + size);
    put_le32(m + MB1_MOD_STRING, add_string(line));
    loader.modules++;
    loader.top = (u32)align_up(loader.top + size, PAGE_SIZE);
}

static void add_modules(char **words, int count)
{
    int first = 0;

    for (int i = 0; i <= count; i++) {
        if (i < count && !str_eq(words[i], ","))
            continue;
        add_module(words + first, i - first);
        first = i + 1;
    }
}

static void add_range(u8 *at, u32 base, u32 end)
{
    put_le32(at, MB1_MMAP_SIZE - 4);
    put_le32(at + MB1_MMAP_BASE, base);
    put_le32(at + MB1_MMAP_BYTES, end - base);
    put_le32(at + MB1_MMAP_TYPE, MB_RAM);
}

static void write_info(void)
{
    u8 *info = hosted.memory + INFO_AT;

    add_range(hosted.memory + MMAP_AT, 0, LOW_MEMORY_END);
    add_range(hosted.memory + MMAP_AT + MB1_MMAP_SIZE, HIGH_MEMORY,
              (u32)hosted.size);
    put_le32(info + MB1_FLAGS, MB1_INFO_MODS | MB1_INFO_MMAP | MB1_INFO_LOADER);
    put_le32(info + MB1_MODS_COUNT, loader.modules);
    put_le32(info + MB1_MODS_ADDR, MODS_AT);
    put_le32(info + MB1_MMAP_LEN, 2 * MB1_MMAP_SIZE);
    put_le32(info + MB1_MMAP_ADDR, MMAP_AT);
    put_le32(info + MB1_LOADER, add_string("trapline-host"));
}

/* ---- the wiring, as in vmm/main.c */

static const void *view_at(void *ctx, hpa_t where, u64 size)
{
    if (where.v >= hosted.size || size > hosted.size - where.v)
        return NULL;
    return hosted.memory + where.v;
}

static void put(void *ctx, const char *text, size_t len)
{
    arch_console_write(text, len);
}

static const struct sink out = {put, NULL};

void hosted_flush(void)
{
    export_finish(&hv);
}

static void last_words(void)
{
    hv_last_words(&hv, &out);
    export_finish(&hv);
}

u64 hosted_interpreted(void)
{
    u64 sum = 0;

    for (u32 i = 0; i < HV_VMS; i++)
        sum += hv.vm[i].interpreted;
    return sum;
}

static void audit(const struct vm *vm)
{
    u32 owners = 0;
    u32 faults = shadow_audit(&vm->shadow, &out);

    hosted_tlb_audit();
    for (u32 i = 0; i < HV_VMS; i++)
        owners |= hv.vm[i].state != VM_EMPTY ? BIT(i) : 0;
    faults += frames_audit(&hv.frames, owners, &out);
    if (faults)
        arch_panic("%u faults in the audit of %s before entry %llu", faults,
                   vm->config.name, (unsigned long long)hosted.exits);
}

void hosted_audit(void)
{
    static u64 calls;

    if (hosted.audit && calls++ % hosted.audit == 0 && hv.current)
        audit(hv.current);
}

static const u8 *module_data(struct hv *h, u32 module)
{
    return hosted.memory + h->boot->module[module].start.v;
}

static void make_frames(void)
{
    u32 count = hpa_to_mfn(hpa(hosted.size)).v;
    struct frame *info = calloc(count, sizeof(*info));

    if (!info)
        refuse("there is no memory for %s", "the list of frames");
    frames_init(&hv.frames, hosted.memory, info, count);
    for (u32 i = 0; i < boot.ram.count; i++)
        frames_add(&hv.frames, hpa(boot.ram.range[i].start),
                   hpa(boot.ram.range[i].end));
    frames_reserve(&hv.frames, hpa(0), hpa(loader.top));
}

static void make_memory(void)
{
    hosted.size = loader.memory;
    hosted.memory = mmap(NULL, hosted.size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (hosted.memory == MAP_FAILED)
        refuse("there is no memory for %s", "the machine; lower --memory=");
}

static void power_on(void)
{
    static const struct boot_view view = {view_at, NULL};
    const char *error;

    write_info();
    error = bootinfo_parse(MB1_BOOT_MAGIC, hpa(INFO_AT), &view, &boot);
    if (error)
        refuse("%s", error);
    hosted_reset();
    hosted_tlb_flush();
    make_frames();
    hv.boot = &boot;
    hv.module_data = module_data;
    arch_panic_hook = last_words;
    trace_init(&hv.trace, trace_records, TRACE_RECORDS);
    console_init(&hv.console, out);
}

int main(int argc, char **argv)
{
    int i = 1;

    hosted.limit = UINT64_MAX;
    sched_init(&hv.sched, &sched_round_robin);
    while (i < argc && str_starts(argv[i], "--"))
        read_option(argv[i++]);
    while (i < argc && read_vmm_option(argv[i]))
        i++;
    if (i == argc)
        refuse("there is no FILE; %s shows the form", "--help");
    make_memory();
    add_modules(argv + i, argc - i);
    hosted_console_init(loader.script);
    power_on();
    hv_start(&hv);
    arch_poweroff(hv_run(&hv));
}
