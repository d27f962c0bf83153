/* SPDX-License-Identifier: MIT
 *
 * Heap, stack, mapped pages, copies on write, and the borders between them.
 *
 * A page that is given back must be gone, one that comes must be zero, one
 * that a fork shares must look private to everybody, whoever writes first:
 * the program, or the kernel on its behalf. Memory that runs out costs at
 * most the process that wanted it.
 */
#include "guest/user/usertests/tests.h"

#define PAGES 8
#define BYTES (PAGES * PAGE_SIZE)
#define GUARD (USER_STACK_TOP - USER_STACK_PAGES * PAGE_SIZE - 4)
#define MUCH  0x18000000

#define ELF_MAGIC 0x464c457f /* how a program's file begins */

static u32 zeroes[3 * PAGE_SIZE / 4];
static u32 shared[PAGES * PAGE_SIZE / 4] = {1};

static u32 sbrk(int bytes)
{
    return (u32)sys(SYS_SBRK, (u32)bytes, 0, 0);
}

static u32 map(u32 bytes)
{
    return (u32)sys(SYS_MMAP, bytes, 0, 0);
}

static int unmap(u32 address, u32 bytes)
{
    return sys(SYS_MUNMAP, address, bytes, 0);
}

static u32 word_at(u32 address)
{
    return *(volatile u32 *)address;
}

static void set_word(u32 address, u32 value)
{
    *(volatile u32 *)address = value;
}

static int all_zero(u32 from, u32 bytes)
{
    u32 any = 0;

    for (u32 at = from; at < from + bytes; at += 4)
        any |= word_at(at);
    return any == 0;
}

static void fill(u32 from, u32 bytes, u32 value)
{
    for (u32 at = from; at < from + bytes; at += 4)
        set_word(at, value);
}

static void bss_zero(u32 unused)
{
    expect(all_zero((u32)zeroes, sizeof(zeroes)), "bss is zero");
}

static void heap_grows(u32 unused)
{
    u32 heap = sbrk(BYTES);

    expect(all_zero(heap, BYTES), "a new heap is zero");
    fill(heap, BYTES, 7);
    expect_is((int)sbrk(0), (int)(heap + BYTES), "the heap's end");
    sbrk(-BYTES);
    expect(faults(heap + PAGE_SIZE, 0), "what was given back is gone");
    sbrk(BYTES);
    expect(all_zero(heap + PAGE_SIZE, BYTES - PAGE_SIZE),
           "what comes back is zero");
}

static void heap_wrong(u32 unused)
{
    u32 end = sbrk(0);

    expect_is((int)sbrk(0x7fffffff), ERR_NOMEM, "2 GiB more");
    expect_is((int)sbrk(-0x7fffffff), ERR_NOMEM, "2 GiB less");
    expect_is((int)sbrk((int)0x80000000), ERR_NOMEM, "the least number");
    expect_is((int)sbrk(-0x1000000), ERR_NOMEM, "less than nothing");
    expect_is((int)sbrk(0), (int)end, "the heap's end");
}

static u32 deep(u32 pages)
{
    volatile u8 here[PAGE_SIZE];
    u32 at = (u32)here;

    while (pages--) {
        at -= PAGE_SIZE;
        set_word(at, pages);
    }
    return here[0];
}

static void stack_grows(u32 unused)
{
    deep(USER_STACK_PAGES - 4);
}

static void stack_guard(u32 unused)
{
    expect(faults(GUARD, 0), "the page below the stack cannot be read");
    expect(faults(GUARD, 1), "the page below the stack cannot be written");
    expect(!faults(GUARD + 4, 1), "the stack reaches down to it");
}

static void overflow(u32 unused)
{
    asm volatile("1: push %eax\n\tjmp 1b");
}

static void stack_overflow(u32 unused)
{
    expect_is(outcome(overflow, 0), STATUS_KILLED - SIG_SEGV, "its status");
}

static void null(u32 unused)
{
    expect(faults(0, 0) && faults(0, 1) && faults(PAGE_SIZE - 4, 0),
           "the first page is never there");
}

/* Every 4 MiB of the kernel's half, and its ends. */
static void kernel_hidden(u32 write)
{
    expect(faults(KERNEL, (int)write), "the kernel's text is its own");
    expect(faults(0xfffffffc, (int)write), "the last word is its own");
    for (u32 at = 0xc0000000; at; at += 0x400000)
        expect(faults(at, (int)write), "the kernel's half is its own");
}

static void text_fixed(u32 unused)
{
    expect(faults((u32)text_fixed & ~3u, 1), "a program cannot change itself");
    expect(!faults((u32)text_fixed & ~3u, 0), "it can read itself");
}

