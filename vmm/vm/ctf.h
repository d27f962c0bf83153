/* SPDX-License-Identifier: MIT
 *
 * The Common Trace Format 1.8: what trace records look like to babeltrace2,
 * Trace Compass and whoever else reads it.
 *
 * A trace is a sequence of packets, of two kinds: of metadata, the text that
 * says what the other kind holds, and of events. The text is made from the
 * catalogue (trace.def), so that it cannot be wrong about it. Each packet
 * begins with a magic number, the trace's UUID and its own size, and has an
 * Adler-32 sum, so that a reader who begins in the middle of a line, or on a
 * line that loses bytes, finds the next whole packet and says what is missing.
 *
 * Everything is packed by bytes, little-endian. An event has the type's number
 * (8 bits), the low half of its time (32), its VM, CPL and EIP, and as many
 * bytes as its kind needs: 12 to 45 in all. A packet never covers more time
 * than 32 bits tell.
 *
 * Besides the catalogue there is one event, "vm": slot, name and memory of a
 * guest, told when it is met and whenever the metadata are sent again.
 *
 * This is an encoder only: export.h says when, and over which line.
 *
 * CTF 1.8.3, sections 5 to 7; Adler-32: RFC 1950.
 */
#ifndef VM_CTF_H
#define VM_CTF_H

#include "vmm/vm/trace.h"

#define CTF_MAGIC          0xc1fc1fc1u
#define CTF_METADATA_MAGIC 0x75d11d57u
#define CTF_PACKET         4096u
#define CTF_UUID           16
#define CTF_VM             TRACE_EVENTS /* the number of event "vm" */

struct ctf {
    u8 uuid[CTF_UUID];
    u64 hz;
    u64 offset_s, offset; /* when the TSC was zero: seconds since 1970, ticks */
    u8 packet[CTF_PACKET];
    u32 size;                /* of the packet so far */
    u64 begin, last;         /* times of its first and its latest event */
    u32 sequence;            /* packets of events that were ended */
    u8 bytes[TRACE_TYPES];   /* what a field takes; of TEXT: at most */
    u16 event[TRACE_EVENTS]; /* and all fields of an event */
};

/* Now: a reading of the TSC, and ns since 1970 at the same time. */
void ctf_init(struct ctf *c, u64 hz, u64 tsc, u64 now_ns);

/* The packet becomes the next one of metadata, from row number *row on, which
 * is moved on. False: there are no more rows. */
bool ctf_metadata(struct ctf *c, u32 *row);

/* The packet becomes one of events, the first of which is at that time. */
void ctf_begin(struct ctf *c, u64 tsc);
/* False: it does not fit; end this packet and begin another. */
bool ctf_record(struct ctf *c, const struct trace_record *record);
bool ctf_vm(struct ctf *c, u32 slot, const char *name, u64 memory);
/* lost: all records that were overwritten up to now. */
void ctf_end(struct ctf *c, u32 cpu, u64 lost);

/* Shared by the files of this encoder. */
u32 ctf_adler(const u8 *data, u32 size);
void ctf_put(struct ctf *c, u64 value, u32 bytes);

#endif
