/* SPDX-License-Identifier: MIT
 *
 * See uart.h. Names are those of the PC16550D data sheet (National
 * Semiconductor, section 8, "Registers").
 *
 * The interrupt line is a function of the state, computed after each change:
 * the highest pending of line status, received data or time-out, transmitter
 * empty, modem status. Because the transmitter empties at once, a byte
 * written takes its interrupt away and makes it anew: the line falls and
 * rises, which is the edge that an 8259 wants to see.
 *
 * The time-out of the receive FIFO is four characters of ten bits at the
 * programmed speed, the one thing here that depends on time.
 *
 * In loop-back the modem outputs are inactive, OUT2 among them, so a PC's
 * serial port makes no interrupts then (8.6.6 and the IBM AT's AND gate).
 * LIMIT: parity, framing and break never happen; word lengths below eight
 * are stored and do not cut bytes; DMA mode is stored.
 */
#include "drivers/model/uart.h"
#include "drivers/bus/state.h"
#include "vmm/base/bits.h"

enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define IER_DATA       BIT(0)
#define IER_EMPTY      BIT(1)
#define IER_LINE       BIT(2)
#define IER_MODEM      BIT(3)
#define IER_MASK       0x0f
#define IIR_NONE       0x01
#define IIR_MODEM      0x00
#define IIR_EMPTY      0x02
#define IIR_DATA       0x04
#define IIR_LINE       0x06
#define IIR_TIMEOUT    0x0c
#define IIR_FIFOS      0xc0
#define FCR_ENABLE     BIT(0)
#define FCR_CLEAR_RX   BIT(1)
#define FCR_TRIGGER(v) ((v) >> 6 & 3)
#define FCR_STORED     0xc9
#define LCR_DLAB       BIT(7)
#define MCR_DTR        BIT(0)
#define MCR_RTS        BIT(1)
#define MCR_OUT1       BIT(2)
#define MCR_OUT2       BIT(3)
#define MCR_LOOP       BIT(4)
#define MCR_MASK       0x1f
#define LSR_DR         BIT(0)
#define LSR_OE         BIT(1)
#define LSR_THRE       BIT(5)
#define LSR_TEMT       BIT(6)
#define MSR_DELTAS     0x0f
#define MSR_TERI       BIT(2)
#define MSR_CTS        BIT(4)
#define MSR_DSR        BIT(5)
#define MSR_RI         BIT(6)
#define MSR_DCD        BIT(7)

#define MSR_CONNECTED (MSR_CTS | MSR_DSR | MSR_DCD)
#define BASE_BAUD     115200u
#define TIMEOUT_BITS  40u /* four characters */
#define DEFAULT_DLL   12  /* 9600 baud, as a BIOS leaves it */

#define STATE_TAG 0x31545241 /* "ART1" */

static u32 capacity(const struct uart_state *st)
{
    return st->fcr & FCR_ENABLE ? UART_FIFO : 1;
}

static u32 trigger(const struct uart_state *st)
{
    static const u8 level[4] = {1, 4, 8, 14};

    return st->fcr & FCR_ENABLE ? level[FCR_TRIGGER(st->fcr)] : 1;
}

static u8 cause(const struct uart_state *st)
{
    if ((st->ier & IER_LINE) && (st->lsr & LSR_OE))
        return IIR_LINE;
    if ((st->ier & IER_DATA) && st->count >= trigger(st))
        return IIR_DATA;
    if ((st->ier & IER_DATA) && st->timed_out)
        return IIR_TIMEOUT;
    if ((st->ier & IER_EMPTY) && st->empty_irq)
        return IIR_EMPTY;
    if ((st->ier & IER_MODEM) && (st->msr & MSR_DELTAS))
        return IIR_MODEM;
    return IIR_NONE;
}

static void update(struct uart *uart)
{
    const struct uart_state *st = &uart->st;
    bool gate = (st->mcr & MCR_OUT2) && !(st->mcr & MCR_LOOP);

    irq_set(&uart->wires.irq, uart->wires.line, gate && cause(st) != IIR_NONE);
}

static void touch(struct uart *uart)
{
    uart->st.activity = clock_now(&uart->wires.clock);
    uart->st.timed_out = 0;
}

static bool put(struct uart *uart, u8 byte)
{
    struct uart_state *st = &uart->st;

    if (st->count >= capacity(st))
        return false;
    st->fifo[(st->head + st->count++) % UART_FIFO] = byte;
    touch(uart);
    return true;
}

static u8 get(struct uart *uart)
{
    struct uart_state *st = &uart->st;
    u8 byte = st->fifo[st->head % UART_FIFO];

    if (!st->count)
        return 0;
    st->head = (st->head + 1) % UART_FIFO;
    st->count--;
    touch(uart);
    return byte;
}

static void clear_fifo(struct uart_state *st)
{
    st->count = 0;
    st->timed_out = 0;
}

/* In loop-back the modem inputs are the outputs, each with its delta. */
static void update_modem(struct uart_state *st)
{
    u8 level = MSR_CONNECTED, changed;

    if (st->mcr & MCR_LOOP)
        level = (u8)((st->mcr & MCR_RTS ? MSR_CTS : 0) |
                     (st->mcr & MCR_DTR ? MSR_DSR : 0) |
                     (st->mcr & MCR_OUT1 ? MSR_RI : 0) |
                     (st->mcr & MCR_OUT2 ? MSR_DCD : 0));
    changed = (st->msr ^ level) & (u8)~MSR_DELTAS;
    if (level & MSR_RI)
        changed &= ~MSR_RI; /* only its trailing edge counts */
    st->msr = level | (st->msr & MSR_DELTAS) | changed >> 4;
}

