/* SPDX-License-Identifier: MIT
 *
 * Every privileged instruction raises #GP(0) in ring 3 and does nothing.
 *
 * SDM vol. 3A 5.9; vol. 1 19.5 for the I/O instructions.
 */
#include "tests/micro/lib/micro.h"

static struct table_pointer pointer = {7, 0};
static u32 sink;

#define REFUSED(text, ...)                                                     \
    CATCH(text, __VA_ARGS__);                                                  \
    EXPECT_TRAP(TRAP_GP, 0, 0, text " in ring 3")

static u32 tables(void)
{
    REFUSED("lgdt %0", : "m"(pointer));
    REFUSED("lidt %0", : "m"(pointer));
    REFUSED("lldt %w0", : "r"(0));
    REFUSED("ltr %w0", : "r"(TSS_SEL));
    REFUSED("lmsw %w0", : "r"(1));
    REFUSED("clts", );
    REFUSED("invd", );
    REFUSED("wbinvd", );
    REFUSED("invlpg (%0)", : "r"(&sink));
    REFUSED("hlt", );
    REFUSED("rdmsr", : : "eax", "edx");
    REFUSED("wrmsr", : "c"(0x10), "a"(0), "d"(0));
    return 0;
}

static u32 registers(void)
{
    REFUSED("movl %%cr0, %0", "=r"(sink));
    REFUSED("movl %%cr2, %0", "=r"(sink));
    REFUSED("movl %%cr3, %0", "=r"(sink));
    REFUSED("movl %%cr4, %0", "=r"(sink));
    REFUSED("movl %0, %%cr0", : "r"(1));
    REFUSED("movl %0, %%cr2", : "r"(0));
    REFUSED("movl %0, %%cr3", : "r"(0));
    REFUSED("movl %0, %%cr4", : "r"(0));
    REFUSED("movl %%dr0, %0", "=r"(sink));
    REFUSED("movl %%dr7, %0", "=r"(sink));
    REFUSED("movl %0, %%dr0", : "r"(0));
    REFUSED("movl %0, %%dr7", : "r"(0));
    return 0;
}

static u32 flags_and_ports(void)
{
    REFUSED("cli", );
    REFUSED("sti", );
    REFUSED("inb $0x80, %%al", : : "eax");
    REFUSED("inl %%dx, %%eax", : "d"(PORT_COM1) : "eax");
    REFUSED("outb %%al, $0x80", : "a"(0));
    REFUSED("outl %%eax, %%dx", : "a"(0), "d"(PORT_DEBUG_EXIT));
    REFUSED("insb", : "d"(PORT_POST), "D"(&sink) : "memory");
    REFUSED("outsb", : "d"(PORT_DEBUG_EXIT), "S"(&sink) : "memory");
    REFUSED("rep insb", : "d"(PORT_POST), "D"(&sink), "c"(1) : "memory");
    REFUSED("rep outsb", : "d"(PORT_DEBUG_EXIT), "S"(&sink), "c"(1));
    return 0;
}

void test(void)
{
    u32 cr0 = read_cr0(), cr4 = read_cr4();

    ring3(tables);
    ring3(registers);
    ring3(flags_and_ports);
    EXPECT_EQ(read_cr0(), cr0, "CR0 after ring 3 tried to write it");
    EXPECT_EQ(read_cr4(), cr4, "CR4 after ring 3 tried to write it");
    CATCH("int3", );
    EXPECT_EQ(EXACT_FLAGS(caught.f.eflags), EFLAGS_ONE,
              "flags after ring 3 tried STI");
}
