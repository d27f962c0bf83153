/* SPDX-License-Identifier: MIT
 *
 * The guest's page walk: translations, every error code, WP, reserved bits,
 * tables outside RAM, accessed and dirty bits.
 * LINKS: vmm/mm vmm/base
 */
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/traps.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/mm/walk.h"

#define COUNT 64u
#define PD    1u
#define PT    2u
#define ROM   9u
#define AT    0x00c03123u /* directory entry 3, table entry 3 */
#define ALL   (PTE_P | PTE_W | PTE_U)
#define TO    0x7000u

static u8 arena[COUNT * PAGE_SIZE] __attribute__((aligned(4096)));
static struct frame info[COUNT];
static struct frames f;
static struct p2m p;
static struct paging mode;
static struct walk w;

static void put(u32 frame, u32 index, u32 value)
{
    put_le32(p2m_ptr(&p, gpa(frame * PAGE_SIZE + index * 4)), value);
}

static u32 get(u32 frame, u32 index)
{
    return get_le32(p2m_ptr(&p, gpa(frame * PAGE_SIZE + index * 4)));
}

static void begin(u32 pde, u32 pte)
{
    frames_init(&f, arena, info, COUNT);
    frames_add(&f, hpa(0), hpa(sizeof(arena)));
    EXPECT(p2m_init(&p, &f, 0));
    EXPECT(p2m_add_ram(&p, gfn(0), 10));
    put(ROM, 3, TO | ALL);
    p2m_make_rom(&p, gfn(ROM), 1);
    mode = (struct paging){PD * PAGE_SIZE, true, true, true};
    put(PD, 3, pde);
    put(PT, 3, pte);
}

static enum walk_status walk(u32 access)
{
    return walk_guest(&p, &mode, gva(AT), access, &w);
}

static void expect_fault(u32 access, u32 error)
{
    EXPECT_EQ(walk(access), WALK_FAULT);
    EXPECT_EQ(w.error, error);
}

static void paging_off_is_identity(void)
{
    begin(0, 0);
    mode.on = false;
    EXPECT_EQ(walk(PF_USER | PF_WRITE), WALK_OK);
    EXPECT_EQ(w.at.v, AT);
    EXPECT(w.user && w.write && w.dirty);
    EXPECT(!walk_mark(&p, &mode, &w, true));
    EXPECT_EQ(get(PD, 3), 0);
}

static void small_page(void)
{
    begin(PT << 12 | ALL, TO | ALL | PTE_G | PTE_D);
    mode.g_cr3 |= 0xfff; /* its low bits are not address */
    EXPECT_EQ(walk(PF_USER | PF_WRITE | PF_FETCH), WALK_OK);
    EXPECT_EQ(w.at.v, TO | 0x123);
    EXPECT_EQ(w.pde_at.v, PD * PAGE_SIZE + 12);
    EXPECT_EQ(w.pte_at.v, PT * PAGE_SIZE + 12);
    EXPECT(w.user && w.write && w.global && w.dirty && !w.large);
}

static void large_page(void)
{
    begin(0x00c00000 | ALL | PTE_PS, 0);
    EXPECT_EQ(walk(PF_USER | PF_WRITE), WALK_OK);
    EXPECT_EQ(w.at.v, 0x00c03123);
    EXPECT(w.large && !w.dirty && !w.global);
    EXPECT_EQ(w.g_pte, 0);
    mode.pse = false; /* now it is a table, at a hole: all ones */
    EXPECT_EQ(walk(PF_USER | PF_WRITE), WALK_OK);
    EXPECT_EQ(w.at.v, 0xfffff123);
}

static void absent_entries(void)
{
    begin(ALL & ~PTE_P, TO | ALL);
    expect_fault(0, 0);
    expect_fault(PF_USER | PF_WRITE | PF_FETCH, PF_USER | PF_WRITE);
    begin(PT << 12 | ALL, TO | (ALL & ~PTE_P));
    expect_fault(PF_WRITE, PF_WRITE);
    expect_fault(PF_USER, PF_USER);
}

/* Each combination of U and W at both levels, each access, WP on and off. */
static void rights_combine(void)
{
    for (u32 i = 0; i < 128; i++) {
        u32 pde = i << 1 & (PTE_W | PTE_U), pte = i >> 1 & (PTE_W | PTE_U);
        u32 both = pde & pte, access = i >> 3 & (PF_WRITE | PF_USER);
        bool wp = i >> 6 & 1, good = true;
        begin(PT << 12 | PTE_P | pde, TO | PTE_P | pte);
        mode.wp = wp;
        if ((access & PF_USER) && !(both & PTE_U))
            good = false;
        if ((access & PF_WRITE) && !(both & PTE_W) &&
            (wp || (access & PF_USER)))
            good = false;
        if (good)
            EXPECT_EQ(walk(access), WALK_OK);
        else
            expect_fault(access, access | PF_PRESENT);
    }
}

