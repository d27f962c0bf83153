/* SPDX-License-Identifier: MIT
 *
 * The boot archive as bytes of the kernel. The build says where it is.
 */
    .section .rodata
    .balign 512
    .globl archive, archive_end
archive:
    .incbin ARCHIVE
archive_end:
