/* SPDX-License-Identifier: MIT
 *
 * The monitor's commands that look into a guest: regs, mem, dis, walk, map,
 * gdt, tss, devices, log; Tab; each on VMs in every state and every mode.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/fake/machine.h"
#include "tests/unit/screen.h"
#include "tests/unit/unit.h"
#include "vmm/vm/inspect.h"

#define PD   0x10000u
#define PT   0x11000u
#define PDPT 0x12000u
#define GDT  0x13000u
#define TSS  0x14000u
#define CODE 0x20000u
#define ALL  (PTE_P | PTE_W | PTE_U)

static struct vm *vm;

static const char *type(const char *line)
{
    const struct sink out = {capture, NULL};

    wipe();
    monitor_command_to(&fake_hv, line, &out);
    return screen;
}

#define SAYS(line, what)     EXPECT(strstr(type(line), (what)))
#define SAYS_ALL(line, what) EXPECT_STR(type(line), (what))
#define SAID(what)           EXPECT(strstr(screen, (what)))

static void poke32(u32 at, u32 v)
{
    EXPECT_EQ(inspect_write_phys(vm, gpa(at), &v, 4), 4);
}

static void poke64(u32 at, u64 v)
{
    EXPECT_EQ(inspect_write_phys(vm, gpa(at), &v, 8), 8);
}

/* An image with two names: main at CODE, stack at 0x30000. */
static struct {
    struct fake_image image;
    u8 section[4 * 40], symbol[3 * 16];
    char name[16];
} named;

static void add_names(void)
{
    u32 base = (u32)offsetof(__typeof__(named), section);
    u8 *s = named.section;

    memset(&named, 0, sizeof(named));
    named.image = fake_image;
    put32((u8 *)&named + 32, base);
    put32((u8 *)&named + 44, 1 | 40 << 16);
    put32((u8 *)&named + 48, 4);
    put32(s + 40 + 4, 1);
    put32(s + 40 + 8, 2);
    put32(s + 40 + 12, CODE);
    put32(s + 40 + 20, 0x20000);
    put32(s + 80 + 4, 2);
    put32(s + 80 + 16, base + sizeof(named.section));
    put32(s + 80 + 20, sizeof(named.symbol));
    put32(s + 80 + 24, 3);
    put32(s + 120 + 4, 3);
    put32(s + 120 + 16, (u32)offsetof(__typeof__(named), name));
    put32(s + 120 + 20, sizeof(named.name));
    memcpy(named.name, "\0main\0stack", 12);
    for (u32 i = 1; i < 3; i++) {
        u8 *symbol = named.symbol + 16 * i;
        put32(symbol, i == 1 ? 1 : 6);
        put32(symbol + 4, i == 1 ? CODE : 0x30000);
        put32(symbol + 8, 0x1000);
        put32(symbol + 12, (i == 1 ? 0x12 : 0x11) | 1 << 16);
    }
    fake_other_image = (const u8 *)&named;
    fake_boot.module[0].size = sizeof(named);
    symbols_destroy(vm);
    symbols_init(vm);
    fake_other_image = NULL;
    fake_boot.module[0].size = sizeof(fake_image);
}

/* One small table, and a large page behind it. */
static void start(void)
{
    vm = fake_vm(0x400000, SHADOW_CACHED);
    add_names();
    for (u32 i = 0; i < 64; i++)
        poke32(PT + 4 * i, i << 12 | ALL);
    poke32(PT + 4 * 0x31, 0x31000 | PTE_P | PTE_A);
    poke32(PT + 4 * 0x32, 0);
    poke32(PT + 4 * 0x33, 0xb8000 | PTE_P | PTE_W);
    poke32(PT + 4 * 0x34, 0x50000 | ALL | PTE_G);
    poke32(PT + 4 * 0x35, 0x52000 | ALL | PTE_G);
    poke32(PD, PT | ALL);
    poke32(PD + 4, 0x00000000 | ALL | PTE_PS);
    vm->cpu.cr3 = PD;
    vm->cpu.cr4 |= CR4_PSE;
    vm->cpu.cr0 |= CR0_PG | CR0_WP;
    vm->cpu.eip = CODE;
    inspect_changed(vm);
}

