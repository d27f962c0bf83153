/* SPDX-License-Identifier: MIT
 *
 * The kernel of the worked sessions beside this file. A word on its command
 * line says what it does:
 *
 *   stack   dies: a buffer is larger than what is left of the stack
 *   name    goes wrong: a name is longer than its array, and the number that
 *           stands behind it is another one afterwards
 *   switch  two tasks, each with its own address space, take turns
 *   miss    maps a page when it is touched, and touches it three times
 *
 * The first two are mistakes, made on purpose, as they are made: nothing is
 * done so that they are easier to find. What brings the processor up is the
 * library of the micro-guests (tests/micro/lib).
 */
#include "arch/x86/defs/multiboot.h"
#include "tests/micro/lib/micro.h"

#define NOINLINE __attribute__((noinline, used))

/* ---- stack: one page, and a page below it that is not mapped */

static u8 stack_pages[2][PAGE_SIZE] __attribute__((aligned(4096)));

/* A screen of text, made before it is shown. */
static NOINLINE void show(const char *text)
{
    char screen[80 * 60];
    u32 length = 0;

    for (; text[length]; length++)
        screen[length] = text[length];
    screen[length] = 0;
    print(screen);
}

static NOINLINE void log_start(void)
{
    show("the kernel has started\n");
}

static void run_stack(void)
{
    u32 top = (u32)(stack_pages + 2);

    paging_on();
    *pte_of((u32)stack_pages[0]) = 0;
    invlpg((u32)stack_pages[0]);
    __asm__ volatile("movl %0, %%esp\n\tcall log_start"
                     :
                     : "r"(top)
                     : "memory");
}

/* ---- name: what stands behind an array */

struct timer {
    char name[8];
    u32 ticks_per_second;
};
static struct timer timer = {"", 100};

static NOINLINE void copy_name(char *to, const char *from)
{
    while ((*to++ = *from++))
        barrier();
}

static void run_name(void)
{
    copy_name(timer.name, "i8254 PIT");
    print("ticks a second: ");
    print_hex(timer.ticks_per_second);
    print("\n");
}

/* ---- switch: two tasks */

#define ROUNDS 200
#define PAGES  8

static u32 other_dir[1024] __attribute__((aligned(4096)));
static u8 other_stack[PAGE_SIZE];
static u8 data[2][PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static u32 stack_of[2];

/* Leaves the caller's stack in *from and goes on with the other task. */
void switch_to(u32 *from, u32 stack, u32 cr3);
__asm__(".text\n"
        ".type switch_to, @function\n"
        "switch_to: movl 4(%esp), %eax\n"
        "    movl 8(%esp), %ecx\n"
        "    movl 12(%esp), %edx\n"
        "    pushl %ebp\n"
        "    pushl %ebx\n"
        "    pushl %esi\n"
        "    pushl %edi\n"
        "    movl %esp, (%eax)\n"
        "    movl %edx, %cr3\n"
        "    movl %ecx, %esp\n"
        "    popl %edi\n"
        "    popl %esi\n"
        "    popl %ebx\n"
        "    popl %ebp\n"
        "    ret\n"
        ".size switch_to, . - switch_to\n");

static NOINLINE void work(u32 task)
{
    for (u32 page = 0; page < PAGES; page++)
        data[task][page][0]++;
}

static NOINLINE void other_task(void)
{
    for (;;) {
        work(1);
        switch_to(&stack_of[1], stack_of[0], (u32)page_dir);
    }
}

static void run_switch(void)
{
    u32 *top = (u32 *)(other_stack + sizeof(other_stack));

    *--top = (u32)other_task;
    for (u32 saved = 0; saved < 4; saved++)
        *--top = 0;
    stack_of[1] = (u32)top;
    paging_on();
    for (u32 i = 0; i < ARRAY_LEN(other_dir); i++)
        other_dir[i] = page_dir[i];
    for (u32 round = 0; round < ROUNDS; round++) {
        work(0);
        switch_to(&stack_of[0], stack_of[1], (u32)other_dir);
    }
    EXPECT_EQ(data[1][PAGES - 1][0], (u8)ROUNDS, "the other task has worked");
}

/* ---- miss: a page that is mapped when it is touched */

#define PAGE_AT  0x00700000u /* its VPN is 0x700 */
#define FRAME_AT 0x00300000u /* its PFN is 0x300, and nothing else is there */

/* What an operating system does about a missing translation. */
static NOINLINE void page_fault(struct frame *f)
{
    (void)f;
    *pte_of(PAGE_AT) = FRAME_AT | PTE_P | PTE_W | PTE_U;
}

static NOINLINE void touch_unmapped(void)
{
    (void)peek(PAGE_AT);
}

static NOINLINE void touch_mapped(void)
{
    (void)peek(PAGE_AT);
}

static NOINLINE void touch_flushed(void)
{
    (void)peek(PAGE_AT);
}

static NOINLINE void run_miss(void)
{
    handlers[TRAP_PF] = page_fault;
    paging_on();
    *pte_of(PAGE_AT) = 0;
    invlpg(PAGE_AT);
    touch_unmapped();
    touch_mapped();
    write_cr3((u32)page_dir);
    touch_flushed();
}

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {{"stack", run_stack},
             {"name", run_name},
             {"switch", run_switch},
             {"miss", run_miss}};

/* Does the command line end with this word? */
static bool chosen(const char *word)
{
    const char *line = (const char *)peek(boot_words + MB1_CMDLINE);
    const char *at = word;

    if (!(peek(boot_words + MB1_FLAGS) & MB1_INFO_CMDLINE))
        return false;
    for (; *line; line++)
        at = *line == ' ' ? word : *at == *line ? at + 1 : "\n";
    return !*at;
}

void test(void)
{
    for (u32 i = 0; i < ARRAY_LEN(parts); i++) {
        if (chosen(parts[i].name))
            parts[i].run();
    }
}
