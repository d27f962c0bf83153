/* SPDX-License-Identifier: MIT
 *
 * arch.h on the hosted machine: what arch/x86/vcpu.c and tables.c are on the
 * real one. Which VM the hardware holds, its GDT and LDT, its segment
 * registers, and the control bits that a guest may set for itself.
 *
 * The host tables have the same shape as in arch/x86/tables.c: the VMM's own
 * descriptors stand above ARCH_GDT_OWN with DPL 0, so what a guest can find
 * out about them is the same. There is no IDT and no TSS behind them: their
 * limits are zero, so that INT n gives #GP(n * 8 + 2) as gates of DPL 0 do,
 * and every IN and OUT gives #GP(0) as a TSS without a permission map does.
 *
 * LIMIT: no keyboard and no screen, as on a machine with a serial line only;
 * `view` in the monitor shows nothing.
 *
 * SDM vol. 3A 2.5, 3.5.2, 6.13, 7.7; vol. 1 19.5.2.
 */
#include "tests/fake/arch_hosted.h"
#include "arch/x86/defs/cpuid.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/guestregs.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/fpu.h"
#include "vmm/cpu/seg.h"
#include <string.h>

#define HOST_CR4 (CR4_PAE | CR4_PSE | CR4_PGE | CR4_UMIP)

#define GDT_LIMIT (ARCH_GDT_SLOTS * 8 - 1)
#define SLOT_CODE (ARCH_GDT_OWN + 1)
#define SLOT_DATA (ARCH_GDT_OWN + 2)
#define SLOT_TSS  (ARCH_GDT_OWN + 3)
#define SLOT_LDT  (ARCH_GDT_OWN + 5)

#define CODE64_HI (DESC_P | DESC_S | DESC_L | 0xb << DESC_TYPE_SHIFT)
#define DATA_HI   (DESC_P | DESC_S | 0x3 << DESC_TYPE_SHIFT)
#define TSS64     0x67 /* the limit of a TSS of 64-bit mode */

/* CPUID leaf 1, EDX: FPU DE PSE TSC MSR PAE CX8 PGE CMOV MMX FXSR SSE SSE2. */
#define FEATURES 0x0780a17d

#define EPOCH 1767225600u /* 2026-01-01 00:00:00 UTC, at every boot */

struct hosted hosted;
void (*arch_panic_hook)(void);

static u64 gdts[ARCH_VMS + 1][ARCH_GDT_SLOTS];
static u64 ldts[ARCH_VMS][ARCH_GDT_SLOTS];
static struct fpu fxsave[ARCH_VMS + 1];
static u64 pml4[512];
static struct arch_vcpu nobody; /* holds the VMM's own GDT */

static u64 system_slot(u32 limit, u32 type)
{
    u64 hi = DESC_P | type << DESC_TYPE_SHIFT | (limit & 0xf0000);

    return hi << 32 | (limit & 0xffff);
}

/* The VMM's own slots; the upper half of a system descriptor, with the upper
 * half of its base, is all ones below and nothing above. */
static void set_own(u64 *gdt)
{
    memset(gdt, 0, ARCH_GDT_SLOTS * sizeof(*gdt));
    gdt[SLOT_CODE] = (u64)CODE64_HI << 32;
    gdt[SLOT_DATA] = (u64)DATA_HI << 32;
    gdt[SLOT_TSS] = system_slot(TSS64, SYS_TSS32_BUSY);
    gdt[SLOT_TSS + 1] = UINT32_MAX;
}

static void load_ldt(const struct arch_vcpu *av)
{
    u64 raw = av->ldt ? av->gdt[SLOT_LDT] : 0;
    struct desc d = {(u32)raw, (u32)(raw >> 32)};

    hosted.cpu.ldtr = (struct segment){0};
    if (!raw)
        return;
    hosted.cpu.ldtr = desc_segment(SLOT_LDT << 3, d);
    hosted.cpu.ldtr.base = HOSTED_LDT;
}

static void hold(struct arch_vcpu *av)
{
    if (hosted.live)
        hosted_fpu_out(hosted.live);
    hosted_fpu_drop();
    hosted.live = av;
    load_ldt(av);
}

void hosted_reset(void)
{
    struct cpu *cpu = &hosted.cpu;

    cpu_reset_flat(cpu, 0);
    for (u32 s = 0; s < SEG_COUNT; s++)
        cpu->seg[s] = (struct segment){0};
    cpu->gdtr = (struct table_reg){HOSTED_GDT, GDT_LIMIT};
    cpu->idtr = (struct table_reg){HOSTED_IDT, 0};
    cpu->tr = (struct segment){.sel = SLOT_TSS << 3,
                               .attr = ATTR_P | SYS_TSS32_BUSY,
                               .base = HOSTED_TSS};
    arch_set_modes(0, 0);
    nobody = (struct arch_vcpu){.gdt = gdts[ARCH_VMS],
                                .fxsave = fxsave[ARCH_VMS].image};
    set_own(nobody.gdt);
    hold(&nobody);
}

