/* SPDX-License-Identifier: MIT
 *
 * What a traced VM prints.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/traps.h"
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/vm/exitline.h"
#include "vmm/vm/exits.h"

#define CODE_AT 0x200000

static char screen[1000];

static void keep(void *ctx, const char *text, size_t len)
{
    size_t at = strlen(screen);

    if (len < sizeof(screen) - at)
        memcpy(screen + at, text, len);
}

/* A kernel that stands at `code`, which the CPU has fetched. */
static struct vm *start(const char *code, u32 size, const char *kinds)
{
    struct vm *vm = fake_vm(0x400000, SHADOW_VTLB);
    struct shadow_result result;

    memset(screen, 0, sizeof(screen));
    console_init(&fake_hv.console, (struct sink){keep, NULL});
    EXPECT(exit_kinds_parse(slice_of(kinds), &vm->config.trace));
    p2m_write(&vm->p2m, gpa(CODE_AT), code, size);
    vm->cpu.eip = CODE_AT;
    shadow_fault(&vm->shadow, gva(CODE_AT), PF_FETCH, &result);
    vm->arch.vector = TRAP_GP;
    vm->arch.error = 0;
    return vm;
}

static void an_exit_is_a_line_with_its_instruction(void)
{
    struct vm *vm = start("\x0f\x22\xd8", 3, "privileged"); /* mov cr3, eax */

    vm->cpu.gpr[EAX] = 0x5000;
    exit_line(vm);
    EXPECT_EQ(vm->cpu.cr3, 0x5000);
    EXPECT(strstr(screen, "trace fake 0.00"));
    EXPECT(strstr(screen, "privileged  "));
    EXPECT(strstr(screen, ":00200000  mov cr3, eax\r\n"));
}

static void a_jump_says_where_to(void)
{
    struct vm *vm = start("\xcf", 1, "all"); /* iret */
    u32 frame[3] = {0x201000, 0, 0x2};

    frame[1] = vm->cpu.seg[SEG_CS].sel;
    vm->cpu.gpr[ESP] = 0x9000;
    p2m_write(&vm->p2m, gpa(0x9000), frame, sizeof(frame));
    exit_line(vm);
    if (vm->cpu.eip == 0x201000)
        EXPECT(strstr(screen, "iret -> "));
    EXPECT(strstr(screen, "trace fake"));
}

static void other_kinds_are_silent(void)
{
    struct vm *vm = start("\x0f\x22\xd8", 3, "io,softint");

    exit_line(vm);
    EXPECT_STR(screen, "");
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 3);
}

static void a_page_fault_names_its_address(void)
{
    struct vm *vm = start("\x90", 1, "page-fill");

    vm->arch.vector = TRAP_PF;
    vm->arch.error = 0;
    vm->arch.fault_at = 0x300010;
    exit_line(vm);
    EXPECT(strstr(screen, "page-fill "));
    EXPECT(strstr(screen, "nop at 0x00300010, error 0x0\r\n"));
}

/* EIP is where the shadow maps nothing. */
static void an_instruction_that_cannot_be_seen(void)
{
    struct vm *vm = start("\x90", 1, "all");

    vm->cpu.eip = 0x380000;
    vm->arch.vector = TRAP_PF;
    vm->arch.error = PF_FETCH;
    vm->arch.fault_at = 0x380000;
    exit_line(vm);
    EXPECT(strstr(screen, ":00380000   at 0x00380000, error 0x10"));
}

static const struct unit_case cases[] = {
    CASE(an_exit_is_a_line_with_its_instruction),
    CASE(a_jump_says_where_to),
    CASE(other_kinds_are_silent),
    CASE(a_page_fault_names_its_address),
    CASE(an_instruction_that_cannot_be_seen),
};
UNIT_MAIN(cases)
