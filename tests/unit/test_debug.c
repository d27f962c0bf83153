/* SPDX-License-Identifier: MIT
 *
 * Debug exceptions by the manual's section: instruction breakpoints and RF
 * (SDM vol. 3B 17.3.1.1), data and I/O breakpoints (17.3.1.2 and the examples
 * of table 17-2), GD (17.3.1.3), single steps (17.3.1.4), the shadow of MOV
 * SS (vol. 3A 6.8.3), and that nothing is asked of a step that nobody watches.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/fake/flat.h"
#include "vmm/cpu/debug.h"

#define L(n)         (1u << 2 * (n))
#define G(n)         (2u << 2 * (n))
#define RW(n, kind)  ((u32)DR7_RW_##kind << DR7_RW_SHIFT(n))
#define LEN(n, size) ((u32)((size) == 4 ? 3 : (size)-1) << DR7_LEN_SHIFT(n))
#define DATA         0x4000u
#define BITS         (DR6_HITS | DR6_BD | DR6_BS | DR6_BT)

static enum step_status step(void)
{
    flat_before = flat_cpu;
    return cpu_step_debug(&flat_cpu, &flat_env, &flat_step);
}

static void code(const u8 *bytes, u32 count)
{
    memcpy(flat_memory + FLAT_CODE, bytes, count);
    flat_cpu.eip = FLAT_CODE;
}

#define CODE(...)                                                              \
    code((const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

static void reset(u8 cpl)
{
    flat_reset(cpl);
    flat_step.trap = false;
}

static void watch(u32 n, u32 at, u32 control)
{
    flat_cpu.dr[n] = at;
    flat_cpu.dr[7] |= control;
}

static u32 dr6(void)
{
    return flat_cpu.dr[6] & BITS;
}

/* The step is done and leaves this trap. */
#define EXPECT_TRAP(bits)                                                      \
    do {                                                                       \
        EXPECT_EQ(step(), STEP_OK);                                            \
        EXPECT(flat_step.trap);                                                \
        EXPECT_EQ(flat_step.fault.vector, TRAP_DB);                            \
        EXPECT(!flat_step.fault.has_error);                                    \
        EXPECT_EQ(dr6(), bits);                                                \
        EXPECT_EQ(flat_cpu.debug_pending, 0);                                  \
        flat_cpu.dr[6] = DR6_FIXED;                                            \
    } while (0)

#define EXPECT_NO_TRAP()                                                       \
    do {                                                                       \
        EXPECT_EQ(step(), STEP_OK);                                            \
        EXPECT(!flat_step.trap);                                               \
        EXPECT_EQ(dr6(), 0);                                                   \
    } while (0)

#define EXPECT_BREAK(bits)                                                     \
    do {                                                                       \
        EXPECT_EQ(step(), STEP_FAULT);                                         \
        EXPECT_EQ(flat_step.fault.vector, TRAP_DB);                            \
        EXPECT_EQ(flat_cpu.eip, flat_before.eip);                              \
        EXPECT_EQ(dr6(), bits);                                                \
        flat_cpu.dr[6] = DR6_FIXED;                                            \
    } while (0)

static void nothing_is_armed(void)
{
    reset(0);
    EXPECT(!debug_armed(&flat_cpu));
    CODE(0x90);
    flat_step.trap = true;
    EXPECT_NO_TRAP();
    flat_cpu.dr[7] = DR7_FIXED | DR7_GD;
    EXPECT(!debug_armed(&flat_cpu));
    flat_cpu.dr[7] |= G(3);
    EXPECT(debug_armed(&flat_cpu));
}

static void instruction_breakpoint(void)
{
    reset(3);
    CODE(0x40, 0x90); /* inc eax; nop */
    watch(1, FLAT_CODE, L(1) | RW(1, EXECUTE));
    EXPECT_BREAK(BIT(1));
    EXPECT_EQ(flat_cpu.gpr[EAX], 0);
    EXPECT(!(flat_cpu.eflags & EFLAGS_RF)); /* and so it is pushed */
    EXPECT(!flat_step.decoded);
    EXPECT_BREAK(BIT(1)); /* for ever ... */
    flat_cpu.eflags |= EFLAGS_RF;
    EXPECT_NO_TRAP(); /* ... but for RF, which holds for one instruction */
    EXPECT_EQ(flat_cpu.gpr[EAX], 1);
    EXPECT(!(flat_cpu.eflags & EFLAGS_RF));
    EXPECT_NO_TRAP();
}

