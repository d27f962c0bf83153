/* SPDX-License-Identifier: MIT
 *
 * Watching exits live: a line on the console for each exit of the kinds that
 * a VM's trace= names.
 *
 *   trace alpha 0.004211 privileged  0008:c0100a1c  mov cr3, eax
 *   trace alpha 0.004630 softint     001b:08048123  int 0x80 -> 0008:c01004a0
 *   trace alpha 0.004702 page-fill   0008:c0101f00  mov ... at 0xc0105ffc
 *
 * A VM that is not traced pays nothing: the loop calls exit_line() instead
 * of exit_handle() for traced VMs only. What an exit was is read off the
 * counters that exit_handle() keeps anyway.
 *
 * LIMIT: a line takes longer to print than the exit itself, so the times of a
 * traced VM are those of the console.
 */
#ifndef VM_EXITLINE_H
#define VM_EXITLINE_H

struct vm;

/* Handles the exit as exit_handle() does, and prints it when its kind is
 * among vm->config.trace. */
void exit_line(struct vm *vm);

#endif
