/* SPDX-License-Identifier: MIT
 *
 * Names from an image's symbol table: which symbol holds an address, which
 * name is the best of several, addresses as people write them; and tables
 * that are broken in every field, cut at every byte, or made to hurt.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"

#define EHDR    sizeof(struct fake_image)
#define SHDRS   (EHDR + 0)
#define SHNUM   4 /* null, text, symtab, strtab */
#define SYMS    (SHDRS + SHNUM * 40)
#define MANY    40000u
#define TEXT    0xc0100000u
#define TEXTLEN 0x100000u

#define NOTYPE 0
#define OBJECT 1
#define FUNC   2
#define GLOBAL 0x10

static struct vm *vm;
static u8 image[SYMS + MANY * 16 + 0x100000];
static u32 image_size, symbols, names;
static char error[300];

static u8 *shdr(u32 i)
{
    return image + SHDRS + i * 40;
}

/* The smallest kernel, with room for a symbol table. */
static void begin(void)
{
    memset(image, 0, sizeof(image));
    vm = fake_vm(0x200000, SHADOW_CACHED);
    memcpy(image, &fake_image, sizeof(fake_image));
    put32(image + 32, SHDRS);
    put32(image + 44, 1 | 40 << 16);
    put32(image + 48, SHNUM);
    put32(shdr(1) + 4, 1);
    put32(shdr(1) + 8, 2);
    put32(shdr(1) + 12, TEXT);
    put32(shdr(1) + 20, TEXTLEN);
    put32(shdr(2) + 4, 2);
    put32(shdr(2) + 16, SYMS);
    put32(shdr(2) + 24, 3);
    put32(shdr(3) + 4, 3);
    symbols = 1;
    names = 1;
}

static u8 *strings(void)
{
    return image + SYMS + MANY * 16;
}

static void add(const char *name, u32 value, u32 size, u32 info)
{
    u8 *at = image + SYMS + symbols++ * 16;

    put32(at, names);
    put32(at + 4, value);
    put32(at + 8, size);
    put32(at + 12, info | 1 << 16);
    strcpy((char *)strings() + names, name);
    names += (u32)strlen(name) + 1;
}

/* The tables get their sizes, and the VM its names. */
static void seal(void)
{
    put32(shdr(2) + 20, symbols * 16);
    put32(shdr(3) + 16, SYMS + MANY * 16);
    put32(shdr(3) + 20, names);
    image_size = SYMS + MANY * 16 + names;
}

static void names_again(void)
{
    fake_other_image = image;
    fake_boot.module[0].size = image_size;
    symbols_destroy(vm);
    symbols_init(vm);
    fake_other_image = NULL;
}

static void end(void)
{
    seal();
    names_again();
}

static const char *at(u32 address)
{
    static char text[200];

    EXPECT_EQ(symbols_print(vm, address, text, sizeof(text)), strlen(text));
    return text;
}

static void a_kernel(void)
{
    begin();
    add("switch_to", TEXT + 0x100, 0x40, FUNC | GLOBAL);
    add("helper", TEXT + 0x140, 0x20, FUNC);
    add("isr_stub", TEXT + 0x200, 0, NOTYPE);
    add("current", TEXT + 0x300, 4, OBJECT | GLOBAL);
    add("start", TEXT, 0, NOTYPE | GLOBAL);
    add("edata", TEXT + TEXTLEN, 0, NOTYPE | GLOBAL);
    end();
}

static void addresses_get_names(void)
{
    a_kernel();
    EXPECT_EQ(vm->symbols.count, 6);
    EXPECT_STR(at(TEXT + 0x100), "switch_to");
    EXPECT_STR(at(TEXT + 0x11c), "switch_to+0x1c");
    EXPECT_STR(at(TEXT + 0x13f), "switch_to+0x3f");
    EXPECT_STR(at(TEXT + 0x140), "helper");
    EXPECT_STR(at(TEXT + 0x160), "0xc0100160"); /* behind it */
    EXPECT_STR(at(TEXT + 0x2ff), "isr_stub+0xff");
    EXPECT_STR(at(TEXT + 0x303), "current+0x3");
    EXPECT_STR(at(TEXT + 0x304), "0xc0100304");
    EXPECT_STR(at(TEXT + 0xff), "start+0xff");
    EXPECT_STR(at(TEXT - 1), "0xc00fffff");
    EXPECT_STR(at(TEXT + TEXTLEN), "0xc0200000");
    EXPECT_STR(at(0), "0x00000000");
    EXPECT_STR(at(~0u), "0xffffffff");
}

