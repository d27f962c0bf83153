/* SPDX-License-Identifier: MIT
 *
 * What the firmware says about the board: for those who read its tables
 * (vmm/vm/acpi.c) and for the drivers that go by it.
 *
 * Every field has a meaning also when there are no tables, or tables too old
 * to say it: a machine of which nothing is known has all that a PC/AT has,
 * and no more.
 *
 * ACPI 6.5 sections 5.2.3.2 (addresses), 5.2.9 (FADT), 5.2.12 (MADT).
 */
#ifndef BASE_PLATFORM_H
#define BASE_PLATFORM_H

#include "vmm/base/ranges.h"

enum io_space { IO_NONE, IO_PORT, IO_MEMORY };

/* A register of a device. */
struct io_reg {
    enum io_space space;
    u64 at;
};

struct platform {
    /* What was wrong with the tables as a whole; null: nothing. */
    const char *problem;
    u32 tables;  /* good ones */
    u32 ignored; /* and broken ones: the first one's name, and why */
    char ignored_name[5];
    const char *ignored_why;
    struct ranges memory; /* where the good ones lie */

    bool has_pic, has_8042, has_vga, has_rtc;
    u32 processors; /* that can be used now; 0: not said */

    u64 ioapic; /* the I/O APIC that the PIT's interrupt comes to; 0: none */
    u32 ioapic_pin; /* and where */

    struct io_reg pm_timer; /* 3.579545 MHz */
    u32 pm_timer_bits;      /* 24 or 32 */
    u64 hpet;               /* machine address of its registers; 0: none */

    /* Power-off: PM1 control registers with the values for soft-off, or (with
     * reduced hardware) the sleep control register with the first of them. */
    bool has_s5;
    u8 s5_a, s5_b;
    struct io_reg pm1a, pm1b, sleep;
    struct io_reg smi; /* acpi_on written here asks for ACPI mode */
    u8 acpi_on;        /* 0: it is always on */
};

#endif
