/* SPDX-License-Identifier: MIT
 *
 * Who may run what: privileged and sensitive instructions at every CPL and
 * IOPL, control and debug registers, tables, ports, #UD forms.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/fake/flat.h"
#include "vmm/base/bits.h"

struct vector {
    u8 bytes[8];
    u8 count;
};

static const struct vector ring0_only[] = {
    {{0xf4}, 1},                            /* hlt */
    {{0x0f, 0x06}, 2},                      /* clts */
    {{0x0f, 0x08}, 2},                      /* invd */
    {{0x0f, 0x09}, 2},                      /* wbinvd */
    {{0x0f, 0x20, 0xc0}, 3},                /* mov eax, cr0 */
    {{0x0f, 0x22, 0xd8}, 3},                /* mov cr3, eax */
    {{0x0f, 0x21, 0xc0}, 3},                /* mov eax, dr0 */
    {{0x0f, 0x23, 0xc0}, 3},                /* mov dr0, eax */
    {{0x0f, 0x01, 0x15, 0, 0x20, 0, 0}, 7}, /* lgdt */
    {{0x0f, 0x01, 0x1d, 0, 0x20, 0, 0}, 7}, /* lidt */
    {{0x0f, 0x00, 0xd0}, 3},                /* lldt ax (null) */
    {{0x0f, 0x01, 0xf0}, 3},                /* lmsw ax */
    {{0x0f, 0x01, 0x3d, 0, 0x20, 0, 0}, 7}, /* invlpg */
};

static void ring0_only_instructions(void)
{
    for (u32 i = 0; i < ARRAY_LEN(ring0_only); i++) {
        const struct vector *v = &ring0_only[i];
        for (u8 cpl = 0; cpl < 4; cpl++) {
            enum step_status status;
            flat_reset(cpl);
            flat_cpu.eflags |= EFLAGS_IOPL;
            flat_cpu.gpr[EAX] = CR0_PE;
            status = flat_bytes(v->bytes, v->count);
            if (cpl)
                EXPECT_FAULT(status, TRAP_GP, 0);
            else
                EXPECT_EQ(status, STEP_OK);
            EXPECT_EQ(flat_step.decoded, true);
        }
    }
}

static void cli_and_sti_go_by_iopl(void)
{
    for (u8 cpl = 0; cpl < 4; cpl++) {
        for (u32 iopl = 0; iopl < 4; iopl++) {
            enum step_status cli, sti;
            flat_reset(cpl);
            flat_cpu.eflags |= iopl << EFLAGS_IOPL_SHIFT;
            sti = FLAT_RUN(0xfb);
            EXPECT_EQ(sti, cpl <= iopl ? STEP_OK : STEP_FAULT);
            EXPECT_EQ(!!(flat_cpu.eflags & EFLAGS_IF), cpl <= iopl);
            EXPECT_EQ(flat_cpu.irq_shadow, cpl <= iopl);
            cli = FLAT_RUN(0xfa);
            EXPECT_EQ(cli, sti);
            EXPECT_EQ(flat_cpu.eflags & EFLAGS_IF, 0);
            EXPECT_EQ(flat_cpu.irq_shadow, 0);
        }
    }
}

static void sti_with_if_set_has_no_shadow(void)
{
    flat_reset(0);
    EXPECT_EQ(FLAT_RUN(0xfb), STEP_OK);
    EXPECT_EQ(flat_cpu.irq_shadow, 1);
    EXPECT_EQ(FLAT_RUN(0xfb), STEP_OK);
    EXPECT_EQ(flat_cpu.irq_shadow, 0);
}

