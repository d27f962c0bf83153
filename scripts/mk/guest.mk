# SPDX-License-Identifier: MIT
#
# Hare, the guest: kernel, user programs, boot archive.
#
# Every .c of guest/user but lib.c is a program. The programs go stripped
# into a ustar archive, whose bytes depend on nothing but the programs, and
# the archive goes into the kernel.

HARE_SRC := $(sort $(wildcard guest/kernel/*.c))
HARE_ASM := $(sort $(wildcard guest/kernel/*.S))
HARE_LIB := $(sort $(wildcard guest/lib/*.c))
HARE_OBJ := $(HARE_SRC:%.c=$(B)/hare/%.o) $(HARE_ASM:%.S=$(B)/hare/%.S.o) \
            $(HARE_LIB:%.c=$(B)/hare/%.o)
USER_SRC := $(sort $(wildcard guest/user/*.c))
USER_OBJ := $(USER_SRC:%.c=$(B)/hare/%.o) $(B)/hare/guest/user/crt.S.o
USER_LIB := $(B)/hare/guest/user/crt.S.o $(B)/hare/guest/user/lib.o \
            $(HARE_LIB:%.c=$(B)/hare/%.o)
PROGRAMS := $(filter-out lib,$(notdir $(USER_SRC:.c=)))

HARE_FLAGS := $(BARE) -m32 -march=i686 -mno-mmx -fno-builtin \
              -fno-tree-loop-distribute-patterns
HARE_LD    := $(LD) -m elf_i386 -nostdlib -z noexecstack \
              -z max-page-size=4096 --no-warn-rwx-segments

$(B)/hare/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(HARE_FLAGS) -c $< -o $@

$(B)/hare/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) $(HARE_FLAGS) -D__ASSEMBLY__ -DARCHIVE='"$(B)/hare/boot.tar"' \
	    -c $< -o $@

$(B)/hare/program/%.elf: $(B)/hare/guest/user/%.o $(USER_LIB) \
                         guest/user/user.ld
	@mkdir -p $(@D)
	$(HARE_LD) -T guest/user/user.ld -o $@ $< $(USER_LIB)

$(B)/hare/bin/%: $(B)/hare/program/%.elf
	@mkdir -p $(@D)
	$(OBJCOPY) -S $< $@
	chmod 644 $@

$(B)/hare/boot.tar: $(PROGRAMS:%=$(B)/hare/bin/%) scripts/mk/guest.mk
	tar --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 \
	    --numeric-owner -C $(B)/hare/bin -cf $@ $(PROGRAMS)

$(B)/hare/guest/kernel/archive.S.o: $(B)/hare/boot.tar

$(B)/hare.elf: $(HARE_OBJ) guest/kernel/kernel.ld
	$(HARE_LD) -T guest/kernel/kernel.ld -o $@ $(HARE_OBJ)

.SECONDARY: $(PROGRAMS:%=$(B)/hare/program/%.elf)

-include $(HARE_OBJ:.o=.d) $(USER_OBJ:.o=.d)
