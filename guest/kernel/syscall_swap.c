/* SPDX-License-Identifier: MIT
 *
 * System calls of the swapper: what it did, which policy finds its victims
 * from now on, and the laboratory's begin and end. Any program may call them:
 * policies differ in how many faults there are, not in what programs see, and
 * a laboratory holds a small number of frames at most.
 */
#include "guest/kernel/kernel.h"
#include "guest/kernel/swap.h"
#include "guest/kernel/syscalls.h"

int sys_swapstat(struct frame *f)
{
    struct swap_info info = {.recorded = lab_recorded()};

    swap_tell(&info);
    evict_tell(&info);
    return user_write(f->ebx, &info, sizeof(info));
}

static int set_policy(u32 from)
{
    char name[NAME_SIZE];
    int error = user_read_string(name, from, sizeof(name));

    return error ? error : evict_set_policy(name);
}

static int tell_name(u32 i, u32 to)
{
    const struct replace_policy *policy = replace_policy(i);
    char name[NAME_SIZE] = "";

    if (!policy)
        return ERR_NOENT;
    str_copy(name, policy->name, sizeof(name));
    return user_write(to, name, sizeof(name));
}

int sys_swapctl(struct frame *f)
{
    switch (f->ebx) {
    case SWAP_POLICY:
        return set_policy(f->ecx);
    case SWAP_NAME:
        return tell_name(f->ecx, f->edx);
    case SWAP_LAB:
        return lab_begin(&current->space, f->ecx, f->edx);
    case SWAP_END:
        return lab_end(&current->space);
    default:
        return ERR_INVAL;
    }
}