static void instruction_breakpoint_is_linear_and_exact(void)
{
    reset(0);
    CODE(0x66, 0x40, 0x90);
    flat_cpu.seg[SEG_CS].base = 0x100;
    flat_cpu.eip = FLAT_CODE - 0x100;
    watch(0, FLAT_CODE + 1, G(0)); /* behind the prefix */
    EXPECT_NO_TRAP();
    flat_cpu.eip = FLAT_CODE - 0x100;
    watch(0, FLAT_CODE, G(0));
    EXPECT_BREAK(BIT(0));
    flat_cpu.dr[7] &= ~G(0);
    EXPECT_NO_TRAP();
}

static void two_breakpoints_at_once(void)
{
    reset(0);
    CODE(0x90);
    watch(0, FLAT_CODE, L(0));
    watch(2, FLAT_CODE, G(2));
    watch(3, FLAT_CODE, 0); /* not enabled: not reported either */
    flat_cpu.dr[6] = DR6_FIXED | BIT(1) | DR6_BS;
    EXPECT_BREAK(BIT(0) | BIT(2) | DR6_BS);
}

/* mov [DATA], eax: a trap behind it. */
static void data_breakpoint(void)
{
    reset(3);
    CODE(0xa3, 0x00, 0x40, 0x00, 0x00, 0x90);
    flat_cpu.gpr[EAX] = 0x4711;
    watch(2, DATA, L(2) | RW(2, WRITE) | LEN(2, 4));
    EXPECT_TRAP(BIT(2));
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 5);
    EXPECT_EQ(flat_word(DATA), 0x4711);
    EXPECT_NO_TRAP();
    CODE(0xa1, 0x00, 0x40, 0x00, 0x00); /* a read is not watched */
    EXPECT_NO_TRAP();
    flat_cpu.dr[7] |= RW(2, ACCESS);
    CODE(0xa1, 0x00, 0x40, 0x00, 0x00);
    EXPECT_TRAP(BIT(2));
    CODE(0xff, 0x05, 0x00, 0x40, 0x00, 0x00); /* inc [DATA] */
    EXPECT_TRAP(BIT(2));
    flat_cpu.dr[7] &= ~L(2);
    CODE(0xa1, 0x00, 0x40, 0x00, 0x00);
    EXPECT_NO_TRAP();
}

/* SDM vol. 3B table 17-2: four registers, and which accesses trap. */
static void breakpoint_examples_of_the_manual(void)
{
    static const struct {
        u32 at, size;
        bool write;
        u32 hits;
    } cases[] = {
        {0xa001, 1, true, BIT(0)},
        {0xa001, 1, false, BIT(0)},
        {0xa001, 2, true, BIT(0) | BIT(1)},
        {0xa001, 2, false, BIT(0) | BIT(1)},
        {0xa002, 1, false, BIT(1)},
        {0xa002, 1, true, BIT(1)},
        {0xa002, 2, false, BIT(1)},
        {0xa002, 2, true, BIT(1)},
        {0xb001, 4, false, BIT(2)},
        {0xb001, 4, true, BIT(2)},
        {0xb002, 1, true, BIT(2)},
        {0xb002, 2, true, BIT(2)},
        {0xc000, 4, true, BIT(3)},
        {0xc000, 4, false, 0},
        {0xc001, 2, true, BIT(3)},
        {0xc003, 1, true, BIT(3)},
        {0xa000, 1, true, 0},
        {0xa000, 1, false, 0},
        {0xa003, 4, false, 0},
        {0xb000, 2, false, 0},
        {0xc000, 2, false, 0},
        {0xc004, 4, true, 0},
        {0xa000, 4, true, BIT(0) | BIT(1)},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct debug_watch w;
        const struct cpu_env *env = debug_watch(&w, &flat_cpu, &flat_env);
        u8 bytes[4];
        struct fault f;
        reset(0);
        watch(0, 0xa001, L(0) | RW(0, ACCESS) | LEN(0, 1));
        watch(1, 0xa002, L(1) | RW(1, ACCESS) | LEN(1, 1));
        watch(2, 0xb002, L(2) | RW(2, ACCESS) | LEN(2, 2));
        watch(3, 0xc000, L(3) | RW(3, WRITE) | LEN(3, 4));
        if (cases[i].write)
            env->write(env->ctx, gva(cases[i].at), bytes, cases[i].size,
                       ACC_WRITE, &f);
        else
            env->read(env->ctx, gva(cases[i].at), bytes, cases[i].size,
                      ACC_READ, &f);
        if (flat_cpu.debug_pending != cases[i].hits)
            printf("case %zu\n", i);
        EXPECT_EQ(flat_cpu.debug_pending, cases[i].hits);
    }
}

