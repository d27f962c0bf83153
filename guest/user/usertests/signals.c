/* SPDX-License-Identifier: MIT
 *
 * Signals: handlers, what is ignored, what cannot be, and forged sigframes.
 *
 * The last are the dangerous ones: a program makes up the registers that it
 * wants to go on with. Whatever it asks for, it must be in ring 3 afterwards,
 * with interrupts on and no port open, or be refused, or be stopped.
 */
#include "guest/user/usertests/tests.h"

#define FLAGS_IF   0x00000200
#define FLAGS_IOPL 0x00003000
#define FLAGS_NT   0x00004000
#define FLAGS_VM   0x00020000
#define KERNEL_CS  0x08
#define KERNEL_SS  0x10
#define TSS        0x28
#define PORT_POST  0x80

static volatile u32 seen, last, address;

static void note(int signal, struct sigframe *f)
{
    seen++;
    last = (u32)signal;
    address = f->address;
}

static void note_and_skip(int signal, struct sigframe *f)
{
    note(signal, f);
    f->eip += 2;
}

static void ignore_rest(int signal, struct sigframe *f)
{
    exit(7);
}

static void segv_address(u32 unused)
{
    signal(SIG_SEGV, note_and_skip);
    asm volatile("movl %%eax, (%0)" : : "d"(HOLE + 0x124) : "memory");
    expect(seen == 1 && last == SIG_SEGV, "SIGSEGV came once");
    expect_is((int)address, HOLE + 0x124, "the address of the fault");
}

static void divide(u32 unused)
{
    signal(SIG_FPE, note_and_skip);
    asm volatile("xor %%edx, %%edx\n\tdivl %0" : : "c"(0), "a"(1) : "edx");
    expect(seen == 1 && last == SIG_FPE, "SIGFPE came once");
}

static void illegal(u32 unused)
{
    signal(SIG_ILL, note_and_skip);
    asm volatile("ud2");
    expect(seen == 1 && last == SIG_ILL, "SIGILL came once");
}

/* All of them survive a handler, the flags too. */
static void registers(u32 unused)
{
    u32 eax = 1, ebx = 2, ecx = 3, edx = HOLE, esi = 5, edi = 6;
    u8 carry = 0;

    signal(SIG_SEGV, note_and_skip);
    asm volatile("stc\n\tmovl (%%edx), %%eax\n\tsetc %6"
                 : "+a"(eax), "+b"(ebx), "+c"(ecx), "+d"(edx), "+S"(esi),
                   "+D"(edi), "=m"(carry));
    expect(seen == 1 && carry, "the flags come back");
    expect(eax == 1 && ebx == 2 && ecx == 3 && edx == HOLE && esi == 5 &&
               edi == 6,
           "the registers come back");
}

static void handled(u32 unused)
{
    signal(SIG_USR, note);
    kill(getpid(), SIG_USR);
    kill(getpid(), SIG_USR);
    expect(seen == 2 && last == SIG_USR, "a handler runs as often as asked");
}

static void set_and_ask(u32 unused)
{
    expect_is(sys(SYS_SIGNAL, SIG_USR, (u32)note, (u32)signal_return),
              SIG_DEFAULT, "the first handler's predecessor");
    expect_is(sys(SYS_SIGNAL, SIG_USR, SIG_IGNORE, 0), (int)note,
              "the second's");
    expect_is(sys(SYS_SIGNAL, 0, 0, 0), ERR_INVAL, "signal 0");
    expect_is(sys(SYS_SIGNAL, SIG_COUNT, 0, 0), ERR_INVAL, "a signal too many");
    expect_is(sys(SYS_SIGNAL, ~0u, 0, 0), ERR_INVAL, "signal -1");
    expect_is(sys(SYS_SIGNAL, SIG_USR, KERNEL, 0), ERR_FAULT,
              "a handler in the kernel");
    expect_is(sys(SYS_SIGNAL, SIG_USR, 0, KERNEL), ERR_FAULT,
              "a trampoline in the kernel");
}

static void ignored(u32 unused)
{
    signal(SIG_TERM, (handler_fn *)SIG_IGNORE);
    kill(getpid(), SIG_TERM);
    kill(getpid(), SIG_CHLD);
}

static void kill_is_final(u32 unused)
{
    expect_is(sys(SYS_SIGNAL, SIG_KILL, SIG_IGNORE, 0), ERR_INVAL,
              "ignoring SIGKILL");
    expect_is(sys(SYS_SIGNAL, SIG_KILL, (u32)note, 0), ERR_INVAL,
              "handling SIGKILL");
}

