/* SPDX-License-Identifier: MIT
 *
 * See textlog.h. Lines are found by looking for their ends, backwards from the
 * newest byte, once for each that is wanted: nothing but bytes is kept.
 *
 * Invariant: the byte number n of the text, while end - TEXTLOG_SIZE <= n <
 * end, is text[n % TEXTLOG_SIZE].
 */
#include "vmm/base/textlog.h"
#include "vmm/base/bits.h"

void textlog_put(struct textlog *log, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\r')
            log->text[log->end++ % TEXTLOG_SIZE] = text[i];
    }
}

static char byte_at(const struct textlog *log, u64 n)
{
    return log->text[n % TEXTLOG_SIZE];
}

/* The first byte of the oldest line that is whole. */
static u64 oldest(const struct textlog *log)
{
    u64 at = log->end > TEXTLOG_SIZE ? log->end - TEXTLOG_SIZE : 0;

    if (!at)
        return 0;
    while (at < log->end && byte_at(log, at) != '\n')
        at++;
    return min_u64(at + 1, log->end);
}

/* Where the last `lines` lines begin. */
static u64 begin(const struct textlog *log, u32 lines)
{
    u64 first = oldest(log), at = log->end;

    if (!lines)
        return at;
    if (at > first && byte_at(log, at - 1) == '\n')
        at--;
    while (at > first && lines) {
        if (byte_at(log, at - 1) == '\n' && !--lines)
            break;
        at--;
    }
    return at;
}

u32 textlog_show(const struct textlog *log, u32 lines, const struct sink *out)
{
    char line[TEXTLOG_LINE + 1];
    u32 shown = 0, len = 0;

    for (u64 at = begin(log, lines); at < log->end; at++) {
        char c = byte_at(log, at);
        if (c != '\n')
            line[len++] = c;
        if (c != '\n' && len < TEXTLOG_LINE && at + 1 != log->end)
            continue;
        line[len++] = '\n';
        out->put(out->ctx, line, len);
        len = 0;
        shown++;
    }
    return shown;
}
