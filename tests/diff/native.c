/* SPDX-License-Identifier: MIT
 *
 * See native.h. The instruction is copied into an executable page, followed
 * by two exits: straight on, and BRANCH_BY bytes further where a taken branch
 * lands. All eight registers are the test's, ESP too: on the way out nothing
 * is pushed before our own stack is back. Signals run on a stack of their
 * own and continue at the exit, so registers are seen as the fault left them.
 */
#define _GNU_SOURCE
#include "tests/diff/native.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define EXIT_SIZE 15
#define FXSAVE_AT 112 /* in a 32-bit signal frame, behind FNSAVE's format */

struct native native_state;
struct fpu native_fpu;
u32 native_host_esp, native_mxcsr = MXCSR_INIT;
void native_enter(void);
void native_exit(void);

/* State in, jump; and the way back. MOV leaves the flags alone. */
__asm__(".globl native_enter, native_exit\n"
        "native_enter:\n"
        "    pusha\n"
        "    mov %esp, native_host_esp\n"
        "    fxrstor native_fpu\n"
        "    push native_state+32\n"
        "    popf\n"
        "    mov native_state+0, %eax\n"
        "    mov native_state+4, %ecx\n"
        "    mov native_state+8, %edx\n"
        "    mov native_state+12, %ebx\n"
        "    mov native_state+16, %esp\n"
        "    mov native_state+20, %ebp\n"
        "    mov native_state+24, %esi\n"
        "    mov native_state+28, %edi\n"
        "    jmp 0x21000000\n"
        "native_exit:\n"
        "    mov %eax, native_state+0\n"
        "    mov %ecx, native_state+4\n"
        "    mov %edx, native_state+8\n"
        "    mov %ebx, native_state+12\n"
        "    mov %esp, native_state+16\n"
        "    mov %ebp, native_state+20\n"
        "    mov %esi, native_state+24\n"
        "    mov %edi, native_state+28\n"
        "    mov native_host_esp, %esp\n"
        "    pushf\n"
        "    pop native_state+32\n"
        "    fxsave native_fpu\n"
        "    fninit\n"
        "    ldmxcsr native_mxcsr\n"
        "    cld\n"
        "    popa\n"
        "    ret\n");

static struct fpu fault_fpu; /* as an instruction that faulted left it */

static void on_signal(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    if ((u32)uc->uc_mcontext.gregs[REG_EIP] - CODE_AT >= 4096)
        _Exit(2);
    native_state.signal = (u32)number;
    memcpy(&fault_fpu, (u8 *)uc->uc_mcontext.fpregs + FXSAVE_AT,
           sizeof(fault_fpu));
    uc->uc_mcontext.gregs[REG_EIP] = (greg_t)native_exit;
}

static void *map_page(u32 at, int protection)
{
    void *page = mmap((void *)at, 4096, protection,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (page == MAP_FAILED) {
        perror("a page for the test cannot be mapped");
        exit(1);
    }
    return page;
}

void native_open(void)
{
    static u8 stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    const int signals[] = {SIGFPE, SIGSEGV, SIGILL, SIGTRAP, SIGBUS};

    map_page(CODE_AT, PROT_READ | PROT_WRITE | PROT_EXEC);
    map_page(DATA_AT, PROT_READ | PROT_WRITE);
    sigaltstack(&alternate, NULL);
    for (u32 i = 0; i < ARRAY_LEN(signals); i++)
        sigaction(signals[i], &action, NULL);
}

u8 *native_data(void)
{
    return (u8 *)DATA_AT;
}

/* mov dword [taken], value; jmp native_exit */
static void put_exit(u8 *at, u32 taken)
{
    u32 address = (u32)&native_state.taken;
    u32 distance = (u32)native_exit - ((u32)at + EXIT_SIZE);

    at[0] = 0xc7;
    at[1] = 0x05;
    memcpy(at + 2, &address, 4);
    memcpy(at + 6, &taken, 4);
    at[10] = 0xe9;
    memcpy(at + 11, &distance, 4);
}

void native_run(const u8 *bytes, u32 len, struct native *n)
{
    u8 *code = (u8 *)CODE_AT;

    memcpy(code, bytes, len);
    put_exit(code + len, 0);
    put_exit(code + len + BRANCH_BY, 1);
    native_state = *n;
    native_state.signal = 0;
    native_fpu = n->fpu;
    native_enter();
    *n = native_state;
    n->fpu = native_state.signal ? fault_fpu : native_fpu;
}

void native_selectors(u16 sel[6])
{
    __asm__("mov %%es, %0" : "=r"(sel[0]));
    __asm__("mov %%cs, %0" : "=r"(sel[1]));
    __asm__("mov %%ss, %0" : "=r"(sel[2]));
    __asm__("mov %%ds, %0" : "=r"(sel[3]));
    __asm__("mov %%fs, %0" : "=r"(sel[4]));
    __asm__("mov %%gs, %0" : "=r"(sel[5]));
}
