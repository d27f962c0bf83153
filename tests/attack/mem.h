/* SPDX-License-Identifier: MIT
 *
 * What the attacks on memory share: accesses that may fault, random numbers,
 * and a window of linear space above the 8 MiB that paging_on() maps.
 *
 * load() and store() tell whether the access came through; `caught` has the
 * trap otherwise. The user_ forms make the access in ring 3.
 */
#ifndef ATTACK_MEM_H
#define ATTACK_MEM_H

#include "tests/attack/lib/attack.h"

#define RIGHTS (PTE_P | PTE_W | PTE_U)
#define WINDOW 0x40000000u
#define TABLE  1024u /* words of a page table */

static u32 random_state = 1;

/* Xorshift, by George Marsaglia's published shifts 13, 17, 5. */
static inline u32 random32(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

static inline u32 random_below(u32 n)
{
    return random32() % n;
}

static inline bool load(u32 at, u32 *value)
{
    u32 got = 0;

    TRY("movl (%1), %0", "=&r"(got) : "r"(at) : "memory");
    *value = got;
    return !caught.count;
}

static inline bool store(u32 at, u32 value)
{
    TRY("movl %0, (%1)", : "r"(value), "r"(at) : "memory");
    return !caught.count;
}

static u32 user_at, user_value;

static inline u32 user_load_there(void)
{
    u32 value;

    return load(user_at, &value) ? (user_value = value, 1) : 0;
}

static inline u32 user_store_there(void)
{
    return store(user_at, user_value);
}

static inline bool user_load(u32 at, u32 *value)
{
    bool through;

    user_at = at;
    through = ring3(user_load_there) != 0;
    *value = user_value;
    return through;
}

static inline bool user_store(u32 at, u32 value)
{
    user_at = at;
    user_value = value;
    return ring3(user_store_there) != 0;
}

static inline void page_copy(void *to, const void *from)
{
    for (u32 i = 0; i < TABLE; i++)
        ((u32 *)to)[i] = ((const u32 *)from)[i];
    barrier();
}

static inline void page_clear(void *page)
{
    for (u32 i = 0; i < TABLE; i++)
        ((u32 *)page)[i] = 0;
    barrier();
}

static inline void flush_all(void)
{
    write_cr3(read_cr3());
}

#endif