static void regs_shows_all_of_the_processor(void)
{
    start();
    vm->cpu.gpr[EBX] = 0x12345678;
    vm->cpu.eflags |= EFLAGS_IF | EFLAGS_ZF | EFLAGS_IOPL;
    vm->cpu.gpr[EBP] = 0x30000;
    poke32(0x30004, CODE + 8);
    SAYS("regs fake", "fake: running, at 0008:00020000 (main), ring 0, 32-bit "
                      "code\n");
    SAID("ebx 12345678");
    SAID("IOPL=3 ZF IF\n");
    SAID("  cs   0008  base 00000000  limit ffffffff  DPL 0  32-bit code, "
         "readable\n");
    SAID("  ldtr 0000  holds no segment\n");
    SAID(" PE ");
    SAID(" WP PG\n");
    SAID("cr3 00010000  cr4 00000010 PSE\n");
    SAID("=> 0x00020000  0000 ");
    SAID("called by");
    SAID("  0x00020008  main+0x8\n");
    vm->cpu.seg[SEG_CS].attr &= (u16)~ATTR_DB;
    SAYS("regs fake", "16-bit code");
    vm->cpu.cr0 &= ~CR0_PE;
    SAYS("regs fake", "real-address mode");
    vm->cpu.cr0 |= CR0_PE;
    vm->cpu.eflags |= EFLAGS_VM;
    SAYS("regs fake", "virtual-8086 mode");
    vm->cpu.eflags &= ~EFLAGS_VM;
    vm_kill(vm, "it is a test");
    SAYS("regs fake", "killed because it is a test\n");
    vm->state = VM_EXITED;
    vm->status = 0x10;
    SAYS("regs fake", "exited with status 0x10\n");
}

static void mem_shows_words_text_and_names(void)
{
    start();
    poke32(0x30000, CODE + 4);
    poke64(0x30004, 0x6c6c6568202a6968);
    poke32(0x3000c, 0x30000);
    SAYS_ALL("mem fake stack 16",
             "stack:\n"
             "  0x00030000  00020004 202a6968 6c6c6568 00030000  "
             "|....hi* hell....| main+0x4 stack\n");
    SAYS("mem fake 0x30003 6", "  0x00030003  2a696800 2068");
    SAYS("mem fake phys 0x30000 16", "|....hi* hell....|\n");
    SAYS("mem fake $eip", "main:\n");
    SAYS("mem fake 0x31ff8 16",
         "  0x00032000 cannot be read: it would fault: the table entry 50 "
         "(0x00000000 at physical 0x000110c8) is not present.\n");
    SAYS_ALL("mem fake 0x32000 16",
             "  0x00032000 cannot be read: it would fault: the table entry 50 "
             "(0x00000000 at physical 0x000110c8) is not present.\n");
    SAYS("mem fake phys 0xb8000", "at this physical address is a device.\n");
    SAYS("mem fake phys 0xfffffff8", "at this physical address is nothing.\n");
    SAYS("mem fake 0xffffffff 1", "cannot be read");
    SAYS("mem fake phys", "usage: mem NAME phys ADDRESS [BYTES]\n");
    SAYS("mem fake nonsense", "nonsense");
    SAYS_ALL("mem fake 0 0", "\"0\" is not a number from 1 to 4096.\n");
    SAYS_ALL("mem fake 0 4097", "\"4097\" is not a number from 1 to 4096.\n");
    SAYS_ALL("mem fake 0 x", "\"x\" is not a number from 1 to 4096.\n");
    SAYS_ALL("mem fake 0 1 2", "\"2\" is one word too many.\n");
    SAYS("mem fake", "usage: mem NAME [phys] ADDRESS [BYTES]");
    type("mem fake 0 4096");
    EXPECT(screen_len > 256 * 60);
}

static void dis_shows_code_and_where_it_goes(void)
{
    static const u8 code[] = {0x90, 0xe8, 0xfa, 0xff, 0xff, 0xff,
                              0xa1, 0x00, 0x00, 0x03, 0x00};

    start();
    EXPECT_EQ(inspect_write_phys(vm, gpa(CODE), code, sizeof(code)), 11);
    vm->cpu.eip = CODE + 1;
    SAYS_ALL("dis fake main 2",
             "main:\n"
             "   0x00020000  90                    nop\n"
             "=> 0x00020001  e8faffffff            call 0x20000 main\n");
    SAYS("dis fake", "main+0x1:\n=> 0x00020001");
    SAYS("dis fake 0x32000", "   0x00032000  (nothing can be read at "
                             "0x00032000)\n");
    SAYS("dis fake 0x20000 257", "is not a number from 1 to 256.");
    SAYS("dis fake $flags", "$gdtr and $idtr.\n");
    SAYS("dis fake 0x20000 1 1", "one word too many");
    SAYS("dis fake nowhere", "nowhere");
    vm->cpu.cr0 &= ~(CR0_PG | CR0_PE);
    vm->cpu.seg[SEG_CS].base = CODE;
    vm->cpu.seg[SEG_CS].attr &= (u16)~ATTR_DB;
    SAYS("dis fake 0 1", "   0x00000000  90 ");
}

