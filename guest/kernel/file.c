/* SPDX-License-Identifier: MIT
 *
 * Open files: the console, an end of a pipe, or a place in a file.
 *
 * A process's descriptors are pointers to open files; fork, and DUP2, make
 * another pointer to the same one, so that they share its offset. The last
 * pointer's end closes it. The console is one open file for everybody.
 *
 * Bytes go between a program and a file through a small buffer on the
 * kernel's stack: touching the program's memory may sleep, and a file must
 * not change half way. A buffer is of PIPE_ATOM bytes, so this much goes in
 * one piece. Before bytes leave a pipe or a line for good, their place in
 * the program was found to be writable.
 *
 * May sleep: file_read(), file_write(), and so the calls over them. LIMIT:
 * FILES of all processes, each of which has at most OPEN_FILES: sixteen that
 * open all they may leave none to the others, until one of them is killed.
 */
#include "guest/kernel/file.h"
#include "guest/kernel/kernel.h"

#define FILES 256 /* of all processes */

struct file {
    u32 holders; /* 0: a free slot */
    u32 flags;
    u32 offset;
    struct inode *inode; /* a file; */
    struct pipe *pipe;   /* or an end of a pipe; neither: the console */
};

static struct file files[FILES];
static struct file console = {.holders = 1, .flags = OPEN_READ | OPEN_WRITE};

static struct file *file_new(u32 flags, struct inode *inode, struct pipe *pipe)
{
    for (struct file *f = files; f < files + FILES; f++)
        if (!f->holders) {
            *f = (struct file){1, flags, 0, inode, pipe};
            return f;
        }
    return NULL;
}

static void file_drop(struct file *f)
{
    struct file old = *f;

    f->holders--;
    if (f->holders)
        return;
    if (old.inode)
        inode_drop(old.inode);
    if (old.pipe)
        pipe_close(old.pipe, (old.flags & OPEN_WRITE) != 0);
}

void files_init(struct file *table[OPEN_FILES])
{
    for (u32 fd = 0; fd < OPEN_FILES; fd++)
        table[fd] = fd < 3 ? &console : NULL;
    console.holders += 3;
}

void files_fork(struct file *to[OPEN_FILES], struct file *from[OPEN_FILES])
{
    for (u32 fd = 0; fd < OPEN_FILES; fd++) {
        to[fd] = from[fd];
        if (to[fd])
            to[fd]->holders++;
    }
}

void files_close_all(struct file *table[OPEN_FILES])
{
    for (u32 fd = 0; fd < OPEN_FILES; fd++) {
        if (table[fd])
            file_drop(table[fd]);
        table[fd] = NULL;
    }
}

static struct file *file_of(u32 fd)
{
    return fd < OPEN_FILES ? current->files[fd] : NULL;
}

/* The lowest free descriptor becomes f; without one, f is dropped. */
static int install(struct file *f)
{
    for (u32 fd = 0; fd < OPEN_FILES; fd++)
        if (!current->files[fd]) {
            current->files[fd] = f;
            return (int)fd;
        }
    file_drop(f);
    return ERR_NOMEM;
}

int file_close(u32 fd)
{
    if (!file_of(fd))
        return ERR_BADF;
    file_drop(current->files[fd]);
    current->files[fd] = NULL;
    return 0;
}

int file_dup2(u32 fd, u32 to)
{
    struct file *f = file_of(fd);

    if (!f || to >= OPEN_FILES)
        return ERR_BADF;
    f->holders++;
    file_close(to);
    current->files[to] = f;
    return (int)to;
}

static int find_or_create(const char *name, u32 flags, struct inode **inode)
{
    *inode = fs_find(name);
    if (!*inode)
        return flags & OPEN_CREATE ? fs_create(name, inode) : ERR_NOENT;
    if (flags & OPEN_WRITE && (*inode)->data) {
        inode_drop(*inode);
        return ERR_EXIST;
    }
    return 0;
}

