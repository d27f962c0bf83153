/* SPDX-License-Identifier: MIT
 *
 * See inspect.h. Memory is read where it lies, page by page, through the
 * guest's own tables and the p2m; what is no RAM or ROM is never asked, for a
 * device's register may change by being read.
 *
 * A write takes the way of an emulated store into a watched frame: the words
 * of a descriptor table or a page table that change are told to those who
 * copy them. Translations need not be flushed: decoded blocks compare
 * themselves with memory, and everything else keeps pointers, not bytes. A
 * page table changed from outside is seen as the guest's own change would be.
 *
 * Stack frames are looked for by SS:EBP, and are as wide as CS says.
 *
 * LIMIT: a killed VM whose reset failed may have no memory left; then there
 * is nothing to be read.
 */
#include "vmm/vm/inspect.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/cpu/decode.h"
#include "vmm/vm/direct.h"
#include "vmm/vm/env.h"
#include "vmm/vm/vm.h"

#define CALL_MOST    7u  /* bytes of a near CALL without prefixes */
#define RETURN_WORDS 64u /* of the stack that are looked through */

void inspect_sync(struct vm *vm)
{
    direct_sync(vm);
}

/* The tables that the registers name now, if they are others. */
static void follow_tables(struct vm *vm)
{
    for (u32 k = 0; k < TABLE_KINDS; k++)
        tables_load(vm, (enum cpu_table)k);
}

/* PAE's directory pointers are read with CR3, and then not again. */
static bool reads_pdptes(const struct vm *vm)
{
    const struct paging *was = &vm->shadow.mode;
    const struct cpu *cpu = &vm->cpu;

    if (!(cpu->cr0 & CR0_PG) || !(cpu->cr4 & CR4_PAE))
        return false;
    return !was->on || !was->pae || was->g_cr3 != cpu->cr3;
}

void inspect_changed(struct vm *vm)
{
    struct cpu *cpu = &vm->cpu;
    struct paging mode;

    probe_ignore(vm);
    if (!vm->p2m.ready || !vm->shadow.ready)
        return;
    direct_leave(vm);
    cpu->seg_dirty |= BIT(SEG_COUNT) - 1;
    fast_forget_segs(&vm->fast);
    if (reads_pdptes(vm))
        walk_load_pdptes(&vm->p2m, cpu->cr3, cpu->pdpte);
    mode = env_paging(cpu);
    shadow_set_mode(&vm->shadow, &mode);
    follow_tables(vm);
}

/* So many bytes of [at, at + size) lie in the first page. */
static u32 in_page(u64 at, u32 size)
{
    return min_u32(size, PAGE_SIZE - (u32)(at & PAGE_MASK));
}

/* Where a linear address leads to, rights aside. */
static bool find(struct vm *vm, gva_t at, gpa_t *out)
{
    struct paging mode = env_paging(&vm->cpu);
    struct walk w;

    if (!vm->p2m.ready || walk_guest(&vm->p2m, &mode, at, 0, &w) != WALK_OK)
        return false;
    *out = w.at;
    return true;
}

u32 inspect_read_phys(struct vm *vm, gpa_t at, void *buf, u32 size)
{
    u32 done = 0;

    while (done < size && vm->p2m.ready) {
        const u8 *from = p2m_ptr(&vm->p2m, gpa(at.v + done));
        u32 n = in_page(at.v + done, size - done);
        if (!from)
            break;
        memcpy((u8 *)buf + done, from, n);
        done += n;
    }
    return done;
}

u32 inspect_read(struct vm *vm, gva_t at, void *buf, u32 size)
{
    u32 done = 0, n, got;
    gpa_t there;

    while (done < size) {
        n = in_page(at.v + done, size - done);
        if (!find(vm, gva(at.v + done), &there))
            break;
        got = inspect_read_phys(vm, there, (u8 *)buf + done, n);
        done += got;
        if (got != n)
            break;
    }
    return done;
}

/* A piece of one page, at most TABLE_WRITE_MAX bytes. */
static void put(struct vm *vm, gpa_t at, u8 *to, const u8 *from, u32 size)
{
    struct p2m_entry entry = p2m_lookup(&vm->p2m, gpa_to_gfn(at));
    bool watched = (entry.trace & ~(u32)TRACE_PAGE_TABLE) != 0;
    struct table_old old;

    if (watched)
        tables_before(vm, at, size, &old);
    memcpy(to, from, size);
    if (entry.trace & TRACE_PAGE_TABLE)
        shadow_written(&vm->shadow, at, size);
    if (watched)
        tables_after(vm, at, size, &old);
}

