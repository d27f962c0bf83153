/* SPDX-License-Identifier: MIT
 *
 * The first process. Without arguments it keeps a shell running and takes in
 * orphans. With a list PROGRAM[,PROGRAM...] it runs those one after another
 * and ends the machine; a colon stands for the space before an argument,
 * which a boot command line cannot hold ("fault:null").
 */
#include "guest/user/user.h"

static void run_list(char *list)
{
    while (*list) {
        char *name = list;
        int status;

        for (; *list && *list != ','; list++)
            if (*list == ':')
                *list = ' ';
        if (*list)
            *list++ = 0;
        status = run(name);
        if (status != 0 && !was_killed(status))
            printf("init: %s ended with status %d.\n", name, status);
    }
    sys(SYS_SHUTDOWN, SHUTDOWN_OK, 0, 0);
}

int main(int argc, char **argv)
{
    int shell, status, pid;

    if (argc > 1)
        run_list(argv[1]);
    for (;;) {
        shell = spawn("sh");
        if (shell < 0)
            return shell;
        do
            pid = wait(WAIT_ANY, &status);
        while (pid != shell);
        if (status < 0 && !was_killed(status))
            return status; /* there is no shell, or no memory for it */
    }
}
