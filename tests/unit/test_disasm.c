/* SPDX-License-Identifier: MIT
 *
 * Bytes to text: one line for each operand kind, and buffers too short.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/cpu/decode.h"

struct line {
    const char *text;
    u8 bytes[INSN_MAX];
};

static const struct line lines[] = {
    {"add dword ptr [eax], ecx", {0x01, 0x08}},
    {"lock add dword ptr fs:[eax+ecx*4-0x10], 0x1",
     {0x64, 0xf0, 0x83, 0x44, 0x88, 0xf0, 0x01}},
    {"mov al, byte ptr [ebp+0x8]", {0x8a, 0x45, 0x08}},
    {"mov ax, word ptr [bx+si]", {0x66, 0x67, 0x8b, 0x00}},
    {"mov eax, [0x12345678]", {0xa1, 0x78, 0x56, 0x34, 0x12}},
    {"mov dword ptr [0x12345678], 0x5",
     {0xc7, 0x05, 0x78, 0x56, 0x34, 0x12, 5, 0, 0, 0}},
    {"mov dword ptr [0x0], 0x5", {0xc7, 0x05, 0, 0, 0, 0, 5, 0, 0, 0}},
    {"inc dword ptr [ebx]", {0xff, 0x43, 0x00}},
    {"cmp ecx, 0xffffffff", {0x83, 0xf9, 0xff}},
    {"add ax, 0xffff", {0x66, 0x83, 0xc0, 0xff}},
    {"rep movsd", {0xf3, 0xa5}},
    {"repne scasb", {0xf2, 0xae}},
    {"rep gs outsw", {0xf3, 0x65, 0x66, 0x6f}},
    {"mov cr3, eax", {0x0f, 0x22, 0xd8}},
    {"mov edx, dr7", {0x0f, 0x21, 0xfa}},
    {"mov ss, bx", {0x8e, 0xd3}},
    {"mov word ptr [esp], ds", {0x8c, 0x1c, 0x24}},
    {"push fs", {0x0f, 0xa0}},
    {"in al, 0x60", {0xe4, 0x60}},
    {"out dx, eax", {0xef}},
    {"jmp far 0x8:0x100000", {0xea, 0, 0, 0x10, 0, 8, 0}},
    {"call far fword ptr [eax]", {0xff, 0x18}},
    {"jne 0x1000", {0x75, 0xfe}},
    {"call 0x1005", {0xe8, 0, 0, 0, 0}},
    {"jcxz 0x1003", {0x67, 0xe3, 0}},
    {"iretd", {0xcf}},
    {"iret", {0x66, 0xcf}},
    {"lgdt [0x1000]", {0x0f, 0x01, 0x15, 0, 0x10, 0, 0}},
    {"shl ebx, 1", {0xd1, 0xe3}},
    {"shld eax, ecx, cl", {0x0f, 0xa5, 0xc8}},
    {"movzx eax, byte ptr [esi]", {0x0f, 0xb6, 0x06}},
    {"enter 0x10, 0x1", {0xc8, 0x10, 0, 1}},
    {"cdq", {0x99}},
    {"int 0x80", {0xcd, 0x80}},
    {"smsw eax", {0x0f, 0x01, 0xe0}},
    {"pause", {0xf3, 0x90}},
    {"fadd st, st(3)", {0xd8, 0xc3}},
    {"fld tbyte ptr [eax]", {0xdb, 0x28}},
    {"fnstsw ax", {0xdf, 0xe0}},
    {"fnsave [esp]", {0xdd, 0x34, 0x24}},
    {"movq mm1, qword ptr [ecx]", {0x0f, 0x6f, 0x09}},
    {"movlps xmm1, qword ptr [ecx]", {0x0f, 0x12, 0x09}},
    {"movhlps xmm1, xmm2", {0x0f, 0x12, 0xca}},
    {"cvtsi2sd xmm1, edx", {0xf2, 0x0f, 0x2a, 0xca}},
    {"shufps xmm1, xmmword ptr [ecx], 0x1b", {0x0f, 0xc6, 0x09, 0x1b}},
    {"pinsrw mm1, word ptr [ecx], 0x3", {0x0f, 0xc4, 0x09, 3}},
    {"pinsrw mm1, ecx, 0x3", {0x0f, 0xc4, 0xc9, 3}},
    {"psrldq xmm1, 0x3", {0x66, 0x0f, 0x73, 0xd9, 3}},
    {"prefetchnta byte ptr [eax]", {0x0f, 0x18, 0x00}},
    {"les eax, fword ptr [ecx]", {0xc4, 0x01}},
    {"bound eax, qword ptr [ecx]", {0x62, 0x01}},
    {"cmpxchg8b qword ptr [ecx]", {0x0f, 0xc7, 0x09}},
    {"xchg esi, eax", {0x96}},
    {"salc", {0xd6}},
};

static void each_operand_kind_prints(void)
{
    for (u32 i = 0; i < ARRAY_LEN(lines); i++) {
        struct insn insn;
        char buf[80];
        size_t len;
        EXPECT_EQ(insn_decode(lines[i].bytes, INSN_MAX, true, &insn),
                  DECODE_OK);
        len = insn_print(&insn, 0x1000, buf, sizeof(buf));
        EXPECT_STR(buf, lines[i].text);
        EXPECT_EQ(len, strlen(lines[i].text));
    }
}

static void short_buffers_are_cut(void)
{
    struct insn insn;
    char buf[8] = "XXXXXXX";

    insn_decode(lines[0].bytes, INSN_MAX, true, &insn);
    EXPECT_EQ(insn_print(&insn, 0, buf, 4), strlen(lines[0].text));
    EXPECT_STR(buf, "add");
    EXPECT_EQ(buf[4], 'X');
    EXPECT_EQ(insn_print(&insn, 0, buf, 0), strlen(lines[0].text));
}

static void names_go_by_their_form(void)
{
    static const struct line names[] = {
        {"movsd", {0xa5}},
        {"movsw", {0x66, 0xa5}},
        {"jcxz", {0x67, 0xe3, 0}},
        {"jecxz", {0xe3, 0}},
        {"movhlps", {0x0f, 0x12, 0xc0}},
        {"movlhps", {0x0f, 0x16, 0xc0}},
        {"movhps", {0x0f, 0x16, 0x00}},
        {"nop", {0x90}},
        {"call far", {0xff, 0x18}},
    };

    for (u32 i = 0; i < ARRAY_LEN(names); i++) {
        struct insn insn;
        char buf[16];
        EXPECT_EQ(insn_decode(names[i].bytes, INSN_MAX, true, &insn),
                  DECODE_OK);
        EXPECT_EQ(insn_mnemonic(&insn, buf, sizeof(buf)),
                  strlen(names[i].text));
        EXPECT_STR(buf, names[i].text);
    }
}

static void no_row_has_a_name_too(void)
{
    EXPECT_STR(insn_name(OP_NONE), "(unknown)");
    EXPECT_STR(insn_name(OP_COUNT), "(unknown)");
}

/* Any bytes at all print something that fits. */
static void random_bytes_print(void)
{
    u32 seed = 1;

    for (u32 i = 0; i < 100000; i++) {
        struct insn insn;
        char buf[80];
        u8 bytes[INSN_MAX];
        for (u32 k = 0; k < INSN_MAX; k++) {
            seed = seed * 1664525 + 1013904223;
            bytes[k] = (u8)(seed >> 24);
        }
        if (insn_decode(bytes, INSN_MAX, i & 1, &insn) == DECODE_OK)
            EXPECT(insn_print(&insn, seed, buf, sizeof(buf)) < sizeof(buf));
    }
}

static const struct unit_case cases[] = {
    CASE(each_operand_kind_prints), CASE(short_buffers_are_cut),
    CASE(names_go_by_their_form),   CASE(no_row_has_a_name_too),
    CASE(random_bytes_print),
};
UNIT_MAIN(cases)
