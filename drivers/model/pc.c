/* SPDX-License-Identifier: MIT
 *
 * See pc.h. This file is the board: which device answers where, which wire
 * leads to which pin, and in which order time passes.
 *
 * Devices know nothing of one another. A device's interrupt line is a call to
 * line_changed() here, which is the 8259 pair; the pair tells back when a
 * timer interrupt was taken or unmasked, which the timer needs for its
 * backlog. All clocks are pc_clock(): the VM's virtual time, held back from
 * running backwards.
 *
 * Every function here takes a bounded number of steps, however much time has
 * passed and whatever the guest has programmed.
 */
#include "drivers/model/pc.h"
#include "arch/x86/defs/ports.h"
#include "drivers/bus/clock.h"
#include "vmm/base/bits.h"
#include "vmm/base/check.h"
#include "vmm/base/str.h"

#define PORT_ELCR       0x4d0
#define PORT_FPU_CLEAR  0xf0
#define PORT_PCI_INDEX  0xcf8 /* four ports, PORT_RESET among them */
#define PORT_VGA        0x3c0
#define PORT_VGA_CRTC   0x3d4
#define PORT_VGA_STATUS 0x3da
#define VGA_WINDOW_SIZE 0x20000

static u64 pc_clock(void *ctx)
{
    struct pc *pc = ctx;

    pc->latest = max_u64(pc->latest, pc->host.now(pc->host.ctx));
    return pc->latest;
}

static void line_changed(void *ctx, u32 line, bool level)
{
    struct pc *pc = ctx;

    if (level && pc->host.raised && !pic_level(&pc->pic, line))
        pc->host.raised(pc->host.ctx, line);
    pic_set(&pc->pic, line, level);
}

static void line_taken(void *ctx, u32 line)
{
    struct pc *pc = ctx;

    if (line == IRQ_TIMER)
        pit_taken(&pc->pit, pc_clock(pc));
}

static void line_unmasked(void *ctx, u32 line)
{
    struct pc *pc = ctx;

    if (line == IRQ_TIMER)
        pit_forgive(&pc->pit, pc_clock(pc));
}

static void a20_switched(void *ctx, bool on)
{
    struct pc *pc = ctx;
    bool changed = pc->a20 != on;

    pc->a20 = on;
    if (changed && pc->host.a20)
        pc->host.a20(pc->host.ctx, on);
}

static void attach_devices(struct pc *pc)
{
    const struct pc_host *host = &pc->host;
    struct dev_clock clock = {pc_clock, pc};
    struct pic_hooks hooks = {pc, line_taken, line_unmasked};
    struct cmos_wires cmos = {clock, pc->irq, host->epoch, host->ram_kib};
    struct uart_wires com1 = {clock, pc->irq, IRQ_COM1, host->console,
                              host->ctx};
    struct uart_wires com2 = com1;
    struct a20_gate a20 = {a20_switched, pc};
    struct i8042_wires kbd = {pc->irq, host->reset, host->ctx, a20};
    struct debug_wires debug = {host->ctx,   host->console, host->exit,
                                host->reset, host->exits,   pc->irq,
                                a20};
    struct ide_wires ide = {pc->irq, host->sector, host->sectors, host->ctx};

    com2.line = IRQ_COM2;
    pic_init(&pc->pic, &hooks);
    pit_init(&pc->pit, &clock, &pc->irq);
    cmos_init(&pc->cmos, &cmos);
    uart_init(&pc->com1, &com1);
    uart_init(&pc->com2, &com2);
    i8042_init(&pc->kbd, &kbd);
    vga_init(&pc->vga);
    ide_init(&pc->ide, &ide);
    debug_init(&pc->debug, &debug);
}

struct claim {
    u32 first, count, offset;
};

static void claim(struct pc *pc, const struct claim *list, u32 count,
                  const struct dev_ops *ops, void *dev)
{
    for (u32 i = 0; i < count; i++)
        CHECK(bus_claim(&pc->bus, BUS_PORT, list[i].first, list[i].count,
                        list[i].offset, ops, dev));
}

