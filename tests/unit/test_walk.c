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
    mode = (struct paging){
        .g_cr3 = PD * PAGE_SIZE, .on = true, .wp = true, .pse = true};
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

/* PAE: directory pointer 0, directory entry 6 and table entry 3 for AT. */
#define PDPT     3u
#define PAE_AT   0x00c03123u
#define PAE_HIGH (1ull << 36)
#define XD       (1ull << 63)

static void put64(u32 frame, u32 index, u64 value)
{
    put(frame, index * 2, (u32)value);
    put(frame, index * 2 + 1, (u32)(value >> 32));
}

static void begin_pae(u64 pde, u64 pte)
{
    begin(0, 0);
    mode.pae = true;
    mode.g_cr3 = PDPT * PAGE_SIZE + 32 + 0x1f; /* the low bits are ignored */
    put64(PDPT, 4, PD << 12 | PTE_P);
    put64(PD, 6, pde);
    put64(PT, 3, pte);
    EXPECT(walk_load_pdptes(&p, mode.g_cr3, mode.pdpte));
}

static void pae_small_page(void)
{
    begin_pae(PT << 12 | ALL, TO | ALL | PTE_G);
    EXPECT_EQ(walk(PF_USER | PF_WRITE | PF_FETCH), WALK_OK);
    EXPECT_EQ(w.at.v, TO | 0x123);
    EXPECT_EQ(w.pde_at.v, PD * PAGE_SIZE + 6 * 8);
    EXPECT_EQ(w.pte_at.v, PT * PAGE_SIZE + 3 * 8);
    EXPECT(w.user && w.write && !w.dirty && w.global && !w.large);
    EXPECT(walk_mark(&p, &mode, &w, true));
    EXPECT_EQ(get(PD, 12), PT << 12 | ALL | PTE_A);
    EXPECT_EQ(get(PT, 6), TO | ALL | PTE_G | PTE_A | PTE_D);
    EXPECT(!walk_absent(&p, &mode, gva(0)));
}

static void pae_large_page(void)
{
    begin_pae(0x400000 | PTE_PS | ALL, 0);
    mode.pse = false; /* it makes no difference */
    EXPECT_EQ(walk(PF_USER | PF_WRITE), WALK_OK);
    EXPECT_EQ(w.at.v, 0x403123);
    EXPECT(w.large && w.user && w.write);
    EXPECT(walk_mark(&p, &mode, &w, true));
    EXPECT_EQ(get(PD, 12), 0x400000 | PTE_PS | ALL | PTE_A | PTE_D);
}

static void pae_addresses_have_36_bits(void)
{
    begin_pae(PT << 12 | ALL, 0xfull << 32 | TO | ALL);
    EXPECT_EQ(walk(0), WALK_OK);
    EXPECT_EQ(w.at.v, 0xfull << 32 | TO | 0x123);
    begin_pae(0xfull << 32 | PTE_PS | ALL, 0);
    EXPECT_EQ(walk(0), WALK_OK);
    EXPECT_EQ(w.at.v, 0xfull << 32 | 0x3123);
}

static void pae_faults(void)
{
    begin_pae(0, 0);
    expect_fault(PF_WRITE, PF_WRITE);
    put64(PD, 6, PT << 12 | ALL);
    expect_fault(PF_USER | PF_FETCH, PF_USER);
    put64(PT, 3, TO | PTE_P | PTE_U);
    expect_fault(PF_USER | PF_WRITE, PF_USER | PF_WRITE | PF_PRESENT);
    expect_fault(PF_WRITE, PF_WRITE | PF_PRESENT);
    mode.wp = false;
    EXPECT_EQ(walk(PF_WRITE), WALK_OK);
    put64(PD, 6, PT << 12 | PTE_P | PTE_W);
    expect_fault(PF_USER, PF_USER | PF_PRESENT);
    mode.pdpte[0] = 0;
    expect_fault(0, 0);
}

static void pae_reserved_bits(void)
{
    static const u64 small[] = {XD, PAE_HIGH, 1ull << 62, PTE_PAT};
    static const u64 large[] = {XD, PAE_HIGH, 1ull << 12, 1ull << 13,
                                1ull << 20};

    for (u32 i = 0; i < ARRAY_LEN(small); i++) {
        begin_pae(PT << 12 | ALL, TO | ALL | small[i]);
        expect_fault(PF_WRITE, PF_WRITE | PF_PRESENT | PF_RSVD);
    }
    for (u32 i = 0; i < 3; i++) {
        begin_pae(PT << 12 | ALL | small[i], TO | ALL);
        expect_fault(0, PF_PRESENT | PF_RSVD);
    }
    for (u32 i = 0; i < ARRAY_LEN(large); i++) {
        begin_pae(PTE_PS | ALL | large[i], 0);
        expect_fault(0, PF_PRESENT | PF_RSVD);
    }
}

static void pae_directory_pointers_are_checked_when_loaded(void)
{
    static const u64 bad[] = {2, 4, 0x20, 0x40, 0x80, 0x100, PAE_HIGH, XD};
    static const u64 good[] = {8, 0x10, 0x200, 0x400, 0x800};

    begin_pae(PT << 12 | ALL, TO | ALL);
    for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
        put64(PDPT, 5 + i % 3, bad[i] | PTE_P);
        EXPECT(!walk_load_pdptes(&p, mode.g_cr3, mode.pdpte));
        put64(PDPT, 5 + i % 3, bad[i]); /* not present: anything goes */
        EXPECT(walk_load_pdptes(&p, mode.g_cr3, mode.pdpte));
    }
    for (u32 i = 0; i < ARRAY_LEN(good); i++) {
        put64(PDPT, 4, PD << 12 | PTE_P | good[i]);
        EXPECT(walk_load_pdptes(&p, mode.g_cr3, mode.pdpte));
        EXPECT_EQ(walk(0), WALK_OK);
    }
}

static void pae_directory_pointers_are_registers(void)
{
    begin_pae(PT << 12 | ALL, TO | ALL);
    put64(PDPT, 4, 0);
    EXPECT_EQ(walk(0), WALK_OK);
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
    CASE(pae_small_page),
    CASE(pae_large_page),
    CASE(pae_addresses_have_36_bits),
    CASE(pae_faults),
    CASE(pae_reserved_bits),
    CASE(pae_directory_pointers_are_checked_when_loaded),
    CASE(pae_directory_pointers_are_registers),
};
UNIT_MAIN(cases)
