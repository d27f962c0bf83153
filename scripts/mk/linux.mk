# SPDX-License-Identifier: MIT
#
# The small kernel of the tests that starts by Linux's boot protocol:
# $(B)/linux.bin, as a bzImage lies in its file.

LINUX_OBJ := $(B)/linux/head.o $(B)/linux/kernel.o

$(B)/linux/%.o: tests/linux/%.S
	@mkdir -p $(@D)
	$(CC) $(MICRO_FLAGS) -c $< -o $@

$(B)/linux/%.o: tests/linux/%.c
	@mkdir -p $(@D)
	$(CC) $(MICRO_FLAGS) -c $< -o $@

$(B)/linux/kernel.elf: $(LINUX_OBJ) tests/linux/linux.ld
	$(LD) -m elf_i386 -nostdlib -z noexecstack --no-warn-rwx-segments \
	    -T tests/linux/linux.ld -o $@ $(LINUX_OBJ)

$(B)/linux.bin: $(B)/linux/kernel.elf
	$(OBJCOPY) -O binary $< $@

-include $(LINUX_OBJ:.o=.d)
