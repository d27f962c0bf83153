/* SPDX-License-Identifier: MIT
 *
 * See gdb_impl.h. Packets that ask: what the stub can do, which threads and
 * processes there are, what the registers are, a line for the monitor, and the
 * guest's own ELF image.
 *
 * The image is why gdb has a guest's symbols without being told: it asks which
 * file the process runs, gets "/NAME.elf", and reads that over the wire as it
 * would a program's on another computer. Nothing else of the machine is a
 * file. gdb asks only for a process that it has no file for.
 *
 * A long text is made anew for each piece that gdb asks of it, and only the
 * piece is kept. What a monitor command says is kept whole, up to GDB_TEXT,
 * and goes out a packet at a time.
 *
 * GDB manual, appendix E.4 (general query packets), E.7 (host I/O), E.10
 * (qXfer: threads), E.13 (osdata).
 */
#include "vmm/base/bits.h"
#include "vmm/vm/gdb_impl.h"

#define PIECE_MAX (GDB_PACKET / 2 - 16) /* bytes that may all be escaped */
#define LINE      256

/* ---- what both sides can do */

static bool offers(struct slice words, const char *what)
{
    struct slice word;

    while (words.len) {
        slice_split(words, ';', &word, &words);
        if (slice_eq(word, what))
            return true;
    }
    return false;
}

void gdb_supported(const struct gdb_args *args)
{
    struct gdb *g = args->gdb;
    struct slice rest = args->rest;

    gdb_take(&rest, ':');
    gdb_new_session(args->hv);
    g->multiprocess = offers(rest, "multiprocess+");
    g->swbreak = offers(rest, "swbreak+");
    g->hwbreak = offers(rest, "hwbreak+");
    gdb_port_begin(&g->port);
    gdb_port_print(&g->port,
                   "PacketSize=%x;QStartNoAckMode+;vContSupported+;"
                   "qXfer:features:read+;qXfer:threads:read+;"
                   "qXfer:osdata:read+;qXfer:exec-file:read+%s%s%s",
                   GDB_PACKET, g->multiprocess ? ";multiprocess+" : "",
                   g->swbreak ? ";swbreak+" : "",
                   g->hwbreak ? ";hwbreak+" : "");
    gdb_port_end(&g->port);
}

/* ---- texts */

/* Keeps [from, from + size) of what is printed into it. */
struct window {
    struct gdb_port *port;
    u64 from, size;
    u64 at; /* of the whole text so far */
};

static void window_put(void *ctx, const char *text, size_t len)
{
    struct window *w = ctx;
    u64 start = max_u64(w->at, w->from);
    u64 end = min_u64(w->at + len, w->from + w->size);

    if (start < end)
        gdb_port_binary(w->port, text + (start - w->at), (size_t)(end - start));
    w->at += len;
}

static bool plain(char c)
{
    return c > ' ' && c < 0x7f && c != '<' && c != '>' && c != '&' &&
           c != '"' && c != '\'';
}

/* A name, of which XML takes no part as its own. */
static void print_quoted(const struct sink *out, const char *text)
{
    for (; *text; text++) {
        if (plain(*text))
            fmt_sink(out, "%c", *text);
        else
            fmt_sink(out, "&#%u;", (u8)*text);
    }
}

static void threads_text(struct hv *hv, const struct sink *out)
{
    fmt_sink(out, "<?xml version=\"1.0\"?>\n<threads>\n");
    for (u32 i = 0; i < HV_VMS; i++) {
        const struct vm *vm = gdb_vm(hv, (int)i);
        if (!vm)
            continue;
        if (hv->gdb.multiprocess)
            fmt_sink(out, "<thread id=\"p%x.%x\" core=\"0\" name=\"", i + 1,
                     i + 1);
        else
            fmt_sink(out, "<thread id=\"%x\" core=\"0\" name=\"", i + 1);
        print_quoted(out, vm->config.name);
        fmt_sink(out, "\">%s</thread>\n", vm_state_name(vm));
    }
    fmt_sink(out, "</threads>\n");
}

static void column(const struct sink *out, const char *name, const char *value)
{
    fmt_sink(out, "<column name=\"%s\">", name);
    print_quoted(out, value);
    fmt_sink(out, "</column>");
}

/* `info os processes`. */
static void processes_text(struct hv *hv, const struct sink *out)
{
    char number[16];

    fmt_sink(out, "<?xml version=\"1.0\"?>\n<osdata type=\"processes\">\n");
    for (u32 i = 0; i < HV_VMS; i++) {
        const struct vm *vm = &hv->vm[i];
        if (vm->state == VM_EMPTY)
            continue;
        fmt_sink(out, "<item>");
        fmt_buf(number, sizeof(number), "%u", i + 1);
        column(out, "pid", number);
        column(out, "name", vm->config.name);
        column(out, "state", vm_state_name(vm));
        fmt_buf(number, sizeof(number), "%uM", (u32)(vm->config.mem >> 20));
        column(out, "memory", number);
        fmt_sink(out, "</item>\n");
    }
    fmt_sink(out, "</osdata>\n");
}

