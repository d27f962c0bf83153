/* SPDX-License-Identifier: MIT
 *
 * Signals, each promise of theirs tried: handlers see and change the
 * registers, a signal waits while its own handler runs, sleeping ends early,
 * what is ignored disturbs nobody, and a forged sigframe gives no privilege.
 *
 * What should end a process is done in a child, and its status tells how it
 * ended. The last line is the verdict; before it stand the promises that
 * were broken.
 */
#include "arch/x86/defs/regs.h"
#include "guest/user/user.h"

#define HOLE          0x40000000
#define KERNEL        0xc0100000
#define KERNEL_CODE   0x08
#define KERNEL_DATA   0x10
#define STACK_SEGMENT 0x24 /* of the LDT, but of ring 0 */
#define ANSWER        42

static volatile u32 seen, order, address;
static void (*forge)(struct sigframe *f);
static volatile u8 got[SIG_COUNT];
static u32 tried, broken;

static void promise(const char *what, int holds)
{
    tried++;
    if (holds)
        return;
    broken++;
    printf("signals: it is not true that %s.\n", what);
}

/* How a child ended that did this. */
static int child(void (*act)(void))
{
    int status = 0, pid = fork();

    if (pid == 0) {
        act();
        exit(0);
    }
    return wait(pid, &status) == pid ? status : pid;
}

static int me(void)
{
    return sys(SYS_GETPID, 0, 0, 0);
}

static void note(int number, struct sigframe *f)
{
    seen = (u32)number;
    got[number] = 1; /* two handlers may interrupt one another */
    address = f->address;
}

static void note_and_skip(int number, struct sigframe *f)
{
    note(number, f);
    f->eip += 2;
    f->eax = ANSWER;
}

static u32 peek(u32 at)
{
    u32 value = at;

    asm volatile("movl (%0), %0" : "+a"(value) : : "memory");
    return value;
}

static void faults_are_handled(void)
{
    u32 value;

    signal(SIG_SEGV, note_and_skip);
    seen = 0;
    value = peek(HOLE);
    promise("a handler sees the address of a page fault and sets EAX",
            seen == SIG_SEGV && address == HOLE && value == ANSWER);
    value = peek(KERNEL);
    promise("the kernel's pages fault in the same way",
            address == KERNEL && value == ANSWER);
    signal(SIG_FPE, note_and_skip);
    seen = 0;
    asm volatile("divl %1" : "=a"(value) : "c"(0), "a"(1), "d"(0) : "cc");
    promise("a division by zero is handled",
            seen == SIG_FPE && value == ANSWER);
    signal(SIG_ILL, note_and_skip);
    seen = 0;
    asm volatile("ud2" : : : "eax");
    promise("an undefined instruction is handled", seen == SIG_ILL);
    signal(SIG_SEGV, (handler_fn *)SIG_DEFAULT);
    signal(SIG_FPE, (handler_fn *)SIG_DEFAULT);
    signal(SIG_ILL, (handler_fn *)SIG_DEFAULT);
}

/* In the handler of USR: another USR waits, a TERM does not. */
static void send_in_handler(int number, struct sigframe *f)
{
    order = order * 10 + 1;
    if (order != 1)
        return;
    kill(me(), SIG_USR);
    kill(me(), SIG_TERM);
    order = order * 10 + 3;
}

static void note_term(int number, struct sigframe *f)
{
    order = order * 10 + 2;
}

static void handlers_nest(void)
{
    signal(SIG_USR, send_in_handler);
    signal(SIG_TERM, note_term);
    order = 0;
    kill(me(), SIG_USR);
    promise("a signal waits for its own handler, and another one does not",
            order == 1231);
    promise("the handler that was there is told",
            signal(SIG_USR, (handler_fn *)SIG_IGNORE) == (int)send_in_handler);
    order = 0;
    kill(me(), SIG_USR);
    promise("what is ignored does nothing", order == 0);
    signal(SIG_USR, note);
    seen = 0;
    sys(SYS_YIELD, 0, 0, 0);
    promise("and is not remembered", seen == 0);
}

static void kill_parent(void)
{
    struct ps_entry row;
    int parent = 0;

    for (u32 i = 0; sys(SYS_PS, i, (u32)&row, 0) == 0; i++)
        if (row.pid == me())
            parent = row.parent;
    kill(parent, SIG_USR);
}

static void sleepers_wake(void)
{
    int status, pid = fork();

    if (pid == 0) {
        sleep(2);
        kill_parent();
        exit(7);
    }
    seen = 0;
    promise("a handled signal ends a sleep",
            sleep(100000) == ERR_INTR && seen == SIG_USR);
    promise("and waiting goes on as before",
            wait(pid, &status) == pid && status == 7);
    signal(SIG_CHLD, note);
    got[SIG_USR] = got[SIG_CHLD] = 0;
    child(kill_parent);
    promise("the end of a child is a signal to who wants it",
            got[SIG_USR] && got[SIG_CHLD]);
    signal(SIG_CHLD, (handler_fn *)SIG_DEFAULT);
}

static void handler_faults(int number, struct sigframe *f)
{
    peek(HOLE);
}

static void fault_in_handler(void)
{
    signal(SIG_SEGV, handler_faults);
    peek(HOLE);
}

static void no_stack(void)
{
    signal(SIG_USR, note);
    asm volatile("mov %0, %%esp\n\tint $0x80"
                 :
                 : "r"(KERNEL), "a"(SYS_KILL), "b"(me()), "c"(SIG_USR));
}

static void no_stack_at_all(void)
{
    signal(SIG_SEGV, note);
    asm volatile("xor %esp, %esp\n\tpush %eax");
}