static void walk_shows_both_walks_and_why(void)
{
    struct shadow_result r;

    start();
    SAYS("walk fake 0x30123",
         "fake: 0x00030123, 32-bit paging, CR3 0x00010000, CR0.WP=1, "
         "CR4.PSE=1\n");
    SAID("SHADOW (cached)\n");
    SAID("PDE      0  0x00011007 at 0x00010000");
    SAID("PTE     48  0x00030007 at 0x000110c0");
    SAID("P R/W U/S ");
    SAID("PML4E    0  0x");
    SAID("p2m: guest frame 0x00030 is RAM, on machine frame 0x");
    SAID("The shadow is not filled here: the next access does that.\n");
    SAID("  kernel fetch  it works: at physical 0x00030123 is RAM.\n");
    EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x30123), 0, &r), SHADOW_FILLED);
    SAYS("walk fake 0x30123",
         "The shadow maps that frame, read-only, so that the first write sets "
         "the guest's D bit, for everybody.\n");
    EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x30123), PF_WRITE, &r),
              SHADOW_FILLED);
    SAYS("walk fake 0x30123", "The shadow maps that frame, writable, for "
                              "everybody.\n");
    SAYS("walk fake 0x31000", "  user write    it would fault: ");
    EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x31000), 0, &r), SHADOW_FILLED);
    SAYS("walk fake 0x31000", "read-only, as the guest's tables say, for the "
                              "kernel only.");
    SAYS("walk fake 0x32000", "not present");
    SAID("The shadow is not filled here, as there is nothing to fill it with.");
    SAYS("walk fake 0x33000", "is a device: no memory of the machine backs it");
    SAID("The shadow is not filled here: every access goes to the VMM.");
    SAYS("walk fake 0x400010", "PDE      1  0x00000087 at 0x00010004");
    SAID("P R/W U/S PS");
    SAYS("walk fake", "usage: walk NAME ADDRESS");
    SAYS("walk fake 1 2", "one word too many");
    SAYS("walk fake nowhere", "nowhere");
}

static void walk_says_who_watches_a_frame(void)
{
    struct shadow_result r;

    start();
    vm->cpu.gdtr = (struct table_reg){0x30000, 0x17};
    inspect_changed(vm);
    shadow_trace(&vm->shadow, gfn(0x30), TRACE_PAGE_TABLE);
    EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x30000), 0, &r), SHADOW_FILLED);
    poke32(PT + 4 * 0x30, 0x30000 | ALL | PTE_D | PTE_A);
    EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x30000), 0, &r), SHADOW_FILLED);
    SAYS("walk fake 0x30000", "; writes to it are watched: page table, GDT.\n");
    SAID("read-only, for the VMM must see writes to it");
    p2m_make_rom(&vm->p2m, gfn(0x34), 1);
    poke32(PT + 4 * 0x34, 0x34000 | ALL | PTE_D | PTE_A);
    EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x34000), 0, &r), SHADOW_FILLED);
    SAYS("walk fake 0x34000", "read-only, for it is ROM");
}

static void a_stale_shadow_is_called_so(void)
{
    struct shadow_result r;

    vm = fake_vm(0x400000, SHADOW_VTLB);
    poke32(PT + 4, 0x30000 | ALL);
    poke32(PD, PT | ALL);
    vm->cpu.cr3 = PD;
    vm->cpu.cr0 |= CR0_PG;
    inspect_changed(vm);
    EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x1000), PF_WRITE, &r),
              SHADOW_FILLED);
    SAYS("walk fake 0x1000", "SHADOW (vtlb)");
    SAID("writable");
    poke32(PT + 8, 0x32000 | ALL);
    EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x2000), 0, &r), SHADOW_FILLED);
    poke32(PT + 8, 0x32000 | ALL | PTE_D);
    SAYS("walk fake 0x2000", "maps that frame, read-only, for everybody");
    poke32(PT + 8, 0xb8000 | ALL);
    SAYS("walk fake 0x2000", "The shadow has what the guest's tables said");
    poke32(PT + 4, 0x31000 | ALL);
    SAYS("walk fake 0x1000", "The shadow has what the guest's tables said "
                             "before");
    vm->cpu.cr0 &= ~CR0_PG;
    inspect_changed(vm);
    SAYS("walk fake 0x1000", "paging is off: linear is physical\n");
    SAID("user write    it works: at physical 0x00001000 is RAM.");
}

