# SPDX-License-Identifier: MIT
#
# Makes traces in CTF 1.8 that nobody recorded, for the tests of what reads
# them: any number of guests and records, the same for the same seed. The
# events are the rows of vmm/vm/trace.def, the form is that of vmm/vm/ctf.h,
# and what happens is a small play: guests boot, install handlers, fault their
# memory in, make system calls, are interrupted and take turns.
#
#   ctfmake.py FOLDER [--guests N] [--records N] [--seed N] [--lose]
import argparse
import os
import random
import re
import struct

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
HZ, PACKET = 2400000000, 4096
MAGIC, UUID = 0xC1FC1FC1, bytes(range(16))
HEAD = struct.Struct("<I16sIIIQQQIII")
EVENT = struct.Struct("<BIBBI")
KINDS = ("privileged", "softint", "iret", "io", "exception", "page_true",
         "page_fill", "page_write", "mmio", "host_irq", "fatal")
ENUMS = {"ENUM_EXIT": KINDS,
         "ENUM_REG": ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"),
         "ENUM_TABLE": ("gdt", "idt", "ldt", "tss"),
         "ENUM_END": ("slice", "halt", "irq", "stop", "reset"),
         "ENUM_REASON": ("cr3", "mode", "invlpg", "memory", "fill", "write",
                         "flood", "reap", "watch", "let_go", "no_room")}
FORMS = {"U32": "I", "X64": "Q", "U64": "Q", "VECTOR": "B", "PORT": "H",
         "BYTES": "16s", **dict.fromkeys(ENUMS, "B")}
NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta",
         "iota", "kappa", "lambda", "mu", "nu", "xi", "omicron", "pi")


def catalogue():
    """[(name, [(type, field)])], in the order of trace.def."""
    path = os.path.join(ROOT, "vmm", "vm", "trace.def")
    text = re.sub(r"/\*.*?\*/", "", open(path).read(), flags=re.S)
    return [(name, re.findall(r"FIELD\((\w+),\s*(\w+)\)", rest))
            for name, rest in re.findall(
                r'\nEVENT\(\w+,\s*"(\w+)",(.*?)"', text, re.S)]


def declared(kind, field):
    if kind == "TEXT":
        return f"string {field};"
    if kind == "BYTES":
        return f"u8 {field}[16];"
    if kind in ENUMS:
        words = ", ".join(f'"{w}" = {i}' for i, w in enumerate(ENUMS[kind]))
        return f"enum : u8 {{ {words} }} {field};"
    return {"I": f"u32 {field};", "Q": f"u64 {field};", "B": f"u8 {field};",
            "H": f"u16 {field};"}.get(FORMS.get(kind), f"x32 {field};")


def metadata(rows):
    text = """/* CTF 1.8 */
typealias integer { size = 8; align = 8; } := u8;
typealias integer { size = 16; align = 8; base = 16; } := u16;
typealias integer { size = 32; align = 8; } := u32;
typealias integer { size = 32; align = 8; base = 16; } := x32;
typealias integer { size = 64; align = 8; } := u64;
trace {
    major = 1; minor = 8; byte_order = le;
    uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
    packet.header := struct { u32 magic; u8 uuid[16]; u32 stream_id; };
};
clock { name = tsc; freq = %d; offset_s = 1795000000; offset = 0; };
typealias integer { size = 32; align = 8; map = clock.tsc.value; } := time32;
typealias integer { size = 64; align = 8; map = clock.tsc.value; } := time64;
stream {
    id = 0;
    packet.context := struct {
        u32 content_size; u32 packet_size;
        time64 timestamp_begin; time64 timestamp_end;
        u64 events_discarded; u32 packet_seq_num; u32 cpu_id; x32 adler32;
    };
    event.header := struct { u8 id; time32 timestamp; };
    event.context := struct { u8 vm; u8 cpl; x32 eip; };
};
env { tracer_name = "trapline"; };
""" % HZ
    for number, (name, fields) in enumerate(rows):
        inner = " ".join(declared(*f) for f in fields)
        text += (f'event {{ name = "{name}"; id = {number}; stream_id = 0;\n'
                 f"    fields := struct {{ {inner} }};\n}};\n")
    return text


class Writer:
    """A folder with one stream."""

    def __init__(self, folder, lose=False):
        os.makedirs(folder, exist_ok=True)
        self.rows = catalogue() + [("vm", [("TEXT", "vm_name"),
                                           ("U64", "memory")])]
        self.fields = dict(self.rows)
        self.numbers = {name: n for n, (name, _) in enumerate(self.rows)}
        with open(os.path.join(folder, "metadata"), "w") as out:
            out.write(metadata(self.rows))
        self.out = open(os.path.join(folder, "stream"), "wb")
        self.body, self.begin, self.last = bytearray(), None, 0
        self.lost = self.sequence = self.records = 0
        self.lose = lose
        self.forms = {}
        for name, fields in self.rows:
            if not any(kind == "TEXT" for kind, _ in fields):
                self.forms[name] = struct.Struct("<" + "".join(
                    FORMS.get(kind, "I") for kind, _ in fields))

    def payload(self, name, values):
        """Fields that are not said are 0."""
        if name in self.forms:
            return self.forms[name].pack(*[values.get(field, 0) for _, field
                                           in self.fields[name]])
        made = b""
        for kind, field in self.fields[name]:
            made += values[field].encode() + b"\0" if kind == "TEXT" else \
                struct.pack("<" + FORMS.get(kind, "I"), values.get(field, 0))
        return made

    def add(self, time, name, vm, eip, cpl, **values):
        if self.begin is None:
            self.begin = time
        data = EVENT.pack(self.numbers[name], time & 0xFFFFFFFF, vm, cpl,
                          eip) + self.payload(name, values)
        if HEAD.size + len(self.body) + len(data) > PACKET or \
                time - self.begin >> 31:
            self.flush()
            self.begin = time
        self.body += data
        self.last = time
        self.records += 1

    def flush(self):
        if not self.body:
            return
        if self.lose and self.sequence % 40 == 20:
            self.lost += 500
        size = 8 * (HEAD.size + len(self.body))
        self.out.write(HEAD.pack(MAGIC, UUID, 0, size, size, self.begin,
                                 self.last, self.lost, self.sequence, 0, 0))
        self.out.write(self.body)
        self.body, self.sequence = bytearray(), self.sequence + 1

    def close(self):
        self.flush()
        self.out.close()


