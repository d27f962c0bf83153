/* SPDX-License-Identifier: MIT
 *
 * The monitor's `step`, `break`, `watch`, `probes` and `delete`: right words,
 * wrong ones, and what a stop says.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/unit/probeworld.h"
#include "tests/unit/screen.h"

static const char *type(const char *line)
{
    wipe();
    monitor_command(&fake_hv, line);
    return screen;
}

/* mov [0x5000], eax; inc eax; jmp back */
static void start(void)
{
    world(WAY_PLAIN, SHADOW_CACHED);
    fake_hv.console.out = (struct sink){capture, NULL};
    poke(CODE_AT, "\xa3\0\x50\0\0\x40\xeb\xf8", 8);
    vm->cpu.gpr[EAX] = 0x1234;
}

#define SAYS(line, what) EXPECT(strstr(type(line), (what)))
#define SAID(what)       EXPECT(strstr(screen, (what)))

static void stops_are_told(void)
{
    start();
    SAYS("probes fake", "fake has no probes");
    SAYS("break fake 0x200005", "fake:  0 break at 0x00200005, 0 hits");
    SAYS("watch fake 0x5001", "1 watch for write, 4 bytes from 0x00005001");
    type("");
    EXPECT(until_stop());
    SAID("fake: watch 1: 0x00200000 wrote 3 bytes at 0x00005001: 0x000012, was "
         "0x000000");
    SAID("fake: next at 0x00200005: inc eax");
    SAYS("resume fake", "resumed");
    EXPECT(until_stop());
    SAYS("delete fake 1", "fake: probe 1 is deleted.");
    SAYS("resume fake", "resumed");
    EXPECT(until_stop());
    SAID("fake: break 0: at 0x00200005");
    SAYS("probes fake", "0 break at 0x00200005, 1 hits");
    SAYS("delete fake all", "all probes of the monitor are deleted");
    type("step fake 2");
    EXPECT(until_stop());
    SAID("fake: next at 0x00200000: mov");
    type("step fake");
    EXPECT(until_stop());
    SAID("fake: next at 0x00200005: inc eax");
    SAYS("watch fake read 0x5000 2", "watch for read, 2 bytes");
    poke(CODE_AT + 5, "\x3b\x05\0\x50\0\0", 6);
    type("resume fake");
    EXPECT(until_stop());
    SAID("fake: watch 0: 0x00200005 read 2 bytes at 0x00005000: 0x");
    EXPECT(!strstr(screen, "was"));
    type("delete fake all");
    SAYS("watch fake access 0x5000 0x2000", "watch for access, 8192 bytes");
    type("delete fake all");
    type("resume fake");
    screen_len = 0;
    type("step fake"); /* pauses a running VM first */
    EXPECT(until_stop());
    SAID("fake: next at");
}

/* A debugger is told by its own wire. */
static void of_a_debugger(void)
{
    start();
    add(PROBE_BREAK, CODE_AT + 5, 1);
    SAYS("probes fake", "0 hits, gdb's");
    SAYS("delete fake 0", "is no probe of the monitor");
    SAYS("delete fake all", "are deleted");
    EXPECT(vm->probes.on);
    type("");
    EXPECT(until_stop());
    EXPECT_STR(screen, "");
}

static void wrong_words(void)
{
    start();
    SAYS("break fake", "usage: break NAME ADDRESS");
    SAYS("break fake 0x1000 2", "break takes one address");
    SAYS("break fake nowhere", "nowhere");
    SAYS("break nobody 1", "no VM named");
    SAYS("watch fake write", "watch what?");
    SAYS("watch fake zz", "zz");
    SAYS("watch fake 0x1000 0", "is no number of bytes");
    SAYS("watch fake 0x1000 4 5", "is too much");
    SAYS("watch fake 0xffffffff 4", "are no range");
    SAYS("step fake 0", "is no number of instructions");
    SAYS("step fake x", "is no number of instructions");
    SAYS("delete fake 64", "is no probe");
    SAYS("delete fake x", "is no probe");
    vm_kill(vm, "it had to");
    SAYS("step fake", "fake is killed");
}

static void all_the_bytes(void)
{
    start();
    /* fxsave [0x5000] */
    poke(CODE_AT, "\x0f\xae\x05\0\x50\0\0\xeb\xfe", 9);
    vm->cpu.cr4 |= CR4_OSFXSR;
    type("watch fake 0x5000 512");
    type("");
    EXPECT(until_stop());
    SAID(" bytes at 0x00005000: 0x");
    SAID("...");
}

int main(void)
{
    static const struct unit_case list[] = {
        CASE(stops_are_told),
        CASE(of_a_debugger),
        CASE(wrong_words),
        CASE(all_the_bytes),
    };

    return unit_main(list, ARRAY_LEN(list));
}
