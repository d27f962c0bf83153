/* SPDX-License-Identifier: MIT
 *
 * Bytes to instruction. The decoder is total and stateless: any 15 bytes
 * give a row of ops.def with its operands, or say that they are too few, too
 * many (#GP), or undefined (#UD). It knows nothing of memory or of the
 * processor's state but the default operand size.
 *
 * SDM vol. 2A chapter 2, vol. 2D appendix A.
 */
#ifndef CPU_DECODE_H
#define CPU_DECODE_H

#include "vmm/cpu/cpu.h"

#define INSN_MAX 15

enum decode_status {
    DECODE_OK,
    DECODE_SHORT, /* the instruction goes on behind the bytes given */
    DECODE_LONG,  /* more than 15 bytes: #GP(0) */
    DECODE_UD,    /* no row for it: #UD */
};

struct insn {
    u16 op;       /* row number in ops.def: OP_ */
    u8 len;       /* bytes, prefixes and all */
    u8 opsize;    /* operand size in bytes: 1, 2 or 4 */
    u8 adsize;    /* address size: 2 or 4 */
    u8 seg;       /* segment of the memory operand, override applied */
    u8 rep;       /* 0, 0xf2 or 0xf3 */
    u8 opcode;    /* its last byte */
    u8 mandatory; /* prefix that chose the row: 0, 0x66, 0xf3 or 0xf2 */
    bool lock;
    bool has_modrm;
    u8 modrm; /* whole byte; mod == 3: register form */
    u8 reg;   /* modrm bits 5:3, or the register in the opcode's low bits */
    u8 rm;    /* modrm bits 2:0 */
    s8 base;  /* register of the effective address, -1: none */
    s8 index; /* the same; 16-bit forms use base and index too */
    u8 scale; /* 0..3 */
    u32 disp; /* sign-extended displacement, or moffs */
    u32 imm;  /* sign-extended where the row says so */
    u32 imm2; /* far pointer's selector, ENTER's level */
};

/* Whether modrm names a register and no memory. */
static inline bool is_register(const struct insn *insn)
{
    return insn->modrm >> 6 == 3;
}

/* The rows' numbers; 0 is "no row". */
enum op {
    OP_NONE,
#define ROW(id, ...) OP_##id,
#include "vmm/cpu/ops.def"
    OP_COUNT
};

/* Where an operand is. O_MODRM: it needs a modrm byte; O_IMM: bytes behind. */
enum operand {
    O_MODRM = 0x80,
    O_IMM = 0x40,

    O__ = 0, /* none */
    O_Z,     /* register in the opcode's low bits */
    O_A,     /* AL, AX, EAX */
    O_CL,    /* CL */
    O_ONE,   /* the constant 1 */
    O_DX,    /* port in DX */
    O_X,     /* string source, seg:[eSI] */
    O_Y,     /* string destination, ES:[eDI] */
    O_ES,    /* segment registers that the opcode names ... */
    O_CS,    /* ... in the order of SEG_ */
    O_SS,
    O_DS,
    O_FS,
    O_GS,
    O_AX,          /* always a word */
    O_ST,          /* x87 stack's top */
    O_STI,         /* x87 register in modrm.rm */
    O_E = O_MODRM, /* register or memory */
    O_EB,          /* the same, always a byte */
    O_EW,          /* the same, always a word */
    O_EV,          /* word in memory, operand size in a register */
    O_G,           /* register in modrm.reg */
    O_M,           /* memory only, size known to the handler */
    O_MP,          /* memory that holds a far pointer */
    O_MA,          /* memory that holds two numbers of operand size */
    O_S,           /* segment register in modrm.reg */
    O_CR,          /* control register in modrm.reg */
    O_DR,          /* debug register in modrm.reg */
    O_R,           /* register in modrm.rm, mod is ignored */
    O_PQ,          /* MMX register in modrm.reg */
    O_NQ,          /* MMX register in modrm.rm, never memory */
    O_QQ,          /* the same, or 8 bytes of memory */
    O_QD,          /* the same, or 4 */
    O_VX,          /* XMM register in modrm.reg */
    O_UX,          /* XMM register in modrm.rm, never memory */
    O_WX,          /* the same, or 16 bytes of memory */
    O_WQ,          /* the same, or 8 */
    O_WD,          /* the same, or 4 */
    O_M8,          /* memory only, of so many bits ... */
    O_M16,
    O_M32,
    O_M64,
    O_M80,
    O_M128,
    O_ENV,       /* ... x87 environment, 14 or 28 bytes */
    O_STATE,     /* ... x87 state, 94 or 108 bytes */
    O_M512,      /* ... FXSAVE's image, 512 bytes */
    O_I = O_IMM, /* immediate of operand size */
    O_IB,        /* imm8 */
    O_IS,        /* imm8, sign-extended */
    O_IW,        /* imm16 */
    O_J,         /* branch distance of operand size */
    O_JB,        /* branch distance, 8 bits */
    O_P,         /* far pointer */
    O_O,         /* moffs */
    O_IL,        /* ENTER's level */
};