static void popf_keeps_what_it_may_not_change(void)
{
    for (u8 cpl = 0; cpl < 4; cpl++) {
        for (u32 iopl = 0; iopl < 4; iopl++) {
            u32 old = EFLAGS_ONE | iopl << EFLAGS_IOPL_SHIFT, want = old;
            flat_reset(cpl);
            flat_cpu.eflags = old | EFLAGS_RF;
            flat_poke(FLAT_STACK, ~0u);
            EXPECT_EQ(FLAT_RUN(0x9d), STEP_OK);
            want |= EFLAGS_STATUS | EFLAGS_TF | EFLAGS_DF | EFLAGS_NT |
                    EFLAGS_AC | EFLAGS_ID;
            want |= cpl <= iopl ? EFLAGS_IF : 0;
            want |= cpl == 0 ? EFLAGS_IOPL : 0;
            EXPECT_EQ(flat_cpu.eflags, want);
        }
    }
}

static void popf_of_a_word_keeps_the_upper_half(void)
{
    flat_reset(0);
    flat_cpu.eflags |= EFLAGS_ID;
    EXPECT_EQ(FLAT_RUN(0x66, 0x9d), STEP_OK);
    EXPECT_EQ(flat_cpu.eflags, EFLAGS_ID | EFLAGS_ONE);
    EXPECT_EQ(flat_cpu.gpr[ESP], FLAT_STACK + 2);
}

static void pushf_shows_virtual_flags(void)
{
    flat_reset(3);
    flat_cpu.eflags |= EFLAGS_IF | EFLAGS_IOPL | EFLAGS_RF;
    EXPECT_EQ(FLAT_RUN(0x9c), STEP_OK);
    EXPECT_EQ(flat_word(FLAT_STACK - 4), EFLAGS_IF | EFLAGS_IOPL | EFLAGS_ONE);
    EXPECT_EQ(flat_cpu.eflags & EFLAGS_RF, 0);
}

static void umip_guards_the_five(void)
{
    static const struct vector five[] = {
        {{0x0f, 0x01, 0x05, 0, 0x20, 0, 0}, 7}, /* sgdt */
        {{0x0f, 0x01, 0x0d, 0, 0x20, 0, 0}, 7}, /* sidt */
        {{0x0f, 0x00, 0xc0}, 3},                /* sldt eax */
        {{0x0f, 0x00, 0xc8}, 3},                /* str eax */
        {{0x0f, 0x01, 0xe0}, 3},                /* smsw eax */
    };

    for (u32 i = 0; i < ARRAY_LEN(five) * 4; i++) {
        const struct vector *v = &five[i / 4];
        u8 cpl = i & 1 ? 3 : 0;
        enum step_status status;
        flat_reset(cpl);
        flat_cpu.cr4 = i & 2 ? CR4_UMIP : 0;
        status = flat_bytes(v->bytes, v->count);
        if (cpl && flat_cpu.cr4)
            EXPECT_FAULT(status, TRAP_GP, 0);
        else
            EXPECT_EQ(status, STEP_OK);
    }
}

static void tables_are_loaded_and_stored(void)
{
    flat_reset(0);
    flat_poke(0x2000, 0x5678ffff);
    flat_poke(0x2004, 0x9abc1234);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x01, 0x15, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(flat_cpu.gdtr.base, 0x12345678);
    EXPECT_EQ(flat_cpu.gdtr.limit, 0xffff);
    EXPECT_EQ(flat_table, TABLE_GDT);
    EXPECT_EQ(FLAT_RUN(0x66, 0x0f, 0x01, 0x1d, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(flat_cpu.idtr.base, 0x345678);
    EXPECT_EQ(flat_table, TABLE_IDT);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x01, 0x05, 0, 0x30, 0, 0), STEP_OK);
    EXPECT_EQ(flat_word(0x3000), 0x5678ffff);
    EXPECT_EQ(flat_word(0x3004), 0x1234);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x01, 0x15, 0xfc, 0xff, 0, 0), TRAP_PF, 0);
}

