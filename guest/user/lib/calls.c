/* SPDX-License-Identifier: MIT
 *
 * System calls as functions. Each answers what the kernel does: a number, or
 * a negative error of abi.h.
 * LIMIT: only those that several programs use have a function; the others
 * are called by sys() where they are used.
 */
#include "guest/user/user.h"

int fork(void)
{
    return sys(SYS_FORK, 0, 0, 0);
}

int exec(const char *cmdline)
{
    return sys(SYS_EXEC, (u32)cmdline, 0, 0);
}

int spawn(const char *cmdline)
{
    int pid = fork();

    if (pid == 0)
        exit(exec(cmdline));
    return pid;
}

int wait(int pid, int *status)
{
    int ended;

    do
        ended = sys(SYS_WAIT, (u32)pid, (u32)status, 0);
    while (ended == ERR_INTR);
    return ended;
}

int run(const char *cmdline)
{
    int status, pid = spawn(cmdline);

    if (pid < 0)
        return pid;
    wait(pid, &status);
    return status;
}

int signal(int number, handler_fn *handler)
{
    return sys(SYS_SIGNAL, (u32)number, (u32)handler, (u32)signal_return);
}

void skip2(int signal, struct sigframe *f)
{
    f->eip += 2;
}

int kill(int pid, int signal)
{
    return sys(SYS_KILL, (u32)pid, (u32)signal, 0);
}

int sleep(u32 ticks)
{
    return sys(SYS_SLEEP, ticks, 0, 0);
}

int open(const char *name, u32 flags)
{
    return sys(SYS_OPEN, (u32)name, flags, 0);
}

int close(int fd)
{
    return sys(SYS_CLOSE, (u32)fd, 0, 0);
}

int read(int fd, void *to, u32 size)
{
    return sys(SYS_READ, (u32)fd, (u32)to, size);
}

int write(int fd, const void *from, u32 n)
{
    return sys(SYS_WRITE, (u32)fd, (u32)from, n);
}

int dup2(int fd, int to)
{
    return sys(SYS_DUP2, (u32)fd, (u32)to, 0);
}

int pipe(int fds[2])
{
    return sys(SYS_PIPE, (u32)fds, 0, 0);
}

int unlink(const char *name)
{
    return sys(SYS_UNLINK, (u32)name, 0, 0);
}

int write_all(int fd, const void *from, u32 n)
{
    u32 done = 0;

    while (done < n) {
        int put = write(fd, (const char *)from + done, n - done);

        if (put == ERR_INTR)
            continue;
        if (put < 0)
            return put;
        done += (u32)put;
    }
    return 0;
}
