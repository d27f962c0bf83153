/* SPDX-License-Identifier: MIT
 *
 * See view.h. A guest's keyboard holds sixteen bytes and the guest reads them
 * when it likes, so each VM has a queue before it. A key that finds the queue
 * nearly full is dropped whole; room is kept for releases, so that no key
 * hangs. The view remembers which keys the shown guest believes pressed: when
 * it turns away, it lets them go, and a release of a key that the guest never
 * saw pressed is not passed on.
 *
 * A guest's screen is copied at most some thirty times a second and only
 * while it is looked at. vga_screen() takes every cell modulo the card's
 * memory, whatever the guest has written to its registers.
 *
 * LIMIT: a guest that has set up a graphics mode shows the text it had.
 */
#include "vmm/vm/view.h"
#include "arch/x86/arch.h"
#include "vmm/base/bits.h"
#include "vmm/base/fmt.h"
#include "vmm/base/str.h"
#include "vmm/vm/vm.h"

#define REFRESH_NS  33000000u
#define RELEASES    64u /* bytes of a queue that presses leave free */
#define HALF_PAGE   12
#define ALL_BACK    1000000
#define CRTC_CURSOR 0x0a
#define CURSOR_OFF  BIT(5)

STATIC_ASSERT(VIEW_VMS == HV_VMS);

void view_init(struct view *v)
{
    memset(v, 0, sizeof(*v));
    for (u32 i = 0; i < VIEW_VMS; i++)
        ring_init(&v->queue[i], v->queued[i], VIEW_QUEUE);
}

static bool put(struct view *v, u32 slot, const u8 *code, u32 codes, u32 leave)
{
    if (ring_room(&v->queue[slot]) < codes + leave)
        return false;
    for (u32 i = 0; i < codes; i++)
        ring_put(&v->queue[slot], code[i]);
    return true;
}

static bool is_down(const struct view *v, u8 name)
{
    return v->down[name / 32] & BIT(name % 32);
}

static void set_down(struct view *v, u8 name, bool down)
{
    v->down[name / 32] &= ~BIT(name % 32);
    if (down)
        v->down[name / 32] |= BIT(name % 32);
}

/* A key by its name, as codes. */
static void put_key(struct view *v, u32 slot, u8 name, bool down)
{
    u8 code[2] = {KEY_PREFIX, name & (u8)~KEY_EXTENDED};
    bool extended = name & KEY_EXTENDED;

    if (!down)
        code[1] |= KEY_BREAK;
    put(v, slot, code + !extended, 1 + extended, 0);
}

static void let_go(struct view *v)
{
    for (u32 name = 0; name < 256 && v->shown != VIEW_CONSOLE; name++) {
        if (is_down(v, (u8)name) && name != KEY_PAUSE)
            put_key(v, v->shown - 1, (u8)name, false);
    }
    memset(v->down, 0, sizeof(v->down));
}

static void refresh(struct hv *hv)
{
    struct view *v = &hv->view;
    const struct vm *vm = &hv->vm[v->shown - 1];
    const struct vga *vga = &vm->pc.vga;
    u16 cells[VGA_CELLS];
    char title[80];

    fmt_buf(title, sizeof(title), "%u: %s, %s. F1: next; Alt-F1: F1 for %s",
            v->shown, vm->config.name, vm_state_name(vm), vm->config.name);
    vga_screen(vga, cells);
    arch_screen_show(cells,
                     vga->st.crtc[CRTC_CURSOR] & CURSOR_OFF ? VGA_CELLS
                                                            : vga_cursor(vga),
                     title);
}

void view_show(struct hv *hv, u32 which)
{
    struct view *v = &hv->view;

    let_go(v);
    v->shown = which;
    v->due = 0;
    if (which == VIEW_CONSOLE)
        arch_screen_show(NULL, 0, NULL);
    else
        v->alive = hv->vm[which - 1].state != VM_KILLED;
}

void view_forget(struct hv *hv, u32 slot)
{
    if (hv->view.shown == slot + 1)
        view_show(hv, VIEW_CONSOLE);
    ring_clear(&hv->view.queue[slot]);
}

static void show_next(struct hv *hv)
{
    for (u32 slot = hv->view.shown; slot < HV_VMS; slot++) {
        if (hv->vm[slot].state == VM_EMPTY)
            continue;
        view_show(hv, slot + 1);
        return;
    }
    view_show(hv, VIEW_CONSOLE);
}

