/* SPDX-License-Identifier: MIT
 *
 * A VM's FPU is its own: a long computation in registers, spread over many
 * timer ticks and halts, comes out the same each time while another VM does
 * the same with other numbers. Two of them are meant to run side by side;
 * each takes its numbers from the clock.
 *
 * SDM vol. 1 8.1.
 */
#include "tests/micro/lib/micro.h"

#define ROUNDS 40
#define STEPS  20000
#define PERIOD 3000

static volatile u32 ticks;

static void tick(struct frame *f)
{
    ticks++;
    pic_eoi(IRQ_TIMER);
}

static void load(u32 seed)
{
    __asm__ volatile("fninit\n\t fldpi\n\t fldl2e\n\t fildl %0" : : "m"(seed));
}

/* The eight words of the registers' top three, as they stand. */
struct image {
    u32 word[27];
};

static void save(struct image *to)
{
    __asm__ volatile("fnsave %0\n\t frstor %0" : "=m"(*to) : : "memory");
}

static bool same(const struct image *a, const struct image *b)
{
    for (u32 i = 7; i < ARRAY_LEN(a->word); i++) { /* from ST0 on */
        if (a->word[i] != b->word[i])
            return false;
    }
    return true;
}

/* x = x * pi / log2(e) and back: depends on every bit on the stack. */
static void work(u32 steps)
{
    for (u32 i = 0; i < steps; i++)
        __asm__ volatile("fmul %st(2), %st\n\t fdiv %st(1), %st\n\t"
                         "fmul %st(1), %st\n\t fdiv %st(2), %st");
}

void test(void)
{
    struct image first, again;
    u32 lo, hi;

    handlers[VECTOR_IRQ + IRQ_TIMER] = tick;
    write_cr0((read_cr0() & ~(CR0_TS | CR0_EM)) | CR0_MP);
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    lo >>= 8;
    load(lo);
    work(STEPS);
    save(&first);
    pit_start(PERIOD);
    pic_unmask(IRQ_TIMER);
    for (u32 round = 0; round < ROUNDS; round++) {
        sti();
        load(lo);
        work(STEPS / 2);
        sti_hlt();
        work(STEPS / 2);
        cli();
        save(&again);
        EXPECT(same(&first, &again), "the same computation came out another");
    }
    EXPECT(ticks >= ROUNDS, "the computation was not interrupted");
}
