/* SPDX-License-Identifier: MIT
 *
 * How fast is the interpreter, as an ordinary program on this machine? The
 * same bytes run natively, by decoding each instruction, and by pre-decoded
 * blocks, through the VM's own environment (TLB, traces, segments). The loop
 * is what a kernel does all day: loads, stores, arithmetic, branches, a call.
 * Its encodings mean the same in 32-bit and 64-bit code.
 *
 * usage: interp [ROUNDS]
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "vmm/vm/interp.h"
#include "tests/fake/machine.h"
#include <time.h>

#define CODE_AT  0x200000
#define WORDS_AT 0x300000
#define STACK    0x9000

/* (words in edi, rounds in ecx), returns with rounds 0 in ecx */
extern const u8 loop_start[], loop_end[];
__asm__(".pushsection .text\n"
        "loop_start:\n"
        "1:  movl $8, %edx\n"
        "    xorl %esi, %esi\n"
        "2:  movl (%rdi,%rsi,4), %eax\n"
        "    call 4f\n"
        "    testl $1, %ebx\n"
        "    jz 3f\n"
        "    movl %ebx, (%rdi,%rsi,4)\n"
        "3:  addl $1, %esi\n"
        "    cmpl %edx, %esi\n"
        "    jne 2b\n"
        "    subl $1, %ecx\n"
        "    jnz 1b\n"
        "    ret\n"
        "4:  xorl %eax, %ebx\n"
        "    roll $5, %ebx\n"
        "    leal 1(%rbx,%rcx,2), %ebx\n"
        "    ret\n"
        "loop_end:\n"
        ".popsection");

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double native(u32 rounds)
{
    static u32 words[8];
    double start = seconds();
    u32 eax, ebx = 1, ecx = rounds, edx, esi;

    __asm__ volatile("call loop_start"
                     : "=a"(eax), "+b"(ebx), "+c"(ecx), "=d"(edx), "=S"(esi)
                     : "D"(words)
                     : "memory", "cc");
    return seconds() - start;
}

static struct vm *begin(enum vm_dispatch dispatch, u32 rounds)
{
    static u8 room[BLOCK_SLOTS][BLOCK_SIZE] __attribute__((aligned(8)));
    struct vm *vm = fake_vm(0x400000, SHADOW_CACHED);

    vm->config.exec = EXEC_INTERP;
    vm->config.dispatch = dispatch;
    for (u32 i = 0; i < BLOCK_SLOTS; i++)
        vm->blocks.slot[i] = (void *)room[i];
    p2m_write(&vm->p2m, gpa(CODE_AT), loop_start, (u64)(loop_end - loop_start));
    p2m_write(&vm->p2m, gpa(STACK), &(u32){0x1000}, 4);
    p2m_write(&vm->p2m, gpa(0x1000), "\xf4", 1); /* hlt */
    vm->cpu.eip = CODE_AT;
    vm->cpu.gpr[ESP] = STACK;
    vm->cpu.gpr[EDI] = WORDS_AT;
    vm->cpu.gpr[EBX] = 1;
    vm->cpu.gpr[ECX] = rounds;
    return vm;
}

static u64 ran;

static double interpreted(enum vm_dispatch dispatch, u32 rounds)
{
    struct vm *vm = begin(dispatch, rounds);
    double start = seconds();

    while (!vm->cpu.halted)
        interp_run(vm);
    ran = vm->interpreted;
    return seconds() - start;
}

static void tell(const char *name, double s, u64 instructions, double bare)
{
    printf("%-9s %9.1f million instructions a second, %7.1f times the native "
           "time\n",
           name, (double)instructions / s * 1e-6, s / bare);
}

int main(int argc, char **argv)
{
    u32 rounds = argc > 1 ? (u32)atoi(argv[1]) : 20000;
    double bare = native(rounds * 100) / 100;
    double plain = interpreted(DISPATCH_PLAIN, rounds);
    double threaded = interpreted(DISPATCH_THREADED, rounds);

    tell("native", bare, ran, bare);
    tell("plain", plain, ran, bare);
    tell("threaded", threaded, ran, bare);
    return 0;
}
