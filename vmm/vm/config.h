/* SPDX-License-Identifier: MIT
 *
 * One guest, as its module line describes it:
 *
 *   vm=alpha mem=32M exec=trap shadow=cached weight=1 -- guest command line
 *   for=alpha initrd
 *
 * A const table of keys drives the parser, `help create` and the README. An
 * error is one sentence that quotes the offending word and says what would
 * be right; the caller puts the line's number in front.
 */
#ifndef VM_CONFIG_H
#define VM_CONFIG_H

#include "vmm/base/str.h"
#include "vmm/mm/shadow.h"

#define VM_NAME_MAX   15 /* letters, digits, '-' and '_' */
#define VM_LINE_MAX   256
#define VM_MEM_MIN    (1u << 20)
#define VM_MEM_MAX    0xc0000000u
#define VM_WEIGHT_MAX 100
#define VM_TRACE_MAX  128

enum vm_exec { EXEC_TRAP, EXEC_INTERP };

/* How the interpreter goes from one instruction to the next: by pre-decoded
 * blocks, or by decoding each. */
enum vm_dispatch { DISPATCH_THREADED, DISPATCH_PLAIN };

enum config_kind {
    CONFIG_NONE,   /* an empty line: a module without a purpose */
    CONFIG_VM,     /* vm=... */
    CONFIG_ATTACH, /* for=NAME what */
};

struct vm_config {
    enum config_kind kind;
    char name[VM_NAME_MAX + 1]; /* of the VM, or of the one attached to */
    u64 mem;
    enum vm_exec exec;
    enum vm_dispatch dispatch;
    enum shadow_policy_id shadow;
    u32 weight;
    u32 cap;    /* percent of the processor; 0: no cap */
    u64 length; /* ns of a burst, for sjf and stcf; 0: predict it */
    u64 disk;   /* bytes; 0: as large as the module that is its disk */
    char trace[VM_TRACE_MAX]; /* words of trace_filter.h, empty for off */
    char line[VM_LINE_MAX];   /* guest command line, or the attached module's */
};

/* false: error holds the sentence. */
bool config_parse(const char *line, struct vm_config *out, char *error,
                  size_t size);
/* Words that can change while the VM runs: weight=, cap=, length=. Takes all
 * of them, or none. */
bool config_change(struct slice words, struct vm_config *out, char *error,
                   size_t size);
/* Key number i and what its value should be; null behind the last. */
const char *config_key(u32 i, const char **wanted);

#endif
