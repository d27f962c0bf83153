# SPDX-License-Identifier: MIT
#
# The bootable image, and running it.
#
#   make iso     build/trapline.iso, by grub-mkrescue: boots from CD and USB
#                stick, by BIOS, and by UEFI where GRUB's EFI files are there
#   make run     the ISO in QEMU, the console on this terminal. Ctrl-C goes to
#                the guest; `poweroff` at the trapline> prompt leaves.
#                The CPU is the one with UMIP, so that SGDT and friends trap.
#   make debug   the same, stopped at its first instruction for gdb

ISO_ROOT := $(B)/iso

$(B)/trapline.iso: $(B)/trapline.elf $(B)/hare.elf iso/grub.cfg
	rm -rf $(ISO_ROOT)
	mkdir -p $(ISO_ROOT)/boot/grub
	cp $(B)/trapline.elf $(B)/hare.elf $(ISO_ROOT)/boot/
	cp iso/grub.cfg $(ISO_ROOT)/boot/grub/
	grub-mkrescue -o $@ $(ISO_ROOT) >$(B)/iso.log 2>&1 || \
	    { cat $(B)/iso.log; rm -f $@; exit 1; }

.PHONY: iso run debug
iso: $(B)/trapline.iso

QEMU     ?= qemu-system-x86_64
QEMU_RUN  = $(QEMU) -accel tcg -cpu max -m 512 -cdrom $(B)/trapline.iso -boot d \
            -display none -no-reboot \
            -chardev stdio,id=console,signal=off -serial chardev:console \
            -device isa-debug-exit,iobase=0xf4,iosize=4

# The debug-exit device makes QEMU's exit code of the VMM's status: success
# (0) is 1.
run: iso
	@$(QEMU_RUN); test $$? -eq 1

debug: iso
	@echo 'QEMU waits. In another terminal:'
	@echo '  gdb $(B)/trapline64.elf -ex "target remote :1234" \'
	@echo '      -ex "hbreak vmm_main" -ex continue'
	@$(QEMU_RUN) -s -S; test $$? -eq 1
