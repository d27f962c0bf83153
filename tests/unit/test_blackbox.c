/* SPDX-License-Identifier: MIT
 *
 * The black box over a fake machine: each explanation that the cause can have,
 * what is kept while the guest lives, what the report has. The same with real
 * guests: tests/boot/deaths.py.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/unit/boxworld.h"

/* ---- causes */

static void no_idt(void)
{
    start("\x0f\x0b", 2);
    vm->cpu.idtr = (struct table_reg){0, 0};
    trap(TRAP_UD, 0);
    dies();
    EXPECT_CAUSE("The invalid opcode (`ud2` at 0008:00200000) could not be "
                 "delivered: no IDT is loaded");
    EXPECT_CAUSE("general protection fault that followed met the same, and so "
                 "did the double fault.");
    EXPECT_REPORT("\nchain  1. #UD\n");
    EXPECT_REPORT("       4. shutdown\n");
    EXPECT_REPORT("`idt fake`");
}

static void gates(void)
{
    start_paged("\xc6\x00\x01", 3); /* mov byte [eax], 1 */
    absent(TRAP_PF);
    absent(TRAP_DF);
    page_fault(NOWHERE, PF_WRITE);
    dies();
    EXPECT_CAUSE("The page fault at 0x00300000 (a write, to a page that is not "
                 "mapped, from 0008:00200000) could not");
    EXPECT_CAUSE("IDT entry 14 is not present");
    EXPECT_CAUSE("IDT entry 8, for the double fault that followed, is no "
                 "better.");
    EXPECT_REPORT("walk   a write to 0x00300000: it would fault");
}

static void selectors(void)
{
    start("\x0f\x0b", 2);
    vm->cpu.gdtr.limit = 7;
    trap(TRAP_UD, 0);
    dies();
    EXPECT_CAUSE("the code selector 0x0008 in IDT entry 6 lies beyond the "
                 "GDT's limit 0x0007");
    EXPECT_REPORT("`gdt fake`");
}

static void no_tss(void)
{
    start("\x0f\x0b", 2);
    vm->cpu.cpl = 3;
    trap(TRAP_UD, 0);
    dies();
    EXPECT_CAUSE("no TSS is loaded (TR is 0x0000)");
    EXPECT_REPORT("`tss fake`");
}

static void bad_software_interrupt(void)
{
    start("\xcd\x80", 2);
    absent(0x80);
    absent(TRAP_NP);
    absent(TRAP_DF);
    trap(TRAP_GP, 0x80 * 8 + TRAP_ERR_IDT);
    dies();
    EXPECT_CAUSE("The segment-not-present fault (`int 0x80` at 0008:00200000; "
                 "IDT entry 128 is not present");
}

static void bad_iret(void)
{
    const u32 frame[] = {0x1234, 0x1338, 0x202};

    start("\xcf", 1);
    absent(TRAP_GP);
    absent(TRAP_DF);
    poke(STACK, frame, sizeof(frame));
    trap(TRAP_GP, 0);
    dies();
    EXPECT_CAUSE("`iretd` at 0008:00200000; it would pop EIP 0x00001234, CS "
                 "0x1338, EFLAGS 0x00000202; selector 0x1338 is beyond the "
                 "GDT's limit 0x0017)");
}

/* One word off to either side. */
static void iret_off_by_one(void)
{
    const u32 frame[] = {0x1338, CODE_AT, 8, 0x202, 0};

    for (u32 back = 0; back < 3; back++) {
        start("\xcf", 1);
        absent(TRAP_GP);
        absent(TRAP_DF);
        poke(STACK, frame, sizeof(frame));
        vm->cpu.gpr[ESP] = STACK + back * 4;
        vm->cpu.idtr.limit = back == 1 ? 0 : vm->cpu.idtr.limit;
        trap(back == 1 ? TRAP_UD : TRAP_GP, 0);
        EXPECT_EQ(vm->state, VM_KILLED);
        dies();
        EXPECT_EQ(strstr(vm->box.cause, "error code is left") != NULL,
                  back == 0);
        EXPECT_EQ(strstr(vm->box.cause, "a word too many") != NULL, back == 2);
    }
}

