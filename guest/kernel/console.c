/* SPDX-License-Identifier: MIT
 *
 * The console: what is written goes to the serial line and to the screen;
 * what is typed on either becomes lines.
 *
 * Typed characters arrive by interrupt into a ring. Lines are edited where
 * they are read, in the context of the process that reads, and echoed there
 * too: so echo and prompt always come in the same order, however early
 * somebody typed. Backspace rubs out; Enter (CR or LF) ends the line; other
 * control characters are dropped.
 */
#include "guest/kernel/kernel.h"

#define RING_SIZE 256 /* a power of two */
#define DELETE    0x7f

static char ring[RING_SIZE];
static u32 head, tail; /* free-running */

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

void console_input(char c)
{
    if (head - tail == RING_SIZE)
        return;
    ring[head++ % RING_SIZE] = c;
    wake(ring);
}

static char next_char(void)
{
    while (head == tail)
        sleep_on(ring);
    return ring[tail++ % RING_SIZE];
}

int console_read(char *line, u32 size)
{
    u32 n = 0;

    for (;;) {
        char c = next_char();

        if (c == '\r' || c == '\n')
            break;
        if ((c == '\b' || c == DELETE) && n > 0) {
            n--;
            console_write("\b \b", 3);
        } else if (c >= ' ' && c < DELETE && n < size) {
            line[n++] = c;
            console_write(&c, 1);
        }
    }
    console_write("\n", 1);
    return (int)n;
}
