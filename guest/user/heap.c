/* SPDX-License-Identifier: MIT
 *
 * Grows and shrinks its heap and looks: new pages are zero and come when
 * they are touched, pages given back are gone and count as free again, and
 * pages that come back are zero anew.
 */
#include "guest/user/user.h"

#define PAGE_SIZE 4096
#define PAGES     64
#define BYTES     (PAGES * PAGE_SIZE)

static u32 free_pages(void)
{
    struct mem_info m;

    sys(SYS_MEM, (u32)&m, 0, 0);
    return m.free;
}

/* The word at address, or otherwise if reading it faults: skip2 leaves the
 * register as it was. */
static u32 peek(u32 address, u32 otherwise)
{
    u32 value = otherwise;

    asm volatile("movl (%1), %0" : "+a"(value) : "d"(address) : "memory");
    return value;
}

static int fill(u32 heap)
{
    for (u32 at = heap; at < heap + BYTES; at += PAGE_SIZE) {
        if (peek(at, 1) != 0)
            return 0;
        *(volatile u32 *)at = at;
    }
    for (u32 at = heap; at < heap + BYTES; at += PAGE_SIZE)
        if (peek(at, 0) != at)
            return 0;
    return 1;
}

static int expect(const char *what, int holds)
{
    if (!holds)
        printf("heap: it is not true that %s.\n", what);
    return holds;
}

int main(int argc, char **argv)
{
    u32 heap, before, touched;
    int ok = 1;

    signal(SIG_SEGV, skip2);
    heap = (u32)sys(SYS_SBRK, BYTES, 0, 0);
    peek(heap, 0);
    before = free_pages();
    ok &= expect("new pages are zero and keep what is written", fill(heap));
    touched = free_pages();
    ok &= expect("each page but the first cost one page",
                 before - touched == PAGES - 1);
    sys(SYS_SBRK, 0u - BYTES, 0, 0);
    ok &= expect("pages given back are gone", peek(heap, 7) == 7);
    ok &= expect("they are free again", free_pages() == touched + PAGES);
    sys(SYS_SBRK, BYTES, 0, 0);
    ok &= expect("they come back as zero", fill(heap));
    ok &= expect("a heap cannot be larger than its room",
                 sys(SYS_SBRK, 0x7fffffff, 0, 0) == ERR_NOMEM);
    printf("heap: %s\n", ok ? "ok" : "wrong");
    return !ok;
}
