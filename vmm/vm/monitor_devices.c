/* SPDX-License-Identifier: MIT
 *
 * `devices`: what state a guest has put its devices into; `log`: what the VMM
 * itself has said.
 *
 * Everything is taken from the models' own records, none of it by a read of a
 * register: those have consequences (a status byte is cleared, a flip-flop
 * turns). The names are those of the data sheets: 8259A, 8254, MC146818A,
 * 16550, 8042, and of the VGA's registers.
 */
#include "arch/x86/defs/ports.h"
#include "vmm/base/bits.h"
#include "vmm/vm/monitor_impl.h"

#define NS_PER_S    1000000000ull
#define BASE_BAUD   115200u
#define RTC_B       0x0b
#define RTC_SET     BIT(7)
#define RTC_ENABLES 0x70 /* PIE, AIE, UIE */
#define LCR_DLAB    BIT(7)
#define FCR_ENABLE  BIT(0)
#define GFX_MISC    6
#define GFX_GRAPHIC BIT(0)
#define CRTC_START  0x0c
#define CRTC_CURSOR 0x0e
#define LOG_DEFAULT 30u
#define LOG_MOST    1000u

/* A bit for each line that asks: the IRR of the data sheet. */
static u32 requests(const struct pic_chip *c)
{
    return (u32)((c->edge & ~c->elcr) | (c->line & c->elcr)) & 0xff;
}

static void say_pic(const struct monitor_args *args)
{
    const struct pc *pc = &args->vm->pc;

    for (u32 i = 0; i < 2; i++) {
        const struct pic_chip *c = &pc->pic.st.chip[i];
        say(args,
            "  pic%u   IRR %02x  ISR %02x  IMR %02x  lines %02x  ELCR %02x  "
            "vectors 0x%02x-0x%02x%s%s",
            i + 1, requests(c), c->isr, c->imr, c->line, c->elcr, c->base,
            c->base + 7, c->icw4 & 2 ? "  automatic EOI" : "",
            c->step ? "  in the middle of its initialisation" : "");
    }
    say(args, "         INTR is %s", pc_irq_pending(pc) ? "up" : "down");
}

static void say_pit(const struct monitor_args *args)
{
    const struct pit_state *st = &args->vm->pc.pit.st;

    for (u32 i = 0; i < PIT_CHANNELS; i++) {
        const struct counter *c = &st->ch[i];
        u32 hz = c->count ? PIT_HZ / c->count : 0;
        if (!c->count)
            say(args, "  pit%u   mode %u, no count written", i, c->mode);
        else
            say(args, "  pit%u   mode %u, count %u%s, %u Hz, gate %u%s", i,
                c->mode, c->count, c->bcd ? " (BCD)" : "", hz, c->gate,
                c->counting ? "" : ", stopped");
    }
    say(args, "         ticks owed %llu, lost %llu",
        (unsigned long long)st->owed, (unsigned long long)st->lost);
}

static void say_rtc(const struct monitor_args *args)
{
    const struct cmos *cmos = &args->vm->pc.cmos;
    u8 b = cmos->st.ram[RTC_B];
    struct calendar t =
        calendar_from_seconds(CALENDAR_1970 + cmos->wires.epoch +
                              cmos->st.ahead + vm_now(args->vm) / NS_PER_S);

    if (b & RTC_SET)
        t = cmos->st.set;
    say(args,
        "  rtc    %04u-%02u-%02u %02u:%02u:%02u%s  register B %02x%s, C %02x, "
        "index %02x",
        t.year, t.month, t.day, t.hour, t.minute, t.second,
        b & RTC_SET ? " (being set)" : "", b,
        b & RTC_ENABLES ? " (interrupts on)" : "", cmos->st.flags,
        cmos->st.index);
}

static void say_uart(const struct monitor_args *args, const char *name,
                     const struct uart *uart)
{
    const struct uart_state *st = &uart->st;
    u32 divisor = (u32)st->dlm << 8 | st->dll;

    say(args,
        "  %s   %u baud, LCR %02x%s, IER %02x, MCR %02x, MSR %02x, "
        "FIFO %s with %u bytes",
        name, divisor ? BASE_BAUD / divisor : 0, st->lcr,
        st->lcr & LCR_DLAB ? " (DLAB)" : "", st->ier, st->mcr, st->msr,
        st->fcr & FCR_ENABLE ? "on" : "off", st->count);
}

