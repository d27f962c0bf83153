# SPDX-License-Identifier: MIT
#
# Attack guests: each tests/attack/NAME.c, tests/attack/lib/ and the library
# of the micro-guests are one multiboot ELF, $(B)/attack/NAME.elf. What lives
# beside them, the witness, is $(B)/witness.elf.

ATTACK_SRC  := $(sort $(wildcard tests/attack/*.c))
ATTACK_ELFS := $(ATTACK_SRC:tests/attack/%.c=$(B)/attack/%.elf)
ATTACK_LIB  := $(patsubst tests/attack/lib/%,$(B)/attack/obj/lib/%.o, \
               $(sort $(wildcard tests/attack/lib/*.c)))

$(B)/attack/obj/%.o: tests/attack/%.c
	@mkdir -p $(@D)
	$(CC) $(MICRO_FLAGS) -c $< -o $@

$(B)/attack/obj/lib/%.c.o: tests/attack/lib/%.c
	@mkdir -p $(@D)
	$(CC) $(MICRO_FLAGS) -c $< -o $@

$(B)/attack/%.elf: $(B)/attack/obj/%.o $(ATTACK_LIB) $(MICRO_LIB) \
        tests/micro/lib/micro.ld
	$(LD) -m elf_i386 -nostdlib -z noexecstack -z max-page-size=4096 \
	    --no-warn-rwx-segments -T tests/micro/lib/micro.ld -o $@ \
	    $< $(ATTACK_LIB) $(MICRO_LIB)

WITNESS_OBJ := $(patsubst tests/attack/witness/%.c,$(B)/attack/obj/witness/%.o, \
               $(sort $(wildcard tests/attack/witness/*.c)))

$(B)/witness.elf: $(WITNESS_OBJ) $(MICRO_LIB) tests/micro/lib/micro.ld
	$(LD) -m elf_i386 -nostdlib -z noexecstack -z max-page-size=4096 \
	    --no-warn-rwx-segments -T tests/micro/lib/micro.ld -o $@ \
	    $(WITNESS_OBJ) $(MICRO_LIB)

.PHONY: attack attack-report
attack: $(ATTACK_ELFS) $(B)/witness.elf

# The figures of every attack: runs them all first.
attack-report:
	-@$(PYTHON) tests/run.py --build $(B) --kinds attack
	-@$(PYTHON) tests/run.py --build $(B) --kinds boot --only boot/rounds
	@$(PYTHON) tests/attack/run.py --build $(B) --report

-include $(ATTACK_LIB:.o=.d) $(WITNESS_OBJ:.o=.d) \
         $(ATTACK_SRC:tests/attack/%.c=$(B)/attack/obj/%.d)
