/* SPDX-License-Identifier: MIT
 *
 * The gdb stub, packet by packet, on the machine without a CPU: what gdb would
 * send, what it must be answered, and what nobody should ever send.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/ports.h"
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/vm/inspect.h"

static struct vm *vm;
static u8 wire_in[16384], wire_out[131072];
static char got[131072]; /* the packets that came out, "|" behind each */
static struct fake_wire *wire;

/* What has come out: packets without frame, acknowledgements as they are. */
static const char *answers(void)
{
    size_t n = 0;

    for (size_t i = 0; i < wire->written; i++) {
        u8 sum = 0;
        char want[3];
        if (wire_out[i] != '$') {
            got[n++] = (char)wire_out[i];
            continue;
        }
        for (i++; i < wire->written && wire_out[i] != '#'; i++) {
            sum += wire_out[i];
            got[n++] = (char)wire_out[i];
        }
        snprintf(want, sizeof(want), "%02x", sum);
        EXPECT(i + 2 < wire->written && !memcmp(want, wire_out + i + 1, 2));
        got[n++] = '|';
        i += 2;
    }
    got[n] = 0;
    wire->written = 0;
    return got;
}

static const char *bytes(const void *data, size_t len)
{
    memcpy(wire_in, data, len);
    wire->in = wire_in;
    wire->in_size = len;
    for (u32 i = 0; i < 40; i++) /* long answers take several turns */
        gdb_poll(&fake_hv);
    return answers();
}

static const char *send(const void *data, size_t len)
{
    const u8 *text = data;
    char frame[8192];
    u8 sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += text[i];
    frame[0] = '$';
    memcpy(frame + 1, data, len);
    snprintf(frame + 1 + len, 4, "#%02x", sum);
    return bytes(frame, len + 4);
}

static const char *ask(const char *text)
{
    return send(text, strlen(text));
}

#define SAYS(packet, answer)    EXPECT_STR(ask(packet), answer)
#define SAYS_SOME(packet, part) EXPECT(strstr(ask(packet), part))

static void start(void)
{
    vm = fake_vm(0x200000, SHADOW_CACHED);
    str_copy(fake_boot.module[0].line, BOOT_LINE, "vm=one mem=2M");
    wire = &fake_wires[ARCH_WIRE_GDB];
    *wire = (struct fake_wire){.out = wire_out, .room = sizeof(wire_out)};
    gdb_init(&fake_hv);
}

static struct vm *second(void)
{
    struct vm_config config = {
        .kind = CONFIG_VM, .name = "two", .mem = 0x200000, .weight = 1};
    char error[200];

    if (!vm_create(&fake_hv, &config, 0, error, sizeof(error))) {
        printf("%s\n", error);
        abort();
    }
    return hv_find(&fake_hv, "two");
}

#define OFFER "qSupported:multiprocess+;swbreak+;hwbreak+;xmlRegisters=i386"

/* As `target remote` begins. */
static void connect(void)
{
    SAYS_SOME(OFFER, "+PacketSize=1000;");
    SAYS("QStartNoAckMode", "+OK|");
}

static void attach_all(void)
{
    connect();
    SAYS_SOME("?", "T05thread:p1.1;");
}

/* ---- the frame */

static void packets_are_acknowledged_until_that_is_left_out(void)
{
    start();
    SAYS("qC", "+|");
    SAYS("QStartNoAckMode", "+OK|");
    SAYS("qC", "|");
}

static void a_wrong_sum_is_sent_again(void)
{
    start();
    EXPECT_STR(bytes("$qC#00", 6), "-");
    EXPECT_STR(bytes("$qC#b4", 6), "+|");
    EXPECT_STR(bytes("$qC#bx", 6), "-");
    connect();
    EXPECT_STR(bytes("$qC#00", 6), ""); /* nobody acknowledges: dropped */
}

static void an_answer_is_repeated_until_it_was_read(void)
{
    start();
    SAYS("vCont?", "+vCont;c;C;s;S;r|");
    EXPECT_STR(bytes("-", 1), "vCont;c;C;s;S;r|");
    EXPECT_STR(bytes("-", 1), "vCont;c;C;s;S;r|");
    EXPECT_STR(bytes("+", 1), "");
    EXPECT_STR(bytes("-", 1), "");
}

