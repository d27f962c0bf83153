/* SPDX-License-Identifier: MIT
 *
 * What arch/x86 offers to main.c at boot, and its own files to one another.
 * The VM layer sees arch.h only.
 *
 * Order at boot: features_check(), gdt_init() (from here on a fault is a
 * panic with registers), bootmem, paging_init(), modes_init().
 */
#ifndef X86_MACHINE_H
#define X86_MACHINE_H

#include "arch/x86/boot/bootmem.h"
#include "vmm/base/types.h"

struct arch_vcpu;

/* What trap_vmm in enter.S leaves on the stack, lowest address first. */
struct trap_frame {
    u64 r15, r14, r13, r12, r11, r10, r9, r8;
    u64 rdi, rsi, rbp, rbx, rdx, rcx, rax;
    u64 vector, error;
    u64 rip, cs, rflags, rsp, ss;
};

/* boot/features.c: what the processor has. Panics with advice when
 * something indispensable is missing. */
void features_check(void);
bool features_umip(void);
bool features_apic(void);
bool features_mce(void);
bool features_pat(void);
u64 features_address_end(void);    /* the first machine address it lacks */
u64 features_tsc_hz(void);         /* as CPUID says it; 0: it does not */
void features_name(char name[49]); /* the brand string, or the vendor */

/* paging.c: the final page tables, and CR3. */
void paging_init(struct bootmem *mem);
/* After paging_init(): a frame buffer, made write-combining. Null when it lies
 * where the processor or the physmap has no addresses. */
void *paging_map_screen(struct bootmem *mem, hpa_t at, u64 size);
hpa_t paging_root(void);

/* tables.c: GDT, IDT, TSS. */
void gdt_init(void);
void gdt_vm(u32 index, u64 **gdt, u64 **ldt); /* cleared, own slots set */
void gdt_ldt(u64 *gdt, const u64 *ldt, u32 entries); /* the LDT slot */
void gdt_load(const u64 *gdt);
void gdt_load_own(void);
#define ARCH_SEL_CODE ((ARCH_GDT_OWN + 1) << 3)
#define ARCH_SEL_DATA ((ARCH_GDT_OWN + 2) << 3)
#define ARCH_SEL_TSS  ((ARCH_GDT_OWN + 3) << 3)
#define ARCH_SEL_LDT  ((ARCH_GDT_OWN + 5) << 3)

/* vcpu.c: control registers as the VMM wants them, no guest yet. */
void modes_init(void);

/* traps.c */
void trap_in_vmm(struct trap_frame *frame);
u32 traps_nmis(void);

/* panic.c: the end, with a frame to show. */
_Noreturn void panic_trap(const struct trap_frame *frame);

/* Symbols of vmm.ld, boot.S and enter.S. */
extern char vmm_load_start[], vmm_text_start[], vmm_text_end[];
extern char vmm_rodata_end[], vmm_data_end[], vmm_end[];
extern char vmm_stack_guard[], vmm_stack[], vmm_stack_top[];
extern char trap_stack_top[], nmi_stack_top[], df_stack_top[], mc_stack_top[];
extern char trap_stubs[], enter_iretq[], enter_refused[];
extern char enter_return[];

#endif
