/* SPDX-License-Identifier: MIT
 *
 * What is on the screen and where keys go: from console to guests and back,
 * what each side gets to see of the keys that do it, queues that are full,
 * guests that end, and rates.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/ports.h"
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/vm/view.h"

#define F1     0x3b
#define UP     0x80
#define ALT    0x38
#define SHIFT  0x2a
#define KEY_A  0x1e
#define KEY_1  0x02
#define KEY_2  0x03
#define SECOND 1000000000ull

static struct vm *vm, *two;

static void start(void)
{
    char error[200];
    struct vm_config config = {
        .kind = CONFIG_VM, .name = "two", .mem = 2 << 20, .weight = 1};

    fake_keys_in = fake_keys_out = 0;
    fake_screen = NULL;
    fake_screen_back = 0;
    vm = fake_vm(2 << 20, SHADOW_VTLB);
    EXPECT(vm_create(&fake_hv, &config, 0, error, sizeof(error)));
    two = &fake_hv.vm[1];
    for (u32 i = 0; i < 2; i++) { /* translating keyboards */
        bus_write(&fake_hv.vm[i].pc.bus, BUS_PORT, PORT_KBD_CMD, 1, 0x60);
        bus_write(&fake_hv.vm[i].pc.bus, BUS_PORT, PORT_KBD_DATA, 1, 0x40);
    }
}

static void key(u8 code)
{
    fake_keys[fake_keys_in++ % sizeof(fake_keys)] = code;
}

static void press(u8 code)
{
    key(code);
    key(code | UP);
}

/* What the console gets of the keys that wait. */
static const char *console(void)
{
    static char text[600];
    u32 len = 0;
    u8 byte;

    while (view_read(&fake_hv, &byte))
        text[len++] = (char)byte;
    text[len] = 0;
    return text;
}

/* What a guest reads from its keyboard. */
static u32 codes(struct vm *of, u8 *out, u32 max)
{
    u32 n = 0;

    view_tick(&fake_hv, 0);
    while (n < max && (bus_read(&of->pc.bus, BUS_PORT, PORT_KBD_CMD, 1) & 1)) {
        out[n++] = (u8)bus_read(&of->pc.bus, BUS_PORT, PORT_KBD_DATA, 1);
        view_tick(&fake_hv, 0);
    }
    return n;
}

#define GETS(of, ...)                                                          \
    do {                                                                       \
        static const u8 want_[] = {__VA_ARGS__};                               \
        u8 got_[1000];                                                         \
        u32 n_ = codes(of, got_, sizeof(got_));                                \
        EXPECT_EQ(n_, sizeof(want_));                                          \
        for (u32 i_ = 0; i_ < n_ && i_ < sizeof(want_); i_++)                  \
            EXPECT_EQ(got_[i_], want_[i_]);                                    \
    } while (0)

static void expect_nothing(struct vm *of)
{
    u8 got[8];

    EXPECT_EQ(codes(of, got, sizeof(got)), 0);
}

static void the_console_gets_bytes(void)
{
    start();
    press(KEY_A);
    key(0xe0);
    key(0x48);
    key(0xe0);
    key(0xc8);
    press(0x1c);
    EXPECT_STR(console(), "a\033[A\r");
    expect_nothing(vm);
}

static void f1_goes_round(void)
{
    start();
    for (u32 round = 0; round < 3; round++) {
        press(F1);
        EXPECT_STR(console(), "");
        EXPECT_EQ(fake_hv.view.shown, 1);
        press(F1);
        console();
        EXPECT_EQ(fake_hv.view.shown, 2);
        EXPECT(view_deadline(&fake_hv) < UINT64_MAX);
        press(F1);
        console();
        EXPECT_EQ(fake_hv.view.shown, VIEW_CONSOLE);
        EXPECT(!fake_screen);
        EXPECT(view_deadline(&fake_hv) == UINT64_MAX);
    }
    key(F1); /* a keyboard repeats it */
    key(F1);
    key(F1);
    key(F1 | UP);
    console();
    EXPECT_EQ(fake_hv.view.shown, 1);
    expect_nothing(vm);
    expect_nothing(two);
}

static void keys_go_to_the_guest_that_is_shown(void)
{
    start();
    press(F1);
    press(KEY_A);
    key(0xe0);
    key(0x48);
    EXPECT_STR(console(), "");
    GETS(vm, KEY_A, KEY_A | UP, 0xe0, 0x48);
    expect_nothing(two);
    press(F1);
    press(KEY_2);
    key(0xe1), key(0x1d), key(0x45);
    EXPECT_STR(console(), "");
    GETS(two, KEY_2, KEY_2 | UP, 0xe1, 0x1d, 0x45);
    GETS(vm, 0xe0, 0xc8); /* it was let go for it */
}

