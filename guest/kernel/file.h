/* SPDX-License-Identifier: MIT
 *
 * Files: what a descriptor means, and the small file system in memory.
 *
 * A descriptor is an index into the process's table of open files; an open
 * file is the console, an end of a pipe, or a file, with a count of its
 * holders (fork and DUP2 share it). The file system is one flat folder:
 * programs of the boot archive, which are read only, and files in frames.
 */
#ifndef HARE_FILE_H
#define HARE_FILE_H

#include "guest/include/abi.h"

#define INODE_PAGES 64 /* of a file in memory: 256 KiB */

struct inode {
    char name[NAME_SIZE]; /* "" in a free one */
    u32 size;
    u32 holders; /* open files and address spaces; an unlinked one lives on */
    const u8 *data; /* of the boot archive; NULL: in page[] */
    u32 *page;      /* frames, physical, INODE_PAGES; in a frame of its own */
    struct text *text; /* read-only pages that programs share (text.c) */
};

struct file;

void fs_init(void);
struct inode *fs_find(const char *name); /* or NULL; held for the caller */
int fs_create(const char *name, struct inode **made); /* held, too */
int fs_unlink(const char *name);
int fs_row(u32 index, struct dir_entry *row); /* its name is "" in a free one */
/* After ERR_NOSPC: whether it is worth another try. May sleep. */
int fs_make_room(void);
u32 fs_pages(void); /* that files hold, for SYS_MEM */
void inode_hold(struct inode *i);
void inode_drop(struct inode *i);
/* Bytes read, fewer at the end. Never sleeps. */
u32 inode_read(const struct inode *i, u32 offset, void *to, u32 n);
/* Bytes written, fewer when there is no more room; ERR_NOSPC for none. Only
 * of a file that is not of the boot archive. */
int inode_write(struct inode *i, u32 offset, const void *from, u32 n);
void inode_empty(struct inode *i);

/* pipe.c: up to PIPE_ATOM bytes are written in one piece. What reads and
 * writes may sleep. Bytes, or ERR_INTR or ERR_PIPE. */
#define PIPE_ATOM 512

struct pipe;

struct pipe *pipe_new(void); /* or NULL */
void pipe_close(struct pipe *p, int writing);
int pipe_read(struct pipe *p, u8 *to, u32 n, int wait); /* 0: the end */
int pipe_write(struct pipe *p, const u8 *from, u32 n);

/* file.c: the descriptors of a process, */
void files_init(struct file *table[OPEN_FILES]); /* 0, 1, 2: the console */
void files_fork(struct file *to[OPEN_FILES], struct file *from[OPEN_FILES]);
void files_close_all(struct file *table[OPEN_FILES]);
/* and the calls of the current one; from and to are its addresses. */
int file_open(const char *name, u32 flags);
int file_close(u32 fd);
int file_dup2(u32 fd, u32 to);
int file_pipe(s32 fds[2]);
int file_read(u32 fd, u32 to, u32 n);    /* may sleep */
int file_write(u32 fd, u32 from, u32 n); /* may sleep */

#endif
