/* SPDX-License-Identifier: MIT
 *
 * yes [WORDS]: says them, or "y", line after line, until it is ended: by
 * Ctrl-C, by kill, or by the pipe that nobody reads any more.
 * It is the producer that `yes | head` shows a pipe with.
 */
#include "guest/user/user.h"

int main(int argc, char **argv)
{
    for (;;) {
        for (int i = 1; i < argc; i++)
            printf(i + 1 < argc ? "%s " : "%s\n", argv[i]);
        if (argc < 2)
            printf("y\n");
    }
}
