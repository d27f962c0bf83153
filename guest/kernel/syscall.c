/* SPDX-License-Identifier: MIT
 *
 * System calls: a table of functions by number (abi.h says what they mean).
 *
 * Each takes the frame of the caller, finds its arguments in EBX, ECX and
 * EDX, and returns what goes into EAX; those of processes, memory and files
 * have files of their own (syscalls.h). Pointers are only ever used through
 * uaccess.c. A record is checked to be writable before a call has an effect,
 * so a bad pointer changes nothing.
 */
#include "arch/x86/defs/ports.h"
#include "guest/kernel/file.h"
#include "guest/kernel/kernel.h"
#include "guest/kernel/syscalls.h"

#define KBENCH_MAX 10000000 /* the others wait so long */

static struct boot_cost boot_cost;

void boot_note_first_program(void)
{
    u64 start = (u64)boot_data.tsc_high << 32 | boot_data.tsc_low;
    u32 meter = inl(PORT_METER);

    boot_cost.tsc = rdtsc() - start;
    boot_cost.exits = meter == ~0u ? meter : meter - boot_data.meter;
}

static int sys_null(struct frame *f)
{
    return (int)(f->ebx + 1);
}

static int sys_kbench(struct frame *f)
{
    u32 kind = f->ebx, n = f->ecx;

    if (n > KBENCH_MAX || kind > KBENCH_COMPUTE)
        return ERR_INVAL;
    if (kind == KBENCH_COMPUTE)
        return (int)kbench_compute(n);
    for (u32 i = 0; kind == KBENCH_CLI_STI && i < n; i++) {
        cli();
        sti();
    }
    cli();
    for (u32 i = 0; kind == KBENCH_PORT_WRITE && i < n; i++)
        outb(PORT_POST, 0);
    return 0;
}

static int sys_meter(struct frame *f)
{
    return (int)inl(PORT_METER);
}

static int sys_boot(struct frame *f)
{
    return user_write(f->ebx, &boot_cost, sizeof(boot_cost));
}

static int sys_check(struct frame *f)
{
    if (frames_free_count() < CHECK_PAGES)
        return ERR_NOMEM;
    check_run(0);
    return 0;
}

static int sys_shutdown(struct frame *f)
{
    machine_end(f->ebx);
}

static int (*const calls[SYS_COUNT])(struct frame *f) = {
    /* Measuring and the machine */
    [SYS_NULL] = sys_null,
    [SYS_KBENCH] = sys_kbench,
    [SYS_METER] = sys_meter,
    [SYS_BOOT] = sys_boot,
    [SYS_CHECK] = sys_check,
    [SYS_SHUTDOWN] = sys_shutdown,
    [SYS_TIME] = sys_time,
    /* Processes */
    [SYS_FORK] = sys_fork,
    [SYS_EXEC] = sys_exec,
    [SYS_EXIT] = sys_exit,
    [SYS_WAIT] = sys_wait,
    [SYS_KILL] = sys_kill,
    [SYS_SIGNAL] = sys_signal,
    [SYS_SIGRETURN] = sys_sigreturn,
    [SYS_GETPID] = sys_getpid,
    [SYS_YIELD] = sys_yield,
    [SYS_SLEEP] = sys_sleep,
    [SYS_ALIVE] = sys_alive,
    [SYS_PS] = sys_ps,
    /* Memory */
    [SYS_SBRK] = sys_sbrk,
    [SYS_MMAP] = sys_mmap,
    [SYS_MUNMAP] = sys_munmap,
    [SYS_MEM] = sys_mem,
    [SYS_VMSTAT] = sys_vmstat,
    [SYS_SEGMENT] = sys_segment,
    [SYS_SWAPSTAT] = sys_swapstat,
    [SYS_SWAPCTL] = sys_swapctl,
    /* Files */
    [SYS_WRITE] = sys_write,
    [SYS_READ] = sys_read,
    [SYS_OPEN] = sys_open,
    [SYS_CLOSE] = sys_close,
    [SYS_DUP2] = sys_dup2,
    [SYS_PIPE] = sys_pipe,
    [SYS_UNLINK] = sys_unlink,
    [SYS_READDIR] = sys_readdir,
    /* Scheduling */
    [SYS_SCHED] = sys_sched,
    [SYS_WORK] = sys_work,
    [SYS_CHART] = sys_chart,
};

void syscall(struct frame *f)
{
    int answer = ERR_NOSYS;

    if (f->eax < SYS_COUNT && calls[f->eax])
        answer = calls[f->eax](f);
    f->eax = (u32)answer;
}