/* F1 for the guest: it must not see the Alt, and must see it again. */
static void plain_f1(struct view *v)
{
    static const u8 alts[] = {KEY_ALT, KEY_ALT | KEY_EXTENDED};
    u32 slot = v->shown - 1;

    for (u32 i = 0; i < ARRAY_LEN(alts); i++)
        if (is_down(v, alts[i]))
            put_key(v, slot, alts[i], false);
    put_key(v, slot, KEY_F1, true);
    put_key(v, slot, KEY_F1, false);
    for (u32 i = 0; i < ARRAY_LEN(alts); i++)
        if (is_down(v, alts[i]))
            put_key(v, slot, alts[i], true);
}

static void to_guest(struct view *v, const struct key *key)
{
    if (!key->down && !is_down(v, key->name))
        return;
    if (put(v, v->shown - 1, key->code, key->codes, key->down ? RELEASES : 0))
        set_down(v, key->name, key->down);
}

/* A digit that is no text, because there is no text yet. */
static bool digit(struct hv *hv, const struct key *key)
{
    u32 which = key->byte[0] - '0';

    if (key->bytes != 1 || which == VIEW_CONSOLE || which > 9 ||
        hv->console.attached >= 0 || hv->console.edit.len ||
        hv->vm[which - 1].state == VM_EMPTY)
        return false;
    view_show(hv, which);
    return true;
}

static bool leaf(struct view *v, const struct key *key)
{
    bool up = key->name == KEY_PAGE_UP;

    if (!keymap_shift(&v->keymap) || (!up && key->name != KEY_PAGE_DOWN))
        return false;
    v->back = true;
    arch_screen_back(up ? HALF_PAGE : -HALF_PAGE);
    return true;
}

static void to_console(struct hv *hv, const struct key *key)
{
    struct view *v = &hv->view;

    if (!key->down || leaf(v, key) || !key->bytes)
        return;
    if (v->back)
        arch_screen_back(-ALL_BACK);
    v->back = false;
    if (digit(hv, key)) {
        v->mute = key->name;
        return;
    }
    memcpy(v->byte, key->byte, sizeof(v->byte));
    v->bytes = key->bytes;
    v->next = 0;
}

static void press_f1(struct hv *hv)
{
    struct view *v = &hv->view;

    v->mute = KEY_F1;
    if (v->shown != VIEW_CONSOLE && keymap_alt(&v->keymap))
        plain_f1(v);
    else
        show_next(hv);
}

static void press(struct hv *hv, const struct key *key)
{
    struct view *v = &hv->view;

    if (key->name == v->mute) {
        if (!key->down)
            v->mute = KEY_NONE;
        return;
    }
    if (key->name == KEY_F1 && key->down)
        press_f1(hv);
    else if (v->shown == VIEW_CONSOLE)
        to_console(hv, key);
    else
        to_guest(v, key);
}

bool view_read(struct hv *hv, u8 *byte)
{
    struct view *v = &hv->view;
    struct key key;
    u8 code;

    while (v->next == v->bytes) {
        if (!arch_key_read(&code))
            return false;
        if (keymap_feed(&v->keymap, code, &key))
            press(hv, &key);
    }
    *byte = v->byte[v->next++];
    return true;
}

static void feed(struct hv *hv, u32 slot)
{
    struct ring *queue = &hv->view.queue[slot];

    while (ring_count(queue) && pc_key(&hv->vm[slot].pc, ring_peek(queue)))
        ring_drop(queue);
}

void view_tick(struct hv *hv, u64 now)
{
    struct view *v = &hv->view;

    for (u32 slot = 0; slot < HV_VMS; slot++) {
        if (hv->vm[slot].state == VM_RUNNING)
            feed(hv, slot);
    }
    if (v->shown == VIEW_CONSOLE || now < v->due)
        return;
    if (v->alive && hv->vm[v->shown - 1].state == VM_KILLED) {
        view_show(hv, VIEW_CONSOLE);
        return;
    }
    v->due = now + REFRESH_NS;
    refresh(hv);
}

u64 view_deadline(const struct hv *hv)
{
    return hv->view.shown == VIEW_CONSOLE ? UINT64_MAX : hv->view.due;
}

bool view_type(struct hv *hv, u32 slot, char c)
{
    bool shift;
    u8 name = keymap_find(c, &shift);
    u8 code[] = {KEY_SHIFT, name, name | KEY_BREAK, KEY_SHIFT | KEY_BREAK};

    if (name == KEY_NONE)
        return true;
    return put(&hv->view, slot, code + !shift, shift ? 4 : 2, RELEASES);
}
