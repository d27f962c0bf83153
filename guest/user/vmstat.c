/* SPDX-License-Identifier: MIT
 *
 * vmstat [PID]: what the address space of a process is made of; without a
 * PID, a line for each process, and then this one's own page tables.
 *
 * The tables are counted as the textbook's exercises count them: a directory
 * and the page tables that are there, 4 KiB each, against the 4 MiB of one
 * linear table for 4 GiB (2^20 entries of 4 bytes). A program with its code
 * low and its stack high needs two tables: 8 KiB, and 4 KiB of directory.
 */
#include "guest/user/user.h"

#define PAGE_KIB   4
#define LINEAR_KIB ((1u << 20) * 4 / 1024)

static int number(const char *s)
{
    int n = 0;

    for (; *s >= '0' && *s <= '9' && n < 100000000; s++)
        n = n * 10 + *s - '0';
    return *s ? -1 : n;
}

static void tell(const struct vm_info *v)
{
    u32 tables = v->tables * PAGE_KIB;

    printf("pages: %u mapped, %u resident, %u of them shared, %u swapped\n",
           v->mapped, v->resident, v->shared, v->swapped);
    printf("faults: %u zeroed, %u copied, %u read from a file, %u swapped in\n",
           v->zero_faults, v->copy_faults, v->file_faults, v->swap_faults);
    printf("tables: %u KiB of page tables and %u KiB of directory; a linear "
           "table takes %u KiB\n",
           tables, PAGE_KIB, LINEAR_KIB);
}

static int one(int pid)
{
    struct vm_info v;
    int error = pid < 0 ? ERR_SRCH : sys(SYS_VMSTAT, (u32)pid, (u32)&v, 0);

    if (error) {
        dprintf(2, "vmstat: %s.\n", error_text(error));
        return 1;
    }
    tell(&v);
    return 0;
}

static void row(const struct ps_entry *p)
{
    struct vm_info v;

    if (p->pid && sys(SYS_VMSTAT, (u32)p->pid, (u32)&v, 0) == 0)
        printf("%5d %6u %8u %6u %7u %6u %4u %4u %4u %4u %s\n", p->pid, v.mapped,
               v.resident, v.shared, v.swapped, v.tables, v.zero_faults,
               v.copy_faults, v.file_faults, v.swap_faults, p->name);
}

int main(int argc, char **argv)
{
    struct ps_entry p;

    if (argc > 1)
        return one(number(argv[1]));
    printf("  pid mapped resident shared swapped tables zero copy file swap "
           "name\n");
    for (u32 i = 0; sys(SYS_PS, i, (u32)&p, 0) == 0; i++)
        row(&p);
    return one(0);
}