static void null_pointers(void)
{
    for (u32 code = 0; code < 2; code++) {
        start_paged("\xc6\x00\x01", 3);
        absent(TRAP_PF);
        absent(TRAP_DF);
        set_pte(0, 0);
        vm->cpu.eip = code ? 0x10 : CODE_AT;
        page_fault(0x10, code ? PF_FETCH : PF_WRITE);
        dies();
        EXPECT_CAUSE(code ? "Control went to 0x00000010, a null pointer, where"
                          : "0x00000010, as by a null pointer (a write, to");
    }
}

static void interrupt_at_an_exceptions_vector(void)
{
    start("\x90", 1);
    absent(TRAP_NP);
    absent(TRAP_DF);
    fake_raise_timer(vm, TRAP_DF);
    vm->cpu.eflags |= EFLAGS_IF;
    exit_inject(vm);
    dies();
    EXPECT_CAUSE("Interrupt 0x08 at 0008:00200000 (a vector for exceptions: is "
                 "the interrupt controller set up?) could not be delivered");
    EXPECT_REPORT("chain  1. interrupt 0x08\n");
}

static void ring_3(void)
{
    start("\xfa", 1);
    absent(TRAP_GP);
    absent(TRAP_DF);
    vm->cpu.cpl = 3;
    trap(TRAP_GP, 0);
    dies();
    EXPECT_CAUSE("`cli` at 0008:00200000; it is privileged, and the code runs "
                 "in ring 3)");
}

static void refusals(void)
{
    static const struct {
        const char *code;
        u32 cpl, limit;
        bool privileged;
    } each[] = {
        {"\xec\x90\x90", 3, ~0u, true},   /* in al, dx */
        {"\x0f\x01\xe0", 3, ~0u, true},   /* smsw eax */
        {"\xc6\x00\x01", 3, 0xff, false}, /* mov byte [eax], 1 */
        {"\xc6\x00\x01", 0, 0xff, false},
        {"\x0f\x22\xe0", 0, ~0u, false}, /* mov cr4, eax */
    };

    for (u32 i = 0; i < ARRAY_LEN(each); i++) {
        start(each[i].code, 3);
        absent(TRAP_GP);
        absent(TRAP_DF);
        vm->cpu.cpl = (u8)each[i].cpl;
        vm->cpu.cr4 = CR4_UMIP;
        vm->cpu.gpr[EAX] = 0x80000000;
        vm->cpu.seg[SEG_DS].limit = each[i].limit;
        trap(TRAP_GP, 0);
        dies();
        EXPECT_EQ(strstr(vm->box.cause, "it is privileged") != NULL,
                  each[i].privileged);
        EXPECT(!strstr(vm->box.cause, "not usable"));
    }
}

/* One symbol, as its ELF has it; System V ABI, symbol table. */
static void with_names(void)
{
    static u8 entries[32];
    static u32 number;
    static const char names[] = "\0write_byte";

    start("\x0f\x0b", 2);
    put32(entries + 16, 1);
    put32(entries + 20, CODE_AT);
    put32(entries + 24, 4);
    entries[28] = 0x12;
    entries[30] = 1;
    number = 1;
    vm->symbols = (struct symbols){.entries = entries,
                                   .names = (const u8 *)names,
                                   .names_size = sizeof(names),
                                   .count = 1,
                                   .page = {&number}};
    for (u32 i = 0; i < 2; i++) {
        vm->cpu.idtr.limit = 0;
        vm->cpu.eip = i ? CODE_AT + 4 : CODE_AT;
        trap(TRAP_UD, 0);
        dies();
        EXPECT_CAUSE(i ? "at 0008:00200004 write_byte+0x4)"
                       : "at 0008:00200000 write_byte)");
        EXPECT_REPORT(i ? "-1 00200004 write_byte+0x4: #UD error 0x0000"
                        : "-1 00200000 write_byte: #UD error 0x0000, `ud2`");
        EXPECT_REPORT("exits  the last 1 of 1, newest"); /* of this life */
        blackbox_reset(vm);
        vm->state = VM_RUNNING;
    }
    vm->symbols = (struct symbols){0};
}

static void null_segment(void)
{
    start("\xc6\x00\x01", 3);
    absent(TRAP_GP);
    absent(TRAP_DF);
    vm->cpu.seg[SEG_DS] = (struct segment){0};
    trap(TRAP_GP, 0);
    dies();
    EXPECT_CAUSE("it goes through DS, which is 0x0000 and not usable");
}

