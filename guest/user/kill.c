/* SPDX-License-Identifier: MIT
 *
 * Sends a signal to processes: kill [-NAME] PID [PID...]. Without a name it
 * is TERM, which a program may handle; KILL it may not.
 *
 * Every process that is named is tried, whatever became of the ones before
 * it; the exit status is 0 only when each of them took the signal.
 */
#include "guest/user/user.h"

static const char *const names[SIG_COUNT] = {
    [SIG_INT] = "INT",   [SIG_KILL] = "KILL", [SIG_SEGV] = "SEGV",
    [SIG_FPE] = "FPE",   [SIG_ILL] = "ILL",   [SIG_PIPE] = "PIPE",
    [SIG_TERM] = "TERM", [SIG_USR] = "USR",   [SIG_CHLD] = "CHLD",
};

static int number_of(const char *name)
{
    for (int i = 1; i < SIG_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return 0;
}

static int send(const char *who, int signal)
{
    int error = kill((int)parse_u32(who), signal);

    if (error)
        printf("kill: process %s: %s.\n", who,
               error == ERR_INVAL ? "it is init, which takes no signals"
                                  : error_text(error));
    return error;
}

int main(int argc, char **argv)
{
    int signal = SIG_TERM, first = 1, failed = 0;

    if (argc > 1 && argv[1][0] == '-') {
        signal = number_of(argv[1] + 1);
        first = 2;
        if (!signal) {
            printf("kill: there is no signal %s; there are", argv[1] + 1);
            for (int i = 1; i < SIG_COUNT; i++)
                printf(" %s", names[i]);
            printf(".\n");
            return 2;
        }
    }
    if (first >= argc) {
        printf("kill: which process? kill [-SIGNAL] PID...\n");
        return 2;
    }
    for (int i = first; i < argc; i++)
        failed |= send(argv[i], signal) != 0;
    return failed;
}
