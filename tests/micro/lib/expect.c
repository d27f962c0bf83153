/* SPDX-License-Identifier: MIT
 *
 * A micro-guest's verdict: a sentence on COM1 for each expectation that did
 * not come true, and an exit status by the debug-exit port.
 *
 * Works with flat segments only; finish() in ring 0 only.
 */
#include "tests/micro/lib/micro.h"

#define STATUS_PASS 0x10
#define STATUS_FAIL 0x11
#define UART_LSR    5
#define LSR_EMPTY   0x20

static u32 failures;

/* Ring 3 asks ring 0 to print, a character at a time. */
static bool put_by_trap(char c)
{
    u32 cs;

    __asm__ volatile("movl %%cs, %0" : "=r"(cs));
    if ((cs & SEL_RPL) != 3)
        return false;
    __asm__ volatile("int %0" : : "i"(VECTOR_PRINT), "a"(c));
    return true;
}

static void put(char c)
{
    if (put_by_trap(c))
        return;
    while (!(in8(PORT_COM1 + UART_LSR) & LSR_EMPTY))
        continue;
    out8(PORT_COM1, (u8)c);
}

void print(const char *text)
{
    for (; *text; text++)
        put(*text);
}

void print_hex(u32 value)
{
    u32 digits = 1;

    while (digits < 8 && value >> (4 * digits))
        digits++;
    print("0x");
    while (digits--)
        put("0123456789abcdef"[value >> (4 * digits) & 0xf]);
}

void note(const char *sentence)
{
    print("note: ");
    print(sentence);
    print("\n");
}

static void blame(u32 line, const char *sentence)
{
    char digits[8];
    u32 n = 0;

    failures++;
    print("line ");
    do
        digits[n++] = (char)('0' + line % 10);
    while (line /= 10);
    while (n--)
        put(digits[n]);
    print(": ");
    print(sentence);
}

void expect_true(bool ok, u32 line, const char *sentence)
{
    if (ok)
        return;
    blame(line, sentence);
    print("\n");
}

void expect_equal(u32 got, u32 want, u32 line, const char *sentence)
{
    if (got == want)
        return;
    blame(line, sentence);
    print(": it is ");
    print_hex(got);
    print(", not ");
    print_hex(want);
    print("\n");
}

void expect_trap(u32 vector, u32 error, u32 from, u32 line, const char *what)
{
    if (caught.count != 1) {
        blame(line, what);
        print(" raised no trap, not ");
        print_hex(vector);
        print("\n");
        return;
    }
    if (caught.f.vector == vector && caught.f.error == error &&
        caught.from == from)
        return;
    blame(line, what);
    print(" raised vector ");
    print_hex(caught.f.vector);
    print(", error ");
    print_hex(caught.f.error);
    print(", at offset ");
    print_hex(caught.from);
    print("; wanted ");
    print_hex(vector);
    print(", ");
    print_hex(error);
    print(", ");
    print_hex(from);
    print("\n");
}

void expect_no_trap(u32 line, const char *what)
{
    if (!caught.count)
        return;
    blame(line, what);
    print(" raised vector ");
    print_hex(caught.f.vector);
    print(", error ");
    print_hex(caught.f.error);
    print(", at offset ");
    print_hex(caught.from);
    print("\n");
}

_Noreturn void finish(void)
{
    print(failures ? "FAIL\n" : "pass\n");
    out8(PORT_DEBUG_EXIT, failures ? STATUS_FAIL : STATUS_PASS);
    for (;;)
        __asm__ volatile("cli\n\thlt");
}