static void map_zero(u32 unused)
{
    u32 a = map(BYTES), b = map(1);

    expect(!is_error((int)a) && !is_error((int)b), "there is room");
    expect(a % PAGE_SIZE == 0 && b % PAGE_SIZE == 0, "pages begin as pages");
    expect(b >= a + BYTES || b + PAGE_SIZE <= a, "they do not overlap");
    expect(all_zero(a, BYTES) && all_zero(b, PAGE_SIZE), "they are zero");
}

static void unmap_all(u32 unused)
{
    u32 a = map(BYTES);

    fill(a, BYTES, 3);
    expect_is(unmap(a, BYTES), 0, "the answer");
    for (u32 at = a; at < a + BYTES; at += PAGE_SIZE)
        expect(faults(at, 0), "unmapped pages are gone");
    expect(all_zero(map(BYTES), BYTES), "the next ones are zero again");
}

static void unmap_middle(u32 unused)
{
    u32 a = map(3 * PAGE_SIZE);

    fill(a, 3 * PAGE_SIZE, 5);
    expect_is(unmap(a + PAGE_SIZE, PAGE_SIZE), 0, "the answer");
    expect(faults(a + PAGE_SIZE, 0), "the middle is gone");
    expect(word_at(a) == 5 && word_at(a + 2 * PAGE_SIZE) == 5,
           "what is beside it stays");
    expect_is(unmap(a, 3 * PAGE_SIZE), 0, "unmapping what is left");
    expect(faults(a, 0) && faults(a + 2 * PAGE_SIZE, 0), "it is gone");
}

/* Holes that are filled again leave one region, not many. */
static void unmap_refill(u32 unused)
{
    u32 a = map(40 * PAGE_SIZE);

    for (u32 i = 0; i < 40; i++) {
        u32 at = a + i * 7 % 40 * PAGE_SIZE;

        expect_is(unmap(at, PAGE_SIZE), 0, "making a hole");
        expect_is((int)map(PAGE_SIZE), (int)at, "where it is filled");
    }
    expect_is(unmap(a, 40 * PAGE_SIZE), 0, "giving all of it back");
}

static void unmap_wrong(u32 unused)
{
    u32 a = map(PAGE_SIZE);

    expect_is(unmap(a + 1, PAGE_SIZE), ERR_INVAL, "an odd address");
    expect_is(unmap(a, 0), ERR_INVAL, "no bytes");
    expect_is(unmap(a, 0xffffffff), ERR_INVAL, "too many bytes");
    expect_is(unmap(0xc0000000, PAGE_SIZE), ERR_INVAL, "the kernel");
    expect_is(unmap((u32)unmap_wrong & ~0xfffu, PAGE_SIZE), ERR_INVAL,
              "the program's text");
    expect_is(unmap(USER_STACK_TOP - PAGE_SIZE, PAGE_SIZE), ERR_INVAL,
              "the stack");
    expect(!faults(a, 1), "the page is still there");
}

static void map_wrong(u32 unused)
{
    expect_is((int)map(0), ERR_INVAL, "no bytes");
    expect_is((int)map(0xffffffff), ERR_NOMEM, "4 GiB");
    expect_is((int)map(0x80000000), ERR_NOMEM, "2 GiB");
}

/* As many regions as there may be, and no more: each second page. */
static void map_many(u32 unused)
{
    u32 a = map(200 * PAGE_SIZE), cuts = 0;

    while (cuts < 99 && unmap(a + (2 * cuts + 1) * PAGE_SIZE, PAGE_SIZE) == 0)
        cuts++;
    expect(cuts >= 4 && cuts < 99, "the number of regions has an end");
    expect(!faults(a + (2 * cuts + 1) * PAGE_SIZE, 1),
           "what could not be unmapped is there");
    expect_is(unmap(a, 200 * PAGE_SIZE), 0, "unmapping all of it");
    expect(!is_error((int)map(PAGE_SIZE)), "there is room again");
}

static void write_shared(u32 value)
{
    fill((u32)shared, sizeof(shared), value);
    expect(shared[PAGES * PAGE_SIZE / 4 - 1] == value, "it was written");
}

static void cow_child(u32 unused)
{
    write_shared(1);
    expect_is(outcome(write_shared, 2), 0, "the child's status");
    expect(shared[0] == 1 && shared[sizeof(shared) / 4 - 1] == 1,
           "the parent's pages are as they were");
}

static void look_shared(u32 fd)
{
    char go;

    read((int)fd, &go, 1);
    expect(shared[0] == 1 && shared[sizeof(shared) / 4 - 1] == 1,
           "the child's pages are as they were");
}