/* The address is aligned to the length. */
static void range_of_a_breakpoint(void)
{
    reset(0);
    watch(0, DATA + 3, L(0) | RW(0, WRITE) | LEN(0, 4));
    CODE(0xa2, 0x00, 0x40, 0x00, 0x00); /* mov [DATA], al */
    EXPECT_TRAP(BIT(0));
    CODE(0xa2, 0x04, 0x40, 0x00, 0x00);
    EXPECT_NO_TRAP();
    CODE(0xa3, 0xfd, 0x3f, 0x00, 0x00); /* four bytes from DATA - 3 */
    EXPECT_TRAP(BIT(0));
    CODE(0xa3, 0xfc, 0x3f, 0x00, 0x00);
    EXPECT_NO_TRAP();
}

static void stack_and_code_are_data_too(void)
{
    reset(0);
    watch(0, FLAT_STACK - 4, L(0) | RW(0, WRITE) | LEN(0, 4));
    CODE(0x50, 0x58); /* push eax; pop eax */
    EXPECT_TRAP(BIT(0));
    EXPECT_NO_TRAP();
    /* fetching is no access */
    flat_cpu.dr[7] = DR7_FIXED;
    watch(1, FLAT_CODE, L(1) | RW(1, ACCESS) | LEN(1, 4));
    CODE(0x90);
    EXPECT_NO_TRAP();
}

static void a_fault_loses_the_trap(void)
{
    reset(0);
    watch(0, DATA, L(0) | RW(0, ACCESS) | LEN(0, 4));
    CODE(0xff, 0x35, 0x00, 0x40, 0x00, 0x00); /* push [DATA] */
    flat_cpu.gpr[ESP] = FLAT_SIZE + 8;
    EXPECT_EQ(step(), STEP_FAULT);
    EXPECT_EQ(flat_step.fault.vector, TRAP_PF);
    EXPECT_EQ(flat_cpu.debug_pending, 0);
    flat_cpu.gpr[ESP] = FLAT_STACK;
    EXPECT_TRAP(BIT(0));
}

static void io_breakpoint(void)
{
    reset(0);
    watch(3, 0x62, L(3) | RW(3, IO) | LEN(3, 2));
    CODE(0xe5, 0x60, 0xe6, 0x64); /* in eax, 60h; out 64h, al */
    EXPECT_NO_TRAP();             /* not without CR4.DE */
    flat_cpu.cr4 = CR4_DE;
    CODE(0xe5, 0x60, 0xe6, 0x64);
    EXPECT_TRAP(BIT(3));
    EXPECT_NO_TRAP();
    CODE(0xe6, 0x63);
    EXPECT_TRAP(BIT(3));
    watch(3, DATA, 0); /* memory of that address is not a port */
    CODE(0xa3, 0x00, 0x40, 0x00, 0x00);
    EXPECT_NO_TRAP();
}

/* MOV DR with GD: a fault with RF in the image, and GD is off for the
 * handler. */
