/* SPDX-License-Identifier: MIT
 *
 * The hosted machine's processor, by itself: what a VMM relies on when it
 * enters a guest, and what it must not rely on (a forgiving TLB).
 *
 * The guest is a few bytes of code with an UD2 behind them, in pages that
 * map() maps; go() enters it and an exit is compared by vector, error code and
 * how far EIP got.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/fake/arch_hosted.c"
#include "tests/fake/arch_hosted_fpu.c"
#include "tests/fake/arch_hosted_mmu.c"
#include "tests/fake/arch_hosted_run.c"
#include "tests/fake/arch_hosted_time.c"
#include "tests/unit/unit.h"
#include <setjmp.h>
#include <stdarg.h>

#define FRAMES 64u
#define CODE   0x400000u
#define DATA   0x401000u
#define STACK  0x402000u /* its top */
#define HOLE   0x403000u

/* Frames: the four tables, then what is mapped. */
enum { ROOT = 1, LEVEL3, LEVEL2, LEVEL1, FIRST };

#define KCS 0x09
#define KSS 0x11
#define UCS 0x1b
#define USS 0x23

static u8 arena[FRAMES * PAGE_SIZE] __attribute__((aligned(4096)));
static struct arch_vcpu vcpu[2];
static struct cpu guest;
static jmp_buf after_panic;
static bool expect_panic;

void arch_panic(const char *format, ...)
{
    if (expect_panic)
        longjmp(after_panic, 1);
    printf("panic: %s\n", format);
    abort();
}

u64 hosted_console_wait(u64 ns)
{
    return ns;
}

void hosted_audit(void)
{
}

void hosted_say(const char *format, ...)
{
}

void hosted_end(u32 status)
{
    abort();
}

static u64 *entry(u32 at)
{
    u64 *table = (u64 *)(arena + LEVEL1 * PAGE_SIZE);

    return &table[at >> PAGE_SHIFT & LEVEL_MASK];
}

static void map(u32 at, u32 frame, u64 bits)
{
    *entry(at) = (u64)frame * PAGE_SIZE | bits;
}

static void link_tables(u32 from, u32 index, u32 to)
{
    u64 *table = (u64 *)(arena + from * PAGE_SIZE);

    table[index] = (u64)to * PAGE_SIZE | PTE_P | PTE_W | PTE_U;
}

static u64 flat(u32 attr)
{
    return (u64)((attr & 0xf0ff) << 8 | 0xf0000) << 32 | 0xffff;
}

static void tables(struct arch_vcpu *av)
{
    u32 code = ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_ACCESSED |
               ATTR_DB | ATTR_G;
    u32 data =
        ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_DB | ATTR_G;

    av->gdt[1] = flat(code | 1 << ATTR_DPL_SHIFT);
    av->gdt[2] = flat(data | 1 << ATTR_DPL_SHIFT);
    av->gdt[3] = flat(code | 3 << ATTR_DPL_SHIFT);
    av->gdt[4] = flat(data | 3 << ATTR_DPL_SHIFT);
}

static void start(void)
{
    memset(&hosted, 0, sizeof(hosted));
    memset(arena, 0, sizeof(arena));
    memset(&guest, 0, sizeof(guest));
    hosted.memory = arena;
    hosted.size = sizeof(arena);
    hosted.limit = UINT64_MAX;
    hosted_reset();
    for (u32 i = 0; i < ARRAY_LEN(vcpu); i++) {
        arch_vcpu_init(&vcpu[i], i);
        tables(&vcpu[i]);
    }
    link_tables(ROOT, 0, LEVEL3);
    link_tables(LEVEL3, 0, LEVEL2);
    link_tables(LEVEL2, CODE >> DIR_SHIFT, LEVEL1);
    map(CODE, FIRST, PTE_P | PTE_U);
    map(DATA, FIRST + 1, PTE_P | PTE_W | PTE_U);
    map(STACK - PAGE_SIZE, FIRST + 1, PTE_P | PTE_W | PTE_U);
    arch_switch(&vcpu[0]);
    arch_fpu_back(&vcpu[0]);
    arch_load_root(hpa(ROOT * PAGE_SIZE));
    arch_set_timer(HOSTED_TICK_NS);
    vcpu[0].hw_eflags = EFLAGS_ONE | EFLAGS_IF;
}

