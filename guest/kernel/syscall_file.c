/* SPDX-License-Identifier: MIT
 *
 * The system calls about files: each checks every number its program gave,
 * and file.c does the rest. A name is one word of printable characters, the
 * slash not among them: there is one folder.
 */
#include "guest/kernel/file.h"
#include "guest/kernel/kernel.h"
#include "guest/kernel/syscalls.h"

#define OPEN_KNOWN                                                             \
    (OPEN_READ | OPEN_WRITE | OPEN_CREATE | OPEN_EMPTY | OPEN_APPEND)
#define OPEN_CHANGES (OPEN_CREATE | OPEN_EMPTY | OPEN_APPEND)

static int read_name(char name[NAME_SIZE], u32 from)
{
    int error = user_read_string(name, from, NAME_SIZE);

    if (error)
        return error;
    for (const char *s = name; *s; s++)
        if (*s <= ' ' || *s >= 0x7f || *s == '/')
            return ERR_INVAL;
    return name[0] ? 0 : ERR_INVAL;
}

/* A program's memory is below the kernel's, so no honest length is longer. */
static int is_length(u32 n)
{
    return n <= KERNEL_BASE;
}

int sys_write(struct frame *f)
{
    int n = is_length(f->edx) ? file_write(f->ebx, f->ecx, f->edx) : ERR_FAULT;

    if (n == ERR_PIPE)
        signal_send(current, SIG_PIPE);
    return n;
}

int sys_read(struct frame *f)
{
    return is_length(f->edx) ? file_read(f->ebx, f->ecx, f->edx) : ERR_FAULT;
}

int sys_open(struct frame *f)
{
    char name[NAME_SIZE];
    u32 flags = f->ecx;
    int error = read_name(name, f->ebx);

    if (error)
        return error;
    if (flags & ~(u32)OPEN_KNOWN || !(flags & (OPEN_READ | OPEN_WRITE)) ||
        (flags & OPEN_CHANGES && !(flags & OPEN_WRITE)))
        return ERR_INVAL;
    return file_open(name, flags);
}

int sys_close(struct frame *f)
{
    return file_close(f->ebx);
}

int sys_dup2(struct frame *f)
{
    return file_dup2(f->ebx, f->ecx);
}

int sys_pipe(struct frame *f)
{
    s32 fds[2] = {0, 0};
    int error = user_write(f->ebx, fds, sizeof(fds));

    if (error)
        return error;
    error = file_pipe(fds);
    return error ? error : user_write(f->ebx, fds, sizeof(fds));
}

int sys_unlink(struct frame *f)
{
    char name[NAME_SIZE];
    int error = read_name(name, f->ebx);

    return error ? error : fs_unlink(name);
}

int sys_readdir(struct frame *f)
{
    struct dir_entry row;
    int error = fs_row(f->ebx, &row);

    return error ? error : user_write(f->ecx, &row, sizeof(row));
}
