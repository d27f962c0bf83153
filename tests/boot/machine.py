#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# What the boot tests share: a QEMU machine with a time limit, run to its end
# (batch) or talked to (session), and small guests made on the spot.
#
# A test is a function test_NAME(env) or, with @cases, test_NAME(env, case).
# It passes by returning; Failure carries the sentence that is printed. Each
# runs in a process of its own (tests/run.py starts this file with the build
# folder, the test's file, the function and the case), in a scratch folder
# that is gone afterwards. Everything a machine says goes to the test's log.
import ctypes
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import tty

import pexpect
import pexpect.fdpexpect

BARE, VMM = "qemu-system-i386", "qemu-system-x86_64"
EXIT_PASS = 0x21   # bare: a guest wrote 0x10 to the debug-exit port
EXIT_ZERO = 1      # VMM: powered off with status 0
EXIT_ONE = 3       # VMM: powered off with status 1
EXIT_PANIC = 255   # VMM: panic
BATCH_S = 60
# UEFI for QEMU, as Debian and Ubuntu have it: code, and its variables' store.
OVMF = tuple((f"/usr/share/OVMF/OVMF_CODE{size}.fd",
              f"/usr/share/OVMF/OVMF_VARS{size}.fd") for size in ("_4M", ""))
# Bochs: no debugger (its prompt would wait), no sound, no network.
BOCHS_RC = """config_interface: textconfig
display_library: term
romimage: file=/usr/share/seabios/bios-256k.bin
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model={cpu}, count=1, ips=50000000, reset_on_triple_fault=0
memory: guest={memory}, host={memory}
pci: enabled=1, chipset=i440fx
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: {drive}
boot: {boot}
com1: enabled=1, mode=term, dev={tty}
plugin_ctrl: speaker=0, sb16=0, es1370=0, gameport=0, parallel=0
sound: driver=dummy
clock: sync=none
log: {log}
panic: action=fatal
"""
PR_SET_THP_DISABLE = 41  # linux/prctl.h
POLICIES = ("vtlb", "cached")
PROMPT = "trapline> "
# On few processors some tests are left out whose like is run: TRAPLINE_PCS=all
# or few in the environment decides otherwise.
THOROUGH = {"few": False, "all": True}.get(
    os.environ.get("TRAPLINE_PCS"), len(os.sched_getaffinity(0)) >= 4)


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def check(condition, sentence):
    if not condition:
        raise Failure(sentence)


def cases(*names):
    def mark(function):
        function.cases = names
        return function
    return mark


def limit(seconds):
    """The time limit of a whole test, for tests/run.py."""
    def mark(function):
        function.limit = seconds
        return function
    return mark


def clean(text):
    """Lines without escape sequences and carriage returns."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    return [line.rstrip("\r").split("\r")[-1].rstrip()
            for line in text.split("\n")]


class Result:
    """What a machine that ran to its end has left."""

    def __init__(self, status, text):
        self.status = status
        self.text = text
        self.lines = clean(text)

    def of(self, name):
        """The lines of one VM, without its name; blank ones dropped."""
        head = f"[{name}] "
        own = [l[len(head):] if l.startswith(head) else l[len(head) - 1:]
               for l in self.lines if l.startswith(head.rstrip())]
        return [l for l in own if l]

    def has(self, pattern):
        return any(re.search(pattern, line) for line in self.lines)

    def want(self, *patterns):
        for pattern in patterns:
            check(self.has(pattern), f"no line matches {pattern!r}")
        return self

    def want_status(self, status):
        check(self.status == status,
              f"QEMU's exit code is {self.status}, not {status}; last words: "
              f"{[l for l in self.lines if l][-3:]}")
        if status in (EXIT_ZERO, EXIT_ONE):  # 1 is QEMU's own failure as well
            self.want(f"^trapline: poweroff, status {status >> 1}$")
        return self


class Session:
    """A machine one talks to. Every wait has a limit and says for what."""

    def __init__(self, command, seconds):
        print("$", " ".join(command), flush=True)
        self.child = pexpect.spawn(command[0], command[1:], timeout=seconds,
                                   encoding="utf-8", codec_errors="replace",
                                   dimensions=(50, 200))
        self.child.delaybeforesend = 0
        self.child.logfile_read = sys.stdout
        self.seconds = seconds

    def wait(self, pattern, seconds=None):
        """The text before the pattern."""
        try:
            self.child.expect(pattern, timeout=seconds or self.seconds)
        except (pexpect.TIMEOUT, pexpect.EOF) as why:
            kind = ("the machine ended" if isinstance(why, pexpect.EOF) else
                    f"{seconds or self.seconds} s passed")
            tail = clean(self.child.before or "")[-4:]
            raise Failure(f"{kind} while waiting for {pattern!r}; last "
                          f"words: {tail}") from None
        return self.child.before

    def type(self, text):
        self.child.send(text)

    def command(self, words, pattern=None, seconds=None):
        """One monitor command; its answer, as lines. Lines of guests that
        come meanwhile are left out."""
        self.type(words + "\r")
        self.wait(re.escape(words) + r"\s*\r\n")
        text = self.wait(re.escape(PROMPT), seconds)
        lines = [l for l in clean(text) if l and l[0] != "["]
        if pattern:
            check(re.search(pattern, "\n".join(lines)),
                  f"{words!r} answered {lines}, not {pattern!r}")
        return lines

    def end(self, seconds=None):
        """Waits for the machine to end; QEMU's exit code."""
        self.wait(pexpect.EOF, seconds)
        self.child.close()
        return self.child.exitstatus

    def kill(self):
        self.child.close(force=True)


