/* SPDX-License-Identifier: MIT
 *
 * Files in memory: what is written is read, what is removed is gone, and no
 * number makes sense but those that do.
 *
 * A file lives in frames, so filling the file system must end in an error
 * while the machine goes on, and every frame must come back.
 */
#include "guest/user/usertests/tests.h"

#define CHUNK 512

static char text[CHUNK];

static int make(const char *words)
{
    int fd = open(FILE_NAME, WRITE_FILE);

    expect(fd >= 0, "a file can be made");
    expect_is(write(fd, words, strlen(words)), (int)strlen(words),
              "bytes written");
    close(fd);
    return open(FILE_NAME, OPEN_READ);
}

static void holds(const char *words)
{
    int fd = open(FILE_NAME, OPEN_READ);

    expect_is(read(fd, text, sizeof(text)), (int)strlen(words), "its size");
    expect(memcmp(text, words, strlen(words)) == 0, words);
    expect_is(read(fd, text, sizeof(text)), 0, "bytes behind its end");
    close(fd);
}

static void clear(void)
{
    expect_is(unlink(FILE_NAME), 0, "removing it");
    expect_is(open(FILE_NAME, OPEN_READ), ERR_NOENT, "opening what is gone");
}

static void file_back(u32 unused)
{
    close(make("what is written"));
    holds("what is written");
    clear();
}

static void file_flags(u32 unused)
{
    int fd;

    close(make("first"));
    fd = open(FILE_NAME, OPEN_WRITE);
    write(fd, "F", 1);
    close(fd);
    holds("First");
    fd = open(FILE_NAME, OPEN_WRITE | OPEN_APPEND);
    write(fd, ", second", 8);
    close(fd);
    holds("First, second");
    close(open(FILE_NAME, OPEN_WRITE | OPEN_EMPTY));
    holds("");
    clear();
}

static void file_shared(u32 unused)
{
    int fd = make("abcdef"), pid;

    read(fd, text, 2);
    pid = fork();
    if (pid == 0)
        exit(read(fd, text, 2));
    expect_is(end_of(pid), 2, "bytes that the child read");
    read(fd, text, 2);
    expect(memcmp(text, "ef", 2) == 0, "parent and child share the place");
    expect_is(dup2(fd, 9), 9, "the copy");
    expect_is(read(9, text, 2), 0, "bytes left for it");
    clear();
}

static void file_unlinked(u32 unused)
{
    int fd = make("it lives on");

    clear();
    expect_is(read(fd, text, 11), 11, "bytes of an open file without a name");
    expect_is(unlink(FILE_NAME), ERR_NOENT, "removing it twice");
    close(make("another"));
    expect_is(read(fd, text, 1), 0, "bytes of the other one");
    clear();
}

static void file_big(u32 unused)
{
    int fd = open(FILE_NAME, OPEN_READ | WRITE_FILE), n = 0;
    u32 all = 0;

    for (u32 i = 0; (n = write(fd, text, CHUNK)) == CHUNK && i < 4096; i++)
        all += CHUNK;
    expect(n == ERR_NOSPC || n < CHUNK, "a file has an end");
    expect(all >= 16 * CHUNK, "a file may be of 8 KiB");
    close(fd);
    clear();
}

static void name_of(char *name, u32 i)
{
    format_into(name, NAME_SIZE, "usertest%u", i);
}

/* Files until nothing goes any more; the last ones are the fullest. */
static void fs_full(u32 unused)
{
    char name[NAME_SIZE];
    int fd = 0;
    u32 made = 0;

    for (; made < 256; made++) {
        name_of(name, made);
        fd = open(name, WRITE_FILE);
        if (fd < 0)
            break;
        for (u32 i = 0; i < 64; i++)
            write(fd, text, CHUNK);
        close(fd);
    }
    expect(fd == ERR_NOSPC && made > 1, "the file system has an end");
    while (made--) {
        name_of(name, made);
        expect_is(unlink(name), 0, "removing one of them");
    }
    close(make("there is room again"));
    holds("there is room again");
    clear();
}

static void file_names(u32 unused)
{
    expect_is(open("", WRITE_FILE), ERR_INVAL, "no name");
    expect_is(open("a/b", WRITE_FILE), ERR_INVAL, "a folder");
    expect_is(open("two words", WRITE_FILE), ERR_INVAL, "a blank");
    expect_is(open("a\tb", WRITE_FILE), ERR_INVAL, "a tab");
    expect(open("a-name-that-is-too-long", WRITE_FILE) < 0, "names are short");
    expect_is(unlink(""), ERR_INVAL, "removing no name");
}

static void file_fixed(u32 unused)
{
    expect_is(open("echo", OPEN_WRITE), ERR_EXIST, "writing a program");
    expect_is(open("echo", WRITE_FILE), ERR_EXIST, "emptying a program");
    expect_is(unlink("echo"), ERR_EXIST, "removing a program");
    expect(open("echo", OPEN_READ) >= 0, "it is still there");
}

