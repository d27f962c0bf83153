/* SPDX-License-Identifier: MIT
 *
 * CTF packets are what the standard says, byte by byte; their metadata names
 * all that the catalogue has, in words that TSDL allows. (That other programs
 * read them is seen in tests/hosted/test_record.py.)
 *
 * LINKS: vmm/vm vmm/mm vmm/cpu vmm/base drivers/bus drivers/model
 */
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/vm/ctf.h"

#define HZ     1000000000u
#define HEAD   68
#define M_HEAD 37

static struct ctf ctf;
static char text[64 * 1024];

static u64 le(u32 at, u32 bytes)
{
    u64 value = 0;

    for (u32 i = bytes; i--;)
        value = value << 8 | ctf.packet[at + i];
    return value;
}

static void sum_is_right(u32 at)
{
    u8 copy[CTF_PACKET];

    memcpy(copy, ctf.packet, ctf.size);
    memset(copy + at, 0, 4);
    EXPECT_EQ(le(at, 4), ctf_adler(copy, ctf.size));
}

static void adler_is_the_one_of_zlib(void)
{
    static u8 many[20000];

    EXPECT_EQ(ctf_adler((const u8 *)"Wikipedia", 9), 0x11e60398);
    EXPECT_EQ(ctf_adler(many, 0), 1);
    memset(many, 0xff, sizeof(many));
    EXPECT_EQ(ctf_adler(many, sizeof(many)), 0x9f51d664);
}

static void a_packet_of_events(void)
{
    struct trace_record r = {.tsc = 0x123456789a,
                             .eip = 0xc0101f00,
                             .event = TRACE_CR_WRITE,
                             .vm = 2,
                             .cpl = 3,
                             .arg = {3, 0x00105000}};

    ctf_init(&ctf, HZ, 0, 0);
    ctf_begin(&ctf, 0x1234567800);
    EXPECT(ctf_record(&ctf, &r));
    ctf_end(&ctf, 1, 77);
    EXPECT_EQ(ctf.size, HEAD + 11 + 8);
    EXPECT_EQ(le(0, 4), CTF_MAGIC);
    EXPECT(!memcmp(ctf.packet + 4, ctf.uuid, CTF_UUID));
    EXPECT_EQ(le(24, 4), ctf.size * 8);
    EXPECT_EQ(le(28, 4), ctf.size * 8);
    EXPECT_EQ(le(32, 8), 0x1234567800);
    EXPECT_EQ(le(40, 8), 0x123456789a);
    EXPECT_EQ(le(48, 8), 77);
    EXPECT_EQ(le(56, 4), 0);
    EXPECT_EQ(le(60, 4), 1);
    sum_is_right(64);
    EXPECT_EQ(le(HEAD, 1), TRACE_CR_WRITE);
    EXPECT_EQ(le(HEAD + 1, 4), 0x3456789a);
    EXPECT_EQ(le(HEAD + 5, 1), 2);
    EXPECT_EQ(le(HEAD + 6, 1), 3);
    EXPECT_EQ(le(HEAD + 7, 4), 0xc0101f00);
    EXPECT_EQ(le(HEAD + 11, 4), 3);
    EXPECT_EQ(le(HEAD + 15, 4), 0x00105000);
    ctf_begin(&ctf, 0x1234567890);
    ctf_end(&ctf, 0, 77);
    EXPECT_EQ(le(56, 4), 1);
    EXPECT_EQ(ctf.size, HEAD);
}

/* Enumerations and vectors take a byte, ports two, 64 bits eight; text as many
 * as it has, and nothing in it that a reader could stumble on. */
