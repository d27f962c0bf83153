/* SPDX-License-Identifier: MIT
 *
 * A terminal for tests of what is printed: it holds all that came since it was
 * wiped. What would not fit ends the test, so that nothing is compared that was
 * cut.
 */
#ifndef TESTS_UNIT_SCREEN_H
#define TESTS_UNIT_SCREEN_H

#include <stdlib.h>
#include <string.h>

static char screen[1 << 20];
static size_t screen_len;

/* For struct sink. */
static void capture(void *ctx, const char *text, size_t len)
{
    if (len > sizeof(screen) - 1 - screen_len)
        abort();
    memcpy(screen + screen_len, text, len);
    screen_len += len;
    screen[screen_len] = 0;
}

static void wipe(void)
{
    screen_len = 0;
    screen[0] = 0;
}

#endif
