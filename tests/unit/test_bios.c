/* SPDX-License-Identifier: MIT
 *
 * Two BIOSes that nobody here wrote, on the interpreter and the device models
 * alone, as the board of an ISA machine has them.
 *
 * SeaBIOS runs from RESET to the end of its search for a disk: it starts 16
 * bytes below 4 GiB in real-address mode, goes to 32-bit code and back
 * hundreds of times with segments of 4 GiB left behind, takes interrupts
 * through the vectors, and tells on its debug port how far it came.
 *
 * The LGPL'd VGA BIOS is 16-bit code throughout: its set-up and INT 10h are
 * called, and what they draw must stand in the text screen. Then the same runs
 * in virtual-8086 mode at IOPL 0, with a small monitor that does for
 * it what the processor refuses, and must leave the same memory behind.
 *
 * LIMIT: no FPU and no disk: SeaBIOS does not ask for the one, and goes on
 * without the other.
 *
 * SDM vol. 3A 9.1, 9.9, 20.1 to 20.3.
 * LINKS: vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "drivers/model/pc.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/event.h"
#include "vmm/cpu/exec.h"

#define BIOS       "/usr/share/seabios/bios.bin"
#define VGA_BIOS   "/usr/share/vgabios/vgabios.bin"
#define BIOS_SIZE  0x20000u
#define BIOS_AT    (0u - BIOS_SIZE) /* and below 1 MiB, as RAM */
#define RAM_SIZE   (16u << 20)
#define ADDRESS    0xffffffffu
#define A20        0x00100000u
#define STACK_AT   0x00200000u /* of the monitor, which has nothing else */
#define TSS_AT     0x00201000u
#define DEBUG_PORT 0x402
#define DEBUG_HERE 0xe9
#define SIGNATURE  0x633
#define FEATURES   0x00008011 /* FPU TSC CMOV */
#define STEP_NS    100
#define STEPS      20000000u
#define PIECE      64 /* steps between two looks at the clock */

static u8 ram[RAM_SIZE], rom[BIOS_SIZE];
static struct pc pc;
static struct cpu cpu;
static u64 clock_ns, switches, interrupts;
static u32 address_mask;
static char said[1 << 15];
static u32 said_bytes;

static void say(char c)
{
    if (said_bytes + 1 < sizeof(said))
        said[said_bytes++] = c;
}

static void nothing8(void *ctx, u8 byte)
{
}

static void nothing(void *ctx)
{
}

static void nothing32(void *ctx, u32 value)
{
}

static u64 now(void *ctx)
{
    return clock_ns;
}

static void a20(void *ctx, bool on)
{
    address_mask = on ? ADDRESS : ADDRESS & ~A20;
}

static bool on_bus(u32 at)
{
    return at >= 0xa0000 && at < 0xc0000;
}

static u8 load(u32 at)
{
    if (on_bus(at))
        return (u8)bus_read(&pc.bus, BUS_MEMORY, at, 1);
    if (at < RAM_SIZE)
        return ram[at];
    return at >= BIOS_AT ? rom[at - BIOS_AT] : 0xff;
}

static enum env_status read_memory(void *ctx, gva_t at, void *buf, u32 size,
                                   u32 access, struct fault *fault)
{
    for (u32 i = 0; i < size; i++)
        ((u8 *)buf)[i] = load((at.v + i) & address_mask);
    return ENV_OK;
}

static enum env_status write_memory(void *ctx, gva_t at, const void *buf,
                                    u32 size, u32 access, struct fault *fault)
{
    for (u32 i = 0; i < size; i++) {
        u32 byte = (at.v + i) & address_mask;
        if (on_bus(byte))
            bus_write(&pc.bus, BUS_MEMORY, byte, 1, ((const u8 *)buf)[i]);
        else if (byte < RAM_SIZE)
            ram[byte] = ((const u8 *)buf)[i];
    }
    return ENV_OK;
}

static u32 port_in(void *ctx, u16 port, u32 size)
{
    if (port == DEBUG_PORT)
        return DEBUG_HERE;
    return bus_read(&pc.bus, BUS_PORT, port, size);
}

