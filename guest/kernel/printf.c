/* SPDX-License-Identifier: MIT
 *
 * printf() for the kernel, and panic(), which is printf() and the end.
 *
 * The shared formatter hands out single bytes; they are gathered, so that
 * the console is written a run at a time. Both devices like that: the
 * serial FIFO takes 16 bytes per poll, the screen one cursor move per run.
 */
#include "guest/kernel/kernel.h"

struct gather {
    u32 n;
    char text[128];
};

static void put(void *ctx, char c)
{
    struct gather *g = ctx;

    g->text[g->n++] = c;
    if (g->n < sizeof(g->text))
        return;
    console_write(g->text, g->n);
    g->n = 0;
}

static void vprintf(const char *f, va_list args)
{
    struct gather g;

    g.n = 0;
    format(put, &g, f, args);
    if (g.n)
        console_write(g.text, g.n);
}

void printf(const char *f, ...)
{
    va_list args;

    va_start(args, f);
    vprintf(f, args);
    va_end(args);
}

/* Telling may itself fault, and that is a panic, too: it must not be told. */
void panic(const char *f, ...)
{
    static const char again[] =
        "\nhare: panic: the panic's own report failed.\n";
    static int telling;
    va_list args;

    if (telling++) {
        console_write(again, sizeof(again) - 1);
        machine_end(SHUTDOWN_FAIL);
    }
    printf("hare: panic: ");
    va_start(args, f);
    vprintf(f, args);
    va_end(args);
    printf("\n");
    machine_end(SHUTDOWN_FAIL);
}
