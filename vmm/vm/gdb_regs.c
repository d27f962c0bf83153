/* SPDX-License-Identifier: MIT
 *
 * See gdb_impl.h. Registers: one table says what there is, in gdb's order, and
 * everything else is made of it: target.xml, g and G, p and P.
 *
 * The features org.gnu.gdb.i386.core and .sse are gdb's own and fixed by it.
 * What a kernel's author wants to see besides, org.trapline.i386.system has:
 * the hidden bases of segments, control, debug and table registers.
 *
 * What is written takes the way an instruction of the guest would take, with
 * its checks: a selector is loaded from the guest's own tables, CR0 with PG and
 * without PE is refused. Going past the checks would leave the processor in a
 * state that no guest can be in, and no engine has to know.
 *
 * LIMIT: CR0.PE, EFLAGS.VM, LDTR, TR and the CPL do not change from outside.
 * A read-only register takes what it has already, so that G can be used.
 *
 * GDB manual, appendix G.5.5 (i386 features); SDM vol. 1 figure 8-5 (x87).
 */
#include "arch/x86/defs/fpu.h"
#include "arch/x86/defs/regs.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/fpu.h"
#include "vmm/cpu/seg.h"
#include "vmm/vm/env.h"
#include "vmm/vm/gdb_impl.h"
#include "vmm/vm/inspect.h"

#define REG_BYTES 16

/* What a user may set: all defined flags but VM. */
#define FLAGS_WRITABLE 0x003d7fd5u
#define DR6_WRITABLE   0x0000e00fu
#define DR7_WRITABLE   0xffff23ffu
#define CR0_KNOWN                                                              \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW |   \
     CR0_CD | CR0_PG)

enum kind {
    GPR,
    EIP,
    FLAGS,
    SELECTOR,
    STACK, /* ST(n) */
    FPU_WORD,
    XMM,
    MXCSR,
    BASE,
    CR,
    DR,
    TABLE_BASE,
    TABLE_LIMIT,
    SYSTEM, /* LDTR and TR: selector, base */
    RING,
    NO_CALL,
};

