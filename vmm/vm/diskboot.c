/* SPDX-License-Identifier: MIT
 *
 * See diskboot.h. There is no BIOS in the machine; what one has done when it
 * jumps to a boot sector is done here: the vectors of real mode point at small
 * routines, the BIOS data area says what the machine has, the 8259 pair is
 * programmed, interrupts are on, DL names the first disk.
 *
 * The routines lie in the extended BIOS data area, the last KiB below 640 KiB,
 * which every memory map calls reserved. Interrupts of hardware are
 * acknowledged there and forgotten; an exception stops the machine for good
 * with interrupts off, where the monitor finds it; and every BIOS function is
 * answered as one that does not exist: carry set, AH 86h.
 *
 * LIMIT: so a boot sector must bring its own drivers, and a loader that lives
 * on INT 10h and INT 13h (GRUB, most others) does not get far. No clock ticks
 * are counted at 0x46c.
 *
 * SDM vol. 3A 20.1.4 (vectors); IBM PC/AT Technical Reference, section 5 (data
 * area, interrupt levels); BIOS Boot Specification 1.01, 6.5 (registers).
 */
#include "vmm/vm/diskboot.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/regs.h"
#include "vmm/base/bits.h"
#include "vmm/vm/loader_impl.h"

#define BOOT_AT    0x7c00
#define FIRST_DISK 0x80
#define VECTORS    256

#define EBDA         LOAD_LOW_END
#define EBDA_SEGMENT (EBDA >> 4)
#define IVT_LIMIT    0x3ff

/* Offsets of the routines in the extended data area. */
#define NO_FUNCTION  0x10
#define MASTER_DONE  0x20
#define SLAVE_DONE   0x30
#define STOPPED      0x40
#define MASTER_FIRST 0x08
#define SLAVE_FIRST  0x70
#define LINES        8

struct patch {
    u32 at;
    u8 bytes[12];
    u8 count;
};

#define PATCH(at, ...)                                                         \
    {                                                                          \
        at, {__VA_ARGS__}, sizeof((u8[]){__VA_ARGS__})                         \
    }
#define WORD(v) (v) & 0xff, (v) >> 8 & 0xff

static const struct patch patches[] = {
    PATCH(EBDA, 1),                             /* its size in KiB */
    PATCH(EBDA + NO_FUNCTION, 0x55,             /* push bp; mov bp, sp */
          0x89, 0xe5, 0x80, 0x4e, 0x06, 0x01,   /* or byte [bp+6], CF */
          0xb4, 0x86, 0x5d, 0xcf),              /* mov ah, 86h; pop bp; iret */
    PATCH(EBDA + MASTER_DONE, 0x50, 0xb0, 0x20, /* push ax; mov al, EOI */
          0xe6, PORT_PIC1_CMD, 0x58, 0xcf),     /* out; pop ax; iret */
    PATCH(EBDA + SLAVE_DONE, 0x50, 0xb0, 0x20, 0xe6, PORT_PIC2_CMD, 0xe6,
          PORT_PIC1_CMD, 0x58, 0xcf),
    PATCH(EBDA + STOPPED, 0xfa, 0xf4, 0xeb, 0xfd), /* cli; hlt; again */
    PATCH(0x400, WORD(PORT_COM1), WORD(PORT_COM2)),
    PATCH(0x40e, WORD(EBDA_SEGMENT)),
    PATCH(0x410, WORD(0x0422)), /* equipment: 80x25, a mouse port, two COMs */
    PATCH(0x413, WORD(LOAD_LOW_END >> 10)),
    PATCH(0x449, 3, WORD(80)), /* video mode and columns */
    PATCH(0x463, WORD(PORT_CRTC_INDEX)),
    PATCH(0x475, 1),  /* disks */
    PATCH(0x484, 24), /* rows below the first */
};

static const struct {
    u8 port, value;
} controllers[] = {
    {PORT_PIC1_CMD, 0x11},  {PORT_PIC1_DATA, MASTER_FIRST},
    {PORT_PIC1_DATA, 4},    {PORT_PIC1_DATA, 1},
    {PORT_PIC2_CMD, 0x11},  {PORT_PIC2_DATA, SLAVE_FIRST},
    {PORT_PIC2_DATA, 2},    {PORT_PIC2_DATA, 1},
    {PORT_PIC1_DATA, 0xb8}, /* timer, keyboard, the second, floppy */
    {PORT_PIC2_DATA, 0x8f}, /* mouse, FPU, disk */
};

static u32 routine_of(u32 vector)
{
    if (vector < MASTER_FIRST)
        return STOPPED;
    if (vector - MASTER_FIRST < LINES)
        return MASTER_DONE;
    return vector - SLAVE_FIRST < LINES ? SLAVE_DONE : NO_FUNCTION;
}

static void put_vectors(struct p2m *p2m)
{
    u8 entry[4];

    for (u32 v = 0; v < VECTORS; v++) {
        put_le32(entry, routine_of(v) | (u32)EBDA_SEGMENT << 16);
        p2m_write(p2m, gpa(v * sizeof(entry)), entry, sizeof(entry));
    }
}

static void put_memory(struct p2m *p2m, const u8 *sector)
{
    put_vectors(p2m);
    for (u32 i = 0; i < ARRAY_LEN(patches); i++)
        p2m_write(p2m, gpa(patches[i].at), patches[i].bytes, patches[i].count);
    p2m_write(p2m, gpa(BOOT_AT), sector, DISK_SECTOR);
}

static void start_processor(struct cpu *cpu)
{
    cpu_reset_power_on(cpu, 0);
    cpu->cr0 = CR0_ET;
    cpu->seg[SEG_CS].sel = 0;
    cpu->seg[SEG_CS].base = 0;
    cpu->idtr.limit = IVT_LIMIT;
    cpu->eip = BOOT_AT;
    cpu->gpr[ESP] = BOOT_AT;
    cpu->gpr[EDX] = FIRST_DISK;
    cpu->eflags |= EFLAGS_IF;
}

void diskboot_start(struct vm *vm)
{
    put_memory(&vm->p2m, disk_sector(&vm->disk, 0));
    start_processor(&vm->cpu);
    for (u32 i = 0; i < ARRAY_LEN(controllers); i++)
        bus_write(&vm->pc.bus, BUS_PORT, controllers[i].port, 1,
                  controllers[i].value);
}