static void port_out(void *ctx, u16 port, u32 size, u32 value)
{
    if (port == DEBUG_PORT)
        say((char)value);
    else
        bus_write(&pc.bus, BUS_PORT, port, size, value);
}

static enum env_status cr_check(void *ctx, unsigned n, u32 value,
                                struct fault *fault)
{
    return ENV_OK;
}

static void cr_written(void *ctx, unsigned n, u32 old)
{
    switches += n == 0 && ((cpu.cr0 ^ old) & CR0_PE);
}

static enum env_status no_rdmsr(void *ctx, u32 index, u64 *value,
                                struct fault *fault)
{
    *fault = fault_error(TRAP_GP, 0);
    return ENV_FAULT;
}

static enum env_status no_wrmsr(void *ctx, u32 index, u64 value,
                                struct fault *fault)
{
    *fault = fault_error(TRAP_GP, 0);
    return ENV_FAULT;
}

static void cpuid(void *ctx, u32 leaf, u32 subleaf, u32 out[4])
{
    memset(out, 0, 4 * sizeof(*out));
    out[0] = leaf ? SIGNATURE : 1;
    out[3] = leaf ? FEATURES : 0;
}

static void table_loaded(void *ctx, enum cpu_table table)
{
}

static const struct cpu_env env = {
    .read = read_memory,
    .write = write_memory,
    .in = port_in,
    .out = port_out,
    .cr_check = cr_check,
    .cr_written = cr_written,
    .rdmsr = no_rdmsr,
    .wrmsr = no_wrmsr,
    .cpuid = cpuid,
    .rdtsc = now,
    .table_loaded = table_loaded,
};

/* The bytes of the file's end; false when it has another size or is not
 * there. */
static bool load_file(const char *name, u8 *to, u32 size, u32 least)
{
    FILE *file = fopen(name, "rb");
    size_t got = file ? fread(to, 1, size, file) : 0;

    if (file)
        fclose(file);
    if (got < least)
        printf("%s is not there\n", name);
    return got >= least;
}

static bool power_on(void)
{
    struct pc_host host = {.console = nothing8,
                           .reset = nothing,
                           .exit = nothing32,
                           .now = now,
                           .exits = now,
                           .epoch = 1795232400,
                           .ram_kib = RAM_SIZE >> 10,
                           .a20 = a20};
    bool there = load_file(BIOS, rom, BIOS_SIZE, BIOS_SIZE);

    memset(ram, 0, sizeof(ram));
    memcpy(ram + 0x100000 - BIOS_SIZE, rom, BIOS_SIZE);
    address_mask = ADDRESS;
    pc_init(&pc, &host);
    cpu_reset_power_on(&cpu, SIGNATURE);
    return there;
}

static void deliver(enum event_kind kind, struct fault fault)
{
    struct event event = {.kind = kind, .fault = fault};

    EXPECT_EQ(event_deliver(&cpu, &env, &event, NULL), EVENT_OK);
}

static void take_interrupt(void)
{
    if (!pc_irq_pending(&pc) || !(cpu.eflags & EFLAGS_IF) || cpu.irq_shadow)
        return;
    interrupts++;
    deliver(EVENT_INTERRUPT, fault_plain(pc_irq_ack(&pc)));
}

/* ---- a monitor of virtual-8086 mode, with the flags that it gives away */

static u32 v86_traps, v86_flags;

static u32 v86_pop(void)
{
    u32 at = cpu.seg[SEG_SS].base + (u16)cpu.gpr[ESP];

    cpu.gpr[ESP] = (u16)(cpu.gpr[ESP] + 2);
    return get_le16(ram + at);
}

static void v86_push(u32 value)
{
    cpu.gpr[ESP] = (u16)(cpu.gpr[ESP] - 2);
    put_le16(ram + cpu.seg[SEG_SS].base + (u16)cpu.gpr[ESP], (u16)value);
}

static void v86_set_flags(u32 value)
{
    u32 keep = EFLAGS_VM | EFLAGS_IOPL | 0xffff0000;

    v86_flags = value & EFLAGS_IF;
    cpu.eflags = (cpu.eflags & keep) | (value & ~keep) | EFLAGS_ONE;
}

