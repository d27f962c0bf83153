/* SPDX-License-Identifier: MIT
 *
 * The 16550A: FIFOs, triggers, time-out, interrupt causes, loop-back, OUT2.
 * LINKS: drivers/model drivers/bus vmm/base
 */
#include "drivers/model/uart.h"
#include "tests/unit/unit.h"

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR };

static struct uart uart;
static u64 now;
static bool level;
static u32 rises, sent;
static u8 last_sent;

static u64 tell(void *ctx)
{
    return now;
}

static void line(void *ctx, u32 number, bool high)
{
    EXPECT_EQ(number, 4);
    rises += high && !level;
    level = high;
}

static void send(void *ctx, u8 byte)
{
    sent++;
    last_sent = byte;
}

static void out(u32 port, u8 value)
{
    uart_ops.write(&uart, port, 1, value);
}

static u8 in(u32 port)
{
    return (u8)uart_ops.read(&uart, port, 1);
}

static void setup(u8 fcr, u8 ier)
{
    struct uart_wires wires = {{tell, NULL}, {line, NULL}, 4, send, NULL};

    now = 12345;
    sent = 0;
    uart_init(&uart, &wires);
    out(LCR, 0x83);
    out(RBR, 1); /* 115200 */
    out(IER, 0);
    out(LCR, 0x03);
    out(IIR, fcr);
    out(MCR, 0x0b);
    out(IER, ier);
    in(IIR);
    rises = 0;
}

static void bytes_leave_at_once(void)
{
    setup(1, 0);
    out(RBR, 'x');
    EXPECT_EQ(sent, 1);
    EXPECT_EQ(last_sent, 'x');
    EXPECT_EQ(in(LSR), 0x60);
    EXPECT_EQ(rises, 0);
}

static void bytes_arrive_in_order(void)
{
    setup(1, 0);
    EXPECT_EQ(in(RBR), 0);
    for (u32 i = 0; i < 16; i++)
        EXPECT(uart_receive(&uart, (u8)(i + 65)));
    EXPECT(!uart_receive(&uart, 0));
    for (u32 i = 0; i < 16; i++) {
        EXPECT_EQ(in(LSR), 0x61);
        EXPECT_EQ(in(RBR), i + 65);
    }
    EXPECT_EQ(in(LSR), 0x60);
}

static void without_fifo_there_is_one_place(void)
{
    setup(0, 1);
    EXPECT_EQ(in(IIR), 0x01);
    EXPECT(uart_receive(&uart, 7));
    EXPECT(!uart_receive(&uart, 8));
    EXPECT(level);
    EXPECT_EQ(in(IIR), 0x04);
    EXPECT_EQ(uart_deadline(&uart), NEVER);
    EXPECT_EQ(in(RBR), 7);
    EXPECT(!level);
}

static void triggers_and_timeout(void)
{
    static const u8 levels[] = {1, 4, 8, 14};

    for (u32 t = 0; t < 4; t++) {
        setup((u8)(t << 6 | 1), 1);
        for (u32 i = 0; i < levels[t]; i++) {
            EXPECT(!level);
            uart_receive(&uart, (u8)i);
        }
        EXPECT(level);
        EXPECT_EQ(in(IIR), 0xc4);
        EXPECT_EQ(uart_deadline(&uart), NEVER);
        in(RBR);
        EXPECT(!level);
        EXPECT_EQ(uart_deadline(&uart) == NEVER, t == 0);
    }
    /* four characters of ten bits at 115200 baud */
    EXPECT_EQ(uart_deadline(&uart), now + 347222);
    now += 347221;
    uart_run(&uart, now);
    EXPECT(!level);
    uart_run(&uart, ++now);
    EXPECT(level);
    EXPECT_EQ(in(IIR), 0xcc);
    EXPECT_EQ(uart_deadline(&uart), NEVER);
    in(RBR);
    EXPECT(!level);
    EXPECT_EQ(uart_deadline(&uart), now + 347222);
}

static void the_transmitter_interrupts_when_empty(void)
{
    setup(1, 0);
    out(IER, 2);
    EXPECT_EQ(rises, 1);
    EXPECT_EQ(in(IIR), 0xc2);
    EXPECT(!level); /* reading IIR took it */
    EXPECT_EQ(in(IIR), 0xc1);
    out(RBR, 'a');
    EXPECT_EQ(rises, 2);
    out(RBR, 'b'); /* a new edge for each byte */
    EXPECT_EQ(rises, 3);
    out(IER, 0);
    EXPECT(!level);
    out(IER, 2);
    EXPECT(level);
}

static void causes_have_priorities(void)
{
    setup(1, 0x0f);
    out(RBR, 'a');
    out(MCR, 0x18); /* loop-back: CTS and DSR drop */
    out(MCR, 0x0b);
    uart_receive(&uart, 1);
    uart.st.lsr |= 2;
    EXPECT_EQ(in(IIR), 0xc6);
    EXPECT_EQ(in(LSR), 0x63);
    EXPECT_EQ(in(IIR), 0xc4);
    EXPECT_EQ(in(RBR), 1);
    EXPECT_EQ(in(IIR), 0xc2);
    EXPECT_EQ(in(IIR), 0xc0);
    in(MSR);
    EXPECT_EQ(in(IIR), 0xc1);
    EXPECT(!level);
}

