/* SPDX-License-Identifier: MIT
 *
 * See bus.h.
 *
 * The ranges stand sorted by space and first address, so an address is found
 * in at most six steps; a range that answered last is tried first, because a
 * driver talks to one device at a time. An access that fits into one range of
 * a device that takes any width is passed on whole. Every other one becomes
 * single bytes in rising order, little end first, as an 8-bit ISA card sees
 * it; a byte without an owner reads as 0xff.
 *
 * The bus trusts nothing about an access: sizes other than 1, 2 and 4 are
 * carried out byte by byte, at most four; ports beyond 0xffff do not exist.
 * LIMIT: a device must not use the bus from within its read or write.
 */
#include "drivers/bus/bus.h"
#include "vmm/base/bits.h"

#define PORTS    0x10000u
#define ALL_ONES 0xffffffffu

void bus_init(struct bus *bus)
{
    *bus = (struct bus){.ranges = 0};
}

static u64 key_of(enum bus_space space, u32 at)
{
    return (u64)space << 32 | at;
}

static bool inside(const struct bus_range *r, enum bus_space space, u32 at)
{
    return r->space == space && at - r->first < r->count;
}

/* How many ranges start at or before this address. */
static u32 upper_bound(const struct bus *bus, enum bus_space space, u32 at)
{
    u32 low = 0, high = bus->ranges;
    u64 key = key_of(space, at);

    while (low < high) {
        u32 mid = (low + high) / 2;
        const struct bus_range *r = &bus->range[mid];

        if (key_of(r->space, r->first) <= key)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static const struct bus_range *find(struct bus *bus, enum bus_space space,
                                    u32 at)
{
    u32 i = bus->hit[space];

    if (i < bus->ranges && inside(&bus->range[i], space, at))
        return &bus->range[i];
    i = upper_bound(bus, space, at);
    if (i == 0 || !inside(&bus->range[i - 1], space, at))
        return NULL;
    bus->hit[space] = i - 1;
    return &bus->range[i - 1];
}

static bool overlaps(const struct bus *bus, const struct bus_range *new)
{
    for (u32 i = 0; i < bus->ranges; i++) {
        const struct bus_range *r = &bus->range[i];

        if (inside(r, new->space, new->first) ||
            inside(new, r->space, r->first))
            return true;
    }
    return false;
}

bool bus_claim(struct bus *bus, enum bus_space space, u32 first, u32 count,
               u32 offset, const struct dev_ops *ops, void *dev)
{
    struct bus_range new = {first, count, offset, space, ops, dev};
    u64 top = space == BUS_PORT ? PORTS : 1ull << 32;
    u32 at = bus->ranges;

    if (bus->ranges == BUS_RANGES || !count || (u64)first + count > top ||
        overlaps(bus, &new))
        return false;
    for (; at > 0; at--) {
        const struct bus_range *below = &bus->range[at - 1];

        if (key_of(below->space, below->first) < key_of(space, first))
            break;
        bus->range[at] = *below;
    }
    bus->range[at] = new;
    bus->ranges++;
    return true;
}

/* Can the range take this access in one piece? */
static bool whole(const struct bus_range *r, u32 at, u32 size)
{
    bool width = size == 1 || (!r->ops->bytes_only && (size == 2 || size == 4));

    return width && size <= r->count - (at - r->first);
}

static void missed(struct bus *bus, u32 at)
{
    bus->unclaimed++;
    bus->last_unclaimed = at;
}

static u32 read_bytes(struct bus *bus, enum bus_space space, u32 at, u32 size)
{
    u32 value = ALL_ONES, absent = 0;

    for (u32 i = 0; i < size; i++) {
        const struct bus_range *r = find(bus, space, at + i);
        u32 byte = 0xff;

        if (r)
            byte = r->ops->read(r->dev, at + i - r->first + r->offset, 1);
        else
            absent++;
        value &= ~(0xffu << 8 * i);
        value |= (byte & 0xff) << 8 * i;
    }
    if (absent)
        missed(bus, at);
    return value & mask_bytes(size);
}

u32 bus_read(struct bus *bus, enum bus_space space, u32 at, u32 size)
{
    const struct bus_range *r = find(bus, space, at);

    size = min_u32(size, 4);
    if (!r || !whole(r, at, size))
        return read_bytes(bus, space, at, size);
    return r->ops->read(r->dev, at - r->first + r->offset, size) &
           mask_bytes(size);
}

static void write_bytes(struct bus *bus, enum bus_space space, u32 at, u32 size,
                        u32 value)
{
    u32 absent = 0;

    for (u32 i = 0; i < size; i++) {
        const struct bus_range *r = find(bus, space, at + i);

        if (r)
            r->ops->write(r->dev, at + i - r->first + r->offset, 1,
                          value >> 8 * i & 0xff);
        else
            absent++;
    }
    if (absent)
        missed(bus, at);
}

void bus_write(struct bus *bus, enum bus_space space, u32 at, u32 size,
               u32 value)
{
    const struct bus_range *r = find(bus, space, at);

    size = min_u32(size, 4);
    if (!r || !whole(r, at, size)) {
        write_bytes(bus, space, at, size, value);
        return;
    }
    r->ops->write(r->dev, at - r->first + r->offset, size,
                  value & mask_bytes(size));
}

u32 bus_read_many(struct bus *bus, enum bus_space space, u32 at, u32 size,
                  u8 *value, u32 count)
{
    const struct bus_range *r = find(bus, space, at);

    if (!r || !whole(r, at, size) || !r->ops->read_many)
        return 0;
    return r->ops->read_many(r->dev, at - r->first + r->offset, size, value,
                             count);
}

u32 bus_write_many(struct bus *bus, enum bus_space space, u32 at, u32 size,
                   const u8 *value, u32 count)
{
    const struct bus_range *r = find(bus, space, at);

    if (!r || !whole(r, at, size) || !r->ops->write_many)
        return 0;
    return r->ops->write_many(r->dev, at - r->first + r->offset, size, value,
                              count);
}

static bool seen_before(const struct bus *bus, u32 index)
{
    for (u32 i = 0; i < index; i++)
        if (bus->range[i].dev == bus->range[index].dev)
            return true;
    return false;
}

void bus_reset(struct bus *bus)
{
    for (u32 i = 0; i < bus->ranges; i++)
        if (!seen_before(bus, i))
            bus->range[i].ops->reset(bus->range[i].dev);
    bus->unclaimed = 0;
    bus->last_unclaimed = 0;
}