static void control_registers_are_checked(void)
{
    flat_reset(0);
    flat_cpu.gpr[EAX] = CR0_PG;
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x22, 0xc0), TRAP_GP, 0);
    flat_cpu.gpr[EAX] = CR0_PE | CR0_NW;
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x22, 0xc0), TRAP_GP, 0);
    flat_cpu.gpr[EAX] = 1u << 13;
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x22, 0xe0), TRAP_GP, 0);
    flat_cpu.gpr[EAX] = CR0_PE | CR0_PG | 0x1000;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x22, 0xc0), STEP_OK);
    EXPECT_EQ(flat_cpu.cr0, CR0_PE | CR0_PG | CR0_ET);
    EXPECT_EQ(flat_cr, 0);
    EXPECT_EQ(flat_cr_old, CR0_PE | CR0_ET | CR0_NE);
    flat_cpu.gpr[EAX] = 0x5000;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x22, 0xd8), STEP_OK);
    EXPECT_EQ(flat_cpu.cr3, 0x5000);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x20, 0xdb), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EBX], 0x5000);
    flat_cr_refused = true;
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x22, 0xd8), TRAP_GP, 0);
    for (u8 n = 1; n < 8; n++) {
        if (n >= 2 && n <= 4)
            continue;
        EXPECT_FAULT(FLAT_RUN(0x0f, 0x20, (u8)(0xc0 | n << 3)), TRAP_UD, 0);
        EXPECT_FAULT(FLAT_RUN(0x0f, 0x22, (u8)(0xc0 | n << 3)), TRAP_UD, 0);
    }
}

static void lmsw_sets_pe_but_never_clears_it(void)
{
    flat_reset(0);
    flat_cpu.gpr[EAX] = CR0_TS | CR0_NE;
    flat_cpu.cr0 = CR0_PE | CR0_ET;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x01, 0xf0), STEP_OK);
    EXPECT_EQ(flat_cpu.cr0, CR0_PE | CR0_ET | CR0_TS);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x06), STEP_OK);
    EXPECT_EQ(flat_cpu.cr0, CR0_PE | CR0_ET);
    flat_cpu.cr0 |= CR0_PG;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x01, 0xe3), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EBX], CR0_PG | CR0_PE | CR0_ET);
}

static void debug_registers(void)
{
    flat_reset(0);
    flat_cpu.gpr[EAX] = 0xffffffff;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x23, 0xe0), STEP_OK); /* DR4 is DR6 */
    EXPECT_EQ(flat_cpu.dr[6], 0xffffefff);
    EXPECT_EQ(flat_dr, 6);
    flat_cpu.cr4 = CR4_DE;
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x23, 0xe0), TRAP_UD, 0);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x23, 0xf8), STEP_OK);
    EXPECT_EQ(flat_cpu.dr[7], 0xffff27ff);
    flat_cpu.dr[6] = DR6_FIXED;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x21, 0xc3), STEP_FAULT);
    EXPECT_EQ(flat_step.fault.vector, TRAP_DB);
    EXPECT_EQ(flat_cpu.dr[6], DR6_FIXED | DR6_BD);
    EXPECT_EQ(flat_cpu.dr[7] & DR7_GD, 0);
}

static void ports_by_iopl_and_size(void)
{
    flat_reset(0);
    flat_cpu.gpr[EAX] = 0x11223344;
    flat_cpu.gpr[EDX] = 0xffff03f8;
    EXPECT_EQ(FLAT_RUN(0xee), STEP_OK);
    EXPECT_EQ(flat_port, 0x3f8);
    EXPECT_EQ(flat_port_size, 1);
    EXPECT_EQ(flat_port_value, 0x44);
    EXPECT_EQ(FLAT_RUN(0x66, 0xe7, 0x80), STEP_OK);
    EXPECT_EQ(flat_port, 0x80);
    EXPECT_EQ(flat_port_value, 0x3344);
    EXPECT_EQ(FLAT_RUN(0xec), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EAX], 0x112233d6);
    flat_cpu.cpl = 3;
    EXPECT_FAULT(FLAT_RUN(0xee), TRAP_GP, 0);
    EXPECT_FAULT(FLAT_RUN(0x6e), TRAP_GP, 0);
    EXPECT_EQ(flat_port_count, 3);
    flat_cpu.eflags |= EFLAGS_IOPL;
    EXPECT_EQ(FLAT_RUN(0xee), STEP_OK);
}

