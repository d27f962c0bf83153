/* SPDX-License-Identifier: MIT
 *
 * Segment descriptors and gates (SDM vol. 3A 3.4.5, 3.5, 6.11, 7.2). An
 * 8-byte descriptor is read as two words, lo and hi; DESC_ bits are bits of
 * hi. ATTR_ is hi >> 8 with the limit bits cleared, the form struct segment
 * keeps: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14, G 15.
 */
#ifndef DEFS_DESC_H
#define DEFS_DESC_H

#define SEL_RPL   0x3
#define SEL_TI    0x4
#define SEL_INDEX 0xfff8

#define DESC_TYPE_SHIFT 8
#define DESC_S          0x00001000
#define DESC_DPL_SHIFT  13
#define DESC_DPL        0x00006000
#define DESC_P          0x00008000
#define DESC_AVL        0x00100000
#define DESC_L          0x00200000
#define DESC_DB         0x00400000
#define DESC_G          0x00800000

#define ATTR_TYPE      0x000f
#define ATTR_ACCESSED  0x0001
#define ATTR_WRITABLE  0x0002 /* data */
#define ATTR_READABLE  0x0002 /* code */
#define ATTR_DOWN      0x0004 /* data: expand-down */
#define ATTR_CONFORM   0x0004 /* code: conforming */
#define ATTR_CODE      0x0008
#define ATTR_S         0x0010
#define ATTR_DPL       0x0060
#define ATTR_DPL_SHIFT 5
#define ATTR_P         0x0080
#define ATTR_AVL       0x1000
#define ATTR_L         0x2000
#define ATTR_DB        0x4000
#define ATTR_G         0x8000

/* System descriptor types (S = 0). */
#define SYS_TSS16_FREE 0x1
#define SYS_LDT        0x2
#define SYS_TSS16_BUSY 0x3
#define SYS_CALL16     0x4
#define SYS_TASK_GATE  0x5
#define SYS_INT16      0x6
#define SYS_TRAP16     0x7
#define SYS_TSS32_FREE 0x9
#define SYS_TSS32_BUSY 0xb
#define SYS_CALL32     0xc
#define SYS_INT32      0xe
#define SYS_TRAP32     0xf

/* Offsets in a 32-bit TSS, and in a 16-bit one. */
#define TSS32_LINK  0
#define TSS32_ESP0  4
#define TSS32_SS0   8
#define TSS32_CR3   28
#define TSS32_EIP   32
#define TSS32_LDT   96
#define TSS32_IOMAP 102
#define TSS32_SIZE  104
#define TSS32_TRAP  100 /* a word, of which ... */
#define TSS32_T     1   /* ... bit 0 is T */
#define TSS16_IP    14
#define TSS16_SIZE  44

#endif
