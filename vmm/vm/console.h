/* SPDX-License-Identifier: MIT
 *
 * One terminal, many guests.
 *
 * Each guest's bytes go into a line buffer; a full line comes out behind
 * "[name] ". A line that stays unfinished (a shell prompt) is shown after
 * CONSOLE_PARTIAL_NS and continued or, when somebody else has printed since,
 * repeated from its start. While the monitor's own prompt is on the last
 * line, output goes above it: the prompt and what was typed so far are
 * erased (CR, erase-to-end) and redrawn. Attached to a guest, that guest's
 * bytes pass through raw and keys go to it; Ctrl-] leaves. Control bytes of a
 * guest that is not attached, other than newline, tab, backspace and CR, print
 * as \xNN, and so do bytes from 0x7f up, among which are the C1 controls: a
 * guest cannot forge another's prefix.
 */
#ifndef VM_CONSOLE_H
#define VM_CONSOLE_H

#include "vmm/base/lineedit.h"
#include "vmm/base/textlog.h"

#define CONSOLE_SLOTS      16
#define CONSOLE_LINE       256
#define CONSOLE_PARTIAL_NS 50000000ull
#define CONSOLE_LEAVE      0x1d /* Ctrl-] */
#define CONSOLE_PRINT      800  /* a module line and a sentence about it fit */

struct console_line {
    char name[16];
    char text[CONSOLE_LINE];
    u32 len;
    u32 shown; /* bytes of the unfinished line on the terminal, if last */
    u64 since; /* when its first unshown byte came; UINT64_MAX: none */
    u8 escape; /* attached: inside an escape sequence */
    bool used;
};

struct console {
    struct console_line line[CONSOLE_SLOTS];
    struct sink out;     /* the terminal */
    struct textlog *log; /* null, or where the VMM's own text is kept */
    int attached;        /* slot, or -1: the monitor has the keyboard */
    int last;    /* slot whose unfinished line is on the terminal, or -1 */
    bool open;   /* a line of the VMM's own is not over yet */
    bool prompt; /* the monitor's input line is on the terminal */
    struct lineedit edit; /* that line as typed so far */
};

void console_init(struct console *c, struct sink out);
void console_add(struct console *c, u32 slot, const char *name);
void console_remove(struct console *c, u32 slot); /* flushes first */
/* Ends an unfinished line: what comes next does not belong to it. */
void console_flush(struct console *c, u32 slot);
/* A byte the guest in slot printed. */
void console_guest(struct console *c, u32 slot, u8 byte, u64 now);
/* Shows unfinished lines that have waited long enough. */
void console_tick(struct console *c, u64 now);
/* The same for one guest; was there anything to show? */
bool console_tick_line(struct console *c, u32 slot, u64 now);
/* When console_tick() wants to be called; UINT64_MAX: not at all. */
u64 console_deadline(const struct console *c);
/* The VMM's own text, whole lines, above prompt and unfinished lines. The
 * first keeps it in the log. */
void console_print(struct console *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void console_write(struct console *c, const char *text, size_t len);
/* The same in pieces, with nothing between them: a line is over, and the
 * prompt comes back, with the piece that ends in "\n". */
void console_piece(struct console *c, const char *text, size_t len);
void console_attach(struct console *c, u32 slot);
void console_detach(struct console *c);
/* A typed byte while the monitor has the keyboard: it edits the input line.
 * LINE_DONE: *line is the line (good until the next call) and the prompt is
 * off the screen. */
enum lineedit_did console_key(struct console *c, u8 byte, const char **line);
/* Shows the prompt "trapline> " with whatever is typed. */
void console_prompt(struct console *c);

#endif