static void pages_of_each_kind(void)
{
    static const struct {
        u32 bits, error, cpl;
        const char *words;
    } each[] = {
        {PTE_P, PF_WRITE | PF_PRESENT, 0,
         "(a write, to a page that is "
         "read-only, from"},
        {PTE_P | PTE_W, PF_USER | PF_PRESENT, 3,
         "(a read, to a page that ring "
         "3 may not touch so, from"},
        {PTE_P | PTE_W | PTE32_PAT, PF_PRESENT, 0,
         "through a table entry with a reserved bit set, from"},
    };

    for (u32 i = 0; i < ARRAY_LEN(each); i++) {
        start_paged("\xc6\x00\x01", 3);
        write_cr(4, vm->cpu.cr4 | CR4_PSE);
        absent(TRAP_PF);
        absent(TRAP_DF);
        set_pte(0x250000, each[i].bits);
        vm->cpu.cpl = (u8)each[i].cpl;
        page_fault(0x250000, each[i].error);
        dies();
        EXPECT_CAUSE(each[i].words);
    }
}

/* ---- what is behind the first fault */

static void lost_by_cr3(void)
{
    start_paged("\x0f\x22\xd8", 3); /* mov cr3, eax */
    absent(TRAP_PF);
    vm->cpu.gpr[EAX] = 0x20000;
    trap(TRAP_GP, 0);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 3);
    page_fault(CODE_AT + 3, PF_FETCH);
    dies();
    EXPECT_CAUSE("The page tables were changed (CR3 <- 0x00020000 at "
                 "0x00200000), and by these tables the page of this very code "
                 "is not mapped");
    EXPECT_REPORT("space  last changed at 00200000: CR3 <- 0x00020000 (it was "
                  "0x00010000)");
    EXPECT_REPORT("at     0008:00200003:");
}

static void lost_by_paging(void)
{
    start("\x0f\x22\xc0", 3); /* mov cr0, eax */
    vm->cpu.cr3 = 0x20000;
    vm->cpu.gpr[EAX] = vm->cpu.cr0 | CR0_PG;
    trap(TRAP_GP, 0);
    page_fault(CODE_AT + 3, PF_FETCH);
    dies();
    EXPECT_CAUSE("Paging was turned on (CR0 <- 0x80000031, CR3 0x00020000 at "
                 "0x00200000)");
}

static void lost_handler(void)
{
    start_paged("\x90", 1);
    set_pte(HANDLER, 0);
    set_pte(STACK - PAGE_SIZE, 0);
    vm->cpu.eip = HANDLER;
    vm->cpu.gpr[ESP] = STACK;
    page_fault(HANDLER, PF_FETCH);
    dies();
    EXPECT_CAUSE(
        "The handler of vector 14 and others, 0x00201000 as IDT entry 14 "
        "has it, lies in a page that is not mapped, so each page ");
    EXPECT_REPORT("`walk fake 0x00008ff0`");
}

static void lost_page_fault_handler(void)
{
    u32 elsewhere = 0x205000;

    start_paged("\x90", 1);
    poke(IDT_AT + TRAP_PF * 8, &(u16){(u16)elsewhere}, 2);
    set_pte(elsewhere, 0);
    set_pte(STACK - PAGE_SIZE, 0);
    vm->cpu.eip = elsewhere;
    vm->cpu.gpr[ESP] = STACK;
    page_fault(elsewhere, PF_FETCH);
    dies();
    EXPECT_CAUSE("so each page fault led to the next one until the stack was "
                 "used up");
}

/* The gate is what is wrong, and the handler is not there either. */
static void lost_handler_and_gate(void)
{
    start_paged("\x90", 1);
    set_pte(HANDLER, 0);
    absent(TRAP_PF);
    absent(TRAP_DF);
    vm->cpu.eip = HANDLER;
    page_fault(HANDLER, PF_FETCH);
    dies();
    EXPECT_CAUSE("The handler of vector 0 and others, 0x00201000 as IDT entry "
                 "0 has it, lies in a page that is not mapped; the page fault");
}