/* The break of a key whose make went elsewhere, and the other way round. */
static void no_key_hangs_and_none_comes_from_nowhere(void)
{
    start();
    key(SHIFT);
    EXPECT_STR(console(), "");
    press(F1);
    key(SHIFT | UP);
    key(KEY_A);
    EXPECT_STR(console(), "");
    press(F1);
    press(F1);
    key(KEY_A | UP);
    press(KEY_A);
    EXPECT_STR(console(), "a");
    GETS(vm, KEY_A, KEY_A | UP);
    expect_nothing(two);
}

static void alt_f1_is_for_the_guest(void)
{
    start();
    press(F1);
    key(ALT);
    press(F1);
    press(F1);
    key(ALT | UP);
    console();
    EXPECT_EQ(fake_hv.view.shown, 1);
    GETS(vm, ALT, ALT | UP, F1, F1 | UP, ALT, ALT | UP, F1, F1 | UP, ALT,
         ALT | UP);
}

static void a_digit_on_an_empty_line(void)
{
    start();
    press(KEY_2);
    EXPECT_STR(console(), "");
    EXPECT_EQ(fake_hv.view.shown, 2);
    expect_nothing(two); /* not even the release */
    view_show(&fake_hv, VIEW_CONSOLE);
    press(0x05); /* there is no VM 4 */
    press(0x0b);
    EXPECT_STR(console(), "40");
    fake_hv.console.edit.len = 1;
    press(KEY_1);
    EXPECT_STR(console(), "1");
    fake_hv.console.edit.len = 0;
    fake_hv.console.attached = 0;
    press(KEY_1);
    EXPECT_STR(console(), "1");
    fake_hv.console.attached = -1;
    key(ALT);
    press(KEY_1);
    key(ALT | UP);
    EXPECT_STR(console(), "\0331");
    key(KEY_1); /* held for long: the guest does not see it */
    key(KEY_1);
    key(KEY_1 | UP);
    EXPECT_STR(console(), "");
    expect_nothing(vm);
    EXPECT_EQ(fake_hv.view.shown, 1);
    view_show(&fake_hv, VIEW_CONSOLE);
    fake_hv.vm[8].state = VM_PAUSED;
    press(0x0a);
    EXPECT_STR(console(), "");
    EXPECT_EQ(fake_hv.view.shown, 9);
    fake_hv.vm[8].state = VM_EMPTY;
}

static void text_becomes_keys(void)
{
    start();
    EXPECT(view_type(&fake_hv, 0, 'A'));
    EXPECT(view_type(&fake_hv, 1, 'a'));
    EXPECT(view_type(&fake_hv, 1, '\a')); /* no key */
    GETS(vm, SHIFT, KEY_A, KEY_A | UP, SHIFT | UP);
    GETS(two, KEY_A, KEY_A | UP);
    vm_pause(vm);
    while (view_type(&fake_hv, 0, 'A'))
        view_tick(&fake_hv, 0);
    EXPECT_EQ(ring_count(&fake_hv.view.queue[0]) % 4, 0);
}

static void a_full_queue_drops_whole_keys(void)
{
    static u8 got[2000];
    u32 down = 0, n;

    start();
    press(F1);
    console();
    for (u32 i = 0; i < 1000; i++) {
        key(SHIFT);
        press(KEY_A);
        key(0xe0);
        key(0x48);
        key(0xe0);
        key(0xc8);
        key(SHIFT | UP);
        EXPECT_STR(console(), "");
    }
    n = codes(vm, got, sizeof(got));
    EXPECT(n > 180 && n <= VIEW_QUEUE + I8042_QUEUE);
    for (u32 i = 0; i < n; i++) {
        if (got[i] != 0xe0)
            down += got[i] & UP ? -1u : 1;
    }
    EXPECT_EQ(down, 0);
    EXPECT_EQ(got[n - 1] & UP, UP);
    press(F1);
    console();
    EXPECT_EQ(fake_hv.view.shown, 2);
}

static void a_vm_that_ends_is_not_shown(void)
{
    start();
    press(F1);
    press(F1);
    key(KEY_A);
    console();
    view_tick(&fake_hv, SECOND);
    EXPECT(fake_screen);
    vm_destroy(two);
    EXPECT(!fake_screen);
    EXPECT_EQ(fake_hv.view.shown, VIEW_CONSOLE);
    EXPECT_EQ(ring_count(&fake_hv.view.queue[1]), 0);
    vm_destroy(vm);
    press(F1);
    press(KEY_1);
    EXPECT_STR(console(), "1");
    EXPECT_EQ(fake_hv.view.shown, VIEW_CONSOLE);
}

