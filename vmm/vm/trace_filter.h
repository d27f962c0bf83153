/* SPDX-License-Identifier: MIT
 *
 * Which events of a VM a person wants to see, as words:
 *
 *   priv,syscall vector=14 port=0x3f8-0x3ff at=switch_to mode=user rate=100
 *
 * Words stand between blanks or commas, so that they are one value of a module
 * line, too: trace=priv,syscall,mode=user. Those without a '=' are groups of
 * events or single events of trace.def, or "all"; without any, it is all. The
 * others are filters, and an event is shown when it passes each that is given:
 *
 *   vector=N[-N]  it names such a vector; an event without one does not pass
 *   port=N[-N]    the same for ports
 *   at=A[-A]      the instruction, or any address that the event names, is in
 *                 the range; a symbol alone is all of a function or object
 *   mode=kernel, mode=user   the guest's ring is 0 to 2, or 3
 *   rate=N        so many lines a second at most; what was more is counted
 *
 * "off" stands alone and is the filter that nothing passes.
 */
#ifndef VM_TRACE_FILTER_H
#define VM_TRACE_FILTER_H

#include "vmm/base/str.h"
#include "vmm/vm/trace.h"

/* Inclusive. */
struct trace_range {
    u32 low, high;
};

enum trace_mode { TRACE_ANY_MODE, TRACE_KERNEL, TRACE_USER };

struct trace_filter {
    u64 events; /* a bit for each enum trace_event; 0: off */
    struct trace_range vector, port, at;
    bool by_vector, by_port, by_at;
    enum trace_mode mode;
    u32 rate; /* 0: no limit */
};
STATIC_ASSERT(TRACE_EVENTS <= 64);

/* False: error is a sentence without its full stop, on what would be right.
 * vm: whose symbols `at` may name; null: names are taken and mean all, for
 * whoever only looks whether the words can be right. */
bool trace_filter_parse(const struct vm *vm, struct slice words,
                        struct trace_filter *out, char *error, size_t size);
/* The words again, for people. */
void trace_filter_format(const struct trace_filter *filter, char *out,
                         size_t size);
/* The groups that it wants events of. */
u32 trace_filter_groups(const struct trace_filter *filter);
bool trace_filter_passes(const struct trace_filter *filter,
                         const struct trace_record *record);

#endif
