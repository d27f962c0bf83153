/* SPDX-License-Identifier: MIT
 *
 * The gdb stub, packet by packet: memory, registers, lists, files, what the
 * monitor says, and a wire that does not take everything.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/unit/gdbworld.h"

/* ---- memory */

static void memory_is_read_and_written(void)
{
    start();
    SAYS("m0,1", "+E03|");
    SAYS("M0,1:00", "+E03|");
    SAYS("X0,0:", "+E03|");
    attach_all();
    SAYS("M100100,4:01a2B3ff", "OK|");
    SAYS("m100100,4", "01a2b3ff|");
    EXPECT_STR(send("X100102,3:}\x03}]", 14), "E16|");
    EXPECT_STR(send("X100102,2:}\x03}]", 14), "OK|");
    SAYS("m100100,4", "01a2237d|");
    SAYS("X100100,0:", "OK|");
    SAYS("m100100,0", "|");
    SAYS("m1ffffe,8", "0000|"); /* as far as it goes */
    SAYS("m200000,1", "E0e|");
    SAYS("M200000,1:00", "E0e|");
    SAYS("X200000,1:a", "E0e|");
    SAYS("m100000000,1", "E0e|");
    SAYS("M100000000,1:00", "E0e|");
    SAYS("m1", "E16|");
    SAYS("m1,1,", "E16|");
    SAYS("M0,2:00", "E16|");
    SAYS("M0,1:0", "E16|");
    SAYS("M0,1:zz", "E0e|");
    SAYS("X0,1:", "E16|");
    EXPECT_EQ(strlen(ask("m100000,ffffffff")), GDB_PACKET + 1);
}

static void physical_memory_is_a_mode(void)
{
    start();
    attach_all();
    SAYS("qqemu.PhyMemMode", "0|");
    SAYS("Qqemu.PhyMemMode:1", "OK|");
    SAYS("qqemu.PhyMemMode", "1|");
    SAYS("M100100,2:55aa", "OK|");
    SAYS("m100100,2", "55aa|");
    SAYS("m100000000,1", "E0e|");
    SAYS("Qqemu.PhyMemMode:2", "E16|");
    SAYS("Qqemu.PhyMemMode1", "E16|");
    connect();
    EXPECT(!fake_hv.gdb.physical);
}

/* ---- registers */

static void registers_are_what_target_xml_says(void)
{
    char packet[40];
    u32 count = 0;

    start();
    attach_all();
    EXPECT_EQ(strlen(ask("g")), 2 * 312 + 1);
    for (; count < 100; count++) {
        snprintf(packet, sizeof(packet), "p%x", count);
        if (*ask(packet) == 'E')
            break;
    }
    EXPECT_EQ(count, 67);
    SAYS("p8x", "E16|");
    SAYS("P8", "E16|");
    SAYS("P8=123", "E16|");
    SAYS("P8=0000zz00", "E16|");
    SAYS("Pff=00000000", "E16|");
}

/* The XML, put together of pieces of 256 bytes. */
static void target_xml_comes_in_pieces(void)
{
    static char xml[16384];
    char packet[64];
    u32 regs = 0, at = 0;

    start();
    attach_all();
    for (;;) {
        const char *part;
        size_t len;
        snprintf(packet, sizeof(packet),
                 "qXfer:features:read:target.xml:%x,100", at);
        part = ask(packet);
        len = strlen(part) - 2;
        memcpy(xml + at, part + 1, len);
        at += (u32)len;
        if (*part == 'l')
            break;
        EXPECT(*part == 'm' && len == 256);
    }
    xml[at] = 0;
    for (char *r = strstr(xml, "<reg "); r; r = strstr(r + 1, "<reg "))
        regs++;
    EXPECT_EQ(regs, 67);
    EXPECT(strstr(xml, "<reg name=\"eip\" bitsize=\"32\" type=\"code_ptr\"/>"));
    EXPECT(!strcmp(xml + at - 10, "</target>\n"));
    SAYS("qXfer:features:read:target.xml:ffff,10", "l|");
}

#define SET(n, value)          EXPECT_STR(ask("P" n "=" value), "OK|")
#define SET_NOT(n, value, why) EXPECT(strstr(ask("P" n "=" value), why))

