/* SPDX-License-Identifier: MIT
 *
 * The shell: reads a line, has it taken apart (lib/job.h), runs its jobs.
 *
 * Every command is a child: forked, its descriptors put in place, then it
 * becomes the program. The few words that the shell does itself are done in the
 * shell when they stand alone, and in a child in a pipeline.
 *
 * Ctrl-C ends what runs in the foreground, not the shell, which catches it,
 * and not the background, which ignores it from its birth. What runs in the
 * background has no descriptor 0 unless it is given a file; its end is told
 * before the next prompt. `sh FILE` reads a file and shows no prompt.
 *
 * LIMIT: JOBS in the background; no variables but $?, no patterns.
 */
#include "guest/user/lib/job.h"
#include "guest/user/user.h"

#define JOBS      8
#define SCRIPT    (OPEN_FILES - 1) /* its descriptor */
#define NOT_FOUND 127 /* status of a child that became no program */

struct running {
    char text[LINE_SIZE];
    int pid[COMMANDS]; /* 0: it has ended */
    u32 count, left;   /* left 0: a free slot */
    int id;            /* the pid of its last process, */
    int status;        /* and how that ended */
};

struct builtin {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static struct running background[JOBS];
static int last_status, deaf, interrupted;
static int input = -1; /* a script; negative: the console, with prompts */

/* Told once for all of a job, when its last process has ended. */
static void note_end(int pid, int status)
{
    for (struct running *r = background; r < background + JOBS; r++)
        for (u32 i = 0; r->left && i < r->count; i++) {
            if (r->pid[i] != pid)
                continue;
            if (i == r->count - 1)
                r->status = status;
            r->pid[i] = 0;
            if (--r->left == 0)
                printf("[%d] ended with status %d\n", r->id, r->status);
            return;
        }
}

static void collect(void)
{
    int status, pid;

    while ((pid = sys(SYS_WAIT, (u32)WAIT_ANY, (u32)&status, WAIT_NOHANG)) > 0)
        note_end(pid, status);
}

static int show_jobs(int argc, char **argv)
{
    for (struct running *r = background; r < background + JOBS; r++)
        if (r->left)
            printf("[%d] %s\n", r->id, r->text);
    return 0;
}

/* Waits for one process, or for all in the background, or for Ctrl-C. */
static int await(int argc, char **argv)
{
    int wanted = argc > 1 ? (int)parse_u32(argv[1]) : WAIT_ANY;
    int status = 0, pid;

    do {
        pid = sys(SYS_WAIT, (u32)wanted, (u32)&status, 0);
        if (pid > 0)
            note_end(pid, status);
    } while (pid > 0 && argc < 2);
    if (pid == ERR_SRCH && argc > 1)
        job_complain(": there is no such child", argv[1]);
    if (pid < 0)
        return argc > 1 || pid == ERR_INTR ? NOT_FOUND : 0;
    return status;
}

static int check(int argc, char **argv)
{
    return sys(SYS_CHECK, 0, 0, 0);
}

static int leave(int argc, char **argv)
{
    if (argc > 1)
        exit((int)parse_u32(argv[1]));
    exit(last_status < 0 ? 1 : last_status); /* negative: it was killed */
}

static int help(int argc, char **argv);

static const struct builtin builtins[] = {
    {"help", help, "         says this"},
    {"jobs", show_jobs, "         lists what runs in the background"},
    {"wait", await, " [PID]   waits for it, or for all in the background"},
    {"check", check, "        runs the kernel's self-check"},
    {"exit", leave,
     " [STATUS] leaves the shell; the first one's end is the "
     "machine's"},
    {NULL, NULL, NULL},
};

static int help(int argc, char **argv)
{
    struct dir_entry row;
    u32 column = 0;

    printf("a line: COMMAND [| COMMAND]... [; or &], with < > >> FILE\n");
    for (const struct builtin *b = builtins; b->name; b++)
        printf("%s%s\n", b->name, b->help);
    printf("programs:");
    for (u32 i = 0; sys(SYS_READDIR, i, (u32)&row, 0) == 0; i++) {
        if (!row.fixed || strcmp(row.name, "init") == 0)
            continue;
        if (column + strlen(row.name) > 60) {
            printf("\n         ");
            column = 0;
        }
        printf(" %s", row.name);
        column += strlen(row.name) + 1;
    }
    printf("\n");
    return 0;
}

static const struct builtin *find_builtin(const char *line)
{
    for (const struct builtin *b = builtins; b->name; b++) {
        u32 n = strlen(b->name);

        if (starts_with(line, b->name) && (!line[n] || line[n] == ' '))
            return b;
    }
    return NULL;
}

static int run_builtin(const struct builtin *b, const char *line)
{
    char text[CMDLINE_SIZE], *argv[MAX_ARGS + 1];

    str_copy(text, line, sizeof(text));
    return b->run(split_words(text, argv, MAX_ARGS), argv);
}

/* A pipe's end may be there already: a shell in the background has no 0. */
static void move(int from, int to)
{
    if (from < 0 || from == to)
        return;
    dup2(from, to);
    close(from);
}

static void redirect(const char *name, u32 flags, int to)
{
    int fd;

    if (!*name)
        return;
    close(to);
    fd = open(name, flags);
    if (fd < 0) {
        dprintf(2, "sh: %s: %s.\n", name, error_text(fd));
        exit(1);
    }
    move(fd, to);
}

/* Ctrl-C may have come before the child was a process of its own. */
static void obey_interrupt(int background)
{
    if (!deaf)
        signal(SIG_INT, (handler_fn *)(background ? SIG_IGNORE : SIG_DEFAULT));
    if (interrupted && !background)
        kill(sys(SYS_GETPID, 0, 0, 0), SIG_INT);
}

/* In the child: in and out are pipes, or negative. */
static void become(const struct command *c, int in, int out, int background)
{
    const struct builtin *b = find_builtin(c->line);
    char name[CMDLINE_SIZE], *words[2];
    int error;

    obey_interrupt(background);
    if (background && in < 0)
        close(0);
    if (input >= 0)
        close(input);
    move(in, 0);
    move(out, 1);
    redirect(c->from, OPEN_READ, 0);
    redirect(c->to, c->flags, 1);
    if (b)
        exit(run_builtin(b, c->line));
    error = exec(c->line);
    str_copy(name, c->line, sizeof(name));
    split_words(name, words, 1);
    dprintf(2, "sh: %s: %s.\n", name,
            error == ERR_NOENT ? "there is no such program"
                               : error_text(error));
    exit(NOT_FOUND);
}

/* Starts one command of a job; *in is the pipe before it, then behind it. */
static int start(const struct job *job, u32 index, int *in)
{
    int fds[2] = {-1, -1}, pid, error = 0;

    if (index + 1 < job->count)
        error = pipe(fds);
    pid = error ? error : fork();
    if (pid == 0) {
        if (fds[0] >= 0)
            close(fds[0]);
        become(&job->command[index], *in, fds[1], job->background);
    }
    if (*in >= 0)
        close(*in);
    if (fds[1] >= 0)
        close(fds[1]);
    *in = fds[0];
    if (pid < 0)
        job_complain(error_text(pid), "a process cannot be started: ");
    return pid;
}

static void launch(const struct job *job, struct running *r)
{
    int in = -1;

    for (u32 i = 0; i < job->count; i++) {
        int pid = start(job, i, &in);

        if (pid < 0)
            break;
        r->pid[r->count++] = pid;
        r->id = pid;
    }
    if (in >= 0)
        close(in);
    r->left = r->count;
}

static void run_here(const struct job *job)
{
    struct running r = {.status = NOT_FOUND};

    launch(job, &r);
    for (u32 i = 0; i < r.count; i++)
        while (sys(SYS_WAIT, (u32)r.pid[i], (u32)&r.status, 0) == ERR_INTR)
            ;
    last_status = r.status;
}

/* text: what was typed, to the & behind it. */
static void run_behind(const struct job *job, const char *text, u32 length)
{
    struct running *r = background;

    for (; *text == ' '; length--)
        text++;
    while (text[length - 1] == ' ')
        length--;

    while (r < background + JOBS && r->left)
        r++;
    if (r == background + JOBS) {
        job_complain("8 jobs run in the background already", "");
        return;
    }
    memset(r, 0, sizeof(*r));
    memcpy(r->text, text, length);
    launch(job, r);
    if (r->count)
        printf("[%d]\n", r->id);
}

static void obey(const char *line)
{
    struct job job;

    for (const char *at = line, *from = at; job_parse(&at, &job, last_status);
         from = at) {
        const struct command *c = job.command;
        const struct builtin *b = find_builtin(c->line);

        if (job.background)
            run_behind(&job, from, (u32)(at - from) - 1);
        else if (b && job.count == 1 && !c->from[0] && !c->to[0])
            last_status = run_builtin(b, c->line);
        else
            run_here(&job);
    }
}

static void heard(int signal, struct sigframe *f)
{
    interrupted = 1;
}

/* Ctrl-C is for those who are not deaf to it, and ends a script. */
static void listen(void)
{
    deaf = signal(SIG_INT, heard) == SIG_IGNORE;
    if (deaf)
        signal(SIG_INT, (handler_fn *)SIG_IGNORE);
}

/* Half a line may mean anything, so one that is too long means nothing. */
static int next_command(int fd, char line[LINE_SIZE])
{
    int n = getline(fd, line, LINE_SIZE), rest = n;

    while (rest == LINE_SIZE - 1)
        rest = getline(fd, line, LINE_SIZE);
    if (n < LINE_SIZE - 1)
        return n;
    line[0] = 0;
    return job_complain("a line is too long", "");
}

static void interact(void)
{
    char line[LINE_SIZE];
    int n;

    do {
        collect();
        printf("hare$ ");
        n = next_command(0, line);
        interrupted = 0;
        if (n > 0)
            obey(line);
    } while (n >= 0 || n == ERR_INTR);
    printf("\n");
}

int main(int argc, char **argv)
{
    char line[LINE_SIZE];

    listen();
    if (argc < 2) {
        interact();
        return leave(0, NULL);
    }
    input = open(argv[1], OPEN_READ);
    if (input < 0) {
        dprintf(2, "sh: %s: %s.\n", argv[1], error_text(input));
        return NOT_FOUND;
    }
    move(input, SCRIPT);
    input = SCRIPT;
    while (!interrupted && next_command(input, line) >= 0)
        obey(line);
    return leave(0, NULL);
}
