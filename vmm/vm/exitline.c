/* SPDX-License-Identifier: MIT
 *
 * See exitline.h. The instruction is looked at before the exit is handled,
 * because handling may change the page it is on; it is read through the
 * shadow, which maps it (the CPU has just fetched it), so that looking leaves
 * no trace in the guest's accessed bits. Where the shadow does not map it (a
 * fetch that faulted), there is no instruction to show.
 */
#include "vmm/vm/exitline.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/base/fmt.h"
#include "vmm/cpu/decode.h"
#include "vmm/vm/exits.h"
#include "vmm/vm/vm.h"

#define TEXT_MAX  80
#define NS_PER_S  1000000000u
#define NS_PER_US 1000u

/* The guest as it stood when the exit came. */
struct before {
    u64 count[EXIT_KINDS];
    u32 eip, next; /* next: behind the instruction */
    u16 cs;
    char text[TEXT_MAX];
};

/* As many bytes of the instruction as the shadow shows. */
static u32 fetch(const struct vm *vm, u8 bytes[INSN_MAX])
{
    const struct cpu *cpu = &vm->cpu;
    u32 access = PF_FETCH | (cpu->cpl == 3 ? PF_USER : 0);
    u32 at = cpu->seg[SEG_CS].base + cpu->eip, count = 0;

    for (; count < INSN_MAX; count++) {
        const u8 *byte = shadow_peek(&vm->shadow, gva(at + count), access);
        if (!byte)
            break;
        bytes[count] = *byte;
    }
    return count;
}

static void look(const struct vm *vm, struct before *b)
{
    const struct cpu *cpu = &vm->cpu;
    bool code32 = (cpu->seg[SEG_CS].attr & ATTR_DB) != 0;
    u8 bytes[INSN_MAX];
    struct insn insn;
    u32 count = fetch(vm, bytes);

    memcpy(b->count, vm->exit_count, sizeof(b->count));
    b->eip = b->next = cpu->eip;
    b->cs = cpu->seg[SEG_CS].sel;
    b->text[0] = 0;
    if (insn_decode(bytes, count, code32, &insn) != DECODE_OK)
        return;
    insn_print(&insn, cpu->eip, b->text, sizeof(b->text));
    b->next += insn.len;
}

/* Which counter went up; EXIT_KINDS: none (an exit that killed the VM). */
static u32 kind_since(const struct vm *vm, const struct before *b)
{
    u32 kind = 0;

    while (kind < EXIT_KINDS && vm->exit_count[kind] == b->count[kind])
        kind++;
    return kind;
}

/* What the registers at the exit say about its cause. */
static void describe(const struct vm *vm, u32 kind, char *out, size_t size)
{
    const struct arch_vcpu *av = &vm->arch;

    out[0] = 0;
    if (kind == EXIT_EXCEPTION)
        fmt_buf(out, size, " vector %u", av->vector);
    else if (av->vector == TRAP_PF)
        fmt_buf(out, size, " at 0x%08x, error 0x%x", av->fault_at, av->error);
    else if (kind == EXIT_HOST_IRQ)
        fmt_buf(out, size, " vector 0x%02x", av->vector);
}

static void tell(struct vm *vm, u32 kind, const struct before *b)
{
    const struct cpu *cpu = &vm->cpu;
    u16 cs = cpu->seg[SEG_CS].sel;
    u64 now = vm_now(vm);
    char cause[48], where[32] = "";

    describe(vm, kind, cause, sizeof(cause));
    if (cpu->eip != b->next && (cpu->eip != b->eip || cs != b->cs))
        fmt_buf(where, sizeof(where), " -> %04x:%08x", cs, cpu->eip);
    console_print(&vm->hv->console, "trace %s %u.%06u %-10s  %04x:%08x  %s%s%s",
                  vm->config.name, (u32)(now / NS_PER_S),
                  (u32)(now % NS_PER_S / NS_PER_US), exit_kind_name(kind),
                  b->cs, b->eip, b->text, cause, where);
}

void exit_line(struct vm *vm)
{
    struct before b;
    u32 kind;

    look(vm, &b);
    exit_handle(vm);
    kind = kind_since(vm, &b);
    if (kind < EXIT_KINDS && (vm->config.trace & BIT(kind)))
        tell(vm, kind, &b);
}
