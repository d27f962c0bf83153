/* SPDX-License-Identifier: MIT
 *
 * Between the monitor's files: what a command is, and the words all of them
 * use. monitor_table.c has the table, monitor.c finds the command and the VM it
 * names; monitor_life.c changes things, monitor_show.c only looks,
 * monitor_screen.c has screen and keyboard.
 *
 * A command never trusts the state of a VM: whatever it is told to do to a
 * VM that cannot have it done is answered with a sentence.
 */
#ifndef VM_MONITOR_IMPL_H
#define VM_MONITOR_IMPL_H

#include "vmm/vm/vm.h"

enum monitor_takes {
    TAKES_NOTHING,
    TAKES_VM,         /* the name of a VM, and no more */
    TAKES_VM_OR_NONE, /* the name of a VM, or nothing */
    TAKES_VM_AND,     /* the name of a VM and more words */
    TAKES_VM_OR_MORE, /* the name of a VM, and one word if one likes */
    TAKES_VM_ANY,     /* the name of a VM, and as it likes */
    TAKES_MAYBE_VM,   /* as it likes, mostly the name of a VM first */
    TAKES_WORDS,      /* as it likes */
};

struct monitor_args {
    struct hv *hv;
    const struct sink *out; /* whoever asked: lines, each in one piece */
    struct vm *vm;     /* TAKES_VM...: never null, but for TAKES_VM_OR_NONE */
    struct slice rest; /* what follows */
};

struct monitor_command {
    const char *name;
    const char *usage; /* what is written behind the name */
    const char *help;  /* one line */
    const char *more;  /* null, or the lines behind it in `help COMMAND` */
    const char *words; /* null, or what Tab offers, with blanks between */
    const char *first; /* the same in place of the VM's name */
    bool addresses;    /* it offers symbols as well */
    enum monitor_takes takes;
    void (*run)(const struct monitor_args *args);
};

extern const struct monitor_command monitor_commands[];
extern const u32 monitor_commands_count;
/* Null: there is no such command. */
const struct monitor_command *monitor_find(struct slice word);

/* A line to whoever asked. */
#define say(args, ...) monitor_say((args)->out, __VA_ARGS__)
void monitor_say(const struct sink *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The console, for whoever says something without being asked. */
struct sink monitor_console(struct hv *hv);
/* Takes the next word off args->rest, which has one, as the name of a VM.
 * False: there is none such, and that is said. */
bool monitor_take_vm(struct monitor_args *args);

/* A part in percent with one decimal. */
struct monitor_share {
    u32 whole, tenth;
};
struct monitor_share monitor_share(u64 part, u64 all);
/* The table of all VMs, since then; of one, where its exits cost most. */
void monitor_shares(const struct monitor_args *args,
                    const struct top_then then[HV_VMS]);
void monitor_places(const struct monitor_args *args, const struct vm *vm,
                    u32 most);

void monitor_help(const struct monitor_args *args);
void monitor_attach(const struct monitor_args *args);
void monitor_pause(const struct monitor_args *args);
void monitor_resume(const struct monitor_args *args);
void monitor_reset(const struct monitor_args *args);
void monitor_destroy(const struct monitor_args *args);
void monitor_create(const struct monitor_args *args);
void monitor_type(const struct monitor_args *args);
void monitor_trace(const struct monitor_args *args);
void monitor_export(const struct monitor_args *args);
void monitor_gdb(const struct monitor_args *args);
void monitor_poweroff(const struct monitor_args *args);

/* The keys, for `help create`. */
void monitor_create_help(const struct monitor_args *args);

void monitor_step(const struct monitor_args *args);
void monitor_break(const struct monitor_args *args);
void monitor_watch(const struct monitor_args *args);
void monitor_delete(const struct monitor_args *args);
void monitor_probes(const struct monitor_args *args);
/* A VM has stopped where the monitor asked for it. */
void monitor_stopped(struct vm *vm);

/* Words behind the VM's name; false: it was said what is wrong with them. */
bool monitor_address(const struct monitor_args *args, struct slice word,
                     u32 *at);
/* A number from 1 to most; without one *count stays. */
bool monitor_count(const struct monitor_args *args, struct slice *rest,
                   u32 most, u32 *count);
/* Whether that is all there is to the line. */
bool monitor_end(const struct monitor_args *args, struct slice rest);
/* Instructions from CS:eip on, one a line. */
void monitor_insns(const struct monitor_args *args, u32 eip, u32 count);

void monitor_regs(const struct monitor_args *args);
void monitor_mem(const struct monitor_args *args);
void monitor_dis(const struct monitor_args *args);
void monitor_walk(const struct monitor_args *args);
void monitor_map(const struct monitor_args *args);
void monitor_devices(const struct monitor_args *args);
void monitor_log(const struct monitor_args *args);
void monitor_gdt(const struct monitor_args *args);
void monitor_tss(const struct monitor_args *args);
void monitor_list(const struct monitor_args *args);
void monitor_idt(const struct monitor_args *args);
void monitor_blackbox(const struct monitor_args *args);
void monitor_audit(const struct monitor_args *args);
void monitor_sched(const struct monitor_args *args);
void monitor_stats(const struct monitor_args *args);
void monitor_top(const struct monitor_args *args);
void monitor_modules(const struct monitor_args *args);
void monitor_screen(const struct monitor_args *args);

#endif
