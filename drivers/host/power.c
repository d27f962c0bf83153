/* SPDX-License-Identifier: MIT
 *
 * The end of the machine: QEMU's debug-exit device (which makes an exit code
 * of the status), then the ACPI power-off ports of QEMU and Bochs, then HLT
 * for good. Only success powers off: after a failure the console should stay
 * readable. LIMIT: no ACPI tables are read, so a real PC halts.
 */
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/defs/ports.h"
#include "drivers/host/host.h"

#define PORT_OFF_QEMU  0x604
#define PORT_OFF_BOCHS 0xb004
#define OFF            0x2000 /* SLP_EN, type 0 */

void arch_poweroff(u32 status)
{
    host_screen_last();
    outb(PORT_DEBUG_EXIT, (u8)status);
    if (!status) {
        outw(PORT_OFF_QEMU, OFF);
        outw(PORT_OFF_BOCHS, OFF);
    }
    for (;;)
        halt();
}
