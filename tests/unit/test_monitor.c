/* SPDX-License-Identifier: MIT
 *
 * Every monitor command on a VM in every state, right words and wrong ones.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/ports.h"
#include "tests/fake/machine.h"
#include "tests/unit/screen.h"
#include "tests/unit/unit.h"

static struct vm *vm;

/* What one command prints. */
static const char *type(const char *line)
{
    wipe();
    monitor_command(&fake_hv, line);
    return screen;
}

static void start(void)
{
    vm = fake_vm(0x200000, SHADOW_CACHED);
    fake_hv.console.out = (struct sink){capture, NULL};
    str_copy(fake_boot.module[0].line, BOOT_LINE, "vm=one mem=2M");
}

#define SAYS(line, what)     EXPECT(strstr(type(line), (what)))
#define SAYS_ALL(line, what) EXPECT_STR(type(line), (what))

static void nothing_typed_says_nothing(void)
{
    start();
    SAYS_ALL("", "");
    SAYS_ALL("   ", "");
}

static void help_knows_every_command(void)
{
    static const char *const names[] = {
        "help",  "list",    "attach", "pause",  "resume",
        "reset", "destroy", "create", "idt",    "audit",
        "stats", "modules", "type",   "screen", "poweroff"};
    char line[40];

    start();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        EXPECT(strstr(type("help"), names[i]));
        snprintf(line, sizeof(line), "help %s", names[i]);
        type(line);
        snprintf(line, sizeof(line), "usage: %s", names[i]);
        EXPECT(str_starts(screen, line));
    }
    SAYS("help lits", "did you mean `list`?");
}

static void help_create_has_every_key(void)
{
    start();
    SAYS("help create", "vm=  ");
    SAYS("help create", "mem=  ");
    SAYS("help create", "shadow=  vtlb or cached\r\n");
    SAYS("help create", "weight=  ");
    SAYS("help create", "module=  ");
    EXPECT(!strstr(type("help create"), "for="));
}

static void a_wrong_command_is_told_the_nearest(void)
{
    start();
    SAYS_ALL("lsit", "\"lsit\" is not a command; did you mean `list`?\r\n");
    SAYS("atach fake", "did you mean `attach`?");
    SAYS("dstroy", "did you mean `destroy`?");
    SAYS("poweron", "did you mean `poweroff`?");
    SAYS("frobnicate", "`help` lists those there are");
    SAYS("x", "`help` lists those there are");
    SAYS("a-word-that-is-longer-than-any-command-could-ever-be", "`help`");
    SAYS("LIST", "is not a command");
}

static void missing_and_surplus_words_get_the_usage(void)
{
    start();
    SAYS_ALL("pause", "usage: pause NAME\r\n");
    SAYS_ALL("pause fake now", "usage: pause NAME\r\n");
    SAYS_ALL("list all", "usage: list\r\n");
    SAYS_ALL("type", "usage: type NAME TEXT\r\n");
    SAYS_ALL("type fake", "usage: type NAME TEXT\r\n");
    SAYS_ALL("type fake   ", "usage: type NAME TEXT\r\n");
    SAYS_ALL("poweroff now", "usage: poweroff\r\n");
    EXPECT(!fake_hv.poweroff);
}

static void a_wrong_name_is_told_the_right_ones(void)
{
    start();
    SAYS_ALL("pause nobody",
             "There is no VM named \"nobody\"; there are: fake.\r\n");
    SAYS("audit a-name-longer-than-fifteen", "there are: fake.");
    type("create vm=two mem=2M");
    SAYS("idt tow", "there are: fake, two.");
    type("destroy fake");
    type("destroy two");
    SAYS("pause fake", "there is none at all");
}

