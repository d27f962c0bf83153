/* SPDX-License-Identifier: MIT
 *
 * Looking into a guest from outside: reads and writes by both kinds of
 * address, every sentence about every kind of access, instructions, stacks,
 * and that the shadow, the tables' copies and the processor follow what is
 * written.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/vm/inspect.h"

#define PD   0x10000u
#define PT   0x11000u
#define PDPT 0x12000u
#define CODE 0x20000u
#define RW   (PTE_P | PTE_W)
#define ALL  (PTE_P | PTE_W | PTE_U)

static struct vm *vm;
static char text[400];

static void poke(u32 at, const void *bytes, u32 size)
{
    EXPECT_EQ(inspect_write_phys(vm, gpa(at), bytes, size), size);
}

static void poke32(u32 at, u32 v)
{
    poke(at, &v, 4);
}

static void poke64(u32 at, u64 v)
{
    poke(at, &v, 8);
}

static u32 peek(u32 at)
{
    u32 v = 0xdeadbeef;

    EXPECT_EQ(inspect_read(vm, gva(at), &v, 4), 4);
    return v;
}

/* Linear page i is physical page i for the first half MiB, but two that
 * follow each other in one order only, and some that are special. */
static void start_with(enum shadow_policy_id policy, bool paging)
{
    vm = fake_vm(0x400000, policy);
    for (u32 i = 0; i < 128; i++)
        poke32(PT + 4 * i, i << 12 | ALL);
    poke32(PT + 4 * 0x40, 0x81000 | ALL);
    poke32(PT + 4 * 0x41, 0x80000 | ALL);
    poke32(PT + 4 * 0x42, 0);
    poke32(PT + 4 * 0x43, 0x50000 | PTE_P);
    poke32(PT + 4 * 0x44, 0xb8000 | ALL);
    poke32(PT + 4 * 0x45, 0xf0000000 | ALL);
    poke32(PT + 4 * 0x46, 0x50000 | ALL | PTE_PAT);
    poke32(PT + 4 * 0x47, 0x50000 | RW);
    poke32(PT + 4 * 0x48, 0x50000 | PTE_P | PTE_U);
    poke32(PD, PT | ALL);
    poke32(PD + 4, 0x00000000 | ALL | PTE_PS);
    poke32(PD + 8, 0x00201000 | ALL | PTE_PS);
    if (!paging)
        return;
    vm->cpu.cr3 = PD;
    vm->cpu.cr4 |= CR4_PSE;
    vm->cpu.cr0 |= CR0_PG | CR0_WP;
    inspect_changed(vm);
}

static void start(void)
{
    start_with(SHADOW_CACHED, true);
}

static bool why(u32 at, u32 access)
{
    return inspect_why(vm, gva(at), access, text, sizeof(text));
}

#define WORKS(at, access, sentence)                                            \
    do {                                                                       \
        EXPECT(why((at), (access)));                                           \
        EXPECT_STR(text, "it works: at physical " sentence);                   \
    } while (0)
#define FAULTS(at, access, sentence)                                           \
    do {                                                                       \
        EXPECT(!why((at), (access)));                                          \
        EXPECT_STR(text, "it would fault: " sentence);                         \
    } while (0)

static void bytes_go_across_pages(void)
{
    u8 out[0x2010], in[0x2010];

    start();
    for (u32 i = 0; i < sizeof(in); i++)
        in[i] = (u8)(i * 7);
    EXPECT_EQ(inspect_write(vm, gva(0x3fff0), in, 0x2010), 0x2010);
    EXPECT_EQ(inspect_read(vm, gva(0x3fff0), out, 0x2010), 0x2010);
    EXPECT(!memcmp(in, out, 0x2010));
    EXPECT_EQ(inspect_read_phys(vm, gpa(0x81000), out, 16), 16);
    EXPECT(!memcmp(in + 0x10, out, 16));
    EXPECT_EQ(inspect_read(vm, gva(0x41ff0), out, 64), 16);
    EXPECT_EQ(inspect_write(vm, gva(0x41ff0), out, 64), 16);
    EXPECT_EQ(inspect_read(vm, gva(0x42000), out, 4), 0);
    EXPECT_EQ(inspect_write(vm, gva(0x42000), out, 4), 0);
    EXPECT_EQ(inspect_read(vm, gva(0x44000), out, 4), 0);
    EXPECT_EQ(inspect_write(vm, gva(0x44000), out, 4), 0);
    EXPECT_EQ(inspect_read_phys(vm, gpa(0x3ffff0), out, 64), 16);
    EXPECT_EQ(inspect_write_phys(vm, gpa(0x3ffff0), out, 64), 16);
    EXPECT_EQ(inspect_read_phys(vm, gpa(1ull << 40), out, 1), 0);
}

