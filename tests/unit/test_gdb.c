/* SPDX-License-Identifier: MIT
 *
 * The gdb stub, packet by packet: the frame, sessions, who is attached, who
 * runs, which stop is told when; what gdb would send, and what nobody should.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/ports.h"
#include "tests/unit/gdbworld.h"
#include "vmm/base/bits.h"

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
    EXPECT(!probe_at(vm, 0));
    SAYS_SOME("?", "T05thread:p1.1;");
}

/* ... nor does it stop at the end of steps that nobody waits for. */
static void who_is_left_while_it_steps_runs_on(void)
{
    start();
    attach_all();
    SAYS("vCont;r0,fffffff0:p1.1", "");
    EXPECT(vm->probes.stepping);
    SAYS("D", "OK|");
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT(!vm->probes.stepping);
    EXPECT(!vm->probes.on);
}

/* Whoever asks without end does not keep the guests from running: a turn has
 * one answer. */
static void a_turn_has_one_answer(void)
{
    static char flood[4000];
    u32 asked = 0;

    start();
    second();
    connect();
    for (u32 at = 0; at + 6 <= sizeof(flood); at += 6, asked++)
        memcpy(flood + at, "$qC#b4", 6);
    wire->in = (const u8 *)flood;
    wire->in_size = asked * 6;
    for (u32 i = 0; i < asked; i++) {
        EXPECT_EQ(wire->in_size, (asked - i) * 6);
        EXPECT_STR(poll(), "|");
        EXPECT(gdb_deadline(&fake_hv, 7) <= 1000007);
    }
    EXPECT_STR(poll(), "");
    EXPECT_EQ(gdb_deadline(&fake_hv, 7), UINT64_MAX);
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

static void keep_text(void *ctx, const char *text, size_t len)
{
    strncat(ctx, text, len);
}

static void guests_can_wait_for_gdb(void)
{
    char text[200] = "";
    struct sink out = {keep_text, text};

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
    textlog_show(&fake_hv.log, 1, &out);
    EXPECT(strstr(text, "gdb.wait=1 waits for nobody"));
    gdb_poll(&fake_hv);
}

static const char *said(const char *line)
{
    static char text[1000];
    struct sink out = {keep_text, text};

    text[0] = 0;
    monitor_command_to(&fake_hv, line, &out);
    return text;
}

/* A gdb that was killed leaves what it held; the monitor has it back. */
static void the_monitor_takes_back_what_gdb_held(void)
{
    start();
    wire->out = NULL;
    EXPECT(strstr(said("gdb"), "There is no wire for gdb; the option gdb="));
    start();
    EXPECT_STR(said("gdb"), "gdb has attached no guest.\n");
    attach_all();
    SAYS("Z0,100020,1", "OK|");
    EXPECT_STR(said("gdb"),
               "gdb has fake, which is paused, as process 1, with 1 points.\n");
    EXPECT_STR(said("gdb of"), "usage: gdb [drop]\n");
    EXPECT_STR(said("gdb drop it"), "usage: gdb [drop]\n");
    said("gdb drop");
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT(!probe_at(vm, 0));
    EXPECT_STR(poll(), "");
    SAYS("g", "E03|");
    attach_all();
    SAYS("vCont;c", "");
    said("gdb drop");
    STOPS("X09;process:1|"); /* it waits for something to be told */
    EXPECT_EQ(vm->state, VM_RUNNING);
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
    vm->cpu.eip = 0x1234;
    for (u32 i = 0; i < ARRAY_LEN(reasons); i++) {
        snprintf(set, sizeof(set), "Z%u,1234,4", i);
        SAYS(set, "OK|");
        SAYS(set, "OK|"); /* it is there already */
        EXPECT(probe_at(vm, 0));
        EXPECT(!probe_at(vm, 1));
        SAYS("vCont;c", "");
        stop_by(i < 2 ? STOP_BREAK : STOP_WATCH, 0);
        EXPECT(strstr(poll(), reasons[i]));
        set[0] = 'z';
        SAYS(set, "OK|");
        SAYS(set, "OK|");
        EXPECT(!probe_at(vm, 0));
    }
    SAYS("Z0,1234,1", "OK|");
    SAYS("Z1,1234,1", "OK|");
    SAYS("z0,1234,1", "OK|");
    EXPECT(probe_at(vm, 1) && !probe_at(vm, 0));
}

/* gdb would go on from what it holds for another one's breakpoint. */
static void a_breakpoint_behind_a_base_is_a_plain_stop(void)
{
    start();
    attach_all();
    SAYS("Z0,101234,1", "OK|");
    vm->cpu.eip = 0x1234;
    SAYS("vCont;c", "");
    stop_by(STOP_BREAK, 0);
    STOPS("T05thread:p1.1;4:");
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
    EXPECT(probe_at(vm, 0));
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
    for (u32 i = 0; i < 300; i++) {
        snprintf(set, sizeof(set), "Z2,%x,4", i * 0x100001);
        SAYS(set, "OK|");
    }
    EXPECT_EQ(vm->probes.list.count, 300);
    while (fake_hv.frames.nfree)
        frame_alloc(&fake_hv.frames, FRAME_VMM, 0, &(mfn_t){0});
    for (u32 i = 300; i < 3 * 128; i++) {
        snprintf(set, sizeof(set), "Z2,%x,4", i * 0x100001);
        SAYS(set, "OK|");
    }
    SAYS_SOME("Z0,1000,1", "E.fake has 384 probes, and the machine has no "
                           "memory for another");
    for (u32 i = 0; i < 3 * 128; i++) {
        snprintf(set, sizeof(set), "z2,%x,4", i * 0x100001);
        SAYS(set, "OK|");
    }
    EXPECT_EQ(frames_owned(&fake_hv.frames, 0, FRAME_PROBE), 0);
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
    CASE(who_is_left_while_it_steps_runs_on),
    CASE(a_turn_has_one_answer),
    CASE(who_was_paused_before_stays_so),
    CASE(guests_can_wait_for_gdb),
    CASE(the_monitor_takes_back_what_gdb_held),
    CASE(a_client_without_processes_has_threads),
    CASE(selecting_says_whether_it_is_there),
    CASE(a_stop_stops_all_and_is_told_once),
    CASE(every_point_says_what_it_was),
    CASE(a_breakpoint_behind_a_base_is_a_plain_stop),
    CASE(somebody_elses_point_is_a_plain_stop),
    CASE(points_are_checked),
    CASE(a_dead_vm_is_a_signal_and_stays),
    CASE(a_dead_vm_does_not_keep_others_from_running),
    CASE(vms_to_come_are_attached_and_told),
    CASE(whom_gdb_holds_nobody_lets_go),
    CASE(a_second_stop_waits_its_turn),
    CASE(steps_and_ranges_reach_the_probes),
    CASE(kill_destroys),
};

UNIT_MAIN(cases)
