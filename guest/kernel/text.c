/* SPDX-License-Identifier: MIT
 *
 * Program text, held once however many processes run it.
 *
 * A file that is run remembers, for each of its pages, the frame that shows
 * it in some process; the next process to touch that page shows the same
 * frame. It remembers without holding: who drops a frame as its last holder
 * has it forgotten first, so the memory of a program goes with its last
 * process. Only whole pages of regions that nobody may write are shared, and
 * only at the address at which the first of them is shown: who made a file
 * that shows a page at two addresses has it twice.
 *
 * The list is a page of its own, there while anything is in it. Writing to
 * the file makes it forget: those who run it keep what they saw. LIMIT: until
 * memory is short; a page that was evicted is read from the file as it is
 * then.
 */
#include "guest/kernel/file.h"
#include "guest/kernel/kernel.h"

#define TEXT_PAGES (PAGE_SIZE / sizeof(u32) - 2)

struct text {
    u32 used;
    u32 shift; /* from a place in the file to its address in memory */
    u32 frame[TEXT_PAGES];
};

static u32 frames; /* remembered, and lists */

u32 text_frames(void)
{
    return frames;
}

/* Which page of the file va shows; TEXT_PAGES: none that may be shared. */
static u32 page_of(const struct region *r, u32 va)
{
    u32 at = va - r->start, page = (r->offset + at) / PAGE_SIZE;

    if (!r->file || r->flags & REGION_WRITE || r->file_size < PAGE_SIZE ||
        at > r->file_size - PAGE_SIZE || page > TEXT_PAGES)
        return TEXT_PAGES;
    if (r->file->text && r->file->text->shift != r->start - r->offset)
        return TEXT_PAGES;
    return page;
}

static u32 remembered(const struct region *r, u32 page)
{
    return page < TEXT_PAGES && r->file->text ? r->file->text->frame[page] : 0;
}

u32 text_find(const struct region *r, u32 va)
{
    u32 pa = remembered(r, page_of(r, va));

    if (pa)
        frame_hold(pa);
    return pa;
}

void text_offer(const struct region *r, u32 va, u32 pa)
{
    u32 page = page_of(r, va), list;

    if (page == TEXT_PAGES || remembered(r, page))
        return;
    if (!r->file->text) {
        list = frame_alloc();
        if (!list)
            return;
        r->file->text = pa_to_va(list);
        r->file->text->shift = r->start - r->offset;
        frames++;
    }
    r->file->text->frame[page] = pa;
    r->file->text->used++;
    frames++;
}

void text_leave(const struct region *r, u32 va, u32 pa)
{
    u32 page = page_of(r, va);

    if (remembered(r, page) != pa || frame_holders(pa) > 1)
        return;
    r->file->text->frame[page] = 0;
    frames--;
    if (--r->file->text->used == 0)
        text_forget(r->file);
}

void text_forget(struct inode *i)
{
    if (!i->text)
        return;
    frames -= i->text->used + 1;
    frame_drop(va_to_pa(i->text));
    i->text = NULL;
}
