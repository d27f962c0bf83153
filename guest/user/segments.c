/* SPDX-License-Identifier: MIT
 *
 * Base and bounds, then segmentation, as the textbook draws them, done by
 * the processor: 64 KiB of this program's memory play the physical memory,
 * and segments of its local descriptor table play the registers of the
 * memory-management unit.
 *
 * Each virtual address is translated twice: by hand, as one does with pencil
 * and paper, and by a real access through a segment register. The two must
 * meet in the same byte, or the processor must refuse what the hand refused.
 * First one pair of base and bounds; then an address space of 14 bits whose
 * top two choose code, heap or the stack, which grows downwards. Then code is
 * run in its segment, and the stack pushed to until it overflows.
 *
 * LIMIT: QEMU's translator does not check limits; there, and in a VM whose
 * programs run on it, what the hand refuses is not refused, and this program
 * says so instead. A processor, Bochs and an interpreting VMM do check.
 */
#include "guest/user/user.h"

#define KIB         1024
#define MEMORY      (64 * KIB)
#define SEGMENT_MAX (4 * KIB) /* of one, in a virtual address */
#define DOWN_TOP    (64 * KIB)
#define GENERAL     13 /* protection fault */
#define STACK_FAULT 12

struct segment {
    const char *name;
    u32 base, bytes, kind, selector;
};

static struct segment bounds = {"memory", 16 * KIB, 4 * KIB, 0, 0};
static struct segment code = {"code", 32 * KIB, 2 * KIB, SEGMENT_CODE, 0};
static struct segment parts[] = {
    {"code", 32 * KIB, 2 * KIB, 0, 0},
    {"heap", 34 * KIB, 3 * KIB, 0, 0},
    {"nothing", 0, 0, 0, 0},
    {"stack", 28 * KIB, 2 * KIB, SEGMENT_DOWN, 0},
};
static u8 *memory;
static u16 flat_code, flat_data;
static u32 vector;         /* of the last fault, 0: none */
static int wrong, checked; /* checked: this processor knows limits */

u32 resume;     /* where to go on behind it, in the flat segments */
u32 resume_esp; /* and with which stack; 0: as it is */
u32 pushed;     /* by run_over() */

static void faulted(int number, struct sigframe *f)
{
    vector = f->vector;
    f->eip = resume;
    f->cs = flat_code;
    f->ss = flat_data;
    if (resume_esp)
        f->esp = resume_esp;
    resume_esp = 0;
}

/* The bytes of a segment as seen through FS. */
static u32 load(u32 selector, u32 offset)
{
    u32 value = 0;

    vector = 0;
    asm volatile("movl $1f, resume\n\t"
                 "mov %w1, %%fs\n\t"
                 "movl %%fs:(%2), %0\n"
                 "1:"
                 : "+r"(value)
                 : "r"(selector), "r"(offset)
                 : "memory");
    return value;
}

static void expect(int holds, const char *what)
{
    if (holds)
        return;
    printf("segments: it is not true that %s.\n", what);
    wrong = 1;
}

static void make(struct segment *s, u32 index)
{
    u32 base = (u32)memory + s->base;
    int selector = sys(SYS_SEGMENT, index | s->kind, base, s->bytes);

    expect(selector > 0, "a segment can be had");
    s->selector = (u32)selector;
}

/* By hand: the physical address, or -1 where the bounds say no. An offset
 * into a segment that grows down is negative: it is counted from the top. */
static int by_hand(const struct segment *s, u32 offset)
{
    u32 below = SEGMENT_MAX - offset;

    if (s->kind == SEGMENT_DOWN)
        return below <= s->bytes ? (int)(s->base - below) : -1;
    return offset < s->bytes ? (int)(s->base + offset) : -1;
}

/* The offset the processor wants for the same place. */
static u32 by_processor(const struct segment *s, u32 offset)
{
    return s->kind == SEGMENT_DOWN ? DOWN_TOP - SEGMENT_MAX + offset : offset;
}

static void refused(const struct segment *s, u32 va)
{
    expect(vector == (checked ? GENERAL : 0),
           "the processor refuses what the hand refused");
    printf("segments: virtual %5u is outside of its segment (%s)%s\n", va,
           s->name, checked ? ": the processor faults, too" : "");
}

static void translate(const struct segment *s, u32 va, u32 offset)
{
    int physical = by_hand(s, offset);
    u32 value;

    if (physical < 0) {
        load(s->selector, by_processor(s, offset));
        refused(s, va);
        return;
    }
    value = va ^ 0x5eed;
    *(u32 *)(memory + physical) = value;
    value ^= load(s->selector, by_processor(s, offset));
    expect(vector == 0 && value == 0, "the two translations are the same");
    printf("segments: virtual %5u is physical %5d (%s)\n", va, physical,
           s->name);
}

