/* SPDX-License-Identifier: MIT
 *
 * Between ide.c, which has the registers and the line, ide_command.c, which has
 * the commands and their blocks, and ide_identify.c, which has what a disk says
 * of itself and what it begins with.
 */
#ifndef MODEL_IDE_IMPL_H
#define MODEL_IDE_IMPL_H

#include "drivers/model/ide.h"

#define IDE_STATUS_IDLE (ATA_STATUS_RDY | ATA_STATUS_DSC)

/* One that the host has written; no other is under way. */
void ide_run_command(struct ide *ide, u8 code);
/* The buffer is through. */
void ide_sector_done(struct ide *ide);
/* What every ATA disk shows behind a reset. */
void ide_sign(struct ide_state *st);
/* The 512 bytes of IDENTIFY DEVICE, into the buffer. */
void ide_identify(struct ide_state *st, u32 sectors);
/* What a host can set, as it is at power-on. */
void ide_defaults(struct ide_state *st, u32 sectors);

#endif
