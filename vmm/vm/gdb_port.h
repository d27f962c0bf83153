/* SPDX-License-Identifier: MIT
 *
 * Packets of gdb's remote protocol, both ways: $text#sum, with + and - behind
 * each until both sides have agreed to leave that out.
 *
 * Bytes go in one by one, and now and then a packet has come or somebody has
 * pressed Ctrl-C. One packet at a time goes out: the protocol is question and
 * answer, and what is more (long text of the monitor) is cut up by whoever
 * has it. The packet stays until the other side has acknowledged it, so that
 * it can be sent again.
 *
 * The other side is not trusted. A packet that is too long, has a wrong sum or
 * a broken escape is refused by a `-`, or dropped when nobody acknowledges;
 * what is between packets is dropped. Nothing that comes in takes more room
 * than there is here.
 *
 * GDB manual, appendix E.1 (packets), E.11 (interrupts), E.9 (no ack mode).
 */
#ifndef VM_GDB_PORT_H
#define VM_GDB_PORT_H

#include "vmm/base/fmt.h"
#include "vmm/base/str.h"

#define GDB_PACKET 4096u /* bytes between $ and #, either way */

enum gdb_event {
    GDB_NOTHING,
    GDB_CAME,      /* a packet: port->in, port->in_len */
    GDB_INTERRUPT, /* Ctrl-C */
};

struct gdb_port {
    u8 in[GDB_PACKET + 1]; /* without $, #; terminated */
    u32 in_len;
    u32 state;
    u8 sum, wanted;
    bool escaped, bad;
    u8 out[GDB_PACKET + 8];
    u32 out_len, out_sent;
    u32 out_start; /* where the packet begins, behind acknowledgements */
    bool no_ack;
    bool unacked; /* a packet has gone out and no + has come for it */
};

enum gdb_event gdb_port_byte(struct gdb_port *p, u8 byte);

/* A packet to go: begin, any of the others, end. What is more than GDB_PACKET
 * is left out. */
void gdb_port_begin(struct gdb_port *p);
void gdb_port_raw(struct gdb_port *p, const void *data, size_t len);
void gdb_port_print(struct gdb_port *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void gdb_port_hex(struct gdb_port *p, const void *data, size_t len);
/* Bytes as they are, those that mean something escaped. Returns how many of
 * them there was room for. */
size_t gdb_port_binary(struct gdb_port *p, const void *data, size_t len);
void gdb_port_end(struct gdb_port *p);

/* How many of these bytes gdb_port_binary() could take in `room`. */
size_t gdb_port_fit(const void *data, size_t len, size_t room);

/* What is still to be sent. */
static inline u32 gdb_port_left(const struct gdb_port *p)
{
    return p->out_len - p->out_sent;
}

/* Could another packet go out? */
static inline bool gdb_port_free(const struct gdb_port *p)
{
    return !gdb_port_left(p) && (p->no_ack || !p->unacked);
}

/* A new session: acknowledgements again, and nothing of the old one left. */
void gdb_port_restart(struct gdb_port *p);

/* Words of a packet, taken off its front. */
bool gdb_take(struct slice *s, char c);
bool gdb_take_hex(struct slice *s, u64 *value); /* at most 16 digits */
/* Bytes in hexadecimal; returns how many pairs there were, at most size. */
size_t gdb_take_bytes(struct slice *s, void *to, size_t size);

#endif