static void fields_take_what_they_need(void)
{
    struct trace_record exit = {.event = TRACE_EXIT,
                                .arg = {EXIT_IO, 13, 0x18, 0x2000, 99}};
    struct trace_record port = {.event = TRACE_PORT_OUT,
                                .arg = {0x3f8, 1, 'x'}};
    struct trace_record msr = {.event = TRACE_RDMSR, .arg = {0x10, 1, 2}};
    struct trace_record line = {.event = TRACE_COMMAND};
    u32 at;

    ctf_init(&ctf, HZ, 0, 0);
    ctf_begin(&ctf, 0);
    at = ctf.size + 11;
    EXPECT(ctf_record(&ctf, &exit));
    EXPECT_EQ(le(at, 1), EXIT_IO);
    EXPECT_EQ(le(at + 1, 1), 13);
    EXPECT_EQ(le(at + 2, 4), 0x18);
    EXPECT_EQ(ctf.size, at + 14);
    at = ctf.size + 11;
    EXPECT(ctf_record(&ctf, &port));
    EXPECT_EQ(le(at, 2), 0x3f8);
    EXPECT_EQ(ctf.size, at + 10);
    at = ctf.size + 11;
    EXPECT(ctf_record(&ctf, &msr));
    EXPECT_EQ(le(at + 4, 8), 0x200000001);
    trace_text(&line, "a\x1b\x80 word");
    at = ctf.size + 11;
    EXPECT(ctf_record(&ctf, &line));
    EXPECT_STR((const char *)ctf.packet + at, "a?? word");
    EXPECT_EQ(ctf.size, at + 9);
    trace_text(&line, "0123456789012345678901234567890123456789");
    at = ctf.size + 11;
    EXPECT(ctf_record(&ctf, &line));
    EXPECT_STR((const char *)ctf.packet + at,
               "01234567890123456789012345678901");
}

static void vms_are_told(void)
{
    const struct vm *vm = fake_vm(2 << 20, SHADOW_CACHED);

    ctf_init(&ctf, HZ, 0, 0);
    ctf_begin(&ctf, 5);
    EXPECT(ctf_vm(&ctf, 3, vm->config.name, vm->config.mem));
    EXPECT_EQ(le(HEAD, 1), CTF_VM);
    EXPECT_EQ(le(HEAD + 5, 1), 4);
    EXPECT_STR((const char *)ctf.packet + HEAD + 11, "fake");
    EXPECT_EQ(le(HEAD + 16, 8), 2 << 20);
}

/* No packet is longer than its buffer, whatever events come. */
static void what_does_not_fit_is_refused(void)
{
    struct trace_record r = {0};
    u32 count = 0;

    memset(r.arg, 'x', sizeof(r.arg));
    ctf_init(&ctf, HZ, 0, 0);
    for (u32 i = 0; i < TRACE_EVENTS; i++) {
        r.event = (u8)i;
        ctf_begin(&ctf, 0);
        while (ctf_record(&ctf, &r))
            count++;
        EXPECT(ctf.size <= CTF_PACKET);
        EXPECT(ctf.size > CTF_PACKET - 64);
        while (ctf_vm(&ctf, 0, "0123456789abcde", 1))
            count++;
        EXPECT(ctf.size <= CTF_PACKET);
        ctf_end(&ctf, 0, 0);
    }
    EXPECT(count > 50 * TRACE_EVENTS);
}

/* 32 bits of a time are told; the rest is the packet's. */
static void a_long_silence_ends_a_packet(void)
{
    struct trace_record r = {.tsc = 7, .event = TRACE_CLI};

    ctf_init(&ctf, HZ, 0, 0);
    ctf_begin(&ctf, 7);
    r.tsc = 7 + (u64)UINT32_MAX;
    EXPECT(ctf_record(&ctf, &r));
    r.tsc += (u64)UINT32_MAX + 1;
    EXPECT(!ctf_record(&ctf, &r));
    ctf_begin(&ctf, r.tsc);
    EXPECT(ctf_record(&ctf, &r));
}

static void zero_of_the_clock(void)
{
    u8 first[CTF_UUID];

    ctf_init(&ctf, HZ, 1500000000, 100250000000);
    EXPECT_EQ(ctf.offset_s, 98);
    EXPECT_EQ(ctf.offset, 750000000);
    memcpy(first, ctf.uuid, CTF_UUID);
    ctf_init(&ctf, 2000000000, 3000000000, 100750000000);
    EXPECT_EQ(ctf.offset_s, 99);
    EXPECT_EQ(ctf.offset, 500000000);
    EXPECT(memcmp(first, ctf.uuid, CTF_UUID));
    EXPECT_EQ(ctf.uuid[6] >> 4, 8);
    EXPECT_EQ(ctf.uuid[8] >> 6, 2);
    ctf_init(&ctf, HZ, 1500000000, 0); /* nobody knows the date */
    EXPECT_EQ(ctf.offset_s, 0);
    EXPECT_EQ(ctf.offset, 0);
}

