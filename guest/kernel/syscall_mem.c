/* SPDX-License-Identifier: MIT
 *
 * The system calls of memory: what a program may ask of its address space,
 * and what it may know about it. The work is done in region.c, space.c and
 * ldt.c; a program may ask about another process, too, as with PS.
 */
#include "guest/kernel/file.h"
#include "guest/kernel/kernel.h"
#include "guest/kernel/syscalls.h"

int sys_sbrk(struct frame *f)
{
    return space_sbrk(&current->space, (s32)f->ebx);
}

int sys_mmap(struct frame *f)
{
    return space_map(&current->space, f->ebx);
}

int sys_munmap(struct frame *f)
{
    return space_unmap(&current->space, f->ebx, f->ecx);
}

int sys_segment(struct frame *f)
{
    return space_segment(&current->space, f->ebx, f->ecx, f->edx);
}

int sys_mem(struct frame *f)
{
    struct mem_info info = {
        .mib = frames_mib(),
        .total = frames_total(),
        .free = frames_free_count(),
        .shared = frames_shared(),
        .tables = space_tables(),
        .files = fs_pages() + text_frames(),
    };

    return user_write(f->ebx, &info, sizeof(info));
}

int sys_vmstat(struct frame *f)
{
    const struct proc *p = f->ebx ? proc_find((s32)f->ebx) : current;
    const struct space *s;
    struct vm_info info;

    if (!p || !p->space.dir)
        return ERR_SRCH;
    s = &p->space;
    info = (struct vm_info){
        .resident = s->resident,
        .shared = space_shared(s),
        .swapped = s->swapped,
        .mapped = space_mapped(s),
        .tables = s->tables,
        .zero_faults = s->zero_faults,
        .copy_faults = s->copy_faults,
        .file_faults = s->file_faults,
        .swap_faults = s->swap_faults,
    };
    return user_write(f->ecx, &info, sizeof(info));
}