static void a_vm_that_is_killed_gives_way_to_the_reason(void)
{
    start();
    view_show(&fake_hv, 1);
    view_tick(&fake_hv, SECOND);
    EXPECT(fake_screen);
    vm_kill(vm, "it was time");
    view_tick(&fake_hv, 2 * SECOND);
    EXPECT(!fake_screen);
    EXPECT_EQ(fake_hv.view.shown, VIEW_CONSOLE);
    press(F1); /* its last picture can still be seen */
    console();
    view_tick(&fake_hv, 3 * SECOND);
    view_tick(&fake_hv, 4 * SECOND);
    EXPECT(fake_screen);
    EXPECT(strstr(fake_screen_title, "1: fake, killed"));
}

static void a_paused_guest_gets_its_keys_later(void)
{
    start();
    press(F1);
    console();
    vm_pause(vm);
    press(KEY_A);
    console();
    expect_nothing(vm);
    vm_resume(vm);
    GETS(vm, KEY_A, KEY_A | UP);
}

static void the_screen_is_looked_at_now_and_then(void)
{
    u32 shown;

    start();
    shown = fake_screen_shown;
    for (u32 i = 0; i < 1000; i++)
        view_tick(&fake_hv, i * SECOND);
    EXPECT_EQ(fake_screen_shown, shown); /* nobody looks */
    view_show(&fake_hv, 1);
    for (u64 ms = 0; ms < 1000; ms++)
        view_tick(&fake_hv, ms * 1000000);
    EXPECT(fake_screen_shown - shown >= 28 && fake_screen_shown - shown <= 31);
    EXPECT(strstr(fake_screen_title, "1: fake, running"));
    bus_write(&vm->pc.bus, BUS_MEMORY, 0xb8002, 2, 0x1f42);
    view_tick(&fake_hv, SECOND * 2);
    EXPECT_EQ(fake_screen[1], 0x1f42);
}

static void crtc(u8 index, u8 value)
{
    bus_write(&vm->pc.bus, BUS_PORT, PORT_CRTC_INDEX, 1, index);
    bus_write(&vm->pc.bus, BUS_PORT, PORT_CRTC_DATA, 1, value);
}

static void a_guest_may_point_anywhere(void)
{
    start();
    view_show(&fake_hv, 1);
    crtc(0x0f, 7);
    view_tick(&fake_hv, 1);
    EXPECT_EQ(fake_screen_cursor, 7);
    crtc(0x0a, 0x20);
    view_tick(&fake_hv, SECOND);
    EXPECT(fake_screen_cursor >= VGA_CELLS);
    crtc(0x0a, 0);
    for (u32 i = 0; i < 256; i++) {
        crtc(0x0c, (u8)i);
        crtc(0x0d, (u8)(i * 7));
        crtc(0x0e, (u8)~i);
        view_tick(&fake_hv, (2 + i) * SECOND);
        EXPECT(fake_screen_cursor < VGA_MEMORY / 2);
    }
}

static void shift_and_page_up_leaf(void)
{
    start();
    key(SHIFT);
    key(0xe0), key(0x49), key(0xe0), key(0xc9);
    key(0xe0), key(0x49), key(0xe0), key(0xc9);
    key(0xe0), key(0x51), key(0xe0), key(0xd1);
    key(SHIFT | UP);
    EXPECT_STR(console(), "");
    EXPECT_EQ(fake_screen_back, 12);
    press(KEY_A);
    EXPECT_STR(console(), "a");
    EXPECT(fake_screen_back < -10000); /* to the end, wherever it was */
    key(0xe0), key(0x49);
    EXPECT_STR(console(), "\033[5~");
}

static void noise(void)
{
    u32 seed = 3;

    start();
    for (u32 i = 0; i < 100000; i++) {
        seed = seed * 1664525 + 1013904223;
        key(seed >> 30 ? (u8)(seed >> 22) : F1);
        console();
        if (seed >> 25 == 5)
            view_type(&fake_hv, seed >> 8 & 1, (char)(seed >> 10));
        if (seed >> 25 == 6)
            vm_pause(vm), vm_resume(two);
        if (seed >> 25 == 7)
            vm_resume(vm), vm_pause(two);
        if (seed >> 27 == 5)
            view_tick(&fake_hv, i * (SECOND / 100));
        EXPECT(fake_hv.view.shown <= 2);
    }
}

static const struct unit_case list[] = {
    CASE(the_console_gets_bytes),
    CASE(f1_goes_round),
    CASE(keys_go_to_the_guest_that_is_shown),
    CASE(no_key_hangs_and_none_comes_from_nowhere),
    CASE(alt_f1_is_for_the_guest),
    CASE(a_digit_on_an_empty_line),
    CASE(text_becomes_keys),
    CASE(a_full_queue_drops_whole_keys),
    CASE(a_vm_that_ends_is_not_shown),
    CASE(a_vm_that_is_killed_gives_way_to_the_reason),
    CASE(a_paused_guest_gets_its_keys_later),
    CASE(the_screen_is_looked_at_now_and_then),
    CASE(a_guest_may_point_anywhere),
    CASE(shift_and_page_up_leaf),
    CASE(noise),
};

UNIT_MAIN(list)
