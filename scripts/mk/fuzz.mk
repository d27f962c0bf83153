# SPDX-License-Identifier: MIT
#
# The random guest: tests/fuzz/random/ and the library of the micro-guests
# are one multiboot ELF, $(B)/fuzz/random.elf.

FUZZ_GUEST := $(patsubst tests/fuzz/random/%,$(B)/fuzz/obj/%.o, \
              $(sort $(wildcard tests/fuzz/random/*.c tests/fuzz/random/*.S)))

$(B)/fuzz/obj/%.o: tests/fuzz/random/%
	@mkdir -p $(@D)
	$(CC) $(MICRO_FLAGS) -c $< -o $@

$(B)/fuzz/random.elf: $(FUZZ_GUEST) $(MICRO_LIB) tests/micro/lib/micro.ld
	$(LD) -m elf_i386 -nostdlib -z noexecstack -z max-page-size=4096 \
	    --no-warn-rwx-segments -T tests/micro/lib/micro.ld \
	    -e random_start -o $@ $(FUZZ_GUEST) $(MICRO_LIB)

-include $(FUZZ_GUEST:.o=.d)
