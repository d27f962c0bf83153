/* SPDX-License-Identifier: MIT
 *
 * Shows what the swapper did. `swapstat NAME` first makes NAME the policy that
 * finds victims from now on, for all programs. An eviction without a write is
 * one of a page that had not changed since it came: the dirty bit's use.
 */
#include "guest/user/user.h"

static void list_names(void)
{
    char name[NAME_SIZE];

    printf("policies:");
    for (u32 i = 0; sys(SYS_SWAPCTL, SWAP_NAME, i, (u32)name) == 0; i++)
        printf(" %s", name);
    printf("\n");
}

int main(int argc, char **argv)
{
    struct swap_info info;

    if (argc > 1 && sys(SYS_SWAPCTL, SWAP_POLICY, (u32)argv[1], 0)) {
        printf("swapstat: there is no policy %s.\n", argv[1]);
        list_names();
        return 1;
    }
    sys(SYS_SWAPSTAT, (u32)&info, 0, 0);
    if (!info.slots) {
        printf("swapstat: there is no disk to swap on; the machine wants one, "
               "and the kernel the word swap=format.\n");
        return 1;
    }
    printf("policy %s\n", info.policy);
    printf("%u of %u pages of swap used\n", info.used, info.slots);
    printf("%u pages could be evicted\n", info.candidates);
    printf("%u evictions, %u of them without a write\n", info.evictions,
           info.evictions - info.writes);
    printf("%u pages read, %u written\n", info.reads, info.writes);
    return 0;
}
