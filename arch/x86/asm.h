/* SPDX-License-Identifier: MIT
 *
 * The instructions that C has no words for, one inline function each. Other
 * files have asm only where a label, the FPU or a string instruction is the
 * point of the function.
 */
#ifndef X86_ASM_H
#define X86_ASM_H

#include "vmm/base/types.h"

static inline void outb(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outw(u16 port, u16 value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline u8 inb(u16 port)
{
    u8 value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void outl(u16 port, u32 value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline u16 inw(u16 port)
{
    u16 value;

    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline u32 inl(u16 port)
{
    u32 value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline u64 rdmsr(u32 index)
{
    u32 lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(index));
    return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 index, u64 value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(index), "a"((u32)value), "d"((u32)(value >> 32))
                     : "memory");
}

static inline u64 rdtsc(void)
{
    u32 lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (u64)hi << 32 | lo;
}

struct cpuid {
    u32 eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
    struct cpuid r;

    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

#define DEFINE_REG(name)                                                       \
    static inline u64 read_##name(void)                                        \
    {                                                                          \
        u64 value;                                                             \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(value) : : "memory");    \
        return value;                                                          \
    }                                                                          \
    static inline void write_##name(u64 value)                                 \
    {                                                                          \
        __asm__ volatile("mov %0, %%" #name : : "r"(value) : "memory");        \
    }

DEFINE_REG(cr0)
DEFINE_REG(cr2)
DEFINE_REG(cr3)
DEFINE_REG(cr4)
DEFINE_REG(dr0)
DEFINE_REG(dr1)
DEFINE_REG(dr2)
DEFINE_REG(dr3)
DEFINE_REG(dr6)
DEFINE_REG(dr7)

/* What LGDT and LIDT read in 64-bit mode. */
struct table_ptr {
    u16 limit;
    u64 base;
} __attribute__((packed));

static inline void lgdt(const void *base, u32 bytes)
{
    struct table_ptr p = {(u16)(bytes - 1), (u64)base};

    __asm__ volatile("lgdt %0" : : "m"(p) : "memory");
}

static inline void lidt(const void *base, u32 bytes)
{
    struct table_ptr p = {(u16)(bytes - 1), (u64)base};

    __asm__ volatile("lidt %0" : : "m"(p) : "memory");
}

static inline void lldt(u16 sel)
{
    __asm__ volatile("lldt %0" : : "r"(sel) : "memory");
}

static inline void ltr(u16 sel)
{
    __asm__ volatile("ltr %0" : : "r"(sel) : "memory");
}

static inline void invlpg(u64 at)
{
    __asm__ volatile("invlpg (%0)" : : "r"(at) : "memory");
}

/* Sleeps until an interrupt: nothing can come between STI and HLT. */
static inline void sti_hlt_cli(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}

static inline void sti_nop_cli(void)
{
    __asm__ volatile("sti; nop; cli" : : : "memory");
}

static inline void halt(void)
{
    __asm__ volatile("cli; hlt" : : : "memory");
}

/* Writes back and empties the caches. */
static inline void wbinvd(void)
{
    __asm__ volatile("wbinvd" : : : "memory");
}

static inline void cpu_relax(void)
{
    __asm__ volatile("pause" : : : "memory");
}

#endif
