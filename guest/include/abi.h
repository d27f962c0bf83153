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

/* Measuring and the machine */
#define SYS_NULL     0 /* (x): x + 1; what a call costs, and nothing else */
#define SYS_KBENCH   1 /* (kind, n): repeat something n times in ring 0 */
#define SYS_METER    2 /* (): exits of this VM so far; ~0 when bare */
#define SYS_BOOT     3 /* (&boot_cost): what booting took */
#define SYS_CHECK    4 /* (): runs the kernel's self-check */
#define SYS_SHUTDOWN 5 /* (status): ends the machine */
#define SYS_TIME     6 /* (): timer ticks since boot */
/* Processes */
#define SYS_FORK      10 /* (): the child's pid; 0 in the child */
#define SYS_EXEC      11 /* (command line): becomes that program */
#define SYS_EXIT      12 /* (status): does not return */
#define SYS_WAIT      13 /* (pid or WAIT_ANY, &status, flags): who ended */
#define SYS_KILL      14 /* (pid, signal) */
#define SYS_SIGNAL    15 /* (signal, handler, trampoline): the handler before */
#define SYS_SIGRETURN 16 /* (&sigframe): back from a handler */
#define SYS_GETPID    17 /* (): my pid */
#define SYS_YIELD     18 /* (): the others run first */
#define SYS_SLEEP     19 /* (ticks) */
#define SYS_ALIVE     20 /* (pid): 1 while it has not ended */
#define SYS_PS        21 /* (index, &ps_entry): fills one row of the table */
/* Memory */
#define SYS_SBRK     30 /* (bytes): the old end of the heap */
#define SYS_MMAP     31 /* (bytes): zeroed pages, where they are */
#define SYS_MUNMAP   32 /* (address, bytes) */
#define SYS_MEM      33 /* (&mem_info): pages of the machine */
#define SYS_VMSTAT   34 /* (pid or 0 for me, &vm_info): pages and tables */
#define SYS_SEGMENT  35 /* (index | SEGMENT_, base, bytes): a selector */
#define SYS_SWAPSTAT 36 /* (&swap_info) */
#define SYS_SWAPCTL  37 /* (SWAP_ command, argument, argument) */
/* Files */
#define SYS_WRITE   40 /* (fd, text, length): bytes written */
#define SYS_READ    41 /* (fd, buffer, size): bytes read, 0 at the end */
#define SYS_OPEN    42 /* (name, OPEN_ flags): fd */
#define SYS_CLOSE   43 /* (fd) */
#define SYS_DUP2    44 /* (fd, to): to */
#define SYS_PIPE    45 /* (&fds[2]): to read from, to write to */
#define SYS_UNLINK  46 /* (name) */
#define SYS_READDIR 47 /* (index, &dir_entry) */
/* Scheduling */
#define SYS_SCHED 50 /* (SCHED_ command, argument, argument) */
#define SYS_WORK  51 /* (after, ticks): a declared burst, for schedlab */
#define SYS_CHART 52 /* (&pids, from, count): who ran, tick by tick */
#define SYS_COUNT 53

#define ERR_NOSYS  (-1)  /* no such system call */
#define ERR_FAULT  (-2)  /* a bad pointer */
#define ERR_NOENT  (-3)  /* no such file or program */
#define ERR_NOMEM  (-4)  /* out of pages or slots */
#define ERR_INVAL  (-5)  /* a value that makes no sense */
#define ERR_SRCH   (-6)  /* no such process */
#define ERR_AGAIN  (-7)  /* nothing has ended yet */
#define ERR_NOEXEC (-8)  /* not a program Hare can run */
#define ERR_INTR   (-9)  /* a signal came first */
#define ERR_BADF   (-10) /* not an open file, or not for this */
#define ERR_PIPE   (-11) /* nobody reads the pipe any more */
#define ERR_EXIST  (-12) /* it is there already, or cannot be changed */
#define ERR_NOSPC  (-13) /* the file system is full */
#define ERR_IO     (-14) /* the disk failed */

#define WAIT_ANY    (-1)
#define WAIT_NOHANG 1

/* A segment of memory from base up; SEGMENT_DOWN: from base down, where its
 * offsets end at 64 KiB. Of no bytes: it is not there any more. */
#define SEGMENT_INDEX 0x1ff
#define SEGMENT_CODE  0x200
#define SEGMENT_DOWN  0x400

#define SWAP_POLICY 0 /* (name): the rule that finds a victim */
#define SWAP_NAME   1 /* (index, &name): of the policies there are */
#define SWAP_LAB    2 /* (address, n): watch a region; n pages stay, or all */
#define SWAP_END    3 /* (): page faults since then */

#define OPEN_READ   1
#define OPEN_WRITE  2
#define OPEN_CREATE 4
#define OPEN_EMPTY  8 /* what it held is gone */
#define OPEN_APPEND 16

