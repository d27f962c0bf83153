/* SPDX-License-Identifier: MIT
 *
 * The life of a VM: its states, its clock, its modules, and what happens at
 * every point where the machine's memory may run out.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/linux.h"
#include "arch/x86/defs/ports.h"
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/vm/loader.h"

#define MEM 0x200000u

static struct vm *vm;
static char error[200];

static void start(void)
{
    vm = fake_vm(MEM, SHADOW_CACHED);
    error[0] = '\0';
}

static void every_state_has_a_name(void)
{
    start();
    EXPECT_STR(vm_state_name(vm), "running");
    vm->cpu.halted = 1;
    EXPECT_STR(vm_state_name(vm), "halted");
    vm_pause(vm);
    EXPECT_STR(vm_state_name(vm), "paused");
    vm_resume(vm);
    bus_write(&vm->pc.bus, BUS_PORT, PORT_DEBUG_EXIT, 4, 0x10);
    EXPECT_STR(vm_state_name(vm), "exited");
    EXPECT_EQ(vm->status, 0x10);
    start();
    vm_kill(vm, "it asked for %u", 42);
    EXPECT_STR(vm_state_name(vm), "killed");
    EXPECT_STR(vm->reason, "it asked for 42");
    vm_destroy(vm);
    EXPECT_STR(vm_state_name(vm), "empty");
    for (u32 k = 0; k < EXIT_KINDS; k++)
        EXPECT(exit_kind_name((enum exit_kind)k)[0]);
}

/* The first end counts. */
static void a_stopped_vm_does_not_stop_again(void)
{
    start();
    bus_write(&vm->pc.bus, BUS_PORT, PORT_DEBUG_EXIT, 4, 0x10);
    vm_kill(vm, "too late");
    EXPECT_EQ(vm->state, VM_EXITED);
    bus_write(&vm->pc.bus, BUS_PORT, PORT_DEBUG_EXIT, 4, 0x11);
    EXPECT_EQ(vm->status, 0x10);
    vm_pause(vm);
    EXPECT_EQ(vm->state, VM_EXITED);
    vm_resume(vm);
    EXPECT_EQ(vm->state, VM_EXITED);
}

/* A guest must not see that it stood still. */
static void virtual_time_stands_still_while_paused(void)
{
    u64 before;

    start();
    fake_now += 5000;
    before = vm_now(vm);
    vm_pause(vm);
    fake_now += 70000;
    EXPECT_EQ(vm_now(vm), before);
    vm_pause(vm);
    fake_now += 70000;
    vm_resume(vm);
    EXPECT_EQ(vm_now(vm), before);
    vm_resume(vm);
    fake_now += 300;
    EXPECT_EQ(vm_now(vm), before + 300);
}

static void a_wanted_reset_leaves_the_inner_loop(void)
{
    start();
    vm->leave = false;
    bus_write(&vm->pc.bus, BUS_PORT, 0xcf9, 1, 6);
    EXPECT(vm->reset_wanted);
    EXPECT(vm->leave);
    vm->status = 3;
    EXPECT(vm_reset(vm, error, sizeof(error)));
    EXPECT(!vm->reset_wanted);
    EXPECT_EQ(vm->status, 0);
    EXPECT_EQ(vm->state, VM_RUNNING);
}

static u32 guest_word(u32 at)
{
    u32 word = 0;

    p2m_read(&vm->p2m, gpa(at), &word, 4);
    return word;
}

/* Modules are found in the multiboot information by their count (offset 20)
 * and list (offset 24: start, end, string, 0). */
static void modules_for_a_vm_are_attached_in_order(void)
{
    static const char *const lines[] = {
        "vm=fake", "for=other one",       "for=fake two", "vm=fake mem=x",
        "",        "for=fake three words"};
    char text[16] = "";
    u32 info, list;

    start();
    fake_boot.modules = ARRAY_LEN(lines);
    for (u32 i = 0; i < ARRAY_LEN(lines); i++) {
        str_copy(fake_boot.module[i].line, BOOT_LINE, lines[i]);
        fake_boot.module[i].size = sizeof(fake_image);
    }
    EXPECT(vm_reset(vm, error, sizeof(error)));
    info = vm->cpu.gpr[EBX];
    list = guest_word(info + 24);
    EXPECT_EQ(guest_word(info + 20), 2);
    EXPECT_EQ(guest_word(list + 4) - guest_word(list), sizeof(fake_image));
    p2m_read(&vm->p2m, gpa(guest_word(list + 8)), text, 4);
    EXPECT_STR(text, "two");
    p2m_read(&vm->p2m, gpa(guest_word(list + 24)), text, 12);
    EXPECT_STR(text, "three words");
}

