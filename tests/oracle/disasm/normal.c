/* SPDX-License-Identifier: MIT
 *
 * See normal.h. Lines are changed in place, in a buffer of LINE_BYTES; the
 * rules go from the whole line (case, blanks, prefixes) to its operands, and
 * each finds the line as the one before it leaves it.
 */
#include "tests/oracle/disasm/normal.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The first `from` at or behind `at` becomes `to`, which is not longer. */
static bool replace(char *at, const char *from, const char *to)
{
    char *found = strstr(at, from);

    if (!found)
        return false;
    memmove(found + strlen(to), found + strlen(from),
            strlen(found + strlen(from)) + 1);
    memcpy(found, to, strlen(to));
    return true;
}

static void replace_all(char *line, const char *from, const char *to)
{
    while (replace(line, from, to))
        ;
}

static bool starts(const char *line, const char *with)
{
    return !strncmp(line, with, strlen(with));
}

static void normal_spaces(char *line)
{
    size_t n;

    replace_all(line, "\t", " ");
    replace_all(line, "  ", " ");
    replace_all(line, ", ", ",");
    n = strlen(line);
    while (n && isspace((unsigned char)line[n - 1]))
        line[--n] = 0;
}

/* ---- ours */

static void rename_whole(char *line, const char *const names[][2], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(line, names[i][0]))
            continue;
        memcpy(line, names[i][1], strlen(names[i][1]) + 1);
        return;
    }
}

/* "cmpps xmm0,xmm1,0x2" is "cmpleps xmm0,xmm1". */
static void normal_compare(char *line)
{
    static const char *const names[] = {"eq",  "lt",  "le",  "unord",
                                        "neq", "nlt", "nle", "ord"};
    char copy[LINE_BYTES], *last = strrchr(line, ',');
    bool compares = starts(line, "cmpp") || starts(line, "cmps");

    if (!compares || !last || !starts(last, ",0x") || last[4] ||
        last[3] < '0' || last[3] > '7' || !strstr(line, "xmm"))
        return;
    snprintf(copy, sizeof(copy), "cmp%s%.*s", names[last[3] - '0'],
             (int)(last - line - 3), line + 3);
    memcpy(line, copy, strlen(copy) + 1);
}

void normal_ours(char *line)
{
    static const char *const names[][2] = {
        {"pushfd", "pushf"}, {"popfd", "popf"}, {"pusha", "pushaw"},
        {"popa", "popaw"},   {"iret", "iretw"}, {"iretd", "iret"},
        {"pushad", "pusha"}, {"popad", "popa"}, {"pushf", "pushfw"},
    };

    normal_spaces(line);
    rename_whole(line, names, COUNT(names));
    if (starts(line, "call far ") || starts(line, "jmp far "))
        replace(line, "far ", "");
    normal_compare(line);
}

/* ---- objdump's */

static bool is_string_name(const char *name)
{
    static const char *const names[] = {"movs ", "cmps ", "stos ", "lods ",
                                        "scas ", "ins ",  "outs "};

    for (size_t i = 0; i < COUNT(names); i++) {
        if (starts(name, names[i]))
            return true;
    }
    return false;
}

static char *second_word(char *line)
{
    char *space = strchr(line, ' ');
    return space ? space + 1 : NULL;
}

/* Prefixes that change nothing stand as words before the name. */
static void drop_prefixes(char *line)
{
    static const char *const idle[] = {
        "ds ",     "es ",      "cs ",       "ss ",       "fs ",
        "gs ",     "repz ",    "repnz ",    "rep ",      "data16 ",
        "addr16 ", "notrack ", "xacquire ", "xrelease ", "bnd "};
    char *name = line;
    size_t i = 0;

    if (starts(line, "lock "))
        name = line + 5;
    while (i < COUNT(idle)) {
        char *next = second_word(name);
        if (!starts(name, idle[i]) || !next || is_string_name(next)) {
            i++;
            continue;
        }
        memmove(name, next, strlen(next) + 1);
        i = 0;
    }
}

/* "rep stos DWORD PTR es:[edi],eax" is "rep stosd", "lods al,BYTE PTR
 * fs:[esi]" is "fs lodsb". */
