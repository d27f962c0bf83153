/* SPDX-License-Identifier: MIT
 *
 * See task.h. The order is that of SDM vol. 3A 7.3: judge the new TSS, see
 * that the old TSS, the new one and both descriptors can be read and written,
 * and from there on only commit: busy bits, the old state, the back link, TR,
 * CR0.TS, CR3, registers. Then the new task's segments are judged one by one
 * in the new address space; until its turn comes a register holds the
 * selector and is not present, so a handler that starts in between finds no
 * segment that nobody has checked.
 *
 * A 16-bit and a 32-bit TSS differ in the width of a word and in where the
 * words begin; their order is the same: EIP, EFLAGS, eight registers, the
 * segment registers, LDTR. A 16-bit TSS has no FS and GS (they become null)
 * and no upper halves of registers: the manual leaves those open, and QEMU
 * and Bochs set them, as a 386 did.
 *
 * CR3 is loaded when it changes, and only with paging on. Of the old TSS the
 * part that is written must lie within its limit, or #TS: the manual does not
 * say (Bochs does the same, QEMU does not look).
 *
 * LIMIT: "both TSSs are paged in" is seen before the commit; a guest whose
 * TSS overwrites its own page tables may fault in the middle of it.
 *
 * SDM vol. 3A 7.2.1, 7.2.4, 7.3 and table 7-1, 7.4 and table 7-2, 7.6.
 */
#include "vmm/cpu/task.h"
#include "vmm/base/str.h"
#include "vmm/cpu/seg_impl.h"

#define TSS_IS_32    (SYS_TSS32_BUSY ^ SYS_TSS16_BUSY)
#define TSS_BUSY     (SYS_TSS32_BUSY ^ SYS_TSS32_FREE)
#define TSS_SIZE_MAX TSS32_SIZE

/* Words of the part that a switch writes, and what follows them. */
#define WORD_EIP    0
#define WORD_EFLAGS 1
#define WORD_GPR    2
#define WORD_SEG    (WORD_GPR + GPR_COUNT)

/* DR7.L0 to L3 and LE are local to a task. */
#define DR7_LOCAL 0x155

struct layout {
    u32 unit; /* bytes of a word */
    u32 at;   /* of the first word */
    u32 segs; /* segment registers */
    u32 size; /* of the smallest such TSS */
};

static const struct layout layout16 = {2, TSS16_IP, 4, TSS16_SIZE};
static const struct layout layout32 = {4, TSS32_EIP, SEG_COUNT, TSS32_SIZE};

static const struct layout *layout_of(const struct segment *tss)
{
    return tss->attr & TSS_IS_32 ? &layout32 : &layout16;
}

static u32 saved_size(const struct layout *l)
{
    return (WORD_SEG + l->segs) * l->unit;
}

static u8 *word_at(const struct layout *l, u8 *image, u32 word)
{
    return image + l->at + word * l->unit;
}

static u32 word_get(const struct layout *l, u8 *image, u32 word)
{
    return frame_word(word_at(l, image, word), 0, l->unit);
}

/* A TSS that this cause may switch to. */
static enum env_status tss_read(const struct cpu *cpu,
                                const struct cpu_env *env, u16 sel,
                                const struct task_switch *how,
                                struct segment *tss, struct fault *fault)
{
    bool back = how->cause == TASK_RETURN;
    u8 vector = back ? TRAP_TS : TRAP_GP;
    u32 error = sel_error(sel) | how->ext;
    u16 type = back ? SYS_TSS16_BUSY : SYS_TSS16_FREE;
    struct desc d;

    if (sel_is_null(sel) || (sel & SEL_TI))
        return fail(fault, vector, error);
    enum env_status status =
        desc_read(cpu, env, sel, vector, how->ext, &d, fault);
    if (status != ENV_OK)
        return status;
    *tss = desc_segment(sel, d);
    if ((tss->attr & (ATTR_S | ATTR_TYPE) & ~TSS_IS_32) != type)
        return fail(fault, vector, error);
    if (!(tss->attr & ATTR_P))
        return fail(fault, TRAP_NP, error);
    if (tss->limit < layout_of(tss)->size - 1)
        return fail(fault, TRAP_TS, error);
    return ENV_OK;
}

