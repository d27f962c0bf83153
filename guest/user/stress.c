/* SPDX-License-Identifier: MIT
 *
 * stress KIND [N]: works one part of the system hard, N times over, and
 * looks whether everything is still what it should be.
 *
 *   memory     N pages, each written with its own pattern, read back twice
 *   heap       N blocks of malloc(), of all sizes, freed in another order
 *   processes  N children, eight at a time, each of which proves its pid
 *   cpu        N rounds of arithmetic in each of four processes
 *   pipes      N kilobytes through a chain of three processes
 *   files      N files written, read back and removed
 *   hold       a process that stays behind, and leaves N pages to the others
 *
 * What is random comes from a generator with a fixed seed, so a run can be
 * repeated. The verdict is the exit status, and one line.
 */
#include "guest/user/user.h"

#define PAGE_SIZE  4096
#define MOST_PAGES (1u << 20) /* of 4 GiB */
#define TOGETHER   8
#define BLOCKS     64
#define CPU_JOBS   4
#define HOLD_BYTES (256u << 20)
#define FILE_SIZE  9000 /* more than two pages, and no whole number of them */

struct kind {
    const char *name;
    int (*run)(u32 n);
    u32 usual;
};

static u32 seed = 1;

static u32 next_random(void)
{
    seed = seed * 1103515245 + 12345;
    return seed >> 8;
}

static int stress_memory(u32 n)
{
    int at = n < MOST_PAGES ? sys(SYS_MMAP, n * PAGE_SIZE, 0, 0) : ERR_NOMEM;
    volatile u32 *words = (volatile u32 *)at;
    u32 step = PAGE_SIZE / sizeof(u32);

    if (is_error(at))
        return at;
    for (u32 i = 0; i < n; i++)
        words[i * step] = i * 2654435761u;
    for (u32 round = 0; round < 2; round++)
        for (u32 i = 0; i < n; i++)
            if (words[i * step] != i * 2654435761u)
                return 1;
    return sys(SYS_MUNMAP, (u32)at, n * PAGE_SIZE, 0);
}

static int is_filled(const u8 *bytes, u32 size, u8 with)
{
    for (u32 i = 0; i < size; i++)
        if (bytes[i] != with)
            return 0;
    return 1;
}

static int stress_heap(u32 n)
{
    static u8 *block[BLOCKS];
    static u32 size[BLOCKS];

    for (u32 i = 0; i < n + BLOCKS; i++) {
        u32 at = i < n ? next_random() % BLOCKS : i - n;

        if (block[at] && !is_filled(block[at], size[at], (u8)at))
            return 1;
        free(block[at]);
        block[at] = NULL;
        if (i >= n)
            continue;
        size[at] = next_random() % (next_random() % 4 ? 200 : 20000);
        block[at] = malloc(size[at]);
        if (!block[at])
            return ERR_NOMEM;
        memset(block[at], (int)at, size[at]);
    }
    return 0;
}

/* Starts one child that leaves with the low bits of its number. */
static int start_child(u32 number, u32 rounds)
{
    volatile u32 value = number;
    int pid = fork();

    if (pid)
        return pid;
    for (u32 i = 0; i < rounds; i++)
        value = value * 3 + 1;
    for (u32 i = 0; i < rounds; i++)
        value = (value - 1) * 0xaaaaaaab; /* a third, modulo 2 to the 32 */
    exit((int)(value & 0x3f));
}

static int run_children(u32 n, u32 together, u32 rounds)
{
    int pid[TOGETHER], status;

    for (u32 done = 0; done < n; done += together) {
        u32 some = n - done < together ? n - done : together;

        for (u32 i = 0; i < some; i++) {
            pid[i] = start_child(done + i, rounds);
            if (pid[i] < 0)
                return pid[i];
        }
        for (u32 i = 0; i < some; i++)
            if (wait(pid[i], &status) != pid[i] ||
                status != (int)((done + i) & 0x3f))
                return 1;
    }
    return 0;
}

static int stress_processes(u32 n)
{
    return run_children(n, TOGETHER, 1);
}

static int stress_cpu(u32 n)
{
    return run_children(CPU_JOBS, CPU_JOBS, n);
}

/* A child that copies one end of a pipe to the other; the new reading end. */
static int add_copier(int from)
{
    char bytes[300];
    int fds[2], got, error = pipe(fds);

    if (error)
        return error;
    got = fork();
    if (got == 0) {
        close(fds[0]);
        while ((got = read(from, bytes, sizeof(bytes))) > 0)
            if (write_all(fds[1], bytes, (u32)got))
                exit(1);
        exit(got != 0);
    }
    close(from);
    close(fds[1]);
    return got < 0 ? got : fds[0];
}

