/* SPDX-License-Identifier: MIT
 *
 * What the files of usertests share. A check runs in a process of its own,
 * so it may lose its memory, its files or its life; it passes if that process
 * ends with status 0, and fails by expect().
 */
#ifndef HARE_USERTESTS_H
#define HARE_USERTESTS_H

#include "guest/user/user.h"

#define PAGE_SIZE 4096
#define KERNEL    0xc0100000
#define HOLE      0x40000000 /* between heap and mapped pages */
#define FILE_NAME "usertest"

typedef void check_fn(u32 arg);

struct test {
    const char *name;
    check_fn *run;
    u32 arg;
};

/* Each ends with a name of NULL. */
extern const struct test pointer_tests[], process_tests[], exec_tests[],
    memory_tests[], signal_tests[], file_tests[], pipe_tests[], turn_tests[],
    hard_tests[], swap_tests[], random_tests[], ring3_tests[];

void expect(int holds, const char *what); /* or it is said, and exit(1) */
void expect_is(int value, int wanted, const char *what);
int getpid(void);
int start(check_fn *run, u32 arg);   /* a child that does it, exits with 0 */
int end_of(int pid);                 /* the child's status */
int outcome(check_fn *run, u32 arg); /* start() and end_of() */
int state_of(int pid, const char *state); /* whether ps shows it so */
void until(int pid, const char *state);   /* a while at most */
void stay(u32 unused);                    /* until somebody kills it */

/* Touches an address: 1 if that is a fault, which costs nothing else. */
int faults(u32 address, int write);

/* What a program is asked to do that one of the checks executes. */
#define ERRAND_DONE 9
int errand(int argc, char **argv);

#endif