/* Ring 3 jumps into a page of the kernel; the IDT is somewhere else. */
static void code_of_the_kernel(void)
{
    start_paged("\x90", 1);
    vm->cpu.cpl = 3;
    vm->cpu.eip = HANDLER + 0x10;
    page_fault(HANDLER + 0x10, PF_FETCH | PF_USER | PF_PRESENT);
    dies();
    EXPECT_CAUSE("The page fault at 0x00201010 (a fetch of code, to a page "
                 "that ring 3 may not touch so");
    start_paged("\x90", 1);
    vm->cpu.idtr = (struct table_reg){0x305ff8, 2047};
    vm->cpu.eip = 0xdeadb000;
    page_fault(0xdeadb000, PF_FETCH);
    dies();
    EXPECT_CAUSE("By the page tables in use (CR3 0x00010000) neither this code "
                 "nor the IDT is mapped; the page fault at 0xdeadb000");
    start_paged("\x90", 1);
    vm->box.space = (struct box_switch){true, 3, CODE_AT, 0, TABLES_AT};
    set_pte(IDT_AT, 0);
    vm->cpu.eip = 0xdeadb000;
    page_fault(0xdeadb000, PF_FETCH);
    dies();
    EXPECT_CAUSE("(CR3 0x00010000, last changed by CR3 <- 0x00010000 at "
                 "0x00200000)");
}

static void half_a_task(void)
{
    start("\x90", 1);
    vm->cpu.tr.sel = 0x30;
    vm->cpu.seg[SEG_CS] = (struct segment){.sel = 0x1338};
    vm->cpu.idtr.limit = 0;
    trap(TRAP_UD, 0);
    dies();
    EXPECT_CAUSE("The invalid opcode (behind a switch to the task of TSS "
                 "0x0030, which has CS 0x1338, EIP 0x00200000, SS 0x0010, LDT "
                 "0x0000; selector 0x0000 is null)");
}

/* Nothing to pop. */
static void iret_without_a_stack(void)
{
    start_paged("\xcf", 1);
    absent(TRAP_GP);
    vm->cpu.gpr[ESP] = 0xdeadb000;
    vm->cpu.idtr.limit = 0;
    trap(TRAP_UD, 0);
    dies();
    EXPECT(!strstr(vm->box.cause, "it would pop"));
}

static void lost_control(void)
{
    start_paged("\x90", 1);
    absent(TRAP_PF);
    absent(TRAP_DF);
    poke(STACK, &(u32){CODE_AT + 1}, 4);
    vm->cpu.eip = 0xdeadb000;
    page_fault(0xdeadb000, PF_FETCH);
    dies();
    EXPECT_CAUSE("Control went to 0xdeadb000, where no page is mapped (on top "
                 "of the stack, as after a call, is 0x00200001)");
    EXPECT_REPORT("walk   a fetch from 0xdeadb000");
}

static void lost_memory(void)
{
    for (u32 lost = 0; lost < 2; lost++) {
        start_paged("\x90", 1);
        vm->cpu.idtr.limit = 0;
        set_pte(CODE_AT, 0xf0000000 | PTE_P);
        if (lost)
            blackbox_space(vm, 3, 0x1000);
        vm->cpu.eip = CODE_AT + lost;
        trap(TRAP_UD, 0);
        dies();
        EXPECT_CAUSE(lost ? " is where there is no memory: the next instr"
                          : "Control went to 0x00200000, where there is no m");
    }
}

static void lost_stack(void)
{
    start_paged("\x50", 1); /* push eax */
    set_pte(STACK - PAGE_SIZE, 0);
    vm->cpu.gpr[ESP] = STACK;
    page_fault(STACK - 4, PF_WRITE);
    dies();
    EXPECT_CAUSE("The stack pointer, ESP 0x00009000, is in a page that is not "
                 "mapped, just below the mapped page 0x00009000: a stack "
                 "overflow; ");
    start_paged("\x50", 1);
    vm->cpu.gpr[ESP] = 0xdead0000;
    page_fault(0xdeacfffc, PF_WRITE);
    dies();
    EXPECT_CAUSE("is in a page that is not mapped; ");
    EXPECT_REPORT("stack  at dead0000: it cannot be read");
    start_paged("\x50", 1);
    set_pte(STACK - PAGE_SIZE, PTE_P);
    page_fault(STACK - 4, PF_WRITE | PF_PRESENT);
    dies();
    EXPECT_CAUSE("is in a page that may not be written");
}

static void a_handler_that_faults(void)
{
    const u32 frame[] = {2, CODE_AT, 8, 0x10002};
    u32 at = STACK;

    start_paged("\xc6\x00\x01", 3);
    for (u32 i = 0; i < 5; i++, at += sizeof(frame))
        poke(at, frame, sizeof(frame));
    set_pte(STACK - PAGE_SIZE, 0);
    vm->cpu.gpr[ESP] = STACK;
    page_fault(NOWHERE, PF_WRITE);
    dies();
    EXPECT_CAUSE("A handler faults itself: this instruction has faulted 5 "
                 "times within its own handling; ");
}