static void say_keyboard(const struct monitor_args *args)
{
    const struct i8042_state *st = &args->vm->pc.kbd.st;

    say(args,
        "  i8042  command byte %02x, output buffer %s, keyboard %s, set %u, "
        "%u bytes wait, LEDs %x, A20 %s",
        st->ram[0], st->full ? "full" : "empty",
        st->scanning ? "scanning" : "not scanning", st->set, st->count,
        st->leds, args->vm->pc.a20 ? "on" : "off");
}

static u32 crtc_word(const struct vga_state *st, u32 at)
{
    return (u32)st->crtc[at] << 8 | st->crtc[at + 1];
}

static void say_vga(const struct monitor_args *args)
{
    const struct vga_state *st = &args->vm->pc.vga.st;

    say(args,
        "  vga    %s mode, start 0x%04x, cursor 0x%04x, misc %02x, DAC mask "
        "%02x",
        st->gfx[GFX_MISC] & GFX_GRAPHIC ? "graphics" : "text",
        crtc_word(st, CRTC_START), crtc_word(st, CRTC_CURSOR), st->misc,
        st->dac_mask);
}

static void say_disk(const struct monitor_args *args)
{
    const struct ide *ide = &args->vm->pc.ide;
    const struct ide_state *st = &ide->st;

    if (!ide->wires.sectors)
        return;
    say(args,
        "  ide    %u sectors (%u KiB), status %02x, error %02x, multiple %u, "
        "device %02x, control %02x",
        ide->wires.sectors, ide->wires.sectors / 2, st->status, st->error,
        st->multiple, st->device, st->control);
    if (st->transfer != IDE_IDLE)
        say(args, "         %s: %u sectors to go, byte %u of sector %u",
            st->identifies               ? "identifies itself"
            : st->transfer == IDE_WRITES ? "writes"
                                         : "reads",
            st->left, st->at, st->lba);
    say(args, "         sectors read %llu, written %llu, commands failed %llu",
        (unsigned long long)st->sectors_read,
        (unsigned long long)st->sectors_written,
        (unsigned long long)st->errors);
}

static void say_rest(const struct monitor_args *args)
{
    const struct pc *pc = &args->vm->pc;

    say(args, "  debug  POST code 0x%02x", pc->debug.st.post);
    if (pc->bus.unclaimed)
        say(args,
            "  bus    %llu accesses that nobody claimed, the last at "
            "0x%x",
            (unsigned long long)pc->bus.unclaimed, pc->bus.last_unclaimed);
    else
        say(args, "  bus    every access so far was claimed by a device");
}

static void say_ranges(const struct monitor_args *args)
{
    const struct bus *bus = &args->vm->pc.bus;

    for (u32 i = 0; i < bus->ranges; i++) {
        const struct bus_range *r = &bus->range[i];
        say(args, "  %-7s 0x%08x-0x%08x  %s",
            r->space == BUS_PORT ? "ports" : "memory", r->first,
            r->first + r->count - 1, r->ops->name);
    }
}

void monitor_devices(const struct monitor_args *args)
{
    const struct vm *vm = args->vm;
    struct slice rest = args->rest, word;

    if (slice_word(&rest, &word)) {
        if (slice_eq(word, "ranges"))
            say_ranges(args);
        else
            say(args, "usage: devices NAME [ranges]");
        return;
    }
    say(args, "%s: %s, virtual time %llu.%06llu s", vm->config.name,
        vm_state_name(vm), (unsigned long long)(vm_now(vm) / NS_PER_S),
        (unsigned long long)(vm_now(vm) % NS_PER_S / 1000));
    say_pic(args);
    say_pit(args);
    say_rtc(args);
    say_uart(args, "com1", &vm->pc.com1);
    say_uart(args, "com2", &vm->pc.com2);
    say_keyboard(args);
    say_vga(args);
    say_disk(args);
    say_rest(args);
}

void monitor_log(const struct monitor_args *args)
{
    struct slice rest = args->rest;
    u32 lines = LOG_DEFAULT;

    if (!monitor_count(args, &rest, LOG_MOST, &lines) ||
        !monitor_end(args, rest))
        return;
    if (!textlog_show(&args->hv->log, lines, args->out))
        say(args, "The VMM has said nothing yet.");
}