static void raise(u32 signal)
{
    kill(getpid(), (int)signal);
    exit(3);
}

/* What each of them does to somebody who did not say. */
static void defaults(u32 unused)
{
    for (u32 s = 1; s < SIG_COUNT; s++)
        expect_is(outcome(raise, s), s == SIG_CHLD ? 3 : STATUS_KILLED - (int)s,
                  "the status of a signal's victim");
}

static void pass(int signal, struct sigframe *f)
{
}

static void again(int signal, struct sigframe *f)
{
    seen++;
    kill(getpid(), SIG_TERM);
    if (seen < 3)
        kill(getpid(), signal);
    expect(seen == last + 1, "a handler is not interrupted by its own signal");
    last = seen;
}

static void blocked(u32 unused)
{
    signal(SIG_USR, again);
    signal(SIG_TERM, pass);
    kill(getpid(), SIG_USR);
    expect_is((int)seen, 3, "how often the handler ran");
}

static void child_ended(u32 unused)
{
    int pid;

    signal(SIG_CHLD, note);
    pid = fork();
    if (pid == 0)
        exit(0);
    while (!seen)
        sleep(1);
    expect_is((int)last, SIG_CHLD, "the signal");
    expect_is(end_of(pid), 0, "the child's status");
}

static void tell(u32 pid)
{
    until((int)pid, "BLOCKED");
    kill((int)pid, SIG_USR);
}

static void interrupts(u32 unused)
{
    int pid;

    signal(SIG_USR, note);
    pid = start(tell, (u32)getpid());
    expect_is(sleep(100000), ERR_INTR, "a sleep that a signal ended");
    expect_is((int)seen, 1, "how often the handler ran");
    end_of(pid);
}

static void forked(u32 unused)
{
    int pid;

    signal(SIG_USR, note);
    pid = fork();
    if (pid == 0) {
        kill(getpid(), SIG_USR);
        exit((int)seen);
    }
    expect_is(end_of(pid), 1, "how often the child's handler ran");
    expect_is((int)seen, 0, "how often the parent's did");
}

/* The stack is not there: there is nowhere for the handler to run. */
static void no_stack(u32 unused)
{
    signal(SIG_SEGV, note);
    asm volatile("mov %0, %%esp\n\tmovl %0, (%0)" : : "r"(HOLE) : "memory");
}

static void stackless(u32 unused)
{
    expect_is(outcome(no_stack, 0), STATUS_KILLED - SIG_SEGV, "its status");
}

static void bad_handler(u32 unused)
{
    signal(SIG_USR, (handler_fn *)HOLE);
    kill(getpid(), SIG_USR);
}

static void handler_nowhere(u32 unused)
{
    expect_is(outcome(bad_handler, 0), STATUS_KILLED - SIG_SEGV, "its status");
}

/* ---- forged frames */

/* A register by its number in the frame, and what it is to hold. */
static const struct {
    u32 at, value;
} forged[] = {
    {__builtin_offsetof(struct sigframe, cs) / 4, KERNEL_CS},
    {__builtin_offsetof(struct sigframe, ss) / 4, KERNEL_SS},
    {__builtin_offsetof(struct sigframe, ds) / 4, KERNEL_SS},
    {__builtin_offsetof(struct sigframe, es) / 4, TSS},
    {__builtin_offsetof(struct sigframe, cs) / 4, 0},
    {__builtin_offsetof(struct sigframe, ss) / 4, 0},
    {__builtin_offsetof(struct sigframe, fs) / 4, KERNEL_SS},
    {__builtin_offsetof(struct sigframe, gs) / 4, 0xfff8},
    {__builtin_offsetof(struct sigframe, cs) / 4, 0xffff},
    {__builtin_offsetof(struct sigframe, eip) / 4, KERNEL},
    {__builtin_offsetof(struct sigframe, eip) / 4, 0xfffffffe},
};

#define FORGED (sizeof(forged) / sizeof(forged[0]))

static volatile u32 choice;

static void forge(int signal, struct sigframe *f)
{
    ((u32 *)f)[forged[choice].at] = forged[choice].value;
}

/* Refused, which ends at the HLT behind SIGRETURN, or faulting elsewhere. */
static void go_on_forged(u32 which)
{
    choice = which;
    signal(SIG_USR, forge);
    kill(getpid(), SIG_USR);
}

