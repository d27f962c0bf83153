# SPDX-License-Identifier: MIT
#
# The font of the VMM's screen, made at build time of GNU Unifont as the
# package grub-common has it: scripts/font.py says why that one.

FONT ?= /usr/share/grub/unicode.pf2

$(B)/font.c: $(FONT) scripts/font.py
	@mkdir -p $(@D)
	$(PYTHON) scripts/font.py $(FONT) $@

$(B)/font.o: $(B)/font.c drivers/host/host.h
	$(CC) $(VMM_FLAGS) -c $< -o $@
