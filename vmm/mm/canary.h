/* SPDX-License-Identifier: MIT
 *
 * Canary frames: what lies beside the frames of a VM and must never change.
 *
 * A write of the VMM that goes astray, one frame too far or one byte over the
 * end, hits what lies next to the frame that was meant, and mostly nobody
 * would ever know. So frames beside a VM's own are taken from the free ones
 * and filled with a pattern of frame number, owner and place: in front of and
 * behind every 64th guest frame, the first and the last among them, and at
 * the ends of each run of its shadow and p2m frames. They are FRAME_CANARY
 * frames of that owner; the frame records are the only list of them.
 *
 * LIMIT: shadow and p2m frames that are taken later have no canary of their
 * own, only those of the frames around them.
 */
#ifndef MM_CANARY_H
#define MM_CANARY_H

#include "vmm/base/fmt.h"
#include "vmm/mm/frames.h"

#define CANARY_EVERY 64

/* Plants canaries beside the frames that the owner has now. */
void canary_plant(struct frames *f, u8 owner);
/* A sentence into sink (may be null) for each one that has changed; how many
 * those are. */
u32 canary_check(const struct frames *f, u8 owner, const struct sink *sink);
/* Gives them back. */
void canary_remove(struct frames *f, u8 owner);

#endif