static void a_write_goes_past_the_guests_protection(void)
{
    start();
    p2m_make_rom(&vm->p2m, gfn(0x50), 1);
    poke32(0x50000, 0x1234);
    EXPECT_EQ(peek(0x43000), 0x1234);
    EXPECT_EQ(inspect_write(vm, gva(0x48000), "abcd", 4), 4);
    EXPECT_EQ(peek(0x43000), 0x64636261);
}

static void looking_sets_no_bits(void)
{
    u32 before;

    start();
    inspect_read_phys(vm, gpa(PT + 4 * 0x30), &before, 4);
    peek(0x30000);
    why(0x30000, PF_WRITE);
    EXPECT_EQ(inspect_write(vm, gva(0x30000), "x", 1), 1);
    EXPECT_EQ(peek(PT + 4 * 0x30), before);
    EXPECT_EQ(inspect_shadow_leaf(vm, gva(0x30000)), 0);
}

static void two_level_walks_say_why(void)
{
    start();
    WORKS(0x30123, 0, "0x00030123 is RAM");
    WORKS(0x30123, PF_USER | PF_WRITE, "0x00030123 is RAM");
    WORKS(0x44010, PF_WRITE, "0x000b8010 is a device");
    WORKS(0x45000, 0, "0xf0000000 is nothing; it reads as all ones");
    WORKS(0x45000, PF_WRITE, "0xf0000000 is nothing; what is written is lost");
    FAULTS(0x42000, PF_USER,
           "the table entry 66 (0x00000000 at physical 0x00011108) is not "
           "present");
    FAULTS(0x43000, PF_WRITE,
           "the table entry 67 (0x00050001 at physical 0x0001110c) is "
           "read-only, which CR0.WP makes the supervisor obey");
    FAULTS(0x48000, PF_WRITE | PF_USER,
           "the table entry 72 (0x00050005 at physical 0x00011120) is "
           "read-only");
    FAULTS(0x47000, PF_USER | PF_FETCH,
           "the table entry 71 (0x00050003 at physical 0x0001111c) is for the "
           "supervisor only");
    FAULTS(0x46000, 0,
           "the table entry 70 (0x00050087 at physical 0x00011118) has "
           "reserved bits set (0x80)");
    FAULTS(0xc0000000, 0,
           "the directory entry 768 (0x00000000 at physical 0x00010c00) is "
           "not present");
    WORKS(0x00412345, PF_WRITE, "0x00012345 is RAM");
    FAULTS(0x00800000, 0,
           "the directory entry 2 (0x00201087 at physical 0x00010008) has "
           "reserved bits set (0x201000)");
    poke32(PD, PT | PTE_P | PTE_W);
    FAULTS(0x30000, PF_USER,
           "the directory entry 0 (0x00011003 at physical 0x00010000) is for "
           "the supervisor only");
    poke32(PD, PT | PTE_P | PTE_U);
    FAULTS(0x30000, PF_USER | PF_WRITE,
           "the directory entry 0 (0x00011005 at physical 0x00010000) is "
           "read-only");
    vm->cpu.cr0 &= ~CR0_WP;
    WORKS(0x30000, PF_WRITE, "0x00030000 is RAM");
    p2m_make_rom(&vm->p2m, gfn(0x30), 1);
    WORKS(0x30000, PF_WRITE, "0x00030000 is ROM; what is written is lost");
    WORKS(0x30000, 0, "0x00030000 is ROM");
}

static void without_paging_linear_is_physical(void)
{
    start_with(SHADOW_VTLB, false);
    WORKS(0x00012345, PF_USER | PF_WRITE, "0x00012345 is RAM");
    WORKS(0xa0000, 0, "0x000a0000 is a device");
    WORKS(0x400000, 0, "0x00400000 is nothing; it reads as all ones");
    poke32(0x12344, 5);
    EXPECT_EQ(peek(0x12344), 5);
}

