/* SPDX-License-Identifier: MIT
 *
 * The seventeen instructions that are sensitive and need not trap, as a guest
 * kernel sees them: what each shows and does must be what the manual says. A
 * line for each says whether it is so; tests/boot/test_seventeen.py holds the
 * lines against the README's table.
 *
 * This is the micro-guest that looks where the others do not: it reads IF,
 * IOPL and the privilege in CS and SS directly. Under exec=trap it must fail.
 *
 * Robin and Irvine, USENIX Security 2000; SDM vol. 2, under each name.
 */
#include "tests/micro/lib/micro.h"

#define LDT_SEL  (GDT_FREE << 3)
#define FLAGS_OF (EFLAGS_IF | EFLAGS_IOPL)

static u32 ldt[4];
static volatile u32 seen_cs, seen_flags;

static void row(const char *name, bool exact)
{
    print("seventeen: ");
    print(name);
    print(exact ? ": exact\n" : ": differs\n");
    EXPECT(exact, name);
}

static void look(struct frame *f)
{
    seen_cs = f->cs;
    seen_flags = f->eflags;
}

static u32 flags_in_frame(void)
{
    __asm__ volatile("int $0x41" : : : "memory");
    return seen_flags & FLAGS_OF;
}

static u32 pushed_flags(void)
{
    u32 flags;

    __asm__ volatile("pushfl\n\tpopl %0" : "=r"(flags) : : "memory");
    return flags & FLAGS_OF;
}

static void pop_flags(u32 flags)
{
    __asm__ volatile("pushl %0\n\tpopfl" : : "r"(flags | 2) : "memory", "cc");
}

/* IRET to the next instruction with these flags. */
static void iret_with(u32 flags)
{
    __asm__ volatile("pushl %0\n\tpushl %1\n\tpushl $1f\n\tiretl\n1:"
                     :
                     : "r"(flags | 2), "i"(KCODE)
                     : "memory", "cc");
}

static void table_registers(void)
{
    struct table_pointer g = {0, 0}, i = {0, 0};
    u32 l = 0, t = 0;

    __asm__ volatile("sgdt %0" : "=m"(g));
    __asm__ volatile("sidt %0" : "=m"(i));
    __asm__ volatile("sldt %0" : "=r"(l));
    __asm__ volatile("str %0" : "=r"(t));
    row("SGDT", g.base == (u32)gdt && g.limit == sizeof(gdt) - 1);
    row("SIDT", i.base == (u32)idt && i.limit == sizeof(idt) - 1);
    row("SLDT", (l & 0xffff) == LDT_SEL);
    row("STR", (t & 0xffff) == TSS_SEL);
}

static void machine_status(void)
{
    u32 word = 0;

    write_cr0(read_cr0() & ~(u32)CR0_NE);
    __asm__ volatile("smsw %0" : "=r"(word));
    row("SMSW", (word & 0xffff) == (read_cr0() & 0xffff));
}

static void flags(void)
{
    bool push, pop;

    cli();
    push = pushed_flags() == 0;
    sti();
    push &= pushed_flags() == EFLAGS_IF;
    iret_with(EFLAGS_IOPL);
    push &= pushed_flags() == EFLAGS_IOPL;
    iret_with(0);
    row("PUSHF", push);
    pop_flags(EFLAGS_IF);
    pop = flags_in_frame() == EFLAGS_IF;
    pop_flags(EFLAGS_IOPL);
    pop &= flags_in_frame() == EFLAGS_IOPL;
    cli();
    iret_with(0);
    row("POPF", pop);
}

/* Access rights as LAR has them; ~0 when it refuses. */
static u32 lar(u32 selector)
{
    u32 rights = 0;
    u8 good;

    __asm__ volatile("lar %2, %0\n\tsetz %1"
                     : "+r"(rights), "=q"(good)
                     : "r"(selector)
                     : "cc");
    return good ? rights : ~0u;
}

static u32 lsl(u32 selector)
{
    u32 limit = 0;
    u8 good;

    __asm__ volatile("lsl %2, %0\n\tsetz %1"
                     : "+r"(limit), "=q"(good)
                     : "r"(selector)
                     : "cc");
    return good ? limit : ~1u;
}

static u8 verr(u32 selector)
{
    u8 good;

    __asm__ volatile("verr %w1\n\tsetz %0" : "=q"(good) : "r"(selector) : "cc");
    return good;
}

static u8 verw(u32 selector)
{
    u8 good;

    __asm__ volatile("verw %w1\n\tsetz %0" : "=q"(good) : "r"(selector) : "cc");
    return good;
}

