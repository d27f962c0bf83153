/* SPDX-License-Identifier: MIT
 *
 * What cat, wc, head and grep have in common: they work on the files that
 * are named, one after another, and on descriptor 0 when none is.
 * What fails is told with the program's and the file's name, and the others
 * are still worked on.
 */
#include "guest/user/user.h"

static int one_file(const char *self, const char *name, each_fn *each)
{
    int fd = open(name, OPEN_READ);
    int error = fd < 0 ? fd : each(fd, name);

    if (fd >= 0)
        close(fd);
    if (error < 0)
        dprintf(2, "%s: %s: %s.\n", self, name, error_text(error));
    return error < 0;
}

int for_files(int argc, char **argv, int first, each_fn *each)
{
    int bad = 0;

    if (first >= argc) {
        bad = each(0, "");
        if (bad < 0)
            dprintf(2, "%s: %s.\n", argv[0], error_text(bad));
        return bad < 0;
    }
    for (int i = first; i < argc; i++)
        bad |= one_file(argv[0], argv[i], each);
    return bad;
}
