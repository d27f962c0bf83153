/* SPDX-License-Identifier: MIT
 *
 * See probe_list.h: where probes lie, their chains, and the questions.
 *
 * Frames are named in frames, so that nothing but memory bounds the number.
 * What an addition has taken on its way to where memory ran out goes back at
 * once. While chains are made more, all probes are put in anew; they are made
 * fewer only with the last probe, as those who remove many mostly remove all.
 */
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/vm/vm.h"

#define CHUNK_PROBES 128u
#define DIR_CHUNKS   1024u
#define TOP_DIRS     512u
#define TOP_HEADS    512u
#define DIR_PROBES   (CHUNK_PROBES * DIR_CHUNKS)
#define MOST         (DIR_PROBES * TOP_DIRS) /* 8 GiB of them */
#define FRAME_HEADS  (PAGE_SIZE / 4)
#define CHAIN_LENGTH 2u /* on average, before there are more chains */
#define SIZE_SHIFT   4u /* from one size of blocks to the next */

/* A frame is named by its number + 1; 0 is none. */
struct probe_top {
    u32 dir[TOP_DIRS];
    u32 heads[TOP_HEADS];
};

STATIC_ASSERT(sizeof(struct probe_top) == PAGE_SIZE);
STATIC_ASSERT(sizeof(struct probe) * CHUNK_PROBES == PAGE_SIZE);

static void *ptr_of(const struct vm *vm, u32 name)
{
    return name ? frame_ptr(&vm->hv->frames, mfn(name - 1)) : NULL;
}

static struct probe_top *top_of(const struct vm *vm)
{
    const struct probe_list *l = &vm->probes.list;

    return l->count ? frame_ptr(&vm->hv->frames, l->top) : NULL;
}

/* What `name` names, taken now if it names nothing; null: no memory. */
static void *made(struct vm *vm, u32 *name)
{
    mfn_t m;

    if (!*name) {
        if (!frame_alloc(&vm->hv->frames, FRAME_PROBE, (u8)vm->slot, &m))
            return NULL;
        *name = m.v + 1;
    }
    return ptr_of(vm, *name);
}

static void release(struct vm *vm, u32 *name)
{
    if (*name)
        frame_free(&vm->hv->frames, mfn(*name - 1));
    *name = 0;
}

/* ---- by number */

static struct probe *chunk_of(const struct vm *vm, u32 number)
{
    const struct probe_top *top = top_of(vm);
    const u32 *dir;

    if (!top || number >= MOST)
        return NULL;
    dir = ptr_of(vm, top->dir[number / DIR_PROBES]);
    return dir ? ptr_of(vm, dir[number / CHUNK_PROBES % DIR_CHUNKS]) : NULL;
}

struct probe *probe_at(const struct vm *vm, u32 number)
{
    struct probe *chunk = chunk_of(vm, number);

    if (!chunk || !chunk[number % CHUNK_PROBES].used)
        return NULL;
    return &chunk[number % CHUNK_PROBES];
}

struct probe *probe_next(const struct vm *vm, u32 *number)
{
    const struct probe_top *top = top_of(vm);

    while (top && *number < MOST) {
        struct probe *chunk = chunk_of(vm, *number);
        if (chunk && chunk[*number % CHUNK_PROBES].used)
            return &chunk[*number % CHUNK_PROBES];
        if (chunk)
            ++*number;
        else if (top->dir[*number / DIR_PROBES])
            *number = (*number / CHUNK_PROBES + 1) * CHUNK_PROBES;
        else
            *number = (*number / DIR_PROBES + 1) * DIR_PROBES;
    }
    return NULL;
}

static bool is_empty(const u32 *names, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if (names[i])
            return false;
    }
    return true;
}

static bool is_unused(const struct probe *chunk)
{
    for (u32 i = 0; i < CHUNK_PROBES; i++) {
        if (chunk[i].used)
            return false;
    }
    return true;
}

/* Gives back what holds nothing any more on the way to this number. */
static void prune(struct vm *vm, struct probe_top *top, u32 number)
{
    u32 *name = &top->dir[number / DIR_PROBES], *dir = ptr_of(vm, *name);
    u32 *chunk = dir ? &dir[number / CHUNK_PROBES % DIR_CHUNKS] : NULL;

    if (!chunk || (*chunk && !is_unused(ptr_of(vm, *chunk))))
        return;
    release(vm, chunk);
    if (is_empty(dir, DIR_CHUNKS))
        release(vm, name);
}