static enum env_status reach(const struct cpu_env *env, u32 at, u32 size,
                             u32 access, u8 *buf, struct fault *fault)
{
    return env->read(env->ctx, gva(at), buf, size, access | ACC_SYSTEM, fault);
}

/* Whether the type byte of a TSS descriptor can be written. */
static enum env_status reach_type(const struct cpu *cpu,
                                  const struct cpu_env *env, u16 sel,
                                  struct fault *fault)
{
    u8 byte;
    gva_t at;

    if (!desc_find(cpu, sel, &at))
        return fail(fault, TRAP_GP, sel_error(sel));
    return reach(env, at.v + DESC_TYPE_BYTE, 1, ACC_READ | ACC_WRITE, &byte,
                 fault);
}

/* Everything that the commit will touch. */
static enum env_status check_reach(const struct cpu *cpu,
                                   const struct cpu_env *env,
                                   const struct segment *tss,
                                   enum task_cause cause, struct fault *fault)
{
    const struct layout *old = layout_of(&cpu->tr);
    bool nests = cause == TASK_CALL || cause == TASK_EVENT;
    u8 raw[TSS_SIZE_MAX];

    if (!(cpu->tr.attr & ATTR_P) ||
        cpu->tr.limit < old->at + saved_size(old) - 1)
        return fail(fault, TRAP_TS, sel_error(cpu->tr.sel));
    TRY(reach(env, cpu->tr.base + old->at, saved_size(old),
              ACC_READ | ACC_WRITE, raw, fault));
    TRY(reach(env, tss->base, layout_of(tss)->size, ACC_READ, raw, fault));
    if (nests)
        TRY(reach(env, tss->base + TSS32_LINK, 2, ACC_READ | ACC_WRITE, raw,
                  fault));
    else
        TRY(reach_type(cpu, env, cpu->tr.sel, fault));
    if (cause != TASK_RETURN)
        TRY(reach_type(cpu, env, tss->sel, fault));
    return ENV_OK;
}

/* The old task's registers into its TSS. The upper halves of selectors in a
 * 32-bit one are nobody's, and stay. */
static enum env_status save(const struct cpu *cpu, const struct cpu_env *env,
                            const struct task_switch *how, struct fault *fault)
{
    const struct layout *l = layout_of(&cpu->tr);
    u32 at = cpu->tr.base + l->at, size = saved_size(l);
    u8 raw[TSS_SIZE_MAX];
    u8 *to = raw + l->at;

    TRY(reach(env, at, size, ACC_READ | ACC_WRITE, to, fault));
    for (u32 i = 0; i < WORD_SEG; i++) {
        u32 value = i == WORD_EIP      ? how->eip
                    : i == WORD_EFLAGS ? how->eflags
                                       : cpu->gpr[i - WORD_GPR];
        if (l->unit == 4)
            put_le32(word_at(l, raw, i), value);
        else
            put_le16(word_at(l, raw, i), (u16)value);
    }
    for (u32 s = 0; s < l->segs; s++)
        put_le16(word_at(l, raw, WORD_SEG + s), cpu->seg[s].sel);
    return env->write(env->ctx, gva(at), to, size, ACC_WRITE | ACC_SYSTEM,
                      fault);
}

static enum env_status set_busy(const struct cpu *cpu,
                                const struct cpu_env *env, u16 sel, bool busy,
                                struct fault *fault)
{
    struct desc d;

    TRY(desc_read(cpu, env, sel, TRAP_GP, 0, &d, fault));
    u16 attr = desc_attr(d) & ~TSS_BUSY;
    if (busy)
        attr |= TSS_BUSY;
    return desc_store_type(cpu, env, sel, attr, fault);
}

/* What is written to memory, and the new TSS as it then reads. */
static enum env_status
commit_memory(const struct cpu *cpu, const struct cpu_env *env,
              const struct segment *tss, const struct task_switch *how,
              u8 image[TSS_SIZE_MAX], struct fault *fault)
{
    bool nests = how->cause == TASK_CALL || how->cause == TASK_EVENT;
    u8 link[2];

    if (!nests)
        TRY(set_busy(cpu, env, cpu->tr.sel, false, fault));
    TRY(save(cpu, env, how, fault));
    TRY(reach(env, tss->base, layout_of(tss)->size, ACC_READ, image, fault));
    put_le16(link, cpu->tr.sel);
    if (nests)
        TRY(env->write(env->ctx, gva(tss->base + TSS32_LINK), link,
                       sizeof(link), ACC_WRITE | ACC_SYSTEM, fault));
    if (how->cause != TASK_RETURN)
        TRY(set_busy(cpu, env, tss->sel, true, fault));
    return ENV_OK;
}

