/* SPDX-License-Identifier: MIT
 *
 * Which rows of ops.def does a program execute? Linked with
 * -Wl,--wrap=cpu_step, every step of it comes by here: the name of each row,
 * once, goes to the file that TRAPLINE_ROWS names. tests/oracle/rows.py makes
 * a table of it; neither cpu_step() nor a test knows that it is watched. A
 * LOCK that may not be there tells nothing of the row behind it.
 */
#include "vmm/cpu/exec.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {
    "",
#define ROW(id, ...) #id,
#include "vmm/cpu/ops.def"
};

enum step_status __real_cpu_step(struct cpu *cpu, const struct cpu_env *env,
                                 struct step *out);
enum step_status __wrap_cpu_step(struct cpu *cpu, const struct cpu_env *env,
                                 struct step *out);

static void note(u32 op)
{
    static bool seen[OP_COUNT];
    const char *path = getenv("TRAPLINE_ROWS");
    FILE *file;

    if (seen[op] || !path)
        return;
    seen[op] = true;
    file = fopen(path, "a");
    if (!file)
        return;
    fprintf(file, "%s\n", names[op]);
    fclose(file);
}

enum step_status __wrap_cpu_step(struct cpu *cpu, const struct cpu_env *env,
                                 struct step *out)
{
    enum step_status status = __real_cpu_step(cpu, env, out);

    if (out->decoded && !(status == STEP_FAULT && out->insn.lock))
        note(out->insn.op);
    return status;
}
