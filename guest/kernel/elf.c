/* SPDX-License-Identifier: MIT
 *
 * Loading a program: a 32-bit x86 ELF whose PT_LOAD segments lie in the user
 * part of the address space, below the stack.
 *
 * Nothing is copied here: each segment becomes a region that names the file,
 * and a page of it comes when it is touched. A segment without PF_W is read
 * only, and shared with whoever else runs the file. So a segment's place in
 * the file and in memory must agree within a page, as the ABI wants it, and
 * no two segments may share a page. What the file does not fill is zero. The
 * heap begins on the page behind the last segment.
 *
 * Every number of the file is checked before it is used; a file that changes
 * while it runs can harm only who runs it. On an error the caller frees the
 * half-made space. System V ABI, chapters 4 and 5.
 */
#include "guest/kernel/file.h"
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

static int segment_is_sane(const struct elf_segment *s)
{
    return s->filesz <= s->memsz &&
           s->offset % PAGE_SIZE == s->va % PAGE_SIZE &&
           s->filesz <= ~s->offset && s->va >= USER_LOWEST &&
           s->va < USER_HIGHEST && s->memsz <= USER_HIGHEST - s->va;
}

static int add_region(struct space *s, const struct region *r)
{
    struct region *new = region_new(s);

    if (!new || region_between(s, r->start, r->end))
        return ERR_NOEXEC;
    *new = *r;
    if (r->file)
        inode_hold(r->file);
    return 0;
}

/* A page of text shows all that the file has there, and so can be shared. */
static int add_segment(struct space *s, struct inode *file,
                       const struct elf_segment *e)
{
    u32 skew = e->va & PAGE_MASK;
    struct region r = {
        .start = e->va - skew,
        .end = e->va + e->memsz,
        .flags = e->flags & SEGMENT_W ? REGION_WRITE : 0,
        .file = file,
        .offset = e->offset - skew,
        .file_size = e->filesz + skew,
    };

    if (!r.flags && e->filesz == e->memsz)
        r.file_size = (r.file_size + PAGE_MASK) & ~(u32)PAGE_MASK;
    return segment_is_sane(e) ? add_region(s, &r) : ERR_NOEXEC;
}

static int header_is_sane(const struct elf_header *h)
{
    return h->magic == ELF_MAGIC && h->class == ELF_CLASS32 &&
           h->order == ELF_LSB && h->type == ELF_EXEC &&
           h->machine == ELF_MACHINE &&
           h->phentsize == sizeof(struct elf_segment);
}

static int add_heap(struct space *s, u32 end)
{
    u32 start = (end + PAGE_MASK) & ~(u32)PAGE_MASK;
    struct region heap = {
        .start = start, .end = start, .flags = REGION_WRITE | REGION_HEAP};

    return add_region(s, &heap);
}

int elf_load(struct space *s, struct inode *file, u32 *entry)
{
    struct elf_segment e;
    struct elf_header h;
    u32 end = 0;
    int error = 0;

    if (inode_read(file, 0, &h, sizeof(h)) < sizeof(h) || !header_is_sane(&h))
        return ERR_NOEXEC;
    for (u32 i = 0; i < h.phnum && !error; i++) {
        u32 at = h.phoff + i * sizeof(e);

        if (at < h.phoff || inode_read(file, at, &e, sizeof(e)) < sizeof(e))
            return ERR_NOEXEC;
        if (e.type != PT_LOAD || e.memsz == 0)
            continue;
        error = add_segment(s, file, &e);
        if (e.va + e.memsz > end)
            end = e.va + e.memsz;
    }
    *entry = h.entry;
    return error ? error : add_heap(s, end);
}
