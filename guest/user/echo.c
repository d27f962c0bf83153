/* SPDX-License-Identifier: MIT
 *
 * Says its arguments: the smallest program that is of use.
 *
 * It is what spawnmany runs a hundred times, without arguments, and then
 * says nothing at all.
 */
#include "guest/user/user.h"

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        printf(i + 1 < argc ? "%s " : "%s\n", argv[i]);
    return 0;
}
