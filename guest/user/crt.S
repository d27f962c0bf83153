/* SPDX-License-Identifier: MIT
 *
 * Where a program begins, and its one way into the kernel.
 *
 * The kernel starts it with the address of its command line on the stack.
 * A signal handler is called with the signal and the registers it interrupted
 * (abi.h); it returns to signal_return, which gives those back to the kernel.
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

    .globl signal_return
signal_return: /* where a handler returns to: signal number, &sigframe */
    pop %ebx
    pop %ebx
    mov $SYS_SIGRETURN, %eax
    int $SYS_VECTOR
    hlt /* the frame was no good */
