/* SPDX-License-Identifier: MIT
 *
 * The boot archive as bytes of the kernel: the file that the build names by
 * ARCHIVE, on pages that are mapped read-only. A kernel that carries its
 * programs needs no disk, no module and no file system; tar.c finds them.
 * LIMIT: nothing can be added without building the kernel anew.
 */
    .section .rodata
    .balign 512
    .globl archive, archive_end
archive:
    .incbin ARCHIVE
archive_end:
