/* SPDX-License-Identifier: MIT
 *
 * CHECK() states an invariant of the VMM itself. It is never used on anything
 * a guest, a module line or a key press can influence: those get an
 * architectural fault, vm_kill() or an error sentence.
 *
 * A failed CHECK calls check_failed(), which whoever links the code provides:
 * the real machine panics with registers and a symbolised stack, a host test
 * aborts under the sanitizer.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

_Noreturn void check_failed(const char *file, int line, const char *expr);

#define CHECK(cond)                                                            \
    do {                                                                       \
        if (__builtin_expect(!(cond), 0))                                      \
            check_failed(__FILE__, __LINE__, #cond);                           \
    } while (0)

#endif