static void registers_are_set_as_the_guest_could(void)
{
    start();
    attach_all();
    vm->cpu.halted = 1;
    SET("0", "78563412");
    EXPECT_EQ(vm->cpu.gpr[EAX], 0x12345678);
    SET("8", "00002000");
    EXPECT_EQ(vm->cpu.eip, 0x200000);
    EXPECT(!vm->cpu.halted);
    SET("9", "ffff3d00");
    EXPECT_EQ(vm->cpu.eflags, 0x3d7fd7);
    SET_NOT("9", "00000200", "E.eflags: VM changes by");
    SET("24", "00000000000000000000000000000001"); /* xmm4 */
    EXPECT_EQ(fpu_xmm(&fake_fpu, 4)[15], 1);
    SET("10", "00000000000000800040"); /* ST(0) */
    EXPECT_EQ(fake_fpu.image[FX_ST + 9], 0x40);
    SET("18", "7f020000");
    EXPECT_EQ(fpu_word(&fake_fpu, FX_FCW) & 0xf00, 0x200);
    SET("1c", "44332211");
    SAYS("p1c", "44332211|");
    SAYS("p1b", "00000000|");
    SET("28", "801f0000");
    SET("28", "001f0000");
    SET_NOT("28", "0000ff00", "E.mxcsr: MXCSR has reserved bits set");
    SET("29", "ffffffff");
    SET_NOT("29", "00000000", "E.orig_eax: this register is read-only");
    SET("2d", "00100000"); /* es_base */
    EXPECT_EQ(vm->cpu.seg[SEG_ES].base, 0x1000);
    SET_NOT("42", "03000000", "read-only");
    SET_NOT("38", "08000000", "E.ldtr: this register is read-only");
}

static void selectors_are_loaded_from_the_guests_tables(void)
{
    static const u64 gdt[] = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff,
                              0x00cff3000000ffff};

    start();
    attach_all();
    SET_NOT("e", "18000000",
            "E.fs: the processor refuses it with exception 13");
    p2m_write(&vm->p2m, gpa(0x101000), gdt, sizeof(gdt));
    SET("35", "1f000000");
    SET("34", "00101000");
    EXPECT_EQ(vm->cpu.gdtr.base, 0x101000);
    SET_NOT("35", "00000100", "E.gdtr_limit: a table's limit has 16 bits");
    SET("e", "1b000000");
    EXPECT_EQ(vm->cpu.seg[SEG_FS].attr & 0xff, 0xf3);
    SET_NOT("e", "00000100", "E.fs: a selector has 16 bits");
    SET_NOT("a", "10000000", "E.cs: the processor refuses it");
    SET("37", "ff070000");
    SET("36", "00201000");
    EXPECT_EQ(vm->cpu.idtr.limit, 0x7ff);
}

static void control_registers_are_checked(void)
{
    start();
    attach_all();
    SET("31", "00500000");
    EXPECT_EQ(vm->cpu.cr2, 0x5000);
    SET("32", "00600000");
    EXPECT_EQ(vm->cpu.cr3, 0x6000);
    SET("33", "10000000");
    EXPECT_EQ(vm->cpu.cr4, 0x10);
    SET_NOT("33", "00002000", "E.cr4: the processor refuses it");
    SET_NOT("33", "20000000", "E.cr4: exec=trap cannot run that mode");
    SET("30", "33000100");
    EXPECT_EQ(vm->cpu.cr0, 0x10033);
    SET_NOT("30", "32000000", "E.cr0: PE does not change");
    SET_NOT("30", "31000020", "E.cr0: PG needs PE");
    SET("3c", "78560000"); /* dr0 */
    SET("41", "ffffffff");
    EXPECT_EQ(vm->cpu.dr[7], 0xffff27ff);
    SET("40", "00000000");
    EXPECT_EQ(vm->cpu.dr[6], 0xffff0ff0);
}

static void all_at_once(void)
{
    char packet[700];

    start();
    SAYS("G00", "+E03|");
    SAYS("P0=00000000", "+E03|");
    SAYS("p0", "+E03|");
    attach_all();
    packet[0] = 'G';
    str_copy(packet + 1, sizeof(packet) - 1, ask("g"));
    *strchr(packet, '|') = 0;
    memcpy(packet + 1, "efbeadde", 8);
    SAYS(packet, "OK|");
    EXPECT_EQ(vm->cpu.gpr[EAX], 0xdeadbeef);
    memcpy(packet + 1 + 2 * 4 * 11, "ff", 2);
    SAYS_SOME(packet, "E.ss: the processor refuses it");
    SAYS("G01", "E.eax: it came incomplete|");
    SAYS("Gxx", "E.eax: it came incomplete|");
}

