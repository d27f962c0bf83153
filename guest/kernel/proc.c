/* SPDX-License-Identifier: MIT */
#include "guest/kernel/kernel.h"
struct proc *current;
void proc_yield(void)
{
}
int proc_spawn(const char *c, struct proc *p)
{
    return -1;
}
void proc_idle(void)
{
    for (;;)
        halt();
}
void sleep_on(const void *c)
{
}
void wake(const void *c)
{
}
void fault_user(struct frame *f)
{
    panic("user fault");
}
void fault_kernel(struct frame *f)
{
    panic("exception %u in the kernel at 0x%08x, error 0x%x, address 0x%08x.",
          f->vector, f->eip, f->error, read_cr2());
}
