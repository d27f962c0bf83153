/* SPDX-License-Identifier: MIT
 *
 * The tables a micro-guest starts with, and what becomes of its traps.
 *
 * Every vector has a 32-bit interrupt gate of DPL 0 to its stub; #BP, #OF
 * and the way home from ring 3 have DPL 3. A trap goes to the test's handler
 * if there is one; else, inside CATCH(), it is recorded and execution goes
 * on behind the caught instructions; else the test has failed.
 *
 * SDM vol. 3A 6.10-6.14.
 */
#include "tests/micro/lib/micro.h"

volatile struct caught caught;
u32 catch_at, catch_resume, catch_esp;
trap_handler handlers[TRAP_VECTORS];
u32 gdt[GDT_SIZE][2] __attribute__((aligned(4096)));
u32 idt[TRAP_VECTORS][2] __attribute__((aligned(4096)));
struct tss tss __attribute__((aligned(128)));
u32 ring3_home, ring3_value;

void begin(void);
struct frame *trap(struct frame *f);
u32 ring3_enter(u32 (*fn)(void), u32 esp, u32 eflags);
void ring3_end(void);

#define FRAME_SAME_RING offsetof(struct frame, esp)

u32 desc_lo(u32 base, u32 limit)
{
    return (base << 16) | (limit & 0xffff);
}

u32 desc_hi(u32 base, u32 limit, u32 attr)
{
    return (base & 0xff000000) | (limit & 0xf0000) | attr << DESC_TYPE_SHIFT |
           (base >> 16 & 0xff);
}

void gdt_set(u32 index, u32 base, u32 limit, u32 attr)
{
    gdt[index][0] = desc_lo(base, limit);
    gdt[index][1] = desc_hi(base, limit, attr);
    barrier();
}

void gdt_load(void)
{
    struct table_pointer p = {sizeof(gdt) - 1, (u32)gdt};

    gdt_reload(&p);
}

void idt_set(u32 vector, u32 type, u32 dpl, u32 selector, u32 offset)
{
    idt[vector][0] = selector << 16 | (offset & 0xffff);
    idt[vector][1] = (offset & 0xffff0000) | DESC_P | dpl << DESC_DPL_SHIFT |
                     type << DESC_TYPE_SHIFT;
    barrier();
}

void idt_load(void)
{
    struct table_pointer p = {sizeof(idt) - 1, (u32)idt};

    __asm__ volatile("lidt %0" : : "m"(p) : "memory");
}

static void print_for_user(struct frame *f)
{
    char text[2] = {(char)f->eax, 0};

    print(text);
}

static void set_up(void)
{
    gdt_set(KCODE >> 3, 0, 0xfffff, ATTR_KCODE | ATTR_G);
    gdt_set(KDATA >> 3, 0, 0xfffff, ATTR_KDATA | ATTR_G);
    gdt_set(UCODE >> 3, 0, 0xfffff, ATTR_KCODE | ATTR_G | ATTR_RING3);
    gdt_set(UDATA >> 3, 0, 0xfffff, ATTR_KDATA | ATTR_G | ATTR_RING3);
    gdt_set(TSS_SEL >> 3, (u32)&tss, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    gdt_load();
    tss.word[TSS32_ESP0 / 4] = (u32)stack_top;
    tss.word[TSS32_SS0 / 4] = KDATA;
    tss.word[TSS32_IOMAP / 4] = TSS32_SIZE << 16; /* no bitmap */
    __asm__ volatile("ltr %w0" : : "r"(TSS_SEL) : "memory");
    for (u32 v = 0; v < TRAP_VECTORS; v++)
        idt_set(v, SYS_INT32, 0, KCODE, stubs[v]);
    idt_set(TRAP_BP, SYS_INT32, 3, KCODE, stubs[TRAP_BP]);
    idt_set(TRAP_OF, SYS_INT32, 3, KCODE, stubs[TRAP_OF]);
    idt_set(VECTOR_HOME, SYS_INT32, 3, KCODE, stubs[VECTOR_HOME]);
    idt_set(VECTOR_PRINT, SYS_INT32, 3, KCODE, stubs[VECTOR_PRINT]);
    handlers[VECTOR_PRINT] = print_for_user;
    idt_load();
}

/* The way back to the caller of ring3(), in its ring and on its stack. */
static struct frame *go_home(struct frame *f)
{
    ring3_value = f->eax;
    f->eip = (u32)ring3_end;
    f->cs = KCODE;
    f->ds = f->es = KDATA;
    f->eflags = EFLAGS_ONE;
    return f;
}

static void record(const struct frame *f)
{
    u32 cr2;

    __asm__ volatile("movl %%cr2, %0" : "=r"(cr2));
    caught.count++;
    if (f->cs & SEL_RPL)
        caught.f = *f;
    else
        __builtin_memcpy((void *)&caught.f, f, FRAME_SAME_RING);
    caught.cr2 = cr2;
    caught.from = f->eip - catch_at;
}

/* The frame to leave by: behind CATCH()'s instructions, on its stack. */
static struct frame *resume(struct frame *f)
{
    u32 *to = (u32 *)(catch_esp - FRAME_SAME_RING);

    f->eip = catch_resume;
    f->eflags &= ~(EFLAGS_TF | EFLAGS_NT | EFLAGS_RF);
    catch_resume = 0;
    if (f->cs & SEL_RPL)
        return f;
    for (u32 i = FRAME_SAME_RING / 4; i--;) /* upwards, so from the top */
        to[i] = ((u32 *)f)[i];
    return (struct frame *)to;
}

static void unexpected(const struct frame *f)
{
    print("unexpected trap ");
    print_hex(f->vector);
    print(", error ");
    print_hex(f->error);
    print(", at ");
    print_hex(f->cs);
    print(":");
    print_hex(f->eip);
    print(", flags ");
    print_hex(f->eflags);
    print("\n");
    expect_true(false, 0, "a trap came where none was expected");
    finish();
}

struct frame *trap(struct frame *f)
{
    u32 vector = f->vector & 0xff;

    if (handlers[vector]) {
        handlers[vector](f);
        return f;
    }
    if (vector == VECTOR_HOME && (f->cs & SEL_RPL))
        return go_home(f);
    if (!catch_resume)
        unexpected(f);
    record(f);
    return resume(f);
}

u32 ring3_flags(u32 (*fn)(void), u32 eflags)
{
    return ring3_enter(fn, (u32)user_stack_top, eflags | EFLAGS_ONE);
}

u32 ring3(u32 (*fn)(void))
{
    return ring3_flags(fn, 0);
}

static u32 use_null(void)
{
    __asm__ volatile("movl %0, %%fs" : : "r"(0));
    CATCH("movl %%fs:0, %%eax", : : "eax");
    return caught.count;
}

bool checks_segments(void)
{
    return ring3(use_null) != 0;
}

void begin(void)
{
    set_up();
    pic_init();
    test();
    finish();
}
