/* SPDX-License-Identifier: MIT
 *
 * See walk.h. Each table word is read once into a local.
 *
 * Reserved bits (SDM vol. 3A 4.3): there are some only while CR4.PSE = 1. The
 * virtual processor advertises neither PSE-36 nor PAT, so bits 21:13 and bit
 * 12 (PAT) of a 4 MiB page's directory entry are reserved, and so is bit 7
 * (PAT) of a page-table entry. A reserved bit that is set faults before rights
 * are looked at, with P and RSVD in the error code (4.7).
 *
 * PAE: the four directory pointers are registers, loaded with CR3; they have
 * no rights and no A bit (4.4.1). Physical addresses have 36 bits, what a CPU
 * without CPUID leaf 80000008H has (4.1.4); bits 62:36 are reserved, and so
 * are bit 63, for NX is not advertised, bits 20:13 of a 2 MiB page's entry,
 * and the PAT bits, whatever CR4.PSE says (4.4.2).
 *
 * PF_FETCH never appears in an error code: 32-bit paging has no NX, and SMEP
 * is not advertised (4.7).
 *
 * LIMIT: accessed bits are set when the whole walk succeeds; a real CPU may
 * set the directory entry's although the table entry then faults (4.8).
 */
#include "vmm/mm/walk.h"
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"

#define FLOATING_BUS 0xffffffffu
#define PDE_RESERVED (PDE32_RSVD | PDE32_PSE36 | PDE32_PAT)
#define PTE_RESERVED PTE32_PAT
#define INDEX_MASK   1023u

#define PAE_INDEX      511u
#define PAE_DIR_SHIFT  30 /* linear bits that choose the directory pointer */
#define PAE_PDE_SHIFT  21
#define PAE_LARGE_SIZE BIT(PAE_PDE_SHIFT)
#define PAE_CR3        0xffffffe0
#define PAE_ADDR       0x0000000ffffff000
#define PAE_ABOVE      0xfffffff000000000 /* beyond 36 bits, and NX */
#define PAE_LARGE_RSVD 0x00000000001ff000 /* PAT, 20:13 */
#define PDPTE_RSVD     (PAE_ABOVE | 0x1e6)

static u32 table_read(const struct p2m *p, gpa_t at)
{
    const u8 *word = p2m_ptr(p, at);

    return word ? get_le32(word) : FLOATING_BUS;
}

static u64 entry_read(const struct p2m *p, gpa_t at)
{
    const u8 *entry = p2m_ptr(p, at);

    return entry ? get_le64(entry) : ~0ull;
}

static enum walk_status fault(struct walk *out, u32 access, u32 why)
{
    out->error = why | (access & (PF_WRITE | PF_USER));
    return WALK_FAULT;
}

static enum walk_status check_rights(struct walk *w, const struct paging *mode,
                                     u32 access)
{
    bool user = (access & PF_USER) != 0;

    if (user && !w->user)
        return fault(w, access, PF_PRESENT);
    if ((access & PF_WRITE) && !w->write && (user || mode->wp))
        return fault(w, access, PF_PRESENT);
    return WALK_OK;
}

static void set_rights(struct walk *w, u64 both, u64 leaf)
{
    w->user = (both & PTE_U) != 0;
    w->write = (both & PTE_W) != 0;
    w->dirty = (leaf & PTE_D) != 0;
    w->global = (leaf & PTE_G) != 0;
}

static enum walk_status walk_large(struct walk *w, const struct paging *mode,
                                   gva_t at, u32 access)
{
    w->large = true;
    if (w->g_pde & PDE_RESERVED)
        return fault(w, access, PF_PRESENT | PF_RSVD);
    w->at = gpa((w->g_pde & PDE32_LARGE) | (at.v & (LARGE32_SIZE - 1)));
    set_rights(w, w->g_pde, w->g_pde);
    return check_rights(w, mode, access);
}

bool walk_load_pdptes(const struct p2m *p, u32 g_cr3, u64 out[WALK_PDPTES])
{
    bool good = true;

    for (u32 i = 0; i < WALK_PDPTES; i++) {
        out[i] = entry_read(p, gpa((g_cr3 & PAE_CR3) + i * sizeof(u64)));
        good &= !(out[i] & PTE_P) || !(out[i] & PDPTE_RSVD);
    }
    return good;
}

static enum walk_status pae_large(struct walk *w, const struct paging *mode,
                                  gva_t at, u32 access)
{
    w->large = true;
    if (w->g_pde & (PAE_ABOVE | PAE_LARGE_RSVD))
        return fault(w, access, PF_PRESENT | PF_RSVD);
    w->at = gpa((w->g_pde & PAE_ADDR) | (at.v & (PAE_LARGE_SIZE - 1)));
    set_rights(w, w->g_pde, w->g_pde);
    return check_rights(w, mode, access);
}

