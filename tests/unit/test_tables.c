/* SPDX-License-Identifier: MIT
 *
 * Descriptor tables under watch: what a guest writes into its GDT, LDT or IDT
 * shows in the host copies and in the recorder, wherever the table lies.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/regs.h"
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"

#define KERNEL_DATA 0x00cf93000000ffffull
#define USER_DATA   0x00cff3000000ffffull
#define USER_CODE   0x00cffb000000ffffull
#define KERNEL_CODE 0x00cf9b000000ffffull
#define CALL_GATE   0x0000ec0000080000ull

static struct vm *vm;
static struct cpu_env env;

static void start(enum shadow_policy_id policy)
{
    vm = fake_vm(0x400000, policy);
    env = env_of(vm);
}

static void store64(u32 at, u64 value)
{
    struct fault fault;
    EXPECT_EQ(env.write(vm, gva(at), &value, 8, ACC_SYSTEM, &fault), ENV_OK);
}

static void lgdt(u32 base, u16 limit)
{
    vm->cpu.gdtr = (struct table_reg){base, limit};
    env.table_loaded(vm, TABLE_GDT);
}

static u32 host_dpl(u32 index)
{
    return (u32)(fake_gdt[index] >> 45) & 3;
}

static void lgdt_mirrors_what_is_there(void)
{
    start(SHADOW_VTLB);
    store64(0x3008, KERNEL_CODE);
    store64(0x3010, USER_DATA);
    store64(0x3018, USER_CODE);
    store64(0x3020, CALL_GATE);
    lgdt(0x3000, 0x27);
    EXPECT_EQ(host_dpl(1), 1);
    EXPECT_EQ(host_dpl(2), 3);
    EXPECT_EQ(fake_gdt[3], 0);
    EXPECT_EQ(fake_gdt[4], 0);
}

static void later_writes_are_seen_and_recorded(void)
{
    start(SHADOW_CACHED);
    lgdt(0x3000, 0x1f);
    EXPECT_EQ(fake_gdt[2], 0);
    store64(0x3010, KERNEL_DATA);
    EXPECT_EQ(host_dpl(2), 1);
    EXPECT_EQ(vm->recorder.ring[1].kind, RECORD_GDT_ENTRY);
    EXPECT_EQ(vm->recorder.ring[1].index, 2);
    EXPECT_EQ(vm->recorder.ring[1].old, 0);
    EXPECT_EQ(vm->recorder.ring[1].new, KERNEL_DATA);
    store64(0x3010, 0);
    EXPECT_EQ(fake_gdt[2], 0);
}

static void a_table_may_straddle_pages_and_entries(void)
{
    start(SHADOW_VTLB);
    lgdt(0x3ffc, 0x1f);
    store64(0x3ffc + 8, KERNEL_DATA);
    EXPECT_EQ(host_dpl(1), 1);
    lgdt(0x3ff4, 0x1f);
    store64(0x3ff4 + 8, KERNEL_CODE);
    EXPECT_EQ(host_dpl(1), 1);
}

static void a_shorter_table_takes_copies_away(void)
{
    start(SHADOW_VTLB);
    store64(0x3010, KERNEL_DATA);
    lgdt(0x3000, 0x17);
    EXPECT(fake_gdt[2] != 0);
    lgdt(0x3000, 0x0f);
    EXPECT_EQ(fake_gdt[2], 0);
    store64(0x3010, USER_DATA);
    EXPECT_EQ(fake_gdt[2], 0);
}

static void the_vmms_own_slots_are_never_touched(void)
{
    start(SHADOW_VTLB);
    for (u32 i = 0; i < 0x10000; i += 8)
        store64(0x10000 + i, USER_DATA);
    for (u32 i = ARCH_GDT_OWN; i < ARCH_GDT_SLOTS; i++)
        fake_gdt[i] = 0x5a5a;
    lgdt(0x10000, 0xffff);
    EXPECT_EQ(host_dpl(ARCH_GDT_OWN - 1), 3);
    for (u32 i = ARCH_GDT_OWN; i < ARCH_GDT_SLOTS; i++)
        EXPECT_EQ(fake_gdt[i], 0x5a5a);
}

static void tables_nowhere_are_harmless(void)
{
    start(SHADOW_VTLB);
    lgdt(0xfffffff0, 0xffff);
    lgdt(0xa0000, 0xffff);
    lgdt(0x3fffff, 0xffff);
    vm->cpu.idtr = (struct table_reg){0xffffff00, 0xffff};
    env.table_loaded(vm, TABLE_IDT);
    for (u32 i = 1; i < ARCH_GDT_OWN; i++)
        EXPECT_EQ(fake_gdt[i], 0);
    EXPECT_EQ(vm->recorder.gate[255].lo, 0);
}

/* Selector 0 loads nothing, so the first descriptor has no copy. */
static void the_null_descriptor_has_no_copy(void)
{
    start(SHADOW_VTLB);
    store64(0x3000, KERNEL_DATA);
    lgdt(0x3000, 0x0f);
    EXPECT_EQ(fake_gdt[0], 0);
    store64(0x3000, USER_DATA);
    EXPECT_EQ(fake_gdt[0], 0);
}

