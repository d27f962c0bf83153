# SPDX-License-Identifier: MIT
#
# The bootable image, and running it.
#
#   make iso     build/trapline.iso: boots from CD and USB stick, by BIOS and
#                by UEFI (iso/make.py)
#   make run     the ISO in QEMU, the console on this terminal. Ctrl-C goes to
#                the guest; `poweroff` at the trapline> prompt leaves.
#                The CPU is the one with UMIP, so that SGDT and friends trap.
#                SCREEN=gtk shows the machine's screen in a window (package
#                qemu-system-gui), SCREEN=vnc=:1 by VNC on port 5901.
#   make matrix  boots the ISO on every PC that the tests know; `make test`
#                does so too, of fewer where there are few processors
#   make doctor  says what this machine lacks
#   make usb     writes the image onto a stick: DEV=/dev/sdX
#   make debug   gdb here, two guests in it that wait (scripts/debug); or
#                GUEST=path/kernel.elf GUEST_WORDS="vm=mine mem=64M"
#   make debug-vmm   the ISO in QEMU, stopped at its first instruction: for
#                a gdb that looks at the VMM itself

# A guest of one's own, as the menu's first entry:
#   make iso GUEST=path/kernel.elf GUEST_WORDS="vm=mine mem=64M -- its words"
# A Linux kernel may have INITRD=path/file, each GUEST_DISK=path/file; a disk
# with a boot sector is a guest too: GUEST=build/hare.img. For Trapline itself
# there is VMM_WORDS=exit=stopped, say.
GUEST       ?=
GUEST_WORDS ?=
INITRD      ?=
GUEST_DISK  ?=
VMM_WORDS   ?=
export GUEST GUEST_WORDS INITRD GUEST_DISK VMM_WORDS

# Says whom the image was made for: another guest makes another image.
ISO_FOR := $(GUEST)|$(GUEST_WORDS)|$(INITRD)|$(GUEST_DISK)|$(VMM_WORDS)
ifneq ($(ISO_FOR),$(file <$(B)/iso.for))
.PHONY: $(B)/iso.for
endif
$(B)/iso.for:
	$(shell mkdir -p $(@D))$(file >$@,$(ISO_FOR))@:

# A file whose path has blanks in it is one prerequisite, not several.
NONE    :=
file_of  = $(if $(wildcard $(subst $(NONE) ,\ ,$1)),$(subst $(NONE) ,\ ,$1))

# The blank before the words: argparse takes an argument `--` as its own.
$(B)/trapline.iso: $(B)/trapline.elf $(B)/hare.elf $(B)/sector.bin \
                   $(B)/iso.for iso/grub.cfg iso/make.py scripts/disk.py \
                   $(foreach f,GUEST INITRD GUEST_DISK,$(call file_of,$($f)))
	$(PYTHON) iso/make.py --vmm $(B)/trapline.elf --hare $(B)/hare.elf \
	    --sector $(B)/sector.bin --out $@ \
	    $${GUEST:+--guest "$$GUEST"} --words=" $$GUEST_WORDS" \
	    $${INITRD:+--initrd "$$INITRD"} \
	    $${GUEST_DISK:+--disk "$$GUEST_DISK"} --append=" $$VMM_WORDS"

.PHONY: iso run debug debug-vmm
iso: $(B)/trapline.iso

QEMU     ?= qemu-system-x86_64
SCREEN   ?= none
QEMU_RUN  = $(QEMU) -accel tcg -cpu max -m 512 -cdrom $(B)/trapline.iso -boot d \
            -display $(SCREEN) -no-reboot \
            -chardev stdio,id=console,signal=off -serial chardev:console \
            -device isa-debug-exit,iobase=0xf4,iosize=4

# The debug-exit device makes QEMU's exit code of the VMM's status: success
# (0) is 1.
run: iso
	@$(QEMU_RUN); test $$? -eq 1

debug: $(B)/trapline.elf $(B)/hare.elf
	@QEMU="$(QEMU)" scripts/debug $(abspath $(B)) \
	    $${GUEST:+"$$GUEST $$GUEST_WORDS"}

debug-vmm: iso
	@echo 'QEMU waits. In another terminal:'
	@echo '  gdb $(B)/trapline64.elf -ex "target remote :1234" \'
	@echo '      -ex "hbreak vmm_main" -ex continue'
	@$(QEMU_RUN) -s -S; test $$? -eq 1

# Is this machine fit to build and test? And the image onto a USB stick.
DEV ?=
export DEV

.PHONY: doctor usb
doctor:
	@scripts/doctor

usb: iso
	@scripts/usb $(B)/trapline.iso "$$DEV"

.PHONY: matrix
matrix:
	@TRAPLINE_PCS=all $(PYTHON) tests/run.py --build $(B) --kinds boot \
	    --only boot/machines/pc/