static const struct reg {
    const char *name, *type, *group;
    u8 bytes;
    u8 kind, index;
} regs[] = {
    {"eax", "int", NULL, 4, GPR, EAX},
    {"ecx", "int", NULL, 4, GPR, ECX},
    {"edx", "int", NULL, 4, GPR, EDX},
    {"ebx", "int", NULL, 4, GPR, EBX},
    {"esp", "data_ptr", NULL, 4, GPR, ESP},
    {"ebp", "data_ptr", NULL, 4, GPR, EBP},
    {"esi", "int", NULL, 4, GPR, ESI},
    {"edi", "int", NULL, 4, GPR, EDI},
    {"eip", "code_ptr", NULL, 4, EIP, 0},
    {"eflags", "i386_eflags", NULL, 4, FLAGS, 0},
    {"cs", "int", NULL, 4, SELECTOR, SEG_CS},
    {"ss", "int", NULL, 4, SELECTOR, SEG_SS},
    {"ds", "int", NULL, 4, SELECTOR, SEG_DS},
    {"es", "int", NULL, 4, SELECTOR, SEG_ES},
    {"fs", "int", NULL, 4, SELECTOR, SEG_FS},
    {"gs", "int", NULL, 4, SELECTOR, SEG_GS},
    {"st0", "i387_ext", NULL, 10, STACK, 0},
    {"st1", "i387_ext", NULL, 10, STACK, 1},
    {"st2", "i387_ext", NULL, 10, STACK, 2},
    {"st3", "i387_ext", NULL, 10, STACK, 3},
    {"st4", "i387_ext", NULL, 10, STACK, 4},
    {"st5", "i387_ext", NULL, 10, STACK, 5},
    {"st6", "i387_ext", NULL, 10, STACK, 6},
    {"st7", "i387_ext", NULL, 10, STACK, 7},
    {"fctrl", "int", "float", 4, FPU_WORD, 0},
    {"fstat", "int", "float", 4, FPU_WORD, 1},
    {"ftag", "int", "float", 4, FPU_WORD, 2},
    {"fiseg", "int", "float", 4, FPU_WORD, 3},
    {"fioff", "int", "float", 4, FPU_WORD, 4},
    {"foseg", "int", "float", 4, FPU_WORD, 5},
    {"fooff", "int", "float", 4, FPU_WORD, 6},
    {"fop", "int", "float", 4, FPU_WORD, 7},
    {"xmm0", "vec128", NULL, 16, XMM, 0},
    {"xmm1", "vec128", NULL, 16, XMM, 1},
    {"xmm2", "vec128", NULL, 16, XMM, 2},
    {"xmm3", "vec128", NULL, 16, XMM, 3},
    {"xmm4", "vec128", NULL, 16, XMM, 4},
    {"xmm5", "vec128", NULL, 16, XMM, 5},
    {"xmm6", "vec128", NULL, 16, XMM, 6},
    {"xmm7", "vec128", NULL, 16, XMM, 7},
    {"mxcsr", "i386_mxcsr", "vector", 4, MXCSR, 0},
    {"orig_eax", "int", "system", 4, NO_CALL, 0},
    {"cs_base", "int", "system", 4, BASE, SEG_CS},
    {"ss_base", "int", "system", 4, BASE, SEG_SS},
    {"ds_base", "int", "system", 4, BASE, SEG_DS},
    {"es_base", "int", "system", 4, BASE, SEG_ES},
    {"fs_base", "int", "system", 4, BASE, SEG_FS},
    {"gs_base", "int", "system", 4, BASE, SEG_GS},
    {"cr0", "i386_cr0", "system", 4, CR, 0},
    {"cr2", "data_ptr", "system", 4, CR, 2},
    {"cr3", "int", "system", 4, CR, 3},
    {"cr4", "i386_cr4", "system", 4, CR, 4},
    {"gdtr_base", "data_ptr", "system", 4, TABLE_BASE, TABLE_GDT},
    {"gdtr_limit", "int", "system", 4, TABLE_LIMIT, TABLE_GDT},
    {"idtr_base", "data_ptr", "system", 4, TABLE_BASE, TABLE_IDT},
    {"idtr_limit", "int", "system", 4, TABLE_LIMIT, TABLE_IDT},
    {"ldtr", "int", "system", 4, SYSTEM, 0},
    {"ldtr_base", "data_ptr", "system", 4, SYSTEM, 1},
    {"tr", "int", "system", 4, SYSTEM, 2},
    {"tr_base", "data_ptr", "system", 4, SYSTEM, 3},
    {"dr0", "int", "system", 4, DR, 0},
    {"dr1", "int", "system", 4, DR, 1},
    {"dr2", "int", "system", 4, DR, 2},
    {"dr3", "int", "system", 4, DR, 3},
    {"dr6", "int", "system", 4, DR, 6},
    {"dr7", "int", "system", 4, DR, 7},
    {"cpl", "int", "system", 4, RING, 0},
};

/* The features, by their first registers. */
#define FIRST_CORE   0
#define FIRST_SSE    32
#define FIRST_SYSTEM 41
/* Those of g and G; others go by p and P, when somebody wants them. gdb does
 * not fetch target.xml for each process it finds in the list: for the second it
 * goes by its own idea of an i386, which is these registers. The last of them
 * says that no system call is to be restarted. */
#define IN_G 42

/* ---- reading */

/* gdb's order of the x87's words, by where FNSTENV has them. */
static const struct {
    u8 at, bytes;
} fpu_words[] = {{0, 2},  {4, 2},  {8, 2},  {16, 2},
                 {12, 4}, {24, 2}, {20, 4}, {18, 2}};

static struct fpu *fpu_of(struct vm *vm)
{
    struct cpu_env env = env_of(vm);

    return env.fpu(vm);
}

static u32 fpu_word_get(struct vm *vm, u32 index)
{
    u8 image[FPU_ENV_MAX];

    fpu_env_get(fpu_of(vm), FPU_FORMAT_32, image);
    if (fpu_words[index].bytes == 4)
        return get_le32(image + fpu_words[index].at);
    return get_le16(image + fpu_words[index].at);
}

static u32 system_get(const struct cpu *cpu, u32 index)
{
    const struct segment *s = index < 2 ? &cpu->ldtr : &cpu->tr;

    return index & 1 ? s->base : s->sel;
}

static struct table_reg *table_of(struct cpu *cpu, u32 table)
{
    return table == TABLE_GDT ? &cpu->gdtr : &cpu->idtr;
}

