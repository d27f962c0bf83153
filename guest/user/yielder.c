/* SPDX-License-Identifier: MIT
 *
 * Gives way for ever: the other side of the context switch benchmark, which
 * kills it. With nobody else ready each call returns at once, so alone it
 * is only a busy loop that is easy to interrupt.
 */
#include "guest/user/user.h"

int main(int argc, char **argv)
{
    for (;;)
        sys(SYS_YIELD, 0, 0, 0);
}
