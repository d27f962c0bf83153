/* SPDX-License-Identifier: MIT
 *
 * Hare: a small operating system to read in a day.
 *
 * Start here, then follow the calls of kmain(). The order matters: memory
 * needs the map, tables need memory, devices need the interrupt table.
 *
 * The command line: `check=only` ends the machine behind the self-check,
 * `run=PROGRAM[,PROGRAM...]` runs those instead of a shell and then ends it,
 * `quiet` leaves out the line per check, `swap=format` makes the disk one to
 * swap on (swap.c), and no longer word does. Another word with a `=` gets a
 * sentence; one without may be the kernel's own name, which some loaders put
 * in front. The machine ends through QEMU's debug-exit port, whose exit status
 * is twice the value plus one; where there is no such port, by a reset through
 * the keyboard controller.
 */
#include "arch/x86/defs/multiboot.h"
#include "arch/x86/defs/ports.h"
#include "guest/kernel/file.h"
#include "guest/kernel/kernel.h"
#include "guest/kernel/swap.h"
#include "guest/kernel/turns.h"

#define KBD_RESET 0xfe /* pulses the processor's reset line */

void kmain(void);

void machine_end(u32 status)
{
    cli();
    outb(PORT_DEBUG_EXIT, (u8)status);
    outb(PORT_KBD_CMD, KBD_RESET);
    for (;;)
        halt();
}

/* The rest of the command line after a word that starts with key. */
static const char *option(const char *key)
{
    const char *s = boot_data.cmdline;

    for (;;) {
        while (*s == ' ')
            s++;
        if (!*s)
            return NULL;
        if (starts_with(s, key))
            return s + strlen(key);
        while (*s && *s != ' ')
            s++;
    }
}

static int has_word(const char *word)
{
    const char *rest = option(word);

    return rest && (!*rest || *rest == ' ');
}

static int is_known(const char *word)
{
    return starts_with(word, "run=") || strcmp(word, "check=only") == 0 ||
           strcmp(word, "swap=format") == 0;
}

static void judge_words(void)
{
    char word[CMDLINE_SIZE];
    const char *s = boot_data.cmdline;

    while (*s) {
        u32 n = 0, has_value = 0;

        for (; *s && *s != ' '; s++) {
            has_value |= *s == '=';
            if (n < sizeof(word) - 1)
                word[n++] = *s;
        }
        word[n] = 0;
        if (has_value && !is_known(word))
            printf("hare: \"%s\" is no word it knows; check=only, run=PROGRAM "
                   "and swap=format are.\n",
                   word);
        while (*s == ' ')
            s++;
    }
}

/* "init", then the programs of run=, as init's command line. */
static void start_init(void)
{
    char line[CMDLINE_SIZE] = "init";
    const char *run = option("run=");
    u32 n = strlen(line);

    if (run)
        line[n++] = ' ';
    for (; run && *run && *run != ' ' && n < sizeof(line) - 1; run++)
        line[n++] = *run;
    line[n] = 0;
    if (proc_init(line))
        panic("the boot archive holds no program init that can be started.");
}

void kmain(void)
{
    gdt_init();
    trap_init();
    pic_init();
    console_init();
    if (boot_data.magic != MB1_BOOT_MAGIC)
        panic("the boot loader left 0x%08x where multiboot says 0x%08x.",
              boot_data.magic, MB1_BOOT_MAGIC);
    frames_init();
    paging_init();
    fs_init();
    turns_init();
    pit_init();
    printf("hare: %u MiB of memory, %u pages free\n", frames_mib(),
           frames_free_count());
    judge_words();
    swap_init(has_word("swap=format"));
    check_run(has_word("quiet"));
    if (has_word("check=only"))
        machine_end(SHUTDOWN_OK);
    start_init();
    proc_idle();
}