static void no_more_modules_than_fit_are_attached(void)
{
    start();
    fake_boot.modules = LOAD_MODULES + 3;
    for (u32 i = 1; i < fake_boot.modules; i++) {
        str_copy(fake_boot.module[i].line, BOOT_LINE, "for=fake x");
        fake_boot.module[i].size = sizeof(fake_image);
    }
    EXPECT(vm_reset(vm, error, sizeof(error)));
    EXPECT_EQ(guest_word(vm->cpu.gpr[EBX] + 20), LOAD_MODULES);
}

/* The registers at a Linux kernel's entry (boot.rst, "32-bit Boot Protocol"),
 * and the segments that its loader left in memory. */
static void a_linux_kernel_starts_by_its_protocol(void)
{
    static u8 image[3 * LINUX_SECTOR];
    const struct cpu *cpu;

    start();
    put_le16(image + LINUX_BOOT_FLAG, LINUX_BOOT_MAGIC);
    put_le32(image + LINUX_MAGIC, LINUX_HDRS);
    put_le16(image + LINUX_VERSION, 0x209);
    image[LINUX_SETUP_SECTS] = 1;
    image[LINUX_JUMP] = LINUX_END_2_06 - LINUX_MAGIC;
    image[LINUX_LOADFLAGS] = LINUX_LOADED_HIGH;
    put_le32(image + LINUX_CODE32, 0x100000);
    fake_other_image = image;
    fake_boot.module[0].size = sizeof(image);
    EXPECT(vm_reset(vm, error, sizeof(error)));
    fake_other_image = NULL;
    cpu = &vm->cpu;
    EXPECT_EQ(cpu->eip, 0x100000);
    EXPECT_EQ(guest_word(cpu->gpr[ESI] + LINUX_MAGIC), LINUX_HDRS);
    EXPECT_EQ(cpu->gpr[EBX] | cpu->gpr[EBP] | cpu->gpr[EDI], 0);
    EXPECT_EQ(cpu->eflags, 2);
    EXPECT_EQ(cpu->cr0 & 0x80000001, 1);
    EXPECT_EQ(cpu->seg[SEG_CS].sel, 0x10);
    for (u32 s = 0; s < SEG_COUNT; s++)
        EXPECT_EQ(cpu->seg[s].sel, s == SEG_CS ? 0x10 : 0x18);
    EXPECT_EQ(cpu->gdtr.limit, 31);
    EXPECT_EQ(guest_word(cpu->gdtr.base + 0x14), 0x00cf9b00);
    EXPECT_EQ(tables_entry(vm, TABLE_GDT, 3), 0x00cf93000000ffff);
    EXPECT(vm->arch.gdt[2] && vm->arch.gdt[3]);
}

static void all_slots_in_use_is_said(void)
{
    struct vm_config config = {.kind = CONFIG_VM, .mem = MEM, .weight = 1};

    start();
    for (u32 i = 1; i < HV_VMS; i++)
        fake_hv.vm[i].state = VM_PAUSED;
    EXPECT(!vm_create(&fake_hv, &config, 0, error, sizeof(error)));
    EXPECT(strstr(error, "16 VM slots"));
}

/* A creation that fails late, because the image is none, gives all back. */
static void a_bad_image_costs_nothing(void)
{
    struct vm_config config = {
        .kind = CONFIG_VM, .name = "bad", .mem = MEM, .weight = 1};
    u32 before;

    start();
    before = fake_hv.frames.nfree;
    fake_image.code[0] ^= 1;
    EXPECT(!vm_create(&fake_hv, &config, 0, error, sizeof(error)));
    EXPECT(error[0]);
    EXPECT_EQ(fake_hv.frames.nfree, before);
    EXPECT(!hv_find(&fake_hv, "bad"));
    EXPECT(!vm_reset(vm, error, sizeof(error)));
    EXPECT_EQ(vm->state, VM_KILLED);
    EXPECT(strstr(vm->reason, "could not be reset"));
}

/* What is in the real registers belongs to nobody when its VM is gone. */
static void a_vm_that_is_gone_is_not_current(void)
{
    start();
    vm_destroy(vm);
    EXPECT(!fake_hv.current);
    start();
    fake_hv.current = &fake_hv.vm[1];
    vm_destroy(vm);
    EXPECT(fake_hv.current == &fake_hv.vm[1]);
}

/* All frames but n are somebody else's. */
static void leave_free(u32 n)
{
    mfn_t m;

    while (fake_hv.frames.nfree > n)
        EXPECT(frame_alloc(&fake_hv.frames, FRAME_VMM, FRAME_NO_OWNER, &m));
}

/* Whatever allocation it is that fails, the VM is killed with a sentence and
 * holds nothing. It is the memory size that grew: what the VM had itself
 * would always be enough. */