static void normal_string(char *line)
{
    char prefix[8] = "", segment[4] = "", name[8] = "", suffix;
    char *at = line;
    const char *source;

    if (starts(at, "rep")) {
        sscanf(at, "%7s", prefix);
        at = second_word(at);
    }
    if (!at || !is_string_name(at))
        return;
    source = strstr(at, ":[esi]");
    if (source && strncmp(source - 2, "ds", 2))
        memcpy(segment, source - 2, 2);
    suffix = strstr(at, "byte") ? 'b' : strstr(at, "dword") ? 'd' : 'w';
    sscanf(at, "%7s", name);
    if (!strcmp(prefix, "repz") || !strcmp(prefix, "repnz"))
        replace(prefix, "z", "e");
    snprintf(line, LINE_BYTES, "%s%s%s%s%s%c", prefix, *prefix ? " " : "",
             segment, *segment ? " " : "", name, suffix);
}

/* "ds:0x10" is "[0x10]", "fs:0x10" is "fs:[0x10]". */
static void normal_absolute(char *line)
{
    char copy[LINE_BYTES], *colon = strchr(line, ':'), *end;

    if (!colon || colon - line < 2 || colon[-1] != 's' || colon[1] != '0')
        return;
    end = colon + 1;
    while (isalnum((unsigned char)*end))
        end++;
    if (!strncmp(colon - 2, "ds", 2))
        colon -= 2;
    else
        colon++;
    snprintf(copy, sizeof(copy), "%.*s[%.*s]%s", (int)(colon - line), line,
             (int)(end - strstr(colon, "0x")), strstr(colon, "0x"), end);
    memcpy(line, copy, strlen(copy) + 1);
}

/* A prefix that names the segment which the address has without it. */
static void drop_segment(char *line)
{
    char *at = strstr(line, "s:[");
    bool stack;

    if (!at || at == line)
        return;
    stack = starts(at + 3, "esp") || starts(at + 3, "ebp");
    if (at[-1] == (stack ? 's' : 'd'))
        memmove(at - 1, at + 2, strlen(at + 2) + 1);
}

static void normal_address(char *line)
{
    replace_all(line, "+eiz*1", "");
    replace_all(line, "+eiz*2", "");
    replace_all(line, "+eiz*4", "");
    replace_all(line, "+eiz*8", "");
    replace_all(line, "*1]", "]");
    replace_all(line, "*1+", "+");
    replace_all(line, "*1-", "-");
    replace_all(line, "+0x0]", "]");
}

/* Mnemonics of objdump's own. */
static void normal_name(char *line)
{
    static const char *const whole[][2] = {
        {"xchg ax,ax", "nop"},
        {"xlat byte ptr [ebx]", "xlatb"},
    };
    static const char *const begin[][2] = {
        {"lgdtd ", "lgdt "}, {"lidtd ", "lidt "}, {"sgdtd ", "sgdt "},
        {"sidtd ", "sidt "}, {"repz ret", "ret"},
    };

    rename_whole(line, whole, COUNT(whole));
    for (size_t i = 0; i < COUNT(begin); i++) {
        if (starts(line, begin[i][0]))
            replace(line, begin[i][0], begin[i][1]);
    }
}

/* "jmp c0100020 <start+0x20>" is "jmp 0xc0100020". */
static void drop_symbol(char *line)
{
    char copy[LINE_BYTES], *symbol = strstr(line, " <"), *number;

    if (!symbol)
        return;
    *symbol = 0;
    number = strrchr(line, ' ');
    if (!number || strchr(line, ',') || strchr(line, ':') ||
        starts(number, " 0x"))
        return;
    *number++ = 0;
    snprintf(copy, sizeof(copy), "%s 0x%s", line, number);
    memcpy(line, copy, strlen(copy) + 1);
}

void normal_objdump(char *line)
{
    drop_symbol(line);
    for (char *c = line; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    normal_spaces(line);
    drop_prefixes(line);
    normal_string(line);
    normal_absolute(line);
    normal_address(line);
    drop_segment(line);
    normal_name(line);
}