static void list_shows_state_and_why(void)
{
    start();
    vm->run_ns = 2500000000u;
    vm->exits = 5000;
    SAYS("list", "fake               1  running      2M      1       2500 "
                 "        5000      2000\r\n");
    SAYS("list", "1 of 16 VMs");
    vm->cpu.halted = true;
    SAYS("list", "halted");
    type("pause fake");
    SAYS("list", "paused");
    type("resume fake");
    vm_kill(vm, "it did something %s", "odd");
    SAYS("list", "because it did something odd.\r\n");
    type("reset fake");
    bus_write(&vm->pc.bus, BUS_PORT, PORT_DEBUG_EXIT, 1, 0x31);
    SAYS("list", "with status 0x31\r\n");
    type("destroy fake");
    EXPECT(!strstr(type("list"), "fake"));
    SAYS("list", "0 of 16 VMs");
}

static void pause_and_resume(void)
{
    u64 then;

    start();
    SAYS_ALL("resume fake",
             "fake is running; only a paused VM can be resumed.\r\n");
    SAYS_ALL("pause fake", "trapline: fake: paused\r\n");
    EXPECT_EQ(vm->state, VM_PAUSED);
    then = vm_now(vm);
    fake_now += 1000;
    EXPECT_EQ(vm_now(vm), then);
    SAYS("pause fake", "fake is paused; only a running VM");
    SAYS_ALL("resume fake", "trapline: fake: resumed\r\n");
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT_EQ(vm_now(vm), then);
    vm_kill(vm, "dead");
    SAYS("pause fake", "fake is killed; only a running VM");
    SAYS("resume fake", "`reset` starts it anew");
}

static void reset_works_in_every_state(void)
{
    start();
    for (int i = 0; i < 4; i++) {
        if (i == 1)
            type("pause fake");
        if (i == 2)
            vm_kill(vm, "dead");
        if (i == 3)
            bus_write(&vm->pc.bus, BUS_PORT, PORT_DEBUG_EXIT, 1, 0x10);
        SAYS_ALL("reset fake", "trapline: fake: reset\r\n");
        EXPECT_EQ(vm->state, VM_RUNNING);
        EXPECT_EQ(vm->cpu.eip, 0x100020);
    }
}

static void a_reset_that_fails_leaves_a_vm_that_commands_survive(void)
{
    static const char *const all[] = {
        "list",       "idt fake",    "audit fake",  "stats fake",
        "pause fake", "resume fake", "type fake x", "attach fake"};
    start();
    fake_image.code[0] ^= 1; /* its module is no image any more */
    SAYS("reset fake", "killed: it could not be reset");
    EXPECT_EQ(vm->state, VM_KILLED);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        EXPECT(*type(all[i]) || i == 6);
    shadow_destroy(&vm->shadow);
    p2m_destroy(&vm->p2m);
    type("stats fake");
    SAYS_ALL("audit fake",
             "audit: fake: it has no shadow to audit; `reset` makes one\r\n");
    SAYS("destroy fake", "destroyed");
}

static void destroy_gives_everything_back(void)
{
    u32 free;

    start();
    free = fake_hv.frames.nfree;
    SAYS("create vm=two mem=2M", "trapline: two: created");
    EXPECT(fake_hv.frames.nfree < free);
    SAYS_ALL("destroy two", "trapline: two: destroyed\r\n");
    EXPECT_EQ(fake_hv.frames.nfree, free);
    EXPECT(!hv_find(&fake_hv, "two"));
}

static void create_takes_the_keys_of_a_module_line(void)
{
    const struct vm *two;

    start();
    SAYS_ALL("create vm=two mem=2M shadow=vtlb weight=3 -- hello  -- module=7",
             "trapline: two: created from boot module 0\r\n");
    two = hv_find(&fake_hv, "two");
    EXPECT(two && two->config.shadow == SHADOW_VTLB);
    EXPECT(two && two->config.weight == 3);
    EXPECT_STR(two ? two->config.line : "", "hello  -- module=7");
}

