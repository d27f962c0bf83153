/* SPDX-License-Identifier: MIT
 *
 * What an attack guest is made of.
 *
 * An attack guest is a micro-guest that tries, in every way its file can
 * think of, to break one part of the wall: to read or write what is not its
 * own, to stop the VMM, to keep the processor. It runs beside a witness that
 * computes, and whose memory is full of SECRET.
 *
 * attack() is the whole guest: ring 0, flat segments, paging off, IF = 0, as
 * test() of a micro-guest. It counts what it tries with attempt(), shows
 * saw() each word it could read from where nothing of its own should be, and
 * returns when it is through. An attack may also end by being killed, or
 * never end: the runner judges by the VMM and the witness, never by what the
 * attacker says, except for the sentence of broken().
 */
#ifndef ATTACK_H
#define ATTACK_H

#include "tests/micro/lib/micro.h"

#define SECRET 0x5ec2e7edu /* fills the memory of the witness */

/* The attack in one sentence, printed before it begins. */
#define ATTACK(sentence) const char attack_sentence[] = sentence

/* How it ends, when it is not by returning ("done"): "endless", or "killed" by
 * the VMM (with a sentence), or itself with an "odd" status, or several of
 * them: "done|killed". The runner looks for this in the source. */
#define ATTACK_ENDS(how) extern const char attack_sentence[]

extern const char attack_sentence[];
void attack(void);

void attempt(void);
void attempts(u32 count);
/* Prints how many there were; for attacks that do not come back. */
void tell(void);
/* One more of an endless attack: attempt(), and now and then tell(). */
void again(void);
/* The wall has a hole: says so and ends the guest as failed. */
_Noreturn void broken(const char *sentence, u32 where, u32 value);
/* A word from foreign parts: broken() when it is the witness's. */
void saw(u32 where, u32 value);

/* CATCH() for a single attempt: whatever it raises is fine. */
#define TRY(code, ...)                                                         \
    do {                                                                       \
        attempt();                                                             \
        CATCH(code, __VA_ARGS__);                                              \
    } while (0)

#endif