static void noise_between_packets_is_dropped(void)
{
    start();
    EXPECT_STR(bytes("abc#zz$q$qC#b4##", 16), "+|");
    EXPECT_STR(bytes("$qC#b4$qC#b4", 12), "+|+|");
}

static void a_packet_too_long_is_refused(void)
{
    static char text[GDB_PACKET + 2];

    start();
    memset(text, 'x', sizeof(text));
    EXPECT_STR(send(text, GDB_PACKET), "+|");
    EXPECT_STR(send(text, GDB_PACKET + 1), "-");
    EXPECT_STR(send("qC}", 3), "-");
    EXPECT_STR(bytes("$}\x51}\x63#9e", 8), "-");
    EXPECT_STR(bytes("$}\x51}\x63#ae", 8), "+|");
}

static void what_nobody_knows_is_answered_by_nothing(void)
{
    start();
    connect();
    SAYS("vMustReplyEmpty", "|");
    SAYS("qCRC:0,1", "|");
    SAYS("", "|");
    SAYS("~", "|");
    SAYS("QNonStop:1", "|");
    SAYS("vFile:unlink:00", "|");
}

/* ---- sessions */

static void target_remote_attaches_all(void)
{
    struct vm *two;

    start();
    two = second();
    attach_all();
    EXPECT_EQ(vm->state, VM_PAUSED);
    EXPECT_EQ(two->state, VM_PAUSED);
    SAYS("qfThreadInfo", "mp1.1,p2.2|");
    SAYS("qsThreadInfo", "l|");
    SAYS("qAttached:1", "1|");
    SAYS("qC", "QCp1.1|");
    SAYS("Tp2.2", "OK|");
    SAYS("Tp3.3", "E03|");
    SAYS("T", "E03|");
    SAYS("qThreadExtraInfo,p2.2", "74776f2c20706175736564|");
    SAYS("qThreadExtraInfo,p9.9", "E03|");
    SAYS("D;2", "OK|");
    EXPECT_EQ(two->state, VM_RUNNING);
    EXPECT_EQ(vm->state, VM_PAUSED);
    SAYS("qfThreadInfo", "mp1.1|");
    EXPECT(gdb_busy(&fake_hv));
    SAYS("D;1", "OK|");
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT(!gdb_busy(&fake_hv));
    SAYS("g", "E03|");
    SAYS("qC", "|");
    SAYS("qfThreadInfo", "l|");
}

static void extended_remote_attaches_none(void)
{
    start();
    second();
    connect();
    SAYS("!", "OK|");
    SAYS("?", "W00|");
    EXPECT_EQ(vm->state, VM_RUNNING);
    SAYS_SOME("vAttach;2", "T05thread:p2.2;");
    SAYS_SOME("vAttach;2", "E.that VM is attached already");
    SAYS_SOME("vAttach;9", "E.there is no VM with the number 9; `monitor");
    SAYS_SOME("vAttach;x", "E.there is no VM");
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT_EQ(fake_hv.vm[1].state, VM_PAUSED);
    SAYS("D", "OK|");
    EXPECT_EQ(fake_hv.vm[1].state, VM_RUNNING);
    SAYS_SOME("D;7", "E.there is no VM");
}

static void a_new_session_takes_over(void)
{
    start();
    attach_all();
    SAYS("Z0,100020,1", "OK|");
    SAYS("vCont;c", "");
    EXPECT_EQ(vm->state, VM_RUNNING);
    connect();
    EXPECT_EQ(vm->state, VM_PAUSED);
    EXPECT(!vm->probes.probe[0].used);
    SAYS_SOME("?", "T05thread:p1.1;");
}

static void who_was_paused_before_stays_so(void)
{
    start();
    vm_pause(vm);
    attach_all();
    SAYS("D", "OK|");
    EXPECT_EQ(vm->state, VM_PAUSED);
    vm_resume(vm);
    attach_all();
    SAYS("k", "");
    EXPECT_EQ(vm->state, VM_RUNNING);
}

static void guests_can_wait_for_gdb(void)
{
    start();
    fake_hv.gdb.wait = true;
    gdb_init(&fake_hv);
    EXPECT_EQ(vm->state, VM_PAUSED);
    attach_all();
    SAYS("D", "OK|");
    EXPECT_EQ(vm->state, VM_RUNNING);
    wire->out = NULL; /* and without a wire nobody would let them go */
    gdb_init(&fake_hv);
    EXPECT_EQ(vm->state, VM_RUNNING);
    gdb_poll(&fake_hv);
}

static void a_client_without_processes_has_threads(void)
{
    start();
    second();
    SAYS_SOME("qSupported:swbreak-", "PacketSize");
    SAYS_SOME("?", "T05thread:1;");
    SAYS("qfThreadInfo", "+m1,2|");
    SAYS("Hg2", "+OK|");
    SAYS("qC", "+QC2|");
    SAYS_SOME("qXfer:threads:read::0,fff", "<thread id=\"2\" core=\"0\"");
    SAYS("s", "+");
    EXPECT_EQ(vm->state, VM_PAUSED);
    EXPECT_EQ(fake_hv.vm[1].state, VM_RUNNING);
    SAYS_SOME("\3", "");
    EXPECT_STR(bytes("\3", 1) + 3, "thread:2;4:00000000;5:00000000;"
                                   "8:20001000;9:02000000;|");
    SAYS("c", "+");
    EXPECT_EQ(vm->state, VM_RUNNING);
}

static void selecting_says_whether_it_is_there(void)
{
    start();
    attach_all();
    SAYS("Hgp1.1", "OK|");
    second();
    gdb_poll(&fake_hv);
    SAYS("Hgp2.-1", "OK|");
    SAYS("Hgp0.0", "OK|"); /* any: the one there is */
    SAYS("qC", "QCp2.2|");
    vm_destroy(&fake_hv.vm[1]);
    SAYS("Hg0", "OK|");
    SAYS("qC", "QCp1.1|");
    SAYS("Hc-1", "OK|");
    SAYS("Hgp2.2", "E03|");
    SAYS("Hg99", "E03|");
    SAYS("Hx1", "E16|");
    SAYS("Hgp", "E16|");
    SAYS("Hg-2", "E16|");
    SAYS("Hgp1.x", "E16|");
    SAYS("Hgfffffffff", "E16|");
}

/* ---- running and stopping */

static void stop_by(enum stop_reason reason, u32 probe)
{
    vm->stop = (struct stop){.stops = vm->stop.stops + 1,
                             .reason = reason,
                             .probe = probe,
                             .at = 0x1234};
    vm_pause(vm);
}

static const char *poll(void)
{
    gdb_poll(&fake_hv);
    return answers();
}

#define STOPS(part) EXPECT(strstr(poll(), part))

static void a_stop_stops_all_and_is_told_once(void)
{
    struct vm *two;

    start();
    two = second();
    attach_all();
    SAYS("vCont;c", "");
    EXPECT_EQ(two->state, VM_RUNNING);
    EXPECT_STR(poll(), "");
    stop_by(STOP_STEP, 0);
    STOPS("T05thread:p1.1;4:");
    EXPECT_EQ(two->state, VM_PAUSED);
    EXPECT_STR(poll(), "");
    SAYS("vCont;c:p2.-1", "");
    EXPECT_EQ(vm->state, VM_PAUSED);
    EXPECT_EQ(two->state, VM_RUNNING);
    EXPECT(!strncmp(bytes("\3", 1), "T02thread:p2.2;", 15));
    EXPECT_STR(bytes("\3", 1), ""); /* everything stands already */
}

static void every_point_says_what_it_was(void)
{
    static const char *const reasons[] = {"swbreak:;", "hwbreak:;",
                                          "watch:1234;", "rwatch:1234;",
                                          "awatch:1234;"};
    char set[24];

    start();
    attach_all();
    for (u32 i = 0; i < ARRAY_LEN(reasons); i++) {
        snprintf(set, sizeof(set), "Z%u,1234,4", i);
        SAYS(set, "OK|");
        SAYS(set, "OK|"); /* it is there already */
        EXPECT_EQ(vm->probes.probe[0].used, true);
        EXPECT_EQ(vm->probes.probe[1].used, false);
        SAYS("vCont;c", "");
        stop_by(i < 2 ? STOP_BREAK : STOP_WATCH, 0);
        EXPECT(strstr(poll(), reasons[i]));
        set[0] = 'z';
        SAYS(set, "OK|");
        SAYS(set, "OK|");
        EXPECT_EQ(vm->probes.probe[0].used, false);
    }
    SAYS("Z0,1234,1", "OK|");
    SAYS("Z1,1234,1", "OK|");
    SAYS("z0,1234,1", "OK|");
    EXPECT(vm->probes.probe[1].used && !vm->probes.probe[0].used);
}