static int check_stream(int fd, u32 bytes)
{
    u32 at = 0;
    u8 some[777];
    int got;

    while ((got = read(fd, some, sizeof(some))) > 0)
        for (int i = 0; i < got; i++, at++)
            if (some[i] != (u8)(at * 7 + at / 256))
                return 1;
    return got < 0 ? got : at != bytes;
}

static int stress_pipes(u32 n)
{
    int fds[2], from, status, verdict;
    u8 some[1024];

    if (pipe(fds))
        return ERR_NOMEM;
    if (fork() == 0) {
        close(fds[0]);
        for (u32 at = 0; at < n * sizeof(some); at++) {
            some[at % sizeof(some)] = (u8)(at * 7 + at / 256);
            if (at % sizeof(some) == sizeof(some) - 1)
                write_all(fds[1], some, sizeof(some));
        }
        exit(0);
    }
    close(fds[1]);
    from = add_copier(fds[0]);
    if (from >= 0)
        from = add_copier(from);
    verdict = from < 0 ? from : check_stream(from, n * sizeof(some));
    close(from);
    while (wait(WAIT_ANY, &status) > 0)
        verdict |= status;
    return verdict;
}

static int one_file(const char *name, u32 number)
{
    u8 bytes[FILE_SIZE];
    int fd = open(name, WRITE_FILE), error;

    if (fd < 0)
        return fd;
    memset(bytes, (int)number, sizeof(bytes));
    error = write_all(fd, bytes, sizeof(bytes));
    close(fd);
    fd = open(name, OPEN_READ);
    memset(bytes, 0, sizeof(bytes));
    if (!error && (read(fd, bytes, sizeof(bytes)) != sizeof(bytes) ||
                   !is_filled(bytes, sizeof(bytes), (u8)number)))
        error = 1;
    unlink(name); /* while it is open: the pages come back with close() */
    close(fd);
    return error;
}

static int stress_files(u32 n)
{
    char name[NAME_SIZE];
    int error = 0;

    for (u32 i = 0; i < n && !error; i++) {
        format_into(name, sizeof(name), "stress%u", i);
        error = one_file(name, i);
    }
    return error;
}

/* How many pages are free beyond n. */
static u32 too_many(u32 n)
{
    struct mem_info m = {0};

    sys(SYS_MEM, (u32)&m, 0, 0);
    return m.free > n ? m.free - n : 0;
}

/* Whatever becomes free later is taken, too; so who needs a page must get it
 * from the kernel. Half of it at a time, for page tables take some as well.
 * Without a swap area the memory ends before the map does. */
static int stress_hold(u32 n)
{
    volatile u8 *at = (u8 *)sys(SYS_MMAP, HOLD_BYTES, 0, 0);
    int pid = is_error((int)at) ? (int)at : fork();

    while (pid > 0 && too_many(n))
        sleep(1);
    if (pid)
        return pid < 0 ? pid : 0;
    for (;; sys(SYS_YIELD, 0, 0, 0))
        for (u32 pages = (too_many(n) + 1) / 2; pages; pages--) {
            *at = 1;
            at += PAGE_SIZE;
        }
}

static const struct kind kinds[] = {
    {"memory", stress_memory, 200},
    {"heap", stress_heap, 1000},
    {"processes", stress_processes, 40},
    {"cpu", stress_cpu, 100000},
    {"pipes", stress_pipes, 64},
    {"files", stress_files, 30},
    {"hold", stress_hold, 0},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

int main(int argc, char **argv)
{
    const struct kind *k = kinds;
    u32 n;
    int verdict;

    while (argc > 1 && k < kinds + KINDS && strcmp(k->name, argv[1]) != 0)
        k++;
    if (argc < 2 || k == kinds + KINDS) {
        dprintf(2, "stress: which kind? memory heap processes cpu pipes "
                   "files hold, and how much of it.\n");
        return 2;
    }
    n = argc > 2 ? parse_u32(argv[2]) : k->usual;
    verdict = k->run(n);
    if (verdict < 0)
        printf("stress: %s %u: %s.\n", k->name, n, error_text(verdict));
    else
        printf("stress: %s %u: %s\n", k->name, n, verdict ? "WRONG" : "ok");
    return verdict != 0;
}