static void open_flags(u32 unused)
{
    expect_is(open("echo", 0), ERR_INVAL, "opening for nothing");
    expect_is(open("echo", ~0u), ERR_INVAL, "all flags");
    expect_is(open("echo", OPEN_READ | 0x100), ERR_INVAL, "an unknown flag");
    expect_is(open("new", OPEN_READ | OPEN_CREATE), ERR_INVAL,
              "making a file only to read it");
}

static void bad_descriptors(u32 unused)
{
    static const int bad[] = {5, OPEN_FILES, -1, 0x7fffffff, -0x7fffffff};

    for (u32 i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_is(read(bad[i], text, 1), ERR_BADF, "reading");
        expect_is(write(bad[i], text, 1), ERR_BADF, "writing");
        expect_is(close(bad[i]), ERR_BADF, "closing");
        expect_is(dup2(bad[i], 3), ERR_BADF, "copying");
    }
    expect_is(dup2(0, OPEN_FILES), ERR_BADF, "copying too far");
    expect_is(dup2(0, -1), ERR_BADF, "copying to -1");
}

static void wrong_way(u32 unused)
{
    int fd = open("echo", OPEN_READ), to = open(FILE_NAME, WRITE_FILE);

    expect_is(write(fd, text, 1), ERR_BADF, "writing what is read");
    expect_is(read(to, text, 1), ERR_BADF, "reading what is written");
    clear();
}

static void too_many(u32 unused)
{
    int fd, n = 0;

    close(make("kept"));
    while ((fd = open("echo", OPEN_READ)) >= 0 && n < 99)
        n++;
    expect_is(fd, ERR_NOMEM, "one descriptor too many");
    expect_is(open(FILE_NAME, WRITE_FILE), ERR_NOMEM, "emptying with it");
    expect_is(n, OPEN_FILES - 3, "how many there were");
    expect_is(close(7), 0, "closing one of them");
    expect_is(open("echo", OPEN_READ), 7, "the next one");
    close(7);
    holds("kept");
    clear();
}

/* What a copy takes the place of is closed: so often there is no room else. */
static void copied_over(u32 unused)
{
    for (u32 i = 0; i < 300; i++) {
        int fd = open("echo", OPEN_READ);

        expect(fd >= 0, "there is room for one more open file");
        expect_is(dup2(0, fd), fd, "the copy");
        close(fd);
    }
}

static void lengths(u32 unused)
{
    int fd = make("abc");

    expect_is(read(fd, text, 0), 0, "reading nothing");
    expect_is(write(1, text, 0), 0, "writing nothing");
    expect_is(read(fd, text, ~0u), ERR_FAULT, "more than there can be");
    expect_is(read(fd, text, 0xc0000001), ERR_FAULT, "more than memory");
    expect_is(write(1, text, 0xc0000001), ERR_FAULT, "more than memory");
    clear();
}

/* The memory ends on the way: what was moved before that counts. */
static void in_part(u32 unused)
{
    u32 page = (u32)sys(SYS_MMAP, PAGE_SIZE, 0, 0);
    char *last = (char *)page + PAGE_SIZE - CHUNK;
    int fds[2];

    pipe(fds);
    write(fds[1], text, CHUNK);
    write(fds[1], text, CHUNK);
    expect_is(read(fds[0], last, 2 * CHUNK), CHUNK, "bytes that had room");
    expect_is(read(fds[0], text, CHUNK), CHUNK, "bytes left in the pipe");
    expect_is(write(fds[1], last, 2 * CHUNK), CHUNK, "bytes that were there");
}

static void folder(u32 unused)
{
    struct dir_entry row;
    u32 found = 0, fixed = 0, i = 0;

    close(make("abc"));
    for (; sys(SYS_READDIR, i, (u32)&row, 0) == 0; i++) {
        fixed += row.fixed;
        found += strcmp(row.name, FILE_NAME) == 0 && row.size == 3;
    }
    expect(found == 1 && fixed > 5, "the folder shows what there is");
    expect_is(sys(SYS_READDIR, i, (u32)&row, 0), ERR_NOENT, "a row too far");
    expect_is(sys(SYS_READDIR, ~0u, (u32)&row, 0), ERR_NOENT, "row -1");
    clear();
}

const struct test file_tests[] = {
    {"file-back", file_back, 0},
    {"file-flags", file_flags, 0},
    {"file-shared", file_shared, 0},
    {"file-unlinked", file_unlinked, 0},
    {"file-big", file_big, 0},
    {"file-full", fs_full, 0},
    {"file-names", file_names, 0},
    {"file-fixed", file_fixed, 0},
    {"file-open", open_flags, 0},
    {"file-descriptors", bad_descriptors, 0},
    {"file-wrong-way", wrong_way, 0},
    {"file-too-many", too_many, 0},
    {"file-copies", copied_over, 0},
    {"file-lengths", lengths, 0},
    {"file-in-part", in_part, 0},
    {"file-folder", folder, 0},
    {NULL, NULL, 0},
};
