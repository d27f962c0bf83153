/* SPDX-License-Identifier: MIT
 *
 * rm FILE...: takes the files' names away. What is open stays readable for
 * those who have it open.
 * Programs of the boot archive cannot be removed.
 */
#include "guest/user/user.h"

int main(int argc, char **argv)
{
    int bad = 0;

    if (argc < 2) {
        dprintf(2, "rm: which file?\n");
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        int error = unlink(argv[i]);

        if (error) {
            dprintf(2, "rm: %s: %s.\n", argv[i], error_text(error));
            bad = 1;
        }
    }
    return bad;
}
