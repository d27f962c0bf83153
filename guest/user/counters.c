/* SPDX-License-Identifier: MIT
 *
 * Two counters, one virtual address, two values: each process has a memory
 * of its own. They run interleaved, by the timer and because they yield, and
 * each watches its variable; the second speaks only when the first has
 * ended. Their exit statuses are the verdict.
 */
#include "guest/user/user.h"

int main(int argc, char **argv)
{
    char line[CMDLINE_SIZE];
    int first, second, status[2] = {-1, -1};

    first = spawn("counter 0 1");
    format_into(line, sizeof(line), "counter 1000 7 %d", first);
    second = spawn(line);
    if (first < 0 || second < 0) {
        printf("counters: a counter did not start.\n");
        return 1;
    }
    wait(first, &status[0]);
    wait(second, &status[1]);
    if (status[0] || status[1]) {
        printf("counters: they disturbed one another.\n");
        return 1;
    }
    printf("counters: neither disturbed the other.\n");
    return 0;
}