static void base_and_bounds(void)
{
    static const u32 addresses[] = {0, 1024, 3000, 4092, 4400};

    make(&bounds, 0);
    load(bounds.selector, bounds.bytes);
    checked = vector == GENERAL;
    if (!checked)
        printf("segments: this processor does not check limits\n");
    printf("segments: base %u, bounds %u\n", bounds.base, bounds.bytes);
    for (u32 i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        translate(&bounds, addresses[i], addresses[i]);
}

static void translate_part(u32 va)
{
    translate(&parts[va / SEGMENT_MAX], va, va % SEGMENT_MAX);
}

static void segmentation(void)
{
    static const u32 addresses[] = {100,   2048,  4200,  7168,
                                    15360, 14336, 14332, 16380};

    for (u32 i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct segment *s = &parts[i];

        if (!s->bytes)
            continue;
        make(s, i + 1);
        printf("segments: %s at %u, %u bytes, grows %s\n", s->name, s->base,
               s->bytes, s->kind == SEGMENT_DOWN ? "down" : "up");
    }
    for (u32 i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        translate_part(addresses[i]);
    parts[1].bytes = SEGMENT_MAX;
    make(&parts[1], 2);
    printf("segments: the heap grew to %u bytes\n", parts[1].bytes);
    translate_part(7168);
}

/* A far call to an offset in the code segment; what it left in EAX. */
static u32 call_code(u32 offset)
{
    struct {
        u32 offset;
        u16 selector;
    } __attribute__((packed)) to = {offset, (u16)code.selector};
    u32 value = 0;

    vector = 0;
    asm volatile("movl $1f, resume\n\t"
                 "movl %%esp, resume_esp\n\t"
                 "lcall *%1\n"
                 "1:"
                 : "+a"(value)
                 : "m"(to)
                 : "memory", "cc");
    resume_esp = 0;
    return value;
}

static void run_code(void)
{
    static const u8 answer[] = {0xb8, 42, 0, 0, 0, 0xcb}; /* mov, far return */
    static const u8 poke[] = {0x2e, 0xa3, 100, 0, 0, 0, 0xcb}; /* at CS:100 */
    u8 *at = memory + code.base;

    make(&code, 5);
    memcpy(at + 100, answer, sizeof(answer));
    memcpy(at + 200, poke, sizeof(poke));
    expect(call_code(100) == 42 && !vector, "code runs in its segment");
    printf("segments: code ran at virtual 100\n");
    if (!checked)
        return;
    call_code(2048);
    expect(vector == GENERAL, "no code runs outside of its segment");
    call_code(200);
    expect(vector == GENERAL && at[100] == answer[0], "code is not writable");
    printf("segments: it did not run at virtual 2048, nor write to itself\n");
}

/* Makes the stack segment the stack, and pushes until the processor stops
 * it. Nothing of the compiler's may touch the stack meanwhile. */
static void run_over(u32 selector)
{
    pushed = 0;
    vector = 0;
    asm volatile("movl $1f, resume\n\t"
                 "movl %%esp, resume_esp\n\t"
                 "mov %w0, %%ss\n\t"
                 "movl $0, %%esp\n"
                 "2:\tpushl %%eax\n\t"
                 "incl pushed\n\t"
                 "jmp 2b\n"
                 "1:"
                 :
                 : "r"(selector)
                 : "eax", "memory", "cc");
}

static void overflow(void)
{
    run_over(parts[3].selector);
    printf("segments: %u words were pushed before the stack overflowed\n",
           pushed);
    expect(vector == STACK_FAULT && pushed == parts[3].bytes / sizeof(u32),
           "a stack segment holds so many and no more");
}

int main(int argc, char **argv)
{
    int at = sys(SYS_MMAP, MEMORY, 0, 0);

    if (is_error(at)) {
        printf("segments: %s.\n", error_text(at));
        return 1;
    }
    memory = (u8 *)at;
    asm("mov %%cs, %0\n\tmov %%ss, %1" : "=r"(flat_code), "=r"(flat_data));
    signal(SIG_SEGV, faulted);
    base_and_bounds();
    segmentation();
    run_code();
    if (checked)
        overflow();
    load(bounds.selector, 0); /* FS must not show what goes */
    sys(SYS_SEGMENT, 2, 0, 0);
    load(parts[1].selector, 0);
    expect(vector == GENERAL, "a segment given back is gone");
    printf("segments: %s\n", wrong ? "wrong" : "ok");
    return wrong;
}
