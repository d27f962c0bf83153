/* SPDX-License-Identifier: MIT
 *
 * Model-specific registers by index, and the bits of EFER: those that the VMM
 * sets for itself at boot, and those that it emulates for guests (SDM vol. 4,
 * table 2-2).
 */
#ifndef DEFS_MSR_H
#define DEFS_MSR_H

#define MSR_TSC          0x00000010
#define MSR_APIC_BASE    0x0000001b
#define MSR_SYSENTER_CS  0x00000174
#define MSR_SYSENTER_ESP 0x00000175
#define MSR_SYSENTER_EIP 0x00000176
#define MSR_PAT          0x00000277
#define MSR_X2APIC       0x00000800 /* the local APIC's registers, 1 for 16 */
#define MSR_EFER         0xc0000080
#define MSR_FS_BASE      0xc0000100
#define MSR_GS_BASE      0xc0000101

#define EFER_SCE 0x001
#define EFER_LME 0x100
#define EFER_LMA 0x400
#define EFER_NXE 0x800

#endif