class Bochs(Session):
    """The same by Bochs, which booted a CD, or the disk of a .img; COM1 is
    what one talks to."""

    def __init__(self, env, image, cpu, memory, seconds):
        self.log = env.path("bochs.log")
        self.wire = pty.openpty()  # ours, COM1's; both open to the end
        tty.setraw(self.wire[1])
        disk = image.endswith(".img")
        drive = (f"type=disk, mode=flat, path={image}" if disk else
                 f"type=cdrom, path={image}, status=inserted")
        rc = BOCHS_RC.format(cpu=cpu, memory=memory, drive=drive,
                             boot="disk" if disk else "cdrom", log=self.log,
                             tty=os.ttyname(self.wire[1]))
        command = ["bochs", "-q", "-f", env.write("bochsrc", rc.encode())]
        usage = subprocess.run(["bochs", "--help"], stderr=subprocess.STDOUT,
                               stdout=subprocess.PIPE, timeout=seconds)
        if b"-rc" in usage.stdout:  # built with a debugger, which asks first
            command += ["-rc", env.write("continue", b"continue\n")]
        print("$", " ".join(command), flush=True)
        self.screen = open(env.path("screen"), "wb")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.screen,
            stderr=subprocess.STDOUT, env={**os.environ, "TERM": "vt100"})
        self.child = pexpect.fdpexpect.fdspawn(
            self.wire[0], timeout=seconds, encoding="utf-8",
            codec_errors="replace")
        self.child.delaybeforesend = 0
        self.child.logfile_read = sys.stdout
        self.seconds = seconds

    def end(self, seconds=None):
        """Waits for the machine to be off; how it told so in its log."""
        try:
            self.process.wait(seconds or self.seconds)
        except subprocess.TimeoutExpired:
            raise Failure("Bochs goes on after the end") from None
        with open(self.log, errors="replace") as text:
            return text.read()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.screen.close()


