/* SPDX-License-Identifier: MIT
 *
 * A virtual machine, and the hypervisor that holds up to sixteen of them.
 *
 * struct vm is everything that belongs to one guest; struct hv is everything
 * there is. There is no global state in vmm/vm: main.c owns the one struct hv
 * and passes it down, a unit test makes its own.
 *
 * Life of a VM: vm_create() makes it from a configuration and a boot module;
 * it runs, pauses, resumes, resets; vm_kill() (the guest did something that
 * cannot go on) and an exit through the debug-exit port stop it but keep it
 * for inspection; vm_destroy() gives every frame back. The slot number is the
 * VM's identity everywhere: frame owner, scheduler entry, console line.
 */
#ifndef VM_VM_H
#define VM_VM_H

#include "arch/x86/arch.h"
#include "drivers/model/pc.h"
#include "vmm/base/ring.h"
#include "vmm/cpu/block.h"
#include "vmm/cpu/cpu.h"
#include "vmm/mm/disk.h"
#include "vmm/mm/shadow.h"
#include "vmm/mm/tlb.h"
#include "vmm/vm/blackbox.h"
#include "vmm/vm/bootinfo.h"
#include "vmm/vm/config.h"
#include "vmm/vm/console.h"
#include "vmm/vm/export.h"
#include "vmm/vm/fast.h"
#include "vmm/vm/gdb.h"
#include "vmm/vm/kinds.h"
#include "vmm/vm/probe.h"
#include "vmm/vm/recorder.h"
#include "vmm/vm/sched.h"
#include "vmm/vm/script.h"
#include "vmm/vm/stats.h"
#include "vmm/vm/symbols.h"
#include "vmm/vm/tables.h"
#include "vmm/vm/trace.h"
#include "vmm/vm/trace_live.h"
#include "vmm/vm/view.h"

#define HV_VMS 16

enum vm_state {
    VM_EMPTY,   /* the slot is free */
    VM_RUNNING, /* may be waiting in HLT */
    VM_PAUSED,
    VM_EXITED, /* ended itself: status */
    VM_KILLED, /* reason says why */
};

struct vm_last_exit {
    u32 vector, error, cr2, eip; /* as they lie in struct arch_vcpu */
};
#define VM_LAST_EXITS 32

struct hv;

/* What the direct engine knows of the real registers. */
struct direct {
    u16 loaded[SEG_COUNT]; /* selectors in the real ES, DS, FS, GS */
    u32 cs, ss;            /* selectors it entered with */
    u64 *open;             /* the host copy of ring-3 CS, present now */
};

struct vm {
    struct cpu cpu;
    struct arch_vcpu arch;
    struct direct direct;
    struct table table[TABLE_KINDS]; /* by enum cpu_table */
    struct fast fast;
    struct tlb tlb;               /* what software has walked for */
    struct blocks blocks;         /* what it has decoded */
    u64 pdptes_read[WALK_PDPTES]; /* by the check before a load of CR3 */
    struct hv *hv;
    u32 slot;
    enum vm_state state;
    char reason[160]; /* VM_KILLED: one sentence */
    u32 status;       /* VM_EXITED: what the guest wrote */
    struct vm_config config;
    u32 module; /* index in boot_info of its image */
    struct p2m p2m;
    struct disk disk;
    u64 p2m_sum; /* p2m_checksum() when it was made */
    struct shadow shadow;
    struct pc pc;
    struct recorder recorder;
    struct symbols symbols;
    struct trace_wish tracing;
    struct trace_live live;
    struct probes probes;
    struct stop stop; /* the last one */
    enum gdb_bond bond;
    /* accounting */
    u64 exits;
    u64 exit_count[EXIT_KINDS];
    struct costs costs;
    u64 interrupts;  /* injected */
    u32 exit_kind;   /* of the last exit, EXIT_KINDS for none */
    u64 interpreted; /* instructions, by the engine `interp` */
    u32 work;        /* since it last let interrupts of the host in: interp.c */
    u64 run_ns;      /* CPU time */
    u64 time_base;   /* host ns that is virtual zero (moved by pauses) */
    u64 paused_at;
    bool reset_wanted;
    bool leave;       /* out of the inner loop: a device was touched, the VM
                         halted or stopped, a host interrupt came */
    u32 shadow_eip;   /* where cpu.irq_shadow holds: behind the STI */
    bool interrupted; /* ... and it was a host interrupt */
    bool irq_waiting; /* INTR as of the last look at the devices */
    u32 let_go_eip;   /* the store that a trace was last given up for */
    u64 let_go_exit;  /* in exit number */
    struct vm_last_exit last[VM_LAST_EXITS];
    struct blackbox box;
};

