/* SPDX-License-Identifier: MIT
 *
 * One spelling for two disassemblers' lines, ours and objdump -M intel's.
 * Each rule undoes one habit of one of them and loses nothing that the bytes
 * say, but for redundant bytes: prefixes without effect, an SIB byte or a
 * displacement that adds nothing.
 */
#ifndef ORACLE_NORMAL_H
#define ORACLE_NORMAL_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_BYTES 200

void normal_ours(char *line);
void normal_objdump(char *line);

#endif
