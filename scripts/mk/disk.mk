# SPDX-License-Identifier: MIT
#
# Hare's disk, which boots as a PC's disk does and has a swap area: hare.img.
# DISK_WORDS is the kernel's command line, DISK_SWAP the swap area's size; the
# image is made anew when either changes.

DISK_WORDS :=
DISK_SWAP  := 16M

$(B)/sector.bin: guest/boot/sector.S guest/include/disk.h
	@mkdir -p $(@D)
	$(CC) $(HARE_FLAGS) -D__ASSEMBLY__ -MT $@ -c $< -o $(B)/sector.o
	$(LD) -m elf_i386 -Ttext=0x7c00 -e boot_sector -o $(B)/sector.elf \
	    $(B)/sector.o
	$(OBJCOPY) -O binary -j .text $(B)/sector.elf $@

$(B)/disk.words: ALWAYS
	@mkdir -p $(@D)
	@echo '$(DISK_WORDS) $(DISK_SWAP)' | cmp -s - $@ || \
	    echo '$(DISK_WORDS) $(DISK_SWAP)' > $@

.PHONY: ALWAYS
ALWAYS:

$(B)/hare.img: $(B)/sector.bin $(B)/hare.elf $(B)/disk.words scripts/disk.py
	$(PYTHON) scripts/disk.py --sector $(B)/sector.bin \
	    --kernel $(B)/hare.elf --words "$(DISK_WORDS)" \
	    --swap $(DISK_SWAP) --out $@

all: $(B)/hare.img

-include $(B)/sector.d
