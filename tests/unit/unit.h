/* SPDX-License-Identifier: MIT
 *
 * A unit test file, in forty lines: named cases, checks that print both
 * values, one counting line at the end. Home-made because the same test is
 * built as -m32 and -m64 with gcc and clang, and a packaged framework exists
 * for the native width only.
 *
 * A comment line "LINKS: vmm/mm vmm/base" names the folders whose code the
 * test is linked with. Unit tests are run with a time limit by tests/run.py.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int unit_failures, unit_cases;

#define EXPECT(cond)                                                           \
    do {                                                                       \
        if (!(cond)) {                                                         \
            printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #cond);          \
            unit_failures++;                                                   \
        }                                                                      \
    } while (0)

#define EXPECT_EQ(got, want)                                                   \
    do {                                                                       \
        unsigned long long g_ = (unsigned long long)(got);                     \
        unsigned long long w_ = (unsigned long long)(want);                    \
        if (g_ != w_) {                                                        \
            printf("%s:%d: %s is 0x%llx, not %s (0x%llx)\n", __FILE__,         \
                   __LINE__, #got, g_, #want, w_);                             \
            unit_failures++;                                                   \
        }                                                                      \
    } while (0)

#define EXPECT_STR(got, want)                                                  \
    do {                                                                       \
        if (strcmp((got), (want))) {                                           \
            printf("%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__,    \
                   #got, (got), (want));                                       \
            unit_failures++;                                                   \
        }                                                                      \
    } while (0)

struct unit_case {
    const char *name;
    void (*run)(void);
};

#define CASE(f)                                                                \
    {                                                                          \
#f, f                                                                  \
    }

/* Cases with the word UNIT_SKIP in their names are left out. */
static int unit_main(const struct unit_case *list, int count)
{
    const char *skip = getenv("UNIT_SKIP");

    for (int i = 0; i < count; i++) {
        int before = unit_failures;
        if (skip && strstr(list[i].name, skip))
            continue;
        list[i].run();
        unit_cases++;
        if (unit_failures != before)
            printf("FAIL %s\n", list[i].name);
    }
    printf("unit: %d cases, %d failures\n", unit_cases, unit_failures);
    return unit_failures != 0;
}

#define UNIT_MAIN(list)                                                        \
    int main(void)                                                             \
    {                                                                          \
        setvbuf(stdout, NULL, _IOLBF, 0);                                      \
        return unit_main(list, (int)(sizeof(list) / sizeof(list[0])));         \
    }

#endif