static void commit_system(struct cpu *cpu, const struct cpu_env *env,
                          const struct segment *tss, u32 cr3)
{
    u32 cr0 = cpu->cr0, old_cr3 = cpu->cr3;

    cpu->tr = *tss;
    cpu->tr.attr |= TSS_BUSY;
    cpu->task_switches++;
    env->table_loaded(env->ctx, TABLE_TSS);
    cpu->cr0 |= CR0_TS;
    if (cpu->cr0 != cr0)
        env->cr_written(env->ctx, 0, cr0);
    if (cpu->dr[7] & DR7_LOCAL) {
        cpu->dr[7] &= ~(u32)DR7_LOCAL;
        env->dr_written(env->ctx, 7);
    }
    if (cr3 != old_cr3) {
        cpu->cr3 = cr3;
        env->cr_written(env->ctx, 3, old_cr3);
    }
}

/* Registers and selectors; every segment is still to be judged. A stack of
 * virtual-8086 mode is ring 3. */
static void commit_registers(struct cpu *cpu, const struct layout *l, u8 *image,
                             bool nests)
{
    u32 upper = l->unit == 4 ? 0 : 0xffff0000;

    cpu->eip = word_get(l, image, WORD_EIP);
    cpu->eflags = (word_get(l, image, WORD_EFLAGS) & EFLAGS_DEFINED) |
                  EFLAGS_ONE | (nests ? EFLAGS_NT : 0);
    for (u32 r = 0; r < GPR_COUNT; r++)
        cpu->gpr[r] = word_get(l, image, WORD_GPR + r) | upper;
    for (u32 s = 0; s < SEG_COUNT; s++) {
        u16 sel = s < l->segs ? (u16)word_get(l, image, WORD_SEG + s) : 0;
        cpu->seg[s] = (struct segment){.sel = sel};
    }
    cpu->cpl = cpu->eflags & EFLAGS_VM ? 3 : sel_rpl(cpu->seg[SEG_CS].sel);
    cpu->seg_dirty |= BIT(SEG_COUNT) - 1;
    cpu->halted = 0;
    cpu->irq_shadow = 0;
    cpu->debug_pending = 0;
}

static enum env_status load_ldt(struct cpu *cpu, const struct cpu_env *env,
                                u16 sel, u32 ext, struct fault *fault)
{
    struct segment ldtr;
    struct desc d;

    if (sel_is_null(sel))
        return ENV_OK;
    if (sel & SEL_TI)
        return fail(fault, TRAP_TS, sel_error(sel) | ext);
    TRY(desc_read(cpu, env, sel, TRAP_TS, ext, &d, fault));
    ldtr = desc_segment(sel, d);
    if ((ldtr.attr & (ATTR_P | ATTR_S | ATTR_TYPE)) != (ATTR_P | SYS_LDT))
        return fail(fault, TRAP_TS, sel_error(sel) | ext);
    cpu->ldtr = ldtr;
    return ENV_OK;
}

static enum env_status load_code(struct cpu *cpu, const struct cpu_env *env,
                                 u32 ext, struct fault *fault)
{
    u16 sel = cpu->seg[SEG_CS].sel;
    u8 rpl = sel_rpl(sel);
    struct segment cs;
    struct desc d;

    if (sel_is_null(sel))
        return fail(fault, TRAP_TS, ext);
    TRY(desc_read(cpu, env, sel, TRAP_TS, ext, &d, fault));
    cs = desc_segment(sel, d);
    u8 dpl = attr_dpl(cs.attr);
    bool fits = cs.attr & ATTR_CONFORM ? dpl <= rpl : dpl == rpl;
    if (!attr_is_code(cs.attr) || !fits)
        return fail(fault, TRAP_TS, sel_error(sel) | ext);
    if (!(cs.attr & ATTR_P))
        return fail(fault, TRAP_NP, sel_error(sel) | ext);
    TRY(seg_mark(cpu, env, &cs, fault));
    cpu->seg[SEG_CS] = cs;
    return ENV_OK;
}

