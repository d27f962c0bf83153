/* SPDX-License-Identifier: MIT
 *
 * wc [FILE]...: how many lines, words and bytes.
 * A word is what stands between spaces, tabs and newlines. With several
 * files each has its own line; there is no sum.
 */
#include "guest/user/user.h"

static int count(int fd, const char *name)
{
    u32 lines = 0, words = 0, bytes = 0;
    int inside = 0, got;
    char text[512];

    while ((got = read(fd, text, sizeof(text))) > 0) {
        for (int i = 0; i < got; i++) {
            int space = text[i] == ' ' || text[i] == '\n' || text[i] == '\t';

            lines += text[i] == '\n';
            words += !space && !inside;
            inside = !space;
        }
        bytes += (u32)got;
    }
    if (got == 0)
        printf("%7u %7u %7u%s%s\n", lines, words, bytes, *name ? " " : "",
               name);
    return got;
}

int main(int argc, char **argv)
{
    return for_files(argc, argv, 1, count);
}
