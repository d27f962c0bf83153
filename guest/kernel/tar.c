/* SPDX-License-Identifier: MIT
 *
 * The boot archive: programs in a ustar file, which the build puts into the
 * kernel's constants. A file is a header of 512 bytes and its content,
 * padded to 512; the name comes first, the size is octal text at 124, the
 * word "ustar" stands at 257, and an empty name ends the archive. fs.c makes
 * an inode of every file, once, at boot. POSIX.1-1988, ustar interchange
 * format.
 */
#include "guest/kernel/kernel.h"

#define BLOCK    512
#define SIZE_AT  124
#define SIZE_LEN 12
#define MAGIC_AT 257
#define NAME_LEN 100

extern const u8 archive[], archive_end[];

static u32 parse_octal(const u8 *s, u32 n)
{
    u32 value = 0;

    for (u32 i = 0; i < n && s[i] >= '0' && s[i] <= '7'; i++)
        value = value * 8 + (u32)(s[i] - '0');
    return value;
}

const u8 *tar_next(u32 *at, const char **name, u32 *size)
{
    const u8 *head = archive + *at;

    if (head + BLOCK > archive_end || !*head)
        return NULL;
    *name = (const char *)head;
    *size = parse_octal(head + SIZE_AT, SIZE_LEN);
    if (memcmp(head + MAGIC_AT, "ustar", 5) != 0 || head[NAME_LEN - 1] != 0 ||
        *size > (u32)(archive_end - head) - BLOCK)
        panic("the boot archive is damaged at byte %u.", *at);
    *at += BLOCK + (*size + BLOCK - 1) / BLOCK * BLOCK;
    return head + BLOCK;
}
