# SPDX-License-Identifier: MIT
#
# Hare, the guest: kernel, user programs, boot archive.

HARE_SRC := $(sort $(wildcard guest/kernel/*.c guest/lib/*.c))
HARE_ASM := $(sort $(wildcard guest/kernel/*.S))
HARE_OBJ := $(HARE_SRC:%.c=$(B)/guest/%.o) $(HARE_ASM:%.S=$(B)/guest/%.S.o)
HARE_FLAGS := $(BARE) -m32 -march=i686 -mno-mmx -fno-builtin \
              -fno-tree-loop-distribute-patterns
HARE_LD := $(LD) -m elf_i386 -nostdlib -z noexecstack -z max-page-size=4096

$(B)/guest/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(HARE_FLAGS) -c $< -o $@

$(B)/guest/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) $(HARE_FLAGS) -D__ASSEMBLY__ -c $< -o $@

$(B)/hare.elf: $(HARE_OBJ) guest/kernel/kernel.ld
	$(HARE_LD) --no-warn-rwx-segments -T guest/kernel/kernel.ld -o $@ \
	    $(HARE_OBJ)

-include $(HARE_OBJ:.o=.d)