static void somebody_elses_point_is_a_plain_stop(void)
{
    char error[80];

    start();
    attach_all();
    EXPECT_EQ(probe_add(vm, PROBE_MONITOR, PROBE_BREAK, 0x1234, 1, error,
                        sizeof(error)),
              0);
    SAYS("vCont;c", "");
    stop_by(STOP_BREAK, 0);
    STOPS("T05thread:p1.1;4:");
    SAYS("z0,1234,1", "OK|");
    EXPECT(vm->probes.probe[0].used);
}

static void points_are_checked(void)
{
    char set[24];

    start();
    SAYS("QStartNoAckMode", "+OK|");
    SAYS("Z0,0,1", "E03|");
    SAYS("z0,0,1", "E03|");
    attach_all();
    SAYS("Z5,0,1", "E16|");
    SAYS("Z0", "E16|");
    SAYS("Z0,0,1;X1,0", "E16|");
    SAYS("z2,100000000,1", "E16|");
    SAYS_SOME("Z2,ffffffff,2", "E.0x2 bytes from 0xffffffff on are no range");
    SAYS_SOME("Z2,0,0", "E.0x0 bytes");
    for (u32 i = 0; i < PROBES; i++) {
        snprintf(set, sizeof(set), "Z0,%x,1", i);
        SAYS(set, "OK|");
    }
    SAYS_SOME("Z0,1000,1", "E.fake has 64 probes");
}

static void a_dead_vm_is_a_signal_and_stays(void)
{
    start();
    attach_all();
    SAYS("vCont;c", "");
    vm_kill(vm, "it had to be");
    STOPS("T0bthread:p1.1;");
    SAYS_SOME("p8", "20001000|");
    SAYS_SOME("vCont;C0b:p1.1", "T0bthread:p1.1;"); /* no way on */
    vm_destroy(vm);
    SAYS("g", "E03|");
    SAYS("qfThreadInfo", "l|");
    SAYS("vCont;c", "X09;process:1|");
    SAYS("vCont;c", "E03|");
    EXPECT(!gdb_busy(&fake_hv));
}

static void a_dead_vm_does_not_keep_others_from_running(void)
{
    start();
    second();
    attach_all();
    SAYS("vCont;c", "");
    bus_write(&vm->pc.bus, BUS_PORT, PORT_DEBUG_EXIT, 1, 0x10);
    EXPECT_EQ(vm->state, VM_EXITED);
    STOPS("T0fthread:p1.1;");
    SAYS("vCont;c", "");
    EXPECT_EQ(fake_hv.vm[1].state, VM_RUNNING);
    gdb_poll(&fake_hv);
    vm_destroy(vm);
    STOPS("W10;process:1|");
    EXPECT_EQ(fake_hv.vm[1].state, VM_PAUSED);
}

static void vms_to_come_are_attached_and_told(void)
{
    start();
    attach_all();
    second();
    EXPECT_STR(poll(), "");
    EXPECT_EQ(fake_hv.vm[1].state, VM_PAUSED);
    SAYS("qfThreadInfo", "mp1.1,p2.2|");
    vm_destroy(&fake_hv.vm[1]);
    SAYS("vCont;c:p1.1", "");
    second(); /* in the slot of one whose end nobody has heard */
    EXPECT_STR(poll(), "");
    EXPECT_EQ(fake_hv.vm[1].bond, GDB_UNKNOWN);
    EXPECT(!strncmp(bytes("\3", 1), "T02thread:p1.1;", 15));
    SAYS("vCont;c", "X09;process:2|");
    SAYS("qfThreadInfo", "mp1.1,p2.2|"); /* and now the new one */
    SAYS("vCont;c", "");
    vm_destroy(&fake_hv.vm[1]);
    STOPS("X09;process:2|");
    SAYS("vCont;c", "");
    second();
    STOPS("T05thread:p2.2;4:");
    EXPECT_EQ(fake_hv.vm[1].state, VM_PAUSED);
}

static void whom_gdb_holds_nobody_lets_go(void)
{
    start();
    attach_all();
    vm_resume(vm);
    EXPECT_STR(poll(), "");
    EXPECT_EQ(vm->state, VM_PAUSED);
}