static void create_chooses_the_module(void)
{
    start();
    fake_boot.modules = 3;
    fake_boot.module[1] = fake_boot.module[2] = fake_boot.module[0];
    str_copy(fake_boot.module[0].line, BOOT_LINE, "for=one initrd");
    str_copy(fake_boot.module[1].line, BOOT_LINE, "vm=one mem=2M");
    str_copy(fake_boot.module[2].line, BOOT_LINE, "vm=other mem=2M");
    SAYS("create vm=a mem=1M", "create: ");
    EXPECT(!hv_find(&fake_hv, "a"));
    SAYS("create vm=a mem=2M", "a: created from boot module 1\r\n");
    type("destroy a");
    SAYS("create module=other vm=a mem=2M", "created from boot module 2\r\n");
    type("destroy a");
    SAYS("create vm=a module=0 mem=2M", "created from boot module 0\r\n");
    type("destroy a");
    SAYS("create vm=a module=3", "there is no boot module 3");
    SAYS("create vm=a module=99999999999", "there is no boot module");
    SAYS("create vm=a module=none", "\"module=none\" names no boot module");
    SAYS("create vm=a module=", "names no boot module");
    str_copy(fake_boot.module[1].line, BOOT_LINE, "nonsense");
    str_copy(fake_boot.module[2].line, BOOT_LINE, "");
    SAYS("create vm=a mem=2M", "no boot module has a vm= line");
    fake_boot.modules = 1;
}

static void create_says_what_is_wrong(void)
{
    start();
    SAYS("create", "write vm=NAME");
    SAYS("create for=fake initrd", "write vm=NAME");
    SAYS("create vm=two mem=lots", "\"mem=lots\"");
    SAYS("create vm=two speed=9", "\"speed=9\"");
    SAYS("create vm=fake mem=2M", "a VM named \"fake\" already");
    SAYS("create vm=two mem=1G", "more than the");
    fake_image.ehdr[0] = 0;
    SAYS("create vm=two mem=2M", "create: it is not an image");
    EXPECT(!hv_find(&fake_hv, "two"));
}

static void attach_gives_the_keyboard_to_any_vm(void)
{
    start();
    SAYS_ALL("attach fake", "attached to fake; Ctrl-] leaves\r\n");
    EXPECT_EQ(fake_hv.console.attached, 0);
    console_detach(&fake_hv.console);
    vm_kill(vm, "dead");
    SAYS_ALL("attach fake", "fake is killed; it will not answer.\r\n"
                            "attached to fake; Ctrl-] leaves\r\n");
    EXPECT_EQ(fake_hv.console.attached, 0);
    console_detach(&fake_hv.console);
}

static void idt_shows_installed_gates_and_changes(void)
{
    start();
    SAYS_ALL("idt fake", "fake has not installed any trap handler.\r\n");
    recorder_load(&vm->recorder, RECORD_LIDT, 0, 0x1234567800ffull, 5000000,
                  0x100010);
    recorder_gate(&vm->recorder, 14, 0x00081234, 0xc0108e00, 12000000,
                  0xc0100456);
    recorder_gate(&vm->recorder, 128, 0x00085678, 0xc010ef00, 1002000000,
                  0xc0100460);
    recorder_gate(&vm->recorder, 3, 0x00081111, 0xc0108e00, 1, 1);
    recorder_gate(&vm->recorder, 3, 0, 0, 3000000000u, 0xc0100470);
    recorder_desc(&vm->recorder, RECORD_GDT_ENTRY, 2, 0, 0xcf93000000ffff,
                  9000000, 0x100020);
    vm->recorder.gate[14].reflected = 17;
    SAYS("idt fake", "  0x0e  0008:c0101234  int32     0      0.012 s  "
                     "c0100456            17\r\n");
    SAYS("idt fake", "  0x80  0008:c0105678  trap32    3      1.002 s");
    SAYS("idt fake", "  0x03  0000:00000000");
    SAYS("idt fake", "not present\r\n");
    SAYS("idt fake", "lidt: base 0x00000000 limit 0x0000 -> base 0x12345678 "
                     "limit 0x00ff\r\n");
    SAYS("idt fake", "gate 0x0e: 0x0000000000000000 -> 0xc0108e0000081234\r\n");
    SAYS("idt fake", "gate 0x03: 0xc0108e0000081111 -> 0x0000000000000000");
    SAYS("idt fake", "gdt 0x02: ");
    EXPECT(!strstr(type("idt fake"), "0x04 "));
}