static void idt_gates_are_recorded_with_old_and_new(void)
{
    u64 records;

    start(SHADOW_VTLB);
    store64(0x2000 + 14 * 8, 0xc0108e0000081234ull);
    vm->cpu.idtr = (struct table_reg){0x2000, 0x7ff};
    env.table_loaded(vm, TABLE_IDT);
    EXPECT_EQ(vm->recorder.gate[14].lo, 0x00081234);
    EXPECT_EQ(vm->recorder.gate[14].hi, 0xc0108e00);
    records = vm->recorder.records;
    store64(0x2000 + 14 * 8, 0xc0108e0000085678ull);
    EXPECT_EQ(vm->recorder.gate[14].lo, 0x00085678);
    EXPECT_EQ(vm->recorder.records, records + 1);
    EXPECT_EQ(vm->recorder.ring[records % RECORD_RING].kind, RECORD_IDT_GATE);
}

/* Far pointers are no gates: the table counts when CR0.PE is set. */
static void the_vectors_of_real_mode_are_not_watched(void)
{
    u64 gate = 0x00008e0000081234ull;

    start(SHADOW_VTLB);
    store64(0x2000, gate);
    vm->cpu.cr0 = CR0_ET;
    vm->cpu.idtr = (struct table_reg){0x2000, 0x7ff};
    env.table_loaded(vm, TABLE_IDT);
    EXPECT_EQ(p2m_lookup(&vm->p2m, gfn(2)).trace, 0);
    EXPECT_EQ(vm->recorder.gate[0].hi, 0);
    vm->cpu.cr0 |= CR0_PE;
    env.cr_written(vm, 0, CR0_ET);
    EXPECT_EQ(p2m_lookup(&vm->p2m, gfn(2)).trace, TRACE_IDT);
    EXPECT_EQ(vm->recorder.gate[0].hi, (u32)(gate >> 32));
    vm->cpu.cr0 = CR0_ET;
    env.cr_written(vm, 0, CR0_ET | CR0_PE);
    EXPECT_EQ(p2m_lookup(&vm->p2m, gfn(2)).trace, 0);
    EXPECT_EQ(vm->recorder.gate[0].hi, 0);
}

static void a_remapped_table_is_found_at_the_next_cr3_load(void)
{
    start(SHADOW_CACHED);
    for (u32 i = 0; i < 1024; i++) {
        u32 pte = i << 12 | 3;
        p2m_write(&vm->p2m, gpa(0x6000 + i * 4), &pte, 4);
    }
    store64(0x5000, 0x6003);
    store64(0x7010, KERNEL_DATA);
    vm->cpu.cr3 = 0x5000;
    vm->cpu.cr0 |= CR0_PG;
    priv_cr_written(vm, 0, CR0_PE);
    lgdt(0x3000, 0x17);
    EXPECT_EQ(fake_gdt[2], 0);
    store64(0x6000 + 2 * 4, 0x3003ull << 32 | 0x2003);
    store64(0x600c, 0x0000400300007003ull);
    priv_cr_written(vm, 3, 0x5000);
    EXPECT_EQ(host_dpl(2), 1);
}

/* Paging on: the first 4 MiB identical through the table at 0x6000, which the
 * second entry of the directory at 0x5000 can have, too. */
static void page_the_first_4m(void)
{
    for (u32 i = 0; i < 1024; i++) {
        u32 pte = i << 12 | 3;
        p2m_write(&vm->p2m, gpa(0x6000 + i * 4), &pte, 4);
    }
    store64(0x5000, 0x6003);
    vm->cpu.cr3 = 0x5000;
    vm->cpu.cr0 |= CR0_PG;
    vm->cpu.cr4 |= CR4_PSE;
    priv_cr_written(vm, 0, CR0_PE);
}

