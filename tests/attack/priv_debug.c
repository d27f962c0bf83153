/* SPDX-License-Identifier: MIT
 *
 * Traps where a VMM does not expect them.
 *
 * Breakpoints of every type and length on data that MOV SS and POP SS read,
 * followed at once by each instruction that leaves ring 3 or traps into the
 * VMM, so that the debug trap comes late, on the handler's first instruction;
 * breakpoints on I/O, on code, on the last bytes of 4 GiB and on everything
 * the VMM might touch; single steps through instructions that trap; alignment
 * checks; ICEBP, INT3, INTO, BOUND in all of these states. DR6 and DR7 must
 * afterwards be what the guest made them.
 *
 * SDM vol. 3A 6.8.3; vol. 3B 17.2, 17.3.
 */
#include "tests/attack/lib/leap.h"

ATTACK("It sets breakpoints, single steps and stack switches so that traps "
       "come where the VMM runs.");

#define DR7_LE_GE 0x300
#define TYPES     16 /* two bits of what, two of how long */

static u16 stack_sel[4] __attribute__((aligned(64))) = {KDATA, 0, 0, 0};
static u16 user_stack_sel[4] __attribute__((aligned(64))) = {UDATA, 0, 0, 0};

static void watch(u32 at, u32 type)
{
    u32 dr7 = DR7_FIXED | DR7_LE_GE | 0xff;

    for (u32 n = 0; n < 4; n++)
        dr7 |= type << (16 + 4 * n);
    LEAP("movl %0, %%dr0\n\tmovl %1, %%dr1\n\tmovl %2, %%dr2\n\t"
         "movl %3, %%dr3\n\tmovl %4, %%dr7",
         "a"(at), "b"(at), "c"(at & ~3u), "d"(at + 2), "S"(dr7));
}

static void unwatch(void)
{
    u32 dr7;

    for (u32 i = 0; i < 2; i++) /* the first may be a trap of its own */
        LEAP("movl %0, %%dr7\n\tmovl %0, %%dr6", "a"(DR7_FIXED));
    LEAP("movl %%dr7, %%eax", "i"(0));
    dr7 = leap.f.eax;
    if (leap.f.vector == VECTOR_LANDED && dr7 != DR7_FIXED)
        broken("DR7 is not what was written", DR7_FIXED, dr7);
}

#define AFTER                                                                  \
    FORM("int $0x32");                                                         \
    FORM("int $0x80");                                                         \
    FORM("int3");                                                              \
    FORM("into");                                                              \
    FORM(".byte 0xf1");                                                        \
    FORM("ud2");                                                               \
    FORM("cli");                                                               \
    FORM("sti");                                                               \
    FORM("syscall");                                                           \
    FORM("sysenter");                                                          \
    FORM("inb $0x60, %%al");                                                   \
    FORM("movl %%cr3, %%eax");                                                 \
    FORM("movl %%dr7, %%eax");                                                 \
    FORM("movl (%%edi), %%eax");                                               \
    FORM("pushl $0\n\tpushl $0\n\tpushl $0\n\tiretl");                         \
    FORM("pushl $0\n\tpushl $0\n\tlretl");                                     \
    FORM("lcall $0xff08, $0");                                                 \
    FORM("cpuid");                                                             \
    FORM("fninit");                                                            \
    FORM("movw (%%ebx), %%ss\n\tud2")
#define TF "pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n\t"

static void behind_mov_ss(void)
{
#define FORM(code)                                                             \
    LEAP("movw (%0), %%ss\n\t" code, "b"(stack_sel), "D"(0xfffff000));         \
    LEAP("pushl $0x10\n\tpopl %%ss\n\t" code, "b"(stack_sel),                  \
         "D"(0xfffff000));                                                     \
    LEAP(RING3 "movw (%0), %%ss\n\t" code, "b"(user_stack_sel),                \
         "D"(0xfffff000));                                                     \
    leaped(false)
    AFTER;
#undef FORM
}

static void stepping(void)
{
#define FORM(code)                                                             \
    LEAP(TF code, "b"(stack_sel), "D"(0xfffff000));                            \
    LEAP(TF "movw (%0), %%ss\n\t" code, "b"(stack_sel), "D"(0xfffff000));      \
    LEAP(RING3 TF code, "b"(user_stack_sel), "D"(0xfffff000));                 \
    leaped(false);                                                             \
    LEAP(RING3 TF "movw (%0), %%ss\n\t" code, "b"(user_stack_sel),             \
         "D"(0xfffff000));                                                     \
    leaped(false)
    AFTER;
#undef FORM
}

static void aligned(void)
{
    write_cr0(read_cr0() | CR0_AM);
    LEAP("pushfl\n\torl $0x40000, (%%esp)\n\tpopfl\n\tmovl 1(%0), %%eax",
         "b"(stack_sel));
    LEAP(RING3 "pushfl\n\torl $0x40000, (%%esp)\n\tpopfl\n\t"
               "movl 1(%0), %%eax",
         "b"(stack_sel));
    LEAP(RING3 "pushfl\n\torl $0x40100, (%%esp)\n\tpopfl\n\t"
               "subl $1, %%esp\n\tpushl %%eax\n\tint $0x80",
         "b"(stack_sel));
    write_cr0(read_cr0() & ~CR0_AM);
}

static void bounds(void)
{
    static const u32 none[2] = {1, 0};

    LEAP("boundl %0, (%1)", "a"(5), "b"(none));
    LEAP(RING3 TF "boundl %0, (%1)", "a"(5), "b"(none));
    LEAP("movl $0x7fffffff, %%eax\n\taddl %%eax, %%eax\n\tinto", "i"(0));
    LEAP(RING3 "movl $0x7fffffff, %%eax\n\taddl %%eax, %%eax\n\tinto", "i"(0));
}

static void around(u32 at, u32 type)
{
    watch(at, type);
    behind_mov_ss();
    unwatch();
}

void attack(void)
{
    static const u32 places[] = {0, 0xffffffff, 0xfffffffc, 0x80, 0x60};

    leap_init();
    write_cr4(read_cr4() | CR4_DE);
    for (u32 type = 0; type < TYPES; type++) {
        around((u32)stack_sel, type);
        around((u32)user_stack_sel, type);
        around((u32)stubs[TRAP_GP], type);
        around((u32)&leap_esp, type);
        around((u32)user_stack_top - 4, type);
        for (u32 i = 0; i < ARRAY_LEN(places); i++)
            around(places[i], type);
    }
    write_cr4(read_cr4() & ~CR4_DE);
    around((u32)stack_sel, 3);
    stepping();
    watch((u32)stack_sel, 3);
    stepping();
    unwatch();
    aligned();
    bounds();
    world_check();
}
