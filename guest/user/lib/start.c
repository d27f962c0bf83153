/* SPDX-License-Identifier: MIT
 *
 * Between crt.S and main(): the kernel gives a program its command line as
 * one text, this splits it into words in place, and what main() returns is
 * the program's status. There is nothing to be closed or flushed at the end:
 * the kernel does it.
 */
#include "guest/user/user.h"

const char *program_name;

void program(char *cmdline)
{
    char *argv[MAX_ARGS + 1];
    int argc = split_words(cmdline, argv, MAX_ARGS);

    program_name = argc ? argv[0] : "";
    exit(main(argc, argv));
}

void exit(int status)
{
    for (;;)
        sys(SYS_EXIT, (u32)status, 0, 0);
}