static enum walk_status pae_table(const struct p2m *p, struct walk *w,
                                  const struct paging *mode, gva_t at,
                                  u32 access)
{
    if (w->g_pde & PAE_ABOVE)
        return fault(w, access, PF_PRESENT | PF_RSVD);
    w->pte_at = gpa((w->g_pde & PAE_ADDR) |
                    (at.v >> PAGE_SHIFT & PAE_INDEX) * sizeof(u64));
    w->g_pte = entry_read(p, w->pte_at);
    if (!(w->g_pte & PTE_P))
        return fault(w, access, 0);
    if (w->g_pte & (PAE_ABOVE | PTE_PAT))
        return fault(w, access, PF_PRESENT | PF_RSVD);
    w->at = gpa((w->g_pte & PAE_ADDR) | (at.v & PAGE_MASK));
    set_rights(w, w->g_pde & w->g_pte, w->g_pte);
    return check_rights(w, mode, access);
}

static enum walk_status walk_pae(const struct p2m *p, const struct paging *mode,
                                 gva_t at, u32 access, struct walk *out)
{
    u64 pdpte = mode->pdpte[at.v >> PAE_DIR_SHIFT];

    if (!(pdpte & PTE_P))
        return fault(out, access, 0);
    out->pde_at = gpa((pdpte & PAE_ADDR) |
                      (at.v >> PAE_PDE_SHIFT & PAE_INDEX) * sizeof(u64));
    out->g_pde = entry_read(p, out->pde_at);
    if (!(out->g_pde & PTE_P))
        return fault(out, access, 0);
    if (out->g_pde & PTE_PS)
        return pae_large(out, mode, at, access);
    return pae_table(p, out, mode, at, access);
}

u64 walk_reserved(const struct paging *mode, enum walk_entry kind, u64 entry)
{
    static const u64 reserved[] = {
        [WALK_LARGE] = PDE_RESERVED,
        [WALK_TABLE] = PTE_RESERVED,
    };
    static const u64 reserved_pae[] = {
        [WALK_DIRECTORY] = PAE_ABOVE,
        [WALK_LARGE] = PAE_ABOVE | PAE_LARGE_RSVD,
        [WALK_TABLE] = PAE_ABOVE | PTE_PAT,
    };

    if (mode->pae)
        return entry & reserved_pae[kind];
    return mode->pse && kind != WALK_DIRECTORY ? entry & reserved[kind] : 0;
}

bool walk_absent(const struct p2m *p, const struct paging *mode, gva_t at)
{
    u32 pde, pte;

    if (!mode->on || mode->pae)
        return false;
    pde = table_read(p, gpa((mode->g_cr3 & PTE32_ADDR) | (at.v >> 22) << 2));
    if (!(pde & PTE_P))
        return true;
    if (mode->pse && (pde & PTE_PS))
        return false;
    pte = table_read(
        p, gpa((pde & PTE32_ADDR) | (at.v >> PAGE_SHIFT & INDEX_MASK) << 2));
    return !(pte & PTE_P);
}

enum walk_status walk_guest(const struct p2m *p, const struct paging *mode,
                            gva_t at, u32 access, struct walk *out)
{
    *out = (struct walk){.at = gpa(at.v)};
    if (!mode->on) {
        out->user = out->write = out->dirty = true;
        return WALK_OK;
    }
    if (mode->pae)
        return walk_pae(p, mode, at, access, out);
    out->pde_at = gpa((mode->g_cr3 & PTE32_ADDR) | (at.v >> 22) << 2);
    out->g_pde = table_read(p, out->pde_at);
    if (!(out->g_pde & PTE_P))
        return fault(out, access, 0);
    if (mode->pse && (out->g_pde & PTE_PS))
        return walk_large(out, mode, at, access);
    out->pte_at =
        gpa((out->g_pde & PTE32_ADDR) | (at.v >> PAGE_SHIFT & INDEX_MASK) << 2);
    out->g_pte = table_read(p, out->pte_at);
    if (!(out->g_pte & PTE_P))
        return fault(out, access, 0);
    if (mode->pse && (out->g_pte & PTE_RESERVED))
        return fault(out, access, PF_PRESENT | PF_RSVD);
    out->at = gpa((out->g_pte & PTE32_ADDR) | (at.v & PAGE_MASK));
    set_rights(out, out->g_pde & out->g_pte, out->g_pte);
    return check_rights(out, mode, access);
}

/* Sets bits in a table word that lies in RAM; true when one was clear. The
 * word is read again: both levels may be one word (a self-map). */
static bool mark(const struct p2m *p, gpa_t at, u32 bits, bool *watched)
{
    struct p2m_entry entry = p2m_lookup(p, gpa_to_gfn(at));
    u8 *word;
    u32 old;

    if (entry.kind != P2M_RAM)
        return false;
    word = p2m_ptr(p, at);
    old = get_le32(word);
    if ((old & bits) == bits)
        return false;
    put_le32(word, old | bits);
    *watched |= (entry.trace & ~(u32)TRACE_PAGE_TABLE) != 0;
    return true;
}

bool walk_mark(const struct p2m *p, const struct paging *mode,
               struct walk *walk, bool dirty)
{
    u32 leaf = PTE_A | (dirty ? PTE_D : 0);
    bool changed;

    if (!mode->on)
        return false;
    walk->dirty |= dirty;
    walk->g_pde |= walk->large ? leaf : PTE_A;
    changed = mark(p, walk->pde_at, walk->large ? leaf : PTE_A, &walk->watched);
    if (walk->large)
        return changed;
    walk->g_pte |= leaf;
    return mark(p, walk->pte_at, leaf, &walk->watched) || changed;
}
