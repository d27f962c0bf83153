/* SPDX-License-Identifier: MIT
 *
 * See native.h. All eight registers are the test's, ESP too: on the way out
 * nothing is pushed before our own stack is back. Signals run on a stack of
 * their own; their handler notes the context as the fault left it and goes on
 * at native_back. FXSAVE there sees the FPU as the instruction left it, for
 * the kernel has put it back.
 *
 * On the long way DS is loaded last and the jump reads its target through CS,
 * the only segment that is still ours.
 */
#define _GNU_SOURCE
#include "tests/diff/native.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/traps.h"
#include <asm/ldt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define FLAGS_USER 0x202

struct regs native_in, native_out;
struct fpu native_fpu;
u32 native_with_fpu, native_host_esp, native_host_mxcsr = MXCSR_INIT;
u32 native_target[2]; /* far pointers: EIP and CS, ESP and SS */
u32 native_stack[2];
void native_enter(void);
void native_enter_far(void);
void native_exit(void);
void native_back(void);

static u32 host_seg[SEG_COUNT];
static volatile u32 running, vector, error, cr2;

/* Our registers go onto our stack, the test's FPU and flags come. */
#define TAKE_OVER                                                              \
    "    pusha\n"                                                              \
    "    mov %esp, native_host_esp\n"                                          \
    "    cmpl $0, native_with_fpu\n"                                           \
    "    je 1f\n"                                                              \
    "    fxrstor native_fpu\n"                                                 \
    "1:  push native_in+36\n"                                                  \
    "    popf\n"

__asm__(".globl native_enter, native_enter_far, native_exit, native_back\n"
        "native_enter:\n" TAKE_OVER "    mov native_in+0, %eax\n"
        "    mov native_in+4, %ecx\n"
        "    mov native_in+8, %edx\n"
        "    mov native_in+12, %ebx\n"
        "    mov native_in+16, %esp\n"
        "    mov native_in+20, %ebp\n"
        "    mov native_in+24, %esi\n"
        "    mov native_in+28, %edi\n"
        "    jmp *native_in+32\n"
        "native_enter_far:\n" TAKE_OVER "    mov native_in+40, %es\n"
        "    mov native_in+56, %fs\n"
        "    mov native_in+60, %gs\n"
        "    mov native_in+0, %eax\n"
        "    mov native_in+4, %ecx\n"
        "    mov native_in+8, %edx\n"
        "    mov native_in+12, %ebx\n"
        "    mov native_in+20, %ebp\n"
        "    mov native_in+24, %esi\n"
        "    mov native_in+28, %edi\n"
        "    lss native_stack, %esp\n"
        "    mov native_in+52, %ds\n"
        "    ljmp *%cs:native_target\n"
        "native_exit:\n"
        "    mov %eax, native_out+0\n"
        "    mov %ecx, native_out+4\n"
        "    mov %edx, native_out+8\n"
        "    mov %ebx, native_out+12\n"
        "    mov %esp, native_out+16\n"
        "    mov %ebp, native_out+20\n"
        "    mov %esi, native_out+24\n"
        "    mov %edi, native_out+28\n"
        "    mov native_host_esp, %esp\n"
        "    pushf\n"
        "    pop native_out+36\n"
        "    push $0x202\n"
        "    popf\n"
        "native_back:\n"
        "    cmpl $0, native_with_fpu\n"
        "    je 1f\n"
        "    fxsave native_fpu\n"
        "    fninit\n"
        "    ldmxcsr native_host_mxcsr\n"
        "1:  popa\n"
        "    ret\n");

static const u8 greg_of[GPR_COUNT] = {REG_EAX, REG_ECX, REG_EDX, REG_EBX,
                                      REG_ESP, REG_EBP, REG_ESI, REG_EDI};
static const u8 greg_of_seg[SEG_COUNT] = {REG_ES, REG_CS, REG_SS,
                                          REG_DS, REG_FS, REG_GS};

static void note(const mcontext_t *m)
{
    for (u32 r = 0; r < GPR_COUNT; r++)
        native_out.gpr[r] = (u32)m->gregs[greg_of[r]];
    for (u32 s = 0; s < SEG_COUNT; s++)
        native_out.seg[s] = (u16)m->gregs[greg_of_seg[s]];
    native_out.eip = (u32)m->gregs[REG_EIP];
    native_out.eflags = (u32)m->gregs[REG_EFL];
    vector = (u32)m->gregs[REG_TRAPNO];
    error = (u32)m->gregs[REG_ERR];
    cr2 = (u32)m->cr2;
}

static void leave(mcontext_t *m)
{
    for (u32 s = 0; s < SEG_COUNT; s++)
        m->gregs[greg_of_seg[s]] = (greg_t)host_seg[s];
    m->gregs[REG_EIP] = (greg_t)native_back;
    m->gregs[REG_ESP] = (greg_t)native_host_esp;
    m->gregs[REG_EFL] = FLAGS_USER;
}

