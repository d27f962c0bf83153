/* SPDX-License-Identifier: MIT
 *
 * ls: every file with its size. Those marked "fixed" are the programs of
 * the boot archive, which can only be read; a removed file that somebody
 * still has open has no name any more, and is not told.
 */
#include "guest/user/user.h"

int main(int argc, char **argv)
{
    struct dir_entry row;

    for (u32 i = 0; sys(SYS_READDIR, i, (u32)&row, 0) == 0; i++)
        if (row.name[0])
            printf("%7u %s %s\n", row.size, row.fixed ? "fixed" : "     ",
                   row.name);
    return 0;
}