u32 inspect_write_phys(struct vm *vm, gpa_t at, const void *buf, u32 size)
{
    u32 done = 0;

    while (done < size && vm->p2m.ready && vm->shadow.ready) {
        gpa_t there = p2m_masked(&vm->p2m, gpa(at.v + done));
        u8 *to = p2m_ptr(&vm->p2m, there);
        u32 n = min_u32(in_page(there.v, size - done), TABLE_WRITE_MAX);
        if (!to)
            break;
        put(vm, there, to, (const u8 *)buf + done, n);
        done += n;
    }
    return done;
}

u32 inspect_write(struct vm *vm, gva_t at, const void *buf, u32 size)
{
    u32 done = 0, n, got;
    gpa_t there;

    while (done < size) {
        n = in_page(at.v + done, size - done);
        if (!find(vm, gva(at.v + done), &there))
            break;
        got = inspect_write_phys(vm, there, (const u8 *)buf + done, n);
        done += got;
        if (got != n)
            break;
    }
    return done;
}

u32 inspect_insn(struct vm *vm, u32 eip, char *out, size_t size)
{
    const struct segment *cs = &vm->cpu.seg[SEG_CS];
    u8 bytes[INSN_MAX];
    u32 got = inspect_read(vm, gva(cs->base + eip), bytes, sizeof(bytes));
    struct insn insn;

    if (!got) {
        fmt_buf(out, size, "nothing can be read at 0x%08x", cs->base + eip);
        return 0;
    }
    switch (insn_decode(bytes, got, (cs->attr & ATTR_DB) != 0, &insn)) {
    case DECODE_OK:
        insn_print(&insn, eip, out, size);
        return insn.len;
    case DECODE_SHORT:
        fmt_buf(out, size,
                "the instruction goes on at 0x%08x, where nothing can be read",
                cs->base + eip + got);
        return 0;
    case DECODE_LONG:
        fmt_buf(out, size, "the instruction is longer than 15 bytes");
        return 0;
    default:
        fmt_buf(out, size, "no instruction begins with 0x%02x here", bytes[0]);
        return 0;
    }
}

/* The saved EBP and the return address above it; false: not readable. */
static bool read_frame(struct vm *vm, u32 ebp, struct inspect_frame *out)
{
    bool wide = (vm->cpu.seg[SEG_CS].attr & ATTR_DB) != 0;
    u32 base = vm->cpu.seg[SEG_SS].base, width = wide ? 4 : 2;
    u8 raw[8];

    if (inspect_read(vm, gva(base + ebp), raw, 2 * width) != 2 * width)
        return false;
    out->ebp = wide ? get_le32(raw) : get_le16(raw);
    out->eip = wide ? get_le32(raw + 4) : get_le16(raw + 2);
    return true;
}

u32 inspect_stack(struct vm *vm, struct inspect_frame *out, u32 most)
{
    u32 ebp = vm->cpu.gpr[EBP], n = 0;
    struct inspect_frame next;

    if (!most)
        return 0;
    if (!(vm->cpu.seg[SEG_CS].attr & ATTR_DB))
        ebp &= 0xffff;
    out[n++] = (struct inspect_frame){.eip = vm->cpu.eip, .ebp = ebp};
    while (n < most && read_frame(vm, ebp, &next) && next.eip) {
        out[n++] = next;
        if (next.ebp <= ebp)
            break;
        ebp = next.ebp;
    }
    return n;
}

/* A near CALL is E8 with 32 bits or FF /2 with its operand: 2 to 7 bytes. */
static bool behind_call(struct vm *vm, u32 eip)
{
    u32 code = vm->cpu.seg[SEG_CS].base + eip - CALL_MOST;
    u8 bytes[CALL_MOST];
    struct insn insn;

    if (inspect_read(vm, gva(code), bytes, CALL_MOST) != CALL_MOST)
        return false;
    for (u32 len = 2; len <= CALL_MOST; len++) {
        const u8 *at = bytes + CALL_MOST - len;
        bool call = *at == 0xe8 || (*at == 0xff && (at[1] >> 3 & 7) == 2);
        if (call && insn_decode(at, len, true, &insn) == DECODE_OK &&
            insn.len == len)
            return true;
    }
    return false;
}

u32 inspect_returns(struct vm *vm, u32 *out, u32 most)
{
    const struct segment *ss = &vm->cpu.seg[SEG_SS];
    u32 esp = vm->cpu.gpr[ESP], n = 0;
    struct inspect_frame frame[2];
    u8 raw[4];

    if (!(vm->cpu.seg[SEG_CS].attr & ATTR_DB) ||
        (inspect_stack(vm, frame, 2) == 2 && behind_call(vm, frame[1].eip)))
        return 0;
    if (!(ss->attr & ATTR_DB))
        esp &= 0xffff;
    for (u32 i = 0; i < RETURN_WORDS && n < most; i++) {
        if (inspect_read(vm, gva(ss->base + esp + 4 * i), raw, 4) != 4)
            break;
        if (behind_call(vm, get_le32(raw)))
            out[n++] = get_le32(raw);
    }
    return n;
}
