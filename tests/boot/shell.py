# SPDX-License-Identifier: MIT
#
# A session with Hare's shell: what is typed, and what must be printed, line
# for line. The same bare and under the VMM, so it is written down once. A
# wanted line is a regular expression that must match all of it. What is typed
# may be several lines; one that begins with ? is not typed, but waits for
# that text (as in a script of the hosted machine). Behind Ctrl-C and
# Ctrl-D there is always an Enter, for one more prompt.
import re

from machine import check, clean

SHELL = "hare$ "
CTRL_C, CTRL_D = "\x03", "\x04"
ENDED = r"\[\d+\] ended with status "

WORDS = [
    ("echo one   two", ["one two"]),
    ("echo 'one   two' \"it's | ok\" a'b'c", [r"one   two it's \| ok abc"]),
    ("echo a; echo b ;echo c", ["a", "b", "c"]),
    ("", []),
    ("nonesuch with words", ["sh: nonesuch: there is no such program."]),
    ("echo $?", ["127"]),
    ("echo $?", ["0"]),
    ("fault null", [r"hare: fault \(pid \d+\) was stopped at 0x080480\w\w: "
                    "it read 0x00000000, through a null pointer."]),
    ("echo $?", ["-103"]),
]

FILES = [
    ("echo x > f; cat f", ["x"]),
    ("echo y>>f;cat<f", ["x", "y"]),
    ("> g cat f ; wc g", ["      2       2       4 g"]),
    ("cat f nowhere g", ["x", "y", "cat: nowhere: there is no such file.",
                         "x", "y"]),
    ("ls | grep -v fixed", ["      4       f", "      4       g"]),
    ("grep y f g; grep q f; echo $?", ["y", "y", "1"]),
    ("rm g; cat < g", ["sh: g: there is no such file."]),
    ("rm g cat", ["rm: g: there is no such file.",
                  "rm: cat: it is there already, or cannot be changed."]),
    ("echo x > cat", ["sh: cat: it is there already, or cannot be changed."]),
    ("echo x > a/b", ["sh: a/b: a value makes no sense."]),
    # A program in memory runs as well as one of the archive.
    ("cat echo > copy; copy a copy", ["a copy"]),
    ("echo no program > copy; copy", ["sh: copy: this is no program."]),
    ("echo 'yes a | head -2; exit 7; echo never' > s; sh s; echo $?",
     ["a", "a", "7"]),
    ("sh nowhere", ["sh: nowhere: there is no such file."]),
    ("cat > note\nfirst\nsecond\n" + CTRL_D, ["first", "second"]),
    ("cat note; rm note", ["first", "second"]),
    # A line that is longer than any that is typed. Its first Ctrl-D does not
    # end the file, so there is an Enter more.
    ("cat > note\necho " + "x" * 200 + CTRL_D + "y" * 60 + "; echo never\n" +
     CTRL_D + "\n", ["echo x+y+; echo never"]),
    ("sh note; rm note", ["sh: a line is too long."]),
    ("yes 'a much longer line, for there are fewer of them then' > note",
     ["yes: cannot write: the file system is full."]),
    ("rm note", []),
    # More than a file, and more than all files together, may hold.
    ("yes 123456789012345 | head -64 > a; wc a",
     ["     64      64    1024 a"]),
    ("cat a a a a a a a a > b; cat b b b b b b b b > a", []),
    ("cat a a a a > c; cat c a > d; ls | grep 2621",
     ["cat: a: the file system is full.",
      " 262144       c", " 262144       d"]),
    ("cat c > e; cat c > g; cat c > h; cat c > i",
     ["((sh: i|cat: c): the file system is full.\n?)+"]),
    ("rm a b c d e g h i", ["(rm: i: there is no such file.)?"]),
    ("rm s copy f; ls | grep -v fixed", []),
]

PIPES = [
    ("yes no | head -3", ["no", "no", "no"]),
    ("yes | cat | cat | cat | cat | head -1", ["y"]),
    ("help | head -1", ["a line: COMMAND .*"]),
    ("echo a b c | cat | cat | cat | cat | wc",
     ["      1       3       6"]),
    ("nonesuch | wc", ["sh: nonesuch: there is no such program.",
                       "      0       0       0"]),
    ("echo gone | nonesuch", ["sh: nonesuch: there is no such program."]),
    ("stress pipes 9", ["stress: pipes 9: ok"]),
    ("stress files 5", ["stress: files 5: ok"]),
    ("stress heap 60", ["stress: heap 60: ok"]),
    ("stress processes 12", ["stress: processes 12: ok"]),
    ("stress cpu 2000", ["stress: cpu 2000: ok"]),
    ("stress memory 100", ["stress: memory 100: ok"]),
]

