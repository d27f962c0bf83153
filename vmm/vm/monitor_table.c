/* SPDX-License-Identifier: MIT
 *
 * What the monitor can be told: one row for each command, in the order in
 * which `help` lists them. A row has the usage and the one line of help that
 * everybody reads, the words that Tab offers behind the name (and the VM's
 * name, where it takes one), and in `more` what `help COMMAND` says beyond.
 *
 * The commands themselves are in monitor_*.c, by what they do.
 */
#include "vmm/base/bits.h"
#include "vmm/vm/monitor_impl.h"

const struct monitor_command monitor_commands[] = {
    {.name = "help",
     .usage = "[COMMAND]",
     .help = "what there is, or how to use one of them",
     .more = "  Keys in this line: arrows, Home, End, Delete; Tab completes "
             "commands,\n"
             "  names of VMs, words and symbols; Up and Down are the lines "
             "before. As in a\n"
             "  shell: Ctrl-A, E, B, F (go), Ctrl-D, H, K, U, W (delete), "
             "Ctrl-Y (put back\n"
             "  what K, U or W took), Ctrl-P, N (history), Ctrl-L (clear the "
             "screen),\n"
             "  Ctrl-C (drop the line), Alt-B, F, D by words.",
     .takes = TAKES_WORDS,
     .run = monitor_help},
    {.name = "list",
     .usage = "",
     .help = "every VM: state, memory, weight, CPU time, exits, exits a second",
     .more = "  RATE is exits in a second of the VM's own CPU time. KEY is the "
             "digit that\n"
             "  shows its screen, when nothing is typed.",
     .takes = TAKES_NOTHING,
     .run = monitor_list},
    {.name = "attach",
     .usage = "NAME",
     .help = "keyboard and terminal to a guest; Ctrl-] comes back",
     .more = "  All bytes go to the guest's COM1, and its own come as they "
             "are. The other\n"
             "  guests' lines come between them, with their names.",
     .takes = TAKES_VM,
     .run = monitor_attach},
    {.name = "pause",
     .usage = "NAME",
     .help = "stop a VM and its time",
     .more =
         "  Its virtual time stands still: it misses no timer tick. `step` and "
         "all\n"
         "  commands that look work on a paused VM; `resume` lets it go on.",
     .takes = TAKES_VM,
     .run = monitor_pause},
    {.name = "resume",
     .usage = "NAME",
     .help = "let a paused VM go on",
     .more = "  Its time goes on from where it stood.",
     .takes = TAKES_VM,
     .run = monitor_resume},
    {.name = "step",
     .usage = "NAME [COUNT]",
     .help = "run so many instructions (one), and say what comes next",
     .more = "  A running VM is paused first. An exception or interrupt that\n"
             "  is taken counts as one; a repeated string instruction is one.",
     .takes = TAKES_VM_OR_MORE,
     .run = monitor_step},
    {.name = "break",
     .usage = "NAME ADDRESS",
     .help = "stop a VM before the instruction there, unseen by the guest",
     .more = "  ADDRESS is linear: a number, a symbol of the guest, or\n"
             "  SYMBOL+NUMBER. `resume` goes on, `delete` takes it away.",
     .addresses = true,
     .takes = TAKES_VM_AND,
     .run = monitor_break},
    {.name = "watch",
     .usage = "NAME [write|read|access] ADDRESS [SIZE]",
     .help = "stop a VM behind what writes there: who, what, what it was",
     .more =
         "  ADDRESS is linear, as for `break`; SIZE is in bytes, 4 if left\n"
         "  out, and may be as large as you like. Kernel and programs, and\n"
         "  what the processor pushes for an event, are all seen.",
     .words = "write read access",
     .addresses = true,
     .takes = TAKES_VM_AND,
     .run = monitor_watch},
    {.name = "probes",
     .usage = "NAME",
     .help = "the breakpoints and watches of a VM, with their hits",
     .takes = TAKES_VM,
     .run = monitor_probes},
    {.name = "delete",
     .usage = "NAME NUMBER|all",
     .help = "take a breakpoint or watch away",
     .words = "all",
     .takes = TAKES_VM_AND,
     .run = monitor_delete},
    {.name = "reset",
     .usage = "NAME",
     .help = "back to power-on, with the image loaded anew",
     .more = "  Whatever state it is in. Memory, devices and processor are "
             "made anew;\n"
             "  the image, its command line and the attached modules are those "
             "of the\n"
             "  start. Its name and its slot stay.",
     .takes = TAKES_VM,
     .run = monitor_reset},
    {.name = "destroy",
     .usage = "NAME",
     .help = "end a VM and give its memory back",
     .more = "  All its memory goes back; `create` makes a new one.",
     .takes = TAKES_VM,
     .run = monitor_destroy},
    {.name = "create",
     .usage = "vm=NAME [KEY=VALUE...] [module=N|NAME] [-- COMMAND LINE]",
     .help = "start a VM from a boot module (the first image, or module=)",
     .takes = TAKES_WORDS,
     .run = monitor_create},
    {.name = "regs",
     .usage = "NAME",
     .help = "the guest's processor: registers, segments, stack",
     .more = "  All of the virtual processor, as the guest would read it, the "
             "next\n"
             "  instruction, and the chain of callers by EBP.",
     .takes = TAKES_VM,
     .run = monitor_regs},
    {.name = "mem",
     .usage = "NAME [phys] ADDRESS [BYTES]",
     .help = "memory by linear or physical address, with names",
     .more =
         "  ADDRESS: 0xc0100000, 4096, a name of the guest's symbols, $eip or\n"
         "  another register, each with +OFFSET. Linear addresses go through\n"
         "  the guest's page tables; phys: guest-physical ones. Reading has "
         "no\n"
         "  consequences: devices are not read. 128 bytes, at most 4096.",
     .words = "phys",
     .addresses = true,
     .takes = TAKES_VM_AND,
     .run = monitor_mem},
    {.name = "dis",
     .usage = "NAME [ADDRESS [COUNT]]",
     .help = "instructions, from EIP or an address on",
     .more = "  ADDRESS is an offset in CS, as EIP is: 0xc0100000, a name, "
             "$eip+8.\n"
             "  `=>` marks the next one to run. 10 of them, at most 256.",
     .addresses = true,
     .takes = TAKES_VM_ANY,
     .run = monitor_dis},
    {.name = "walk",
     .usage = "NAME ADDRESS",
     .help = "how an address is translated, by the guest and by its shadow",
     .more = "  Every entry of the guest's walk and of the one that the real "
             "processor\n"
             "  makes, what is behind them, and a sentence on each kind of "
             "access:\n"
             "  would it fault, and why. The bits have the names of the SDM.",
     .addresses = true,
     .takes = TAKES_VM_AND,
     .run = monitor_walk},
    {.name = "map",
     .usage = "NAME [ADDRESS]",
     .help = "the address space as ranges: rights, what is behind, shadow",
     .more = "  From ADDRESS on. `r-` is read-only, `rw` writable, G global; "
             "large\n"
             "  pages are of 4 MiB (PAE: 2 MiB). What is not listed is not "
             "mapped.",
     .addresses = true,
     .takes = TAKES_VM_ANY,
     .run = monitor_map},
    {.name = "gdt",
     .usage = "NAME",
     .help = "the guest's GDT and LDT, each entry in words",
     .more = "  Read from the guest's memory now, by GDTR and LDTR; `<-` names "
             "the\n"
             "  registers that hold the selector. A segment register keeps "
             "what it was\n"
             "  loaded with, which `regs` shows.",
     .takes = TAKES_VM,
     .run = monitor_gdt},
    {.name = "idt",
     .usage = "NAME",
     .help = "the trap handlers a guest installed, and the last changes",
     .more =
         "  SINCE and BY EIP say when a handler was installed, and by which\n"
         "  instruction; REFLECTED how often it was entered through the VMM. "
         "In\n"
         "  real-address mode the vectors are read from memory.",
     .takes = TAKES_VM,
     .run = monitor_idt},
    {.name = "tss",
     .usage = "NAME",
     .help = "the task state segment, and the ports it opens",
     .more = "  By TR, from the guest's memory: the stacks of the inner rings, "
             "what a\n"
             "  task switch would load, and the ports that the I/O permission "
             "bit map\n"
             "  opens to ring 3.",
     .takes = TAKES_VM,
     .run = monitor_tss},
    {.name = "blackbox",
     .usage = "NAME",
     .help = "of what a guest died: cause, faults, registers, stack, exits",
     .takes = TAKES_VM,
     .run = monitor_blackbox},
    {.name = "devices",
     .usage = "NAME [ranges]",
     .help = "PIC, PIT, RTC, UARTs, keyboard, VGA; ranges: who answers where",
     .more =
         "  From the models' own state: nothing is read from a device, so "
         "nothing\n"
         "  changes. IRR, ISR and IMR are requested, in service and masked.",
     .words = "ranges",
     .takes = TAKES_VM_OR_MORE,
     .run = monitor_devices},
    {.name = "log",
     .usage = "[LINES]",
     .help = "what the VMM itself has said last",
     .more = "  The boot checklist and every message since, the last 16 KiB of "
             "them;\n"
             "  30 lines unless told.",
     .takes = TAKES_WORDS,
     .run = monitor_log},
    {.name = "audit",
     .usage = "[NAME]",
     .help = "check shadows, p2m, frames and canaries, of one VM or of all",
     .more = "  For each VM: its shadow tables against its own, its memory's "
             "map, its\n"
             "  frames; without a name all frames of the machine as well. The "
             "last line\n"
             "  is `audit: clean` or the number of faults.",
     .takes = TAKES_VM_OR_NONE,
     .run = monitor_audit},
    {.name = "stats",
     .usage = "[NAME [exact|sampled]] | json [NAME]",
     .help = "shares of the processor; of one: exits, costs, places, paging",
     .more = "COUNT is exact. COST, MIN, MEAN and MAX are those of a sample, "
             "one exit in 128\nwhen there were enough; `exact` measures each "
             "from then on. Places are functions\nof the guest's image, or "
             "addresses.\n`json` says all of it in one line, for scripts.",
     .words = "exact sampled",
     .first = "json",
     .takes = TAKES_MAYBE_VM,
     .run = monitor_stats},
    {.name = "top",
     .usage = "[NAME]",
     .help = "who has the processor, each second anew, until a key is pressed",
     .takes = TAKES_VM_OR_NONE,
     .run = monitor_top},
    {.name = "sched",
     .usage = "[POLICY] [KNOB=VALUE...] | NAME KEY=VALUE...",
     .help = "who runs next: show it, change the policy or a VM's share",
     .more =
         "POLICY: rr (round-robin), mlfq, stride; and for teaching, as a guest "
         "that\nnever halts can starve the others: fifo, sjf, stcf.\n"
         "  quantum=10ms  of a turn; mlfq: at the highest level, twice below\n"
         "  boost=1s      mlfq: all rise so often (0: never)\n"
         "  levels=4      mlfq\n"
         "  turns=1       mlfq: a level allows so many\n"
         "  period=100ms  caps are parts of this\n"
         "KEYs of a VM: weight=1, cap=100 (percent), length=20ms (of a burst: "
         "what it\nruns from waking until it halts; predicted if left out).\n"
         "GUESS is the next burst as it is predicted. RESPONSE (until it runs) "
         "and\nTURNAROUND (until it halts) are means over bursts; WAIT is the "
         "longest time it\nwanted to run and did not. All of them are ms.",
     .words = "quantum= boost= levels= turns= period= weight= cap= length=",
     .first = "rr mlfq stride fifo sjf stcf quantum= boost= levels= turns= "
              "period=",
     .takes = TAKES_MAYBE_VM,
     .run = monitor_sched},
    {.name = "trace",
     .usage = "[off | NAME [off|all|KIND,...] [FILTER=...]...]",
     .help = "show a VM's events as they come, by kind, place and mode",
     .more = "KINDs are groups of events (`trace` alone lists them) or single "
             "events.\nA FILTER lets through what is in its range:\n"
             "  vector=14    vector=0x20-0x2f\n"
             "  port=0x3f8-0x3ff\n"
             "  at=main      at=0xc0100000-0xc01fffff   the instruction, or an "
             "address it touches\n"
             "  mode=kernel  mode=user\n"
             "  rate=100     lines a second at most; the others are counted",
     .words = "off all priv syscall exception interrupt install control "
              "pagetable shadow device exit sched monitor vector= port= at= "
              "mode=kernel mode=user rate=",
     .first = "off",
     .takes = TAKES_MAYBE_VM,
     .run = monitor_trace},
    {.name = "export",
     .usage = "[all|off|wait|GROUP,GROUP...]",
     .help = "what goes over the trace wire, and how much of it",
     .more =
         "  GROUPs are exit, priv, exception, syscall, interrupt, install,\n"
         "  control, pagetable, shadow, device, sched, monitor; one with a\n"
         "  '-' before it is left out. With `wait`, guests wait for a line\n"
         "  that is too slow for them; else what it cannot take is lost, and\n"
         "  counted. On the VMM's command line: trace=e9,wait,priv,syscall",
     .words = "all off wait exit priv exception syscall interrupt install "
              "control pagetable shadow device sched monitor",
     .takes = TAKES_WORDS,
     .run = monitor_export},
    {.name = "modules",
     .usage = "",
     .help = "what the boot loader brought",
     .more = "  Their numbers are those that create's module= takes.",
     .takes = TAKES_NOTHING,
     .run = monitor_modules},
    {.name = "type",
     .usage = "NAME TEXT",
     .help = "press keys on a guest's keyboard; \\n is Enter, \\\\ is \\",
     .more = "  By the US keyboard's keys, to the guest's PS/2 keyboard: for "
             "guests that\n"
             "  do not listen to their serial port.",
     .takes = TAKES_VM_AND,
     .run = monitor_type},
    {.name = "screen",
     .usage = "[NAME]",
     .help = "a guest's VGA text, here and on the screen; alone: the console",
     .more = "  F1 on the real keyboard goes through the screens as well.",
     .takes = TAKES_VM_OR_NONE,
     .run = monitor_screen},
    {.name = "gdb",
     .usage = "[drop]",
     .help =
         "what gdb has attached; drop: nothing any more, and it all runs on",
     .words = "drop",
     .takes = TAKES_WORDS,
     .run = monitor_gdb},
    {.name = "poweroff",
     .usage = "",
     .help = "end the machine and every VM in it",
     .more = "  With status 0, by ACPI where the firmware has it.",
     .takes = TAKES_NOTHING,
     .run = monitor_poweroff},
};

const u32 monitor_commands_count = ARRAY_LEN(monitor_commands);
