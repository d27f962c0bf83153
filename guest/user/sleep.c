/* SPDX-License-Identifier: MIT
 *
 * Does nothing for so many seconds, as the machine's timer counts them: a
 * process that is BLOCKED while others run. A signal that it would handle
 * could cut a sleep short, but it handles none; so what it was told to sleep
 * it sleeps, or it is ended.
 */
#include "guest/user/user.h"

int main(int argc, char **argv)
{
    int error;

    if (argc != 2 || argv[1][0] < '0' || argv[1][0] > '9') {
        printf("sleep: how long? sleep SECONDS\n");
        return 2;
    }
    error = sleep(parse_u32(argv[1]) * TICKS_PER_SECOND);
    if (error)
        printf("sleep: %s seconds: %s.\n", argv[1], error_text(error));
    return error != 0;
}
