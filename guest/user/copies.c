/* SPDX-License-Identifier: MIT
 *
 * copies [N]: a hundred processes run one program, and its text is in memory
 * once.
 *
 * Each copy is started by fork and exec, as any program is, so nothing but
 * the file's name connects them. It reads all of a large constant table, says
 * so through a pipe, and sleeps. With all of them there, the pages they show
 * are counted, and the pages that are gone from the machine: per copy that
 * may be its data, its stack, its page tables and its two pages of kernel
 * stack, and not a page of text, because this program shows it already.
 */
#include "guest/user/user.h"

#define PAGE_SIZE  4096
#define TEXT_PAGES 16
#define COPIES     100 /* that many fit into 8 MiB, and into the table */
#define KERNEL     3   /* pages: two of kernel stack, and the directory */
#define LONG_TIME  1000000

static const u8 text[TEXT_PAGES * PAGE_SIZE] = {1, 2, 3};
static int pids[COPIES];

static u32 touch_text(void)
{
    u32 sum = 0;

    for (u32 at = 0; at < sizeof(text); at += PAGE_SIZE)
        sum += *(const volatile u8 *)&text[at];
    return sum;
}

static void idle(void)
{
    touch_text();
    write(1, ".", 1);
    for (;;)
        sys(SYS_SLEEP, LONG_TIME, 0, 0);
}

static int start(int out)
{
    int pid = sys(SYS_FORK, 0, 0, 0);

    if (pid)
        return pid;
    dup2(out, 1);
    sys(SYS_EXEC, (u32) "copies idle", 0, 0);
    exit(1);
}

static struct mem_info mem(void)
{
    struct mem_info m;

    sys(SYS_MEM, (u32)&m, 0, 0);
    return m;
}

/* Until each has written its dot. */
static int fill(u32 n, const int fds[2])
{
    char c;

    for (u32 i = 0; i < n; i++) {
        pids[i] = start(fds[1]);
        if (pids[i] < 0 || read(fds[0], &c, 1) != 1)
            return pids[i] < 0 ? pids[i] : ERR_PIPE;
    }
    return 0;
}

static void end(u32 n)
{
    for (u32 i = 0; i < n && pids[i] > 0; i++) {
        kill(pids[i], SIG_KILL);
        wait(pids[i], NULL);
    }
}

static int tell(u32 n, u32 used, u32 text_used)
{
    u32 shown = 0, own = 0;

    for (u32 i = 0; i < n; i++) {
        struct vm_info v;

        if (sys(SYS_VMSTAT, (u32)pids[i], (u32)&v, 0))
            return 0;
        shown += v.shared;
        own += v.resident - v.shared + v.tables + KERNEL;
    }
    printf("copies: %u processes show %u pages of text, which took %u\n", n,
           shown, text_used);
    printf("copies: the rest took %u pages, %u for each\n", used, own / n);
    return shown >= n * TEXT_PAGES && text_used == 0 && used == own;
}

static u32 number(const char *s)
{
    u32 n = 0;

    for (; *s >= '0' && *s <= '9' && n < COPIES; s++)
        n = n * 10 + (u32)(*s - '0');
    return *s || n == 0 || n > COPIES ? 0 : n;
}

int main(int argc, char **argv)
{
    u32 n = argc > 1 ? number(argv[1]) : COPIES;
    struct mem_info before, with;
    int error, fds[2], ok = 0;

    if (argc > 1 && strcmp(argv[1], "idle") == 0)
        idle();
    if (!n) {
        dprintf(2, "copies: it takes a number from 1 to %u.\n", COPIES);
        return 1;
    }
    touch_text();
    memset(pids, 0, sizeof(pids)); /* this one needs no more pages ... */
    printf("copies: %u processes are started\n", n); /* ... and no text */
    error = pipe(fds);
    before = mem();
    if (!error)
        error = fill(n, fds);
    with = mem();
    if (error)
        printf("copies: %s.\n", error_text(error));
    else
        ok = tell(n, before.free - with.free, with.files - before.files);
    end(n);
    ok = ok && mem().free == before.free;
    printf("copies: %s\n", ok ? "ok" : "wrong");
    return !ok;
}
