/* SPDX-License-Identifier: MIT
 *
 * The life of a process: made, changed into another program, ended, waited
 * for.
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

/* Where it begins in ring 3; the user stack holds one word, the address of
 * the command line. */
static void first_frame(struct proc *p, u32 user_esp)
{
    *proc_frame(p) = (struct frame){
        .es = SEL_USER_DATA,
        .ds = SEL_USER_DATA,
        .eip = p->entry,
        .cs = SEL_USER_CODE,
        .eflags = EFLAGS_ONE | EFLAGS_IF,
        .esp = user_esp,
        .ss = SEL_USER_DATA,
    };
}

static int put_command_line(struct proc *p, const char *cmdline)
{
    u32 line = USER_STACK_TOP - CMDLINE_SIZE;
    u8 *at = space_byte(&p->space, line, 1);

    if (!at)
        return ERR_NOMEM;
    str_copy((char *)at, cmdline, CMDLINE_SIZE);
    *(u32 *)(at - sizeof(line)) = line;
    first_frame(p, line - sizeof(line));
    return 0;
}

static int build(struct proc *p, const char *cmdline)
{
    struct inode *file;
    int error;
    u32 n = 0;

    while (cmdline[n] && cmdline[n] != ' ' && n < NAME_SIZE - 1) {
        p->name[n] = cmdline[n];
        n++;
    }
    p->name[n] = 0;
    file = fs_find(p->name);
    if (!file)
        return ERR_NOENT;
    error = space_new(&p->space);
    if (!error)
        error = elf_load(&p->space, file, &p->entry);
    inode_drop(file);
    return error ? error : put_command_line(p, cmdline);
}

int proc_spawn(const char *cmdline, struct proc *parent)
{
    struct proc *p = proc_new();
    int error;

    if (!p)
        return ERR_NOMEM;
    p->parent = parent;
    error = build(p, cmdline);
    if (error) {
        space_free(&p->space);
        proc_reap(p);
        return error;
    }
    if (parent)
        files_fork(p->files, parent->files);
    else
        files_init(p->files);
    proc_start(p);
    return p->pid;
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
