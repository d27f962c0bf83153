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

static void too_long_is_gp_and_unknown_is_told(void)
{
    u8 bytes[16];

    flat_reset(0);
    memset(bytes, 0x3e, sizeof(bytes));
    EXPECT_FAULT(flat_bytes(bytes, sizeof(bytes)), TRAP_GP, 0);
    EXPECT_EQ(flat_step.decoded, false);
    EXPECT_EQ(FLAT_RUN(0xd9, 0xc0), STEP_UNKNOWN);
    EXPECT_EQ(flat_step.bytes[0], 0xd9);
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
    CASE(too_long_is_gp_and_unknown_is_told),
    CASE(sysenter_and_sysexit),
    CASE(arpl_raises_the_rpl),
};
UNIT_MAIN(cases)
