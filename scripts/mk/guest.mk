# SPDX-License-Identifier: MIT
#
# Hare, the guest: kernel, user programs, boot archive. hare-pushf.elf is the
# same with a kernel that trusts PUSHF and POPF (guest/kernel/irqs.h); with
# HARE_PUSHF=1 hare.elf is, too.
#
# Every .c of guest/user is a program, linked with what it uses of the library
# (guest/user/lib); parts of a large program are in a folder of its name. The
# programs go stripped into a ustar archive, whose bytes depend on nothing but
# the programs, and the archive goes into the kernel.

HARE_SRC := $(sort $(wildcard guest/kernel/*.c guest/policy/*.c))
HARE_ASM := $(sort $(wildcard guest/kernel/*.S))
HARE_LIB := $(sort $(wildcard guest/lib/*.c))
HARE_OBJ := $(HARE_SRC:%.c=$(B)/hare/%.o) $(HARE_ASM:%.S=$(B)/hare/%.S.o) \
            $(HARE_LIB:%.c=$(B)/hare/%.o)
PUSHF_OBJ := $(patsubst $(B)/hare/%,$(B)/hare-pushf/%,$(HARE_OBJ))
HARE_KIND := $(if $(filter 1,$(HARE_PUSHF)),hare-pushf,hare)
USER_SRC := $(sort $(wildcard guest/user/*.c))
LIB_SRC  := $(sort $(wildcard guest/user/lib/*.c))
USER_LIB := $(B)/hare/guest/user/crt.S.o $(LIB_SRC:%.c=$(B)/hare/%.o) \
            $(HARE_LIB:%.c=$(B)/hare/%.o)
PART_SRC := $(filter-out $(LIB_SRC),$(sort $(wildcard guest/user/*/*.c)))
USER_OBJ := $(patsubst %.c,$(B)/hare/%.o,$(USER_SRC) $(PART_SRC)) $(USER_LIB)
PROGRAMS := $(notdir $(USER_SRC:.c=))

HARE_FLAGS := $(BARE) -m32 -march=i686 -mno-mmx -fno-builtin \
              -fno-tree-loop-distribute-patterns -ffunction-sections
HARE_LD    := $(LD) -m elf_i386 -nostdlib -z noexecstack \
              -z max-page-size=4096 --no-warn-rwx-segments

$(B)/hare/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(HARE_FLAGS) -c $< -o $@

$(B)/hare-pushf/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(HARE_FLAGS) -DHARE_PUSHF=1 -c $< -o $@

HARE_AS := $(CC) $(HARE_FLAGS) -D__ASSEMBLY__ -DARCHIVE='"$(B)/hare/boot.tar"'

$(B)/hare/%.S.o: %.S
	@mkdir -p $(@D)
	$(HARE_AS) -c $< -o $@

$(B)/hare-pushf/%.S.o: %.S
	@mkdir -p $(@D)
	$(HARE_AS) -c $< -o $@

$(B)/hare/program/%.elf: $(B)/hare/guest/user/%.o $(USER_LIB) \
                         guest/user/user.ld
	@mkdir -p $(@D)
	$(HARE_LD) --gc-sections -T guest/user/user.ld -o $@ $(filter %.o,$^)

$(foreach part,$(PART_SRC),$(eval $(B)/hare/program/$(notdir \
    $(patsubst %/,%,$(dir $(part)))).elf: $(part:%.c=$(B)/hare/%.o)))

$(B)/hare/bin/%: $(B)/hare/program/%.elf
	@mkdir -p $(@D)
	$(OBJCOPY) -S $< $@
	chmod 644 $@

$(B)/hare/boot.tar: $(PROGRAMS:%=$(B)/hare/bin/%) scripts/mk/guest.mk
	tar --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 \
	    --numeric-owner -C $(B)/hare/bin -cf $@ $(PROGRAMS)

$(B)/hare/guest/kernel/archive.S.o: $(B)/hare/boot.tar
$(B)/hare-pushf/guest/kernel/archive.S.o: $(B)/hare/boot.tar

# Which of the two hare.elf is: new when that changes.
$(B)/hare/is-$(HARE_KIND):
	@mkdir -p $(@D)
	rm -f $(@D)/is-*
	touch $@

$(B)/hare.elf: $(if $(filter hare,$(HARE_KIND)),$(HARE_OBJ),$(PUSHF_OBJ)) \
               guest/kernel/kernel.ld $(B)/hare/is-$(HARE_KIND)
	$(HARE_LD) -T guest/kernel/kernel.ld -o $@ $(filter %.o,$^)

$(B)/hare-pushf.elf: $(PUSHF_OBJ) guest/kernel/kernel.ld
	$(HARE_LD) -T guest/kernel/kernel.ld -o $@ $(filter %.o,$^)

-include $(HARE_OBJ:.o=.d) $(PUSHF_OBJ:.o=.d) $(USER_OBJ:.o=.d)
