/* SPDX-License-Identifier: MIT
 *
 * The world around the processor: stores that cross pages, MMIO in bus-sized
 * pieces, ROM and holes, stores into watched frames, control registers.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/msr.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/traps.h"
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/cpu/exec.h"

static struct vm *vm;
static struct cpu_env env;
static struct fault fault;

static void start(void)
{
    vm = fake_vm(0x400000, SHADOW_VTLB);
    env = env_of(vm);
    fault = fault_plain(0);
}

/* Identity paging for the first 4 MiB; page `hole` is not present. */
static void paged(u32 hole)
{
    for (u32 i = 0; i < 1024; i++) {
        u32 pte = i == hole ? 0 : i << 12 | 7;
        p2m_write(&vm->p2m, gpa(0x6000 + i * 4), &pte, 4);
    }
    p2m_write(&vm->p2m, gpa(0x5000), &(u32){0x6007}, 4);
    vm->cpu.cr3 = 0x5000;
    vm->cpu.cr0 |= CR0_PG | CR0_WP;
    priv_cr_written(vm, 0, CR0_PE);
}

static void a_crossing_store_is_all_or_nothing(void)
{
    u32 value = 0x11223344, seen = 0;

    start();
    paged(0x101);
    EXPECT_EQ(env.write(vm, gva(0x100ffe), &value, 4, ACC_WRITE, &fault),
              ENV_FAULT);
    EXPECT_EQ(fault.vector, TRAP_PF);
    EXPECT_EQ(fault.cr2, 0x101000);
    EXPECT_EQ(fault.error, PF_WRITE);
    p2m_read(&vm->p2m, gpa(0x100ffc), &seen, 4);
    EXPECT_EQ(seen >> 16, 0);
    EXPECT_EQ(env.write(vm, gva(0x102ffe), &value, 4, ACC_WRITE, &fault),
              ENV_OK);
    EXPECT_EQ(env.read(vm, gva(0x102ffe), &seen, 4, ACC_READ, &fault), ENV_OK);
    EXPECT_EQ(seen, value);
}

static u32 word_at(u32 at)
{
    u32 word = 0;
    p2m_read(&vm->p2m, gpa(at), &word, 4);
    return word;
}

/* The page that is met first is the one whose fault counts, and a page that
 * is not touched has none. */
static void only_touched_pages_fault(void)
{
    u32 value = 0x11223344;

    start();
    paged(0x101);
    EXPECT_EQ(env.read(vm, gva(0x101ffe), &value, 4, ACC_READ, &fault),
              ENV_FAULT);
    EXPECT_EQ(fault.cr2, 0x101ffe);
    EXPECT_EQ(env.write(vm, gva(0x101ffe), &value, 4, ACC_WRITE, &fault),
              ENV_FAULT);
    EXPECT_EQ(fault.cr2, 0x101ffe);
    EXPECT_EQ(word_at(0x102000), 0);
    EXPECT_EQ(env.read(vm, gva(0x100ffc), &value, 4, ACC_READ, &fault), ENV_OK);
    EXPECT_EQ(env.write(vm, gva(0x100ffc), &value, 4, ACC_WRITE, &fault),
              ENV_OK);
}

/* Neighbours in the guest are no neighbours in the machine, also where the
 * shadow maps both. */
static void a_crossing_access_follows_the_mapping(void)
{
    struct shadow_result r;
    u32 value = 0x11223344, seen = 0;

    start();
    paged(0);
    p2m_write(&vm->p2m, gpa(0x102ffc), &(u32){0xaaaabbbb}, 4);
    p2m_write(&vm->p2m, gpa(0x103000), &(u32){0xccccdddd}, 4);
    EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x102000), PF_WRITE, &r),
              SHADOW_FILLED);
    EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x103000), PF_WRITE, &r),
              SHADOW_FILLED);
    EXPECT_EQ(env.read(vm, gva(0x102ffe), &seen, 4, ACC_READ, &fault), ENV_OK);
    EXPECT_EQ(seen, 0xddddaaaa);
    EXPECT_EQ(env.write(vm, gva(0x102ffe), &value, 4, ACC_WRITE, &fault),
              ENV_OK);
    EXPECT_EQ(word_at(0x102ffc), 0x3344bbbb);
    EXPECT_EQ(word_at(0x103000), 0xcccc1122);
}

/* A store by the emulator into a page table is a store like any other. */
static void a_store_into_a_page_table_reaches_the_shadow(void)
{
    u32 pte = 0x104007;
    struct shadow_result r;

    vm = fake_vm(0x400000, SHADOW_CACHED);
    env = env_of(vm);
    paged(0);
    shadow_fault(&vm->shadow, gva(0x103000), 0, &r);
    EXPECT(shadow_peek(&vm->shadow, gva(0x103000), 0));
    EXPECT_EQ(
        env.write(vm, gva(0x6000 + 0x103 * 4), &pte, 4, ACC_WRITE, &fault),
        ENV_OK);
    EXPECT(!shadow_peek(&vm->shadow, gva(0x103000), 0));
}

