/* SPDX-License-Identifier: MIT
 *
 * Counts in one variable, from START in steps of STEP, while others run in
 * between; then tells its address and value. `counters` runs two of them.
 *
 * It watches its own variable: if anybody else ever wrote to it, the next
 * look finds a value that this program did not leave there. With a third
 * argument it tells nothing before that process has ended, so that two
 * counters speak in a fixed order however they were interleaved.
 */
#include "guest/user/user.h"

#define ROUNDS 100
#define COUNTS 1000

static volatile u32 value;

int main(int argc, char **argv)
{
    u32 start = argc > 1 ? parse_u32(argv[1]) : 0;
    u32 step = argc > 2 ? parse_u32(argv[2]) : 1;
    u32 after = argc > 3 ? parse_u32(argv[3]) : 0;
    u32 expected = start;

    value = start;
    for (u32 round = 0; round < ROUNDS; round++) {
        sys(SYS_YIELD, 0, 0, 0);
        if (value != expected)
            return 1;
        for (u32 i = 0; i < COUNTS; i++)
            value += step;
        expected += COUNTS * step;
    }
    while (after && sys(SYS_ALIVE, after, 0, 0) == 1)
        sys(SYS_YIELD, 0, 0, 0);
    printf("counter: at 0x%08x the value is %u, from %u in steps of %u\n",
           (u32)&value, value, start, step);
    return value == expected ? 0 : 1;
}