static void forged_registers(u32 unused)
{
    for (u32 i = 0; i < FORGED; i++) {
        if (outcome(go_on_forged, i) == STATUS_KILLED - SIG_SEGV)
            continue;
        printf("usertests: word %u of a sigframe was taken as 0x%x.\n",
               forged[i].at, forged[i].value);
        exit(1);
    }
}

static void all_flags(int signal, struct sigframe *f)
{
    f->eflags = ~FLAGS_IF & ~0x100u; /* no single steps */
}

/* Flags read back; the port must still be shut, and ticks must still come. */
static void forged_flags(u32 unused)
{
    u32 flags, tick;

    signal(SIG_USR, all_flags);
    kill(getpid(), SIG_USR);
    asm volatile("cld\n\tpushf\n\tpop %0" : "=r"(flags));
    expect(!(flags & (FLAGS_IOPL | FLAGS_NT | FLAGS_VM)),
           "no flag is won by a forged frame");
    signal(SIG_SEGV, note_and_skip);
    asm volatile("outb %%al, $0x80" : : "a"(0));
    expect_is((int)seen, 1, "faults of a port access");
    tick = (u32)sys(SYS_TIME, 0, 0, 0);
    while ((u32)sys(SYS_TIME, 0, 0, 0) == tick)
        continue;
}

static void go_on_with(u32 byte)
{
    struct sigframe f;

    memset(&f, (int)byte, sizeof(f));
    exit(sys(SYS_SIGRETURN, (u32)&f, 0, 0));
}

static void made_up(u32 unused)
{
    static const u8 bytes[] = {0, 0x03, 0x07, 0x0f, 0x23, 0x1b, 0x7f, 0xff};

    for (u32 i = 0; i < sizeof(bytes); i++) {
        int status = outcome(go_on_with, bytes[i]);

        expect(status == ERR_INVAL || was_killed(status),
               "a made-up frame is refused, or its program stopped");
    }
}

/* However it asks for it, SIGKILL stays deliverable. */
static void block_all(int signal, struct sigframe *f)
{
    f->blocked = ~0u;
}

static void blocks_all(u32 unused)
{
    signal(SIG_USR, block_all);
    kill(getpid(), SIG_USR);
    kill(getpid(), SIG_TERM);
    kill(getpid(), SIG_KILL);
}

static void unblockable(u32 unused)
{
    expect_is(outcome(blocks_all, 0), STATUS_KILLED - SIG_KILL, "its status");
}

/* A fault whose signal is blocked cannot wait. */
static void fault_in_handler(int signal, struct sigframe *f)
{
    if (seen++)
        exit(8);
    *(volatile u32 *)HOLE = 1;
}

static void faults_twice(u32 unused)
{
    signal(SIG_SEGV, fault_in_handler);
    *(volatile u32 *)HOLE = 1;
}

static void double_fault(u32 unused)
{
    expect_is(outcome(faults_twice, 0), STATUS_KILLED - SIG_SEGV, "its status");
}

static void leaves(u32 unused)
{
    signal(SIG_SEGV, ignore_rest);
    *(volatile u32 *)HOLE = 1;
}

static void exit_from_handler(u32 unused)
{
    expect_is(outcome(leaves, 0), 7, "its status");
}

const struct test signal_tests[] = {
    {"signal-segv", segv_address, 0},
    {"signal-fpe", divide, 0},
    {"signal-ill", illegal, 0},
    {"signal-registers", registers, 0},
    {"signal-handled", handled, 0},
    {"signal-set", set_and_ask, 0},
    {"signal-ignored", ignored, 0},
    {"signal-kill", kill_is_final, 0},
    {"signal-defaults", defaults, 0},
    {"signal-blocked", blocked, 0},
    {"signal-child", child_ended, 0},
    {"signal-interrupts", interrupts, 0},
    {"signal-forked", forked, 0},
    {"signal-no-stack", stackless, 0},
    {"signal-nowhere", handler_nowhere, 0},
    {"signal-twice", double_fault, 0},
    {"signal-exit", exit_from_handler, 0},
    {"forged-registers", forged_registers, 0},
    {"forged-flags", forged_flags, 0},
    {"forged-frame", made_up, 0},
    {"forged-mask", unblockable, 0},
    {NULL, NULL, 0},
};
