/* SPDX-License-Identifier: MIT
 *
 * The hosted machine's console: stdin and stdout.
 *
 * At a terminal it is live: raw, every key at once, Ctrl-C for the guest, and
 * a halted machine really sleeps until its next deadline or a key. Anything
 * else on stdin is a script (arch_hosted_script.c). When both are gdb's wire
 * (arch_hosted_wire.c), the console is stderr and nobody types.
 *
 * The end of the program is here too: what it has run goes to stderr, so that
 * the VMM's own words stay the last ones on the console.
 */
#include "tests/fake/arch_hosted.h"
#include "vmm/base/bits.h"
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

#define MS_NS       1000000u
#define STATUS_LOST 1

static struct {
    const char *first; /* typed before anything else */
    int out;
    bool terminal, over;
    struct termios before;
} console;

static void restore(void)
{
    if (console.terminal)
        tcsetattr(STDIN_FILENO, TCSANOW, &console.before);
}

static void killed(int number)
{
    restore();
    signal(number, SIG_DFL);
    raise(number);
}

static void make_raw(void)
{
    struct termios raw = console.before;

    raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IXON | ISTRIP);
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG | IEXTEN);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    atexit(restore);
    signal(SIGTERM, killed);
    signal(SIGABRT, killed);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_set_death_callback(restore);
#endif
}

void hosted_console_init(const char *first)
{
    console.first = first;
    console.out = hosted_wire_stdio() ? STDERR_FILENO : STDOUT_FILENO;
    console.terminal =
        !hosted_wire_stdio() && tcgetattr(STDIN_FILENO, &console.before) == 0;
    if (console.terminal)
        make_raw();
    else
        hosted_script_init(first);
}

static bool has_key(void)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

    return *console.first || (!console.over && poll(&p, 1, 0) == 1);
}

bool arch_console_read(u8 *byte)
{
    if (!console.terminal)
        return hosted_script_key(byte);
    if (!has_key())
        return false;
    if (*console.first) {
        *byte = (u8)*console.first++;
        return true;
    }
    console.over = read(STDIN_FILENO, byte, 1) != 1;
    return !console.over;
}

bool arch_key_read(u8 *scancode)
{
    return false;
}

static u64 real_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

/* Until a key is struck or something comes by gdb's wire; poll() leaves out
 * what is -1. */
static bool wait_for_people(int timeout_ms)
{
    struct pollfd p[2] = {{.fd = -1, .events = POLLIN},
                          {.fd = -1, .events = POLLIN}};

    hosted_wire_file(&p[0].fd);
    if (console.terminal && !console.over)
        p[1].fd = STDIN_FILENO;
    return hosted_wire_waits() || *console.first || poll(p, 2, timeout_ms) > 0;
}

u64 hosted_console_wait(u64 ns)
{
    int file;
    u64 start;

    if (!console.terminal)
        ns = hosted_script_rest(ns);
    if (!console.terminal && !hosted_wire_file(&file))
        return ns;
    start = real_ns();
    if (!wait_for_people((int)((ns + MS_NS - 1) / MS_NS)))
        return ns;
    return min_u64(ns, real_ns() - start);
}

void arch_console_write(const char *text, size_t len)
{
    hosted_script_printed(text, len);
    while (len) {
        ssize_t done = write(console.out, text, len);
        if (done < 0)
            exit(STATUS_LOST); /* nobody listens any more */
        text += done;
        len -= (size_t)done;
    }
}

void arch_screen_show(const u16 *cells, u32 cursor, const char *title)
{
}

void arch_screen_back(int lines)
{
}

void arch_screen_panic(void)
{
}

void hosted_say(const char *format, ...)
{
    va_list args;

    fputs("trapline-host: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\n", stderr);
}

void hosted_end(u32 status)
{
    hosted_flush();
    hosted_say("%llu instructions, %llu exits, %llu interpreted, "
               "%llu.%06llu ms of machine time",
               (unsigned long long)hosted.instructions,
               (unsigned long long)hosted.exits,
               (unsigned long long)hosted_interpreted(),
               (unsigned long long)(hosted.now / MS_NS),
               (unsigned long long)(hosted.now % MS_NS));
    exit((int)(status & 0xff));
}

void arch_poweroff(u32 status)
{
    hosted_end(status);
}

/* abort(), so that a debugger or the sanitizer shows the way here. */
void arch_panic(const char *format, ...)
{
    va_list args;

    fputs("trapline: panic: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\n", stderr);
    if (arch_panic_hook)
        arch_panic_hook();
    abort();
}
