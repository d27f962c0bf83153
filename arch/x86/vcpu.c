/* SPDX-License-Identifier: MIT
 *
 * Which VM the real processor holds: descriptor tables, FPU, debug registers
 * and the control bits that a guest may set for itself.
 *
 * The VMM is compiled without FPU and vector registers, so a guest's stay in
 * the processor until another VM is switched in or an FPU instruction of the
 * guest is emulated, which works on the image in memory (arch_fpu). They come
 * back before the guest runs, whatever it is going to use: loading them only
 * when they are touched saves little and has leaked data before. Invariant:
 * arch_fpu_back() was called since arch_switch() and arch_fpu() when a guest
 * is entered. FXSAVE keeps XMM registers only when CR4.OSFXSR is set, so it is
 * set for that whatever the guests want.
 *
 * CR0 and CR4 are always the VMM's constants plus bits of the present guest;
 * the last values are remembered, because writing them is slow.
 *
 * Breakpoint addresses are 32 bits wide, so they never match in the VMM,
 * whose addresses are all above 4 GiB. LIMIT: I/O breakpoints are not put
 * into the real DR7, since they would match the VMM's own port accesses.
 *
 * SDM vol. 3A 2.5, 13.4 (FXSAVE), vol. 3B 17.2 (debug registers).
 */
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/defs/msr.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/guestregs.h"
#include "arch/x86/layout.h"
#include "arch/x86/machine.h"
#include "arch/x86/offsets.h"
#include "vmm/base/bits.h"
#include "vmm/base/check.h"
#include "vmm/base/str.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/fpu.h"

STATIC_ASSERT(offsetof(struct cpu, gpr[EAX]) == CPU_EAX);
STATIC_ASSERT(offsetof(struct cpu, gpr[ECX]) == CPU_ECX);
STATIC_ASSERT(offsetof(struct cpu, gpr[EDX]) == CPU_EDX);
STATIC_ASSERT(offsetof(struct cpu, gpr[EBX]) == CPU_EBX);
STATIC_ASSERT(offsetof(struct cpu, gpr[ESP]) == CPU_ESP);
STATIC_ASSERT(offsetof(struct cpu, gpr[EBP]) == CPU_EBP);
STATIC_ASSERT(offsetof(struct cpu, gpr[ESI]) == CPU_ESI);
STATIC_ASSERT(offsetof(struct cpu, gpr[EDI]) == CPU_EDI);
STATIC_ASSERT(offsetof(struct cpu, eip) == CPU_EIP);
STATIC_ASSERT(offsetof(struct arch_vcpu, hw_cs) == AV_CS);
STATIC_ASSERT(offsetof(struct arch_vcpu, hw_ss) == AV_SS);
STATIC_ASSERT(offsetof(struct arch_vcpu, hw_eflags) == AV_EFLAGS);
STATIC_ASSERT(offsetof(struct arch_vcpu, vector) == AV_VECTOR);
STATIC_ASSERT(offsetof(struct arch_vcpu, error) == AV_ERROR);
STATIC_ASSERT(offsetof(struct arch_vcpu, fault_at) == AV_FAULT_AT);
STATIC_ASSERT(offsetof(struct arch_vcpu, fault_above) == AV_FAULT_AT + 4);

static struct fpu fxsave_area[ARCH_VMS];

static struct {
    struct arch_vcpu *live; /* whose tables and FPU are in the processor */
    bool fpu_out;           /* ... but the FPU's registers are in its fxsave */
    u64 host_cr4;           /* the VMM's part */
    u64 cr0, cr4;           /* as they are now */
    u32 dr7;
} now;

static void set_cr0(u64 value)
{
    if (value == now.cr0)
        return;
    now.cr0 = value;
    write_cr0(value);
}

static void set_cr4(u64 value)
{
    if (value == now.cr4)
        return;
    now.cr4 = value;
    write_cr4(value);
}