static void a_name_is_cut_to_the_room(void)
{
    char text[8] = "xxxxxxx";

    a_kernel();
    EXPECT_EQ(symbols_print(vm, TEXT + 0x11c, text, sizeof(text)), 14);
    EXPECT_STR(text, "switch_");
}

static void numbers_count_by_address(void)
{
    struct symbol symbol;

    a_kernel();
    EXPECT(symbols_find(vm, TEXT + 0x210, &symbol));
    EXPECT_EQ(symbol.number, 3);
    EXPECT_EQ(symbol.at, TEXT + 0x200);
    EXPECT_EQ(symbol.size, 0x100);
    EXPECT(symbols_at(vm, 1, &symbol));
    EXPECT(slice_eq(symbol.name, "switch_to"));
    EXPECT(!symbols_at(vm, 6, &symbol));
}

static void names_get_addresses(void)
{
    u32 value = 0;

    a_kernel();
    EXPECT(symbols_value(vm, slice_of("current"), &value));
    EXPECT_EQ(value, TEXT + 0x300);
    EXPECT(symbols_value(vm, slice_of("edata"), &value));
    EXPECT_EQ(value, TEXT + TEXTLEN);
    EXPECT(!symbols_value(vm, slice_of("curren"), &value));
    EXPECT(!symbols_value(vm, slice_of(""), &value));
}

static void a_global_name_wins(void)
{
    u32 value;

    begin();
    add("twice", TEXT + 0x10, 4, FUNC);
    add("twice", TEXT + 0x20, 4, FUNC | GLOBAL);
    add("twice", TEXT + 0x30, 4, FUNC);
    add("local", TEXT + 0x50, 4, FUNC);
    add("local", TEXT + 0x40, 4, FUNC);
    end();
    EXPECT(symbols_value(vm, slice_of("twice"), &value));
    EXPECT_EQ(value, TEXT + 0x20);
    EXPECT(symbols_value(vm, slice_of("local"), &value));
    EXPECT_EQ(value, TEXT + 0x40);
}

static void the_best_of_several_names(void)
{
    begin();
    add("label", TEXT + 0x10, 0, NOTYPE | GLOBAL);
    add("object", TEXT + 0x10, 8, OBJECT | GLOBAL);
    add("local_func", TEXT + 0x10, 8, FUNC);
    add("func", TEXT + 0x10, 8, FUNC | GLOBAL);
    add("alias", TEXT + 0x10, 8, FUNC | GLOBAL);
    add("sizeless", TEXT + 0x10, 0, FUNC | GLOBAL);
    end();
    EXPECT_STR(at(TEXT + 0x10), "func");
    EXPECT_STR(at(TEXT + 0x17), "func+0x7");
    EXPECT_STR(at(TEXT + 0x18), "0xc0100018");
}

/* A label in the middle does not hide the function, and a short thing within
 * a long one gives back what is behind it. */
static void things_within_things(void)
{
    begin();
    add("outer", TEXT + 0x100, 0x100, FUNC | GLOBAL);
    add("loop", TEXT + 0x110, 0, NOTYPE);
    add("inner", TEXT + 0x120, 0x10, FUNC);
    end();
    EXPECT_STR(at(TEXT + 0x118), "outer+0x18");
    EXPECT_STR(at(TEXT + 0x128), "inner+0x8");
    EXPECT_STR(at(TEXT + 0x130), "outer+0x30");
}

static void too_many_things_within(void)
{
    char name[20];

    begin();
    add("outer", TEXT + 0x100, 0x100, FUNC | GLOBAL);
    for (u32 i = 0; i < 9; i++) {
        snprintf(name, sizeof(name), "label%u", i);
        add(name, TEXT + 0x110 + i, 0, NOTYPE);
    }
    end();
    EXPECT_STR(at(TEXT + 0x116), "outer+0x16");
    EXPECT_STR(at(TEXT + 0x119), "label8+0x1");
}

static void what_is_no_name(void)
{
    char longest[SYMBOL_NAME + 2];

    begin();
    add("", TEXT + 1, 1, FUNC);
    add("\033[2J", TEXT + 2, 1, FUNC);
    add("with blank", TEXT + 3, 1, FUNC);
    add("\xc3\xa4", TEXT + 4, 1, FUNC);
    memset(longest, 'a', sizeof(longest));
    longest[SYMBOL_NAME + 1] = 0;
    add(longest, TEXT + 5, 1, FUNC);
    add(longest + 1, TEXT + 6, 1, FUNC);
    add("file", TEXT + 7, 1, 4);
    add("section", TEXT + 8, 1, 3);
    add("below", TEXT - 1, 1, FUNC);
    add("above", TEXT + TEXTLEN + 1, 1, FUNC);
    end();
    EXPECT_EQ(vm->symbols.count, 1);
    EXPECT_STR(at(TEXT + 6), longest + 1);
}

