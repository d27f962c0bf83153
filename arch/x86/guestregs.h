/* SPDX-License-Identifier: MIT
 *
 * What of the real control and debug registers is the running guest's, and
 * what stays the VMM's. The machine (vcpu.c) and the hosted one
 * (tests/fake/arch_hosted.c) put registers together by the same rule.
 *
 * SDM vol. 3A 2.5, vol. 3B 17.2.4.
 */
#ifndef ARCH_X86_GUESTREGS_H
#define ARCH_X86_GUESTREGS_H

#include "arch/x86/defs/regs.h"
#include "vmm/base/types.h"

#define HOST_CR0  (CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_PE)
#define GUEST_CR0 (CR0_TS | CR0_EM | CR0_MP | CR0_AM)
#define GUEST_CR4 (CR4_TSD | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_DE)

/* Enable bits of I/O breakpoints and GD taken out. */
static inline u32 dr7_allowed(u32 dr7)
{
    u32 enable = dr7 & DR7_ENABLE;

    for (u32 n = 0; n < 4; n++) {
        if ((dr7 >> DR7_RW_SHIFT(n) & 3) == DR7_RW_IO)
            enable &= ~(3u << 2 * n);
    }
    return enable ? (dr7 & 0xffff0000) | enable | DR7_FIXED : DR7_FIXED;
}

#endif
