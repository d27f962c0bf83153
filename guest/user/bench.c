/* SPDX-License-Identifier: MIT
 *
 * What things cost, in processor cycles and in exits to the VMM.
 *
 *   bench NAME ops=N tsc=T exits=E
 *
 * T is the RDTSC difference over all N operations and E the difference of
 * the VMM's exit counter, -1 where there is no VMM. Nothing is subtracted:
 * loop and measuring are in the figure. Each operation is done a few times
 * before, so that tables and caches are warm.
 *
 *   null_syscall    INT 0x80, the cheapest call, back
 *   divide_fault    #DE, the program's own handler, SIGRETURN behind it
 *   page_fault      #PF on an unmapped page, in the same way
 *   page_mapped     first touch of a heap page: #PF, a zeroed page, back
 *   context_switch  one half of a ping-pong of two processes that yield
 *   cli_sti         CLI and STI in the kernel
 *   port_write      a byte to port 0x80 in the kernel
 *   kernel_compute  a sum over eight words in ring 0: loads, stores, calls
 *   compute         one round of arithmetic in ring 3: nothing should trap
 *   boot            first kernel instruction to first program
 */
#include "guest/user/user.h"

#define HOLE      0x40000000
#define PAGE_SIZE 4096
#define NO_METER  0xffffffff
#define WARM      8 /* a warm-up is this fraction of the real thing */

struct bench {
    const char *name;
    void (*run)(u32 n);
    u32 ops;
    u32 per_run; /* operations that one n stands for */
};

static volatile u32 sink;

static void null_syscall(u32 n)
{
    for (u32 i = 0; i < n; i++)
        sys(SYS_NULL, i, 0, 0);
}

static void divide_fault(u32 n)
{
    for (u32 i = 0; i < n; i++)
        asm volatile("divl %0" : : "c"(0), "a"(1), "d"(0) : "cc");
}

static void page_fault(u32 n)
{
    u32 a = HOLE;

    for (u32 i = 0; i < n; i++)
        asm volatile("movl (%0), %0" : "+a"(a) : : "memory");
}

static void page_mapped(u32 n)
{
    int heap = sys(SYS_SBRK, n * PAGE_SIZE, 0, 0);

    if (heap < 0) {
        printf("bench: %u pages of heap are too many.\n", n);
        exit(1);
    }
    for (u32 i = 0; i < n; i++)
        *(volatile u32 *)(heap + i * PAGE_SIZE) = i;
}

static void context_switch(u32 n)
{
    for (u32 i = 0; i < n; i++)
        sys(SYS_YIELD, 0, 0, 0);
}

static void cli_sti(u32 n)
{
    sys(SYS_KBENCH, KBENCH_CLI_STI, n, 0);
}

static void port_write(u32 n)
{
    sys(SYS_KBENCH, KBENCH_PORT_WRITE, n, 0);
}

static void kernel_compute(u32 n)
{
    sys(SYS_KBENCH, KBENCH_COMPUTE, n, 0);
}

static void compute(u32 n)
{
    u32 x = 1;

    for (u32 i = 0; i < n; i++)
        x = x * 1664525 + 1013904223;
    sink = x;
}

static const struct bench benches[] = {
    {"null_syscall", null_syscall, 20000, 1},
    {"divide_fault", divide_fault, 10000, 1},
    {"page_fault", page_fault, 10000, 1},
    {"page_mapped", page_mapped, 1024, 1},
    {"context_switch", context_switch, 5000, 2},
    {"cli_sti", cli_sti, 20000, 1},
    {"port_write", port_write, 20000, 1},
    {"kernel_compute", kernel_compute, 10000, 1},
    {"compute", compute, 20000000, 1},
};

static void tell(const char *name, u32 ops, u64 tsc, u32 exits, u32 meter)
{
    if (meter == NO_METER)
        printf("bench %s ops=%u tsc=%llu exits=-1\n", name, ops, tsc);
    else
        printf("bench %s ops=%u tsc=%llu exits=%u\n", name, ops, tsc, exits);
}

static void measure(const struct bench *b)
{
    u32 meter;
    u64 start, end;

    b->run(b->ops / WARM);
    meter = (u32)sys(SYS_METER, 0, 0, 0);
    start = rdtsc();
    b->run(b->ops);
    end = rdtsc();
    tell(b->name, b->ops * b->per_run, end - start,
         (u32)sys(SYS_METER, 0, 0, 0) - meter, meter);
}

int main(int argc, char **argv)
{
    struct boot_cost boot;

    signal(SIG_SEGV, skip2);
    signal(SIG_FPE, skip2);
    for (u32 i = 0; i < sizeof(benches) / sizeof(benches[0]); i++) {
        int other = 0, status;

        if (argc > 1 && strcmp(argv[1], benches[i].name) != 0)
            continue;
        if (benches[i].run == context_switch)
            other = spawn("yielder");
        measure(&benches[i]);
        if (other > 0) {
            sys(SYS_KILL, (u32)other, SIG_KILL, 0);
            wait(other, &status);
        }
    }
    sys(SYS_BOOT, (u32)&boot, 0, 0);
    tell("boot", 1, boot.tsc, boot.exits, boot.exits);
    return 0;
}