/* Operand size: byte, by prefix, always word, always double word. */
enum width { WIDTH_B = 1, WIDTH_W = 2, WIDTH_D = 4, WIDTH_V = 0 };

enum insn_class {
    CLASS_NONE,
    CLASS_DATA,
    CLASS_ALU,
    CLASS_BIT,
    CLASS_STRING,
    CLASS_STACK,
    CLASS_CONTROL,
    CLASS_FLAGS,
    CLASS_NOP,
    CLASS_IO,
    CLASS_INT,
    CLASS_IRET,
    CLASS_PRIVILEGED, /* faults outside ring 0 (or IOPL) on any CPU */
    CLASS_SENSITIVE,  /* shows or changes privileged state, may not fault */
    CLASS_X87,
    CLASS_MMX,
    CLASS_SSE, /* SSE and SSE2, also on MMX registers */
};

/* Who may run it; anybody else gets #GP(0). Rules that depend on operands
 * (ports, debug registers) are the handler's. */
enum rule {
    RULE_ANY,
    RULE_CPL0,
    RULE_IOPL, /* CPL <= IOPL */
    RULE_UMIP, /* CPL 0 unless CR4.UMIP is clear */
    RULE_TSD,  /* CPL 0 unless CR4.TSD is clear */
    RULE_PCE,  /* CPL 0 unless CR4.PCE is set */
};

enum op_flag {
    OPF_NONE = 0,
    OPF_LOCK = 1,       /* LOCK is allowed when the destination is memory */
    OPF_REP = 2,        /* F2 and F3 repeat it */
    OPF_REPCC = 6,      /* ... and look at ZF */
    OPF_MEMORY = 8,     /* no register form; follows from O_M and its like */
    OPF_REGISTER = 16,  /* no memory form; follows from O_NQ, O_UX */
    OPF_PROTECTED = 32, /* #UD in real-address and virtual-8086 mode */
    OPF_NAMED = 64,     /* not every modrm.reg is one; from O_S, O_CR */
};

/* arg of the rows of CLASS_X87, MMX and SSE. */
enum fpu_arg {
    FPU_LOAD = 1,    /* the memory operand, if there is one, is read ... */
    FPU_STORE = 2,   /* ... or written, in operand_bytes() */
    FPU_NOWAIT = 4,  /* x87: does not report an error that waits */
    FPU_ALIGNED = 8, /* the memory operand is aligned to 16 bytes, or #GP(0) */
    FPU_XM = 16,     /* numeric exceptions by MXCSR */
    FPU_MMX = 32,    /* SSE that uses MMX registers too */
};

struct op_row {
    const char *name; /* "16-bit|32-bit" where the name depends on it */
    u16 undef;        /* EFLAGS_ bits left undefined */
    u8 operand[3];    /* O_ */
    u8 shape;         /* O_MODRM and O_IMM: whether any operand has it */
    u8 width;         /* WIDTH_ */
    u8 class;         /* CLASS_ */
    u8 rule;          /* RULE_ */
    u8 flags;         /* OPF_ */
    u8 arg;           /* what the handler wants to know */
};

extern const struct op_row op_rows[OP_COUNT];

static inline enum insn_class insn_class(u16 op)
{
    return (enum insn_class)op_rows[op].class;
}

/* Bytes that an operand of this kind has in memory; 0: it is never there, or
 * its handler knows (O_M). */
u32 operand_bytes(const struct insn *insn, u32 kind);

/* Whether the modrm.reg of an OPF_NAMED row names a register. */
bool insn_register_exists(const struct insn *insn);

/* False: #UD, for LOCK, for a register where memory must be, or the other way
 * round, or a register that is none. */
static inline bool insn_valid(const struct insn *insn)
{
    u8 flags = op_rows[insn->op].flags;
    bool memory = insn->has_modrm && !is_register(insn);

    if (insn->lock && (!(flags & OPF_LOCK) || !memory))
        return false;
    if ((flags & OPF_NAMED) && !insn_register_exists(insn))
        return false;
    return !(flags & (memory ? OPF_REGISTER : OPF_MEMORY));
}

enum decode_status insn_decode(const u8 *bytes, u32 count, bool code32,
                               struct insn *out);

/* Instruction as text, Intel syntax; returns its length. eip is the
 * address of the instruction, for branch targets. */
size_t insn_print(const struct insn *insn, u32 eip, char *buf, size_t size);
/* Its name alone, in the form that its operand size has. */
size_t insn_mnemonic(const struct insn *insn, char *buf, size_t size);
const char *insn_name(u16 op);

#endif
