/* SPDX-License-Identifier: MIT
 *
 * The monitor's commands about memory and code: mem, dis.
 *
 * An address is anything that symbols_parse() takes: a number, a name of the
 * guest's own symbols, a register, each with an offset. `mem` shows bytes as
 * double words and as text, and behind them the names of those words that are
 * addresses of functions or objects, so that a stack reads itself. `dis` shows
 * instructions as the guest's code segment would decode them now.
 *
 * Looking has no consequences for the guest (inspect.h). What cannot be read
 * is answered with the reason.
 */
#include "arch/x86/defs/regs.h"
#include "vmm/base/bits.h"
#include "vmm/vm/inspect.h"
#include "vmm/vm/monitor_impl.h"
#include "vmm/vm/symbols.h"

#define ROW         16u
#define MEM_DEFAULT 128u
#define MEM_MOST    4096u
#define DIS_DEFAULT 10u
#define DIS_MOST    256u
#define INSN_TEXT   96
#define SYMBOL_TEXT (SYMBOL_NAME + 16)
#define PHYSICAL    "phys"
#define SENTENCE    320

bool monitor_address(const struct monitor_args *args, struct slice word,
                     u32 *at)
{
    char error[SENTENCE];

    if (symbols_parse(args->vm, word, at, error, sizeof(error)))
        return true;
    say(args, "%s.", error);
    return false;
}

bool monitor_count(const struct monitor_args *args, struct slice *rest,
                   u32 most, u32 *count)
{
    struct slice word;
    u64 n;

    if (!slice_word(rest, &word))
        return true;
    if (!slice_number(word, &n) || !n || n > most) {
        say(args, "\"%.*s\" is not a number from 1 to %u.", (int)word.len,
            word.at, most);
        return false;
    }
    *count = (u32)n;
    return true;
}

bool monitor_end(const struct monitor_args *args, struct slice rest)
{
    struct slice word;

    if (!slice_word(&rest, &word))
        return true;
    say(args, "\"%.*s\" is one word too many.", (int)word.len, word.at);
    return false;
}

/* " main+0x10" when the value is an address with a name. */
static size_t put_name(const struct vm *vm, u32 value, char *out, size_t size)
{
    char name[SYMBOL_TEXT];
    struct symbol symbol;

    out[0] = 0;
    if (!symbols_find(vm, value, &symbol))
        return 0;
    symbols_print(vm, value, name, sizeof(name));
    return min_u64(fmt_buf(out, size, " %s", name), size - 1);
}

static void say_row(const struct monitor_args *args, u32 at, const u8 *bytes,
                    u32 count, bool names)
{
    char hex[ROW / 4 * 9 + 1], text[ROW + 1], what[SENTENCE];
    size_t len = 0;

    for (u32 i = 0; i < count; i++)
        text[i] = bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '.';
    text[count] = 0;
    for (u32 i = 0; i < count; i += 4) {
        if (count - i >= 4)
            len += fmt_buf(hex + len, sizeof(hex) - len, " %08x",
                           get_le32(bytes + i));
        else
            for (u32 k = i; k < count; k++)
                len += fmt_buf(hex + len, sizeof(hex) - len, "%s%02x",
                               k == i ? " " : "", bytes[k]);
    }
    len = 0;
    what[0] = 0;
    for (u32 i = 0; names && i + 4 <= count && len < sizeof(what) - 1; i += 4)
        len += put_name(args->vm, get_le32(bytes + i), what + len,
                        sizeof(what) - len);
    say(args, "  0x%08x %-*s  |%-*s|%s", at, (int)sizeof(hex) - 1, hex,
        (int)ROW, text, what);
}

/* Why the byte at `at` was not there. */
static void say_missing(const struct monitor_args *args, u32 at, bool physical)
{
    char why[SENTENCE];

    if (physical) {
        say(args, "  0x%08x cannot be read: at this physical address is %s.",
            at, inspect_what(args->vm, gpa(at)));
        return;
    }
    if (inspect_why(args->vm, gva(at), 0, why, sizeof(why)))
        say(args, "  0x%08x is no memory; for the guest, %s.", at, why);
    else
        say(args, "  0x%08x cannot be read: %s.", at, why);
}