static void set_dr7(u32 value)
{
    if (value == now.dr7)
        return;
    now.dr7 = value;
    write_dr7(value);
}

void modes_init(void)
{
    now.host_cr4 = CR4_PAE | CR4_PSE | CR4_PGE;
    if (features_umip())
        now.host_cr4 |= CR4_UMIP;
    if (features_mce())
        now.host_cr4 |= CR4_MCE;
    set_cr0(HOST_CR0);
    set_cr4(now.host_cr4);
    set_dr7(DR7_FIXED);
    wrmsr(MSR_SYSENTER_CS, 0);
    wrmsr(MSR_SYSENTER_ESP, 0);
    wrmsr(MSR_SYSENTER_EIP, 0);
}

void arch_set_modes(u32 cr0, u32 cr4)
{
    set_cr0(HOST_CR0 | (cr0 & GUEST_CR0));
    set_cr4(now.host_cr4 | (cr4 & GUEST_CR4));
}

void arch_set_debug(const u32 dr[8])
{
    u32 dr7 = dr ? dr7_allowed(dr[7]) : DR7_FIXED;

    if (dr7 != DR7_FIXED) {
        set_dr7(DR7_FIXED); /* no match against half-set addresses */
        write_dr0(dr[0]);
        write_dr1(dr[1]);
        write_dr2(dr[2]);
        write_dr3(dr[3]);
    }
    set_dr7(dr7);
}

u32 arch_read_dr6(void)
{
    u32 dr6 = (u32)read_dr6();

    write_dr6(DR6_FIXED);
    return dr6;
}

static void fpu_save(u8 *image)
{
    __asm__ volatile("fxsave (%0)" : : "r"(image) : "memory");
}

/* AMD's FXRSTOR leaves the last instruction and data pointers alone unless an
 * exception is pending, so the previous guest's would show: the FILD puts a
 * harmless one there. */
static void fpu_load(const u8 *image)
{
    __asm__ volatile("fnclex; emms; fildl (%0)" : : "r"(image) : "memory");
    __asm__ volatile("fxrstor (%0)" : : "r"(image) : "memory");
    now.fpu_out = false;
}

static void load_ldt(const struct arch_vcpu *av)
{
    lldt(av->gdt[ARCH_SEL_LDT >> 3] ? ARCH_SEL_LDT : 0);
}

struct modes {
    u64 cr0, cr4;
};

/* FPU instructions of ours must not fault, nor skip XMM registers. Returns
 * what fpu_close() puts back. */
static struct modes fpu_open(void)
{
    struct modes old = {now.cr0, now.cr4};

    set_cr0(old.cr0 & ~(u64)(CR0_TS | CR0_EM));
    set_cr4(old.cr4 | CR4_OSFXSR);
    return old;
}

static void fpu_close(struct modes old)
{
    set_cr0(old.cr0);
    set_cr4(old.cr4);
}

/* As after RESET; what this processor's MXCSR can hold only FXSAVE tells. */
static void fpu_fresh(u8 *image)
{
    u32 mask;

    fpu_save(image);
    mask = get_le32(image + FX_MXCSR_MASK);
    memset(image, 0, FX_SIZE);
    put_le16(image + FX_FCW, FCW_INIT);
    put_le32(image + FX_MXCSR, MXCSR_INIT);
    put_le32(image + FX_MXCSR_MASK, mask);
}

/* The live VM's registers are in its fxsave from now on. No exception that
 * waits stays behind in the processor. */
static void fpu_take(void)
{
    if (now.live && !now.fpu_out)
        fpu_save(now.live->fxsave);
    __asm__ volatile("fninit");
    now.fpu_out = true;
}

void arch_vcpu_init(struct arch_vcpu *av, u32 index)
{
    struct modes old = fpu_open();

    CHECK(index < ARCH_VMS);
    *av = (struct arch_vcpu){.fxsave = fxsave_area[index].image};
    gdt_vm(index, &av->gdt, &av->ldt);
    fpu_fresh(av->fxsave);
    if (now.live == av) {
        now.fpu_out = true; /* what it had is not wanted any more */
        fpu_take();
        load_ldt(av);
    }
    fpu_close(old);
}