/* In no section, an absolute one, one that there is not, one not loaded. */
static void symbols_of_no_memory(void)
{
    static const u16 section[] = {0, 0xfff1, SHNUM, 2};

    for (size_t i = 0; i < ARRAY_LEN(section); i++) {
        begin();
        add("nowhere", TEXT, 4, FUNC | GLOBAL);
        memcpy(image + SYMS + 16 + 14, &section[i], 2);
        end();
        EXPECT_EQ(vm->symbols.count, 0);
    }
}

/* At the top of the address space nothing wraps. */
static void the_top_of_memory(void)
{
    begin();
    put32(shdr(1) + 12, 0xfffff000);
    put32(shdr(1) + 20, 0xffffffff);
    add("low", 0xfffff000, 0xffffffff, FUNC);
    add("top", 0xfffffff0, 0, NOTYPE);
    end();
    EXPECT_STR(at(0xfffffff8), "low+0xff8");
    EXPECT_STR(at(0x10), "0x00000010");
}

static void no_table_no_names(void)
{
    struct symbol symbol;

    vm = fake_vm(0x200000, SHADOW_CACHED);
    EXPECT_EQ(vm->symbols.count, 0);
    EXPECT(!symbols_find(vm, 0x100020, &symbol));
    EXPECT_STR(at(0x100020), "0x00100020");
}

/* Each field of the headers with what does not fit: there are no names, and
 * nothing is read that is not there (the sanitiser looks). */
static void broken_headers(void)
{
    static const u32 where[] = {0,           32,          44,
                                SHDRS + 84,  SHDRS + 96,  SHDRS + 100,
                                SHDRS + 104, SHDRS + 104, SHDRS + 104,
                                SHDRS + 124, SHDRS + 136, SHDRS + 140};
    static const u32 what[] = {0, 0xfffffff0, 1, 9, 0xfffffff0, 0xfffffff0,
                               0, SHNUM,      2, 1, 0xfffffff0, 0xfffffff0};

    STATIC_ASSERT(ARRAY_LEN(where) == ARRAY_LEN(what));
    for (size_t i = 0; i < ARRAY_LEN(where); i++) {
        a_kernel();
        put32(image + where[i], what[i]);
        names_again();
        EXPECT_EQ(vm->symbols.count, 0);
    }
}

/* The file ends at any byte of its tables. */
static void cut_files(void)
{
    u8 *exact;
    u32 full;

    a_kernel();
    full = image_size;
    for (u32 size = 0; size <= SYMS + 7 * 16; size++) {
        exact = malloc(size + 1);
        memcpy(exact, image, size);
        fake_other_image = exact;
        fake_boot.module[0].size = size;
        symbols_destroy(vm);
        symbols_init(vm);
        EXPECT_EQ(vm->symbols.count, 0);
        fake_other_image = NULL;
        free(exact);
    }
    image_size = full - 1;
    names_again();
    EXPECT_EQ(vm->symbols.count, 0);
}

/* Strings that go on to the end of their table, or begin behind it. */
static void strings_without_an_end(void)
{
    a_kernel();
    put32(shdr(3) + 20, names - 1); /* the last one loses its zero */
    names_again();
    EXPECT_EQ(vm->symbols.count, 5);
    put32(shdr(3) + 20, 1);
    names_again();
    EXPECT_EQ(vm->symbols.count, 0);
}

/* More symbols than there is room for, in an order that hurts; all at one
 * address. */
static void a_great_many(void)
{
    u32 free_frames, room = SYMBOL_PAGES * 1024;

    begin();
    for (u32 i = 0; i < MANY - 1; i++)
        add("name", TEXT + (i * 7919 % MANY) * 8, 8, FUNC);
    free_frames = fake_hv.frames.nfree;
    end();
    EXPECT_EQ(vm->symbols.count, room);
    EXPECT_EQ(symbols_frames(vm), SYMBOL_PAGES);
    EXPECT_EQ(fake_hv.frames.nfree, free_frames - SYMBOL_PAGES);
    EXPECT_EQ(frames_owned(&fake_hv.frames, 0, FRAME_NAMES), SYMBOL_PAGES);
    for (u32 i = 1; i < room; i++) {
        struct symbol a, b;
        if (!symbols_at(vm, i - 1, &a) || !symbols_at(vm, i, &b) ||
            a.at >= b.at)
            EXPECT(!"sorted");
    }
    for (u32 i = 1; i < MANY; i++)
        put32(image + SYMS + i * 16 + 4, TEXT);
    names_again();
    EXPECT_STR(at(TEXT + 7), "name+0x7");
    vm_destroy(vm);
    EXPECT_EQ(frames_owned(&fake_hv.frames, 0, FRAME_NAMES), 0);
}