static void ring(u32 number)
{
    vcpu[0].hw_cs = number == 1 ? KCS : UCS;
    vcpu[0].hw_ss = number == 1 ? KSS : USS;
    vcpu[0].hw_seg[SEG_DS] = vcpu[0].hw_seg[SEG_ES] = USS;
    arch_load_segs(&vcpu[0], BIT(SEG_DS) | BIT(SEG_ES));
}

static void run_bytes(const u8 *bytes, u32 count)
{
    static const u8 ud2[] = {0x0f, 0x0b};

    memcpy(arena + FIRST * PAGE_SIZE, bytes, count);
    memcpy(arena + FIRST * PAGE_SIZE + count, ud2, sizeof(ud2));
    guest.eip = CODE;
    guest.gpr[ESP] = STACK;
    arch_enter(&guest, &vcpu[0]);
}

#define GO(...)                                                                \
    run_bytes((const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

#define EXPECT_EXIT(number, code, at)                                          \
    do {                                                                       \
        EXPECT_EQ(vcpu[0].vector, number);                                     \
        EXPECT_EQ(vcpu[0].error, code);                                        \
        EXPECT_EQ(guest.eip, CODE + (at));                                     \
        vcpu[0].hw_eflags = EFLAGS_ONE | EFLAGS_IF;                            \
    } while (0)

#define EXPECT_PF(code, address, at)                                           \
    do {                                                                       \
        EXPECT_EQ(vcpu[0].fault_at, address);                                  \
        EXPECT_EXIT(TRAP_PF, code, at);                                        \
    } while (0)

/* ---- exits */

static void an_exception_is_an_exit(void)
{
    start();
    ring(1);
    GO(0xb8, 0x78, 0x56, 0x34, 0x12); /* mov eax, 0x12345678 */
    EXPECT_EQ(guest.gpr[EAX], 0x12345678);
    EXPECT_EQ(vcpu[0].hw_eflags, EFLAGS_ONE | EFLAGS_IF | EFLAGS_RF);
    EXPECT_EXIT(TRAP_UD, 0, 5);
    EXPECT_EQ(hosted.instructions, 2);
    EXPECT_EQ(hosted.exits, 1);
}

static void interrupts_by_instruction_miss_their_gate(void)
{
    start();
    ring(3);
    GO(0xcd, 0x80);
    EXPECT_EXIT(TRAP_GP, 0x80 * 8 + TRAP_ERR_IDT, 0);
    GO(0xcd, 0x00);
    EXPECT_EXIT(TRAP_GP, TRAP_ERR_IDT, 0);
    GO(0xcc);
    EXPECT_EXIT(TRAP_GP, TRAP_BP * 8 + TRAP_ERR_IDT, 0);
    GO(0xf1); /* INT1 does not ask */
    EXPECT_EXIT(TRAP_DB, 0, 1);
}

static void nothing_privileged_runs(void)
{
    static const u8 forms[][4] = {
        {0xfa},                   /* cli */
        {0xfb},                   /* sti */
        {0xf4},                   /* hlt */
        {0xe4, 0x80},             /* in al, 0x80 */
        {0xee},                   /* out dx, al */
        {0x0f, 0x20, 0xc0},       /* mov eax, cr0 */
        {0x0f, 0x30},             /* wrmsr */
        {0x0f, 0x34},             /* sysenter */
        {0x0f, 0x35},             /* sysexit */
        {0x0f, 0x01, 0xe0},       /* smsw eax */
        {0x0f, 0x00, 0xc0},       /* sldt eax */
        {0x0f, 0x01, 0x04, 0x24}, /* sgdt [esp] */
    };

    for (u32 r = 1; r <= 3; r += 2) {
        for (u32 i = 0; i < ARRAY_LEN(forms); i++) {
            start();
            ring(r);
            run_bytes(forms[i], sizeof(forms[i]));
            EXPECT_EXIT(TRAP_GP, 0, 0);
        }
    }
    GO(0x0f, 0x05); /* syscall: EFER.SCE is clear */
    EXPECT_EXIT(TRAP_UD, 0, 0);
}

static void flags_that_are_not_the_guests_stay(void)
{
    start();
    ring(1);
    GO(0x6a, 0x00, 0x9d); /* push 0; popf */
    EXPECT_EQ(vcpu[0].hw_eflags & (EFLAGS_IF | EFLAGS_IOPL), EFLAGS_IF);
    EXPECT_EXIT(TRAP_UD, 0, 3);
}

static void iret_with_nt_has_no_task_to_return_to(void)
{
    start();
    ring(1);
    vcpu[0].hw_eflags |= EFLAGS_NT;
    GO(0xcf);
    EXPECT_EXIT(TRAP_GP, 0, 0);
}

static void the_hosts_own_descriptors_lead_nowhere(void)
{
    static const u32 slots[] = {SLOT_CODE, SLOT_TSS, SLOT_LDT};

    for (u32 i = 0; i < ARRAY_LEN(slots); i++) {
        u16 sel = (u16)(slots[i] << 3 | 1);
        start();
        arch_set_ldt(&vcpu[0], 1);
        ring(1);
        GO(0xea, 0, 0, 0, 0, (u8)sel, (u8)(sel >> 8)); /* jmp far */
        EXPECT_EXIT(TRAP_GP, sel & ~3u, 0);
    }
}

static void a_traced_instruction_traps_behind_itself(void)
{
    start();
    ring(3);
    vcpu[0].hw_eflags |= EFLAGS_TF;
    GO(0x90, 0x90);
    EXPECT_EXIT(TRAP_DB, 0, 1);
    EXPECT_EQ(arch_read_dr6(), DR6_FIXED | DR6_BS);
    EXPECT_EQ(arch_read_dr6(), DR6_FIXED);
}

static void the_timer_ends_an_endless_guest(void)
{
    start();
    ring(3);
    arch_set_timer(hosted.now + HOSTED_EXIT_NS + 1000 * HOSTED_INSN_NS);
    GO(0xeb, 0xfe);
    EXPECT_EXIT(HOSTED_VECTOR_TIMER, 0, 0);
    EXPECT_EQ(hosted.instructions, 1000);
}

static void the_timer_waits_for_a_stack_to_be_whole(void)
{
    start();
    ring(1);
    arch_set_timer(hosted.now + HOSTED_EXIT_NS + HOSTED_INSN_NS);
    GO(0x16, 0x17, 0x90, 0x90); /* push ss; pop ss */
    EXPECT_EXIT(HOSTED_VECTOR_TIMER, 0, 1);
    arch_set_timer(hosted.now + HOSTED_EXIT_NS + 2 * HOSTED_INSN_NS);
    GO(0x16, 0x17, 0x90, 0x90);
    EXPECT_EXIT(HOSTED_VECTOR_TIMER, 0, 3);
}

/* ---- entry */

static void entry_is_refused_as_iretq_is(void)
{
    start();
    ring(1);
    vcpu[0].gdt[1] &= ~((u64)DESC_P << 32);
    GO(0x90);
    EXPECT_EXIT(TRAP_NP, KCS & ~3u, 0);
    EXPECT_EQ(hosted.instructions, 0);
    start();
    ring(1);
    vcpu[0].gdt[2] &= ~((u64)DESC_P << 32);
    GO(0x90);
    EXPECT_EXIT(TRAP_SS, KSS & ~3u, 0);
    vcpu[0].hw_ss = 0;
    GO(0x90);
    EXPECT_EXIT(TRAP_GP, 0, 0);
    start();
    ring(1);
    vcpu[0].gdt[1] &= ~((u64)DESC_G << 32);
    GO(0x90); /* EIP is beyond 1 MiB */
    EXPECT_EXIT(TRAP_GP, 0, 0);
}

static void an_outer_ring_gets_no_inner_segment(void)
{
    start();
    ring(3);
    vcpu[0].hw_seg[SEG_FS] = KSS;
    EXPECT(arch_load_segs(&vcpu[0], BIT(SEG_FS)));
    GO(0x90);
    arch_read_segs(&vcpu[0]);
    EXPECT_EQ(vcpu[0].hw_seg[SEG_FS], 0);
    EXPECT_EQ(vcpu[0].hw_seg[SEG_DS], USS);
}

static void a_selector_that_is_refused_leaves_null(void)
{
    start();
    vcpu[0].hw_seg[SEG_GS] = 0x7ff3;
    EXPECT(!arch_load_segs(&vcpu[0], BIT(SEG_GS)));
    arch_read_segs(&vcpu[0]);
    EXPECT_EQ(vcpu[0].hw_seg[SEG_GS], 0);
    vcpu[0].hw_seg[SEG_GS] = 3;
    EXPECT(arch_load_segs(&vcpu[0], BIT(SEG_GS)));
}

static void the_ldt_ends_at_its_limit(void)
{
    start();
    ring(3);
    vcpu[0].ldt[0] = vcpu[0].gdt[4];
    vcpu[0].ldt[1] = vcpu[0].gdt[4];
    arch_set_ldt(&vcpu[0], 1);
    GO(0xb8, 0x07, 0, 0, 0, 0x8e, 0xe0); /* mov fs, 7 */
    EXPECT_EXIT(TRAP_UD, 0, 7);
    GO(0xb8, 0x0f, 0, 0, 0, 0x8e, 0xe0);
    EXPECT_EXIT(TRAP_GP, 0x0c, 5);
    arch_set_ldt(&vcpu[0], 0);
    GO(0xb8, 0x07, 0, 0, 0, 0x8e, 0xe0);
    EXPECT_EXIT(TRAP_GP, 0x04, 5);
}

/* ---- memory */

#define LOAD(at)  0xa1, (u8)(at), (u8)((at) >> 8), (u8)((at) >> 16), 0
#define STORE(at) 0xa3, (u8)(at), (u8)((at) >> 8), (u8)((at) >> 16), 0
#define JUMP(at)                                                               \
    0xb8, (u8)(at), (u8)((at) >> 8), (u8)((at) >> 16), 0, 0xff, 0xe0

static void faults_say_what_was_tried(void)
{
    start();
    ring(3);
    GO(LOAD(HOLE));
    EXPECT_PF(PF_USER, HOLE, 0);
    GO(STORE(HOLE));
    EXPECT_PF(PF_USER | PF_WRITE, HOLE, 0);
    GO(STORE(CODE));
    EXPECT_PF(PF_USER | PF_WRITE | PF_PRESENT, CODE, 0);
    ring(1);
    GO(STORE(CODE)); /* CR0.WP */
    EXPECT_PF(PF_WRITE | PF_PRESENT, CODE, 0);
    map(HOLE, FIRST + 2, PTE_P | PTE_W);
    GO(STORE(HOLE));
    EXPECT_EXIT(TRAP_UD, 0, 5);
    ring(3);
    GO(LOAD(HOLE));
    EXPECT_PF(PF_USER | PF_PRESENT, HOLE, 0);
    map(DATA, FIRST + 1, PTE_P | PTE_U | PTE64_NX);
    GO(JUMP(DATA));
    EXPECT_PF(PF_USER | PF_FETCH | PF_PRESENT, DATA, (int)(DATA - CODE));
    map(DATA, FIRST + 1, PTE_P | PTE_U | BIT64(45));
    arch_flush_page(gva(DATA));
    GO(LOAD(DATA));
    EXPECT_PF(PF_USER | PF_PRESENT | PF_RSVD, DATA, 0);
}

static void accessed_and_dirty_are_set(void)
{
    start();
    ring(3);
    GO(LOAD(DATA));
    EXPECT_EQ(*entry(DATA) & (PTE_A | PTE_D), PTE_A);
    GO(STORE(DATA));
    EXPECT_EQ(*entry(DATA) & (PTE_A | PTE_D), PTE_A | PTE_D);
    EXPECT_EQ(*entry(HOLE), 0);
}

static void a_store_over_two_pages_is_both_or_none(void)
{
    start();
    ring(3);
    map(HOLE - PAGE_SIZE, FIRST + 2, PTE_P | PTE_W | PTE_U);
    guest.gpr[EAX] = 0x11223344;
    GO(STORE(HOLE - 2));
    EXPECT_PF(PF_USER | PF_WRITE, HOLE, 0);
    EXPECT_EQ(get_le16(arena + (FIRST + 3) * PAGE_SIZE - 2), 0);
    map(HOLE, FIRST + 3, PTE_P | PTE_W | PTE_U);
    GO(STORE(HOLE - 2));
    EXPECT_EXIT(TRAP_UD, 0, 5);
    EXPECT_EQ(get_le32(arena + (FIRST + 3) * PAGE_SIZE - 2), 0x11223344);
}

static void the_tlb_forgets_nothing_by_itself(void)
{
    start();
    ring(3);
    GO(STORE(DATA));
    map(DATA, FIRST + 1, PTE_P | PTE_U);
    GO(STORE(DATA)); /* stricter, not flushed: still the old rights */
    EXPECT_EXIT(TRAP_UD, 0, 5);
    *entry(DATA) = 0;
    GO(LOAD(DATA));
    EXPECT_EXIT(TRAP_UD, 0, 5);
    arch_flush_page(gva(DATA));
    GO(LOAD(DATA));
    EXPECT_PF(PF_USER, DATA, 0);
    map(DATA, FIRST + 1, PTE_P | PTE_U);
    GO(LOAD(DATA));
    map(DATA, FIRST + 1, PTE_P | PTE_W | PTE_U);
    GO(STORE(DATA)); /* laxer, not flushed: one fault too many */
    EXPECT_PF(PF_USER | PF_WRITE | PF_PRESENT, DATA, 0);
    GO(STORE(DATA));
    EXPECT_EXIT(TRAP_UD, 0, 5);
    *entry(DATA) = 0;
    arch_load_root(hosted.root);
    GO(LOAD(DATA));
    EXPECT_PF(PF_USER, DATA, 0);
}

static void a_directory_is_kept_until_a_flush(void)
{
    u64 *dir = (u64 *)(arena + LEVEL2 * PAGE_SIZE);

    start();
    ring(3);
    GO(LOAD(DATA));
    dir[CODE >> DIR_SHIFT] = 0;
    map(HOLE, FIRST + 2, PTE_P | PTE_U);
    GO(LOAD(HOLE));
    EXPECT_EXIT(TRAP_UD, 0, 5);
    arch_flush_page(gva(HOLE));
    GO(LOAD(HOLE));
    EXPECT_PF(PF_USER, HOLE, 0);
}

static void a_large_page_maps_two_mib(void)
{
    u64 *dir = (u64 *)(arena + LEVEL2 * PAGE_SIZE);

    start();
    ring(3);
    dir[(CODE >> DIR_SHIFT) + 1] = PTE_P | PTE_W | PTE_U | PTE_PS;
    arena[(FIRST + 5) * PAGE_SIZE] = 0x5a;
    GO(LOAD(CODE + LARGE_MASK + 1 + (FIRST + 5) * PAGE_SIZE));
    EXPECT_EXIT(TRAP_UD, 0, 5);
    EXPECT_EQ(guest.gpr[EAX], 0x5a);
    EXPECT_EQ(dir[(CODE >> DIR_SHIFT) + 1] & (PTE_A | PTE_D), PTE_A);
}

static bool panics(const u8 *bytes, u32 count)
{
    volatile bool came = true;

    expect_panic = true;
    if (!setjmp(after_panic)) {
        run_bytes(bytes, count);
        came = false;
    }
    expect_panic = false;
    return came;
}

static void what_no_vmm_means_ends_the_run(void)
{
    static const u8 load[] = {LOAD(DATA)};
    static const u8 mov_fs[] = {0xb8, USS, 0, 0, 0, 0x8e, 0xe0};
    static const u8 fld1[] = {0xd9, 0xe8};

    start();
    ring(3);
    map(DATA, FRAMES, PTE_P | PTE_U); /* beyond memory */
    EXPECT(panics(load, sizeof(load)));
    start();
    ring(3);
    vcpu[0].gdt[4] &= ~((u64)ATTR_ACCESSED << 40);
    EXPECT(!panics(load, sizeof(load)));
    EXPECT(panics(mov_fs, sizeof(mov_fs)));
    start();
    ring(3);
    vcpu[0].hw_eflags |= EFLAGS_IOPL;
    EXPECT(panics(load, sizeof(load)));
    start();
    ring(3);
    arch_fpu(&vcpu[0]); /* its registers are out */
    EXPECT(!panics(load, sizeof(load)));
    EXPECT(panics(fld1, sizeof(fld1)));
}

/* ---- FPU */

static void each_vm_has_its_own_fpu(void)
{
    start();
    ring(3);
    arch_set_modes(0, CR4_OSFXSR);
    GO(0xd9, 0xe8); /* fld1 */
    EXPECT_EXIT(TRAP_UD, 0, 2);
    EXPECT_EQ(fpu_top(&registers), 7);
    arch_switch(&vcpu[1]);
    arch_fpu_back(&vcpu[1]);
    EXPECT_EQ(fpu_top(&registers), 0);
    arch_switch(&vcpu[0]);
    arch_fpu_back(&vcpu[0]);
    EXPECT_EQ(fpu_top(&registers), 7);
    EXPECT_EQ(fpu_top(arch_fpu(&vcpu[0])), 7);
    EXPECT_EQ(fpu_top(arch_fpu(&vcpu[1])), 0);
    arch_fpu_back(&vcpu[0]);
    arch_set_modes(CR0_TS, 0);
    GO(0xd9, 0xe8);
    EXPECT_EXIT(TRAP_NM, 0, 0);
}

static const struct unit_case cases[] = {
    CASE(an_exception_is_an_exit),
    CASE(interrupts_by_instruction_miss_their_gate),
    CASE(nothing_privileged_runs),
    CASE(flags_that_are_not_the_guests_stay),
    CASE(iret_with_nt_has_no_task_to_return_to),
    CASE(the_hosts_own_descriptors_lead_nowhere),
    CASE(a_traced_instruction_traps_behind_itself),
    CASE(the_timer_ends_an_endless_guest),
    CASE(the_timer_waits_for_a_stack_to_be_whole),
    CASE(entry_is_refused_as_iretq_is),
    CASE(an_outer_ring_gets_no_inner_segment),
    CASE(a_selector_that_is_refused_leaves_null),
    CASE(the_ldt_ends_at_its_limit),
    CASE(faults_say_what_was_tried),
    CASE(accessed_and_dirty_are_set),
    CASE(a_store_over_two_pages_is_both_or_none),
    CASE(the_tlb_forgets_nothing_by_itself),
    CASE(a_directory_is_kept_until_a_flush),
    CASE(a_large_page_maps_two_mib),
    CASE(what_no_vmm_means_ends_the_run),
    CASE(each_vm_has_its_own_fpu),
};

UNIT_MAIN(cases)
