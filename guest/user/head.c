/* SPDX-License-Identifier: MIT
 *
 * head [-LINES] [FILE]...: the first lines, ten unless told otherwise. It
 * leaves then, and a producer that still writes into its pipe is ended by a
 * signal: `yes | head` comes to an end.
 */
#include "guest/user/user.h"

static u32 wanted = 10;

static int first_lines(int fd, const char *name)
{
    struct reader r = {.fd = fd};
    char line[256];
    int n = 0;

    for (u32 i = 0; i < wanted; i++) {
        n = next_line(&r, line, sizeof(line));
        if (n < 0)
            break;
        printf("%s\n", line);
    }
    return n < 0 && n != LINE_END ? n : 0;
}

int main(int argc, char **argv)
{
    int first = 1;

    if (argc > 1 && argv[1][0] == '-') {
        wanted = parse_u32(argv[1] + 1);
        first = 2;
    }
    return for_files(argc, argv, first, first_lines);
}