/* Where memory is short, there are no names, and the guest has it. */
static void no_memory_no_names(void)
{
    mfn_t m;

    a_kernel();
    symbols_destroy(vm);
    while (fake_hv.frames.nfree > 256)
        EXPECT(frame_alloc(&fake_hv.frames, FRAME_VMM, FRAME_NO_OWNER, &m));
    names_again();
    EXPECT_EQ(vm->symbols.count, 0);
    EXPECT_EQ(symbols_frames(vm), 0);
    EXPECT_STR(at(TEXT), "0xc0100000");
}

/* A reset keeps them; they are made from the image, which stays. */
static void names_outlive_a_reset(void)
{
    a_kernel();
    EXPECT(vm_reset(vm, error, sizeof(error)));
    EXPECT_STR(at(TEXT + 0x11c), "switch_to+0x1c");
}

static u32 parsed(const char *word)
{
    u32 value = 0xdead;

    error[0] = 0;
    if (!symbols_parse(vm, slice_of(word), &value, error, sizeof(error)))
        printf("%s: %s\n", word, error);
    EXPECT_STR(error, "");
    return value;
}

static void addresses_as_people_write_them(void)
{
    a_kernel();
    vm->cpu.eip = 0x1234;
    vm->cpu.cr3 = 0x5000;
    vm->cpu.gpr[EDI] = 7;
    EXPECT_EQ(parsed("0xc0100000"), 0xc0100000);
    EXPECT_EQ(parsed("4096"), 4096);
    EXPECT_EQ(parsed("switch_to"), TEXT + 0x100);
    EXPECT_EQ(parsed("switch_to+0x1c"), TEXT + 0x11c);
    EXPECT_EQ(parsed("switch_to-256"), TEXT);
    EXPECT_EQ(parsed("$eip"), 0x1234);
    EXPECT_EQ(parsed("$pc+4"), 0x1238);
    EXPECT_EQ(parsed("$cr3"), 0x5000);
    EXPECT_EQ(parsed("$edi"), 7);
    EXPECT_EQ(parsed("0xffffffff+1"), 0);
}

static const char *refused(const char *word)
{
    u32 value = 0xdead;

    error[0] = 0;
    EXPECT(!symbols_parse(vm, slice_of(word), &value, error, sizeof(error)));
    EXPECT_EQ(value, 0xdead);
    return error;
}

static void wrong_addresses_get_a_sentence(void)
{
    a_kernel();
    EXPECT_STR(refused("swtich_to"),
               "\"swtich_to\" is neither a number nor one of the 6 symbols of "
               "fake");
    EXPECT_STR(refused("c0100000"),
               "\"c0100000\" is no address; a hexadecimal number begins with "
               "0x");
    EXPECT(strstr(refused("$rip"), "\"$rip\" is no register; there are $eax"));
    EXPECT_STR(refused("switch_to+"),
               "behind \"switch_to+\" a number is wanted, such as "
               "switch_to+0x10");
    EXPECT(strstr(refused("switch_to+x"), "a number is wanted"));
    EXPECT(strstr(refused("0x100000000"), "neither a number"));
    EXPECT(strstr(refused("+4"), "neither a number"));
    EXPECT(strstr(refused(""), "neither a number"));
    vm = fake_vm(0x200000, SHADOW_CACHED);
    EXPECT_STR(refused("main"),
               "\"main\" is no address, and the image of fake has no symbols; "
               "give a number such as 0xc0100000");
}

static const struct unit_case cases[] = {
    CASE(addresses_get_names),
    CASE(a_name_is_cut_to_the_room),
    CASE(numbers_count_by_address),
    CASE(names_get_addresses),
    CASE(a_global_name_wins),
    CASE(the_best_of_several_names),
    CASE(things_within_things),
    CASE(too_many_things_within),
    CASE(what_is_no_name),
    CASE(symbols_of_no_memory),
    CASE(the_top_of_memory),
    CASE(no_table_no_names),
    CASE(broken_headers),
    CASE(cut_files),
    CASE(strings_without_an_end),
    CASE(a_great_many),
    CASE(no_memory_no_names),
    CASE(names_outlive_a_reset),
    CASE(addresses_as_people_write_them),
    CASE(wrong_addresses_get_a_sentence),
};
UNIT_MAIN(cases)
