/* SPDX-License-Identifier: MIT
 *
 * The edge of 4 GiB. What 32-bit code computes wraps there; the processor
 * below has 64 bits, and behind the edge begins an address space in which the
 * guest has nothing. Data, stack, code, descriptor tables and their segments
 * with a base are laid across it, with the last page and the first one
 * mapped, in ring 0 and in ring 3. Which of these attempts fault and which
 * wrap is the processor's choice (SDM vol. 3A 5.3), but each must end, and
 * none may show what is not the guest's.
 */
#include "tests/attack/lib/leap.h"
#include "tests/attack/lib/tempt.h"

ATTACK("It reads, writes, jumps, pushes and keeps tables across the edge of "
       "4 GiB.");

#define LAST_PAGE 0xfffff000u
#define DATA      (ATTR_P | ATTR_S | ATTR_WRITABLE)
#define CODE      (ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE)
#define CODE_SEL  0x40
#define HOME      16
#define INT3S     0xcccccccc
#define SEL       (GDT_FREE * 8)

static u32 top_table[1024] __attribute__((aligned(4096)));
static u32 top[1024] __attribute__((aligned(4096)));
static u32 bottom[1024] __attribute__((aligned(4096)));

static void map_edge(void)
{
    paging_on();
    page_dir[1023] = (u32)top_table | PTE_P | PTE_W | PTE_U;
    top_table[1023] = (u32)top | PTE_P | PTE_W | PTE_U;
    *pte_of(0) = (u32)bottom | PTE_P | PTE_W | PTE_U;
    write_cr3((u32)page_dir);
}

#define COUNTED                                                                \
    "movl %0, %%edi\n\tmovl %0, %%esi\n\tmovl $3, %%ecx\n\t"                   \
    "movl $0x80, %%edx\n\t"
#define ON_STACK "movl %0, %%esp\n\t"
#define BACK     "\n\tmovl leap_esp, %%esp"
#define DATA_FORMS                                                             \
    FORM("movl (%0), %%ecx");                                                  \
    FORM("movl %%eax, (%0)");                                                  \
    FORM("movw (%0), %%cx");                                                   \
    FORM("lock incl (%0)");                                                    \
    FORM("sgdt (%0)");                                                         \
    FORM("fnsave (%0)");                                                       \
    FORM("frstor (%0)");                                                       \
    FORM("bound %%ecx, (%0)");                                                 \
    FORM("ljmpl *(%0)");                                                       \
    FORM("lcall *(%0)");                                                       \
    FORM("lds (%0), %%ecx");                                                   \
    FORM("lss (%0), %%esp");                                                   \
    FORM(COUNTED "rep movsl");                                                 \
    FORM(COUNTED "rep insl");                                                  \
    FORM(COUNTED "rep outsl");                                                 \
    FORM("invlpg (%0)");                                                       \
    FORM("jmp *%0");                                                           \
    FORM("cmpxchg8b (%0)")
/* In ring 0 a trap needs the stack too: a word of it must not be cut. */
#define STACK_FORMS                                                            \
    FORM(ON_STACK "pushl %%eax" BACK);                                         \
    FORM(ON_STACK "popl %%eax" BACK);                                          \
    FORM(ON_STACK "pushal" BACK);                                              \
    FORM(ON_STACK "iretl");                                                    \
    FORM(ON_STACK "lretl");                                                    \
    FORM(ON_STACK "cli" BACK);                                                 \
    FORM(ON_STACK "ud2");                                                      \
    FORM(ON_STACK "int $0x32")

static void put(u32 at, const void *bytes, u32 count)
{
    for (u32 i = 0; i < count; i++)
        ((u8 *)(at + i < LAST_PAGE ? bottom : top))[(at + i) & PAGE_MASK] =
            ((const u8 *)bytes)[i];
}

/* Zeros are null selectors, and no flag that IRET would take. Behind them
 * stands a way home for who runs through. */
static void clear(void)
{
    __builtin_memset(bottom, 0, sizeof(bottom));
    __builtin_memset(top, 0, sizeof(top));
    for (u32 i = HOME; i < ARRAY_LEN(bottom); i++)
        bottom[i] = INT3S;
}

static void data_at(u32 at)
{
#define FORM(code)                                                             \
    clear();                                                                   \
    LEAP(code, "b"(at), "c"(0), "d"(0), "S"(0), "D"(0));                       \
    gdt_load();                                                                \
    idt_load();
    DATA_FORMS;
    if (at % 4 == 0) {
        STACK_FORMS;
    }
#undef FORM
}

