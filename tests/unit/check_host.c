/* SPDX-License-Identifier: MIT
 *
 * CHECK() on the host: say where, and let the sanitizer print the stack.
 */
#include "vmm/base/check.h"
#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *file, int line, const char *expr)
{
    fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, expr);
    abort();
}