static void user_rights_are_asked_for_at_cpl_3_only(void)
{
    u32 pte = 0x200000 | 3, word;

    start();
    paged(0);
    p2m_write(&vm->p2m, gpa(0x6000 + 0x200 * 4), &pte, 4);
    vm->cpu.cpl = 3;
    EXPECT_EQ(env.read(vm, gva(0x200000), &word, 4, ACC_READ, &fault),
              ENV_FAULT);
    EXPECT_EQ(fault.error, PF_PRESENT | PF_USER);
    EXPECT_EQ(env.read(vm, gva(0x200000), &word, 4, ACC_SYSTEM, &fault),
              ENV_OK);
    vm->cpu.cpl = 0;
    EXPECT_EQ(env.read(vm, gva(0x200000), &word, 4, ACC_READ, &fault), ENV_OK);
}

static void the_vga_window_is_on_the_bus(void)
{
    u8 text[7] = "Hello!", back[7] = "";

    start();
    EXPECT_EQ(env.write(vm, gva(VGA_TEXT + 1), text, 7, ACC_WRITE, &fault),
              ENV_OK);
    EXPECT_EQ(env.read(vm, gva(VGA_TEXT + 1), back, 7, ACC_READ, &fault),
              ENV_OK);
    EXPECT_STR((char *)back, "Hello!");
    EXPECT(vm->leave);
}

static void holes_read_ones_and_swallow_writes(void)
{
    u32 word = 0;

    start();
    EXPECT_EQ(env.write(vm, gva(0xd0000000), &word, 4, ACC_WRITE, &fault),
              ENV_OK);
    EXPECT_EQ(env.read(vm, gva(0xd0000000), &word, 4, ACC_READ, &fault),
              ENV_OK);
    EXPECT_EQ(word, 0xffffffff);
    EXPECT(vm->pc.bus.unclaimed >= 2);
}

/* Each piece on the bus is as large as its address is aligned, four bytes at
 * most. */
static void a_bus_access_comes_in_aligned_pieces(void)
{
    static const struct {
        u32 at, size, pieces;
    } want[] = {{0, 4, 1}, {0, 2, 1}, {0, 3, 2}, {1, 4, 3}, {2, 4, 2},
                {1, 7, 3}, {3, 1, 1}, {0, 8, 2}, {2, 8, 3}};
    u8 bytes[8];

    start();
    for (u32 i = 0; i < ARRAY_LEN(want); i++) {
        gva_t at = gva(0xd0000000 + want[i].at);
        u64 before = vm->pc.bus.unclaimed;
        env.read(vm, at, bytes, want[i].size, ACC_READ, &fault);
        EXPECT_EQ(vm->pc.bus.unclaimed - before, want[i].pieces);
        env.write(vm, at, bytes, want[i].size, ACC_WRITE, &fault);
        EXPECT_EQ(vm->pc.bus.unclaimed - before, 2 * want[i].pieces);
    }
}

static void addresses_wrap_at_4_gib(void)
{
    u8 bytes[8] = {0};

    start();
    EXPECT_EQ(env.read(vm, gva(0xfffffffc), bytes, 8, ACC_READ, &fault),
              ENV_OK);
    EXPECT_EQ(bytes[0], 0xff);
}

/* While the gate is off, an odd megabyte is the even one below it, for RAM,
 * for the bus, for the shadow that an access left behind, and for the traces
 * of a table. */
static void a20_folds_memory(void)
{
    u32 value = 0x11223344, seen = 0;

    start();
    EXPECT_EQ(env.write(vm, gva(0x100500), &value, 4, ACC_WRITE, &fault),
              ENV_OK);
    EXPECT_EQ(env.read(vm, gva(0x100500), &seen, 4, ACC_READ, &fault), ENV_OK);
    EXPECT_EQ(seen, value);
    env.out(vm, PORT_SYS_A, 1, 0);
    EXPECT_EQ(env.read(vm, gva(0x100500), &seen, 4, ACC_READ, &fault), ENV_OK);
    EXPECT_EQ(seen, 0);
    value = 0x55;
    EXPECT_EQ(env.write(vm, gva(0x300500), &value, 4, ACC_WRITE, &fault),
              ENV_OK);
    EXPECT_EQ(env.read(vm, gva(0x200500), &seen, 4, ACC_READ, &fault), ENV_OK);
    EXPECT_EQ(seen, 0x55);
    env.write(vm, gva(0x1b8000), &value, 1, ACC_WRITE, &fault);
    env.read(vm, gva(0xb8000), &seen, 1, ACC_READ, &fault);
    EXPECT_EQ(seen & 0xff, 0x55);
    EXPECT_EQ(shadow_audit(&vm->shadow, NULL), 0);
    env.out(vm, PORT_SYS_A, 1, 2);
    EXPECT_EQ(word_at(0x100500), 0x11223344);
    EXPECT_EQ(word_at(0x300500), 0);
    EXPECT_EQ(env.read(vm, gva(0x100500), &seen, 4, ACC_READ, &fault), ENV_OK);
    EXPECT_EQ(seen, 0x11223344);
}