static u32 v86_get_flags(void)
{
    return (cpu.eflags & ~(u32)EFLAGS_IF) | v86_flags;
}

static void v86_go(u32 ip, u32 cs)
{
    cpu.eip = ip;
    cpu.seg[SEG_CS].sel = (u16)cs;
    cpu.seg[SEG_CS].base = cs << 4;
}

static void v86_int(const u8 *vector)
{
    v86_push(v86_get_flags());
    v86_push(cpu.seg[SEG_CS].sel);
    v86_push(cpu.eip + 2);
    v86_flags = 0;
    v86_go(get_le16(vector), get_le16(vector + 2));
}

/* Does the instruction that #GP(0) refused; false for any other. */
static bool v86_monitor(const u8 *code)
{
    u32 ip;

    v86_traps++;
    switch (code[0]) {
    case 0xcd:
        v86_int(ram + code[1] * 4);
        return true;
    case 0xcf:
        ip = v86_pop();
        v86_go(ip, v86_pop());
        v86_set_flags(v86_pop());
        return true;
    case 0x9c:
        v86_push(v86_get_flags());
        break;
    case 0x9d:
        v86_set_flags(v86_pop());
        break;
    case 0xfa:
    case 0xfb:
        v86_flags = code[0] & 1 ? EFLAGS_IF : 0;
        break;
    case 0xf4:
        cpu.halted = 1;
        break;
    default:
        return false;
    }
    cpu.eip++;
    return true;
}

static enum step_status step_once(void)
{
    struct step step;
    enum step_status status = cpu_step(&cpu, &env, &step);

    if (status != STEP_FAULT || cpu_mode(&cpu) != MODE_V86)
        return status;
    EXPECT_EQ(step.fault.vector, TRAP_GP);
    EXPECT_EQ(step.fault.error, 0);
    return v86_monitor(step.bytes) ? STEP_OK : status;
}

/* A piece of its life; time passes faster while it waits. False: it met a
 * fault that it has no handler for, which is how it restarts the machine. */
static bool live(void)
{
    for (u32 i = 0; i < PIECE && !cpu.halted; i++) {
        enum step_status status = step_once();
        clock_ns += STEP_NS;
        if (status != STEP_OK)
            return false;
    }
    if (cpu.halted)
        clock_ns = max_u64(clock_ns, pc_deadline(&pc));
    pc_run(&pc, clock_ns);
    take_interrupt();
    return true;
}

/* In the order in which they come. */
static const char *const milestones[] = {
    "SeaBIOS (version ",
    "RamSize: 0x01000000 [cmos]",
    "Relocating init from ",
    "Found 2 serial ports",
    "PS2 keyboard initialized",
    "All threads complete.",
    "= 1 RAM",
    "Booting from ",
    "No bootable device.",
};

static void from_reset_to_no_bootable_device(void)
{
    const char *at = said, *next;
    u32 n = 0;

    EXPECT(power_on());
    for (u32 i = 0; i < STEPS / PIECE && n < ARRAY_LEN(milestones); i++) {
        if (!live())
            break;
        for (; n < ARRAY_LEN(milestones); n++) {
            next = strstr(at, milestones[n]);
            if (!next)
                break;
            at = next;
        }
    }
    if (!said_bytes) /* some distributions build it without these words */
        n = ARRAY_LEN(milestones);
    if (n < ARRAY_LEN(milestones))
        printf("it did not say \"%s\", but:\n%s\n", milestones[n], said);
    EXPECT_EQ(n, ARRAY_LEN(milestones));
    EXPECT(switches > 100);
    EXPECT(interrupts > 10);
    EXPECT_EQ(get_le16(ram + 0x413), 639); /* INT 12h's KiB */
}

/* call c000:3; xor ax, ax; mov ds, ax; mov si, 7c40h; (lodsb; test al, al; jz;
 * mov ah, 0eh; int 10h; jmp); mov ah, 2; mov dx, 0a05h; int 10h;
 * mov ax, 0959h; mov bx, 1eh; mov cx, 3; int 10h; hlt */
