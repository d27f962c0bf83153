/* SPDX-License-Identifier: MIT
 *
 * The end of the VMM by its own fault: say everything that helps to find the
 * bug, on the console, and stop the machine with a failing status.
 *
 * Nothing here trusts anything: the frame-pointer chain is followed only
 * inside the VMM's stacks, upwards, for a bounded number of frames. A panic
 * inside a panic prints one line and stops at once.
 */
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/defs/traps.h"
#include "arch/x86/layout.h"
#include "arch/x86/machine.h"
#include "arch/x86/symbols.h"
#include "vmm/base/check.h"
#include "vmm/base/fmt.h"

#define PANIC_FRAMES 24

void (*arch_panic_hook)(void);

static u32 panics;

static const char *const trap_names[TRAP_EXCEPTIONS] = {
    [TRAP_DE] = "divide error",
    [TRAP_BP] = "breakpoint",
    [TRAP_OF] = "overflow",
    [TRAP_BR] = "bound range exceeded",
    [TRAP_UD] = "invalid opcode",
    [TRAP_NM] = "device not available",
    [TRAP_DF] = "double fault",
    [TRAP_TS] = "invalid TSS",
    [TRAP_NP] = "segment not present",
    [TRAP_SS] = "stack fault",
    [TRAP_GP] = "general protection",
    [TRAP_PF] = "page fault",
    [TRAP_MF] = "x87 floating point",
    [TRAP_AC] = "alignment check",
    [TRAP_MC] = "machine check",
    [TRAP_XM] = "SIMD floating point",
};

static void put(void *ctx, const char *text, size_t len)
{
    arch_console_write(text, len);
}

static const struct sink out = {put, NULL};

static void print_place(u64 at)
{
    u32 offset;
    const char *name = symbol_find(at, &offset);

    if (name)
        fmt_sink(&out, "  %016llx  %s+0x%x\n", (unsigned long long)at, name,
                 offset);
    else
        fmt_sink(&out, "  %016llx\n", (unsigned long long)at);
}

static bool on_stack(u64 at)
{
    if (at & 7)
        return false;
    return (at >= (u64)vmm_stack && at <= (u64)vmm_stack_top - 16) ||
           (at >= (u64)trap_stack_top && at <= (u64)mc_stack_top - 16);
}

static void print_stack(u64 rip, u64 rbp)
{
    fmt_sink(&out, "Stack, innermost call first:\n");
    if (rip)
        print_place(rip);
    for (u32 i = 0; i < PANIC_FRAMES && on_stack(rbp); i++) {
        const u64 *frame = (const u64 *)rbp;
        print_place(frame[1]);
        if (frame[0] <= rbp)
            break;
        rbp = frame[0];
    }
}

#define ROW(a, x, b, y, c, z)                                                  \
    fmt_sink(&out, "%4s %016llx  %4s %016llx  %4s %016llx\n", a,               \
             (unsigned long long)(x), b, (unsigned long long)(y), c,           \
             (unsigned long long)(z))

static void print_registers(const struct trap_frame *f)
{
    ROW("rax", f->rax, "rbx", f->rbx, "rcx", f->rcx);
    ROW("rdx", f->rdx, "rsi", f->rsi, "rdi", f->rdi);
    ROW("rbp", f->rbp, "rsp", f->rsp, "rip", f->rip);
    ROW("r8", f->r8, "r9", f->r9, "r10", f->r10);
    ROW("r11", f->r11, "r12", f->r12, "r13", f->r13);
    ROW("r14", f->r14, "r15", f->r15, "rfl", f->rflags);
    ROW("cr0", read_cr0(), "cr2", read_cr2(), "cr3", read_cr3());
    ROW("cr4", read_cr4(), "cs", f->cs, "ss", f->ss);
}

/* A second panic comes back here and must not loop. */
static void begin(void)
{
    static const char again[] = "\ntrapline: panic inside a panic; stopped.\n";

    if (!panics++) {
        arch_screen_panic();
        return;
    }
    if (panics == 2)
        arch_console_write(again, sizeof(again) - 1);
    arch_poweroff(ARCH_STATUS_PANIC);
}

static _Noreturn void finish(void)
{
    if (arch_panic_hook)
        arch_panic_hook();
    fmt_sink(&out, "trapline: the machine stops here.\n");
    arch_poweroff(ARCH_STATUS_PANIC);
}

static bool overflowed(const struct trap_frame *f)
{
    u64 guard = (u64)vmm_stack_guard;

    return f->vector == TRAP_DF && f->rsp <= (u64)vmm_stack + 256 &&
           f->rsp >= guard;
}

void panic_trap(const struct trap_frame *f)
{
    const char *name =
        f->vector < TRAP_EXCEPTIONS ? trap_names[f->vector] : NULL;

    begin();
    fmt_sink(&out,
             "\ntrapline: panic: %s (vector %u, error 0x%llx) in the VMM at "
             "rip 0x%llx.\n",
             name ? name : "a trap", (u32)f->vector,
             (unsigned long long)f->error, (unsigned long long)f->rip);
    if (overflowed(f))
        fmt_sink(&out, "The VMM's stack has overflowed.\n");
    print_registers(f);
    print_stack(f->rip, f->rbp);
    finish();
}

void arch_panic(const char *format, ...)
{
    va_list args;

    begin();
    va_start(args, format);
    fmt_sink(&out, "\ntrapline: panic: ");
    fmt_vsink(&out, format, args);
    fmt_sink(&out, ".\n");
    va_end(args);
    print_stack(0, (u64)__builtin_frame_address(0));
    finish();
}

void check_failed(const char *file, int line, const char *expr)
{
    arch_panic("%s:%d: this must hold: %s", file, line, expr);
}
