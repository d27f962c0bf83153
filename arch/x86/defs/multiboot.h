/* SPDX-License-Identifier: MIT
 *
 * Multiboot 1 and 2: magics, flags, and offsets in the structures a loader
 * and a kernel share (Multiboot 0.6.96 sections 3.1-3.3; Multiboot2 2.0
 * sections 3.1 and 3.6). The VMM is on both sides: it is loaded by GRUB, and
 * it loads its guests.
 */
#ifndef DEFS_MULTIBOOT_H
#define DEFS_MULTIBOOT_H

/* The header in a kernel image. */
#define MB1_HEADER_MAGIC  0x1badb002
#define MB1_HEADER_SEARCH 8192
#define MB1_HEADER_ALIGN  0x00000001 /* modules on page boundaries */
#define MB1_HEADER_MEMORY 0x00000002 /* wants the memory fields */
#define MB1_HEADER_VIDEO  0x00000004
#define MB1_HEADER_MUST   0x0000ffff /* these flags must be understood */

/* What the loader leaves in EAX. */
#define MB1_BOOT_MAGIC 0x2badb002
#define MB2_BOOT_MAGIC 0x36d76289

/* Multiboot 1 information: flags, then offsets. */
#define MB1_INFO_MEMORY  0x001
#define MB1_INFO_CMDLINE 0x004
#define MB1_INFO_MODS    0x008
#define MB1_INFO_MMAP    0x040
#define MB1_INFO_LOADER  0x200
#define MB1_INFO_SCREEN  0x1000

#define MB1_FLAGS      0
#define MB1_MEM_LOWER  4 /* KiB below 1 MiB */
#define MB1_MEM_UPPER  8 /* KiB above 1 MiB */
#define MB1_CMDLINE    16
#define MB1_MODS_COUNT 20
#define MB1_MODS_ADDR  24
#define MB1_MMAP_LEN   44
#define MB1_MMAP_ADDR  48
#define MB1_LOADER     64
#define MB1_INFO_SIZE  88
#define MB1_SCREEN     88 /* behind it, when the flag is set */

/* A module: start, end, string, reserved. */
#define MB1_MOD_START  0
#define MB1_MOD_END    4
#define MB1_MOD_STRING 8
#define MB1_MOD_SIZE   16

/* A memory range: size (of what follows), base, length, type. */
#define MB1_MMAP_BASE  4
#define MB1_MMAP_BYTES 12
#define MB1_MMAP_TYPE  20
#define MB1_MMAP_SIZE  24

/* Multiboot 2 information: total size, reserved, tags on 8 bytes. */
#define MB2_TAG_END      0
#define MB2_TAG_CMDLINE  1
#define MB2_TAG_LOADER   2
#define MB2_TAG_MODULE   3
#define MB2_TAG_MEMORY   4
#define MB2_TAG_MMAP     6
#define MB2_TAG_SCREEN   8
#define MB2_TAG_EFI32    11
#define MB2_TAG_EFI64    12
#define MB2_TAG_ACPI_OLD 14 /* a copy of the RSDP: version 1 */
#define MB2_TAG_ACPI_NEW 15 /* and later */
#define MB2_TAG_EFIMAP   17
#define MB2_TAG_HEAD     8 /* type, size */
#define MB2_MOD_START    8
#define MB2_MOD_END      12
#define MB2_MOD_STRING   16
#define MB2_MEM_LOWER    8 /* KiB below 1 MiB */
#define MB2_MEM_UPPER    12
#define MB2_MMAP_ENTRY   8 /* size of an entry */
#define MB2_MMAP_FIRST   16

/* An entry of the UEFI memory map (UEFI 2.10 section 7.2.3), in a tag of the
 * same shape as the memory map's. */
#define EFI_TYPE         0
#define EFI_START        8
#define EFI_PAGES        24 /* of 4 KiB */
#define EFI_ATTRIBUTE    32
#define EFI_SIZE         40
#define EFI_LOADER_CODE  1 /* to 4, boot services data: free after boot */
#define EFI_BOOT_DATA    4
#define EFI_CONVENTIONAL 7
#define EFI_RUNTIME      0x8000000000000000 /* attribute: used after boot */

/* The screen: the same fields from MB1_SCREEN and behind the tag's head, but
 * for where the places of the colours stand. */
#define MB_SCREEN_AT     0
#define MB_SCREEN_PITCH  8
#define MB_SCREEN_WIDTH  12
#define MB_SCREEN_HEIGHT 16
#define MB_SCREEN_DEPTH  20
#define MB_SCREEN_TYPE   21
#define MB1_SCREEN_RGB   22 /* red: first bit, bits; green; blue */
#define MB2_SCREEN_RGB   24
#define MB_SCREEN_SIZE   22 /* without the colours */
#define MB_RGB_SIZE      6
#define MB_TYPE_PALETTE  0
#define MB_TYPE_RGB      1
#define MB_TYPE_TEXT     2

#define MB_RAM      1 /* the type of usable memory, in both */
#define MB_RESERVED 2

#endif
