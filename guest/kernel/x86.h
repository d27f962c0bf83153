/* SPDX-License-Identifier: MIT
 *
 * The instructions C cannot say, one function each.
 *
 * What is missing is missing on purpose: nothing here reads IF, CS, SS or a
 * table register back. Deprivileged in ring 1 those reads do not trap and
 * would tell the truth about the wrong ring; a kernel that only writes such
 * state, and remembers what it wrote, cannot be fooled (Robin & Irvine 2000).
 * HARE_PUSHF=1 builds one that can (irqs.h).
 */
#ifndef HARE_X86_H
#define HARE_X86_H

#include "guest/include/types.h"

static inline void outb(u16 port, u8 value)
{
    asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline u8 inb(u16 port)
{
    u8 value;

    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline u32 inl(u16 port)
{
    u32 value;

    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* n words of 32 bits; the direction flag is clear in all of the kernel. */
static inline void insl(u16 port, void *to, u32 n)
{
    asm volatile("rep insl" : "+D"(to), "+c"(n) : "d"(port) : "memory");
}

static inline void outsl(u16 port, const void *from, u32 n)
{
    asm volatile("rep outsl" : "+S"(from), "+c"(n) : "d"(port) : "memory");
}

static inline void cli(void)
{
    asm volatile("cli" : : : "memory");
}

static inline void sti(void)
{
    asm volatile("sti" : : : "memory");
}

static inline void halt(void)
{
    asm volatile("hlt" : : : "memory");
}

static inline u32 read_cr2(void)
{
    u32 value;

    asm volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

static inline u32 read_cr3(void)
{
    u32 value;

    asm volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

static inline void write_cr3(u32 value)
{
    asm volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline u32 read_cr4(void)
{
    u32 value;

    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static inline void write_cr4(u32 value)
{
    asm volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline void invlpg(u32 va)
{
    asm volatile("invlpg (%0)" : : "r"(va) : "memory");
}

/* FS and GS show no descriptor of a table that is about to go. */
static inline void drop_fs_gs(void)
{
    asm volatile("mov %0, %%fs\n\tmov %0, %%gs" : : "r"(0));
}

static inline u64 rdtsc(void)
{
    u64 value;

    asm volatile("rdtsc" : "=A"(value));
    return value;
}

static inline u32 cpuid_edx(u32 leaf)
{
    u32 a = leaf, b, c, d;

    asm volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    return d;
}

#endif
