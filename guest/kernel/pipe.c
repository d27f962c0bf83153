/* SPDX-License-Identifier: MIT
 *
 * Pipes: a ring of bytes in one frame, with an end to write to and an end to
 * read from.
 *
 * A reader sleeps while the pipe is empty and somebody could still write; a
 * writer sleeps while there is no room and somebody could still read. No
 * writer left is the end of the file, no reader left an error. Both sleep on
 * the pipe itself, and whoever changes anything wakes them all; each looks
 * again. An end is gone when the last open file of it is closed (file.c), so
 * the pipe is, when both are.
 *
 * Invariant: up to PIPE_ATOM bytes are written at once or not at all, so
 * short lines of several writers are never mixed. LIMIT: PIPE_BYTES in it.
 */
#include "guest/kernel/file.h"
#include "guest/kernel/kernel.h"
#include "guest/kernel/space.h"

#define PIPE_BYTES (PAGE_SIZE - 16)

struct pipe {
    u32 readers, writers; /* 1 or 0: open files count their own holders */
    u32 first, count;
    u8 data[PIPE_BYTES];
};

_Static_assert(sizeof(struct pipe) == PAGE_SIZE, "a pipe is one frame");
_Static_assert(PIPE_ATOM <= PIPE_BYTES, "what is written at once fits");

struct pipe *pipe_new(void)
{
    u32 pa = frame_obtain();
    struct pipe *p;

    if (!pa)
        return NULL;
    p = pa_to_va(pa);
    p->readers = 1;
    p->writers = 1;
    return p;
}

void pipe_close(struct pipe *p, int writing)
{
    if (writing)
        p->writers = 0;
    else
        p->readers = 0;
    wake(p);
    if (!p->readers && !p->writers)
        frame_drop(va_to_pa(p));
}

int pipe_read(struct pipe *p, u8 *to, u32 n, int wait)
{
    while (p->count == 0) {
        if (!wait || !p->writers)
            return 0;
        if (sleep_on(p))
            return ERR_INTR;
    }
    if (n > p->count)
        n = p->count;
    for (u32 i = 0; i < n; i++)
        to[i] = p->data[(p->first + i) % PIPE_BYTES];
    p->first = (p->first + n) % PIPE_BYTES;
    p->count -= n;
    wake(p);
    return (int)n;
}

int pipe_write(struct pipe *p, const u8 *from, u32 n)
{
    while (p->readers && PIPE_BYTES - p->count < n)
        if (sleep_on(p))
            return ERR_INTR;
    if (!p->readers)
        return ERR_PIPE;
    for (u32 i = 0; i < n; i++)
        p->data[(p->first + p->count + i) % PIPE_BYTES] = from[i];
    p->count += n;
    wake(p);
    return (int)n;
}
