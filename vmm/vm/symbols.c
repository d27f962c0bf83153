/* SPDX-License-Identifier: MIT
 *
 * See symbols.h. The image is read where it lies, by bytes; kept is a list of
 * numbers of entries that were found good: in a section that is loaded, with
 * a printable name. It is sorted once, in place and without recursion (heap
 * sort: n log n whatever the order was), by address and then by how good a
 * name is: a function before an object before a label, global before local.
 *
 * Which symbol holds an address: the nearest one at or below it, or, when that
 * one has an end before the address or is a mere label, a function or object
 * around it, among the few before.
 *
 * LIMIT: a thing that lies around more than eight others is not found from
 * behind them.
 */
#include "vmm/vm/symbols.h"
#include "vmm/base/bits.h"
#include "vmm/base/fmt.h"
#include "vmm/vm/vm.h"

#define EHDR_SIZE   52
#define EHDR_SHOFF  32
#define EHDR_SHSIZE 46
#define EHDR_SHNUM  48
#define SHDR_SIZE   40
#define SHT_SYMTAB  2
#define SHT_STRTAB  3
#define SHF_ALLOC   2
#define SYM_SIZE    16
#define STT_NOTYPE  0
#define STT_OBJECT  1
#define STT_FUNC    2
#define STB_LOCAL   0

#define PAGE_NUMBERS (PAGE_SIZE / sizeof(u32))
#define EXAMINED     (1u << 19) /* entries of a table, at most */
#define SPARE_FRAMES 256        /* names are made only above these */
#define AROUND       8

struct entry {
    u32 name, value, size, type, bind, section;
};

struct section {
    u32 type, flags, addr, offset, size, link;
};

/* An image of a VM, while its index is made. */
struct image {
    const u8 *at;
    u64 size;
};

static struct section section_at(const u8 *table, u32 i)
{
    const u8 *at = table + (size_t)i * SHDR_SIZE;

    return (struct section){get_le32(at + 4),  get_le32(at + 8),
                            get_le32(at + 12), get_le32(at + 16),
                            get_le32(at + 20), get_le32(at + 24)};
}

static bool inside(const struct image *image, const struct section *s)
{
    return (u64)s->offset + s->size <= image->size;
}

static struct entry entry_at(const struct symbols *s, u32 number)
{
    const u8 *at = s->entries + (size_t)number * SYM_SIZE;

    return (struct entry){get_le32(at), get_le32(at + 4), get_le32(at + 8),
                          at[12] & 15u, at[12] >> 4,      get_le16(at + 14)};
}

static u32 *slot(const struct symbols *s, u32 i)
{
    return &s->page[i / PAGE_NUMBERS][i % PAGE_NUMBERS];
}

static struct entry sorted(const struct symbols *s, u32 i)
{
    return entry_at(s, *slot(s, i));
}

/* Its name, empty when it is no good. */
static struct slice name_of(const struct symbols *s, const struct entry *e)
{
    const char *at = (const char *)s->names + e->name;
    u32 most, len = 0;

    if (e->name >= s->names_size)
        return (struct slice){NULL, 0};
    most = min_u32(s->names_size - e->name, SYMBOL_NAME + 1);
    while (len < most && at[len] > ' ' && at[len] <= '~')
        len++;
    return (struct slice){at, len == most || at[len] ? 0 : len};
}

/* Where its section ends, or 0 when it is in none that is loaded. */
static u32 section_end(const struct symbols *s, const struct entry *e)
{
    struct section in;

    if (!e->section || e->section >= s->section_count)
        return 0;
    in = section_at(s->sections, e->section);
    if (!(in.flags & SHF_ALLOC) || e->value < in.addr ||
        e->value - in.addr > in.size)
        return 0;
    return (u32)min_u64((u64)in.addr + in.size, UINT32_MAX);
}

static bool is_good(const struct symbols *s, const struct entry *e)
{
    return e->type <= STT_FUNC && section_end(s, e) && name_of(s, e).len;
}

/* Which of two names for one address is the better one. */
static u32 merit(const struct entry *e)
{
    return (e->type == STT_NOTYPE ? 0 : e->type) * 4 + (e->size ? 2u : 0) +
           (e->bind != STB_LOCAL);
}

static bool before(const struct symbols *s, u32 a, u32 b)
{
    struct entry x = entry_at(s, a), y = entry_at(s, b);

    if (x.value != y.value)
        return x.value < y.value;
    if (merit(&x) != merit(&y))
        return merit(&x) > merit(&y);
    return a < b;
}

static void swap(const struct symbols *s, u32 i, u32 k)
{
    u32 was = *slot(s, i);

    *slot(s, i) = *slot(s, k);
    *slot(s, k) = was;
}

/* Lets the entry at `root` sink to where no child comes behind it. */
static void sift(const struct symbols *s, u32 root, u32 count)
{
    for (u32 child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count &&
            before(s, *slot(s, child), *slot(s, child + 1)))
            child++;
        if (!before(s, *slot(s, root), *slot(s, child)))
            return;
        swap(s, root, child);
    }
}