/* `top`, and what it showed last. */
struct top_then {
    u64 run_ns, exits, interrupts, fills;
};
struct top {
    bool on;
    int vm; /* whose places it shows, or -1 for all */
    u64 since, due;
    struct top_then then[HV_VMS];
};

struct hv {
    struct frames frames;
    struct boot_info *boot;
    struct vm vm[HV_VMS];
    struct sched sched;
    struct console console;
    struct textlog log;   /* what the VMM has said */
    struct script script; /* command line: trapline.cmd= */
    struct view view;
    struct gdb gdb;
    struct trace_ring trace;
    struct trace_wish tracing;   /* of itself */
    struct trace_wish trace_new; /* of VMs to come */
    struct trace_live_all live;
    struct top top;
    struct export export;
    struct vm *current; /* whose state is in the real registers */
    u8 typed_bytes[1024];
    struct ring typed;   /* for the attached guest, which had no room yet */
    bool exit_when_idle; /* command line: exit=stopped */
    bool canary;         /* command line: canary=1 */
    bool poweroff;       /* the monitor said so */
    u32 poweroff_status;
    const u8 *(*module_data)(struct hv *hv, u32 module);
};

/* The VM by name; null when there is none. */
struct vm *hv_find(struct hv *hv, const char *name);
/* Creates from a module line of boot module `module`; false: error has one
 * sentence. The VM starts running. */
bool vm_create(struct hv *hv, const struct vm_config *config, u32 module,
               char *error, size_t size);
void vm_destroy(struct vm *vm);
/* Back to power-on: devices, memory and image anew. */
bool vm_reset(struct vm *vm, char *error, size_t size);
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);
/* The guest cannot go on. Prints the sentence; the VM stays for inspection. */
void vm_kill(struct vm *vm, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Virtual time in ns; stands still while paused. */
u64 vm_now(const struct vm *vm);
/* Frames that must be free for such a VM, its disk apart. */
u64 vm_frames_wanted(const struct vm_config *config);
/* Frames that its decoded blocks take. */
u32 vm_block_frames(const struct vm *vm);
/* "running", "halted", "paused", "exited", "killed" */
const char *vm_state_name(const struct vm *vm);

/* Is the instruction at EIP for probe_run()? */
static inline bool probe_holds(const struct vm *vm)
{
    return vm->probes.on && probe_held(vm);
}

/* Whoever prints shows first what was before. */
static inline void trace_live_show(struct hv *hv)
{
    if (hv->live.on && hv->live.cursor.next != hv->trace.next)
        trace_live_read(hv);
}

/* Starts every VM the boot modules describe; prints one sentence per line
 * that is wrong; returns how many run. */
u32 hv_start(struct hv *hv);
/* The loop. Returns when powered off; the status for arch_poweroff(). */
u32 hv_run(struct hv *hv);
/* The last exits of whoever is in the real registers, for a panic. */
void hv_last_words(struct hv *hv, const struct sink *out);

/* monitor.c: one command line, already free of the prompt. What it answers
 * goes to the console, or to `out`: lines that end in "\n", each in one piece,
 * of plain text. */
void monitor_command(struct hv *hv, const char *line);
/* monitor_top.c: the next picture, when it is due; the end of it. */
void monitor_top_turn(struct hv *hv, u64 now);
u64 monitor_top_deadline(const struct hv *hv);
void monitor_top_end(struct hv *hv);
void monitor_command_to(struct hv *hv, const char *line,
                        const struct sink *out);
/* monitor_complete.c: Tab was pressed in the console's line. */
void monitor_complete(struct hv *hv);

#endif
