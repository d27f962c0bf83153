/* SPDX-License-Identifier: MIT
 *
 * An ATA disk at the place where a PC has its first: registers, bits and
 * commands, for the model, guests and tests alike.
 *
 * Every transfer goes through the data register in 16-bit words, a block of
 * one sector or, by READ and WRITE MULTIPLE, of several; DRQ is set while the
 * disk wants a block, and the interrupt says that the next one may go, or
 * that the command has ended. Reading the status takes the interrupt back,
 * reading the alternate status does not.
 *
 * ATA/ATAPI-6 (T13/1410D): 5.3 and 6 (registers), 8 (commands), 9 (protocols).
 */
#ifndef DEFS_ATA_H
#define DEFS_ATA_H

#define PORT_ATA         0x1f0 /* eight registers: */
#define ATA_DATA         0
#define ATA_ERROR        1 /* read */
#define ATA_FEATURES     1 /* written */
#define ATA_COUNT        2 /* 0 is 256 */
#define ATA_LBA_LOW      3 /* or the sector, from 1 */
#define ATA_LBA_MID      4 /* or the cylinder */
#define ATA_LBA_HIGH     5
#define ATA_DEVICE       6
#define ATA_STATUS       7     /* read: the interrupt is taken */
#define ATA_COMMAND      7     /* written */
#define PORT_ATA_CONTROL 0x3f6 /* read: the alternate status */

#define ATA_DEVICE_HEAD 0x0f /* or bits 24 to 27 of the LBA */
#define ATA_DEVICE_DEV  0x10 /* the second disk */
#define ATA_DEVICE_LBA  0x40
#define ATA_DEVICE_OLD  0xa0 /* set since the first PCs, ignored since */

#define ATA_STATUS_ERR 0x01
#define ATA_STATUS_DRQ 0x08
#define ATA_STATUS_DSC 0x10 /* obsolete: the seek is over */
#define ATA_STATUS_DF  0x20
#define ATA_STATUS_RDY 0x40
#define ATA_STATUS_BSY 0x80 /* no other bit means anything */

#define ATA_ERROR_ABRT 0x04
#define ATA_ERROR_IDNF 0x10
#define ATA_ERROR_UNC  0x40

#define ATA_CONTROL_NIEN 0x02 /* no interrupts */
#define ATA_CONTROL_SRST 0x04

#define ATA_READ              0x20
#define ATA_WRITE             0x30
#define ATA_VERIFY            0x40
#define ATA_SEEK              0x70
#define ATA_DIAGNOSE          0x90
#define ATA_INIT_PARAMETERS   0x91
#define ATA_READ_MULTIPLE     0xc4
#define ATA_WRITE_MULTIPLE    0xc5
#define ATA_SET_MULTIPLE      0xc6
#define ATA_STANDBY_IMMEDIATE 0xe0
#define ATA_CHECK_POWER       0xe5
#define ATA_SLEEP             0xe6
#define ATA_FLUSH             0xe7
#define ATA_IDENTIFY          0xec
#define ATA_SET_FEATURES      0xef
#define ATA_FEATURE_TRANSFER  0x03 /* SET FEATURES: the transfer mode */

/* Words of what IDENTIFY tells. */
#define ATA_ID_CYLINDERS    1
#define ATA_ID_HEADS        3
#define ATA_ID_TRACK        6 /* sectors of one */
#define ATA_ID_SERIAL       10
#define ATA_ID_FIRMWARE     23
#define ATA_ID_MODEL        27
#define ATA_ID_MULTIPLE_MAX 47 /* bits 0 to 7: sectors of a block */
#define ATA_ID_CAPABILITY   49 /* bit 9: LBA */
#define ATA_ID_MULTIPLE     59 /* bit 8: bits 0 to 7 are valid and set */
#define ATA_ID_SECTORS      60 /* and 61: that an LBA of 28 bits reaches */

#define ATA_SECTOR 512
#define ATA_LBA28  0x10000000 /* sectors at most */

#endif
