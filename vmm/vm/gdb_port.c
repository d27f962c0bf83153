/* SPDX-License-Identifier: MIT
 *
 * See gdb_port.h. Reading is a machine of four states: between packets, in
 * the text, at either digit of the sum. A `$` begins a packet anew wherever it
 * comes, because a text never holds one that is not escaped: so the two sides
 * find together again after any noise.
 *
 * LIMIT: run-length encoding, which only the side of the target may use, is
 * not used.
 */
#include "vmm/vm/gdb_port.h"
#include "vmm/base/bits.h"

enum { BETWEEN, TEXT, SUM_HIGH, SUM_LOW };

#define CTRL_C     0x03
#define ESCAPE     '}'
#define ESCAPE_XOR 0x20
#define NO_DIGIT   16

static u32 digit_of(u8 c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : NO_DIGIT;
}

/* ---- in */

static void begin_text(struct gdb_port *p)
{
    p->state = TEXT;
    p->in_len = 0;
    p->sum = 0;
    p->escaped = p->bad = false;
}

static void take_text(struct gdb_port *p, u8 byte)
{
    p->sum += byte;
    if (byte == ESCAPE && !p->escaped) {
        p->escaped = true;
        return;
    }
    if (p->in_len == GDB_PACKET) {
        p->bad = true;
        return;
    }
    p->in[p->in_len++] = p->escaped ? byte ^ ESCAPE_XOR : byte;
    p->escaped = false;
}

/* One byte that is no packet, in front of the next one. */
static void acknowledge(struct gdb_port *p, char how)
{
    if (p->no_ack)
        return;
    if (!gdb_port_left(p)) {
        p->out_len = p->out_sent = p->out_start = 0;
        p->unacked = false;
    }
    if (p->out_len < sizeof(p->out))
        p->out[p->out_len++] = (u8)how;
}

static enum gdb_event text_ends(struct gdb_port *p)
{
    p->state = BETWEEN;
    if (p->bad || p->escaped || p->sum != p->wanted) {
        acknowledge(p, '-');
        return GDB_NOTHING;
    }
    /* Whoever asks anew has read the last answer. */
    p->unacked = false;
    p->in[p->in_len] = 0;
    acknowledge(p, '+');
    return GDB_CAME;
}

static enum gdb_event between(struct gdb_port *p, u8 byte)
{
    if (byte == CTRL_C)
        return GDB_INTERRUPT;
    if (byte == '+')
        p->unacked = false;
    if (byte == '-' && p->unacked && !gdb_port_left(p))
        p->out_sent = p->out_start;
    return GDB_NOTHING;
}

static enum gdb_event take_sum(struct gdb_port *p, u8 byte)
{
    u32 digit = digit_of(byte);

    p->bad |= digit == NO_DIGIT;
    p->wanted = (u8)(p->wanted << 4 | (digit & 15));
    if (p->state == SUM_LOW)
        return text_ends(p);
    p->state = SUM_LOW;
    return GDB_NOTHING;
}

enum gdb_event gdb_port_byte(struct gdb_port *p, u8 byte)
{
    if (byte == '$') {
        begin_text(p);
        return GDB_NOTHING;
    }
    switch (p->state) {
    case TEXT:
        if (byte == '#')
            p->state = SUM_HIGH;
        else
            take_text(p, byte);
        return GDB_NOTHING;
    case SUM_HIGH:
    case SUM_LOW:
        return take_sum(p, byte);
    default:
        return between(p, byte);
    }
}

/* ---- out */

void gdb_port_restart(struct gdb_port *p)
{
    p->no_ack = p->unacked = false;
    p->out_len = p->out_sent = p->out_start = 0;
    acknowledge(p, '+');
}

/* Room for the text of a packet, behind what is there. */
static size_t room(const struct gdb_port *p)
{
    u32 end = min_u32(p->out_start + 1 + GDB_PACKET, sizeof(p->out) - 3);

    return end > p->out_len ? end - p->out_len : 0;
}

void gdb_port_begin(struct gdb_port *p)
{
    if (!gdb_port_left(p))
        p->out_len = p->out_sent = 0;
    p->out_start = min_u32(p->out_len, sizeof(p->out) - 4);
    p->out_len = p->out_start;
    p->out[p->out_len++] = '$';
}

void gdb_port_raw(struct gdb_port *p, const void *data, size_t len)
{
    len = min_u64(len, room(p));
    memcpy(p->out + p->out_len, data, len);
    p->out_len += (u32)len;
}

static void put(void *ctx, const char *text, size_t len)
{
    gdb_port_raw(ctx, text, len);
}

void gdb_port_print(struct gdb_port *p, const char *format, ...)
{
    struct sink to = {put, p};
    va_list args;

    va_start(args, format);
    fmt_vsink(&to, format, args);
    va_end(args);
}

static const char digits[] = "0123456789abcdef";

void gdb_port_hex(struct gdb_port *p, const void *data, size_t len)
{
    const u8 *byte = data;

    for (size_t i = 0; i < len && room(p) >= 2; i++) {
        p->out[p->out_len++] = (u8)digits[byte[i] >> 4];
        p->out[p->out_len++] = (u8)digits[byte[i] & 15];
    }
}

static bool needs_escape(u8 byte)
{
    return byte == '$' || byte == '#' || byte == '*' || byte == ESCAPE;
}

size_t gdb_port_fit(const void *data, size_t len, size_t space)
{
    const u8 *byte = data;
    size_t i = 0;

    for (; i < len; i++) {
        size_t need = needs_escape(byte[i]) ? 2 : 1;
        if (need > space)
            break;
        space -= need;
    }
    return i;
}

size_t gdb_port_binary(struct gdb_port *p, const void *data, size_t len)
{
    const u8 *byte = data;

    len = gdb_port_fit(data, len, room(p));
    for (size_t i = 0; i < len; i++) {
        bool escape = needs_escape(byte[i]);
        if (escape)
            p->out[p->out_len++] = ESCAPE;
        p->out[p->out_len++] = escape ? byte[i] ^ ESCAPE_XOR : byte[i];
    }
    return len;
}

void gdb_port_end(struct gdb_port *p)
{
    u8 sum = 0;

    for (u32 i = p->out_start + 1; i < p->out_len; i++)
        sum += p->out[i];
    p->out[p->out_len++] = '#';
    p->out[p->out_len++] = (u8)digits[sum >> 4];
    p->out[p->out_len++] = (u8)digits[sum & 15];
    p->unacked = !p->no_ack;
}

/* ---- words */

bool gdb_take(struct slice *s, char c)
{
    if (!s->len || *s->at != c)
        return false;
    s->at++;
    s->len--;
    return true;
}

bool gdb_take_hex(struct slice *s, u64 *value)
{
    u32 count = 0;

    *value = 0;
    for (; s->len; count++, s->at++, s->len--) {
        u32 digit = digit_of((u8)*s->at);
        if (digit == NO_DIGIT || count == 16)
            break;
        *value = *value << 4 | digit;
    }
    return count > 0;
}

size_t gdb_take_bytes(struct slice *s, void *to, size_t size)
{
    u8 *byte = to;
    size_t i = 0;

    for (; i < size && s->len >= 2; i++, s->at += 2, s->len -= 2) {
        u32 high = digit_of((u8)s->at[0]), low = digit_of((u8)s->at[1]);
        if (high == NO_DIGIT || low == NO_DIGIT)
            break;
        byte[i] = (u8)(high << 4 | low);
    }
    return i;
}