class Play:
    """What guests do, until there are enough records."""

    def __init__(self, writer, guests, records, seed):
        self.w, self.guests, self.records = writer, guests, records
        self.random = random.Random(seed)
        self.now, self.vm, self.turn = 1 << 40, 1, 0
        # What the tests compare with: exits and their cost by guest and kind.
        self.truth = {}

    def eip(self):
        return 0xC0100000 + min(int(self.random.paretovariate(0.9)) * 16,
                                0x3FF0)

    def event(self, name, eip=None, cpl=0, **values):
        self.now += self.random.randrange(200, 900)
        self.w.add(self.now, name, self.vm, eip or self.eip(), cpl, **values)

    def exit(self, kind, mean, vector=0, error=0, at=0, cpl=0):
        cost = int(mean * self.random.lognormvariate(0, 0.5))
        self.now += cost
        self.w.add(self.now, "exit", self.vm, self.eip(), cpl,
                   kind=KINDS.index(kind), vector=vector, error=error, at=at,
                   cost=cost)
        key = self.vm, kind
        count, total = self.truth.get(key, (0, 0))
        self.truth[key] = count + 1, total + cost
        self.now += self.random.randrange(2000, 40000)

    def boot(self):
        self.event("vm", vm_name=NAMES[self.vm - 1], memory=16 << 20)
        for vector in (*range(20), *range(0x20, 0x30), 0x80):
            self.event("gate", eip=0xC0100420, vector=vector,
                       now=0xC0108E0000080000 | vector * 16,
                       handler=0xC0104000 + vector * 16)
            self.exit("page_write", 5200)

    def fault(self):
        at = 0xC0000000 + self.random.randrange(1 << 22)
        if self.random.random() < 0.3:
            self.event("exception", vector=14, error=2, cr2=at,
                       delivered=14, handler=0xC01040E0)
            self.exit("page_true", 6100, 14, 2, at, 3)
        else:
            self.event("shadow_fill", at=at, access=2,
                       frame=at >> 12 & 0xFFF, leaf=at | 3)
            self.exit("page_fill", 4300, 14, 2, at)

    def step(self):
        what = self.random.random()
        if what < 0.25:
            self.event("int", cpl=3, vector=0x80,
                       eax=self.random.randrange(9), handler=0xC0104800)
            self.exit("softint", 2600, 0x80, cpl=3)
            self.event("iret", cs=0x1B, to=0x8048000, eflags=0x202)
            self.exit("iret", 2100)
        elif what < 0.45:
            self.event("cli" if what < 0.35 else "sti", eflags=0x246)
            self.exit("privileged", 900, 13)
        elif what < 0.52:
            self.event("cr_write", cr=3, value=0x105000)
            self.event("shadow_flush_all", reason=0)
            self.exit("privileged", 3900, 13)
        elif what < 0.65:
            self.event("port_out", port=0x3F8, size=1, value=0x41)
            self.exit("io", 3100, 13)
        elif what < 0.9:
            self.fault()
        else:
            self.event("page_entry", at=0x105000, size=4, now=0x106003)
            self.exit("page_write", 5600, 14)

    def run_turn(self):
        self.vm = 1 + self.turn % self.guests
        began = self.now
        if self.turn < self.guests:
            self.boot()
        if self.turn // self.guests % 3 == 0:
            self.event("irq_raise", line=0)
            self.event("irq_inject", vector=0x20, handler=0xC0104200)
            self.event("irq_eoi", line=0)
        for _ in range(self.random.randrange(5, 60)):
            self.step()
        self.exit("host_irq", 1500, 0x20)
        why = self.random.choice((0, 0, 1, 2))
        self.event("turn_end", why=why,
                   ran=(self.now - began) * 10 ** 9 // HZ)
        if why == 1 and self.guests < 4:
            self.now += HZ // 5000
            self.w.add(self.now, "idle", 0, 0, 0, ns=200000)
        self.turn += 1

    def run(self):
        while self.w.records < self.records:
            self.run_turn()
        return self.truth


def make(folder, guests=3, records=20000, seed=1, lose=False):
    """Returns {(vm, kind): (exits, ticks)}."""
    writer = Writer(folder, lose)
    truth = Play(writer, guests, records, seed).run()
    writer.close()
    return truth


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--guests", type=int, default=3)
    parser.add_argument("--records", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lose", action="store_true")
    args = parser.parse_args()
    make(args.folder, args.guests, args.records, args.seed, args.lose)
