/* SPDX-License-Identifier: MIT
 *
 * Page-table entries. The low bits are the same in the guest's 32-bit
 * two-level format (SDM vol. 3A 4.3) and in the host's 64-bit four-level
 * format (4.5); NX and the wide address exist only in the latter.
 */
#ifndef DEFS_PTE_H
#define DEFS_PTE_H

#define PTE_P     0x001 /* present */
#define PTE_W     0x002 /* writable */
#define PTE_U     0x004 /* user */
#define PTE_PWT   0x008
#define PTE_PCD   0x010
#define PTE_A     0x020 /* accessed */
#define PTE_D     0x040 /* dirty */
#define PTE_PS    0x080 /* in a directory: a large page */
#define PTE_PAT   0x080 /* in a table: bit 2 of the memory type */
#define PTE_G     0x100 /* global */
#define PTE_AVAIL 0xe00 /* software's own */

#define PTE32_ADDR  0xfffff000
#define PDE32_LARGE 0xffc00000 /* 4 MiB page: address bits 31:22 */
#define PDE32_PSE36 0x001fe000 /* 4 MiB page: address bits 39:32, PSE-36 */
#define PDE32_RSVD  0x00200000 /* 4 MiB page: always reserved */
#define PDE32_PAT   0x00001000 /* 4 MiB page: reserved without PAT */
#define PTE32_PAT   0x00000080 /* 4 KiB page: reserved without PAT */

#define PTE64_ADDR 0x000ffffffffff000
#define PTE64_NX   0x8000000000000000

#define LARGE32_SIZE 0x400000

#endif
