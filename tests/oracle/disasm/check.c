/* SPDX-License-Identifier: MIT
 *
 * Our disassembler against objdump: reads `objdump -d -z -w -M intel` of
 * 32-bit code and prints each line's bytes itself; the two texts must be the
 * same after normal.h, or differ in one of the agreed ways, which are
 * counted.
 * Usage: objdump ... FILE | check NAME
 */
#include "tests/oracle/disasm/normal.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/decode.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 40

struct line {
    u32 at;
    u8 bytes[INSN_MAX];
    u32 count;
    char text[LINE_BYTES];
    enum decode_status status;
    struct insn insn;
    char ours[LINE_BYTES], theirs[LINE_BYTES];
};

struct agreed {
    const char *what;
    bool (*applies)(const struct line *l);
    u32 count;
};

/* An address, bytes in hex, and a text, between tabulators. */
static bool parse(char *from, struct line *l)
{
    char *tab = strchr(from, '\t'), *end;

    l->at = (u32)strtoul(from, &end, 16);
    if (*end != ':' || !tab)
        return false;
    from = tab + 1;
    for (l->count = 0; l->count < INSN_MAX; l->count++) {
        unsigned long byte = strtoul(from, &end, 16);
        if (end == from || (*end != ' ' && *end != '\t'))
            break;
        l->bytes[l->count] = (u8)byte;
        from = end;
    }
    tab = strchr(from, '\t');
    if (!tab)
        return false;
    snprintf(l->text, sizeof(l->text), "%s", tab + 1);
    return l->count > 0;
}

static void print_ours(struct line *l)
{
    l->status = insn_decode(l->bytes, l->count, true, &l->insn);
    if (l->status != DECODE_OK || !insn_valid(&l->insn))
        strcpy(l->ours, "(bad)");
    else
        insn_print(&l->insn, l->at, l->ours, sizeof(l->ours));
}

/* VEX and EVEX prefixes are LES, LDS and BOUND of a register before AVX. */
static bool is_later(const struct line *l)
{
    bool vex = l->status == DECODE_OK &&
               (l->insn.op == OP_LES || l->insn.op == OP_LDS ||
                l->insn.op == OP_BOUND);

    return !strcmp(l->ours, "(bad)") && strcmp(l->theirs, "(bad)") &&
           (vex || l->status == DECODE_UD);
}

/* PREFETCHW and ENDBR32 have names since they do something (SDM vol. 2B
 * PREFETCHW, vol. 2A ENDBR32). */
static bool is_hint(const struct line *l)
{
    return (l->insn.op == OP_HINT_0x0d || l->insn.op == OP_HINT_0x1e) &&
           l->insn.len == l->count && !strncmp(l->ours, "nop ", 4);
}

/* FINIT is FWAIT and FNINIT (SDM vol. 2A FINIT). */
static bool is_waiting(const struct line *l)
{
    struct insn behind;

    return l->insn.op == OP_FWAIT && l->insn.len < l->count &&
           insn_decode(l->bytes + l->insn.len, l->count - l->insn.len, true,
                       &behind) == DECODE_OK &&
           insn_class(behind.op) == CLASS_X87 &&
           l->insn.len + behind.len == (int)l->count;
}

/* What loads a selector takes 16 bits, whatever the operand size (SDM vol. 2B
 * MOV, "MOV Sreg, r/m16"; vol. 2A LLDT, vol. 2D LTR). objdump names the whole
 * register for MOV, and since 2.42 for LLDT and LTR. */
static bool is_selector(const struct line *l)
{
    u16 op = l->insn.op;

    return (op == OP_MOV_SwEw || op == OP_LLDT || op == OP_LTR) &&
           l->insn.modrm >> 6 == 3 && l->insn.len == l->count;
}

/* SDM vol. 2A LZCNT, vol. 2D TZCNT: where they are not announced. */
static bool is_bit_scan(const struct line *l)
{
    return l->insn.rep == 0xf3 &&
           (l->insn.op == OP_BSF || l->insn.op == OP_BSR);
}

static struct agreed agreed[] = {
    {"TZCNT and LZCNT are BSF and BSR to us", is_bit_scan, 0},
    {"a selector's register is a word register", is_selector, 0},
    {"a hint that got a name later is NOP to us", is_hint, 0},
    {"FWAIT and what it waits for in one line", is_waiting, 0},
    {"an extension later than SSE2, which is #UD to us", is_later, 0},
};

static bool is_agreed(const struct line *l)
{
    for (u32 i = 0; i < ARRAY_LEN(agreed); i++) {
        if (agreed[i].applies(l)) {
            agreed[i].count++;
            return true;
        }
    }
    return false;
}

/* Bytes that objdump does not take for an instruction, because a symbol
 * stands before their end. */
static bool is_cut(const struct line *l)
{
    return l->status == DECODE_SHORT && !strncmp(l->theirs, ".byte", 5);
}

static bool same(const struct line *l)
{
    if (is_cut(l))
        return true;
    if (strcmp(l->ours, l->theirs))
        return false;
    return l->status != DECODE_OK || l->insn.len == l->count;
}

static void report(const struct line *l)
{
    printf("%08x:", l->at);
    for (u32 i = 0; i < l->count; i++)
        printf(" %02x", l->bytes[i]);
    printf("\n  objdump:  %s\n  Trapline: %s\n", l->theirs, l->ours);
}

int main(int argc, char **argv)
{
    static struct line l;
    static char in[1000];
    u32 lines = 0, differ = 0;

    while (fgets(in, sizeof(in), stdin)) {
        if (!parse(in, &l))
            continue;
        lines++;
        print_ours(&l);
        strcpy(l.theirs, l.text);
        normal_objdump(l.theirs);
        normal_ours(l.ours);
        if (same(&l) || is_agreed(&l))
            continue;
        if (differ++ < SHOWN)
            report(&l);
    }
    printf("%s: %u instructions, %u differ\n", argc > 1 ? argv[1] : "code",
           lines, differ);
    for (u32 i = 0; i < ARRAY_LEN(agreed); i++) {
        if (agreed[i].count)
            printf("%10u  %s\n", agreed[i].count, agreed[i].what);
    }
    return differ || !lines;
}