bool uart_receive(struct uart *uart, u8 byte)
{
    if ((uart->st.mcr & MCR_LOOP) || !put(uart, byte))
        return false;
    update(uart);
    return true;
}

static void transmit(struct uart *uart, u8 byte)
{
    struct uart_state *st = &uart->st;

    st->empty_irq = 0;
    update(uart);
    if (!(st->mcr & MCR_LOOP))
        uart->wires.send(uart->wires.ctx, byte);
    else if (!put(uart, byte))
        st->lsr |= LSR_OE;
    st->empty_irq = 1;
}

static u32 read_iir(struct uart_state *st)
{
    u8 value = cause(st);

    if (value == IIR_EMPTY)
        st->empty_irq = 0;
    return value | (st->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static u32 read_lsr(struct uart_state *st)
{
    u8 value = st->lsr | LSR_THRE | LSR_TEMT;

    st->lsr = 0;
    return value | (st->count ? LSR_DR : 0);
}

static u32 read_msr(struct uart_state *st)
{
    u8 value = st->msr;

    st->msr &= ~MSR_DELTAS;
    return value;
}

static u32 read_register(struct uart *uart, u32 offset)
{
    struct uart_state *st = &uart->st;
    bool dlab = st->lcr & LCR_DLAB;

    switch (offset) {
    case RBR_THR:
        return dlab ? st->dll : get(uart);
    case IER:
        return dlab ? st->dlm : st->ier;
    case IIR_FCR:
        return read_iir(st);
    case LCR:
        return st->lcr;
    case MCR:
        return st->mcr;
    case LSR:
        return read_lsr(st);
    case MSR:
        return read_msr(st);
    default:
        return st->scr;
    }
}

static u32 uart_read(void *dev, u32 offset, u32 size)
{
    struct uart *uart = dev;
    u32 value = read_register(uart, offset);

    update(uart);
    return value;
}

/* Enabling the transmitter's interrupt while it is empty makes one. */
static void write_ier(struct uart_state *st, u8 value)
{
    if (value & ~st->ier & IER_EMPTY)
        st->empty_irq = 1;
    st->ier = value & IER_MASK;
}

static void write_fcr(struct uart_state *st, u8 value)
{
    if (((value ^ st->fcr) & FCR_ENABLE) || (value & FCR_CLEAR_RX))
        clear_fifo(st);
    st->fcr = value & FCR_ENABLE ? value & FCR_STORED : 0;
}

static void write_register(struct uart *uart, u32 offset, u8 value)
{
    struct uart_state *st = &uart->st;
    bool dlab = st->lcr & LCR_DLAB;

    switch (offset) {
    case RBR_THR:
        if (dlab)
            st->dll = value;
        else
            transmit(uart, value);
        break;
    case IER:
        if (dlab)
            st->dlm = value;
        else
            write_ier(st, value);
        break;
    case IIR_FCR:
        write_fcr(st, value);
        break;
    case LCR:
        st->lcr = value;
        break;
    case MCR:
        st->mcr = value & MCR_MASK;
        update_modem(st);
        break;
    case SCR:
        st->scr = value;
        break;
    }
}

static void uart_write(void *dev, u32 offset, u32 size, u32 value)
{
    struct uart *uart = dev;

    write_register(uart, offset, (u8)value);
    update(uart);
}

u64 uart_deadline(const struct uart *uart)
{
    const struct uart_state *st = &uart->st;
    u32 divisor = st->dlm << 8 | st->dll;
    bool armed = (st->fcr & FCR_ENABLE) && (st->ier & IER_DATA);

    if (!armed || !st->count || st->count >= trigger(st) || st->timed_out)
        return NEVER;
    return st->activity +
           NS_PER_SEC * TIMEOUT_BITS * max_u32(divisor, 1) / BASE_BAUD;
}

void uart_run(struct uart *uart, u64 now)
{
    if (now < uart_deadline(uart))
        return;
    uart->st.timed_out = 1;
    update(uart);
}

static void uart_reset(void *dev)
{
    struct uart *uart = dev;

    uart->st = (struct uart_state){.dll = DEFAULT_DLL, .msr = MSR_CONNECTED};
    update(uart);
}

static u32 uart_save(const void *dev, u8 *buf, u32 size)
{
    const struct uart *uart = dev;

    return state_save(STATE_TAG, &uart->st, sizeof(uart->st), buf, size);
}

static bool uart_load(void *dev, const u8 *buf, u32 size)
{
    struct uart *uart = dev;
    struct uart_state st;

    if (!state_load(STATE_TAG, &st, sizeof(st), buf, size) ||
        st.count > UART_FIFO || st.activity >= TIME_MAX)
        return false;
    uart->st = st;
    return true;
}

void uart_init(struct uart *uart, const struct uart_wires *wires)
{
    *uart = (struct uart){.wires = *wires};
    uart_reset(uart);
}

const struct dev_ops uart_ops = {
    .name = "16550A",
    .read = uart_read,
    .write = uart_write,
    .reset = uart_reset,
    .save = uart_save,
    .load = uart_load,
    .bytes_only = true,
};
