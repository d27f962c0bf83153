/* SPDX-License-Identifier: MIT
 *
 * What the shell's lines mean.
 *
 *   line     job [; job]... , where & in the place of ; means: do not wait
 *   job      command [| command]...
 *   command  words, and among them < FILE, > FILE or >> FILE
 *
 * A word may hold parts in quotation marks; the word $? is the last status.
 * One job is taken apart at a time, so of `a ; b |` the first is run before
 * the second is found to be wrong.
 */
#ifndef HARE_JOB_H
#define HARE_JOB_H

#include "guest/include/abi.h"

#define COMMANDS  8
#define LINE_SIZE 256

struct command {
    char line[CMDLINE_SIZE];
    char from[NAME_SIZE], to[NAME_SIZE];
    u32 flags; /* to open `to` with */
};

struct job {
    struct command command[COMMANDS];
    u32 count;
    int background;
};

/* "sh: WHICHWHAT." on descriptor 2; always 0. */
int job_complain(const char *what, const char *which);
/* The next job of the line; 0: there is none, or a sentence said why. */
int job_parse(const char **line, struct job *job, int last_status);

#endif
