/* SPDX-License-Identifier: MIT
 *
 * The first process. Without arguments it runs a shell and takes in orphans;
 * a shell that left is the end of the machine, one that was killed is begun
 * anew. With a list PROGRAM[,PROGRAM...] it runs those one after another
 * and ends the machine; a colon stands for the space before an argument,
 * which a boot command line cannot hold ("fault:null").
 */
#include "guest/user/user.h"

/* Waits for one child; whatever else ends meanwhile was an orphan. */
static int wait_for(int child)
{
    int status = child;

    while (child > 0 && wait(WAIT_ANY, &status) != child)
        ;
    return status;
}

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
        status = wait_for(spawn(name));
        if (status != 0 && !was_killed(status))
            printf("init: %s ended with status %d.\n", name, status);
    }
    sys(SYS_SHUTDOWN, SHUTDOWN_OK, 0, 0);
}

int main(int argc, char **argv)
{
    int status;

    if (argc > 1)
        run_list(argv[1]);
    for (;;) {
        status = wait_for(spawn("sh"));
        if (status < 0 && !was_killed(status))
            return status; /* there is no shell, or no memory for it */
        if (status >= 0)
            sys(SYS_SHUTDOWN, SHUTDOWN_OK, 0, 0);
    }
}
