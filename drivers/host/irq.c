/* SPDX-License-Identifier: MIT
 *
 * Host interrupts: which vector is whose. The VM layer learns only that
 * something came; what it was about is found where it is stored (the
 * console's ring, the clock).
 */
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/defs/ports.h"
#include "drivers/host/host.h"

static void pic_interrupt(u32 line)
{
    if (!host_pic_real(line))
        return;
    if (line == IRQ_COM1 || line == IRQ_COM2)
        host_uart_interrupt(line);
    else if (line == IRQ_KBD)
        host_kbd_interrupt();
    else if (line == IRQ_TIMER)
        time_tick();
    host_pic_end(line);
}

static u32 taken; /* interrupts, wherever they came */

void arch_irq_done(u32 vector)
{
    taken++;
    if (vector == VECTOR_TIMER) {
        time_tick();
        lapic_end();
    } else if (vector >= VECTOR_PIC && vector < VECTOR_PIC + IRQ_LINES) {
        pic_interrupt(vector - VECTOR_PIC);
    }
    host_screen_tick();
}

void arch_idle(void)
{
    sti_hlt_cli();
}

/* STI holds interrupts back for one instruction (SDM vol. 2B). */
bool arch_window(void)
{
    u32 before = taken;

    sti_nop_cli();
    return taken != before;
}
