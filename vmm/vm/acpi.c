/* SPDX-License-Identifier: MIT
 *
 * See acpi.h. From the root pointer to the list of tables (XSDT, or RSDT on
 * old boards), through that list once, and to the DSDT, which the FADT alone
 * names. There is no way to walk in circles: a list is not a table that is
 * looked into, and its length is bounded.
 *
 * How to power off stands in an object of the name _S5 in the DSDT or an
 * SSDT: a package whose first two numbers go into the PM1 control registers.
 * It is a constant on every board, so it is found by its bytes: the NameOp,
 * the name, the PackageOp.
 *
 * LIMIT: tables above 4 GiB are out of reach. Methods that the firmware would
 * like to have run before power-off (_PTS) are not run.
 *
 * ACPI 6.5 sections 5.2.5 (root pointer), 5.2.6 (header), 5.2.7, 5.2.8
 * (lists), 5.2.9 (FADT), 5.2.12 (MADT), 7.4.2 (_S5), 20.2.4 (package length),
 * 20.2.5 (NameOp, PackageOp); IA-PC HPET 1.0a section 3.2.4.
 */
#include "vmm/vm/acpi.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

/* The root pointer. */
#define RSDP_OLD_SIZE 20
#define RSDP_NEW_SIZE 36
#define RSDP_REVISION 15
#define RSDP_RSDT     16
#define RSDP_LENGTH   20
#define RSDP_XSDT     24
#define BDA_EBDA      0x40e /* segment */
#define EBDA_BYTES    1024
#define BIOS_START    0xe0000
#define BIOS_END      0x100000
#define RSDP_STEP     16

/* Every table. */
#define HEADER_SIZE   36
#define HEADER_LENGTH 4
#define HEADER_REV    8
#define TABLE_MAX     (16u << 20)
#define LIST_MAX      256

/* A generic address. */
#define GAS_SIZE   12
#define GAS_SPACE  0
#define GAS_AT     4
#define GAS_MEMORY 0
#define GAS_PORT   1

#define FADT_DSDT       40
#define FADT_SMI        48
#define FADT_ACPI_ON    52
#define FADT_PM1A       64
#define FADT_PM1B       68
#define FADT_PM_TIMER   76
#define FADT_TIMER_LEN  91
#define FADT_BOOT_ARCH  109
#define FADT_FLAGS      112
#define FADT_OLD_SIZE   116
#define FADT_X_DSDT     140
#define FADT_X_PM1A     172
#define FADT_X_PM1B     184
#define FADT_X_PM_TIMER 208
#define FADT_SLEEP      244
#define FADT_REV_BOOT   3 /* from here on there is FADT_BOOT_ARCH */
#define BOOT_8042       BIT(1)
#define BOOT_NO_VGA     BIT(2)
#define BOOT_NO_RTC     BIT(5)
#define FLAG_TIMER_32   BIT(8)
#define FLAG_REDUCED    BIT(20)

#define MADT_FLAGS 40
#define MADT_FIRST 44
#define MADT_PCAT  BIT(0)
#define CPU_APIC   0 /* kinds of entries */
#define CPU_X2APIC 9
#define CPU_ON     BIT(0)
#define IO_APIC    1
#define OVERRIDE   2 /* of the rule that ISA interrupt n is number n */
#define ISA        0
#define ISA_TIMER  0

#define HPET_ADDRESS 40
#define HPET_SIZE    56

#define AML_NAME    0x08
#define AML_PACKAGE 0x12
#define AML_ROOT    '\\'
#define AML_ZERO    0x00
#define AML_ONE     0x01
#define AML_BYTE    0x0a
#define AML_WORD    0x0b
#define AML_DWORD   0x0c
#define AML_ONES    0xff
#define SLEEP_TYPES 8

struct acpi {
    const struct boot_view *view;
    struct platform *out;
    bool fadt, madt; /* seen: the first one of each counts */
};

static const u8 *look(const struct acpi *a, u64 at, u64 size)
{
    return a->view->at(a->view->ctx, hpa(at), size);
}