static void a20_moves_the_watched_tables(void)
{
    start();
    vm->cpu.gdtr = (struct table_reg){0x101000, 0xff};
    tables_load(vm, TABLE_GDT);
    EXPECT_EQ(p2m_lookup(&vm->p2m, gfn(0x101)).trace, TRACE_GDT);
    env.out(vm, PORT_SYS_A, 1, 0);
    EXPECT_EQ(p2m_lookup(&vm->p2m, gfn(0x001)).trace, TRACE_GDT);
    env.out(vm, PORT_SYS_A, 1, 2);
    EXPECT_EQ(p2m_lookup(&vm->p2m, gfn(0x001)).trace, 0);
    EXPECT_EQ(p2m_lookup(&vm->p2m, gfn(0x101)).trace, TRACE_GDT);
}

static void rom_drops_writes(void)
{
    u32 word = 1;

    start();
    p2m_make_rom(&vm->p2m, gfn(0x10), 1);
    EXPECT_EQ(env.write(vm, gva(0x10000), &word, 4, ACC_WRITE, &fault), ENV_OK);
    EXPECT_EQ(env.read(vm, gva(0x10000), &word, 4, ACC_READ, &fault), ENV_OK);
    EXPECT_EQ(word, 0);
}

static void unknown_control_bits_fault_and_pae_stops_the_vm(void)
{
    start();
    EXPECT_EQ(env.cr_check(vm, 4, CR4_PSE | CR4_PGE, &fault), ENV_OK);
    EXPECT_EQ(env.cr_check(vm, 4, CR4_SMEP, &fault), ENV_FAULT);
    EXPECT_EQ(fault.vector, TRAP_GP);
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT_EQ(env.cr_check(vm, 4, CR4_PAE, &fault), ENV_STOP);
    EXPECT_EQ(vm->state, VM_KILLED);
    EXPECT(strstr(vm->reason, "PAE"));
}

static void leaving_protected_mode_stops_the_vm(void)
{
    start();
    EXPECT_EQ(env.cr_check(vm, 0, 0, &fault), ENV_STOP);
    EXPECT(strstr(vm->reason, "protected mode"));
}

static void unknown_msrs_fault(void)
{
    u64 value;

    start();
    EXPECT_EQ(env.rdmsr(vm, 0x12345678, &value, &fault), ENV_FAULT);
    EXPECT_EQ(env.wrmsr(vm, MSR_EFER, 1, &fault), ENV_FAULT);
    EXPECT_EQ(env.wrmsr(vm, MSR_SYSENTER_EIP, 0x1234, &fault), ENV_OK);
    EXPECT_EQ(env.rdmsr(vm, MSR_SYSENTER_EIP, &value, &fault), ENV_OK);
    EXPECT_EQ(value, 0x1234);
}

static void every_frame_comes_back(void)
{
    u32 before;

    start();
    vm_destroy(vm);
    before = fake_hv.frames.nfree;
    for (int i = 0; i < 20; i++) {
        struct vm_config config = {
            .kind = CONFIG_VM, .name = "again", .mem = 0x200000, .weight = 1};
        char error[200];
        EXPECT(vm_create(&fake_hv, &config, 0, error, sizeof(error)));
        EXPECT(vm_reset(&fake_hv.vm[0], error, sizeof(error)));
        vm_destroy(&fake_hv.vm[0]);
        EXPECT_EQ(fake_hv.frames.nfree, before);
    }
}

static void creation_says_why_it_cannot(void)
{
    struct vm_config config = {
        .kind = CONFIG_VM, .name = "fake", .mem = 0x200000, .weight = 1};
    char error[200];

    start();
    EXPECT(!vm_create(&fake_hv, &config, 0, error, sizeof(error)));
    EXPECT(strstr(error, "already"));
    str_copy(config.name, sizeof(config.name), "other");
    config.mem = 1u << 30;
    EXPECT(!vm_create(&fake_hv, &config, 0, error, sizeof(error)));
    EXPECT(strstr(error, "mem=1024M"));
    config.mem = 0x200000;
    EXPECT(!vm_create(&fake_hv, &config, 7, error, sizeof(error)));
    EXPECT(strstr(error, "module 7"));
}