static void sort(const struct symbols *s)
{
    for (u32 i = s->count / 2; i-- > 0;)
        sift(s, i, s->count);
    for (u32 end = s->count; end-- > 1;) {
        swap(s, 0, end);
        sift(s, 0, end);
    }
}

static bool room(struct vm *vm)
{
    struct symbols *s = &vm->symbols;
    struct frames *frames = &vm->hv->frames;
    u32 page = s->count / PAGE_NUMBERS;
    mfn_t m;

    if (page == SYMBOL_PAGES)
        return false;
    if (s->page[page])
        return true;
    if (frames->nfree <= SPARE_FRAMES ||
        !frame_alloc(frames, FRAME_NAMES, (u8)vm->slot, &m))
        return false;
    s->page[page] = frame_ptr(frames, m);
    return true;
}

static void collect(struct vm *vm, u32 entries)
{
    struct symbols *s = &vm->symbols;

    for (u32 i = 0; i < min_u32(entries, EXAMINED); i++) {
        struct entry e = entry_at(s, i);
        if (!is_good(s, &e))
            continue;
        if (!room(vm))
            return;
        *slot(s, s->count++) = i;
    }
}

/* The first symbol table with a string table, both within the file; 0: there
 * is none. Section 0 is never one. */
static u32 find_table(const struct image *image, const u8 *table, u32 count)
{
    for (u32 i = 1; i < count; i++) {
        struct section sym = section_at(table, i), str;
        if (sym.type != SHT_SYMTAB || !inside(image, &sym) || !sym.link ||
            sym.link >= count)
            continue;
        str = section_at(table, sym.link);
        if (str.type == SHT_STRTAB && inside(image, &str))
            return i;
    }
    return 0;
}

static bool find_sections(const struct image *image, u32 *offset, u32 *count)
{
    static const u8 ident[] = {0x7f, 'E', 'L', 'F', 1, 1};
    const u8 *e = image->at;

    if (image->size < EHDR_SIZE || memcmp(e, ident, sizeof(ident)))
        return false;
    *offset = get_le32(e + EHDR_SHOFF);
    *count = get_le16(e + EHDR_SHNUM);
    return get_le16(e + EHDR_SHSIZE) == SHDR_SIZE &&
           (u64)*offset + (u64)*count * SHDR_SIZE <= image->size;
}

void symbols_init(struct vm *vm)
{
    struct hv *hv = vm->hv;
    struct image image = {hv->module_data(hv, vm->module),
                          hv->boot->module[vm->module].size};
    struct symbols *s = &vm->symbols;
    struct section sym, str;
    u32 offset, count, table;

    *s = (struct symbols){0};
    if (!find_sections(&image, &offset, &count))
        return;
    table = find_table(&image, image.at + offset, count);
    if (!table)
        return;
    sym = section_at(image.at + offset, table);
    str = section_at(image.at + offset, sym.link);
    s->sections = image.at + offset;
    s->section_count = count;
    s->entries = image.at + sym.offset;
    s->names = image.at + str.offset;
    s->names_size = str.size;
    collect(vm, sym.size / SYM_SIZE);
    sort(s);
}

u32 symbols_frames(const struct vm *vm)
{
    return (vm->symbols.count + PAGE_NUMBERS - 1) / PAGE_NUMBERS;
}

void symbols_destroy(struct vm *vm)
{
    struct frames *frames = &vm->hv->frames;
    struct symbols *s = &vm->symbols;

    for (u32 i = 0; i < SYMBOL_PAGES && s->page[i]; i++) {
        size_t at = (size_t)((const u8 *)s->page[i] - frames->base);
        frame_free(frames, mfn((u32)(at >> PAGE_SHIFT)));
    }
    *s = (struct symbols){0};
}