static void ins_tries_its_target_first(void)
{
    flat_reset(0);
    flat_cpu.gpr[EDI] = FLAT_SIZE - 1;
    EXPECT_FAULT(FLAT_RUN(0x6d), TRAP_PF, PF_WRITE);
    EXPECT_EQ(flat_port_count, 0);
}

static void time_stamp_and_counters(void)
{
    flat_reset(3);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x31), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EAX], 2);
    EXPECT_EQ(flat_cpu.gpr[EDX], 1);
    flat_cpu.cr4 = CR4_TSD;
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x31), TRAP_GP, 0);
    flat_cpu.cpl = 0;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x31), STEP_OK);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x33), TRAP_GP, 0);
}

static void msrs_and_cpuid(void)
{
    flat_reset(0);
    flat_cpu.gpr[ECX] = 0x10;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x32), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EDX], 0x11223344);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x30), STEP_OK);
    flat_cpu.gpr[ECX] = 0x11;
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x32), TRAP_GP, 0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x30), TRAP_GP, 0);
    flat_cpu.cpl = 3;
    flat_cpu.gpr[EAX] = 1;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xa2), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EAX], 0x12);
    EXPECT_EQ(flat_cpu.gpr[EBX], 0x13);
    EXPECT_EQ(flat_cpu.gpr[EDX], 0x15);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x32), TRAP_GP, 0);
}

static void hlt_and_invlpg(void)
{
    flat_reset(0);
    EXPECT_EQ(FLAT_RUN(0xf4), STEP_OK);
    EXPECT_EQ(flat_cpu.halted, 1);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 1);
    flat_cpu.gpr[EAX] = 0xc0000000;
    flat_cpu.seg[SEG_DS].base = 0x1000;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x01, 0x38), STEP_OK);
    EXPECT_EQ(flat_invlpg, 0xc0001000);
}

static void invalid_forms(void)
{
    flat_reset(0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x0b), TRAP_UD, 0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0xff, 0xc0), TRAP_UD, 0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x05), TRAP_UD, 0);
    EXPECT_FAULT(FLAT_RUN(0x8d, 0xc0), TRAP_UD, 0);       /* lea reg */
    EXPECT_FAULT(FLAT_RUN(0x8e, 0xc8), TRAP_UD, 0);       /* mov cs */
    EXPECT_FAULT(FLAT_RUN(0x8c, 0xf0), TRAP_UD, 0);       /* seg 6 */
    EXPECT_FAULT(FLAT_RUN(0xff, 0xd8), TRAP_UD, 0);       /* call far reg */
    EXPECT_FAULT(FLAT_RUN(0xc4, 0xc0), TRAP_UD, 0);       /* les reg */
    EXPECT_FAULT(FLAT_RUN(0xf0, 0x01, 0xc0), TRAP_UD, 0); /* lock, register */
    EXPECT_FAULT(FLAT_RUN(0xf0, 0x03, 0x00), TRAP_UD, 0); /* lock, load */
    EXPECT_FAULT(FLAT_RUN(0xf0, 0x39, 0x00), TRAP_UD, 0); /* lock cmp */
    EXPECT_FAULT(FLAT_RUN(0xf0, 0x90), TRAP_UD, 0);
    EXPECT_EQ(FLAT_RUN(0xf0, 0x01, 0x00), STEP_OK);
}

static void too_long_is_gp_and_undefined_is_ud(void)
{
    u8 bytes[16];

    flat_reset(0);
    memset(bytes, 0x3e, sizeof(bytes));
    EXPECT_FAULT(flat_bytes(bytes, sizeof(bytes)), TRAP_GP, 0);
    EXPECT_EQ(flat_step.decoded, false);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x38), TRAP_UD, 0);
    EXPECT_EQ(flat_step.decoded, false);
    EXPECT_EQ(flat_step.bytes[1], 0x38);
    EXPECT(flat_step.count >= 2);
    EXPECT(!memcmp(&flat_cpu, &flat_before, sizeof(flat_cpu)));
}

