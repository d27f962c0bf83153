/* SPDX-License-Identifier: MIT
 *
 * The monitor's audit: is everything between the VMs still as it was made?
 *
 * For each VM: its shadow against the guest's own tables (shadow_audit), its
 * p2m against the checksum taken when it was made, its frames against the
 * frame records, and its canary frames (option canary=1). Without a name, for
 * every VM, and then all frame records at once, where a frame that was leaked
 * has an owner that there is not. Every fault is a sentence; the last line is
 * for programs: `audit: clean` or `audit: N faults`, with the VM's name in
 * front when there was one.
 *
 * The audit walks guest memory through the shadow's own checks only. It stops
 * the machine for as long as it takes: milliseconds for each 32 MiB.
 */
#include "vmm/base/bits.h"
#include "vmm/mm/canary.h"
#include "vmm/vm/monitor_impl.h"

/* The audits write pieces; the console wants lines. */
struct pieces {
    const struct sink *out;
    char text[256];
    u32 len;
};

static void put_pieces(void *ctx, const char *text, size_t len)
{
    struct pieces *p = ctx;

    for (size_t i = 0; i < len; i++) {
        bool full = p->len == sizeof(p->text);
        if (text[i] == '\n' || full) {
            monitor_say(p->out, "%.*s", (int)p->len, p->text);
            p->len = 0;
        }
        if (text[i] != '\n')
            p->text[p->len++] = text[i];
    }
}

static u32 check_shadow(const struct vm *vm, const struct sink *out)
{
    struct pieces pieces = {.out = out};
    struct sink sink = {put_pieces, &pieces};
    u32 faults;

    if (!vm->shadow.ready)
        return 0;
    faults = shadow_audit(&vm->shadow, &sink);
    if (pieces.len)
        put_pieces(&pieces, "\n", 1);
    return faults;
}

static u32 check_p2m(const struct vm *vm, const struct sink *out)
{
    u64 sum = p2m_checksum(&vm->p2m);

    if (!vm->p2m.ready || sum == vm->p2m_sum)
        return 0;
    monitor_say(out,
                "The p2m of %s has changed: its checksum is 0x%016llx, and "
                "was 0x%016llx when it was made.",
                vm->config.name, (unsigned long long)sum,
                (unsigned long long)vm->p2m_sum);
    return 1;
}

/* The VM and the frame records must agree on how many it has. */
static u32 check_count(const struct vm *vm, const struct sink *out,
                       enum frame_use use, const char *what, u32 want)
{
    u32 got = frames_owned(&vm->hv->frames, (u8)vm->slot, use);

    if (got == want)
        return 0;
    monitor_say(out, "%s owns %u %s frames by the frame records, %u by itself.",
                vm->config.name, got, what, want);
    return 1;
}

static u32 check_canaries(const struct vm *vm, const struct sink *out)
{
    struct pieces pieces = {.out = out};
    struct sink sink = {put_pieces, &pieces};

    return canary_check(&vm->hv->frames, (u8)vm->slot, &sink);
}

static u32 check_vm(const struct vm *vm, const struct sink *out)
{
    u32 faults = check_shadow(vm, out);

    faults += check_p2m(vm, out);
    faults += check_count(vm, out, FRAME_GUEST, "guest", vm->p2m.ram_frames);
    faults += check_count(vm, out, FRAME_P2M, "p2m", p2m_own_frames(&vm->p2m));
    faults += check_count(vm, out, FRAME_BLOCK, "block", vm_block_frames(vm));
    faults += check_count(vm, out, FRAME_NAMES, "names", symbols_frames(vm));
    faults += check_count(vm, out, FRAME_PROBE, "probe", probe_frames(vm));
    faults += check_count(vm, out, FRAME_DISK, "disk", disk_frames(&vm->disk));
    return faults + check_canaries(vm, out);
}

static void say_verdict(const struct sink *out, const char *what, u32 faults)
{
    if (faults)
        monitor_say(out, "audit: %s%u fault%s", what, faults,
                    faults == 1 ? "" : "s");
    else
        monitor_say(out, "audit: %sclean", what);
}

static u32 audit_one(const struct vm *vm, const struct sink *out)
{
    char what[VM_NAME_MAX + 3];
    u32 faults = check_vm(vm, out);

    fmt_buf(what, sizeof(what), "%s: ", vm->config.name);
    say_verdict(out, what, faults);
    return faults;
}

static u32 count_use(const struct frames *f, enum frame_use use)
{
    u32 n = 0;

    for (u32 i = 0; i < f->count; i++)
        n += f->info[i].use == use;
    return n;
}

static u32 audit_frames_of_all(const struct monitor_args *args, u32 owners)
{
    const struct frames *f = &args->hv->frames;
    struct pieces pieces = {.out = args->out};
    struct sink sink = {put_pieces, &pieces};
    u32 faults = frames_audit(f, owners, &sink);

    say(args,
        "audit: %u frames: %u free, %u reserved, %u of guests, %u shadow, "
        "%u p2m, %u blocks, %u names, %u of probes, %u of disks, %u canaries",
        f->count, f->nfree, count_use(f, FRAME_RESERVED),
        count_use(f, FRAME_GUEST), count_use(f, FRAME_SHADOW),
        count_use(f, FRAME_P2M), count_use(f, FRAME_BLOCK),
        count_use(f, FRAME_NAMES), count_use(f, FRAME_PROBE),
        count_use(f, FRAME_DISK), count_use(f, FRAME_CANARY));
    return faults;
}

static void audit_all(const struct monitor_args *args)
{
    u32 faults = 0, owners = 0;

    for (u32 i = 0; i < HV_VMS; i++) {
        const struct vm *vm = &args->hv->vm[i];
        if (vm->state == VM_EMPTY)
            continue;
        owners |= BIT(i);
        faults += audit_one(vm, args->out);
    }
    faults += audit_frames_of_all(args, owners);
    say_verdict(args->out, "", faults);
}

void monitor_audit(const struct monitor_args *args)
{
    if (!args->vm)
        audit_all(args);
    else if (args->vm->shadow.ready)
        audit_one(args->vm, args->out);
    else
        say(args, "audit: %s: it has no shadow to audit; `reset` makes one",
            args->vm->config.name);
}
