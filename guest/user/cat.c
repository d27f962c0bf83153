/* SPDX-License-Identifier: MIT
 *
 * cat [FILE]...: says what the files hold, one behind the other; without a
 * file, what it reads from descriptor 0.
 * Its buffer is larger than a pipe's atom on purpose: what it writes into a
 * pipe comes in several pieces.
 */
#include "guest/user/user.h"

static int copy(int fd, const char *name)
{
    char bytes[1024];
    int got, error;

    while ((got = read(fd, bytes, sizeof(bytes))) > 0) {
        error = write_all(1, bytes, (u32)got);
        if (error)
            return error;
    }
    return got;
}

int main(int argc, char **argv)
{
    return for_files(argc, argv, 1, copy);
}
