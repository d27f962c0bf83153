/* SPDX-License-Identifier: MIT
 *
 * The numbers by which ops.def names the string instructions: one handler does
 * them all (a source, a destination, a step by DF, a count by REP), and this
 * says which.
 */
#ifndef CPU_EXEC_STRING_H
#define CPU_EXEC_STRING_H

enum {
    STRING_MOVS,
    STRING_CMPS,
    STRING_STOS,
    STRING_LODS,
    STRING_SCAS,
    STRING_INS,
    STRING_OUTS,
};

#endif
