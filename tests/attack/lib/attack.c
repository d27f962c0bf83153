/* SPDX-License-Identifier: MIT
 *
 * The frame of every attack guest: its sentence, the attack, the count.
 *
 * The secret is compared with its complement, so that an attacker who reads
 * its own code does not find it there.
 */
#include "tests/attack/lib/attack.h"

static u32 tried, tell_at = 16;
static volatile const u32 secret_complement = ~SECRET;

void attempt(void)
{
    tried++;
}

void attempts(u32 count)
{
    tried += count;
}

void saw(u32 where, u32 value)
{
    if (value == ~secret_complement)
        broken("the witness's memory can be read", where, value);
}

_Noreturn void broken(const char *sentence, u32 where, u32 value)
{
    print("attack: BROKEN: ");
    print(sentence);
    print(": at ");
    print_hex(where);
    print(" is ");
    print_hex(value);
    print("\n");
    EXPECT(false, "the wall is broken");
    finish();
}

void tell(void)
{
    print("attack: tried ");
    print_hex(tried);
    print("\n");
}

void again(void)
{
    tried++;
    if (tried < tell_at)
        return;
    tell_at = 2 * tried;
    tell();
}

void test(void)
{
    print("attack: ");
    print(attack_sentence);
    print("\n");
    attack();
    tell();
}