/* ---- double faults that were delivered */

static void double_faults(u32 times)
{
    for (u32 i = 0; i < times; i++) {
        vm->cpu.eip = CODE_AT;
        vm->cpu.gpr[ESP] = STACK;
        trap(TRAP_GP, 0);
        EXPECT_EQ(vm->cpu.eip, HANDLER);
    }
}

static void doubles(void)
{
    start("\x8e\xd8", 2); /* mov ds, eax */
    vm->cpu.gpr[EAX] = 0x1338;
    absent(TRAP_GP);
    double_faults(5);
    EXPECT_EQ(vm->box.doubles, 5);
    EXPECT_EQ(vm->state, VM_RUNNING);
    vm->cpu.idtr.limit = 0;
    trap(TRAP_UD, 0);
    dies();
    EXPECT_CAUSE("Double faults came 5 times in a row, to the handler "
                 "0x00201000, the first because the general protection fault "
                 "(`mov ds, ax` at 0008:00200000; selector 0x1338 is beyond");
    EXPECT_CAUSE("; at last the invalid opcode");
    start("\x8e\xd8", 2);
    vm->cpu.gpr[EAX] = 0x1338;
    absent(TRAP_GP);
    double_faults(1);
    vm->exits += 100000; /* long ago */
    double_faults(1);
    EXPECT_EQ(vm->box.doubles, 1);
    out8(PORT_DEBUG_EXIT, 0x11);
    dies();
    EXPECT_CAUSE("A double fault had been delivered, to the handler "
                 "0x00201000, because");
    EXPECT_CAUSE("; it ended itself with status 0x11");
}

/* A benign fault on the way is nothing to note. */
static void other_failures_are_no_doubles(void)
{
    start("\x0f\x0b", 2);
    absent(TRAP_UD);
    trap(TRAP_UD, 0);
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT_EQ(vm->box.doubles, 0);
}

/* ---- other deaths, and none */

static void killed(void)
{
    start("\x90", 1);
    vm_kill(vm, "it did something %s", "od\x1b[31md");
    dies();
    EXPECT_CAUSE("It did something od\x1b[31md (at 0008:00200000).");
    EXPECT_REPORT("cause  It did something od?[31md (at 0008:00200000).\n");
    EXPECT_REPORT("next   `dis fake`");
    EXPECT(!strstr(report, "chain"));
}

static void its_own_verdict(void)
{
    start("\x90", 1);
    out8(PORT_DEBUG_EXIT, 0x10);
    blackbox_look(vm);
    EXPECT(!vm->box.taken);
    start("\x90", 1);
    out8(PORT_DEBUG_EXIT, 0x11);
    dies();
    EXPECT_CAUSE("It ended itself with status 0x11, which is not the 0x10 of "
                 "success, at 0008:00200000.");
}

static void alive(void)
{
    struct monitor_args args;

    start("\x90", 1);
    blackbox_look(vm);
    args = (struct monitor_args){.hv = vm->hv, .vm = vm, .out = &taker};
    report_len = 0;
    monitor_blackbox(&args);
    EXPECT_STR(report,
               "fake has not died; it is running, and has no black box.\n");
}

static void reset_in_vain(void)
{
    struct monitor_args args;
    char error[200];

    start("\x90", 1);
    vm->config.mem = 0x80000000;
    EXPECT(!vm_reset(vm, error, sizeof(error)));
    args = (struct monitor_args){.hv = vm->hv, .vm = vm, .out = &taker};
    report_len = 0;
    monitor_blackbox(&args);
    EXPECT_STR(report, "fake is killed, and has no black box of that: it could "
                       "not be reset: machine memory ran out while it was "
                       "built.\n");
    p2m_destroy(&vm->p2m);
    dies();
    EXPECT_REPORT("it cannot be read");
}

static void told_once(void)
{
    char first[sizeof(vm->box.cause)];

    no_idt();
    memcpy(first, vm->box.cause, sizeof(first));
    vm->cpu.eip = 0;
    blackbox_look(vm);
    EXPECT_STR(vm->box.cause, first);
}