static void pae_has_three_levels(void)
{
    start();
    poke64(PDPT, PD | PTE_P);
    poke64(PD, PT | ALL);
    poke64(PT, 0x30000 | ALL | PTE64_NX);
    poke64(PT + 8, 0x30000 | ALL);
    vm->config.exec = EXEC_INTERP;
    vm->cpu.cr3 = PDPT;
    vm->cpu.cr4 |= CR4_PAE;
    inspect_changed(vm);
    SAYS("walk fake 0", "PAE paging");
    SAID("PDPTE    0  0x0000000000010001, a register");
    SAID("PTE      0  0x8000000000030007 at 0x00011000");
    SAID("P R/W U/S XD reserved=0x8000000000000000");
    poke64(PT + 16, 0xf00000000 | ALL | PTE_PS);
    poke64(PT + 24, 0xf00000000 | PTE_P);
    SAYS("walk fake 0x2000", "reserved=0x80");
    SAYS("walk fake 0x3000", "is nothing: no memory of the machine backs it");
    SAYS("walk fake 0x40000000", "PDPTE    1  0x0000000000000000, a register");
    SAYS("map fake", "PAE paging, CR3 0x00012000");
    SAID("  0x00001000-0x00001fff      4K  U rw 4K      "
         " RAM      0x00030000  not filled\n");
}

static void map_merges_what_is_alike(void)
{
    struct shadow_result r;

    start();
    EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x5000), PF_WRITE, &r),
              SHADOW_FILLED);
    EXPECT_EQ(shadow_fault(&vm->shadow, gva(0x6000), 0, &r), SHADOW_FILLED);
    type("map fake");
    SAID("  0x00000000-0x00030fff    196K  U rw 4K       RAM      0x00000000  "
         "2 of 49, 1 writable\n");
    SAID("  0x00031000-0x00031fff      4K  S r- 4K       RAM      0x00031000  "
         "not filled\n");
    SAID("  0x00033000-0x00033fff      4K  S rw 4K       a device 0x000b8000");
    SAID("  0x00034000-0x00035fff      8K  U rw 4K    G  RAM      scattered ");
    SAID("  0x00036000-0x0003ffff     40K  U rw 4K  ");
    SAID("  0x00400000-0x0049ffff    640K  U rw large    RAM      0x00000000");
    SAID("  0x004a0000-0x004bffff    128K  U rw large    a device 0x000a0000");
    SAID("  0x004c0000-0x004fffff    256K  U rw large    nothing  0x000c0000");
    SAID("  0x00500000-0x007fffff      3M  U rw large    RAM      0x00100000");
    EXPECT(!strstr(screen, "0x00032000-"));
    SAYS("map fake 0x36000", "  0x00036000-0x0003ffff");
    EXPECT(!strstr(screen, "0x00034000-"));
    SAYS("map fake 0x800000", "Nothing is mapped from there on.");
    poke32(PT + 4 * 0x36, 0x36000 | PTE_P | PTE_U);
    poke32(PT + 4 * 0x37, 0x37000 | PTE_P | PTE_U | PTE_G);
    poke32(PD + 8, 0x00400000 | PTE_P | PTE_U | PTE_G | PTE_PS);
    SAYS("map fake 0x36000", "  0x00036000-0x00036fff      4K  U r- 4K       ");
    SAID("  0x00037000-0x00037fff      4K  U r- 4K    G ");
    SAID("  0x00800000-0x00bfffff      4M  U r- large G  nothing ");
    SAYS("map fake what", "what");
    SAYS("map fake 0 1", "one word too many");
}

static void map_of_a_guest_without_paging(void)
{
    start();
    vm->cpu.cr0 &= ~(CR0_PG | CR0_PE);
    inspect_changed(vm);
    SAYS("map fake", "paging is off");
    SAID("  0x00000000-0x0009ffff    640K  U rw 4K       RAM      0x00000000");
    SAID("  0x00400000-0xffffffff   4092M  U rw 4K       nothing  0x00400000");
}