void arch_switch(struct arch_vcpu *av)
{
    struct modes old;

    set_dr7(DR7_FIXED);
    if (now.live == av)
        return;
    old = fpu_open();
    fpu_take();
    fpu_close(old);
    gdt_load(av->gdt);
    load_ldt(av);
    now.live = av;
}

struct fpu *arch_fpu(struct arch_vcpu *av)
{
    struct modes old;

    CHECK(now.live == av);
    if (!now.fpu_out) {
        old = fpu_open();
        fpu_take();
        fpu_close(old);
    }
    return (struct fpu *)av->fxsave;
}

void arch_fpu_back(struct arch_vcpu *av)
{
    struct modes old;

    if (now.live != av || !now.fpu_out)
        return;
    old = fpu_open();
    fpu_load(av->fxsave);
    fpu_close(old);
}

void arch_fpu_run(struct fpu_op *op)
{
    struct modes old = fpu_open();

    CHECK(now.fpu_out);
    fpu_unit(op);
    fpu_close(old);
}

void arch_forget(struct arch_vcpu *av)
{
    struct arch_vcpu none = {0};

    if (now.live != av)
        return;
    arch_load_segs(&none,
                   BIT(SEG_ES) | BIT(SEG_DS) | BIT(SEG_FS) | BIT(SEG_GS));
    set_dr7(DR7_FIXED);
    gdt_load_own();
    lldt(0);
    arch_load_root(paging_root());
    now.live = NULL;
}

void arch_set_ldt(struct arch_vcpu *av, u32 entries)
{
    gdt_ldt(av->gdt, av->ldt, entries);
    if (now.live == av)
        load_ldt(av);
}

void arch_read_segs(struct arch_vcpu *av)
{
    __asm__ volatile("mov %%es, %0" : "=r"(av->hw_seg[SEG_ES]));
    __asm__ volatile("mov %%ds, %0" : "=r"(av->hw_seg[SEG_DS]));
    __asm__ volatile("mov %%fs, %0" : "=r"(av->hw_seg[SEG_FS]));
    __asm__ volatile("mov %%gs, %0" : "=r"(av->hw_seg[SEG_GS]));
    av->hw_seg[SEG_CS] = (u16)av->hw_cs;
    av->hw_seg[SEG_SS] = (u16)av->hw_ss;
}

/* Loads one register; where the processor refuses, traps.c finds the address
 * in .recover and goes on at the label, with the register null. */
#define LOADER(reg)                                                            \
    static bool load_##reg(u16 sel)                                            \
    {                                                                          \
        __asm__ goto("1: mov %0, %%" #reg "\n\t"                               \
                     ".pushsection .recover, \"a\"\n\t"                        \
                     ".quad 1b, %l[refused]\n\t"                               \
                     ".popsection"                                             \
                     :                                                         \
                     : "r"((u32)sel)                                           \
                     : "memory"                                                \
                     : refused);                                               \
        return true;                                                           \
    refused:                                                                   \
        __asm__ volatile("mov %0, %%" #reg : : "r"(0) : "memory");             \
        return false;                                                          \
    }
LOADER(es)
LOADER(ds)
LOADER(fs)
LOADER(gs)

bool arch_load_segs(struct arch_vcpu *av, u32 mask)
{
    bool good = true;

    if (mask & BIT(SEG_ES))
        good &= load_es(av->hw_seg[SEG_ES]);
    if (mask & BIT(SEG_DS))
        good &= load_ds(av->hw_seg[SEG_DS]);
    if (mask & BIT(SEG_FS))
        good &= load_fs(av->hw_seg[SEG_FS]);
    if (mask & BIT(SEG_GS))
        good &= load_gs(av->hw_seg[SEG_GS]);
    return good;
}
