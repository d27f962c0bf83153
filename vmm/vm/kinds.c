/* SPDX-License-Identifier: MIT
 *
 * See kinds.h. A list of kinds is written with commas and without blanks, so
 * that it is one word of a module line or of a command. "all" may stand among
 * others; "off" stands alone.
 */
#include "vmm/vm/kinds.h"
#include "vmm/base/bits.h"
#include "vmm/base/fmt.h"

#define ALL (BIT(EXIT_KINDS) - 1)

static const char *const exit_names[EXIT_KINDS] = {
    [EXIT_PRIVILEGED] = "privileged",
    [EXIT_SOFTINT] = "softint",
    [EXIT_IRET] = "iret",
    [EXIT_IO] = "io",
    [EXIT_EXCEPTION] = "exception",
    [EXIT_PAGE_TRUE] = "page-true",
    [EXIT_PAGE_FILL] = "page-fill",
    [EXIT_PAGE_WRITE] = "page-write",
    [EXIT_MMIO] = "mmio",
    [EXIT_PROBE] = "probe",
    [EXIT_HOST_IRQ] = "host-irq",
};

const char *exit_kind_name(enum exit_kind kind)
{
    return exit_names[kind];
}

static bool parse_kind(struct slice word, u32 *kinds)
{
    if (slice_eq(word, "all")) {
        *kinds = ALL;
        return true;
    }
    for (u32 kind = 0; kind < EXIT_KINDS; kind++) {
        if (!slice_eq(word, exit_kind_name(kind)))
            continue;
        *kinds |= BIT(kind);
        return true;
    }
    return false;
}

bool exit_kinds_parse(struct slice words, u32 *kinds)
{
    struct slice word;
    bool more = true;

    *kinds = 0;
    if (slice_eq(words, "off"))
        return true;
    while (more) {
        more = slice_split(words, ',', &word, &words);
        if (!parse_kind(word, kinds))
            return false;
    }
    return true;
}

void exit_kinds_format(u32 kinds, char *out, size_t size)
{
    size_t len = 0;

    fmt_buf(out, size, "%s", kinds == ALL ? "all" : "off");
    if (kinds == ALL)
        return;
    for (u32 kind = 0; kind < EXIT_KINDS && len < size; kind++) {
        if (kinds & BIT(kind))
            len += fmt_buf(out + len, size - len, "%s%s", len ? "," : "",
                           exit_kind_name(kind));
    }
}