static void sysenter_and_sysexit(void)
{
    flat_reset(3);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x34), TRAP_GP, 0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x35), TRAP_GP, 0);
    flat_cpu.sysenter_cs = 0x10;
    flat_cpu.sysenter_esp = 0x7000;
    flat_cpu.sysenter_eip = 0x4000;
    flat_cpu.eflags |= EFLAGS_IF;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x34), STEP_OK);
    EXPECT_EQ(flat_cpu.cpl, 0);
    EXPECT_EQ(flat_cpu.seg[SEG_CS].sel, 0x10);
    EXPECT_EQ(flat_cpu.seg[SEG_SS].sel, 0x18);
    EXPECT_EQ(flat_cpu.eip, 0x4000);
    EXPECT_EQ(flat_cpu.gpr[ESP], 0x7000);
    EXPECT_EQ(flat_cpu.eflags & EFLAGS_IF, 0);
    flat_cpu.gpr[ECX] = 0x6000;
    flat_cpu.gpr[EDX] = 0x5000;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x35), STEP_OK);
    EXPECT_EQ(flat_cpu.cpl, 3);
    EXPECT_EQ(flat_cpu.seg[SEG_CS].sel, 0x23);
    EXPECT_EQ(flat_cpu.seg[SEG_SS].sel, 0x2b);
    EXPECT_EQ(flat_cpu.eip, 0x5000);
}

/* CR4.PCE opens RDPMC to ring 3; which counters there are is another
 * question, and here are none (vol. 2B RDPMC). */
static void rdpmc_has_no_counters(void)
{
    flat_reset(3);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x33), TRAP_GP, 0);
    flat_cpu.cr4 = CR4_PCE;
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x33), TRAP_GP, 0);
}

/* Without CR4.DE, DR4 and DR5 are other names of DR6 and DR7 (vol. 3B
 * 17.2.2). */
static void dr4_and_dr5_are_read_as_dr6_and_dr7(void)
{
    flat_reset(0);
    flat_cpu.dr[6] = DR6_FIXED | DR6_BS;
    flat_cpu.dr[7] = DR7_FIXED | 1;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x21, 0xe3), STEP_OK); /* mov ebx, dr4 */
    EXPECT_EQ(flat_cpu.gpr[EBX], DR6_FIXED | DR6_BS);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x21, 0xeb), STEP_OK); /* mov ebx, dr5 */
    EXPECT_EQ(flat_cpu.gpr[EBX], DR7_FIXED | 1);
    flat_cpu.cr4 = CR4_DE;
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x21, 0xeb), TRAP_UD, 0);
}

/* NW asks for CD (vol. 3A 2.5). */
static void cache_disable_goes_with_no_write_through(void)
{
    flat_reset(0);
    flat_cpu.gpr[EAX] = CR0_PE | CR0_NW | CR0_CD;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x22, 0xc0), STEP_OK);
    EXPECT_EQ(flat_cpu.cr0, CR0_PE | CR0_NW | CR0_CD | CR0_ET);
}

static enum env_status stop_at_cr(void *ctx, unsigned n, u32 value,
                                  struct fault *fault)
{
    return ENV_STOP;
}

static void a_stopped_vm_drops_the_instruction(void)
{
    struct cpu_env stopping = flat_env;

    stopping.cr_check = stop_at_cr;
    flat_reset(0);
    memcpy(flat_memory + FLAT_CODE, "\x0f\x22\xe0", 3);
    flat_cpu.gpr[EAX] = CR4_PAE;
    flat_before = flat_cpu;
    EXPECT_EQ(cpu_step(&flat_cpu, &stopping, &flat_step), STEP_STOP);
    EXPECT(!memcmp(&flat_cpu, &flat_before, sizeof(flat_cpu)));
}

/* A GDT of one ring-0 data segment of 16 bytes. */
static void small_gdt(void)
{
    flat_cpu.gdtr = (struct table_reg){0x3000, 15};
    flat_poke(0x3008, 0x0000000f);
    flat_poke(0x300c, 0x00409300);
}

/* Rights and limit of what is visible; ZF tells (vol. 2A LAR, LSL; vol. 2C
 * VERR). */
