/* SPDX-License-Identifier: MIT
 *
 * The VMM's console: what is written goes to every place where somebody may
 * be looking, what is typed comes from every place where somebody may sit.
 * The VM layer cannot tell which of them it was, and need not: there is one
 * console, with one line of input.
 */
#include "arch/x86/arch.h"
#include "drivers/host/host.h"

void arch_console_write(const char *text, size_t len)
{
    host_uart_write(text, len);
    host_screen_write(text, len);
}

bool arch_console_read(u8 *byte)
{
    return host_uart_read(byte);
}
