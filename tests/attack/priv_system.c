/* SPDX-License-Identifier: MIT
 *
 * Control and debug registers, and every instruction that only a kernel, a
 * hypervisor or firmware has.
 *
 * MOV to and from CR0 to CR7, and by LOCK to CR8 to CR15 as AMD's processors
 * have it, with each bit toggled; LMSW, CLTS, MOV to and from each debug
 * register with each bit; then a table of opcodes: VMX, SVM, SMX, SMM, SGX,
 * MONITOR, XSAVE, FSGSBASE, cache and TLB control, system calls, descriptor
 * tables to register operands, TSX, and prefixes that mean REX or VEX where
 * 64 bits are. All of them in ring 0 and ring 3.
 *
 * SDM vol. 2 appendix A; vol. 3A 2.5, 17.2; APM vol. 3.
 */
#include "tests/attack/lib/soup.h"

ATTACK("It uses each control and debug register bit, and all instructions of "
       "hypervisors and firmware.");
ATTACK_ENDS("done|killed");

static u32 cr0, cr4;

/* Leaves protected mode, and PAE: the VMM ends such a guest, with a sentence;
 * not to be tried here. */
static bool deadly(u32 cr, u32 value)
{
    return (cr == 0 && !(value & CR0_PE)) || (cr == 4 && (value & CR4_PAE));
}

static void mov_cr(u32 cr, bool lock, u32 value)
{
    u8 to[] = {0xf0, 0x0f, 0x22, (u8)(0xc0 | cr << 3)};
    u8 from[] = {0xf0, 0x0f, 0x20, (u8)(0xc0 | cr << 3)};
    struct soup r = soup_plain();
    u32 skip = lock ? 0 : 1;

    r.eax = value;
    if (!lock && deadly(cr, value))
        return;
    soup_run(to + skip, sizeof(to) - skip, false, &r);
    if (!lock && leap.f.vector == TRAP_BP && cr == 3)
        write_cr3((u32)page_dir);
    write_cr0(cr0);
    write_cr4(cr4);
    soup_run(to + skip, sizeof(to) - skip, true, &r);
    if (leap.f.vector == TRAP_BP)
        broken("ring 3 can write a control register", cr, value);
    soup_run(from + skip, sizeof(from) - skip, true, &r);
    if (leap.f.vector == TRAP_BP)
        broken("ring 3 can read a control register", cr, leap.f.eax);
    soup_run(from + skip, sizeof(from) - skip, false, &r);
    if (!lock && cr == 3 && leap.f.eax != (u32)page_dir)
        broken("the real CR3 can be read", cr, leap.f.eax);
    if (lock && leap.f.vector == TRAP_BP)
        broken("CR8 can be read", cr, leap.f.eax);
}

static void control(void)
{
    for (u32 cr = 0; cr < 8; cr++)
        for (u32 bit = 0; bit < 32; bit++) {
            u32 was = cr == 0 ? cr0 : cr == 3 ? (u32)page_dir : cr4;
            if (cr == 3 && bit >= PAGE_SHIFT)
                continue;
            mov_cr(cr, false, was ^ 1u << bit);
            mov_cr(cr, true, was ^ 1u << bit);
        }
}

static void mov_dr(u32 dr, u32 value)
{
    u8 to[] = {0x0f, 0x23, (u8)(0xc0 | dr << 3)};
    u8 from[] = {0x0f, 0x21, (u8)(0xc0 | dr << 3)};
    struct soup r = soup_plain();

    r.eax = value;
    soup_run(to, sizeof(to), false, &r);
    soup_run(from, sizeof(from), false, &r);
    soup_run(from, sizeof(from), true, &r);
    if (leap.f.vector == TRAP_BP)
        broken("ring 3 can read a debug register", dr, leap.f.eax);
    soup_run(to, sizeof(to), true, &r);
    if (leap.f.vector == TRAP_BP)
        broken("ring 3 can write a debug register", dr, value);
    LEAP("movl %0, %%dr7", "a"(DR7_FIXED)); /* GD makes the first one trap */
    LEAP("movl %0, %%dr7", "a"(DR7_FIXED));
}

static void debug(void)
{
    for (u32 dr = 0; dr < 8; dr++)
        for (u32 bit = 0; bit < 32; bit++) {
            mov_dr(dr, 1u << bit);
            mov_dr(dr, ~(1u << bit));
        }
}

