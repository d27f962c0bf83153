/* SPDX-License-Identifier: MIT
 *
 * The guest's own page walk: two levels, 4 KiB and 4 MiB pages, or with PAE
 * three levels, 4 KiB and 2 MiB pages, as the SDM has it (vol. 3A 4.3, 4.4,
 * 4.6, 4.7, 4.8). Pure: it reads guest tables through
 * the p2m and changes nothing; walk_mark() sets accessed and dirty bits when
 * the access really happens.
 *
 * Table entries outside RAM read as all ones from MMIO and nothing (the bus
 * floats), as they do on a PC.
 */
#ifndef MM_WALK_H
#define MM_WALK_H

#include "vmm/mm/p2m.h"

#define WALK_PDPTES 4

/* The registers that govern translation, as the guest set them. */
struct paging {
    u32 g_cr3;
    bool on;                /* CR0.PG; off: linear is physical */
    bool wp;                /* CR0.WP */
    bool pse;               /* CR4.PSE */
    bool pae;               /* CR4.PAE */
    u64 pdpte[WALK_PDPTES]; /* PAE: as the last load of CR3 found them */
};

struct walk {
    gpa_t at;  /* the translation */
    u32 error; /* WALK_FAULT: the page fault's error code */
    bool large;
    bool user;  /* all levels say U */
    bool write; /* all levels say W */
    bool dirty; /* the leaf's D bit as found */
    bool global;
    bool watched; /* walk_mark() changed a frame traced as descriptor table */
    u64 g_pde, g_pte;     /* as read; g_pte 0 for a large page */
    gpa_t pde_at, pte_at; /* where they are */
};

enum walk_status { WALK_OK, WALK_FAULT };

/* access: PF_WRITE, PF_USER, PF_FETCH bits of the access to be made. */
enum walk_status walk_guest(const struct p2m *p, const struct paging *mode,
                            gva_t at, u32 access, struct walk *out);

/* The four directory pointers of PAE paging, as a load of CR3 reads them;
 * false: one that is present has a reserved bit set, which is #GP(0). */
bool walk_load_pdptes(const struct p2m *p, u32 g_cr3, u64 out[WALK_PDPTES]);

/* The bits of an entry that must be clear and are not. */
enum walk_entry { WALK_DIRECTORY, WALK_LARGE, WALK_TABLE };
u64 walk_reserved(const struct paging *mode, enum walk_entry kind, u64 entry);

/* A quick look before the walk: do the guest's tables end at an entry that is
 * not present? (false says nothing.) */
bool walk_absent(const struct p2m *p, const struct paging *mode, gva_t at);

/* Sets A on directory and table (and D on the leaf when dirty); the entries
 * must be what walk_guest() read. Returns true when a bit changed. */
bool walk_mark(const struct p2m *p, const struct paging *mode,
               struct walk *walk, bool dirty);

#endif