static void a_reset_without_memory_holds_nothing(enum shadow_policy_id policy)
{
    u32 has, need = 0;

    for (u32 n = 0; !need && n < 1024; n += n < 16 || n > 660 ? 1 : 97) {
        vm = fake_vm(MEM, policy);
        has = fake_hv.frames.nfree;
        vm_kill(vm, "to start with");
        shadow_destroy(&vm->shadow);
        p2m_destroy(&vm->p2m);
        leave_free(n);
        vm->config.mem = MEM + 0x100000;
        if (vm_reset(vm, error, sizeof(error))) {
            need = n;
            continue;
        }
        EXPECT_EQ(vm->state, VM_KILLED);
        EXPECT(strstr(vm->reason, "machine memory ran out"));
        vm_destroy(vm);
        EXPECT_EQ(fake_hv.frames.nfree, n);
    }
    EXPECT(need > (MEM + 0x100000) / PAGE_SIZE - 96);
    EXPECT(has > need);
}

static void memory_that_runs_out_under_vtlb(void)
{
    a_reset_without_memory_holds_nothing(SHADOW_VTLB);
}

static void memory_that_runs_out_under_cached(void)
{
    a_reset_without_memory_holds_nothing(SHADOW_CACHED);
}

/* Frames for decoded blocks come and go with a VM that has a use for them. */
static void decoded_blocks_have_frames(void)
{
    struct vm_config config = {.kind = CONFIG_VM,
                               .name = "i",
                               .mem = MEM,
                               .exec = EXEC_INTERP,
                               .weight = 1};
    u32 before, want = BLOCK_SLOTS * BLOCK_SIZE / PAGE_SIZE;
    struct vm *other;

    start();
    before = fake_hv.frames.nfree;
    EXPECT_EQ(vm_block_frames(vm), 0);
    EXPECT(vm_create(&fake_hv, &config, 0, error, sizeof(error)));
    other = hv_find(&fake_hv, "i");
    EXPECT_EQ(vm_block_frames(other), want);
    EXPECT_EQ(frames_owned(&fake_hv.frames, 1, FRAME_BLOCK), want);
    EXPECT(other->blocks.slot[BLOCK_SLOTS - 1]);
    EXPECT(vm_reset(other, error, sizeof(error)));
    EXPECT_EQ(frames_owned(&fake_hv.frames, 1, FRAME_BLOCK), want);
    vm_destroy(other);
    EXPECT_EQ(fake_hv.frames.nfree, before);
    config.dispatch = DISPATCH_PLAIN;
    EXPECT(vm_create(&fake_hv, &config, 0, error, sizeof(error)));
    EXPECT_EQ(frames_owned(&fake_hv.frames, 1, FRAME_BLOCK), 0);
    EXPECT_EQ(vm_block_frames(other), 0);
    vm_destroy(other);
}

/* Wherever memory runs out, all is given back. */
static void blocks_without_memory_hold_nothing(void)
{
    struct vm_config config = {.kind = CONFIG_VM,
                               .name = "i",
                               .mem = MEM,
                               .exec = EXEC_INTERP,
                               .weight = 1};
    u32 most, failed = 0;
    mfn_t m;

    start();
    most = fake_hv.frames.nfree;
    EXPECT_EQ(vm_create(&fake_hv, &config, 0, error, sizeof(error)), true);
    vm_destroy(hv_find(&fake_hv, "i"));
    for (u32 left = most; left > 300; left = fake_hv.frames.nfree) {
        bool good = vm_create(&fake_hv, &config, 0, error, sizeof(error));
        if (good)
            vm_destroy(hv_find(&fake_hv, "i"));
        failed += !good;
        EXPECT_EQ(fake_hv.frames.nfree, left);
        for (u32 i = 0; i < 37; i++)
            EXPECT(frame_alloc(&fake_hv.frames, FRAME_VMM, FRAME_NO_OWNER, &m));
    }
    EXPECT(failed);
}

static const struct unit_case cases[] = {
    CASE(every_state_has_a_name),
    CASE(a_stopped_vm_does_not_stop_again),
    CASE(virtual_time_stands_still_while_paused),
    CASE(a_wanted_reset_leaves_the_inner_loop),
    CASE(modules_for_a_vm_are_attached_in_order),
    CASE(no_more_modules_than_fit_are_attached),
    CASE(a_linux_kernel_starts_by_its_protocol),
    CASE(all_slots_in_use_is_said),
    CASE(a_bad_image_costs_nothing),
    CASE(a_vm_that_is_gone_is_not_current),
    CASE(memory_that_runs_out_under_vtlb),
    CASE(memory_that_runs_out_under_cached),
    CASE(decoded_blocks_have_frames),
    CASE(blocks_without_memory_hold_nothing),
};
UNIT_MAIN(cases)