static u8 sum(const u8 *bytes, u32 size)
{
    u8 total = 0;

    for (u32 i = 0; i < size; i++)
        total = (u8)(total + bytes[i]);
    return total;
}

static void ignore(struct acpi *a, const char *name, const char *why)
{
    struct platform *out = a->out;

    if (out->ignored++)
        return;
    for (u32 i = 0; i < 4; i++)
        out->ignored_name[i] = name[i] >= ' ' && name[i] <= '~' ? name[i] : '?';
    out->ignored_why = why;
}

struct table {
    const u8 *at; /* null: none, or a broken one */
    u32 size;
};

static bool is(struct table t, const char *name)
{
    return t.at && !memcmp(t.at, name, 4);
}

/* `name` is what it should be, or four question marks. */
static struct table table_at(struct acpi *a, u64 where, const char *name)
{
    const u8 *head = look(a, where, HEADER_SIZE);
    struct table t = {NULL, 0};
    u32 size;

    if (!where || !head) {
        ignore(a, name, "lies where it cannot be read");
        return t;
    }
    size = get_le32(head + HEADER_LENGTH);
    if (size < HEADER_SIZE || size > TABLE_MAX || !look(a, where, size)) {
        ignore(a, (const char *)head, "has an impossible length");
        return t;
    }
    head = look(a, where, size);
    if (sum(head, size)) {
        ignore(a, (const char *)head, "has a wrong checksum");
        return t;
    }
    a->out->tables++;
    ranges_add(&a->out->memory, where, where + size);
    return (struct table){head, size};
}

/* I/O ports have 16 bits. */
static struct io_reg reg(enum io_space space, u64 at)
{
    if (!at || (space == IO_PORT && at > 0xffff))
        return (struct io_reg){IO_NONE, 0};
    return (struct io_reg){space, at};
}

static struct io_reg generic(struct table t, u32 offset)
{
    const u8 *gas = t.at + offset;

    if (t.size < offset + GAS_SIZE)
        return reg(IO_NONE, 0);
    if (gas[GAS_SPACE] == GAS_PORT)
        return reg(IO_PORT, get_le64(gas + GAS_AT));
    if (gas[GAS_SPACE] == GAS_MEMORY)
        return reg(IO_MEMORY, get_le64(gas + GAS_AT));
    return reg(IO_NONE, 0);
}

/* The generic address is preferred to the old field (5.2.9). */
static struct io_reg block(struct table t, u32 old, u32 new)
{
    struct io_reg r = generic(t, new);

    return r.space == IO_NONE ? reg(IO_PORT, get_le32(t.at + old)) : r;
}

static void read_boot_flags(struct platform *out, struct table t)
{
    u16 arch = get_le16(t.at + FADT_BOOT_ARCH);

    if (t.at[HEADER_REV] < FADT_REV_BOOT)
        return;
    out->has_8042 = arch & BOOT_8042;
    out->has_vga = !(arch & BOOT_NO_VGA);
    out->has_rtc = !(arch & BOOT_NO_RTC);
}

static void read_timer(struct platform *out, struct table t, u32 flags)
{
    if (t.at[FADT_TIMER_LEN] != 4)
        return;
    out->pm_timer = block(t, FADT_PM_TIMER, FADT_X_PM_TIMER);
    if (out->pm_timer.space != IO_NONE)
        out->pm_timer_bits = flags & FLAG_TIMER_32 ? 32 : 24;
}

static void read_power(struct platform *out, struct table t, u32 flags)
{
    if (flags & FLAG_REDUCED) {
        out->sleep = generic(t, FADT_SLEEP);
    } else {
        out->pm1a = block(t, FADT_PM1A, FADT_X_PM1A);
        out->pm1b = block(t, FADT_PM1B, FADT_X_PM1B);
        out->smi = reg(IO_PORT, get_le32(t.at + FADT_SMI));
        out->acpi_on = t.at[FADT_ACPI_ON];
    }
}