/* The place for a number; null: no memory. */
static struct probe *place(struct vm *vm, struct probe_top *top, u32 number)
{
    u32 *dir = made(vm, &top->dir[number / DIR_PROBES]);
    struct probe *chunk = NULL;

    if (dir)
        chunk = made(vm, &dir[number / CHUNK_PROBES % DIR_CHUNKS]);
    if (chunk)
        return &chunk[number % CHUNK_PROBES];
    prune(vm, top, number);
    return NULL;
}

static u32 free_number(const struct vm *vm)
{
    u32 number = vm->probes.list.low;

    while (probe_at(vm, number))
        number++;
    return number;
}

/* ---- by address */

static u32 size_of(u32 bytes)
{
    u32 i = 0;

    while (i < PROBE_SIZES - 1 && (bytes - 1) >> (i + 1) * SIZE_SHIFT)
        i++;
    return i;
}

static u64 block_of(u64 at, u32 size)
{
    return at >> (size + 1) * SIZE_SHIFT;
}

/* Blocks are counted modulo their number, as addresses wrap around. */
static u32 *head_of(const struct vm *vm, u32 size, u64 block)
{
    u32 chains = vm->probes.list.heads * FRAME_HEADS, hash;
    u32 *heads;

    block &= block_of(0xffffffffu, size);
    hash = ((u32)block ^ size << 29) * 0x9e3779b1u; /* 2^32 / golden ratio */
    hash = (hash ^ hash >> 16) & (chains - 1);
    heads = ptr_of(vm, top_of(vm)->heads[hash / FRAME_HEADS]);
    return &heads[hash % FRAME_HEADS];
}

static u32 *head_for(const struct vm *vm, const struct probe *probe)
{
    u32 size = size_of(probe->size);

    return head_of(vm, size, block_of(probe->at, size));
}

static void link_in(const struct vm *vm, struct probe *probe, u32 number)
{
    u32 *head = head_for(vm, probe);

    probe->next = *head;
    *head = number + 1;
}

static void link_out(const struct vm *vm, const struct probe *probe, u32 number)
{
    u32 *from = head_for(vm, probe);

    while (*from != number + 1)
        from = &probe_at(vm, *from - 1)->next;
    *from = probe->next;
}

/* All chains anew, over so many frames of heads. */
static void rehash(struct vm *vm, u32 heads)
{
    struct probe *probe;

    vm->probes.list.heads = heads;
    for (u32 i = 0; i < heads; i++)
        memset(ptr_of(vm, top_of(vm)->heads[i]), 0, PAGE_SIZE);
    for (u32 i = 0; (probe = probe_next(vm, &i)); i++)
        link_in(vm, probe, i);
}

/* More chains when they get long. False: there are none at all. */
static bool more_heads(struct vm *vm, struct probe_top *top)
{
    struct probe_list *l = &vm->probes.list;
    u32 want = l->heads ? 2 * l->heads : 1, have = l->heads;

    if (l->count <= l->heads * FRAME_HEADS * CHAIN_LENGTH || want > TOP_HEADS)
        return true;
    while (have < want && made(vm, &top->heads[have]))
        have++;
    if (have == want) {
        rehash(vm, want);
        return true;
    }
    while (have > l->heads)
        release(vm, &top->heads[--have]);
    return l->heads != 0;
}

/* ---- in and out */

static void drop_top(struct vm *vm, struct probe_top *top)
{
    struct probe_list *l = &vm->probes.list;

    while (l->heads)
        release(vm, &top->heads[--l->heads]);
    frame_free(&vm->hv->frames, l->top);
    *l = (struct probe_list){.count = 0};
}

static void tally(struct probe_list *l, const struct probe *probe, u32 one)
{
    l->of_kind[probe->kind] += one;
    l->of_size[size_of(probe->size)] += one;
}

