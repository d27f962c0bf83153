/* SPDX-License-Identifier: MIT
 *
 * The selectors of the micro-guests' GDT, for C and for assembly. Entries
 * from GDT_FREE on belong to the test.
 */
#ifndef MICRO_SELECTORS_H
#define MICRO_SELECTORS_H

#define KCODE    0x08
#define KDATA    0x10
#define UCODE    0x1b
#define UDATA    0x23
#define TSS_SEL  0x28
#define GDT_FREE 6
#define GDT_SIZE 32

#define VECTOR_HOME  0x30 /* ring 3 goes home by this interrupt */
#define VECTOR_PRINT 0x31 /* ring 3 prints AL */
#define VECTOR_IRQ   0x20 /* IRQ 0; IRQ 8 is 0x28 */

#endif
