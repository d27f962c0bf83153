/* SPDX-License-Identifier: MIT
 *
 * The real keyboard controller, or none.
 *
 * The 8042 sits between two serial lines (keyboard, mouse) and one byte of
 * output. It is told to translate, so that whatever the keyboard sends comes
 * as scan codes of set 1, and to leave the mouse's clock off. Firmware may
 * have left it in any state, with bytes in it; emulations of it in laptops and
 * by USB firmware know only part of its commands. So every wait has an end,
 * no answer but that of the very first command is relied on, and a keyboard
 * that says nothing may still be plugged in later. An absent controller
 * reads as all ones, and is left alone from then on.
 *
 * Bytes are taken on IRQ 1, and once in a while without it, so that a lost
 * edge only delays.
 *
 * LIMIT: no lamps, no mouse; a USB keyboard works where the firmware plays an
 * 8042 for it.
 *
 * IBM PS/2 hardware technical reference, "Keyboard and Auxiliary Device
 * Controller" and "101-/102-Key Keyboard".
 */
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/defs/ports.h"
#include "drivers/host/host.h"
#include "vmm/base/bits.h"
#include "vmm/base/ring.h"

#define STATUS_FULL BIT(0) /* a byte to read */
#define STATUS_BUSY BIT(1) /* it has not taken the last one */
#define STATUS_AUX  BIT(5) /* the byte is the mouse's */
#define ABSENT      0xff

#define CTL_READ_BYTE  0x20
#define CTL_WRITE_BYTE 0x60
#define CTL_NO_AUX     0xa7
#define CTL_NO_KBD     0xad
#define CTL_KBD        0xae

#define CB_IRQ1      BIT(0)
#define CB_IRQ12     BIT(1)
#define CB_SYSTEM    BIT(2)
#define CB_NO_KBD    BIT(4)
#define CB_NO_AUX    BIT(5)
#define CB_TRANSLATE BIT(6)

#define KBD_ENABLE   0xf4
#define KBD_DEFAULTS 0xf6
#define KBD_ACK      0xfa
#define KBD_AGAIN    0xfe

#define PATIENCE 50000 /* reads of a port, a microsecond each */
#define DRAIN    64    /* more bytes than any controller holds */

static u8 input_data[256];
static struct ring input = {input_data, sizeof(input_data), 0, 0};
static bool present;
static u64 looked; /* when nobody had said that there is a byte */

static bool status_is(u8 mask, u8 value)
{
    for (u32 i = 0; i < PATIENCE; i++) {
        if ((inb(PORT_KBD_CMD) & mask) == value)
            return true;
    }
    return false;
}

static bool send(u16 port, u8 byte)
{
    if (!status_is(STATUS_BUSY, 0))
        return false;
    outb(port, byte);
    return true;
}

static bool receive(u8 *byte)
{
    if (!status_is(STATUS_FULL, STATUS_FULL))
        return false;
    *byte = inb(PORT_KBD_DATA);
    return true;
}

static void throw_away(void)
{
    for (u32 i = 0; i < DRAIN && inb(PORT_KBD_CMD) & STATUS_FULL; i++)
        inb(PORT_KBD_DATA);
}

/* The controller's command byte: read, and with it whether there is one. */
static bool set_up_controller(void)
{
    u8 byte;

    if (inb(PORT_KBD_CMD) == ABSENT)
        return false;
    send(PORT_KBD_CMD, CTL_NO_KBD);
    send(PORT_KBD_CMD, CTL_NO_AUX);
    throw_away();
    if (!send(PORT_KBD_CMD, CTL_READ_BYTE) || !receive(&byte))
        return false;
    byte |= CB_IRQ1 | CB_SYSTEM | CB_NO_AUX | CB_TRANSLATE;
    byte &= (u8) ~(CB_IRQ12 | CB_NO_KBD);
    return send(PORT_KBD_CMD, CTL_WRITE_BYTE) && send(PORT_KBD_DATA, byte) &&
           send(PORT_KBD_CMD, CTL_KBD);
}

/* A command without data; other bytes may come before the answer. */
static void command(u8 byte)
{
    u8 answer = KBD_AGAIN;

    for (u32 tries = 0; tries < 3 && answer == KBD_AGAIN; tries++) {
        if (!send(PORT_KBD_DATA, byte))
            return;
        for (u32 i = 0; i < DRAIN && receive(&answer); i++) {
            if (answer == KBD_ACK || answer == KBD_AGAIN)
                break;
        }
    }
}

void host_kbd_init(void)
{
    present = set_up_controller();
    if (!present)
        return;
    command(KBD_DEFAULTS);
    command(KBD_ENABLE);
    throw_away();
    host_pic_unmask(IRQ_KBD);
}

bool host_kbd_present(void)
{
    return present;
}

static void drain(void)
{
    u8 status, byte;

    if (!present)
        return;
    for (u32 i = 0; i < DRAIN; i++) {
        status = inb(PORT_KBD_CMD);
        if (!(status & STATUS_FULL) || status == ABSENT)
            return;
        byte = inb(PORT_KBD_DATA);
        if (!(status & STATUS_AUX))
            ring_put(&input, byte);
    }
}

void host_kbd_interrupt(void)
{
    drain();
}

/* Reading a port is slow, and this is asked at every turn of the loop. */
bool arch_key_read(u8 *scancode)
{
    if (present && arch_now_ns() - looked >= TICK_NS) {
        looked = arch_now_ns();
        drain();
    }
    return ring_get(&input, scancode);
}
