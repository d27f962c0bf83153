/* SPDX-License-Identifier: MIT
 *
 * What becomes of an exception.
 *
 * A program's page fault may be a page's first touch: then it gets the page.
 * Any other exception is a signal to the program; if it does not handle that
 * (signal.c), it ends, and one sentence says why.
 *
 * An exception of the kernel is a bug of the kernel, and ends the machine.
 * SDM vol. 3A 4.7, 6.13, 6.15.
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/traps.h"
#include "guest/kernel/kernel.h"
#include "guest/kernel/swap.h"

#define GUARD_TOP (USER_STACK_TOP - USER_STACK_PAGES * PAGE_SIZE)
#define GUARD     (GUARD_TOP - PAGE_SIZE)
#define IDT_INDEX 3

static const char *const reasons[TRAP_EXCEPTIONS] = {
    [TRAP_DE] = "it divided by zero, or the quotient was too large",
    [TRAP_DB] = "it asked for a debug stop",
    [TRAP_BP] = "it hit a breakpoint",
    [TRAP_OF] = "its INTO found an overflow",
    [TRAP_BR] = "its BOUND found an index out of range",
    [TRAP_UD] = "it executed what is no instruction",
    [TRAP_NM] = "it used the x87, which Hare does not keep",
    [TRAP_NP] = "it loaded a segment that is not present",
    [TRAP_SS] = "its stack segment is wrong",
    [TRAP_MF] = "its x87 reported an error",
    [TRAP_AC] = "it made an unaligned access while it wanted none",
    [TRAP_XM] = "its SIMD unit reported an error",
};

static const char *page_reason(u32 address, u32 error)
{
    if (address >= KERNEL_BASE)
        return "which belongs to the kernel";
    if (address >= GUARD && address < GUARD_TOP)
        return "below its stack: the stack overflowed";
    if (error & PF_PRESENT)
        return "which is read-only";
    if (address < PAGE_SIZE)
        return "through a null pointer";
    return "where nothing is mapped";
}

static void tell_page_fault(const struct frame *f, u32 address)
{
    const char *verb = f->error & PF_WRITE ? "wrote to"
                       : f->eip == address ? "jumped to"
                                           : "read";

    printf("it %s 0x%08x, %s", verb, address, page_reason(address, f->error));
}

static void tell_protection_fault(const struct frame *f, u8 opcode)
{
    if (f->error & TRAP_ERR_IDT)
        printf("it called interrupt 0x%02x, which is the kernel's",
               f->error >> IDT_INDEX);
    else if (f->error)
        printf("it used selector 0x%04x, which it may not", f->error);
    else
        printf("it tried the privileged instruction 0x%02x", opcode);
}

/* What may sleep comes first: a sentence is not to be torn apart. */
static void tell(const struct frame *f, u32 address, int error)
{
    u8 opcode = 0;

    user_read(&opcode, ldt_linear(&current->space, f->cs, f->eip), 1);
    printf("hare: %s (pid %d) was stopped at 0x%08x: ", current->name,
           current->pid, f->eip);
    if (error == ERR_NOMEM)
        printf("it needed a page, and no page is free");
    else if (error == ERR_IO)
        printf("the disk lost a page of it");
    else if (f->vector == TRAP_PF)
        tell_page_fault(f, address);
    else if (f->vector == TRAP_GP)
        tell_protection_fault(f, opcode);
    else if (f->vector < TRAP_EXCEPTIONS && reasons[f->vector])
        printf("%s", reasons[f->vector]);
    else
        printf("exception %u, which Hare does not expect", f->vector);
    printf(".\n");
}

void fault_user(struct frame *f)
{
    u32 address = f->vector == TRAP_PF ? read_cr2() : 0;
    int error = ERR_FAULT;

    if (f->vector == TRAP_PF)
        error = space_fault(&current->space, address, f->error);
    else if (f->vector == TRAP_DB && lab_stepped(f))
        return;
    if (error == 0 || current->pending & 1u << SIG_KILL ||
        signal_fault(f, address))
        return;
    tell(f, address, error);
    proc_exit(STATUS_KILLED - (s32)signal_of(f->vector));
}

void fault_return(struct frame *f)
{
    printf("hare: %s (pid %d) was stopped: it went on with selector 0x%04x, "
           "which it may not.\n",
           current->name, current->pid, f->error);
    proc_exit(STATUS_KILLED - SIG_SEGV);
}

void fault_kernel(struct frame *f)
{
    panic("exception %u in the kernel at 0x%08x, error code 0x%x, address "
          "0x%08x.",
          f->vector, f->eip, f->error, f->vector == TRAP_PF ? read_cr2() : 0);
}
