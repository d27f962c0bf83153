# SPDX-License-Identifier: MIT
#
# The kernel of the worked sessions in docs/, $(B)/docs/kernel.elf: a
# micro-guest that stands beside the text it belongs to.

$(B)/docs/kernel.o: docs/kernel.c
	@mkdir -p $(@D)
	$(CC) $(MICRO_FLAGS) -c $< -o $@

$(B)/docs/kernel.elf: $(B)/docs/kernel.o $(MICRO_LIB) tests/micro/lib/micro.ld
	$(LD) -m elf_i386 -nostdlib -z noexecstack -z max-page-size=4096 \
	    --no-warn-rwx-segments -T tests/micro/lib/micro.ld -o $@ \
	    $< $(MICRO_LIB)

test-programs: $(B)/docs/kernel.elf

-include $(B)/docs/kernel.d