static void a_hostile_map_is_shown_in_parts(void)
{
    start();
    for (u32 i = 0; i < 1024; i++)
        poke32(PT + 4 * i, i << 12 | (i & 1 ? ALL : PTE_P));
    type("map fake");
    SAID("There may be more: `map fake 0x00030000` goes on there.\n");
    SAYS("map fake 0x00030000", "  0x00030000-0x00030fff");
}

static void gdt_names_every_entry(void)
{
    start();
    poke64(GDT + 8, 0x00cf9a000000ffff);
    poke64(GDT + 16, 0x00cf92000000ffff);
    poke64(GDT + 24, 0x0000890140000067);
    poke64(GDT + 32, 0x0002e500000800a0);
    poke64(GDT + 40, 0x00cf1c000000ffff);
    poke64(GDT + 48, 0x0000940000000fff);
    poke64(GDT + 56, 0x00008000ffffffff);
    poke64(GDT + 64, 0x0000820150000fff);
    poke64(GDT + 72, 0x00ec0000fff0ffff | 0x1111);
    vm->cpu.gdtr = (struct table_reg){GDT, 10 * 8 - 1};
    vm->cpu.ldtr = (struct segment){
        .sel = 0x40, .attr = ATTR_P | SYS_LDT, .base = 0x15000, .limit = 15};
    poke64(0x15008, 0x00cffa000000ffff);
    inspect_changed(vm);
    SAYS("gdt fake", "fake: GDT at 0x00013000, limit 0x004f\n");
    SAID("  0008  base 00000000  limit ffffffff  DPL 0  32-bit code, readable  "
         "<- cs\n");
    SAID("  0010  base 00000000  limit ffffffff  DPL 0  32-bit data, writable  "
         "<- es ss ds fs gs\n");
    SAID("  0018  base 00014000  limit 00000067  DPL 0  32-bit TSS, available");
    SAID("  0020  to 0008:");
    SAID("  DPL 3  task gate\n");
    SAID("execute-only, conforming  not present\n");
    SAID("16-bit data, read-only, expand-down");
    SAID("reserved type");
    SAID("  0040  base 00015000  limit 00000fff  DPL 0  LDT  <- ldtr\n");
    SAID("  1 null entry\n");
    SAID("fake: LDT 0040 at 0x00015000, limit 0x000f\n");
    SAID("  000c  base 00000000  limit ffffffff  DPL 3  32-bit code, "
         "readable\n");
    vm->cpu.ldtr.attr = 0;
    vm->cpu.gdtr = (struct table_reg){0x31ff8, 0xffff};
    SAYS("gdt fake", " more where nothing is mapped\n");
    SAID("no LDT is loaded\n");
    vm->cpu.gdtr = (struct table_reg){0, 7};
    SAYS("gdt fake", "1 null entry and nothing else");
}

static void gates_of_every_type_have_names(void)
{
    static const struct {
        u32 type;
        const char *name;
    } gates[] = {
        {SYS_CALL16, "16-bit call gate"}, {SYS_INT16, "16-bit interrupt gate"},
        {SYS_TRAP16, "16-bit trap gate"}, {SYS_TASK_GATE, "task gate"},
        {SYS_CALL32, "32-bit call gate"}, {SYS_INT32, "32-bit interrupt gate"},
        {SYS_TRAP32, "32-bit trap gate"}};

    start();
    vm->cpu.gdtr = (struct table_reg){0x16000, 8 * 8 - 1};
    for (u32 i = 0; i < ARRAY_LEN(gates); i++)
        poke64(0x16008 + 8 * i,
               (u64)gates[i].type << 40 | 0x800000081234 | (u64)(i & 1) << 52);
    type("gdt fake");
    for (u32 i = 0; i < ARRAY_LEN(gates); i++)
        SAID(gates[i].name);
    SAID("to 0008:00001234 ");
}

static void idt_names_handlers_and_real_vectors(void)
{
    start();
    vm->cpu.idtr = (struct table_reg){0x16000, 0x1f};
    poke64(0x16008, 0x00008e0000080000 | (u64)(CODE >> 16) << 48 | 0x20);
    inspect_changed(vm);
    SAYS("idt fake", "fake: IDT at 0x00016000, limit 0x001f\n");
    SAID("  0x01  0008:00020020  int32 ");
    SAID("  main+0x20\n");
    vm->cpu.cr0 &= ~(CR0_PE | CR0_PG);
    SAYS_ALL("idt fake",
             "fake: real-address mode, vectors at 0x00016000, limit 0x001f\n"
             "  0x00-0x01  0000:0000\n"
             "  0x02-0x02  0008:0020\n"
             "  0x03-0x03  0002:8e00\n"
             "  0x04-0x07  0000:0000\n");
    vm->cpu.idtr = (struct table_reg){0xb0000, 0xffff};
    SAYS_ALL("idt fake", "fake: real-address mode, vectors at 0x000b0000, "
                         "limit 0xffff\n");
}