static const struct claim pic_ports[] = {
    {PORT_PIC1_CMD, 2, PIC_CMD1},
    {PORT_PIC2_CMD, 2, PIC_CMD2},
    {PORT_ELCR, 2, PIC_ELCR1},
};
static const struct claim pit_ports[] = {
    {PORT_PIT_CH0, 4, PIT_CH0},
    {PORT_SYS_B, 1, PIT_PORT_B},
};
static const struct claim cmos_ports[] = {{PORT_CMOS_INDEX, 2, CMOS_INDEX}};
static const struct claim com1_ports[] = {{PORT_COM1, UART_PORTS, 0}};
static const struct claim com2_ports[] = {{PORT_COM2, UART_PORTS, 0}};
static const struct claim kbd_ports[] = {
    {PORT_KBD_DATA, 1, I8042_DATA},
    {PORT_KBD_CMD, 1, I8042_COMMAND},
};
static const struct claim vga_ports[] = {
    {PORT_VGA, 16, 0},
    {PORT_VGA_CRTC, 2, PORT_VGA_CRTC - PORT_VGA},
    {PORT_VGA_STATUS, 1, PORT_VGA_STATUS - PORT_VGA},
};
static const struct claim ide_ports[] = {
    {PORT_ATA, 8, 0},
    {PORT_ATA_CONTROL, 1, IDE_CONTROL},
};
static const struct claim debug_ports[] = {
    {PORT_DEBUGCON, 1, DEBUG_CONSOLE}, {PORT_DEBUG_EXIT, 4, DEBUG_EXIT},
    {PORT_POST, 1, DEBUG_POST},        {PORT_METER, 4, DEBUG_METER},
    {PORT_SYS_A, 1, DEBUG_PORT_A},     {PORT_PCI_INDEX, 4, DEBUG_RESET},
    {PORT_FPU_CLEAR, 1, DEBUG_FPU},
};

#define CLAIM(pc, list, ops, dev) claim(pc, list, ARRAY_LEN(list), ops, dev)

static void claim_addresses(struct pc *pc)
{
    bus_init(&pc->bus);
    CLAIM(pc, pic_ports, &pic_ops, &pc->pic);
    CLAIM(pc, pit_ports, &pit_ops, &pc->pit);
    CLAIM(pc, cmos_ports, &cmos_ops, &pc->cmos);
    CLAIM(pc, com1_ports, &uart_ops, &pc->com1);
    CLAIM(pc, com2_ports, &uart_ops, &pc->com2);
    CLAIM(pc, kbd_ports, &i8042_ops, &pc->kbd);
    CLAIM(pc, vga_ports, &vga_ops, &pc->vga);
    if (pc->host.sectors)
        CLAIM(pc, ide_ports, &ide_ops, &pc->ide);
    CLAIM(pc, debug_ports, &debug_ops, &pc->debug);
    CHECK(bus_claim(&pc->bus, BUS_MEMORY, VGA_WINDOW, VGA_WINDOW_SIZE, 0,
                    &vga_window_ops, &pc->vga));
}

void pc_init(struct pc *pc, const struct pc_host *host)
{
    memset(pc, 0, sizeof(*pc));
    pc->host = *host;
    pc->irq = (struct irq_sink){line_changed, pc};
    pc->a20 = true;
    attach_devices(pc);
    claim_addresses(pc);
}

void pc_reset(struct pc *pc)
{
    bus_reset(&pc->bus);
}

void pc_run(struct pc *pc, u64 now)
{
    pc->latest = now = max_u64(pc->latest, now);
    pit_run(&pc->pit, now, pic_waiting(&pc->pic, IRQ_TIMER));
    cmos_run(&pc->cmos, now);
    uart_run(&pc->com1, now);
    uart_run(&pc->com2, now);
}

/* A timer interrupt that waits behind a mask needs no attention: unmasking
 * it is an access to a device. */
static u64 timer_deadline(const struct pc *pc)
{
    bool waiting = pic_waiting(&pc->pic, IRQ_TIMER);

    if (waiting && pic_masked(&pc->pic, IRQ_TIMER))
        return NEVER;
    return pit_deadline(&pc->pit, pc->latest, waiting);
}

u64 pc_deadline(const struct pc *pc)
{
    u64 due = min_u64(timer_deadline(pc), cmos_deadline(&pc->cmos));

    due = min_u64(due, uart_deadline(&pc->com1));
    return min_u64(due, uart_deadline(&pc->com2));
}

bool pc_irq_pending(const struct pc *pc)
{
    return pic_pending(&pc->pic);
}

u8 pc_irq_ack(struct pc *pc)
{
    return pic_ack(&pc->pic);
}

bool pc_serial_input(struct pc *pc, u8 byte)
{
    return uart_receive(&pc->com1, byte);
}

bool pc_key(struct pc *pc, u8 scancode)
{
    return i8042_key(&pc->kbd, scancode);
}