static void descriptors(void)
{
    static const u8 selectors[] = {KCODE, KDATA, UCODE, UDATA, TSS_SEL};
    bool rights = true;

    for (u32 i = 0; i < sizeof(selectors); i++)
        rights &= lar(selectors[i]) == (gdt[selectors[i] >> 3][1] & 0x00f0ff00);
    row("LAR", rights && lar(0) == ~0u);
    row("LSL", lsl(KCODE) == 0xffffffff && lsl(UCODE) == 0xffffffff &&
                   lsl(UDATA) == 0xffffffff && lsl(LDT_SEL) == sizeof(ldt) - 1);
    row("VERR", verr(KCODE) && verr(UCODE) && verr(UDATA) && !verr(TSS_SEL));
    row("VERW", verw(KDATA) && verw(UDATA) && !verw(KCODE) && !verw(0));
}

static void segment_reads(void)
{
    u32 pushed_cs, pushed_ss, cs = 0, ss = 0;

    __asm__ volatile("push %%cs\n\tpopl %0" : "=r"(pushed_cs));
    __asm__ volatile("push %%ss\n\tpopl %0" : "=r"(pushed_ss));
    __asm__ volatile("movl %%cs, %0" : "=r"(cs));
    __asm__ volatile("movl %%ss, %0" : "=r"(ss));
    row("PUSH sreg",
        (pushed_cs & 0xffff) == KCODE && (pushed_ss & 0xffff) == KDATA);
    row("MOV from sreg", cs == KCODE && ss == KDATA);
}

static void segment_loads(void)
{
    bool mov, pop;
    u32 fs = 0;

    __asm__ volatile("movw %w1, %%fs\n\tmovl %%fs, %0" : "=r"(fs) : "r"(UDATA));
    mov = fs == UDATA;
    CATCH("movw %w0, %%ss", : "r"(KDATA | 1));
    mov &= caught.count == 1 && caught.f.vector == TRAP_GP;
    __asm__ volatile("movw %w0, %%ss" : : "r"(KDATA));
    __asm__ volatile("pushl %1\n\tpop %%fs\n\tmovl %%fs, %0"
                     : "=r"(fs)
                     : "r"(KDATA));
    pop = fs == KDATA;
    CATCH("pushl %0\n\tpop %%ss", : "r"(KDATA | 1));
    pop &= caught.count == 1 && caught.f.vector == TRAP_GP;
    __asm__ volatile("movw %w0, %%ss" : : "r"(KDATA));
    row("MOV to sreg", mov);
    row("POP sreg", pop);
}

static void home_to_kcode(void)
{
    __asm__ volatile("ljmp %0, $1f\n1:" : : "i"(KCODE));
}

static void far_transfers(void)
{
    u32 called_from = 0, there = 0;
    bool refused;

    CATCH("ljmp %0, $1f\n1:", : "i"(KCODE | 1));
    refused = caught.count == 1 && caught.f.vector == TRAP_GP;
    home_to_kcode();
    row("far JMP", refused);
    __asm__ volatile("lcall %1, $2f\n\tjmp 3f\n"
                     "2:\tmovl 4(%%esp), %0\n\tlret\n3:"
                     : "=r"(called_from)
                     : "i"(KCODE)
                     : "memory");
    row("far CALL", (called_from & 0xffff) == KCODE);
    __asm__ volatile("pushl %1\n\tpushl $2f\n\tlret\n2:\tmovl $1, %0"
                     : "=r"(there)
                     : "i"(KCODE)
                     : "memory");
    row("far RET", there == 1);
}

static u32 in_ring_3(void)
{
    __asm__ volatile("int $0x41" : : : "memory");
    return seen_cs;
}

static void interrupts(void)
{
    bool interrupt, back;

    flags_in_frame();
    interrupt = seen_cs == KCODE && !(seen_flags & FLAGS_OF);
    sti();
    interrupt &= flags_in_frame() == EFLAGS_IF;
    cli();
    row("INT n", interrupt);
    iret_with(EFLAGS_IF);
    back = flags_in_frame() == EFLAGS_IF;
    iret_with(0);
    back &= flags_in_frame() == 0;
    back &= ring3_flags(in_ring_3, EFLAGS_IF) == UCODE;
    back &= (seen_flags & FLAGS_OF) == EFLAGS_IF;
    row("IRET", back);
}

void test(void)
{
    gdt_set(GDT_FREE, (u32)ldt, sizeof(ldt) - 1, ATTR_P | SYS_LDT);
    gdt_load();
    __asm__ volatile("lldt %w0" : : "r"(LDT_SEL));
    handlers[0x41] = look;
    idt_set(0x41, SYS_INT32, 3, KCODE, stubs[0x41]);
    table_registers();
    machine_status();
    flags();
    descriptors();
    segment_reads();
    segment_loads();
    far_transfers();
    interrupts();
}
