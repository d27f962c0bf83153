# SPDX-License-Identifier: MIT
#
# The monitor as a person and a script use it, on one machine: commands from
# the command line before anything runs, a line edited with the keys of a
# terminal, history, Tab, help in full; and every command that looks, on a
# guest that runs, one that is paused, one that has been killed in real-address
# mode.
import re

from machine import PROMPT, check, limit

UP, LEFT, HOME, DELETE = "\x1b[A", "\x1b[D", "\x1b[H", "\x1b[3~"
SCRIPT = ("list; frob; wait real stopped 60s; wait alpha halted 60s; "
          "pause alpha; regs alpha")

# What each command must say about a paused hare with paging on.
LOOKS = {
    "regs alpha": [r"^alpha: paused, at 0008:c0\w{6} \(\w+", r"^  eax \w{8}",
                   r"^  cs   0008  base 00000000  limit ffffffff  DPL 0  "
                   r"32-bit code, readable$", r"^  cr0 8\w{7} PE .*PG$",
                   r"^=> 0xc0\w{6}  "],
    "mem alpha kmain 32": [r"^kmain:$", r"^  0xc0\w{6}  \w{8} .*\|$"],
    "mem alpha phys 0x100000 16": [r"^  0x00100000  \w{8} "],
    "mem alpha 0x10": [r"cannot be read: it would fault: the directory entry "
                       r"0 \(0x00000000 at physical 0x\w{8}\) is not "
                       r"present\.$"],
    "dis alpha kmain 3": [r"^kmain:$", r"^   0xc0\w{6}  55 +push ebp$"],
    "walk alpha kmain": [r"^alpha: 0xc0\w{6}, 32-bit paging, CR3 0x\w{8}",
                         r"PDE    768  0x\w{8} at 0x\w{8}  +PDE      0  0x",
                         r"PTE +\d+  0x\w{8} at 0x\w{8}  +PTE ",
                         r"p2m: guest frame 0x\w{5} is RAM",
                         r"The shadow maps that frame, read-only",
                         r"kernel read   it works: at physical 0x\w{8} is RAM",
                         r"user write    it would fault: the \w+ entry \d+ "
                         r".* is for the supervisor only"],
    "map alpha": [r"^  0xc00a0000-0xc00bffff    128K  S rw .* a device ",
                  r"^  0xc0100000-0x\w+ .* S r- 4K .* RAM      0x00100000 .* "
                  r"\d+ of \d+, 0 writable"],
    "gdt alpha": [r"^  0008  base 00000000  limit ffffffff  DPL 0  32-bit "
                  r"code, readable  <- cs", r"32-bit TSS, busy  <- tr$",
                  r"no LDT is loaded"],
    "idt alpha": [r"^  0x0e  0008:c0\w{6}  int32 .*  \w+\+?"],
    "tss alpha": [r"^alpha: 32-bit TSS 0028", r"esp0 (c0|ff)", r"iomap 00",
                  r"ports open to ring 3: none"],
    "devices alpha": [r"^  pic1   IRR \w\w  ISR 00  IMR \w\w .* vectors "
                      r"0x20-0x27", r"^  pit0   mode 2, count 11931, 100 Hz",
                      r"^  rtc    20\d\d-", r"^  com1   115200 baud",
                      r"^  vga    text mode", r"^  bus    "],
    "log 5": [r"^trapline: cmd: "],
}
# ... and about a guest that died in real-address mode.
REAL = {
    "regs real": [r"^real: killed, at 1100:0{8} .* real-address mode$",
                  "killed because triple fault"],
    "map real": ["^real: paging is off: linear is physical$",
                 r"^  0x00000000-0x0009ffff    640K "],
    "walk real 0x1000": ["paging is off", "kernel write  it works"],
    "dis real $eip 1": [r"^=> 0x00000000  cd40 +int 0x40$"],
    "mem real 0x11000 16": [r"^  0x00011000  \w{4}40cd "],
    "gdt real": ["^real: GDT at 0x"],
    "tss real": ["^real: 32-bit TSS"],
    "idt real": ["limit 0x0022$", "^  0x00-0x0"],
}


def answers(talk, wanted):
    for words, patterns in wanted.items():
        text = "\n".join(talk.command(words))
        for pattern in patterns:
            check(re.search(pattern, text, re.M),
                  f"{words!r} shows no {pattern!r}: {text}")


def script(talk):
    text = talk.wait("trapline: cmd: done")
    places = [text.find(f"trapline: cmd: {command.strip()}\r")
              for command in SCRIPT.split(";")]
    check(-1 < places[0] and places == sorted(places),
          f"the script's commands are at {places}")
    for pattern in ('"frob" is not a command', "alpha: paused, at "):
        check(pattern in text, f"the script shows no {pattern!r}")
    talk.wait(re.escape(PROMPT))


def editing(talk):
    """Each line is put right by keys before Enter; the answer shows it."""
    lists = r"NAME +KEY[\s\S]*" + re.escape(PROMPT)
    for keys in ("lit" + LEFT + "s", "xlist" + HOME + DELETE, UP,
                 "frob\x15list", "list frob\x17", "st\x01li\x05", "li\t",
                 "list it\x1b\x7f", "is\x01l\x05tfrob" + 4 * LEFT + "\x0b"):
        talk.type(keys + "\r")
        talk.wait(lists)
    talk.type("re\t")
    talk.wait(r"resume  reset  regs")
    talk.wait(re.escape(PROMPT) + "re")
    talk.type("g\tal\t\r")
    talk.wait("alpha: paused, at ")
    talk.wait(re.escape(PROMPT))
    talk.type("x" * 600 + "\r")
    talk.wait("is not a command")
    talk.wait(re.escape(PROMPT))


@limit(120)
def test_monitor(env):
    micro = f"{env.build}/micro"
    guests = [env.hare_line(words="", mem="8M"),
              f"{micro}/realtriple.elf vm=real mem=8M exec=interp -- "]
    talk = env.session(env.vmm_machine(guests, f'trapline.cmd="{SCRIPT}"'))
    script(talk)
    editing(talk)
    answers(talk, LOOKS)
    answers(talk, REAL)
    answers(talk, {f"help {words.split()[0]}": ["^usage: "]
                   for words in LOOKS})
    answers(talk, {"regs": ["^usage: regs NAME$"],
                   "walk alpha": ["^usage: walk NAME ADDRESS$"],
                   "mem alpha nowhere": ["nowhere"],
                   "wlak alpha 0": ["did you mean `walk`"]})
    talk.command("resume alpha")
    answers(talk, {"regs alpha": ["^alpha: (running|halted), at "]})
    talk.type("poweroff\r")
    talk.wait("trapline: poweroff, status 0")
    talk.end()