static u32 *cr_of(struct cpu *cpu, u32 n)
{
    u32 *const at[] = {&cpu->cr0, NULL, &cpu->cr2, &cpu->cr3, &cpu->cr4};

    return at[n];
}

static u32 get_word(struct vm *vm, const struct reg *r)
{
    struct cpu *cpu = &vm->cpu;

    switch (r->kind) {
    case GPR:
        return cpu->gpr[r->index];
    case EIP:
        return cpu->eip;
    case FLAGS:
        return cpu->eflags;
    case SELECTOR:
        return cpu->seg[r->index].sel;
    case FPU_WORD:
        return fpu_word_get(vm, r->index);
    case MXCSR:
        return fpu_long(fpu_of(vm), FX_MXCSR);
    case BASE:
        return cpu->seg[r->index].base;
    case CR:
        return *cr_of(cpu, r->index);
    case DR:
        return cpu->dr[r->index];
    case TABLE_BASE:
        return table_of(cpu, r->index)->base;
    case TABLE_LIMIT:
        return table_of(cpu, r->index)->limit;
    case SYSTEM:
        return system_get(cpu, r->index);
    case RING:
        return cpu->cpl;
    default:
        return UINT32_MAX;
    }
}

/* The bytes of a register as gdb wants them: little endian. */
static void get(struct vm *vm, const struct reg *r, u8 out[REG_BYTES])
{
    if (r->kind == STACK)
        memcpy(out, fpu_of(vm)->image + FX_ST + r->index * FX_REG, r->bytes);
    else if (r->kind == XMM)
        memcpy(out, fpu_xmm(fpu_of(vm), r->index), r->bytes);
    else
        put_le32(out, get_word(vm, r));
}

/* ---- writing; false: error is a sentence */

struct error {
    char text[120];
};

static bool refuse(struct error *e, const char *text)
{
    fmt_buf(e->text, sizeof(e->text), "%s", text);
    return false;
}

static bool faulted(struct error *e, const struct fault *fault)
{
    fmt_buf(e->text, sizeof(e->text),
            "the processor refuses it with exception %u, error code 0x%x",
            fault->vector, fault->error);
    return false;
}

static bool set_flags(struct vm *vm, u32 value, struct error *e)
{
    if ((value ^ vm->cpu.eflags) & EFLAGS_VM)
        return refuse(e, "VM changes by IRET or a task switch only");
    vm->cpu.eflags = (value & (FLAGS_WRITABLE | EFLAGS_VM)) | EFLAGS_ONE;
    return true;
}

/* CS by what a far jump to where it stands would do. */
static bool set_selector(struct vm *vm, u32 s, u32 value, struct error *e)
{
    struct cpu_env env = env_of(vm);
    enum env_status status;
    struct fault fault;

    if (value > 0xffff)
        return refuse(e, "a selector has 16 bits");
    if (s == SEG_CS)
        status = far_jmp(&vm->cpu, &env, (u16)value, vm->cpu.eip, 4,
                         vm->cpu.eip, &fault);
    else
        status = seg_load(&vm->cpu, &env, s, (u16)value, &fault);
    if (status == ENV_STOP)
        return refuse(e, "exec=trap cannot run what that leads to");
    return status == ENV_OK || faulted(e, &fault);
}

static bool set_cr(struct vm *vm, u32 n, u32 value, struct error *e)
{
    struct cpu_env env = env_of(vm);
    u32 *reg = cr_of(&vm->cpu, n), old = *reg;
    struct fault fault = {0};

    if (n == 2) {
        *reg = value;
        return true;
    }
    if (n == 0) {
        if ((value ^ old) & CR0_PE)
            return refuse(e, "PE does not change without the segments");
        if (((value & CR0_PG) && !(value & CR0_PE)) ||
            ((value & CR0_NW) && !(value & CR0_CD)))
            return refuse(e, "PG needs PE, and NW needs CD");
        value = (value & CR0_KNOWN) | CR0_ET;
    }
    switch (env.cr_check(vm, n, value, &fault)) {
    case ENV_OK:
        break;
    case ENV_FAULT:
        return faulted(e, &fault);
    case ENV_STOP:
        return refuse(e, "exec=trap cannot run that mode");
    }
    *reg = value;
    env.cr_written(vm, n, old);
    return true;
}

