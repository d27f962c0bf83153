/* SPDX-License-Identifier: MIT
 *
 * Pipes: bytes come once, in order, whole up to PIPE_ATOM, whoever races.
 *
 * Every byte of the races says who wrote it and which one it is, so that a
 * lost, doubled or mixed one is found.
 */
#include "guest/user/usertests/tests.h"

#define MANY    10000
#define SINGLE  250
#define ATOM    512 /* of one write() that is not divided */
#define RECORDS 6
#define RACERS  5

static u8 bytes[4096];

static int wait_for(int pid)
{
    return end_of(pid);
}

static void pipe_bytes(u32 unused)
{
    int fds[2];

    expect_is(pipe(fds), 0, "the answer");
    expect_is(write(fds[1], "abc", 3), 3, "bytes written");
    expect_is(read(fds[0], bytes, 2), 2, "bytes read");
    expect_is(read(fds[0], bytes, 2), 1, "bytes left");
    expect(bytes[0] == 'c', "bytes come in order");
}

static void pipe_end(u32 unused)
{
    int fds[2];

    pipe(fds);
    write(fds[1], "x", 1);
    close(fds[1]);
    expect_is(read(fds[0], bytes, 8), 1, "the last byte");
    expect_is(read(fds[0], bytes, 8), 0, "the end");
    expect_is(read(fds[0], bytes, 8), 0, "the end again");
}

static void write_blind(u32 unused)
{
    int fds[2];

    pipe(fds);
    close(fds[0]);
    write(fds[1], "x", 1);
}

static void pipe_broken(u32 unused)
{
    int fds[2];

    expect_is(outcome(write_blind, 0), STATUS_KILLED - SIG_PIPE, "its status");
    signal(SIG_PIPE, (handler_fn *)SIG_IGNORE);
    pipe(fds);
    close(fds[0]);
    expect_is(write(fds[1], "x", 1), ERR_PIPE, "writing for nobody");
}

static void pipe_ways(u32 unused)
{
    int fds[2];

    pipe(fds);
    expect_is(write(fds[0], "x", 1), ERR_BADF, "writing where one reads");
    expect_is(read(fds[1], bytes, 1), ERR_BADF, "reading where one writes");
}

static void write_many(u32 fd)
{
    for (u32 i = 0; i < MANY; i += ATOM) {
        for (u32 j = 0; j < ATOM; j++)
            bytes[j] = (u8)((i + j) % 251);
        expect_is(write((int)fd, bytes, ATOM), ATOM, "bytes written");
    }
}

/* More than a pipe holds: the writer must wait, and be woken. */
static void pipe_full(u32 unused)
{
    int fds[2], pid, n;
    u32 all = 0;

    pipe(fds);
    pid = start(write_many, (u32)fds[1]);
    close(fds[1]);
    while ((n = read(fds[0], bytes, 1000)) > 0)
        for (int i = 0; i < n; i++, all++)
            expect(bytes[i] == all % 251, "every byte comes once, in order");
    expect_is((int)all, (MANY + ATOM - 1) / ATOM * ATOM, "all bytes");
    expect_is(wait_for(pid), 0, "the writer's status");
}

static void race_writer(u32 arg)
{
    u32 fd = arg & 0xff, who = arg >> 8;
    u8 own[ATOM];

    memset(own, (int)who + 'a', sizeof(own));
    for (u32 i = 0; i < RECORDS; i++)
        expect_is(write((int)fd, own, sizeof(own)), ATOM, "bytes written");
}

/* Several writers; what each writes at once comes in one piece. */
static void pipe_writers(u32 unused)
{
    u32 seen[RACERS] = {0};
    int fds[2];

    pipe(fds);
    for (u32 i = 0; i < RACERS; i++)
        start(race_writer, i << 8 | (u32)fds[1]);
    close(fds[1]);
    for (u32 n = 0; n < RACERS * RECORDS; n++) {
        for (u32 have = 0; have < ATOM;) {
            int got = read(fds[0], bytes + have, ATOM - have);

            expect(got > 0, "there is more to read");
            have += (u32)got;
        }
        for (u32 i = 1; i < ATOM; i++)
            expect(bytes[i] == bytes[0], "a piece is of one writer");
        seen[bytes[0] - 'a']++;
    }
    expect_is(read(fds[0], bytes, 1), 0, "the end");
    for (u32 i = 0; i < RACERS; i++)
        expect_is((int)seen[i], RECORDS, "pieces of one writer");
}

