/* SPDX-License-Identifier: MIT
 *
 * The lives of processes, each promise tried: what fork copies, what exec
 * keeps and what its errors leave alone, who may wait for whom, whose child
 * an orphan is, which state each is in, and that the table's end is an error.
 * Nothing is lost: as many pages are free behind it all as before.
 */
#include "guest/user/user.h"

#define INIT     1
#define KERNEL   0xc0100000
#define TABLE    128
#define SEL_DATA 0x23

static u32 tried, broken;
static volatile u32 variable = 1;

static void promise(const char *what, int holds)
{
    tried++;
    if (holds)
        return;
    broken++;
    printf("lives: it is not true that %s.\n", what);
}

static int me(void)
{
    return sys(SYS_GETPID, 0, 0, 0);
}

static int row_of(int pid, struct ps_entry *row)
{
    for (u32 i = 0; sys(SYS_PS, i, (u32)row, 0) == 0; i++)
        if (row->pid == pid)
            return 1;
    return 0;
}

static int is_in(int pid, const char *state)
{
    struct ps_entry row;

    return row_of(pid, &row) && strcmp(row.state, state) == 0;
}

/* Gives way until it is in that state; 0 if it never is. */
static int becomes(int pid, const char *state)
{
    for (u32 i = 0; i < 1000; i++) {
        if (is_in(pid, state))
            return 1;
        sys(SYS_YIELD, 0, 0, 0);
    }
    return 0;
}

static u32 free_pages(void)
{
    struct mem_info m;

    sys(SYS_MEM, (u32)&m, 0, 0);
    return m.free;
}

static void memories_part(void)
{
    u32 local = 1;
    int status, pid = fork();

    if (pid == 0) {
        int same = variable == 1 && local == 1;

        variable = local = 2;
        sys(SYS_YIELD, 0, 0, 0);
        exit(same && variable == 2 && local == 2 ? me() : -1);
    }
    sys(SYS_YIELD, 0, 0, 0);
    variable = 3;
    promise("a child begins with its parent's memory, and keeps its own",
            wait(pid, &status) == pid && status == pid);
    promise("what a child writes its parent never sees",
            variable == 3 && local == 1);
    variable = 1;
}

static u32 get_fs(void)
{
    u32 value;

    asm volatile("mov %%fs, %0" : "=r"(value));
    return value & 0xffff;
}

static u32 get_gs(void)
{
    u32 value;

    asm volatile("mov %%gs, %0" : "=r"(value));
    return value & 0xffff;
}

static void set_fs_gs(u32 fs, u32 gs)
{
    asm volatile("mov %0, %%fs\n\tmov %1, %%gs" : : "r"(fs), "r"(gs));
}

static void segments_part(void)
{
    int status, pid;

    set_fs_gs(SEL_DATA, 0);
    pid = fork();
    if (pid == 0) {
        int same = get_fs() == SEL_DATA && get_gs() == 0;

        set_fs_gs(0, SEL_DATA);
        for (u32 i = 0; i < 10; i++)
            sys(SYS_YIELD, 0, 0, 0);
        exit(same && get_fs() == 0 && get_gs() == SEL_DATA ? 0 : 1);
    }
    for (u32 i = 0; i < 10; i++)
        sys(SYS_YIELD, 0, 0, 0);
    promise("FS and GS are a process's own, and so are its child's",
            get_fs() == SEL_DATA && get_gs() == 0);
    promise("a child begins with its parent's FS and GS, and keeps its own",
            wait(pid, &status) == pid && status == 0);
    set_fs_gs(0, 0);
}

static void waits_are_for_children(void)
{
    int status = 0, first, second;

    promise("who has no children does not wait",
            wait(WAIT_ANY, &status) == ERR_SRCH);
    first = fork();
    if (first == 0) {
        sleep(1);
        exit(11);
    }
    promise("a child that lives is not waited for with NOHANG",
            sys(SYS_WAIT, (u32)first, (u32)&status, WAIT_NOHANG) == ERR_AGAIN);
    second = fork();
    if (second == 0)
        exit(wait(first, &status) == ERR_SRCH ? 22 : 0);
    promise("a brother is no child",
            wait(second, &status) == second && status == 22);
    promise("a bad place for the status is an error, and loses no child",
            sys(SYS_WAIT, (u32)first, KERNEL, 0) == ERR_FAULT);
    promise("a child's status comes once",
            wait(WAIT_ANY, &status) == first && status == 11 &&
                wait(first, &status) == ERR_SRCH);
}

