/* SPDX-License-Identifier: MIT
 *
 * Descriptors changed under the feet of the segment registers that hold them.
 *
 * A register keeps what it was loaded with, whatever becomes of the table:
 * the processor has a copy. A VMM that loads the registers anew at each entry
 * must not look into the changed table for it, or the guest runs with a
 * segment it never loaded. The entries of CS, SS, DS, ES, FS and GS become
 * gates, 64-bit code, segments of ring 3, segments elsewhere and nothing at
 * all, by a write and by LGDT of another table; then the guest traps a few
 * times and uses its registers as if nothing had been.
 *
 * SDM vol. 3A 3.4.3.
 */
#include "tests/attack/lib/leap.h"
#include "tests/attack/lib/tempt.h"

ATTACK("It changes descriptors while its segment registers hold them, and "
       "goes on with what it had.");

#define DATA  (ATTR_P | ATTR_S | ATTR_WRITABLE)
#define CODE  (ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE)
#define PROBE 0x600d600d
#define BASED ((u64)0x1000 << 16) /* at 4096 */

static const u64 other[] = {
    0,
    FLAT(DATA) | BASED,
    FLAT(CODE) | BASED,
    FLAT(DATA | ATTR_RING3) | BASED,
    FLAT(CODE | ATTR_RING3),
    FLAT(CODE | ATTR_CONFORM),
    FLAT(CODE) | LONG_MODE,
    FLAT16(CODE) | LONG_MODE,
    FLAT16(DATA),
    FLAT16(CODE) | BASED,
    FLAT(ATTR_P | ATTR_S),
    FLAT(DATA) & ~0xf0000000ffffull,
    FLAT(DATA | ATTR_DOWN),
    FLAT(DATA & ~ATTR_P),
    FLAT(CODE & ~ATTR_P),
    GATE(SYS_CALL32, 3),
    GATE(SYS_TSS32_FREE, 0),
    GATE(SYS_LDT, 0),
};

static u64 second[GDT_SIZE];
static struct table_pointer to_second = {sizeof(second) - 1, (u32)second};
static struct table_pointer to_first = {sizeof(gdt) - 1, (u32)gdt};

/* Exits of several kinds; none of them loads a segment register. */
#define TRAPS                                                                  \
    "movl %%cr0, %%eax\n\tcli\n\tmovl %%dr6, %%eax\n\tinvlpg (%%ebx)\n\t"
/* A word pushed through SS, fetched through DS: in ECX. */
#define USE                                                                    \
    TRAPS "movl %%esp, %%edi\n\tpushl %2\n\t" TRAPS                            \
          "movl -4(%%edi), %%ecx\n\t" TRAPS "popl %%eax\n\t"

/* In ring 0: the descriptor becomes `to`, is used, and is what it was. */
static void write_under(u32 sel, u64 to)
{
    u64 was = *(u64 *)gdt[sel >> 3];
    struct {
        u64 *at;
        u32 to[2], was[2];
    } job = {(u64 *)gdt[sel >> 3],
             {(u32)to, (u32)(to >> 32)},
             {(u32)was, (u32)(was >> 32)}};

    LEAP("movl (%0), %%ebx\n\t"
         "movl 4(%0), %%eax\n\tmovl %%eax, (%%ebx)\n\t"
         "movl 8(%0), %%eax\n\tmovl %%eax, 4(%%ebx)\n\t" USE
         "movl (%0), %%ebx\n\t"
         "movl 12(%0), %%eax\n\tmovl %%eax, (%%ebx)\n\t"
         "movl 16(%0), %%eax\n\tmovl %%eax, 4(%%ebx)\n\t",
         "S"(&job), "i"(0), "i"(PROBE));
}

static void load_under(void)
{
    LEAP("lgdt (%0)\n\t" USE "lgdt (%1)\n\t", "S"(&to_second), "d"(&to_first),
         "i"(PROBE));
}

static void judge(u32 sel, u64 to)
{
    leaped(true);
    if (leap.f.vector != VECTOR_LANDED)
        broken("a changed descriptor raised a trap", sel, leap.f.vector);
    if (leap.f.ecx != PROBE)
        broken("SS or DS became another segment by itself", (u32)(to >> 32),
               leap.f.ecx);
}

static void change(u32 sel, u64 to)
{
    write_under(sel, to);
    judge(sel, to);
    for (u32 i = 0; i < GDT_SIZE; i++)
        second[i] = *(u64 *)gdt[i];
    second[sel >> 3] = to;
    load_under();
    judge(sel, to);
}

void attack(void)
{
    leap_init();
    for (u32 i = 0; i < ARRAY_LEN(other); i++) {
        change(KDATA, other[i]);
        change(KCODE, other[i]);
    }
    world_check();
}
