/* SPDX-License-Identifier: MIT
 *
 * Lists the processes: who they are, whose children, how many pages each has
 * in memory and on the disk, and in which of the textbook's states it is.
 *
 * The table is read a row at a time, so it is not one moment's picture: a
 * process may end in between. This program itself is the one that runs.
 */
#include "guest/user/user.h"

int main(int argc, char **argv)
{
    struct ps_entry row;

    printf("  pid parent pages swapped   state name\n");
    for (u32 i = 0; sys(SYS_PS, i, (u32)&row, 0) == 0; i++)
        if (row.pid)
            printf("%5d %6d %5u %7u %7s %s\n", row.pid, row.parent, row.pages,
                   row.swapped, row.state, row.name);
    return 0;
}