static const u8 caller[] = {
    0x9a, 0x03, 0x00, 0x00, 0xc0, 0x31, 0xc0, 0x8e, 0xd8, 0xbe, 0x40,
    0x7c, 0xac, 0x84, 0xc0, 0x74, 0x06, 0xb4, 0x0e, 0xcd, 0x10, 0xeb,
    0xf5, 0xb4, 0x02, 0xb7, 0x00, 0xba, 0x05, 0x0a, 0xcd, 0x10, 0xb8,
    0x59, 0x09, 0xbb, 0x1e, 0x00, 0xb9, 0x03, 0x00, 0xcd, 0x10, 0xf4,
};

/* The text screen's line, without attributes. */
static void screen_line(u32 line, char text[81])
{
    for (u32 x = 0; x < 80; x++)
        text[x] = (char)load(0xb8000 + (line * 80 + x) * 2);
    text[80] = 0;
}

static bool on_screen(const char *words)
{
    char text[81];

    for (u32 line = 0; line < 25; line++) {
        screen_line(line, text);
        if (strstr(text, words))
            return true;
    }
    return false;
}

static void vga_world(void)
{
    power_on();
    EXPECT(load_file(VGA_BIOS, ram + 0xc0000, 0x10000, 0x2000));
    memcpy(ram + 0x7c00, caller, sizeof(caller));
    strcpy((char *)ram + 0x7c40, "called by INT 10h");
    cpu.seg[SEG_CS].sel = 0;
    cpu.seg[SEG_CS].base = 0;
    cpu.eip = cpu.gpr[ESP] = 0x7c00;
}

static void run_to_halt(void)
{
    for (u32 i = 0; i < STEPS / PIECE && !cpu.halted; i++) {
        if (!live())
            return;
    }
    EXPECT(cpu.halted);
    EXPECT_EQ(cpu.eip, 0x7c00 + sizeof(caller));
    EXPECT_EQ(cpu.gpr[ESP], 0x7c00);
}

static void the_vga_bios_draws(void)
{
    char text[81];

    vga_world();
    run_to_halt();
    EXPECT(on_screen("VGABios"));
    EXPECT(on_screen("called by INT 10h"));
    screen_line(10, text);
    EXPECT(!memcmp(text + 5, "YYY", 3));
    EXPECT_EQ(load(0xb8000 + (10 * 80 + 5) * 2 + 1), 0x1e);
}

/* An IRET to virtual-8086 mode, with all ports open. */
static void enter_v86(void)
{
    const u32 frame[9] = {0x7c00, 0, EFLAGS_VM | EFLAGS_ONE, 0x7c00};

    memcpy(ram + STACK_AT, frame, sizeof(frame));
    put_le16(ram + TSS_AT + TSS32_IOMAP, TSS32_SIZE);
    cpu.tr.base = TSS_AT;
    cpu.tr.limit = 0x3000;
    cpu.cr0 |= CR0_PE;
    cpu.seg[SEG_SS] = (struct segment){
        8, ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_DB, STACK_AT, 0xffff};
    cpu.gpr[ESP] = 0;
    ram[0x500] = 0xcf;
    cpu.eip = 0x500;
    cpu.seg[SEG_CS].attr |= ATTR_DB;
    EXPECT_EQ(step_once(), STEP_OK);
    EXPECT_EQ(cpu_mode(&cpu), MODE_V86);
}

static void it_draws_the_same_in_virtual_8086_mode(void)
{
    static u8 screen[2][4000], data[2][0x200];

    for (u32 v86 = 0; v86 < 2; v86++) {
        vga_world();
        if (v86)
            enter_v86();
        run_to_halt();
        for (u32 i = 0; i < sizeof(screen[0]); i++)
            screen[v86][i] = load(0xb8000 + i);
        memcpy(data[v86], ram + 0x400, 0x100);
        memcpy(data[v86] + 0x100, ram, 0x100);
    }
    EXPECT(v86_traps > 100);
    EXPECT(!memcmp(screen[0], screen[1], sizeof(screen[0])));
    EXPECT(!memcmp(data[0], data[1], sizeof(data[0])));
}

static const struct unit_case cases[] = {
    CASE(it_draws_the_same_in_virtual_8086_mode),
    CASE(the_vga_bios_draws),
    CASE(from_reset_to_no_bootable_device),
};
UNIT_MAIN(cases)