static void a_full_table_is_cut(void)
{
    start();
    vm->cpu.gdtr = (struct table_reg){0x16000, 100 * 8 - 1};
    for (u32 i = 0; i < 100; i++)
        poke64(0x16000 + 8 * i, 0x00cf9a000000ffff);
    SAYS("gdt fake", "  36 more that are not null\n");
}

static void tss_shows_stacks_and_ports(void)
{
    start();
    SAYS_ALL("tss fake", "fake: no task register is loaded: the guest has not "
                         "done LTR\n");
    poke32(TSS + TSS32_ESP0, 0xc0de0000);
    poke32(TSS + TSS32_TRAP, 104 << 16);
    for (u32 i = 0; i < 0x400; i += 4)
        poke32(TSS + 104 + i, 0xffffffff);
    poke32(TSS + 104 + 0x60 / 8, 0xffffffee);
    poke32(TSS + 104 + 0x3c0 / 8, 0xffff0000);
    vm->cpu.tr = (struct segment){.sel = 0x18,
                                  .attr = ATTR_P | SYS_TSS32_BUSY,
                                  .base = TSS,
                                  .limit = 0x3ff};
    SAYS("tss fake", "fake: 32-bit TSS 0018 at 0x00014000, limit 0x3ff\n");
    SAID("esp0 c0de0000     ss0 0000");
    SAID("  ports open to ring 3: 0x0060 0x0064 0x03c0-0x03cf\n");
    for (u32 i = 0; i < 0x400; i += 4)
        poke32(TSS + 104 + i, 0x55555555);
    SAYS("tss fake", " ...\n");
    vm->cpu.tr.base = 0x31000;
    vm->cpu.tr.limit = 0x2000;
    SAYS("tss fake", "ports open to ring 3:");
    vm->cpu.tr.base = TSS;
    vm->cpu.tr.limit = 103;
    SAYS("tss fake", "ports open to ring 3: none\n");
    vm->cpu.tr.attr = ATTR_P | SYS_TSS16_BUSY;
    SAYS("tss fake", "fake: 16-bit TSS");
    SAID("     sp0 0000");
    vm->cpu.tr.base = 0x31ff0;
    SAYS("tss fake", "at 0x00032000 cannot be read\n");
    vm->cpu.tr.attr = ATTR_P | SYS_TSS32_BUSY;
    SAYS("tss fake", "at 0x00032000 cannot be read\n");
}

static void devices_shows_what_the_guest_has_set(void)
{
    start();
    SAYS("devices fake", "pic1   IRR 00  ISR 00  IMR ff");
    SAID("every access so far was claimed by a device\n");
    fake_raise_timer(vm, 0x20);
    bus_write(&vm->pc.bus, BUS_PORT, PORT_PIT_CMD, 1, 0x34);
    SAYS("devices fake", "pit0   mode 2, no count written");
    bus_write(&vm->pc.bus, BUS_PORT, PORT_PIT_CH0, 1, 0x9b);
    bus_write(&vm->pc.bus, BUS_PORT, PORT_PIT_CH0, 1, 0x2e);
    bus_write(&vm->pc.bus, BUS_PORT, PORT_CMOS_INDEX, 1, 0x0b);
    bus_write(&vm->pc.bus, BUS_PORT, PORT_CMOS_DATA, 1, 0xc2);
    bus_write(&vm->pc.bus, BUS_PORT, PORT_COM1 + 3, 1, 0x80);
    bus_write(&vm->pc.bus, BUS_PORT, PORT_COM1, 1, 12);
    bus_write(&vm->pc.bus, BUS_PORT, PORT_COM1 + 1, 1, 0);
    bus_write(&vm->pc.bus, BUS_PORT, PORT_COM1 + 2, 1, 1);
    bus_read(&vm->pc.bus, BUS_PORT, 0x1234, 1);
    SAYS("devices fake", "  pic1   IRR 01  ISR 00  IMR fe  lines 01  ELCR 00  "
                         "vectors 0x20-0x27\n");
    SAID("INTR is up\n");
    SAID("  pit0   mode 2, count 11931, 100 Hz, gate 1\n");
    SAID("(being set)  register B c2 (interrupts on)");
    SAID("  com1   9600 baud, LCR 80 (DLAB)");
    SAID("FIFO on with 0 bytes");
    SAID("  vga    text mode");
    SAID("1 accesses that nobody claimed, the last at 0x1234\n");
    vm->pc.pic.st.chip[1].icw4 = 3;
    vm->pc.pit.st.ch[2].bcd = 1;
    vm->pc.cmos.st.ram[0x0b] = 0x82;
    vm->pc.kbd.st.full = 1;
    vm->pc.kbd.st.scanning = 0;
    vm->pc.a20 = false;
    vm->pc.vga.st.gfx[6] |= 1;
    SAYS("devices fake", "vectors 0x00-0x07  automatic EOI\n");
    SAID("(BCD)");
    SAID("(being set)  register B 82, C");
    SAID("output buffer full, keyboard not scanning");
    SAID("A20 off\n");
    SAID("  vga    graphics mode");
    vm->pc.a20 = true;
    bus_write(&vm->pc.bus, BUS_PORT, PORT_PIC1_CMD, 1, 0x11);
    SAYS("devices fake", "in the middle of its initialisation");
    SAYS("devices fake ranges", "  ports   0x000003f8-0x000003ff  16550A\n");
    SAYS("devices fake what", "usage: devices NAME [ranges]");
}