void arch_vcpu_init(struct arch_vcpu *av, u32 index)
{
    *av = (struct arch_vcpu){
        .gdt = gdts[index], .ldt = ldts[index], .fxsave = fxsave[index].image};
    set_own(av->gdt);
    memset(av->ldt, 0, sizeof(ldts[index]));
    fpu_reset(&fxsave[index]);
    if (hosted.live != av)
        return;
    load_ldt(av);
    hosted_fpu_drop();
}

void arch_switch(struct arch_vcpu *av)
{
    arch_set_debug(NULL);
    if (hosted.live != av)
        hold(av);
}

void arch_forget(struct arch_vcpu *av)
{
    if (hosted.live != av)
        return;
    memset(hosted.cpu.seg, 0, sizeof(hosted.cpu.seg));
    arch_set_debug(NULL);
    hold(&nobody);
    arch_load_root(hpa(0));
}

void arch_set_ldt(struct arch_vcpu *av, u32 entries)
{
    u64 *slot = &av->gdt[SLOT_LDT];

    slot[0] = slot[1] = 0;
    if (entries) {
        slot[0] = system_slot(entries * 8 - 1, SYS_LDT);
        slot[1] = UINT32_MAX;
    }
    if (hosted.live == av)
        load_ldt(av);
}

void arch_read_segs(struct arch_vcpu *av)
{
    for (u32 s = 0; s < SEG_COUNT; s++)
        av->hw_seg[s] = hosted.cpu.seg[s].sel;
    av->hw_seg[SEG_CS] = (u16)av->hw_cs;
    av->hw_seg[SEG_SS] = (u16)av->hw_ss;
}

/* The VMM's own MOV to a segment register, in ring 0. */
static bool load_seg(u32 s, u16 sel)
{
    const struct cpu_env env = {.read = hosted_read, .write = hosted_write};
    struct cpu *cpu = &hosted.cpu;
    struct fault fault;

    cpu->cpl = 0;
    if (seg_load(cpu, &env, s, sel, &fault) == ENV_OK)
        return true;
    cpu->seg[s] = (struct segment){0};
    return false;
}

bool arch_load_segs(struct arch_vcpu *av, u32 mask)
{
    static const u8 data[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};
    bool good = true;

    for (size_t i = 0; i < ARRAY_LEN(data); i++) {
        if (mask & BIT(data[i]))
            good &= load_seg(data[i], av->hw_seg[data[i]]);
    }
    return good;
}

void arch_set_modes(u32 cr0, u32 cr4)
{
    hosted.cpu.cr0 = HOST_CR0 | (cr0 & GUEST_CR0);
    hosted.cpu.cr4 = HOST_CR4 | (cr4 & GUEST_CR4);
}

void arch_set_debug(const u32 dr[8])
{
    hosted.cpu.dr[7] = dr ? dr7_allowed(dr[7]) : DR7_FIXED;
    for (u32 n = 0; dr && n < 4; n++)
        hosted.cpu.dr[n] = dr[n];
}

u32 arch_read_dr6(void)
{
    u32 dr6 = hosted.cpu.dr[6];

    hosted.cpu.dr[6] = DR6_FIXED;
    return dr6;
}

void arch_load_root(hpa_t root)
{
    hosted.root = root;
    hosted_tlb_flush();
}

void arch_flush_page(gva_t at)
{
    hosted_tlb_flush_page(at);
}

void arch_flush_all(void)
{
    hosted_tlb_flush();
}

const u64 *arch_host_pml4(void)
{
    return pml4;
}

u64 arch_epoch(void)
{
    return EPOCH;
}

/* A processor that has what the VMM asks for, and UMIP. */
void arch_cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
    static const char vendor[12] = "TraplineHost";

    memset(out, 0, 4 * sizeof(out[0]));
    switch (leaf) {
    case CPUID_VENDOR:
        out[0] = CPUID_EXTENDED;
        out[1] = get_le32((const u8 *)vendor);
        out[3] = get_le32((const u8 *)vendor + 4);
        out[2] = get_le32((const u8 *)vendor + 8);
        break;
    case CPUID_FEATURES:
        out[0] = 0x00000680; /* family 6 */
        out[3] = FEATURES;
        break;
    case CPUID_EXTENDED:
        out[2] = subleaf ? 0 : CPUID_7C_UMIP;
        break;
    case CPUID_AMD_MAX:
        out[0] = CPUID_WIDTHS;
        break;
    case CPUID_AMD:
        out[3] = CPUID_AD_NX | CPUID_AD_LM;
        break;
    case CPUID_WIDTHS:
        out[0] = 48 << 8 | 40;
        break;
    }
}
