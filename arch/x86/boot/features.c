/* SPDX-License-Identifier: MIT
 *
 * Is this processor good enough? boot.S has checked long mode already; here
 * is the rest, one table row a feature, each with the reason it is needed.
 * Every 64-bit processor ever sold passes, so whoever reads these sentences
 * has configured an emulator, and the advice is for them.
 *
 * SDM vol. 2A CPUID.
 */
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/boot/tschz.h"
#include "arch/x86/defs/cpuid.h"
#include "arch/x86/machine.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

struct need {
    u32 leaf, edx;
    const char *name, *why;
};

static const struct need needs[] = {
    {CPUID_FEATURES, CPUID_1D_FPU, "x87", "each guest has an FPU of its own"},
    {CPUID_FEATURES, CPUID_1D_PSE, "PSE", "the VMM maps memory in large pages"},
    {CPUID_FEATURES, CPUID_1D_TSC, "TSC", "it is the clock of the VMM"},
    {CPUID_FEATURES, CPUID_1D_MSR, "MSR", "SYSENTER must be switched off"},
    {CPUID_FEATURES, CPUID_1D_PGE, "PGE",
     "the VMM's own mappings stay when a guest's are flushed"},
    {CPUID_FEATURES, CPUID_1D_CMOV, "CMOV", "guests may use it untrapped"},
    {CPUID_FEATURES, CPUID_1D_FXSR, "FXSR",
     "FXSAVE switches the FPU between guests"},
    {CPUID_AMD, CPUID_AD_NX, "NX", "the VMM's data must not be executable"},
};

/* The highest leaf of the range that leaf is in decides whether it exists. */
static struct cpuid leaf_or_zero(u32 leaf)
{
    if (cpuid(leaf & CPUID_AMD_MAX, 0).eax < leaf)
        return (struct cpuid){0};
    return cpuid(leaf, 0);
}

void features_check(void)
{
    for (u32 i = 0; i < ARRAY_LEN(needs); i++) {
        const struct need *n = &needs[i];
        if (leaf_or_zero(n->leaf).edx & n->edx)
            continue;
        arch_panic("this processor lacks %s, and %s. Use another processor; "
                   "in QEMU, -cpu qemu64 or -cpu max has it",
                   n->name, n->why);
    }
}

bool features_umip(void)
{
    return leaf_or_zero(CPUID_EXTENDED).ecx & CPUID_7C_UMIP;
}

bool features_apic(void)
{
    return leaf_or_zero(CPUID_FEATURES).edx & CPUID_1D_APIC;
}

bool features_mce(void)
{
    return leaf_or_zero(CPUID_FEATURES).edx & CPUID_1D_MCE;
}

bool features_pat(void)
{
    return leaf_or_zero(CPUID_FEATURES).edx & CPUID_1D_PAT;
}

u64 features_address_end(void)
{
    u32 bits = leaf_or_zero(CPUID_WIDTHS).eax & 0xff;

    return BIT64(bits >= 32 && bits <= 52 ? bits : 36);
}

u64 features_tsc_hz(void)
{
    struct cpuid tsc = leaf_or_zero(CPUID_TSC);

    return tsc_hz_said(tsc.eax, tsc.ebx, tsc.ecx, leaf_or_zero(CPUID_MHZ).eax);
}

static void put_text(char *at, u32 a, u32 b, u32 c)
{
    put_le32((u8 *)at, a);
    put_le32((u8 *)at + 4, b);
    put_le32((u8 *)at + 8, c);
}

void features_name(char name[49])
{
    struct cpuid r = cpuid(CPUID_VENDOR, 0);

    memset(name, 0, 49);
    put_text(name, r.ebx, r.edx, r.ecx);
    if (cpuid(CPUID_AMD_MAX, 0).eax < CPUID_BRAND + 2 ||
        !cpuid(CPUID_BRAND, 0).eax)
        return;
    for (u32 i = 0; i < 3; i++) {
        r = cpuid(CPUID_BRAND + i, 0);
        put_text(name + 16 * i, r.eax, r.ebx, r.ecx);
        put_le32((u8 *)name + 16 * i + 12, r.edx);
    }
}

void arch_cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
    struct cpuid r = cpuid(leaf, subleaf);

    out[0] = r.eax;
    out[1] = r.ebx;
    out[2] = r.ecx;
    out[3] = r.edx;
}