static void events(void)
{
    struct fault fault = fault_page(PF_WRITE, gva(NOWHERE));

    start("\x0f\x0b", 2);
    for (u32 i = 0; i < 40; i++)
        blackbox_fault(&vm->box, CODE_AT + i / 2, &fault);
    for (u32 i = 0; i < 40; i++) {
        vm->cpu.eip = CODE_AT;
        trap(TRAP_UD, 0);
    }
    trap(HOST_IRQ, 0);
    vm_kill(vm, "enough");
    dies();
    EXPECT_REPORT("exits  the last 32 of 41, newest first:\n");
    EXPECT_REPORT("interrupt of the host, vector 0x30\n");
    EXPECT_REPORT("00200000: #UD error 0x0000, `ud2`, 31 times\n");
    EXPECT_REPORT("faults of interpreted code, the last 32 of 40:\n");
    EXPECT_REPORT("       -1 00200013: #PF error 0x0002 at 0x00300000, hidden "
                  "from it, 2 times\n");
}

/* Both engines' events share the room, and what is listed is what is said. */
static void what_is_counted_is_listed(void)
{
    struct fault fault = fault_page(PF_WRITE, gva(NOWHERE));
    const char *at;
    u32 said, listed = 0;

    start("\x0f\x0b", 2);
    for (u32 i = 0; i < 40; i++) {
        blackbox_fault(&vm->box, CODE_AT + i, &fault);
        vm->cpu.eip = CODE_AT + i;
        trap(TRAP_UD, 0);
    }
    vm_kill(vm, "enough");
    dies();
    at = strstr(report, "exits  the last ");
    EXPECT(at && sscanf(at, "exits  the last %u of 40", &said) == 1);
    for (; (at = strchr(at, '\n')) && str_starts(at, "\n       -"); at++)
        listed++;
    EXPECT(listed == said && said < 32);
}

static void traced(void)
{
    start("\x0f\x0b", 2);
    trace_init(&vm->hv->trace, records, ARRAY_LEN(records));
    trace_want(vm, TRACE_LIVE, TRACE_EVERYTHING);
    vm->cpu.idtr.limit = 0;
    trap(TRAP_UD, 0);
    dies();
    EXPECT_REPORT("trace  its last events, newest first:\n");
    EXPECT_REPORT("       -1 ");
    EXPECT(!strstr(report, "exits"));
    for (u32 i = 0; i < ARRAY_LEN(records); i++)
        records[i].vm = 9;
    take_report();
    EXPECT_REPORT("exits  the last 1 of 1");
}

static void put_words(void *ctx, const char *text, size_t len)
{
    memcpy(report + report_len, text, len);
    report_len += len;
    report[report_len] = 0;
}

static void last_words(void)
{
    const struct sink out = {put_words, NULL};

    start("\x0f\x0b", 2);
    trap(TRAP_UD, 0);
    report_len = 0;
    hv_last_words(vm->hv, &out);
    EXPECT_REPORT("the guest is fake, at 0008:00201000 in ring 0");
    EXPECT_REPORT("  vector   6 error 0x0000 cr2 0x00000000 eip 0x00200000\n");
    vm->hv->current = NULL;
    report_len = 0;
    report[0] = 0;
    hv_last_words(vm->hv, &out);
    EXPECT_STR(report, "");
}

static const struct unit_case cases[] = {
    CASE(no_idt),
    CASE(gates),
    CASE(selectors),
    CASE(no_tss),
    CASE(bad_software_interrupt),
    CASE(bad_iret),
    CASE(iret_off_by_one),
    CASE(null_pointers),
    CASE(interrupt_at_an_exceptions_vector),
    CASE(ring_3),
    CASE(refusals),
    CASE(with_names),
    CASE(null_segment),
    CASE(pages_of_each_kind),
    CASE(lost_by_cr3),
    CASE(lost_by_paging),
    CASE(lost_handler),
    CASE(lost_page_fault_handler),
    CASE(lost_handler_and_gate),
    CASE(code_of_the_kernel),
    CASE(half_a_task),
    CASE(iret_without_a_stack),
    CASE(lost_control),
    CASE(lost_memory),
    CASE(lost_stack),
    CASE(a_handler_that_faults),
    CASE(doubles),
    CASE(other_failures_are_no_doubles),
    CASE(killed),
    CASE(its_own_verdict),
    CASE(alive),
    CASE(reset_in_vain),
    CASE(told_once),
    CASE(events),
    CASE(what_is_counted_is_listed),
    CASE(traced),
    CASE(last_words),
};

UNIT_MAIN(cases)