static void general_detect(void)
{
    reset(0);
    CODE(0x0f, 0x21, 0xc0); /* mov eax, dr0 */
    flat_cpu.dr[7] |= DR7_GD;
    EXPECT_BREAK(DR6_BD);
    EXPECT_EQ(flat_cpu.dr[7], DR7_FIXED);
    EXPECT(flat_cpu.eflags & EFLAGS_RF);
    EXPECT_NO_TRAP();
}

static void single_step(void)
{
    reset(0);
    CODE(0x90, 0x40);
    flat_cpu.eflags |= EFLAGS_TF;
    flat_cpu.dr[7] |= DR7_GD;
    EXPECT_TRAP(DR6_BS);
    EXPECT_EQ(flat_cpu.dr[7], DR7_FIXED);
    EXPECT_TRAP(DR6_BS);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 2);
    CODE(0x0f, 0x0b); /* a fault is no step */
    EXPECT_EQ(step(), STEP_FAULT);
    EXPECT_EQ(flat_step.fault.vector, TRAP_UD);
    EXPECT(!flat_step.trap);
}

/* TF counts as it was before the instruction. */
static void single_step_and_popf(void)
{
    reset(0);
    CODE(0x9d, 0x90, 0x9d, 0x90); /* popf; nop; popf; nop */
    flat_poke(FLAT_STACK, EFLAGS_ONE | EFLAGS_TF);
    flat_poke(FLAT_STACK + 4, EFLAGS_ONE);
    EXPECT_NO_TRAP();
    EXPECT_TRAP(DR6_BS);
    EXPECT_TRAP(DR6_BS); /* behind the POPF that clears it */
    EXPECT_NO_TRAP();
}

static void step_and_breakpoint_are_one_trap(void)
{
    reset(0);
    CODE(0xa3, 0x00, 0x40, 0x00, 0x00);
    flat_cpu.eflags |= EFLAGS_TF;
    watch(0, DATA, L(0) | RW(0, WRITE) | LEN(0, 4));
    EXPECT_TRAP(BIT(0) | DR6_BS);
}

/* rep movsb under TF, or with a breakpoint: a trap behind each iteration, RF
 * set for all but the last. */
static void repeated_instructions(void)
{
    reset(0);
    CODE(0xf3, 0xa4, 0x90);
    flat_cpu.gpr[ECX] = 2;
    flat_cpu.gpr[ESI] = 0x3000;
    flat_cpu.gpr[EDI] = DATA;
    flat_cpu.eflags |= EFLAGS_TF;
    watch(0, FLAT_CODE, L(0)); /* met by the first iteration only */
    EXPECT_BREAK(BIT(0));
    flat_cpu.eflags |= EFLAGS_RF;
    EXPECT_TRAP(DR6_BS);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE);
    EXPECT_EQ(flat_cpu.gpr[ECX], 1);
    EXPECT(flat_cpu.eflags & EFLAGS_RF);
    EXPECT_TRAP(DR6_BS);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 2);
    EXPECT(!(flat_cpu.eflags & EFLAGS_RF));

    reset(0);
    CODE(0xf3, 0xaa); /* rep stosb over a watched byte */
    flat_cpu.gpr[ECX] = 3;
    flat_cpu.gpr[EDI] = DATA;
    watch(0, DATA + 1, L(0) | RW(0, WRITE) | LEN(0, 1));
    EXPECT_NO_TRAP();
    EXPECT_TRAP(BIT(0));
    EXPECT_EQ(flat_cpu.gpr[ECX], 1);
    EXPECT_NO_TRAP();
}

/* A GDT with a flat data segment at 10h, and SS there. */
static void stack_segment(void)
{
    reset(0);
    flat_poke(0x2010, 0x0000ffff);
    flat_poke(0x2014, 0x00cf9300);
    flat_poke(DATA, 0x10);
    flat_cpu.gdtr = (struct table_reg){0x2000, 0x17};
    flat_cpu.gpr[EBX] = DATA;
    flat_cpu.gpr[ECX] = 0x10;
}

