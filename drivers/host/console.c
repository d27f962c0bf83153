/* SPDX-License-Identifier: MIT
 *
 * The VMM's console: what is written goes to every place where somebody may
 * be looking, what is typed comes from every place where somebody may sit.
 * The VM layer cannot tell which of them it was, and need not: there is one
 * console, with one line of input.
 *
 * Its serial port is COM1, or where there is none a PCI card, or none at all.
 * Here, other than on a wire, sending waits, with a bound; a transmitter that
 * got stuck is waited for once and not for each byte again. "\n" goes out as
 * "\r\n".
 */
#include "arch/x86/arch.h"
#include "drivers/host/host.h"

#define PATIENCE 100000

static struct uart *line;
static char last; /* byte sent */
static bool stuck;

void host_console_init(void)
{
    line = host_uart_open(UART_COM1);
    if (!line)
        line = host_uart_open(UART_PCI);
}

void host_console_leave(enum uart_place place)
{
    if (!line || host_uart_place(line) != place || place == UART_PCI)
        return;
    host_uart_close(line);
    line = NULL;
}

const struct uart *host_console_uart(void)
{
    return line;
}

static void send(char byte)
{
    u32 patience = stuck ? 1 : PATIENCE;
    bool sent = false;

    for (u32 i = 0; !sent && i < patience; i++)
        sent = host_uart_put(line, (u8)byte);
    stuck = !sent;
    if (!sent)
        host_uart_force(line, (u8)byte);
    last = byte;
}

static void send_text(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' && last != '\r')
            send('\r');
        send(text[i]);
    }
}

void arch_console_write(const char *text, size_t len)
{
    if (line)
        send_text(text, len);
    host_screen_write(text, len);
}

bool arch_console_read(u8 *byte)
{
    return line && host_uart_get(line, byte);
}
