/* SPDX-License-Identifier: MIT
 *
 * A script for the hosted machine's console: what stdin is when it is not a
 * terminal (a file, a pipe, /dev/null).
 *
 * It is typed line by line by somebody patient: the next one comes when the
 * machine is at rest, or after PATIENCE_NS. A line "?TEXT" is not typed: what
 * follows it waits until TEXT has been printed, at any time since the last
 * Enter. All that is machine time, so a script means the same run each time,
 * and a pipe is waited for. A newline is the Enter key; after the script's end
 * nothing is typed any more.
 *
 * LIMIT: of what has been printed since the last Enter the first SEEN_MAX
 * bytes are looked at. A guest that clears its serial port's FIFO loses what
 * was typed ahead, as on any machine.
 */
#define _GNU_SOURCE /* memmem() */
#include "tests/fake/arch_hosted.h"
#include "vmm/base/bits.h"
#include <string.h>
#include <unistd.h>

#define PATIENCE_NS 10000000u
#define LOOK_NS     1000000u /* a machine at rest looks for keys this often */
#define SEEN_MAX    (1u << 22)
#define TEXT_MAX    256

static struct {
    const char *first; /* typed before anything else */
    bool over;
    bool in_line, rested;
    u64 last; /* when the last key came */
    char text[TEXT_MAX];
    u32 wait; /* length of the text that is waited for; 0: none */
    char seen[SEEN_MAX];
    u32 count, looked;
} script;

void hosted_script_init(const char *first)
{
    script.first = first;
    script.over = hosted_wire_stdio();
}

/* False after the end. */
static bool next_byte(u8 *byte)
{
    if (*script.first) {
        *byte = (u8)*script.first++;
        return true;
    }
    if (!script.over)
        script.over = read(STDIN_FILENO, byte, 1) != 1;
    return !script.over;
}

void hosted_script_printed(const char *text, size_t len)
{
    len = min_u64(len, SEEN_MAX - script.count);
    memcpy(script.seen + script.count, text, len);
    script.count += (u32)len;
}

/* Looks at what is new, and as much before it as may be half of the text. */
static bool text_came(void)
{
    u32 from = script.looked > script.wait ? script.looked - script.wait : 0;

    script.looked = script.count;
    if (!memmem(script.seen + from, script.count - from, script.text,
                script.wait))
        return false;
    script.wait = 0;
    return true;
}

static void read_text(void)
{
    u32 len = 0;
    u8 byte;

    while (next_byte(&byte) && byte != '\n') {
        if (len < TEXT_MAX)
            script.text[len++] = (char)byte;
    }
    script.wait = len;
    script.looked = 0;
}

static bool is_time(void)
{
    return script.in_line || script.rested ||
           hosted.now >= script.last + PATIENCE_NS;
}

static bool strike(u8 *byte)
{
    if (!next_byte(byte))
        return false;
    if (!script.in_line && *byte == '?') {
        read_text();
        return false;
    }
    script.last = hosted.now;
    script.rested = false;
    script.in_line = *byte != '\n';
    if (script.in_line)
        return true;
    *byte = '\r';
    script.count = 0;
    return true;
}

bool hosted_script_key(u8 *byte)
{
    if (script.wait && !text_came())
        return false;
    return is_time() && strike(byte);
}

u64 hosted_script_rest(u64 ns)
{
    script.rested = true;
    return script.over ? ns : min_u64(ns, LOOK_NS);
}
