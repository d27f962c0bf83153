# SPDX-License-Identifier: MIT
#
# For gdb on Trapline's wire: what a debugger of several kernels wants beside
# gdb's own commands. scripts/debug reads it; for another machine, with
# `gdb -x scripts/debug.gdb -ex "target remote /dev/ttyS0"`.
#
# `continue` lets all guests run, unless `set schedule-multiple off`.

set schedule-multiple on
set print thread-events off
set debuginfod enabled off

# gdb says nothing of how the first process stops, and shows no prompt, before
# that one was told to go on while it was current (in gdb 13 its stop_soon is
# still that of connecting). To make no step at all is enough.
define target hookpost-remote
    python gdb.execute("stepi 0", to_string=True)
end

define guest
    inferior $arg0
    unset tdesc filename
end
document guest
guest N: go to guest number N, and have its system registers too.
gdb asks for the description of the registers ($cr3, $idtr_base...) for the
first process only; this has it ask for the others.
end

define physical
    if $argc == 1
        maintenance packet Qqemu.PhyMemMode:$arg0
    else
        maintenance packet qqemu.PhyMemMode
    end
    maintenance flush dcache
end
document physical
physical 1: addresses of memory are guest-physical ones from now on.
physical 0: linear ones again, as usual. `monitor mem` knows both at any time.
end

define program
    add-symbol-file build/hare/program/$arg0.elf
end
document program
program NAME: symbols of Hare's ring-3 program NAME (sh, init, echo...).
All of them begin at the same linear address, so have one at a time
(remove-symbol-file -a program takes one away); where two run, ask for the
right one: break main if $cr3 == 0x...
end

define system
    info registers cr0 cr2 cr3 cr4 cpl
    info registers gdtr_base gdtr_limit idtr_base idtr_limit
    info registers ldtr ldtr_base tr tr_base
    info registers cs_base ss_base ds_base es_base fs_base gs_base
    info registers dr0 dr1 dr2 dr3 dr6 dr7
end
document system
system: the system registers of the guest: CR0 to CR4, the ring, descriptor
tables, bases of segments, DR0 to DR7.
gdb's own `info registers system` knows of none on an i386.
end

define reboot
    monitor reset $arg0
    maintenance flush register-cache
    maintenance flush dcache
end
document reboot
reboot NAME: that guest is at its first instruction again, its breakpoints kept.
gdb does not know that registers and memory have changed; this tells it so.
end
