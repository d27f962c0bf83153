/* SPDX-License-Identifier: MIT
 *
 * What a program of Hare may use: the system calls, the few of them that are
 * wrapped in a function, and printf(). Numbers and errors are in abi.h.
 * A program includes nothing else.
 */
#ifndef HARE_USER_H
#define HARE_USER_H

#include "guest/include/abi.h"
#include "guest/include/lib.h"

#define MAX_ARGS 8

int main(int argc, char **argv);
void program(char *cmdline) __attribute__((noreturn));

int sys(u32 number, u32 a, u32 b, u32 c);

typedef void handler_fn(int signal, struct sigframe *f);
/* The handler before, or an error; SIG_DEFAULT and SIG_IGNORE are two. */
int signal(int number, handler_fn *handler);
void signal_return(void);                   /* crt.S */
void skip2(int signal, struct sigframe *f); /* go on two bytes further */
int kill(int pid, int signal);
int sleep(u32 ticks);

void exit(int status) __attribute__((noreturn));
int spawn(const char *cmdline);
int wait(int pid, int *status); /* waits for its end */
int run(const char *cmdline);   /* spawn and wait: the status, or an error */
void printf(const char *f, ...) __attribute__((format(printf, 1, 2)));
void format_into(char *to, u32 size, const char *f, ...)
    __attribute__((format(printf, 3, 4)));
const char *error_text(int error);

static inline int was_killed(int status) /* by a signal */
{
    return status < STATUS_KILLED && status > STATUS_KILLED - SIG_COUNT;
}

static inline u64 rdtsc(void)
{
    u64 value;

    asm volatile("rdtsc" : "=A"(value));
    return value;
}

#endif
