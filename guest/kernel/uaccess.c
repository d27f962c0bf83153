/* SPDX-License-Identifier: MIT
 *
 * Reaching a program's memory from a system call, without ever faulting.
 *
 * A pointer from ring 3 is a number. For each page it touches the current
 * address space is asked: in the user half, present, user, and writable if
 * the kernel is to write? A page that a fault would bring, or copy, is brought
 * or copied. Then the bytes go through the kernel's own view of that frame, so
 * nothing a program passes can make the kernel fault.
 */
#include "guest/kernel/kernel.h"

static u8 *user_byte(u32 va, int write)
{
    return current ? space_byte(&current->space, va, write) : NULL;
}

static u32 rest_of_page(u32 va, u32 n)
{
    u32 rest = PAGE_SIZE - (va & PAGE_MASK);

    return n < rest ? n : rest;
}

int user_read(void *to, u32 from, u32 n)
{
    u8 *out = to;

    while (n > 0) {
        u32 part = rest_of_page(from, n);
        const u8 *in = user_byte(from, 0);

        if (!in)
            return ERR_FAULT;
        memcpy(out, in, part);
        out += part;
        from += part;
        n -= part;
    }
    return 0;
}

int user_write(u32 to, const void *from, u32 n)
{
    const u8 *in = from;

    while (n > 0) {
        u32 part = rest_of_page(to, n);
        u8 *out = user_byte(to, 1);

        if (!out)
            return ERR_FAULT;
        memcpy(out, in, part);
        in += part;
        to += part;
        n -= part;
    }
    return 0;
}

int user_read_string(char *to, u32 from, u32 size)
{
    for (u32 i = 0; i < size; i++) {
        if (user_read(&to[i], from + i, 1))
            return ERR_FAULT;
        if (!to[i])
            return 0;
    }
    return ERR_INVAL;
}
