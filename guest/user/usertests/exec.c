/* SPDX-License-Identifier: MIT
 *
 * Exec: what a process keeps, what it loses, and files that only look like
 * programs.
 *
 * For the latter, the file of a good program is copied, one field of its ELF
 * header is changed, and the copy is executed: it must be refused with the
 * caller as it was, or run into a fault of its own. `usertests -WORD` is what
 * the good cases execute (errand()).
 */
#include "guest/user/usertests/tests.h"

#define COPY       256 /* bytes at a time */
#define SAID       5   /* descriptor that survives */
#define E_ENTRY    24
#define E_PHOFF    28
#define E_PHSIZE   42
#define E_PHNUM    44
#define PH         52
#define P_OFFSET   (PH + 4)
#define P_VADDR    (PH + 8)
#define P_FILESZ   (PH + 16)
#define P_MEMSZ    (PH + 20)
#define WHOLE_FILE (~0u)

int errand(int argc, char **argv)
{
    const char *what = argv[1];

    if (strcmp(what, "-status") == 0)
        return ERRAND_DONE;
    if (strcmp(what, "-words") == 0)
        return argc == 4 && strcmp(argv[2], "two") == 0 &&
                       strcmp(argv[3], "words") == 0
                   ? ERRAND_DONE
                   : 1;
    if (strcmp(what, "-say") == 0)
        return write(SAID, "said", 4) == 4 ? ERRAND_DONE : 1;
    if (strcmp(what, "-heap") == 0)
        return faults((u32)sys(SYS_SBRK, 0, 0, 0) + PAGE_SIZE, 0) ? ERRAND_DONE
                                                                  : 1;
    if (strcmp(what, "-signals") == 0)
        return sys(SYS_SIGNAL, SIG_USR, 0, 0) == SIG_DEFAULT &&
                       sys(SYS_SIGNAL, SIG_TERM, 0, 0) == SIG_IGNORE
                   ? ERRAND_DONE
                   : 1;
    if (strcmp(what, "-observed") == 0)
        return sys(SYS_SWAPCTL, SWAP_END, 0, 0) == ERR_SRCH ? ERRAND_DONE : 1;
    if (strcmp(what, "-unblocked") == 0)
        kill(getpid(), SIG_USR);
    return 1;
}

static void go(const char *line)
{
    exec(line);
    exit(2);
}

static void runs(u32 line)
{
    go((const char *)line);
}

static void wants_status(const char *line)
{
    expect_is(outcome(runs, (u32)line), ERRAND_DONE, line);
}

static void exec_status(u32 unused)
{
    wants_status("usertests -status");
}

static void exec_words(u32 unused)
{
    wants_status("usertests   -words  two   words ");
}

static void exec_files(u32 unused)
{
    char text[4];
    int fds[2];

    pipe(fds);
    dup2(fds[1], SAID);
    wants_status("usertests -say");
    expect_is(read(fds[0], text, 4), 4, "bytes said");
    expect(memcmp(text, "said", 4) == 0, "descriptors survive exec");
}

static void with_heap(u32 unused)
{
    u32 heap = (u32)sys(SYS_SBRK, 64 * PAGE_SIZE, 0, 0);

    for (u32 i = 0; i < 64; i++)
        *(volatile u32 *)(heap + i * PAGE_SIZE) = i;
    go("usertests -heap");
}

static void exec_memory(u32 unused)
{
    expect_is(outcome(with_heap, 0), ERRAND_DONE, "its status");
}

static void with_handler(u32 unused)
{
    signal(SIG_USR, (handler_fn *)HOLE);
    signal(SIG_TERM, (handler_fn *)SIG_IGNORE);
    go("usertests -signals");
}

static void exec_signals(u32 unused)
{
    expect_is(outcome(with_handler, 0), ERRAND_DONE, "its status");
}

static void become_another(int signal, struct sigframe *f)
{
    go("usertests -unblocked");
}

/* A handler never returns: its signal is no longer blocked all the same. */
static void exec_in_handler(u32 unused)
{
    int pid = fork();

    if (pid == 0) {
        signal(SIG_USR, become_another);
        kill(getpid(), SIG_USR);
    }
    expect_is(end_of(pid), STATUS_KILLED - SIG_USR, "its status");
}

static void exec_nothing(u32 unused)
{
    static char line[2 * CMDLINE_SIZE];
    u32 heap = (u32)sys(SYS_SBRK, PAGE_SIZE, 0, 0);

    *(volatile u32 *)heap = 77;
    expect_is(exec("nosuchprogram"), ERR_NOENT, "a program that is not there");
    expect(exec("") < 0, "a line without a name is refused");
    expect(exec("   ") < 0, "a line of blanks is refused");
    memset(line, 'a', sizeof(line) - 1);
    expect(exec(line) < 0, "a name that is too long is refused");
    memcpy(line, "echo ", 5);
    expect(exec(line) < 0, "a line that is too long is refused");
    expect_is(*(volatile int *)heap, 77, "the heap after failed calls");
}

