/* SPDX-License-Identifier: MIT
 *
 * The boot sector: 512 bytes from a PC's first instruction of ours to Hare.
 *
 * The firmware reads sector 0 of the disk to 0x7c00 and jumps there, in real
 * mode, where an address is segment times sixteen plus offset. That reaches
 * 0xffff * 16 + 0xffff, just beyond 1 MiB; the first PCs had 20 address lines
 * and wrapped round to 0, so later ones hold the 21st, A20, low until they
 * are asked not to. Here the two ends of one such address are compared.
 *
 * Then two flat segments, CR0.PE, and a far jump, which loads CS: protected
 * mode. No firmware can be called any more, nor is it needed: memory is what
 * the clock chip's RAM says, and a disk is read through its ports, one sector
 * a command. Sector 1 (guest/include/disk.h) says where the kernel is; every
 * segment of that ELF file goes where it wants to be and is checked to lie
 * in the RAM above 1 MiB. The kernel then finds what a multiboot loader would
 * have left: magic, memory size, the command line out of the header.
 *
 *   0x07c00  this       0x08000  the kernel's first sector
 *   0x07e00  sector 1   0x08200  multiboot information
 *
 * Whatever goes wrong is said on the screen and on COM1, and then the machine
 * halts. Not a byte is left: 510 and the signature. LIMIT: the master on the
 * primary IDE channel, by LBA, so no PC without one (QEMU's q35); A20 by port
 * 0x92, which every PC with PCI has, not by the keyboard controller.
 *
 * SDM vol. 3A 9.9.1 (switching to protected mode); ATA/ATAPI-6 8.34 (READ
 * SECTORS), 9.5 (PIO data-in protocol); Multiboot 0.6.96 3.3.
 */
#include "arch/x86/defs/ata.h"
#include "arch/x86/defs/multiboot.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/regs.h"
#include "guest/include/disk.h"

#define ORIGIN 0x7c00
#define HEADER 0x7e00
#define KERNEL 0x8000
#define INFO   0x8200

#define SEGMENT_CODE 0x08
#define SEGMENT_DATA 0x10

#define A20_FAST  0x02 /* port 0x92; */
#define RESET     0x01 /* the same */
#define LSR       5
#define LSR_EMPTY 0x20
#define ATTRIBUTE 0x4f /* white on red */

/* High bytes of words in the clock chip's RAM. */
#define CMOS_EXT  0x31 /* KiB above 1 MiB */
#define CMOS_HIGH 0x35 /* 64 KiB units above 16 MiB */
#define LOW_KIB   640

#define LBA   0xe0000000 /* over the sector: its number is all there is */
#define TRIES 0x200000
#define WRONG (ATA_STATUS_DF | ATA_STATUS_ERR)

#define ELF_MAGIC   0x464c457f
#define ELF_EXEC386 0x00030002 /* e_type, e_machine */
#define ELF_TYPE    16
#define ELF_ENTRY   24
#define ELF_PHOFF   28
#define ELF_PHNUM   44
#define ELF_HEAD    52
#define PH_SIZE     32
#define PH_MOST     ((DISK_SECTOR - ELF_HEAD) / PH_SIZE)
#define PH_LOAD     1
#define PH_OFFSET   4
#define PH_PADDR    12
#define PH_FILESZ   16
#define PH_MEMSZ    20

    .text
    .globl boot_sector
    .code16
boot_sector:
    cli
    cld
    xor %ax, %ax /* CS may be 0x07c0: until the far jump no matter */
    mov %ax, %ds
    dec %ax
    mov %ax, %fs

    /* BP is 0 if 0xffff:0x7c10 is another place than 0:0x7c00. */
    in $PORT_SYS_A, %al
    or $A20_FAST, %al
    and $~RESET, %al
    out %al, $PORT_SYS_A
    mov ORIGIN, %ax
    notw %fs:ORIGIN + 0x10
    xor ORIGIN, %ax
    xchg %ax, %bp

    lgdt gdt
    mov %cr0, %eax
    inc %ax /* CR0_PE */
    mov %eax, %cr0
    ljmp $SEGMENT_CODE, $1f

    .code32
1:  mov $SEGMENT_DATA, %ax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $ORIGIN, %esp
    xor %ebx, %ebx

    /* BL says what is wrong if it goes wrong now. */
    mov $why_a20 - why, %bl
    test %bp, %bp
    jnz fail

    /* The header. */
    mov $HEADER, %edi
    mov %edi, %esi
    push $DISK_HEADER_SECTOR /* which is 1 */
    pop %eax
    mov %eax, %ecx
    call read
    mov $why_header - why, %bl
    cmpl $DISK_MAGIC_0, (%esi)
    jne fail
    mov DISK_KERNEL_START(%esi), %ebp
    mov $DISK_SECTOR / 4, %cl /* 0 behind read() */
    xor %edx, %edx
