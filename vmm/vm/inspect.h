/* SPDX-License-Identifier: MIT
 *
 * Looking into a guest, and putting things into it, from outside: for the
 * monitor, the black box, the gdb stub and traces.
 *
 * Looking has no consequences: no accessed or dirty bit is set, no device is
 * read, no shadow entry is made, no event is raised. It works in every state
 * a VM can have, killed and exited ones too. What is written goes past the
 * guest's own protection (a debugger may patch code and ROM), but the shadow,
 * the recorder and the interpreter's caches stay true to it.
 *
 * An address is what the guest's tables say at the moment of the call, by the
 * CR3 that is loaded; segments are not looked at.
 *
 * SDM vol. 3A 4.3-4.7.
 */
#ifndef VM_INSPECT_H
#define VM_INSPECT_H

#include "vmm/vm/vm.h"

/* Completes struct cpu: segment registers come back from the hardware if it
 * has them. Before anything of vm->cpu is shown or changed. */
void inspect_sync(struct vm *vm);
/* Registers of vm->cpu were changed from outside: what the engine keeps of
 * the old ones is loaded anew. What was read or written for that on the way
 * was no access of the guest's. */
void inspect_changed(struct vm *vm);

/* Bytes by linear or by guest-physical address; returns how many there were
 * before the first that is not mapped or is no memory. */
u32 inspect_read(struct vm *vm, gva_t at, void *buf, u32 size);
u32 inspect_write(struct vm *vm, gva_t at, const void *buf, u32 size);
u32 inspect_read_phys(struct vm *vm, gpa_t at, void *buf, u32 size);
u32 inspect_write_phys(struct vm *vm, gpa_t at, const void *buf, u32 size);

/* One sentence (without a full stop) on what an access with these PF_WRITE,
 * PF_USER, PF_FETCH bits would meet: "it would fault: the directory entry
 * 768 (0x00000000 at physical 0x00105c00) is not present". True: it works. */
bool inspect_why(struct vm *vm, gva_t at, u32 access, char *out, size_t size);

/* The entries that lead to `at`, top level first, as far as they are there;
 * returns how many. None: paging is off. Behind the last one, if it is
 * present, lies `out[n - 1].to`. */
struct inspect_level {
    const char *name; /* "directory entry" */
    u32 index, bytes; /* the entry's number in its table, and its size */
    gpa_t at;         /* where it lies; not for a directory pointer, */
    bool in_register; /* which is in the processor */
    u64 entry;
    bool last;   /* it maps a page */
    gpa_t to;    /* that page's byte, or the table it names */
    u64 refused; /* bits that must be clear and are not */
};
#define INSPECT_LEVELS 3
u32 inspect_levels(const struct vm *vm, gva_t at,
                   struct inspect_level out[INSPECT_LEVELS]);

/* The same of the shadow that the real processor walks, down to the first
 * entry that is not present. None: the VM has no shadow. */
struct inspect_shadow {
    const char *name; /* "PML4E" */
    u32 index;
    hpa_t at;
    u64 entry;
};
#define INSPECT_SHADOWS 4
u32 inspect_shadows(const struct vm *vm, gva_t at,
                    struct inspect_shadow out[INSPECT_SHADOWS]);
/* Its leaf, 0 when there is none. */
u64 inspect_shadow_leaf(const struct vm *vm, gva_t at);

/* "RAM", "ROM", "a device", "nothing": what is at a physical address. */
const char *inspect_what(const struct vm *vm, gpa_t at);

/* The instruction at CS:eip, as the guest's mode decodes it. Returns its
 * length; 0: none can be read there, and out says so. */
u32 inspect_insn(struct vm *vm, u32 eip, char *out, size_t size);

/* The chain of frames by EBP, innermost first: return addresses, the first of
 * them EIP itself. Returns how many. Ends at a frame that is not above the
 * last, cannot be read, or returns to 0. */
struct inspect_frame {
    u32 eip, ebp;
};
u32 inspect_stack(struct vm *vm, struct inspect_frame *out, u32 most);

/* Code without frame pointers has no such chain. Where the first return
 * address of the chain is not behind a near CALL, these are the words of the
 * stack, from ESP up, that are: perhaps return addresses, perhaps old ones.
 * Returns how many; none in 16-bit code. */
u32 inspect_returns(struct vm *vm, u32 *out, u32 most);

#endif
