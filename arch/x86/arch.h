/* SPDX-License-Identifier: MIT
 *
 * THE boundary: all that vmm/vm knows of the machine it runs on.
 *
 * About twenty functions. The real ones are in arch/x86 and drivers/host;
 * tests/fake implements the same header for unit tests. Interrupts are off
 * whenever VMM code runs: the only places where one is taken are inside
 * arch_enter() (while the guest runs), arch_idle() and arch_window().
 */
#ifndef ARCH_X86_ARCH_H
#define ARCH_X86_ARCH_H

#include "vmm/base/types.h"

struct cpu;
struct fpu;
struct fpu_op;

#define ARCH_GDT_SLOTS 8192 /* each VM has a whole host GDT */
/* The VMM's own slots at the top of every host GDT; a guest descriptor is
 * never mirrored there. */
#define ARCH_GDT_OWN (ARCH_GDT_SLOTS - 32)
/* Of those: six that hold the hidden parts of guest segment registers whose
 * selector no longer (or never) named them, in SEG_ order. */
#define ARCH_GDT_HIDDEN (ARCH_GDT_SLOTS - 16)

/* What the engine keeps for each vCPU in hardware form. enter.S knows the
 * offsets of the first eight fields (checked by static asserts there). */
struct arch_vcpu {
    u32 hw_cs, hw_ss; /* selectors to enter with; as found on exit */
    u32 hw_eflags;    /* IF set, IOPL 0, VM 0; as found on exit */
    u32 vector;       /* exit: the trap or interrupt vector */
    u32 error;        /* exit: its error code, 0 if it has none */
    u32 fault_at;     /* exit: CR2 */
    u32 fault_above;  /* exit by #PF: its upper half (see exits.c) */
    u16 hw_seg[6];    /* ES CS SS DS FS GS as arch_read_segs() found */
    u8 *fxsave;       /* struct fpu: the FPU registers when not live */
    u64 *gdt;         /* ARCH_GDT_SLOTS entries */
    u64 *ldt;         /* ARCH_GDT_SLOTS entries */
};

/* Prepares the hardware side of VM number `index` (0..ARCH_VMS-1): clears
 * the guest's part of its GDT and LDT, installs the VMM's own slots. */
#define ARCH_VMS 16
void arch_vcpu_init(struct arch_vcpu *av, u32 index);

/* Runs the guest until the next trap or interrupt. In: cpu->gpr, cpu->eip,
 * av->hw_*. Out: the same, and av->vector, error, fault_at. Segment
 * registers other than CS and SS stay in the real registers. */
void arch_enter(struct cpu *cpu, struct arch_vcpu *av);
/* The same for an SS with a 16-bit stack, whose upper half of ESP needs care.
 */
void arch_enter_small(struct cpu *cpu, struct arch_vcpu *av);

/* Makes av the current VM: GDTR, LDTR, debug registers off. Saves the FPU
 * registers of the previous one; those of av come by arch_fpu_back(). */
void arch_switch(struct arch_vcpu *av);
/* A VM is going away: forget that its FPU or tables are live. */
void arch_forget(struct arch_vcpu *av);
/* The FPU registers of the current VM as data: they leave the processor for
 * av->fxsave, until arch_fpu_back(), which comes before the guest is entered.
 * Meanwhile arch_fpu_run() may use the processor's (vmm/cpu/fpu.h). */
struct fpu *arch_fpu(struct arch_vcpu *av);
void arch_fpu_back(struct arch_vcpu *av);
void arch_fpu_run(struct fpu_op *op);
/* ES, DS, FS, GS: read into av->hw_seg, or load from it (a mask of SEG_
 * bits). A load of a selector that the host GDT refuses returns false and
 * leaves that register null; it never faults. */
void arch_read_segs(struct arch_vcpu *av);
bool arch_load_segs(struct arch_vcpu *av, u32 mask);
/* The hidden limit of the live LDTR: entries in use, 0 for none. */
void arch_set_ldt(struct arch_vcpu *av, u32 entries);

/* Mirrors the guest's CR0.TS/EM/MP/AM and CR4.TSD/OSFXSR/OSXMMEXCPT/DE into
 * the real ones. */
void arch_set_modes(u32 cr0, u32 cr4);
/* The guest's DR0-3 and DR7 into the real ones; null: none in force. */
void arch_set_debug(const u32 dr[8]);
u32 arch_read_dr6(void); /* and clears it */

/* Paging. */
void arch_load_root(hpa_t root);
void arch_flush_page(gva_t at);
void arch_flush_all(void);
const u64 *arch_host_pml4(void); /* entries 256..511 are the VMM's */

/* Time. */
#if __STDC_HOSTED__
u64 arch_tsc(void);
#else
/* Here, since a record of the trace is made of little else. */
static inline u64 arch_tsc(void)
{
    return __builtin_ia32_rdtsc();
}
#endif
u64 arch_tsc_hz(void); /* of arch_tsc(), as measured */
u64 arch_now_ns(void); /* monotonic since boot */
u64 arch_epoch(void);  /* seconds since 1970 at boot, from the CMOS */
/* An interrupt exit no later than this (ns since boot); the tick also comes
 * by itself at least every 10 ms. */
void arch_set_timer(u64 deadline_ns);
/* Halts until an interrupt; returns at once when one is pending. */
void arch_idle(void);
/* Lets interrupts in that wait, and acknowledges them; true when one came. */
bool arch_window(void);
/* An interrupt exit: acknowledges the vector at the real controller. */
void arch_irq_done(u32 vector);

/* Vendor facts for CPUID and MSR emulation. */
void arch_cpuid(u32 leaf, u32 subleaf, u32 out[4]);

/* The host console: a serial port and the screen. What is typed at the
 * keyboard comes as scan codes of set 1, to whoever wants to translate it. */
void arch_console_write(const char *text, size_t len);
bool arch_console_read(u8 *byte);
bool arch_key_read(u8 *scancode);

/* The wires: byte channels beside the console, each a serial port (or QEMU's
 * debug port) that the command line named. Nothing is said on a wire by
 * anybody but its one user. Writing takes as many bytes as go without waiting
 * and returns how many; reading never waits. */
enum arch_wire { ARCH_WIRE_GDB, ARCH_WIRE_TRACE, ARCH_WIRES };
bool arch_wire_present(enum arch_wire wire);
size_t arch_wire_write(enum arch_wire wire, const u8 *data, size_t len);
bool arch_wire_read(enum arch_wire wire, u8 *byte);

/* The screen shows 80 by 25 VGA cells instead of the console, from now until
 * it is told otherwise; the title where there is room. Null: the console. */
void arch_screen_show(const u16 *cells, u32 cursor, const char *title);
/* The console as it was so many lines ago (negative: so many sooner). */
void arch_screen_back(int lines);
/* A panic begins: what comes now must be on the screen in the end. */
void arch_screen_panic(void);

/* The end. QEMU's debug-exit device gets status when it is present and makes
 * (status << 1) | 1 of it, so success (0) is exit code 1 of QEMU. Without the
 * device, status 0 powers off and any other halts with the screen intact. */
_Noreturn void arch_poweroff(u32 status);
#define ARCH_STATUS_PANIC 0x7f /* QEMU's exit code 255 */
/* Called by a panic behind registers and stack, to print what the VM layer
 * knows (the last exits). Null until somebody sets it. */
extern void (*arch_panic_hook)(void);
_Noreturn void arch_panic(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