/* A disk of four sectors, but for its bytes. */
static u8 *a_sector(void *ctx, u32 lba)
{
    static u8 bytes[ATA_SECTOR];

    return bytes;
}

static void devices_shows_the_disk(void)
{
    struct ide_wires wires = {.sector = a_sector, .sectors = 4};

    start();
    EXPECT(!strstr(type("devices fake"), "  ide    "));
    wires.irq = vm->pc.irq;
    ide_init(&vm->pc.ide, &wires);
    SAYS("devices fake", "  ide    4 sectors (2 KiB), status 50, error 01, "
                         "multiple 0, device 00, control 00\n         sectors "
                         "read 0, written 0, commands failed 0\n");
    ide_ops.write(&vm->pc.ide, ATA_COMMAND, 1, ATA_IDENTIFY);
    SAYS("devices fake", "         identifies itself: 1 sectors to go");
    ide_ops.write(&vm->pc.ide, IDE_CONTROL, 1, ATA_CONTROL_SRST);
    ide_ops.write(&vm->pc.ide, IDE_CONTROL, 1, 0);
    ide_ops.write(&vm->pc.ide, ATA_COMMAND, 1, ATA_READ);
    ide_ops.read(&vm->pc.ide, ATA_DATA, 4);
    SAYS("devices fake", "         reads: 1 sectors to go, byte 4 of sector 0");
    for (u32 i = 4; i < ATA_SECTOR; i += 4)
        ide_ops.read(&vm->pc.ide, ATA_DATA, 4);
    SAYS("devices fake", "sectors read 1, written 0, commands failed 0\n");
    ide_ops.write(&vm->pc.ide, ATA_COMMAND, 1, ATA_WRITE);
    SAYS("devices fake",
         "         writes: 256 sectors to go, byte 0 of sector 1");
}

static void log_has_the_last_lines(void)
{
    start();
    fake_hv.log.end = 0;
    SAYS_ALL("log", "The VMM has said nothing yet.\n");
    console_print(&fake_hv.console, "one");
    console_print(&fake_hv.console, "two");
    SAYS_ALL("log", "one\ntwo\n");
    SAYS_ALL("log 1", "two\n");
    SAYS("log 0", "is not a number from 1 to 1000.");
    SAYS("log 1 2", "one word too many");
}