class Env:
    def __init__(self, build, tmp):
        self.build = build
        self.tmp = tmp
        self.hare = os.path.join(build, "hare.elf")
        self.sector = os.path.join(build, "sector.bin")
        self.vmm = os.path.join(build, "trapline.elf")
        self.iso = os.path.join(build, "trapline.iso")
        self.sessions = []

    # ---- command lines

    def machine(self, *args, program=VMM, cpu="max", memory=256):
        cpu = ["-cpu", cpu] if cpu else []
        if str(memory).endswith("G"):  # more than the host may have, unused
            args += ("-object", f"memory-backend-ram,id=ram,size={memory},"
                     "reserve=off", "-machine", "memory-backend=ram")
        return [program, "-accel", "tcg", "-display", "none", "-no-reboot",
                "-net", "none", *cpu, "-m", str(memory),
                "-chardev", "stdio,id=console,signal=off",
                "-serial", "chardev:console",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4", *args]

    def vmm_machine(self, modules, append="exit=stopped", **more):
        """modules: lines "FILE words"; QEMU separates them by commas."""
        args = ["-kernel", self.vmm, "-append", append]
        if modules:
            args += ["-initrd", ",".join(m.replace(",", ",,")
                                         for m in modules)]
        return self.machine(*args, *more.pop("extra", ()), **more)

    def hare_line(self, name="alpha", words="check=only", keys="", mem="32M"):
        return f"{self.hare} vm={name} mem={mem} {keys} -- {words}".replace(
            "  ", " ")

    def uefi(self, known_as=""):
        """QEMU's words for UEFI firmware with variables of its own: those of
        a PC that is on for the first time or, when it is known by a name and
        settled() was called for that, for the second."""
        known = self.known(known_as)
        for code, store in OVMF:
            if os.path.exists(code) and os.path.exists(store):
                if known_as and os.path.exists(known):
                    store = known
                own = shutil.copy(store, self.path("vars.fd"))
                return ["-drive", "if=pflash,unit=0,format=raw,readonly=on,"
                        f"file={code}",
                        "-drive", f"if=pflash,unit=1,format=raw,file={own}"]
        raise Failure("there is no OVMF in /usr/share/OVMF; install ovmf "
                      "(scripts/deps does)")

    def known(self, name):
        return os.path.join(self.build, f"uefi-{name}.fd")

    def settled(self, name):
        """The UEFI machine that has just run came to a good end: what its
        firmware found out serves the next ones of that name."""
        if os.path.exists(self.known(name)):
            return
        fresh = shutil.copy(self.path("vars.fd"), self.path("settled.fd"))
        os.replace(fresh, self.known(name))

    # ---- running

    def batch(self, command, seconds=BATCH_S):
        print("$", " ".join(command), flush=True)
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=seconds)
        except subprocess.TimeoutExpired as late:
            text = (late.stdout or b"").decode(errors="replace")
            print(text)
            raise Failure(f"the machine did not end within {seconds} s; last "
                          f"words: {[l for l in clean(text) if l][-3:]}")
        text = done.stdout.decode(errors="replace")
        print(text, flush=True)
        return Result(done.returncode, text)

    def run_vmm(self, modules, seconds=BATCH_S, **more):
        return self.batch(self.vmm_machine(modules, **more), seconds)

    def run_bare(self, words, seconds=BATCH_S, kernel=None):
        return self.batch(self.machine(
            "-kernel", kernel or self.hare, "-append", words, program=BARE,
            cpu=None, memory=32), seconds)

    def session(self, command, seconds=40):
        self.sessions.append(Session(command, seconds))
        return self.sessions[-1]

    def bochs(self, iso, cpu="corei7_sandy_bridge_2600k", memory=128,
              seconds=60):
        self.sessions.append(Bochs(self, iso, cpu, memory, seconds))
        return self.sessions[-1]

    def close(self):
        for session in self.sessions:
            session.kill()

    # ---- guests made on the spot

    def path(self, name):
        return os.path.join(self.tmp, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as out:
            out.write(data)
        return self.path(name)

    def guest(self, name, code):
        """Assembles a multiboot ELF at 1 MiB that begins with `code`."""
        source = self.path(name + ".S")
        with open(source, "w") as out:
            out.write(".text\n.globl _start\n_start: jmp go\n.align 4\n"
                      ".long 0x1badb002, 0, -0x1badb002\ngo:\n" + code + "\n")
        made, image = self.path(name + ".o"), self.path(name + ".elf")
        subprocess.run(["as", "--32", "-o", made, source], check=True)
        subprocess.run(["ld", "-m", "elf_i386", "-N", "-Ttext=0x100000",
                        "-z", "noexecstack", "-o", image, made], check=True)
        return image


def small_pages():
    """QEMU asks for huge pages. Guests' frames are scattered over all memory
    there is, so a machine of 8 GiB would then really take 8 GiB, and take
    long. This holds for every process that the test starts."""
    ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)


def run(build, source, function, case):
    sys.path.insert(0, os.path.dirname(os.path.abspath(source)))
    module = __import__(os.path.splitext(os.path.basename(source))[0])
    tmp = tempfile.mkdtemp(prefix="trapline-")
    env = Env(build, tmp)
    small_pages()
    try:
        getattr(module, function)(env, *([case] if case else []))
    except Failure as why:
        print(f"\nwhy: {why}")
        return 1
    except Skip as why:
        print(f"\nwhy: {why}")
        return 77
    finally:
        env.close()
        shutil.rmtree(tmp, ignore_errors=True)
    return 0


if __name__ == "__main__":
    import machine  # the same names that the test's own import has
    sys.exit(machine.run(*sys.argv[1:5]))
