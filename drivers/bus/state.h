/* SPDX-License-Identifier: MIT
 *
 * A device's state as bytes.
 *
 * Each model keeps all that a guest can change in one struct of fixed-width
 * words, its "state", apart from the wires to the outside. Saving copies that
 * struct behind a tag that names its layout; loading takes back exactly such
 * bytes. A state may come from a file that somebody edited: the model checks
 * what it uses as an index or as a time before it accepts it, and no field is
 * a bool or an enum, whose stray values would be undefined behaviour.
 *
 * LIMIT: the bytes are those of one build's word order and alignment; they
 * are for a VMM of the same build, not for an archive.
 */
#ifndef BUS_STATE_H
#define BUS_STATE_H

#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/base/types.h"

#define STATE_HEADER 8

/* Returns the size needed; writes when it fits. */
static inline u32 state_save(u32 tag, const void *state, u32 len, u8 *buf,
                             u32 size)
{
    if (size >= len + STATE_HEADER) {
        put_le32(buf, tag);
        put_le32(buf + 4, len);
        memcpy(buf + STATE_HEADER, state, len);
    }
    return len + STATE_HEADER;
}

/* Copies the bytes out to `state`; false when they are of another kind. */
static inline bool state_load(u32 tag, void *state, u32 len, const u8 *buf,
                              u32 size)
{
    if (size != len + STATE_HEADER || get_le32(buf) != tag ||
        get_le32(buf + 4) != len)
        return false;
    memcpy(state, buf + STATE_HEADER, len);
    return true;
}

#endif