/* The whole text; how many packets it takes. */
static u32 read_metadata(void)
{
    u32 row = 0, packets = 0;
    size_t len = 0;

    for (; ctf_metadata(&ctf, &row); packets++) {
        EXPECT_EQ(le(0, 4), CTF_METADATA_MAGIC);
        EXPECT(!memcmp(ctf.packet + 4, ctf.uuid, CTF_UUID));
        sum_is_right(20);
        EXPECT_EQ(le(24, 4), ctf.size * 8);
        EXPECT_EQ(le(28, 4), ctf.size * 8);
        EXPECT_EQ(le(32, 2), 0);
        EXPECT_EQ(le(34, 3), 0x080101);
        EXPECT(ctf.size > M_HEAD && ctf.size <= CTF_PACKET);
        EXPECT(len + ctf.size < sizeof(text));
        memcpy(text + len, ctf.packet + M_HEAD, ctf.size - M_HEAD);
        len += ctf.size - M_HEAD;
        EXPECT_EQ(text[len - 1], '\n'); /* whole lines */
    }
    text[len] = 0;
    return packets;
}

static void has(const char *part)
{
    if (!strstr(text, part))
        printf("the metadata have no \"%s\"\n", part);
    EXPECT(strstr(text, part));
}

static void metadata_name_everything(void)
{
    char part[80];

    ctf_init(&ctf, HZ, 1500000000, 100250000000);
    EXPECT(read_metadata() > 1);
    EXPECT(!memcmp(text, "/* CTF 1.8 */\n", 14));
    has("freq = 1000000000; offset_s = 98; offset = 750000000;");
    for (u32 i = 0; i < TRACE_EVENTS; i++) {
        snprintf(part, sizeof(part), "event { name = \"%s\"; id = %u;",
                 trace_catalogue[i].name, i);
        has(part);
    }
    snprintf(part, sizeof(part), "event { name = \"vm\"; id = %u;", CTF_VM);
    has(part);
    for (u32 i = 0; i < TRACE_GROUPS; i++) {
        snprintf(part, sizeof(part), "group_%s = \"", trace_group_words[i]);
        has(part);
    }
    has("group_syscall = \"int,iret\";");
    has(" \"page-fill\" = 6,");
    has("{ string line; }");
    has("{ u8_t code[16]; u32_t length;");
    has("{ port_t port; u32_t size; x32_t value; }");
    EXPECT(!strstr(text, "%"));
}

/* Words of TSDL cannot be names of fields. */
static void fields_have_names_that_tsdl_allows(void)
{
    static const char *const taken[] = {
        "align",   "const",    "char",    "clock", "double",
        "enum",    "env",      "event",   "float", "floating_point",
        "int",     "integer",  "long",    "short", "signed",
        "stream",  "string",   "struct",  "trace", "typealias",
        "typedef", "unsigned", "variant", "void",  "callsite"};

    for (u32 i = 0; i < TRACE_EVENTS; i++) {
        const struct trace_field *f = trace_catalogue[i].field;
        for (; f->type; f++) {
            for (u32 k = 0; k < ARRAY_LEN(taken); k++)
                EXPECT(strcmp(f->name, taken[k]));
        }
    }
}

static const struct unit_case cases[] = {
    CASE(adler_is_the_one_of_zlib),
    CASE(a_packet_of_events),
    CASE(fields_take_what_they_need),
    CASE(vms_are_told),
    CASE(what_does_not_fit_is_refused),
    CASE(a_long_silence_ends_a_packet),
    CASE(zero_of_the_clock),
    CASE(metadata_name_everything),
    CASE(fields_have_names_that_tsdl_allows),
};

int main(void)
{
    return unit_main(cases, ARRAY_LEN(cases));
}