#define SIG_INT     1 /* Ctrl-C */
#define SIG_KILL    2 /* cannot be handled */
#define SIG_SEGV    3 /* #PF, #GP and the like */
#define SIG_FPE     4 /* #DE */
#define SIG_ILL     5
#define SIG_PIPE    6
#define SIG_TERM    7
#define SIG_USR     8
#define SIG_CHLD    9 /* ignored unless handled */
#define SIG_COUNT   10
#define SIG_DEFAULT 0
#define SIG_IGNORE  1

/* Exit status of a process that a signal ended: STATUS_KILLED - signal. */
#define STATUS_KILLED (-100)

#define KBENCH_CLI_STI    0
#define KBENCH_PORT_WRITE 1
#define KBENCH_COMPUTE    2

#define SHUTDOWN_OK   0x10 /* debug-exit status of a good end */
#define SHUTDOWN_FAIL 0x11 /* and of a panic */

#define TICKS_PER_SECOND 100

#define NAME_SIZE    16
#define CMDLINE_SIZE 128
#define OPEN_FILES   16 /* of one process */

/* SYS_SCHED. A policy is known by its number: 0 is the first. */
#define SCHED_INFO    0 /* (policy, &sched_info): ERR_INVAL behind the last */
#define SCHED_POLICY  1 /* (policy): it rules from now on */
#define SCHED_KNOB    2 /* (SCHED_ knob, value) */
#define SCHED_JOB     3 /* (pid, &sched_row) */
#define SCHED_LAB     4 /* (1): the caller's lab begins; (0): it is over */
#define SCHED_LAB_JOB 5 /* (index, &sched_row): of the last lab */

#define SCHED_LEVELS      8 /* at most, of MLFQ */
#define SCHED_QUANTUM     0 /* knobs: see struct sched_knobs */
#define SCHED_LEVEL_COUNT 1
#define SCHED_BOOST       2
#define SCHED_GUESS       3
#define SCHED_SLICE       8 /* and the level */
#define SCHED_ALLOT       16

#define USER_STACK_TOP   0xbffff000
#define USER_STACK_PAGES 64 /* at most; below them a page is never there */

#ifndef __ASSEMBLY__
#include "guest/include/types.h"

struct ps_entry {
    s32 pid;
    s32 parent;
    u32 pages;             /* resident, of user mode */
    u32 swapped;           /* on the disk */
    u32 ticks;             /* of processor time */
    char state[NAME_SIZE]; /* RUNNING, READY, BLOCKED, ZOMBIE */
    char name[NAME_SIZE];
};

/* What a handler gets as its second argument, and may change: all of the
 * program's registers. SIGRETURN makes them true again. */
struct sigframe {
    u32 gs, fs, es, ds;
    u32 edi, esi, ebp, unused, ebx, edx, ecx, eax;
    u32 vector, error; /* of the exception that sent the signal, if any */
    u32 eip, cs, eflags, esp, ss;
    u32 address; /* of a page fault */
    u32 blocked; /* signals, one bit each, while no handler ran */
};

struct mem_info {
    u32 mib; /* of the machine, rounded up */
    u32 total;
    u32 free;
    u32 shared; /* pages that more than one process shows */
    u32 tables; /* page tables and directories */
    u32 files;  /* contents of files, and cached program text */
};

struct vm_info {
    u32 resident, shared, swapped; /* user pages */
    u32 mapped;                    /* pages that regions promise */
    u32 tables;                    /* page tables, without the directory */
    u32 zero_faults, copy_faults, file_faults, swap_faults;
};

struct swap_info {
    u32 slots, used;        /* pages that the disk holds, and does */
    u32 candidates;         /* pages that could be evicted now */
    u32 evictions;          /* so far */
    u32 reads, writes;      /* pages; what was not changed is not written */
    u32 recorded;           /* references of the last region watched */
    char policy[NAME_SIZE]; /* "" where there is no swapping */
};

struct boot_cost {
    u64 tsc;
    u32 exits;
};

struct sched_knobs {         /* in ticks */
    u32 quantum;             /* of round-robin */
    u32 levels;              /* of MLFQ */
    u32 boost;               /* all rise every so many ticks; 0: never */
    u32 guess;               /* how long the first burst of a job may be */
    u32 slice[SCHED_LEVELS]; /* quantum per level */
    u32 allot[SCHED_LEVELS]; /* a job sinks after so much */
};

struct sched_info {
    char name[NAME_SIZE]; /* of the policy asked for */
    u32 current;          /* the number of the one that rules */
    u32 lab_ticks;        /* what the clock of the lab shows */
    struct sched_knobs knobs;
};

struct sched_row { /* in ticks; of a lab, in those of its clock */
    s32 pid;
    u32 arrived;
    u32 started; /* when it ran first, if ticks is not 0 */
    u32 ended;   /* or now */
    u32 ticks;   /* of processor time */
    u32 level;   /* of MLFQ */
    u32 left;    /* of its burst, as far as anybody knows */
};

struct dir_entry {
    char name[NAME_SIZE];
    u32 size;
    u32 fixed; /* of the boot archive: it can only be read */
};
#endif

#endif
