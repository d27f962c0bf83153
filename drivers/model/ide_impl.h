/* SPDX-License-Identifier: MIT
 *
 * Between ide.c, which keeps the protocol, and ide_identify.c, which keeps what
 * a disk says of itself and what it begins with.
 */
#ifndef MODEL_IDE_IMPL_H
#define MODEL_IDE_IMPL_H

#include "drivers/model/ide.h"

/* The 512 bytes of IDENTIFY DEVICE, into the buffer. */
void ide_identify(struct ide_state *st, u32 sectors);
/* What a host can set, as it is at power-on. */
void ide_defaults(struct ide_state *st, u32 sectors);

#endif