/* Every command, on a VM in every state, with memory and without. */
static void every_state_is_answered(void)
{
    static const char *const lines[] = {
        "regs fake",          "mem fake 0x30000", "mem fake phys 0x30000",
        "dis fake",           "walk fake 0",      "map fake",
        "gdt fake",           "tss fake",         "idt fake",
        "devices fake",       "mem fake $esp",    "walk fake main",
        "devices fake ranges"};

    for (u32 state = VM_RUNNING; state <= VM_KILLED; state++) {
        start();
        vm->state = (enum vm_state)state;
        for (u32 i = 0; i < ARRAY_LEN(lines); i++)
            EXPECT(*type(lines[i]));
    }
    start();
    shadow_destroy(&vm->shadow);
    p2m_destroy(&vm->p2m);
    vm->state = VM_KILLED;
    vm->cpu.gdtr.limit = vm->cpu.ldtr.limit = 0xffff;
    vm->cpu.tr.attr = vm->cpu.ldtr.attr = ATTR_P;
    for (u32 i = 0; i < ARRAY_LEN(lines); i++)
        EXPECT(*type(lines[i]));
    SAYS_ALL("map fake", "fake has no memory: its reset failed.\n");
    SAYS_ALL("walk fake 0", "fake has no memory: its reset failed.\n");
    type("destroy fake");
    SAYS("regs fake", "There is no VM named \"fake\"");
}

/* What the console shows for keys. */
static const char *keys(const char *text)
{
    const char *line;

    fake_hv.console.out = (struct sink){capture, NULL};
    lineedit_init(&fake_hv.console.edit, "> ");
    screen_len = 0;
    for (; *text; text++) {
        if (console_key(&fake_hv.console, (u8)*text, &line) == LINE_COMPLETE)
            monitor_complete(&fake_hv);
    }
    fake_hv.console.edit.text[fake_hv.console.edit.len] = 0;
    return fake_hv.console.edit.text;
}

static void tab_completes(void)
{
    start();
    EXPECT_STR(keys("lis\t"), "list ");
    EXPECT_STR(keys("re\t"), "re");
    SAID("resume  reset  regs");
    EXPECT_STR(keys("regs f\t"), "regs fake ");
    EXPECT_STR(keys("regs \t"), "regs fake ");
    EXPECT_STR(keys("mem fake ph\t0"), "mem fake phys 0");
    EXPECT_STR(keys("mem fake sta\t16"), "mem fake stack 16");
    EXPECT_STR(keys("mem fake s\t"), "mem fake s");
    EXPECT_STR(keys("mem nobody sta\t"), "mem nobody sta");
    EXPECT_STR(keys("gdt fake sta\t"), "gdt fake sta");
    EXPECT_STR(keys("mem a-name-that-no-vm-can-have sta\t"),
               "mem a-name-that-no-vm-can-have sta");
    EXPECT_STR(keys("stats f\t"), "stats fake ");
    EXPECT_STR(keys("stats j\t"), "stats json ");
    EXPECT_STR(keys("trace o\t"), "trace off ");
    EXPECT_STR(keys("trace fake sc\t"), "trace fake sched ");
    EXPECT_STR(keys("help devi\t"), "help devices ");
    EXPECT_STR(keys("help devices \t"), "help devices ");
    EXPECT_STR(keys("create vm=x wei\t9"), "create vm=x weight=9");
    EXPECT_STR(keys("nonsense fa\t"), "nonsense fa");
    EXPECT_STR(keys("xyz\t"), "xyz");
    EXPECT_STR(keys("list \t"), "list ");
    EXPECT_STR(keys("log 5\t"), "log 5");
    EXPECT_STR(keys("mem fake\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\t"), "mem  fake");
    EXPECT_STR(keys("\t"), "");
    SAID("help  list  ");
    SAYS("create vm=fakir mem=2M module=0", "created");
    EXPECT_STR(keys("regs f\t"), "regs fak");
    EXPECT_STR(keys("regs fak\t"), "regs fak");
    SAID("fake  fakir");
}

static const struct unit_case cases[] = {
    CASE(regs_shows_all_of_the_processor),
    CASE(mem_shows_words_text_and_names),
    CASE(dis_shows_code_and_where_it_goes),
    CASE(walk_shows_both_walks_and_why),
    CASE(walk_says_who_watches_a_frame),
    CASE(a_stale_shadow_is_called_so),
    CASE(pae_has_three_levels),
    CASE(map_merges_what_is_alike),
    CASE(map_of_a_guest_without_paging),
    CASE(a_hostile_map_is_shown_in_parts),
    CASE(gdt_names_every_entry),
    CASE(gates_of_every_type_have_names),
    CASE(idt_names_handlers_and_real_vectors),
    CASE(a_full_table_is_cut),
    CASE(tss_shows_stacks_and_ports),
    CASE(devices_shows_what_the_guest_has_set),
    CASE(devices_shows_the_disk),
    CASE(log_has_the_last_lines),
    CASE(every_state_is_answered),
    CASE(tab_completes),
};
UNIT_MAIN(cases)
