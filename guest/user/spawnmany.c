/* SPDX-License-Identifier: MIT
 *
 * Runs a hundred programs one after another, then asks whether all their
 * memory came back: directories, page tables, pages and kernel stacks.
 * One lost page per program would show as a hundred.
 */
#include "guest/user/user.h"

#define TIMES 100

static u32 free_pages(void)
{
    struct mem_info m;

    sys(SYS_MEM, (u32)&m, 0, 0);
    return m.free;
}

int main(int argc, char **argv)
{
    u32 before = free_pages(), after;

    for (u32 i = 0; i < TIMES; i++)
        if (run("echo") != 0) {
            printf("spawnmany: program %u failed.\n", i + 1);
            return 1;
        }
    after = free_pages();
    printf("spawnmany: %u programs; %u pages free before, %u after: %s\n",
           TIMES, before, after, before == after ? "ok" : "LOST");
    return before == after ? 0 : 1;
}
