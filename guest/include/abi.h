/* SPDX-License-Identifier: MIT
 *
 * What the kernel and its programs agree on: system call numbers, errors,
 * and the records that cross the border.
 *
 * A program calls by INT 0x80 with the number in EAX and up to three
 * arguments in EBX, ECX and EDX; the answer comes back in EAX, negative for
 * an error. No other register changes. The kernel checks the number and
 * every pointer; a bad one gives an error, never a fault.
 */
#ifndef HARE_ABI_H
#define HARE_ABI_H

#define SYS_VECTOR 0x80

#define SYS_NULL     0  /* (x): x + 1; what a call costs, and nothing else */
#define SYS_EXIT     1  /* (status): does not return */
#define SYS_WRITE    2  /* (text, length): bytes written to the console */
#define SYS_READ     3  /* (buffer, size): one line from the console */
#define SYS_SPAWN    4  /* (command line): pid of the new process */
#define SYS_WAIT     5  /* (pid or WAIT_ANY, &status, flags): pid that ended */
#define SYS_KILL     6  /* (pid): ends it */
#define SYS_YIELD    7  /* (): the others run first */
#define SYS_GETPID   8  /* (): my pid */
#define SYS_SBRK     9  /* (bytes): the old end of the heap */
#define SYS_PS       10 /* (index, &ps_entry): fills one row of the table */
#define SYS_MEM      11 /* (&mem_info): pages of the machine */
#define SYS_ON_FAULT 12 /* (handler or 0): send my #DE and #PF there */
#define SYS_KBENCH   13 /* (kind, n): repeat something n times in ring 0 */
#define SYS_METER    14 /* (): exits of this VM so far; ~0 when bare */
#define SYS_BOOT     15 /* (&boot_cost): what booting took */
#define SYS_CHECK    16 /* (): runs the kernel's self-check */
#define SYS_SHUTDOWN 17 /* (status): ends the machine */
#define SYS_ALIVE    18 /* (pid): 1 while it has not ended */
#define SYS_COUNT    19

#define ERR_NOSYS  (-1) /* no such system call */
#define ERR_FAULT  (-2) /* a bad pointer */
#define ERR_NOENT  (-3) /* no such program */
#define ERR_NOMEM  (-4) /* out of pages or process slots */
#define ERR_INVAL  (-5) /* a value that makes no sense */
#define ERR_SRCH   (-6) /* no such process */
#define ERR_AGAIN  (-7) /* nothing has ended yet */
#define ERR_NOEXEC (-8) /* not a program Hare can run */

#define WAIT_ANY    (-1)
#define WAIT_NOHANG 1

#define STATUS_KILLED (-100) /* exit status of a process that was stopped */

#define KBENCH_CLI_STI    0
#define KBENCH_PORT_WRITE 1
#define KBENCH_COMPUTE    2

#define SHUTDOWN_OK   0x10 /* debug-exit status of a good end */
#define SHUTDOWN_FAIL 0x11 /* and of a panic */

#define NAME_SIZE    16
#define CMDLINE_SIZE 128

#define USER_STACK_TOP   0xbffff000
#define USER_STACK_PAGES 4 /* and one page below them that is never there */

#ifndef __ASSEMBLY__
#include "guest/include/types.h"

struct ps_entry {
    s32 pid;
    s32 parent;
    u32 pages; /* mapped for user mode */
    char state[NAME_SIZE];
    char name[NAME_SIZE];
};

struct mem_info {
    u32 mib; /* of the machine, rounded up */
    u32 total;
    u32 free;
};

struct boot_cost {
    u64 tsc;
    u32 exits;
};
#endif

#endif
