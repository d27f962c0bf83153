/* SPDX-License-Identifier: MIT
 *
 * The witness: a guest that lives beside an attacker and notices if anything
 * of its own is not as it made it.
 *
 * It fills every frame it does not need with SECRET, then computes in rounds
 * until its time is up: numbers whose sum is known in closed form, in ring 0
 * and in ring 3 (which asks for services by INT); a window of addresses that
 * shows two faces by two page directories; and each time a piece of its
 * memory, its GDT, its IDT and its page tables, read over against what they
 * must be. Its timer ticks throughout. What is wrong is said in a sentence,
 * and the exit status tells.
 *
 * Command line: ms=N ends it after N ms of its own timer; without, a key on
 * its keyboard does. mib=N: it fills and checks no more than N MiB, where that
 * would take too long. The last line but one is
 *   witness: N rounds in T ms, C x 1024 cycles, W at worst between two
 * T is counted in ticks, C and W by RDTSC, so that who knows the processor's
 * frequency sees whether ticks were lost. W is how long it once had to wait.
 */
#include "arch/x86/defs/multiboot.h"
#include "tests/attack/lib/attack.h"

#define TICK_MS     10
#define TICK_RELOAD 11932 /* 1193182 Hz / 100 */

#define PAGE_WORDS  (PAGE_SIZE / 4)
#define ROUND_PAGES 2

#define VECTOR_SERVICE 0x32
#define SERVICES       3 /* for each visit to ring 3 */

#define WINDOW       0x40000000u
#define WINDOW_PAGES 4
#define FACES        2

/* x' = A x + C modulo 2^32 (Numerical Recipes). */
#define STEP_A 1664525u
#define STEP_C 1013904223u
#define STEPS  2000

extern u8 image_end[]; /* micro.ld */

static volatile u32 ticks;
static u32 services, next_page, first_page, limit_ms, memory_end;
static u32 gdt_copy[GDT_SIZE][2], idt_copy[TRAP_VECTORS][2];
static u32 other_dir[1024] __attribute__((aligned(4096)));
static u32 window[FACES][1024] __attribute__((aligned(4096)));
static u32 face[FACES][WINDOW_PAGES][PAGE_WORDS] __attribute__((aligned(4096)));
static u32 user_seed;
static bool failed; /* one sentence will do */

static void must(bool ok, const char *sentence, u32 where, u32 value)
{
    if (ok || failed)
        return;
    failed = true;
    print("witness: ");
    print(sentence);
    print(": at ");
    print_hex(where);
    print(" is ");
    print_hex(value);
    print("\n");
    EXPECT(false, "the witness was harmed");
}

static void print_decimal(u32 value)
{
    char digits[11], *at = digits + sizeof(digits) - 1;

    *at = 0;
    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    print(at);
}

static void on_tick(struct frame *f)
{
    ticks++;
    pic_eoi(IRQ_TIMER);
}

static void on_service(struct frame *f)
{
    services++;
    f->eax = f->eax * STEP_A + STEP_C;
}

/* ---- memory */

static u32 page_word(u32 page, u32 i)
{
    return i ? SECRET : SECRET ^ page << PAGE_SHIFT;
}

static void fill_memory(void)
{
    first_page = ((u32)image_end + PAGE_MASK) >> PAGE_SHIFT;
    next_page = first_page;
    for (u32 page = first_page; page < memory_end >> PAGE_SHIFT; page++) {
        for (u32 i = 0; i < PAGE_WORDS; i++)
            poke((page << PAGE_SHIFT) + 4 * i, page_word(page, i));
    }
}

static void check_page(u32 page)
{
    for (u32 i = 0; i < PAGE_WORDS; i++) {
        u32 at = (page << PAGE_SHIFT) + 4 * i, value = peek(at);
        must(value == page_word(page, i), "its memory has changed", at, value);
    }
}

static void check_some_memory(void)
{
    for (u32 i = 0; i < ROUND_PAGES; i++) {
        check_page(next_page);
        if (++next_page == memory_end >> PAGE_SHIFT)
            next_page = first_page;
    }
}

static void check_all_memory(void)
{
    for (u32 page = first_page; page < memory_end >> PAGE_SHIFT; page++)
        check_page(page);
}

/* ---- page tables with two faces */

static u32 face_word(u32 f, u32 page)
{
    return SECRET ^ (f << 8 | page);
}

static void map_window(u32 f, u32 *dir)
{
    dir[WINDOW >> 22] = (u32)window[f] | PTE_P | PTE_W | PTE_U;
    for (u32 i = 0; i < WINDOW_PAGES; i++) {
        window[f][i] = (u32)face[f][i] | PTE_P | PTE_W | PTE_U;
        face[f][i][0] = face_word(f, i);
    }
}

static void build_faces(void)
{
    paging_on();
    for (u32 i = 0; i < ARRAY_LEN(other_dir); i++)
        other_dir[i] = page_dir[i];
    map_window(0, page_dir);
    map_window(1, other_dir);
}

static void check_face(u32 f)
{
    for (u32 i = 0; i < WINDOW_PAGES; i++) {
        u32 at = WINDOW + (i << PAGE_SHIFT), value = peek(at);
        must(value == face_word(f, i), "a page shows another face", at, value);
        poke(at + 4, value + f);
        value = face[f][i][1];
        must(value == face_word(f, i) + f, "a write went elsewhere", at, value);
    }
}

static void check_faces(void)
{
    write_cr3((u32)other_dir);
    check_face(1);
    write_cr3((u32)page_dir);
    check_face(0);
}

