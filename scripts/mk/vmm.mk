# SPDX-License-Identifier: MIT
#
# The VMM: a 64-bit program in a 32-bit ELF (multiboot loaders want one),
# linked twice so that it can carry its own symbol table.

VMM_SRC := $(PURE_SRC) $(sort $(wildcard arch/x86/*.c arch/x86/boot/*.c \
           drivers/host/*.c)) $(wildcard vmm/main.c)
VMM_ASM := $(sort $(wildcard arch/x86/*.S arch/x86/boot/*.S))
VMM_OBJ := $(VMM_SRC:%.c=$(B)/vmm/%.o) $(VMM_ASM:%.S=$(B)/vmm/%.S.o) \
           $(B)/font.o
VMM_FLAGS := $(BARE) -m64 -mno-red-zone -mcmodel=kernel

$(B)/vmm/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(VMM_FLAGS) -c $< -o $@

$(B)/vmm/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) $(VMM_FLAGS) -D__ASSEMBLY__ -c $< -o $@

$(B)/trapline64.elf: $(VMM_OBJ) arch/x86/vmm.ld scripts/ksyms.py
	$(PYTHON) scripts/ksyms.py --empty $(B)/ksyms0.S
	$(CC) $(VMM_FLAGS) -c $(B)/ksyms0.S -o $(B)/ksyms0.o
	$(LD) -nostdlib -z noexecstack -z max-page-size=4096 -T arch/x86/vmm.ld -o $(B)/pass1.elf \
	    $(VMM_OBJ) $(B)/ksyms0.o
	$(PYTHON) scripts/ksyms.py $(B)/pass1.elf $(B)/ksyms.S
	$(CC) $(VMM_FLAGS) -c $(B)/ksyms.S -o $(B)/ksyms.o
	$(LD) -nostdlib -z noexecstack -z max-page-size=4096 -T arch/x86/vmm.ld -o $@ \
	    $(VMM_OBJ) $(B)/ksyms.o

$(B)/trapline.elf: $(B)/trapline64.elf
	$(OBJCOPY) -O elf32-i386 $< $@

-include $(VMM_OBJ:.o=.d)
