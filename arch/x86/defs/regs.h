/* SPDX-License-Identifier: MIT
 *
 * EFLAGS, control and debug register bits (SDM vol. 1 3.4.3, vol. 3A 2.5 and
 * 19.2). Plain numbers: usable from assembly, C, guests and tests.
 */
#ifndef DEFS_REGS_H
#define DEFS_REGS_H

#define EFLAGS_CF         0x00000001
#define EFLAGS_ONE        0x00000002 /* always reads one */
#define EFLAGS_PF         0x00000004
#define EFLAGS_AF         0x00000010
#define EFLAGS_ZF         0x00000040
#define EFLAGS_SF         0x00000080
#define EFLAGS_TF         0x00000100
#define EFLAGS_IF         0x00000200
#define EFLAGS_DF         0x00000400
#define EFLAGS_OF         0x00000800
#define EFLAGS_IOPL       0x00003000
#define EFLAGS_IOPL_SHIFT 12
#define EFLAGS_NT         0x00004000
#define EFLAGS_RF         0x00010000
#define EFLAGS_VM         0x00020000
#define EFLAGS_AC         0x00040000
#define EFLAGS_VIF        0x00080000
#define EFLAGS_VIP        0x00100000
#define EFLAGS_ID         0x00200000
#define EFLAGS_STATUS     0x000008d5 /* CF PF AF ZF SF OF */
#define EFLAGS_DEFINED    0x003f7fd7 /* all that are not reserved */

#define CR0_PE 0x00000001
#define CR0_MP 0x00000002
#define CR0_EM 0x00000004
#define CR0_TS 0x00000008
#define CR0_ET 0x00000010
#define CR0_NE 0x00000020
#define CR0_WP 0x00010000
#define CR0_AM 0x00040000
#define CR0_NW 0x20000000
#define CR0_CD 0x40000000
#define CR0_PG 0x80000000

#define CR4_VME        0x00000001
#define CR4_PVI        0x00000002
#define CR4_TSD        0x00000004
#define CR4_DE         0x00000008
#define CR4_PSE        0x00000010
#define CR4_PAE        0x00000020
#define CR4_MCE        0x00000040
#define CR4_PGE        0x00000080
#define CR4_PCE        0x00000100
#define CR4_OSFXSR     0x00000200
#define CR4_OSXMMEXCPT 0x00000400
#define CR4_UMIP       0x00000800
#define CR4_OSXSAVE    0x00040000
#define CR4_SMEP       0x00100000
#define CR4_SMAP       0x00200000

#define DR6_FIXED  0xffff0ff0
#define DR6_HITS   0x0000000f /* B0 to B3 */
#define DR6_BD     0x00002000
#define DR6_BS     0x00004000
#define DR6_BT     0x00008000
#define DR7_FIXED  0x00000400
#define DR7_ENABLE 0x000000ff
#define DR7_GD     0x00002000

/* DR7: what breakpoint n waits for, and how many bytes of it. */
#define DR7_RW_SHIFT(n)  (16 + 4 * (n))
#define DR7_RW_EXECUTE   0
#define DR7_RW_WRITE     1
#define DR7_RW_IO        2
#define DR7_RW_ACCESS    3
#define DR7_LEN_SHIFT(n) (18 + 4 * (n))

#endif