static u64 dsdt_of(struct table t)
{
    u64 at = t.size >= FADT_X_DSDT + 8 ? get_le64(t.at + FADT_X_DSDT) : 0;

    return at ? at : get_le32(t.at + FADT_DSDT);
}

/* A number at *p; false when there is something else. */
static bool aml_number(const u8 **p, const u8 *end, u32 *out)
{
    static const u8 width[] = {[AML_BYTE] = 1, [AML_WORD] = 2, [AML_DWORD] = 4};
    u8 op;

    if (*p >= end)
        return false;
    op = *(*p)++;
    *out = op == AML_ONES ? 0xff : op;
    if (op == AML_ZERO || op == AML_ONE || op == AML_ONES)
        return true;
    if (op < AML_BYTE || op > AML_DWORD || end - *p < width[op])
        return false;
    *out = **p; /* a sleep type has three bits */
    *p += width[op];
    return true;
}

/* p: behind the name. */
static bool s5_package(struct platform *out, const u8 *p, const u8 *end)
{
    u32 a, b = 0, count;

    if (end - p < 2 || *p++ != AML_PACKAGE)
        return false;
    if (end - p < 1 + (*p >> 6) + 1)
        return false;
    p += 1 + (*p >> 6);
    count = *p++;
    if (!count || !aml_number(&p, end, &a) || a >= SLEEP_TYPES)
        return false;
    if (count > 1 && (!aml_number(&p, end, &b) || b >= SLEEP_TYPES))
        return false;
    out->has_s5 = true;
    out->s5_a = (u8)a;
    out->s5_b = (u8)b;
    return true;
}

static void find_s5(struct platform *out, struct table t)
{
    const u8 *end = t.at + t.size;

    for (const u8 *p = t.at + HEADER_SIZE; !out->has_s5 && end - p > 5; p++) {
        const u8 *name = p + 1 + (p[1] == AML_ROOT);
        if (*p == AML_NAME && !memcmp(name, "_S5_", 4))
            s5_package(out, name + 4, end);
    }
}

static void read_fadt(struct acpi *a, struct table t)
{
    struct platform *out = a->out;
    struct table dsdt;
    u32 flags;

    if (t.size < FADT_OLD_SIZE) {
        ignore(a, "FACP", "has an impossible length");
        return;
    }
    a->fadt = true;
    flags = get_le32(t.at + FADT_FLAGS);
    read_boot_flags(out, t);
    read_timer(out, t, flags);
    read_power(out, t, flags);
    dsdt = table_at(a, dsdt_of(t), "DSDT");
    if (is(dsdt, "DSDT"))
        find_s5(out, dsdt);
}

/* The next entry of the MADT from *at on, of at least `least` bytes when it is
 * of this kind; null at the end. */
static const u8 *madt_entry(struct table t, u32 *at, u8 kind, u32 least)
{
    while (*at + 2 <= t.size) {
        const u8 *e = t.at + *at;
        u32 size = e[1];
        if (size < 2 || size > t.size - *at)
            return NULL;
        *at += size;
        if (e[0] == kind && size >= least)
            return e;
    }
    return NULL;
}

static void count_processors(struct platform *out, struct table t)
{
    const u8 *e;

    for (u32 at = MADT_FIRST; (e = madt_entry(t, &at, CPU_APIC, 8));)
        out->processors += (get_le32(e + 4) & CPU_ON) != 0;
    for (u32 at = MADT_FIRST; (e = madt_entry(t, &at, CPU_X2APIC, 16));)
        out->processors += (get_le32(e + 8) & CPU_ON) != 0;
}

/* The pin of the PIT: each I/O APIC takes the interrupts from its base on. */
static void find_timer_pin(struct platform *out, struct table t)
{
    u32 timer = ISA_TIMER;
    const u8 *e;

    for (u32 at = MADT_FIRST; (e = madt_entry(t, &at, OVERRIDE, 10));) {
        if (e[2] == ISA && e[3] == ISA_TIMER)
            timer = get_le32(e + 4);
    }
    for (u32 at = MADT_FIRST; (e = madt_entry(t, &at, IO_APIC, 12));) {
        u32 base = get_le32(e + 8);
        if (base > timer || (out->ioapic && timer - base >= out->ioapic_pin))
            continue;
        out->ioapic = get_le32(e + 4);
        out->ioapic_pin = timer - base;
    }
}