/* Its reset has failed: there is no shadow, and not all of its memory. */
static void a_failed_reset_leaves_nothing_to_be_set(void)
{
    char error[200];
    u32 number;

    start();
    attach_all();
    vm->config.mem = 0x80000000;
    EXPECT(!vm_reset(vm, error, sizeof(error)));
    EXPECT(!vm->shadow.ready);
    SAYS_SOME("?", "T0bthread:p1.1;");
    SAYS_SOME("g", "0000000000");
    for (number = 0; number < 67; number++) {
        char packet[64];
        bool wide = number >= 32 && number < 40;
        bool stack = number >= 16 && number < 24;
        snprintf(packet, sizeof(packet), "P%x=%0*x", number,
                 wide    ? 32
                 : stack ? 20
                         : 8,
                 0x10000000);
        SAYS_SOME(packet, "E.its reset has failed; `monitor reset");
    }
    SAYS_SOME("G00000000", "E.its reset has failed");
    SAYS("m7ffff000,4", "E0e|");
    SAYS("M0,1:00", "E0e|");
    SAYS("X0,1:x", "E0e|");
}

/* The registers that PAE paging reads its directory pointers into keep what
 * was there when CR3 was loaded, whatever the debugger changes. */
static void directory_pointers_stay_loaded(void)
{
    const u64 now = 0x5001, later = 0x7001;

    start();
    vm->config.exec = EXEC_INTERP;
    p2m_write(&vm->p2m, gpa(0x4000), &now, sizeof(now));
    attach_all();
    SET("32", "00400000");
    SET("33", "20000000");
    SET("30", "11000080");
    EXPECT_EQ(vm->cpu.pdpte[0], now);
    p2m_write(&vm->p2m, gpa(0x4000), &later, sizeof(later));
    SET("0", "78563412");
    EXPECT_EQ(vm->cpu.pdpte[0], now);
    EXPECT_EQ(vm->shadow.mode.pdpte[0], now);
    SET("32", "08400000");
    SET("32", "00400000");
    EXPECT_EQ(vm->cpu.pdpte[0], later);
}

static void what_gdb_touches_is_not_watched(void)
{
    static const u64 gdt[] = {0, 0, 0, 0x00cf92000000ffff};

    start();
    attach_all();
    p2m_write(&vm->p2m, gpa(0x101000), gdt, sizeof(gdt));
    SET("34", "00101000");
    SAYS("Z4,101000,1000", "OK|");
    probe_install(vm);
    SET("35", "1f000000");
    SET("e", "18000000");
    SAYS("vCont;c", "");
    probe_settle(vm);
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT_EQ(probe_at(vm, 0)->hits, 0);
}

/* ---- questions */

static void lists_have_names_that_cannot_break_them(void)
{
    start();
    str_copy(vm->config.name, sizeof(vm->config.name), "a<&\">'#$*}\x80");
    attach_all();
    SAYS_SOME("qXfer:threads:read::0,fff", "name=\"a&}\x03"
                                           "60;&}\x03"
                                           "38;&}\x03"
                                           "34;");
    SAYS_SOME("qXfer:osdata:read:processes:0,fff",
              "<column name=\"memory\">2M");
    SAYS("qXfer:osdata:read:x:0,fff", "E02|");
    SAYS("qXfer:auxv:read::0,fff", "E02|");
    SAYS("qXfer:threads:write::0:", "E16|");
    SAYS("qXfer:threads:read::0", "E16|");
    SAYS("qXfer:threads", "E16|");
    SAYS("qXfer:threads:read:0", "E16|");
}

static void the_monitor_answers(void)
{
    start();
    attach_all();
    /* list */
    SAYS_SOME("qRcmd,6c697374", "O4e414d4520");
    EXPECT(!strcmp(got + strlen(got) - 4, "|OK|"));
    SAYS("qRcmd,", "OK|");
    SAYS("qRcmd,6", "E16|");
    SAYS("qRcmd,xx", "E16|");
}

