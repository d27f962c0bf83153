/* SPDX-License-Identifier: MIT
 *
 * The console: what is written goes to the serial line and to the screen;
 * what is typed on either becomes lines.
 *
 * Typed characters arrive by interrupt into a ring. They become a line where
 * somebody reads, in the context of that process, and are echoed there too:
 * so echo and prompt always come in the same order, however early somebody
 * typed. Backspace rubs out; Enter (CR or LF) ends the line, which is read
 * with a newline at its end; Ctrl-D ends it without one, and on an empty
 * line that is the end of the file. Other control characters are dropped.
 *
 * Ctrl-C is different: it must work while nobody reads. It acts when it is
 * typed: what was typed before it is thrown away, but for a line that ended
 * and is being read; and every process that does not ignore it gets a signal
 * (signal.c). A shell lets those in the background ignore it, so it ends what
 * runs in the foreground.
 *
 * There is one line under way, whoever reads: two readers share it, and the
 * one that takes its end has it. LIMIT: a line of LINE_SIZE characters.
 */
#include "guest/kernel/kernel.h"

#define RING_SIZE 256 /* a power of two */
#define LINE_SIZE 256
#define CTRL_C    3
#define CTRL_D    4
#define DELETE    0x7f

static char ring[RING_SIZE];
static u32 head, tail; /* free-running */
static char line[LINE_SIZE];
static u32 length, taken; /* of the line, and what readers have of it */
static int complete;

void console_init(void)
{
    serial_init();
    vga_init();
    kbd_init();
}

void console_write(const char *s, u32 n)
{
    serial_write(s, n);
    vga_write(s, n);
}

static void forget_line(void)
{
    length = 0;
    taken = 0;
    complete = 0;
}

void console_input(char c)
{
    if (c == CTRL_C) {
        tail = head;
        if (!complete)
            forget_line();
        console_write("^C\n", 3);
        signal_typed();
        return;
    }
    if (head - tail == RING_SIZE)
        return;
    ring[head++ % RING_SIZE] = c;
    wake(ring);
}

static void edit(char c)
{
    if (c == '\r')
        c = '\n';
    if (c == CTRL_D)
        complete = 1;
    if (c == '\n') {
        line[length++] = c;
        console_write(&c, 1);
        complete = 1;
    } else if ((c == '\b' || c == DELETE) && length > 0) {
        length--;
        console_write("\b \b", 3);
    } else if (c >= ' ' && c < DELETE && length < LINE_SIZE - 1) {
        line[length++] = c;
        console_write(&c, 1);
    }
}

int console_read(char *to, u32 size, int wait)
{
    u32 n;

    while (!complete) {
        if (head != tail) {
            edit(ring[tail++ % RING_SIZE]);
            continue;
        }
        if (!wait)
            return 0;
        if (sleep_on(ring))
            return ERR_INTR;
    }
    n = length - taken < size ? length - taken : size;
    memcpy(to, line + taken, n);
    taken += n;
    if (taken == length)
        forget_line();
    return (int)n;
}