static void one_write_may_change_every_page_of_every_table(void)
{
    start(SHADOW_CACHED);
    page_the_first_4m();
    for (u32 i = 0; i < 16; i++) {
        u32 pte = 0x3003;
        p2m_write(&vm->p2m, gpa(0x6400 + i * 4), &pte, 4);
    }
    lgdt(0x100000, 0xffff);
    vm->cpu.idtr = (struct table_reg){0x100000, 0xffff};
    env.table_loaded(vm, TABLE_IDT);
    vm->cpu.ldtr.base = 0x100000;
    vm->cpu.ldtr.limit = 0xffff;
    vm->cpu.ldtr.attr = ATTR_P | SYS_LDT;
    env.table_loaded(vm, TABLE_LDT);
    store64(0x3010, KERNEL_DATA);
    store64(0x3018, USER_DATA);
    for (u32 i = 2; i < ARCH_GDT_OWN; i += 512) {
        EXPECT_EQ(host_dpl(i), 1);
        EXPECT_EQ(host_dpl(i + 1), 3);
        EXPECT_EQ(vm->arch.ldt[i], fake_gdt[i]);
    }
    store64(0x3014, 0x1234567811cf9322ull);
    for (u32 i = 2; i < ARCH_GDT_OWN; i += 512) {
        EXPECT_EQ(vm->arch.ldt[i], fake_gdt[i]);
        EXPECT_EQ(vm->arch.ldt[i + 1], fake_gdt[i + 1]);
        EXPECT_EQ(fake_gdt[i], fake_gdt[2]);
        EXPECT_EQ(fake_gdt[i + 1], fake_gdt[3]);
    }
    EXPECT_EQ(host_dpl(2), 1);
    EXPECT_EQ(fake_gdt[2] >> 56, 0x11);
    EXPECT_EQ(fake_gdt[3] & 0xffff, 0x5678);
    EXPECT_EQ(vm->recorder.gate[2].hi, 0x11cf9322);
}

static void invlpg_of_a_large_page_moves_all_that_lies_in_it(void)
{
    u32 large = PTE_PS | PTE_W | PTE_P, table = 0x6003, pte = 0x4003;

    start(SHADOW_CACHED);
    page_the_first_4m();
    store64(0x4010, KERNEL_DATA);
    p2m_write(&vm->p2m, gpa(0x5004), &large, 4);
    lgdt(0x403000, 0x17);
    EXPECT_EQ(fake_gdt[2], 0);
    p2m_write(&vm->p2m, gpa(0x600c), &pte, 4);
    p2m_write(&vm->p2m, gpa(0x5004), &table, 4);
    env.invlpg(vm, gva(0x7ff000));
    EXPECT_EQ(host_dpl(2), 1);
}

static void invlpg_finds_a_table_behind_the_end_of_linear_space(void)
{
    u32 table = 0x6003, pte = 0x4003;

    start(SHADOW_VTLB);
    page_the_first_4m();
    store64(0x4010, KERNEL_DATA);
    p2m_write(&vm->p2m, gpa(0x5ffc), &table, 4);
    lgdt(0xfffff000, 0x1fff);
    EXPECT_EQ(fake_gdt[512 + 2], 0);
    p2m_write(&vm->p2m, gpa(0x6000), &pte, 4);
    env.invlpg(vm, gva(0));
    EXPECT_EQ(host_dpl(512 + 2), 1);
}

static void a_walk_that_marks_a_gate_changes_it(void)
{
    struct fault fault;
    u32 value;

    start(SHADOW_CACHED);
    page_the_first_4m();
    vm->cpu.idtr = (struct table_reg){0x6000, 0x7ff};
    env.table_loaded(vm, TABLE_IDT);
    EXPECT_EQ(vm->recorder.gate[2].lo, 0x4003);
    EXPECT_EQ(env.read(vm, gva(0x4000), &value, 4, 0, &fault), ENV_OK);
    EXPECT_EQ(vm->recorder.gate[2].lo, 0x4003 | PTE_A);
    store64(0x4000, 0);
    EXPECT_EQ(vm->recorder.gate[2].lo, 0x4003 | PTE_A | PTE_D);
}

static void running_segments_outlive_their_descriptors(void)
{
    start(SHADOW_VTLB);
    store64(0x3008, KERNEL_CODE);
    store64(0x3010, KERNEL_DATA);
    store64(0x3018, KERNEL_DATA);
    lgdt(0x3000, 0x1f);
    vm->direct.cs = 0x09;
    vm->direct.ss = 0x11;
    vm->cpu.seg_dirty = 0;
    store64(0x3018, USER_DATA);
    EXPECT_EQ(vm->cpu.seg_dirty, 0);
    store64(0x3010, USER_DATA);
    EXPECT_EQ(vm->cpu.seg_dirty, BIT(SEG_CS) | BIT(SEG_SS));
    vm->cpu.seg_dirty = 0;
    store64(0x3008, 0);
    EXPECT_EQ(vm->cpu.seg_dirty, BIT(SEG_CS) | BIT(SEG_SS));
}