static void lar_lsl_and_verr_answer_in_zf(void)
{
    flat_reset(0);
    small_gdt();
    flat_cpu.gpr[ECX] = 8;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x02, 0xc1), STEP_OK); /* lar eax, ecx */
    EXPECT_EQ(flat_cpu.gpr[EAX], 0x00409300);
    EXPECT(flat_cpu.eflags & EFLAGS_ZF);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x03, 0xc1), STEP_OK); /* lsl eax, ecx */
    EXPECT_EQ(flat_cpu.gpr[EAX], 15);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x00, 0xe9), STEP_OK); /* verw cx */
    EXPECT(flat_cpu.eflags & EFLAGS_ZF);
    flat_cpu.gpr[ECX] = 11;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x00, 0xe1), STEP_OK); /* verr cx: RPL 3 */
    EXPECT(!(flat_cpu.eflags & EFLAGS_ZF));
    flat_cpu.gpr[EAX] = 77;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x02, 0xc1), STEP_OK);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x03, 0xc1), STEP_OK);
    EXPECT(!(flat_cpu.eflags & EFLAGS_ZF));
    EXPECT_EQ(flat_cpu.gpr[EAX], 77);
}

/* A selector behind the table is no fault either; a table that is not
 * mapped is. */
static void lar_looks_into_the_table(void)
{
    flat_reset(3);
    small_gdt();
    flat_cpu.gpr[ECX] = 16;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x02, 0xc1), STEP_OK);
    EXPECT(!(flat_cpu.eflags & EFLAGS_ZF));
    flat_cpu.gdtr.base = FLAT_SIZE;
    flat_cpu.gpr[ECX] = 8;
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x02, 0xc1), TRAP_PF, 0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x03, 0xc1), TRAP_PF, 0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x00, 0xe1), TRAP_PF, 0);
}

/* LLDT, LTR, LMSW and VERR take their word from memory, too. */
static void a_selector_in_memory_may_fault(void)
{
    static const u8 forms[][3] = {
        {0x0f, 0x00, 0x17}, /* lldt [edi] */
        {0x0f, 0x00, 0x1f}, /* ltr [edi] */
        {0x0f, 0x01, 0x37}, /* lmsw [edi] */
        {0x0f, 0x00, 0x27}, /* verr [edi] */
        {0x0f, 0x00, 0x2f}, /* verw [edi] */
        {0x0f, 0x02, 0x07}, /* lar eax, [edi] */
        {0x0f, 0x03, 0x07}, /* lsl eax, [edi] */
    };

    for (u32 i = 0; i < ARRAY_LEN(forms); i++) {
        flat_reset(0);
        flat_cpu.gpr[EDI] = FLAT_SIZE - 1;
        EXPECT_FAULT(flat_bytes(forms[i], 3), TRAP_PF, 0);
        EXPECT_EQ(flat_step.fault.cr2, FLAT_SIZE);
    }
    flat_reset(0);
    flat_cpu.gpr[EDI] = FLAT_SIZE - 1;
    EXPECT_FAULT(FLAT_RUN(0x63, 0x0f), TRAP_PF, 0); /* arpl */
}

/* The comparison with the real CPU: a page that can be read will do for ARPL
 * unless it has something to write. */
