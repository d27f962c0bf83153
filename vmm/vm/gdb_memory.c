/* SPDX-License-Identifier: MIT
 *
 * See gdb_impl.h. Memory, and the points at which a guest stops.
 *
 * m, M and X go by linear address, as the guest's tables have it at this
 * moment; by guest-physical address after `maintenance packet
 * Qqemu.PhyMemMode:1`. What can be read of a range is answered as far as it
 * goes.
 *
 * Z0 and Z1 are the same to a guest: no byte of it changes for either. They
 * are told apart because gdb sets and removes them apart, and wants to hear
 * which it was. A point that is there already is there, as the protocol asks.
 *
 * LIMIT: gdb knows no segments: a point is at a linear address, which EIP is
 * not where CS has a base. There `break *($cs_base + 0x1234)` stops as if by
 * SIGTRAP, and $eip shows the offset.
 *
 * GDB manual, appendix E.2: m, M, X, z, Z; E.3: stop replies.
 */
#include "vmm/base/bits.h"
#include "vmm/vm/gdb_impl.h"
#include "vmm/vm/inspect.h"

#define PIECE 256u

enum { POINT_SOFT, POINT_HARD, POINT_WRITE, POINT_READ, POINT_ACCESS, POINTS };

/* "ADDRESS,LENGTH" */
static bool take_range(struct slice *s, u64 *at, u64 *size)
{
    return gdb_take_hex(s, at) && gdb_take(s, ',') && gdb_take_hex(s, size);
}

/* Linear addresses end at 4 GiB. */
static u32 within(const struct gdb *g, u64 at, u64 size)
{
    u64 end = g->physical ? UINT64_MAX : (u64)UINT32_MAX + 1;

    if (at >= end)
        return 0;
    return (u32)min_u64(min_u64(size, end - at), UINT32_MAX);
}

static u32 read_piece(const struct gdb *g, struct vm *vm, u64 at, void *to,
                      u32 size)
{
    size = within(g, at, size);
    if (g->physical)
        return inspect_read_phys(vm, gpa(at), to, size);
    return inspect_read(vm, gva((u32)at), to, size);
}

static bool write_piece(const struct gdb *g, struct vm *vm, u64 at,
                        const void *from, u32 size)
{
    if (within(g, at, size) != size)
        return false;
    if (g->physical)
        return inspect_write_phys(vm, gpa(at), from, size) == size;
    return inspect_write(vm, gva((u32)at), from, size) == size;
}

void gdb_read_memory(const struct gdb_args *args)
{
    struct slice rest = args->rest;
    struct gdb *g = args->gdb;
    struct vm *vm = gdb_chosen(args);
    u8 piece[PIECE];
    u64 at, size;
    u32 got;

    if (!vm)
        return;
    if (!take_range(&rest, &at, &size) || rest.len) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    size = min_u64(size, GDB_PACKET / 2);
    got = read_piece(g, vm, at, piece, (u32)min_u64(size, PIECE));
    if (size && !got) {
        gdb_error(g, GDB_EFAULT);
        return;
    }
    gdb_port_begin(&g->port);
    while (got) {
        gdb_port_hex(&g->port, piece, got);
        at += got;
        size -= got;
        got = read_piece(g, vm, at, piece, (u32)min_u64(size, PIECE));
    }
    gdb_port_end(&g->port);
}

void gdb_write_memory(const struct gdb_args *args)
{
    struct slice rest = args->rest;
    struct vm *vm = gdb_chosen(args);
    u8 piece[PIECE];
    u64 at, size;

    if (!vm)
        return;
    if (!take_range(&rest, &at, &size) || !gdb_take(&rest, ':') ||
        rest.len / 2 != size || rest.len % 2) {
        gdb_error(args->gdb, GDB_EINVAL);
        return;
    }
    while (rest.len) {
        u32 n = (u32)gdb_take_bytes(&rest, piece, sizeof(piece));
        if (!n || !write_piece(args->gdb, vm, at, piece, n)) {
            gdb_error(args->gdb, GDB_EFAULT);
            return;
        }
        at += n;
    }
    gdb_ok(args->gdb);
}