static void cow_parent(u32 unused)
{
    int fds[2], pid;

    pipe(fds);
    write_shared(1);
    pid = start(look_shared, (u32)fds[0]);
    write_shared(2);
    write(fds[1], "x", 1);
    expect_is(end_of(pid), 0, "the child's status");
}

static void cow_deeper(u32 depth)
{
    write_shared(depth);
    if (depth < 6)
        expect_is(outcome(cow_deeper, depth + 1), 0, "the child's status");
    expect(shared[0] == depth && shared[PAGE_SIZE] == depth,
           "each generation sees what it wrote");
}

/* The kernel writes into a shared page: by a record, and by read(). */
static void kernel_writes(u32 fd)
{
    sys(SYS_MEM, (u32)shared, 0, 0);
    read((int)fd, shared + PAGE_SIZE, 16);
    expect(shared[0] != 1 && shared[PAGE_SIZE] == ELF_MAGIC,
           "the child got its bytes");
}

static void cow_kernel(u32 unused)
{
    write_shared(1);
    expect_is(outcome(kernel_writes, (u32)open("echo", OPEN_READ)), 0,
              "the child's status");
    expect(shared[0] == 1 && shared[PAGE_SIZE] == 1,
           "what the kernel writes for a child is the child's");
}

/* The kernel is the first to touch a page. */
static void kernel_first(u32 unused)
{
    u32 a = map(4 * PAGE_SIZE);
    int file = open("echo", OPEN_READ);

    expect_is(read(file, (void *)(a + PAGE_SIZE - 2), 8), 8, "bytes read");
    expect(all_zero(a, PAGE_SIZE - 4) && word_at(a + PAGE_SIZE + 8) == 0,
           "all but what was read is zero");
    expect_is(sys(SYS_MEM, a + 2 * PAGE_SIZE - 4, 0, 0), 0, "the answer");
}

static void take_all(u32 unused)
{
    u32 a = map(MUCH);

    for (u32 at = a; at < a + MUCH; at += PAGE_SIZE)
        set_word(at, at);
}

static void exhausted(u32 unused)
{
    expect(was_killed(outcome(take_all, 0)), "who takes all is stopped");
    write_shared(1);
}

static u32 free_pages(void)
{
    struct mem_info m;

    sys(SYS_MEM, (u32)&m, 0, 0);
    return m.free;
}

/* Half of what is left at a time, as page tables are taken, too. */
static void fork_with(u32 pages)
{
    u32 at = map(MUCH), n;

    while ((n = free_pages()) > pages)
        for (n = (n - pages + 1) / 2; n > 0; n--, at += PAGE_SIZE)
            set_word(at, at);
    if (fork() == 0)
        stay(0);
}

/* Fork runs out of pages under way, early or late, and gives back what it
 * had taken. With a swap area there are always more. */
static void fork_short(u32 pages)
{
    struct swap_info swap;

    sys(SYS_SWAPSTAT, (u32)&swap, 0, 0);
    if (swap.slots)
        return;
    expect_is(outcome(fork_with, pages), STATUS_KILLED - SIG_KILL,
              "the status of who takes all, and then forks");
}

static void too_many_pipes(u32 unused)
{
    int fds[2], answer = 0;

    for (u32 i = 0; i < OPEN_FILES && answer == 0; i++)
        answer = pipe(fds);
    expect_is(answer, ERR_NOMEM, "the answer to one pipe too many");
}

const struct test memory_tests[] = {
    {"bss-zero", bss_zero, 0},
    {"heap-grows", heap_grows, 0},
    {"heap-wrong", heap_wrong, 0},
    {"stack-grows", stack_grows, 0},
    {"stack-guard", stack_guard, 0},
    {"stack-overflow", stack_overflow, 0},
    {"null-page", null, 0},
    {"kernel-read", kernel_hidden, 0},
    {"kernel-write", kernel_hidden, 1},
    {"text-fixed", text_fixed, 0},
    {"map-zero", map_zero, 0},
    {"map-wrong", map_wrong, 0},
    {"map-many", map_many, 0},
    {"unmap-all", unmap_all, 0},
    {"unmap-middle", unmap_middle, 0},
    {"unmap-refill", unmap_refill, 0},
    {"unmap-wrong", unmap_wrong, 0},
    {"cow-child", cow_child, 0},
    {"cow-parent", cow_parent, 0},
    {"cow-deeper", cow_deeper, 1},
    {"cow-kernel", cow_kernel, 0},
    {"kernel-first", kernel_first, 0},
    {"memory-out", exhausted, 0},
    {"fork-early", fork_short, 1},
    {"fork-late", fork_short, 4},
    {"pipes-out", too_many_pipes, 0},
    {NULL, NULL, 0},
};