/* The guest's image, if it is an ELF file. */
static const u8 *image_of(struct hv *hv, u32 slot, u64 *size)
{
    const struct vm *vm = &hv->vm[slot];
    const u8 *at;

    if (vm->state == VM_EMPTY || vm->module >= hv->boot->modules)
        return NULL;
    at = hv->module_data(hv, vm->module);
    *size = hv->boot->module[vm->module].size;
    return at && *size > 4 && !memcmp(at, "\177ELF", 4) ? at : NULL;
}

static void file_text(struct hv *hv, u32 slot, const struct sink *out)
{
    fmt_sink(out, "/%s.elf", hv->vm[slot].config.name);
}

/* ---- qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH */

struct transfer {
    struct slice object, annex;
    u64 from, size;
};

static bool take_transfer(struct slice rest, struct transfer *t)
{
    struct slice word;

    if (!slice_split(rest, ':', &t->object, &rest) ||
        !slice_split(rest, ':', &word, &rest) || !slice_eq(word, "read") ||
        !slice_split(rest, ':', &t->annex, &rest))
        return false;
    return gdb_take_hex(&rest, &t->from) && gdb_take(&rest, ',') &&
           gdb_take_hex(&rest, &t->size) && !rest.len;
}

/* Prints the text that is wanted; false: there is none such. */
static bool print_object(const struct gdb_args *args, const struct transfer *t,
                         const struct sink *out)
{
    struct slice annex = t->annex;
    u64 pid = (u64)args->gdb->general + 1, size;

    if (slice_eq(t->object, "features") && slice_eq(annex, "target.xml"))
        gdb_describe(out);
    else if (slice_eq(t->object, "threads") && !annex.len)
        threads_text(args->hv, out);
    else if (slice_eq(t->object, "osdata") &&
             (!annex.len || slice_eq(annex, "processes")))
        processes_text(args->hv, out);
    else if (slice_eq(t->object, "exec-file") &&
             (!annex.len || gdb_take_hex(&annex, &pid)) && pid - 1 < HV_VMS &&
             image_of(args->hv, (u32)pid - 1, &size))
        file_text(args->hv, (u32)pid - 1, out);
    else
        return false;
    return true;
}

void gdb_transfer(const struct gdb_args *args)
{
    struct gdb_port *port = &args->gdb->port;
    struct transfer t;
    struct window w = {.port = port};
    struct sink out = {window_put, &w};

    if (!take_transfer(args->rest, &t)) {
        gdb_error(args->gdb, GDB_EINVAL);
        return;
    }
    w.from = t.from;
    w.size = min_u64(t.size, PIECE_MAX);
    gdb_port_begin(port);
    gdb_port_raw(port, "l", 1);
    if (!print_object(args, &t, &out)) {
        port->out_len = port->out_start;
        gdb_error(args->gdb, GDB_ENOENT);
        return;
    }
    if (t.from < w.at && w.size < w.at - t.from)
        port->out[port->out_start + 1] = 'm';
    gdb_port_end(port);
}

/* For clients without qXfer:threads. */
void gdb_threads(const struct gdb_args *args)
{
    struct gdb *g = args->gdb;
    const char *before = "m";

    gdb_port_begin(&g->port);
    for (u32 i = 0; i < HV_VMS; i++) {
        if (!gdb_vm(args->hv, (int)i))
            continue;
        gdb_port_print(&g->port, "%s", before);
        gdb_print_id(g, i);
        before = ",";
    }
    if (*before == 'm')
        gdb_port_print(&g->port, "l");
    gdb_port_end(&g->port);
}

void gdb_thread_words(const struct gdb_args *args)
{
    struct slice rest = args->rest;
    struct gdb_port *port = &args->gdb->port;
    const struct vm *vm = NULL;
    struct gdb_id id;
    char words[64];

    if (gdb_take_id(&rest, &id))
        vm = gdb_vm(args->hv, id.pid - 1);
    if (!vm) {
        gdb_error(args->gdb, GDB_ESRCH);
        return;
    }
    fmt_buf(words, sizeof(words), "%s, %s", vm->config.name, vm_state_name(vm));
    gdb_port_begin(port);
    gdb_port_hex(port, words, str_len(words));
    gdb_port_end(port);
}

/* ---- qRcmd: the monitor */

static void text_put(void *ctx, const char *text, size_t len)
{
    struct gdb *g = ctx;

    len = min_u64(len, GDB_TEXT - g->text_len);
    memcpy(g->text + g->text_len, text, len);
    g->text_len += (u32)len;
}