static bool set_dr(struct vm *vm, u32 n, u32 value)
{
    struct cpu_env env = env_of(vm);

    if (n == 6)
        value = (value & DR6_WRITABLE) | DR6_FIXED;
    if (n == 7)
        value = (value & DR7_WRITABLE) | DR7_FIXED;
    vm->cpu.dr[n] = value;
    env.dr_written(vm, n);
    return true;
}

static bool set_table(struct vm *vm, const struct reg *r, u32 value,
                      struct error *e)
{
    struct table_reg *t = table_of(&vm->cpu, r->index);
    struct cpu_env env = env_of(vm);

    if (r->kind == TABLE_LIMIT && value > 0xffff)
        return refuse(e, "a table's limit has 16 bits");
    if (r->kind == TABLE_LIMIT)
        t->limit = (u16)value;
    else
        t->base = value;
    env.table_loaded(vm, (enum cpu_table)r->index);
    return true;
}

static bool set_fpu_word(struct vm *vm, u32 index, u32 value)
{
    struct fpu *fpu = fpu_of(vm);
    u8 image[FPU_ENV_MAX];

    fpu_env_get(fpu, FPU_FORMAT_32, image);
    if (fpu_words[index].bytes == 4)
        put_le32(image + fpu_words[index].at, value);
    else
        put_le16(image + fpu_words[index].at, (u16)value);
    fpu_env_put(fpu, FPU_FORMAT_32, image);
    return true;
}

static bool set_mxcsr(struct vm *vm, u32 value, struct error *e)
{
    struct fpu *fpu = fpu_of(vm);

    if (value & ~fpu_mxcsr_mask(fpu))
        return refuse(e, "MXCSR has reserved bits set");
    fpu_set_long(fpu, FX_MXCSR, value);
    return true;
}

/* Somewhere else it does not sleep, and nothing is held back. */
static bool set_eip(struct cpu *cpu, u32 value)
{
    cpu->eip = value;
    cpu->halted = 0;
    cpu->irq_shadow = 0;
    return true;
}

static bool set_base(struct cpu *cpu, u32 s, u32 value)
{
    cpu->seg[s].base = value;
    cpu->seg_dirty |= (u8)BIT(s);
    return true;
}

static bool set_word(struct vm *vm, const struct reg *r, u32 value,
                     struct error *e)
{
    struct cpu *cpu = &vm->cpu;

    switch (r->kind) {
    case GPR:
        cpu->gpr[r->index] = value;
        return true;
    case EIP:
        return set_eip(cpu, value);
    case FLAGS:
        return set_flags(vm, value, e);
    case SELECTOR:
        return set_selector(vm, r->index, value, e);
    case FPU_WORD:
        return set_fpu_word(vm, r->index, value);
    case MXCSR:
        return set_mxcsr(vm, value, e);
    case BASE:
        return set_base(cpu, r->index, value);
    case CR:
        return set_cr(vm, r->index, value, e);
    case DR:
        return set_dr(vm, r->index, value);
    case TABLE_BASE:
    case TABLE_LIMIT:
        return set_table(vm, r, value, e);
    default:
        return refuse(e, "this register is read-only");
    }
}

static bool set(struct vm *vm, const struct reg *r, const u8 *from,
                struct error *e)
{
    u8 now[REG_BYTES];

    get(vm, r, now);
    if (!memcmp(now, from, r->bytes))
        return true;
    if (r->kind == STACK)
        memcpy(fpu_of(vm)->image + FX_ST + r->index * FX_REG, from, r->bytes);
    else if (r->kind == XMM)
        memcpy(fpu_xmm(fpu_of(vm), r->index), from, r->bytes);
    else
        return set_word(vm, r, get_le32(from), e);
    return true;
}

/* ---- packets */

void gdb_registers(const struct gdb_args *args)
{
    struct vm *vm = gdb_chosen(args);
    u8 bytes[REG_BYTES];

    if (!vm)
        return;
    inspect_sync(vm);
    gdb_port_begin(&args->gdb->port);
    for (u32 i = 0; i < IN_G; i++) {
        get(vm, &regs[i], bytes);
        gdb_port_hex(&args->gdb->port, bytes, regs[i].bytes);
    }
    gdb_port_end(&args->gdb->port);
}

static const struct reg *take_reg(struct slice *s)
{
    u64 number;

    if (!gdb_take_hex(s, &number) || number >= ARRAY_LEN(regs))
        return NULL;
    return &regs[number];
}