static void reserved_bits(void)
{
    for (u32 bit = 12; bit < 22; bit++) {
        begin(0x00c00000 | ALL | PTE_PS | BIT(bit), 0);
        expect_fault(PF_WRITE, PF_PRESENT | PF_RSVD | PF_WRITE);
    }
    begin(PT << 12 | ALL, TO | PTE_P | PTE32_PAT);
    expect_fault(PF_USER, PF_PRESENT | PF_RSVD | PF_USER);
    mode.pse = false; /* without PSE nothing is reserved */
    expect_fault(PF_USER, PF_PRESENT | PF_USER);
    begin(0x00c00000 | PTE_PS | BIT(13), 0); /* nor when not present */
    expect_fault(0, 0);
}

static void tables_outside_ram_float(void)
{
    begin(0, 0);
    mode.g_cr3 = 0x00800000;
    expect_fault(0, PF_PRESENT | PF_RSVD);
    mode.pse = false;
    EXPECT_EQ(walk(PF_USER | PF_WRITE), WALK_OK);
    EXPECT_EQ(w.at.v, 0xfffff123);
    EXPECT(!walk_mark(&p, &mode, &w, true));
}

static void marks(void)
{
    begin(PT << 12 | ALL, TO | ALL);
    EXPECT_EQ(walk(0), WALK_OK);
    EXPECT_EQ(get(PD, 3) & PTE_A, 0); /* the walk itself changes nothing */
    EXPECT(walk_mark(&p, &mode, &w, false));
    EXPECT_EQ(get(PD, 3), PT << 12 | ALL | PTE_A);
    EXPECT_EQ(get(PT, 3), TO | ALL | PTE_A);
    EXPECT(!w.dirty);
    EXPECT(!walk_mark(&p, &mode, &w, false));
    EXPECT(walk_mark(&p, &mode, &w, true));
    EXPECT(w.dirty);
    EXPECT_EQ(get(PD, 3), PT << 12 | ALL | PTE_A);
    EXPECT_EQ(get(PT, 3), TO | ALL | PTE_A | PTE_D);
    begin(0x00c00000 | ALL | PTE_PS, 0);
    EXPECT_EQ(walk(PF_WRITE), WALK_OK);
    EXPECT(walk_mark(&p, &mode, &w, true));
    EXPECT_EQ(get(PD, 3), 0x00c00000 | ALL | PTE_PS | PTE_A | PTE_D);
}

/* One word serves both levels, and must end up with both levels' marks. */
static void marks_in_a_self_map(void)
{
    begin(PD << 12 | ALL, 0);
    EXPECT_EQ(walk(PF_WRITE), WALK_OK);
    EXPECT_EQ(w.at.v, PD << 12 | 0x123);
    EXPECT(walk_mark(&p, &mode, &w, true));
    EXPECT_EQ(get(PD, 3), PD << 12 | ALL | PTE_A | PTE_D);
}

static void marks_in_a_descriptor_table_are_noticed(void)
{
    begin(PT << 12 | ALL, TO | ALL);
    p2m_set_trace(&p, gfn(PD), TRACE_PAGE_TABLE);
    p2m_set_trace(&p, gfn(PT), TRACE_PAGE_TABLE | TRACE_GDT);
    EXPECT_EQ(walk(PF_WRITE), WALK_OK);
    EXPECT(!w.watched);
    EXPECT(walk_mark(&p, &mode, &w, false));
    EXPECT(w.watched);
    EXPECT_EQ(walk(PF_WRITE), WALK_OK);
    EXPECT(!walk_mark(&p, &mode, &w, false));
    EXPECT(!w.watched); /* nothing changed */
    begin(PT << 12 | ALL, TO | ALL);
    p2m_set_trace(&p, gfn(PD), TRACE_PAGE_TABLE);
    EXPECT_EQ(walk(PF_WRITE), WALK_OK);
    EXPECT(walk_mark(&p, &mode, &w, true));
    EXPECT(!w.watched);
}

static void rom_tables_stay(void)
{
    begin(ROM << 12 | ALL, 0);
    EXPECT_EQ(walk(PF_WRITE), WALK_OK);
    EXPECT_EQ(w.at.v, TO | 0x123);
    EXPECT(walk_mark(&p, &mode, &w, true));
    EXPECT_EQ(get(ROM, 3), TO | ALL);
}

static const struct unit_case cases[] = {
    CASE(paging_off_is_identity),
    CASE(small_page),
    CASE(large_page),
    CASE(absent_entries),
    CASE(rights_combine),
    CASE(reserved_bits),
    CASE(tables_outside_ram_float),
    CASE(marks),
    CASE(marks_in_a_self_map),
    CASE(marks_in_a_descriptor_table_are_noticed),
    CASE(rom_tables_stay),
};
UNIT_MAIN(cases)
