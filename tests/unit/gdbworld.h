/* SPDX-License-Identifier: MIT
 *
 * What tests of the gdb stub share: a machine without a CPU whose gdb wire is
 * memory, packets to it and their answers. Include it in one test file.
 */
#ifndef TESTS_GDBWORLD_H
#define TESTS_GDBWORLD_H

#include "tests/fake/machine.h"
#include "tests/unit/unit.h"

static struct vm *vm;
static u8 wire_in[16384], wire_out[131072];
static char got[131072]; /* the packets that came out, "|" behind each */
static struct fake_wire *wire;

/* What has come out: packets without frame, acknowledgements as they are. */
static inline const char *answers(void)
{
    size_t n = 0;

    for (size_t i = 0; i < wire->written; i++) {
        u8 sum = 0;
        char want[3];
        if (wire_out[i] != '$') {
            got[n++] = (char)wire_out[i];
            continue;
        }
        for (i++; i < wire->written && wire_out[i] != '#'; i++) {
            sum += wire_out[i];
            got[n++] = (char)wire_out[i];
        }
        snprintf(want, sizeof(want), "%02x", sum);
        EXPECT(i + 2 < wire->written && !memcmp(want, wire_out + i + 1, 2));
        got[n++] = '|';
        i += 2;
    }
    got[n] = 0;
    wire->written = 0;
    return got;
}

static inline const char *bytes(const void *data, size_t len)
{
    memcpy(wire_in, data, len);
    wire->in = wire_in;
    wire->in_size = len;
    for (u32 i = 0; i < 40; i++) /* long answers take several turns */
        gdb_poll(&fake_hv);
    return answers();
}

static inline const char *send(const void *data, size_t len)
{
    const u8 *text = data;
    char frame[8192];
    u8 sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += text[i];
    frame[0] = '$';
    memcpy(frame + 1, data, len);
    snprintf(frame + 1 + len, 4, "#%02x", sum);
    return bytes(frame, len + 4);
}

static inline const char *ask(const char *text)
{
    return send(text, strlen(text));
}

#define SAYS(packet, answer)    EXPECT_STR(ask(packet), answer)
#define SAYS_SOME(packet, part) EXPECT(strstr(ask(packet), part))

static inline void start(void)
{
    vm = fake_vm(0x200000, SHADOW_CACHED);
    str_copy(fake_boot.module[0].line, BOOT_LINE, "vm=one mem=2M");
    wire = &fake_wires[ARCH_WIRE_GDB];
    *wire = (struct fake_wire){.out = wire_out, .room = sizeof(wire_out)};
    gdb_init(&fake_hv);
}

static inline struct vm *second(void)
{
    struct vm_config config = {
        .kind = CONFIG_VM, .name = "two", .mem = 0x200000, .weight = 1};
    char error[200];

    if (!vm_create(&fake_hv, &config, 0, error, sizeof(error))) {
        printf("%s\n", error);
        abort();
    }
    return hv_find(&fake_hv, "two");
}

#define OFFER "qSupported:multiprocess+;swbreak+;hwbreak+;xmlRegisters=i386"

/* As `target remote` begins. */
static inline void connect(void)
{
    SAYS_SOME(OFFER, "+PacketSize=1000;");
    SAYS("QStartNoAckMode", "+OK|");
}

static inline void attach_all(void)
{
    connect();
    SAYS_SOME("?", "T05thread:p1.1;");
}

static inline void stop_by(enum stop_reason reason, u32 probe)
{
    vm->stop = (struct stop){.stops = vm->stop.stops + 1,
                             .reason = reason,
                             .probe = probe,
                             .at = 0x1234};
    vm_pause(vm);
}

static inline const char *poll(void)
{
    gdb_poll(&fake_hv);
    return answers();
}

#define STOPS(part) EXPECT(strstr(poll(), part))

#endif
