/* SPDX-License-Identifier: MIT
 *
 * The hosted machine's wires (arch.h): --gdb=stdio|PATH and --trace=PATH.
 *
 *   --gdb=stdio   stdin and stdout; the console writes to stderr and nothing
 *                 is typed. For gdb's `target remote | trapline-host ...`.
 *                 When the other side closes it, the machine is switched off.
 *   --gdb=PATH    a character device or a named pipe that is there, or else a
 *                 socket of that name is made, for gdb's `target remote PATH`:
 *                 one peer at a time, and another one after it has left.
 *   --trace=PATH  a file, emptied, or a device, a named pipe or somebody's
 *                 socket, which is waited for whenever it takes no more. So
 * tracing to a file loses nothing, and a run is the same each time.
 *
 * A byte that waits on the gdb wire ends arch_idle() at once and the turn of a
 * guest that runs at the next tick at the latest.
 *
 * LIMIT: with --gdb a halted machine sleeps for as long as it says, as at a
 * terminal, because a person's time is real; such a run does not repeat.
 */
#define _GNU_SOURCE /* accept4() */
#include "tests/fake/arch_hosted.h"
#include "vmm/base/bits.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#define INPUT_SIZE   4096
#define CHUNK        512
#define STATUS_USAGE 2

static struct {
    bool present, stdio;
    int listener; /* of the socket; else -1 */
    int in, out;  /* -1: nobody is there */
    const char *path;
    u8 input[INPUT_SIZE];
    size_t have, next;
} gdb = {.listener = -1, .in = -1, .out = -1};

static int trace = -1;

static _Noreturn void refuse(const char *path)
{
    hosted_say("%s cannot be a wire: %m", path);
    exit(STATUS_USAGE);
}

static void remove_socket(void)
{
    unlink(gdb.path);
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(at.sun_path)) {
        errno = ENAMETOOLONG;
        refuse(path);
    }
    memcpy(at.sun_path, path, strlen(path));
    return at;
}

static void listen_at(const char *path)
{
    struct sockaddr_un at = address_of(path);

    gdb.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (gdb.listener < 0 ||
        bind(gdb.listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        listen(gdb.listener, 1) < 0)
        refuse(path);
    atexit(remove_socket);
}

static void make_raw(int file)
{
    struct termios raw;

    if (tcgetattr(file, &raw) < 0)
        return;
    cfmakeraw(&raw);
    tcsetattr(file, TCSANOW, &raw);
}

static void open_device(const char *path)
{
    gdb.in = gdb.out = open(path, O_RDWR | O_NOCTTY);
    if (gdb.in < 0)
        refuse(path);
    make_raw(gdb.in);
}

void hosted_wire_gdb(const char *path)
{
    struct stat facts;
    bool found = stat(path, &facts) == 0;

    signal(SIGPIPE, SIG_IGN);
    gdb.present = true;
    gdb.path = path;
    gdb.stdio = strcmp(path, "stdio") == 0;
    if (gdb.stdio) {
        gdb.in = STDIN_FILENO;
        gdb.out = STDOUT_FILENO;
    } else if (found && !S_ISSOCK(facts.st_mode)) {
        open_device(path);
    } else {
        if (found) /* a run that was killed has left it */
            unlink(path);
        listen_at(path);
    }
}

static int connect_to(const char *path)
{
    struct sockaddr_un at = address_of(path);
    int file = socket(AF_UNIX, SOCK_STREAM, 0);

    if (file >= 0 && connect(file, (struct sockaddr *)&at, sizeof(at)) < 0)
        return -1;
    return file;
}

void hosted_wire_trace(const char *path)
{
    struct stat facts = {0};

    signal(SIGPIPE, SIG_IGN);
    if (stat(path, &facts) == 0 && S_ISFIFO(facts.st_mode))
        hosted_say("waiting for somebody to read %s", path);
    if (S_ISSOCK(facts.st_mode))
        trace = connect_to(path);
    else
        trace = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0666);
    if (trace < 0)
        refuse(path);
    make_raw(trace);
}

bool hosted_wire_stdio(void)
{
    return gdb.stdio;
}

bool arch_wire_present(enum arch_wire wire)
{
    return wire == ARCH_WIRE_GDB ? gdb.present : trace >= 0;
}

/* The peer has left. */
static void gone(void)
{
    if (gdb.stdio) {
        hosted_say("the other side of the gdb wire is closed");
        hosted_end(0);
    }
    if (gdb.listener < 0)
        return; /* a device: whoever left may come back */
    close(gdb.in);
    gdb.in = gdb.out = -1;
}

static bool ready(int file, short what)
{
    struct pollfd p = {.fd = file, .events = what};

    return poll(&p, 1, 0) == 1;
}

static void fill(void)
{
    ssize_t got;

    if (gdb.listener >= 0 && gdb.in < 0)
        gdb.in = gdb.out = accept4(gdb.listener, NULL, NULL, 0);
    if (gdb.in < 0 || !ready(gdb.in, POLLIN))
        return;
    got = read(gdb.in, gdb.input, sizeof(gdb.input));
    gdb.next = 0;
    gdb.have = got > 0 ? (size_t)got : 0;
    if (got <= 0)
        gone();
}

bool arch_wire_read(enum arch_wire wire, u8 *byte)
{
    if (wire != ARCH_WIRE_GDB || !gdb.present)
        return false;
    if (gdb.next == gdb.have)
        fill();
    if (gdb.next == gdb.have)
        return false;
    *byte = gdb.input[gdb.next++];
    return true;
}

bool hosted_wire_file(int *file)
{
    *file = gdb.in >= 0 ? gdb.in : gdb.listener;
    return gdb.present;
}

bool hosted_wire_waits(void)
{
    return gdb.next < gdb.have;
}

/* As much as fits: what poll() calls writable takes a CHUNK at once. */
static size_t write_gdb(const u8 *data, size_t len)
{
    ssize_t done;

    if (gdb.out < 0 || !ready(gdb.out, POLLOUT))
        return 0;
    done = write(gdb.out, data, min_u64(len, CHUNK));
    if (done < 0)
        gone();
    return done < 0 ? 0 : (size_t)done;
}

static size_t write_trace(const u8 *data, size_t len)
{
    size_t at = 0;

    while (at < len) {
        ssize_t done = write(trace, data + at, len - at);
        if (done < 0) {
            hosted_say("the trace ends here: %m");
            close(trace);
            trace = -1;
            break;
        }
        at += (size_t)done;
    }
    return at;
}

size_t arch_wire_write(enum arch_wire wire, const u8 *data, size_t len)
{
    if (!arch_wire_present(wire))
        return 0;
    return wire == ARCH_WIRE_GDB ? write_gdb(data, len)
                                 : write_trace(data, len);
}