static void states_are_told(void)
{
    int status, pid = fork();

    if (pid == 0) {
        sleep(100000);
        exit(0);
    }
    promise("who sleeps is BLOCKED", becomes(pid, "BLOCKED"));
    promise("who asks is RUNNING", is_in(me(), "RUNNING"));
    kill(pid, SIG_KILL);
    promise("who was killed is a ZOMBIE until its parent waits",
            becomes(pid, "ZOMBIE") && kill(pid, SIG_KILL) == ERR_SRCH &&
                sys(SYS_ALIVE, (u32)pid, 0, 0) == 0);
    promise("and its status tells that",
            wait(pid, &status) == pid && status == STATUS_KILLED - SIG_KILL);
    pid = fork();
    if (pid == 0)
        for (;;)
            ;
    promise("who could run is READY", becomes(pid, "READY"));
    kill(pid, SIG_TERM);
    promise("an endless loop can be ended",
            wait(pid, &status) == pid && status == STATUS_KILLED - SIG_TERM);
}

static void orphans_go_to_init(void)
{
    struct ps_entry row;
    int status = 0, pid = fork(), orphan;

    if (pid > 0)
        wait(pid, &status);
    if (pid == 0) {
        orphan = fork();
        if (orphan == 0) {
            sleep(100000);
            exit(0);
        }
        exit(orphan);
    }
    orphan = status;
    promise("an orphan is a child of init",
            row_of(orphan, &row) && row.parent == INIT);
    kill(orphan, SIG_KILL);
    for (u32 i = 0; i < 1000 && row_of(orphan, &row); i++)
        sys(SYS_YIELD, 0, 0, 0);
    promise("which waits for it", !row_of(orphan, &row));
}

static int exec_in_child(const char *cmdline)
{
    int status = 0, pid = fork();

    if (pid == 0) {
        variable = 5;
        status = exec(cmdline);
        exit(variable == 5 ? status : 1);
    }
    wait(pid, &status);
    return status;
}

static void exec_changes_or_not(void)
{
    static char line[2 * CMDLINE_SIZE];
    int fd = open("nonsense", WRITE_FILE);

    write(fd, "This is no ELF file, but it is longer than the header of one.",
          61);
    close(fd);
    memset(line, 'x', sizeof(line) - 1);
    promise("what is no program is not run, and the old one goes on",
            exec_in_child("nonsense") == ERR_NOEXEC);
    unlink("nonsense");
    promise("nor is what is not there", exec_in_child("nowhere") == ERR_NOENT);
    promise("nor is nothing at all", exec_in_child("") == ERR_NOENT);
    promise("nor is a command line without an end",
            exec_in_child(line) == ERR_INVAL);
    promise("nor is one that lies in the kernel",
            exec_in_child((const char *)KERNEL) == ERR_FAULT);
    line[NAME_SIZE] = 0;
    promise("nor is a name that no file can have",
            exec_in_child(line) == ERR_NOENT);
    promise("a program gets its arguments and tells its status",
            exec_in_child("lives 7 arguments") == 3);
}

/* As many children as there is room for; none of them does anything. */
static void table_has_an_end(void)
{
    static int pids[TABLE];
    u32 n = 0, good = 0;
    int status, error;

    while (n < TABLE && (pids[n] = fork()) > 0)
        n++;
    if (n < TABLE && pids[n] == 0)
        for (;;)
            sleep(100000);
    error = n < TABLE ? pids[n] : 0;
    for (u32 i = 0; i < n; i++)
        kill(pids[i], SIG_KILL);
    for (u32 i = 0; i < n; i++)
        good += wait(pids[i], &status) == pids[i] &&
                status == STATUS_KILLED - SIG_KILL;
    promise("a hundred children fit, and then fork is an error",
            n >= 100 && error == ERR_NOMEM);
    promise("and each of them is ended and waited for", good == n);
}

/* All of them, in a process of its own: its status tells how many there are
 * and how many were broken. */
static int try_all(void)
{
    u32 told = tried;
    int status = 0, pid = fork();

    if (pid == 0) {
        memories_part();
        segments_part();
        waits_are_for_children();
        states_are_told();
        orphans_go_to_init();
        exec_changes_or_not();
        table_has_an_end();
        exit((int)((tried - told) * TABLE + broken));
    }
    wait(pid, &status);
    return status;
}

int main(int argc, char **argv)
{
    u32 before, status;

    if (argc > 1)
        return argc;
    memories_part();
    before = free_pages();
    status = (u32)try_all();
    tried += status / TABLE;
    broken += status % TABLE;
    promise("all pages come back", free_pages() == before);
    printf("lives: %u of %u promises were kept.\n", tried - broken, tried);
    return broken != 0;
}