void gdb_monitor(const struct gdb_args *args)
{
    static const char more[] = "... and more, for which there is no room.\n";
    struct slice rest = args->rest;
    struct gdb *g = args->gdb;
    struct sink out = {text_put, g};
    char line[LINE];
    size_t len = gdb_take_bytes(&rest, line, sizeof(line) - 1);

    if (rest.len) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    line[len] = 0;
    g->text_len = g->text_at = 0;
    g->talking = true;
    monitor_command_to(args->hv, line, &out);
    if (g->text_len == GDB_TEXT)
        memcpy(g->text + GDB_TEXT - str_len(more), more, str_len(more));
}

void gdb_talk(struct gdb *g)
{
    u32 size = min_u32(g->text_len - g->text_at, PIECE_MAX);

    if (!size) {
        g->talking = false;
        gdb_ok(g);
        return;
    }
    gdb_port_begin(&g->port);
    gdb_port_raw(&g->port, "O", 1);
    gdb_port_hex(&g->port, g->text + g->text_at, size);
    gdb_port_end(&g->port);
    g->text_at += size;
}

/* ---- vFile: the images, by slot */

#define STAT_BYTES 64
#define STAT_MODE  0100444u /* a file that all may read */

static void file_error(struct gdb *g, u32 number)
{
    gdb_answer(g, "F-1,%x", number);
}

static void file_open(const struct gdb_args *args, struct slice rest)
{
    struct slice hex;
    char name[VM_NAME_MAX + 8], have[VM_NAME_MAX + 8];
    size_t len;
    u64 size;

    slice_split(rest, ',', &hex, &rest);
    len = gdb_take_bytes(&hex, name, sizeof(name) - 1);
    name[len] = 0;
    for (u32 i = 0; i < HV_VMS && !hex.len; i++) {
        fmt_buf(have, sizeof(have), "/%s.elf", args->hv->vm[i].config.name);
        if (!image_of(args->hv, i, &size) || !str_eq(name, have))
            continue;
        gdb_answer(args->gdb, "F%x", i);
        return;
    }
    file_error(args->gdb, GDB_ENOENT);
}

/* F COUNT ; BYTES */
static void answer_bytes(struct gdb *g, const void *data, size_t len)
{
    len = gdb_port_fit(data, min_u64(len, GDB_PACKET), GDB_PACKET - 16);
    gdb_port_begin(&g->port);
    gdb_port_print(&g->port, "F%x;", (u32)len);
    gdb_port_binary(&g->port, data, len);
    gdb_port_end(&g->port);
}

static void file_read(const struct gdb_args *args, struct slice rest)
{
    u64 file, count, from, size;
    const u8 *image = NULL;

    if (gdb_take_hex(&rest, &file) && gdb_take(&rest, ',') &&
        gdb_take_hex(&rest, &count) && gdb_take(&rest, ',') &&
        gdb_take_hex(&rest, &from) && !rest.len && file < HV_VMS)
        image = image_of(args->hv, (u32)file, &size);
    if (!image) {
        file_error(args->gdb, GDB_EINVAL);
        return;
    }
    from = min_u64(from, size);
    answer_bytes(args->gdb, image + from, (size_t)min_u64(count, size - from));
}

static void put_be32(u8 *at, u32 v)
{
    for (u32 i = 0; i < 4; i++)
        at[i] = (u8)(v >> (24 - 8 * i));
}

/* struct stat in the protocol's form: big endian; mode and size are all that
 * matters. */
static void file_stat(const struct gdb_args *args, struct slice rest)
{
    u8 stat[STAT_BYTES] = {0};
    const u8 *image = NULL;
    u64 file, size;

    if (gdb_take_hex(&rest, &file) && file < HV_VMS)
        image = image_of(args->hv, (u32)file, &size);
    if (!image) {
        file_error(args->gdb, GDB_EINVAL);
        return;
    }
    put_be32(stat + 8, STAT_MODE);
    put_be32(stat + 12, 1); /* links */
    put_be32(stat + 32, (u32)size);
    put_be32(stat + 40, PAGE_SIZE);
    answer_bytes(args->gdb, stat, sizeof(stat));
}

void gdb_host_file(const struct gdb_args *args)
{
    struct slice rest = args->rest, verb;

    slice_split(rest, ':', &verb, &rest);
    if (slice_eq(verb, "setfs") || slice_eq(verb, "close"))
        gdb_answer(args->gdb, "F0");
    else if (slice_eq(verb, "open"))
        file_open(args, rest);
    else if (slice_eq(verb, "pread"))
        file_read(args, rest);
    else if (slice_eq(verb, "fstat"))
        file_stat(args, rest);
    else
        gdb_answer(args->gdb, "%s", "");
}
