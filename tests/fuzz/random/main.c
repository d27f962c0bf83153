/* SPDX-License-Identifier: MIT
 *
 * The random guest: a seed, a number of steps, and a report.
 *
 *   seed=N      where the numbers start; the same seed is the same run
 *   steps=N     how many steps, 1000 if nothing is said
 *   every=N     a line of report each N steps, 1000
 *   from=N      runs the steps before this one without a word, then reports
 *               each step
 *   compare     only what a guest cannot tell from the bare machine, so that
 *               the hashes of both can be compared
 *
 * The report goes out by the debug console port: nothing that the steps do
 * to a serial port can garble it. hash= is over every trap, with registers,
 * that the run has seen.
 */
#include "arch/x86/defs/multiboot.h"
#include "tests/fuzz/random/random.h"

#define FNV_PRIME    0x01000193u
#define FNV_START    0x811c9dc5u
#define TRAPS_A_STEP 10 /* then the step is given up */
#define REMAKE_EVERY 64
#define DEADLY_EVERY 6000
#define STATUS_PASS  0x10
#define STATUS_LOST  0x11
#define KERNEL_IF    4 /* one step in so many runs with interrupts on */

extern u32 boot_info;

static u32 state, hash = FNV_START, steps_done;
bool comparing;

void rnd_seed(u32 seed)
{
    state = seed * 2654435761u ^ 0x9e3779b9u;
    if (!state)
        state = 1;
}

u32 rnd(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

u32 rnd_below(u32 n)
{
    return (u32)((u64)rnd() * n >> 32);
}

bool chance(u32 one_in)
{
    return rnd_below(one_in) == 0;
}

static void say(const char *text)
{
    for (; *text; text++)
        out8(PORT_DEBUGCON, (u8)*text);
}

static void say_number(u32 value)
{
    char digits[11];
    u32 n = sizeof(digits) - 1;

    digits[n] = 0;
    do
        digits[--n] = (char)('0' + value % 10);
    while (value /= 10);
    say(&digits[n]);
}

static void report(const char *what, u32 step)
{
    say("\nfuzz: ");
    say(what);
    say(" step=");
    say_number(step);
    say(" hash=");
    say_number(hash);
    say(" traps=");
    say_number(traps);
    say("\n");
}

/* The number behind "key=" on the command line. */
static u32 option(const char *line, const char *key, u32 otherwise)
{
    for (; *line; line++) {
        const char *at = line, *k = key;
        u32 value = 0;
        while (*k && *at == *k)
            at++, k++;
        if (*k)
            continue;
        while (*at >= '0' && *at <= '9')
            value = value * 10 + (u32)(*at++ - '0');
        return value;
    }
    return otherwise;
}

static const char *command_line(void)
{
    const u8 *info = (const u8 *)boot_info;
    u32 flags, line;

    __builtin_memcpy(&flags, info + MB1_FLAGS, sizeof(flags));
    __builtin_memcpy(&line, info + MB1_CMDLINE, sizeof(line));
    return flags & MB1_INFO_CMDLINE ? (const char *)line : "";
}

static void mix(u32 value)
{
    hash = (hash ^ value) * FNV_PRIME;
}

static void mix_seen(void)
{
    const struct seen *s = &seen;

    mix(s->vector);
    mix(s->error);
    mix(s->eip);
    mix(EXACT_FLAGS(s->eflags));
    if (s->vector == TRAP_PF)
        mix(s->cr2);
    mix(s->eax ^ s->ecx << 1 ^ s->edx << 2 ^ s->ebx << 3);
    mix(s->esi ^ s->edi << 1 ^ s->ebp << 2 ^ s->esp << 3);
}

/* Where to go on: the first unit behind the one that trapped. */
static u32 next_unit(const struct gen *g)
{
    u32 offset = seen.eip - (u32)code;

    for (u32 i = 0; i < g->units; i++) {
        if (offset < g->unit[i])
            return g->unit[i];
    }
    return CODE_BYTES;
}

static u32 step_flags(void)
{
    static const u32 odd[] = {EFLAGS_TF, EFLAGS_AC, EFLAGS_DF,
                              EFLAGS_RF, EFLAGS_ID, EFLAGS_IOPL};
    u32 flags = rnd() & EFLAGS_STATUS;

    if (!comparing && chance(16))
        flags |= PICK(odd);
    if (!comparing && chance(KERNEL_IF))
        flags |= EFLAGS_IF;
    return flags;
}

_Noreturn void lost(void)
{
    report("lost", steps_done);
    for (;;)
        out8(PORT_DEBUG_EXIT, STATUS_LOST);
}

static bool telling;

static void say_hex(u32 value, u32 digits)
{
    char c[2] = {0, 0};

    while (digits--) {
        c[0] = "0123456789abcdef"[value >> 4 * digits & 0xf];
        say(c);
    }
}

/* from=: the step's code, for a disassembler, before it runs. */
static void tell_code(const struct gen *g, u32 flags)
{
    say("fuzz: ring ");
    say_number(g->ring);
    say(" flags ");
    say_hex(flags, 8);
    say(" code ");
    for (u32 i = 0; i < g->unit[g->units] + 2; i++)
        say_hex(code[i], 2);
    say("\n");
}

/* from=: what ended a unit. */
static void tell_trap(void)
{
    say("fuzz:   vector ");
    say_hex(seen.vector, 2);
    say(" error ");
    say_hex(seen.error, 8);
    say(" at ");
    say_hex(seen.cs & 0xffff, 4);
    say(":");
    say_hex(seen.eip, 8);
    say(" cr2 ");
    say_hex(seen.cr2, 8);
    say(" esp ");
    say_hex(seen.esp, 8);
    say(" eflags ");
    say_hex(seen.eflags, 8);
    say(" registers");
    for (const u32 *r = &seen.eax; r <= &seen.edi; r++) {
        say(" ");
        say_hex(*r, 8);
    }
    say("\n");
}

static void step(bool deadly)
{
    struct gen g = {.ring = chance(3) ? 3 : 0, .deadly = deadly};
    u32 at = 0, flags = step_flags();

    generate(&g);
    if (telling)
        tell_code(&g, flags);
    for (u32 n = 0; n < TRAPS_A_STEP && at < CODE_BYTES; n++) {
        run_from(at, g.ring, flags);
        traps++;
        mix_seen();
        if (telling)
            tell_trap();
        if (seen.vector == VECTOR_DONE)
            break;
        at = next_unit(&g);
        if (seen.vector >= VECTOR_IRQ && seen.vector < VECTOR_IRQ + IRQ_LINES)
            world_mend(DIRTY_LINES);
    }
    world_mend(g.dirty);
}

void test(void)
{
    const char *line = command_line();
    u32 steps = option(line, "steps=", 1000), from = option(line, "from=", ~0u);
    u32 every = option(line, "every=", 1000);

    comparing = option(line, "compare", ~0u) != ~0u;
    rnd_seed(option(line, "seed=", 1));
    world_make();
    for (u32 i = 0; i < steps; i++) {
        if (i % REMAKE_EVERY == REMAKE_EVERY - 1) {
            mix(world_sum());
            world_remake();
        }
        telling = i >= from;
        if (telling || (from == ~0u && i && i % every == 0))
            report("at", i);
        steps_done = i;
        step(!comparing && chance(DEADLY_EVERY));
    }
    report("done", steps);
    out8(PORT_DEBUG_EXIT, STATUS_PASS);
}
