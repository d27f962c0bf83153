/* SPDX-License-Identifier: MIT
 *
 * Loading a program: a 32-bit x86 ELF whose PT_LOAD segments lie in the user
 * part of the address space, below the stack.
 *
 * The new process does not run yet, so its pages are filled through the
 * kernel's view of RAM; no address space is switched. A segment without
 * PF_W becomes read-only pages. What the file does not fill is zero because
 * every new frame is. The heap begins on the page behind the last segment.
 *
 * Every number of the file is checked before it is used; on an error the
 * caller frees the half-made directory. System V ABI, chapters 4 and 5.
 */
#include "arch/x86/defs/pte.h"
#include "guest/kernel/kernel.h"

#define ELF_MAGIC    0x464c457f
#define ELF_CLASS32  1
#define ELF_LSB      1
#define ELF_EXEC     2
#define ELF_MACHINE  3 /* Intel 80386 */
#define PT_LOAD      1
#define SEGMENT_W    2
#define USER_LOWEST  PAGE_SIZE
#define USER_HIGHEST (USER_STACK_TOP - (USER_STACK_PAGES + 1) * PAGE_SIZE)

struct elf_header {
    u32 magic;
    u8 class, order, pad[10];
    u16 type, machine;
    u32 version, entry, phoff, shoff, flags;
    u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
    u32 type, offset, va, pa, filesz, memsz, flags, align;
};

_Static_assert(sizeof(struct elf_header) == 52, "ELF header");
_Static_assert(sizeof(struct elf_segment) == 32, "ELF program header");

/* The kernel's address of a user page that must be there from now on. */
static u8 *make_page(u32 *dir, u32 va, u32 flags)
{
    u32 *pte = paging_entry(dir, va, 1);
    u32 pa;

    if (!pte)
        return NULL;
    if (!(*pte & PTE_P)) {
        pa = frame_alloc();
        if (!pa)
            return NULL;
        *pte = pa | PTE_P | PTE_U;
    }
    *pte |= flags;
    return pa_to_va(*pte & PTE32_ADDR);
}

static int load_segment(u32 *dir, const u8 *image, const struct elf_segment *s)
{
    u32 flags = s->flags & SEGMENT_W ? PTE_W : 0;
    u32 done = 0;

    while (done < s->memsz) {
        u32 va = s->va + done, n = PAGE_SIZE - (va & PAGE_MASK);
        u8 *page = make_page(dir, va, flags);

        if (!page)
            return ERR_NOMEM;
        if (n > s->memsz - done)
            n = s->memsz - done;
        if (done < s->filesz)
            memcpy(page + (va & PAGE_MASK), image + s->offset + done,
                   n < s->filesz - done ? n : s->filesz - done);
        done += n;
    }
    return 0;
}

static int segment_is_sane(const struct elf_segment *s, u32 size)
{
    return s->filesz <= s->memsz && s->offset <= size &&
           s->filesz <= size - s->offset && s->va >= USER_LOWEST &&
           s->va < USER_HIGHEST && s->memsz <= USER_HIGHEST - s->va;
}

static int header_is_sane(const struct elf_header *h, u32 size)
{
    return size >= sizeof(*h) && h->magic == ELF_MAGIC &&
           h->class == ELF_CLASS32 && h->order == ELF_LSB &&
           h->type == ELF_EXEC && h->machine == ELF_MACHINE &&
           h->phentsize == sizeof(struct elf_segment) && h->phoff <= size &&
           h->phnum * sizeof(struct elf_segment) <= size - h->phoff;
}

int elf_load(struct proc *p, const u8 *image, u32 size)
{
    const struct elf_header *h = (const void *)image;
    const struct elf_segment *s;
    u32 end = 0;
    int error;

    if (!header_is_sane(h, size))
        return ERR_NOEXEC;
    s = (const void *)(image + h->phoff);
    for (u32 i = 0; i < h->phnum; i++, s++) {
        if (s->type != PT_LOAD || s->memsz == 0)
            continue;
        if (!segment_is_sane(s, size))
            return ERR_NOEXEC;
        error = load_segment(p->dir, image, s);
        if (error)
            return error;
        if (s->va + s->memsz > end)
            end = s->va + s->memsz;
    }
    p->heap_start = (end + PAGE_MASK) & ~(u32)PAGE_MASK;
    p->heap_end = p->heap_start;
    p->entry = h->entry;
    return 0;
}