/* How many are at or below the address. */
static u32 count_upto(const struct symbols *s, u32 at)
{
    u32 low = 0, high = s->count;

    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (sorted(s, middle).value <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where one without a size ends: at the next that is above it, or with its
 * section. */
static u32 label_end(const struct symbols *s, const struct entry *e)
{
    u32 next = count_upto(s, e->value), end = section_end(s, e);

    return next < s->count ? min_u32(end, sorted(s, next).value) : end;
}

static struct symbol symbol_of(const struct symbols *s, u32 i)
{
    struct entry e = sorted(s, i);
    u32 size = e.size ? e.size : label_end(s, &e) - e.value;

    return (struct symbol){name_of(s, &e), e.value, size, i};
}

/* The best name of those that begin where this one does. */
static u32 first_alike(const struct symbols *s, u32 i)
{
    u32 value = sorted(s, i).value;

    return value ? count_upto(s, value - 1) : 0;
}

bool symbols_find(const struct vm *vm, u32 at, struct symbol *out)
{
    const struct symbols *s = &vm->symbols;
    u32 upto = count_upto(s, at), i = upto;

    for (u32 tries = 0; tries < AROUND && i; tries++) {
        struct entry e;
        i = first_alike(s, i - 1);
        e = sorted(s, i);
        if (at - e.value >= e.size)
            continue;
        *out = symbol_of(s, i);
        return true;
    }
    if (!upto)
        return false;
    *out = symbol_of(s, first_alike(s, upto - 1));
    return at - out->at < out->size;
}

bool symbols_at(const struct vm *vm, u32 number, struct symbol *out)
{
    if (number >= vm->symbols.count)
        return false;
    *out = symbol_of(&vm->symbols, number);
    return true;
}

static bool same(struct slice a, struct slice b)
{
    return a.len == b.len && !memcmp(a.at, b.at, a.len);
}

bool symbols_value(const struct vm *vm, struct slice name, u32 *at)
{
    const struct symbols *s = &vm->symbols;
    bool found = false;

    for (u32 i = 0; i < s->count; i++) {
        struct entry e = sorted(s, i);
        if ((found && e.bind == STB_LOCAL) || !same(name_of(s, &e), name))
            continue;
        *at = e.value;
        if (e.bind != STB_LOCAL)
            return true;
        found = true;
    }
    return found;
}

size_t symbols_print(const struct vm *vm, u32 at, char *out, size_t size)
{
    struct symbol symbol;

    if (!symbols_find(vm, at, &symbol))
        return fmt_buf(out, size, "0x%08x", at);
    if (at == symbol.at)
        return fmt_buf(out, size, "%.*s", (int)symbol.name.len, symbol.name.at);
    return fmt_buf(out, size, "%.*s+0x%x", (int)symbol.name.len, symbol.name.at,
                   at - symbol.at);
}

/* $eip and the others. */
static bool register_value(const struct vm *vm, struct slice name, u32 *out)
{
    const struct cpu *cpu = &vm->cpu;
    const struct {
        const char *name;
        u32 value;
    } registers[] = {
        {"$eax", cpu->gpr[EAX]},   {"$ecx", cpu->gpr[ECX]},
        {"$edx", cpu->gpr[EDX]},   {"$ebx", cpu->gpr[EBX]},
        {"$esp", cpu->gpr[ESP]},   {"$ebp", cpu->gpr[EBP]},
        {"$esi", cpu->gpr[ESI]},   {"$edi", cpu->gpr[EDI]},
        {"$eip", cpu->eip},        {"$pc", cpu->eip},
        {"$sp", cpu->gpr[ESP]},    {"$fp", cpu->gpr[EBP]},
        {"$cr0", cpu->cr0},        {"$cr2", cpu->cr2},
        {"$cr3", cpu->cr3},        {"$cr4", cpu->cr4},
        {"$gdtr", cpu->gdtr.base}, {"$idtr", cpu->idtr.base},
    };

    for (u32 i = 0; i < ARRAY_LEN(registers); i++) {
        if (!slice_eq(name, registers[i].name))
            continue;
        *out = registers[i].value;
        return true;
    }
    return false;
}

static bool all_hex(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i] | 32;
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return s.len > 0;
}

/* An address that cannot be taken. */
static void explain(const struct vm *vm, struct slice base, char *error,
                    size_t size)
{
    int len = (int)min_u64(base.len, SYMBOL_NAME);
    const char *name = vm->config.name;

    if (base.len && base.at[0] == '$')
        fmt_buf(error, size,
                "\"%.*s\" is no register; there are $eax, $ecx, $edx, $ebx, "
                "$esp, $ebp, $esi, $edi, $eip, $cr0, $cr2, $cr3, $cr4, $gdtr "
                "and $idtr",
                len, base.at);
    else if (all_hex(base))
        fmt_buf(error, size,
                "\"%.*s\" is no address; a hexadecimal number begins with 0x",
                len, base.at);
    else if (!vm->symbols.count)
        fmt_buf(error, size,
                "\"%.*s\" is no address, and the image of %s has no symbols; "
                "give a number such as 0xc0100000",
                len, base.at, name);
    else
        fmt_buf(error, size,
                "\"%.*s\" is neither a number nor one of the %u symbols of %s",
                len, base.at, vm->symbols.count, name);
}

static bool number_of(struct slice word, u32 *out)
{
    u64 value;

    if (!slice_number(word, &value) || value > UINT32_MAX)
        return false;
    *out = (u32)value;
    return true;
}

bool symbols_parse(const struct vm *vm, struct slice word, u32 *at, char *error,
                   size_t size)
{
    struct slice base = word, rest;
    u32 value, offset = 0;
    size_t len = 0;

    while (len < word.len && word.at[len] != '+' && word.at[len] != '-')
        len++;
    base.len = len;
    if (!number_of(base, &value) && !register_value(vm, base, &value) &&
        !symbols_value(vm, base, &value)) {
        explain(vm, base, error, size);
        return false;
    }
    rest = (struct slice){word.at + len + 1, word.len - len - 1};
    if (len < word.len && !number_of(rest, &offset)) {
        fmt_buf(error, size,
                "behind \"%.*s\" a number is wanted, such as %.*s0x10",
                (int)min_u64(len + 1, SYMBOL_NAME), word.at,
                (int)min_u64(len + 1, SYMBOL_NAME), word.at);
        return false;
    }
    *at =
        len < word.len && word.at[len] == '-' ? value - offset : value + offset;
    return true;
}