WRONG = [
    ("|", [r'sh: "\|": a command should stand before it.']),
    ("echo a |", ["sh: the line ends where a command should stand."]),
    ("echo a || echo b", [r'sh: "\|": a command should stand before it.']),
    ("; echo a", ['sh: ";": a command should stand before it.']),
    ("&", ['sh: "&": a command should stand before it.']),
    ("echo a >", ["sh: > needs the name of a file behind it."]),
    ("echo a >> | wc", ["sh: >> needs the name of a file behind it."]),
    ("cat < > f", ["sh: < needs the name of a file behind it."]),
    ("> f", ["sh: the line ends where a command should stand."]),
    ("cat < f < g", ["sh: < stands twice in one command."]),
    ("echo a > f >> g", ["sh: > stands twice in one command."]),
    ("echo a > f | wc", [r"sh: a command before \| has its output go there, "
                         "not to a file."]),
    ("yes | cat < f", [r"sh: a command behind \| has its input from there, "
                       "not from a file."]),
    ("echo 'a", ["sh: a quotation mark is not closed."]),
    ("echo a > 1234567890123456", ["sh: the name of a file has 1 to 15 "
                                   "characters."]),
    ("echo " + "x" * 130, ["sh: a command is too long."]),
    ("yes|cat|cat|cat|cat|cat|cat|cat|cat", ["sh: a job has at most 8 "
                                             "commands."]),
    ("echo a; echo b |", ["a", "sh: the line ends where a command should "
                          "stand."]),
]

# What is in the background does not mind Ctrl-C; what is in the foreground
# ends by it, and so does a line that is only half typed. What is rubbed out
# again tells a program's answer from the echo.
HELLO = "heX\bllo\n?hello\n"
ECHO = "heX\b \bllo"
BEHIND = [
    ("sleep 1 &", [r"\[\d+\]"]),
    ("wait", [ENDED + "0"]),
    # It may speak before the shell says its number.
    ("echo 'echo ok | cat' > s; sh s & wait; rm s",
     [r"(\[\d+\]|ok)"] * 2 + [ENDED + "0"]),
    ("sleep 100000 & jobs", [r"\[\d+\]", r"\[\d+\] sleep 100000"]),
    ("cat | cat\n" + HELLO + CTRL_C, [ECHO, "hello", r"\^C"]),
    ("echo $?", ["-101"]),
    ("half a line" + CTRL_C, []),
    ("jobs", [r"\[\d+\] sleep 100000"]),
    ("cat & sleep 1", [r"(\[\d+\]|cat: this is not .*)"] * 2 +
                      [ENDED + "1"]),
    ("wait 1", ["sh: 1: there is no such child."]),
]

# Who is there, in which state, and who is ended by which signal. The one that
# sleeps in the background is still there.
ROW = r" +\d+ +\d+ +\d+ +0 +"
STATES = [
    ("ps | grep init", [ROW + "BLOCKED init"]),
    ("ps | grep sleep", [ROW + "BLOCKED sleep"]),
    ("ps | grep RUNNING", [ROW + "RUNNING ps"]),
    ("top 2 3 | grep round", ["round 1", "round 2"]),
    ("kill", [r"kill: which process\? kill \[-SIGNAL\] PID\.\.\."]),
    ("kill -HUP 1", ["kill: there is no signal HUP; there are INT KILL SEGV "
                     r"FPE ILL PIPE TERM USR CHLD\."]),
    ("kill -KILL 1", [r"kill: process 1: it is init, which takes no signals\."]),
    ("kill 0", [r"kill: process 0: there is no such process\."]),
    ("sleep soon", [r"sleep: how long\? sleep SECONDS"]),
]

# A policy for all, and one that Ctrl-C takes back.
TURNS = [
    ("sched | head -1", [r"policies: fifo sjf stcf rr \(rules\) mlfq"]),
    ("sched mlfq levels=4 slice=1/3 boost=0; sched | head -7",
     [r"policies: fifo sjf stcf rr mlfq \(rules\)", "  quantum=1",
      "  levels=4", "  boost=0", "  guess=10", "  slice=1/3/3/3",
      "  allot=2/4/8/16"]),
    ("sched slice=0", ['sched: "slice=0" is neither a policy nor a knob that '
                       "can be set so."]),
    ("schedlab fifo 0/900 0/1\n?own\n" + CTRL_C,
     ["fifo: a mix of your own", r"\^C"]),
    ("sched | grep rules", [r"policies: fifo sjf stcf rr mlfq \(rules\)"]),
    ("schedlab | head -1; sched | grep rules",
     ["fifo: three equal jobs",
      r"policies: fifo sjf stcf rr mlfq \(rules\)"]),
    ("sched rr; schedlab stcf 0/30 1/2 | grep turn",
     ["  turnaround  A 32, B 2: average 17.00"]),
]

LINES = WORDS + FILES + PIPES + WRONG + BEHIND + STATES + TURNS


def prompts(typed):
    """How many of them come for what was typed."""
    return 1 + typed.count(CTRL_C) + typed.count(CTRL_D)


def judge(lines, text):
    """text: all that was printed from the first prompt on."""
    answers = text.split(SHELL)[1:]
    for typed, wanted in lines:
        answer = "".join(answers[:prompts(typed)])
        answers = answers[prompts(typed):]
        said = [l for l in clean(answer)[1:] if l]
        check(re.fullmatch("\n".join(wanted), "\n".join(said)),
              f"{typed!r} was answered {said}, not {wanted}")
    check(len(answers) == 1, f"{len(answers)} prompts are left over")