/* `echo`, or its first bytes, as a file that can be written. */
static int copy_program(u32 bytes)
{
    int from = open("echo", OPEN_READ);
    int to = open(FILE_NAME, OPEN_READ | WRITE_FILE), n;
    char text[COPY];

    expect(from >= 0 && to >= 0, "there is a program, and room for its copy");
    for (u32 done = 0; done < bytes; done += (u32)n) {
        n = read(from, text, bytes - done < COPY ? bytes - done : COPY);
        if (n <= 0)
            break;
        expect_is(write(to, text, (u32)n), n, "bytes copied");
    }
    close(from);
    return to;
}

/* The word at an offset of the copy's first page becomes another. */
static void patch(u32 at, u32 value, u32 size)
{
    static u8 head[COPY];
    int from = open("echo", OPEN_READ), to = copy_program(WHOLE_FILE);

    close(to);
    read(from, head, COPY);
    close(from);
    memcpy(head + at, &value, size);
    to = open(FILE_NAME, OPEN_WRITE);
    expect_is(write(to, head, COPY), COPY, "bytes patched");
    close(to);
}

static void try_copy(u32 unused)
{
    static const char line[] = FILE_NAME;
    int error = exec(line);

    expect(error == ERR_NOEXEC || error == ERR_NOMEM || error == ERR_INVAL,
           "what is no program is refused");
    exit(ERRAND_DONE);
}

static void refused(u32 which)
{
    int status = outcome(try_copy, 0);

    unlink(FILE_NAME);
    if (status == ERRAND_DONE || was_killed(status))
        return;
    printf("usertests: forgery %u ended with status %d.\n", which, status);
    exit(1);
}

static const struct {
    u32 at, value, size;
} forgeries[] = {
    {0, 0, 4},                 /* the magic */
    {4, 2, 1},                 /* 64 bits */
    {16, 1, 2},                /* an object file */
    {18, 62, 2},               /* another machine */
    {E_ENTRY, KERNEL, 4},      /* */
    {E_ENTRY, 0, 4},           /* */
    {E_PHOFF, 0xffffffe0, 4},  /* */
    {E_PHOFF, 0x7fffffff, 4},  /* */
    {E_PHNUM, 0xffff, 2},      /* */
    {E_PHNUM, 0, 2},           /* */
    {P_VADDR, KERNEL, 4},      /* */
    {P_VADDR, 0xbffff000, 4},  /* over the stack */
    {P_VADDR, 0xfffff000, 4},  /* */
    {P_VADDR, 0, 4},           /* null is never there */
    {P_OFFSET, 0xfffff000, 4}, /* */
    {P_OFFSET, 0x00100000, 4}, /* behind the end */
    {P_FILESZ, 0xffffffff, 4}, /* */
    {P_MEMSZ, 0xffffffff, 4},  /* */
    {P_MEMSZ, 0xb7fb0000, 4},  /* down to the stack's room */
    {P_MEMSZ, 1, 4},           /* less than its bytes */
};

static void forged(u32 first)
{
    for (u32 i = first;
         i < sizeof(forgeries) / sizeof(forgeries[0]) && i < first + 10; i++) {
        patch(forgeries[i].at, forgeries[i].value, forgeries[i].size);
        refused(i);
    }
}

static void shortened(u32 unused)
{
    static const u32 sizes[] = {0, 1, 4, 51, 52, 60, 83, 100};

    for (u32 i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        close(copy_program(sizes[i]));
        refused(i);
    }
}

static void exec_text(u32 unused)
{
    int fd = open(FILE_NAME, WRITE_FILE);

    write(fd, "echo this is a text\n", 20);
    refused(0);
}

/* A copy runs like the program itself; its file may go meanwhile. */
static void exec_copy(u32 unused)
{
    int fds[2], pid;
    char text[8];

    pipe(fds);
    close(copy_program(WHOLE_FILE));
    pid = fork();
    if (pid == 0) {
        dup2(fds[1], 1);
        go(FILE_NAME " good");
    }
    expect_is(end_of(pid), 0, "the copy's status");
    expect_is(unlink(FILE_NAME), 0, "unlinking it");
    expect_is(read(fds[0], text, 5), 5, "bytes that it wrote");
    expect(memcmp(text, "good\n", 5) == 0, "the copy says what it should");
}

/* Its text changes while it runs: nobody may be hurt but itself. */
static void exec_changed(u32 unused)
{
    int pid, fd = copy_program(WHOLE_FILE), fds[2];
    char byte;

    pipe(fds);
    pid = fork();
    if (pid == 0) {
        write(fds[1], "x", 1);
        go(FILE_NAME);
    }
    read(fds[0], &byte, 1);
    close(fd);
    fd = open(FILE_NAME, WRITE_FILE);
    expect(fd >= 0 || fd == ERR_EXIST, "the file can be emptied, or not");
    unlink(FILE_NAME);
    end_of(pid);
}

const struct test exec_tests[] = {
    {"exec-status", exec_status, 0},   {"exec-words", exec_words, 0},
    {"exec-files", exec_files, 0},     {"exec-memory", exec_memory, 0},
    {"exec-signals", exec_signals, 0}, {"exec-in-handler", exec_in_handler, 0},
    {"exec-nothing", exec_nothing, 0}, {"exec-forged-head", forged, 0},
    {"exec-forged-parts", forged, 10}, {"exec-shortened", shortened, 0},
    {"exec-text", exec_text, 0},       {"exec-copy", exec_copy, 0},
    {"exec-changed", exec_changed, 0}, {NULL, NULL, 0},
};
