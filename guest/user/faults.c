/* SPDX-License-Identifier: MIT
 *
 * Every fault maker in turn, and a count of those that were dealt with: the
 * kernel stopped it, or it got an error for an answer. One that ends in any
 * other way did what no program may, and is named. That this program still
 * runs behind them is the other half of the proof.
 */
#include "guest/user/user.h"

static const char *const kinds[] = {
    "divide",      "overflow",     "null",         "null-write", "hole",
    "kernel-read", "kernel-write", "jump",         "text",       "cli",
    "hlt",         "out",          "cr3",          "gate",       "segment",
    "undefined",   "breakpoint",   "stack",        "memory",     "syscall",
    "pointer",     "pointer-wrap", "pointer-text",
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

int main(int argc, char **argv)
{
    char line[CMDLINE_SIZE];
    u32 good = 0;

    for (u32 i = 0; i < KINDS; i++) {
        int status;

        format_into(line, sizeof(line), "fault %s", kinds[i]);
        status = run(line);
        if (was_killed(status) || status == 0)
            good++;
        else
            printf("faults: %s ended with status %d.\n", kinds[i], status);
    }
    printf("faults: %u of %u were dealt with.\n", good, (u32)KINDS);
    return good == KINDS ? 0 : 1;
}
