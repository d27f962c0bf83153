#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Our disassembler against objdump, on the text of Hare, of the 32-bit C
# library (for its x87 and SSE) and of a kernel that nobody here wrote:
# Debian's for i386 (package linux-image-686). build/oracle/disasm prints
# every line itself and compares.
#
# The kernel comes from the package registries that this machine's apt knows,
# through apt's ordinary commands with directories of their own under build/,
# where a kernel stays once it is there: neither the machine's architectures
# nor its lists of packages change. The code is the kernel's own (vmlinux,
# taken out of the bzImage), a module with MMX code and a large one.
#
# LIMIT: Ubuntu has no such kernel, nor has Debian after 12; and there must be
# a network. Where it cannot be had the test is skipped and says why.
#
# usage: disasm.py --build DIR hare|libc|kernel
import argparse
import bz2
import getpass
import glob
import gzip
import io
import lzma
import os
import shutil
import struct
import subprocess
import sys

SKIPPED = 77
PACKAGE = "linux-image-686"
MODULES = ("raid6_pq.ko", "amdgpu.ko")
LIBRARIES = ("/usr/lib32/libc.so.6", "/usr/lib32/libm.so.6")
UPDATE_S, DOWNLOAD_S = 120, 300
SETUP_SECTS, PAYLOAD_OFFSET = 0x1f1, 0x248  # of a bzImage's setup header
SECTOR = 512
UNPACKERS = {b"\xfd7zXZ\x00": lambda d: first_of(lzma.LZMADecompressor(), d),
             b"\x1f\x8b": lambda d: gzip.GzipFile(
                 fileobj=io.BytesIO(d)).read(),
             b"BZh": lambda d: first_of(bz2.BZ2Decompressor(), d)}


class Skip(Exception):
    pass


def first_of(decompressor, data):
    """The first stream; the kernel's build appends its size to it."""
    return decompressor.decompress(data)


# ---- the kernel

def apt_config(where):
    """apt for i386, with nothing of the machine's but its sources."""
    lines = [("APT::Architecture", "i386"), ("APT::Architectures", "i386"),
             ("Dir::State", where), ("Dir::State::lists", f"{where}/lists"),
             ("Dir::State::status", f"{where}/status"),
             ("Dir::Cache", f"{where}/cache"),
             ("APT::Sandbox::User", getpass.getuser()),
             ("Acquire::Languages", "none")]
    for d in ("lists/partial", "cache/archives/partial"):
        os.makedirs(f"{where}/{d}", exist_ok=True)
    open(f"{where}/status", "w").close()
    with open(f"{where}/apt.conf", "w") as out:
        out.writelines(f'{key} "{value}";\n' for key, value in lines)
    return dict(os.environ, APT_CONFIG=f"{where}/apt.conf", LC_ALL="C")


def run(command, limit, **more):
    """Its output; what it says on its error output goes to the log."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, timeout=limit,
                              text=True, **more).stdout
    except subprocess.TimeoutExpired:
        raise Skip(f"{' '.join(command)} did not end within {limit} s")


def find_package(environment):
    """The package that the name stands for today. An index that cannot be
    had (a mirror in the middle of an update) leaves the others."""
    run(["apt-get", "-q", "update"], UPDATE_S, env=environment)
    told = run(["apt-cache", "depends", PACKAGE], UPDATE_S, env=environment)
    for line in told.splitlines():
        kind, _, name = line.strip().partition(": ")
        if kind == "Depends":
            return name
    raise Skip(f"the package registries of this machine have no {PACKAGE} "
               "for i386 (or could not be reached)")


def download(where):
    if not shutil.which("apt-get"):
        raise Skip("there is no apt-get here to get a Debian kernel with")
    environment = apt_config(f"{where}/apt")
    name = find_package(environment)
    run(["apt-get", "-q", "download", name], DOWNLOAD_S, env=environment,
        cwd=where)
    found = glob.glob(f"{where}/{name}_*.deb")
    if not found:
        raise Skip(f"apt-get could not download {name}")
    return found[0]


def unpack(deb, where):
    """The bzImage and the modules, as files in `where`."""
    wanted = ["./boot/vmlinuz-*"] + [f"*/{m}" for m in MODULES]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb],
                          stdout=subprocess.PIPE) as tar:
        subprocess.run(["tar", "-x", "-C", where, "--transform", "s:.*/::",
                        "--wildcards", *wanted], stdin=tar.stdout,
                       check=True, timeout=UPDATE_S)


def vmlinux_of(image):
    """SDM has nothing to say here: Linux's Documentation/arch/x86/boot.rst."""
    setup = (image[SETUP_SECTS] or 4) + 1
    offset, length = struct.unpack_from("<II", image, PAYLOAD_OFFSET)
    start = setup * SECTOR + offset
    payload = image[start:start + length]
    for magic, unpacker in UNPACKERS.items():
        if payload.startswith(magic):
            return unpacker(payload)
    raise Skip("the kernel is packed in a way that Python cannot unpack; it "
               f"begins with {payload[:4].hex()}")


def kernel_files(build):
    """ELF files with the kernel's code; cached."""
    where = os.path.abspath(f"{build}/oracle/kernel")
    vmlinux = f"{where}/vmlinux"
    if not os.path.exists(vmlinux):
        os.makedirs(where, exist_ok=True)
        deb = download(where)
        unpack(deb, where)
        image = open(glob.glob(f"{where}/vmlinuz-*")[0], "rb").read()
        with open(vmlinux + ".new", "wb") as out:
            out.write(vmlinux_of(image))
        os.rename(vmlinux + ".new", vmlinux)
        os.remove(deb)
    return [vmlinux] + [m for m in (f"{where}/{m}" for m in MODULES)
                        if os.path.exists(m)]


def hare_files(build):
    return [f"{build}/hare.elf"]


def libc_files(_):
    """Package libc6-i386 (by gcc-multilib); other distributions differ."""
    found = [f for f in LIBRARIES if os.path.exists(f)]
    if not found:
        raise Skip(f"there is no 32-bit C library at {LIBRARIES[0]}")
    return found


CODE = {"hare": hare_files, "libc": libc_files, "kernel": kernel_files}


# ---- the comparison

def compare(build, path):
    """Whether every line of objdump's is ours too."""
    listing = ["objdump", "-d", "-z", "-w", "-M", "intel", path]
    with subprocess.Popen(listing, stdout=subprocess.PIPE) as objdump:
        status = subprocess.run([f"{build}/oracle/disasm",
                                 os.path.basename(path)],
                                stdin=objdump.stdout).returncode
    return status == 0 and objdump.returncode == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("code", choices=CODE)
    args = parser.parse_args()
    try:
        files = CODE[args.code](args.build)
    except Skip as why:
        print(f"why: {why}")
        return SKIPPED
    good = [compare(args.build, f) for f in files]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