static bool put(struct vm *vm, struct probe_top *top, const struct probe *probe,
                u32 *number)
{
    struct probe_list *l = &vm->probes.list;
    struct probe *at;

    *number = free_number(vm);
    if (*number >= MOST || !more_heads(vm, top))
        return false;
    at = place(vm, top, *number);
    if (!at)
        return false;
    *at = *probe;
    at->used = true;
    link_in(vm, at, *number);
    tally(l, at, 1);
    l->low = *number + 1;
    return true;
}

/* count is one more meanwhile, so that there is a top. */
bool probe_list_add(struct vm *vm, const struct probe *probe, u32 *number)
{
    struct probe_list *l = &vm->probes.list;
    bool done;

    if (!l->count &&
        !frame_alloc(&vm->hv->frames, FRAME_PROBE, (u8)vm->slot, &l->top))
        return false;
    l->count++;
    done = put(vm, top_of(vm), probe, number);
    if (done)
        return true;
    if (l->count == 1)
        drop_top(vm, top_of(vm));
    else
        l->count--;
    return false;
}

void probe_list_remove(struct vm *vm, u32 number)
{
    struct probe_list *l = &vm->probes.list;
    struct probe *probe = probe_at(vm, number);
    struct probe_top *top = top_of(vm);

    link_out(vm, probe, number);
    tally(l, probe, (u32)-1);
    probe->used = false;
    prune(vm, top, number);
    l->low = min_u32(l->low, number);
    if (l->count == 1)
        drop_top(vm, top);
    else
        l->count--;
}

/* ---- the questions */

/* Addresses wrap around, ranges do not. */
static bool meets(const struct probe *probe, const struct probe_near *n)
{
    return n->at - probe->at < probe->size || probe->at - n->at < n->size;
}

/* The next size of blocks that there are probes of. */
static bool next_size(const struct probe_list *l, struct probe_near *n)
{
    u32 size;

    while (n->sizes < PROBE_SIZES && !l->of_size[n->sizes])
        n->sizes++;
    if (n->sizes == PROBE_SIZES)
        return false;
    size = n->sizes++;
    n->block = block_of(n->at, size) - 1;
    n->left = (u32)(block_of((u64)n->at + n->size - 1, size) - n->block) + 1;
    return true;
}

struct probe *probe_near(const struct vm *vm, struct probe_near *n)
{
    for (;;) {
        while (n->next) {
            struct probe *probe = probe_at(vm, n->next - 1);
            n->number = n->next - 1;
            n->next = probe->next;
            if (meets(probe, n))
                return probe;
        }
        if (!n->left && !next_size(&vm->probes.list, n))
            return NULL;
        n->next = *head_of(vm, n->sizes - 1, n->block++);
        n->left--;
    }
}

bool probe_break_at(const struct vm *vm, u32 at, u32 *number)
{
    const struct probe *probe;
    bool found = false;
    u32 next = 0;

    if (vm->probes.list.of_kind[PROBE_BREAK])
        next = *head_of(vm, 0, block_of(at, 0));
    for (; next; next = probe->next) {
        probe = probe_at(vm, next - 1);
        if (probe->kind != PROBE_BREAK || probe->at != at)
            continue;
        *number = found ? min_u32(*number, next - 1) : next - 1;
        found = true;
    }
    return found;
}

bool probe_find(const struct vm *vm, enum probe_owner owner, u8 tag, u32 at,
                u32 size, u32 *number)
{
    struct probe wanted = {.at = at, .size = size};
    const struct probe *probe;
    u32 next = 0;

    if (vm->probes.list.count)
        next = *head_for(vm, &wanted);
    for (; next; next = probe->next) {
        probe = probe_at(vm, next - 1);
        *number = next - 1;
        if (probe->owner == owner && probe->tag == tag && probe->at == at &&
            probe->size == size)
            return true;
    }
    return false;
}

u32 probe_frames(const struct vm *vm)
{
    u32 frames = guards_frames(&vm->shadow.guards);
    const struct probe_top *top = top_of(vm);

    if (!top)
        return frames;
    frames += 1 + vm->probes.list.heads;
    for (u32 i = 0; i < TOP_DIRS; i++) {
        const u32 *dir = ptr_of(vm, top->dir[i]);
        frames += dir != NULL;
        for (u32 k = 0; dir && k < DIR_CHUNKS; k++)
            frames += dir[k] != 0;
    }
    return frames;
}