void gdb_write_binary(const struct gdb_args *args)
{
    struct slice rest = args->rest;
    struct vm *vm = gdb_chosen(args);
    u64 at, size;

    if (!vm)
        return;
    if (!take_range(&rest, &at, &size) || !gdb_take(&rest, ':') ||
        rest.len != size)
        gdb_error(args->gdb, GDB_EINVAL);
    else if (size && !write_piece(args->gdb, vm, at, rest.at, (u32)size))
        gdb_error(args->gdb, GDB_EFAULT);
    else
        gdb_ok(args->gdb);
}

/* ---- points */

struct point {
    u32 type, at, size;
};

/* "TYPE,ADDRESS,KIND"; conditions and commands may follow, which we have not
 * offered to take. A breakpoint's kind is its length in code: no matter. */
static bool take_point(const struct gdb_args *args, struct point *point)
{
    struct slice rest = args->rest;
    u64 type, at, size;

    if (!gdb_take_hex(&rest, &type) || type >= POINTS ||
        !gdb_take(&rest, ',') || !take_range(&rest, &at, &size) || rest.len ||
        at > UINT32_MAX || size > UINT32_MAX) {
        gdb_error(args->gdb, GDB_EINVAL);
        return false;
    }
    *point =
        (struct point){(u32)type, (u32)at, type <= POINT_HARD ? 1 : (u32)size};
    return true;
}

/* A probe of ours has the packet's type for a tag. */
static bool find_point(const struct vm *vm, const struct point *point,
                       u32 *number)
{
    return probe_find(vm, PROBE_GDB, (u8)point->type, point->at, point->size,
                      number);
}

void gdb_insert(const struct gdb_args *args)
{
    static const enum probe_kind kinds[POINTS] = {[POINT_SOFT] = PROBE_BREAK,
                                                  [POINT_HARD] = PROBE_BREAK,
                                                  [POINT_WRITE] = PROBE_WRITE,
                                                  [POINT_READ] = PROBE_READ,
                                                  [POINT_ACCESS] =
                                                      PROBE_ACCESS};
    struct vm *vm = gdb_chosen(args);
    struct point p;
    char error[160];
    u32 there;
    int number;

    if (!vm || !take_point(args, &p))
        return;
    if (find_point(vm, &p, &there)) {
        gdb_ok(args->gdb);
        return;
    }
    number = probe_add(vm, PROBE_GDB, kinds[p.type], p.at, p.size, error,
                       sizeof(error));
    if (number < 0) {
        gdb_refuse(args->gdb, "%s", error);
        return;
    }
    probe_at(vm, (u32)number)->tag = (u8)p.type;
    gdb_ok(args->gdb);
}

void gdb_remove(const struct gdb_args *args)
{
    struct vm *vm = gdb_chosen(args);
    struct point p;
    u32 number;

    if (!vm || !take_point(args, &p))
        return;
    if (find_point(vm, &p, &number))
        probe_remove(vm, PROBE_GDB, number);
    gdb_ok(args->gdb);
}

/* Where CS has a base (real-address mode, say), gdb takes EIP for the address,
 * finds no point there, and would go on if it were told that it was one. */
void gdb_print_reason(struct gdb *g, const struct vm *vm)
{
    static const char *const names[POINTS] = {
        [POINT_WRITE] = "watch",
        [POINT_READ] = "rwatch",
        [POINT_ACCESS] = "awatch",
    };
    const struct probe *probe = probe_at(vm, vm->stop.probe);
    u32 point = probe ? probe->tag : 0;

    if (!probe || probe->owner != PROBE_GDB)
        return;
    if (vm->stop.reason == STOP_WATCH && point > POINT_HARD)
        gdb_port_print(&g->port, "%s:%x;", names[point], vm->stop.at);
    else if (vm->stop.reason != STOP_BREAK || probe->at != vm->cpu.eip)
        return;
    else if (point == POINT_SOFT && g->swbreak)
        gdb_port_print(&g->port, "swbreak:;");
    else if (point == POINT_HARD && g->hwbreak)
        gdb_port_print(&g->port, "hwbreak:;");
}
