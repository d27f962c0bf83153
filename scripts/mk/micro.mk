# SPDX-License-Identifier: MIT
#
# Micro-guests: each tests/micro/NAME.c and tests/micro/lib/ are one
# multiboot ELF, $(B)/micro/NAME.elf.

MICRO_SRC   := $(sort $(wildcard tests/micro/*.c))
MICRO_ELFS  := $(MICRO_SRC:tests/micro/%.c=$(B)/micro/%.elf)
MICRO_LIB   := $(patsubst tests/micro/lib/%,$(B)/micro/obj/lib/%.o, \
               $(sort $(wildcard tests/micro/lib/*.c tests/micro/lib/*.S)))
MICRO_FLAGS := $(BARE) -m32 -march=i686 -fno-tree-loop-distribute-patterns

$(B)/micro/obj/lib/%.S.o: tests/micro/lib/%.S
	@mkdir -p $(@D)
	$(CC) $(MICRO_FLAGS) -c $< -o $@

$(B)/micro/obj/lib/%.c.o: tests/micro/lib/%.c
	@mkdir -p $(@D)
	$(CC) $(MICRO_FLAGS) -c $< -o $@

$(B)/micro/obj/%.o: tests/micro/%.c
	@mkdir -p $(@D)
	$(CC) $(MICRO_FLAGS) -c $< -o $@

$(B)/micro/%.elf: $(B)/micro/obj/%.o $(MICRO_LIB) tests/micro/lib/micro.ld
	$(LD) -m elf_i386 -nostdlib -z noexecstack -z max-page-size=4096 \
	    --no-warn-rwx-segments -T tests/micro/lib/micro.ld -o $@ \
	    $< $(MICRO_LIB)

.PHONY: micro
micro: $(MICRO_ELFS)

-include $(MICRO_LIB:.o=.d) $(MICRO_SRC:tests/micro/%.c=$(B)/micro/obj/%.d)
