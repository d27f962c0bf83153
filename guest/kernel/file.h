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
u32 fs_pages(void);                           /* that files hold, for SYS_MEM */
void inode_hold(struct inode *i);
void inode_drop(struct inode *i);
/* Bytes read, fewer at the end. Never sleeps. */
u32 inode_read(const struct inode *i, u32 offset, void *to, u32 n);
/* Bytes written, fewer when there is no more room; ERR_NOSPC for none. Only
 * of a file that is not of the boot archive. */
int inode_write(struct inode *i, u32 offset, const void *from, u32 n);
void inode_empty(struct inode *i);

/* The current process's descriptors. */
void files_init(struct file *table[OPEN_FILES]); /* 0, 1, 2: the console */
void files_fork(struct file *to[OPEN_FILES], struct file *from[OPEN_FILES]);
void files_close_all(struct file *table[OPEN_FILES]);

#endif