static void arpl_reads_first(void)
{
    flat_reset(0);
    flat_poke(0x2000, 0x13);
    EXPECT_EQ(FLAT_RUN(0x63, 0x0d, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(flat_writes, 0);
    EXPECT(!(flat_cpu.eflags & EFLAGS_ZF));
    flat_cpu.seg[SEG_DS].attr &= ~(u32)ATTR_WRITABLE;
    EXPECT_EQ(FLAT_RUN(0x63, 0x0d, 0, 0x20, 0, 0), STEP_OK);
    flat_poke(0x2000, 0x10);
    flat_cpu.gpr[ECX] = 3;
    EXPECT_FAULT(FLAT_RUN(0x63, 0x0d, 0, 0x20, 0, 0), TRAP_GP, 0);
}

static void arpl_raises_the_rpl(void)
{
    flat_reset(0);
    flat_cpu.gpr[EAX] = 0x10;
    flat_cpu.gpr[ECX] = 3;
    EXPECT_EQ(FLAT_RUN(0x63, 0xc8), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EAX], 0x13);
    EXPECT(flat_cpu.eflags & EFLAGS_ZF);
    EXPECT_EQ(FLAT_RUN(0x63, 0xc8), STEP_OK);
    EXPECT(!(flat_cpu.eflags & EFLAGS_ZF));
}

/* SDM vol. 2B RSM, SYSRET, UD, vol. 2B SYSCALL (outside 64-bit mode). */
static void invalid_by_definition(void)
{
    flat_reset(0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x05), TRAP_UD, 0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x07), TRAP_UD, 0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0xaa), TRAP_UD, 0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x0b), TRAP_UD, 0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0xb9, 0xc0), TRAP_UD, 0);
    EXPECT_EQ(flat_step.insn.len, 3);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0xff, 0x44, 0x24, 4), TRAP_UD, 0);
    EXPECT_EQ(flat_step.insn.len, 5);
}

static void ports_of_words_in_strings_and_by_dx(void)
{
    flat_reset(0);
    flat_cpu.gpr[EDX] = 0xfff01234;
    flat_cpu.gpr[ESI] = 0x2000;
    flat_cpu.gpr[ECX] = 2;
    flat_poke(0x2000, 0x11112222);
    flat_poke(0x2004, 0x33334444);
    EXPECT_EQ(FLAT_RUN(0xf3, 0x6f), STEP_OK); /* rep outsd */
    EXPECT_EQ(flat_port_count, 2);
    EXPECT_EQ(flat_port, 0x1234);
    EXPECT_EQ(flat_port_size, 4);
    EXPECT_EQ(flat_port_value, 0x33334444);
    EXPECT_EQ(flat_cpu.gpr[ESI], 0x2008);
    EXPECT_EQ(flat_cpu.gpr[ECX], 0);
    EXPECT_EQ(FLAT_RUN(0x66, 0xed), STEP_OK); /* in ax, dx */
    EXPECT_EQ(flat_cpu.gpr[EAX], 0xc3d6);
    EXPECT_EQ(FLAT_RUN(0x66, 0xef), STEP_OK); /* out dx, ax */
    EXPECT_EQ(flat_port_size, 2);
    EXPECT_EQ(flat_port_value & 0xffff, 0xc3d6);
}

static const struct unit_case cases[] = {
    CASE(ring0_only_instructions),
    CASE(cli_and_sti_go_by_iopl),
    CASE(sti_with_if_set_has_no_shadow),
    CASE(popf_keeps_what_it_may_not_change),
    CASE(popf_of_a_word_keeps_the_upper_half),
    CASE(pushf_shows_virtual_flags),
    CASE(umip_guards_the_five),
    CASE(tables_are_loaded_and_stored),
    CASE(control_registers_are_checked),
    CASE(lmsw_sets_pe_but_never_clears_it),
    CASE(debug_registers),
    CASE(ports_by_iopl_and_size),
    CASE(ins_tries_its_target_first),
    CASE(time_stamp_and_counters),
    CASE(msrs_and_cpuid),
    CASE(hlt_and_invlpg),
    CASE(invalid_forms),
    CASE(too_long_is_gp_and_undefined_is_ud),
    CASE(sysenter_and_sysexit),
    CASE(rdpmc_has_no_counters),
    CASE(dr4_and_dr5_are_read_as_dr6_and_dr7),
    CASE(cache_disable_goes_with_no_write_through),
    CASE(a_stopped_vm_drops_the_instruction),
    CASE(lar_lsl_and_verr_answer_in_zf),
    CASE(lar_looks_into_the_table),
    CASE(a_selector_in_memory_may_fault),
    CASE(arpl_raises_the_rpl),
    CASE(arpl_reads_first),
    CASE(invalid_by_definition),
    CASE(ports_of_words_in_strings_and_by_dx),
};
UNIT_MAIN(cases)
