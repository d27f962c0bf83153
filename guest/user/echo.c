/* SPDX-License-Identifier: MIT
 *
 * Says its arguments: the smallest program that is of use, and what
 * spawnmany runs two hundred times.
 */
#include "guest/user/user.h"

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        printf(i + 1 < argc ? "%s " : "%s\n", argv[i]);
    return 0;
}
