/* SPDX-License-Identifier: MIT
 *
 * Memory and strings, each as plain as it can be. The compiler may turn a
 * structure copy into a call of memcpy(), so kernel and programs both need
 * these; the string instructions keep them short and quick enough.
 */
#include "guest/include/lib.h"

void *memcpy(void *to, const void *from, u32 n)
{
    void *d = to;
    u32 words = n / 4;

    asm volatile("rep movsl" : "+D"(d), "+S"(from), "+c"(words) : : "memory");
    n %= 4;
    asm volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n) : : "memory");
    return to;
}

void *memset(void *to, int byte, u32 n)
{
    void *d = to;
    u32 words = n / 4, four = (u8)byte * 0x01010101u;

    asm volatile("rep stosl" : "+D"(d), "+c"(words) : "a"(four) : "memory");
    n %= 4;
    asm volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(byte) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, u32 n)
{
    const u8 *x = a, *y = b;

    for (u32 i = 0; i < n; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

u32 strlen(const char *s)
{
    u32 n = 0;

    while (s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (u8)*a - (u8)*b;
}

int starts_with(const char *s, const char *prefix)
{
    return memcmp(s, prefix, strlen(prefix)) == 0;
}

void str_copy(char *to, const char *from, u32 size)
{
    u32 n = strlen(from);

    if (n > size - 1)
        n = size - 1;
    memcpy(to, from, n);
    to[n] = 0;
}

u32 parse_u32(const char *s)
{
    u32 value = 0;

    for (; *s >= '0' && *s <= '9'; s++)
        value = value * 10 + (u32)(*s - '0');
    return value;
}