void gdb_register(const struct gdb_args *args)
{
    struct slice rest = args->rest;
    const struct reg *r = take_reg(&rest);
    struct vm *vm = gdb_chosen(args);
    u8 bytes[REG_BYTES];

    if (!vm)
        return;
    if (!r || rest.len) {
        gdb_error(args->gdb, GDB_EINVAL);
        return;
    }
    inspect_sync(vm);
    get(vm, r, bytes);
    gdb_port_begin(&args->gdb->port);
    gdb_port_hex(&args->gdb->port, bytes, r->bytes);
    gdb_port_end(&args->gdb->port);
}

/* Null: answered with an error. */
static struct vm *to_be_set(const struct gdb_args *args)
{
    struct vm *vm = gdb_chosen(args);

    if (!vm || vm->shadow.ready)
        return vm;
    gdb_refuse(args->gdb,
               "its reset has failed; `monitor reset %s` tries it again",
               vm->config.name);
    return NULL;
}

void gdb_set_register(const struct gdb_args *args)
{
    struct slice rest = args->rest;
    const struct reg *r = take_reg(&rest);
    struct vm *vm = to_be_set(args);
    struct error error = {""};
    u8 bytes[REG_BYTES];
    bool done;

    if (!vm)
        return;
    if (!r || !gdb_take(&rest, '=') || rest.len != 2u * r->bytes ||
        gdb_take_bytes(&rest, bytes, r->bytes) != r->bytes) {
        gdb_error(args->gdb, GDB_EINVAL);
        return;
    }
    inspect_sync(vm);
    done = set(vm, r, bytes, &error);
    inspect_changed(vm);
    if (done)
        gdb_ok(args->gdb);
    else
        gdb_refuse(args->gdb, "%s: %s", r->name, error.text);
}

/* All of them, or as many as came. */
void gdb_set_registers(const struct gdb_args *args)
{
    struct slice rest = args->rest;
    struct vm *vm = to_be_set(args);
    struct error error = {""};
    const char *wrong = NULL;

    if (!vm)
        return;
    inspect_sync(vm);
    for (u32 i = 0; i < IN_G && rest.len; i++) {
        u8 bytes[REG_BYTES];
        if (gdb_take_bytes(&rest, bytes, regs[i].bytes) != regs[i].bytes) {
            wrong = regs[i].name;
            fmt_buf(error.text, sizeof(error.text), "it came incomplete");
            break;
        }
        if (!set(vm, &regs[i], bytes, &error) && !wrong)
            wrong = regs[i].name;
    }
    inspect_changed(vm);
    if (wrong)
        gdb_refuse(args->gdb, "%s: %s", wrong, error.text);
    else
        gdb_ok(args->gdb);
}

void gdb_print_expedited(struct gdb *g, struct vm *vm)
{
    static const u8 wanted[] = {4, 5, 8, 9}; /* esp, ebp, eip, eflags */

    inspect_sync(vm);
    for (u32 i = 0; i < ARRAY_LEN(wanted); i++) {
        u8 bytes[REG_BYTES];
        get(vm, &regs[wanted[i]], bytes);
        gdb_port_print(&g->port, "%x:", wanted[i]);
        gdb_port_hex(&g->port, bytes, regs[wanted[i]].bytes);
        gdb_port_print(&g->port, ";");
    }
}

/* ---- target.xml */

struct bit {
    const char *name;
    u8 at, last; /* last: of a field; 0: one bit */
};

static const struct bit eflags_bits[] = {
    {"CF", 0, 0},   {"", 1, 0},    {"PF", 2, 0},     {"AF", 4, 0},
    {"ZF", 6, 0},   {"SF", 7, 0},  {"TF", 8, 0},     {"IF", 9, 0},
    {"DF", 10, 0},  {"OF", 11, 0}, {"IOPL", 12, 13}, {"NT", 14, 0},
    {"RF", 16, 0},  {"VM", 17, 0}, {"AC", 18, 0},    {"VIF", 19, 0},
    {"VIP", 20, 0}, {"ID", 21, 0}};
