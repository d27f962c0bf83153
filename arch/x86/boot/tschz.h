/* SPDX-License-Identifier: MIT
 *
 * The frequency of the TSC, as far as CPUID says it. Leaf 15h gives the
 * crystal's frequency and the ratio of TSC to crystal; where it leaves the
 * crystal out, leaf 16h gives the base frequency in MHz, which is the rate of
 * the TSC on those processors. Leaves that are not there are all zero.
 *
 * SDM vol. 2A CPUID (leaves 15h, 16h), vol. 3B 18.7.3.
 */
#ifndef X86_TSCHZ_H
#define X86_TSCHZ_H

#include "vmm/base/types.h"

/* eax, ebx, ecx: of leaf 15h; mhz: leaf 16h, EAX. 0: not said. */
static inline u64 tsc_hz_said(u32 eax, u32 ebx, u32 ecx, u32 mhz)
{
    if (!eax || !ebx)
        return 0;
    if (ecx)
        return (u64)ecx * ebx / eax;
    return (u64)(mhz & 0xffff) * 1000000;
}

#endif