static void read_madt(struct acpi *a, struct table t)
{
    if (t.size < MADT_FIRST) {
        ignore(a, "APIC", "has an impossible length");
        return;
    }
    a->madt = true;
    a->out->has_pic = get_le32(t.at + MADT_FLAGS) & MADT_PCAT;
    count_processors(a->out, t);
    find_timer_pin(a->out, t);
}

static void read_hpet(struct acpi *a, struct table t)
{
    struct io_reg r;

    if (t.size < HPET_SIZE) {
        ignore(a, "HPET", "has an impossible length");
        return;
    }
    r = generic(t, HPET_ADDRESS);
    if (r.space == IO_MEMORY)
        a->out->hpet = r.at;
}

static void read_table(struct acpi *a, struct table t)
{
    if (is(t, "FACP") && !a->fadt)
        read_fadt(a, t);
    else if (is(t, "APIC") && !a->madt)
        read_madt(a, t);
    else if (is(t, "HPET"))
        read_hpet(a, t);
    else if (is(t, "SSDT"))
        find_s5(a->out, t);
}

/* width: bytes of an address in the list. */
static bool read_list(struct acpi *a, u64 where, const char *name, u32 width)
{
    struct table list = table_at(a, where, name);
    u32 count;

    if (!is(list, name))
        return false;
    count = (list.size - HEADER_SIZE) / width;
    for (u32 i = 0; i < count && i < LIST_MAX; i++) {
        const u8 *e = list.at + HEADER_SIZE + i * width;
        u64 at = width == 8 ? get_le64(e) : get_le32(e);
        if (at)
            read_table(a, table_at(a, at, "????"));
    }
    return true;
}

static bool is_rsdp(const u8 *p)
{
    return !memcmp(p, "RSD PTR ", 8) && !sum(p, RSDP_OLD_SIZE);
}

static bool is_new_rsdp(const u8 *p, u32 size)
{
    u32 length = size < RSDP_NEW_SIZE ? 0 : get_le32(p + RSDP_LENGTH);

    return length == RSDP_NEW_SIZE && p[RSDP_REVISION] >= 2 && !sum(p, length);
}

static const u8 *search(const struct acpi *a, u64 from, u64 to)
{
    for (u64 at = from; at < to; at += RSDP_STEP) {
        const u8 *p = look(a, at, RSDP_NEW_SIZE);
        if (p && is_rsdp(p))
            return p;
    }
    return NULL;
}

static const u8 *search_bios(const struct acpi *a)
{
    const u8 *segment = look(a, BDA_EBDA, 2);
    u64 ebda = segment ? (u64)get_le16(segment) << 4 : 0;
    const u8 *found = ebda ? search(a, ebda, ebda + EBDA_BYTES) : NULL;

    return found ? found : search(a, BIOS_START, BIOS_END);
}

static void start(struct platform *out)
{
    memset(out, 0, sizeof(*out));
    out->has_pic = out->has_8042 = out->has_vga = out->has_rtc = true;
}

void acpi_read(const struct boot_info *boot, const struct boot_view *view,
               struct platform *out)
{
    struct acpi a = {view, out, false, false};
    const u8 *rsdp = boot->rsdp;
    u32 size = boot->rsdp_bytes;

    start(out);
    if (size < RSDP_OLD_SIZE || !is_rsdp(rsdp)) {
        rsdp = boot->uefi ? NULL : search_bios(&a);
        size = RSDP_NEW_SIZE;
    }
    if (!rsdp) {
        out->problem = "no root pointer was found";
        return;
    }
    if (is_new_rsdp(rsdp, size) &&
        read_list(&a, get_le64(rsdp + RSDP_XSDT), "XSDT", 8))
        return;
    if (!read_list(&a, get_le32(rsdp + RSDP_RSDT), "RSDT", 4))
        out->problem = "the list of tables cannot be read";
}
