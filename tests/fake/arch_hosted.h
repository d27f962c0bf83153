/* SPDX-License-Identifier: MIT
 *
 * The hosted machine: a whole PC's processor, memory, clock and terminal
 * inside one Linux process, so that all of vmm/ runs under sanitizers and gdb.
 *
 * The VMM calls arch/x86/arch.h; behind it stands, here, a second struct cpu:
 * the *hardware*, 64-bit host mode as seen from compatibility mode, which runs
 * guest code by cpu_step() in rings 1 and 3 with the host's own GDT, LDT and
 * shadow page tables. It knows nothing of the guest's virtual processor, so
 * the VMM has to deprivilege, shadow and reflect as on the real machine.
 *
 * Nothing depends on the real clock unless a person sits at a terminal: time
 * is the number of instructions that the hardware has run. The same input
 * gives the same run to the last instruction.
 *
 *   arch_hosted.c          descriptor tables, modes, segment registers
 *   arch_hosted_run.c      entry, instructions, exits
 *   arch_hosted_mmu.c      page tables, TLB, memory
 *   arch_hosted_fpu.c      FPU registers
 *   arch_hosted_time.c     clock, timer, interrupts
 *   arch_hosted_console.c  the terminal, and the end
 *   arch_hosted_script.c   what is typed when there is no terminal
 *   arch_hosted_wire.c     the wires to gdb and to whoever records a trace
 *   arch_hosted_boot.c     command line, modules, multiboot information, main
 */
#ifndef TESTS_FAKE_ARCH_HOSTED_H
#define TESTS_FAKE_ARCH_HOSTED_H

#include "arch/x86/arch.h"
#include "vmm/cpu/cpu.h"

/* Where the hardware's descriptor tables lie for it: ACC_SYSTEM accesses are
 * to these addresses and never go through page tables. */
#define HOSTED_GDT 0xfff00000u
#define HOSTED_LDT 0xfff10000u
#define HOSTED_TSS 0xfff20000u
#define HOSTED_IDT 0xfff30000u

/* What things cost in ns. The processor runs ten million instructions a
 * second, about what the interpreter does under sanitizers, so a terminal
 * feels right. The VMM's own work has no instructions to count, so an exit
 * has a price as a whole. So has a look at the clock: the VMM looks whenever
 * it has done something for a device, and where it waits for time to pass. */
#define HOSTED_INSN_NS   100u
#define HOSTED_EXIT_NS   10000u
#define HOSTED_LOOK_NS   1000u
#define HOSTED_WINDOW_NS 64000u    /* a batch that the VMM interpreted */
#define HOSTED_TICK_NS   10000000u /* a timer interrupt at least this often */

#define HOSTED_VECTOR_TIMER 0x30

struct hosted {
    u8 *memory; /* machine memory, address 0 first; also the physmap */
    u64 size;
    struct cpu cpu; /* the hardware */
    struct arch_vcpu *live;
    u64 cr4; /* the host's own bits */
    hpa_t root;
    u64 now, due; /* ns: the time, the next timer interrupt */
    u64 instructions, exits;
    u64 limit; /* ns after which the run is over */
    u64 audit; /* every so manieth time that a guest goes on; 0: never */
};
extern struct hosted hosted;

/* arch_hosted.c: the hardware at power-on, tables and root empty. */
void hosted_reset(void);

/* arch_hosted_boot.c: instructions that the VMM's own interpreter ran, of the
 * VMs that are there. */
u64 hosted_interpreted(void);
/* What is left of the trace is sent, however the run ends. */
void hosted_flush(void);
/* --audit: a guest goes on; now and then all accounts of the VMM are looked
 * at, and a fault ends the run. */
void hosted_audit(void);

/* arch_hosted_mmu.c */
void hosted_tlb_flush(void);
void hosted_tlb_flush_page(gva_t at);
/* Ends the run when the TLB gives what the tables do not. */
void hosted_tlb_audit(void);
enum env_status hosted_read(void *ctx, gva_t at, void *buf, u32 size,
                            u32 access, struct fault *fault);
enum env_status hosted_write(void *ctx, gva_t at, const void *buf, u32 size,
                             u32 access, struct fault *fault);

/* arch_hosted_fpu.c: the registers out of the processor, or forgotten there,
 * and as an instruction finds them. */
void hosted_fpu_out(struct arch_vcpu *av);
void hosted_fpu_drop(void);
struct fpu *hosted_fpu(void);

/* arch_hosted_console.c: `first` is typed before anything else. */
void hosted_console_init(const char *first);
/* Lets `ns` pass while nobody runs, or less when something is typed; how much
 * has passed. */
u64 hosted_console_wait(u64 ns);

/* arch_hosted_script.c: the same for a script. */
void hosted_script_init(const char *first);
void hosted_script_printed(const char *text, size_t len);
bool hosted_script_key(u8 *byte);
u64 hosted_script_rest(u64 ns);

/* arch_hosted_wire.c: the options --gdb= and --trace=. */
void hosted_wire_gdb(const char *path);
void hosted_wire_trace(const char *path);
bool hosted_wire_stdio(void); /* stdin and stdout are gdb's */
/* Is there a wire for gdb? Then where something may come, or -1; and whether
 * something has come already. */
bool hosted_wire_file(int *file);
bool hosted_wire_waits(void);

/* arch_hosted_console.c as well. A word to whoever ran the program: on
 * stderr, not the console. */
void hosted_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What has been run, and the end. */
_Noreturn void hosted_end(u32 status);

#endif