static void show_memory(const struct monitor_args *args, u32 at, u32 count,
                        bool physical)
{
    u8 bytes[ROW];
    char name[SYMBOL_TEXT];

    if (!physical && put_name(args->vm, at, name, sizeof(name)))
        say(args, "%s:", name + 1);
    for (u32 done = 0, n, got; done < count; done += n) {
        n = min_u32(ROW, count - done);
        got = physical
                  ? inspect_read_phys(args->vm, gpa((u64)at + done), bytes, n)
                  : inspect_read(args->vm, gva(at + done), bytes, n);
        if (got)
            say_row(args, at + done, bytes, got, !physical);
        if (got == n)
            continue;
        say_missing(args, at + done + got, physical);
        return;
    }
}

void monitor_mem(const struct monitor_args *args)
{
    struct slice rest = args->rest, word;
    u32 at, count = MEM_DEFAULT;
    bool physical;

    slice_word(&rest, &word);
    physical = slice_eq(word, PHYSICAL);
    if (physical && !slice_word(&rest, &word)) {
        say(args, "usage: mem NAME phys ADDRESS [BYTES]");
        return;
    }
    if (monitor_address(args, word, &at) &&
        monitor_count(args, &rest, MEM_MOST, &count) && monitor_end(args, rest))
        show_memory(args, at, count, physical);
}

/* The last operand, when it is an address with a name. */
static void name_operand(const struct vm *vm, const char *insn, char *out,
                         size_t size)
{
    struct slice rest = slice_of(insn), word, last = {0};
    u64 value;

    out[0] = 0;
    while (slice_word(&rest, &word))
        last = word;
    if (slice_number(last, &value) && value <= UINT32_MAX)
        put_name(vm, (u32)value, out, size);
}

static void put_bytes(struct vm *vm, u32 at, u32 len, char *out, size_t size)
{
    u8 bytes[ROW];
    u32 got = inspect_read(vm, gva(at), bytes, min_u32(len, sizeof(bytes)));
    size_t n = 0;

    out[0] = 0;
    for (u32 i = 0; i < got && n < size; i++)
        n += fmt_buf(out + n, size - n, "%02x", bytes[i]);
}

/* One line; the length of the instruction, or 0. */
static u32 show_insn(const struct monitor_args *args, u32 eip)
{
    struct vm *vm = args->vm;
    u32 at = vm->cpu.seg[SEG_CS].base + eip;
    char text[INSN_TEXT], name[SYMBOL_TEXT], bytes[2 * ROW + 1];
    u32 len = inspect_insn(vm, eip, text, sizeof(text));
    const char *mark = eip == vm->cpu.eip ? "=>" : "  ";

    if (!len) {
        say(args, "%s 0x%08x  (%s)", mark, eip, text);
        return 0;
    }
    put_bytes(vm, at, len, bytes, sizeof(bytes));
    name_operand(vm, text, name, sizeof(name));
    say(args, "%s 0x%08x  %-20s  %s%s", mark, eip, bytes, text, name);
    return len;
}

void monitor_insns(const struct monitor_args *args, u32 eip, u32 count)
{
    u32 base = args->vm->cpu.seg[SEG_CS].base, function = UINT32_MAX;
    char name[SYMBOL_TEXT];
    struct symbol symbol;

    for (u32 i = 0, len; i < count; i++, eip += len) {
        if (symbols_find(args->vm, base + eip, &symbol) &&
            symbol.number != function) {
            function = symbol.number;
            put_name(args->vm, base + eip, name, sizeof(name));
            say(args, "%s:", name + 1);
        }
        len = show_insn(args, eip);
        if (!len)
            return;
    }
}

void monitor_dis(const struct monitor_args *args)
{
    struct slice rest = args->rest, word;
    u32 eip = args->vm->cpu.eip, count = DIS_DEFAULT;

    inspect_sync(args->vm);
    if (slice_word(&rest, &word) && !monitor_address(args, word, &eip))
        return;
    if (monitor_count(args, &rest, DIS_MOST, &count) && monitor_end(args, rest))
        monitor_insns(args, eip, count);
}
