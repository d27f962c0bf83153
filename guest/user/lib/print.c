/* SPDX-License-Identifier: MIT
 *
 * Text that goes out, and errors as words.
 *
 * Output is written a line at a time, one system call each, so that lines of
 * programs that run side by side stay whole.
 */
#include "guest/user/user.h"

struct buffer {
    char *text;
    u32 n, size;
    int fd; /* of a file that takes each line; negative: none does */
};

/* A program whose output finds no place has nothing left to do. */
static void flush(struct buffer *b)
{
    int error = write_all(b->fd, b->text, b->n);

    b->n = 0;
    if (!error || b->fd != 1)
        return;
    dprintf(2, "%s: cannot write: %s.\n", program_name, error_text(error));
    exit(1);
}

static void put(void *ctx, char c)
{
    struct buffer *b = ctx;

    if (b->n < b->size)
        b->text[b->n++] = c;
    if (b->fd >= 0 && (c == '\n' || b->n == b->size))
        flush(b);
}

static void vdprintf(int fd, const char *f, va_list args)
{
    char text[128];
    struct buffer b = {text, 0, sizeof(text), fd};

    format(put, &b, f, args);
    if (b.n)
        flush(&b);
}

void printf(const char *f, ...)
{
    va_list args;

    va_start(args, f);
    vdprintf(1, f, args);
    va_end(args);
}

void dprintf(int fd, const char *f, ...)
{
    va_list args;

    va_start(args, f);
    vdprintf(fd, f, args);
    va_end(args);
}

void format_into(char *to, u32 size, const char *f, ...)
{
    struct buffer b = {to, 0, size - 1, -1};
    va_list args;

    va_start(args, f);
    format(put, &b, f, args);
    va_end(args);
    to[b.n] = 0;
}

const char *error_text(int error)
{
    static const char *const texts[] = {
        [-ERR_NOSYS] = "there is no such system call",
        [-ERR_FAULT] = "a pointer is bad",
        [-ERR_NOENT] = "there is no such file",
        [-ERR_NOMEM] = "there is not enough memory",
        [-ERR_INVAL] = "a value makes no sense",
        [-ERR_SRCH] = "there is no such process",
        [-ERR_AGAIN] = "nothing has ended yet",
        [-ERR_NOEXEC] = "this is no program",
        [-ERR_INTR] = "a signal came first",
        [-ERR_BADF] = "this is not open, or not for that",
        [-ERR_PIPE] = "nobody reads the pipe any more",
        [-ERR_EXIST] = "it is there already, or cannot be changed",
        [-ERR_NOSPC] = "the file system is full",
        [-ERR_IO] = "the disk failed",
    };

    if (error >= 0 || error < ERR_IO)
        return "nothing known is wrong";
    return texts[-error];
}
