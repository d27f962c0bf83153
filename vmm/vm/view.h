/* SPDX-License-Identifier: MIT
 *
 * What is on the screen, and where the keyboard leads.
 *
 * Either the console: keys become bytes and go where those of the serial
 * line go. Or the VGA text screen of one guest, as a monitor plugged into it
 * would show: then its keyboard is this one, scan code by scan code. F1 goes
 * from the console to the first VM, from there to the next, and from the last
 * back; Alt-F1 is F1 for the guest. At the console, while nothing is typed, a
 * digit goes to the VM that `list` has under that key. Shift with Page Up and
 * Page Down leafs through what the console has shown before. When the shown
 * VM is killed, the console says why, so that is what is shown then.
 */
#ifndef VM_VIEW_H
#define VM_VIEW_H

#include "vmm/base/keymap.h"
#include "vmm/base/ring.h"

#define VIEW_CONSOLE 0u
#define VIEW_VMS     16u
#define VIEW_QUEUE   256u /* scan codes that wait for a guest */

struct view {
    u32 shown; /* VIEW_CONSOLE, or a slot + 1 */
    u64 due;   /* when the guest's screen is looked at again */
    struct keymap keymap;
    bool alive;     /* the shown VM had not been killed when it appeared */
    bool back;      /* the console shows older text */
    u8 mute;        /* a key that changed the view, until it is let go */
    u8 byte[8];     /* what the last key typed at the console */
    u8 bytes, next; /* of them; of those, taken */
    u32 down[8];    /* keys that the shown guest takes for pressed, by name */
    struct ring queue[VIEW_VMS];
    u8 queued[VIEW_VMS][VIEW_QUEUE];
};

struct hv;

void view_init(struct view *v);
/* The next byte typed for the console; looks after all keys before it. */
bool view_read(struct hv *hv, u8 *byte);
/* Hands over waiting scan codes, and brings the screen up to date. */
void view_tick(struct hv *hv, u64 now);
/* When view_tick() wants to be called; UINT64_MAX: whenever. */
u64 view_deadline(const struct hv *hv);
/* `which` is VIEW_CONSOLE, or a slot + 1 that has a VM. */
void view_show(struct hv *hv, u32 which);
/* The VM in this slot goes away. */
void view_forget(struct hv *hv, u32 slot);
/* Presses and releases the key for a character, all of it or nothing; false:
 * there is no room now. A character without a key is not typed. */
bool view_type(struct hv *hv, u32 slot, char c);

#endif
