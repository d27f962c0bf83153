/* SPDX-License-Identifier: MIT
 *
 * Does one wrong thing, chosen by its argument. Either the kernel stops it
 * with a sentence, or the call it made gives an error, which it tells; it is
 * a failure of the kernel if it gets any further. `faults` does them all.
 */
#include "guest/user/user.h"

#define KERNEL     0xc0100000
#define HOLE       0x40000000
#define NO_SYSCALL 999
#define PAGE_SIZE  4096
#define HEAP       0x20000000 /* more than Hare ever has */

static void divide(void)
{
    asm volatile("xor %%edx, %%edx\n\tdivl %0" : : "r"(0) : "eax", "edx");
}

static void overflow(void)
{
    asm volatile("movl $0x80000000, %%eax\n\tcltd\n\tidivl %0"
                 :
                 : "r"(-1)
                 : "eax", "edx");
}

static void read_at(u32 address)
{
    asm volatile("movl (%0), %%eax" : : "r"(address) : "eax");
}

static void write_at(u32 address)
{
    asm volatile("movl %%eax, (%0)" : : "r"(address) : "memory");
}

static void null(void)
{
    read_at(0);
}

static void null_write(void)
{
    write_at(0);
}

static void hole(void)
{
    read_at(HOLE);
}

static void kernel_read(void)
{
    read_at(KERNEL);
}

static void kernel_write(void)
{
    write_at(KERNEL);
}

static void jump(void)
{
    asm volatile("jmp *%0" : : "r"(HOLE));
}

static void text(void)
{
    write_at((u32)text);
}

static void do_cli(void)
{
    asm volatile("cli");
}

static void do_hlt(void)
{
    asm volatile("hlt");
}

static void do_out(void)
{
    asm volatile("outb %%al, $0x80" : : "a"(0));
}

static void do_cr3(void)
{
    asm volatile("mov %%cr3, %%eax" : : : "eax");
}

static void gate(void)
{
    asm volatile("int $0x20");
}

static void segment(void)
{
    asm volatile("mov %0, %%es" : : "r"(0x10));
}

static void undefined(void)
{
    asm volatile("ud2");
}

static void breakpoint(void)
{
    asm volatile("int3");
}

static void stack(void)
{
    asm volatile("1: push %eax\n\tjmp 1b");
}

/* Takes pages until there are none; all come back when it is stopped. */
static void memory(void)
{
    u32 heap = (u32)sys(SYS_SBRK, HEAP, 0, 0);

    for (u32 at = heap; at < heap + HEAP; at += PAGE_SIZE)
        write_at(at);
}

static void report(const char *what, int answer)
{
    printf("fault: %s: %d, %s.\n", what, answer, error_text(answer));
    exit(answer < 0 ? 0 : 1);
}

static void syscall_number(void)
{
    report("a call by a number that does not exist", sys(NO_SYSCALL, 0, 0, 0));
}

static void pointer(void)
{
    report("writing from the kernel's memory", sys(SYS_WRITE, 1, KERNEL, 4));
}

static void pointer_wrap(void)
{
    report("writing from beyond the end of memory",
           sys(SYS_WRITE, 1, 0xfffffffc, 16));
}

static void pointer_text(void)
{
    report("reading into the program's own text",
           sys(SYS_MEM, (u32)pointer_text, 0, 0));
}

static const struct {
    const char *name;
    void (*make)(void);
} makers[] = {
    {"divide", divide},
    {"overflow", overflow},
    {"null", null},
    {"null-write", null_write},
    {"hole", hole},
    {"kernel-read", kernel_read},
    {"kernel-write", kernel_write},
    {"jump", jump},
    {"text", text},
    {"cli", do_cli},
    {"hlt", do_hlt},
    {"out", do_out},
    {"cr3", do_cr3},
    {"gate", gate},
    {"segment", segment},
    {"undefined", undefined},
    {"breakpoint", breakpoint},
    {"stack", stack},
    {"memory", memory},
    {"syscall", syscall_number},
    {"pointer", pointer},
    {"pointer-wrap", pointer_wrap},
    {"pointer-text", pointer_text},
};

#define MAKERS (sizeof(makers) / sizeof(makers[0]))

int main(int argc, char **argv)
{
    for (u32 i = 0; argc > 1 && i < MAKERS; i++) {
        if (strcmp(argv[1], makers[i].name) != 0)
            continue;
        makers[i].make();
        printf("fault: %s was let through.\n", argv[1]);
        return 1;
    }
    printf("fault: which one?");
    for (u32 i = 0; i < MAKERS; i++)
        printf(" %s", makers[i].name);
    printf("\n");
    return 2;
}
