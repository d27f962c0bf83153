/* SPDX-License-Identifier: MIT
 *
 * The Linux image that is no Linux: it says what the loader told it, a line
 * for each thing, and ends with success. What is right is for the test to
 * know (tests/boot/test_linux.py), which knows the engine: under exec=trap CS
 * and SS read RPL 1 and IF reads 1.
 *
 * It also loads every segment anew from the GDT that the loader left, writes
 * its name on the screen, and looks for what a PC may have and this one has
 * not, the way kernels do: PCI by both mechanisms, firmware's tables, APICs
 * and the HPET (PCI Local Bus 2.1, 3.7.4; ACPI 6.4, 5.2.5.1).
 */
#include "arch/x86/defs/linux.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/regs.h"
#include "vmm/base/types.h"

#define SCREEN    ((volatile u16 *)0xb8000)
#define GREY      0x0700
#define STATUS_OK 0x10

#define PCI_ADDRESS  0xcf8
#define PCI_DATA     0xcfc
#define PCI_FIRST    0x80000000 /* bus 0, device 0, register 0 */
#define BIOS_START   0xe0000
#define EBDA_SEGMENT 0x40e
#define IOAPIC       0xfec00000
#define HPET         0xfed00000
#define LOCAL_APIC   0xfee00000
#define APIC_VERSION 0x30

void begin(const u8 *params, u32 cs_ss, u32 ds_es, u32 cr0, u32 flags);

static void out8(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static u8 in8(u16 port)
{
    u8 value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void out32(u16 port, u32 value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static u32 in32(u16 port)
{
    u32 value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* Out of C's sight, for which there is nothing at low addresses. */
static u32 peek(u32 at)
{
    u32 value;

    __asm__ volatile("movl (%1), %0" : "=r"(value) : "r"(at));
    return value;
}

static void say(const char *text)
{
    while (*text)
        out8(PORT_DEBUGCON, (u8)*text++);
}

static void say_hex(const char *name, u32 value)
{
    static const char digits[] = "0123456789abcdef";
    u32 shift = 28;

    say(name);
    say(" 0x");
    while (shift && !(value >> shift))
        shift -= 4;
    for (;; shift -= 4) {
        out8(PORT_DEBUGCON, (u8)digits[value >> shift & 15]);
        if (!shift)
            break;
    }
}

static u32 get(const u8 *at, u32 size)
{
    u32 value = 0;

    while (size--)
        value = value << 8 | at[size];
    return value;
}

static void say_map(const u8 *params)
{
    const u8 *at = params + PARAMS_E820;

    for (u32 i = params[PARAMS_E820_ENTRIES]; i; i--, at += E820_SIZE) {
        say_hex("linux: map", get(at, 4));
        say_hex("", get(at + E820_BYTES, 4));
        say_hex("", get(at + E820_TYPE, 4));
        say(get(at + 4, 4) | get(at + E820_BYTES + 4, 4) ? " high\n" : "\n");
    }
    say_hex("linux: above", get(params + PARAMS_ALT_MEM_K, 4));
    say("\n");
}

static void say_initrd(const u8 *params)
{
    const u8 *at = (const u8 *)get(params + LINUX_INITRD, 4);
    u32 size = get(params + LINUX_INITRD_SIZE, 4), sum = 0;

    for (u32 i = 0; i < size; i++)
        sum = sum * 31 + at[i];
    say_hex("linux: initrd at", (u32)at);
    say_hex(" size", size);
    say_hex(" sum", sum);
    say("\n");
}

static void say_screen(const u8 *params)
{
    static const char name[] = "Linux, or so it seems";

    say_hex("linux: screen mode", params[PARAMS_VIDEO_MODE]);
    say_hex(" columns", params[PARAMS_VIDEO_COLS]);
    say_hex(" lines", params[PARAMS_VIDEO_LINES]);
    say_hex(" vga", params[PARAMS_VIDEO_VGA]);
    say("\n");
    for (u32 i = 0; name[i]; i++)
        SCREEN[i] = GREY | (u8)name[i];
}

static void say_processor(u32 cs_ss, u32 ds_es, u32 cr0, u32 flags)
{
    say_hex("linux: cs", cs_ss >> 16);
    say_hex(" ss", cs_ss & 0xffff);
    say_hex(" ds", ds_es >> 16);
    say_hex(" es", ds_es & 0xffff);
    say_hex(" paging", cr0 >> 31);
    say_hex(" protected", cr0 & CR0_PE);
    say_hex(" interrupts", flags >> 9 & 1);
    say("\n");
}

static void say_pci(void)
{
    out32(PCI_ADDRESS, PCI_FIRST);
    say_hex("linux: pci", in32(PCI_ADDRESS));
    say_hex("", in32(PCI_DATA));
    for (u32 i = 0; i < 3; i++)
        out8(PCI_ADDRESS + i, 0);
    say_hex(" other", in8(PCI_ADDRESS));
    say_hex("", in8(PCI_ADDRESS + 2));
    say("\n");
}

static void say_firmware(void)
{
    u32 found = 0;

    for (u32 at = BIOS_START; at < HIGH_MEMORY; at += 16)
        found += peek(at) != ~0u;
    say_hex("linux: tables", found);
    say_hex(" ebda", peek(EBDA_SEGMENT) & 0xffff);
    say_hex(" apics", peek(IOAPIC));
    say_hex("", peek(LOCAL_APIC + APIC_VERSION));
    say_hex(" hpet", peek(HPET));
    say("\n");
}

/* Out of the GDT that the loader left. */
static void load_segments(void)
{
    __asm__ volatile("ljmp %0, $1f\n"
                     "1: movl %1, %%eax\n"
                     "movl %%eax, %%ds\n"
                     "movl %%eax, %%es\n"
                     "movl %%eax, %%fs\n"
                     "movl %%eax, %%gs\n"
                     "movl %%eax, %%ss\n"
                     :
                     : "i"(LINUX_BOOT_CS), "i"(LINUX_BOOT_DS)
                     : "eax", "memory");
    say("linux: segments loaded\n");
}

void begin(const u8 *params, u32 cs_ss, u32 ds_es, u32 cr0, u32 flags)
{
    say_processor(cs_ss, ds_es, cr0, flags);
    load_segments();
    say_hex("linux: params at", (u32)params);
    say_hex(" loader", params[LINUX_LOADER]);
    say_hex(" version", get(params + LINUX_VERSION, 2));
    say_hex(" start", get(params + LINUX_CODE32, 4));
    say_hex(" alignment", get(params + LINUX_ALIGNMENT, 4));
    say("\nlinux: line \"");
    say((const char *)get(params + LINUX_CMDLINE, 4));
    say("\"\n");
    say_screen(params);
    say_map(params);
    say_initrd(params);
    say_pci();
    say_firmware();
    out8(PORT_DEBUG_EXIT, STATUS_OK);
}