static void pae(void)
{
    struct inspect_level l[INSPECT_LEVELS];

    start_with(SHADOW_VTLB, false);
    poke64(PDPT, PD | PTE_P);
    poke64(PD, PT | ALL);
    poke64(PD + 8, 0x00000000 | RW | PTE_PS);
    poke64(PD + 16, 0x00002000 | ALL | PTE_PS);
    poke64(PD + 24, 1ull << 40 | PT | ALL);
    poke64(PT + 8 * 3, 0x30000 | ALL);
    poke64(PT + 8 * 4, PTE64_NX | 0x30000 | ALL);
    poke64(PT + 8 * 5, 0xf00000000 | ALL);
    vm->config.exec = EXEC_INTERP;
    vm->cpu.cr3 = PDPT;
    vm->cpu.cr4 |= CR4_PAE;
    vm->cpu.cr0 |= CR0_PG;
    inspect_changed(vm);
    EXPECT_EQ(vm->cpu.pdpte[0], PD | PTE_P);
    WORKS(0x3010, 0, "0x00030010 is RAM");
    WORKS(0x00212345, PF_WRITE, "0x00012345 is RAM");
    WORKS(0x5000, 0, "0xf00000000 is nothing; it reads as all ones");
    FAULTS(0x40000000, 0,
           "the directory pointer 1 (0x0000000000000000, loaded with CR3) is "
           "not present");
    FAULTS(0x00200000, PF_USER,
           "the directory entry 1 (0x0000000000000083 at physical "
           "0x00010008) is for the supervisor only");
    FAULTS(0x00400000, 0,
           "the directory entry 2 (0x0000000000002087 at physical "
           "0x00010010) has reserved bits set (0x2000)");
    FAULTS(0x00600000, 0,
           "the directory entry 3 (0x0000010000011007 at physical "
           "0x00010018) has reserved bits set (0x10000000000)");
    FAULTS(0x4000, PF_FETCH,
           "the table entry 4 (0x8000000000030007 at physical 0x00011020) "
           "has reserved bits set (0x8000000000000000)");
    EXPECT_EQ(inspect_levels(vm, gva(0x3010), l), 3);
    EXPECT(l[0].in_register && l[0].to.v == PD);
    EXPECT(l[2].last && l[2].to.v == 0x30010 && l[2].index == 3);
    EXPECT_EQ(inspect_levels(vm, gva(0x00212345), l), 2);
    EXPECT(l[1].last && l[1].to.v == 0x12345);
    EXPECT_EQ(inspect_levels(vm, gva(0xc0000000), l), 1);
}

/* The sentence and the guest's own walk agree, for entries made at random. */
static void the_sentence_never_lies(void)
{
    struct inspect_level l[INSPECT_LEVELS];
    struct shadow_result r;
    u32 seed = 3;

    start();
    for (u32 i = 0; i < 3000; i++) {
        u32 access = i & (PF_WRITE | PF_USER);
        bool works;
        seed = seed * 1664525 + 1013904223;
        poke32(PT + 4 * 0x30, (seed >> 8 & 0x1ff) | 0x50000);
        seed = seed * 1664525 + 1013904223;
        poke32(PD, (seed >> 9 & 0x17f) | PT);
        works = why(0x30000, access);
        EXPECT_EQ(works, shadow_fault(&vm->shadow, gva(0x30000), access, &r) !=
                             SHADOW_GUEST_FAULT);
        EXPECT(inspect_levels(vm, gva(0x30000), l) >= 1);
        if (r.error & PF_RSVD)
            EXPECT(strstr(text, "reserved bits set"));
    }
    EXPECT_EQ(shadow_audit(&vm->shadow, NULL), 0);
}

static void the_shadow_is_walked_as_the_processor_does(void)
{
    struct inspect_shadow s[INSPECT_SHADOWS];
    struct shadow_result r;
    u64 leaf;

    for (u32 policy = 0; policy < 2; policy++) {
        start_with(policy ? SHADOW_CACHED : SHADOW_VTLB, true);
        EXPECT(inspect_shadows(vm, gva(0x30000), s) < INSPECT_SHADOWS);
        EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x30000), PF_WRITE, &r),
                  SHADOW_FILLED);
        EXPECT_EQ(inspect_shadows(vm, gva(0x30000), s), INSPECT_SHADOWS);
        leaf = inspect_shadow_leaf(vm, gva(0x30000));
        EXPECT_EQ(leaf, s[3].entry);
        EXPECT_EQ(leaf & PTE64_ADDR,
                  mfn_to_hpa(p2m_lookup(&vm->p2m, gfn(0x30)).mfn).v);
        EXPECT_EQ(s[3].index, 0x30);
    }
}