/* GS may be anything here, and libc wants its own. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;

    __asm__ volatile("mov %0, %%gs" : : "r"(host_seg[SEG_GS]));
    if (!running)
        _Exit(2);
    note(m);
    leave(m);
}

static void map_pages(u32 at, u32 size, int protection, int flags)
{
    void *page = mmap((void *)at, size, protection,
                      MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

    if (page == MAP_FAILED) {
        perror("a page for the test cannot be mapped");
        exit(1);
    }
}

static void map_memory(void)
{
    const u32 size = 2 * HOLE + DATA_READ;

    map_pages(CODE_AT - HOLE, size, PROT_NONE, MAP_FIXED_NOREPLACE);
    map_pages(DATA_AT - HOLE, size, PROT_NONE, MAP_FIXED_NOREPLACE);
    map_pages(CODE_AT, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
              MAP_FIXED);
    map_pages(DATA_AT, DATA_SIZE, PROT_READ | PROT_WRITE, MAP_FIXED);
    map_pages(DATA_AT + DATA_SIZE, DATA_READ - DATA_SIZE, PROT_READ, MAP_FIXED);
    memset(native_code(), FILLER, CODE_SIZE);
    __asm__ volatile("" : : "r"(native_data()[DATA_SIZE])); /* is there now */
}

void native_open(void)
{
    static u8 stack[1 << 18];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    const int signals[] = {SIGFPE, SIGSEGV, SIGILL, SIGTRAP, SIGBUS};

    native_selectors(host_seg);
    map_memory();
    sigaltstack(&alternate, NULL);
    for (u32 i = 0; i < ARRAY_LEN(signals); i++)
        sigaction(signals[i], &action, NULL);
}

u8 *native_data(void)
{
    return (u8 *)DATA_AT;
}

u8 *native_code(void)
{
    return (u8 *)CODE_AT;
}

/* jmp native_exit */
static void put_jump(u8 *at)
{
    u32 distance = (u32)native_exit - ((u32)at + JUMP_BYTES);

    at[0] = 0xe9;
    memcpy(at + 1, &distance, 4);
}

/* The breakpoint behind it, or to where it led, says that it ran; so does a
 * fault of fetching there. Its own traps have EIP behind it as well. */
static void see_through_filler(const struct regs *regs, u32 len)
{
    bool there = native_out.seg[SEG_CS] == regs->seg[SEG_CS];
    u32 by = vector == TRAP_BP ? 1 : 0, at = native_out.eip - by;

    if (there && at - regs->eip < len)
        return;
    if (vector == TRAP_DB || vector == TRAP_OF)
        return;
    vector = NO_VECTOR;
    native_out.eip = at;
}

void native_run(const struct regs *regs, const struct fpu *fpu, u32 len,
                bool far, struct outcome *out)
{
    u8 *behind = (u8 *)(regs->eip + len);

    native_in = native_out = *regs;
    native_out.eip = regs->eip + len;
    native_with_fpu = fpu != NULL;
    if (fpu)
        native_fpu = *fpu;
    native_target[0] = regs->eip;
    native_target[1] = regs->seg[SEG_CS];
    native_stack[0] = regs->gpr[ESP];
    native_stack[1] = regs->seg[SEG_SS];
    vector = NO_VECTOR;
    running = 1;
    if (far) {
        native_enter_far();
        see_through_filler(regs, len);
    } else {
        put_jump(behind);
        native_enter();
        memset(behind, FILLER, JUMP_BYTES);
    }
    running = 0;
    out->regs = native_out;
    out->vector = vector;
    out->error = error;
    out->cr2 = cr2;
    out->fpu = native_fpu;
}

void native_selectors(u32 sel[SEG_COUNT])
{
    memset(sel, 0, SEG_COUNT * sizeof(sel[0]));
    __asm__("mov %%es, %0" : "=r"(sel[0]));
    __asm__("mov %%cs, %0" : "=r"(sel[1]));
    __asm__("mov %%ss, %0" : "=r"(sel[2]));
    __asm__("mov %%ds, %0" : "=r"(sel[3]));
    __asm__("mov %%fs, %0" : "=r"(sel[4]));
    __asm__("mov %%gs, %0" : "=r"(sel[5]));
}

bool native_ldt(u32 n, u32 base, u32 limit, u16 attr)
{
    bool code = attr & ATTR_CODE;
    struct user_desc d = {
        .entry_number = n,
        .base_addr = base,
        .limit = attr & ATTR_G ? limit >> PAGE_SHIFT : limit,
        .seg_32bit = attr & ATTR_DB ? 1 : 0,
        .contents = (code ? 2u : 0u) | (attr & ATTR_DOWN ? 1u : 0u),
        .read_exec_only = attr & ATTR_WRITABLE ? 0 : 1,
        .limit_in_pages = attr & ATTR_G ? 1 : 0,
        .seg_not_present = attr & ATTR_P ? 0 : 1,
        .useable = attr & ATTR_AVL ? 1 : 0,
    };

    return !syscall(SYS_modify_ldt, 0x11, &d, sizeof(d));
}