static const u8 opcodes[][SOUP_MAX] = {
    {3, 0x0f, 0x01, 0xc1},                   /* vmcall */
    {3, 0x0f, 0x01, 0xc2},                   /* vmlaunch */
    {3, 0x0f, 0x01, 0xc3},                   /* vmresume */
    {3, 0x0f, 0x01, 0xc4},                   /* vmxoff */
    {3, 0x0f, 0x01, 0xc0},                   /* enclv */
    {4, 0xf3, 0x0f, 0xc7, 0x33},             /* vmxon */
    {3, 0x0f, 0xc7, 0x33},                   /* vmptrld */
    {4, 0x66, 0x0f, 0xc7, 0x33},             /* vmclear */
    {3, 0x0f, 0xc7, 0x3b},                   /* vmptrst */
    {3, 0x0f, 0x78, 0xc0},                   /* vmread */
    {3, 0x0f, 0x79, 0xc0},                   /* vmwrite */
    {5, 0x66, 0x0f, 0x38, 0x80, 0x03},       /* invept */
    {5, 0x66, 0x0f, 0x38, 0x81, 0x03},       /* invvpid */
    {3, 0x0f, 0x01, 0xd4},                   /* vmfunc */
    {3, 0x0f, 0x01, 0xd8},                   /* vmrun */
    {3, 0x0f, 0x01, 0xd9},                   /* vmmcall */
    {3, 0x0f, 0x01, 0xda},                   /* vmload */
    {3, 0x0f, 0x01, 0xdb},                   /* vmsave */
    {3, 0x0f, 0x01, 0xdc},                   /* stgi */
    {3, 0x0f, 0x01, 0xdd},                   /* clgi */
    {3, 0x0f, 0x01, 0xde},                   /* skinit */
    {3, 0x0f, 0x01, 0xdf},                   /* invlpga */
    {3, 0x0f, 0x01, 0xff},                   /* tlbsync */
    {2, 0x0f, 0x37},                         /* getsec */
    {2, 0x0f, 0xaa},                         /* rsm */
    {3, 0x0f, 0x01, 0xcf},                   /* encls */
    {3, 0x0f, 0x01, 0xd7},                   /* enclu */
    {3, 0x0f, 0x01, 0xc8},                   /* monitor */
    {3, 0x0f, 0x01, 0xc9},                   /* mwait */
    {3, 0x0f, 0x01, 0xfa},                   /* monitorx */
    {3, 0x0f, 0x01, 0xfb},                   /* mwaitx */
    {3, 0x0f, 0x01, 0xca},                   /* clac */
    {3, 0x0f, 0x01, 0xcb},                   /* stac */
    {3, 0x0f, 0x01, 0xd0},                   /* xgetbv */
    {3, 0x0f, 0xae, 0x23},                   /* xsave */
    {3, 0x0f, 0xae, 0x2b},                   /* xrstor */
    {3, 0x0f, 0xae, 0x33},                   /* xsaveopt */
    {3, 0x0f, 0xc7, 0x23},                   /* xsavec */
    {3, 0x0f, 0xc7, 0x2b},                   /* xsaves */
    {3, 0x0f, 0xc7, 0x1b},                   /* xrstors */
    {4, 0xf3, 0x0f, 0xae, 0xc0},             /* rdfsbase */
    {4, 0xf3, 0x0f, 0xae, 0xc8},             /* rdgsbase */
    {4, 0xf3, 0x0f, 0xae, 0xd0},             /* wrfsbase */
    {4, 0xf3, 0x0f, 0xae, 0xd8},             /* wrgsbase */
    {3, 0x0f, 0x01, 0xf8},                   /* swapgs */
    {3, 0x0f, 0x01, 0xf9},                   /* rdtscp */
    {4, 0xf3, 0x0f, 0xc7, 0xf8},             /* rdpid */
    {3, 0x0f, 0x01, 0xfd},                   /* rdpru */
    {2, 0x0f, 0x33},                         /* rdpmc */
    {2, 0x0f, 0x31},                         /* rdtsc */
    {2, 0x0f, 0x08},                         /* invd */
    {2, 0x0f, 0x09},                         /* wbinvd */
    {3, 0xf3, 0x0f, 0x09},                   /* wbnoinvd */
    {2, 0x0f, 0x05},                         /* syscall */
    {2, 0x0f, 0x07},                         /* sysret */
    {2, 0x0f, 0x34},                         /* sysenter */
    {2, 0x0f, 0x35},                         /* sysexit */
    {2, 0x0f, 0x06},                         /* clts */
    {3, 0x0f, 0x01, 0xf0},                   /* lmsw ax */
    {3, 0x0f, 0x01, 0xe0},                   /* smsw ax */
    {3, 0x0f, 0x01, 0xee},                   /* rdpkru */
    {3, 0x0f, 0x01, 0xef},                   /* wrpkru */
    {3, 0x0f, 0x01, 0xd5},                   /* xend */
    {6, 0xc7, 0xf8, 0, 0, 0, 0},             /* xbegin */
    {3, 0xc6, 0xf8, 0},                      /* xabort */
    {4, 0xf3, 0x0f, 0x1e, 0xc8},             /* rdssp */
    {4, 0xf3, 0x0f, 0xae, 0xe8},             /* incssp */
    {4, 0xf3, 0x0f, 0x01, 0x2b},             /* rstorssp */
    {4, 0xf3, 0x0f, 0x01, 0xe8},             /* setssbsy */
    {4, 0xf3, 0x0f, 0xae, 0x33},             /* clrssbsy */
    {5, 0x66, 0x0f, 0x38, 0xf5, 0x03},       /* wruss */
    {4, 0xf3, 0x0f, 0xae, 0xf0},             /* umonitor */
    {4, 0xf2, 0x0f, 0xae, 0xf0},             /* umwait */
    {4, 0x66, 0x0f, 0xae, 0xf0},             /* tpause */
    {5, 0xf2, 0x0f, 0x38, 0xf8, 0x03},       /* enqcmd */
    {5, 0xf3, 0x0f, 0x38, 0xf8, 0x03},       /* enqcmds */
    {4, 0xf3, 0x0f, 0x01, 0xec},             /* uiret */
    {3, 0x0f, 0x01, 0xe8},                   /* serialize */
    {4, 0xf2, 0x0f, 0x01, 0xc6},             /* rdmsrlist */
    {4, 0xf3, 0x0f, 0x01, 0xc6},             /* wrmsrlist */
    {3, 0x0f, 0x01, 0xc6},                   /* wrmsrns */
    {3, 0xc5, 0xf8, 0x77},                   /* vzeroupper */
    {4, 0xc5, 0xfc, 0x28, 0xc1},             /* vmovaps ymm */
    {6, 0x62, 0xf1, 0x7c, 0x48, 0x28, 0xc1}, /* vmovaps zmm */
    {4, 0xf0, 0x0f, 0x01, 0x03},             /* lock sgdt */
    {3, 0x0f, 0x01, 0x03},                   /* sgdt */
    {3, 0x0f, 0x01, 0x0b},                   /* sidt */
    {3, 0x0f, 0x00, 0xc0},                   /* sldt */
    {3, 0x0f, 0x00, 0xc8},                   /* str */
    {4, 0x48, 0x0f, 0x20, 0xd8},             /* dec; mov eax, cr3 */
    {5, 0x66, 0x48, 0x0f, 0x20, 0xd8},       /* the same, 16 bits */
    {2, 0x0f, 0x0b},                         /* ud2 */
    {3, 0x0f, 0xff, 0xc0},                   /* ud0 */
    {3, 0x0f, 0xb9, 0xc0},                   /* ud1 */
    {1, 0xd6},                               /* salc */
    {1, 0xf1},                               /* int1 */
    {3, 0x0f, 0xa6, 0xc0},                   /* padlock */
    {3, 0x0f, 0xa7, 0xc0},
    {2, 0x0f, 0x0e}, /* femms */
    {2, 0x0f, 0x04},
    {2, 0x0f, 0x0a},
    {3, 0x0f, 0x24, 0xc0}, /* mov eax, tr0 */
    {3, 0x0f, 0x26, 0xc0},
    {3, 0x0f, 0x0d, 0x03}, /* prefetchw */
    {3, 0x0f, 0xae, 0x3b}, /* clflush */
    {4, 0x66, 0x0f, 0xae, 0x3b},
};