int file_open(const char *name, u32 flags)
{
    struct inode *inode;
    struct file *f;
    int error = find_or_create(name, flags, &inode), fd;

    if (error == ERR_NOSPC && fs_make_room())
        error = find_or_create(name, flags, &inode);
    if (error)
        return error;
    f = file_new(flags, inode, NULL);
    if (!f) {
        inode_drop(inode);
        return ERR_NOMEM;
    }
    fd = install(f);
    if (fd >= 0 && flags & OPEN_EMPTY)
        inode_empty(inode);
    return fd;
}

int file_pipe(s32 fds[2])
{
    struct pipe *p = pipe_new();
    struct file *from, *to;

    if (!p)
        return ERR_NOMEM;
    from = file_new(OPEN_READ, NULL, p);
    to = from ? file_new(OPEN_WRITE, NULL, p) : NULL;
    if (!to) {
        if (from)
            from->holders = 0;
        pipe_close(p, 0);
        pipe_close(p, 1);
        return ERR_NOMEM;
    }
    fds[0] = install(from);
    fds[1] = install(to);
    if (fds[1] >= 0)
        return 0;
    file_close((u32)fds[0]);
    return ERR_NOMEM;
}

static int read_part(struct file *f, u8 *to, u32 n, int wait)
{
    if (f->pipe)
        return pipe_read(f->pipe, to, n, wait);
    if (!f->inode)
        return console_read((char *)to, n, wait);
    n = inode_read(f->inode, f->offset, to, n);
    f->offset += n;
    return (int)n;
}

/* Whether the kernel may write there; what is there stays. */
static int is_writable(u32 va, u32 n)
{
    u32 at = va;
    u8 byte;

    while (at - va < n) {
        if (user_read(&byte, at, 1) || user_write(at, &byte, 1))
            return 0;
        at = (at | PAGE_MASK) + 1;
    }
    return 1;
}

int file_read(u32 fd, u32 to, u32 n)
{
    struct file *f = file_of(fd);
    u8 bytes[PIPE_ATOM];
    u32 done = 0;

    if (!f || !(f->flags & OPEN_READ))
        return ERR_BADF;
    while (done < n) {
        u32 part = n - done < sizeof(bytes) ? n - done : sizeof(bytes);
        int got;

        if (!is_writable(to + done, part))
            return done ? (int)done : ERR_FAULT;
        got = read_part(f, bytes, part, done == 0);
        if (got < 0)
            return got;
        if (user_write(to + done, bytes, (u32)got))
            return ERR_FAULT;
        done += (u32)got;
        if ((u32)got < part)
            break;
    }
    return (int)done;
}

/* A line of text takes milliseconds on a serial line, and the kernel does
 * not let the timer in: so a call writes no more than a part to the console. */
static int is_slow(const struct file *f)
{
    return !f->inode && !f->pipe;
}

static int write_part(struct file *f, const u8 *from, u32 n)
{
    int done;

    if (f->pipe)
        return pipe_write(f->pipe, from, n);
    if (!f->inode) {
        console_write((const char *)from, n);
        return (int)n;
    }
    if (f->flags & OPEN_APPEND)
        f->offset = f->inode->size;
    done = inode_write(f->inode, f->offset, from, n);
    if (done > 0)
        f->offset += (u32)done;
    return done;
}

int file_write(u32 fd, u32 from, u32 n)
{
    struct file *f = file_of(fd);
    u8 bytes[PIPE_ATOM];
    u32 done = 0;

    if (!f || !(f->flags & OPEN_WRITE))
        return ERR_BADF;
    while (done < n) {
        u32 part = n - done < sizeof(bytes) ? n - done : sizeof(bytes);
        int put;

        if (user_read(bytes, from + done, part))
            return done ? (int)done : ERR_FAULT;
        put = write_part(f, bytes, part);
        if (put == ERR_NOSPC && fs_make_room())
            put = write_part(f, bytes, part);
        if (put < 0)
            return done ? (int)done : put;
        done += (u32)put;
        if ((u32)put < part || is_slow(f))
            break;
    }
    return (int)done;
}
