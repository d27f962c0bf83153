/* SPDX-License-Identifier: MIT
 *
 * Bytes that are no text, without a newline, on COM1, COM2 and the debug
 * console in turn: every control byte, escape sequences that clear the screen,
 * move the cursor, change colours, ask the terminal to answer, begin and never
 * end; the bytes above 0x7f; carriage returns and backspaces that would eat
 * the line of somebody else.
 *
 * ECMA-48.
 */
#include "tests/attack/lib/attack.h"

ATTACK(
    "It writes control bytes and escape sequences to every console there is.");
ATTACK_ENDS("endless");

static const u16 ports[] = {PORT_COM1, PORT_COM2, PORT_DEBUGCON};
static const char *const sequences[] = {
    "\033[2J",      "\033[999A", "\033[H",
    "\033[1;1r",    "\033c",     "\033]0;title\007",
    "\033[6n",      "\033[",     "\033[31m",
    "\b\b\b\b\b\b", "\r\r\r",    "\033[?1049h",
    "\016",         "\005",      "\033#8",
    "\033P"};

static void say(u16 port, const char *text)
{
    for (; *text; text++)
        out8(port, (u8)*text);
}

void attack(void)
{
    for (u32 i = 0;; i++) {
        u16 port = ports[i % ARRAY_LEN(ports)];
        say(port, sequences[i / ARRAY_LEN(ports) % ARRAY_LEN(sequences)]);
        out8(port, (u8)i);
        again();
    }
}
