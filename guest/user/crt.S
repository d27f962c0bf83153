/* SPDX-License-Identifier: MIT
 *
 * Where a program begins, and its one way into the kernel.
 *
 * The kernel starts it with the address of its command line on the stack.
 * skip2 is a fault handler for code that faults on purpose: the kernel
 * pushed vector, address and EIP; it goes on behind the two-byte instruction
 * that faulted. SYSCALL here is Hare's, INT 0x80.
 */
#include "guest/include/abi.h"

    .text
    .globl _start
_start: /* (%esp): the command line */
    xor %ebp, %ebp
    call program
    hlt /* program() does not return */

    .globl sys
sys: /* (number, a, b, c) */
    push %ebx
    mov 8(%esp), %eax
    mov 12(%esp), %ebx
    mov 16(%esp), %ecx
    mov 20(%esp), %edx
    int $SYS_VECTOR
    pop %ebx
    ret

    .globl skip2
skip2:
    addl $2, 8(%esp)
    add $8, %esp
    ret
