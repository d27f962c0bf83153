# SPDX-License-Identifier: MIT
#
# The wires beside the console, on the machine: a trace over the debug port,
# and one over COM2 to somebody who does not read for a while. The guest is not held up; what the ring could
# not keep is counted, and told to babeltrace2 in the end. A wire that has no
# port is one line of the checklist.
import os
import re
import shutil
import socket
import subprocess
import threading

from machine import Skip, check

RECORD = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "../../scripts/trace-record")
OUTS = 30000
# So many exits that the ring of 32768 records is too small for them.
BUSY = f"""
    mov ${OUTS}, %ecx
1:  out %al, $0x80
    loop 1b
    mov $0x10, %eax
    out %eax, $0xf4
    hlt
"""


def tool(words):
    print("$", " ".join(words), flush=True)
    done = subprocess.run(words, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, text=True)
    print(done.stderr)
    check(done.returncode == 0, f"{words[0]} ends with {done.returncode}: "
                                f"{done.stderr[-600:]}")
    return done


def read_all(link, chunks):
    while True:
        data = link.recv(1 << 16)
        if not data:
            return
        chunks.append(data)


def test_slow_reader(env):
    guest = env.guest("busy", BUSY)
    path = env.path("wire")
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(path)
        server.listen(1)
        talk = env.session(env.vmm_machine(
            [f"{guest} vm=busy mem=4M"], append="trace=com2 gdb=com3",
            extra=("-chardev", f"socket,id=wire,path={path}",
                   "-serial", "chardev:wire")))
        link, _ = server.accept()
    talk.wait(r"gdb +com3: nothing answers there, so it stays unused")
    talk.wait(r"trace +com2\r")
    talk.wait("busy: exited with status 0x10")
    chunks = []
    reader = threading.Thread(target=read_all, args=(link, chunks))
    reader.start()
    link.send(b"m")
    talk.command("list", "busy")
    talk.type("poweroff\r")
    talk.wait("trapline: poweroff, status 0")
    talk.end()
    reader.join(20)
    link.close()
    raw = b"".join(chunks)
    check(raw.count(b"/* CTF 1.8 */") == 2,
          "the metadata did not come again when they were asked for")
    said = tool([RECORD, env.path("folder"), "from",
                 env.write("raw", raw)]).stderr
    lost = re.search(r"without (\d+) events that the machine had no time to "
                     r"send\n", said)
    check(lost, f"nothing is said of what is missing: {said}")
    if not shutil.which("babeltrace2"):
        raise Skip("there is no babeltrace2 here")
    seen = tool(["babeltrace2", env.path("folder")])
    outs = seen.stdout.count(" port_out: ")
    check(outs and 2 * outs < 2 * OUTS <= 2 * outs + int(lost[1]),
          f"{outs} outs of {OUTS} came, and {lost[1]} events did not")
    check("discarded" in seen.stderr, "babeltrace2 misses nothing")
    check(re.search(r'command: .*line = "poweroff"', seen.stdout),
          "the end of the trace was not sent")


def test_recorder(env):
    """trace-record boots a machine whose trace comes by the debug port. The
    console, whose serial port is gdb's, says nothing there any more."""
    folder = env.path("folder")
    done = tool([RECORD, folder, "boot", "--build", env.build,
                 "--options=exit=stopped trace=e9,-device gdb=com1",
                 env.hare, "vm=a", "mem=8M", "--", "check=only"])
    check("nothing lost" in done.stderr, "something was lost on the way")
    check(not done.stdout, f"the console was still there: {done.stdout}")
    if not shutil.which("babeltrace2"):
        raise Skip("there is no babeltrace2 here")
    seen = tool(["babeltrace2", folder])
    check(not seen.stderr, "babeltrace2 complains")
    for event in ("exit", "created", "gate", "shadow_fill", "exited"):
        check(f" {event}: " in seen.stdout, f"there is no {event}")
    check(" port_out: " not in seen.stdout, "devices were traced")
