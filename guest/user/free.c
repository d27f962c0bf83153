/* SPDX-License-Identifier: MIT
 *
 * free: where the machine's pages are.
 * Shared pages are those that more than one process shows; what files hold
 * counts the text that programs share, too.
 */
#include "guest/user/user.h"

int main(int argc, char **argv)
{
    struct mem_info m;
    int error = sys(SYS_MEM, (u32)&m, 0, 0);

    if (error) {
        dprintf(2, "free: %s.\n", error_text(error));
        return 1;
    }
    printf("%u MiB of memory; %u of %u pages free\n", m.mib, m.free, m.total);
    printf("%u pages are shared, %u hold page tables, %u hold files\n",
           m.shared, m.tables, m.files);
    return 0;
}
