/* SPDX-License-Identifier: MIT
 *
 * The way into virtual-8086 mode and out of it.
 *
 * Only an IRET in ring 0 (or a task switch) enters it, only an event leaves
 * it, and always for ring 0, whose stack then has four more words above
 * SS:ESP: ES, DS, FS, GS, because a selector of that mode means nothing in
 * protected mode. The handler finds those registers null; its IRET takes all
 * nine words back.
 *
 * What is different inside the mode stands where it belongs: segments in
 * real.c, IOPL in exec_impl.h, ports in sysseg.c.
 *
 * LIMIT: no CR4.VME: the interrupt redirection map and VIF are not there.
 *
 * SDM vol. 3A 20.2, 20.3; INT n and IRET in vol. 2A.
 */
#include "arch/x86/defs/regs.h"
#include "vmm/cpu/seg_impl.h"

#define IP_MASK 0xffff

/* In the order of the frame, lowest address first. */
static const u8 frame_order[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};

void v86_frame(const struct cpu *cpu, struct frame *frame)
{
    for (size_t i = 0; i < ARRAY_LEN(frame_order); i++)
        frame_add(frame, cpu->seg[frame_order[i]].sel);
}

void v86_leave(struct cpu *cpu)
{
    for (size_t i = 0; i < ARRAY_LEN(frame_order); i++) {
        cpu->seg[frame_order[i]] = (struct segment){0};
        cpu->seg_dirty |= BIT(frame_order[i]);
    }
}

/* EIP, CS and EFLAGS are popped; six words follow: ESP, SS, and the data
 * segments. Nothing of them can be wrong. */
enum env_status v86_return(struct cpu *cpu, const struct cpu_env *env,
                           const u8 popped[12], struct fault *fault)
{
    u8 raw[24];
    u32 mask = iret_mask(cpu, 4) | EFLAGS_VM;
    enum env_status status =
        frame_read(cpu, env, 12, raw, sizeof(raw), 4, fault);

    if (status != ENV_OK)
        return status;
    cpu->eflags = (cpu->eflags & ~mask) | (frame_word(popped, 2, 4) & mask);
    cpu->cpl = 3;
    cpu->eip = frame_word(popped, 0, 4) & IP_MASK;
    cpu->gpr[ESP] = frame_word(raw, 0, 4);
    real_load(cpu, SEG_CS, (u16)frame_word(popped, 1, 4));
    real_load(cpu, SEG_SS, (u16)frame_word(raw, 1, 4));
    for (u32 i = 0; i < ARRAY_LEN(frame_order); i++)
        real_load(cpu, frame_order[i], (u16)frame_word(raw, 2 + i, 4));
    return ENV_OK;
}