/* All four causes are there; each shows only when its bit asks for it. */
static void each_cause_asks_its_own_bit(void)
{
    for (u8 ier = 0; ier < 16; ier++) {
        u8 want = ier & 4   ? 0xc6
                  : ier & 1 ? 0xc4
                  : ier & 2 ? 0xc2
                  : ier & 8 ? 0xc0
                            : 0xc1;
        setup(1, 0);
        out(MCR, 0x18);
        EXPECT(!uart_receive(&uart, 2)); /* loop-back: the wire is cut */
        out(MCR, 0x0b);
        uart_receive(&uart, 1);
        uart.st.lsr |= 2;
        out(IER, ier);
        EXPECT_EQ(level, want != 0xc1);
        EXPECT_EQ(in(IIR), want);
    }
    setup(0xc1, 0);
    uart_receive(&uart, 1);
    now += 1000000;
    uart_run(&uart, now);
    EXPECT_EQ(in(IIR), 0xc1);
    out(IER, 1);
    uart_run(&uart, now);
    EXPECT_EQ(in(IIR), 0xcc);
    out(IER, 0);
    EXPECT_EQ(in(IIR), 0xc1);
}

static void out2_is_the_gate(void)
{
    setup(1, 1);
    out(MCR, 0x03);
    uart_receive(&uart, 1);
    EXPECT(!level);
    EXPECT_EQ(in(IIR), 0xc4);
    out(MCR, 0x0b);
    EXPECT(level);
    out(MCR, 0x1b);
    EXPECT(!level);
}

static void loop_back(void)
{
    setup(1, 0);
    out(MCR, 0x1f);
    EXPECT_EQ(in(MSR)&0xf0, 0xf0);
    out(MCR, 0x10);
    EXPECT_EQ(in(MSR), 0x0f);
    EXPECT_EQ(in(MSR), 0x00);
    out(MCR, 0x14);
    EXPECT_EQ(in(MSR), 0x40); /* RI rising is no delta */
    for (u32 i = 0; i < 16; i++)
        out(RBR, (u8)i);
    EXPECT_EQ(in(LSR), 0x61);
    out(RBR, 16);
    EXPECT_EQ(in(LSR), 0x63);
    EXPECT_EQ(in(LSR), 0x61);
    EXPECT(!uart_receive(&uart, 1)); /* the wire is cut */
    for (u32 i = 0; i < 16; i++)
        EXPECT_EQ(in(RBR), i);
    EXPECT_EQ(sent, 0);
    out(MCR, 0x0b);
    EXPECT_EQ(in(MSR)&0xf0, 0xb0);
}

static void registers_read_back(void)
{
    setup(1, 0);
    out(SCR, 0x5a);
    EXPECT_EQ(in(SCR), 0x5a);
    out(LCR, 0x9b);
    EXPECT_EQ(in(LCR), 0x9b);
    out(RBR, 0x34);
    out(IER, 0x12);
    EXPECT_EQ(in(RBR), 0x34);
    EXPECT_EQ(in(IER), 0x12);
    out(LCR, 0x1b);
    out(IER, 0xff);
    EXPECT_EQ(in(IER), 0x0f);
    out(MCR, 0xff);
    EXPECT_EQ(in(MCR), 0x1f);
    out(LSR, 0);
    out(MSR, 0);
    EXPECT_EQ(sent, 0);
}

static void fcr_clears(void)
{
    setup(1, 0);
    uart_receive(&uart, 1);
    out(IIR, 0x03);
    EXPECT_EQ(in(LSR), 0x60);
    uart_receive(&uart, 1);
    out(IIR, 0x41); /* a new trigger level keeps the bytes */
    EXPECT_EQ(in(LSR), 0x61);
    out(IIR, 0x00);
    EXPECT_EQ(in(LSR), 0x60);
    EXPECT_EQ(in(IIR), 0x01);
}

static void state_survives(void)
{
    u8 buf[128];
    u32 size;

    setup(1, 1);
    uart_receive(&uart, 'k');
    size = uart_ops.save(&uart, buf, sizeof(buf));
    EXPECT(size <= sizeof(buf));
    uart_ops.reset(&uart);
    EXPECT(!level);
    EXPECT(uart_ops.load(&uart, buf, size));
    EXPECT_EQ(in(RBR), 'k');
    EXPECT(!uart_ops.load(&uart, buf, size - 1));
    uart.st.count = 17;
    uart_ops.save(&uart, buf, sizeof(buf));
    EXPECT(!uart_ops.load(&uart, buf, size));
}

static const struct unit_case cases[] = {
    CASE(bytes_leave_at_once),
    CASE(bytes_arrive_in_order),
    CASE(without_fifo_there_is_one_place),
    CASE(triggers_and_timeout),
    CASE(the_transmitter_interrupts_when_empty),
    CASE(causes_have_priorities),
    CASE(each_cause_asks_its_own_bit),
    CASE(out2_is_the_gate),
    CASE(loop_back),
    CASE(registers_read_back),
    CASE(fcr_clears),
    CASE(state_survives),
};
UNIT_MAIN(cases)
