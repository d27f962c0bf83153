/* SPDX-License-Identifier: MIT
 *
 * Lines and words.
 *
 * getline() takes byte after byte, so what stands behind the line is still
 * there for whoever reads next: a shell needs that, its children read from
 * the same file. next_line() reads ahead and is much quicker: for a program
 * that reads its file to the end. Both leave the newline out, end the text
 * with a 0, and cut what is longer than its place into several lines.
 *
 * split_words() makes argv of a line. A word may hold parts in quotation
 * marks of either kind, in which spaces are part of the word.
 */
#include "guest/user/user.h"

int getline(int fd, char *line, u32 size)
{
    u32 n = 0;

    while (n + 1 < size) {
        int got = read(fd, line + n, 1);

        if (got < 0)
            return got;
        if (got == 0 && n == 0)
            return LINE_END;
        if (got == 0 || line[n] == '\n')
            break;
        n++;
    }
    line[n] = 0;
    return (int)n;
}

static int refill(struct reader *r)
{
    int got = read(r->fd, r->bytes, sizeof(r->bytes));

    r->at = 0;
    r->count = got > 0 ? (u32)got : 0;
    return got;
}

int next_line(struct reader *r, char *line, u32 size)
{
    u32 n = 0;

    while (n + 1 < size) {
        int got = r->at < r->count ? 1 : refill(r);

        if (got < 0)
            return got;
        if (got == 0 && n == 0)
            return LINE_END;
        if (got == 0)
            break;
        line[n] = r->bytes[r->at++];
        if (line[n] == '\n')
            break;
        n++;
    }
    line[n] = 0;
    return (int)n;
}

/* Takes one word's quotation marks out; the end of it in *s. */
static void unquote(char **s)
{
    char *to = *s, *from = *s, quote = 0;

    for (; *from && (quote || *from != ' '); from++) {
        if (quote ? *from == quote : *from == '\'' || *from == '"')
            quote = quote ? 0 : *from;
        else
            *to++ = *from;
    }
    *s = *from ? from + 1 : from;
    *to = 0;
}

int split_words(char *line, char **words, int max)
{
    int n = 0;

    for (;;) {
        while (*line == ' ')
            line++;
        if (!*line || n == max)
            break;
        words[n++] = line;
        unquote(&line);
    }
    words[n] = NULL;
    return n;
}
