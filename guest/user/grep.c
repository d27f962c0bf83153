/* SPDX-License-Identifier: MIT
 *
 * grep [-v] TEXT [FILE]...: the lines that hold the text, or with -v those
 * that do not. A text is what it is; there are no patterns. Its status is 0
 * when a line was found.
 */
#include "guest/user/user.h"

static const char *wanted;
static int inverted, found;

static int holds(const char *line, const char *text)
{
    for (; *line; line++)
        if (starts_with(line, text))
            return 1;
    return !*text;
}

static int search(int fd, const char *name)
{
    struct reader r = {.fd = fd};
    char line[512];
    int n;

    while ((n = next_line(&r, line, sizeof(line))) >= 0)
        if (holds(line, wanted) != inverted) {
            found = 1;
            printf("%s\n", line);
        }
    return n == LINE_END ? 0 : n;
}

int main(int argc, char **argv)
{
    int first = 2;

    inverted = argc > 1 && strcmp(argv[1], "-v") == 0;
    first += inverted;
    if (argc < first) {
        dprintf(2, "grep: which text? grep [-v] TEXT [FILE]...\n");
        return 2;
    }
    wanted = argv[first - 1];
    if (for_files(argc, argv, first, search))
        return 2;
    return !found;
}
