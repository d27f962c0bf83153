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

#define MAX_ARGS 64 /* no command line has more words */

#define LINE_END   (-100) /* of getline() and next_line(): no more lines */
#define WRITE_FILE (OPEN_WRITE | OPEN_CREATE | OPEN_EMPTY)

int main(int argc, char **argv);
extern const char *program_name; /* the command line's first word */
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
int fork(void);                 /* 0 in the child */
int exec(const char *cmdline);  /* returns only with an error */
int wait(int pid, int *status); /* waits for its end */
/* A child that runs it: its pid. What cannot be run ends with the error as
 * its status. */
int spawn(const char *cmdline);
int run(const char *cmdline); /* spawn and wait: the status, or an error */
void printf(const char *f, ...) __attribute__((format(printf, 1, 2)));
void format_into(char *to, u32 size, const char *f, ...)
    __attribute__((format(printf, 3, 4)));
void dprintf(int fd, const char *f, ...) __attribute__((format(printf, 2, 3)));
const char *error_text(int error);

static inline int was_killed(int status) /* by a signal */
{
    return status < STATUS_KILLED && status > STATUS_KILLED - SIG_COUNT;
}

/* lib/calls.c */
int open(const char *name, u32 flags);
int close(int fd);
int read(int fd, void *to, u32 size);
int write(int fd, const void *from, u32 n);
int write_all(int fd, const void *from, u32 n); /* 0, or an error */
int dup2(int fd, int to);
int pipe(int fds[2]); /* to read from, to write to */
int unlink(const char *name);

/* lib/malloc.c */
void *malloc(u32 bytes); /* NULL: there is no more memory */
void free(void *memory);

/* lib/lines.c: the length of the line, LINE_END, or an error */
struct reader {
    int fd;
    u32 at, count;
    char bytes[512];
};

int getline(int fd, char *line, u32 size);
int next_line(struct reader *r, char *line, u32 size);
int split_words(char *line, char **words, int max);

/* lib/filter.c: calls each() for every file that is named, or for what is
 * read from descriptor 0; 1 if one of them could not be read. */
typedef int each_fn(int fd, const char *name);
int for_files(int argc, char **argv, int first, each_fn *each);

/* lib/policy.c: of scheduling; 0, a number, or an error */
int policy_by_name(const char *name);
int set_knob(const char *word);               /* "slice=1/2/4" */
int numbers(const char *s, u32 *to, u32 max); /* "1/2/4": how many */
void restore_policy(const struct sched_info *info);

/* Whether a call's answer is an error; addresses look negative, too. */
static inline int is_error(int answer)
{
    return answer < 0 && answer > -(int)SYS_COUNT;
}

static inline u64 rdtsc(void)
{
    u64 value;

    asm volatile("rdtsc" : "=A"(value));
    return value;
}

#endif
