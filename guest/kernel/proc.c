/* SPDX-License-Identifier: MIT
 *
 * Processes: an address space, one kernel stack, and a turn.
 *
 * A process is in the kernel on its own stack whenever it does not run, so
 * giving way is a function call (switch.S). The order is round-robin over a
 * table; when nobody is ready the boot thread runs and halts. Because the
 * kernel is never preempted, a process that ends another one finds it at
 * rest and can take its memory at once.
 *
 * Who frees what: the end of a process frees its address space (proc_end),
 * its parent's wait frees the kernel stack and the slot (reap). Orphans go
 * to init, which waits for whatever ends.
 */
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/regs.h"
#include "guest/kernel/irqs.h"
#include "guest/kernel/kernel.h"

#define PROCS    32
#define INIT_PID 1

struct proc *current;

static struct proc procs[PROCS];
static u32 idle_esp;
static s32 next_pid = INIT_PID;

static struct proc *find(s32 pid)
{
    for (u32 i = 0; i < PROCS; i++)
        if (procs[i].state != PROC_FREE && procs[i].pid == pid)
            return &procs[i];
    return NULL;
}

/* The next ready process behind the current one, itself last. */
static struct proc *next_ready(void)
{
    u32 start = current ? (u32)(current - procs) : PROCS - 1;

    for (u32 i = 1; i <= PROCS; i++) {
        struct proc *p = &procs[(start + i) % PROCS];

        if (p->state == PROC_READY)
            return p;
    }
    return NULL;
}

/* NULL is the boot thread, which needs no address space and no TSS stack. */
static void switch_to(struct proc *next)
{
    u32 *save = current ? &current->esp : &idle_esp;
    u32 load = next ? next->esp : idle_esp;

    if (next == current)
        return;
    if (next) {
        directory_use(next->dir);
        tss_set_stack((u32)next->stack + PAGE_SIZE);
    }
    current = next;
    switch_stacks(save, load);
}

void proc_yield(void)
{
    switch_to(next_ready());
}

void proc_idle(void)
{
    boot_note_first_program();
    for (;;) {
        while (next_ready())
            proc_yield();
        u32 flags = irqs_open();
        halt();
        irqs_restore(flags);
    }
}

void sleep_on(const void *channel)
{
    current->channel = channel;
    current->state = PROC_SLEEPING;
    proc_yield();
}

void wake(const void *channel)
{
    for (u32 i = 0; i < PROCS; i++)
        if (procs[i].state == PROC_SLEEPING && procs[i].channel == channel)
            procs[i].state = PROC_READY;
}

int proc_owns(const struct proc *p, u32 va)
{
    u32 stack = USER_STACK_TOP - USER_STACK_PAGES * PAGE_SIZE;
    int heap = va >= p->heap_start && va < p->heap_end;

    return heap || (va >= stack && va < USER_STACK_TOP);
}

int proc_demand(struct proc *p, u32 va)
{
    u32 pa;

    if (!proc_owns(p, va))
        return 0;
    pa = frame_alloc();
    if (!pa)
        return 0;
    if (paging_map(p->dir, va, pa, PTE_W | PTE_U) == 0)
        return 1;
    frame_free(pa);
    return 0;
}

/* The kernel stack as if the process had called switch_stacks() out of a
 * trap; its user stack holds one word, the address of its command line. */
static void first_frame(struct proc *p, u32 user_esp)
{
    struct frame *f = (struct frame *)(p->stack + PAGE_SIZE) - 1;
    u32 *context = (u32 *)f - 5;

    *f = (struct frame){
        .es = SEL_USER_DATA,
        .ds = SEL_USER_DATA,
        .eip = p->entry,
        .cs = SEL_USER_CODE,
        .eflags = EFLAGS_ONE | EFLAGS_IF,
        .esp = user_esp,
        .ss = SEL_USER_DATA,
    };
    context[4] = (u32)trap_return;
    p->esp = (u32)context;
}

static int put_command_line(struct proc *p, const char *cmdline)
{
    u32 line = USER_STACK_TOP - CMDLINE_SIZE, *pte;
    u8 *page;

    if (!proc_demand(p, line))
        return ERR_NOMEM;
    pte = paging_entry(p->dir, line, 0);
    page = pa_to_va(*pte & PTE32_ADDR);
    str_copy((char *)page + (line & PAGE_MASK), cmdline, CMDLINE_SIZE);
    *(u32 *)(page + (line & PAGE_MASK) - sizeof(line)) = line;
    first_frame(p, line - sizeof(line));
    return 0;
}

