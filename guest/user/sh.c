/* SPDX-License-Identifier: MIT
 *
 * The shell: one line, one command. A word it does not know is the name of a
 * program; a last word "&" lets it run in the background, and its end is
 * told before the next prompt.
 */
#include "guest/user/user.h"

struct command {
    const char *name;
    void (*run)(char *rest);
    const char *help;
};

static const struct command commands[];

static void help(char *rest)
{
    for (const struct command *c = commands; c->name; c++)
        printf("%s%s\n", c->name, c->help);
    printf(
        "programs: bench counter counters echo fault faults heap spawnmany\n");
}

static void ps(char *rest)
{
    struct ps_entry row;

    printf("  pid parent pages state    name\n");
    for (u32 i = 0; sys(SYS_PS, i, (u32)&row, 0) == 0; i++)
        if (row.pid)
            printf("%5d %6d %5u %8s %s\n", row.pid, row.parent, row.pages,
                   row.state, row.name);
}

static void mem(char *rest)
{
    struct mem_info m;

    sys(SYS_MEM, (u32)&m, 0, 0);
    printf("%u MiB of memory; %u of %u pages free\n", m.mib, m.free, m.total);
}

static void check(char *rest)
{
    sys(SYS_CHECK, 0, 0, 0);
}

static void echo(char *rest)
{
    printf("%s\n", rest);
}

static void kill_one(char *rest)
{
    int error = sys(SYS_KILL, parse_u32(rest), SIG_TERM, 0);

    if (error)
        printf("sh: kill %s: %s.\n", rest, error_text(error));
}

static void leave(char *rest)
{
    sys(SYS_SHUTDOWN, SHUTDOWN_OK, 0, 0);
}

static void launch(char *line)
{
    u32 n = strlen(line);
    int background, pid, status;

    while (n > 0 && line[n - 1] == ' ')
        line[--n] = 0;
    background = n > 0 && line[n - 1] == '&';
    if (background)
        line[n - 1] = 0;
    if (!*line) {
        printf("sh: run which program?\n");
        return;
    }
    pid = spawn(line);
    if (pid < 0) {
        printf("sh: %s: %s.\n", line, error_text(pid));
        return;
    }
    if (background) {
        printf("[%d]\n", pid);
        return;
    }
    wait(pid, &status);
    if (status < 0 && !was_killed(status))
        printf("sh: %s: %s.\n", line, error_text(status));
}

static const struct command commands[] = {
    {"help", help, "            says this"},
    {"ps", ps, "              lists the processes"},
    {"run", launch, " NAME [&]    runs a program; NAME alone does too"},
    {"echo", echo, " WORDS      says them"},
    {"mem", mem, "             tells how many pages are free"},
    {"check", check, "           runs the kernel's self-check"},
    {"kill", kill_one, " PID        ends a process"},
    {"exit", leave, "            ends the machine"},
    {NULL, NULL, NULL},
};

static void obey(char *line)
{
    const struct command *c = commands;
    char *rest = line;
    u32 n = 0;

    while (line[n] && line[n] != ' ')
        n++;
    for (; c->name; c++)
        if (strlen(c->name) == n && memcmp(c->name, line, n) == 0)
            break;
    if (!c->name) {
        launch(line);
        return;
    }
    for (rest += n; *rest == ' '; rest++)
        ;
    c->run(rest);
}

static void collect(void)
{
    int status, pid;

    while ((pid = sys(SYS_WAIT, (u32)WAIT_ANY, (u32)&status, WAIT_NOHANG)) > 0)
        printf("[%d] ended with status %d\n", pid, status);
}

int main(int argc, char **argv)
{
    char line[CMDLINE_SIZE];

    for (;;) {
        char *at = line;
        int n;

        collect();
        printf("hare$ ");
        n = sys(SYS_READ, 0, (u32)line, sizeof(line) - 1);
        if (n < 0)
            return n;
        line[n > 0 ? n - 1 : 0] = 0;
        while (*at == ' ')
            at++;
        if (*at)
            obey(at);
    }
}