static void idt_puts_idle_interrupt_gates_together(void)
{
    start();
    for (u32 v = 0; v < TRAP_VECTORS; v++)
        recorder_gate(&vm->recorder, v, 0x00080000 | v, 0xc0108e00, 1000000 + v,
                      7);
    vm->recorder.gate[0x40].reflected = 1;
    type("idt fake");
    EXPECT(strstr(screen, "  0x1f  0008:c010001f"));
    EXPECT(strstr(screen, "  0x20  0008:c0100020"));
    EXPECT(!strstr(screen, "  0x21  "));
    EXPECT(strstr(screen, "and 31 more up to 0x3f, alike, at c010003f\r\n"));
    EXPECT(strstr(screen, "  0x40  0008:c0100040"));
    EXPECT(strstr(screen, "  0x41  0008:c0100041"));
    EXPECT(strstr(screen, "and 190 more up to 0xff, alike, at c01000ff\r\n"));
    recorder_gate(&vm->recorder, 0x80, 0x00080080, 0xc010ee00, 1000000, 7);
    type("idt fake");
    EXPECT(strstr(screen, "and 62 more up to 0x7f"));
    EXPECT(strstr(screen, "  0x80  0008:c0100080  int32     3"));
}

static void idt_shows_the_last_changes_only(void)
{
    start();
    for (u32 i = 0; i < 1000; i++)
        recorder_gate(&vm->recorder, 5, i + 1, 0x8e00, i * 1000000ull, i);
    SAYS("idt fake", "fake: 1000 changes recorded, the last 16:\r\n");
    SAYS("idt fake", "0x00008e00000003e7 -> 0x00008e00000003e8");
    EXPECT(!strstr(type("idt fake"), "-> 0x00008e00000003d8"));
    SAYS("idt fake", "-> 0x00008e00000003d9");
}

static void audit_ends_with_a_verdict(void)
{
    start();
    SAYS_ALL("audit fake", "audit: fake: clean\r\n");
    vm_pause(vm);
    SAYS_ALL("audit fake", "audit: fake: clean\r\n");
    vm->shadow.pdpt[0] = 0x1003; /* somebody else's frame */
    type("audit fake");
    EXPECT(strstr(screen, "audit: fake: ") && strstr(screen, " fault"));
    EXPECT(screen_len > 2 && !memcmp(screen + screen_len - 2, "\r\n", 2));
    vm->shadow.pdpt[0] = 0;
}

/* One harm after another, each of them found and put right again. */
static void the_audit_of_all_finds_what_changed(void)
{
    mfn_t m;

    start();
    fake_hv.canary = true;
    type("reset fake");
    EXPECT(frames_owned(&fake_hv.frames, 0, FRAME_CANARY) > 0);
    SAYS("audit", "audit: fake: clean\r\naudit: ");
    SAYS("audit", " reserved, 416 of guests, ");
    SAYS("audit", " canaries\r\naudit: clean\r\n");
    vm->p2m_sum++;
    SAYS("audit", "The p2m of fake has changed: ");
    SAYS("audit", "audit: fake: 1 fault\r\n");
    SAYS("audit", "\r\naudit: 1 fault\r\n");
    SAYS("audit fake", "audit: fake: 1 fault\r\n");
    vm->p2m_sum--;
    vm->p2m.ram_frames++;
    SAYS("audit", "fake owns 416 guest frames by the frame records, 417 by "
                  "itself.\r\n");
    vm->p2m.ram_frames--;
    EXPECT(frame_alloc(&fake_hv.frames, FRAME_GUEST, 5, &m));
    SAYS("audit", "belongs to a VM that there is not.\r\n");
    SAYS("audit", "\r\naudit: 1 fault\r\n");
    frame_free(&fake_hv.frames, m);
    for (m.v = 0; fake_info[m.v].use != FRAME_CANARY;)
        m.v++;
    fake_arena[(size_t)m.v << PAGE_SHIFT] ^= 1;
    SAYS("audit", "The canary in machine frame ");
    fake_arena[(size_t)m.v << PAGE_SHIFT] ^= 1;
    SAYS("audit", "\r\naudit: clean\r\n");
    type("destroy fake");
    SAYS("audit", " 0 of guests, 0 shadow, 0 p2m, 0 blocks, 0 names, 0 of "
                  "probes, 0 of disks, 0 canaries\r\n"
                  "audit: clean\r\n");
}