/* In ack mode each piece waits for its acknowledgement. */
static void long_answers_wait_for_each_other(void)
{
    start();
    ask(OFFER);
    EXPECT_STR(bytes("+", 1), "");
    fake_hv.gdb.text_len = 3000;
    fake_hv.gdb.talking = true;
    EXPECT_EQ(strlen(bytes("", 0)), 1 + 2 * 2032 + 1);
    EXPECT_STR(bytes("", 0), "");
    EXPECT_EQ(strlen(bytes("-", 1)), 1 + 2 * 2032 + 1);
    EXPECT_EQ(strlen(bytes("+", 1)), 1 + 2 * (3000 - 2032) + 1);
    EXPECT_STR(bytes("+", 1), "OK|");
}

static void text_has_its_bounds(void)
{
    start();
    attach_all();
    fake_hv.gdb.text_len = GDB_TEXT;
    fake_hv.gdb.text_at = 0;
    memset(fake_hv.gdb.text, 'x', GDB_TEXT);
    fake_hv.gdb.talking = true;
    EXPECT_EQ(gdb_deadline(&fake_hv, 5), 1000005);
    bytes("", 0);
    EXPECT_EQ(strlen(got), 2 * GDB_TEXT + (GDB_TEXT + 2031) / 2032 * 2 + 3);
    EXPECT_EQ(gdb_deadline(&fake_hv, 5), UINT64_MAX);
}

static void the_image_is_a_file(void)
{
    start();
    attach_all();
    SAYS("qXfer:exec-file:read:1:0,fff", "l/fake.elf|");
    SAYS("qXfer:exec-file:read::0,fff", "l/fake.elf|");
    SAYS("qXfer:exec-file:read:0:0,fff", "E02|");
    SAYS("qXfer:exec-file:read:2:0,fff", "E02|");
    SAYS("vFile:setfs:0", "F0|");
    SAYS("vFile:open:2f66616b652e656c66,0,0", "F0|"); /* /fake.elf */
    SAYS("vFile:open:2f66616b65,0,0", "F-1,2|");
    SAYS("vFile:open:2f6,0,0", "F-1,2|");
    SAYS("vFile:pread:0,4,0", "F4;\177ELF|");
    SAYS("vFile:pread:0,40,ffffff", "F0;|");
    SAYS("vFile:pread:1,4,0", "F-1,16|");
    SAYS("vFile:pread:0,4", "F-1,16|");
    SAYS("vFile:fstat:1", "F-1,16|");
    ask("vFile:fstat:0");
    EXPECT(!strncmp(got, "F40;", 4));
    SAYS("vFile:close:0", "F0|");
    fake_image.ehdr[0] = 0;
    SAYS("vFile:pread:0,4,0", "F-1,16|");
}

/* ---- a wire that does not take everything */

static void a_full_wire_holds_nobody_up(void)
{
    u64 now;

    start();
    attach_all();
    wire->room = 10;
    SAYS("vCont;c", "");
    stop_by(STOP_STEP, 0);
    gdb_poll(&fake_hv);
    EXPECT_EQ(wire->written, 10);
    EXPECT_EQ(gdb_deadline(&fake_hv, 7), 1000007);
    now = fake_now;
    wire->in = (const u8 *)"$qC#b4";
    wire->in_size = 6;
    gdb_poll(&fake_hv);
    EXPECT_EQ(gdb_deadline(&fake_hv, 7), 1000007);
    EXPECT_EQ(wire->in_size, 6); /* nothing is read meanwhile */
    EXPECT_EQ(vm->state, VM_PAUSED);
    wire->in_size = 0;
    fake_now = now + GDB_PATIENCE_NS + 2;
    gdb_poll(&fake_hv);
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT(!gdb_busy(&fake_hv));
    EXPECT_EQ(gdb_deadline(&fake_hv, 7), UINT64_MAX);
}

static const struct unit_case cases[] = {
    CASE(memory_is_read_and_written),
    CASE(physical_memory_is_a_mode),
    CASE(registers_are_what_target_xml_says),
    CASE(target_xml_comes_in_pieces),
    CASE(registers_are_set_as_the_guest_could),
    CASE(selectors_are_loaded_from_the_guests_tables),
    CASE(control_registers_are_checked),
    CASE(all_at_once),

    CASE(a_failed_reset_leaves_nothing_to_be_set),
    CASE(directory_pointers_stay_loaded),
    CASE(what_gdb_touches_is_not_watched),
    CASE(lists_have_names_that_cannot_break_them),
    CASE(the_monitor_answers),
    CASE(long_answers_wait_for_each_other),
    CASE(text_has_its_bounds),
    CASE(the_image_is_a_file),
    CASE(a_full_wire_holds_nobody_up),
};

UNIT_MAIN(cases)