static const struct bit mxcsr_bits[] = {
    {"IE", 0, 0},  {"DE", 1, 0},  {"ZE", 2, 0},  {"OE", 3, 0}, {"UE", 4, 0},
    {"PE", 5, 0},  {"DAZ", 6, 0}, {"IM", 7, 0},  {"DM", 8, 0}, {"ZM", 9, 0},
    {"OM", 10, 0}, {"UM", 11, 0}, {"PM", 12, 0}, {"FZ", 15, 0}};
static const struct bit cr0_bits[] = {
    {"PE", 0, 0},  {"MP", 1, 0},  {"EM", 2, 0},  {"TS", 3, 0},
    {"ET", 4, 0},  {"NE", 5, 0},  {"WP", 16, 0}, {"AM", 18, 0},
    {"NW", 29, 0}, {"CD", 30, 0}, {"PG", 31, 0}};
static const struct bit cr4_bits[] = {
    {"VME", 0, 0}, {"PVI", 1, 0},    {"TSD", 2, 0},         {"DE", 3, 0},
    {"PSE", 4, 0}, {"PAE", 5, 0},    {"MCE", 6, 0},         {"PGE", 7, 0},
    {"PCE", 8, 0}, {"OSFXSR", 9, 0}, {"OSXMMEXCPT", 10, 0}, {"UMIP", 11, 0}};

static void describe_flags(const struct sink *out, const char *id,
                           const struct bit *bits, u32 count)
{
    fmt_sink(out, "<flags id=\"%s\" size=\"4\">\n", id);
    for (u32 i = 0; i < count; i++)
        fmt_sink(out, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>\n",
                 bits[i].name, bits[i].at, max_u32(bits[i].at, bits[i].last));
    fmt_sink(out, "</flags>\n");
}

#define FLAGS_OF(out, id, bits)                                                \
    describe_flags((out), (id), (bits), (u32)ARRAY_LEN(bits))

static void describe_regs(const struct sink *out, u32 from, u32 to)
{
    for (u32 i = from; i < to; i++) {
        const struct reg *r = &regs[i];
        fmt_sink(out, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"", r->name,
                 8u * r->bytes, r->type);
        if (r->group)
            fmt_sink(out, " group=\"%s\"", r->group);
        fmt_sink(out, "/>\n");
    }
    fmt_sink(out, "</feature>\n");
}

static void describe_vectors(const struct sink *out)
{
    static const struct {
        const char *id, *type;
        u32 count;
    } views[] = {
        {"v4_float", "ieee_single", 4}, {"v2_double", "ieee_double", 2},
        {"v16_int8", "int8", 16},       {"v8_int16", "int16", 8},
        {"v4_int32", "int32", 4},       {"v2_int64", "int64", 2}};

    for (u32 i = 0; i < ARRAY_LEN(views); i++)
        fmt_sink(out, "<vector id=\"%s\" type=\"%s\" count=\"%u\"/>\n",
                 views[i].id, views[i].type, views[i].count);
    fmt_sink(out, "<union id=\"vec128\">\n");
    for (u32 i = 0; i < ARRAY_LEN(views); i++)
        fmt_sink(out, "<field name=\"%s\" type=\"%s\"/>\n", views[i].id,
                 views[i].id);
    fmt_sink(out, "<field name=\"uint128\" type=\"uint128\"/>\n</union>\n");
}

void gdb_describe(const struct sink *out)
{
    fmt_sink(out, "<?xml version=\"1.0\"?>\n"
                  "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
                  "<target>\n<architecture>i386</architecture>\n"
                  "<osabi>none</osabi>\n");
    fmt_sink(out, "<feature name=\"org.gnu.gdb.i386.core\">\n");
    FLAGS_OF(out, "i386_eflags", eflags_bits);
    describe_regs(out, FIRST_CORE, FIRST_SSE);
    fmt_sink(out, "<feature name=\"org.gnu.gdb.i386.sse\">\n");
    describe_vectors(out);
    FLAGS_OF(out, "i386_mxcsr", mxcsr_bits);
    describe_regs(out, FIRST_SSE, FIRST_SYSTEM);
    fmt_sink(out, "<feature name=\"org.trapline.i386.system\">\n");
    FLAGS_OF(out, "i386_cr0", cr0_bits);
    FLAGS_OF(out, "i386_cr4", cr4_bits);
    describe_regs(out, FIRST_SYSTEM, ARRAY_LEN(regs));
    fmt_sink(out, "</target>\n");
}