static int build(struct proc *p, const char *cmdline)
{
    u32 stack = frame_alloc(), size, n = 0;
    const u8 *image;
    int error;

    if (!stack)
        return ERR_NOMEM;
    p->stack = pa_to_va(stack);
    while (cmdline[n] && cmdline[n] != ' ' && n < NAME_SIZE - 1) {
        p->name[n] = cmdline[n];
        n++;
    }
    p->name[n] = 0;
    image = tar_find(p->name, &size);
    if (!image)
        return ERR_NOENT;
    p->dir = directory_new();
    if (!p->dir)
        return ERR_NOMEM;
    error = elf_load(p, image, size);
    return error ? error : put_command_line(p, cmdline);
}

static void reap(struct proc *p)
{
    if (p->stack)
        frame_free(va_to_pa(p->stack));
    *p = (struct proc){0};
}

int proc_spawn(const char *cmdline, struct proc *parent)
{
    struct proc *p = procs;
    int error;

    while (p < procs + PROCS && p->state != PROC_FREE)
        p++;
    if (p == procs + PROCS)
        return ERR_NOMEM;
    *p = (struct proc){.parent = parent};
    error = build(p, cmdline);
    if (error) {
        if (p->dir)
            directory_free(p->dir);
        reap(p);
        return error;
    }
    p->pid = next_pid++;
    p->state = PROC_READY;
    return p->pid;
}

/* Children that have ended already are news to init, too. */
static void adopt_children(const struct proc *p)
{
    struct proc *init = find(INIT_PID);

    for (u32 i = 0; i < PROCS; i++) {
        if (procs[i].state == PROC_FREE || procs[i].parent != p)
            continue;
        procs[i].parent = init;
        if (procs[i].state == PROC_ENDED)
            wake(init);
    }
}

static void proc_end(struct proc *p, s32 status)
{
    if (p->pid == INIT_PID)
        panic("init ended with status %d.", status);
    if (p == current)
        directory_use(paging_kernel_directory());
    directory_free(p->dir);
    p->dir = NULL;
    p->state = PROC_ENDED;
    p->status = status;
    adopt_children(p);
    wake(p->parent);
}

void proc_exit(s32 status)
{
    proc_end(current, status);
    proc_yield();
    panic("process %d ran after its end.", current->pid);
}

int proc_kill(s32 pid)
{
    struct proc *p = find(pid);

    if (!p || p->state == PROC_ENDED)
        return ERR_SRCH;
    if (pid == INIT_PID)
        return ERR_INVAL;
    if (p == current)
        proc_exit(STATUS_KILLED);
    proc_end(p, STATUS_KILLED);
    return 0;
}

int proc_wait(s32 pid, s32 *status, u32 flags)
{
    for (;;) {
        int children = 0;

        for (u32 i = 0; i < PROCS; i++) {
            struct proc *p = &procs[i];

            if (p->state == PROC_FREE || p->parent != current ||
                (pid != WAIT_ANY && p->pid != pid))
                continue;
            children++;
            if (p->state != PROC_ENDED)
                continue;
            pid = p->pid;
            *status = p->status;
            reap(p);
            return pid;
        }
        if (!children)
            return ERR_SRCH;
        if (flags & WAIT_NOHANG)
            return ERR_AGAIN;
        sleep_on(current);
    }
}

int proc_alive(s32 pid)
{
    struct proc *p = find(pid);

    return p && p->state != PROC_ENDED;
}

int proc_row(u32 index, struct ps_entry *row)
{
    static const char *const names[] = {
        [PROC_READY] = "ready",
        [PROC_SLEEPING] = "sleeping",
        [PROC_ENDED] = "ended",
    };
    struct proc *p;

    if (index >= PROCS)
        return ERR_SRCH;
    p = &procs[index];
    *row = (struct ps_entry){0};
    if (p->state == PROC_FREE)
        return 0;
    row->pid = p->pid;
    row->parent = p->parent ? p->parent->pid : 0;
    row->pages = p->dir ? paging_user_pages(p->dir) : 0;
    str_copy(row->state, p == current ? "running" : names[p->state], NAME_SIZE);
    str_copy(row->name, p->name, NAME_SIZE);
    return 0;
}

int proc_sbrk(s32 bytes)
{
    u32 old = current->heap_end, limit = KERNEL_BASE / 2;
    u32 new = old + (u32)bytes;

    if (new < current->heap_start || new > limit || (bytes < 0) != (new < old))
        return ERR_NOMEM;
    for (u32 va = (new + PAGE_MASK) & ~(u32)PAGE_MASK; va < old;
         va += PAGE_SIZE)
        paging_unmap(current->dir, va);
    current->heap_end = new;
    return (int)old;
}