static void canary_mode_shows_the_books(void)
{
    start();
    fake_hv.canary = true;
    vm->run_ns = 1234567;
    type("");
    vm_kill(vm, "it was time");
    EXPECT(strstr(screen, "killed: it was time.\r\ntrapline: books at "));
    EXPECT(strstr(screen, " us, fake 1234 us\r\n"));
    fake_hv.canary = false;
    type("reset fake");
    vm_kill(vm, "it was time");
    EXPECT(!strstr(screen, "books"));
}

static void stats_names_every_kind_of_exit(void)
{
    start();
    type("stats fake");
    for (int i = 0; i < EXIT_KINDS; i++)
        EXPECT(strstr(screen, exit_kind_name(i)));
    vm->exit_count[EXIT_IRET] = 12345;
    bus_read(&vm->pc.bus, BUS_PORT, 0x5555, 1);
    SAYS("stats fake", "  iret                          12345   0.0%\r\n");
    SAYS("stats fake", "0x5555\r\n");
    SAYS("stats fake", "(cached)");
}

static void modules_are_listed(void)
{
    start();
    SAYS("modules", "   0         148 bytes  vm=one mem=2M\r\n");
    fake_boot.modules_dropped = 4;
    SAYS("modules", "4 more did not fit");
    fake_boot.modules_dropped = 0;
    fake_boot.modules = 0;
    SAYS("modules", "brought no modules");
    fake_boot.modules = 1;
}

/* What a guest reads from its keyboard, in set 1, until there is no more. */
static u32 keys(u8 *out, u32 max)
{
    u32 n = 0;

    view_tick(&fake_hv, 0);
    while (n < max && (bus_read(&vm->pc.bus, BUS_PORT, PORT_KBD_CMD, 1) & 1)) {
        out[n++] = (u8)bus_read(&vm->pc.bus, BUS_PORT, PORT_KBD_DATA, 1);
        view_tick(&fake_hv, 0);
    }
    return n;
}

/* A keyboard that sends set 1: command byte with translation. */
static void enable_keyboard(void)
{
    bus_write(&vm->pc.bus, BUS_PORT, PORT_KBD_CMD, 1, 0x60);
    bus_write(&vm->pc.bus, BUS_PORT, PORT_KBD_DATA, 1, 0x40);
}

static void type_presses_and_releases(void)
{
    static const u8 want[] = {0x1f, 0x9f, 0x2a, 0x1e, 0x9e, 0xaa, 0x1c, 0x9c};
    u8 got[I8042_QUEUE + 1] = {0};

    start();
    enable_keyboard();
    SAYS_ALL("type fake sA\\n", "");
    EXPECT_EQ(keys(got, sizeof(got)), sizeof(want));
    EXPECT(!memcmp(got, want, sizeof(want)));
}

static void type_keeps_inner_spaces_and_escapes(void)
{
    static const u8 want[] = {0x39, 0xb9, 0x2b, 0xab, 0x35, 0xb5};
    u8 got[I8042_QUEUE + 1] = {0};

    start();
    enable_keyboard();
    type("type fake  \\\\/");
    EXPECT_EQ(keys(got, sizeof(got)), sizeof(want));
    EXPECT(!memcmp(got, want, sizeof(want)));
}

static void type_stops_at_a_whole_key(void)
{
    u8 got[VIEW_QUEUE + I8042_QUEUE];
    char line[300] = "type fake ";
    u32 n;

    start();
    enable_keyboard();
    while (strlen(line) < sizeof(line) - 3)
        strcat(line, "aB");
    type(line);
    EXPECT(strstr(screen, "holds no more; it did not get \""));
    n = keys(got, sizeof(got));
    EXPECT(n >= 180 && n % 2 == 0);
    for (u32 i = 0; i < n; i++)
        EXPECT_EQ(got[i], "\x1e\x9e\x2a\x30\xb0\xaa"[i % 6] & 0xff);
}

