/* SPDX-License-Identifier: MIT
 *
 * The direct engine's hidden slots: what a register holds when its selector
 * does not name it, and that nobody can go there.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/seg.h"
#include "vmm/vm/hostgdt.h"

#define GDT_AT      0x3000
#define KERNEL_CODE 0x00cf9b000000ffffull
#define KERNEL_DATA 0x00cf93000000ffffull
#define USER_CODE   0x00cffb000000ffffull
#define USER_DATA   0x00cff3000000ffffull
#define ELSEWHERE   0x00cf93001000ffffull /* at 0x1000 */

enum { KCODE = 0x08, KDATA = 0x10, UCODE = 0x1b, UDATA = 0x23 };

static struct vm *vm;

static void write_gdt(u32 index, u64 entry)
{
    struct cpu_env env = env_of(vm);
    struct fault fault;

    EXPECT_EQ(env.write(env.ctx, gva(GDT_AT + index * 8), &entry, 8,
                        ACC_WRITE | ACC_SYSTEM, &fault),
              ENV_OK);
}

static void load(u32 s, u16 sel)
{
    struct cpu_env env = env_of(vm);
    struct fault fault;

    EXPECT_EQ(seg_load(&vm->cpu, &env, s, sel, &fault), ENV_OK);
}

static u64 hidden(u32 s)
{
    return vm->arch.gdt[ARCH_GDT_HIDDEN + s];
}

static u16 hidden_sel(u32 s, u32 rpl)
{
    return (u16)((ARCH_GDT_HIDDEN + s) << 3 | rpl);
}

static void start(void)
{
    struct cpu_env env;

    vm = fake_vm(0x400000, SHADOW_VTLB);
    env = env_of(vm);
    vm->cpu.gdtr = (struct table_reg){GDT_AT, 5 * 8 - 1};
    env.table_loaded(vm, TABLE_GDT);
    write_gdt(1, KERNEL_CODE);
    write_gdt(2, KERNEL_DATA);
    write_gdt(3, USER_CODE);
    write_gdt(4, USER_DATA);
    for (u32 s = 0; s < SEG_COUNT; s++)
        if (s != SEG_CS)
            load(s, KDATA);
    fake_hv.current = vm;
    EXPECT(direct_load(vm));
}

/* CS and SS of ring 3, and of ring 0 again. */
static void to_ring(u8 cpl, u16 cs, u16 ss)
{
    struct desc code = {0xffff, cpl ? 0xcffb00 : 0xcf9b00};
    struct desc data = {0xffff, cpl ? 0xcff300 : 0xcf9300};

    vm->cpu.cpl = cpl;
    vm->cpu.seg[SEG_CS] = desc_segment(cs, code);
    vm->cpu.seg[SEG_SS] = desc_segment(ss, data);
    vm->cpu.seg_dirty |= BIT(SEG_CS) | BIT(SEG_SS);
    EXPECT(direct_load(vm));
}

static void registers_use_the_guests_own_selectors(void)
{
    start();
    EXPECT_EQ(vm->arch.hw_cs, KCODE | 1);
    EXPECT_EQ(vm->arch.hw_ss, KDATA | 1);
    EXPECT_EQ(fake_segs[SEG_DS], KDATA);
    for (u32 s = 0; s < SEG_COUNT; s++)
        EXPECT_EQ(hidden(s), 0);
}

static void user_code_in_a_data_register_is_hidden_as_data(void)
{
    start();
    load(SEG_FS, UCODE);
    EXPECT(direct_load(vm));
    EXPECT_EQ(fake_segs[SEG_FS], hidden_sel(SEG_FS, 3));
    EXPECT(hidden(SEG_FS));
    EXPECT(!(hidden(SEG_FS) >> 40 & ATTR_CODE));
    EXPECT_EQ(vm->arch.gdt[UCODE >> 3], 0);
}

static void user_code_is_there_only_while_it_runs(void)
{
    start();
    to_ring(3, UCODE, UDATA);
    EXPECT_EQ(vm->arch.hw_cs, UCODE);
    EXPECT(vm->arch.gdt[UCODE >> 3]);
    to_ring(0, KCODE, KDATA);
    EXPECT_EQ(vm->arch.gdt[UCODE >> 3], 0);
}

static void hidden_user_code_is_there_only_while_it_runs(void)
{
    start();
    to_ring(3, UCODE, UDATA);
    write_gdt(3, KERNEL_DATA);
    EXPECT(direct_load(vm));
    EXPECT_EQ(vm->arch.hw_cs, hidden_sel(SEG_CS, 3));
    EXPECT(hidden(SEG_CS));
    to_ring(0, KCODE, KDATA);
    EXPECT_EQ(hidden(SEG_CS), 0);
}

static void code_and_stack_outlive_their_descriptors(void)
{
    start();
    write_gdt(1, USER_DATA);
    write_gdt(2, ELSEWHERE);
    EXPECT(vm->cpu.seg_dirty);
    EXPECT(direct_load(vm));
    EXPECT_EQ(vm->arch.hw_cs, hidden_sel(SEG_CS, 1));
    EXPECT_EQ(vm->arch.hw_ss, hidden_sel(SEG_SS, 1));
    EXPECT_EQ(hidden(SEG_CS), hostgdt_running(&vm->cpu.seg[SEG_CS], 0));
    EXPECT_EQ(hostgdt_segment(0, hidden(SEG_SS)).base, 0);
}

/* The guest loaded ES by itself; the copy changes before anybody looked. */
static void what_the_guest_loaded_itself_is_read_before_its_copy_changes(void)
{
    start();
    fake_segs[SEG_ES] = UDATA;
    write_gdt(4, ELSEWHERE);
    direct_sync(vm);
    EXPECT_EQ(vm->cpu.seg[SEG_ES].sel, UDATA);
    EXPECT_EQ(vm->cpu.seg[SEG_ES].base, 0);
}

/* IRET to such a one leaves the upper half of ESP to the VMM. */
static void a_16_bit_stack_is_told_to_the_entry(void)
{
    start();
    EXPECT_EQ(vm->cpu.seg_dirty, 0);
    write_gdt(4, KERNEL_DATA & ~((u64)DESC_DB << 32));
    load(SEG_SS, 4 * 8);
    EXPECT(direct_load(vm));
    EXPECT_EQ(vm->cpu.seg_dirty, DIRECT_SMALL);
    vm->arch.hw_ss = KDATA | 1; /* by itself */
    direct_took(vm);
    EXPECT_EQ(vm->cpu.seg_dirty, 0);
    vm->arch.hw_ss = 4 * 8 | 1;
    direct_took(vm);
    EXPECT_EQ(vm->cpu.seg_dirty, DIRECT_SMALL);
}

static void an_entry_that_stays_the_same_disturbs_nobody(void)
{
    start();
    write_gdt(2, KERNEL_DATA & ~(1ull << 40)); /* accessed */
    write_gdt(3, USER_CODE | (u64)DESC_AVL << 32);
    EXPECT_EQ(vm->cpu.seg_dirty, 0);
}

static const struct unit_case cases[] = {
    CASE(registers_use_the_guests_own_selectors),
    CASE(user_code_in_a_data_register_is_hidden_as_data),
    CASE(user_code_is_there_only_while_it_runs),
    CASE(hidden_user_code_is_there_only_while_it_runs),
    CASE(code_and_stack_outlive_their_descriptors),
    CASE(what_the_guest_loaded_itself_is_read_before_its_copy_changes),
    CASE(a_16_bit_stack_is_told_to_the_entry),
    CASE(an_entry_that_stays_the_same_disturbs_nobody),
};
UNIT_MAIN(cases)
