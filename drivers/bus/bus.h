/* SPDX-License-Identifier: MIT
 *
 * The bus of one VM: which device answers at which port or physical address.
 *
 * A device is a plain struct with a const table of operations; it claims
 * ranges. An access goes to the device as offset and size exactly as the
 * guest made it; a device that only knows bytes says so, and the bus splits
 * the access. Nobody there: reads give all ones, writes go nowhere, both are
 * counted, per bus and for the last port (a driver that probes is normal, a
 * flood is a symptom).
 */
#ifndef BUS_BUS_H
#define BUS_BUS_H

#include "vmm/base/types.h"

#define BUS_RANGES 32

struct dev_ops {
    const char *name;
    /* offset is relative to the range's `first`; size 1, 2 or 4 */
    u32 (*read)(void *dev, u32 offset, u32 size);
    void (*write)(void *dev, u32 offset, u32 size, u32 value);
    void (*reset)(void *dev);
    /* The device's whole state as bytes: save returns the size it needs and
     * writes when that fits; load is false for bytes it cannot take. */
    u32 (*save)(const void *dev, u8 *buf, u32 size);
    bool (*load)(void *dev, const u8 *buf, u32 size);
    bool bytes_only;
    /* May be null. Up to `count` accesses to one register, one behind the
     * other, exactly as that many single ones; returns how many were done,
     * which may be none. `value` holds count * size bytes. */
    u32 (*read_many)(void *dev, u32 offset, u32 size, u8 *value, u32 count);
    u32 (*write_many)(void *dev, u32 offset, u32 size, const u8 *value,
                      u32 count);
};

enum bus_space { BUS_PORT, BUS_MEMORY };

struct bus_range {
    u32 first, count;
    u32 offset; /* added to what the device sees: a second range */
    enum bus_space space;
    const struct dev_ops *ops;
    void *dev;
};

struct bus {
    struct bus_range range[BUS_RANGES];
    u32 ranges;
    u32 hit[2]; /* by space: the range that answered last */
    u64 unclaimed;
    u32 last_unclaimed;
};

void bus_init(struct bus *bus);
/* false when the table is full or the range overlaps another. */
bool bus_claim(struct bus *bus, enum bus_space space, u32 first, u32 count,
               u32 offset, const struct dev_ops *ops, void *dev);
u32 bus_read(struct bus *bus, enum bus_space space, u32 at, u32 size);
void bus_write(struct bus *bus, enum bus_space space, u32 at, u32 size,
               u32 value);
/* As read_many and write_many; 0 where there is no such device. */
u32 bus_read_many(struct bus *bus, enum bus_space space, u32 at, u32 size,
                  u8 *value, u32 count);
u32 bus_write_many(struct bus *bus, enum bus_space space, u32 at, u32 size,
                   const u8 *value, u32 count);
void bus_reset(struct bus *bus); /* every device once */

#endif