static void a_watched_table_follows(void)
{
    struct shadow_result r;
    u64 flat = 0x00cf9a000000ffff;

    start();
    EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x30000), PF_WRITE, &r),
              SHADOW_FILLED);
    poke32(PT + 4 * 0x30, 0x50000 | ALL);
    EXPECT_EQ(shadow_audit(&vm->shadow, NULL), 0);
    vm->cpu.gdtr = (struct table_reg){0x60000, 0x1f};
    inspect_changed(vm);
    EXPECT_EQ(fake_gdt[1], 0);
    poke64(0x60008, flat);
    EXPECT(fake_gdt[1] != 0);
    EXPECT_EQ(inspect_write(vm, gva(0x60008), "\0\0\0\0\0\0\0", 8), 8);
    EXPECT_EQ(fake_gdt[1], 0);
}

static void changed_registers_are_loaded(void)
{
    start();
    EXPECT(fake_hv.current == NULL);
    direct_switch(vm);
    EXPECT(fake_hv.current == vm);
    vm->cpu.seg_dirty = 0;
    inspect_sync(vm);
    vm->cpu.gpr[EAX] = 5;
    vm->cpu.dr[0] = 0x1000;
    inspect_changed(vm);
    EXPECT(fake_hv.current == NULL);
    EXPECT_EQ(vm->cpu.seg_dirty & 0x3f, 0x3f);
    direct_switch(vm);
    EXPECT(fake_dr == vm->cpu.dr);
}

static void instructions_are_decoded_where_they_lie(void)
{
    static const u8 code[] = {0xb8, 0x78, 0x56, 0x34, 0x12, 0x0f, 0x04};

    start();
    poke(CODE, code, sizeof(code));
    EXPECT_EQ(inspect_insn(vm, CODE, text, sizeof(text)), 5);
    EXPECT_STR(text, "mov eax, 0x12345678");
    vm->cpu.seg[SEG_CS].base = 0x10000;
    vm->cpu.seg[SEG_CS].attr &= (u16)~ATTR_DB;
    EXPECT_EQ(inspect_insn(vm, CODE - 0x10000, text, sizeof(text)), 3);
    EXPECT_STR(text, "mov ax, 0x5678");
    vm->cpu.seg[SEG_CS].base = 0;
    EXPECT_EQ(inspect_insn(vm, CODE + 5, text, sizeof(text)), 0);
    EXPECT_STR(text, "no instruction begins with 0x0f here");
    EXPECT_EQ(inspect_insn(vm, 0x42000, text, sizeof(text)), 0);
    EXPECT_STR(text, "nothing can be read at 0x00042000");
    EXPECT_EQ(inspect_write(vm, gva(0x41fff), "\xb8", 1), 1);
    EXPECT_EQ(inspect_insn(vm, 0x41fff, text, sizeof(text)), 0);
    EXPECT_STR(text, "the instruction goes on at 0x00042000, where nothing "
                     "can be read");
    memset(text, 0x66, 15);
    poke(CODE, text, 15);
    EXPECT_EQ(inspect_insn(vm, CODE, text, sizeof(text)), 0);
    EXPECT_STR(text, "the instruction is longer than 15 bytes");
}

static void frames_are_followed_while_they_rise(void)
{
    struct inspect_frame f[8];

    start();
    vm->cpu.eip = 0x111;
    vm->cpu.gpr[EBP] = 0x31000;
    poke32(0x31000, 0x31010);
    poke32(0x31004, 0x222);
    poke32(0x31010, 0x31008);
    poke32(0x31014, 0x333);
    EXPECT_EQ(inspect_stack(vm, f, 8), 3);
    EXPECT(f[0].eip == 0x111 && f[1].eip == 0x222 && f[2].eip == 0x333);
    EXPECT_EQ(inspect_stack(vm, f, 2), 2);
    EXPECT_EQ(inspect_stack(vm, f, 0), 0);
    poke32(0x31014, 0);
    EXPECT_EQ(inspect_stack(vm, f, 8), 2);
    poke32(0x31000, 0x42000);
    EXPECT_EQ(inspect_stack(vm, f, 8), 2);
    vm->cpu.seg[SEG_CS].attr &= (u16)~ATTR_DB;
    vm->cpu.gpr[EBP] = 0xabcd1000;
    vm->cpu.seg[SEG_SS].base = 0x30000;
    poke32(0x31000, 0x44441020);
    EXPECT_EQ(inspect_stack(vm, f, 2), 2);
    EXPECT(f[0].ebp == 0x1000 && f[1].eip == 0x4444 && f[1].ebp == 0x1020);
}

