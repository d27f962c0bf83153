/* SPDX-License-Identifier: MIT
 *
 * The system calls, by the file that holds them; syscall.c has their table.
 * Each takes the frame of its caller and returns what goes into EAX.
 */
#ifndef HARE_SYSCALLS_H
#define HARE_SYSCALLS_H

struct frame;

/* syscall_proc.c */
int sys_fork(struct frame *f);
int sys_exec(struct frame *f);
int sys_exit(struct frame *f);
int sys_wait(struct frame *f);
int sys_kill(struct frame *f);
int sys_signal(struct frame *f);
int sys_sigreturn(struct frame *f);
int sys_getpid(struct frame *f);
int sys_yield(struct frame *f);
int sys_sleep(struct frame *f);
int sys_alive(struct frame *f);
int sys_ps(struct frame *f);
int sys_time(struct frame *f);

/* syscall_file.c */
int sys_write(struct frame *f);
int sys_read(struct frame *f);
int sys_open(struct frame *f);
int sys_close(struct frame *f);
int sys_dup2(struct frame *f);
int sys_pipe(struct frame *f);
int sys_unlink(struct frame *f);
int sys_readdir(struct frame *f);

/* syscall_swap.c */
int sys_swapstat(struct frame *f);
int sys_swapctl(struct frame *f);

/* syscall_sched.c */
int sys_sched(struct frame *f);
int sys_work(struct frame *f);
int sys_chart(struct frame *f);

/* syscall_mem.c */
int sys_sbrk(struct frame *f);
int sys_mmap(struct frame *f);
int sys_munmap(struct frame *f);
int sys_mem(struct frame *f);
int sys_vmstat(struct frame *f);
int sys_segment(struct frame *f);

#endif