/* mov ss, [ebx]; inc eax; inc eax */
static void mov_ss_holds_traps_back(void)
{
    stack_segment();
    CODE(0x8e, 0x13, 0x40, 0x40);
    flat_cpu.eflags |= EFLAGS_TF;
    EXPECT_NO_TRAP();
    EXPECT_EQ(flat_cpu.debug_pending, 0); /* that step is never reported */
    EXPECT_TRAP(DR6_BS);

    stack_segment();
    CODE(0x8e, 0x13, 0x40, 0x40);
    watch(0, DATA, L(0) | RW(0, ACCESS) | LEN(0, 2));
    watch(1, FLAT_CODE + 2, L(1)); /* and no breakpoint on the next */
    EXPECT_NO_TRAP();
    EXPECT_TRAP(BIT(0));
    EXPECT_EQ(flat_cpu.gpr[EAX], 1);
    EXPECT_NO_TRAP();
}

static void mov_ss_twice(void)
{
    stack_segment();
    CODE(0x8e, 0xd1, 0x8e, 0xd1, 0x8e, 0xd1); /* mov ss, cx */
    flat_cpu.eflags |= EFLAGS_TF;
    EXPECT_NO_TRAP();
    EXPECT_TRAP(DR6_BS);
    EXPECT_NO_TRAP();
    /* LSS needs no shadow and has none */
    CODE(0x0f, 0xb2, 0x23); /* lss esp, [ebx] */
    flat_cpu.irq_shadow = 0;
    flat_poke(DATA, FLAT_STACK);
    flat_poke(DATA + 4, 0x10);
    EXPECT_TRAP(DR6_BS);
}

/* mov ss, [ebx]; int 30h: the data breakpoint is reported in the handler. */
static void mov_ss_then_int(void)
{
    stack_segment();
    flat_poke(0x2008, 0x0000ffff);
    flat_poke(0x200c, 0x00cf9b00);
    flat_poke(0x3000 + 0x30 * 8, 0x00085000);
    flat_poke(0x3000 + 0x30 * 8 + 4, 0x00008f00);
    flat_cpu.idtr = (struct table_reg){0x3000, 0x1ff};
    CODE(0x8e, 0x13, 0xcd, 0x30);
    watch(0, DATA, L(0) | RW(0, ACCESS) | LEN(0, 2));
    flat_cpu.eflags |= EFLAGS_TF;
    EXPECT_NO_TRAP();
    EXPECT_TRAP(BIT(0));
    EXPECT(flat_step.software_int);
    EXPECT_EQ(flat_cpu.eip, 0x5000);

    /* INT n itself is not stepped: it cleared TF */
    flat_cpu.eflags |= EFLAGS_TF;
    CODE(0xcd, 0x30);
    EXPECT_NO_TRAP();
}

static void sti_holds_interrupts_back_only(void)
{
    reset(0);
    CODE(0xfb, 0x90);
    flat_cpu.eflags |= EFLAGS_TF;
    watch(0, FLAT_CODE + 1, L(0));
    EXPECT_TRAP(DR6_BS);
    EXPECT_EQ(flat_cpu.irq_shadow, SHADOW_STI);
    EXPECT_BREAK(BIT(0));
}

/* What a task switch left: before the next instruction. */
static void pending_traps_come_first(void)
{
    reset(0);
    CODE(0x90);
    flat_cpu.debug_pending = DR6_BT;
    flat_cpu.eflags |= EFLAGS_RF; /* is about instruction breakpoints */
    EXPECT_BREAK(DR6_BT);
    EXPECT_EQ(flat_cpu.debug_pending, 0);
    EXPECT_NO_TRAP();
}