static void without_frame_pointers_words_behind_a_call_are_found(void)
{
    static const u8 calls[] = {
        0xe8, 1,    2,    3,    4, /* CALL rel32 */
        0xff, 0xd0,                /* CALL EAX */
        0xff, 0x94, 0x8b, 0,    0, /* CALL [EBX+ECX*4+... */
        0,    0,    0xff, 0xe0, 0x90};
    static const u32 stack[] = {CODE + 5, 0,         CODE + 4, CODE + 7,
                                CODE + 9, CODE + 14, CODE + 16};
    u32 at[8];

    start();
    poke(CODE, calls, sizeof(calls));
    vm->cpu.gpr[EBP] = 0;
    vm->cpu.gpr[ESP] = 0x31000;
    for (u32 i = 0; i < sizeof(stack) / 4; i++)
        poke32(0x31000 + 4 * i, stack[i]);
    EXPECT_EQ(inspect_returns(vm, at, 8), 3);
    EXPECT(at[0] == CODE + 5 && at[1] == CODE + 7 && at[2] == CODE + 14);
    EXPECT_EQ(inspect_returns(vm, at, 1), 1);
    vm->cpu.gpr[ESP] = 0xffff1000; /* a 16-bit stack has SP */
    vm->cpu.seg[SEG_SS].attr &= (u16)~ATTR_DB;
    vm->cpu.seg[SEG_SS].base = 0x30000;
    EXPECT_EQ(inspect_returns(vm, at, 8), 3);
    vm->cpu.seg[SEG_SS].base = 0x42000000;
    EXPECT_EQ(inspect_returns(vm, at, 8), 0);
    vm->cpu.seg[SEG_SS].base = 0x30000;
    vm->cpu.gpr[EBP] = 0x1800; /* a frame whose return address is behind one */
    poke32(0x31804, CODE + 5);
    EXPECT_EQ(inspect_returns(vm, at, 8), 0);
    poke32(0x31804, CODE + 4);
    EXPECT_EQ(inspect_returns(vm, at, 8), 3);
    vm->cpu.seg[SEG_CS].attr &= (u16)~ATTR_DB;
    EXPECT_EQ(inspect_returns(vm, at, 8), 0);
}

static void a_vm_without_memory_is_looked_at_too(void)
{
    struct inspect_level l[INSPECT_LEVELS];
    struct inspect_shadow s[INSPECT_SHADOWS];
    u32 v;

    start();
    shadow_destroy(&vm->shadow);
    inspect_changed(vm);
    EXPECT_EQ(inspect_write_phys(vm, gpa(0), &v, 4), 0);
    p2m_destroy(&vm->p2m);
    vm->state = VM_KILLED;
    EXPECT(!why(0, 0));
    EXPECT_STR(text, "it has no memory; its reset failed");
    EXPECT_EQ(inspect_read(vm, gva(0), &v, 4), 0);
    EXPECT_EQ(inspect_read_phys(vm, gpa(0), &v, 4), 0);
    EXPECT_EQ(inspect_levels(vm, gva(0), l), 0);
    EXPECT_EQ(inspect_shadows(vm, gva(0), s), 0);
    EXPECT_STR(inspect_what(vm, gpa(0)), "nothing");
    EXPECT_EQ(inspect_insn(vm, 0, text, sizeof(text)), 0);
    inspect_changed(vm);
}

static const struct unit_case cases[] = {
    CASE(bytes_go_across_pages),
    CASE(a_write_goes_past_the_guests_protection),
    CASE(looking_sets_no_bits),
    CASE(two_level_walks_say_why),
    CASE(without_paging_linear_is_physical),
    CASE(pae),
    CASE(the_sentence_never_lies),
    CASE(the_shadow_is_walked_as_the_processor_does),
    CASE(a_watched_table_follows),
    CASE(changed_registers_are_loaded),
    CASE(instructions_are_decoded_where_they_lie),
    CASE(without_frame_pointers_words_behind_a_call_are_found),
    CASE(frames_are_followed_while_they_rise),
    CASE(a_vm_without_memory_is_looked_at_too),
};
UNIT_MAIN(cases)