static void race_reader(u32 fds)
{
    u32 said[2] = {0, 0}; /* the sum of the bytes, and how many */
    u8 b;

    while (read((int)(fds & 0xff), &b, 1) == 1) {
        said[0] += b;
        said[1]++;
    }
    write((int)(fds >> 8), said, sizeof(said));
}

/* Several readers: each byte goes to one of them. */
static void pipe_readers(u32 unused)
{
    u32 total[2] = {0, 0}, part[2], sum = 0;
    int in[2], out[2];

    pipe(in);
    pipe(out);
    for (u32 i = 0; i < RACERS; i++)
        if (fork() == 0) {
            close(in[1]);
            race_reader((u32)(out[1] << 8 | in[0]));
            exit(0);
        }
    for (u32 i = 0; i < SINGLE; i++) {
        u8 b = (u8)i;

        sum += b;
        write(in[1], &b, 1);
    }
    close(in[1]);
    for (u32 i = 0; i < RACERS; i++)
        wait(WAIT_ANY, NULL);
    for (u32 i = 0; i < RACERS; i++) {
        read(out[0], part, sizeof(part));
        total[0] += part[0];
        total[1] += part[1];
    }
    expect_is((int)total[1], SINGLE, "bytes read by all");
    expect_is((int)total[0], (int)sum, "the sum of them");
}

static void read_forever(u32 fd)
{
    u8 b;

    read((int)fd, &b, 1);
}

/* The end comes while somebody waits for it. */
static void pipe_closing(u32 unused)
{
    int fds[2], pid;

    pipe(fds);
    pid = fork();
    if (pid == 0) {
        close(fds[1]);
        read_forever((u32)fds[0]);
        exit(0);
    }
    until(pid, "BLOCKED");
    close(fds[1]);
    expect_is(wait_for(pid), 0, "the reader's status");
}

static void pipe_killed(u32 unused)
{
    int fds[2], reader, writer;

    pipe(fds);
    reader = start(read_forever, (u32)fds[0]);
    until(reader, "BLOCKED");
    kill(reader, SIG_KILL);
    expect_is(wait_for(reader), STATUS_KILLED - SIG_KILL, "the reader's end");
    writer = start(write_many, (u32)fds[1]);
    until(writer, "BLOCKED");
    kill(writer, SIG_KILL);
    expect_is(wait_for(writer), STATUS_KILLED - SIG_KILL, "the writer's end");
    expect(read(fds[0], bytes, ATOM) == ATOM, "what it wrote is there");
}

/* Through so many processes, each with a pipe on either side. */
static void pipe_chain(u32 unused)
{
    int in[2], out[2];

    pipe(in);
    write(in[1], "through", 7);
    close(in[1]);
    for (u32 i = 0; i < RACERS; i++) {
        pipe(out);
        if (fork() == 0) {
            int n = read(in[0], bytes, 16);

            exit(write(out[1], bytes, (u32)n) == n ? 0 : 1);
        }
        close(out[1]);
        close(in[0]);
        in[0] = out[0];
    }
    expect_is(read(in[0], bytes, 16), 7, "bytes at the end of the chain");
    expect(memcmp(bytes, "through", 7) == 0, "they are the same");
}

const struct test pipe_tests[] = {
    {"pipe-bytes", pipe_bytes, 0},
    {"pipe-end", pipe_end, 0},
    {"pipe-broken", pipe_broken, 0},
    {"pipe-ways", pipe_ways, 0},
    {"pipe-full", pipe_full, 0},
    {"pipe-writers", pipe_writers, 0},
    {"pipe-readers", pipe_readers, 0},
    {"pipe-closing", pipe_closing, 0},
    {"pipe-killed", pipe_killed, 0},
    {"pipe-chain", pipe_chain, 0},
    {NULL, NULL, 0},
};