static void a_second_stop_waits_its_turn(void)
{
    start();
    second();
    attach_all();
    SAYS("vCont;c", "");
    stop_by(STOP_STEP, 0);
    probe_interrupt(&fake_hv.vm[1]);
    fake_hv.gdb.last = 0;
    STOPS("T02thread:p2.2;");
    SAYS_SOME("vCont;c", "T05thread:p1.1;"); /* told, not run */
    EXPECT_EQ(vm->state, VM_PAUSED);
    SAYS("vCont;c", "");
    stop_by(STOP_STEP, 0);
    EXPECT(!strncmp(bytes("\3", 1), "T05thread:p1.1;", 15));
}

static void steps_and_ranges_reach_the_probes(void)
{
    start();
    second();
    attach_all();
    SAYS("vCont;s:p1.1;c:p1.-1", "");
    EXPECT(vm->probes.stepping && !vm->probes.range);
    EXPECT_EQ(fake_hv.vm[1].state, VM_PAUSED);
    stop_by(STOP_STEP, 0);
    STOPS("T05");
    SAYS("vCont;r100020,100030:p1.1;c", "");
    EXPECT(vm->probes.range && vm->probes.from == 0x100020 &&
           vm->probes.to == 0x100030);
    EXPECT_EQ(fake_hv.vm[1].state, VM_RUNNING);
    bytes("\3", 1);
    SAYS("vCont;S05:p1.1", "");
    bytes("\3", 1);
    SAYS("vCont;C05", "");
    bytes("\3", 1);
    SAYS("vCont;t", "E16|");
    SAYS("vCont;", "E16|");
    SAYS("vCont;Cx", "E16|");
    SAYS("vCont;r10", "E16|");
    SAYS("vCont;c:", "E16|");
    SAYS("vCont;c:p1.1x", "E16|");
    SAYS("vContx", "E16|");
    SAYS("vCont;c:p7.7", "E03|");
    SAYS("vCont", "E03|");
}

static void kill_destroys(void)
{
    start();
    second();
    attach_all();
    SAYS("vKill;2", "OK|");
    EXPECT_EQ(fake_hv.vm[1].state, VM_EMPTY);
    SAYS_SOME("vKill;2", "E.there is no VM");
    second();
    gdb_poll(&fake_hv);
    SAYS("D;2", "OK|");
    SAYS_SOME("vKill;2", "E.that VM is not attached");
    SAYS("k", "");
    SAYS("c", "E03|");
}

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
    CASE(packets_are_acknowledged_until_that_is_left_out),
    CASE(a_wrong_sum_is_sent_again),
    CASE(an_answer_is_repeated_until_it_was_read),
    CASE(noise_between_packets_is_dropped),
    CASE(a_packet_too_long_is_refused),
    CASE(what_nobody_knows_is_answered_by_nothing),
    CASE(target_remote_attaches_all),
    CASE(extended_remote_attaches_none),
    CASE(a_new_session_takes_over),
    CASE(who_was_paused_before_stays_so),
    CASE(guests_can_wait_for_gdb),
    CASE(a_client_without_processes_has_threads),
    CASE(selecting_says_whether_it_is_there),
    CASE(a_stop_stops_all_and_is_told_once),
    CASE(every_point_says_what_it_was),
    CASE(somebody_elses_point_is_a_plain_stop),
    CASE(points_are_checked),
    CASE(a_dead_vm_is_a_signal_and_stays),
    CASE(a_dead_vm_does_not_keep_others_from_running),
    CASE(vms_to_come_are_attached_and_told),
    CASE(whom_gdb_holds_nobody_lets_go),
    CASE(a_second_stop_waits_its_turn),
    CASE(steps_and_ranges_reach_the_probes),
    CASE(kill_destroys),
    CASE(memory_is_read_and_written),
    CASE(physical_memory_is_a_mode),
    CASE(registers_are_what_target_xml_says),
    CASE(target_xml_comes_in_pieces),
    CASE(registers_are_set_as_the_guest_could),
    CASE(selectors_are_loaded_from_the_guests_tables),
    CASE(control_registers_are_checked),
    CASE(all_at_once),
    CASE(lists_have_names_that_cannot_break_them),
    CASE(the_monitor_answers),
    CASE(long_answers_wait_for_each_other),
    CASE(text_has_its_bounds),
    CASE(the_image_is_a_file),
    CASE(a_full_wire_holds_nobody_up),
};

UNIT_MAIN(cases)