static void screen_prints_what_a_guest_shows(void)
{
    u8 *memory = vm->pc.vga.st.memory;

    start();
    SAYS_ALL("screen fake", "The screen of fake is empty.\r\n");
    EXPECT_EQ(fake_hv.view.shown, 1);
    memory[2 * 81] = 'A';
    memory[2 * 83] = 0x1b;
    memory[2 * 84] = 0xc4;
    memory[2 * 85] = 0xdb;
    SAYS_ALL("screen fake", " \r\n A .-#\r\n");
    view_tick(&fake_hv, 1);
    EXPECT(fake_screen && (u8)fake_screen[81] == 'A');
    SAYS_ALL("screen", "");
    EXPECT_EQ(fake_hv.view.shown, VIEW_CONSOLE);
    EXPECT(!fake_screen);
    SAYS("screen nobody", "no VM named \"nobody\"");
    SAYS("screen fake fake", "usage: screen [NAME]");
    type("screen fake");
    type("destroy fake");
    EXPECT_EQ(fake_hv.view.shown, VIEW_CONSOLE);
}

static void poweroff_ends_with_success(void)
{
    start();
    SAYS_ALL("poweroff", "");
    EXPECT(fake_hv.poweroff);
    EXPECT_EQ(fake_hv.poweroff_status, 0);
}

/* Any line of words, in any order, on VMs in any state. */
static void random_lines_do_no_harm(void)
{
    static const char *const words[] = {
        "help",     "list",       "attach",   "pause",  "resume", "reset",
        "destroy",  "create",     "idt",      "audit",  "stats",  "modules",
        "type",     "fake",       "two",      "vm=two", "mem=2M", "module=0",
        "module=x", "--",         "weight=2", "\\",     "=",      "vm=",
        "x\\",      "shadow=vtlb"};
    u32 seed = 1;

    start();
    for (int i = 0; i < 3000; i++) {
        char line[200] = "";
        u32 count = (seed = seed * 1664525 + 1013904223) >> 24 & 3;
        for (u32 w = 0; w <= count; w++) {
            seed = seed * 1664525 + 1013904223;
            strcat(line, words[(seed >> 8) % ARRAY_LEN(words)]);
            strcat(line, seed >> 30 ? " " : "");
        }
        type(line);
        if (fake_hv.console.attached >= 0)
            console_detach(&fake_hv.console);
        if (!hv_find(&fake_hv, "fake"))
            type("create vm=fake mem=2M");
    }
    EXPECT(hv_find(&fake_hv, "fake"));
}

static const struct unit_case cases[] = {
    CASE(nothing_typed_says_nothing),
    CASE(help_knows_every_command),
    CASE(help_create_has_every_key),
    CASE(a_wrong_command_is_told_the_nearest),
    CASE(missing_and_surplus_words_get_the_usage),
    CASE(a_wrong_name_is_told_the_right_ones),
    CASE(list_shows_state_and_why),
    CASE(pause_and_resume),
    CASE(reset_works_in_every_state),
    CASE(a_reset_that_fails_leaves_a_vm_that_commands_survive),
    CASE(destroy_gives_everything_back),
    CASE(create_takes_the_keys_of_a_module_line),
    CASE(create_chooses_the_module),
    CASE(create_says_what_is_wrong),
    CASE(attach_gives_the_keyboard_to_any_vm),
    CASE(idt_shows_installed_gates_and_changes),
    CASE(idt_puts_idle_interrupt_gates_together),
    CASE(idt_shows_the_last_changes_only),
    CASE(audit_ends_with_a_verdict),
    CASE(the_audit_of_all_finds_what_changed),
    CASE(canary_mode_shows_the_books),
    CASE(stats_names_every_kind_of_exit),
    CASE(modules_are_listed),
    CASE(type_presses_and_releases),
    CASE(type_keeps_inner_spaces_and_escapes),
    CASE(type_stops_at_a_whole_key),
    CASE(screen_prints_what_a_guest_shows),
    CASE(poweroff_ends_with_success),
    CASE(random_lines_do_no_harm),
};
UNIT_MAIN(cases)