static void die_of_term(void)
{
    signal(SIG_TERM, (handler_fn *)SIG_DEFAULT);
    kill(me(), SIG_TERM);
}

static void inherit(void)
{
    seen = 0;
    kill(me(), SIG_USR);
    exit(seen == SIG_USR ? 0 : 1);
}

static void exec_with_handler(void)
{
    signal(SIG_TERM, note);
    exec("signals 7");
}

static void exec_deaf(void)
{
    signal(SIG_TERM, (handler_fn *)SIG_IGNORE);
    exec("signals 7");
}

static void ends_are_told(void)
{
    promise("an unhandled signal ends a process, and its status tells which",
            child(die_of_term) == STATUS_KILLED - SIG_TERM);
    promise("a fault in its own handler ends a process",
            child(fault_in_handler) == STATUS_KILLED - SIG_SEGV);
    promise("a signal ends a process whose stack is the kernel's",
            child(no_stack) == STATUS_KILLED - SIG_USR);
    promise("so does a fault of one that has no stack",
            child(no_stack_at_all) == STATUS_KILLED - SIG_SEGV);
    promise("a child inherits handlers", child(inherit) == 0);
    promise("a new program has none",
            child(exec_with_handler) == STATUS_KILLED - SIG_TERM);
    promise("but ignores what was ignored", child(exec_deaf) == ANSWER);
}

static void errors_are_told(void)
{
    promise("KILL cannot be handled",
            signal(SIG_KILL, note) == ERR_INVAL &&
                signal(SIG_KILL, (handler_fn *)SIG_IGNORE) == ERR_INVAL);
    promise(
        "a signal has a number from 1 on",
        signal(0, note) == ERR_INVAL && signal(SIG_COUNT, note) == ERR_INVAL &&
            kill(me(), 0) == ERR_INVAL && kill(me(), SIG_COUNT) == ERR_INVAL);
    promise("a handler is not in the kernel",
            signal(SIG_USR, (handler_fn *)KERNEL) == ERR_FAULT);
    promise("nobody kills init", kill(1, SIG_KILL) == ERR_INVAL);
    promise("nobody kills who does not exist",
            kill(0, SIG_KILL) == ERR_SRCH && kill(-5, SIG_KILL) == ERR_SRCH &&
                kill(0x7fffffff, SIG_KILL) == ERR_SRCH);
    promise("a sigframe is not in the kernel",
            sys(SYS_SIGRETURN, KERNEL, 0, 0) == ERR_FAULT &&
                sys(SYS_SIGRETURN, 0xfffffff0, 0, 0) == ERR_FAULT);
}

static void run_forge(int number, struct sigframe *f)
{
    forge(f);
}

static void return_forged(void)
{
    signal(SIG_USR, run_forge);
    kill(me(), SIG_USR);
    asm volatile("cli");
}

static void kernel_code(struct sigframe *f)
{
    f->cs = KERNEL_CODE;
}

static void kernel_code_at_ring_3(struct sigframe *f)
{
    f->cs = KERNEL_CODE | 3;
}

static void null_code(struct sigframe *f)
{
    f->cs = 0;
}

static void kernel_stack(struct sigframe *f)
{
    f->ss = KERNEL_DATA;
}

static void missing_stack(struct sigframe *f)
{
    f->ss = STACK_SEGMENT;
}

static void missing_code(struct sigframe *f)
{
    f->cs = 0xffff;
}

static void kernel_data(struct sigframe *f)
{
    f->ds = KERNEL_DATA;
}

static void missing_data(struct sigframe *f)
{
    f->es = 0xffff;
}

static void missing_gs(struct sigframe *f)
{
    f->gs = 0x7f;
}

static void all_flags(struct sigframe *f)
{
    f->eflags = EFLAGS_IOPL | EFLAGS_VM | EFLAGS_NT | EFLAGS_VIF | EFLAGS_VIP;
}

static void higher_io(struct sigframe *f)
{
    f->eflags |= EFLAGS_IOPL;
}

static void kernel_eip(struct sigframe *f)
{
    f->eip = KERNEL;
}

static void block_all(struct sigframe *f)
{
    f->blocked = ~0u;
}

static u32 flags(void)
{
    u32 value;

    asm volatile("pushfl\n\tpopl %0" : "=r"(value));
    return value;
}

static void return_with_flags(void)
{
    signal(SIG_USR, run_forge);
    kill(me(), SIG_USR);
    exit(flags() & (EFLAGS_IOPL | EFLAGS_NT | EFLAGS_VM) ? 1 : 0);
}

static void return_blocked(void)
{
    signal(SIG_USR, run_forge);
    kill(me(), SIG_USR);
    kill(me(), SIG_KILL);
}

static void frames_are_not_believed(void)
{
    static void (*const forgeries[])(struct sigframe * f) = {
        kernel_code,  kernel_code_at_ring_3,
        null_code,    kernel_stack,
        missing_code, missing_stack,
        kernel_data,  missing_data,
        missing_gs,   higher_io,
        kernel_eip,
    };

    for (u32 i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
        forge = forgeries[i];
        promise("a forged frame gives no privilege",
                child(return_forged) == STATUS_KILLED - SIG_SEGV);
    }
    forge = all_flags;
    promise("flags that are the kernel's stay as they were",
            child(return_with_flags) == 0);
    forge = block_all;
    promise("KILL cannot be blocked",
            child(return_blocked) == STATUS_KILLED - SIG_KILL);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        kill(me(), (int)parse_u32(argv[1]));
        return ANSWER;
    }
    faults_are_handled();
    handlers_nest();
    sleepers_wake();
    errors_are_told();
    ends_are_told();
    frames_are_not_believed();
    printf("signals: %u of %u promises were kept.\n", tried - broken, tried);
    return broken != 0;
}