/* FLD of what the screen shows; then the registers go back before the guest
 * runs, and only then. */
static void the_fpu_goes_out_and_comes_back(void)
{
    struct step step;
    u32 one = 0x3f800000, backs;

    start();
    direct_switch(vm);
    EXPECT(direct_load(vm));
    backs = fake_fpu_backs;
    EXPECT(direct_load(vm));
    EXPECT_EQ(fake_fpu_backs, backs);
    env.write(vm, gva(0xb8000), &one, 4, ACC_WRITE, &fault);
    env.write(vm, gva(0x3000), "\xd9\x05\x00\x80\x0b", 6, ACC_WRITE, &fault);
    vm->cpu.eip = 0x3000;
    EXPECT_EQ(cpu_step(&vm->cpu, &env, &step), STEP_OK);
    EXPECT_EQ(get_le64(fake_fpu.image + FX_ST), 1ull << 63);
    EXPECT_EQ(fake_fpu_backs, backs);
    EXPECT(direct_load(vm));
    EXPECT_EQ(fake_fpu_backs, backs + 1);
    EXPECT(direct_load(vm));
    EXPECT_EQ(fake_fpu_backs, backs + 1);
}

static void an_fpu_error_is_irq_13(void)
{
    struct step step;

    start();
    direct_switch(vm);
    vm->cpu.cr0 &= ~(u32)CR0_NE;
    fpu_set_word(&fake_fpu, FX_FSW, FSW_ES);
    env.write(vm, gva(0x3000), "\x9b", 1, ACC_WRITE, &fault);
    vm->cpu.eip = 0x3000;
    EXPECT_EQ(cpu_step(&vm->cpu, &env, &step), STEP_OK);
    EXPECT_EQ(vm->cpu.eip, 0x3000);
    EXPECT(vm->leave);
    EXPECT_EQ(bus_read(&vm->pc.bus, BUS_PORT, PORT_PIC2_CMD, 1),
              BIT(IRQ_FPU - 8)); /* IRR */
}

/* The TLB is no way round a trace that comes later. */
static void a_frame_that_becomes_watched_is_not_written_past_it(void)
{
    u32 word = 0x12345678;

    start();
    EXPECT_EQ(env.write(vm, gva(0x3000), &word, 4, ACC_WRITE, &fault), ENV_OK);
    EXPECT(tlb_find(&vm->tlb, TLB_STORE, gva(0x3000), false));
    shadow_trace(&vm->shadow, gfn(3), TRACE_GDT);
    EXPECT(!tlb_find(&vm->tlb, TLB_STORE, gva(0x3000), false));
    EXPECT_EQ(env.write(vm, gva(0x3000), &word, 4, ACC_WRITE, &fault), ENV_OK);
    EXPECT(!tlb_find(&vm->tlb, TLB_STORE, gva(0x3000), false));
}

static void code_is_found_where_a_fetch_would_be_allowed(void)
{
    const u8 *code;

    start();
    code = env.code(vm, gva(0x2345));
    EXPECT(code == p2m_ptr(&vm->p2m, gpa(0x2345)));
    EXPECT(tlb_find(&vm->tlb, TLB_FETCH, gva(0x2345), false) == code);
    EXPECT(!env.code(vm, gva(0xb8000)));    /* a device */
    EXPECT(!env.code(vm, gva(0xf0000000))); /* nothing */
}

static const struct unit_case cases[] = {
    CASE(the_fpu_goes_out_and_comes_back),
    CASE(an_fpu_error_is_irq_13),
    CASE(a_crossing_store_is_all_or_nothing),
    CASE(only_touched_pages_fault),
    CASE(a_crossing_access_follows_the_mapping),
    CASE(a_store_into_a_page_table_reaches_the_shadow),
    CASE(a_bus_access_comes_in_aligned_pieces),
    CASE(user_rights_are_asked_for_at_cpl_3_only),
    CASE(the_vga_window_is_on_the_bus),
    CASE(holes_read_ones_and_swallow_writes),
    CASE(addresses_wrap_at_4_gib),
    CASE(a20_folds_memory),
    CASE(a20_moves_the_watched_tables),
    CASE(rom_drops_writes),
    CASE(unknown_control_bits_fault_and_pae_stops_the_vm),
    CASE(leaving_protected_mode_stops_the_vm),
    CASE(unknown_msrs_fault),
    CASE(every_frame_comes_back),
    CASE(creation_says_why_it_cannot),
    CASE(a_frame_that_becomes_watched_is_not_written_past_it),
    CASE(code_is_found_where_a_fetch_would_be_allowed),
};
UNIT_MAIN(cases)