/* The tables as the processor may have left them: accessed and dirty. */
static void check_page_tables(void)
{
    const u32 mask = ~(u32)(PTE_A | PTE_D);

    for (u32 at = 0; at < memory_end; at += PAGE_SIZE) {
        u32 value = *pte_of(at);
        must((value & mask) == (at | PTE_P | PTE_W | PTE_U),
             "a page-table entry has changed", (u32)pte_of(at), value);
    }
    for (u32 i = 0; i < WINDOW_PAGES; i++) {
        u32 value = window[0][i];
        must((value & mask) == ((u32)face[0][i] | PTE_P | PTE_W | PTE_U),
             "a window's entry has changed", (u32)&window[0][i], value);
    }
}

/* ---- descriptor tables */

static void remember_tables(void)
{
    __builtin_memcpy(gdt_copy, gdt, sizeof(gdt));
    __builtin_memcpy(idt_copy, idt, sizeof(idt));
}

static void check_tables(void)
{
    for (u32 i = 0; i < ARRAY_LEN(gdt); i++)
        must(gdt[i][0] == gdt_copy[i][0] && gdt[i][1] == gdt_copy[i][1],
             "a GDT entry has changed", i, gdt[i][1]);
    for (u32 i = 0; i < ARRAY_LEN(idt); i++)
        must(idt[i][0] == idt_copy[i][0] && idt[i][1] == idt_copy[i][1],
             "an IDT gate has changed", i, idt[i][1]);
}

/* ---- numbers */

/* STEPS steps at once: x -> a x + c, composed by squaring. */
static u32 jump(u32 x)
{
    u32 a = STEP_A, c = STEP_C;

    for (u32 n = STEPS; n; n >>= 1) {
        if (n & 1)
            x = a * x + c;
        c = (a + 1) * c;
        a = a * a;
    }
    return x;
}

static u32 walk(u32 x)
{
    for (u32 i = 0; i < STEPS; i++) {
        x = STEP_A * x + STEP_C;
        __asm__ volatile("" : "+r"(x)); /* one by one, please */
    }
    return x;
}

static u32 in_ring3(void)
{
    u32 x = walk(user_seed);

    for (u32 i = 0; i < SERVICES; i++)
        __asm__ volatile("int %1" : "+a"(x) : "i"(VECTOR_SERVICE) : "memory");
    return x;
}

static void check_numbers(u32 seed)
{
    u32 want = jump(seed), value = walk(seed);

    must(value == want, "it computed a wrong sum", seed, value);
    user_seed = seed;
    services = 0;
    value = ring3_flags(in_ring3, EFLAGS_IF);
    sti();
    for (u32 i = 0; i < SERVICES; i++)
        want = STEP_A * want + STEP_C;
    must(value == want, "ring 3 computed a wrong sum", seed, value);
    must(services == SERVICES, "ring 3 was not served", seed, services);
}

/* ---- time */

static u64 cycles(void)
{
    u32 lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (u64)hi << 32 | lo;
}

static bool has_key(void)
{
    return in8(PORT_KBD_CMD) & 1; /* output buffer full */
}

static bool finished(u32 round)
{
    if (limit_ms)
        return ticks * TICK_MS >= limit_ms;
    return !(round % 64) && has_key();
}

static void start_timer(void)
{
    handlers[VECTOR_IRQ] = on_tick;
    pit_start(TICK_RELOAD);
    pic_unmask(IRQ_TIMER);
    sti();
}

static bool starts(const char *text, const char *key)
{
    while (*key && *text == *key) {
        text++;
        key++;
    }
    return !*key;
}

/* KEY=N on the command line; 0 when it is not there. */
static u32 read_number(const char *key)
{
    const char *c = (const char *)peek(boot_words + MB1_CMDLINE);
    u32 n = 0;

    if (!(peek(boot_words + MB1_FLAGS) & MB1_INFO_CMDLINE))
        return 0;
    while (*c && !starts(c, key))
        c++;
    while (*c && *c++ != '=')
        ;
    for (; *c >= '0' && *c <= '9'; c++)
        n = n * 10 + (u32)(*c - '0');
    return n;
}

static u32 read_memory_end(void)
{
    u32 mib = read_number("mib=");

    return (mib && mib < PAGED_MIB ? mib : PAGED_MIB) << 20;
}

/* No 64-bit division here. */
static u32 in_1024(u64 n)
{
    return (u32)(n >> 10);
}

static void report(u32 rounds, u64 spent, u64 worst)
{
    print("witness: ");
    print_decimal(rounds);
    print(" rounds in ");
    print_decimal(ticks * TICK_MS);
    print(" ms, ");
    print_decimal(in_1024(spent));
    print(" x 1024 cycles, ");
    print_decimal(in_1024(worst));
    print(" at worst between two\n");
}

static void one_round(u32 seed)
{
    check_numbers(seed);
    check_some_memory();
    check_faces();
    check_tables();
    check_page_tables();
}

void test(void)
{
    u64 start, last, worst = 0;
    u32 rounds = 0;

    limit_ms = read_number("ms=");
    memory_end = read_memory_end();
    fill_memory();
    build_faces();
    handlers[VECTOR_SERVICE] = on_service;
    idt_set(VECTOR_SERVICE, SYS_INT32, 3, KCODE, stubs[VECTOR_SERVICE]);
    check_numbers(0); /* visits ring 3, which marks descriptors accessed */
    cli();
    remember_tables();
    print("witness: ready\n");
    start_timer();
    for (last = start = cycles(); !finished(rounds); rounds++) {
        u64 now = cycles();
        worst = now - last > worst ? now - last : worst;
        last = now;
        one_round(rounds);
    }
    cli();
    report(rounds, cycles() - start, worst);
    check_all_memory();
}