2:  lodsl
    add %eax, %edx
    loop 2b
    jnz fail

    /* The kernel's first sector: ELF header and program headers. */
    mov %ebp, %eax
    inc %ecx
    call read
    mov $why_kernel - why, %bl
    cmpl $ELF_MAGIC, (%esi)
    jne fail
    cmpl $ELF_EXEC386, ELF_TYPE(%esi)
    jne fail
    cmpl $ELF_HEAD, ELF_PHOFF(%esi)
    jne fail
    mov ELF_PHNUM(%esi), %cx
    dec %ecx
    cmp $PH_MOST, %ecx
    jae fail
    inc %ecx
    add $ELF_HEAD, %esi
    jmp information

    /* ECX sectors from sector EAX on to EDI; ECX is 0 behind it. The firmware
     * has left the disk idle, and so does each block's last word; the 400 ns
     * until BSY can be believed pass while the port is read. */
read:
    jecxz 4f
1:  push %ecx
    push %eax
    mov $PORT_ATA + ATA_COUNT, %edx
    push %eax
    mov $1, %al
    out %al, %dx
    pop %eax
    or $LBA, %eax
2:  inc %edx
    out %al, %dx
    shr $8, %eax
    jnz 2b
    inc %edx
    mov $ATA_READ, %al
    out %al, %dx
    mov $TRIES, %ecx
3:  in %dx, %al /* BSY may come late, 400 ns behind the command */
    test $ATA_STATUS_DRQ | WRONG, %al
    loopz 3b
    and $ATA_STATUS_BSY | WRONG | ATA_STATUS_DRQ, %al
    cmp $ATA_STATUS_DRQ, %al
    jne 5f
    mov $PORT_ATA & 0xff, %dl
    xor %ecx, %ecx
    inc %ch
    rep insw
    pop %eax
    inc %eax
    pop %ecx
    loop 1b
4:  ret
5:  mov $why_disk - why, %bl

fail:
    mov $why, %esi
    mov $VGA_TEXT, %edi
    call print
    lea why(%ebx), %esi
    call print
6:  hlt
    jmp 6b

    /* EDI is there by now. */
information:
    push $MB1_INFO_MEMORY | MB1_INFO_CMDLINE
    pop %eax
    stosl
    mov $LOW_KIB, %ax
    stosl
    mov $CMOS_HIGH, %al
    call cmos
    shl $6, %eax
    lea 15 * 1024(%eax), %eax
    jnz 3f
    mov $CMOS_EXT, %al
    call cmos
3:  stosl
    stosl
    mov $HEADER + DISK_CMDLINE, %ax
    stosl

    /* The segments, one after the other: ESI is at a program header. */
4:  push %ecx
    cmpl $PH_LOAD, (%esi)
    jne 5f
    mov PH_PADDR(%esi), %edi
    mov PH_FILESZ(%esi), %ecx
    cmp PH_MEMSZ(%esi), %ecx
    ja fail
    mov %edi, %edx
    sub $HIGH_MEMORY, %edx
    jb fail
    add PH_MEMSZ(%esi), %edx
    jc fail
    shr $10, %edx
    cmp INFO + MB1_MEM_UPPER, %edx
    jae fail
    mov PH_OFFSET(%esi), %eax
    test $DISK_SECTOR - 1, %eax
    jnz fail
    shr $9, %eax
    add %ebp, %eax
    neg %ecx
    sar $9, %ecx
    neg %ecx /* rounded up */
    call read
    mov PH_PADDR(%esi), %edi
    mov PH_MEMSZ(%esi), %ecx
    mov PH_FILESZ(%esi), %eax
    add %eax, %edi
    sub %eax, %ecx
    xor %eax, %eax
    rep stosb
5:  pop %ecx
    add $PH_SIZE, %esi
    loop 4b
    mov $MB1_BOOT_MAGIC, %eax
    mov $INFO, %ebx
    jmp *KERNEL + ELF_ENTRY

print:
    lodsb
    test %al, %al
    jz 2f
    mov $ATTRIBUTE, %ah
    stosw
    mov %edi, %ecx /* long enough for a byte */
    mov $PORT_COM1 + LSR, %edx
    xchg %eax, %ebp
1:  in %dx, %al
    test $LSR_EMPTY, %al
    loopz 1b
    mov $PORT_COM1 & 0xff, %dl
    xchg %eax, %ebp
    out %al, %dx
    jmp print
2:  ret

    /* The word of the clock's RAM whose high byte is AL: in AX. */
cmos:
    mov %al, %dl
    out %al, $PORT_CMOS_INDEX
    in $PORT_CMOS_DATA, %al
    mov %al, %ah
    dec %edx
    mov %dl, %al
    out %al, $PORT_CMOS_INDEX
    in $PORT_CMOS_DATA, %al
    ret

    /* The first descriptor is never looked at; so it says where the table
     * is. */
gdt:
    .word 3 * 8 - 1
    .long gdt
    .word 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff

why:
    .asciz "Hare: bad "
why_a20:
    .asciz "A20"
why_disk:
    .asciz "disk"
why_header:
    .asciz "header"
why_kernel:
    .asciz "kernel"

boot_end:
    .org 510
    .word 0xaa55