/* SS, CS, then the rest: the order of table 7-1. */
static enum env_status load_segments(struct cpu *cpu, const struct cpu_env *env,
                                     u32 ext, struct fault *fault)
{
    static const u8 data[] = {SEG_DS, SEG_ES, SEG_FS, SEG_GS};
    struct segment seg;

    if (cpu->eflags & EFLAGS_VM) {
        for (u32 s = 0; s < SEG_COUNT; s++)
            real_load(cpu, s, cpu->seg[s].sel);
        return ENV_OK;
    }
    TRY(seg_read_stack(cpu, env, cpu->seg[SEG_SS].sel, cpu->cpl, TRAP_TS, ext,
                       &seg, fault));
    cpu->seg[SEG_SS] = seg;
    TRY(load_code(cpu, env, ext, fault));
    for (u32 i = 0; i < ARRAY_LEN(data); i++) {
        TRY(seg_read_data(cpu, env, cpu->seg[data[i]].sel, TRAP_TS, ext, &seg,
                          fault));
        cpu->seg[data[i]] = seg;
    }
    return ENV_OK;
}

/* All that can go wrong in the new task. */
static enum env_status enter_new(struct cpu *cpu, const struct cpu_env *env,
                                 const struct layout *l, u16 ldt,
                                 const struct task_switch *how,
                                 struct fault *fault)
{
    cpu->ldtr = (struct segment){.sel = ldt};
    enum env_status status = load_ldt(cpu, env, ldt, how->ext, fault);
    env->table_loaded(env->ctx, TABLE_LDT);
    if (status != ENV_OK)
        return status;
    TRY(load_segments(cpu, env, how->ext, fault));
    if (how->has_error)
        TRY(stack_push(cpu, env, how->error, l->unit, fault));
    if (!seg_holds(&cpu->seg[SEG_CS], cpu->eip, 1))
        return fail(fault, TRAP_GP, how->ext);
    return ENV_OK;
}

enum env_status task_switch(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                            const struct task_switch *how, struct fault *fault)
{
    bool nests = how->cause == TASK_CALL || how->cause == TASK_EVENT;
    u8 image[TSS_SIZE_MAX];
    struct segment tss;
    u32 cr3 = cpu->cr3;

    TRY(tss_read(cpu, env, sel, how, &tss, fault));
    TRY(check_reach(cpu, env, &tss, how->cause, fault));
    const struct layout *l = layout_of(&tss);
    TRY(reach(env, tss.base, l->size, ACC_READ, image, fault));
    if (l->unit == 4 && (cpu->cr0 & CR0_PG)) {
        cr3 = get_le32(image + TSS32_CR3);
        if (cr3 != cpu->cr3)
            TRY(env->cr_check(env->ctx, 3, cr3, fault));
    }
    TRY(commit_memory(cpu, env, &tss, how, image, fault));
    commit_system(cpu, env, &tss, cr3);
    commit_registers(cpu, l, image, nests);
    u16 ldt = (u16)word_get(l, image, WORD_SEG + l->segs);
    TRY(enter_new(cpu, env, l, ldt, how, fault));
    if (l->unit == 4 && (image[TSS32_TRAP] & TSS32_T))
        cpu->debug_pending |= DR6_BT;
    return ENV_OK;
}

enum env_status task_return(struct cpu *cpu, const struct cpu_env *env,
                            u32 next_eip, struct fault *fault)
{
    struct task_switch how = {
        .cause = TASK_RETURN,
        .eip = next_eip,
        .eflags = cpu->eflags & ~(EFLAGS_NT | EFLAGS_RF),
    };
    u8 link[2];

    if (!(cpu->tr.attr & ATTR_P))
        return fail(fault, TRAP_TS, sel_error(cpu->tr.sel));
    TRY(reach(env, cpu->tr.base + TSS32_LINK, sizeof(link), ACC_READ, link,
              fault));
    return task_switch(cpu, env, get_le16(link), &how, fault);
}
