/* SPDX-License-Identifier: MIT
 *
 * A guest at an exit, for unit tests of vmm/vm/exits.c: a flat kernel in a
 * fake machine, with a gate for each vector; trap() is the exit.
 */
#ifndef TESTS_EXITSWORLD_H
#define TESTS_EXITSWORLD_H

#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/traps.h"
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/vm/exits.h"

#define IDT_AT      0x2000
#define GDT_AT      0x3000
#define STACK       0x9000
#define CODE_AT     0x200000
#define HANDLER     0x201000
#define VECTOR      0x20
#define KERNEL_CODE 0x00cf9b000000ffffull
#define KERNEL_DATA 0x00cf93000000ffffull
#define HOST_IRQ    0x30

static struct vm *vm;

static inline void poke(u32 at, const void *bytes, u32 size)
{
    p2m_write(&vm->p2m, gpa(at), bytes, size);
}

static inline void out8(u16 port, u8 value)
{
    bus_write(&vm->pc.bus, BUS_PORT, port, 1, value);
}

/* A flat kernel with a gate for every vector; code stands at EIP. */
static inline void start(const char *code, u32 size)
{
    u64 gate = (u64)(HANDLER & 0xffff0000) << 32 | 0x8e00ull << 32 | 8 << 16 |
               (HANDLER & 0xffff);
    struct cpu_env env;

    vm = fake_vm(0x400000, SHADOW_VTLB);
    env = env_of(vm);
    for (u32 v = 0; v < TRAP_VECTORS; v++)
        poke(IDT_AT + v * 8, &gate, 8);
    poke(GDT_AT + 8, &(u64){KERNEL_CODE}, 8);
    poke(GDT_AT + 16, &(u64){KERNEL_DATA}, 8);
    vm->cpu.gdtr = (struct table_reg){GDT_AT, 23};
    vm->cpu.idtr = (struct table_reg){IDT_AT, 2047};
    env.table_loaded(vm, TABLE_GDT);
    env.table_loaded(vm, TABLE_IDT);
    vm->cpu.eip = CODE_AT;
    vm->cpu.gpr[ESP] = STACK;
    poke(CODE_AT, code, size);
}

static inline void trap(u32 vector, u32 error)
{
    vm->arch.vector = vector;
    vm->arch.error = error;
    exit_handle(vm);
}

static inline u32 stack_word(u32 index)
{
    u32 word = 0;
    p2m_read(&vm->p2m, gpa(vm->cpu.gpr[ESP] + index * 4), &word, 4);
    return word;
}

#endif