static void user_data_at(u32 at)
{
#define FORM(code)                                                             \
    clear();                                                                   \
    LEAP(RING3 code, "b"(at), "c"(0), "d"(0), "S"(0), "D"(0));
    DATA_FORMS;
    STACK_FORMS;
#undef FORM
}

/* INT3 is one byte and may end right at the edge; the others cross it. */
static void code_at(u32 at, const u8 *bytes, u32 count)
{
    clear();
    put(at, bytes, count);
    LEAP("jmp *%0", "b"(at));
    LEAP(RING3 "jmp *%0", "b"(at));
}

/* The tables the guest has, by a pointer that lies across the edge. */
static void pointer_at(u32 at)
{
    struct table_pointer g = {sizeof(gdt) - 1, (u32)gdt};
    struct table_pointer i = {sizeof(idt) - 1, (u32)idt};

    put(at, &g, sizeof(g));
    LEAP("lgdt (%0)", "b"(at));
    put(at, &i, sizeof(i));
    LEAP("lidt (%0)", "b"(at));
    gdt_load();
    idt_load();
}

static void codes(void)
{
    static const u8 insn[][8] = {
        {0xcd, VECTOR_LANDED},                         /* int */
        {0x0f, 0x20, 0xd8, 0xcd, VECTOR_LANDED},       /* mov cr3 */
        {0xb8, 1, 2, 3, 4, 0xcd, VECTOR_LANDED},       /* mov eax, imm */
        {0x0f, 0x01, 0xe0, 0xcd, VECTOR_LANDED},       /* smsw */
        {0xe6, 0x80, 0xfa, 0xfb, 0xcd, VECTOR_LANDED}, /* out, cli, sti */
        {0xea, 0, 0, 0, 0, 0xff, 0xff, 0xcc},          /* far jmp */
        {0xe8, 0, 0, 0, 0, 0xcd, VECTOR_LANDED, 0x90}, /* call */
        {0xec, 0xfb, 0xfa, 0x9c, 0x9d, 0xcd, VECTOR_LANDED},
    };

    for (u32 i = 0; i < ARRAY_LEN(insn); i++)
        for (u32 at = 0u - 8; at != 1; at++)
            code_at(at, insn[i], sizeof(insn[i]));
}

/* Bases that reach the edge from below, limits that reach around it. */
static void based(u32 base, u32 limit, u32 attr)
{
    gdt_set(SEL >> 3, base, limit, attr);
    gdt_load();
    for (u32 offset = 0u - 6; offset != 2; offset++) {
        LEAP("movl %0, %%fs\n\tmovl %%fs:(%%ebx), %%ecx", "a"(SEL),
             "b"(offset - base));
        saw(offset, leap.f.ecx);
        LEAP("movl %0, %%gs\n\tmovl %%gs:(%%ebx), %%ecx\n\t"
             "movl %%ecx, %%gs:(%%ebx)",
             "a"(SEL), "b"(offset));
        saw(offset, leap.f.ecx);
    }
}

static void tables_at(u32 at)
{
    struct table_pointer p = {0xffff, at}, back = {sizeof(gdt) - 1, (u32)gdt};

    gdt_set(CODE_SEL >> 3, 0, 0xfffff, CODE | ATTR_DB | ATTR_G);
    put(at, gdt, sizeof(gdt));

    LEAP("lgdt (%0)\n\tpushl %2\n\tpopl %%fs\n\tljmp %2, $landing\n\tlgdt (%1)",
         "S"(&p), "D"(&back), "i"(CODE_SEL));
    gdt_load();
    __asm__ volatile("lidt %0" : : "m"(p) : "memory");
    idt_load();
}

void attack(void)
{
    map_edge();
    leap_init();
    for (u32 at = 0u - 16; at != 2; at++) {
        data_at(at);
        user_data_at(at);
        tables_at(at);
        pointer_at(at);
    }
    codes();
    for (u32 i = 0; i < 4; i++) {
        u32 base = 0u - (0x1000 >> 4 * i);
        based(base, 0xfffff, DATA | ATTR_DB | ATTR_G | ATTR_RING3);
        based(base, 0, DATA | ATTR_DB | ATTR_DOWN | ATTR_RING3);
        based(base, 0xfffff, CODE | ATTR_DB | ATTR_RING3);
        based(base, 0xfffff, DATA | ATTR_G);
    }
    gdt_load();
    world_check();
}
