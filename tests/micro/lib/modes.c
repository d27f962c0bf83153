/* SPDX-License-Identifier: MIT
 *
 * See modes.h.
 *
 * SDM vol. 3A 20.1.4 (interrupt table), 20.3.1 (frames out of virtual-8086
 * mode), 9.9.2 (segments on the way to real-address mode).
 */
#include "tests/micro/lib/modes.h"

#define ATTR_16    (ATTR_P | ATTR_S | ATTR_ACCESSED)
#define FRAME_REAL 6

/* A trap's frame, with what virtual-8086 mode adds. */
struct v86_frame {
    struct frame f;
    u32 es, ds, fs, gs;
};

extern const u8 modes16[], modes16_end[];
extern const u16 modes16_stubs[TRAP_VECTORS];
void real_enter(void);
void v86_enter(void);
_Noreturn void v86_leave(void);

struct table_pointer real_idt;
u32 v86_error, modes_tss, modes_got, modes_size;

void modes_init(void)
{
    volatile u8 *to = paragraph(MODES_SWITCH, 0);

    for (u32 i = 0; i < (u32)(modes16_end - modes16); i++)
        to[i] = modes16[i];
    for (u32 v = 0; v < TRAP_VECTORS; v++) {
        set_word(MODES_IVT >> 4, v * 4, modes16_stubs[v]);
        set_word(MODES_IVT >> 4, v * 4 + 2, MODES_SWITCH);
    }
    modes_tss = (u32)&tss;
    gdt_set(REAL_CODE >> 3, MODES_SWITCH << 4, 0xffff,
            ATTR_16 | ATTR_CODE | ATTR_READABLE);
    gdt_set(REAL_DATA >> 3, 0, 0xffff, ATTR_16 | ATTR_WRITABLE);
    gdt_set(REAL_BIG >> 3, 0, 0xfffff, ATTR_16 | ATTR_WRITABLE | ATTR_G);
}

void modes_reset(void)
{
    static const u16 segments[S_COUNT] = {0x3000, MODES_CODE, MODES_STACK,
                                          0x2000, 0x4000,     0x5000};

    for (u32 i = 0; i < R_COUNT; i++)
        MODES->r[i] = 0x10101010 * (i + 1);
    for (u32 i = 0; i < S_COUNT; i++)
        MODES->s[i] = segments[i];
    MODES->r[R_ESP] = MODES_SP;
    MODES->eip = 0;
    MODES->eflags = EFLAGS_ONE;
    MODES->data = REAL_DATA;
    real_idt = (struct table_pointer){4 * TRAP_VECTORS - 1, MODES_IVT};
}

/* The code, and an UD2 behind it. */
static void put_code(const u8 *code, u32 size)
{
    volatile u8 *to = paragraph(MODES->s[S_CS], MODES->eip);

    for (u32 i = 0; i < size; i++)
        to[i] = code[i];
    to[size] = 0x0f;
    to[size + 1] = 0x0b;
    modes_size = MODES->eip + size;
}

u32 run_real(const u8 *code, u32 size)
{
    put_code(code, size);
    MODES->target_ip = (u16)MODES->eip;
    MODES->target_cs = MODES->s[S_CS];
    real_enter();
    idt_load();
    MODES->r[R_ESP] = (MODES->r[R_ESP] & 0xffff0000) |
                      ((MODES->r[R_ESP] + FRAME_REAL) & 0xffff);
    modes_got = MODES->vector;
    return modes_got;
}

/* Any trap: the registers as they were, and back to run_v86(). */
static void v86_trap(struct frame *frame)
{
    const struct v86_frame *v = (const struct v86_frame *)frame;
    const struct frame *f = &v->f;
    const u32 r[R_COUNT] = {f->eax, f->ecx, f->edx, f->ebx,
                            f->esp, f->ebp, f->esi, f->edi};
    const u32 s[S_COUNT] = {v->es, f->cs, f->ss, v->ds, v->fs, v->gs};

    for (u32 i = 0; i < R_COUNT; i++)
        MODES->r[i] = r[i];
    for (u32 i = 0; i < S_COUNT; i++)
        MODES->s[i] = (u16)s[i];
    MODES->eip = f->eip;
    MODES->eflags = f->eflags;
    v86_error = f->error;
    modes_got = f->vector;
    v86_leave();
}

u32 run_v86(const u8 *code, u32 size)
{
    trap_handler old[TRAP_VECTORS];

    put_code(code, size);
    MODES->eflags |= EFLAGS_VM;
    for (u32 v = 0; v < TRAP_VECTORS; v++) {
        old[v] = handlers[v];
        handlers[v] = v86_trap;
    }
    v86_enter();
    barrier();
    for (u32 v = 0; v < TRAP_VECTORS; v++)
        handlers[v] = old[v];
    return modes_got;
}

void expect_end(u32 vector, u32 offset, u32 line, const char *what)
{
    if (modes_got == vector && MODES->eip == offset)
        return;
    print(what);
    print(" ended with vector ");
    print_hex(modes_got);
    print(" at ");
    print_hex(MODES->s[S_CS]);
    print(":");
    print_hex(MODES->eip);
    print("; wanted ");
    print_hex(vector);
    print(" at ");
    print_hex(offset);
    print("\n");
    expect_true(false, line, what);
}
