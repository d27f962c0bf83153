/* SPDX-License-Identifier: MIT
 *
 * The file system: one flat folder of inodes.
 *
 * At boot every program of the boot archive becomes an inode whose bytes are
 * the kernel's own constants; it can be read and run, not written, not
 * removed. Every other file is a list of frames that grows as it is written.
 * A page that was never written is no frame, and reads as zeroes.
 *
 * Invariant: a slot of the table is free when it has neither a name nor a
 * holder. Removing a file takes its name away; the bytes live on for those
 * who have it open or run it, and the last holder gives the frames back.
 * Bytes behind the end of a file are zero in its last frame, because a new
 * frame is, and a file only ever shrinks to nothing.
 *
 * LIMIT: INODE_PAGES for a file, a quarter of the machine's pages for all
 * of them together (what programs need of memory must not depend on who
 * wrote files), FS_INODES names. Nothing survives the end of the machine.
 *
 * May sleep: fs_make_room(). What it made free is taken by the next write,
 * which does not sleep: so a file never changes under a writer's hands.
 */
#include "guest/kernel/file.h"
#include "guest/kernel/kernel.h"

#define FS_INODES 128
#define FS_SHARE  4 /* files may fill one page of so many */

static struct inode inodes[FS_INODES];
static u32 pages_used;

void fs_init(void)
{
    struct inode *i = inodes;
    const char *name;
    const u8 *data;
    u32 at = 0, size;

    while ((data = tar_next(&at, &name, &size))) {
        if (i == inodes + FS_INODES || strlen(name) >= NAME_SIZE)
            panic("the boot archive's file %s has no place.", name);
        *i = (struct inode){.size = size, .data = data};
        str_copy(i->name, name, NAME_SIZE);
        i++;
    }
}

u32 fs_pages(void)
{
    return pages_used;
}

struct inode *fs_find(const char *name)
{
    for (struct inode *i = inodes; i < inodes + FS_INODES; i++)
        if (i->name[0] && strcmp(i->name, name) == 0) {
            inode_hold(i);
            return i;
        }
    return NULL;
}

static int is_full(void)
{
    return pages_used >= frames_total() / FS_SHARE;
}

int fs_make_room(void)
{
    u32 pa = is_full() ? 0 : frame_obtain();

    if (pa)
        frame_drop(pa);
    return pa != 0;
}

static u32 page_take(void)
{
    u32 pa = is_full() ? 0 : frame_alloc();

    pages_used += pa != 0;
    return pa;
}

static void page_give(u32 pa)
{
    frame_drop(pa);
    pages_used--;
}

int fs_create(const char *name, struct inode **made)
{
    struct inode *i = inodes;
    u32 pa;

    while (i < inodes + FS_INODES && (i->name[0] || i->holders))
        i++;
    if (i == inodes + FS_INODES)
        return ERR_NOSPC;
    pa = page_take();
    if (!pa)
        return ERR_NOSPC;
    *i = (struct inode){.holders = 1, .page = pa_to_va(pa)};
    str_copy(i->name, name, NAME_SIZE);
    *made = i;
    return 0;
}

int fs_unlink(const char *name)
{
    struct inode *i = fs_find(name);
    int fixed;

    if (!i)
        return ERR_NOENT;
    fixed = i->data != NULL;
    if (!fixed)
        i->name[0] = 0;
    inode_drop(i);
    return fixed ? ERR_EXIST : 0;
}

int fs_row(u32 index, struct dir_entry *row)
{
    const struct inode *i = inodes + index;

    if (index >= FS_INODES)
        return ERR_NOENT;
    *row = (struct dir_entry){.size = i->size, .fixed = i->data != NULL};
    str_copy(row->name, i->name, NAME_SIZE);
    return 0;
}

void inode_empty(struct inode *i)
{
    text_forget(i);
    for (u32 n = 0; n < INODE_PAGES; n++) {
        if (i->page[n])
            page_give(i->page[n]);
        i->page[n] = 0;
    }
    i->size = 0;
}

void inode_hold(struct inode *i)
{
    i->holders++;
}

void inode_drop(struct inode *i)
{
    i->holders--;
    if (i->holders || i->name[0])
        return;
    inode_empty(i);
    page_give(va_to_pa(i->page));
    *i = (struct inode){0};
}

static u32 part_of_page(u32 offset, u32 n)
{
    u32 rest = PAGE_SIZE - (offset & PAGE_MASK);

    return n < rest ? n : rest;
}

static void read_part(const struct inode *i, u32 offset, u8 *to, u32 n)
{
    u32 pa = i->data ? 0 : i->page[offset / PAGE_SIZE];

    if (i->data)
        memcpy(to, i->data + offset, n);
    else if (pa)
        memcpy(to, (u8 *)pa_to_va(pa) + (offset & PAGE_MASK), n);
    else
        memset(to, 0, n);
}

u32 inode_read(const struct inode *i, u32 offset, void *to, u32 n)
{
    u32 done = 0;

    if (offset >= i->size)
        return 0;
    if (n > i->size - offset)
        n = i->size - offset;
    while (done < n) {
        u32 part = part_of_page(offset + done, n - done);

        read_part(i, offset + done, (u8 *)to + done, part);
        done += part;
    }
    return n;
}

static u8 *make_page(struct inode *i, u32 offset)
{
    u32 *pa = &i->page[offset / PAGE_SIZE];

    if (!*pa)
        *pa = page_take();
    return *pa ? (u8 *)pa_to_va(*pa) + (offset & PAGE_MASK) : NULL;
}

int inode_write(struct inode *i, u32 offset, const void *from, u32 n)
{
    u32 done = 0;

    text_forget(i);
    while (done < n && offset + done < INODE_PAGES * PAGE_SIZE) {
        u32 part = part_of_page(offset + done, n - done);
        u8 *to = make_page(i, offset + done);

        if (!to)
            break;
        memcpy(to, (const u8 *)from + done, part);
        done += part;
        if (offset + done > i->size)
            i->size = offset + done;
    }
    return done || !n ? (int)done : ERR_NOSPC;
}
