/* SPDX-License-Identifier: MIT
 *
 * The life of a process: made, changed into another program, ended, waited
 * for.
 *
 * Fork makes a second process that differs in one register; exec changes the
 * program of one, and on any error leaves it as it was, because the new
 * address space is complete before the old one goes.
 *
 * Who frees what: a process that ends gives back its memory itself
 * (proc_exit); its kernel stack, on which it still stands, and its slot are
 * freed by the parent that waits for it (proc_reap). Orphans go to init,
 * which waits for whatever ends. Init itself cannot be killed, and if it
 * ends nobody is left to run anything: that is the end of the machine.
 */
#include "arch/x86/defs/regs.h"
#include "guest/kernel/file.h"
#include "guest/kernel/kernel.h"
#include "guest/kernel/swap.h"
#include "guest/kernel/turns.h"

/* A new address space that is about to run the command line's first word:
 * its registers, and one word on its stack, the command line's address. */
static int load(struct space *s, const char *cmdline, struct frame *f)
{
    u32 line = USER_STACK_TOP - CMDLINE_SIZE;
    u8 *at = space_byte(s, line, 1);

    if (!at)
        return ERR_NOMEM;
    str_copy((char *)at, cmdline, CMDLINE_SIZE);
    *(u32 *)(at - sizeof(line)) = line;
    *f = (struct frame){
        .es = SEL_USER_DATA,
        .ds = SEL_USER_DATA,
        .eip = f->eip,
        .cs = SEL_USER_CODE,
        .eflags = EFLAGS_ONE | EFLAGS_IF,
        .esp = line - sizeof(line),
        .ss = SEL_USER_DATA,
    };
    return 0;
}

static int build(struct space *s, char name[NAME_SIZE], const char *cmdline,
                 struct frame *f)
{
    struct inode *file;
    u32 n = 0;
    int error;

    while (cmdline[n] && cmdline[n] != ' ') {
        if (n == NAME_SIZE - 1)
            return ERR_NOENT;
        name[n] = cmdline[n];
        n++;
    }
    name[n] = 0;
    file = fs_find(name);
    if (!file)
        return ERR_NOENT;
    error = space_new(s);
    if (!error)
        error = elf_load(s, file, &f->eip);
    inode_drop(file);
    if (!error)
        error = load(s, cmdline, f);
    if (error)
        space_free(s);
    return error;
}

int proc_init(const char *cmdline)
{
    struct proc *p = proc_new();
    int error;

    if (!p)
        return ERR_NOMEM;
    error = build(&p->space, p->name, cmdline, proc_frame(p));
    if (error)
        return error;
    files_init(p->files);
    proc_start(p);
    return 0;
}

int proc_fork(void)
{
    struct proc *p = proc_new();

    if (!p)
        return ERR_NOMEM;
    p->parent = current;
    str_copy(p->name, current->name, NAME_SIZE);
    signal_fork(p);
    if (space_fork(&p->space, &current->space)) {
        proc_reap(p);
        return ERR_NOMEM;
    }
    *proc_frame(p) = *proc_frame(current);
    proc_frame(p)->eax = 0;
    files_fork(p->files, current->files);
    proc_start(p);
    return p->pid;
}

/* Nothing may sleep between load(), which makes the new stack's page, and the
 * moment the new space is the process's: the swapper looks for it there. */
int proc_exec(const char *cmdline)
{
    struct space fresh, old;
    char name[NAME_SIZE];
    struct frame first;
    int error = build(&fresh, name, cmdline, &first);

    if (error)
        return error;
    lab_end(&current->space);
    old = current->space;
    current->space = fresh;
    drop_fs_gs();
    space_use(&current->space);
    space_free(&old);
    str_copy(current->name, name, NAME_SIZE);
    signal_exec();
    *proc_frame(current) = first;
    return 0;
}

/* Children that have ended already are news to init, too. */
static void adopt_children(const struct proc *p)
{
    struct proc *init = proc_find(INIT_PID), *child;

    for (u32 i = 0; i < PROCS; i++) {
        child = proc_at(i);
        if (!child || child->parent != p)
            continue;
        child->parent = init;
        if (child->state == PROC_ZOMBIE)
            wake(init);
    }
}

void proc_exit(s32 status)
{
    struct proc *p = current;

    if (p->pid == INIT_PID)
        panic("init ended with status %d.", status);
    drop_fs_gs();
    directory_use(paging_kernel_directory());
    space_free(&p->space);
    files_close_all(p->files);
    p->state = PROC_ZOMBIE;
    turn_end(proc_slot(p));
    p->status = status;
    adopt_children(p);
    signal_send(p->parent, SIG_CHLD);
    wake(p->parent);
    proc_yield();
    panic("process %d ran after its end.", p->pid);
}

/* A child of the current process that ended; *children counts those that
 * are meant at all. */
static struct proc *ended_child(s32 pid, u32 *children)
{
    struct proc *found = NULL, *p;

    *children = 0;
    for (u32 i = 0; i < PROCS; i++) {
        p = proc_at(i);
        if (!p || p->state == PROC_NEW || p->parent != current ||
            (pid != WAIT_ANY && p->pid != pid))
            continue;
        (*children)++;
        if (p->state == PROC_ZOMBIE)
            found = p;
    }
    return found;
}

int proc_wait(s32 pid, s32 *status, u32 flags)
{
    struct proc *child;
    u32 children;

    for (;;) {
        child = ended_child(pid, &children);
        if (child)
            break;
        if (!children)
            return ERR_SRCH;
        if (flags & WAIT_NOHANG)
            return ERR_AGAIN;
        if (sleep_on(current))
            return ERR_INTR;
    }
    pid = child->pid;
    *status = child->status;
    proc_reap(child);
    return pid;
}

int proc_alive(s32 pid)
{
    struct proc *p = proc_find(pid);

    return p && p->state != PROC_ZOMBIE;
}

int proc_row(u32 index, struct ps_entry *row)
{
    static const char *const names[] = {
        [PROC_READY] = "READY",
        [PROC_BLOCKED] = "BLOCKED",
        [PROC_ZOMBIE] = "ZOMBIE",
    };
    struct proc *p;

    if (index >= PROCS)
        return ERR_SRCH;
    p = proc_at(index);
    *row = (struct ps_entry){0};
    if (!p || p->state == PROC_NEW)
        return 0;
    row->pid = p->pid;
    row->parent = p->parent ? p->parent->pid : 0;
    row->pages = p->space.resident;
    row->swapped = p->space.swapped;
    row->ticks = p->ticks;
    str_copy(row->state, p == current ? "RUNNING" : names[p->state], NAME_SIZE);
    str_copy(row->name, p->name, NAME_SIZE);
    return 0;
}