/* The layer passes everything else on. */
static void the_layer_is_transparent(void)
{
    reset(0);
    watch(0, DATA, L(0) | RW(0, WRITE));
    CODE(0x0f, 0x31); /* rdtsc */
    EXPECT_NO_TRAP();
    EXPECT_EQ(flat_cpu.gpr[EDX], 1);
    flat_cpu.gpr[EAX] = flat_cpu.gpr[ECX] = 0;
    CODE(0x0f, 0xa2); /* cpuid */
    EXPECT_NO_TRAP();
    EXPECT_EQ(flat_cpu.gpr[EBX], 1);
    flat_cpu.gpr[ECX] = 0x10;
    CODE(0x0f, 0x32); /* rdmsr */
    EXPECT_NO_TRAP();
    EXPECT_EQ(flat_cpu.gpr[EDX], 0x11223344);
    flat_cpu.gpr[ECX] = 0x10;
    flat_cpu.gpr[EAX] = 0x55667788;
    CODE(0x0f, 0x30); /* wrmsr */
    EXPECT_NO_TRAP();
    CODE(0x0f, 0x22, 0xd8); /* mov cr3, eax */
    EXPECT_NO_TRAP();
    EXPECT_EQ(flat_cr, 3);
    flat_cr_refused = true;
    CODE(0x0f, 0x22, 0xd8);
    EXPECT_EQ(step(), STEP_FAULT);
    CODE(0x0f, 0x01, 0x3b); /* invlpg [ebx] */
    EXPECT_NO_TRAP();
    EXPECT_EQ(flat_invlpg, flat_cpu.gpr[EBX]);
    CODE(0x0f, 0x01, 0x15, 0x00, 0x40, 0x00, 0x00); /* lgdt [DATA] */
    EXPECT_NO_TRAP();
    EXPECT_EQ(flat_table, TABLE_GDT);
    CODE(0x0f, 0x23, 0xc0); /* mov dr0, eax */
    EXPECT_NO_TRAP();
    EXPECT_EQ(flat_dr, 0);
}

/* The unit's hooks too, and what they touch in memory is watched. */
static void the_layer_passes_the_fpu_on(void)
{
    reset(0);
    flat_cpu.cr0 |= CR0_MP | CR0_NE;
    watch(0, DATA, L(0) | RW(0, WRITE) | LEN(0, 4));
    CODE(0xd9, 0xe8); /* fld1 */
    EXPECT_NO_TRAP();
    EXPECT_EQ(flat_fpu_runs, 1);
    EXPECT_EQ(fpu_top(&flat_fpu), 7);
    CODE(0xd9, 0x1d, 0x00, 0x40, 0x00, 0x00); /* fstp [DATA] */
    EXPECT_TRAP(BIT(0));
    EXPECT_EQ(flat_word(DATA), 0x3f800000);
    flat_cpu.cr0 &= ~(u32)CR0_NE; /* an error pulls the wire */
    flat_fpu.image[FX_FCW] &= (u8)~FPU_IE;
    CODE(0xd9, 0xe0); /* fchs of an empty register */
    EXPECT_NO_TRAP();
    CODE(0xd9, 0xe8);
    EXPECT_NO_TRAP();
    EXPECT_EQ(flat_fpu_errors, 1);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE);
}

/* An environment without a unit stays one. */
static void the_layer_adds_no_fpu(void)
{
    struct cpu_env bare = flat_env;
    struct debug_watch w;

    reset(0);
    EXPECT(debug_watch(&w, &flat_cpu, &flat_env)->fpu != NULL);
    bare.fpu = NULL;
    EXPECT(debug_watch(&w, &flat_cpu, &bare)->fpu == NULL);
}

static const struct unit_case all[] = {
    CASE(nothing_is_armed),
    CASE(instruction_breakpoint),
    CASE(instruction_breakpoint_is_linear_and_exact),
    CASE(two_breakpoints_at_once),
    CASE(data_breakpoint),
    CASE(breakpoint_examples_of_the_manual),
    CASE(range_of_a_breakpoint),
    CASE(stack_and_code_are_data_too),
    CASE(a_fault_loses_the_trap),
    CASE(io_breakpoint),
    CASE(general_detect),
    CASE(single_step),
    CASE(single_step_and_popf),
    CASE(step_and_breakpoint_are_one_trap),
    CASE(repeated_instructions),
    CASE(mov_ss_holds_traps_back),
    CASE(mov_ss_twice),
    CASE(mov_ss_then_int),
    CASE(sti_holds_interrupts_back_only),
    CASE(pending_traps_come_first),
    CASE(the_layer_is_transparent),
    CASE(the_layer_passes_the_fpu_on),
    CASE(the_layer_adds_no_fpu),
};
UNIT_MAIN(all)
