/* SPDX-License-Identifier: MIT
 *
 * From guest descriptors to descriptors the real CPU may see, and back.
 *
 * Guest ring 0 runs in hardware ring 1, ring 3 in ring 3. Every descriptor of
 * the guest's GDT and LDT has a sanitised copy in the host tables, at the
 * same index, so that loads run at full speed where they are harmless:
 *
 *   guest descriptor          host copy
 *   data, DPL 0               DPL 1
 *   data, DPL 1               absent: as SS, ring 1 would take it
 *   data, DPL 2, 3            as it is
 *   code, DPL 0               DPL 1
 *   code, DPL 3               absent, except while it is the CS of running
 *                             ring-3 code
 *   code, DPL 1 or 2          absent
 *   conforming code           absent
 *   system, gate, not present absent
 *
 * Absent copies make loads trap, and the emulator then does what the
 * architecture says. That ring-3 code segments are absent while the guest
 * kernel runs is what makes an IRET to ring 3, which ring 1 could run
 * silently, trap as #NP: virtual IF is never lost. The alternative, guessing
 * IF from the frames seen later, cannot be exact. It costs one entry per
 * return to user mode; kernels that pop user data segments pay nothing.
 *
 * A copy never has the L bit, is never a system descriptor, and always has
 * its accessed bit set (the hardware then never writes to a host table).
 * LIMIT: a direct load does not set the accessed bit in the guest's table.
 *
 * SDM vol. 3A 3.4.5, 5.5-5.8.
 */
#ifndef VM_HOSTGDT_H
#define VM_HOSTGDT_H

#include "vmm/cpu/cpu.h"

/* The ring guest code of a virtual ring runs in; only 0 and 3 exist. */
static inline u32 host_ring(u32 cpl)
{
    return cpl == 0 ? 1 : cpl;
}

/* What a data (or, readable, code) segment looks like in a host table. */
u64 hostgdt_data(const struct segment *seg);
/* The same for reading only, so that nothing can jump or return there: code
 * becomes data, and conforming code, which all may read, data of ring 3. */
u64 hostgdt_as_data(u64 copy);
/* The running CS or SS: DPL is the hardware ring, conforming is gone. */
u64 hostgdt_running(const struct segment *seg, u32 cpl);
/* The copy that stands in the table: 0 when loads of it must trap. */
u64 hostgdt_copy(const struct segment *seg);
/* Hidden part of a register that was loaded from a host copy directly. */
struct segment hostgdt_segment(u16 sel, u64 copy);

/* May the CPU run with these as CS and SS at this virtual ring? */
bool hostgdt_runnable(const struct segment *cs, const struct segment *ss,
                      u32 cpl);

#endif