/* IDT and GDT over one another: each hears of a store. */
static void tables_may_share_a_frame(void)
{
    start(SHADOW_VTLB);
    lgdt(0x3000, 0x1f);
    vm->cpu.idtr = (struct table_reg){0x2ff8, 0xff};
    env.table_loaded(vm, TABLE_IDT);
    store64(0x3010, KERNEL_DATA);
    EXPECT_EQ(host_dpl(2), 1);
    EXPECT_EQ(vm->recorder.gate[3].hi, KERNEL_DATA >> 32);
}

static void map_page(u32 page, u32 pte)
{
    p2m_write(&vm->p2m, gpa(0x6000 + page * 4), &pte, 4);
    env.invlpg(vm, gva(page << PAGE_SHIFT));
}

/* What is not mapped is not there; when it is mapped, it is. */
static void a_page_that_comes_and_goes(void)
{
    start(SHADOW_CACHED);
    page_the_first_4m();
    store64(0x4008, KERNEL_DATA);
    map_page(4, 0);
    lgdt(0x3ff8, 0x1f);
    EXPECT_EQ(fake_gdt[2], 0);
    map_page(4, 0x4003);
    EXPECT_EQ(host_dpl(2), 1);
    map_page(4, 0);
    EXPECT_EQ(fake_gdt[2], 0);
}

/* An entry across two pages of which one is absent, or no memory at all. */
static void half_an_entry_is_none(void)
{
    start(SHADOW_VTLB);
    page_the_first_4m();
    store64(0x3ffc, KERNEL_DATA);
    lgdt(0x3ff4, 0x0f);
    EXPECT_EQ(host_dpl(1), 1);
    map_page(4, 0xd0000003);
    EXPECT_EQ(fake_gdt[1], 0);
    map_page(4, 0x4003);
    EXPECT_EQ(host_dpl(1), 1);
    map_page(4, 0);
    EXPECT_EQ(fake_gdt[1], 0);
}

/* Vectors end at 255 whatever the limit says, and a store before the table
 * or behind it is none of its business. */
static void stores_around_a_table_are_nothing_to_it(void)
{
    start(SHADOW_VTLB);
    vm->cpu.idtr = (struct table_reg){0x2000, 0xfff};
    env.table_loaded(vm, TABLE_IDT);
    store64(0x2000 + 300 * 8, 0xc0108e0000081234ull);
    store64(0x2000 + 255 * 8, 0xc0108e0000085678ull);
    EXPECT_EQ(vm->recorder.gate[255].lo, 0x00085678);
    EXPECT_EQ(vm->recorder.gate[300 % 256].lo, 0);
    lgdt(0x3010, 0x0f);
    store64(0x3000, KERNEL_DATA);
    store64(0x3020, KERNEL_DATA);
    EXPECT_EQ(fake_gdt[1] | fake_gdt[2], 0);
    store64(0x300c, KERNEL_DATA); /* half of it is entry 0 */
    EXPECT_EQ(tables_entry(vm, TABLE_GDT, 0), KERNEL_DATA >> 32);
}

static const struct unit_case cases[] = {
    CASE(tables_may_share_a_frame),
    CASE(a_page_that_comes_and_goes),
    CASE(half_an_entry_is_none),
    CASE(stores_around_a_table_are_nothing_to_it),
    CASE(lgdt_mirrors_what_is_there),
    CASE(later_writes_are_seen_and_recorded),
    CASE(a_table_may_straddle_pages_and_entries),
    CASE(a_shorter_table_takes_copies_away),
    CASE(the_vmms_own_slots_are_never_touched),
    CASE(tables_nowhere_are_harmless),
    CASE(the_null_descriptor_has_no_copy),
    CASE(idt_gates_are_recorded_with_old_and_new),
    CASE(the_vectors_of_real_mode_are_not_watched),
    CASE(a_remapped_table_is_found_at_the_next_cr3_load),
    CASE(one_write_may_change_every_page_of_every_table),
    CASE(invlpg_of_a_large_page_moves_all_that_lies_in_it),
    CASE(a_walk_that_marks_a_gate_changes_it),
    CASE(running_segments_outlive_their_descriptors),
    CASE(invlpg_finds_a_table_behind_the_end_of_linear_space),
};
UNIT_MAIN(cases)
