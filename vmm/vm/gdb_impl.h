/* SPDX-License-Identifier: MIT
 *
 * Between the files of the gdb stub. gdb.c has the session: the wire, who is
 * attached, who runs, what has stopped. gdb_command.c has the packets;
 * gdb_query.c those that ask (q, Q, vFile), gdb_regs.c the registers and how
 * they are described, gdb_memory.c memory and points.
 *
 * A packet is answered by exactly one: an empty one to what is not known, an
 * error with a sentence to what cannot be, and to what lets guests run
 * nothing, because the answer is the next stop.
 */
#ifndef VM_GDB_IMPL_H
#define VM_GDB_IMPL_H

#include "vmm/vm/vm.h"

/* The command's words behind its name. */
struct gdb_args {
    struct hv *hv;
    struct gdb *gdb;
    struct slice rest;
};

/* What a thread-id names; -1 is all, 0 is any. */
struct gdb_id {
    int pid;
};
bool gdb_take_id(struct slice *s, struct gdb_id *id);
/* "p1.1", or "1" to who does not know processes. */
void gdb_print_id(struct gdb *g, u32 slot);

/* Whole answers. */
void gdb_answer(struct gdb *g, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
#define gdb_ok(g) gdb_answer((g), "OK")
/* "E14": where gdb wants a number (as errno has them) and shows nothing. */
void gdb_error(struct gdb *g, u32 number);
#define GDB_EINVAL 22
#define GDB_EFAULT 14
#define GDB_ESRCH  3
#define GDB_ENOENT 2
/* "E.sentence": where gdb shows it. */
void gdb_refuse(struct gdb *g, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The attached VM of a slot that is still the same one; null: none. */
struct vm *gdb_vm(struct hv *hv, int slot);
/* The one that registers and memory are of; null: answered with an error. */
struct vm *gdb_chosen(const struct gdb_args *args);
/* Slot by process number; -1: there is no such VM, answered with an error. */
int gdb_slot_of(const struct gdb_args *args, u64 pid);

/* gdb.c */
void gdb_attach(struct hv *hv, u32 slot);
void gdb_detach(struct hv *hv, u32 slot);
void gdb_detach_all(struct hv *hv);
void gdb_hold_all(struct hv *hv);
void gdb_tell_stop(struct hv *hv, u32 slot);
void gdb_new_session(struct hv *hv);

/* gdb_command.c: the packet that has come. */
void gdb_command(struct hv *hv);

/* gdb_query.c */
void gdb_supported(const struct gdb_args *args);
void gdb_transfer(const struct gdb_args *args);
void gdb_threads(const struct gdb_args *args);
void gdb_thread_words(const struct gdb_args *args);
void gdb_monitor(const struct gdb_args *args);
void gdb_host_file(const struct gdb_args *args);
/* The next piece of what a monitor command has said. */
void gdb_talk(struct gdb *g);

/* gdb_regs.c */
void gdb_registers(const struct gdb_args *args);
void gdb_set_registers(const struct gdb_args *args);
void gdb_register(const struct gdb_args *args);
void gdb_set_register(const struct gdb_args *args);
/* target.xml */
void gdb_describe(const struct sink *out);
/* Those that gdb asks for at once behind each stop. */
void gdb_print_expedited(struct gdb *g, struct vm *vm);

/* gdb_memory.c */
void gdb_read_memory(const struct gdb_args *args);
void gdb_write_memory(const struct gdb_args *args);
void gdb_write_binary(const struct gdb_args *args);
void gdb_insert(const struct gdb_args *args);
void gdb_remove(const struct gdb_args *args);
/* "swbreak:;", "watch:c0101f00;" */
void gdb_print_reason(struct gdb *g, const struct vm *vm);

#endif