/* A VMM that does not know one of these may end the guest for it. */
static const u8 last_opcodes[][SOUP_MAX] = {
    {3, 0x0f, 0x01, 0xd1},             /* xsetbv */
    {5, 0x66, 0x0f, 0x38, 0x82, 0x03}, /* invpcid */
    {3, 0x0f, 0x01, 0xc5},             /* pconfig */
    {3, 0x0f, 0x01, 0xfe},             /* invlpgb */
};

static void with_each(const u8 *opcode, bool ring3)
{
    static const u32 odd[] = {0, 1, 0xffffffff, 0xfffff000, 0x100000};

    for (u32 k = 0; k < ARRAY_LEN(odd); k++) {
        struct soup r = soup_plain();
        r.eax = odd[k];
        r.ecx = odd[(k + opcode[1]) % ARRAY_LEN(odd)];
        r.edx = k < 4 ? 0 : (u32)soup_code;
        soup_run(opcode + 1, opcode[0], ring3, &r);
        write_cr0(cr0);
    }
}

static void firmware(void)
{
    for (u32 i = 0; i < ARRAY_LEN(opcodes); i++) {
        with_each(opcodes[i], false);
        with_each(opcodes[i], true);
    }
    for (u32 i = 0; i < ARRAY_LEN(last_opcodes); i++)
        with_each(last_opcodes[i], true);
    world_check();
    tell();
    for (u32 i = 0; i < ARRAY_LEN(last_opcodes); i++)
        with_each(last_opcodes[i], false);
}

void attack(void)
{
    paging_on();
    cr0 = read_cr0();
    cr4 = read_cr4();
    leap_init();
    control();
    debug();
    firmware();
}
