/* SPDX-License-Identifier: MIT
 *
 * The Linux/x86 boot protocol: offsets in the setup header of a kernel image,
 * which are those in struct boot_params as well, and the fields of
 * boot_params around it (Linux, Documentation/arch/x86/boot.rst and
 * zero-page.rst; arch/x86/include/uapi/asm/bootparam.h, screen_info.h).
 */
#ifndef DEFS_LINUX_H
#define DEFS_LINUX_H

/* The setup header. Behind each the protocol it came with, from 2.03 on. */
#define LINUX_SETUP_SECTS 0x1f1
#define LINUX_SYSSIZE     0x1f4 /* of the kernel proper, 16 bytes each */
#define LINUX_BOOT_FLAG   0x1fe
#define LINUX_JUMP        0x201 /* header ends so many bytes behind 0x202 */
#define LINUX_MAGIC       0x202
#define LINUX_VERSION     0x206
#define LINUX_LOADER      0x210
#define LINUX_LOADFLAGS   0x211
#define LINUX_CODE32      0x214
#define LINUX_INITRD      0x218
#define LINUX_INITRD_SIZE 0x21c
#define LINUX_CMDLINE     0x228
#define LINUX_INITRD_MAX  0x22c /* 2.03: highest address of its last byte */
#define LINUX_ALIGNMENT   0x230 /* 2.05 */
#define LINUX_RELOCATABLE 0x234 /* 2.05 */
#define LINUX_MIN_ALIGN   0x235 /* 2.10: as a power of two */
#define LINUX_CMDLINE_MAX 0x238 /* 2.06: without the terminator */
#define LINUX_PREFERRED   0x258 /* 2.10: 64 bits */
#define LINUX_INIT_SIZE   0x260 /* 2.10 */
#define LINUX_END_2_06    0x23c
#define LINUX_END_2_10    0x264

#define LINUX_BOOT_MAGIC    0xaa55
#define LINUX_HDRS          0x53726448 /* "HdrS" */
#define LINUX_LOADED_HIGH   0x01
#define LINUX_SECTOR        512
#define LINUX_SETUP_DEFAULT 4 /* what 0 in LINUX_SETUP_SECTS means */
#define LINUX_OTHER_LOADER  0xff

/* struct boot_params: the screen, memory, the header's copy, the map. */
#define PARAMS_VIDEO_MODE   0x006 /* u8 */
#define PARAMS_VIDEO_COLS   0x007 /* u8 */
#define PARAMS_VIDEO_EGA    0x00a /* u16: BX of INT 10h AH=12h BL=10h */
#define PARAMS_VIDEO_LINES  0x00e /* u8 */
#define PARAMS_VIDEO_VGA    0x00f /* u8: is one */
#define PARAMS_VIDEO_POINTS 0x010 /* u16: of a character's height */
#define PARAMS_ALT_MEM_K    0x1e0 /* u32: KiB from 1 MiB on */
#define PARAMS_E820_ENTRIES 0x1e8 /* u8 */
#define PARAMS_HEADER_END   0x290
#define PARAMS_E820         0x2d0
#define PARAMS_SIZE         4096

/* A range of the map: start, bytes (64 bits each), type. */
#define E820_BYTES 8
#define E820_TYPE  16
#define E820_SIZE  20

/* The segments at the kernel's entry. */
#define LINUX_BOOT_CS 0x10
#define LINUX_BOOT_DS 0x18

#endif
