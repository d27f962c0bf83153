/* SPDX-License-Identifier: MIT
 *
 * From one kernel stack to another: the whole context switch.
 *
 * A process that gives way is inside the kernel, in a call of this function;
 * so the caller-saved registers are its compiler's business, its user
 * registers lie in the trap frame further up its stack, and only these five
 * words are left to keep:
 *
 *   return address, EBP, EBX, ESI, EDI   <- the saved ESP
 *
 * A new process gets a stack that looks as if it had called, with
 * trap_return as the return address. The page directory and TSS are changed
 * by the caller; kernel addresses mean the same in all of them.
 */
    .text
    .globl switch_stacks
switch_stacks: /* (u32 *save_esp, u32 load_esp) */
    mov 4(%esp), %eax
    mov 8(%esp), %edx
    push %ebp
    push %ebx
    push %esi
    push %edi
    mov %esp, (%eax)
    mov %edx, %esp
    pop %edi
    pop %esi
    pop %ebx
    pop %ebp
    ret
